"""Files in the format of this package's first implementation (2024), put into today's. Pure.

There, a row without an endpoint was asked at OpenAI's own address, `$MODEL_NAME` in an endpoint stood for the
provider's name of the model that is asked for, and a protocol other than `openai` for an API that the package could
not speak yet. Comments (`_`, `__`), `broken` and `not_working` were not read, and are kept as they are.
"""

from __future__ import annotations

import re

from inference_providers.registry.provider import OPENAI_PROTOCOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.registry.provider import Provider
    from inference_providers.registry.registry import Registry

_OPENAI = "openai"  # whose address holds where a row has none
_MODERN = ("version", "schema_version", "sources")  # of these, the first format had none
_MARKS = ("_", "__", "broken", "not_working")  # and today's has none of these
_MODEL = re.compile(r"\$MODEL_NAME\b|\{\{model_name\}\}")  # as first written, and as it was at the very beginning
_PORT = "$PORT"  # in the row that stood for servers on this machine
_IN_HOST = r"[A-Za-z0-9][A-Za-z0-9.-]*"  # a model's name that can be part of a host, and no more than that
_ID_CAP = 64  # characters of a provider's id


def is_first_format(data: Mapping[str, Any]) -> bool:
    """Whether a file, or a patch, is in the first format, by something in it that means nothing in today's."""
    if any(key in data for key in _MODERN):
        return False
    return any(key in data for key in _MARKS) or any(_is_first(row) for row in _rows(data).values())


def _is_first(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    connection = row.get("connection")
    if any(key in row for key in _MARKS) or not isinstance(connection, dict):
        return any(key in row for key in _MARKS)
    endpoint = connection.get("endpoint")
    if isinstance(endpoint, str) and endpoint:
        return bool(_MODEL.search(endpoint)) or _PORT in endpoint
    return connection.get("protocol") == OPENAI_PROTOCOL and isinstance(connection.get("api_key"), str)


def modernised(
    data: Mapping[str, Any], installed: Registry, base: Registry | None = None
) -> tuple[dict[str, Any], list[str]]:
    """(*data*, which is in the first format, in today's; what had to be left out, one line for each).

    base: what it will be merged into; what a row does not say of its connection, the row there does.
    """
    rows: dict[str, Any] = {}
    left_out: list[str] = []
    for pid, row in _rows(data).items():
        connection = row.get("connection") if isinstance(row, dict) else None
        if not isinstance(connection, dict):  # nothing about a connection, or what the schema's check has the word on
            rows[pid] = row
            continue
        modern = {**row, "connection": _connection(pid, connection, installed, base)}
        for made, one in _by_model(pid, modern, left_out):
            if made != pid and made in _rows(data):
                left_out.append(f"{made} is a provider of its own; {pid} is not asked for the model of that name.")
            else:
                rows[made] = one
    return ({**data, "providers": rows} if isinstance(data.get("providers"), dict) else dict(data)), left_out


def _rows(data: Mapping[str, Any]) -> Mapping[str, Any]:
    rows = data.get("providers")
    return rows if isinstance(rows, dict) else {}


def _connection(pid: str, connection: dict[str, Any], installed: Registry, base: Registry | None) -> dict[str, Any]:
    """A row's connection in today's format.

    Where it means the installed package's own address of that provider, it is the package's, with the file's key.
    """
    into = base.providers.get(pid) if base is not None else None
    owner = installed.providers.get(installed.provider_id(pid) or "")
    protocol, variable = connection.get("protocol", OPENAI_PROTOCOL), connection.get("api_key")
    endpoint = connection.get("endpoint") or ""
    if not endpoint and protocol == OPENAI_PROTOCOL and into is None:
        endpoint = installed.providers[_OPENAI].endpoint
    if owner is not None and variable in owner.key_variables and _is_address_of(owner, endpoint):
        if into is None:
            return {**owner.connection, "api_key": variable}
        return {"api_key": [variable, *(other for other in into.key_variables if other != variable)]}
    if not endpoint or not isinstance(endpoint, str):
        return connection
    return {**connection, "endpoint": _MODEL.sub("$MODEL_NAME", endpoint)}


def _is_address_of(owner: Provider, endpoint: Any) -> bool:
    """Whether an endpoint is a provider's own: none at all, the very one, or its host alone."""
    if not isinstance(endpoint, str):
        return False
    given = endpoint.rstrip("/")
    return not given or given in (owner.endpoint.rstrip("/"), "/".join(owner.endpoint.split("/")[:3]))


def _by_model(pid: str, row: dict[str, Any], left_out: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows that a row stands for: one for each model, where its endpoint has the model's name in it."""
    endpoint, names = row["connection"].get("endpoint"), row.get("model_names")
    if not isinstance(endpoint, str) or "$MODEL_NAME" not in endpoint or not (names and isinstance(names, dict)):
        yield pid, row
        return
    by_model: dict[Any, dict[str, Any]] = {}
    for canonical, name in names.items():
        by_model.setdefault(str(name), {})[canonical] = name
    for name, its_names in by_model.items():
        made = pid if len(by_model) == 1 else f"{pid}.{name}"
        if not re.fullmatch(_IN_HOST, name) or len(made) > _ID_CAP:
            left_out.append(f"{pid} is not asked for {name[:100]!r}, whose name cannot be part of an address.")
            continue
        connection = {**row["connection"], "endpoint": endpoint.replace("$MODEL_NAME", name)}
        part = {} if made == pid else {"part_of": pid}
        yield made, {**row, **part, "connection": connection, "model_names": its_names}

"""What a package's plug-in may say of providers and engines: less than the program that uses it. Pure.

A program that gives a registry means what is in it. A package may have come along with another one, so what it says
must change nothing for whoever does not use it: its rows are new, nobody else's name leads to them, and they get a key
only from variables that are called like them.
"""

from __future__ import annotations

import re

from inference_providers.credentials import Pins, host_of, is_loopback, stray_keys
from inference_providers.registry import Registry, countries_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.registry import Provider

_ID = r"[a-z][a-z0-9-]{1,39}"
_RESERVED = (
    *("auto", "local", "remote", "localhost", "mock", "inference-providers", "models"),
    *("cheapest", "fastest", "smartest", "balanced", "free", "listed", "random"),
)
_OF_ROWS = (
    *("name", "website", "console", "model_list", "aliases", "country", "billing", "currency", "moving"),
    *("connection", "model_names", "more_names", "facts"),
)
# Fields of a connection that are left to the package and the program: `auth` has credentials of the machine exchanged
# for tokens, `bearer`, `key_prefixes` and `headers` change what is sent, `regions` reads other tools' variables.
_OF_CONNECTIONS = (
    *("protocol", "endpoint", "api_key", "key_header", "key_headers", "variables", "base_url", "opt_in"),
    *("settings", "routes", "kinds", "speaks", "no_chat", "list", "heads", "suffixes", "deployments"),
    *("parameters", "turns", "batch"),
)


def faults(patch: Mapping[str, Any], installed: Registry, *, engine: bool) -> list[str]:
    """Everything that a plug-in must not say, each with its path. *installed*: the package's own registry, the measure.

    engine: whether its rows are of engines on this machine, else they are of providers.
    """
    from inference_providers.registry import problems

    more = [f"$.{key}: a plug-in may say `providers` alone" for key in patch if key != "providers"]
    rows = patch.get("providers")
    if more or not isinstance(rows, dict) or not rows:
        return more or ["$.providers: must be an object with one row or more"]
    found = problems({"providers": rows})
    if found:
        return found
    for pid, row in rows.items():
        found += [f"$.providers.{pid}{line}" for line in _of_row(pid, row, installed, engine=engine)]
    return found or stray_keys(Registry({"providers": rows}), installed, Pins(installed))


def _of_row(pid: str, row: Mapping[str, Any], installed: Registry, *, engine: bool) -> Iterator[str]:
    connection = row["connection"]
    if not re.fullmatch(_ID, pid):
        yield ": an id has 2 to 40 small letters, digits and dashes, and begins with a letter"
    for name in (pid, *row.get("aliases", ())):
        if taken := _taken(name, installed):
            yield f": {name!r} {taken}; choose another name"
    yield from (f".{key}: no plug-in may say this" for key in row if key not in _OF_ROWS)
    known = (*_OF_CONNECTIONS, "local") if engine else _OF_CONNECTIONS
    yield from (f".connection.{key}: no plug-in may say this" for key in connection if key not in known)
    own = "".join(letter if letter.isalnum() else "_" for letter in pid.upper()) + "_"
    pins = Pins(installed)
    for variable in variables(row):
        if not variable.startswith(own):
            yield f".connection: {variable} must begin with {own}, as all variables of this row"
        elif pins.pinned(variable):
            yield f".connection: {variable} is a variable of another provider"
    provider = _provider(pid, row)
    for way in provider.all_ways:
        yield from _of_address(way.endpoint, engine=engine)
    if not engine and not provider.key_variables:
        yield ".connection.api_key: is missing: nobody is asked because a package is there, but for a key that is set"
    if engine and not (connection.get("local") or {}).get("launch"):
        yield ".connection.local.launch: an engine has one recipe or more"
    yield from _of_names(provider, installed)


def _taken(name: str, installed: Registry) -> str:
    """Whom a name stands for already; empty where it is free."""
    key = name.lower()
    if key in _RESERVED or countries_of(key):
        return "has a meaning of its own"
    if any(key == row.part_of for row in installed.providers.values()):
        return "is a name of providers"
    if (found := installed.provider_id(name)) or (found := key if key in installed.retired_providers else None):
        return f"is a name of {found}"
    makers: Mapping[str, Any] = installed.rows.get("makers") or {}
    head = key + "/"
    if key in makers or any(other.startswith(head) for other in installed.internal_index):
        return "stands before names of models"
    return "is the name of a model" if installed.canonical(name) or key in installed.aliases else ""


def variables(row: Mapping[str, Any]) -> Iterator[str]:
    """Every variable that a row names."""
    connection = row["connection"]
    for key in ("api_key", "base_url", "opt_in", "settings"):
        value = connection.get(key) or ()
        yield from [value] if isinstance(value, str) else value if isinstance(value, list) else ()
    for name, rule in (connection.get("variables") or {}).items():
        yield from (name, *rule.get("also", ()))
    local = connection.get("local")
    if isinstance(local, dict):
        yield from local.get("address") or ()
    yield from re.findall(r"\$\{?(\w+)", repr([connection.get(key) for key in ("endpoint", "routes", "kinds")]))


def _of_address(endpoint: str, *, engine: bool) -> Iterator[str]:
    here = is_loopback(host_of(endpoint)) if "$" not in host_of(endpoint) else False
    if engine and not here:
        yield f".connection.endpoint: an engine is on this machine, and {endpoint or 'nothing'} is not"
    if not engine and not endpoint.startswith("https://") and not here:
        yield f".connection.endpoint: must begin with https://, not {endpoint!r}"


def _of_names(provider: Provider, installed: Registry) -> Iterator[str]:
    """What is wrong with models' names: each must lead where it led before, if it led anywhere."""
    pairs = [*provider.model_names.items(), *((canonical, own) for own, canonical in provider.more_names.items())]
    for canonical, own in pairs:
        meant = installed.internal_index.get(own.lower())
        if meant not in (None, canonical):
            yield f".model_names.{canonical}: {own!r} is a name of {meant}"
        if "/" in canonical or ":" in canonical:
            yield f".model_names.{canonical}: a model's own name has neither a slash nor a colon"
        elif canonical not in installed.canonical_names:
            other = installed.aliases.get(canonical) or installed.internal_index.get(canonical.lower())
            other = other or installed.canonical(canonical)
            if other not in (None, canonical):
                yield f".model_names.{canonical}: is a name of {other}"


def _provider(pid: str, row: Mapping[str, Any]) -> Provider:
    return Registry({"providers": {pid: row}}).providers[pid]

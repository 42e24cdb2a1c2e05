"""What is otherwise for offers that are asked by another API than chat completions. Pure.

Loaded with the first of them.
"""

from __future__ import annotations

import re

from inference_providers.chat import Rules
from inference_providers.registry import STRUCTURED_OUTPUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.registry import Facts

_BEARER = "Authorization"  # the header that has a key as a bearer token


def usual(general: Mapping[str, Any], connection: Mapping[str, Any], variable: str | None, api: str) -> dict[str, Any]:
    """How whoever speaks an API is asked by it: `key` (the header that has it), `headers`; both may be missing.

    general: the rules of the registry. variable: where the key is from. A provider that wants its key in a header of
    its own wants it there in every API.
    """
    row = general.get(api) or {}
    found = {name: row[name] for name in ("key", "headers") if name in row}
    if own := (connection.get("key_headers") or {}).get(api):
        found["key"] = own
    bearer = found.get("key") == _BEARER or variable in (connection.get("bearer") or ())
    if bearer or "key_header" in connection:
        found.pop("key", None)  # as in every API
    return found


def _fits(row: Mapping[str, Any], internal_name: str) -> bool:
    return re.search(row["names"], internal_name, re.IGNORECASE) is not None


def message_rules(
    general: Mapping[str, Any],
    facts: Facts,
    internal_name: str,
    refused: frozenset[str],
    provider: str,
    known: dict[tuple[frozenset[str], tuple[int, ...]], Rules],
) -> Rules:
    """The rules about parameters where Anthropic's messages are spoken: the API says what it has words for.

    general: those of the registry. refused: by the model, wherever it is. known: those that were worked out.
    """
    own = general.get("messages") or {}
    row: Mapping[str, Any] = next((row for row in own.get("models") or () if _fits(row, internal_name)), {})
    schema = STRUCTURED_OUTPUT in facts.capabilities or (
        bool(row.get("schema")) and STRUCTURED_OUTPUT not in facts.lacks
    )
    key = (refused, (id(own), id(row), schema))
    if key not in known:
        left = refused.difference(own.get("done") or ())
        model = {**row, "schema": schema}
        known[key] = Rules(general, own, left, provider=provider, turns=own.get("turns"), model=model)
    return known[key]

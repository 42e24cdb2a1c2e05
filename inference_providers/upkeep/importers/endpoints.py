"""Reads lists of endpoints and further key variables that were collected by hand: the package's own, and others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_providers.upkeep.importers.rows import Ids, ProviderRow, Source, clean_endpoint

RANK = 4


def recognises(data: Mapping[str, Any]) -> bool:
    """True for a list of endpoints: it has `endpoints`, and further keys."""
    return "endpoints" in data and ("more_keys" in data or "key_aliases" in data)


def read(data: Mapping[str, Any], ids: Ids) -> Source:
    """Rows of `endpoints`, and of `more_keys` (`key_aliases` in lists by other ids than ours)."""
    own = "more_keys" in data
    rows = []
    for foreign, row in data["endpoints"].items():
        if provider := foreign if own else ids(foreign):
            keys = tuple(row["api_key" if own else "env"])
            rows.append(ProviderRow(provider, row.get("name", ""), clean_endpoint(row["endpoint"]), "openai", keys))
    for foreign, variables in data["more_keys" if own else "key_aliases"].items():
        if provider := foreign if own else ids(foreign):
            rows.append(ProviderRow(provider, variables=tuple(variables)))
    return Source("endpoints", RANK, rows, [], ids.days["endpoints"])

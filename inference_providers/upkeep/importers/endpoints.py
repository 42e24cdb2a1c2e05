"""Reads the hand-collected list of endpoints, further key variables and ended services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_providers.upkeep.importers.rows import Ids, ProviderRow, Source, clean_endpoint

RANK = 4


def recognises(data: Mapping[str, Any]) -> bool:
    """True for the endpoint list: it has `endpoints` and `key_aliases`."""
    return "endpoints" in data and "key_aliases" in data


def read(data: Mapping[str, Any], ids: Ids) -> Source:
    """Rows of `endpoints` and `key_aliases`; ended services and local servers stay with the overlay."""
    rows = []
    for foreign, row in data["endpoints"].items():
        if provider := ids(foreign):
            rows.append(
                ProviderRow(provider, row.get("name", ""), clean_endpoint(row["endpoint"]), "openai", tuple(row["env"]))
            )
    for foreign, variables in data["key_aliases"].items():
        if provider := ids(foreign):
            rows.append(ProviderRow(provider, variables=tuple(variables)))
    return Source("endpoints", RANK, rows, [], ids.days["endpoints"])

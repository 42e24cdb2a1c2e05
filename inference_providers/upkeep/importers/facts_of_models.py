"""Facts about each canonical model, whoever serves it: its lab, its family, when it was made. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from inference_providers.registry import Names
from inference_providers.upkeep.importers.rows import OfferRow, Source


def facts_of_models(
    ordered: list[Source],
    providers: Mapping[str, Any],
    names: Names,
    overlay: Mapping[str, Any],
    old: Mapping[str, Any],
) -> dict[str, Any]:
    """Facts about each canonical model, whoever serves it. *old*: what was known of those that no source has now."""
    rows: dict[str, list[OfferRow]] = defaultdict(list)
    for source in ordered:
        for row in source.offers:
            if canonical := names.canonical_name(row.internal_name):
                rows[canonical].append(row)
    offered = sorted({name for entry in providers.values() for name in entry["model_names"]})
    found = {name: _model(rows[name], overlay) if name in rows else old.get(name) for name in offered}
    return {name: entry for name, entry in found.items() if entry}


def _model(rows: list[OfferRow], overlay: Mapping[str, Any]) -> dict[str, Any]:
    labs: Counter[str] = Counter()
    for row in rows:
        organisation = row.internal_name.lower().rsplit("/", 2)
        if len(organisation) >= 2 and organisation[-2] in overlay["labs"]:
            labs[overlay["labs"][organisation[-2]]] += 1
    families = Counter(row.family for row in rows if row.family)
    released = Counter(row.released for row in rows if row.released)
    weights = Counter(row.open_weights for row in rows if row.open_weights is not None)
    entry: dict[str, Any] = {}
    if labs:
        entry["lab"] = min(labs, key=lambda lab: (-labs[lab], lab))
    if families:
        entry["family"] = min(families, key=lambda family: (-families[family], family))
    if released:
        entry["released"] = min(released, key=lambda date: (-released[date], date))
    if weights:
        entry["open_weights"] = weights[True] >= weights[False]
    return entry

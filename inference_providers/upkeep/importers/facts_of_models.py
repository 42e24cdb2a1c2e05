"""Facts about each canonical model, whoever serves it: its lab, its family, when it was made. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from inference_providers.registry import Names
from inference_providers.upkeep.importers.rows import OfferRow, Source


def facts_of_models(
    ordered: list[Source], providers: Mapping[str, Any], names: Names, overlay: Mapping[str, Any]
) -> dict[str, Any]:
    """Facts about each canonical model, whoever serves it."""
    rows: dict[str, list[OfferRow]] = defaultdict(list)
    for source in ordered:
        for row in source.offers:
            if canonical := names.canonical_name(row.internal_name):
                rows[canonical].append(row)
    offered = {name for entry in providers.values() for name in entry["model_names"]}
    return {canonical: entry for canonical in sorted(offered) if (entry := _model(canonical, rows[canonical], overlay))}


def _model(canonical: str, rows: list[OfferRow], overlay: Mapping[str, Any]) -> dict[str, Any]:
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

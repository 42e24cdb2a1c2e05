"""Models that their makers have retired, by the end dates that sources have for their offers. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

Row = dict[str, str]  # of the registry's `retired.models`


class Ending(NamedTuple):
    """What is known of one offer at its model's maker. Empty: nothing."""

    model: str  # its canonical name
    ends: str = ""  # the day on which it ends, or has ended: YYYY-MM-DD
    successor: str = ""  # the canonical name of what its maker says to use instead
    page: str = ""


def retired_models(
    endings: Iterable[Ending], by_hand: Mapping[str, Row], served: Collection[str], today: str
) -> dict[str, Row]:
    """The rows of models all of whose offers at their makers ended before *today*, and those *by_hand*, which win.

    A model that has nothing to stand for it among the models that are *served*, not even by way of others that have
    ended, gets no row: there is nothing to say. The last of the dates counts, and the successor that most offers have.
    """
    grouped: dict[str, list[Ending]] = defaultdict(list)
    for ending in endings:
        grouped[ending.model].append(ending)
    found: dict[str, Row] = {}
    for model, own in grouped.items():
        successors = Counter(one.successor for one in own if one.successor not in ("", model))
        if not successors or not all(one.ends and one.ends < today for one in own):
            continue
        row = {"ended": max(one.ends for one in own), "successor": min(successors, key=lambda s: (-successors[s], s))}
        pages = sorted({one.page for one in own if one.page})
        found[model] = {**row, **({"page": pages[0]} if pages else {})}
    rows = {**found, **by_hand}
    return dict(sorted((model, row) for model, row in rows.items() if model in by_hand or _leads(model, rows, served)))


def _leads(model: str, rows: Mapping[str, Row], served: Collection[str]) -> bool:
    """Whether the successors of a model lead to one that is served and has not ended."""
    seen: list[str] = []
    while model in rows and model not in seen:
        seen.append(model)
        model = rows[model]["successor"]
    return model not in seen and model in served

"""Results of a batch as a table: what a notebook shows, and what pandas takes."""

from __future__ import annotations

from itertools import islice

from inference_providers.rendering import Markup, Table, group, pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_providers.batches.items import Result, Summary

_FIRST = 10  # results that a notebook shows of a batch
_SHOWN = {
    "index": "index", "custom_id": "id", "answer": "answer", "model": "model", "cost": "cost, USD",
    "error": "error",
}  # fmt: skip


def table_of(results: Iterable[Result], title: str = "") -> Table:
    """A row for each result."""
    rows = [result.as_dict() for result in results]
    some = {name for row in rows for name, value in row.items() if value is not None}
    return Table(rows, {name: heading for name, heading in _SHOWN.items() if name in some}, title)


def shown(kind: str, summary: Summary, results: Iterable[Result]) -> Markup:
    """A batch: what came of it, and the first of its results, where they are kept."""
    try:
        first = table_of(islice(results, _FIRST), "the first results:")
    except OSError:  # the file has gone, or is not to be read any more
        first = Table()
    return group(pairs({kind: str(summary), "problems": summary.problems}), first.markup() if first else None)

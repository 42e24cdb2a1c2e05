"""What the log says of a time in equal parts, and of whom: sums and percentiles, for charts.

A short time is read from the calls themselves, to the minute; a long one from the sums by quarter of an hour, which
take no longer however many calls there were.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from inference_providers.usage.log_file import ANSWERED
from inference_providers.usage.totals import SUMS, Totals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.usage.log_file import LogFile

FINE = 2 * 3600.0  # seconds: a time up to this long is read from the calls
LATEST = 50_000  # calls of which percentiles are taken at most: the latest
PARTS = ("provider", "model", "caller")
_MOST = 2**40  # tokens of one call, as they count
_MINUTE = "CAST(at / 60 AS INTEGER) * 60"
_COLUMNS = {"provider": "provider", "model": "name", "caller": "coalesce(caller, '')"}
_OK = f"outcome IN ({', '.join(repr(one) for one in ANSWERED)})"
_OF_CALLS = ", ".join(
    (
        "count(*)",
        f"total(NOT {_OK})",
        f"total({_OK} AND cost IS NULL)",
        *(f"total(min({name}, {_MOST}))" for name in ("input", "output", "cached")),
        "total(cost)",
        f"total(CASE WHEN {_OK} THEN seconds END)",
        "count(first)",
        "total(first)",
        "total(attempts)",
    )
)
_OF_SLOTS = ", ".join(f"total({name})" for name in SUMS)


class Series:
    """A time in parts. edges: where each begins, and where the last one ends, in seconds since 1970.

    parts: the sums of each. by: the sums by provider, model and caller, the dearest first. whole: of all of it. only:
    of whose calls alone, by those names.
    """

    def __init__(self, file: LogFile | None, edges: Sequence[float], only: Mapping[str, str] | None = None) -> None:
        self.edges, self._only = list(edges), dict(only or {})
        self.parts = [Totals("", [0] * len(SUMS)) for _ in self.edges[1:]]
        self.whole = Totals("", [0] * len(SUMS))
        self._is_fine = edges[-1] - edges[0] <= FINE
        self.by = {name: self._by(file, self._column(name)) for name in PARTS}
        for moment, *sums in self._rows(file, _MINUTE if self._is_fine else "slot"):
            one = Totals("", sums)
            self.whole.add(one)
            self.parts[self._part(moment)].add(one)

    def __repr__(self) -> str:
        return f"<Series of {len(self.parts)} parts>"

    def _part(self, moment: float) -> int:
        return min(max(bisect_right(self.edges, moment) - 1, 0), len(self.parts) - 1)

    def _column(self, name: str) -> str:
        column = _COLUMNS[name]
        return column if self._is_fine else column.removeprefix("coalesce(").partition(",")[0]

    def _by(self, file: LogFile | None, column: str) -> list[Totals]:
        found = [Totals(key, sums) for key, *sums in self._rows(file, column) if sums[0]]
        return sorted(found, key=lambda one: (-one.cost, -one.calls, one.key))

    def _rows(self, file: LogFile | None, column: str) -> list[Any]:
        table, sums, at = ("calls", _OF_CALLS, "at") if self._is_fine else ("slots", _OF_SLOTS, "slot")
        whose = "".join(f" AND {self._column(name)} = ?" for name in self._only)
        sql = f"SELECT {column}, {sums} FROM {table} WHERE {at} >= ? AND {at} < ?{whose} GROUP BY 1"
        return _read(file, sql, (self.edges[0], self.edges[-1], *self._only.values()))


class Latencies:
    """How long answered calls of a time took, of the latest `LATEST` of them. Seconds; None without any.

    is_whole: whether these are all of them. only: as of `Series`.
    """

    def __init__(self, file: LogFile | None, edges: Sequence[float], only: Mapping[str, str] | None = None) -> None:
        whose = "".join(f" AND {_COLUMNS[name]} = ?" for name in only or ())
        sql = (
            f"SELECT at, seconds, {', '.join(_COLUMNS[name] for name in PARTS)} FROM calls "
            f"WHERE at >= ? AND at < ? AND {_OK}{whose} ORDER BY at DESC LIMIT {LATEST}"
        )
        self._edges = list(edges)
        rows = _read(file, sql, (edges[0], edges[-1], *(only or {}).values()))
        self.is_whole = len(rows) < LATEST
        self._all: list[float] = []
        self._parts: list[list[float]] = [[] for _ in self._edges[1:]]
        self._by: dict[tuple[str, str], list[float]] = {}
        for at, seconds, *keys in rows:
            if isinstance(seconds, int | float) and math.isfinite(seconds):
                self._all.append(seconds)
                self._parts[min(bisect_right(self._edges, at), len(self._parts)) - 1].append(seconds)
                for name, key in zip(PARTS, keys, strict=True):
                    self._by.setdefault((name, str(key)), []).append(seconds)

    def __repr__(self) -> str:
        return f"<Latencies of {len(self._all)} calls>"

    def whole(self, part: float) -> float | None:
        """The percentile (0.5, 0.95) of all of them."""
        return percentile(self._all, part)

    def parts(self, part: float) -> list[float | None]:
        """That of each part of the time."""
        return [percentile(one, part) for one in self._parts]

    def of(self, by: str, key: str, part: float) -> float | None:
        """That of a provider, model or caller."""
        return percentile(self._by.get((by, key), ()), part)


def percentile(values: Sequence[float], part: float) -> float | None:
    """The least value that is not below *part* of them; None without any."""
    found = sorted(values)
    return found[max(0, math.ceil(part * len(found)) - 1)] if found else None


def _read(file: LogFile | None, sql: str, values: Sequence[Any]) -> list[Any]:
    def work(connection: sqlite3.Connection) -> list[Any]:
        return connection.execute(sql, values).fetchall()

    return (file.read(work) if file is not None else None) or []

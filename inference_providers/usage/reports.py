"""What the log says of a time: sums by provider, model, program, day or hour; how well a model does."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from inference_providers.usage.log_file import ANSWERED
from inference_providers.usage.timeframes import day_of, hour_of, moments
from inference_providers.usage.totals import SUMS, Totals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from datetime import tzinfo
    from typing import Any

    from inference_providers.rendering import Table
    from inference_providers.usage.log_file import LogFile

BY = ("provider", "model", "day", "program", "hour", "caller")
LATEST = 100_000  # calls of which a percentile is taken at most: the latest
_COLUMNS = {"provider": "provider", "model": "name", "program": "program", "caller": "caller"}
_SUMS = ", ".join(f"total({name})" for name in SUMS)
_WITHIN = "WHERE slot >= ? AND slot < ?"
_CALLERS = " AND caller = ?"
_FAR = 2**53  # seconds


def statement(by: str | None, *, of_caller: bool = False) -> str:
    """The SQL of a report."""
    column = "''" if by is None else _COLUMNS.get(by, "slot")
    return f"SELECT {column}, {_SUMS} FROM slots {_WITHIN}{_CALLERS if of_caller else ''} GROUP BY 1 ORDER BY 1"


def report(
    file: LogFile | None,
    since: float,
    until: float,
    by: str | None = None,
    zone: tzinfo | None = None,
    *,
    caller: str | None = None,
) -> list[Totals]:
    """The sums of a time, by *by* (one of `BY`) or all together; days and hours in order, others the dearest first.

    caller: on whose behalf alone, by an id; None for everybody's.
    """
    whose = () if caller is None else (caller,)
    values = (max(since, 0.0) // 900 * 900, min(until, _FAR), *whose)
    found = _rows(file, statement(by, of_caller=caller is not None), values)
    if by not in ("day", "hour"):
        totals = [Totals(key, sums) for key, *sums in found if sums[0]]
        return sorted(totals, key=lambda one: (-one.cost, -one.calls, one.key))
    label = day_of if by == "day" else hour_of
    merged: dict[str, Totals] = {}
    for slot, *sums in found:
        key = label(slot, zone)
        if key in merged:
            merged[key].add(Totals(key, sums))
        else:
            merged[key] = Totals(key, sums)
    return list(merged.values())


def _rows(file: LogFile | None, sql: str, values: Sequence[Any]) -> list[Any]:
    def work(connection: sqlite3.Connection) -> list[Any]:
        return connection.execute(sql, values).fetchall()

    return (file.read(work) if file is not None else None) or []


METRICS = ("requests", "tokens", "costs", "latency")


class Analytics:
    """What was used in a time. What no metric asked for is None, and so is what nobody knows.

    timeframe: as it was asked for. since, until: when that is, until None where it goes on. total_cost: USD, of the
    calls whose cost is known; unknown_costs: how many others were answered. by_provider, by_model, by_day: `Totals`.
    Where a program serves several, *caller* has it be of one of them alone, by its id.
    """

    def __init__(
        self,
        file: LogFile | None,
        timeframe: str,
        metrics: Sequence[str] | None = None,
        zone: tzinfo | None = None,
        *,
        caller: str | None = None,
    ) -> None:
        wanted = _checked(metrics, METRICS)
        since, until = moments(timeframe, datetime.now(UTC), zone)
        self.timeframe, self.metrics = timeframe, wanted
        self.since = datetime.fromtimestamp(since).astimezone(zone)
        self.until = None if math.isinf(until) else datetime.fromtimestamp(until).astimezone(zone)
        self.by_provider, self.by_model, self.by_day = (
            report(file, since, until, by, zone, caller=caller) for by in ("provider", "model", "day")
        )
        all_of_it = Totals("", [0] * len(SUMS))
        for one in self.by_provider:
            all_of_it.add(one)
        requests, tokens, costs, latency = (metric in wanted for metric in METRICS)
        self.total_requests = all_of_it.calls if requests else None
        self.failed_requests = all_of_it.failed if requests else None
        self.success_rate = all_of_it.success_rate if requests else None
        self.input_tokens = all_of_it.input if tokens else None
        self.output_tokens = all_of_it.output if tokens else None
        self.total_tokens = all_of_it.input + all_of_it.output if tokens else None
        self.total_cost = all_of_it.cost if costs else None
        self.unknown_costs = all_of_it.unknown if costs else None
        self.avg_latency_ms = _in_ms(all_of_it.latency) if latency else None
        self.avg_first_content_ms = _in_ms(all_of_it.first_content) if latency else None

    def __repr__(self) -> str:
        return f"<Analytics of {self.timeframe}: {self.total_requests} requests, ${self.total_cost or 0:.4f}>"

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        plain = {name: value for name, value in vars(self).items() if not name.startswith(("by_", "since", "until"))}
        parts = {name: {one.key: one.as_dict() for one in getattr(self, name)} for name in _PARTS}
        until = None if self.until is None else self.until.isoformat()
        return {**plain, "since": self.since.isoformat(), "until": until, **parts}

    def table(self, by: str = "model") -> Table:
        """A row for each model, provider or day. Raises ValueError for anything else."""
        from inference_providers.rendering import Table

        (part,) = _checked([by], [name.removeprefix("by_") for name in _PARTS])
        shown = {
            by: by, "calls": "calls", "failed": "failed", "input_tokens": "input, tokens",
            "output_tokens": "output, tokens", "cost": "cost, USD", "latency": "latency, s",
        }  # fmt: skip
        rows = ({by: one.key, **one.as_dict()} for one in getattr(self, f"by_{part}"))
        return Table(rows, shown, f"{self.timeframe}, by {by}")

    def to_pandas(self, by: str = "model") -> Any:
        """`table(by)` as a `pandas.DataFrame`. Raises ImportError without pandas."""
        return self.table(by).to_pandas()

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _repr_markdown_(self) -> str:
        return self.table()._repr_markdown_()


_PARTS = ("by_provider", "by_model", "by_day")
MEASURES = ("success_rate", "avg_latency", "p95_latency")


class Performance:
    """How well a model did. success_rate: from 0 to 1; times in milliseconds. What was not asked for is None.

    p95_latency_ms: of the latest 100,000 calls that were answered. *caller*: as in `Analytics`.
    """

    def __init__(
        self,
        file: LogFile | None,
        model: str,
        names: Sequence[str],
        metrics: Sequence[str] | None = None,
        *,
        provider: str | None = None,
        timeframe: str = "last_30_days",
        caller: str | None = None,
    ) -> None:
        wanted = _checked(metrics, MEASURES)
        since, until = moments(timeframe, datetime.now(UTC))
        self.model, self.timeframe, self.metrics = model, timeframe, wanted
        marks = ", ".join("?" * len(names))
        whose = ("AND provider = ?" if provider is not None else "") + (_CALLERS if caller is not None else "")
        own = [one for one in (provider, caller) if one is not None]
        values = [max(since, 0.0) // 900 * 900, min(until, _FAR), *names, *own]
        sql = f"SELECT '', {_SUMS} FROM slots {_WITHIN} AND name IN ({marks}) {whose}"
        (found,) = _rows(file, sql, values) or [["", *[0] * len(SUMS)]]
        totals = Totals(model, found[1:])
        self.total_requests, self.failed_requests = totals.calls, totals.failed
        self.success_rate = totals.success_rate if "success_rate" in wanted else None
        self.avg_latency_ms = _in_ms(totals.latency) if "avg_latency" in wanted else None
        self.avg_first_content_ms = _in_ms(totals.first_content)
        self.p95_latency_ms = None
        if "p95_latency" in wanted:
            self.p95_latency_ms = _in_ms(_percentile(file, 0.95, since, until, names, provider, caller))

    def __repr__(self) -> str:
        return f"<Performance of {self.model}: {self.total_requests} requests>"

    @property
    def avg_latency(self) -> float | None:
        """Seconds."""
        return None if self.avg_latency_ms is None else self.avg_latency_ms / 1000

    @property
    def p95_latency(self) -> float | None:
        """Seconds."""
        return None if self.p95_latency_ms is None else self.p95_latency_ms / 1000

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return dict(vars(self))

    def _repr_html_(self) -> str:
        from inference_providers.rendering import pairs

        return pairs(self.as_dict()).text


def percentile_statement(names: int, provider: bool, *, of_caller: bool = False) -> str:
    """The SQL that reads how long the latest calls of some models took."""
    answered = ", ".join(f"'{one}'" for one in ANSWERED)
    whose = (" AND provider = ?" if provider else "") + (_CALLERS if of_caller else "")
    return (
        f"SELECT seconds FROM calls WHERE name IN ({', '.join('?' * names)}) AND at >= ? AND at < ?{whose} "
        f"AND outcome IN ({answered}) ORDER BY at DESC LIMIT {LATEST}"
    )


def _percentile(
    file: LogFile | None, part: float, since: float, until: float, names: Sequence[str], *whose: str | None
) -> float | None:
    """*whose*: the provider that is meant, and the caller; None for all."""
    provider, caller = whose
    values = [*names, max(since, 0.0), min(until, _FAR), *(one for one in whose if one is not None)]
    rows = _rows(file, percentile_statement(len(names), provider is not None, of_caller=caller is not None), values)
    found = sorted(seconds for (seconds,) in rows if isinstance(seconds, float) and math.isfinite(seconds))
    return found[max(0, math.ceil(part * len(found)) - 1)] if found else None


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _checked(metrics: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """Metrics by their names. Raises ValueError for others."""
    if metrics is None:
        return list(known)
    given = [metrics] if isinstance(metrics, str) else list(metrics)
    if wrong := [name for name in given if name not in known]:
        raise ValueError(f"{wrong[0]!r} is not a metric; there are {', '.join(known)}")
    return given

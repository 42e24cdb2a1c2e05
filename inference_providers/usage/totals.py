"""Sums of calls, as a report has them. Pure."""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

SUMS = ("calls", "failed", "unknown", "input", "output", "cached", "cost", "seconds", "firsts", "first", "attempts")
_AMOUNTS = ("cost", "seconds", "first")  # the others are counts


class Totals:
    """Sums of calls. cost: of what has a known cost; unknown: how many that were answered have none."""

    __slots__ = (*SUMS, "key")

    def __init__(self, key: str, sums: Sequence[Any]) -> None:
        self.key = str(key)
        for name, value in zip(SUMS, sums, strict=True):
            known = value if value and math.isfinite(value) else 0
            setattr(self, name, known if name in _AMOUNTS else int(known))

    if TYPE_CHECKING:
        calls: int
        failed: int
        unknown: int
        input: int
        output: int
        cached: int
        cost: float
        seconds: float
        firsts: int
        first: float
        attempts: int

    def __repr__(self) -> str:
        return f"<Totals of {self.key or 'all'}: {self.calls} calls>"

    def add(self, other: Totals) -> None:
        """Count others as well."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def success_rate(self) -> float | None:
        """Answered calls among all, from 0 to 1; None where there were none."""
        return (self.calls - self.failed) / self.calls if self.calls else None

    @property
    def latency(self) -> float | None:
        """Seconds that an answered call took on average."""
        answered = self.calls - self.failed
        return self.seconds / answered if answered else None

    @property
    def first_content(self) -> float | None:
        """Seconds to the first content of a stream, on average."""
        return self.first / self.firsts if self.firsts else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON; times rounded to milliseconds."""
        return {
            "calls": self.calls,
            "failed": self.failed,
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cached_tokens": self.cached,
            "cost": self.cost,
            "unknown_costs": self.unknown,
            "latency": None if self.latency is None else round(self.latency, 3),
            "first_content": None if self.first_content is None else round(self.first_content, 3),
        }

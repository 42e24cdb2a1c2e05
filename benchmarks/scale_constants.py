"""What the simulation goes by, as `python -m benchmarks.scale --measure` has measured it on one machine."""

from __future__ import annotations

from typing import NamedTuple


class Constants(NamedTuple):
    """Seconds.

    trip: a round trip to Redis but for its own work. wake: until a thread that waits for something has it. take, tell,
    read, row: Redis's own work for taking out of a minute, for something told, for reading all rests, and for each of
    them. told: for telling one subscriber of a change. call: CPU of a call.
    """

    trip: float
    wake: float
    take: float
    tell: float
    read: float
    row: float
    told: float
    call: float

    def work(self, name: str, rests: int) -> float:
        """Redis's own work for a script."""
        if name == "read":
            return self.read + self.row * rests
        return self.take if name in ("take", "room") else self.tell


# 2026-11-27; a virtual machine of 2 cores that others use as well, Linux, Python 3.11.7, Redis 7.0.15 on loopback; the
# medians of four times
MEASURED = Constants(
    trip=43.94e-6, wake=477.36e-6, take=20.00e-6, tell=13.75e-6, read=12.50e-6, row=0.41e-6, told=0.91e-6, call=85.19e-6
)

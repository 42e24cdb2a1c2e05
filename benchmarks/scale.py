"""What a fleet of 1 to 1,000 replicas does before twenty providers with outages, limits and herds: a simulation.

    python -m benchmarks.scale [MOST]          the tables, for fleets of at most so many replicas (1,000)
    python -m benchmarks.scale --only 2        the same, of one way of knowing
    python -m benchmarks.scale --trip 1.0      the same, where a round trip to Redis takes so many milliseconds more
    python -m benchmarks.scale --overload      what waiting for room in a minute costs
    python -m benchmarks.scale --measure       what the simulation goes by, on this machine
    python -m benchmarks.scale --check         one and three real programs beside the simulation of them

Who decides is the package: routing, health, rates and the state in Redis are imported. See docs/scale.md.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.scale_constants import MEASURED
from benchmarks.scale_fleet import WAYS, Run
from benchmarks.scale_world import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.scale_constants import Constants
    from benchmarks.scale_fleet import Way

FLEETS = (1, 3, 10, 30, 100, 300, 1000)
SEEDS = {1: 20, 3: 10, 10: 3}  # of small fleets, in which luck counts; one of the others
SHOWN = 2  # the outage whose times are shown: where Redis is gone, it is gone then


class Sums:
    """What some runs of one fleet come to."""

    def __init__(self, runs: Iterable[Any]) -> None:
        self.asked = self.answered = self.sent = self.dead = self.over = self.crowded = 0
        self.first: list[float] = []
        self.median: list[float] = []
        self.last: list[float] = []
        self.noticed = self.could = self.runs = 0
        self.operations: dict[str, int] = {}
        self.seconds = self.bytes = self.busy = 0.0
        self.peak, self.longest = 0, 0.0
        for run in runs:
            self._add(run)

    def _add(self, run: Any) -> None:
        self.runs += 1
        self.asked, self.answered, self.sent = (
            self.asked + run.asked,
            self.answered + run.answered,
            self.sent + run.sent,
        )
        for one in run.providers:
            self.dead, self.over, self.crowded = self.dead + one.dead, self.over + one.over, self.crowded + one.crowded
        times = sorted(run.noticed[SHOWN].values())
        self.noticed, self.could = self.noticed + len(times), self.could + run.plan.replicas
        if times:
            self.first.append(times[0])
            self.median.append(statistics.median(times))
            self.last.append(times[-1])
        server = run.server
        for name, count in server.operations.items():
            self.operations[name] = self.operations.get(name, 0) + count
        self.seconds += run.plan.seconds
        self.bytes, self.busy = self.bytes + server.sent + server.read, self.busy + server.busy
        self.peak = max([self.peak, *server.by_second.values()])
        self.longest = max(self.longest, server.longest)

    @property
    def row(self) -> list[str]:
        """The cells of a way's table."""
        times = [
            f"{statistics.mean(found):.2f}" if found else "never" for found in (self.first, self.median, self.last)
        ]
        return [
            f"{self.answered / self.asked:.2%}", f"{self.sent / self.asked - 1:.3f}", f"{self.dead / self.asked:.2%}",
            f"{self.over / self.sent:.2%}", *times, f"{self.noticed / self.could:.0%}",
        ]  # fmt: skip

    @property
    def load(self) -> list[str]:
        """The cells of the table of Redis."""
        count = sum(self.operations.values()) - self.operations.get("message", 0)
        return [
            f"{self.operations.get('take', 0) / self.asked:.2f}", f"{count / self.asked:.2f}",
            f"{count / self.seconds:,.0f}", f"{self.peak:,}", f"{self.operations.get('message', 0) / self.seconds:,.1f}",
            f"{self.bytes / self.seconds / 1000:,.1f}", f"{self.busy / self.seconds:.2%}", f"{self.longest * 1e3:.1f}",
        ]  # fmt: skip


def sums(replicas: int, way: Way, constants: Constants, **plan: Any) -> Sums:
    """Over the seeds of a fleet."""
    seeds = range(1, SEEDS.get(replicas, 1) + 1)
    return Sums(Run(Plan(replicas, seed=seed, **plan), way, constants).go() for seed in seeds)


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table in Markdown, row by row as they come."""
    print(f"| {' | '.join(head)} |")
    print("| ---: " * len(head) + "|")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def tables(most: int, constants: Constants, ways: Sequence[Way]) -> None:
    """One of each way, and one of Redis's load in each."""
    head = ("replicas", "answered", "extra requests a call", "to a dead provider", "over a limit",
            "noticed by the first, s", "by half", "by the last of those", "who noticed")  # fmt: skip
    load = ("replicas", "`take` a call", "operations a call", "a second", "in the busiest second", "messages a second",
            "kB a second", "busy", "longest wait, ms")  # fmt: skip
    loads = []
    for way in ways:
        print(f"\n{way.name}:\n")
        found: list[tuple[int, Sums]] = []

        def rows(way: Way = way, found: list[tuple[int, Sums]] = found) -> Iterable[list[str]]:
            for replicas in FLEETS:
                if replicas <= most:
                    found.append((replicas, sums(replicas, way, constants)))
                    yield [f"{replicas:,}", *found[-1][1].row]

        print_table(head, rows())
        if way.shared:
            loads.append((way, found))
    for way, found in loads:
        print(f"\nRedis, {way.name}:\n")
        print_table(load, ([f"{replicas:,}", *sum_.load] for replicas, sum_ in found))


def overload(constants: Constants) -> None:
    """What it costs where all together are asked more than the limits allow."""

    def rows() -> Iterable[list[str]]:
        for replicas in FLEETS[:4]:
            run = Run(Plan(replicas, seconds=90.0, rate=1.0, most=0.6), WAYS[2], constants).go()
            takes = run.server.operations["take"] / run.asked
            yield [f"{replicas}", f"{run.answered / run.asked:.1%}", f"{takes:.1f}", f"{run.server.busy / 90:.1%}"]

    print_table(("replicas", "answered", "`take` a call", "Redis busy"), rows())


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("most", nargs="?", type=int, default=FLEETS[-1])
    parser.add_argument("--trip", type=float, default=0.0)
    parser.add_argument("--only", type=int, choices=range(len(WAYS)), help="one way of knowing, by its place")
    for name in ("--overload", "--measure", "--check"):
        parser.add_argument(name, action="store_true")
    given = parser.parse_args()
    logging.getLogger("inference_providers").setLevel(logging.ERROR)
    begins = time.perf_counter()
    if given.measure:
        from benchmarks.scale_measure import measured

        print("\n".join(measured()[1]))
    elif given.check:
        from benchmarks.scale_check import check

        check()
    else:
        constants = MEASURED._replace(trip=MEASURED.trip + given.trip / 1e3)
        ways = WAYS if given.only is None else [WAYS[given.only]]
        overload(constants) if given.overload else tables(given.most, constants, ways)
    print(f"\n{time.perf_counter() - begins:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()

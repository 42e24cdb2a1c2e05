"""What the gateway costs, beside other gateways: requests a second, delay, memory, streams, start.

Run `python -m benchmarks.gateway [quick] [ROUNDS] [--tensorzero PYTHON] [--portkey SCRIPT] [--litellm PYTHON]
[--only SECTION]` from the checkout, in an environment that has the `gateway` extra and aiohttp. The options say where
the others are: a Python that has the package (with openai, or `litellm[proxy]`), the `start-server.js` of the npm
package. Those that are not given are left out.

Every gateway runs on one core; the load and the provider, which answers at once, share the other. All gateways live
through all rounds and take turns in random order. Numbers are medians of the rounds.
"""

from __future__ import annotations

import gc
import os
import random
import sqlite3
import statistics
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from benchmarks.common import NO_MARK, ROOT, print_table, two_cores, verdict
from benchmarks.gateway_load import Load, Target, run_load
from benchmarks.gateway_peers import BARE, CHAT, LITELLM, OURS, PORTKEY, TENSORZERO, TWENTY, Gateway, found, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

AT_ONCE = (1, 16, 64)
KINDS = {"plain": "small replies", "large": "200 KB there and back", "stream": "streams of 20 events"}
DIRECT = "the provider itself"
NAMES = {TENSORZERO: "--tensorzero", PORTKEY: "--portkey", LITELLM: "--litellm"}
FAST = 0.9  # of TensorZero's requests a second, at least
SLOW = 1.3  # of its median, at most
FASTER = {PORTKEY: 4.0, LITELLM: 30.0}  # times their requests a second, at least


class Run:
    """How long things are measured: less in a quick run."""

    def __init__(self, arguments: Sequence[str]) -> None:
        words = list(arguments)
        self.others = {name: _option(words, option) for name, option in NAMES.items()}
        self.only = _option(words, "--only")
        self.quick = "quick" in words
        rounds = [int(word) for word in words if word.isdecimal()]
        self.rounds = rounds[0] if rounds else 1 if self.quick else 3
        self.seconds = 0.5 if self.quick else 2.0
        self.serving, self.asking = two_cores()


def _option(words: list[str], name: str) -> str:
    if name not in words:
        return ""
    at = words.index(name)
    value = words[at + 1]
    del words[at : at + 2]
    return value


def load(target: Target, kind: str, connections: int, seconds: float, **more: object) -> Load:
    """A load, in an event loop of its own."""
    import uvloop

    gc.collect()
    return uvloop.run(run_load(target, kind, connections, seconds, **more))  # type: ignore[arg-type]


@contextmanager
def upstream(core: int | None) -> Iterator[int]:
    """The port of the provider, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.gateway_upstream", *([] if core is None else [str(core)])]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def rows_logged(folder: Path) -> int:
    """How many calls the log of usage has, in a home folder of its own."""
    count = 0
    for file in folder.rglob("*.db"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database, database:
            tables = {name for (name,) in database.execute("select name from sqlite_master where type = 'table'")}
            count += database.execute("select count(*) from calls").fetchone()[0] if "calls" in tables else 0
    return count


def check(name: str, measured: Load) -> None:
    """Say so where requests have failed: such a number means nothing."""
    if measured.failed:
        kinds = {why: measured.failed.count(why) for why in set(measured.failed)}
        print(f"(failed, of {name}: {kinds})", file=sys.stderr)


class Rates:
    """Requests a second and the median, of each gateway, kind and number of connections."""

    def __init__(self) -> None:
        self.rates: dict[tuple[str, str, int], list[float]] = {}
        self.medians: dict[tuple[str, str, int], list[float]] = {}
        self.cpus: dict[tuple[str, str, int], list[float]] = {}

    def note(self, name: str, kind: str, connections: int, measured: Load, cpu: float) -> None:
        if measured.done > len(measured.failed):
            self.rates.setdefault((name, kind, connections), []).append(measured.rate)
            self.medians.setdefault((name, kind, connections), []).append(measured.median)
            self.cpus.setdefault((name, kind, connections), []).append(cpu / measured.done)

    def rate(self, name: str, kind: str, connections: int) -> float | None:
        taken = self.rates.get((name, kind, connections))
        return statistics.median(taken) if taken else None

    def cpu(self, name: str, kind: str) -> float | None:
        """Seconds of CPU of a request over 16 connections."""
        taken = self.cpus.get((name, kind, 16))
        return statistics.median(taken) if taken else None

    def median(self, name: str, kind: str) -> float | None:
        """Seconds of the median answer over one connection."""
        taken = self.medians.get((name, kind, 1))
        return statistics.median(taken) if taken else None


def measured(run: Run, port: int) -> None:
    """All gateways in turn, and the tables of that."""
    rates, direct = Rates(), Target(port, CHAT, "gpt-4o-mini")
    starts = found(run.others)
    with ExitStack() as stack:
        gateways: dict[str, Gateway] = {}
        for name, start in starts.items():
            gateways[name] = stack.enter_context(running(start, port, run.serving))
        targets = {DIRECT: direct, **{name: gateway.target for name, gateway in gateways.items()}}
        for turn in range(-1, run.rounds):  # the first is not counted
            for kind in KINDS:
                for connections in AT_ONCE:
                    for name in random.sample(list(targets), len(targets)):
                        seconds = 0.3 if turn < 0 else run.seconds
                        cpu = gateways[name].cpu() if name in gateways else 0.0
                        taken = load(targets[name], kind, connections, seconds)
                        if name in gateways:
                            cpu = gateways[name].cpu() - cpu
                            gateways[name].asked += taken.done + len(taken.failed)
                        if turn >= 0:
                            check(f"{name}, {kind}", taken)
                            rates.note(name, kind, connections, taken, cpu)
        memory = {name: gateway.memory() for name, gateway in gateways.items()}
        ready = {name: gateway.ready for name, gateway in gateways.items()}
        logged = {name: _logged(gateways[name]) for name in (OURS, TWENTY) if name in gateways}
    for kind, title in KINDS.items():
        _print_rates(rates, kind, title, targets)
    _print_ratios(rates, gateways)
    _print_costs(memory, ready, logged)


def _logged(gateway: Gateway) -> tuple[int, int]:
    """(requests, rows of the log), once the gateway has ended: it writes the last ones then."""
    from benchmarks.gateway_peers import stop

    stop(gateway.process)
    return gateway.asked, rows_logged(gateway.folder)


def _cell(value: float | None, form: str = ",.0f") -> str:
    return "-" if value is None else format(value, form)


def _print_rates(rates: Rates, kind: str, title: str, names: Sequence[str] | dict[str, Target]) -> None:
    rows = []
    for name in names:
        taken = [rates.rate(name, kind, connections) for connections in AT_ONCE]
        median = rates.median(name, kind)
        cpu = rates.cpu(name, kind) or None
        cells = [_cell(None if median is None else median * 1000, ".2f"), _cell(None if cpu is None else cpu * 1e6)]
        rows.append([name, *map(_cell, taken), *cells, "", NO_MARK])
    print()
    head = ["1 connection", "16", "64", "median at 1, ms", "CPU at 16, µs a request", "", ""]
    print_table([f"{title}: requests a second", *head], rows)


def _print_ratios(rates: Rates, gateways: dict[str, Gateway]) -> None:
    rows = [
        _ratios(rates, kind, title, ours, other)
        for kind, title in KINDS.items()
        for ours in (OURS, TWENTY)
        for other in (TENSORZERO, PORTKEY, LITELLM, BARE)
        if ours in gateways and other in gateways and rates.rate(other, kind, 16)
    ]
    print()
    print_table(["ratio", "requests, at 1", "at 16", "at 64", "median at 1", "CPU", "target", "result"], rows)


def _ratios(rates: Rates, kind: str, title: str, ours: str, other: str) -> list[str]:
    ratios = []
    for connections in AT_ONCE:
        mine, its = rates.rate(ours, kind, connections), rates.rate(other, kind, connections)
        ratios.append(mine / its if mine and its else None)
    mine, its = rates.median(ours, kind), rates.median(other, kind)
    delay = mine / its if mine and its else None
    mine, its = rates.cpu(ours, kind), rates.cpu(other, kind)
    cpu = mine / its if mine and its else None
    many = [ratio for ratio in ratios[1:] if ratio is not None]
    target, result = "", NO_MARK
    if other == TENSORZERO and delay is not None:
        target = f"at 16 and 64 at least {FAST}x, median at most {SLOW}x"
        result = verdict(min(many, default=0.0) >= FAST and delay <= SLOW)
    elif other in FASTER:
        target = f"at 16 and 64 at least {FASTER[other]:.0f}x"
        result = verdict(min(many, default=0.0) >= FASTER[other])
    return [
        f"{title}: {ours} / {other}",
        *(_cell(ratio, ".2f") + "x" for ratio in (*ratios, delay, cpu)),
        target,
        result,
    ]


def _print_costs(memory: dict[str, float], ready: dict[str, float], logged: dict[str, tuple[int, int]]) -> None:
    rows = []
    for name, size in memory.items():
        asked, kept = logged.get(name, (0, 0))
        row = [name, f"{ready[name]:.2f}", f"{size:.0f}", f"{asked:,}" if asked else "", f"{kept:,}" if asked else ""]
        target = "under 80 MB, as many rows as requests" if asked else ""
        rows.append([*row, target, verdict(size < 80 and asked == kept) if asked else NO_MARK])
    print()
    head = [
        "after all of that",
        "first answer after, s",
        "memory, MB",
        "requests",
        "rows of its log",
        "target",
        "result",
    ]
    print_table(head, rows)


def main(arguments: Sequence[str]) -> None:
    """All sections, or one."""
    from benchmarks import gateway_endurance

    run = Run(arguments)
    if run.asking is not None:
        os.sched_setaffinity(0, {run.asking})
    with upstream(run.asking) as port:
        sections = {"rates": measured, **gateway_endurance.SECTIONS}
        for name, section in sections.items():
            if not run.only or name == run.only:
                section(run, port)


if __name__ == "__main__":
    main(sys.argv[1:])

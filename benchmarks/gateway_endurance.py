"""What the gateway is like over time: paced streams, memory, start, connections that are held, a worker that dies."""

from __future__ import annotations

import signal
import statistics
import threading
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.common import NO_MARK, print_table, verdict
from benchmarks.gateway_load import Target
from benchmarks.gateway_peers import CHAT, OURS, TENSORZERO, found, ours, running

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.gateway import Run
    from benchmarks.gateway_load import Load
    from benchmarks.gateway_peers import Gateway

STREAMS = 64
APART = 0.005  # seconds between the beginnings of two streams
DIRECT = "directly"
PACE, LATER = 0.98, 0.002  # of the direct pace, at least; seconds until the first content more than directly, at most
GROWTH = 2.0  # MB
READY = 0.7  # seconds
WARM = 10  # part of all that is asked before memory is looked at


def _load(target: Target, kind: str, connections: int, seconds: float, **more: object) -> Load:
    from benchmarks.gateway import load

    return load(target, kind, connections, seconds, **more)


def paced(run: Run, port: int) -> None:
    """Many streams at once, with an event every 5 ms in each."""
    starts = {name: start for name, start in found(run.others).items() if name in (OURS, TENSORZERO)}
    taken: dict[tuple[str, bool], list[Load]] = {}
    for _ in range(run.rounds):
        _paced_round(run, port, starts, taken)
    rows = [_paced_row(name, at_once, loads, taken[DIRECT, at_once]) for (name, at_once), loads in taken.items()]
    print()
    head = [f"{STREAMS} streams, an event every 5 ms", "of the direct pace", "first content, ms", "later, ms"]
    print_table([*head, "an event's way, median, ms", "99%", "target", "result"], rows)


def _paced_row(name: str, at_once: bool, loads: list[Load], direct: list[Load]) -> list[str]:
    pace, first, _ = _of_streams(direct)
    its_pace, its_first, its_delays = _of_streams(loads)
    share, later = pace / its_pace, its_first - first
    late = statistics.quantiles(its_delays, n=100)[98]
    cells = [f"{share:.1%}", f"{its_first * 1000:.2f}", f"{later * 1000:+.2f}"]
    cells += [f"{statistics.median(its_delays) * 1000:.2f}", f"{late * 1000:.2f}"]
    failed = sum(len(one.failed) for one in loads)
    judged = name == OURS
    target = "98% of the pace, first content at most 2 ms later" if judged else ""
    met = share >= PACE and later <= LATER and not failed
    how = "all begin at once" if at_once else "one begins every 5 ms"
    return [f"{name}: {how}", *cells, target, verdict(met) if judged else NO_MARK]


def _paced_round(
    run: Run, port: int, starts: dict[str, Callable[..., object]], taken: dict[tuple[str, bool], list[Load]]
) -> None:
    """Each of them in turn: streams that begin one after another, and streams that all begin at once."""
    with ExitStack() as stack:
        targets = {DIRECT: Target(port, CHAT, "gpt-4o-mini")}
        for name, start in starts.items():
            gateway = stack.enter_context(running(start, port, run.serving))  # type: ignore[arg-type]
            targets[name] = gateway.target
            _load(gateway.target, "paced", STREAMS, 0.1, timed=True)  # opens its connections
        for at_once in (False, True):
            for name, target in targets.items():
                apart = 0.0 if at_once else APART
                load = _load(target, "paced", STREAMS, 0.1, timed=True, apart=apart)
                taken.setdefault((name, at_once), []).append(load)


def _of_streams(loads: list[Load]) -> tuple[float, float, list[float]]:
    """Medians over streams: seconds from the first content to the last; until the first; and all events' ways."""
    paces = [pace for load in loads for pace in load.paces]
    first = [first for load in loads for first in load.first]
    return statistics.median(paces), statistics.median(first), [delay for load in loads for delay in load.delays]


def memory(run: Run, port: int) -> None:
    """Requests without end, and streams that nobody reads to their end: what is left of them in memory."""
    requests, streams = (20_000, 200) if run.quick else (200_000, 2_000)
    with running(ours, port, run.serving) as gateway:
        _ask(gateway, requests // WARM)
        _leave(gateway, streams // WARM)
        before, files = gateway.memory(), gateway.files()
        asked, failed = _ask(gateway, requests)
        after_requests = gateway.memory()
        failed += _leave(gateway, streams)
        time.sleep(1)
        after, files_after = gateway.memory(), gateway.files()
        upstreams = gateway.connections_to(port)
    growth = after - before
    rows = [
        [
            f"{asked:,} requests, {streams:,} abandoned streams",
            f"{before:.1f}",
            f"{after_requests:.1f}",
            f"{after:.1f}",
            f"{growth:+.1f}",
            f"{files} / {files_after} ({upstreams})",
            str(failed),
            "under 80 MB, growth under 2 MB",
            verdict(after < 80 and growth < GROWTH and not failed),
        ]
    ]
    print()
    head = ["memory", "before, MB", "after the requests", "after the streams", "growth"]
    print_table([*head, "files before / after (to the provider)", "failed", "target", "result"], rows)


def _ask(gateway: Gateway, count: int) -> tuple[int, int]:
    """At least so many requests, 64 at once: how many there were, and how many of them failed."""
    asked = failed = 0
    while asked < count:
        load = _load(gateway.target, "plain", 64, 2.0)
        asked += load.done
        failed += len(load.failed)
        if load.done == 0:
            raise RuntimeError(f"nothing is answered: {load.failed[:3]}")
    return asked, failed


def _leave(gateway: Gateway, count: int) -> int:
    """So many streams that are left at their first content; how many of them failed."""
    return len(_load(gateway.target, "endless", 32, 60.0, leave=count).failed)


def start(run: Run, port: int) -> None:
    """From the start of the process to the first answer."""
    seconds = []
    for _ in range(2 if run.quick else 10):
        with running(ours, port, run.serving) as gateway:
            seconds.append(gateway.ready)
    median = statistics.median(seconds)
    cells = [f"{min(seconds):.2f}", f"{median:.2f}", f"{max(seconds):.2f}"]
    print()
    head = ["start", "first answer after, best, s", "median", "worst", "target", "result"]
    print_table(head, [[OURS, *cells, f"at most {READY} s", verdict(median <= READY)]])


def held(run: Run, port: int) -> None:
    """500 streams at once, with an event every half second, for a minute."""
    count = 500
    with running(ours, port, run.serving) as gateway:
        _load(gateway.target, "plain", count, 0.1)  # as many connections, once
        time.sleep(1)
        before = gateway.files() - gateway.connections_to(port)
        load = _load(gateway.target, "slow", count, 60.0)
        time.sleep(1)
        kept = gateway.connections_to(port)
        after = gateway.files() - kept
    row = [f"{count} streams for a minute", f"{load.done}", f"{len(load.failed)}", f"{before}", f"{after}", f"{kept}"]
    print()
    head = ["connections", "finished", "failed", "files before", "after", "kept to the provider"]
    met = load.done == count and not load.failed and after <= before
    print_table([*head, "target", "result"], [[*row, "no error, no file more", verdict(met)]])


def killed(run: Run, port: int) -> None:
    """One of two workers is killed under load: who loses what."""
    connections = 32
    with running(partial(ours, workers=2), port, run.serving) as gateway:
        told: list[set[int]] = []

        def kill() -> None:
            time.sleep(1.0)
            workers = gateway.processes()[1:]
            victim = min(
                (worker for worker in workers if _clients(worker, gateway.target.port)),
                key=lambda worker: abs(len(_clients(worker, gateway.target.port)) - connections // 2),
            )
            victim.send_signal(signal.SIGSTOP)
            told.append(_clients(victim, gateway.target.port))
            victim.send_signal(signal.SIGKILL)

        thread = threading.Thread(target=kill)
        thread.start()
        load = _load(gateway.target, "plain", connections, 4.0)
        thread.join()
        alive = len(gateway.processes()) - 1
    with_it, elsewhere = told[0], load.failed_ports - told[0]
    cells = [f"{load.done:,}", str(len(with_it)), str(len(load.failed)), str(len(elsewhere)), str(alive)]
    print()
    head = ["a worker is killed", "answered", "in flight at it", "failed", "of them elsewhere", "workers afterwards"]
    met = len(load.failed) <= len(with_it) and not elsewhere and alive >= 2
    row = [f"{OURS}, 2 workers, {connections} connections", *cells, "nobody else loses anything", verdict(met)]
    print_table([*head, "target", "result"], [row])


def _clients(process: object, port: int) -> set[int]:
    """The ports of the clients that a worker serves at *port*."""
    kept = process.net_connections("tcp")  # type: ignore[attr-defined]
    return {one.raddr.port for one in kept if one.raddr and one.laddr.port == port}


SECTIONS = {"paced": paced, "memory": memory, "start": start, "held": held, "killed": killed}

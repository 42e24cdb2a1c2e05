"""A batch on a cluster of Ray: three node processes, a provider that takes 200 ms and allows a fixed number at once.

A node is killed at half. Says what share of the permits was used, what the clients' processes took, whether their
memory grew, and what was asked twice. Run: `python -m benchmarks.ray_batch [items] [at once]`; needs `ray[data]`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.common import NO_MARK, ROOT, TEST_KEY, keys, print_table, registry, verdict
from benchmarks.limited_server import limited_server, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS, AT_ONCE, SECONDS = 100_000, 64, 0.2
NODES = 3
SHARE, CPU, GROWTH = 0.9, 60.0, 10.0  # what it must reach: of the permits; percent of a core and of memory, at most
EVERY = 2.0  # seconds between samples
MEMORY = 80 * 2**20  # bytes of an object store

DRIVER = """
import json, sys
from inference_providers import ProviderList
given = json.load(sys.stdin)
providers = ProviderList(json_override=given["registry"], environ=given["environ"], local=False)
questions = (f"question number {number}" for number in range(given["items"]))
done = providers.batch(
    questions, "m", out=given["out"], engine="ray", address=given["address"], concurrency=given["at_once"]
)
print(done.summary)
"""


class Samples:
    """What the actors' processes take."""

    def __init__(self) -> None:
        self.memory: dict[int, list[float]] = {}  # MiB by process
        self.cpu: dict[int, float] = {}  # seconds by process
        self.begun = time.monotonic()

    def take(self) -> None:
        """One sample of each."""
        for process in psutil.process_iter(["cmdline"]):
            try:
                if "MapWorker" in " ".join(process.info["cmdline"] or ()):
                    with process.oneshot():
                        self.memory.setdefault(process.pid, []).append(process.memory_info().rss / 2**20)
                        times = process.cpu_times()
                        self.cpu[process.pid] = times.user + times.system
            except psutil.Error:
                continue

    def growth(self) -> float:
        """By how much the memory of the actor that grew most has grown, in percent: of a third of its time to all."""
        long = [taken for taken in self.memory.values() if len(taken) > 20]
        return max((100 * (taken[-1] / taken[len(taken) // 3] - 1) for taken in long), default=0.0)

    def most(self) -> float:
        """MiB of the largest."""
        return max((max(taken) for taken in self.memory.values()), default=0.0)


def cluster() -> Any:
    """Three nodes, each of them with processes of its own."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
    from ray.cluster_utils import Cluster

    how = {"num_cpus": 1, "object_store_memory": MEMORY}
    made = Cluster(initialize_head=True, head_node_args={**how, "include_dashboard": False})
    for _ in range(NODES - 1):
        made.add_node(**how)
    made.wait_for_nodes()
    return made


def watched(driver: subprocess.Popen[str], url: str, items: int, made: Any, samples: Samples) -> Iterator[str]:
    """Samples until the driver ends; kills a node at half, and says so."""
    killed = False
    while driver.poll() is None:
        time.sleep(EVERY)
        samples.take()
        if not killed and numbers(url)["answered"] > items / 2:
            killed = True
            made.remove_node(made.list_all_nodes()[-1], allow_graceful=False)
            yield f"a node was killed after {time.monotonic() - samples.begun:.0f} s"


def indexes(path: Path) -> tuple[int, int]:
    """How many lines with an answer, and of how many items."""
    rows = [json.loads(line) for line in path.open("rb")]
    return sum(row["error"] is None for row in rows), len({row["index"] for row in rows if row["error"] is None})


def main() -> None:
    """Measure, and print."""
    items = int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS
    at_once = int(sys.argv[2]) if len(sys.argv) > 2 else AT_ONCE
    made = cluster()
    with tempfile.TemporaryDirectory() as folder, limited_server(SECONDS, at_once) as url:
        out = Path(folder) / "out.jsonl"
        given = {"registry": registry([url]), "environ": {**keys([url]), "HOME": folder}, "items": items}
        given |= {"out": str(out), "address": made.address, "at_once": at_once}
        command = [sys.executable, "-c", DRIVER]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as driver:
            assert driver.stdin is not None
            assert driver.stdout is not None
            json.dump(given, driver.stdin)
            driver.stdin.close()
            samples = Samples()
            for event in watched(driver, url, items, made, samples):
                print(event, flush=True)
            print(driver.stdout.read().strip())
        seen = numbers(url)
        lines, answered = indexes(out)
        assert seen["keys"] == [TEST_KEY]
    made.shutdown()
    show(items, at_once, seen, samples, lines, answered)


def show(items: int, at_once: int, seen: dict[str, Any], samples: Samples, lines: int, answered: int) -> None:
    """The table."""
    seconds = seen["seconds"] + SECONDS
    share = items * SECONDS / (at_once * seconds)
    cpu = 100 * sum(samples.cpu.values()) / seconds
    rows = [
        ("items, answered", f"{items:,}, {answered:,}", verdict(answered == items)),
        ("lines with an answer", f"{lines:,}", verdict(lines == items)),
        ("seconds, answers a second", f"{seconds:.0f}, {items / seconds:.0f}", NO_MARK),
        ("at once: allowed, most seen", f"{at_once}, {seen['peak']}", verdict(seen["peak"] <= at_once)),
        ("refused (429)", str(seen["refused"]), NO_MARK),
        ("share of the permits used", f"{share:.3f}", verdict(share >= SHARE)),
        ("asked twice (a node was killed)", str(seen["again"]), verdict(seen["again"] <= at_once)),
        ("CPU of all actors, % of a core", f"{cpu:.0f}", verdict(cpu < CPU)),
        ("memory of an actor: most, MiB", f"{samples.most():.0f}", NO_MARK),
        ("memory of an actor: growth, %", f"{samples.growth():.1f}", verdict(samples.growth() < GROWTH)),
    ]
    print_table(("", "measured", ""), rows)


if __name__ == "__main__":
    main()

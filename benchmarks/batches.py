"""Batches: many calls, 64 at once, beside a bare loop, the SDK and litellm; and what a long batch keeps in memory.

Each way has a process of its own on one core; the server runs on another. Run: `python -m benchmarks.batches [rounds]`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.calls import ours, worker_environment
from benchmarks.common import NO_MARK, ROOT, TEST_KEY, Times, live_server, print_table, two_cores, verdict

AT_ONCE = 64
CALLS, SLOW_CALLS = 5000, 1000
HEADERS = {"Authorization": f"Bearer {TEST_KEY}", "Content-Type": "application/json"}
ITEMS = (1_000, 10_000, 100_000)


def prompts(count: int) -> Iterator[str]:
    """Questions that differ, one by one."""
    return (f"question number {number}" for number in range(count))


def messages(prompt: str) -> list[dict[str, str]]:
    """A prompt as messages."""
    return [{"role": "user", "content": prompt}]


async def at_once(call: Callable[[str], Awaitable[Any]], count: int) -> None:
    """*call* for every prompt, AT_ONCE of them at a time."""
    waiting = prompts(count)

    async def work() -> None:
        for prompt in waiting:
            assert await call(prompt)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def bare_aiohttp(url: str, count: int) -> None:
    """JSON out, JSON in, over one session."""
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def call(prompt: str) -> Any:
            data = json.dumps({"model": "m-internal", "messages": messages(prompt)}).encode()
            async with session.post(f"{url}/chat/completions", data=data, headers=HEADERS) as reply:
                return json.loads(await reply.read())["choices"][0]["message"]["content"]

        await at_once(call, count)


async def async_sdk(url: str, count: int) -> None:
    """`openai.AsyncOpenAI`."""
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key=TEST_KEY) as client:

        async def call(prompt: str) -> Any:
            made = await client.chat.completions.create(model="m-internal", messages=messages(prompt))  # type: ignore[arg-type]
            return made.choices[0].message.content

        await at_once(call, count)


async def litellm_acompletion(url: str, count: int) -> None:
    """`litellm.acompletion`."""
    import litellm

    async def call(prompt: str) -> Any:
        made = await litellm.acompletion(
            model="openai/m-internal", messages=messages(prompt), api_base=url, api_key=TEST_KEY
        )
        return made.choices[0].message.content

    await at_once(call, count)


async def our_batch(url: str, count: int, **options: Any) -> None:
    """`AsyncProviderList.batch`, its results taken one by one."""
    found = 0
    async for result in ours(url, "AsyncProviderList").batch(prompts(count), **{"concurrency": AT_ONCE, **options}):
        assert result.answer
        found += 1
    assert found == count


async def our_file(url: str, count: int) -> None:
    """`AsyncProviderList.batch` to a file of JSON lines."""
    with tempfile.TemporaryDirectory() as folder:
        done = await ours(url, "AsyncProviderList").batch(
            prompts(count), concurrency=AT_ONCE, out=f"{folder}/out.jsonl"
        )
    assert done.summary.answered == count


async def our_auto(url: str, count: int) -> None:
    """`AsyncProviderList.batch` that finds out how many at once."""
    await our_batch(url, count, concurrency="auto")


async def our_sync(url: str, count: int) -> None:
    """`ProviderList.batch`, from a synchronous program."""

    def work() -> int:
        return sum(bool(result.answer) for result in ours(url).batch(prompts(count), concurrency=AT_ONCE))

    assert await asyncio.to_thread(work) == count


# Name, how it is done, calls in each round.
CONTENDERS: list[tuple[str, Callable[[str, int], Awaitable[None]], int]] = [
    ("bare `aiohttp` loop", bare_aiohttp, CALLS),
    ("`AsyncProviderList.batch`", our_batch, CALLS),
    ("the same, to a file", our_file, CALLS),
    ('the same, `concurrency="auto"`', our_auto, CALLS),
    ("`ProviderList.batch`", our_sync, CALLS),
    ("`openai.AsyncOpenAI`", async_sdk, SLOW_CALLS),
    ("`litellm.acompletion`", litellm_acompletion, SLOW_CALLS),
]
BARE, BATCH, SDK, LITELLM = (
    "bare `aiohttp` loop",
    "`AsyncProviderList.batch`",
    "`openai.AsyncOpenAI`",
    "`litellm.acompletion`",
)
TARGETS = [(BARE, 0.6), (SDK, 8.0), (LITELLM, 12.0)]


def work(name: str, url: str) -> None:
    """The life of one process: for each line, a number, make as many calls and print their wall seconds."""
    core, _ = two_cores()
    if core is not None:
        os.sched_setaffinity(0, {core})
    run = next(way for called, way, _ in CONTENDERS if called == name)
    for line in sys.stdin:
        started = time.perf_counter()
        asyncio.run(run(url, int(line)))  # type: ignore[arg-type]
        print(time.perf_counter() - started, flush=True)
    os._exit(0)  # without complaints of sessions that are still open


class Worker:
    """A process for one way: a number of calls in, calls a second out."""

    def __init__(self, name: str, url: str) -> None:
        command = [sys.executable, "-m", "benchmarks.batches", "--work", name, url]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=worker_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def rate(self, count: int) -> float:
        """Calls a second."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        while line and line[0] not in "0123456789":  # some libraries print
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a contender failed")
        return count / float(line)


def measure(url: str, rounds: int) -> None:
    """Run them in turns, in random order, and print calls a second and our ratios."""
    present = [row for row in CONTENDERS if row[0] != LITELLM or find_spec("litellm")]
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(name, url)) for name, *_ in present}
        for one in workers.values():
            one.rate(200)
        taken: dict[str, list[float]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, _, count in random.sample(present, len(present)):
                taken[name].append(workers[name].rate(count))
    rates = {name: Times(values) for name, values in taken.items()}
    base = rates[BARE]
    rows = []
    for name, *_ in present:
        own = rates[name]
        rows.append(
            [name, f"{own.median:,.0f}", f"{own.worst:,.0f}", f"{own.median / base.median:.2f}x", NO_MARK, NO_MARK]
        )
    print_table([f"{AT_ONCE} at once", "calls a second, median", "best", "of the bare loop", "", ""], rows)
    print()
    rows = []
    for name, least in TARGETS:
        if name in rates:
            ratio = rates[BATCH].median / rates[name].median
            rows.append([f"batch / {name}", f"{ratio:.2f}x", f"at least {least:g}x", verdict(ratio >= least)])
    print_table(["ratio of medians", "measured", "target", "result"], rows)
    print()


def memory(url: str, items: Iterable[int]) -> None:
    """The most memory that a process takes which does a batch of so many items to a file."""
    rows = []
    least = 0.0
    for count in items:
        command = [sys.executable, "-m", "benchmarks.batches", "--memory", str(count), url]
        done = subprocess.run(command, cwd=ROOT, env=worker_environment(), check=True, capture_output=True, text=True)
        most = float(done.stdout)
        least = least or most
        rows.append([f"{count:,} items", f"{most:.1f}", f"{most - least:+.1f}", NO_MARK, NO_MARK])
    print_table(["a batch to a file, and again from it", "most memory, MiB", "more than the first", "", ""], rows)


def work_for_memory(count: int, url: str) -> None:
    """A batch to a file, and then the same again, which finds everything done; the peak of resident memory, in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.jsonl"
        for _ in range(2):
            ours(url).batch(prompts(count), out=out, concurrency=AT_ONCE)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Measure, and print the tables."""
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:4])
        return
    if sys.argv[1:2] == ["--memory"]:
        work_for_memory(int(sys.argv[2]), sys.argv[3])
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    _, other = two_cores()
    with live_server(core=other) as url:
        measure(url, rounds)
        memory(url, ITEMS)
    print(f"\n{rounds} rounds of {CALLS:,} calls ({SLOW_CALLS:,} of the SDK and litellm).")


if __name__ == "__main__":
    main()

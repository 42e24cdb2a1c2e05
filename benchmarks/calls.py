"""What a warm call costs the calling process, side by side: bare HTTP, the bare SDK, this package, its peers.

Run `python -m benchmarks.calls [ROUNDS]` from the checkout, in an environment that has the package's
dependencies. Each way of calling has a process of its own, which does nothing else and lives through
all rounds; the processes take turns, in random order. They run on one core, the server on
another, so that the CPU time of the process is that of the client alone. Synchronous calls are made
one after another, asynchronous ones 64 at once. `litellm` and `aisuite` are measured where they
are installed. A target counts as met when both the best and the median CPU time keep to it.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from benchmarks.common import (
    ANSWER,
    NO_MARK,
    ROOT,
    TEST_KEY,
    Times,
    keys,
    live_server,
    print_table,
    registry,
    two_cores,
    verdict,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    Run = Callable[[int], None]

AT_ONCE = 64
WARM_UP = 500  # calls
SYNC_CALLS, ASYNC_CALLS, SLOW_CALLS = 2000, 4000, 1000  # in each round; the last for litellm and aisuite
MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]
BODY = {"messages": MESSAGES, "model": "m-internal"}
HEADERS = {"Authorization": f"Bearer {TEST_KEY}", "Content-Type": "application/json"}


def in_turn(call: Callable[[], object]) -> Run:
    """Make a number of calls one after another."""

    def run(count: int) -> None:
        for _ in range(count):
            if call() != ANSWER:
                raise RuntimeError("a wrong answer")

    return run


def at_once(make: Callable[[], Callable[[], Awaitable[object]]]) -> Run:
    """Make a number of calls, 64 at once, in one event loop for all rounds."""
    runner = asyncio.Runner()

    async def start() -> Callable[[], Awaitable[object]]:
        return make()

    call = runner.run(start())

    async def some(left: list[int]) -> None:
        while left[0] > 0:
            left[0] -= 1
            if await call() != ANSWER:
                raise RuntimeError("a wrong answer")

    async def all_of(count: int) -> None:
        left = [count]
        await asyncio.gather(*(some(left) for _ in range(AT_ONCE)))

    return lambda count: runner.run(all_of(count))


def bare_urllib3(url: str) -> Run:
    """JSON out, JSON in, over a pool."""
    import urllib3

    pool = urllib3.PoolManager()

    def call() -> object:
        reply = pool.request("POST", f"{url}/chat/completions", body=json.dumps(BODY).encode(), headers=HEADERS)
        return json.loads(reply.data)["choices"][0]["message"]["content"]

    return in_turn(call)


def bare_aiohttp(url: str) -> Run:
    """JSON out, JSON in, over a session."""

    def make() -> Callable[[], Awaitable[object]]:
        import aiohttp

        session = aiohttp.ClientSession()

        async def call() -> object:
            data = json.dumps(BODY).encode()
            async with session.post(f"{url}/chat/completions", data=data, headers=HEADERS) as reply:
                return json.loads(await reply.read())["choices"][0]["message"]["content"]

        return call

    return at_once(make)


def sdk_call(client: Any, model: str) -> Run:
    """The SDK's usual call."""
    return in_turn(lambda: client.chat.completions.create(model=model, messages=MESSAGES).choices[0].message.content)


def async_sdk_call(make_client: Callable[[], Any], model: str) -> Run:
    """The SDK's usual call, awaited."""

    def make() -> Callable[[], Awaitable[object]]:
        client = make_client()

        async def call() -> object:
            return (await client.chat.completions.create(model=model, messages=MESSAGES)).choices[0].message.content

        return call

    return at_once(make)


def bare_sdk(url: str) -> Run:
    """`openai.OpenAI`."""
    import openai

    return sdk_call(openai.OpenAI(base_url=url, api_key=TEST_KEY), "m-internal")


def bare_async_sdk(url: str) -> Run:
    """`openai.AsyncOpenAI`."""
    import openai

    return async_sdk_call(lambda: openai.AsyncOpenAI(base_url=url, api_key=TEST_KEY), "m-internal")


def ours(url: str, kind: str = "ProviderList") -> Any:
    """A list with one provider, which serves the model `m`."""
    import inference_providers

    return getattr(inference_providers, kind)(json_override=registry([url]), environ=keys([url]), local=False)


def connected(url: str) -> Run:
    """The client that `connect_to_model` gives."""
    client, name = ours(url).connect_to_model("m")
    return sdk_call(client, name)


def sync_ask_ai(url: str) -> Run:
    """`ProviderList.ask_ai`."""
    providers = ours(url)
    return in_turn(lambda: providers.ask_ai("hi"))


def async_ask_ai(url: str) -> Run:
    """`AsyncProviderList.ask_ai`."""

    def make() -> Callable[[], Awaitable[object]]:
        providers = ours(url, "AsyncProviderList")
        return lambda: providers.ask_ai("hi")

    return at_once(make)


def litellm_completion(url: str) -> Run:
    """`litellm.completion`."""
    import litellm

    def call() -> object:
        reply = litellm.completion(model="openai/m-internal", messages=MESSAGES, api_base=url, api_key=TEST_KEY)
        return reply.choices[0].message.content

    return in_turn(call)


def litellm_acompletion(url: str) -> Run:
    """`litellm.acompletion`."""
    import litellm

    async def call() -> object:
        reply = await litellm.acompletion(model="openai/m-internal", messages=MESSAGES, api_base=url, api_key=TEST_KEY)
        return reply.choices[0].message.content

    return at_once(lambda: call)


def aisuite_create(url: str) -> Run:
    """`aisuite`'s client."""
    import aisuite

    return sdk_call(aisuite.Client({"openai": {"base_url": url, "api_key": TEST_KEY}}), "openai:m-internal")


# Name, how it is made, calls in each round, and the most that its CPU time may be of the bare SDK's. The SDK comes first.
SYNC: list[tuple[str, Callable[[str], Run], int, float | None]] = [
    ("`openai.OpenAI`", bare_sdk, SYNC_CALLS, None),
    ("bare `urllib3` loop", bare_urllib3, SYNC_CALLS, None),
    ("`ProviderList.client()`", lambda url: sdk_call(ours(url).client(), "m"), SYNC_CALLS, 1.0),
    ("client of `connect_to_model`", connected, SYNC_CALLS, None),
    ("`ProviderList.ask_ai`", sync_ask_ai, SYNC_CALLS, 0.25),
    ("`litellm.completion`", litellm_completion, SLOW_CALLS, None),
    ("`aisuite`", aisuite_create, SLOW_CALLS, None),
]
ASYNC: list[tuple[str, Callable[[str], Run], int, float | None]] = [
    ("`openai.AsyncOpenAI`", bare_async_sdk, ASYNC_CALLS, None),
    ("bare `aiohttp` loop", bare_aiohttp, ASYNC_CALLS, None),
    ("`ProviderList.async_client()`", lambda url: async_sdk_call(ours(url).async_client, "m"), ASYNC_CALLS, 0.8),
    ("`AsyncProviderList.ask_ai`", async_ask_ai, ASYNC_CALLS, 0.15),
    ("`litellm.acompletion`", litellm_acompletion, SLOW_CALLS, None),
]
PEERS = {"`litellm.completion`": "litellm", "`litellm.acompletion`": "litellm", "`aisuite`": "aisuite"}


def work(name: str, url: str) -> None:
    """The life of one process: for each line, a number, make as many calls and print their CPU and wall seconds."""
    core, _ = two_cores()
    if core is not None:
        os.sched_setaffinity(0, {core})
    run = next(make for called, make, *_ in SYNC + ASYNC if called == name)(url)
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        run(int(line))
        print(time.process_time() - cpu, time.perf_counter() - wall, flush=True)
    os._exit(0)  # without complaints of sessions that are still open


def worker_environment() -> dict[str, str]:
    """The variables of a contender's process: none of yours."""
    environ = {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    # litellm would fetch a price list at its start; it is spared that here
    return environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}


@contextmanager
def worker(name: str, url: str) -> Iterator[Callable[[int], tuple[float, float]]]:
    """A process for one way of calling: a number of calls in, CPU and wall seconds of each call out."""
    command = [sys.executable, "-m", "benchmarks.calls", "--work", name, url]
    with subprocess.Popen(
        command, cwd=ROOT, env=worker_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def run(count: int) -> tuple[float, float]:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(f"{count}\n")
            process.stdin.flush()
            line = process.stdout.readline()
            while line and line[0] not in "0123456789":  # some libraries print
                line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"{name} failed")
            cpu, wall = map(float, line.split())
            return cpu / count, wall / count

        yield run


def measure(contenders: list[tuple[str, Callable[[str], Run], int, float | None]], url: str, rounds: int) -> None:
    """Run them in turns, and print their table."""
    present = [row for row in contenders if row[0] not in PEERS or find_spec(PEERS[row[0]])]
    with ExitStack() as stack:
        runs = {name: stack.enter_context(worker(name, url)) for name, *_ in present}
        for run in runs.values():
            run(WARM_UP)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
        for _ in range(rounds):
            for name, _, count, _ in random.sample(present, len(present)):
                taken[name].append(runs[name](count))
    cpu = {name: Times([cpu for cpu, _ in values]) for name, values in taken.items()}
    wall = {name: Times([wall for _, wall in values]) for name, values in taken.items()}
    sdk = cpu[present[0][0]]
    rows = []
    for name, _, _, most in present:
        best, median = cpu[name].best / sdk.best, cpu[name].median / sdk.median
        times = (cpu[name].best, cpu[name].median, wall[name].best, wall[name].median)
        target = f"at most {most:.2f}x" if most else "reference" if name == present[0][0] else NO_MARK
        met = verdict(max(best, median) <= most) if most else NO_MARK
        rows.append([name, *(f"{one * 1e6:.0f}" for one in times), f"{best:.2f}x", f"{median:.2f}x", target, met])
    head = ["CPU, best, µs", "CPU, median", "wall, best", "wall, median", "ratio of best", "ratio of median"]
    how = "one after another" if contenders is SYNC else f"{AT_ONCE} at once"
    print_table([how, *head, "target", "result"], rows)
    print()


def main() -> None:
    """Measure, and print both tables."""
    if sys.argv[1:2] == ["--work"]:
        work(*sys.argv[2:4])
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    _, other = two_cores()
    with live_server(core=other) as url:
        measure(SYNC, url, rounds)
        measure(ASYNC, url, rounds)
    print(f"{rounds} rounds of {SYNC_CALLS:,} synchronous and {ASYNC_CALLS:,} asynchronous calls", end=" ")
    print(f"({SLOW_CALLS:,} of litellm and aisuite), after {WARM_UP} unmeasured ones.")


if __name__ == "__main__":
    main()

"""How many calls are answered though servers fail at random, at what cost, and how late a deadline may be kept.

Run `python -m benchmarks.faults [CALLS]` from the checkout. First part: three providers, each a
server of its own on loopback that meets 30% of all questions with a fault: a fixed seed chooses which, and
among a 500 without a body, a 503, a 502 with a page of HTML, JSON cut short, a reply without
choices, a connection closed, a connection reset. Second part: calls with a deadline of one second to
servers that never finish. Everything is as a user has it: the default policy, nothing tuned.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.common import ANSWER, MANNERS, Times, asked, keys, live_server, print_table, registry, verdict
from inference_providers import AllProvidersFailedError, AsyncProviderList, InferenceProvidersError, ProviderList

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FAULTY = 0.3  # the share of questions that meet a fault
AT_ONCE = 64
THREADS = 8
DEADLINE = 1.0  # seconds
LATE_CALLS = 64  # asynchronous ones for each server that never finishes; an eighth of it with threads
MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]


async def ask_many(providers: AsyncProviderList, count: int) -> tuple[int, float]:
    """How many of *count* questions, 64 at once, were answered, and the seconds for all."""
    left, good = count, 0

    async def some() -> None:
        nonlocal left, good
        while left > 0:
            left -= 1
            try:
                right = await providers.ask_ai("hi") == ANSWER
            except AllProvidersFailedError:
                continue
            good += right

    started = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return good, time.perf_counter() - started


def ask_in_turn(providers: ProviderList, count: int) -> tuple[int, float]:
    """How many of *count* questions, one after another, were answered, and the seconds for all."""
    good, started = 0, time.perf_counter()
    for _ in range(count):
        try:
            good += providers.ask_ai("hi") == ANSWER
        except AllProvidersFailedError:
            pass
    return good, time.perf_counter() - started


def answered(name: str, count: int, ask: Callable[[dict[str, Any]], tuple[int, float]]) -> list[str]:
    """One row: ask three faulty servers."""
    with ExitStack() as stack:
        urls = [stack.enter_context(live_server(faults=FAULTY, seed=seed)) for seed in (1, 2, 3)]
        options = {"json_override": registry(urls), "environ": keys(urls), "local": False, "random": random.Random(4)}
        good, seconds = ask(options)
        requests = sum(asked(url) for url in urls) / count
    share = good / count
    return [
        name,
        f"{count:,}",
        f"{share:.2%}",
        f"{requests:.3f}",
        f"{seconds:.0f}",
        "at least 99.9%, at most 1.5 requests a call",
        verdict(share >= 0.999 and requests <= 1.5),
    ]


def late(call: Callable[[], object]) -> float:
    """Seconds after its deadline at which a call failed."""
    started = time.perf_counter()
    try:
        call()
    except InferenceProvidersError:
        return time.perf_counter() - started - DEADLINE
    except Exception as error:  # the SDK's own, in clients
        if not isinstance(error.__cause__, InferenceProvidersError):
            raise
        return time.perf_counter() - started - DEADLINE
    raise RuntimeError("a server that never finishes has answered")


async def late_async(call: Callable[[], Awaitable[object]]) -> list[float]:
    """The same for calls that are awaited, all at once."""

    async def one() -> float:
        started = time.perf_counter()
        try:
            await call()
        except InferenceProvidersError:
            return time.perf_counter() - started - DEADLINE
        except Exception as error:
            if not isinstance(error.__cause__, InferenceProvidersError):
                raise
            return time.perf_counter() - started - DEADLINE
        raise RuntimeError("a server that never finishes has answered")

    return await asyncio.gather(*(one() for _ in range(LATE_CALLS)))


def overruns(manner: str) -> dict[str, Times]:
    """Seconds after the deadline, for each way of calling three servers of one manner."""
    with ExitStack() as stack:
        urls = [stack.enter_context(live_server(manner=manner)) for _ in range(3)]
        options: dict[str, Any] = {"json_override": registry(urls), "environ": keys(urls), "local": False}

        def threads(call: Callable[[], object]) -> Times:
            with ThreadPoolExecutor(THREADS) as pool:
                return Times(list(pool.map(lambda _: late(call), range(THREADS))))

        async def tasks(kind: str) -> Times:
            providers = AsyncProviderList(timeout=DEADLINE, **options)
            client = providers.async_client()
            if kind == "client":
                return Times(await late_async(lambda: client.chat.completions.create(model="m", messages=MESSAGES)))
            return Times(await late_async(lambda: providers.ask_ai("hi")))

        providers = ProviderList(timeout=DEADLINE, **options)
        client = providers.client()
        return {
            "`ProviderList.ask_ai`": threads(lambda: ProviderList(timeout=DEADLINE, **options).ask_ai("hi")),
            "`ProviderList.client()`": threads(lambda: client.chat.completions.create(model="m", messages=MESSAGES)),
            "`AsyncProviderList.ask_ai`": asyncio.run(tasks("ask_ai")),
            "`ProviderList.async_client()`": asyncio.run(tasks("client")),
        }


def main() -> None:
    """Measure, and print both tables."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rows = [
        answered(
            f"`AsyncProviderList`, {AT_ONCE} at once",
            count,
            lambda options: asyncio.run(ask_many(AsyncProviderList(**options), count)),
        ),
        answered(
            "`ProviderList`, one after another",
            count // 5,
            lambda options: ask_in_turn(ProviderList(**options), count // 5),
        ),
    ]
    print_table(
        [
            "30% faults at each of three providers",
            "calls",
            "answered",
            "requests a call",
            "seconds",
            "target",
            "result",
        ],
        rows,
    )
    print()
    rows = [
        [
            name,
            manner,
            *(f"{value * 1000:.0f}" for value in (times.median, times.worst)),
            "at most 250 ms",
            verdict(times.worst <= 0.25),
        ]
        for manner in MANNERS
        for name, times in overruns(manner).items()
    ]
    print_table(
        ["deadline of one second", "each server", "late, median, ms", "late, worst, ms", "target", "result"], rows
    )
    print(f"\n{THREADS} calls at once with threads, {LATE_CALLS} with asyncio.")


if __name__ == "__main__":
    main()

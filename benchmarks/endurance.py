"""What many calls leave behind: memory and open files, before and after.

Run `python -m benchmarks.endurance [CALLS]` from the checkout; Linux only. Each way of calling has a
process of its own, which makes a tenth of the calls as a warm-up, and is then measured before and
after all of them. The server is on loopback.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from benchmarks.common import ANSWER, keys, live_server, print_table, registry, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = 64
MOST_KIB = 1024  # growth that still counts as none: about 100 bytes a call
MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]


def ask_ai(providers: Any) -> Callable[[int], None]:
    """Ask, one after another."""

    def run(count: int) -> None:
        for _ in range(count):
            assert providers.ask_ai("hi") == ANSWER

    return run


def client(providers: Any) -> Callable[[int], None]:
    """The client that routes, one call after another."""
    made = providers.client()

    def run(count: int) -> None:
        for _ in range(count):
            reply = made.chat.completions.create(model="m", messages=MESSAGES)
            assert reply.choices[0].message.content == ANSWER

    return run


def ask_ai_async(providers: Any) -> Callable[[int], None]:
    """Ask, 64 at once, in one event loop."""
    runner = asyncio.Runner()
    atexit.register(runner.close)  # closes the connections as well

    async def all_of(count: int) -> None:
        left = count

        async def some() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                assert await providers.ask_ai("hi") == ANSWER

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    return lambda count: runner.run(all_of(count))


WAYS: dict[str, tuple[str, Callable[[Any], Callable[[int], None]]]] = {
    "`ProviderList.ask_ai`": ("ProviderList", ask_ai),
    "`ProviderList.client()`": ("ProviderList", client),
    f"`AsyncProviderList.ask_ai`, {AT_ONCE} at once": ("AsyncProviderList", ask_ai_async),
}


def state() -> tuple[int, int]:
    """KiB of memory in use (RSS), and open files, of this process."""
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(os.listdir("/proc/self/fd"))


def measure(name: str, url: str, count: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The state of this process before and after *count* calls."""
    import inference_providers

    kind, make = WAYS[name]
    providers = getattr(inference_providers, kind)(json_override=registry([url]), environ=keys([url]), local=False)
    run = make(providers)
    run(max(count // 10, AT_ONCE))
    before = state()
    run(count)
    after = state()
    return before, after


def main() -> None:
    """Measure, and print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rows = []
    with live_server() as url, ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        for name in WAYS:
            (memory, files), (memory_after, files_after) = pool.submit(measure, name, url, count).result()
            growth, more = memory_after - memory, files_after - files
            rows.append(
                [
                    name,
                    f"{memory:,}",
                    f"{memory_after:,}",
                    f"{growth:+,}",
                    f"{files}",
                    f"{files_after}",
                    f"{more:+}",
                    f"at most {MOST_KIB:,} KiB, no file",
                    verdict(growth <= MOST_KIB and more <= 0),
                ]
            )
    head = ["RSS before, KiB", "after", "growth", "open files before", "after", "growth", "target", "result"]
    print_table([f"{count:,} calls", *head], rows)


if __name__ == "__main__":
    main()

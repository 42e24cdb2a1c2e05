"""How asynchronous programs wait: the twin of `waiting`, under the same names, so that what waits is written once."""

from __future__ import annotations

import asyncio

from inference_providers.transport import Cancellation, run_race_async, running_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")

sleep = asyncio.sleep
race = run_race_async


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """What a function gives that may block. Raises RuntimeError, which says what to do, outside asyncio."""
    running_loop()
    return await asyncio.to_thread(function, *args)


async def all_of(functions: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """Their results: all of them run at once. What one raises ends the others, too: nobody waits for those any more."""
    tasks = [asyncio.ensure_future(function()) for function in functions]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def hedged(
    first: Callable[[Cancellation | None], Awaitable[T]],
    second: Callable[[Cancellation | None], Awaitable[T]],
    after: float,
    may_begin: Callable[[], bool],
    ends: Callable[[T], bool],
) -> list[T]:
    """The result of *first*; where it takes more than *after* seconds, *second* runs as well if it *may_begin*.

    The results, as they come. One that *ends* is the last of them: what still runs is cancelled.
    """
    tasks = [asyncio.ensure_future(first(None))]
    results: list[T] = []
    try:
        done, _ = await asyncio.wait(tasks, timeout=after)
        if not done and may_begin():
            tasks.append(asyncio.ensure_future(second(None)))
        for finished in asyncio.as_completed(tasks):
            results.append(await finished)
            if ends(results[-1]):
                break
        return results
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def begun(stream: T) -> T:
    """A stream as it is: it begins when it is iterated over, or opened."""
    return stream

"""Several calls at the same time, for threads and for asyncio, under names of the same form."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeVar

    T = TypeVar("T")

AT_ONCE = 16  # requests of a batch


def gathered(functions: Sequence[Callable[[], T]], at_once: int = AT_ONCE) -> list[T]:
    """Their results in order, *at_once* of them at the same time."""
    if at_once == 1 or len(functions) < 2:
        return [function() for function in functions]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(at_once, len(functions))) as threads:
        return list(threads.map(lambda function: function(), functions))


async def gathered_async(functions: Sequence[Callable[[], Awaitable[T]]], at_once: int = AT_ONCE) -> list[T]:
    """Their results in order, *at_once* of them at the same time. What one raises ends the others, too."""
    if at_once == 1 or len(functions) < 2:
        return [await function() for function in functions]
    import asyncio

    room = asyncio.Semaphore(at_once)

    async def within(function: Callable[[], Awaitable[T]]) -> T:
        async with room:
            return await function()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(within(function)) for function in functions]
    return [task.result() for task in tasks]

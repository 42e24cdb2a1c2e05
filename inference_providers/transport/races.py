"""Staggered races, run: with threads, and with tasks of an event loop. `race` decides."""

from __future__ import annotations

import queue
import threading

from inference_providers.transport.staggering import STAGGER, race
from inference_providers.waits import taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
    from typing import Any


def run_race(runners: Sequence[Callable[[], bool]], stagger: float = STAGGER) -> Generator[int, None, None]:
    """Run a staggered race with threads; yields the indices of winners, the earliest of those that answered first.

    *stagger*: seconds after which the next starts. A runner that raises has failed; its thread reports the error.
    """
    events: queue.SimpleQueue[tuple[int, bool]] = queue.SimpleQueue()

    def start(index: int) -> None:
        def work() -> None:
            ok = False
            try:
                ok = runners[index]()
            finally:
                events.put((index, ok))

        threading.Thread(target=work, daemon=True, name=f"probe-{index}").start()

    steps = race(len(runners), stagger)
    event: tuple[int, bool] | None = None
    while True:
        try:
            kind, value = steps.send(event)
        except StopIteration:
            return
        event = None
        if kind == "start":
            start(int(value or 0))
        elif kind == "won":
            yield int(value or 0)
        else:
            try:
                event = taken(events, value)
            except queue.Empty:
                event = None


async def run_race_async(
    runners: Sequence[Callable[[], Awaitable[bool]]], stagger: float = STAGGER
) -> AsyncGenerator[int, None]:
    """Run a staggered race with tasks; yields the indices of winners, the earliest of those that answered first.

    *stagger*: seconds after which the next starts. A runner that raises has failed; its error is dropped.
    """
    import asyncio

    events: asyncio.Queue[tuple[int, bool]] = asyncio.Queue()
    tasks: list[asyncio.Task[None]] = []

    async def work(index: int) -> None:
        ok = False
        try:
            ok = await runners[index]()
        finally:
            events.put_nowait((index, ok))

    steps = race(len(runners), stagger)
    event: tuple[int, bool] | None = None
    try:
        while True:
            try:
                kind, value = steps.send(event)
            except StopIteration:
                return
            event = None
            if kind == "start":
                tasks.append(asyncio.ensure_future(work(int(value or 0))))
            elif kind == "won":
                yield int(value or 0)
            else:
                event = await _next_event(events, value)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _next_event(events: asyncio.Queue[tuple[int, bool]], timeout: Any) -> tuple[int, bool] | None:
    import asyncio

    if timeout == 0.0:
        return None if events.empty() else events.get_nowait()
    try:
        return await asyncio.wait_for(events.get(), timeout)
    except TimeoutError:
        return None

"""A call that is under way, for which equal ones wait: with threads and with asyncio alike."""

from __future__ import annotations

import os
import threading
import time

from inference_providers.waits import has_come

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any

FAILED = "failed"  # it has no reply: one of those that wait takes over
_LONGEST = 1e6  # seconds that asyncio waits at once: more than a call takes, and what the system can count
GRACE = 10.0  # seconds after a call's deadline by which it has said what came of it
ALONE = "alone"  # its reply is not to be shared: all that wait ask for themselves


class Flight:
    """One call, what came of it, and who waits for that.

    outcome: None as long as it is under way; then its entry, its open stream, `FAILED` or `ALONE`. seconds: how long it
    may take; one that has not landed by then never will.
    """

    __slots__ = ("_lock", "_process", "_until", "_wakers", "outcome")

    def __init__(self, seconds: float) -> None:
        self.outcome: Any = None
        self._until, self._process = time.monotonic() + seconds, os.getpid()
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []

    @property
    def is_lost(self) -> bool:
        """Whether it never lands: an interrupt may have come before anybody could say so, or it is a parent's.

        A fork has its parent's calls in memory, open streams among them, and none of the threads that make them.
        """
        is_over = self.outcome is None and time.monotonic() > self._until + GRACE
        return is_over or self._process != os.getpid()

    def land(self, outcome: Any) -> None:
        """It has come to this: whoever waits goes on. Again does no harm; the first outcome counts."""
        with self._lock:
            if self.outcome is not None:
                return
            self.outcome = outcome
            wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()

    def _waits(self, wake: Callable[[], None]) -> bool:
        with self._lock:
            if self.outcome is not None:
                return False
            self._wakers.append(wake)
            return True

    def _leaves(self, wake: Callable[[], None]) -> None:
        with self._lock:
            if wake in self._wakers:
                self._wakers.remove(wake)

    def wait(self, seconds: float) -> None:
        """Wait until it has landed, or for so long."""
        event = threading.Event()
        if self._waits(event.set):
            try:
                has_come(event, seconds)
            finally:
                self._leaves(event.set)

    async def wait_async(self, seconds: float) -> None:
        """`wait`, for asyncio."""
        import asyncio

        loop = asyncio.get_running_loop()
        landed: asyncio.Future[None] = loop.create_future()

        def settle() -> None:
            if not landed.done():
                landed.set_result(None)

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle)

        if self._waits(wake):
            try:
                await asyncio.wait((landed,), timeout=min(seconds, _LONGEST))
            finally:
                self._leaves(wake)

"""How a thread waits for others, so that Ctrl-C ends it.

Python looks for a signal before it waits for a lock. One that comes between the look and the wait, or that the system
gives to another thread, is only seen when the wait ends; on Windows, Ctrl-C ends no wait for a lock at all. So a long
wait is many short ones.
"""

from __future__ import annotations

import time
from queue import Empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from queue import SimpleQueue
    from threading import Event, Lock
    from typing import TypeVar

    T = TypeVar("T")

_LOOK = 1.0  # seconds until a signal that ended no wait is seen


def taken(queue: SimpleQueue[T], seconds: float | None = None) -> T:
    """What a queue has next. Raises queue.Empty where nothing comes in so many seconds."""
    found: list[T] = []

    def comes(wait: float) -> bool:
        try:
            found.append(queue.get(timeout=wait))
        except Empty:
            return False
        return True

    if not _within(seconds, comes):
        raise Empty
    return found[0]


def has_come(event: Event, seconds: float | None = None) -> bool:
    """Wait for an event: whether it has come in so many seconds."""
    return _within(seconds, event.wait)


def is_mine(lock: Lock, seconds: float | None = None) -> bool:
    """Wait for a lock: whether this thread has it in so many seconds."""
    return _within(seconds, lambda wait: lock.acquire(timeout=wait))


def _within(seconds: float | None, comes: Callable[[float], bool]) -> bool:
    if seconds is None:
        while not comes(_LOOK):
            pass
        return True
    end = time.monotonic() + max(seconds, 0.0)
    while (left := end - time.monotonic()) > _LOOK:
        if comes(_LOOK):
            return True
    return comes(max(left, 0.0))

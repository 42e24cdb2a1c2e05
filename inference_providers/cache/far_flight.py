"""A call that another process makes, for which equal ones of this process wait."""

from __future__ import annotations

import asyncio
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class FarFlight:
    """Waits until the other process says that it is over, or its claim has ended."""

    __slots__ = ("_key", "_seconds", "_store", "is_over")

    def __init__(self, store: Any, key: bytes, seconds: float) -> None:
        """*seconds*: for which the claim holds, unless it is claimed further."""
        self._store, self._key, self._seconds = store, key, seconds
        self.is_over = False  # whether the other process has said so

    def wait(self, seconds: float) -> None:
        """Wait, for so many seconds at most."""
        event = self._store.landing(self._key)
        try:
            self.is_over = event.wait(min(self._seconds, seconds))
        finally:
            self._store.landed(self._key, event)

    async def wait_async(self, seconds: float) -> None:
        """`wait`, for asyncio."""
        event = self._store.landing(self._key)
        until = time.monotonic() + min(self._seconds, seconds)
        try:
            while not event.is_set() and (left := until - time.monotonic()) > 0:
                await asyncio.sleep(min(left, 0.005))
            self.is_over = event.is_set()
        finally:
            self._store.landed(self._key, event)

"""A call that another process makes, for which equal ones of this process wait."""

from __future__ import annotations

from inference_providers.cache.flight import Flight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OVER = "over"  # the other process has said so


class FarFlight(Flight):
    """Lands when the other process says that it is over; whoever waits goes on when its claim may have ended, too."""

    __slots__ = ("_key", "_seconds", "_store")

    def __init__(self, store: Any, key: bytes, seconds: float) -> None:
        """*seconds*: for which the claim holds, unless it is claimed further."""
        super().__init__(seconds)
        self._store, self._key, self._seconds = store, key, seconds
        store.landing(key, self)

    @property
    def is_over(self) -> bool:
        """Whether the other process has said so."""
        return self.outcome is not None

    def wait(self, seconds: float) -> None:
        """Wait, for so many seconds at most."""
        try:
            super().wait(min(self._seconds, seconds))
        finally:
            self._store.landed(self._key, self)

    async def wait_async(self, seconds: float) -> None:
        """`wait`, for asyncio."""
        try:
            await super().wait_async(min(self._seconds, seconds))
        finally:
            self._store.landed(self._key, self)

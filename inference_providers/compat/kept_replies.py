"""Replies that may be read again for a while, in memory. *clock* gives seconds since 1970."""

from __future__ import annotations

import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

HOUR = 3600.0
MOST = 1000  # replies, of all callers


class KeptReplies:
    """Who asked is part of what a reply is found by: nobody reads those of another caller. *seconds*: for which."""

    def __init__(self, *, clock: Callable[[], float] = time.time, most: int = MOST, seconds: float = HOUR) -> None:
        self._clock, self._most, self._lock, self._seconds = clock, most, threading.Lock(), seconds
        self._kept: dict[tuple[str, str], tuple[float, Mapping[str, Any]]] = {}  # the oldest first

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self._kept)} replies>"

    def put(self, caller: str, id_: str, details: Mapping[str, Any]) -> None:
        """Keep one; the oldest make room for it."""
        with self._lock:
            self._kept.pop((caller, id_), None)
            self._kept[caller, id_] = (self._clock() + self._seconds, details)
            while len(self._kept) > self._most or self._is_over(next(iter(self._kept.values()))):
                del self._kept[next(iter(self._kept))]

    def get(self, caller: str, id_: str) -> Mapping[str, Any] | None:
        """What was kept for this caller; None for anything else."""
        with self._lock:
            found = self._kept.get((caller, id_))
            return None if found is None or self._is_over(found) else found[1]

    def remove(self, caller: str, id_: str) -> bool:
        """Keep one no longer; whether it was there."""
        with self._lock:
            return self._kept.pop((caller, id_), None) is not None

    def purge(self, caller: str) -> int:
        """Keep nothing of this caller's any longer; how many there were."""
        with self._lock:
            own = [key for key in self._kept if key[0] == caller]
            for key in own:
                del self._kept[key]
            return len(own)

    def _is_over(self, kept: tuple[float, Any]) -> bool:
        return kept[0] <= self._clock()

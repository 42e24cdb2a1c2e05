"""Minutes of which Redis has said that they are full: who asks again too soon is told so here, and costs it nothing.

All calls that wait for one minute wait for the same moment, in every process. Within a process one of them asks then,
and the others hear what came of it. Of several processes, each comes a little later than it was told, at random, by
more where others were there first.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from typing import Any

    from inference_providers.state.window import Room

FRESH = 0.25  # seconds for which nothing is asked: others may have given something back
LEAST, MOST = 0.05, 2.0  # seconds by which it is asked later than there is room, at most


class _Full:
    """One minute. due: when there is room; at: when that was said, of a request of so many tokens."""

    __slots__ = ("at", "due", "limits", "lock", "spread", "tokens", "which")

    def __init__(self) -> None:
        self.at = self.due = float("-inf")
        self.tokens, self.which, self.spread = 0.0, "", LEAST
        self.limits: Room = (None, None)
        self.lock = threading.Lock()


class FullMinutes:
    """Those of one process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, _Full] = {}

    def turn(self, name: str) -> AbstractContextManager[Any]:
        """Where a minute was full lately, one after another."""
        found = self._known.get(name)
        return nullcontext() if found is None else found.lock

    def told(self, name: str, tokens: float, limits: Room) -> tuple[float, str] | None:
        """Seconds until there is room, and what there is none of, as far as it is known without asking."""
        found, now = self._known.get(name), self._clock()
        if found is None or found.limits != limits or not found.at <= now < min(found.due, found.at + FRESH):
            return None
        if found.which.endswith(" tokens") and tokens < found.tokens:
            return None  # a smaller one may fit; a larger one fits later, if anything, and is told so then
        return found.due - now, found.which

    def is_full(self, name: str, tokens: float, limits: Room, wait: float, which: str, *, refused: bool) -> None:
        """There is room in so many seconds for a request like this. *refused*: somebody has just asked for it."""
        found, now = self._known.get(name), self._clock()
        if found is None:
            found = self._known.setdefault(name, _Full())
        if not refused:
            found.spread = max(found.spread / 2, LEAST)
        elif found.due <= now < found.due + 2 * MOST:  # when it was to be free, another process was there first
            found.spread = min(found.spread * 2, MOST)
        found.at, found.due, found.tokens, found.which, found.limits = now, now + wait, tokens, which, limits

    def has_room(self, name: str) -> None:
        """Something was given back, or there is more than was asked for."""
        self._known.pop(name, None)

    def spread(self, name: str) -> float:
        """Seconds by which to come later than there is room, at most."""
        found = self._known.get(name)
        return LEAST if found is None else found.spread

"""The last minute of each caller, and what it has under way: in memory, for a gateway of one process.

A minute is any sixty seconds, so that no moment lets through twice the limit. Tokens are taken as estimated and
corrected when the reply says how many they were. What is refused takes nothing.
"""

from __future__ import annotations

import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from inference_providers.gateway.quotas import Quota

    class Windows(Protocol):
        """Where the minutes of callers are counted, by a clock that never goes back."""

        def take(self, caller: str, quota: Quota, tokens: int) -> Place | Full:
            """A place for a request of about so many tokens, or why there is none now."""
            raise NotImplementedError

        def leave(self, place: Place, tokens: int | None) -> None:
            """A request is over, and has taken so many tokens; None: as many as was thought."""
            raise NotImplementedError

        def give_back(self, place: Place) -> None:
            """A request was not sent: it counts for nothing."""
            raise NotImplementedError

        def forget(self, caller: str) -> None:
            """Know nothing of a caller any more."""
            raise NotImplementedError

    class Minute(Protocol):
        """The last minute of a caller, as a refusal looks at it: at a few of its times, and not at all of them."""

        under_way: int

        @property
        def requests(self) -> int:
            """How many came."""
            raise NotImplementedError

        @property
        def tokens(self) -> int:
            """How many they take."""
            raise NotImplementedError

        @property
        def newest(self) -> float:
            """When the last one came; of one at least."""
            raise NotImplementedError

        def at(self, number: int) -> float:
            """When the request came before which so many came."""
            raise NotImplementedError

        def without(self, tokens: int) -> float:
            """When the request came with which, and all before it, so many tokens go."""
            raise NotImplementedError


MINUTE = 60.0
REQUESTS, TOKENS, CONCURRENT = "requests", "tokens", "concurrent"
SOON = 1.0  # seconds after which to come again, where nobody knows when a place is free


class Place:
    """What one request has taken. limit, remaining: of the limit that its caller is told.

    reset: seconds from then on until all of it is free again.
    """

    __slots__ = ("at", "caller", "counts", "limit", "number", "remaining", "reset", "tenth", "tokens", "window")

    def __init__(self, caller: str, at: float, tokens: int, limit: int, remaining: int, reset: float) -> None:
        self.caller, self.at, self.tokens = caller, at, tokens
        self.limit, self.remaining, self.reset = limit, remaining, reset
        self.counts = True  # whether it is still in the last minute
        self.number = self.tenth = 0  # in a file or a Redis, and the tenth of a second in which Redis has it
        self.window: _Window | None = None  # in memory


class Full:
    """No place now. what: which limit; wait: seconds until there is one, None for a request that never has one.

    limit, remaining: of that limit; reset: seconds until all of it is free again.
    """

    __slots__ = ("limit", "remaining", "reset", "wait", "what")

    def __init__(self, what: str, limit: int, remaining: int, reset: float, wait: float | None) -> None:
        self.what, self.limit, self.remaining, self.reset, self.wait = what, limit, remaining, reset, wait


class _Window:
    """One caller's: requests of the last minute, their tokens, and how many are under way."""

    __slots__ = ("taken", "tokens", "under_way")

    def __init__(self) -> None:
        self.taken: deque[Place] = deque()
        self.tokens = self.under_way = 0

    @property
    def requests(self) -> int:
        return len(self.taken)

    @property
    def newest(self) -> float:
        return self.taken[-1].at

    def at(self, number: int) -> float:
        """When the request came before which so many came."""
        return self.taken[number].at

    def without(self, tokens: int) -> float:
        """When the request came with which, and all before it, so many tokens go."""
        for place in self.taken:
            tokens -= place.tokens
            if tokens <= 0:
                return place.at
        return self.newest


def headline(quota: Quota, requests: int, tokens: int, under_way: int) -> tuple[int, int]:
    """The limit that a caller is told of where it has several, and what is left of it."""
    if quota.requests_per_minute is not None:
        return quota.requests_per_minute, max(quota.requests_per_minute - requests, 0)
    if quota.tokens_per_minute is not None:
        return quota.tokens_per_minute, max(quota.tokens_per_minute - tokens, 0)
    if quota.concurrent is not None:
        return quota.concurrent, max(quota.concurrent - under_way, 0)
    return 0, 0


class MemoryWindows:
    """Minutes in the memory of one process, for one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._windows)} callers>"

    def take(self, caller: str, quota: Quota, tokens: int) -> Place | Full:
        """A place for a request of about so many tokens, or why there is none now."""
        now = self._clock()
        window = self._windows.get(caller)
        if window is None:
            window = self._windows[caller] = _Window()
        taken, edge = window.taken, now - MINUTE
        while taken and taken[0].at <= edge:
            gone = taken.popleft()
            gone.counts = False
            window.tokens -= gone.tokens
        most, most_tokens, at_once = quota.requests_per_minute, quota.tokens_per_minute, quota.concurrent
        if (
            (at_once is not None and window.under_way >= at_once)
            or (most is not None and len(taken) >= most)
            or (most_tokens is not None and window.tokens + tokens > most_tokens)
        ):
            return refusal(quota, tokens, now, window)
        window.under_way += 1
        window.tokens += tokens
        if most is not None:
            place = Place(caller, now, tokens, most, most - len(taken) - 1, MINUTE)
        else:
            limit, left = headline(quota, 0, window.tokens, window.under_way)
            place = Place(caller, now, tokens, limit, left, 0.0 if most_tokens is None else MINUTE)
        place.window = window
        taken.append(place)
        return place

    def leave(self, place: Place, tokens: int | None) -> None:
        """A request is over, and has taken so many tokens; None: as many as was thought."""
        window, place.window = place.window, None
        if window is None:
            return
        window.under_way -= 1
        if tokens is not None and place.counts:
            window.tokens += tokens - place.tokens
            place.tokens = tokens

    def give_back(self, place: Place) -> None:
        """A request was not sent: it counts for nothing."""
        window, place.window = place.window, None
        if window is None:
            return
        window.under_way -= 1
        if place.counts:
            place.counts = False
            window.tokens -= place.tokens
            window.taken.remove(place)

    def forget(self, caller: str) -> None:
        """Know nothing of a caller any more; what it has under way is let go on."""
        self._windows.pop(caller, None)


def refusal(quota: Quota, tokens: int, now: float, minute: Minute) -> Full:
    """Which limit leaves no place for a request: of several, the one for which it waits longest."""
    found: list[Full] = []
    most, most_tokens, at_once = quota.requests_per_minute, quota.tokens_per_minute, quota.concurrent
    reset = minute.newest + MINUTE - now if minute.requests else 0.0
    if at_once is not None and minute.under_way >= at_once:
        found.append(Full(CONCURRENT, at_once, 0, SOON, SOON))
    if most is not None and minute.requests >= most:
        found.append(Full(REQUESTS, most, 0, reset, minute.at(minute.requests - most) + MINUTE - now))
    if most_tokens is not None and minute.tokens + tokens > most_tokens:
        left = max(most_tokens - minute.tokens, 0)
        if tokens > most_tokens:
            return Full(TOKENS, most_tokens, left, reset, None)
        gone = minute.without(minute.tokens + tokens - most_tokens)
        found.append(Full(TOKENS, most_tokens, left, reset, gone + MINUTE - now))
    return max(found, key=lambda full: full.wait or 0.0)

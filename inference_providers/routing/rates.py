"""Requests and tokens that a program allows itself at each provider in a minute. Pure but for the clock.

A minute is any sixty seconds, as providers count it, so that a burst of a whole minute's worth may come at once; the
token buckets of `concurrency`, for batches, spread it instead. Tokens are taken as estimated and corrected when the
reply says how many they were.
"""

from __future__ import annotations

import threading
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

MINUTE = 60.0
KINDS = ("requests_per_minute", "tokens_per_minute")
EVERYBODY = "*"  # stands for every provider that has no limits of its own


class Taken:
    """What one request took: when, and how many tokens."""

    __slots__ = ("at", "tokens")

    def __init__(self, at: float, tokens: float) -> None:
        self.at, self.tokens = at, tokens


class Window:
    """The last minute of one provider."""

    __slots__ = ("_requests", "_taken", "_tokens", "_used")

    def __init__(self, requests: float | None, tokens: float | None) -> None:
        self._requests, self._tokens = requests, tokens
        self._taken: deque[Taken] = deque()
        self._used = 0.0  # tokens of this minute

    def take(self, now: float, tokens: float) -> tuple[float, str, Taken | None]:
        """Seconds until there is room, what there is none of, and what was taken where there is.

        A request that is larger than a whole minute's tokens goes out in a minute of its own.
        """
        self._forget(now)
        wait, which = 0.0, ""
        if self._requests is not None and len(self._taken) + 1 > self._requests:
            place = len(self._taken) - max(int(self._requests), 1)
            wait, which = self._taken[place].at + MINUTE - now, f"{self._requests:g} requests"
        if self._tokens is not None and self._taken and self._used + tokens > self._tokens:
            later = self._until(self._tokens - min(tokens, self._tokens)) - now
            if later > wait:
                wait, which = later, f"{self._tokens:g} tokens"
        if which:
            return max(wait, 0.001), which, None
        taken = Taken(now, tokens)
        self._taken.append(taken)
        self._used += tokens
        return 0.0, "", taken

    def correct(self, taken: Taken, tokens: float) -> None:
        """It took so many tokens, as it turned out."""
        if taken in self._taken:
            self._used += tokens - taken.tokens
            taken.tokens = tokens

    def give_back(self, taken: Taken) -> None:
        """It was not sent."""
        if taken in self._taken:
            self._taken.remove(taken)
            self._used -= taken.tokens

    def room(self, now: float) -> float:
        """The part of the minute that is left, from 0 to 1, by whichever is scarcer."""
        self._forget(now)
        parts = [1 - len(self._taken) / self._requests] if self._requests is not None else []
        parts += [1 - self._used / self._tokens] if self._tokens is not None else []
        return max(min(parts, default=1.0), 0.0)

    def _until(self, used: float) -> float:
        """When no more than so many tokens are in the minute."""
        left = self._used
        for taken in self._taken:
            left -= taken.tokens
            if left <= used + 1e-9:
                return taken.at + MINUTE
        return 0.0

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0].at + MINUTE <= now:
            self._used -= self._taken.popleft().tokens
        if not self._taken:
            self._used = 0.0


class Rates:
    """The limits of all providers, for all threads of a process."""

    def __init__(self, limits: Mapping[str, Mapping[str, float]], clock: Callable[[], float]) -> None:
        """*limits*: by the provider's id, or `*`; checked: see `checked_rates`."""
        self._limits, self._clock = limits, clock
        self._windows: dict[str, Window | None] = {}
        self._lock = threading.Lock()

    def take(self, provider: str, tokens: float) -> tuple[float, str, Taken | None]:
        """As `Window.take`; nothing for a provider without limits."""
        with self._lock:
            window = self._window(provider)
            return (0.0, "", None) if window is None else window.take(self._clock(), tokens)

    def correct(self, provider: str, taken: Taken, tokens: float) -> None:
        """A request took so many tokens, as it turned out."""
        with self._lock:
            if (window := self._window(provider)) is not None:
                window.correct(taken, tokens)

    def give_back(self, provider: str, taken: Taken) -> None:
        """A request was not sent."""
        with self._lock:
            if (window := self._window(provider)) is not None:
                window.give_back(taken)

    def room(self, provider: str) -> float:
        """The part of a provider's minute that is left, from 0 to 1."""
        with self._lock:
            window = self._window(provider)
            return 1.0 if window is None else window.room(self._clock())

    def _window(self, provider: str) -> Window | None:
        if provider not in self._windows:
            own = self._limits.get(provider, self._limits.get(EVERYBODY))
            self._windows[provider] = None if own is None else Window(*(own.get(kind) for kind in KINDS))
        return self._windows[provider]


def checked_rates(given: Any, provider_id: Callable[[str], str]) -> dict[str, dict[str, float]]:
    """`rate_limits` as they were given, by provider ids. Raises TypeError and ValueError."""
    form = '{"groq": {"requests_per_minute": 30, "tokens_per_minute": 6000}}'
    if not hasattr(given, "items"):
        raise TypeError(f"rate_limits must be a mapping of providers to limits, like {form}, not {given!r}")
    found: dict[str, dict[str, float]] = {}
    for name, limits in given.items():
        if not isinstance(name, str) or not hasattr(limits, "items") or not limits:
            raise TypeError(f"rate_limits must say for each provider what it allows, like {form}, not {limits!r}")
        own: dict[str, float] = {}
        for kind, most in limits.items():
            if kind not in KINDS:
                raise ValueError(f"rate_limits knows {' and '.join(KINDS)}, not {kind!r}")
            is_number = isinstance(most, int | float) and not isinstance(most, bool)
            if not is_number or not 1 <= most < float("inf"):
                raise ValueError(f"{kind} of {name} must be a number from 1 on, not {most!r}")
            own[kind] = most
        found[name if name == EVERYBODY else provider_id(name)] = own
    return found

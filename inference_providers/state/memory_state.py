"""A state in the memory of one process: for several lists of it, or for what cannot be shared now."""

from __future__ import annotations

import os
import threading
import time

from inference_providers.state.state import State
from inference_providers.state.window import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_providers.state.window import Room, Taken

KEPT = 3600.0  # seconds for which a rest that is over is still known
MOST_RESTS = 5_000  # the longest ones stay
_MANY = 1_000  # windows from which on empty ones are given up


class MemoryState(State):
    """A state that ends with its process; a fork begins with what its parent knew, and shares nothing further."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """*clock*: seconds since 1970, or since whenever where only minutes are asked for."""
        self._clock = clock
        self._rests: dict[str, tuple[float, str]] = {}
        self._windows: dict[str, Window] = {}
        self._generation, self._secret = 0, b""
        self._lock, self._process = threading.Lock(), os.getpid()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._rests)} rests and {len(self._windows)} minutes>"

    @property
    def generation(self) -> int:
        """Another number whenever `rests` may give something else."""
        return self._generation

    def digest(self, *parts: str) -> str:
        """A key for `rest` that cannot be turned back."""
        self._secret = self._secret or os.urandom(32)
        return digest_of(self._secret, parts)

    def rest(self, key: str, until: float, why: str) -> None:
        """Leave it alone until then."""
        with self._own_lock():
            self._rests[key] = (until, why)
            self._rests = kept(self._rests, self._clock())
            self._generation += 1

    def clear(self, key: str) -> None:
        """It need not be left alone any more."""
        with self._own_lock():
            if key in self._rests:
                self._rests = {one: rest for one, rest in self._rests.items() if one != key}
                self._generation += 1

    def rests(self) -> Mapping[str, tuple[float, str]]:
        """By key: until when it rests, and why. What was given once does not change."""
        return self._rests

    def take(self, name: str, tokens: float, limits: Room) -> tuple[float, str, Taken | None]:
        """Take a request and its tokens out of this minute."""
        with self._own_lock():
            return self._window(name, limits).take(self._clock(), tokens)

    def correct(self, name: str, taken: Taken, tokens: float) -> None:
        """It took so many tokens, as it turned out."""
        with self._own_lock():
            if (window := self._windows.get(name)) is not None:
                window.correct(taken, tokens)

    def give_back(self, name: str, taken: Taken) -> None:
        """It was not sent."""
        with self._own_lock():
            if (window := self._windows.get(name)) is not None:
                window.give_back(taken)

    def room(self, name: str, limits: Room) -> float:
        """The part of its minute that is left, from 0 to 1."""
        with self._own_lock():
            return self._window(name, limits).room(self._clock())

    def _window(self, name: str, limits: Room) -> Window:
        window = self._windows.get(name)
        if window is None:
            if len(self._windows) >= _MANY:
                now = self._clock()
                self._windows = {known: one for known, one in self._windows.items() if not one.is_empty(now)}
            window = self._windows[name] = Window(*limits)
        window.limits = limits
        return window

    def _own_lock(self) -> threading.Lock:
        """The lock of this process: a fork may have been made while a thread of its parent held that one's."""
        if self._process != os.getpid():
            self._lock, self._process = threading.Lock(), os.getpid()
        return self._lock


def kept(rests: dict[str, tuple[float, str]], now: float) -> dict[str, tuple[float, str]]:
    """Rests without those that have long been over, in a new dict; of too many the longest."""
    found = {key: rest for key, rest in rests.items() if rest[0] > now - KEPT}
    if len(found) > MOST_RESTS:
        found = dict(sorted(found.items(), key=lambda item: item[1][0])[-MOST_RESTS:])
    return found


def digest_of(secret: bytes, parts: tuple[str, ...]) -> str:
    """32 hexadecimal digits that stand for these parts, and say nothing of them without the secret."""
    from hashlib import blake2b

    said = "".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
    return blake2b(said, key=secret, digest_size=16).hexdigest()

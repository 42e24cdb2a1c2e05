"""Rests of keys and places that several processes know of: what stands in the place of `Health`'s own dicts.

Each is a view of a state, in the form of the dict or set whose place it takes. Nothing is read as long as the state
says that nothing has changed.
"""

from __future__ import annotations

import time

from inference_providers.errors import AuthenticationError, ProviderError, RateLimitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.state import State

    Key = tuple[str | None, ...]
    Dead = tuple[float, ProviderError | None]

KEY, ACCOUNT, COOL, TRIPPED = "key", "account", "cool", "tripped"  # why something rests
LONGEST = 86400.0  # seconds that the rest of another process is believed to last: a clock may have been set
_MANY = 10_000  # keys and places whose digests are remembered
_SAME = 0.5  # seconds by which a rest must be longer than what is known, to be told: many calls may fail at once


class SharedRests:
    """What all who share a state know, in the time of this process."""

    def __init__(self, state: State, clock: Callable[[], float], wall: Callable[[], float] = time.time) -> None:
        """*clock*: that of the health, *wall*: that of the state."""
        self.state, self.clock, self._wall = state, clock, wall
        self._seen: int | None = None
        self._known: Mapping[str, tuple[float, str]] = {}
        self._digests: dict[tuple[str, Key], str] = {}
        self.errors: dict[str, ProviderError] = {}  # what this process has seen itself, in its words

    def known(self) -> Mapping[str, tuple[float, str]]:
        """By digest: until when it rests, and why."""
        generation = self.state.generation
        if generation != self._seen:
            now, ahead = self.clock(), self.clock() - self._wall()
            rests = self.state.rests()
            self._known = {key: (min(until + ahead, now + LONGEST), why) for key, (until, why) in rests.items()}
            self.errors = {key: error for key, error in self.errors.items() if key in rests}
            self._seen = generation
        return self._known

    def digest(self, kind: str, key: Key) -> str:
        """What a key or place is called in the state."""
        found = self._digests.get((kind, key))
        if found is None:
            if len(self._digests) >= _MANY:
                self._digests = {}
            # "-" for what is not there, which differs from an empty text
            found = self.state.digest(kind, *("-" if part is None else f"={part}" for part in key))
            self._digests[kind, key] = found
        return found

    def put(self, digest: str, until: float, why: str) -> None:
        """Tell that it rests until then, unless that is known."""
        before = self.known().get(digest)
        if before is None or before[1] != why or abs(until - before[0]) > _SAME:
            self.state.rest(digest, until - self.clock() + self._wall(), why)

    def clear(self, digest: str) -> None:
        """Tell that it rests no longer, if anybody knows of it."""
        if digest in self.known():
            self.state.clear(digest)


class DeadKeys:
    """In the place of a dict: by address and key, until when it is not used, and why."""

    def __init__(self, rests: SharedRests) -> None:
        self._rests = rests

    def __bool__(self) -> bool:
        return bool(self._rests.known())

    def get(self, key: Key, default: Any = None) -> Any:
        """Until when, and the error."""
        if not (known := self._rests.known()):
            return default
        digest = self._rests.digest(KEY, key)
        rest = known.get(digest)
        return default if rest is None else (rest[0], self._rests.errors.get(digest) or told_error(rest[1]))

    def __setitem__(self, key: Key, dead: Dead) -> None:
        until, error = dead
        digest = self._rests.digest(KEY, key)
        self._rests.put(digest, until, _told(error))
        if error is not None:
            self._rests.errors[digest] = error

    def pop(self, key: Key, default: Any = None) -> Any:
        """Forget one."""
        if self._rests.known():
            self._rests.clear(self._rests.digest(KEY, key))
        return default

    def clear(self) -> None:
        """Forget all, in all processes."""
        forget_refused(self._rests.state)


class Cooling:
    """In the place of a dict: by place, until when it is left alone."""

    def __init__(self, rests: SharedRests) -> None:
        self._rests = rests

    def __bool__(self) -> bool:
        return bool(self._rests.known())

    def get(self, place: Key, default: float) -> float:
        """Until when."""
        if not (known := self._rests.known()):
            return default
        rest = known.get(self._rests.digest(COOL, place))
        return default if rest is None else rest[0]

    def __setitem__(self, place: Key, until: float) -> None:
        digest = self._rests.digest(COOL, place)
        before = self._rests.known().get(digest)
        self._rests.put(digest, until, COOL if before is None else before[1])

    def pop(self, place: Key, default: Any = None) -> Any:
        """Forget one."""
        if self._rests.known():
            self._rests.clear(self._rests.digest(COOL, place))
        return default


class Tripped:
    """In the place of a set: the places where, after their rest, one call decides whether they are well again."""

    def __init__(self, rests: SharedRests) -> None:
        self._rests = rests

    def __contains__(self, place: Key) -> bool:
        rest = known.get(self._rests.digest(COOL, place)) if (known := self._rests.known()) else None
        return rest is not None and rest[1] == TRIPPED

    def add(self, place: Key) -> None:
        """It is one; it rests already."""
        digest = self._rests.digest(COOL, place)
        if (rest := self._rests.known().get(digest)) is not None:
            self._rests.put(digest, rest[0], TRIPPED)

    def discard(self, place: Key) -> None:
        """It is none any more: that goes with its rest."""


def forget_refused(state: State) -> None:
    """Have all who share a state use keys and accounts again that were refused."""
    for digest, (_, why) in list(state.rests().items()):
        if why.partition(" ")[0] in (KEY, ACCOUNT):
            state.clear(digest)


def _told(error: ProviderError | None) -> str:
    """Why a key rests, without a word of a server's: `key 401`."""
    kind = KEY if error is None or isinstance(error, AuthenticationError) else ACCOUNT
    status = None if error is None else error.status
    return kind if status is None else f"{kind} {int(status)}"


def told_error(why: str) -> ProviderError:
    """The error of a rest that another process has told of."""
    kind, _, number = why.partition(" ")
    status = int(number) if number.isdecimal() and len(number) == 3 else None
    made = AuthenticationError if kind == KEY else RateLimitError if status == 429 else ProviderError
    answered = "it was refused" if status is None else f"it was refused with status {status}"
    return made(f"{answered}, as another process has seen", status=status)

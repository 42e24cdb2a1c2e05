"""A minute that requests and tokens are taken out of. Pure: the time is given.

A minute is any sixty seconds, as providers count it, so that a burst of a whole minute's worth may come at once.
"""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Room = tuple[float | None, float | None]  # requests and tokens that a minute has; None for no limit

MINUTE = 60.0
_EXACT = 1e-9  # sums of floats
_BACK = 1.0  # seconds by which a clock may be set back, and what was taken counts on


class Taken:
    """What one request took: when, and how many tokens. number: its row in a file, or its tenth of a second in Redis.

    counts: whether it is in the last minute of a `Window`.
    """

    __slots__ = ("at", "counts", "number", "tokens")

    def __init__(self, at: float, tokens: float, number: int | None = None) -> None:
        self.at, self.tokens, self.number, self.counts = at, tokens, number, False


def fits(count: int, used: float, tokens: float, room: Room) -> bool:
    """Whether another request goes into a minute that has so many, with so many tokens.

    A request that is larger than a whole minute's tokens goes out in a minute of its own.
    """
    requests, most = room
    return (requests is None or count + 1 <= requests) and (most is None or not count or used + tokens <= most)


def shortage(
    rows: Iterable[tuple[float, float]], count: int, used: float, tokens: float, room: Room, now: float
) -> tuple[float, str]:
    """Seconds until a request fits that does not yet, and what there is none of.

    *rows*: when each request of this minute was taken, and its tokens, the oldest first; no more is read of them than
    has to go. *count*, *used*: how many they are, and all of their tokens.
    """
    requests, most = room
    is_full = requests is not None and count + 1 > requests
    place = count - max(int(requests or 0), 1) if is_full else -1  # of the last that has to go
    wanted = most - min(tokens, most) if most is not None and count and used + tokens > most else None
    by_requests, by_tokens = 0.0, None if wanted is not None else 0.0
    for number, (at, own) in enumerate(rows):
        used -= own
        if number == place:
            by_requests = at + MINUTE - now
        if by_tokens is None and wanted is not None and used <= wanted + _EXACT:
            by_tokens = at + MINUTE - now
        if number >= place and by_tokens is not None:
            break
    if is_full and by_requests >= (by_tokens or 0.0):
        return max(by_requests, 0.001), f"{requests:g} requests"
    return max(by_tokens or 0.0, 0.001), f"{most:g} tokens"


def share_left(count: int, used: float, room: Room) -> float:
    """The part of a minute that is left, from 0 to 1, by whichever is scarcer."""
    requests, most = room
    parts = [1 - count / requests] if requests is not None else []
    parts += [1 - used / most] if most is not None else []
    return max(min(parts, default=1.0), 0.0)


class Window:
    """The last minute of one name, in memory."""

    __slots__ = ("_taken", "_used", "limits")

    def __init__(self, requests: float | None, tokens: float | None) -> None:
        self.limits: Room = (requests, tokens)
        self._taken: deque[Taken] = deque()
        self._used = 0.0  # tokens of this minute

    def take(self, now: float, tokens: float) -> tuple[float, str, Taken | None]:
        """Seconds until there is room, what there is none of, and what was taken where there is."""
        self._forget(now)
        if not fits(len(self._taken), self._used, tokens, self.limits):
            rows = ((one.at, one.tokens) for one in self._taken)
            return *shortage(rows, len(self._taken), self._used, tokens, self.limits, now), None
        taken = Taken(now, tokens)
        taken.counts = True
        self._taken.append(taken)
        self._used += tokens
        return 0.0, "", taken

    def correct(self, taken: Taken, tokens: float) -> None:
        """It took so many tokens, as it turned out."""
        if taken.counts:
            self._used += tokens - taken.tokens
            taken.tokens = tokens

    def give_back(self, taken: Taken) -> None:
        """It was not sent."""
        if taken.counts:
            taken.counts = False
            self._taken.remove(taken)
            self._used -= taken.tokens

    def room(self, now: float) -> float:
        """The part of the minute that is left, from 0 to 1, by whichever is scarcer."""
        self._forget(now)
        return share_left(len(self._taken), self._used, self.limits)

    def is_empty(self, now: float) -> bool:
        """Whether nothing was taken in the last minute."""
        self._forget(now)
        return not self._taken

    def _forget(self, now: float) -> None:
        while self._taken and not now - MINUTE < self._taken[0].at <= now + _BACK:
            gone = self._taken.popleft()
            gone.counts = False
            self._used -= gone.tokens
        if not self._taken:
            self._used = 0.0

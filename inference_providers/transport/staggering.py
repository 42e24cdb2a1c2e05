"""A staggered race: the next runner starts when the previous has not answered in time. Pure.

One generator decides; the drivers in `races` run it with threads or tasks.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    Step = tuple[str, float | int | None]  # ("start", index), ("wait", seconds or None for ever), ("won", index)
    Event = tuple[int, bool]  # (index, whether it answered)

STAGGER = 0.25  # seconds


def race(count: int, stagger: float = STAGGER) -> Generator[Step, Event | None, None]:
    """Yield steps for *count* runners; is sent events, or None when a start is done or a wait is over.

    *stagger*: seconds after which the next starts.

    Of several that answered, the earliest in order is yielded as ("won", index). A
    caller that goes on after a win, because the winner failed a further test, gets the
    next. The generator ends when every runner has failed or won.
    """
    upcoming, running, answered = 0, 0, set[int]()
    while answered or running or upcoming < count:
        if answered:
            event = yield "wait", 0.0  # others may have answered in the same moment
            if event is None:
                winner = min(answered)
                answered.remove(winner)
                yield "won", winner
                continue
        else:
            if upcoming < count:  # at first, after a failure, and when a wait is over
                yield "start", upcoming
                upcoming, running = upcoming + 1, running + 1
            event = yield "wait", stagger if upcoming < count else None
        if event is not None:
            index, ok = event
            running -= 1
            if ok:
                answered.add(index)

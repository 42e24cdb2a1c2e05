"""Telling a person that something takes a while."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TOLD_AFTER, TOLD_EVERY = 2.0, 10.0  # seconds after which a person is told


class Progress:
    """Tells that something is loading: one line that changes on a terminal, a word now and then elsewhere."""

    def __init__(self, what: str, tell: Callable[[str], None]) -> None:
        self._what, self._say = what, tell
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._started = time.monotonic()
        self._next, self._shown = TOLD_AFTER, False

    def __enter__(self) -> Progress:
        return self

    def tell(self, done: str = "") -> None:
        """Say how long it has taken, and how much is *done*, if it is time to."""
        seconds = time.monotonic() - self._started
        if seconds < self._next:
            return
        shown = f"{self._what} ... {done}{', ' * bool(done)}{seconds:.0f} s"
        if self._terminal:
            self._next, self._shown = seconds + 0.5, True
            print(f"\r{shown}\033[K" if done else f"\r{shown}", end="", file=sys.stderr, flush=True)
        else:
            self._next = seconds + TOLD_EVERY
            self._say(shown)

    def __exit__(self, *error: object) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

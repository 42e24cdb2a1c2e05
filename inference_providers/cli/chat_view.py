"""How answers are shown: as Markdown on a terminal, unchanged elsewhere."""

from __future__ import annotations

import signal
from contextlib import contextmanager

from inference_providers.cli.output import on_terminal, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any

WAITING, TABLE = "\u2026", "\u2026 table"


class View:
    """Shows one answer."""

    def __init__(self) -> None:
        self._said = False

    def show(self, text: str) -> None:
        """Show what has come."""
        self._said = True
        say(text, nl=False)

    def end(self) -> None:
        """Show what is held back, and end the line."""
        if self._said:
            say()


class MarkdownView(View):
    """Shows one answer on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console

        from inference_providers.cli.chat_markdown import MarkdownAtoms
        from inference_providers.cli.chat_page import TerminalPage

        self._atoms = MarkdownAtoms()
        self._page = TerminalPage(Console(highlight=False))
        self._page.status(WAITING)

    def show(self, text: str) -> None:
        """Show what has come."""
        self._page.show(self._atoms.feed(text))
        if self._atoms.holds_table:
            self._page.status(TABLE)

    def end(self) -> None:
        """Show what is held back, and end the line."""
        self._page.show(self._atoms.end())
        self._page.end()


def view() -> View:
    """A view of the answer that comes next."""
    return MarkdownView() if on_terminal() else View()


class Interrupts:
    """Ctrl-C, which strikes while an answer is waited for, and not while something is half on the screen.

    It would be there twice, or be lost; and who presses it twice does not want to leave.
    """

    def __init__(self) -> None:
        self._may_strike = self._came = False
        self._before: list[Any] = []

    def __enter__(self) -> Interrupts:
        self._before.append(signal.getsignal(signal.SIGINT))
        if self._before[-1] is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._strike)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before.pop())

    def _strike(self, number: int, frame: FrameType | None) -> None:
        if self._may_strike:
            raise KeyboardInterrupt
        self._came = True

    def forget(self) -> None:
        """What came before was about something else."""
        self._came = False

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """It strikes meanwhile, and at once if it has come since the last time."""
        if self._came:
            self._came = False
            raise KeyboardInterrupt
        self._may_strike = True
        try:
            yield
        finally:
            self._may_strike = False

    @contextmanager
    def usual(self) -> Iterator[None]:
        """It does meanwhile what it does in other programs."""
        before = signal.getsignal(signal.SIGINT)
        if before == self._strike:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

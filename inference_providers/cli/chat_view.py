"""How answers are shown: as Markdown on a terminal, unchanged elsewhere."""

from __future__ import annotations

from inference_providers.cli.output import on_terminal, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

WAITING, TABLE = "\u2026", "\u2026 table"


class View:
    """Shows one answer."""

    def __init__(self) -> None:
        self._said = False

    def show(self, texts: Iterable[str]) -> None:
        """Show texts as they come."""
        for text in texts:
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

    def show(self, texts: Iterable[str]) -> None:
        """Show texts as they come."""
        for text in texts:
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

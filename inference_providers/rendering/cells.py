"""Outputs of a notebook's cell that change while the cell runs: text that comes in pieces, and how far something is.

IPython is used where it is there already, and never imported otherwise.
"""

from __future__ import annotations

import sys
import time

from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_PAUSE = 0.1  # seconds between two updates at least
_BYTES = 100_000  # that updates bring a second at most: each of them brings the whole text


def notebook() -> Any:
    """IPython's shell where this program runs in a notebook, whose outputs can change; else None."""
    get = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get() if get is not None else None
    return shell if getattr(shell, "kernel", None) is not None else None


class Pace:
    """How often a cell is told something new: ten times a second at most, and the less often the longer it is.

    So what a browser gets grows with the time, and not with the square of the text's length.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._next = clock, 0.0

    def is_due(self, size: int) -> bool:
        """Whether something of so many characters may be shown now; if so, it counts as shown."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + max(_PAUSE, size / _BYTES)
        return True


class Cell:
    """One output, which shows something else with each update."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._pace = Pace()

    @property
    def is_shown(self) -> bool:
        """Whether there is anything yet."""
        return self._handle is not None

    def is_due(self, size: int) -> bool:
        """Whether it is time for an update with so many characters."""
        return self._pace.is_due(size)

    def show(self, kind: str, content: str, text: str) -> None:
        """*content*, of a media type, in place of what was there; *text* for what shows plain text only."""
        data = {kind: content, "text/plain": text}
        if self._handle is None:
            from IPython.display import display  # pyright: ignore[reportMissingImports]

            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)


class Text:
    """Text that comes in pieces, as Markdown in a cell; where there is no notebook, on standard output."""

    def __init__(self, so_far: str = "") -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._cell = Cell() if notebook() is not None else None
        if so_far:
            self.add(so_far)

    def wait(self) -> None:
        """Take a place, where nothing has come yet."""
        if self._cell is not None:
            self._cell.show("text/markdown", "…", "…")

    def add(self, piece: str) -> None:
        """Show a further piece, now or with those to come."""
        self._pieces.append(piece)
        self._size += len(piece)
        if self._cell is None:
            _write(piece)
        elif self._cell.is_due(self._size):
            self._show()

    def end(self, answer: str, markdown: str) -> None:
        """All has come: the answer, and how it is shown as Markdown."""
        if self._cell is None:
            _write("\n")
        else:
            self._cell.show("text/markdown", markdown, printable(answer))

    def broken(self, why: str) -> None:
        """No more will come: what has come stays, with a remark."""
        if self._cell is None:
            _write("\n")
        elif self._pieces or self._cell.is_shown:
            self._show(why)

    def _show(self, remark: str = "") -> None:
        from inference_providers.rendering.markdown import note, safe

        assert self._cell is not None
        text = "".join(self._pieces)
        self._pieces = [text]
        markdown = safe(text) + (f"\n\n{note(remark)}" if remark else "")
        self._cell.show("text/markdown", markdown, printable(text))


def _write(text: str) -> None:
    if sys.stdout is not None:
        sys.stdout.write(printable(text))
        sys.stdout.flush()


def bar(done: int, total: int | None, told: str) -> tuple[str, str]:
    """(HTML, text): how far something is."""
    from inference_providers.rendering.markup import NO_FORMULA, tag

    count = f"{done:,}" if total is None else f"{done:,}/{total:,}"
    shown = tag("progress", value=None if total is None else done, max=total or 1, look="wide")
    line = f"{count} · {told}" if told else count
    return tag("div", shown, tag("span", line), class_=NO_FORMULA).text, line

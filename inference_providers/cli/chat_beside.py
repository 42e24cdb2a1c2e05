"""Two models that are asked the same: both answers come at once, beside each other where there is room."""

from __future__ import annotations

import asyncio
import sys
from itertools import zip_longest

from inference_providers.cli import chat_view, kept_log
from inference_providers.cli.chat_markdown import MarkdownAtoms
from inference_providers.cli.chat_page import Page
from inference_providers.cli.chat_talk import FAILURES, footer
from inference_providers.cli.output import on_terminal, say
from inference_providers.cli.refused_keys import RefusedKeys
from inference_providers.cli.wording import spoken
from inference_providers.errors import TruncatedStreamError
from inference_providers.log import held
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from rich.console import Console
    from rich.text import Text

    from inference_providers.chat import Answer
    from inference_providers.cli.chat_markdown import Atom
    from inference_providers.cli.chat_talk import Branch, Content, Talk
    from inference_providers.clients import AsyncProviderList

    Line = list[tuple[str, Any]]

ROOM = 100  # columns from which on two answers stand beside each other
_BETWEEN = " \u2502 "
_PAUSE = 0.1  # seconds between two pictures of both answers


class Column(Page):
    """Atoms as the lines of a column."""

    is_cut = True

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self.lines: list[Line] = [[]]
        super().__init__()

    @property
    def width(self) -> int:
        """Columns."""
        return self._columns

    def put(self, text: str, style: Any = "") -> None:
        """Add to the last line."""
        self.lines[-1].append((text, style))

    def new_line(self) -> None:
        """Begin a further line."""
        self.lines.append([])


class Side:
    """One of the two: its question, and what has come of its answer."""

    def __init__(self, branch: Branch, asked: list[dict[str, Any]]) -> None:
        self.branch, self.asked = branch, asked
        self.pieces: list[str] = []
        self.atoms: list[Atom] = []
        self.answer: Answer | None = None
        self.error: Exception | None = None
        self.is_over = False
        self._reader, self._page, self._shown = MarkdownAtoms(), Column(0), 0

    @property
    def name(self) -> str:
        """Who answers."""
        if self.answer is not None:
            return in_line(f"{self.answer.provider}/{self.answer.model}")
        return in_line(self.branch.model or "the best model within reach")

    async def stream(self, providers: AsyncProviderList, talk: Talk) -> None:
        """Ask, and take the answer as it comes."""
        options = {"system": talk.system, **talk.options}
        try:
            if options.get("tools"):
                self.answer = await providers.ask_ai(self.asked, self.branch.model, **options)
                self._take(str(self.answer))
                return
            async with providers.stream(self.asked, self.branch.model, **options) as stream:
                async for piece in stream:
                    self._take(piece)
            self.answer = stream.answer
        except FAILURES as error:
            self.error = error
        finally:
            self.atoms += self._reader.end()
            self.is_over = True

    def _take(self, piece: str) -> None:
        self.pieces.append(piece)
        self.atoms += self._reader.feed(piece)

    def lines(self, columns: int) -> list[Line]:
        """What has come, in lines of so many columns."""
        if self._page.width != columns:
            self._page, self._shown = Column(columns), 0
        self._page.show(self.atoms[self._shown :])
        self._shown = len(self.atoms)
        return self._page.lines


class Beside:
    """Asks two models at once, each by a list of its own."""

    def __init__(self, make: Callable[[], AsyncProviderList]) -> None:
        self._lists = [make(), make()]
        self._logs = [kept_log.keep(one, "chat", told_now=True) for one in self._lists]
        self._refused = [RefusedKeys(one) for one in self._lists]
        self._runner = asyncio.Runner()

    def ask(self, talk: Talk, content: Content, *, again: bool) -> None:
        """Ask both, show what comes, keep it. Failures are told; Ctrl-C stops both, and keeps what has arrived."""
        sides = [Side(branch, branch.asked(content, again=again)) for branch in talk.branches]
        for side, log in zip(sides, self._logs, strict=True):
            if log is not None:
                log.conversation = side.branch.conversation
        screen = _Columns(sides) if _has_room() else _Rows(sides)
        try:
            with talk.interrupts.usual():
                self._runner.run(self._both(talk, sides, screen))
        except KeyboardInterrupt:
            screen.end()
            talk.tell("(stopped)")
        for number, side in enumerate(sides, 1):
            self._settle(talk, number, side)
        for refused in self._refused:
            refused.tell()

    async def _both(self, talk: Talk, sides: list[Side], screen: _Rows | _Columns) -> None:
        tasks = [asyncio.create_task(side.stream(one, talk)) for side, one in zip(sides, self._lists, strict=True)]
        try:
            with screen:
                while not all(side.is_over for side in sides):
                    screen.draw()
                    await asyncio.wait(tasks, timeout=_PAUSE)
            screen.end()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _settle(self, talk: Talk, number: int, side: Side) -> None:
        if side.error is not None:
            talk.failed = True
            talk.tell(f"{number} {side.name}: {spoken(side.error)}")
        if side.error is None or isinstance(side.error, TruncatedStreamError):
            if side.pieces:
                talk.spent.add(side.answer)
            side.branch.answered(side.asked, "".join(side.pieces))
        if side.answer is not None and on_terminal():
            say(f"{number} {footer(side.answer, talk.spent)}", err=True, dim=True)

    def close(self) -> None:
        """Close connections, and release servers that were launched."""
        for one in self._lists:
            self._runner.run(one.aclose())
        self._runner.close()


def _has_room() -> bool:
    if not on_terminal():
        return False
    console = _console()
    return console.width >= ROOM and not console.is_dumb_terminal


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


class _Columns:
    """Both answers beside each other: on a screen of their own as long as they come, and then among all else, once."""

    def __init__(self, sides: Sequence[Side]) -> None:
        self._sides, self._console = sides, _console()
        self._context, self._held = self._console.screen(), held()  # a warning would go with the screen
        self._seen: tuple[int, ...] = ()
        self._is_done = False

    def __enter__(self) -> None:
        self._held.__enter__()
        self._screen = self._context.__enter__()

    def __exit__(self, *exception: Any) -> None:
        self._context.__exit__(*exception)
        self._held.__exit__(*exception)

    def draw(self) -> None:
        """Draw the ends of both."""
        width, height = self._console.size
        seen = (width, height, *(len(side.atoms) for side in self._sides))
        if seen != self._seen:
            from rich.text import Text

            self._seen = seen
            self._screen.update(Text("\n").join([self._head(width), *self._rows(width)[-(height - 1) :]]))

    def end(self) -> None:
        """Print both, whole."""
        if not self._is_done:
            self._is_done = True
            width = self._console.width
            for line in (self._head(width), *self._rows(width)):
                self._console.print(line, soft_wrap=True)

    def _head(self, width: int) -> Text:
        first, second = ([(f"{number} {side.name}", "bold")] for number, side in enumerate(self._sides, 1))
        return _row(first, second, width)

    def _rows(self, width: int) -> list[Text]:
        first, second = (side.lines(_columns(width)) for side in self._sides)
        nothing: Line = []
        return [_row(left, right, width) for left, right in zip_longest(first, second, fillvalue=nothing)]


def _row(left: Line, right: Line, width: int) -> Text:
    from rich.text import Text

    one, other = Text.assemble(*left), Text.assemble(*right)
    one.truncate(_columns(width), pad=True)
    other.truncate(_columns(width))
    return Text.assemble(one, (_BETWEEN, "dim"), other)


def _columns(width: int) -> int:
    return (width - len(_BETWEEN)) // 2


class _Rows:
    """One answer below the other, each as it comes, or as it came while the other was shown."""

    def __init__(self, sides: Sequence[Side]) -> None:
        self._left = list(enumerate(sides, 1))
        self._view: chat_view.View | None = None
        self._shown = 0

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def draw(self) -> None:
        """Show what has come."""
        while self._left:
            number, side = self._left[0]
            if self._view is None:
                say(f"{number} {side.name}", err=True, bold=True)
                self._view, self._shown = chat_view.view(), 0
            new = side.pieces[self._shown :]
            self._shown += len(new)
            self._view.show("".join(new))
            if not side.is_over:
                break
            self._view.end()
            self._view = None
            self._left.pop(0)
        sys.stdout.flush()

    def end(self) -> None:
        """Show the rest."""
        while self._left:
            self._left[0][1].is_over = True
            self.draw()

"""Atoms of Markdown laid out in lines, which are only ever added to: on a terminal, or in a column of it."""

from __future__ import annotations

from rich.cells import cell_len, get_character_cell_size

from inference_providers.cli.output import encodable
from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rich.console import Console

    from inference_providers.cli.chat_markdown import Atom, Parts

_RULE = 40  # columns; a longer one would be broken where the terminal becomes narrower
_CONTEXT = 100  # lines of code above a line that say how it is highlighted
_LEAST = 10  # columns beside the marks of lists and quotes, however deep they are


class Page:
    """Where atoms go. Words stand in as many columns as there are now; what stands is not touched again."""

    is_cut = False  # whether lines are cut at the last column; else the terminal goes on in its next line

    def __init__(self) -> None:
        self._column = 0
        self._below: Parts = ()  # what stands before further lines of the block
        self._is_empty = True
        self._at_word = False  # whether a word stands in the line
        self._code: list[str] = []
        self._width = self.width

    @property
    def width(self) -> int:
        """Columns."""
        raise NotImplementedError

    def put(self, text: str, style: Any = "") -> None:
        """Add to the last line."""
        raise NotImplementedError

    def new_line(self) -> None:
        """Begin a further line."""
        raise NotImplementedError

    def show(self, atoms: Sequence[Atom]) -> None:
        """Add atoms."""
        at = 0
        while at < len(atoms):
            atom = atoms[at]
            end = at + 1
            if atom.kind == "line":
                while end < len(atoms) and atoms[end].kind == "line":
                    end += 1
                self._lines(atoms[at:end])
            elif atom.kind == "word":
                self._word(atom.parts, atom.space)
            elif atom.kind == "start":
                self._start(atom)
            elif atom.kind == "break":
                self._further()
            elif atom.kind == "rule":
                self._put("\u2500" * min(_RULE, self.width - self._column), "dim")
            else:
                self._table(atom)
            at = end

    def _start(self, atom: Atom) -> None:
        if not self._is_empty:
            self.new_line()
            if atom.space:
                self._marks(tuple(part for part, above in zip(atom.more, self._below, strict=False) if part == above))
                self.new_line()
        self._is_empty, self._column, self._at_word, self._below, self._code = False, 0, False, atom.more, []
        self._width = self.width
        self._marks(atom.parts)

    def _further(self) -> None:
        """A further line of the same block."""
        self.new_line()
        self._column, self._at_word, self._width = 0, False, self.width
        self._marks(self._below)

    def _marks(self, parts: Parts) -> None:
        for text, style in parts:
            self._put(text, style)

    def _put(self, text: str, style: Any = "") -> None:
        if text:
            self._column += cell_len(text)
            self.put(text, style)

    def _word(self, parts: Parts, space: bool) -> None:
        size = sum(cell_len(text) for text, _ in parts)
        if self._at_word:
            if self._width != self.width or self._column + space + size > self.width:
                self._further()
            elif space:
                self._put(" ")
        self._at_word = True
        if self._column + size <= self.width:
            for text, style in parts:
                self._put(text, style)
            return
        for text, style in parts:
            self._broken(text, style)

    def _broken(self, text: str, style: Any) -> None:
        """A word, or a line of code, that is wider than what is left of its line."""
        column, width, done = self._column, self.width, 0
        for place, letter in enumerate(text):
            cells = get_character_cell_size(letter)
            if column + cells > width:
                if self.is_cut:
                    self.put(text[done:place], style)
                    self._further()
                    done = place
                column = self._column if self.is_cut else 0
            column += cells
        self.put(text[done:], style)
        self._column = column

    def _lines(self, atoms: Sequence[Atom]) -> None:
        new = [encodable(printable(atom.parts[0][0])).expandtabs(4) for atom in atoms]
        known = self._code[-_CONTEXT:]
        for number, line in enumerate(highlighted([*known, *new], atoms[0].parts[0][1])[len(known) :]):
            if number or self._code:
                self._further()
            for text, style in line:
                self._broken(text, style)
        self._code += new

    def _table(self, atom: Atom) -> None:
        for number, line in enumerate(table_lines(atom.more, max(_LEAST, self.width - self._column))):
            if number:
                self._further()
            for text, style in line:
                self._put(text, style)


def highlighted(lines: list[str], language: str) -> list[list[tuple[str, Any]]]:
    """Lines of code, each as texts with their styles: the terminal's own colours, which suit its background."""
    if not language:
        return [[(line, "")] for line in lines]
    from rich.console import Console
    from rich.syntax import Syntax

    console = Console()
    code = "\n".join(lines)
    text = Syntax("", language, theme="ansi_dark", background_color="default").highlight(code)
    parts = [[(part.text, part.style or "") for part in line.render(console)] for line in text.split("\n")]
    return parts[: len(lines)] + [[] for _ in lines[len(parts) :]]


def table_lines(rows: Any, width: int) -> list[list[tuple[str, Any]]]:
    """A table of at most so many columns, as lines of texts with their styles."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    def cell(units: Any) -> Text:
        text = Text()
        for _, space, parts in units:
            text.append(" " if space else "")
            for part in parts:
                text.append(*part)
        return text

    has_head = any(rows[0])
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold", show_header=has_head)
    for head in rows[0]:
        table.add_column(cell(head), overflow="fold")
    for row in rows[1:]:
        table.add_row(*map(cell, row))
    console = Console(width=width)
    lines = console.render_lines(table, console.options.update(width=width), pad=False)
    return [_stripped([(part.text, part.style or "") for part in line]) for line in lines]


def _stripped(line: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    while line and not line[-1][0].rstrip():
        line.pop()
    return [*line[:-1], (line[-1][0].rstrip(), line[-1][1])] if line else []


class TerminalPage(Page):
    """The end of a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._batch: list[tuple[str, Any]] = []
        self._status = ""
        self._has_line = False  # whether the status took the line that comes next
        super().__init__()

    @property
    def width(self) -> int:
        """Columns of the terminal, which may change."""
        return self._console.width

    def put(self, text: str, style: Any = "") -> None:
        """Add to the last line."""
        self._batch.append((text, style))

    def new_line(self) -> None:
        """Begin a further line."""
        if self._has_line:
            self._has_line = False
        else:
            self._batch.append(("\n", ""))

    def show(self, atoms: Sequence[Atom]) -> None:
        """Add atoms."""
        if atoms:
            self.status("")
            super().show(atoms)
            self._write()

    def end(self) -> None:
        """End the last line."""
        self.status("")
        if not self._is_empty:
            self.new_line()
            self._write()

    def status(self, text: str) -> None:
        """Show a word on what is going on, in place of the one before, until something else is shown; empty for none.

        It is so short that it stays in one line, and so can be removed from it, however narrow the terminal becomes.
        """
        if text == self._status or not self._console.is_terminal or self._console.is_dumb_terminal:
            return
        if not self._status and not self._is_empty and not self._has_line:
            self._console.file.write("\n")
            self._has_line = True
        self._console.file.write("\r\x1b[K")
        self._status = text
        if text:
            self._batch.append((text, "dim"))
        self._write()
        if text:
            self._console.file.write("\r")  # whatever somebody else prints takes its place
            self._console.file.flush()

    def _write(self) -> None:
        from rich.text import Text

        text = Text.assemble(*self._batch)
        self._batch = []
        self._console.print(text, end="", soft_wrap=True)
        self._console.file.flush()

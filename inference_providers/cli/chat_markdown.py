"""Markdown that comes in pieces, as atoms: what is shown for good, whatever comes after it. Pure.

An atom says nothing of a terminal's width, and none is taken back: the atoms of a text begin with those of each of its
beginnings. So nothing that is on a screen is ever drawn again. What may still become something else is held back: the
word that is being written, a `**` that has not been closed, the rows of a table, the start of a line.
"""

from __future__ import annotations

import re
from collections import namedtuple

from inference_providers.cli.chat_inline import WIDE, units

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NamedTuple

    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

    Parts = tuple[tuple[str, str], ...]  # texts, each with its style in rich's words

    class Atom(NamedTuple):
        """Something to show.

        `start`: a block begins, after a blank line if *space*, with the mark *parts*; *more* stands before its further
        lines. `word`: after a space if *space*. `break`: a new line. `line`: of code; the style of its part is the
        language. `rule`. `table`: *more* are its rows of cells.
        """

        kind: str
        space: bool = False
        parts: Parts = ()
        more: Any = ()

else:
    Atom = namedtuple("Atom", "kind space parts more", defaults=(False, (), ()))

_HEAD = 20  # characters of a line from which it is known what it begins: the rows of tables have a `|` by then
_MARKS = re.compile(r"(?:[ \t]|[-+*>]|\d{1,9}[.)])*")  # of lists and quotes, before what they hold
_DELIMITERS = re.compile(r"[ \t>|:-]*")  # the line under the head of a table, or its beginning
_LAST_SPACE = re.compile(rf"(?s)\A.*(?:\S(?=\s)|[{WIDE}](?=[{WIDE}]))")  # where a text can be cut between words
_STEP = 100  # of a long block, a further hundredth is awaited before it is read again


def _parser() -> MarkdownIt:
    """Markdown whose beginning means the same whatever follows: `---` below a text is a rule, and `[1]` is text."""
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import table

    def headed(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        begin = state.src.rfind("\n", 0, state.bMarks[start] + state.tShift[start]) + 1
        return "|" in state.src[begin : min(begin + _HEAD, state.eMarks[start])] and table(state, start, end, silent)

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.block.ruler.at("table", headed, {"alt": ["paragraph", "reference"]})
    return parser.disable(["lheading", "reference", "html_block", "html_inline"])


class MarkdownAtoms:
    """The atoms of a text, as its pieces come."""

    def __init__(self) -> None:
        self._parser = _parser()
        self._text = ""  # from the start of the last block, which may go on
        self._read = self._given = 0  # how much of that was read, and how many of its atoms were given
        self.holds_table = False  # whether a table is coming, of which nothing can be shown yet

    def feed(self, piece: str) -> list[Atom]:
        """What is certain by this piece, and was not before."""
        self._text += piece
        if len(self._text) - self._read < len(self._text) / _STEP or not re.search(rf"[\s{WIDE}]", piece):
            return []
        self._read = len(self._text)
        return self._new(_known(self._text), is_whole=False)

    def end(self) -> list[Atom]:
        """The rest."""
        return self._new(self._text, is_whole=True)

    def _new(self, text: str, *, is_whole: bool) -> list[Atom]:
        found: list[Atom] = []
        tokens = self._parser.parse(text)
        begins = [at for at, token in enumerate(tokens) if token.level == 0 and token.nesting >= 0]
        for at, end in zip(begins, [*begins[1:], None], strict=False):
            is_open = end is None and not is_whole
            block = _Block(tokens[at:end], text, is_open=is_open)
            atoms = list(block.atoms())
            found += atoms[self._given :]
            self._given, self.holds_table = max(self._given, len(atoms)) if is_open else 0, block.holds_table
        if begins and (line := (tokens[begins[-1]].map or [0])[0]):
            self._text = "\n".join(self._text.split("\n")[line:])
            self._read = len(self._text)
        return found


def _known(text: str) -> str:
    """The part of a text of which it is certain what its lines are, up to the end of a word."""
    body, feed, line = text.rpartition("\n")
    body += feed
    marks = _MARKS.match(line)
    held = line[marks.end() :] if marks else line
    cut = _LAST_SPACE.match(line)
    kept = cut[0] if cut else ""
    is_certain = len(line) >= _HEAD and "|" not in line[:_HEAD] and not held.startswith(("#", "```", "~~~"))
    if is_certain and any(letter.isalpha() for letter in kept[len(line) - len(held) :]):
        return body + kept
    while _DELIMITERS.fullmatch(line):
        above, feed, line = body[:-1].rpartition("\n")
        if "|" not in line[:_HEAD]:
            break
        body = above + feed  # perhaps the head of a table
    return body


class _Block:
    """A block of the outermost level, with all that is in it."""

    def __init__(self, tokens: Sequence[Token], text: str, *, is_open: bool) -> None:
        """*is_open*: more of it may come."""
        self._tokens, self._text = tokens, text
        self._tail = len(tokens)  # behind the last token that is no end of another
        while self._tail and tokens[self._tail - 1].nesting < 0:
            self._tail -= 1
        above = text.rstrip("\n \t>")
        self._is_open = is_open
        self._is_open_leaf = is_open and text.count("\n") - above.count("\n") < 2  # no blank line has ended it
        self._below: list[tuple[str, str]] = []  # what each list and quote puts before further lines,
        self._marks: dict[int, tuple[str, str]] = {}  # and those that put something else before the next one
        self._numbers: list[int | None] = []  # of the items of lists
        self._end = -1  # the line behind the last leaf
        self.holds_table = False

    def atoms(self) -> Iterator[Atom]:
        """What of it is certain."""
        rows: list[list[Any]] = []
        for at, token in enumerate(self._tokens):
            is_last = at >= self._tail - 1
            kind = token.type
            if kind == "inline" and rows:
                rows[-1].append(tuple(unit for unit in units(token, is_open=False)))
            elif kind == "inline":
                style = "bold" if self._tokens[at - 1].type == "heading_open" else ""
                found = list(units(token, style, is_open=is_last and self._is_open_leaf))
                if found:
                    yield self._start(token)
                    yield from (Atom(*unit) for unit in found)
            elif kind in ("fence", "code_block"):
                yield from self._code(token, is_last)
            elif kind == "hr":
                yield self._start(token)
                yield Atom("rule")
            elif kind == "tr_open":
                rows.append([])
            elif kind == "table_close":
                self.holds_table = at >= self._tail and self._is_open_leaf
                if not self.holds_table:
                    yield self._start(next(one for one in self._tokens[:at][::-1] if one.type == "table_open"))
                    yield Atom("table", more=tuple(tuple(row) for row in rows))
                rows = []
            else:
                yield from self._container(token, is_last and self._is_open)

    def _container(self, token: Token, may_go_on: bool) -> Iterator[Atom]:
        kind = token.type
        if kind in ("bullet_list_open", "ordered_list_open"):
            self._numbers.append(int(token.attrs.get("start", 1)) if kind[0] == "o" else None)
        elif kind in ("bullet_list_close", "ordered_list_close"):
            self._numbers.pop()
        elif kind == "blockquote_open":
            self._below.append(("\u2502 ", "dim"))
        elif kind == "list_item_open":
            number = self._numbers[-1]
            mark = "\u2022 " if number is None else f"{number}. "
            self._numbers[-1] = None if number is None else number + 1
            self._marks[len(self._below)] = (mark, "bold" if number is None else "")
            self._below.append((" " * len(mark), ""))
        elif kind in ("blockquote_close", "list_item_close"):
            if len(self._below) - 1 in self._marks and not may_go_on:
                yield self._start(None)
            self._below.pop()

    def _start(self, token: Token | None) -> Atom:
        """The start of a leaf. Lists bring blank lines where their source has them, since more may come."""
        first = self._end < 0
        space = first
        if token is not None and token.map:
            space = first or token.map[0] > self._end
            self._end = token.map[1]
        parts = tuple(self._marks.get(depth, below) for depth, below in enumerate(self._below))
        self._marks.clear()
        return Atom("start", space, parts, tuple(self._below))

    def _code(self, token: Token, is_last: bool) -> Iterator[Atom]:
        lines = token.content.removesuffix("\n").split("\n") if token.content else []
        if is_last and self._is_open_leaf and not self._text.endswith("\n"):
            lines = lines[:-1]  # it is not complete
        language = token.info.split()[0] if token.info.strip() else ""
        for number, line in enumerate(lines):
            if number == 0:
                yield self._start(token)
            yield Atom("line", parts=((line, language),))

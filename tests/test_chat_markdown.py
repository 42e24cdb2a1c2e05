"""Markdown that comes in pieces: what is shown stays, is shown once, and is the same however it came."""

from __future__ import annotations

import io
import logging
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from inference_providers.cli.chat_beside import Column
from inference_providers.cli.chat_markdown import Atom, MarkdownAtoms
from inference_providers.cli.chat_page import TerminalPage
from tests.terminals import Screen

ANSWER = """\
# A **long** answer

Some words with `inline code`, a [link](https://example.com/a), *emphasis* and ~~what is gone~~, long enough for lines.
It goes on in the same paragraph; 2 * 3 = 6, snake_case, `a * b`, __init__ & more. \u4e16\u754c\u4f60\u597d\uff0c\u91cd\u8981\u3002

1. first item, which is so long that it takes more than one line wherever forty columns are all there is
2. second
   - nested \U0001f600
   - again

     with a paragraph of its own

> a quote
> of two lines

| name | what it is |
|------|-----------|
| alpha | the first of the letters, with **bold** words |
| beta | \u4e16\u754c |

```python
def function(argument):

    return "a rather long line of code " + argument + " that does not fit in forty columns"
```

---
The last words.
"""
WORDS = [
    "foo", "bar", "**bold**", "*it*", "`co de`", "[l](http://x.y)", "![i](a.png)", "__init__", "a_b_c", "2 * 3", "a*b", "**",
    "*", "_", "`", "[", "]", "](", "~~", "~~x~~", "<http://a.b>", "<", "&amp;", "&", "\\*", "\\", "\u4e16\u754c",
    "\u4f60\u597d\uff0c", "\u300c\u91cd\u8981\u300d", "**\u91cd\u8981**", "|", "| a | b |", "|---|---|", "--- | ---", "|:-|", "#",
    "# H", "- x", "1. y", "10) z", "```", "```py", "~~~", "> q", "---", "***", "===", "   ", "    ", "\t", "\U0001f600", "100",
    "Some longer sentence that goes on for a while", "\u202e", "&#27;", "[a] b", "[a](b c)", "*foo bar**baz*", "**a* b**",
    "***x***", "Name | Age", "x  ",
]  # fmt: skip
GAPS = [" ", " ", " ", "\n", "\n", "\n\n", "", "\n  ", "\n    ", "\n> ", "\n- ", "\n1. ", "  \n", "\\\n"]


@pytest.fixture(autouse=True)
def quiet_parser() -> None:
    """Its log has each rule that it tries, which takes longer than all else here."""
    logging.getLogger("markdown_it").setLevel(logging.WARNING)


def atoms_of(text: str, *cuts: int) -> list[Atom]:
    reader, found = MarkdownAtoms(), list[Atom]()
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        found += reader.feed(text[start:end])
    return found + reader.end()


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_however_a_text_is_cut_its_atoms_are_the_same(chance: random.Random) -> None:
    text = "".join(chance.choice(WORDS) + chance.choice(GAPS) for _ in range(chance.randint(1, 15)))
    cuts = sorted(chance.sample(range(len(text) + 1), min(len(text), chance.choice([3, 60]))))
    assert atoms_of(text, *cuts) == atoms_of(text)


def test_the_beginning_of_an_answer_is_the_beginning_of_what_is_shown() -> None:
    whole, reader, shown = atoms_of(ANSWER), MarkdownAtoms(), list[Atom]()
    for letter in ANSWER:
        shown += reader.feed(letter)
        assert shown == whole[: len(shown)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("These are the words of a sentence", "These are the words of a"),
        ("These are the words **of a sen", "These are the words"),
        ("These are the words [of a](http://exa", "These are the words"),
        ("A line that is complete\n", "A line that is complete"),
        ("A short", ""),
        ("```python\na = 1\nb = ", "a = 1"),
        ("```python\na = 1\n```", "a = 1"),
        ("| a | b |\n|---|---|\n| c | d |\n", ""),
        ("\u4e16\u754c\u4f60\u597d" * 6, "\u4e16\u754c\u4f60\u597d" * 5 + "\u4e16\u754c\u4f60"),
    ],
)
def test_what_is_certain_is_shown_at_once(text: str, shown: str) -> None:
    atoms = MarkdownAtoms().feed(f"{text}")
    said = "".join(" " * atom.space + "".join(part for part, _ in atom.parts) for atom in atoms if atom.kind != "start")
    assert said == shown


def test_a_table_that_comes_is_told_and_shown_when_it_is_whole() -> None:
    reader = MarkdownAtoms()
    assert reader.feed("| a | b |\n|---|---|\n| c | d |\n| e ") == []
    assert reader.holds_table
    assert [atom.kind for atom in reader.feed("| f |\n\nand")] == ["start", "table"]
    assert not reader.holds_table


def test_a_long_block_is_not_read_again_for_each_word() -> None:
    reader, reads = MarkdownAtoms(), list[int]()
    parse = reader._parser.parse
    reader._parser.parse = lambda text: (reads.append(len(text)), parse(text))[1]  # type: ignore[method-assign,assignment]
    for number in range(2000):
        reader.feed(f"word{number} ")
    assert sum(reads) < 300 * 20000


# On a terminal


def fed(columns: int, pieces: list[str], resized: dict[int, int] | None = None) -> tuple[str, Screen]:
    """The bytes that an answer in pieces brings, and the screen after them; *resized*: columns by the piece's number."""
    screen, file = Screen(12, columns), io.StringIO()
    console = Console(file=file, force_terminal=True, width=columns, highlight=False, _environ={"TERM": "xterm"})
    page, reader, done = TerminalPage(console), MarkdownAtoms(), 0
    page.status("\u2026")

    def show(atoms: list[Atom]) -> None:
        nonlocal done
        page.show(atoms)
        if reader.holds_table:
            page.status("\u2026 table")
        screen.feed(file.getvalue()[done:].replace("\n", "\r\n").encode())
        done = len(file.getvalue())

    for number, piece in enumerate(pieces):
        if resized and number in resized:
            console.width = resized[number]
            screen.resize(12, console.width)
        show(reader.feed(piece))
    show(reader.end())
    page.end()
    screen.feed(file.getvalue()[done:].replace("\n", "\r\n").encode())
    return file.getvalue(), screen


def pieces_of(text: str, seed: int) -> list[str]:
    chance, found = random.Random(seed), list[str]()
    while text:
        size = chance.randint(1, 12)
        found.append(text[:size])
        text = text[size:]
    return found


def bare(text: str) -> str:
    """A text without spaces, lines and the rules of tables."""
    return re.sub(r"[\s\u2500\u2502\u2022]", "", text)


@pytest.mark.parametrize("columns", [20, 40, 80, 120])
def test_each_word_is_on_the_screen_or_above_it_once(columns: int) -> None:
    shown = [fed(columns, pieces_of(ANSWER, seed))[1].lines for seed in range(3)]
    assert shown[0] == shown[1] == shown[2] == fed(columns, [ANSWER])[1].lines
    text = bare("".join(shown[0]))
    for words in (
        "Along", "inlinecode,alink(https://example.com/a),emphasis", "firstitem,which", "nested\U0001f600", "aquoteoftwolines",
        "deffunction(argument):", 'return"aratherlongline', "Thelastwords.", "\u4e16\u754c\u4f60\u597d\uff0c\u91cd\u8981\u3002",
    ):  # fmt: skip
        assert text.count(words) == 1, words
    assert max(map(len, shown[0])) <= columns


def test_what_is_shown_is_only_ever_added_to() -> None:
    """So neither keys, nor Ctrl-C, nor another size can show anything twice: only one short word takes its line back."""
    raw, _ = fed(40, pieces_of(ANSWER, 1))
    assert set(re.findall(r"\x1b\[[0-9;?]*([a-zA-Z])", raw)) == {"m", "K"}
    for taken_back in re.findall(r"([^\n]*)\r\x1b\[K", raw):
        assert len(re.sub(r"\x1b\[[0-9;]*[mK]", "", taken_back)) < 12


def test_a_terminal_that_gets_another_size_shows_all_once() -> None:
    pieces = pieces_of(ANSWER, 2)
    wide = {len(pieces) // 3: 80, len(pieces) // 2: 100}
    text = bare("".join(fed(40, pieces, wide)[1].lines))
    assert text == bare("".join(fed(80, pieces)[1].lines))
    narrow, _ = fed(80, pieces, {len(pieces) // 3: 30, len(pieces) // 2: 25})
    words = re.sub(r"\x1b\[[0-9;]*[mK]", "", narrow)
    assert all(words.count(word) == 1 for word in ("emphasis", "nested", "rather", "last", "gone"))


def test_a_terminal_without_colours_gets_none() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=40, _environ={"TERM": "xterm", "NO_COLOR": "1"})
    page, reader = TerminalPage(console), MarkdownAtoms()
    page.show(reader.feed(ANSWER) + reader.end())
    assert re.findall(r"\x1b\[[0-9;]*3[0-9]m", file.getvalue()) == []


def test_a_dumb_terminal_gets_no_code_at_all() -> None:
    file = io.StringIO()
    page, reader = (
        TerminalPage(Console(file=file, force_terminal=True, width=40, _environ={"TERM": "dumb"})),
        MarkdownAtoms(),
    )
    page.status("\u2026")
    page.show(reader.feed(ANSWER) + reader.end())
    assert "\x1b" not in file.getvalue() and "\r" not in file.getvalue()


EVIL = "\x1b]0;owned\x07 \x9b31m &#27;]0;owned&#7; [link](https://x.example/\x1b]0;owned\x07) \u202e `a\x1b[2J` end\n\n```\n\x1b[2J\n```\n"


def test_no_text_steers_the_terminal() -> None:
    raw, _ = fed(80, pieces_of(EVIL, 3))
    raw = re.sub(r"\x1b\[[0-9;]*m|\r+(?:\x1b\[K)?", "", raw)
    assert raw.replace("\n", "").isprintable()


# In a column


@pytest.mark.parametrize("columns", [10, 33, 48])
def test_lines_of_a_column_fit_in_it(columns: int) -> None:
    from rich.cells import cell_len

    column = Column(columns)
    column.show(atoms_of(ANSWER))
    lines = ["".join(text for text, _ in line) for line in column.lines]
    assert max(map(cell_len, lines)) <= columns
    assert "Thelastwords." in bare("".join(lines))

"""Docstrings of functions: what they say about the function and each parameter. Pure.

In the styles of Google, NumPy, Sphinx and Epydoc.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from typing import Any

LONGEST = 64 * 1024  # characters that are read
_MOST_SPACES = 40  # in a row: the library's patterns backtrack over them
_PARAMETERS = (
    "Args", "Arguments", "Parameters", "Params", "Attributes", "Keyword Args", "Keyword Arguments", "Other Parameters",
)  # fmt: skip
_OTHERS = ("Returns", "Return", "Yields", "Yield", "Raises", "Raise", "Exceptions", "Except")
_FIELDS = (
    "param", "parameter", "arg", "argument", "key", "keyword", "type", "return", "returns", "rtype",
    "yield", "yields", "ytype", "raise", "raises", "except", "exception",
)  # fmt: skip
_TEXT = "\0"  # before a line that only looks like a field


def parse_docstring(docstring: str, names: Container[str]) -> tuple[str, dict[str, str]]:
    """A docstring's text before its list of parameters, and what it says about each of *names*.

    The text is the first paragraph if the docstring has a list that cannot be read.
    """
    import inspect

    text = inspect.cleandoc(docstring[:LONGEST]).strip()
    lines = list(_regular(text.split("\n")))
    if len(lines) == 1 and not lines[0].startswith(":"):
        return text, {}
    from docstring_parser import DocstringMeta

    best, about, parts = (0, 0), text, dict[str, str]()
    for parse in _parsers():
        try:
            parsed = parse("\n".join((_TEXT, *lines)))  # begins with text, or the other lines would lose their indents
        except Exception:  # noqa: BLE001  (a parser for another style may fail in any way: the tool works without)
            about = about if any(best) else text.partition("\n\n")[0]
            continue
        texts = _texts(parsed, names)
        rank = (len(texts), sum(type(part) is not DocstringMeta for part in parsed.meta))
        if rank > best:
            best, about, parts = rank, (parsed.description or "").replace(_TEXT, ""), texts
    return about.strip(), parts


def _parsers() -> list[Callable[[str], Any]]:
    from functools import partial

    from docstring_parser import DocstringStyle, parse
    from docstring_parser.google import GoogleParser, Section, SectionType

    lists = [Section(title, "param", SectionType.MULTIPLE) for title in _PARAMETERS]
    # The other sections are not needed; read as plain text, they may hold anything.
    google = GoogleParser([*lists, *(Section(title, "returns", SectionType.SINGULAR) for title in _OTHERS)])
    return [google.parse, partial(parse, style=DocstringStyle.NUMPYDOC), partial(parse, style=DocstringStyle.REST)]


def _texts(parsed: Any, names: Container[str]) -> dict[str, str]:
    """The description of each name, on one line."""
    texts: dict[str, str] = {}
    for part in parsed.params:
        text = part.description or ""
        if parsed.style.name == "REST":
            text = text.partition("\n\n")[0]  # text behind the fields would count as the last field's
        for name in (part.arg_name or "").split(","):
            name = name.strip(" *\\`")
            if name in names and (words := text.replace(_TEXT, "").split()):
                texts.setdefault(name, " ".join(words))
    return texts


def _regular(lines: list[str]) -> Iterator[str]:
    """The lines of a docstring in a form that every parser accepts, and reads in linear time."""
    section: _Entries | None = None
    last = ""
    for line in lines:
        line = _without_long_gaps(line)
        words = line.strip()
        indent = len(line) - len(line.lstrip())
        if section is not None and words and section.is_over(indent, after_blank=not last):
            section, line = None, words
        title = words.removesuffix(":")
        if title != words and title in (*_PARAMETERS, *_OTHERS) and (section is None or indent <= section.title):
            section = _Entries(indent) if title in _PARAMETERS else None
            line = words
        elif section is not None:
            line = section.line(words, indent)
        elif words[:1] in (":", "@"):
            line = _field(line, words)
        elif len(words) >= 3 and not words.strip("-") and last:
            line = "-" * len(last)  # below a title in NumPy's style, whose length it must have
        yield line
        last = line


def _without_long_gaps(line: str) -> str:
    """A line without spaces at its end, and without long runs of spaces within."""
    import re

    return re.sub(rf"\s{{{_MOST_SPACES},}}", " " * _MOST_SPACES, line.rstrip())


class _Entries:
    """A list of parameters in Google's style, indented evenly: entries by four spaces, their other lines by eight."""

    def __init__(self, title: int) -> None:
        self.title, self._indent, self._has_entries = title, -1, False

    def is_over(self, indent: int, *, after_blank: bool) -> bool:
        """Whether a line is below the list.

        It is if it is indented like the title; if entries are as well, only after an empty line.
        """
        return self._indent > -1 and indent <= self.title and (self._indent > self.title or after_blank)

    def line(self, words: str, indent: int) -> str:
        """A line of the list, indented evenly."""
        if words and self._indent < 0:
            self._indent = indent
        entry = _entry(words) if indent <= self._indent else ""
        self._has_entries = self._has_entries or bool(entry)
        if entry:
            return f"    {entry}"
        return f"        {words}" if words and self._has_entries else ""


def _entry(words: str) -> str:
    """`days: how many`, also from `days (int): how many`, whose type may hold colons; empty for other text."""
    head, colon, text = words.partition(":")
    name, bracket, _ = head.partition("(")
    if bracket:
        _, colon, text = words.replace(") :", "):", 1).partition("):")
    name = name.strip(" *\\`")
    return (
        f"{name}: {text.strip()}" if colon and all(one.strip(" *\\`").isidentifier() for one in name.split(",")) else ""
    )


def _field(line: str, words: str) -> str:
    """`:param days: how many`, also from `:param list of int days:` and `@param days:`; other lines as text."""
    head, colon, text = words[1:].partition(":")
    names = head.split()
    if not colon or not names:
        return _TEXT + line
    if names[0] in _FIELDS or (line[0] == ":" and text[:1] in ("", " ")):
        return f":{' '.join(names[:1] + names[1:][-1:])}:{text}"
    return _TEXT + line

"""Docstrings of functions: what they say of the function, and of each parameter. Google's, NumPy's, Sphinx's or Epydoc's style. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from typing import Any

LONGEST = 64 * 1024  # characters that are looked at
_MOST_SPACES = 40  # at a stretch: patterns of the library's go back over them
_PARAMETERS = ("Args", "Arguments", "Parameters", "Params", "Attributes", "Keyword Args", "Keyword Arguments", "Other Parameters")  # fmt: skip
_OTHERS = ("Returns", "Return", "Yields", "Yield", "Raises", "Raise", "Exceptions", "Except")
_FIELDS = (
    "param", "parameter", "arg", "argument", "key", "keyword", "type", "return", "returns", "rtype",
    "yield", "yields", "ytype", "raise", "raises", "except", "exception",
)  # fmt: skip
_TEXT = "\0"  # before a line that only looks like a field


def described(docstring: str, names: Container[str]) -> tuple[str, dict[str, str]]:
    """A docstring's text before its list of parameters, and what it says of each of *names*.

    The first paragraph is the text where the docstring begins a list that cannot be read.
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
            found = parse("\n".join((_TEXT, *lines)))  # a first line of text, or the others would lose their indents
        except Exception:  # noqa: BLE001  (whatever another style's parser makes of it: the tool works without)
            about = about if any(best) else text.partition("\n\n")[0]
            continue
        said = _parts(found, names)
        rank = (len(said), sum(type(part) is not DocstringMeta for part in found.meta))
        if rank > best:
            best, about, parts = rank, (found.description or "").replace(_TEXT, ""), said
    return about.strip(), parts


def _parsers() -> list[Callable[[str], Any]]:
    from functools import partial

    from docstring_parser import DocstringStyle, parse
    from docstring_parser.google import GoogleParser, Section, SectionType

    lists = [Section(title, "param", SectionType.MULTIPLE) for title in _PARAMETERS]
    # What the other sections hold is not needed; as plain text it may be anything.
    google = GoogleParser([*lists, *(Section(title, "returns", SectionType.SINGULAR) for title in _OTHERS)])
    return [google.parse, partial(parse, style=DocstringStyle.NUMPYDOC), partial(parse, style=DocstringStyle.REST)]


def _parts(found: Any, names: Container[str]) -> dict[str, str]:
    """What is said of each name, on one line."""
    parts: dict[str, str] = {}
    for part in found.params:
        text = part.description or ""
        if found.style.name == "REST":
            text = text.partition("\n\n")[0]  # what follows the fields would be the last one's
        for name in (part.arg_name or "").split(","):
            name = name.strip(" *\\`")
            if name in names and (words := text.replace(_TEXT, "").split()):
                parts.setdefault(name, " ".join(words))
    return parts


def _regular(lines: list[str]) -> Iterator[str]:
    """The lines of a docstring in a form that every parser takes, and takes in linear time."""
    section: _Entries | None = None
    last = ""
    for line in lines:
        line = _even(line)
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
            line = "-" * len(last)  # below a title of NumPy's, whose length it must have
        yield line
        last = line


def _even(line: str) -> str:
    """A line without spaces at its end, and without long runs of them within."""
    import re

    return re.sub(rf"\s{{{_MOST_SPACES},}}", " " * _MOST_SPACES, line.rstrip())


class _Entries:
    """A list of parameters in Google's style, whatever its indents: entries by four spaces, the rest of their text by eight."""

    def __init__(self, title: int) -> None:
        self.title, self._indent, self._begun = title, -1, False

    def is_over(self, indent: int, *, after_blank: bool) -> bool:
        """Whether a line is below the list: it stands where the title does; where entries do as well, after an empty line."""
        return self._indent > -1 and indent <= self.title and (self._indent > self.title or after_blank)

    def line(self, words: str, indent: int) -> str:
        """A line of the list."""
        if words and self._indent < 0:
            self._indent = indent
        entry = _entry(words) if indent <= self._indent else ""
        self._begun = self._begun or bool(entry)
        if entry:
            return f"    {entry}"
        return f"        {words}" if words and self._begun else ""


def _entry(words: str) -> str:
    """`days: how many`, of `days (int): how many` as well, whose kind may hold colons; empty for other text."""
    head, colon, text = words.partition(":")
    name, bracket, _ = head.partition("(")
    if bracket:
        _, colon, text = words.replace(") :", "):", 1).partition("):")
    name = name.strip(" *\\`")
    return (
        f"{name}: {text.strip()}" if colon and all(one.strip(" *\\`").isidentifier() for one in name.split(",")) else ""
    )


def _field(line: str, words: str) -> str:
    """`:param days: how many`, of `:param list of int days:` and `@param days:` as well; text where it is none, as a role is."""
    head, colon, text = words[1:].partition(":")
    names = head.split()
    if not colon or not names:
        return _TEXT + line
    known = names[0] in _FIELDS
    if known or (line[0] == ":" and text[:1] in ("", " ")):
        return f":{' '.join(names[:1] + names[1:][-1:])}:{text}"
    return _TEXT + line

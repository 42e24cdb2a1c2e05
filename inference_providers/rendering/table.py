"""Tables: rows of named values, for a person to read, in a notebook or as text, and for programs to take."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.rendering.markup import Markup

MOST = 25  # rows that are shown; all of them are there
_LONGEST = 300  # characters of a cell in a notebook
_LONGEST_IN_TEXT = 60
_WORD = 60  # characters that stand on one line


class Table(list["dict[str, Any]"]):
    """Rows, each a dict with the same names, as `csv.DictWriter`, `json.dumps` and `pandas.DataFrame` take them.

    str() is a table for a person, and so is what a notebook shows: the columns that matter, with their units.
    """

    def __init__(
        self, rows: Iterable[dict[str, Any]] = (), shown: Mapping[str, str] | None = None, title: str = ""
    ) -> None:
        """*shown*: headings of the columns that a person sees, by name; default: all."""
        super().__init__(rows)
        self.title = title
        names = dict.fromkeys(name for row in self for name in row)
        self.shown: Mapping[str, str] = {name: name for name in names} if shown is None else shown

    def __str__(self) -> str:
        rows = [[said(row.get(name), _LONGEST_IN_TEXT) for name in self.shown] for row in self]
        head = [said(heading, _LONGEST_IN_TEXT) for heading in self.shown.values()]
        columns = list(zip(head, *rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        right = [self._is_number(name) for name in self.shown]
        lines = [
            "  ".join(
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(line, widths, right, strict=True)
            ).rstrip()
            for line in [head, *rows]
        ]
        return "\n".join(([said(self.title, _LONGEST)] if self.title else []) + lines)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with every column. Raises ImportError without pandas."""
        return frame(self)

    def _repr_html_(self) -> str:
        return self.markup().text

    def _repr_markdown_(self) -> str:
        rows = [[said(row.get(name), _LONGEST) for name in self.shown] for row in self[:MOST]]
        right = [self._is_number(name) for name in self.shown]
        return _in_markdown(self.title, list(self.shown.values()), rows, right, len(self) - MOST)

    def markup(self) -> Markup:
        """The table as `Markup`, for what shows more than that."""
        from inference_providers.rendering.markup import NO_FORMULA, tag

        looks = {name: self._look(name) for name in self.shown}
        head = [
            tag("th", heading, scope="col", look="number-head" if looks[name] == "number" else "head")
            for name, heading in self.shown.items()
        ]
        rows = [
            tag("tr", [tag("td", said(row.get(name), _LONGEST), look=looks[name]) for name in self.shown])
            for row in self[:MOST]
        ]
        left = len(self) - MOST
        more = tag("p", f"and {left:,} more: table() has them all", look="muted") if left > 0 else None
        table = tag("table", caption(self.title), tag("thead", tag("tr", head)), tag("tbody", rows))
        return tag("div", table, more, class_=NO_FORMULA)

    def _look(self, name: str) -> str:
        if self._is_number(name):
            return "number"
        words = all(len(text := said(row.get(name), _LONGEST)) <= _WORD and " " not in text for row in self[:MOST])
        return "word" if words else "text"

    def _is_number(self, name: str) -> bool:
        values = [row[name] for row in self if row.get(name) is not None]
        return bool(values) and all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)


def frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """A `pandas.DataFrame` of rows. Raises ImportError, with what to type, where pandas is not installed."""
    try:
        import pandas  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError("to_pandas() needs pandas, which is not installed: pip install pandas") from error
    return pandas.DataFrame(list(rows))


def caption(title: str) -> Markup:
    """What stands above a table; nothing where there is nothing to say."""
    from inference_providers.rendering.markup import group, tag

    return tag("caption", said(title, 1000), look="caption") if title else group()


def _in_markdown(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], left: int = 0
) -> str:
    from inference_providers.rendering.markdown import lines_of_table, plain

    above = [f"**{plain(said(title, 1000))}**", ""] if title else []
    below = ["", f"and {left:,} more: table() has them all"] if left > 0 else []
    return "\n".join([*above, *lines_of_table(head, rows, right), *below])


def pairs_in_markdown(values: Mapping[str, Any], title: str = "") -> str:
    """`pairs`, as Markdown."""
    rows = [[name.replace("_", " "), said(value, _LONGEST)] for name, value in _there(values)]
    return _in_markdown(title, ["", ""], rows, [False, False])


def _there(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in values.items() if value is not None and value not in ("", [], {})]


def pairs(values: Mapping[str, Any], title: str = "") -> Markup:
    """Names and values below each other; what is None or empty is left out."""
    from inference_providers.rendering.markup import NO_FORMULA, tag

    rows = [
        tag(
            "tr",
            tag("th", name.replace("_", " "), scope="row", look="word"),
            tag("td", said(value, _LONGEST), look="text"),
        )
        for name, value in _there(values)
    ]
    return tag("div", tag("table", caption(title), tag("tbody", rows)), class_=NO_FORMULA)


def said(value: Any, longest: int) -> str:
    """A value for one cell: nothing for None, numbers as people write them, text on one line and not too long."""
    from inference_providers.text import in_line

    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.8f}".rstrip("0") if 0 < abs(value) < 0.001 else f"{value:,.6g}"
    if isinstance(value, list | tuple | set | frozenset):
        value = ", ".join(said(one, longest) for one in value)
    text = str(value)
    return in_line(text if len(text) <= longest else text[: longest - 1] + "…")


def money(usd: float | None) -> str:
    """USD for a person: `$0.0023`, `<$0.0001`, `$0`; empty where nobody knows."""
    if usd is None:
        return ""
    return "$0" if usd == 0 else f"${usd:,.4f}" if usd >= 0.0001 else "<$0.0001"

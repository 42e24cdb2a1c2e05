"""Charts as SVG, drawn here: bars and lines that stretch with the page, words beside them that do not.

Each has a title and a description for whoever hears it, and a table of its numbers beneath. Pure.
"""

from __future__ import annotations

import math

from inference_providers.gateway.page.frame import table
from inference_providers.rendering import Markup, group, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Words = Callable[[float | None], str]

_STEP, _HIGH = 10.0, 100.0  # of a part, and of the chart, in its own units
_GAP = 0.14  # of a part, on each side of a bar


class Row:
    """One kind of numbers of a chart; None where there is nothing to show. kind: `second` or `bad`, else the accent."""

    __slots__ = ("kind", "name", "values")

    def __init__(self, name: str, values: Sequence[float | None], kind: str = "") -> None:
        self.name, self.values, self.kind = name, list(values), kind


def chart(
    id: str, title: str, total: str, labels: Sequence[str], rows: Sequence[Row], words: Words, *, lines: bool = False,
    note: str = "",
) -> Markup:  # fmt: skip
    """A figure. labels: of each part of the time; bars stand on each other, lines do not. words: how values are said.

    total: the number that it comes to. note: what stands behind that, smaller.
    """
    tops = [_sum(one) if not lines else _max(one) for one in zip(*(row.values for row in rows), strict=True)]
    most = nice(_max(tops))
    drawn = _lines(rows, most) if lines else _bars(rows, most)
    shown = [[label, *(words(row.values[at]) for row in rows)] for at, label in enumerate(labels)]
    filled = [one for at, one in enumerate(shown) if any(row.values[at] for row in rows)]
    svg = tag(
        "svg",
        tag("title", title, id=f"{id}-title"),
        tag("desc", _described(title, total, labels, tops, words), id=f"{id}-desc"),
        drawn,
        [_hit(at, one) for at, one in enumerate(shown)],
        viewbox=f"0 0 {len(labels) * _STEP:g} {_HIGH:g}",
        preserveaspectratio="none",
        role="img",
        aria_labelledby=f"{id}-title {id}-desc",
    )
    scale = [tag("li", _short(words(most * part))) for part in (1, 0.5)] + [tag("li", "0")]
    middle = labels[len(labels) // 2] if len(labels) > 2 else ""
    ends = [tag("li", one) for one in (labels[0], middle, labels[-1])]
    plot = (
        svg,
        tag("ul", scale, class_="scale", aria_hidden="true"),
        tag("ul", ends, class_="ends", aria_hidden="true"),
    )
    legend = [tag("li", row.name, class_=row.kind or None) for row in rows] if len(rows) > 1 else None
    numbers = table(title, ["From", *(row.name for row in rows)], filled, numbers=range(1, len(rows) + 1))
    return tag(
        "figure",
        tag("figcaption", tag("h2", title), tag("p", total, tag("small", note) if note else None)),
        tag("div", *plot, class_="plot"),
        tag("ul", legend, class_="legend") if legend else None,
        tag("details", tag("summary", "Numbers", tag("span", f" of {title}", class_="unseen")), numbers),
        class_="chart",
    )


def _short(said: str) -> str:
    """The end of a scale, without digits that say nothing: `$0.1` for `$0.100`."""
    number, _, unit = said.partition(" ")
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{number} {unit}".strip()


def share(part: float, whole: float) -> Markup | None:
    """How much of all something is, as a line; nothing for nothing."""
    if not whole or part <= 0:
        return None
    line = tag("rect", width=f"{max(100 * part / whole, 1):.1f}", height="4", class_="fill")
    return tag("svg", line, viewbox="0 0 100 4", preserveaspectratio="none", class_="share", aria_hidden="true")


def nice(most: float) -> float:
    """The end of a scale: a number that is easily halved, not below *most*."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 4, 6, 8, 10, 20) if step * power >= most * 0.9999)


def _sum(values: Sequence[float | None]) -> float:
    return sum(one or 0.0 for one in values)


def _max(values: Sequence[float | None]) -> float:
    return max((one or 0.0 for one in values), default=0.0)


def _bars(rows: Sequence[Row], most: float) -> Markup:
    drawn, wide = [], _STEP * (1 - 2 * _GAP)
    for at in range(len(rows[0].values)):
        top = _HIGH
        for row in rows:
            if value := row.values[at]:
                high = max(_HIGH * value / most, 0.8)
                top -= high
                where = {"x": f"{at * _STEP + _STEP * _GAP:.2f}", "y": f"{top:.2f}"}
                drawn.append(tag("rect", **where, width=f"{wide:.2f}", height=f"{high:.2f}", class_=f"fill {row.kind}"))
    return group(drawn)


def _lines(rows: Sequence[Row], most: float) -> Markup:
    drawn = []
    for row in reversed(rows):  # the first one on top
        path, before = [], False
        for at, value in enumerate(row.values):
            if value is not None:
                point = f"{(at + 0.5) * _STEP:.1f} {_HIGH * (1 - value / most):.2f}"
                path.append(f"{'L' if before else 'M'}{point}")
                alone = not before and (at + 1 == len(row.values) or row.values[at + 1] is None)
                if alone:
                    drawn.append(tag("path", d=f"M{point}h0", class_=f"dot {row.kind}"))
            before = value is not None
        drawn.append(tag("path", d="".join(path), class_=f"stroke {row.kind}") if path else Markup(""))
    return group(drawn)


def _hit(at: int, said: Sequence[str]) -> Markup:
    """The whole column of a part, which says what it is to whoever points at it."""
    words = tag("title", f"{said[0]}: {', '.join(said[1:])}")
    return tag(
        "g", words, tag("rect", x=f"{at * _STEP:g}", y="0", width=f"{_STEP:g}", height=f"{_HIGH:g}", class_="hit")
    )


def _described(title: str, total: str, labels: Sequence[str], tops: Sequence[float], words: Words) -> str:
    most = max(range(len(tops)), key=tops.__getitem__)
    if not tops[most]:
        return f"{title}: nothing from {labels[0]} to {labels[-1]}."
    return f"{title}, {total}, from {labels[0]} to {labels[-1]}; the most is {words(tops[most])} from {labels[most]}."

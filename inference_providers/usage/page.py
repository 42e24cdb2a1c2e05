"""Reports as HTML: a page with charts that needs nothing but itself."""

from __future__ import annotations

from html import escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inference_providers.usage.totals import Totals

_WIDTH, _HEIGHT, _LEFT = 720, 160, 60  # pixels of a chart, and what its scale takes
_STYLE = (
    "body{font:15px system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}"
    "th,td{padding:.25em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "th:first-child,td:first-child{text-align:left}svg text{font:11px system-ui,sans-serif;fill:#555}"
    "rect{fill:#3b6ea5}h2{font-size:1.1em;margin-top:2em}"
)
TABLE = ("calls", "failed", "input", "output", "cost", "latency")


def cells(one: Totals) -> list[str]:
    """What a row of a table says of sums, in the order of `TABLE`."""
    unknown = f" + {one.unknown} unknown" if one.unknown else ""
    latency = "" if one.latency is None else f"{one.latency:.2f} s"
    return [
        str(one.calls),
        str(one.failed or ""),
        str(one.input),
        str(one.output),
        f"{'<$0.0001' if 0 < one.cost < 0.0001 else f'${one.cost:.4f}'}{unknown}",
        latency,
    ]


def table_of(rows: Sequence[Totals], by: str) -> str:
    """A table of sums."""
    head = "".join(f"<th>{escape(name)}</th>" for name in (by, *TABLE))
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in (one.key or 'all', *cells(one)))}</tr>" for one in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def page_of(title: str, parts: Mapping[str, Sequence[Totals]]) -> str:
    """A whole page: charts by day, and a table for each part."""
    days = parts.get("day", ())
    series = {
        "Cost a day, USD": ([one.cost for one in days], "{:.4g}"),
        "Calls a day": ([float(one.calls) for one in days], "{:.0f}"),
        "Tokens a day": ([float(one.input + one.output) for one in days], "{:.0f}"),
    }
    charts = "".join(
        f"<h2>{escape(name)}</h2>{bars([(one.key, value) for one, value in zip(days, values, strict=True)], form)}"
        for name, (values, form) in series.items()
        if days
    )
    tables = "".join(f"<h2>By {escape(by)}</h2>{table_of(rows, by)}" for by, rows in parts.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{charts}{tables}</html>\n"
    )


def bars(points: Sequence[tuple[str, float]], form: str) -> str:
    """A chart of bars, as SVG; each bar says what it is."""
    most = max((value for _, value in points), default=0) or 1
    step = (_WIDTH - _LEFT) / max(len(points), 1)
    drawn = []
    for at, (label, value) in enumerate(points):
        high = _HEIGHT * value / most
        drawn.append(
            f'<rect x="{_LEFT + at * step + step * 0.1:.1f}" y="{_HEIGHT - high:.1f}" width="{step * 0.8:.1f}" '
            f'height="{high:.1f}"><title>{escape(label)}: {escape(form.format(value))}</title></rect>'
        )
    ends = [points[0][0], points[-1][0]] if points else ["", ""]
    scale = (
        f'<text x="0" y="12">{escape(form.format(most))}</text><text x="0" y="{_HEIGHT}">0</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT + 16}">{escape(ends[0])}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 16}" text-anchor="end">{escape(ends[1])}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT + 24}" width="{_WIDTH}" role="img">'
        f"{''.join(drawn)}{scale}</svg>"
    )

"""What it costs: dollars, tokens, times and failures over a time, of all calls or of somebody's, from the log."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from urllib.parse import urlencode

from inference_providers.gateway.page import words
from inference_providers.gateway.page.charts import Row, chart, share
from inference_providers.gateway.page.frame import name_of, page, page_route, section, table
from inference_providers.gateway.page.logged import caller_names, how_to_log, log_of
from inference_providers.rendering import Markup, tag
from inference_providers.usage import PARTS, Latencies, Series

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.gateway.messages import Incoming, Outgoing
    from inference_providers.gateway.service import Gateway

PATH = "/page/costs"
# By what it is asked for: its name, seconds of a part, how many parts, how the begin of one is said. Hours end now,
# days with today.
RANGES = {
    "1h": ("1 hour", 120, 30, "%H:%M"),
    "24h": ("24 hours", 1800, 48, "%H:%M"),
    "7d": ("7 days", 21600, 28, "%d %b %H:%M"),
    "30d": ("30 days", 86400, 30, "%d %b"),
}
_USUAL = "24h"
_SHOWN = 30  # rows of a table: the dearest


def edges_of(name: str, now: float) -> list[float]:
    """Where each part of a range begins, and where the last one ends. Days begin at midnight where the gateway is."""
    _, step, many, _ = RANGES[name]
    if step * many <= 86400:
        last = (now // step + 1) * step
        return [last - (many - at) * step for at in range(many + 1)]
    today = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=many * step // 86400 - 1)
    return [(first + timedelta(seconds=step * at)).timestamp() for at in range(many + 1)]


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The page."""
    query = incoming.query
    asked = query.get("range", _USUAL)
    name = asked if asked in RANGES else _USUAL
    only = {one: query[one] for one in PARTS if query.get(one)}

    def work() -> tuple[Series, Latencies, dict[str, str]]:
        edges, file = edges_of(name, time.time()), log_of(gateway)
        return Series(file, edges, only), Latencies(file, edges, only), caller_names(gateway)

    series, latencies, names = await asyncio.to_thread(work)
    lead = f"From the log of calls, those of your other programs included. Times are the gateway's ({words.zone()})."
    content: list[Any] = [how_to_log(gateway), _tabs(name, only), _chosen(name, only, names)]
    if series.whole.calls:
        content += [tag("div", _charts(series, latencies, RANGES[name][3]), class_="charts")]
        content += [_by(one, series, latencies, names, _place(name, only)) for one in PARTS if one not in only]
    else:
        whose = " of these" if only else ""
        content.append(tag("p", f"No call{whose} of that time is in the log.", class_="empty"))
    return page(gateway, incoming, "Costs", *content, lead=lead)


def _place(name: str, only: Mapping[str, str]) -> str:
    """The address of what is shown."""
    return f"{PATH}?{urlencode({'range': name, **only})}"


def _chosen(name: str, only: Mapping[str, str], names: Mapping[str, str]) -> Markup | None:
    """Whose calls alone are shown, each with the way back to everybody's."""
    if not only:
        return None
    chips = []
    for one, key in only.items():
        rest = {other: value for other, value in only.items() if other != one}
        said = names.get(key, key) if one == "caller" else key
        words_of = (tag("span", f"{one.title()}: "), name_of(said), tag("span", " ×", aria_hidden="true"))
        chips.append(
            tag(
                "li",
                tag("a", *words_of, href=_place(name, rest), aria_label=f"{one.title()}: {said}; show every {one}"),
            )
        )
    return tag("nav", tag("ul", chips, class_="chips"), aria_label="Whose calls")


def _tabs(name: str, only: Mapping[str, str]) -> Markup:
    links = [
        tag("li", tag("a", said, href=_place(one, only), aria_current="page" if one == name else None))
        for one, (said, *_) in RANGES.items()
    ]
    return tag("nav", tag("ul", links, class_="tabs"), aria_label="Time")


def _charts(series: Series, latencies: Latencies, form: str) -> list[Markup]:
    labels = [words.moment(edge, form) for edge in series.edges[:-1]]
    parts, whole = series.parts, series.whole
    half, most = latencies.parts(0.5), latencies.parts(0.95)
    most_of = f"half of them; 95 % within {words.seconds(latencies.whole(0.95))}" if latencies.whole(0.5) else ""
    some = "" if latencies.is_whole else ", of the latest 50,000 calls"
    return [
        chart("cost", "Cost", words.money(whole.cost), labels, [Row("Cost", [one.cost for one in parts])], words.money,
              note=f"without {words.several(whole.unknown, 'call')} of unknown price" if whole.unknown else ""),
        chart("tokens", "Tokens", words.count(whole.input + whole.output), labels,
              [Row("Input", [one.input for one in parts]), Row("Output", [one.output for one in parts], "second")],
              words.count),
        chart("latency", "Time to the end of an answer", words.seconds(latencies.whole(0.5)), labels,
              [Row("Half of them (p50)", half), Row("95 % of them (p95)", most, "second")], words.seconds, lines=True,
              note=most_of + some),
        chart("calls", "Calls", f"{whole.calls:,}", labels,
              [Row("Failed", [one.failed for one in parts], "bad"),
               Row("Answered", [one.calls - one.failed for one in parts])], words.count,
              note=f"{whole.failed:,} failed, {words.percent(whole.failed, whole.calls)}"),
    ]  # fmt: skip


def _by(what: str, series: Series, latencies: Latencies, names: Mapping[str, str], place: str) -> Markup:
    rows, whole = series.by[what], series.whole
    head = [what.title(), "Cost", "Calls", "Failed", "Input", "Output", "p50", "p95"]
    made: list[list[Any]] = []
    for one in rows[:_SHOWN]:
        name = names.get(one.key, one.key) if what == "caller" else one.key or "nobody"
        cost = [words.money(one.cost), tag("small", f"+ {one.unknown:,} unknown") if one.unknown else None]
        made.append(
            [
                tag("a", name_of(name), href=f"{place}&{urlencode({what: one.key})}", class_="plain")
                if one.key
                else name_of(name),
                [cost, share(one.cost, whole.cost)],
                f"{one.calls:,}",
                f"{one.failed:,}" if one.failed else "",
                words.count(one.input),
                words.count(one.output),
                *(words.seconds(latencies.of(what, one.key, part)) for part in (0.5, 0.95)),
            ]
        )
    more = f"The dearest {_SHOWN} of {len(rows):,}." if len(rows) > _SHOWN else None
    return section(f"By {what}", table(f"Usage by {what}", head, made, numbers=range(1, 8)), id=f"by-{what}", note=more)


ROUTES = (page_route("GET", PATH, shown),)

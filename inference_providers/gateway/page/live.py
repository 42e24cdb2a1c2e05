"""What is being asked now, and what was lately; a script has it told anew every other second."""

from __future__ import annotations

import asyncio
import os
import time

from inference_providers.gateway.page import words
from inference_providers.gateway.page.frame import fragment, name_of, notice, page, page_route, section, table, time_of
from inference_providers.gateway.page.log import outcome_of
from inference_providers.gateway.page.logged import caller_names
from inference_providers.rendering import Markup, group, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_providers.gateway.messages import Incoming, Outgoing
    from inference_providers.gateway.service import Gateway
    from inference_providers.gateway.under_way import Seen

PATH, ROWS = "/page/live", "/page/live/rows"
_SHOWN = 200  # calls under way in the table; the number above it is of all


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The page."""
    pause = tag("button", "Pause", type="button", id="live-pause", hidden=True, aria_pressed="false")
    state = tag("span", "Open the page again to see what is new.", id="live-state", class_="note", role="status")
    rows = tag("div", await _rows(gateway), id="live-rows", data_source=ROWS, class_="live")
    workers = gateway.settings.workers
    said = None
    if workers > 1:
        said = notice(
            tag("p", f"{workers} processes serve. This is what one of them, {os.getpid()}, has seen; "
                "another may answer the next time. The log has the calls of all."),
        )  # fmt: skip
    lead = "What is under way, and what was lately. No word of what is said is kept for it."
    actions = tag("div", pause, state, class_="actions")
    return page(gateway, incoming, "Live", said, actions, rows, lead=lead, scripts=("live.js",))


async def rows(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Its tables alone."""
    return fragment(await _rows(gateway))


async def _rows(gateway: Gateway) -> Markup:
    names, now = await asyncio.to_thread(caller_names, gateway), time.monotonic()
    current, over = gateway.under_way.open(), gateway.under_way.over()
    started = [[
        [name_of(one.asked)], name_of(names.get(one.caller, one.caller)), name_of(_who(one)), _state(one),
        words.seconds(now - one.began),
    ] for one in current[:_SHOWN]]  # fmt: skip
    head = ["Model asked for", "Caller", "Provider", "State", "Age"]
    now_table = table("Under way", head, started, numbers=(4,), empty="Nothing is under way.")
    note = f"The latest {_SHOWN} of {len(current):,}." if len(current) > _SHOWN else None
    head = ["Model", "Caller", "Provider", "Outcome", "Tokens", "Tokens/s", "Cost", "Took", "Ended"]
    ended = [_over(one, names) for one in over]
    over_table = table(
        "Lately", head, ended, numbers=(4, 5, 6, 7, 8), empty="No call has ended since the gateway started."
    )
    return group(
        section(f"Under way: {len(current):,}", now_table, note=note),
        section("Lately", over_table, note=f"The last {len(over)} calls." if over else None),
    )


def _who(one: Seen) -> str:
    if one.provider:
        return one.provider
    return f"not yet; {', '.join(name for name, failed in one.tried if failed)} failed" if one.tried else "not yet"


def _state(one: Seen) -> str:
    if one.first is not None:
        return f"streams, first content after {words.seconds(one.first)}"
    return "waits for a stream" if one.streams else "waits for the answer"


def _over(one: Seen, names: Mapping[str, str]) -> list[object]:
    model = one.model or one.asked
    asked = tag("small", f"asked for {one.asked}") if one.asked != model else None
    more = ["from the cache"] if one.cached else [f"{one.attempts} tries"] if one.attempts > 1 else []
    return [
        [name_of(model), asked],
        name_of(names.get(one.caller, one.caller)),
        name_of(one.provider, "nobody"),
        [outcome_of(one.outcome), tag("small", *more) if more else None],
        "" if one.input is None else f"{one.input:,} + {one.output or 0:,}",
        "" if one.rate is None else f"{one.rate:,.0f}",
        "" if one.cost is None else words.money(one.cost),
        words.seconds(one.seconds),
        time_of(one.at + (one.seconds or 0.0), is_today=True),
    ]


ROUTES = (page_route("GET", PATH, shown), page_route("GET", ROWS, rows))

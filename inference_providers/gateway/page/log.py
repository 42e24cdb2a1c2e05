"""The log of usage: calls one by one, by model, provider, caller and outcome, and as CSV. Nothing of what was said."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlencode

from inference_providers.gateway.messages import Outgoing
from inference_providers.gateway.page import words
from inference_providers.gateway.page.frame import (
    HEADERS,
    badge,
    choice,
    field,
    name_of,
    page,
    page_route,
    table,
    time_of,
)
from inference_providers.gateway.page.logged import ADMINISTRATOR, caller_names, how_to_log, log_of
from inference_providers.rendering import Markup, tag
from inference_providers.usage import LogSearch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Any

    from inference_providers.gateway.messages import Incoming
    from inference_providers.gateway.service import Gateway

PATH, CSV = "/page/log", "/page/log.csv"
FIELDS = ("model", "provider", "caller", "outcome")
COUNT = 50
_CSV_COUNT = 1000
_LONG = 200  # characters of what is looked for
_OUTCOMES = (("", "All"), ("answered", "Answered"), ("failed", "Failed"))
_ANSWERED = {"ok": "answered", "closed": "left early"}
_IN_CSV = (
    "id", "time", "asked", "provider", "model", "name", "caller", "program", "outcome", "input", "output", "cached",
    "cost", "seconds", "first", "attempts",
)  # fmt: skip


def _search(incoming: Incoming) -> tuple[LogSearch, dict[str, str]]:
    """What is looked for, and the fields of the query that say it."""
    said = {name: value.strip()[:_LONG] for name, value in incoming.query.items() if name in FIELDS and value.strip()}
    return LogSearch(**said), said


def _number(incoming: Incoming, name: str) -> int | None:
    value = incoming.query.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The page."""
    search, said = _search(incoming)
    before, after = _number(incoming, "before"), _number(incoming, "after")

    def work() -> tuple[list[dict[str, Any]], dict[str, str]]:
        file = log_of(gateway)
        found = [] if file is None else search.page(file, COUNT + 1, before=before, after=after)
        return found, caller_names(gateway)

    rows, names = await asyncio.to_thread(work)
    goes_up = after is not None and before is None
    more = len(rows) > COUNT
    rows = (rows[1:] if goes_up else rows[:COUNT]) if more else rows
    content = [
        how_to_log(gateway),
        _form(said, names),
        _table(rows, names, empty="No such call is in the log." if said else "No call is in the log."),
        _pages(rows, said, newer=(more if goes_up else before is not None), older=(True if goes_up else more)),
    ]
    lead = "Each call, the latest first; its words are not shown here. Times are the gateway's"
    return page(gateway, incoming, "Log", *content, lead=f"{lead} ({words.zone()}).")


def _form(said: Mapping[str, str], names: Mapping[str, str]) -> Markup:
    callers = [("", "All"), ("-", ADMINISTRATOR), *((id, name) for id, name in names.items() if id)]
    if said.get("caller", "") not in dict(callers):
        callers.append((said["caller"], said["caller"]))
    fields = (
        field("Model", "model", type="search", value=said.get("model", ""), placeholder="Any", autocomplete="off"),
        field("Provider", "provider", type="search", value=said.get("provider", ""), placeholder="Any",
              autocomplete="off"),
        choice("Caller", "caller", callers, said.get("caller", "")),
        choice("Outcome", "outcome", _OUTCOMES, said.get("outcome", "")),
    )  # fmt: skip
    actions = (
        tag("button", "Search", type="submit", class_="main"),
        tag("a", "Show all", href=PATH) if said else None,
        tag("a", "Download as CSV", href=_address(CSV, said)),
    )
    form = (tag("div", *fields, class_="fields"), tag("div", *actions, class_="actions"))
    return tag("form", *form, action=PATH, method="get", class_="card stack", role="search", aria_label="Calls")


def _address(path: str, said: Mapping[str, str], **more: int) -> str:
    query = urlencode({**said, **more})
    return f"{path}?{query}" if query else path


def outcome_of(outcome: str) -> Markup:
    """How a call ended, in a word."""
    if outcome in _ANSWERED:
        return badge(_ANSWERED[outcome], "good" if outcome == "ok" else "plain")
    said = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", outcome.removesuffix("Error")).lower()  # the name of an exception
    return badge(said or "failed", "bad")


def _table(rows: list[dict[str, Any]], names: Mapping[str, str], empty: str) -> Markup:
    head = ["Time", "Model", "Provider", "Caller", "Outcome", "Tokens", "Cost", "Took", "No."]
    made = [[
        time_of(one["at"] or 0.0),
        [name_of(one["name"] or one["asked"]), _asked(one)],
        name_of(one["provider"]),
        name_of(names.get(one["caller"], one["caller"])),
        outcome_of(one["outcome"]),
        "" if one["input"] is None else f"{one['input']:,.0f} + {one['output'] or 0:,.0f}",
        words.money(one["cost"]) if one["cost"] is not None else "unknown" if one["outcome"] in _ANSWERED else "",
        words.seconds(one["seconds"]),
        tag("a", one["id"], href=f"{PATH}/{one['id']}"),
    ] for one in rows]  # fmt: skip
    return table("Calls", head, made, numbers=(5, 6, 7, 8), empty=empty)


def _asked(one: Mapping[str, Any]) -> Markup | None:
    """What was asked for, where that is another name; how often, where once was not enough."""
    said = [f"asked for {one['asked']}"] if one["asked"] and one["asked"] != one["name"] else []
    said += [f"{one['attempts']:.0f} tries"] if (one["attempts"] or 0) > 1 else []
    return tag("small", ", ".join(said)) if said else None


def _pages(rows: list[dict[str, Any]], said: Mapping[str, str], *, newer: bool, older: bool) -> Markup | None:
    if not rows or not (newer or older):
        return None
    links = (
        tag("a", "Newer", href=_address(PATH, said, after=rows[0]["id"]), rel="prev", class_="button")
        if newer
        else None,
        tag("a", "Older", href=_address(PATH, said, before=rows[-1]["id"]), rel="next", class_="button")
        if older
        else None,
    )
    return tag("nav", *links, class_="actions", aria_label="Further calls")


async def as_csv(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """All calls that are looked for, as a file."""
    search, _ = _search(incoming)
    kept = {**HEADERS, "content-type": "text/csv; charset=utf-8"}
    kept["content-disposition"] = 'attachment; filename="calls.csv"'
    return Outgoing(200, kept, _lines(gateway, search))


async def _lines(gateway: Gateway, search: LogSearch) -> AsyncIterator[bytes]:
    yield (",".join(_IN_CSV) + "\n").encode()
    file, before = log_of(gateway), None
    names = await asyncio.to_thread(caller_names, gateway)
    while file is not None:
        rows = await asyncio.to_thread(search.page, file, _CSV_COUNT, before=before)
        if rows:
            yield "".join(_line(one, names) for one in rows).encode("utf-8", "replace")
            before = rows[-1]["id"]
        if len(rows) < _CSV_COUNT:
            return


def _line(one: Mapping[str, Any], names: Mapping[str, str]) -> str:
    import csv
    from io import StringIO

    from inference_providers.batches import escaped, is_formula

    row = {**one, "time": words.moment(one["at"] or 0.0, "%Y-%m-%dT%H:%M:%S%z")}
    row["caller"] = names.get(one["caller"], one["caller"])
    values = ["" if row[name] is None else row[name] for name in _IN_CSV]
    text = StringIO()
    made = [escaped(one) if isinstance(one, str) and is_formula(one) else one for one in values]
    csv.writer(text, lineterminator="\n").writerow(made)
    return text.getvalue()


ROUTES = (page_route("GET", PATH, shown), page_route("GET", CSV, as_csv))

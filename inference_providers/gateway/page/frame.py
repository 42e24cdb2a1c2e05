"""What all pages have in common. A page is a module beside this one with a handler and `ROUTES`:

    async def shown(gateway, incoming):
        return page(gateway, incoming, "Costs", tag("p", "..."), scripts=("live.js",))

    ROUTES = (page_route("GET", "/page/costs", shown),)

- `page_route(method, path, handler)`: for the administrator's session alone (or his token as a header). Errors that a
  handler raises become pages; who has no session is sent to the login. Its ROUTES go into `paths.ROUTES`, its place in
  the navigation into `NAVIGATION`, its scripts and styles into `assets.FILES` and the folder `static/`.
- `page(gateway, incoming, title, *content, ...)`: the whole page around the content, with its heading.
- `fragment(*content)`: a piece of one, for a script that puts it in the place of an older one.
- `form(gateway, incoming, action, *content)`: a POST form that holds what proves that it is ours.
- `await fields(gateway, incoming)`: what was sent by such a form, or as JSON with the header `x-csrf-token` (a script
  finds its value in `<meta name="csrf-token">`); raises Refused (403) for what is not ours. Call it FIRST in whatever
  handler changes or spends something.
- `moved(path)`: to another page of ours, after a form has done its work.
- `section(title, *content, id=, note=)`, `table(caption, head, rows, ...)`, `badge(words, kind)`, `notice(...)`,
  `field(label, name, ...)`, `choice(label, name, values, chosen)`, `figures(...)`, `name_of(text)`,
  `time_of(seconds)`: parts that look alike everywhere.

Pages have no style and no script within them, and ask nobody else for anything: `HEADERS` forbids it.
"""

from __future__ import annotations

import hmac

from inference_providers.gateway.guard import token_of
from inference_providers.gateway.messages import Outgoing, Refused
from inference_providers.gateway.page.assets import icon, mark, script, style
from inference_providers.gateway.routes import PAGE, Route
from inference_providers.rendering import Markup, group, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from inference_providers.gateway.messages import Handler, Incoming
    from inference_providers.gateway.service import Gateway
    from inference_providers.gateway.sessions import Session

HOME, LOGIN, LOGOUT = "/", "/page/login", "/page/logout"
NAVIGATION: Sequence[tuple[str, str]] = (
    (HOME, "Overview"),
    ("/page/live", "Live"),
    ("/page/costs", "Costs"),
    ("/page/log", "Log"),
    ("/page/callers", "Callers"),
    ("/page/playground", "Playground"),
    ("/page/programs", "Programs"),
)
DIALECT = "page"
_LONG = 18  # letters of a word that may be broken, so that it does not widen its table
HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # "no-referrer" would take their origin away from our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-type": "text/html; charset=utf-8",
}


def page_route(method: str, path: str, handler: Handler) -> Route:
    """A route for the administrator in a browser."""
    return Route(method, path, handler, PAGE, takes_fields=True, dialect=DIALECT)


def page(
    gateway: Gateway,
    incoming: Incoming,
    title: str,
    *content: Any,
    scripts: Sequence[str] = (),
    lead: Any = None,
    status: int = 200,
) -> Outgoing:
    """A whole page. *scripts*: further files of `assets.FILES`. *lead*: what stands beneath the heading."""
    session = session_of(gateway, incoming)
    main = (tag("header", tag("h1", title), tag("p", lead, class_="lead") if lead is not None else None, class_="top"),)
    return whole(
        title,
        _header(incoming.path, gateway, incoming),
        tag("main", *main, *content, id="main", tabindex="-1"),
        csrf="" if session is None else session.csrf,
        scripts=("page.js", *scripts),
        status=status,
    )


def whole(
    title: str, *body: Any, csrf: str = "", scripts: Sequence[str] = (), status: int = 200, headers: Any = None
) -> Outgoing:
    """A page of nothing but this, as a reply."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("title", f"{title} · inference providers"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="csrf-token", content=csrf) if csrf else None,
        icon(),
        style("style.css"),
        style("work.css"),
        [script(name) for name in scripts],
    )
    skip = tag("a", "Skip to content", href="#main", class_="skip")
    document = f'<!doctype html>\n<html lang="en">{head.text}<body>{skip.text}{group(*body).text}</body></html>\n'
    return Outgoing(status, {**HEADERS, **(headers or {})}, document.encode("utf-8", "replace"))


def _header(path: str, gateway: Gateway, incoming: Incoming) -> Markup:
    links = [
        tag("li", tag("a", words, href=where, aria_current="page" if f"{path}/".startswith(f"{where}/") else None))
        for where, words in NAVIGATION
    ]
    leave = form(gateway, incoming, LOGOUT, tag("button", "Log out", class_="quiet"), class_="leave")
    brand = tag("a", mark(), "inference providers", href=HOME, class_="brand")
    navigation = tag("nav", tag("ul", links), aria_label="Pages")
    return tag("header", tag("div", brand, navigation, leave, class_="bar"), class_="site")


def fragment(*content: Any) -> Outgoing:
    """A piece of a page."""
    return Outgoing(200, HEADERS, group(*content).text.encode("utf-8", "replace"))


def moved(path: str, headers: Any = None) -> Outgoing:
    """To another page of ours."""
    return Outgoing(303, {**HEADERS, **(headers or {}), "location": path})


# Who it is, and what he sends


def session_of(gateway: Gateway, incoming: Incoming) -> Session | None:
    """The session of a request; None where the administrator shows his token with each."""
    settings = gateway.settings
    return settings.sessions.of(incoming.headers, settings.token, settings.port)


def form(gateway: Gateway, incoming: Incoming, action: str, *content: Any, **attributes: Any) -> Markup:
    """A form that writes."""
    session = session_of(gateway, incoming)
    proof = tag("input", type="hidden", name="csrf", value="" if session is None else session.csrf)
    return tag("form", proof, *content, method="post", action=action, **attributes)


async def fields(gateway: Gateway, incoming: Incoming) -> dict[str, Any]:
    """What a form of ours, or a script of ours, has sent; the last of each name. Raises Refused (400, 403)."""
    is_json = incoming.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    sent = incoming.json() if is_json else plain_fields(incoming)
    shown = sent.pop("csrf", "") or incoming.headers.get("x-csrf-token", "")
    session = session_of(gateway, incoming)
    if token_of(incoming.headers):
        return sent  # by whoever has the token itself, which no browser sends of its own accord
    if session is None or not hmac.compare_digest(str(shown).encode("utf-8", "replace"), session.csrf.encode()):
        raise Refused(403, "This form is of an earlier session: open the page again.", "stale_form")
    return sent


def plain_fields(incoming: Incoming) -> dict[str, Any]:
    """The fields of an urlencoded body, whoever has sent it; the last of each name. Raises Refused (400)."""
    from urllib.parse import parse_qsl

    try:
        return dict(parse_qsl(incoming.content.decode(), keep_blank_values=True, max_num_fields=1000))
    except ValueError:
        raise Refused(400, "This form cannot be read.", "invalid_form") from None


# Parts


def section(title: str, *content: Any, id: str | None = None, note: Any = None) -> Markup:
    """A part of a page under a heading of its own. *note*: a sentence beneath that."""
    head = tag("div", tag("h2", title), tag("p", note, class_="note") if note is not None else None, class_="head")
    return tag("section", head, *content, class_="part", id=id)


def table(
    caption: str, head: Sequence[Any], rows: Sequence[Sequence[Any]], *, numbers: Sequence[int] = (), empty: str = ""
) -> Markup:
    """A table whose first cell of a row names it; on a narrow screen each row is a card. A column is a heading.

    numbers: which columns are numbers. empty: what stands in place of a table without rows.
    """
    if not rows:
        return tag("p", empty or "Nothing yet.", class_="empty")

    def looks(at: int) -> str | None:
        return "num" if at in numbers else None

    # Roles are said, since a table that is laid out as cards has none of its own for screen readers.
    heads = [tag("th", words, scope="col", role="columnheader", class_=looks(at)) for at, words in enumerate(head)]
    body = []
    for first, *rest in rows:
        cells = [tag("td", cell, role="cell", data_label=head[at], class_=looks(at)) for at, cell in enumerate(rest, 1)]
        body.append(tag("tr", tag("th", first, scope="row", role="rowheader"), cells, role="row"))
    top = tag("thead", tag("tr", heads, role="row"), role="rowgroup")
    made = tag("table", tag("caption", caption), top, tag("tbody", body, role="rowgroup"), role="table")
    return tag("div", made, class_="rows", role="region", aria_label=caption, tabindex="0")


def figures(*rows: tuple[str, str, str]) -> Markup:
    """Numbers that matter: what, how much, and a word on it."""
    return tag(
        "dl",
        [
            tag("div", tag("dt", what), tag("dd", much), tag("dd", more, class_="more") if more else None)
            for what, much, more in rows
        ],
        class_="figures",
    )


def name_of(value: str, instead: str = "") -> Markup:
    """A name from elsewhere, which may be of any length and in any script. *instead*: where it is empty."""
    is_long = any(len(word) > _LONG for word in value.split())
    return tag("bdi", value or instead, class_="long" if is_long else None)


def badge(words: str, kind: str = "plain") -> Markup:
    """A state in a word. kind: `good`, `bad`, `warn` or `plain`; the word says it, the color helps."""
    return tag("span", words, class_=f"badge {kind}")


def notice(*content: Any, kind: str = "plain") -> Markup:
    """Something to know, above what it is about. kind: as of `badge`."""
    return tag("div", *content, class_=f"notice {kind}", role={"good": "status", "bad": "alert"}.get(kind))


def field(label: str, name: str, *, hint: Any = None, **attributes: Any) -> Markup:
    """An input with its label. *attributes*: of the input; its id is `field-NAME`."""
    own = f"field-{name}"
    said = tag("p", hint, class_="hint", id=f"{own}-hint") if hint else None
    typed = tag("input", id=own, name=name, aria_describedby=f"{own}-hint" if hint else None, **attributes)
    return tag("div", tag("label", label, for_=own), typed, said, class_="field")


def choice(label: str, name: str, values: Sequence[tuple[str, str]], chosen: str = "") -> Markup:
    """One of several values, each with its words, under a label."""
    options = [tag("option", words, value=value, selected=value == chosen) for value, words in values]
    own = f"field-{name}"
    return tag("div", tag("label", label, for_=own), tag("select", options, id=own, name=name), class_="field")


def time_of(seconds: float, *, is_today: bool = False) -> Markup:
    """A moment, by the gateway's clock, in seconds since 1970. *is_today*: the day goes without saying."""
    from datetime import datetime

    there = datetime.fromtimestamp(seconds).astimezone()
    year = "" if there.year == datetime.now().year else " %Y"
    form = "%H:%M:%S" if is_today else f"%d %b{year} %H:%M:%S"
    return tag("time", there.strftime(form), datetime=there.isoformat(timespec="seconds"))

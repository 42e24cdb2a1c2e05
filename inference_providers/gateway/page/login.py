"""Log in by the administrator's token, and out again."""

from __future__ import annotations

import hmac

from inference_providers.gateway.messages import Outgoing
from inference_providers.gateway.page.assets import mark
from inference_providers.gateway.page.frame import (
    DIALECT,
    HOME,
    LOGIN,
    LOGOUT,
    field,
    fields,
    moved,
    notice,
    page_route,
    plain_fields,
    session_of,
    whole,
)
from inference_providers.gateway.routes import OPEN, Route
from inference_providers.gateway.sessions import is_secure, set_cookie
from inference_providers.rendering import Markup, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.messages import Incoming
    from inference_providers.gateway.service import Gateway

_TITLE = "Log in"


async def asked(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The form; whoever has a session goes on."""
    if session_of(gateway, incoming) is not None:
        return moved(HOME)
    return _form(gateway)


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A token was sent: a session begins where it is the administrator's."""
    settings, sessions = gateway.settings, gateway.settings.sessions
    if not settings.token:
        return _form(gateway, status=403)
    token = str(plain_fields(incoming).get("token", "")).strip()
    if not hmac.compare_digest(token.encode("utf-8", "replace"), settings.token.encode()):
        return _form(gateway, "That is not this gateway's token.", 403)
    cookie = set_cookie(sessions.begin(settings.token), settings.port, is_secure=is_secure(incoming.headers))
    return moved(HOME, {"set-cookie": cookie})


async def left(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Every session ends, that of this browser too."""
    await fields(gateway, incoming)
    gateway.settings.sessions.end_all()
    return moved(LOGIN, {"set-cookie": set_cookie("", gateway.settings.port, is_secure=is_secure(incoming.headers))})


def _form(gateway: Gateway, problem: str = "", status: int = 200, headers: dict[str, str] | None = None) -> Outgoing:
    body: tuple[Markup, ...]
    if not gateway.settings.token:
        body = (
            tag("p", "This gateway was started with --no-token, so nobody can show that he is its administrator."),
            tag("p", "Start it without that, and log in here with the token that it names."),
        )
    else:
        token = field(
            "Administrator's token",
            "token",
            hint=(tag("code", "inference-providers serve"), " says where it is when it starts."),
            type="password",
            autocomplete="current-password",
            required=True,
            autofocus=True,
        )
        # For whatever keeps passwords: it is the only name that there is.
        who = tag("input", name="username", value="administrator", autocomplete="username", hidden=True, readonly=True)
        button = tag("button", _TITLE, type="submit", class_="main")
        body = (tag("form", who, token, button, method="post", action=LOGIN, class_="stack"),)
    said = notice(tag("p", problem), kind="bad") if problem else None
    brand = tag("p", mark(), "inference providers", class_="brand")
    main = tag("main", brand, tag("h1", _TITLE), said, *body, id="main")
    return whole(_TITLE, tag("div", main, class_="lone"), status=status, headers=headers)


ROUTES = (
    Route("GET", LOGIN, asked, OPEN, dialect=DIALECT),
    Route("POST", LOGIN, shown, OPEN, takes_fields=True, dialect=DIALECT),
    page_route("POST", LOGOUT, left),
)

"""Who is let in, and with what: hosts, origins, tokens, content types. Pure.

A page in a browser can send requests to this machine. It cannot send JSON to another origin without asking first, nor
take away the `Origin` that says where it is from, nor choose the `Host` of a name that it has had lead here.
"""

from __future__ import annotations

import hmac
import ipaddress
import re

from inference_providers.gateway.callers import ADMIN, ANYBODY
from inference_providers.gateway.messages import Refused
from inference_providers.gateway.routes import API, OPEN, PAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference_providers.gateway.callers import Caller, Callers
    from inference_providers.gateway.routes import Route
    from inference_providers.gateway.settings import Settings

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@\[\]]+))(?::[0-9]{1,5})?").fullmatch
_OWN_SITES = ("none", "same-origin")  # as browsers say it, also with requests that have no `Origin`
_JSON, _FORM, _FIELDS = "application/json", "multipart/form-data", "application/x-www-form-urlencoded"
_MOST_OPEN = 16384  # bytes of a body from somebody who has shown nothing yet
_KEYS_IN_QUERY = ("gemini",)  # dialects
_CHALLENGE = {"www-authenticate": 'Bearer realm="inference_providers"'}


def check_place(headers: Mapping[str, str], settings: Settings) -> None:
    """Raise Refused for a `Host` that is not ours, or an `Origin` that is another."""
    host = headers.get("host", "")
    found = _HOST(host)
    name = (found[1] or found[2]).lower() if found is not None else ""
    if name not in settings.hosts and not (settings.is_open and _is_address(name)):
        raise Refused(
            421,
            "This gateway is not called by that name: use its address, or start it with --allow-host NAME.",
            "unknown_host",
        )
    origin = headers.get("origin")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        raise Refused(403, "Pages of other origins may not use this gateway.", "foreign_origin")
    if headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        raise Refused(403, "Pages of other sites may not use this gateway.", "foreign_origin")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


_UNKNOWN = (
    "This token is not known here: it is neither the administrator's, of which `inference-providers serve` says where "
    "it is, nor a caller's key, which `inference-providers callers create` makes."
)


def caller_of(headers: Mapping[str, str], settings: Settings, callers: Callers, route: Route, key: str = "") -> Caller:
    """Who asks. Raises Refused (401, 403) for whoever may not. key: of the query, for paths that take it there."""
    token = token_of(headers) or (key if route.dialect in _KEYS_IN_QUERY else "")
    if not token:
        if route.kind == PAGE:
            return _in_browser(headers, settings)
        if not settings.token and route.kind == API:
            return ANYBODY
        raise Refused(
            401,
            "A token is missing: send `Authorization: Bearer TOKEN`. `inference-providers serve` says where it is.",
            "missing_token",
            headers=_CHALLENGE,
        )
    if settings.token and hmac.compare_digest(token.encode("latin-1"), settings.token.encode()):
        return ADMIN
    caller = callers.of(token)
    if caller is None:
        said = callers.problem(token)  # to whoever has the key alone
        if not said and not settings.token and route.kind == API:  # most programs send one, whatever it is
            return ANYBODY
        raise Refused(401, said or _UNKNOWN, "unknown_token", headers=_CHALLENGE)
    if route.kind != API:
        raise Refused(403, "This path is the administrator's.", "not_administrator")
    return caller


def _in_browser(headers: Mapping[str, str], settings: Settings) -> Caller:
    """The administrator, by the cookie of his session. Raises Refused."""
    if settings.sessions.of(headers, settings.token, settings.port) is None:
        raise Refused(401, "This page is the administrator's: log in with the gateway's token.", "login")
    return ADMIN


def token_of(headers: Mapping[str, str]) -> str:
    """The token that a program shows with each request; empty where none is."""
    said = headers.get("authorization", "")
    if said[:7].lower() == "bearer ":
        return said[7:].strip()
    return (headers.get("x-api-key") or headers.get("x-goog-api-key", "")).strip()


def without_key(query: str) -> tuple[str, str]:
    """A query without its field `key`, which nobody else is to see; and what that says."""
    if not query or ("key" not in query.lower() and "%" not in query):
        return query, ""
    from urllib.parse import unquote_plus

    kept, key = [], ""
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if unquote_plus(name).lower() == "key":
            key = unquote_plus(value)
        else:
            kept.append(field)
    return "&".join(kept), key.encode("utf-8", "replace").decode("latin-1").strip()  # as a header would have it


def check_content(headers: Mapping[str, str], route: Route) -> None:
    """Raise Refused for a body in a form that the path does not take, or a large one from who knows whom."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "Compressed bodies are not taken: send it without Content-Encoding.", "content_encoding")
    taken = [_JSON, *([_FORM] if route.takes_forms else ()), *([_FIELDS] if route.takes_fields else ())]
    if kind not in taken:
        raise Refused(415, f"Content-Type must be {' or '.join(taken)}, not {kind or 'missing'!r}.", "content_type")
    size = headers.get("content-length", "")
    if route.kind == OPEN and not (size.isdecimal() and int(size[:20]) <= _MOST_OPEN):
        raise Refused(413, "The body is too large, or does not say how large it is.", "body_too_large")

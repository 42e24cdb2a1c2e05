"""The page's own files, styles and scripts: each under a name with its digest, so that a browser keeps it for good."""

from __future__ import annotations

import pkgutil
from functools import cache
from hashlib import sha256

from inference_providers.gateway.messages import Outgoing, Refused
from inference_providers.gateway.routes import OPEN, Route
from inference_providers.rendering import Markup, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.messages import Incoming
    from inference_providers.gateway.service import Gateway

BASE = "/page/static/"
FILES = (
    "icon.svg",
    "style.css",
    "page.js",
    "live.js",
    "work.css",
    "tools.js",
    "playground.js",
)  # in `static/`: what a page may have is listed here
_KINDS = {"css": b"text/css; charset=utf-8", "js": b"text/javascript; charset=utf-8", "svg": b"image/svg+xml"}


@cache
def _contents() -> dict[str, tuple[str, bytes]]:
    """By name: what it is called in addresses, and what is in it; also where the package lies in an archive."""
    found = {}
    for name in FILES:
        data = pkgutil.get_data(__name__.rpartition(".")[0], f"static/{name}") or b""
        stem, _, kind = name.rpartition(".")
        found[name] = (f"{stem}.{sha256(data).hexdigest()[:16]}.{kind}", data)
    return found


def address(name: str) -> str:
    """Where one of `FILES` is, with its digest."""
    return BASE + _contents()[name][0]


def style(name: str) -> Markup:
    """The element that has a page look as a file says."""
    return tag("link", rel="stylesheet", href=address(name))


def icon() -> Markup:
    """The picture of a browser's tab."""
    return tag("link", rel="icon", href=address("icon.svg"), type="image/svg+xml")


def mark() -> Markup:
    """The same, beside the name of the page."""
    return tag("img", src=address("icon.svg"), alt="", width=20, height=20)


def script(name: str) -> Markup:
    """The element that runs a file once the page is there."""
    return tag("script", src=address(name), defer=True)


async def served(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One of them. Nothing in them is secret."""
    wanted = incoming.values["name"]
    for called, data in _contents().values():
        if called == wanted:
            kind = _KINDS[called.rpartition(".")[2]]
            kept = (b"cache-control", b"public, max-age=31536000, immutable")
            plain = (b"x-content-type-options", b"nosniff")
            return Outgoing(200, [(b"content-type", kind), kept, plain], data)
    raise Refused(404, "There is no such file.", "unknown_path")


ROUTES = (Route("GET", BASE + "{name}", served, OPEN),)

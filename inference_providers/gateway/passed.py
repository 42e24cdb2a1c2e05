"""What goes through the gateway, in both directions, and what of it does not. Pure.

What a provider says is passed on as it is, but for what it says to a browser, to a proxy or to us, and for our key.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import lru_cache

from inference_providers.clients import plain_headers, said_headers
from inference_providers.credentials import scrub, scrub_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

EVENTS = "text/event-stream"
# Of replies: what is said to the next machine alone, or by a server of itself; what browsers and proxies act on.
_NOT_PASSED = frozenset((
    "accept-ranges", "age", "alt-svc", "alt-used", "authorization", "clear-site-data", "connection", "content-location",
    "content-range", "cookie", "date", "expect-ct", "expires", "feature-policy", "keep-alive", "link", "nel",
    "origin-agent-cluster", "permissions-policy", "pragma", "public-key-pins", "referrer-policy", "refresh",
    "report-to", "reporting-endpoints", "server", "service-worker-allowed", "set-cookie2", "sourcemap",
    "strict-transport-security", "te", "timing-allow-origin", "trailer", "upgrade", "vary", "via", "www-authenticate",
    "x-content-type-options", "x-frame-options", "x-lighttpd-send-file", "x-powered-by", "x-reproxy-url",
    "x-sendfile", "x-should-retry", "x-sourcemap", "x-ua-compatible", "x-xss-protection",
))  # fmt: skip
_NOT_PASSED_PREFIXES = (
    "access-control-", "content-security-policy", "cross-origin-", "proxy-", "sec-", "x-accel-", "x-inference-",
)  # fmt: skip
# Of requests: what tells a provider that is a gateway itself where to send them, with a key of ours.
_SAYS_WHERE = re.compile(
    r"backend|base|callback|config|deployment|destination|endpoint|fallback|forward|hook|host|model|override|provider|"
    r"proxy|redirect|resource|target|upstream|ur[il]"
)
_TELLS_MUCH = 12  # characters of a key
_SHORTEST = 16  # characters of a key that is no word of a reply


@lru_cache(1024)
def _goes_on(name: str) -> bool:
    return name not in _NOT_PASSED and not name.startswith(_NOT_PASSED_PREFIXES)


def own_of_caller(headers: Mapping[str, str]) -> dict[str, str]:
    """Of a caller's headers for providers those that say nobody where to send anything."""
    kept = {}
    for name, value in headers.items():
        low = name.lower()
        if low == "http-referer" or ("://" not in value and _SAYS_WHERE.search(low) is None):
            kept[name] = value
    return kept


def headers_of(reply: Any) -> list[tuple[bytes, bytes]]:
    """The headers of a reply: those of the provider that are for whoever asked, and ours."""
    key = reply.offer.api_key
    return _headers(reply, key, _mark(key))


def _headers(reply: Any, key: str | None, mark: str) -> list[tuple[bytes, bytes]]:
    headers = {name: value for name, value in reply.headers.items() if _goes_on(name)}
    if mark and mark in "\n".join(headers.values()):
        headers = {name: scrub(value, (key,)) for name, value in headers.items()}
    return [*plain_headers(headers), *said_headers(reply)]


def whole(reply: Any) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The headers and the body of a reply that is whole. JSON is called so, whatever the provider calls it."""
    content: bytes = reply.content
    key = reply.offer.api_key
    mark = _mark(key)
    if mark and mark.encode() in content:
        content = scrub_bytes(content, (key,))
    headers = _headers(reply, key, mark)
    if isinstance(reply.data, dict | list) and "json" not in reply.headers.get("content-type", ""):
        headers = [line for line in headers if line[0] != b"content-type"]
        headers.append((b"content-type", b"application/json"))
    headers.append((b"x-content-type-options", b"nosniff"))
    return headers, content


def without_key(content: bytes, key: str | None) -> bytes:
    """What was made of a reply, without our key: also of a key in the base64 in which thoughts are given back."""
    return scrub_bytes(content, (key,)) if any(mark in content for mark in _marks(key)) else content


def _mark(key: str | None) -> str:
    """What shows that a text holds a key; empty where there is none."""
    return key[:_TELLS_MUCH] if key and len(key) >= _SHORTEST else ""


@lru_cache(256)
def _marks(key: str | None) -> tuple[bytes, ...]:
    """What shows that bytes hold a key, plain or in base64, wherever in that it begins."""
    plain = _mark(key).encode()
    shifted = (b64encode(bytes(skipped) + plain) for skipped in range(3))
    encoded = (found[-(-8 * skipped // 6) : (skipped + len(plain)) * 8 // 6] for skipped, found in enumerate(shifted))
    return (plain, *encoded) if plain else ()


class Bytes:
    """The pieces of a stream that is not of events, without our key: held is what may be the beginning of one."""

    __slots__ = ("_begins", "_held", "_key", "_mark")

    def __init__(self, reply: Any) -> None:
        key = reply.offer.api_key
        self._key, self._mark, self._held = key, _mark(key).encode(), b""
        said = key.encode() if self._mark else b""
        self._begins = tuple(said[:end] for end in range(len(said) - 1, 0, -1))  # the longest first

    def feed(self, piece: bytes) -> bytes:
        """What can be passed on by now."""
        piece, self._held = self._held + piece, b""
        if piece.endswith(self._begins):
            self._held = next(begin for begin in self._begins if piece.endswith(begin))
            piece = piece[: -len(self._held)]
        return self._given(piece)

    def rest(self) -> bytes:
        """What is held at the stream's own end."""
        return self._given(self._held)

    def _given(self, piece: bytes) -> bytes:
        return scrub_bytes(piece, (self._key,)) if self._mark and self._mark in piece else piece


class Lines:
    """The pieces of a stream of events, as whole lines without our key: what breaks off within a line is of no use."""

    __slots__ = ("_held", "_key", "_mark", "complete")

    def __init__(self, reply: Any) -> None:
        self._key, self._mark = reply.offer.api_key, _mark(reply.offer.api_key).encode()
        self._held: list[bytes] = []
        self.complete = True  # whether what was given ends with a blank line

    def feed(self, piece: bytes) -> bytes:
        """The whole lines that a piece completes."""
        if not piece:
            return b""
        if piece[-1:] not in _ENDS:
            end = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1
            rest = piece[end:]
            if not end:
                self._held.append(rest)
                return b""
            piece, held = piece[:end], self._held
            self._held = [rest]
        elif self._held:
            held, self._held = self._held, []
        else:
            held = []
        if held:
            piece = b"".join((*held, piece))
        return self._given(piece)

    def rest(self) -> bytes:
        """What is held at the stream's own end."""
        piece, self._held = b"".join(self._held), []
        return self._given(piece)

    def _given(self, piece: bytes) -> bytes:
        if self._mark and self._mark in piece:
            piece = scrub_bytes(piece, (self._key,))
        if piece:
            self.complete = piece.endswith((b"\n\n", b"\n\r\n", b"\r\r"))
        return piece


_ENDS = (b"\n", b"\r")

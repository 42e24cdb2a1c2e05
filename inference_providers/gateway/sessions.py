"""Who has shown in a browser that he is the administrator: sessions that every worker can check, and none keeps.

A session is a cookie: when it ends, a random id, and a MAC under a key made of the administrator's token and of a
random secret. The secret lies in memory that was mapped before workers were forked, so all of them have it and nobody
else; it is on no disk. So a session ends with its time, with the gateway, with the token, and when somebody logs out,
which makes another secret: then all sessions end, copies of cookies too.
"""

from __future__ import annotations

import hmac
import mmap
import secrets
import time
from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LASTS = 12 * 3600.0  # seconds
COOKIE = "inference_providers"
_MOST_TRIED = 100  # cookies of our names that are looked at
_SECRET = 32


class Session:
    """One that counts. csrf: what its forms hold, so that no page but ours can have sent them."""

    __slots__ = ("csrf", "id")

    def __init__(self, id: str, csrf: str) -> None:
        self.id, self.csrf = id, csrf

    def __repr__(self) -> str:
        return "<Session>"


class Sessions:
    """The sessions of one gateway, of all workers that are forked after it was made."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock, self._map = clock, mmap.mmap(-1, _SECRET)
        self.end_all()

    def __repr__(self) -> str:
        return "<Sessions>"

    def begin(self, token: str) -> str:
        """A new session's cookie, for whoever has shown the token."""
        said = f"{self._clock() + LASTS:.0f}.{secrets.token_urlsafe(18)}"
        return f"{said}.{self._mac(token, 'session', said)}"

    def of(self, headers: Mapping[str, str], token: str, port: int) -> Session | None:
        """The session that a request's cookies hold; None without one that counts. *token*: the administrator's."""
        if not token:
            return None
        known, tried = names(port), 0
        for pair in headers.get("cookie", "").replace(",", ";").split(";"):  # other ports' cookies, too
            name, _, value = pair.strip().partition("=")
            if name in known and tried < _MOST_TRIED:
                tried += 1
                if (session := self._session(value, token)) is not None:
                    return session
        return None

    def _session(self, value: str, token: str) -> Session | None:
        said, _, mac = value.rpartition(".")
        until = said.partition(".")[0]
        if not value.isascii() or not hmac.compare_digest(mac, self._mac(token, "session", said)):
            return None
        if int(until) <= self._clock():  # what has our MAC has our form
            return None
        return Session(said, self._mac(token, "form", said))

    def _mac(self, token: str, what: str, said: str) -> str:
        key = hmac.digest(self._map[:_SECRET], token.encode(), sha256)
        return hmac.new(key, f"{what} {said}".encode(), sha256).hexdigest()

    def end_all(self) -> None:
        """No session counts any more, in any worker."""
        self._map[:_SECRET] = secrets.token_bytes(_SECRET)


def names(port: int) -> tuple[str, str]:
    """What the cookie is called: over https, and else with the port, since a host's cookies go to all its ports."""
    return f"__Host-{COOKIE}", f"{COOKIE}_{port}"


def is_secure(headers: Mapping[str, str]) -> bool:
    """Whether the browser speaks https, if only with a proxy before us, which may not say so.

    What says it then: where a form is from, and a cookie that was set over https, and that browsers send over no other.
    """
    if headers.get("x-forwarded-proto", "").partition(",")[0].strip() == "https":
        return True
    return headers.get("origin", "").startswith("https:") or f"__Host-{COOKIE}=" in headers.get("cookie", "")


def set_cookie(value: str, port: int, *, is_secure: bool) -> str:
    """The header that has a browser keep a session; an empty one has it forgotten."""
    secure, plain = names(port)
    lasts = int(LASTS) if value else 0
    kept = f"Path=/; HttpOnly; SameSite=Strict; Max-Age={lasts}"
    return f"{secure}={value}; {kept}; Secure" if is_secure else f"{plain}={value}; {kept}"

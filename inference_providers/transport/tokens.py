"""Fetches access tokens: for a request that is about to be sent, from the one host that the registry names."""

from __future__ import annotations

import json
import time

from inference_providers.credentials import scrub
from inference_providers.text import jsontext
from inference_providers.transport.http import Request, WireError
from inference_providers.transport.sync_sender import Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.credentials import Tokens

_FILE_CAP = 64 * 1024  # bytes of a file of credentials
_REPLY_CAP = 256 * 1024  # bytes
_HOUR = 3600.0  # seconds for which a token counts whose reply does not say it
_FORM = "application/x-www-form-urlencoded"


def renew_token(tokens: Tokens, limit: float) -> None:
    """Have a token that counts, within *limit* seconds. One thread fetches it, others wait.

    Raises WireError ("token") where there is none to be had, and nothing is sent in vain.
    """
    if tokens.current is not None:
        return
    if not tokens.lock.acquire(timeout=limit):
        raise WireError("token", f"no access token for {tokens.variable} came within {limit:.0f} seconds")
    try:
        if tokens.current is None:
            (_by_form if tokens.auth["by"] == "form" else _by_google)(tokens, limit)
    finally:
        tokens.lock.release()


async def renew_token_async(tokens: Tokens, limit: float) -> None:
    """`renew_token` for asyncio, in a thread of its own."""
    import asyncio

    await asyncio.to_thread(renew_token, tokens, limit)


def _post(tokens: Tokens, url: str, content: bytes, headers: Mapping[str, str], limit: float) -> tuple[int, bytes]:
    """The reply of the host of tokens, which is asked as everybody is: by proxy, within limits, without redirects."""
    if problem := tokens.forbids(url):
        raise WireError("token", f"nothing was sent: {problem}")
    response = Sender(tokens.environ).send(Request("POST", url, headers, content), limit=limit)
    return response.status, response.read(_REPLY_CAP)


def _by_form(tokens: Tokens, limit: float) -> None:
    """A key exchanged for a token."""
    from urllib.parse import urlencode

    fields = {name: value.replace("{key}", tokens.secret) for name, value in tokens.auth["form"].items()}
    headers = {"Content-Type": _FORM, "Accept": "application/json"}
    status, body = _post(tokens, tokens.auth["token"], urlencode(fields).encode("ascii"), headers, limit)
    try:
        told = jsontext.loads(body.decode("utf-8", "replace"))
    except ValueError:
        told = None
    reply: dict[str, Any] = told if isinstance(told, dict) and status == 200 else {}
    token = reply.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise WireError("token", f"{tokens.variable} was not exchanged for an access token: HTTP {status}")
    seconds = reply.get("expires_in")
    tokens.put(token, float(seconds) if isinstance(seconds, int | float) and 0 < seconds < 1e7 else _HOUR)


def _by_google(tokens: Tokens, limit: float) -> None:
    """A token by google-auth, which signs and reads; what is sent goes by our own sender to the pinned host."""
    from datetime import UTC, datetime

    from google.auth.exceptions import GoogleAuthError

    try:
        made = _google_credentials(tokens)
        made.refresh(_asking(tokens, time.monotonic() + limit))
    except (GoogleAuthError, ValueError) as error:
        said = scrub(str(error.args[0] if error.args else error), (tokens.secret,))[:200]
        raise WireError("token", f"no access token for {tokens.variable}: {said}") from None
    if not made.token:
        raise WireError("token", f"no access token for {tokens.variable}")
    ends = made.expiry.replace(tzinfo=UTC) if made.expiry is not None else None
    tokens.put(made.token, (ends - datetime.now(UTC)).total_seconds() if ends is not None else _HOUR)


def _google_credentials(tokens: Tokens) -> Any:
    """The credentials of a file. Raises WireError for kinds that would ask others, or run programs."""
    info = _read(tokens)
    scopes, kind = [tokens.auth["scope"]], info.get("type")
    if kind == "service_account":
        from google.oauth2 import service_account

        if problem := tokens.forbids(str(info.get("token_uri", ""))):
            raise WireError("token", f"nothing was sent: the file says that {problem}")
        return service_account.Credentials.from_service_account_info(info, scopes=scopes)
    if kind == "authorized_user":
        from google.oauth2.credentials import Credentials

        return Credentials(
            None,
            refresh_token=info.get("refresh_token"),
            client_id=info.get("client_id"),
            client_secret=info.get("client_secret"),
            token_uri=tokens.auth["token"],
        )
    raise WireError("token", f"credentials of type {str(kind)[:40]!r} are not used: of a service account, or gcloud's")


def _read(tokens: Tokens) -> dict[str, Any]:
    try:
        with open(tokens.secret, "rb") as file:
            info = json.loads(file.read(_FILE_CAP))
    except (OSError, ValueError):
        raise WireError("token", f"the file of {tokens.variable} cannot be read as JSON") from None
    if not isinstance(info, dict):
        raise WireError("token", f"the file of {tokens.variable} holds no credentials")
    return info


class _Reply:
    """A reply as google-auth reads it."""

    headers: Mapping[str, str] = {}

    def __init__(self, status: int, data: bytes) -> None:
        self.status, self.data = status, data


def _asking(tokens: Tokens, until: float) -> Any:
    """What google-auth sends its requests by."""

    def ask(url: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any) -> _Reply:
        if method != "POST":
            raise WireError("token", "google-auth wanted to ask more than for a token")
        content = body if isinstance(body, bytes) else str(body or "").encode("ascii")
        return _Reply(*_post(tokens, url, content, dict(headers or {}), max(until - time.monotonic(), 0.001)))

    return ask

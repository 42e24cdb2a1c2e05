"""Fetches access tokens: for a request that is about to be sent, from the one host that the registry names."""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress

from inference_providers.credentials import scrub
from inference_providers.text import in_line, jsontext
from inference_providers.transport.http import Request, WireError
from inference_providers.transport.sync_sender import Sender

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Mapping
    from threading import Lock
    from typing import Any

    from inference_providers.credentials import Tokens

_FILE_CAP = 64 * 1024  # bytes of a file of credentials
_REPLY_CAP = 256 * 1024  # bytes
_LONGEST = 32 * 1024  # characters of a token
_YEARS = 1e7  # seconds: no token counts for so long
_PAUSE = 0.02  # seconds after which a task looks again whether a token has come
_HOUR = 3600.0  # seconds for which a token counts whose reply does not say it
_FORM = "application/x-www-form-urlencoded"


def renew_token(tokens: Tokens, limit: float) -> None:
    """Have a token that counts, within *limit* seconds. One thread fetches it, others wait.

    Raises WireError ("token") where there is none to be had, and nothing is sent in vain.
    """
    if tokens.current is not None:
        return
    lock = tokens.lock
    if not lock.acquire(timeout=limit):
        raise _late(tokens, limit)
    _renew(tokens, limit, lock)


async def renew_token_async(tokens: Tokens, limit: float) -> None:
    """`renew_token` for asyncio. It is fetched in a thread of its own: those of the loop are for looking names up."""
    import asyncio
    from threading import Thread

    from inference_providers.transport.running import running_loop

    until, loop = time.monotonic() + limit, running_loop()
    while tokens.current is None:
        left, lock = until - time.monotonic(), tokens.lock
        if left <= 0:
            raise _late(tokens, limit)
        if not lock.acquire(blocking=False):  # whoever fetches it may be in another loop, or in none
            await asyncio.sleep(min(_PAUSE, left))
            continue
        done: asyncio.Future[BaseException | None] = loop.create_future()
        try:
            Thread(target=_in_thread, args=(tokens, left, lock, loop, done), daemon=True).start()
        except BaseException:
            lock.release()
            raise
        if (error := await done) is not None:
            raise error


def _in_thread(
    tokens: Tokens, limit: float, lock: Lock, loop: AbstractEventLoop, done: Future[BaseException | None]
) -> None:
    """`_renew`, and tell who waits in a loop, if they still do."""
    error: BaseException | None = None
    try:
        _renew(tokens, limit, lock)
    except BaseException as problem:  # noqa: BLE001  (it is raised where the token is waited for)
        error = problem

    def tell() -> None:
        if not done.done():
            done.set_result(error)

    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(tell)


def _renew(tokens: Tokens, limit: float, lock: Lock) -> None:
    """Fetch a token, unless there is one by now, and release the lock."""
    try:
        if tokens.current is None:
            (_by_form if tokens.auth["by"] == "form" else _by_google)(tokens, limit)
    except BaseException as error:  # noqa: BLE001  (it is raised again)
        # Frames in which keys, tokens and files of credentials are local variables are in no traceback.
        raise error.with_traceback(None) from None
    finally:
        lock.release()


def _late(tokens: Tokens, limit: float) -> WireError:
    return WireError("token", f"no access token for {tokens.variable} came within {limit:.0f} seconds")


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
    found = _token_in(body) if status == 200 else None
    if found is None:
        raise WireError("token", f"{tokens.variable} was not exchanged for an access token: HTTP {status}")
    tokens.put(*found)


def _told(body: bytes) -> dict[str, Any]:
    """The object that a reply is; empty where it is none."""
    try:
        told = jsontext.loads(body.decode("utf-8", "replace"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _token_in(body: bytes) -> tuple[str, float] | None:
    """The token of a reply, and for how many seconds it counts; None where there is none that a header can hold."""
    told = _told(body)
    token, seconds = told.get("access_token"), told.get("expires_in")
    if not isinstance(token, str) or len(token) > _LONGEST or not re.fullmatch(r"[!-~]+", token):
        return None
    if isinstance(seconds, int | float) and seconds is not True and 0 < seconds < _YEARS:
        return token, float(seconds)
    return token, _HOUR


def _by_google(tokens: Tokens, limit: float) -> None:
    """A token by google-auth, which signs and reads; what is sent goes by our own sender to the pinned host."""
    from datetime import UTC, datetime

    from google.auth.exceptions import GoogleAuthError

    try:
        made = _google_credentials(tokens)
        made.refresh(_asking(tokens, time.monotonic() + limit))
    except WireError:
        raise
    except (GoogleAuthError, ValueError) as error:
        said = scrub(str(error.args[0] if error.args else error), (tokens.secret,))[:200]
        raise WireError("token", f"no access token for {tokens.variable}: {in_line(said)}") from None
    except Exception as error:  # noqa: BLE001  (a file of credentials may hold anything)
        why = f"its file cannot be used ({type(error).__name__})"
        raise WireError("token", f"no access token for {tokens.variable}: {why}") from None
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


def _plain(status: int, body: bytes) -> dict[str, Any]:
    """What google-auth may read of a reply: the token and when it ends, or the words of an error."""
    if status != 200:
        told = _told(body)
        return {name: said for name in ("error", "error_description") if isinstance(said := told.get(name), str)}
    found = _token_in(body)
    return {} if found is None else {"access_token": found[0], "expires_in": max(int(found[1]), 1)}


def _asking(tokens: Tokens, until: float) -> Any:
    """What google-auth sends its requests by."""

    def ask(url: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any) -> _Reply:
        if method != "POST":
            raise WireError("token", "google-auth wanted to ask more than for a token")
        content = body if isinstance(body, bytes) else str(body or "").encode("ascii")
        status, reply = _post(tokens, url, content, dict(headers or {}), max(until - time.monotonic(), 0.001))
        return _Reply(status, json.dumps(_plain(status, reply)).encode("ascii"))

    return ask

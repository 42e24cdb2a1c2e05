"""The gateway as an ASGI application: who is let in, what is read, which handler answers, what goes out.

Nothing here knows an API: paths and their handlers are rows of `routes`, errors are told by `failures`.
"""

from __future__ import annotations

import asyncio
import time

from inference_providers import log
from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway import failures, guard
from inference_providers.gateway.callers import ANYBODY
from inference_providers.gateway.messages import Incoming, Outgoing, Refused
from inference_providers.gateway.routes import OPEN, Routes
from inference_providers.gateway.table import ROUTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from typing import Any

    from inference_providers.gateway.routes import Route
    from inference_providers.gateway.service import Gateway

    Scope = Mapping[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

# Extensions of a scope.
AUTHORITY = "inference_providers.authority"  # the host that the request's target names
CANCELS = "inference_providers.cancels"  # the server itself cancels the task of a client that has gone


class Application:
    """The ASGI application of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.settings = gateway, gateway.settings
        self.routes = Routes(ROUTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the server's start and end."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.gateway.providers.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        route: Route | None = None
        content: Any = b""
        try:
            try:
                route, incoming = await self._admitted(scope, receive)
                if CANCELS in scope.get("extensions", ()) or route.kind == OPEN:
                    outgoing = await route.handler(self.gateway, incoming)
                else:
                    outgoing = await _while_there(receive, route.handler(self.gateway, incoming))
            except (Refused, InferenceProvidersError) as error:
                outgoing = failures.told(error, route)
            except Exception as error:  # noqa: BLE001  (whoever asks gets an answer, and no traceback)
                outgoing = failures.told(self._broken(error), route)
            content = outgoing.content
            if scope["http_version"] == "1.0" and type(content) is not bytes:  # which knows no chunks
                content = await _whole(content)
            if type(content) is bytes:
                headers = [*outgoing.headers, (b"content-length", b"%d" % len(content))]
                await send({"type": "http.response.start", "status": outgoing.status, "headers": headers})
                await send({"type": "http.response.body", "body": content})
            else:
                await self._stream(outgoing, content, send)
            self.gateway.answered(_pattern(route), outgoing.status, time.monotonic() - started)
        except asyncio.CancelledError:
            if hasattr(content, "aclose"):
                await content.aclose()
            self.gateway.answered(_pattern(route), 499, time.monotonic() - started)
            if CANCELS not in scope.get("extensions", ()):
                raise

    async def _admitted(self, scope: Scope, receive: Receive) -> tuple[Route, Incoming]:
        """The route of a request that may come in, and the request. Raises Refused."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key = name.decode("latin-1")
            if key in headers and key in _ONCE:
                raise Refused(400, f"The header {key} comes twice.", "repeated_header")
            headers[key] = value.decode("latin-1")
        coding = headers.get("transfer-encoding", "chunked")
        if coding != "chunked" and coding.lower() != "chunked":
            raise Refused(400, "Of transfer codings only chunked is known here.", "invalid_http", headers=_CLOSE)
        if scope["http_version"] != "1.1":
            _check_version(scope["http_version"], headers)
        guard.check_place(headers, self.settings, scope.get("extensions", {}).get(AUTHORITY, {}).get("is"))
        method, path = scope["method"], scope["path"]
        route, values = self.routes.find(method, path)
        if route is None:
            raise self._unknown(path)
        caller = ANYBODY if route.kind == OPEN else guard.caller_of(headers, self.settings, self.gateway.callers, route)
        content = b""
        if method in ("POST", "PUT", "PATCH"):
            content = await self._content(headers, receive)
            if content or "content-type" in headers:
                guard.check_content(headers, route)
        query = scope["query_string"].decode("latin-1")
        return route, Incoming(
            method,
            path,
            caller,
            content=content,
            query_string=query,
            headers=headers,
            raw_headers=scope["headers"],
            values=values,
        )

    def _unknown(self, path: str) -> Refused:
        methods = self.routes.methods(path)
        if methods:
            said = {"allow": ", ".join(methods)}
            return Refused(405, f"This path takes {said['allow']}.", "method_not_allowed", headers=said)
        return Refused(404, "There is no such path here; GET /openapi.json lists them.", "unknown_path")

    async def _content(self, headers: Mapping[str, str], receive: Receive) -> bytes:
        """The body. Raises Refused for one that is too large, or takes too long."""
        most = self.settings.max_body
        said = headers.get("content-length", "0")
        if said.isdecimal() and int(said[:20]) > most:
            raise self._too_large()
        message = await self._next(receive)
        content: bytes | bytearray = message.get("body", b"")
        if message.get("more_body"):
            content = bytearray(content)
            until = time.monotonic() + self.settings.body_seconds
            while message.get("more_body") and len(content) <= most:
                message = await self._next(receive, until - time.monotonic())
                content += message.get("body", b"")
        if len(content) > most:
            raise self._too_large()
        return bytes(content)

    async def _next(self, receive: Receive, left: float | None = None) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.settings.body_seconds if left is None else left):
                message = await receive()
        except TimeoutError:
            raise Refused(408, "The request's body did not arrive in time.", "slow_body", headers=_CLOSE) from None
        if message["type"] == "http.disconnect":
            raise asyncio.CancelledError
        return message

    def _too_large(self) -> Refused:
        most = self.settings.max_body // (1024 * 1024)
        return Refused(413, f"The body is larger than {most} MiB.", "body_too_large")

    async def _stream(self, outgoing: Outgoing, pieces: AsyncIterator[bytes], send: Send) -> None:
        await send({"type": "http.response.start", "status": outgoing.status, "headers": outgoing.headers})
        try:
            async for piece in pieces:
                if piece:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except Exception as error:
            self._broken(error)
            raise
        finally:
            close: Any = getattr(pieces, "aclose", None)
            if close is not None:
                await close()
        await send({"type": "http.response.body", "body": b""})

    def _broken(self, error: Exception) -> Refused:
        """A defect of ours, in words that hold nothing of what was said."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "" if trace is None else f" in {trace.tb_frame.f_code.co_qualname}, line {trace.tb_lineno}"
        log.warn(f"the gateway failed: {type(error).__name__}{where}")
        return Refused(500, f"The gateway failed ({type(error).__name__}); its log says where.", "internal_error")


def _pattern(route: Route | None) -> str:
    return route.pattern if route is not None else ""


_CLOSE = {"connection": "close"}
_ONCE = frozenset((
    "authorization", "content-encoding", "content-length", "content-type", "host", "origin", "sec-fetch-site",
    "transfer-encoding", "x-api-key",
))  # fmt: skip


def _check_version(version: str, headers: Mapping[str, str]) -> None:
    """Raise Refused for a version of HTTP that is not 1.x, and for what 1.0 does not know."""
    if version != "1.0":
        raise Refused(505, "This gateway speaks HTTP/1.1.", "http_version", headers=_CLOSE)
    if "transfer-encoding" in headers:  # whoever stands in between may not know it either, and see two requests
        raise Refused(400, "HTTP/1.0 has no Transfer-Encoding.", "invalid_http", headers=_CLOSE)


async def _whole(pieces: Any) -> bytes:
    """All pieces of a stream, whose end its reader can see by its length alone."""
    try:
        return b"".join([piece async for piece in pieces])
    finally:
        await pieces.aclose()


async def _while_there(receive: Receive, answer: Any) -> Outgoing:
    """A handler's reply, as long as its client is there; raises CancelledError once it has gone."""
    working = asyncio.ensure_future(answer)
    watching = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise asyncio.CancelledError
        made: Outgoing = working.result()
        return made
    finally:
        watching.cancel()
        working.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

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
from inference_providers.gateway.metering import Asking, asking
from inference_providers.gateway.routes import OPEN, Routes
from inference_providers.gateway.table import ROUTES
from inference_providers.plugins import DIALECTS, declared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from typing import Any

    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.routes import Route
    from inference_providers.gateway.service import Gateway

    Scope = Mapping[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

GONE = 499  # the status, for counting, of a reply whose client had gone
WITH_BODY = ("POST", "PUT", "PATCH")


class Admitted:
    """A request whose head has been let in: its route, whose it is, and what stands for the names in its path."""

    __slots__ = ("caller", "route", "values")

    def __init__(self, route: Route, caller: Caller, values: Mapping[str, str]) -> None:
        self.route, self.caller, self.values = route, caller, values

    def incoming(
        self, method: str, path: str, query_string: str, headers: Mapping[str, str], content: bytes
    ) -> Incoming:
        """The whole request."""
        return Incoming(
            method, path, self.caller, content=content, query_string=query_string, headers=headers, values=self.values
        )


class Application:
    """The ASGI application of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.settings = gateway, gateway.settings
        self.routes = Routes(ROUTES)
        if declared(gateway.pipeline.users_environ, DIALECTS):
            from inference_providers.gateway import plugin_dialects

            self.routes = Routes((*ROUTES, *plugin_dialects.routes(gateway.pipeline.users_environ, self.routes)))
        gateway.answers = lambda method, path: self.routes.find(method, path)[0] is not None

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
                await self.gateway.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return
            try:
                await self.gateway.begin()
            except Exception as error:  # noqa: BLE001  (else some servers take requests all the same)
                await send({"type": "lifespan.startup.failed", "message": self.broken(error).message})
                return
            await send({"type": "lifespan.startup.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request of an ASGI server."""
        started = time.monotonic()
        route: Route | None = None
        outgoing: Outgoing | None = None
        try:
            try:
                route, incoming = await self._admitted(scope, receive)
            except Refused as error:
                outgoing = failures.told(error, route)
            else:
                outgoing = await _while_there(receive, self.handled(route, incoming))
            if isinstance(outgoing.content, bytes):
                headers = [*outgoing.headers, (b"content-length", b"%d" % len(outgoing.content))]
                await send({"type": "http.response.start", "status": outgoing.status, "headers": headers})
                await send({"type": "http.response.body", "body": outgoing.content})
            else:
                await self._stream(outgoing, outgoing.content, send)
            self.count(route, outgoing.status, started)
        except asyncio.CancelledError:
            if outgoing is not None:
                await outgoing.close()
            self.count(route, GONE, started)
            raise
        except Exception:  # a stream that breaks, of which `_stream` has told
            self.count(route, 500 if outgoing is None else outgoing.status, started)
            raise

    async def handled(self, route: Route, incoming: Incoming) -> Outgoing:
        """What a route's handler makes of a request, or how it failed."""
        if incoming.caller.is_admin or incoming.caller is ANYBODY:
            return await self._made(route, incoming)
        self.gateway.meter()
        one = Asking(incoming.caller)
        before = asking.set(one)
        try:
            outgoing = await self._made(route, incoming)
        finally:
            asking.reset(before)
        known = {name for name, _ in outgoing.headers}
        more = [(name.encode(), value.encode()) for name, value in one.headers.items()]
        outgoing.headers += [field for field in more if field[0] not in known]
        return outgoing

    async def _made(self, route: Route, incoming: Incoming) -> Outgoing:
        try:
            return await route.handler(self.gateway, incoming)
        except (Refused, InferenceProvidersError) as error:
            return failures.told(error, route)
        except Exception as error:  # noqa: BLE001  (whoever asks gets an answer, and no traceback)
            if isinstance(error, RecursionError) and _nests(incoming.content):  # it could just be read
                deep = Refused(400, "The body is JSON that nests too deep.", "invalid_json")
                return failures.told(deep, route)
            return failures.told(self.broken(error), route)

    def count(self, route: Route | None, status: int, started: float) -> None:
        """Note a reply. *started*: by `time.monotonic`."""
        pattern = route.pattern if route is not None else ""
        self.gateway.answered(pattern, status, time.monotonic() - started)

    def admit(self, method: str, path: str, headers: Mapping[str, str], key: str = "") -> Admitted:
        """Who may ask what, by the head of a request alone. Raises Refused. key: what the query had of that name."""
        route, values = self.routes.find(method, path)
        try:
            guard.check_place(headers, self.settings)
            if route is None:
                raise self._unknown(path)
            return Admitted(route, self._let_in(method, headers, route, key), values)
        except Refused as refused:
            refused.dialect = self.routes.dialect(path) if route is None else route.dialect
            raise

    def _let_in(self, method: str, headers: Mapping[str, str], route: Route, key: str) -> Caller:
        """Who asks, with a body that the route takes. Raises Refused."""
        caller, callers = ANYBODY, self.gateway.callers
        if route.kind != OPEN:
            caller = guard.caller_of(headers, self.settings, callers, route, key)
        if method in WITH_BODY:
            said = headers.get("content-length", "")
            if (said and said != "0") or "transfer-encoding" in headers or "content-type" in headers:
                guard.check_content(headers, route)
            if said.isdecimal() and int(said[:20]) > self.settings.max_body:
                raise self.too_large()
        return caller

    async def _admitted(self, scope: Scope, receive: Receive) -> tuple[Route, Incoming]:
        """The route of a request that may come in, and the request. Raises Refused."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        method, path = scope["method"], scope["path"]
        query, key = guard.without_key(scope["query_string"].decode("latin-1"))
        admitted = self.admit(method, path, headers, key)
        content = await self._content(receive) if method in WITH_BODY else b""
        return admitted.route, admitted.incoming(method, path, query, headers, content)

    def _unknown(self, path: str) -> Refused:
        methods = self.routes.methods(path)
        if methods:
            allowed = {"allow": ", ".join(methods)}
            return Refused(405, f"This path takes {allowed['allow']}.", "method_not_allowed", headers=allowed)
        near, said = self.routes.near(path), "There is no such path here; GET /openapi.json lists them."
        if near:
            ends = "with /v1" if len(near) > len(path) else f"without {path.removesuffix(near)}"
            said = f"There is no such path here, but {near}: give the program an address that ends {ends}."
        return Refused(404, said, "unknown_path")

    async def _content(self, receive: Receive) -> bytes:
        """The body. Raises Refused for one that is too large, or takes too long."""
        parts = bytearray()
        until = time.monotonic() + self.settings.body_seconds
        more = True
        while more:
            message = await self._next(receive, until - time.monotonic())
            parts += message.get("body", b"")
            more = message.get("more_body", False)
            if len(parts) > self.settings.max_body:
                raise self.too_large()
        return bytes(parts)

    async def _next(self, receive: Receive, left: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(left):
                message = await receive()
        except TimeoutError:
            raise Refused(408, "The request's body did not arrive in time.", "slow_body", headers=CLOSE) from None
        if message["type"] == "http.disconnect":
            raise asyncio.CancelledError
        return message

    def too_large(self) -> Refused:
        """Of a body."""
        most = self.settings.max_body // (1024 * 1024)
        return Refused(413, f"The body is larger than {most} MiB.", "body_too_large", headers=CLOSE)

    async def _stream(self, outgoing: Outgoing, pieces: AsyncIterator[bytes], send: Send) -> None:
        await send({"type": "http.response.start", "status": outgoing.status, "headers": outgoing.headers})
        try:
            async for piece in pieces:
                if piece:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except Exception as error:
            self.broken(error)
            raise
        finally:
            await outgoing.close()
        await send({"type": "http.response.body", "body": b""})

    def broken(self, error: Exception) -> Refused:
        """A defect of ours, in words that hold nothing of what was said."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = "" if trace is None else f" in {trace.tb_frame.f_code.co_qualname}, line {trace.tb_lineno}"
        log.warn(f"the gateway failed: {type(error).__name__}{where}")
        return Refused(500, f"The gateway failed ({type(error).__name__}); its log says where.", "internal_error")


CLOSE = {"connection": "close"}
_DEEP = 500  # levels of JSON: what is read of about a thousand cannot be written again


def _nests(content: bytes) -> bool:
    """Whether a body may be JSON of many levels."""
    return content.count(b"{") + content.count(b"[") > _DEEP


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

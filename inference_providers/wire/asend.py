"""The asynchronous sender, over aiohttp. Connections belong to the event loop that opened them."""

from __future__ import annotations

import asyncio
import math
import os
import ssl
from contextlib import suppress

import aiohttp

from inference_providers.wire.messages import COMMON, AsyncResponse, Limits, Request, WireError, proxy_for
from inference_providers.wire.race import STAGGER, race

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from typing import Any


class AsyncSender:
    """Sends requests; one connection pool for each event loop, closed with `aclose()` or with its loop."""

    def __init__(self, environ: Mapping[str, str] | None = None, limits: Limits | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self.limits = limits or Limits()
        self._sessions: dict[asyncio.AbstractEventLoop, _Kept] = {}
        self._pid = os.getpid()
        self._ssl: ssl.SSLContext | None = None
        self._proxies: dict[str, str | None] = {}
        self._timeouts: dict[tuple[float, float | None], aiohttp.ClientTimeout] = {}

    async def send(self, request: Request, *, limit: float | None = None, idle: float | None = None) -> AsyncResponse:
        """Send *request*; the response's body is read as its chunks are. Raises WireError.

        *limit* is for everything up to the last byte, *idle* for silence between bytes, in seconds; by
        default it is no shorter.
        """
        limit = self.limits.total if limit is None else limit
        timeout = self._timeout(int(limit * 8) / 8 if limit > 8 else limit, idle)
        try:
            raw = await self._session().request(
                request.method, request.url, data=request.body, headers=request.headers, timeout=timeout,
                allow_redirects=False, proxy=self._proxy(request.url),
            )  # fmt: skip
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _wire_error(error) from None
        return AsyncResponse(raw.status, raw.headers, _Body(raw).more, raw.close)  # their case does not count

    def _timeout(self, limit: float, idle: float | None) -> aiohttp.ClientTimeout:
        """Limits in aiohttp's form, made once for each eighth of a second. Each of them is a timer, which costs time."""
        known = self._timeouts.get((limit, idle))
        if known is None:
            if len(self._timeouts) > 1000:
                self._timeouts.clear()
            connect = min(self.limits.connect, limit)  # TLS included
            silent = idle if idle is not None and idle < limit else None
            known = aiohttp.ClientTimeout(
                total=limit, connect=connect, sock_connect=connect, sock_read=silent, ceil_threshold=math.inf
            )
            self._timeouts[limit, idle] = known
        return known

    def _proxy(self, url: str) -> str | None:
        """The proxy for a URL: looked up once for each origin."""
        cut = url.find("/", 8)
        origin = url[:cut] if cut >= 0 else url
        if origin not in self._proxies:
            self._proxies[origin] = proxy_for(url, self._environ)
        return self._proxies[origin]

    def _session(self) -> aiohttp.ClientSession:
        if self._pid != os.getpid():
            self._sessions, self._pid = {}, os.getpid()
        loop = asyncio.get_running_loop()
        known = self._sessions.get(loop)
        if known is None or known.session.closed:
            self._forget_closed_loops()
            connector = aiohttp.TCPConnector(limit=0, limit_per_host=0, ssl=self._context(), ttl_dns_cache=300)
            session = aiohttp.ClientSession(
                connector=connector, headers=COMMON, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
            known = self._sessions[loop] = _Kept(loop, session)
        return known.session

    def _forget_closed_loops(self) -> None:
        """Drop the connections of event loops that are gone: closing them in order needs a living loop."""
        for loop in [loop for loop in self._sessions if loop.is_closed()]:
            connector = self._sessions.pop(loop).session.connector
            if connector is not None and not connector.closed:
                with suppress(RuntimeError):
                    connector._close()  # the part of closing that needs no loop

    def _context(self) -> ssl.SSLContext:
        if self._ssl is None:
            import certifi

            bundle = self._environ.get("SSL_CERT_FILE") or self._environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
            self._ssl = ssl.create_default_context(cafile=bundle)
        return self._ssl

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        known = self._sessions.pop(asyncio.get_running_loop(), None)
        if known is not None:
            await known.session.close()


class _Kept:
    """A session of one event loop. It is closed when `asyncio.run` ends the loop: users of one-line calls close nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop, session: aiohttp.ClientSession) -> None:
        self.session = session
        self._guard = self._close_at_the_end()
        # An open asynchronous generator is finalised by `loop.shutdown_asyncgens()`.
        self._arming = loop.create_task(self._arm())

    async def _arm(self) -> None:
        await self._guard.__anext__()

    async def _close_at_the_end(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await self.session.close()


class _Body:
    """The body of a response, piece by piece."""

    __slots__ = ("_raw",)

    def __init__(self, raw: aiohttp.ClientResponse) -> None:
        self._raw = raw

    async def more(self) -> bytes:
        try:
            return await self._raw.content.readany()
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _wire_error(error) from None


def _wire_error(error: Exception) -> WireError:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return WireError("connect", "no connection in time")
    if isinstance(error, aiohttp.SocketTimeoutError):
        return WireError("timeout", "silent for too long")
    if isinstance(error, TimeoutError):
        return WireError("deadline", "no complete answer before the deadline")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return WireError("tls", "TLS failed")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return WireError("connect", "the host name cannot be resolved")
    if isinstance(error, aiohttp.ClientConnectorError):
        return WireError(
            "connect", "connection refused" if isinstance(error.os_error, ConnectionRefusedError) else "no connection"
        )
    if isinstance(
        error,
        aiohttp.ServerDisconnectedError
        | aiohttp.ClientPayloadError
        | ConnectionResetError
        | BrokenPipeError
        | aiohttp.ClientOSError,
    ):
        return WireError("broken", "the connection was closed before the answer was complete")
    if "encoding" in str(error).lower() or "compress" in str(error).lower():
        return WireError("broken", "the body's compression is broken or unknown")
    return WireError("protocol", f"no HTTP answer ({type(error).__name__})")


async def run_race(
    runners: Sequence[Callable[[], Awaitable[bool]]], stagger: float = STAGGER
) -> AsyncGenerator[int, None]:
    """Run a staggered race with tasks; yields winners, the earliest of those that answered first."""
    events: asyncio.Queue[tuple[int, bool]] = asyncio.Queue()
    tasks: list[asyncio.Task[None]] = []

    async def work(index: int) -> None:
        ok = False
        try:
            ok = await runners[index]()
        finally:
            events.put_nowait((index, ok))

    steps = race(len(runners), stagger)
    event: tuple[int, bool] | None = None
    try:
        while True:
            try:
                kind, value = steps.send(event)
            except StopIteration:
                return
            event = None
            if kind == "start":
                tasks.append(asyncio.ensure_future(work(int(value or 0))))
            elif kind == "won":
                yield int(value or 0)
            else:
                event = await _next_event(events, value)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _next_event(events: asyncio.Queue[tuple[int, bool]], timeout: Any) -> tuple[int, bool] | None:
    if timeout == 0.0:
        return None if events.empty() else events.get_nowait()
    try:
        return await asyncio.wait_for(events.get(), timeout)
    except TimeoutError:
        return None

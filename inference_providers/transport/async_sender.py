"""The asynchronous sender, on asyncio's transports. Connections belong to the event loop that opened them.

What is read goes through `http1`, as in the synchronous sender.
"""

from __future__ import annotations

import asyncio
import os
import socket
import weakref
from contextlib import aclosing, suppress
from functools import partial

from inference_providers.transport import http1
from inference_providers.transport.async_exchange import Body, Exchange, Kept, Line, Pool
from inference_providers.transport.http import (
    AsyncResponse,
    Limits,
    Plain,
    Request,
    WholeResponse,
    WireError,
    check_peer,
    is_checked,
    permitted,
)
from inference_providers.transport.origins import Origin
from inference_providers.transport.races import run_race_async
from inference_providers.transport.running import running_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from typing import Any


_LONG = 65536  # bytes of a body


class AsyncSender:
    """Sends requests; one connection pool for each event loop, closed with `aclose()` or with its loop."""

    def __init__(self, environ: Mapping[str, str] | None = None, limits: Limits | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self.limits = limits or Limits()
        self._kept: dict[asyncio.AbstractEventLoop, Kept] = {}
        self._pid = os.getpid()
        self._ssl: ssl.SSLContext | None = None
        weakref.finalize(self, _close_idle, self._kept).atexit = False

    async def send(self, request: Request, *, limit: float | None = None, idle: float | None = None) -> AsyncResponse:
        """Send *request*; the response's body is read as its chunks are. Raises WireError.

        Both in seconds: *limit* is for everything up to the last byte, by default `limits.total`; *idle* is for
        silence between bytes, by default as long as *limit*.
        """
        address = permitted(request)
        limit = self.limits.total if limit is None else limit
        loop = running_loop()
        until = loop.time() + limit
        pool = self._here(loop).pool(address, self._environ, is_checked(request))
        line = pool.take()
        if line is None:
            line = await self._connect(pool, until, request)
        exchange = Exchange(loop, line, request.method, until, limit if idle is None else idle)
        try:
            _write(line.transport, pool.origin.request_head(request, address), request.body)
            await exchange.head()
            if pool.origin.proxy is not None:
                pool.origin.check_reply(exchange.reader)
            exchange.decoder = http1.decoder(exchange.reader.headers)
        except BaseException:
            exchange.abandon()
            raise
        whole = exchange.whole()
        if whole is not None:
            return WholeResponse(exchange.reader.status, exchange.reader.headers, whole)
        body = Body(loop, exchange, self)
        more = exchange.more if type(exchange.decoder) is Plain else body.more
        return AsyncResponse(exchange.reader.status, exchange.reader.headers, more, body.close, exchange.limit)

    def _here(self, loop: asyncio.AbstractEventLoop) -> Kept:
        if self._pid != os.getpid():
            self._kept.clear()
            self._pid = os.getpid()
        known = self._kept.get(loop)
        if known is None:
            for gone in [other for other in self._kept if other.is_closed()]:
                self._kept.pop(gone).close()
            known = self._kept[loop] = Kept(loop)
        return known

    async def _connect(self, pool: Pool, until: float, request: Request) -> Line:
        """A new connection, through the proxy that the environment names. Raises WireError."""
        loop, origin = asyncio.get_running_loop(), pool.origin
        patience = min(self.limits.connect, max(until - loop.time(), 0.001))
        line = Line(pool)
        reached = [origin.proxy is None]
        try:
            if "https" in (origin.first.scheme, origin.address.scheme):
                self._context()  # a setting that is wrong is told before anything is opened
            async with asyncio.timeout(patience):
                await self._dial(line, origin, patience, reached)
                if origin.way == "connect":
                    await self._tunnel(line, origin, until)
                    reached[0] = True
                    await self._secure(line, origin)
            check_peer(request, line.transport.get_extra_info("sockname")[1])
        except (OSError, ValueError, TypeError) as error:  # asyncio's own, where TLS within TLS is cut off
            line.close()
            raise origin.failed(error, loop.time() >= until - 0.001, reached[0]) from None
        except BaseException:
            line.close()
            raise
        pool.lines.add(line)
        return line

    async def _dial(self, line: Line, origin: Origin, patience: float, reached: list[bool]) -> None:
        first = origin.first
        sock = line.sock = await _dialled(first.host, first.port)
        try:
            if origin.way == "socks":
                from inference_providers.transport import tunnels

                await tunnels.ask_socks(sock, origin)
                reached[0], first = True, origin.address
            options: dict[str, Any] = {}
            if first.scheme == "https":
                options = {"ssl": self._context(), "server_hostname": first.host, "ssl_handshake_timeout": patience}
            await asyncio.get_running_loop().create_connection(lambda: line, sock=sock, **options)
        except BaseException:
            sock.close()
            raise

    async def _tunnel(self, line: Line, origin: Origin, until: float) -> None:
        """Have the proxy connect. Raises WireError."""
        exchange = Exchange(asyncio.get_running_loop(), line, "CONNECT", until, until)
        try:
            line.transport.write(origin.tunnel_head())
            await exchange.head()
        except WireError as error:
            raise origin.failed(error, late=False, reached=False) from None
        finally:
            exchange.leave()
        origin.check_tunnel(exchange.reader)

    async def _secure(self, line: Line, origin: Origin) -> None:
        """Speak TLS with the origin, behind the proxy."""
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(line.transport, line, self._context(), server_hostname=origin.address.host)
        if secured is None:
            raise OSError
        line.transport = secured

    def _context(self) -> ssl.SSLContext:
        if self._ssl is None:
            from inference_providers.transport import tls

            self._ssl = tls.context(self._environ)
        return self._ssl

    async def close_idle(self) -> None:
        """Close those connections of the running event loop that nobody uses; what sends later opens new ones."""
        known = self._kept.get(running_loop())
        if known is not None:
            known.drop_idle()
            await asyncio.sleep(0)  # the loop closes the sockets in its next round

    async def aclose(self) -> None:
        """Close the connections of the running event loop, those in use as well."""
        known = self._kept.pop(asyncio.get_running_loop(), None)
        if known is not None:
            known.close()
            await asyncio.sleep(0)  # the loop closes the sockets in its next round


async def _dialled(host: str, port: int) -> socket.socket:
    """A connected socket, to whichever of the host's addresses answers first. Raises OSError.

    Each is tried a moment after the one before. This is not left to `create_connection`, which loses sockets
    that are connected in the moment of a cancellation.
    """
    found = _literal(host, port) or await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if len(found) == 1:
        return await _connected(found[0])
    socks: dict[int, socket.socket] = {}
    problems: list[OSError] = []

    async def attempt(place: int) -> bool:
        try:
            socks[place] = await _connected(found[place])
        except OSError as error:
            problems.append(error)
        return place in socks

    try:
        async with aclosing(run_race_async([partial(attempt, place) for place in range(len(found))])) as winners:
            winner = await anext(winners, -1)
        if winner >= 0:  # taken out only now: leaving the race may be cancelled
            return socks.pop(winner)
        raise problems[0] if problems else OSError("the host has no address")
    finally:
        for sock in socks.values():
            sock.close()


def _literal(host: str, port: int) -> list[Any]:
    """An IP address as `getaddrinfo` would give it, without the thread that it takes; nothing for a name."""
    for family, where in ((socket.AF_INET, (host, port)), (socket.AF_INET6, (host, port, 0, 0))):
        with suppress(OSError):
            socket.inet_pton(family, host)
            return [(family, socket.SOCK_STREAM, 0, "", where)]
    return []


async def _connected(found: Any) -> socket.socket:
    family, kind, protocol, _, where = found
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, where)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _write(transport: Any, head: http1.Sealed, body: bytes | None) -> None:
    """Send a request: in one piece, but for a long body, which is not worth a copy."""
    if not body:
        transport.write(head)
    elif len(body) <= _LONG:
        transport.write(http1.Sealed(head + body))
    else:
        transport.write(head)
        transport.write(body)


def _close_idle(kept: dict[asyncio.AbstractEventLoop, Kept]) -> None:
    """Nobody can send by these pools any more; what still reads goes on."""
    for loop, known in kept.items():
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(known.close_idle)

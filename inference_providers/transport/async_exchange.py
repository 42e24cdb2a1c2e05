"""Connections of an event loop, and what passes over them: asyncio's side of the sender, without deciding where to."""

from __future__ import annotations

import asyncio
import select
from collections import deque
from contextlib import suppress

from inference_providers.transport import http1
from inference_providers.transport.http import Plain, WireError
from inference_providers.transport.origins import Origin, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from typing import Any

_WAITING = 262144  # bytes of a body that wait to be read before its server is told to pause
_KEPT = 60.0  # seconds for which an idle connection is kept
_MAX_POOLED = 256  # idle connections kept for each origin


class Kept:
    """The pools of one event loop.

    They are closed when `asyncio.run` ends the loop: users of one-line calls close nothing.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._pools: dict[Any, Pool] = {}
        self._guard = self._close_at_the_end()
        # An open asynchronous generator is finalised by `loop.shutdown_asyncgens()`.
        self._arming = loop.create_task(self._arm())

    def pool(self, address: Any, environ: Mapping[str, str], checked: bool = False) -> Pool:
        """The pool of an address's origin."""
        place = (address.origin, checked)
        pool = self._pools.get(place)
        if pool is None:
            pool = self._pools[place] = Pool(Origin(address, environ))
        return pool

    async def _arm(self) -> None:
        await self._guard.__anext__()

    async def _close_at_the_end(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.close()
            await asyncio.sleep(0)

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()

    def drop_idle(self) -> None:
        """Close the connections that nobody uses."""
        for pool in self._pools.values():
            while pool.idle:
                pool.idle.pop().close()

    def close_idle(self) -> None:
        """Close the connections that nobody uses, and those in use when their replies end."""
        for pool in self._pools.values():
            pool.closed = True
        self.drop_idle()


class Pool:
    """The way to one origin, and the connections to it."""

    __slots__ = ("closed", "idle", "lines", "origin")

    def __init__(self, origin: Origin) -> None:
        self.origin, self.closed = origin, False
        self.idle: list[Line] = []
        self.lines: set[Line] = set()

    def take(self) -> Line | None:
        """An idle connection that still stands."""
        while self.idle:
            line = self.idle.pop()
            if line.quiet():
                return line
            line.close()
        return None

    def put(self, line: Line) -> None:
        """Keep a connection for the next request."""
        while self.idle and line.pooled - self.idle[0].pooled > _KEPT:
            self.idle.pop(0).close()
        if self.closed or len(self.idle) >= _MAX_POOLED:
            line.close()
        else:
            self.idle.append(line)

    def close(self) -> None:
        """Close all connections."""
        self.closed = True
        for line in list(self.lines):
            line.close()


class Line(asyncio.Protocol):
    """One connection, for one request at a time."""

    __slots__ = ("_due", "_pool", "_ready", "_timer", "exchange", "pooled", "sock", "transport")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ready: Callable[[int], list[Any]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # when it goes off
        self.sock: Any = None  # beneath the transport, which cannot be closed once its loop is
        self.transport: Any = None
        self.exchange: Exchange | None = None
        self.pooled = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.exchange is None:  # nobody has asked for it
            self.close()
        else:
            self.exchange.received(data)

    def eof_received(self) -> None:
        if self.exchange is not None:
            self.exchange.ended(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pool.lines.discard(self)
        if self in self._pool.idle:
            self._pool.idle.remove(self)
        if self.exchange is not None:
            self.exchange.ended(exc)

    def quiet(self) -> bool:
        """Whether an idle connection may be used: nothing came while it was idle, seen by the loop or not."""
        if self.transport.is_closing() or asyncio.get_running_loop().time() - self.pooled > _KEPT:
            return False
        if self._ready is None:
            self._ready = _readable(self.transport.get_extra_info("socket").fileno())
        return not self._ready(0)

    def put(self) -> None:
        """Into the pool, for the next request."""
        self.pooled = asyncio.get_running_loop().time()
        self._pool.put(self)

    def alarm(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """Have the exchange look at its limits at *due*, or before: one timer goes from each exchange to the next."""
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._timer, self._due = loop.call_at(due, self._ring), due

    def _ring(self) -> None:
        self._timer = None
        if self.exchange is not None:
            self.exchange.expire()

    def close(self) -> None:
        """Close it; again does no harm."""
        self._pool.lines.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.transport is not None:
            try:
                self.transport.abort()
            except RuntimeError:  # the loop is closed
                self.sock.close()


def _readable(file: int) -> Callable[[int], list[Any]]:
    """What tells, without waiting, whether there is anything to read."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(file, select.POLLIN)
        return poll.poll
    return lambda _: select.select([file], [], [], 0)[0]


class Exchange:
    """One request and its reply over one connection.

    The connection goes back to its pool only when the reply's end is certain.
    """

    __slots__ = (
        "_deadline",
        "_error",
        "_heard",
        "_idle",
        "_line",
        "_loop",
        "_paused",
        "_pieces",
        "_waiter",
        "_waiting",
        "decoder",
        "reader",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, line: Line, method: str, deadline: float, idle: float) -> None:
        self._loop, self._deadline, self._idle = loop, deadline, idle
        self.reader = http1.Reader(method)
        self.decoder: Plain | None = None
        self._line: Line | None = line
        self._pieces: deque[bytes] = deque()
        self._waiting = 0  # bytes in them
        self._paused = False
        self._error: WireError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._heard = loop.time()
        line.exchange = self
        line.alarm(loop, min(deadline, self._heard + idle))

    def limit(self, total: float, idle: float) -> None:
        """From now on: at most *total* more seconds, and *idle* of silence."""
        self._deadline, self._idle = self._loop.time() + total, idle
        if self._line is not None:
            self._line.alarm(self._loop, min(self._deadline, self._heard + idle))

    @property
    def over(self) -> bool:
        """Whether it has left its connection."""
        return self._line is None

    def received(self, data: bytes) -> None:
        """Bytes have come."""
        self._heard = self._loop.time()
        try:
            body = self.reader.feed(data)
        except WireError as error:
            self._fail(error)
            return
        if body:
            self._pieces.append(body)
            self._waiting += len(body)
            if self._waiting > _WAITING and not self._paused and self._line is not None and not self.reader.done:
                self._paused = True
                self._line.transport.pause_reading()
        if self.reader.done:
            self._finish()
        if self.reader.headed:
            self._wake()

    def ended(self, error: Exception | None) -> None:
        """No more bytes will come."""
        if error is not None:
            self._fail(told(error, late=False))
            return
        try:
            self.reader.end()
        except WireError as broken:
            self._fail(broken)
            return
        self._finish()
        self._wake()

    def _finish(self) -> None:
        """The reply has ended: keep the connection if nothing about it is in doubt."""
        line = self.leave()
        if line is None or self.reader.tunnels:
            return
        if self.reader.reusable and not line.transport.is_closing() and not line.transport.get_write_buffer_size():
            line.put()
        else:
            line.close()

    def leave(self) -> Line | None:
        """Have nothing more to do with the connection; it, if it was not left before."""
        line, self._line = self._line, None
        if line is not None:
            line.exchange = None
            if self._paused and not line.transport.is_closing():
                line.transport.resume_reading()
        return line

    def _fail(self, error: WireError) -> None:
        self._error = self._error or error
        self.abandon()

    def abandon(self) -> None:
        """Stop: a connection whose reply has not ended is closed."""
        line = self.leave()
        if line is not None:
            self._error = self._error or WireError("broken", "the response was closed")
            line.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def expire(self) -> None:
        """Either limit may have passed."""
        due = min(self._deadline, self._heard + self._idle)
        now = self._loop.time()
        if self._paused and now < self._deadline:  # it is not the server that is slow
            due = max(due, min(now + self._idle, self._deadline))
        if now < due - 0.001:
            if self._line is not None:
                self._line.alarm(self._loop, due)
        elif now >= self._deadline - 0.001:
            self._fail(WireError("deadline", "no complete answer before the deadline"))
        else:
            self._fail(WireError("timeout", "silent for too long"))

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def head(self) -> None:
        """Wait for status and headers. Raises WireError."""
        while not self.reader.headed:
            if self._error is not None:
                raise self._error
            await self._wait()

    def whole(self) -> bytes | None:
        """The body, where all of it has come, and is as it came."""
        if self._line is not None or self._error is not None or type(self.decoder) is not Plain or not self.reader.done:
            return None
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def more(self) -> bytes:
        """The next bytes of the body as they came, none at its end. Raises WireError."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.reader.done:
                return b""
            await self._wait()
        piece = self._pieces.popleft()
        self._waiting -= len(piece)
        if self._paused and self._waiting < _WAITING // 2:
            self._paused = False
            self._heard = self._loop.time()  # until now it was not the server that was silent
            if self._line is not None and not self._line.transport.is_closing():
                self._line.transport.resume_reading()
        return piece


class Body:
    """What a response holds of its exchange: if it is dropped unread, the connection is closed."""

    __slots__ = ("_decoded", "_exchange", "_loop", "_owner")

    def __init__(self, loop: asyncio.AbstractEventLoop, exchange: Exchange, owner: object) -> None:
        self._loop, self._exchange = loop, exchange
        self._owner = owner  # whose end would close the connection
        self._decoded: Iterator[bytes] = iter(())

    async def more(self) -> bytes:
        """The next bytes of the body, none at its end. Raises WireError."""
        decoder = self._exchange.decoder
        if type(decoder) is Plain:
            return await self._exchange.more()
        assert decoder is not None
        try:
            while True:
                for piece in self._decoded:
                    return piece
                data = await self._exchange.more()
                if not data:
                    decoder.end()
                    return b""
                self._decoded = decoder.pieces(data)
        except WireError:
            self.close()
            raise

    def close(self) -> None:
        """Stop: a connection whose reply has not ended is closed."""
        self._exchange.abandon()

    def __del__(self) -> None:
        if not self._exchange.over:
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._exchange.abandon)

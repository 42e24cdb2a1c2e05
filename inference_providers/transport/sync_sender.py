"""The synchronous sender: plain sockets, pooled, with a deadline on every byte. What is read goes through `http1`."""

from __future__ import annotations

import os
import socket
import time
import weakref
from collections import deque
from contextlib import suppress
from functools import partial

from inference_providers.transport import http1
from inference_providers.transport.http import (
    Limits,
    Plain,
    Request,
    Response,
    WireError,
    check_peer,
    is_checked,
    permitted,
)
from inference_providers.transport.origins import Origin, is_gone, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.transport.http import Cancellation

_PIECE = 65536  # bytes that are read at once
_JOINED = 65536  # bytes of a body that goes out together with its head
_MAX_POOLED = 64  # idle connections kept for each origin
_LONGEST = 1e6  # seconds that a socket may be told to wait: more than it can be told is an OverflowError
_KEPT = 60.0  # seconds for which an idle connection is kept


class _Watch:
    """When a socket must give up: a deadline for everything, and a limit for silence."""

    __slots__ = ("deadline", "idle")

    def __init__(self, deadline: float, idle: float) -> None:
        self.deadline, self.idle = deadline, idle

    def limit(self, total: float, idle: float) -> None:
        """From now on: at most *total* more seconds, and *idle* of silence."""
        self.deadline, self.idle = time.monotonic() + total, idle

    def allowance(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline")
        return min(left, self.idle, _LONGEST)


class _Line:
    """One connection. `pooled` connections know when they were put aside."""

    __slots__ = ("_all", "pooled", "sock")

    def __init__(self, sock: Any, everyone: set[Any]) -> None:
        self.sock, self._all, self.pooled = sock, everyone, 0.0
        everyone.add(sock)

    def quiet(self) -> bool:
        """Whether an idle connection may be used: nothing came while it was idle, not even its end."""
        if time.monotonic() - self.pooled > _KEPT:
            return False
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except BlockingIOError:
            return True
        except OSError as error:
            return type(error).__name__ == "SSLWantReadError"  # without importing `ssl` for it
        return False

    def wake(self) -> None:
        """End the waiting of a thread that reads from it."""
        try:
            raw = getattr(self.sock, "raw", self.sock)  # TLS's own would pull its state from under the reader
            socket.socket.shutdown(raw, socket.SHUT_RDWR)
        except OSError:
            self.close()

    def close(self) -> None:
        """Close it; again does no harm."""
        self._all.discard(self.sock)
        self.sock.close()


class _Pool:
    """The way to one origin, and its idle connections. Taking and putting are single steps, safe between threads."""

    __slots__ = ("closed", "idle", "origin")

    def __init__(self, origin: Origin) -> None:
        self.origin, self.closed = origin, False
        self.idle: deque[_Line] = deque()

    def take(self) -> _Line | None:
        """An idle connection that still stands."""
        while True:
            try:
                line = self.idle.pop()
            except IndexError:
                return None
            if line.quiet():
                return line
            line.close()

    def put(self, line: _Line) -> None:
        """Keep a connection for the next request."""
        if self.closed or len(self.idle) >= _MAX_POOLED:
            line.close()
        else:
            line.pooled = time.monotonic()
            self.idle.append(line)

    def drop_idle(self) -> None:
        """Close the connections that nobody uses."""
        with suppress(IndexError):  # another thread may take the last one
            while True:
                self.idle.pop().close()


class Sender:
    """Sends requests; safe to share between threads, and after a fork each process has its own connections."""

    def __init__(self, environ: Mapping[str, str] | None = None, limits: Limits | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self.limits = limits or Limits()
        self._pools: dict[Any, _Pool] = {}
        self._pid = os.getpid()
        self._context: Any = None
        self._lines: set[Any] = set()
        # Sockets are held from outside: the garbage collector may take apart all that uses them, in any order.
        weakref.finalize(self, _close_all, self._lines)

    def send(self, request: Request, *, limit: float | None = None, idle: float | None = None) -> Response:
        """Send *request*; the response's body is read as its chunks are. Raises WireError.

        Both in seconds: *limit* is for everything up to the last byte, by default `limits.total`; *idle* is for
        silence between bytes, by default as long as *limit*.
        """
        address = permitted(request)
        limit = self.limits.total if limit is None else limit
        watch = _Watch(time.monotonic() + limit, limit if idle is None else idle)
        pool = self._pool(address, is_checked(request))
        line = pool.take()
        if line is None:
            line = self._connect(pool.origin, watch, request)
        exchange = _Exchange(self, pool, line, request.method, watch)
        if request.cancellation is not None:
            request.cancellation.watch(exchange.close)
        return exchange.run(request, address)

    def _pool(self, address: Any, checked: bool = False) -> _Pool:
        if self._pid != os.getpid():
            self._pools, self._pid = {}, os.getpid()
        place = (address.origin, checked)
        pool = self._pools.get(place)
        if pool is None:
            pool = self._pools.setdefault(place, _Pool(Origin(address, self._environ)))
        return pool

    def _connect(self, origin: Origin, watch: _Watch, request: Request) -> _Line:
        """A new connection, through the proxy that the environment names. Raises WireError."""
        until = min(watch.deadline, time.monotonic() + self.limits.connect)
        sock: Any = None
        first, reached = origin.first, origin.proxy is None
        try:
            if "https" in (first.scheme, origin.address.scheme) and self._context is None:
                from inference_providers.transport import tls

                self._context = tls.context(self._environ)
            sock = _dialled(first.host, first.port, until, request.cancellation)
            if first.scheme == "https":
                sock = self._secured(sock, first.host, until, request.cancellation)
            if origin.way in ("connect", "socks"):
                from inference_providers.transport import tunnels

                tunnels.ask(sock, origin, lambda: _left(until))
            reached = origin.way != "forward"
            if origin.address.scheme == "https" and origin.proxy is not None:
                sock = self._secured(sock, origin.address.host, until, request.cancellation)
            check_peer(request, sock.getsockname()[1])
            return _Line(sock, self._lines)
        except (OSError, ValueError) as error:
            if sock is not None:
                sock.close()
            raise origin.failed(error, time.monotonic() >= watch.deadline - 0.001, reached) from None
        except BaseException:
            if sock is not None:
                sock.close()
            raise

    def _secured(self, sock: Any, host: str, until: float, cancellation: Cancellation | None) -> Any:
        from inference_providers.transport import tls

        sock.settimeout(_left(until))
        return tls.secured(sock, self._context, host, partial(_watch, cancellation))

    def close_idle(self) -> None:
        """Close the connections that nobody uses; what sends later opens new ones."""
        for pool in list(self._pools.values()):
            pool.drop_idle()

    def close(self) -> None:
        """Close every idle connection, and those in use when their replies end."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.closed = True  # what is in use is closed when its reply ends
            pool.drop_idle()


def _close_all(lines: set[Any]) -> None:
    while lines:
        lines.pop().close()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("deadline")
    return min(left, _LONGEST)


def _watch(cancellation: Cancellation | None, sock: socket.socket) -> None:
    """Have a cancellation end the waiting of the thread that connects *sock*. Raises OSError where it has come."""
    if cancellation is None:
        return

    def shut() -> None:
        with suppress(OSError):
            socket.socket.shutdown(sock, socket.SHUT_RDWR)  # TLS's own would pull its state from under the handshake

    cancellation.watch(shut)
    if cancellation.is_cancelled:
        raise OSError("cancelled")


def _dialled(host: str, port: int, until: float, cancellation: Cancellation | None = None) -> socket.socket:
    """A connected socket: each of the host's addresses gets its share of the time. Raises OSError."""
    # As bytes: for text, Python loads a codec for names beyond ASCII, and an address has none.
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    problem: OSError = OSError("the host has no address")
    for place, (family, kind, protocol, _, where) in enumerate(found):
        sock: socket.socket | None = None
        try:
            sock = socket.socket(family, kind, protocol)  # fails for a family that this machine does not have
            sock.settimeout(_left(until) / (len(found) - place))
            _watch(cancellation, sock)
            sock.connect(where)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except BaseException as error:
            if sock is not None:
                sock.close()
            if not isinstance(error, OSError):
                raise
            problem = error
    raise problem


class _Exchange:
    """One request and its reply over one connection, which goes back to its pool only when the reply's end is certain.

    Whoever takes the connection out of `_held` decides what becomes of it: the reader at the reply's
    end, or who closes, perhaps in another thread.
    """

    __slots__ = ("_blocked", "_closed", "_early", "_held", "_line", "_owner", "_pool", "_reader", "_watch", "_whole")

    def __init__(self, owner: Sender, pool: _Pool, line: _Line, method: str, watch: _Watch) -> None:
        self._owner = owner  # whose end would close the connection
        self._pool, self._line, self._held, self._watch = pool, line, [line], watch
        self._reader = http1.Reader(method)
        self._closed = False
        self._blocked = False  # a thread waits for its socket
        self._whole = True  # the request was sent to its end
        self._early = b""

    def run(self, request: Request, address: Any) -> Response:
        """Send the request and read the reply's head. Raises WireError."""
        reader = self._reader
        try:
            head = self._pool.origin.request_head(request, address)
            self._whole = self._send(head, request.body or b"")
            while not reader.headed:
                self._early = self._read()
            if reader.done:
                self._finish()
            if self._pool.origin.proxy is not None:
                self._pool.origin.check_reply(reader)
            decoder = http1.decoder(reader.headers)
        except BaseException:
            self.close()
            raise
        return Response(reader.status, reader.headers, self._chunks(decoder), self.close, self._watch.limit)

    def _send(self, head: http1.Sealed, body: bytes) -> bool:
        """Whether all was sent: a server may refuse, and say why, before it has read everything."""
        sock = self._line.sock
        self._blocked = True
        try:
            sock.settimeout(self._watch.allowance())
            if len(body) <= _JOINED:
                sock.sendall(http1.Sealed(head + body) if body else head)
            else:
                sock.sendall(head)
                sock.settimeout(self._watch.allowance())
                sock.sendall(body)
        except (OSError, ValueError) as error:
            if is_gone(error):
                return False
            raise self._failed(error) from None
        finally:
            self._blocked = False
            if self._closed:
                self._line.close()
        return True

    def _read(self) -> bytes:
        """The part of the body in the next bytes. Raises WireError."""
        sock = self._line.sock
        self._blocked = True
        try:
            if self._closed:
                raise OSError
            sock.settimeout(self._watch.allowance())
            data = sock.recv(_PIECE)
        except (OSError, ValueError) as error:
            raise self._failed(error) from None
        finally:
            self._blocked = False
            if self._closed:
                self._line.close()
        if self._closed:
            raise self._failed(OSError())
        if data:
            return self._reader.feed(data)
        self._reader.end()
        return b""

    def _failed(self, error: Exception) -> WireError:
        if self._closed:
            return WireError("broken", "the response was closed")
        return told(error, time.monotonic() >= self._watch.deadline - 0.001)

    def _chunks(self, decoder: Plain) -> Iterator[bytes]:
        """The body as it comes. Raises WireError."""
        body, self._early = self._early, b""
        try:
            while True:
                if self._closed:
                    raise self._failed(OSError())
                if body:
                    yield from decoder.pieces(body)
                if self._reader.done:
                    break
                body = self._read()
                if self._reader.done:
                    self._finish()
            decoder.end()
        except BaseException:  # also when the generator is closed or collected
            self.close()
            raise

    def _finish(self) -> None:
        """The reply has ended: keep the connection if nothing about it is in doubt."""
        try:
            line = self._held.pop()
        except IndexError:  # closed meanwhile
            return
        if self._whole and self._reader.reusable:
            self._pool.put(line)
        else:
            line.close()

    def close(self) -> None:
        """Stop: a connection whose reply has not ended is closed. A thread that reads from it stops waiting."""
        self._closed = True
        try:
            line = self._held.pop()
        except IndexError:
            return
        if self._blocked:
            line.wake()  # its reader closes it
        else:
            line.close()

    def __del__(self) -> None:
        self.close()

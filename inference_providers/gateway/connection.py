"""One client's connection: requests read, handed to the application one after another, replies written.

Bytes are read by the reader of HTTP that the senders have (`transport.RequestReader`). What a client may do to a server
is bounded here: how long its head and its body may take, how large they may be, how long it may leave a reply unread.
A client that goes away has its request cancelled at once, so that its provider stops generating.
"""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus

from inference_providers.gateway import failures
from inference_providers.gateway.app import CLOSE, GONE, WITH_BODY
from inference_providers.gateway.guard import without_key
from inference_providers.gateway.messages import Outgoing, Refused
from inference_providers.gateway.open_files import most_connections
from inference_providers.transport import RequestReader, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from inference_providers.gateway.app import Admitted, Application

_LINES = {int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n".encode() for status in HTTPStatus}
_BUFFERED = 65536  # bytes of further requests that wait while one is answered
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Clients:
    """All connections of a server, its clock, and whether it still takes requests."""

    def __init__(self, application: Application) -> None:
        self.application, self.settings = application, application.settings
        self.connections: set[Connection] = set()
        self.most = most_connections(self.settings.connections)
        self.stopping = False
        self.date = b""
        self.tick()

    def tick(self) -> None:
        """Once a second: the date of replies, and a look at all connections."""
        from email.utils import formatdate

        self.date = b"date: " + formatdate(usegmt=True).encode() + b"\r\n"
        now = time.monotonic()
        for connection in list(self.connections):
            connection.check(now)

    def stop(self) -> None:
        """Take no further requests; those that are being answered go on."""
        self.stopping = True
        for connection in list(self.connections):
            connection.end_when_idle()


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, clients: Clients) -> None:
        self._clients, self._settings, self._application = clients, clients.settings, clients.application
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._reader: RequestReader = RequestReader(self._settings.max_head)
        self._admitted: Admitted | None = None
        self._path = self._query = ""  # the path decoded, the query without a key
        self._body: list[bytes] = []
        self._size = 0
        self._behind = b""  # bytes of further requests
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None  # while the client does not read
        self._waits_since, self._waits_for = time.monotonic(), self._settings.head_seconds
        self._stuck_since: float | None = None
        self._closes = False

    # The protocol

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        self._transport = transport
        if self._clients.stopping:
            transport.abort()
            return
        full = len(self._clients.connections) >= self._clients.most
        self._clients.connections.add(self)
        if full:
            self._refuse(Refused(503, "Too many connections are open here: try again later.", "too_many_connections"))

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone: what is done for it ends."""
        self._clients.connections.discard(self)
        self._closes = True
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """It does not take what is written."""
        self._stuck_since = time.monotonic()
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """It does again."""
        self._stuck_since = None
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def data_received(self, data: bytes) -> None:
        """Bytes of a request, or of those behind it."""
        if self._task is not None or self._closes:
            if self._closes:
                return
            self._behind += data
            if len(self._behind) > _BUFFERED:
                self._transport.pause_reading()
            return
        self._read(data)

    def _read(self, data: bytes) -> None:
        reader = self._reader
        if self._waits_for == self._settings.idle_seconds:  # its first bytes: from here on it is a head
            self._wait(self._settings.head_seconds)
        try:
            piece = reader.feed(data)
            if reader.headed and self._admitted is None:
                self._admit(reader)
        except WireError as error:
            status, code = (431, "head_too_large") if error.kind == "oversize" else (400, "bad_request")
            self._refuse(Refused(status, f"The request was not read: {error}.", code))
            return
        except Refused as error:
            self._refuse(error)
            return
        if piece:
            self._body.append(piece)
            self._size += len(piece)
            if self._size > self._settings.max_body:
                self._refuse(self._application.too_large())
                return
        if reader.done:
            self._begin(reader)

    def _admit(self, reader: RequestReader) -> None:
        """Let a request in by its head. Raises Refused."""
        path, _, query = reader.target.partition("?")
        self._query, key = without_key(query)
        if "%" in path:
            from urllib.parse import unquote

            path = unquote(path)
        self._path = path
        self._admitted = self._application.admit(reader.method, path, reader.headers, key)
        if reader.has_body and reader.method not in WITH_BODY:
            raise Refused(400, f"{reader.method} takes no body.", "unexpected_body")
        if reader.expects:
            self._transport.write(_CONTINUE)
        self._wait(self._settings.body_seconds)

    def _begin(self, reader: RequestReader) -> None:
        admitted = self._admitted
        assert admitted is not None
        content = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        incoming = admitted.incoming(reader.method, self._path, self._query, reader.headers, content)
        self._body, self._behind = [], reader.leftover
        self._wait(None)
        self._task = self._loop.create_task(self._serve(admitted, incoming, reader))

    async def _serve(self, admitted: Admitted, incoming: Any, reader: RequestReader) -> None:
        """Answer one request."""
        started = time.monotonic()
        application, outgoing = self._application, None
        try:
            outgoing = await application.handled(admitted.route, incoming)
            content = outgoing.content
            keeps = reader.keeps and not self._clients.stopping and not self._closes
            if isinstance(content, bytes):
                self._write_whole(outgoing, content, keeps, reader.method)
                if self._writable is not None:
                    await self._writable
            else:
                keeps = await self._write_pieces(outgoing, content, keeps, reader.is_modern)
            application.count(admitted.route, outgoing.status, started)
        except asyncio.CancelledError:
            application.count(admitted.route, GONE, started)
            self._closes = True
            self._transport.abort()
            return
        except Exception as error:  # noqa: BLE001  (a stream that breaks when its head has gone is cut)
            application.broken(error)
            application.count(admitted.route, 500 if outgoing is None else outgoing.status, started)
            self._closes = True
            self._transport.abort()
            return
        finally:
            self._task = None
            if outgoing is not None and not isinstance(outgoing.content, bytes):
                await outgoing.close()
        self._next(keeps)

    def _next(self, keeps: bool) -> None:
        """The connection is free for another request."""
        if not keeps or self._clients.stopping:
            self._closes = True
            self._transport.close()
            return
        self._reader, self._admitted, self._size = RequestReader(self._settings.max_head), None, 0
        self._wait(self._settings.idle_seconds)
        behind, self._behind = self._behind, b""
        if behind:
            self._transport.resume_reading()
            self._read(behind)

    # What is written

    def _head(self, outgoing: Outgoing, more: list[bytes]) -> bytes:
        lines = [_LINES.get(outgoing.status) or b"HTTP/1.1 %d \r\n" % outgoing.status, self._clients.date]
        lines += [b"%b: %b\r\n" % field for field in outgoing.headers]
        head = b"".join((*lines, *more, b"\r\n"))
        if head.count(b"\n") != len(lines) + len(more) + 1 or head.count(b"\r") != head.count(b"\n"):
            raise ValueError("a header holds a line break")
        return head

    def _write_whole(self, outgoing: Outgoing, content: bytes, keeps: bool, method: str) -> None:
        more = [b"content-length: %d\r\n" % len(content)]
        if not keeps:
            more.append(b"connection: close\r\n")
        head = self._head(outgoing, more)
        if method == "HEAD":
            self._transport.write(head)
        elif len(content) < _BUFFERED:
            self._transport.write(head + content)
        else:
            self._transport.writelines((head, content))

    async def _write_pieces(
        self, outgoing: Outgoing, pieces: AsyncIterator[bytes], keeps: bool, is_modern: bool
    ) -> bool:
        """Each piece as it comes, in a chunk of its own; whether the connection is kept."""
        keeps = keeps and is_modern  # before HTTP/1.1, the end of the connection is that of the reply
        more = [b"transfer-encoding: chunked\r\n"] if is_modern else []
        if not keeps:
            more.append(b"connection: close\r\n")
        head = self._head(outgoing, more)
        write = self._transport.write
        async for piece in pieces:
            if not piece:
                continue
            write(b"%b%x\r\n%b\r\n" % (head, len(piece), piece) if is_modern else head + piece)
            head = b""
            if self._writable is not None:
                await self._writable
        write(head + (b"0\r\n\r\n" if is_modern else b""))
        return keeps

    def _refuse(self, refused: Refused) -> None:
        """Answer a request that is not read any further, and end the connection."""
        route = self._admitted.route if self._admitted is not None else None
        outgoing = failures.told(refused, route)
        self._application.count(route, outgoing.status, time.monotonic())
        self._closes = True
        content = outgoing.content
        assert isinstance(content, bytes)
        self._write_whole(outgoing, content, False, self._reader.method)
        if self._reader.headed and not self._reader.done and self._transport.can_write_eof():
            # What still comes is thrown away: else the system would reset the connection, and the reply be lost.
            self._wait(self._settings.head_seconds)
            self._transport.write_eof()
        else:
            self._transport.close()

    # Time

    def _wait(self, seconds: float | None) -> None:
        """From now on the client has so many seconds; None while it waits for us."""
        self._waits_since, self._waits_for = time.monotonic(), seconds or 0.0

    def check(self, now: float) -> None:
        """End it where its client is too slow."""
        if self._stuck_since is not None and now - self._stuck_since > self._settings.write_seconds:
            self._transport.abort()
        elif self._waits_for and now - self._waits_since > self._waits_for and self._task is None:
            if self._admitted is not None and not self._closes:
                self._refuse(Refused(408, "The request's body did not arrive in time.", "slow_body", headers=CLOSE))
            else:
                self._transport.abort()

    def end_when_idle(self) -> None:
        """The server stops: end it now, or with the reply that is under way."""
        if self._task is None:
            self._closes = True
            self._transport.close()

    def abort(self) -> None:
        """End it at once."""
        self._closes = True
        self._transport.abort()

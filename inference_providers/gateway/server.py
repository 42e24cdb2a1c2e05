"""uvicorn with limits: heads that come slowly or are too long, readers that do not read, clients that have gone.

uvicorn has none of these itself. Its protocol is told apart here only as far as they need.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from inference_providers.gateway import failures
from inference_providers.gateway.app import AUTHORITY, CANCELS, Application
from inference_providers.gateway.messages import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

    from inference_providers.gateway.service import Gateway
    from inference_providers.gateway.settings import Settings

_SWEEP = 1.0  # seconds between looks at all connections
_OTHER_FILES = 64  # that are open beside connections
_QUEUE = 100  # requests that may wait for the replies of those before them on one connection


class Connection(HttpToolsProtocol):
    """One client's connection."""

    limits: Settings
    most: int  # connections at once

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head_since: float | None = None  # since when a head is awaited
        self.body_since: float | None = None  # since when a body is
        self.stuck_since: float | None = None  # since when what was written is not taken
        self.lingers = False  # whether all is said, and the rest of what the client says is still read
        self._head = 0  # bytes of the head so far, or of what stands before it
        self._answered: Any = None  # the request that is answered now, or was last
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        super().connection_made(transport)
        self.head_since = time.monotonic()
        if len(self.connections) > self.most:
            self._cut(503, "Too many connections are open here: try again later.", "too_many_connections")

    def data_received(self, data: bytes) -> None:
        """Bytes of it."""
        if self.body_since is None:
            if self.head_since is None:
                self.head_since, self._head = time.monotonic(), 0
            self._head += len(data)
        self._unset_keepalive_if_required()
        while data and not self.transport.is_closing():
            try:
                self.parser.feed_data(data)
                data = b""
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade() + data[upgrade.args[0] :]
            except httptools.HttpParserError:
                self.send_400_response("")
        if self.head_since is not None and self._head > self.limits.max_head:
            self._too_long()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        if self.head_since is None:  # it came along with the end of another
            self.head_since, self._head = time.monotonic(), 0
        self.scope["extensions"] = {CANCELS: {}}

    def _without_upgrade(self) -> bytes:
        """The head that was just read, without its wish for another protocol: HTTP/1.1 goes on (RFC 9110, 7.8).

        Clients wish for HTTP/2 with each request, those with a body too, which this parser would not read as one.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        lines += [b"%s: %s" % line for line in self.headers if line[0] not in (b"connection", b"upgrade")]
        said = b",".join(value for name, value in self.headers if name == b"connection").lower()
        if b"close" in [option.strip() for option in said.split(b",")]:
            lines.append(b"connection: close")
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join((*lines, b"", b""))

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        if self.transport.is_closing():
            return
        if self._head > self.limits.max_head and self._head_size() > self.limits.max_head:
            self._too_long()
            return
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("this is not a proxy")
            return
        self.head_since, self.body_since, self._head = None, time.monotonic(), 0
        if self.url[:1] != b"/":
            target = httptools.parse_url(self.url)
            self.scope["extensions"][AUTHORITY] = {"is": _authority(target)}
        super().on_headers_complete()
        cycle = self.cycle
        if self.expect_100_continue:
            cycle.keep_alive = False  # whether a body would follow a refusal is not known
        if not cycle.keep_alive:
            cycle.transport = _Lingering(self)  # type: ignore[assignment]
        if len(self.pipeline) > _QUEUE:
            self._abort()

    def on_message_complete(self) -> None:
        """It is whole."""
        if self.parser.should_upgrade() or self.transport.is_closing():
            return
        self.body_since = None
        super().on_message_complete()
        if self.lingers:
            self.transport.close()

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        if not self.transport.is_closing():
            super().on_body(body)

    @property
    def waits(self) -> bool:
        """Whether requests wait for their turn."""
        return bool(self.pipeline)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _too_long(self) -> None:
        self._cut(431, f"The head is longer than {self.limits.max_head} bytes.", "head_too_long")

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP."""
        self._cut(400, "This is not a request by HTTP/1.1.", "invalid_http")

    def _cut(self, status: int, message: str, code: str) -> None:
        """Say why, and close; only close where that would stand in the middle of a reply, or for that of another."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        begins = self.head_since is not None  # the next one: what came before it is whole
        if cycle is not None and not cycle.response_complete and (begins or cycle.response_started or self.pipeline):
            self._abort()
            return
        made = failures.told(Refused(status, message, code), None)
        assert isinstance(made.content, bytes)
        lines = [*made.headers, (b"content-length", b"%d" % len(made.content)), (b"connection", b"close")]
        head = b"".join(b"%s: %s\r\n" % line for line in lines)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + made.content)
        self.transport.close()

    def _abort(self) -> None:
        """Close at once. What is answered now writes no more."""
        if self._answered is not None:
            self._answered.disconnected = True
        self.transport.abort()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answered = cycle
        self._task = task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: what is done for it ends at once."""
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._task is not None and not self._task.done():
            self._task.cancel()

    def pause_writing(self) -> None:
        """It does not take what is written."""
        self.stuck_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self.stuck_since = None
        super().resume_writing()

    def sweep(self, now: float) -> None:
        """Cut it off where it is too slow."""
        limits = self.limits
        slow = self.stuck_since is not None and now - self.stuck_since > limits.write_seconds
        if not slow and not self.flow.read_paused:  # else it is we who do not read
            if self.head_since is not None:
                slow = now - self.head_since > limits.head_seconds
            elif self.body_since is not None:  # the handler's own limit comes first, and is told
                answered = self.cycle is not None and self.cycle.response_complete
                most = limits.head_seconds if answered else limits.body_seconds + limits.head_seconds
                slow = now - self.body_since > most
        if slow:
            self._abort()


class _Lingering:
    """The transport of a reply that is the connection's last.

    Closing while a body still comes would have the system reset the connection, before the client reads the reply.
    """

    __slots__ = ("_connection", "is_closing", "write")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.write, self.is_closing = connection.transport.write, connection.transport.is_closing

    def close(self) -> None:
        """Close, once the request is whole."""
        connection = self._connection
        if connection.body_since is None or connection.waits or connection.transport.is_closing():
            connection.transport.close()
            return
        connection.lingers = True
        connection.transport.write_eof()


def _authority(target: Any) -> str:
    """The host and port that a target names, as a `Host` would."""
    host = (target.host or b"").decode("latin-1")
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{target.port}" if target.port is not None else host


class Server(uvicorn.Server):
    """A server of one gateway."""

    gateway: Gateway

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % int(_SWEEP * 10) == 0:
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                connection.sweep(now)  # type: ignore[union-attr]
        return await super().on_tick(counter)


def server_of(gateway: Gateway) -> Server:
    """A server for a gateway; `serve(sockets=[...])` runs it."""
    settings = gateway.settings
    protocol = type("Connection", (Connection,), {"limits": settings, "most": _most(settings.connections)})
    config = uvicorn.Config(
        Application(gateway),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=None,
        backlog=1024,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.stop_seconds),
    )
    server = Server(config)
    server.gateway = gateway
    return server


def _most(wanted: int) -> int:
    """As many connections as there can be: each may need a second one, to a provider, and so a second open file."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        aim = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (aim, hard))
            soft = aim
        wanted = min(wanted, max((soft - _OTHER_FILES) // 2, 8))
    return wanted


async def run(gateway: Gateway, sock: socket.socket, ready: Any = None) -> None:
    """Serve until a signal ends it; SIGHUP reloads. *ready* is called once connections are taken."""
    import signal

    loop = asyncio.get_running_loop()
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, gateway.reload)
    server = server_of(gateway)
    if ready is not None:
        ready()
    await server.serve(sockets=[sock])

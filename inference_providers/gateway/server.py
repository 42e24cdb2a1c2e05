"""uvicorn with limits: heads that come slowly or are too long, readers that do not read, clients that have gone.

uvicorn has none of these itself. Its protocol is told apart here only as far as they need.
"""

from __future__ import annotations

import asyncio
import time

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from inference_providers.gateway.app import CANCELS, Application
from inference_providers.gateway.workers import release_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

    from inference_providers.gateway.service import Gateway
    from inference_providers.gateway.settings import Settings

_SWEEP = 1.0  # seconds between looks at all connections
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\ncontent-length: 18\r\n"
    b"connection: close\r\n\r\nthe head is too long"[:-2]
)


class Connection(HttpToolsProtocol):
    """One client's connection."""

    limits: Settings

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head_since: float | None = None  # since when a head is awaited
        self.stuck_since: float | None = None  # since when what was written is not taken
        self._head = 0
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        super().connection_made(transport)
        self.head_since = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """Bytes of it."""
        if self.cycle is None or self.cycle.response_complete:
            if self.head_since is None:
                self.head_since, self._head = time.monotonic(), 0
            self._head += len(data)
            if self._head > self.limits.max_head and data.find(b"\r\n\r\n", 0, self.limits.max_head) < 0:
                self.transport.write(_TOO_LONG)
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {CANCELS: {}}

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self.head_since, self._head = None, 0
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
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
        slow_head = self.head_since is not None and now - self.head_since > limits.head_seconds
        if slow_head or (self.stuck_since is not None and now - self.stuck_since > limits.write_seconds):
            self.transport.abort()


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
    protocol = type("Connection", (Connection,), {"limits": settings})
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


async def run(gateway: Gateway, sock: socket.socket, ready: Any = None) -> None:
    """Serve until a signal ends it; SIGHUP reloads. *ready* is called once connections are taken.

    SIGTERM and the first SIGINT let what is under way end, for `stop_seconds` at most; another SIGINT ends it at once.
    """
    import signal

    loop = asyncio.get_running_loop()
    server = server_of(gateway)
    # uvicorn sends itself again what has ended it, which would end the process before others have finished.
    signal.signal(signal.SIGTERM, server.handle_exit)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload_or_keep)
    release_signals("SIGTERM", "SIGHUP")
    if ready is not None:
        ready()
    await server.serve(sockets=[sock])

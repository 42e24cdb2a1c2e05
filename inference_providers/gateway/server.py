"""The server of one process: listens, and stops when it is told to."""

from __future__ import annotations

import asyncio
import signal

from inference_providers.gateway.app import Application
from inference_providers.gateway.connection import Clients, Connection
from inference_providers.gateway.workers import release_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from inference_providers.gateway.service import Gateway

_TICK = 1.0  # seconds
_CLOSING = 0.02  # seconds between looks whether all is over


async def serve(gateway: Gateway, sock: socket.socket, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT: replies under way are finished then, for `stop_seconds`; SIGHUP reloads.

    Another SIGINT ends them at once. Raises KeyboardInterrupt, at the end, where it was SIGINT.

    *ready* is called once connections are taken.
    """
    loop = asyncio.get_running_loop()
    clients = Clients(Application(gateway))
    told, forced = asyncio.Event(), asyncio.Event()
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        (forced if told.is_set() else told).set()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGTERM, told.set)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload_or_keep)
    release_signals("SIGTERM", "SIGHUP")
    server = await loop.create_server(lambda: Connection(clients), sock=sock, backlog=1024)
    await gateway.begin()
    if ready is not None:
        ready()
    try:
        while not told.is_set():
            clients.tick()
            try:
                async with asyncio.timeout(_TICK):
                    await told.wait()
            except TimeoutError:
                continue
        server.close()
        clients.stop()
        await _finished(clients, forced, gateway.settings.stop_seconds)
    finally:
        for connection in list(clients.connections):
            connection.abort()
        await gateway.aclose()
    if interrupted:
        raise KeyboardInterrupt


async def _finished(clients: Clients, forced: asyncio.Event, seconds: float) -> None:
    """Wait until all connections have ended, for so long at most."""
    left = seconds
    while clients.connections and left > 0 and not forced.is_set():
        await asyncio.sleep(_CLOSING)
        left -= _CLOSING

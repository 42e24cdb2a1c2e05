"""A gateway in a thread of this process, with settings that a command line does not have; and bytes to it as they are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import tempfile
import threading
import time
from typing import Any

import uvloop

from inference_providers.gateway.app import Application
from inference_providers.gateway.connection import Clients, Connection
from inference_providers.gateway.service import Gateway
from inference_providers.gateway.settings import Settings
from inference_providers.gateway.workers import listening
from tests.conftest import async_list_of
from tests.running import Client

TOKEN = "administrator-token-0123456789"
CHAT = "/v1/chat/completions"
HI = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
TICK = 0.1  # seconds between looks at all connections
PATIENCE = 30.0  # seconds for a reply: beyond every deadline in these tests


class Inside(Client):
    """One that serves until it is stopped; `settings` go to its Settings, `options` to its list of providers."""

    def __init__(self, *endpoints: str, options: dict[str, Any] | None = None, **settings: Any) -> None:
        self.token = TOKEN
        self.settings = Settings(port=0, **{"token": TOKEN, **settings})
        self._home = tempfile.TemporaryDirectory()
        self.endpoints, self.options = endpoints, {"environ": {"HOME": self._home.name}, **(options or {})}
        self.gateway = Gateway(lambda: async_list_of(*self.endpoints, **self.options), self.settings)
        self.clients: Any = None
        self._stops: Any = None
        sock = listening("127.0.0.1", 0)
        self.port = self.settings.port = int(sock.getsockname()[1])
        self._thread = threading.Thread(target=self._run, args=(sock,), daemon=True)
        self._thread.start()
        while self._stops is None and self._thread.is_alive():  # its connections can be looked at from now on
            time.sleep(0.001)

    def _run(self, sock: socket.socket) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(sock))

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self.clients, stops = Clients(Application(self.gateway)), asyncio.Event()
        self._stops = lambda: loop.call_soon_threadsafe(stops.set)
        server = await loop.create_server(lambda: Connection(self.clients), sock=sock, backlog=1024)
        while not stops.is_set():
            self.clients.tick()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await stops.wait()
        server.close()
        for connection in list(self.clients.connections):
            connection.abort()
        await self.gateway.providers.aclose()

    def stop(self) -> None:
        """End it."""
        while self._stops is None:
            time.sleep(0.001)
        self._stops()
        self._thread.join(2 * PATIENCE)
        assert not self._thread.is_alive()
        self._home.cleanup()

    def point(self, *endpoints: str) -> None:
        """Have other providers from now on, of whom nothing is known."""
        self.endpoints = endpoints
        self.gateway.reload()

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def raw(self, *pieces: bytes) -> bytes:
        """Send bytes on a connection of their own, and read all that comes until the gateway closes it."""
        with self.connect() as sock:
            for piece in pieces:
                try:
                    sock.sendall(piece)
                except OSError:  # closed already
                    break
            return rest_of(sock)


def rest_of(sock: socket.socket) -> bytes:
    """All that still comes."""
    got = b""
    try:
        while piece := sock.recv(65536):
            got += piece
    except ConnectionError:
        return got
    return got


def head(
    method: str, path: str, *lines: str, version: str = "1.1", host: str = "127.0.0.1", close: bool = True
) -> bytes:
    """A request's head, with the token, as bytes. *lines* stand in it as they are."""
    fixed = [f"{method} {path} HTTP/{version}", *([f"Host: {host}"] if host else [])]
    given = [*lines, *(["Connection: close"] if close else [])]
    if not any(line.lower().startswith("authorization") for line in lines):
        given.append(f"Authorization: Bearer {TOKEN}")
    return "\r\n".join([*fixed, *given, "", ""]).encode("latin-1")


def post(body: Any, *lines: str, path: str = CHAT, **options: Any) -> bytes:
    """A POST of JSON, as bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = [*lines]
    if not any(line.lower().startswith("content-type") for line in lines):
        said.append("Content-Type: application/json")
    return head("POST", path, *said, f"Content-Length: {len(content)}", **options) + content


def statuses(answer: bytes) -> list[int]:
    """The statuses of replies that follow one another."""
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]

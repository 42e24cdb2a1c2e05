"""What the tests of a gateway's processes share: providers that pause, streams that are read bit by bit, waiting."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

from tests.running import Running
from tests.servers import PATIENCE, Connection, Received, completion, delta

CHAT = "/v1/chat/completions"
BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}


def eventually(holds: Callable[[], object]) -> bool:
    """Whether something comes to hold, with much patience."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Pausing:
    """Behave: a stream stops after its first content until `go` is set; what is not streamed is answered at once."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, connection: Connection, request: Received) -> None:
        if not request.streams:
            connection.reply(200, completion())
            return
        connection.start_stream()
        connection.event(delta("first"))
        self.go.wait(PATIENCE)
        connection.event(delta(" last"))
        connection.event(delta(None, "stop"))
        connection.event("[DONE]")
        connection.end_stream()


class Stream:
    """A stream of a gateway whose first content has come."""

    def __init__(self, gateway: Running) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {gateway.token}", "Content-Type": "application/json"}
        self._connection.request("POST", CHAT, json.dumps({**BODY, "stream": True}), headers)
        self._reply = self._connection.getresponse()
        assert self._reply.status == 200, self._reply.read()
        line = self._reply.readline()
        assert b"first" in line, line

    def rest(self) -> bytes:
        """All that is left of it."""
        try:
            return self._reply.read()
        finally:
            self._reply.close()
            self._connection.close()


def refuses(gateway: Running) -> bool:
    """Whether nobody listens at its port any more."""
    try:
        gateway.ask("GET", "/health")
    except ConnectionRefusedError:
        return True
    except OSError:
        pass
    return False


def workers(gateway: Running) -> list[Any]:
    """Its processes that live."""
    found = psutil.Process(gateway.process.pid).children()
    return [one for one in found if lives(one)]


def lives(process: Any) -> bool:
    """Whether a process is there, and not only its exit code."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

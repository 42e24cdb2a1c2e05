"""A gateway as a process, over the registry of a test; and a small client of it."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
from typing import Any

from tests.servers import PATIENCE


class Client:
    """Asks a gateway at a port of this machine."""

    port: int
    token: str

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body) of one request, with the token unless *headers* have another."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if content is not None and "Content-Type" not in given:
            given["Content-Type"] = "application/json"
        try:
            connection.request(method, path, content, {name: value for name, value in given.items() if value})
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        finally:
            connection.close()


class Running(Client):
    """One that runs. It has said where."""

    def __init__(self, process: subprocess.Popen[str], token: str) -> None:
        self.process, self.token = process, token
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Serving at "), f"{line}{process.stderr.read()} {process.wait(5)}"
        self.url = line.split()[-1]
        self.port = int(self.url.rsplit(":", 1)[1].partition("/")[0])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
            assert self.process.stderr is not None
            self.process.stderr.close()

"""Providers of several kinds behind one gateway, for programs that speak another API than chat completions."""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from tests.clients.strict_chat import StrictChat
from tests.clients.strict_messages import VERSION, StrictMessages
from tests.clients.tap import Tap
from tests.conftest import ROOT, keys
from tests.running import Running
from tests.servers import Server, status

PATIENCE = 90.0  # seconds for a program: the slowest wait for their own retries
TOKEN = "token-of-the-gateway-0123456789"
KEYS = keys(3)
THINKER, PLAIN, BOTH = "deepseek-chat", "mistral-small", "gpt-4o-mini"  # models
NATIVE, CLAUDE = "claude-sonnet-4-5", "claude-haiku-4-5"
PRIVATE = {"cookie": "session=secret-cookie", "x-forwarded-for": "203.0.113.77", "x-api-token": "secret-header"}


def png(width: int = 2) -> bytes:
    """A small picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, 1, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" + b"\x10\x80\xf0" * width)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PICTURE = base64.b64encode(png()).decode()


class Behind:
    """A gateway, and behind it: one whose model thinks, one that takes little, and one that speaks Anthropic's messages.

    The first two serve BOTH, the first before the second; the last two serve CLAUDE. THINKER, PLAIN and NATIVE are
    served by one of them each.
    """

    def __init__(self, folder: Path) -> None:
        self.thinker, self.plain = StrictChat(thinks=True), StrictChat("[a-zA-Z0-9]{9}")
        self.native = StrictMessages(KEYS["P3_API_KEY"], {f"{name}-internal" for name in (NATIVE, CLAUDE)})
        self.outside = Server(status(502, {"error": {"message": "nothing outside is reached here"}}))
        self.home = folder / "home"
        self.home.mkdir()
        self.gateway = serving(self.registry, folder)
        self.tap = Tap(self.gateway.port)

    @property
    def registry(self) -> dict[str, Any]:
        """Of the three."""
        speaks = {"endpoint": self.native.url, "key": "x-api-key", "headers": {"anthropic-version": VERSION}}
        rows: list[tuple[Server, tuple[str, ...], dict[str, Any]]] = [
            (self.thinker, (BOTH, THINKER), {"turns": self.thinker.turns}),
            (self.plain, (BOTH, PLAIN, CLAUDE), {"turns": self.plain.turns}),
            (self.native, (NATIVE, CLAUDE), {"speaks": {"messages": speaks}}),
        ]
        providers = {
            f"p{number}": {
                "name": f"Provider {number}",
                "connection": {
                    "protocol": "openai", "endpoint": server.url, "api_key": f"P{number}_API_KEY", **connection,
                },
                "model_names": {model: f"{model}-internal" for model in models},
            }
            for number, (server, models, connection) in enumerate(rows, 1)
        }  # fmt: skip
        return {"providers": providers, "auto_model_priority": [BOTH]}

    @property
    def url(self) -> str:
        """The address of the gateway, without a path."""
        return self.tap.url.removesuffix("/v1")

    @property
    def environ(self) -> dict[str, str]:
        """Of a program: a home of its own, and a proxy that sees whatever would leave this machine."""
        proxy = self.outside.url.removesuffix("/v1")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
            "NODE_USE_ENV_PROXY": "1",
            "INFERENCE_PROVIDERS_TOKEN": TOKEN,
        }

    def run(self, command: list[str], folder: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            command, cwd=folder or self.home, env={**self.environ, **environ}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE, check=False,
        )  # fmt: skip

    def asks_again(self, command: list[str], path: str, folder: Path, **environ: str) -> bool:
        """Whether a program asks for *path* a second time by itself; it is ended then."""
        process = subprocess.Popen(
            command, cwd=folder, env={**self.environ, **environ}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            end = time.monotonic() + PATIENCE
            while self.asked(path) < 2 and process.poll() is None and time.monotonic() < end:
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
        return self.asked(path) >= 2

    def asked(self, path: str) -> int:
        """How often programs have asked for what begins with *path*."""
        return sum(request.path.startswith(path) for request in self.tap.requests)

    def play(
        self, command: list[str], turns: list[dict[str, Any]], *, stream: bool = False, think: bool = False, **more: str
    ) -> list[dict[str, Any]]:
        """Run one of the programs here, and read what it says of each turn."""
        environ = {
            "TURNS": json.dumps(turns),
            "STREAM": "yes" if stream else "no",
            "THINK": "yes" if think else "no",
            "GATEWAY_URL": self.url,
            "GATEWAY_TOKEN": TOKEN,
            "HEADERS": json.dumps(PRIVATE),
        }
        done = self.run(command, **{**environ, **more})
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])["turns"]
        return found

    def pasted(self, block: str) -> str:
        """What the page has, with the address of this gateway."""
        return block.replace("http://127.0.0.1:8484", self.url)

    def check(self) -> None:
        """Nothing went out of the machine, nothing was wrong with a request, and nothing in it tells who asked."""
        assert [(request.method, request.path) for request in self.outside.requests] == []
        servers = (self.thinker, self.plain, self.native)
        assert [server.complaints for server in servers] == [[], [], []]
        for number, server in enumerate(servers, 1):
            for request in server.requests:
                assert request.key == KEYS[f"P{number}_API_KEY"]
                for secret in (TOKEN, *PRIVATE.values()):
                    assert secret.encode() not in request.raw, secret
                programs = {one.headers.get("user-agent") for one in self.tap.requests}
                assert request.headers.get("user-agent") not in programs
        assert self.gateway.process.poll() is None

    def close(self) -> None:
        """End all."""
        self.gateway.stop()
        for one in (self.tap, self.thinker, self.plain, self.native, self.outside):
            one.close()


def serving(registry: dict[str, Any], folder: Path) -> Running:
    """A gateway, as a user starts it."""
    path = folder / "registry.json"
    path.write_text(json.dumps(registry))
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "INFERENCE_PROVIDERS_TOKEN": TOKEN,
        "INFERENCE_PROVIDERS_LOG": "off",
        "INFERENCE_PROVIDERS_AVOID": "local",
        **KEYS,
    }
    command = [sys.executable, "-m", "inference_providers", "serve", "--port", "0", "--registry", str(path)]
    process = subprocess.Popen(command, env=environ, cwd=folder, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    return Running(process, TOKEN)

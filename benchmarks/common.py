"""What the benchmarks share: servers and dead addresses on loopback, timed subprocesses, tables.

Nothing here leaves the machine. `python -m benchmarks.common` runs the server alone and
prints its port; it ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
ANSWER = "pong from the loopback server"
TEST_KEY = "sk-test-0123456789abcdef0123456789abcdef"
NO_MARK = ""  # the table cell of a row without a target

_COMPLETION = {
    "id": "chatcmpl-benchmark",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "benchmark",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop", "logprobs": None}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 5, "total_tokens": 6},
}
_MODELS = {"object": "list", "data": [{"id": "benchmark", "object": "model", "created": 0, "owned_by": "benchmark"}]}


def _reply(status: str, data: object) -> bytes:
    body = json.dumps(data).encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


_REPLIES = {
    b"GET": ("/models", _reply("200 OK", _MODELS)),
    b"POST": ("/chat/completions", _reply("200 OK", _COMPLETION)),
}
_UNKNOWN = _reply("404 Not Found", {"error": {"message": "not served here"}})


class _Server(asyncio.Protocol):
    """Just enough HTTP/1.1: keep-alive, bodies with Content-Length, replies made beforehand."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.received = transport, b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            line, *fields = head.split(b"\r\n")
            length = next((int(f.split(b":")[1]) for f in fields if f.lower().startswith(b"content-length:")), 0)
            if len(rest) < length:
                return
            self.received = rest[length:]
            method, path, _ = line.split(b" ", 2)
            end, reply = _REPLIES.get(method, ("/", _UNKNOWN))
            self.transport.write(reply if path.decode().endswith(end) else _UNKNOWN)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def live_server() -> Iterator[str]:
    """Base URL of an OpenAI-compatible server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.common"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"


@contextmanager
def black_hole() -> Iterator[str]:
    """Base URL of an address that swallows SYNs: a listener with a full backlog that never accepts."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # Linux takes one or two for a backlog of 0
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.05)
        probe = stack.enter_context(socket.socket())
        probe.settimeout(0.2)
        try:
            probe.connect(listener.getsockname())
        except TimeoutError:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        else:
            raise RuntimeError("a full backlog does not swallow connections on this system")


@contextmanager
def refused_port() -> Iterator[str]:
    """Base URL of a port that refuses connections: bound, so that nobody else gets it, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"


@contextmanager
def clean_python() -> Iterator[tuple[str, dict[str, str]]]:
    """A Python in a virtual environment like a user's, and the environment variables to run it with.

    It has this interpreter's packages by symbolic link, and this checkout as an ordinary package, but
    no `.pth` files: the hook of an editable install costs more at every start than Python itself, and
    would make each ratio to bare Python look better than it is. The variables are a fixed few, without
    keys, and without PYTHONDONTWRITEBYTECODE; HOME is empty.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.EnvBuilder(symlinks=True).create(folder)
        site = Path(sysconfig.get_path("purelib", vars={"base": folder}))
        for entry in Path(sysconfig.get_path("purelib")).iterdir():
            target = site / entry.name
            if entry.suffix != ".pth" and not entry.name.startswith("__") and not target.exists():
                target.symlink_to(entry)
        package = site / "inference_providers"
        package.unlink(missing_ok=True)
        package.symlink_to(ROOT / "inference_providers")
        home = Path(folder) / "home"
        home.mkdir()
        environ = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"}
        yield str(Path(folder) / "bin" / "python"), environ


class Times:
    """Wall times of one thing, in seconds, in the order in which they were taken."""

    def __init__(self, seconds: Sequence[float]) -> None:
        self.all = list(seconds)
        self.best, self.median, self.worst = min(seconds), statistics.median(seconds), max(seconds)


def time_scripts(
    python: str, scripts: Mapping[str, str], environ: Mapping[str, str], rounds: int, expect: str = ""
) -> dict[str, Times]:
    """Run each script in a fresh process, *rounds* times after two unmeasured ones; its output must hold *expect*.

    The scripts take turns, so that a slow spell of the machine falls on all of them, and in random
    order, so that none always runs behind the same one: what a big process leaves behind slows the next.
    """
    seconds: dict[str, list[float]] = {name: [] for name in scripts}
    for turn in range(rounds + 2):
        for name, script in random.sample(list(scripts.items()), len(scripts)):
            started = time.perf_counter()
            done = subprocess.run([python, "-c", script], env=environ, check=False, capture_output=True, text=True)
            taken = time.perf_counter() - started
            if done.returncode or expect not in done.stdout:
                raise RuntimeError(f"{name} failed: {done.stdout}{done.stderr}")
            if turn >= 2:
                seconds[name].append(taken)
    return {name: Times(taken) for name, taken in seconds.items()}


def verdict(met: bool) -> str:
    """The last cell of a row."""
    return "met" if met else "**not met**"


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table; every column but the first and the last two holds numbers."""
    marks = ["---", *["---:"] * (len(head) - 3), "---", "---"]
    for row in (head, marks, *rows):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    asyncio.run(_serve())

"""What the benchmarks share: servers and dead addresses on loopback, timed subprocesses, tables.

Nothing here leaves the machine. `python -m benchmarks.common` runs the server alone and
prints its port; it ends when its standard input is closed. What it does besides answering is given
as JSON: see `live_server`.
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
import urllib.request
import venv
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
_CUT = json.dumps(_COMPLETION).encode()[:100]
FAULTS: dict[str, bytes | None] = {  # name -> what is sent instead of the reply; None: nothing, and the connection ends
    "500 without a body": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "503": _reply("503 Service Unavailable", {"error": {"message": "try later", "type": "unavailable"}}),
    "502 with a page of HTML": (
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 39\r\n\r\n"
        b"<html><h1>502 Bad Gateway</h1></html>\r\n"
    ),
    "JSON cut short": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n" + _CUT,
    "no choices": _reply("200 OK", {**_COMPLETION, "choices": []}),
    "connection closed": None,
    "connection reset": None,
}
DRIP = 0.05  # seconds between the bytes of a server that drips
MANNERS = {  # how a server that never finishes begins, and what it sends from then on
    "silent": (b"", b""),
    "drips headers": (b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n"),
    "drips its body": (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n", b" "),
}


class _Work:
    """What a server does: the share of questions that meet a fault (by a seed), or a manner of never finishing."""

    def __init__(self, faults: float = 0.0, seed: int = 0, manner: str = "") -> None:
        self.faults, self.manner, self.random = faults, manner, random.Random(seed)
        self.asked = 0

    def fault(self) -> str:
        """The fault of the next question, empty for none."""
        self.asked += 1
        return self.random.choice(list(FAULTS)) if self.random.random() < self.faults else ""


class _Server(asyncio.Protocol):
    """Just enough HTTP/1.1: keep-alive, bodies with Content-Length, replies made beforehand."""

    def __init__(self, work: _Work) -> None:
        self.work = work

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
            self.answer(*line.split(b" ", 2)[:2])

    def answer(self, method: bytes, path: bytes) -> None:
        if path.endswith(b"/asked"):
            self.transport.write(_reply("200 OK", self.work.asked))
            return
        end, reply = _REPLIES.get(method, ("/", _UNKNOWN))
        if not path.decode().endswith(end):
            reply = _UNKNOWN
        elif method == b"POST":
            if self.work.manner:
                begin, self.more = MANNERS[self.work.manner]
                self.transport.write(begin)
                self.drip()
                return
            fault = self.work.fault()
            if fault:
                self.fail(fault)
                return
        self.transport.write(reply)

    def drip(self) -> None:
        if self.more and not self.transport.is_closing():
            self.transport.write(self.more)
            asyncio.get_running_loop().call_later(DRIP, self.drip)

    def fail(self, fault: str) -> None:
        sent = FAULTS[fault]
        if sent is not None:
            self.transport.write(sent)
            return
        if fault == "connection reset":  # closing with a linger of 0 seconds resets
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0" + bytes(4)
            )
        self.transport.abort()


async def _serve(core: int | None = None, **work: Any) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    loop = asyncio.get_running_loop()
    doing = _Work(**work)
    server = await loop.create_server(lambda: _Server(doing), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def live_server(**options: Any) -> Iterator[str]:
    """Base URL of an OpenAI-compatible server in a process of its own.

    core: the one to run on. faults: the share of questions that meet one of FAULTS, at random by
    *seed*. manner: one of MANNERS, for a server that never finishes a reply.
    """
    command = [sys.executable, "-m", "benchmarks.common", json.dumps(options)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"


def asked(url: str) -> int:
    """How many questions a server has got so far."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/asked") as reply:
        return int(reply.read())


def registry(endpoints: Sequence[str]) -> dict[str, Any]:
    """A registry in which the model `m` is served at each of *endpoints*, in this order, each with its key."""
    providers = {
        f"p{number}": {
            "connection": {"protocol": "openai", "endpoint": endpoint, "api_key": f"P{number}_API_KEY"},
            "model_names": {"m": "m-internal"},
        }
        for number, endpoint in enumerate(endpoints, 1)
    }
    return {"providers": providers, "auto_model_priority": ["m"]}


def keys(endpoints: Sequence[str]) -> dict[str, str]:
    """The environment variables for `registry(endpoints)`."""
    return {f"P{number}_API_KEY": TEST_KEY for number in range(1, len(endpoints) + 1)}


def two_cores() -> tuple[int, int] | tuple[None, None]:
    """A core for the client and another for the server; Nones where there is but one, or no choice."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


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
    asyncio.run(_serve(**json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}))

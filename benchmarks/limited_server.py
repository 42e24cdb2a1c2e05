"""A provider that takes its time and allows a fixed number of requests at once; 429 beyond. Remembers what it was asked.

`python -m benchmarks.limited_server SECONDS AT_ONCE` prints its port, and ends when its standard input is closed.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmarks.common import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


class Provider:
    """What it allows, and what it has seen."""

    def __init__(self, seconds: float, at_once: int) -> None:
        self.seconds, self.at_once = seconds, at_once
        self.busy = self.peak = self.refused = 0
        self.asked: dict[str, int] = {}  # by the last message of each question that was let in
        self.answered = 0
        self.keys: set[str] = set()
        self.first = self.last = 0.0  # when a question was let in

    def numbers(self) -> dict[str, Any]:
        """For who asks."""
        return {
            "peak": self.peak,
            "refused": self.refused,
            "asked": sum(self.asked.values()),
            "distinct": len(self.asked),
            "again": sum(count - 1 for count in self.asked.values()),
            "answered": self.answered,
            "keys": sorted(self.keys),
            "seconds": self.last - self.first,
        }


class Connection(asyncio.Protocol):
    """Just enough HTTP/1.1."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.received, self.work = b"", set[asyncio.Task[None]]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        for task in self.work:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            line, *lines = head.split(b"\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (one.partition(b":") for one in lines)}
            length = int(fields.get(b"content-length", b"0"))
            if len(rest) < length:
                return
            body, self.received = rest[:length], rest[length:]
            task = asyncio.ensure_future(self.answer(line.split(b" ")[1], fields, body))
            self.work.add(task)
            task.add_done_callback(self.work.discard)

    def reply(self, status: int, data: object) -> None:
        body = json.dumps(data).encode()
        head = f"HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)

    async def answer(self, path: bytes, fields: dict[bytes, bytes], body: bytes) -> None:
        provider = self.provider
        if not body:
            self.reply(200, provider.numbers() if path.endswith(b"/numbers") else {"object": "list", "data": []})
            return
        asked = json.loads(body)
        question = str(asked["messages"][-1]["content"])
        if question.startswith("refuse"):
            self.reply(400, {"error": {"message": "that is refused", "type": "invalid_request_error"}})
            return
        if provider.busy >= provider.at_once:
            provider.refused += 1
            self.reply(429, {"error": {"message": "too many requests at once"}})
            return
        provider.busy += 1
        provider.peak = max(provider.peak, provider.busy)
        provider.asked[question] = provider.asked.get(question, 0) + 1
        provider.keys.add(fields.get(b"authorization", b"").decode().removeprefix("Bearer "))
        provider.last = time.monotonic()
        provider.first = provider.first or provider.last
        try:
            await asyncio.sleep(provider.seconds)
        finally:
            provider.busy -= 1
        provider.answered += 1
        text = json.dumps({"said": question}) if asked.get("response_format") else f"re: {question}"
        self.reply(200, completion(text))


def completion(text: str) -> dict[str, Any]:
    """A chat completion."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


async def serve(seconds: float, at_once: int) -> None:
    """Until standard input is closed."""
    loop = asyncio.get_running_loop()
    provider = Provider(seconds, at_once)
    server = await loop.create_server(lambda: Connection(provider), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def limited_server(seconds: float, at_once: int) -> Iterator[str]:
    """Its base URL."""
    command = [sys.executable, "-m", "benchmarks.limited_server", str(seconds), str(at_once)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"


def numbers(url: str) -> dict[str, Any]:
    """What a server has seen so far."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{url}/numbers") as reply:
        found: dict[str, Any] = json.loads(reply.read())
        return found


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), int(sys.argv[2])))

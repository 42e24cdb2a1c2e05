"""The load for the gateways: connections on uvloop that ask again as soon as they have been answered.

A request and its reply cost it a hundredth of a millisecond, so that it is not what is measured: `benchmarks.gateway`
asks the provider directly first, and says how many requests a second that gave.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LAST_CHUNK = b"\r\n0\r\n\r\n"
GRACE = 30.0  # seconds after which what has not been answered is an error


class Target:
    """Where to ask, and how: the address, the path, headers of one's own, the name of the model."""

    def __init__(self, port: int, path: str, model: str, headers: Mapping[str, str] | None = None) -> None:
        self.port, self.path, self.model, self.headers = port, path, model, dict(headers or {})

    def request(self, kind: str) -> bytes:
        """The bytes of one question. *kind*: how the provider is to answer; see `gateway_upstream`."""
        text = f"reply={kind} Say hello." + (" word" * 40_000 if kind == "large" else "")
        body: dict[str, object] = {"model": self.model, "messages": [{"role": "user", "content": text}]}
        if kind not in ("plain", "large"):
            body["stream"] = True
        content = json.dumps(body).encode()
        fields = {
            "Host": f"127.0.0.1:{self.port}",
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **self.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}\r\n".encode() + content


class Load:
    """What came of a load. seconds: of each answer, from the request's first byte to the reply's last one.

    first: of each stream, until its first content. delays: of each event that says when it was sent, until it was here.
    paces: of each stream, from its first content to its last. failed: requests that were not answered with success.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.first: list[float] = []
        self.delays: list[float] = []
        self.paces: list[float] = []
        self.failed: list[str] = []
        self.failed_ports: set[int] = set()
        self.took = 0.0

    @property
    def done(self) -> int:
        """Answers with success."""
        return len(self.seconds)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.done / self.took if self.took else 0.0

    @property
    def median(self) -> float:
        """Seconds of the median answer."""
        return statistics.median(self.seconds) if self.seconds else float("nan")


class Asker(asyncio.Protocol):
    """One connection that asks again until it is told to stop, or leaves each stream at its first content."""

    def __init__(self, load: Load, request: bytes, until: float, *, timed: bool, leaves: bool) -> None:
        self.load, self.request, self.until, self.timed, self.leaves = load, request, until, timed, leaves
        self.loop = asyncio.get_running_loop()
        self.over: asyncio.Future[bool] = self.loop.create_future()  # whether another connection is to go on
        self.asks, self.port = False, 0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.port = transport, transport.get_extra_info("sockname")[1]
        self.ask()

    def ask(self) -> None:
        self.head, self.length, self.chunked, self.size, self.tail = b"", -1, False, 0, b""
        self.first = self.last = 0.0
        self.asks, self.began = True, time.monotonic()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.length < 0 and not self.chunked:
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return
            data = self.head[end + 4 :]
            self.read_head(self.head[:end].lower())
        self.size += len(data)
        if self.chunked:
            self.note(data)
            self.tail = (self.tail + data)[-8:]
            if self.tail.endswith(LAST_CHUNK):
                self.answered()
            elif self.leaves and self.first:
                self.stop(again=True)
        elif self.size >= self.length:
            self.answered()

    def read_head(self, head: bytes) -> None:
        self.status = head[9:12]
        at = head.find(b"\r\ncontent-length:")
        self.chunked = at < 0
        if at >= 0:
            self.length = int(head[at + 17 :].split(b"\r\n", 1)[0])

    def note(self, data: bytes) -> None:
        """When what a piece of a stream holds was sent, and how late it is."""
        if not self.first and b'"content":' in data:
            self.first = time.monotonic()
            self.load.first.append(self.first - self.began)
        if self.timed:
            self.last = now = time.monotonic()
            self.load.delays += [now - float(piece[:17]) for piece in data.split(b'"t=')[1:]]

    def answered(self) -> None:
        now = time.monotonic()
        self.asks = False
        if self.status != b"200":
            self.fail(f"status {self.status.decode()}")
        else:
            self.load.seconds.append(now - self.began)
            if self.timed:
                self.load.paces.append(self.last - self.first)
        if now < self.until:
            self.ask()
        else:
            self.stop()

    def fail(self, why: str) -> None:
        self.load.failed.append(why)
        self.load.failed_ports.add(self.port)

    def stop(self, *, again: bool = False) -> None:
        self.asks = False
        self.transport.abort()
        if not self.over.done():
            self.over.set_result(again)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.asks:
            self.asks = False
            self.fail("connection lost")
        if not self.over.done():
            self.over.set_result(time.monotonic() < self.until)


async def run_load(
    target: Target,
    kind: str,
    connections: int,
    seconds: float,
    *,
    timed: bool = False,
    leave: int = 0,
    apart: float = 0.0,
) -> Load:
    """Ask over so many connections for so long; each finishes what it has begun.

    timed: note when events were sent and came. leave: this many streams are left at their first content instead.
    apart: seconds between the beginnings of two connections.
    """
    loop, load, request = asyncio.get_running_loop(), Load(), target.request(kind)
    started = time.monotonic()
    until = float("inf") if leave else started + seconds
    left = [leave]

    async def one(number: int) -> None:
        again = True
        await asyncio.sleep(number * apart)
        while again and (not leave or left[0] > 0):
            left[0] -= 1
            asker = Asker(load, request, until, timed=timed, leaves=bool(leave))
            try:
                await loop.create_connection(lambda asker=asker: asker, "127.0.0.1", target.port)
            except OSError as error:
                load.failed.append(f"no connection: {type(error).__name__}")
                await asyncio.sleep(0.01)
                again = time.monotonic() < until
                continue
            try:
                async with asyncio.timeout(seconds + GRACE):
                    again = await asker.over
            except TimeoutError:
                asker.asks = False
                asker.fail("no answer")
                asker.transport.abort()
                again = False

    await asyncio.gather(*(one(number) for number in range(connections)))
    load.took = time.monotonic() - started
    return load

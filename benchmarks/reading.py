"""What it costs to read a reply of HTTP/1.1: this package's reader beside h11, httptools and http.client.

Run `python -m benchmarks.reading [ROUNDS]` from the checkout. `h11` comes with the tests, `httptools` is
measured where it is installed. Nothing is sent: each reads the same bytes from memory, in turns.
"""

from __future__ import annotations

import io
import random
import sys
import time
from http.client import HTTPResponse
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from benchmarks.common import NO_MARK, print_table
from inference_providers.transport.http1 import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 2000  # in each round
BODY = b'{"choices": [{"message": {"content": "%s"}}]}' % (b"a" * 800)
FIELDS = b"".join(
    b"%s: %s\r\n" % field
    for field in (
        (b"date", b"Thu, 26 Nov 2026 05:21:04 GMT"), (b"content-type", b"application/json"), (b"connection", b"keep-alive"),
        (b"x-ratelimit-limit-requests", b"10000"), (b"x-ratelimit-limit-tokens", b"200000"), (b"x-ratelimit-remaining-requests", b"9999"),
        (b"x-ratelimit-remaining-tokens", b"199988"), (b"x-ratelimit-reset-requests", b"8.64s"), (b"x-ratelimit-reset-tokens", b"3ms"),
        (b"openai-organization", b"org"), (b"openai-processing-ms", b"420"), (b"openai-version", b"2020-10-01"), (b"server", b"cloudflare"),
        (b"x-request-id", b"req_0123456789abcdef0123456789abcdef"), (b"strict-transport-security", b"max-age=31536000; preload"),
        (b"cf-cache-status", b"DYNAMIC"), (b"set-cookie", b"__cf_bm=abcdefghijklmnopqrstuvwxyz; path=/; HttpOnly"), (b"cf-ray", b"8e8f2b3c4d5e6f70-FRA"),
        (b"alt-svc", b'h3=":443"; ma=86400'), (b"vary", b"accept-encoding"),
    )
)  # fmt: skip
EVENT = b'data: {"choices": [{"delta": {"content": "word "}}]}\n\n'
REPLIES = {
    "a short head": [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)],
    "a provider's head, 21 fields": [b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n%s" % (FIELDS, len(BODY), BODY)],
    "a stream of 100 events": [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        *[b"%x\r\n%s\r\n" % (len(EVENT), EVENT)] * 100,
        b"0\r\n\r\n",
    ],
}  # fmt: skip


def ours(pieces: list[bytes]) -> bytes:
    reader = Reader("POST")
    body = b"".join([reader.feed(piece) for piece in pieces])
    assert reader.done
    return body


def by_h11(pieces: list[bytes]) -> bytes:
    import h11

    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "x"), ("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    body: list[bytes] = []
    for piece in pieces:
        connection.receive_data(piece)
        while (event := connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage):
                return b"".join(body)
            if isinstance(event, h11.Data):
                body.append(bytes(event.data))
    raise AssertionError


class _Told:
    """What httptools tells."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self.body.append(data)


def by_httptools(pieces: list[bytes]) -> bytes:
    import httptools

    told = _Told()
    parser = httptools.HttpResponseParser(told)
    for piece in pieces:
        parser.feed_data(piece)
    return b"".join(told.body)


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


def by_http_client(pieces: list[bytes]) -> bytes:
    response = HTTPResponse(_Socket(b"".join(pieces)), method="POST")  # type: ignore[arg-type]
    response.begin()
    return response.read()


READERS: dict[str, Callable[[list[bytes]], bytes]] = {
    "`wire.http1.Reader`": ours,
    **({"`httptools` (llhttp)": by_httptools} if find_spec("httptools") else {}),
    "`h11`": by_h11,
    "`http.client`": by_http_client,
}


def main(rounds: int) -> None:
    for title, pieces in REPLIES.items():
        seconds: dict[str, list[float]] = {name: [] for name in READERS}
        wanted = ours(pieces)
        for _ in range(rounds):
            for name, read in random.sample(list(READERS.items()), len(READERS)):
                assert read(pieces) == wanted
                started = time.process_time()
                for _ in range(CALLS):
                    read(pieces)
                seconds[name].append((time.process_time() - started) / CALLS)
        best = min(seconds["`wire.http1.Reader`"])
        rows = [[name, f"{min(found) * 1e6:.1f}", f"{min(found) / best:.1f}x"] for name, found in seconds.items()]
        print_table([title, "CPU, best, µs", "ratio", "", ""], [[*row, NO_MARK, NO_MARK] for row in rows])
        print()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)

"""Compressed bodies, whole: what comes out of a sender is what went in, in whatever encodings, framing and pieces."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference_providers.transport import http1
from inference_providers.transport.async_sender import AsyncSender
from inference_providers.transport.compression import INFLATED
from inference_providers.transport.http import Limits, Request, WireError
from inference_providers.transport.sync_sender import Sender
from inference_providers.upkeep.download import download
from tests.conftest import async_list_of, list_of
from tests.servers import PATIENCE, Connection, Received, Server, chunk, completion, delta

LIMITS = Limits(total=60)


def raw(body: bytes) -> bytes:
    """Deflate without its head, as some servers send it."""
    packed = zlib.compressobj(wbits=-15)
    return packed.compress(body) + packed.flush()


def zipped(body: bytes, level: int = 9) -> bytes:
    """gzip, always the same: without the time."""
    return gzip.compress(body, level, mtime=0)


def parts(body: bytes) -> bytes:
    """Several parts of gzip, an empty one among them."""
    return zipped(body[: len(body) // 3]) + zipped(b"") + zipped(body[len(body) // 3 :], 1)


ENCODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "none": ("", bytes),
    "identity": ("Identity", bytes),
    "gzip": ("gzip", zipped),
    "x-gzip": ("X-GZIP", zipped),
    "stored": ("gzip", lambda body: zipped(body, 0)),
    "named": ("gzip", lambda body: b"\x1f\x8b\x08\x08" + bytes(6) + b"name\0" + zipped(body)[10:]),
    "parts": ("gzip", parts),
    "zeros behind": ("gzip", lambda body: zipped(body) + bytes(1000)),
    "rubbish behind": ("gzip", lambda body: zipped(body) + b"\r\n<!-- cached -->" * 20),
    "rubbish behind parts": ("gzip", lambda body: parts(body) + b"\0"),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw),
    "rubbish behind deflate": ("deflate", lambda body: zlib.compress(body) + b"\x1f\x8b"),
    "rubbish behind raw deflate": ("deflate", lambda body: raw(body) + b"\0\0"),
    "gzip twice": ("gzip, gzip", lambda body: zipped(zipped(body))),
    "stacked": ("deflate,identity , gzip", lambda body: zipped(zlib.compress(body))),
    "three": ("gzip, deflate, x-gzip", lambda body: zipped(raw(parts(body)))),
    "nothing at all": ("gzip", lambda body: zipped(body) if body else b""),
    "an empty list": (" , ", bytes),
}


def body_of(seed: int, size: int) -> bytes:
    """What compresses a little, well, or not at all."""
    source = random.Random(seed)
    if seed % 3 == 0:
        return source.randbytes(size)
    words = [source.randbytes(source.randint(1, 40)) for _ in range(50)] if seed % 3 == 1 else [b"a"]
    text = b"".join(source.choices(words, k=size // 10 + 1))
    return (text * (size // len(text) + 1))[:size] if seed % 3 else text[:size]


def cut(data: bytes, seed: int, most: int) -> Iterator[bytes]:
    """*data* in pieces of at most *most* bytes."""
    source, at = random.Random(seed), 0
    while at < len(data):
        size = source.randint(1, most)
        yield data[at : at + size]
        at += size


class Sending:
    """A behaviour that sends what it was told to."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.encoding, self.framing = "", "length"

    def __call__(self, connection: Connection, request: Received) -> None:
        encoding = f"content-encoding: {self.encoding}\r\n" if self.encoding else ""
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n{encoding}"
        if self.framing == "chunks":
            connection.send(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
            for piece in self.pieces:
                connection.send(chunk(piece))
            connection.send(b"0\r\n\r\n")
        elif self.framing == "length":
            connection.send(f"{head}content-length: {sum(map(len, self.pieces))}\r\n\r\n".encode())
            for piece in self.pieces:
                connection.send(piece)
        else:
            connection.send(f"{head}connection: close\r\n\r\n".encode())
            for piece in self.pieces:
                connection.send(piece)
            connection.close()


@pytest.fixture(scope="module")
def sending() -> Iterator[tuple[Sending, str]]:
    behaviour = Sending()
    with Server(behaviour) as server:
        yield behaviour, f"{server.url}/x"


def read_by(way: str, url: str) -> bytes:
    """The body as one of the ways to read it gives it."""
    request = Request("GET", url)

    async def whole() -> bytes:
        sender = AsyncSender({}, LIMITS)
        try:
            response = await sender.send(request)
            if way == "async chunks":
                return b"".join([piece async for piece in response.chunks])
            return await response.read()
        finally:
            await sender.aclose()

    if way.startswith("async"):
        return asyncio.run(whole())
    if way == "download":
        return download(url, 64 * 1024 * 1024, None, {})[0] or b""
    sender = Sender({}, LIMITS)
    try:
        response = sender.send(request)
        return b"".join(response.chunks) if way == "chunks" else response.read()
    finally:
        sender.close()


@settings(max_examples=150)
@example(("read", "gzip", "chunks"), 1, 5_000_000, 70_000)
@example(("async", "gzip", "chunks"), 1, 5_000_000, 70_000)
@example(("chunks", "parts", "length"), 0, 3_000_000, 1_000_000)
@example(("download", "three", "close"), 2, 3_000_000, 5_000)
@given(
    st.tuples(
        st.sampled_from(["read", "chunks", "async", "async chunks", "download"]),
        st.sampled_from(sorted(ENCODINGS)),
        st.sampled_from(["length", "chunks", "close"]),
    ),
    st.integers(0, 1000),
    st.integers(0, 300) | st.integers(0, 300_000),
    st.sampled_from([1, 7, 100, 5_000, 70_000, 1_000_000]),
)
def test_the_bytes_that_come_out_are_those_that_went_in(
    sending: tuple[Sending, str], case: tuple[str, str, str], seed: int, size: int, most: int
) -> None:
    behaviour, url = sending
    way, kind, framing = case
    body = body_of(seed, size)
    encoding, packed = ENCODINGS[kind][0], ENCODINGS[kind][1](body)
    behaviour.encoding, behaviour.framing = encoding, framing
    behaviour.pieces = list(cut(packed, seed, max(most, len(packed) // 2000)))
    assert read_by(way, url) == body


def test_there_is_something_to_test() -> None:
    assert len(body_of(1, 5000)) == len(body_of(2, 5000)) == len(body_of(3, 5000)) == 5000
    assert len(zlib.compress(body_of(1, 500_000))) > 5000


@given(
    st.sampled_from(sorted(ENCODINGS)), st.integers(0, 1000), st.integers(0, 3000), st.integers(1, 4000), st.integers(0)
)
def test_a_body_that_is_cut_is_never_taken_for_whole(kind: str, seed: int, size: int, most: int, end: int) -> None:
    """Where it is cut between two parts of gzip, only the framing can tell."""
    encoding, pack = ENCODINGS[kind]
    if ("zip" not in encoding.lower() and "deflate" not in encoding) or kind.startswith(("rubbish", "zeros")):
        return
    body = body_of(seed, size)
    packed = pack(body)
    end %= len(packed) or 1
    decoder = http1.decoder({"content-encoding": encoding})
    found = b""
    try:
        for piece in cut(packed[:end], seed, most):
            found += b"".join(decoder.pieces(piece))
        decoder.end()
    except WireError as error:
        assert error.kind == "broken"
    else:
        assert end == 0 or kind in ("parts", "three", "nothing at all")
    assert body.startswith(found)


@pytest.mark.parametrize("said", ["br", "zstd", "compress", "GZIP x", "gzip, br", "gzip;q=1", ", ".join(["gzip"] * 4)])
def test_what_nobody_asked_for_is_refused(said: str) -> None:
    with pytest.raises(WireError, match="compression is unknown") as caught:
        http1.decoder({"content-encoding": said})
    assert caught.value.kind == "broken"


@given(
    st.binary(max_size=300),
    st.sampled_from(sorted({encoding for encoding, _ in ENCODINGS.values()})),
    st.integers(1, 300),
)
def test_no_bytes_at_all_break_more_than_themselves(data: bytes, encoding: str, size: int) -> None:
    decoder = http1.decoder({"content-encoding": encoding})
    try:
        for at in range(0, len(data), size):
            list(decoder.pieces(data[at : at + size]))
        decoder.end()
    except WireError as error:
        assert error.kind == "broken"


# What a small body may become


def bomb(layers: int) -> bytes:
    """A quarter of a gigabyte of zeros, and that compressed again."""
    packed = zlib.compressobj(9, wbits=31)
    data = b"".join(packed.compress(bytes(1024 * 1024)) for _ in range(256)) + packed.flush()
    for _ in range(layers - 1):
        data = gzip.compress(data)
    return data


@pytest.mark.parametrize("way", ["read", "async", "download"])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_is_stopped(sending: tuple[Sending, str], way: str, layers: int) -> None:
    import tracemalloc

    behaviour, url = sending
    behaviour.encoding, behaviour.framing = ", ".join(["gzip"] * layers), "length"
    behaviour.pieces = [bomb(layers)]
    tracemalloc.start()
    with pytest.raises(Exception, match="larger than 65536 KiB"):
        read_by(way, url)
    assert tracemalloc.get_traced_memory()[1] < 200 * 1024 * 1024
    tracemalloc.stop()


def test_what_lies_between_two_compressions_is_counted() -> None:
    """Nobody sees it: what comes out at the end may be nothing."""
    decoder = http1.decoder({"content-encoding": "gzip, gzip"})
    packed = zlib.compressobj(9, wbits=31)
    block, sent = gzip.compress(b"") * 100 + bytes(1_000_000), 0
    with pytest.raises(WireError, match="larger than") as caught:
        for _ in range(200):
            sent += 1
            for _piece in decoder.pieces(packed.compress(block) + packed.flush(zlib.Z_SYNC_FLUSH)):
                raise AssertionError("there is nothing in it")
    assert caught.value.kind == "oversize"
    assert sent < 100


@given(st.integers(1, 3_000_000))
@settings(max_examples=20)
def test_pieces_are_of_limited_size(size: int) -> None:
    for encoding, pack in (("gzip", gzip.compress), ("gzip, deflate", lambda body: zlib.compress(gzip.compress(body)))):
        pieces = list(http1.decoder({"content-encoding": encoding}).pieces(pack(bytes(size))))
        assert sum(map(len, pieces)) == size
        assert max(map(len, pieces)) <= INFLATED


# Streams


def flushed(encoding: str) -> Callable[[Connection, Received], None]:
    """A stream of events each of which is flushed, and waits until the test has seen it."""

    def behave(connection: Connection, request: Received) -> None:
        packed = zlib.compressobj(wbits={"gzip": 31, "deflate": 15, "raw": -15}[encoding])
        connection.start_stream({"content-encoding": encoding.replace("raw", "deflate")})
        for text in ("a", "b", "c"):
            event = f"data: {json.dumps(delta(text))}\n\n".encode()
            connection.chunk(packed.compress(event) + packed.flush(zlib.Z_SYNC_FLUSH))
            GATES[request.path + encoding].acquire(timeout=PATIENCE)
        connection.chunk(packed.compress(b"data: [DONE]\n\n") + packed.flush())
        connection.end_stream()

    return behave


GATES: dict[str, Any] = {}


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw"])
def test_each_event_of_a_compressed_stream_is_there_when_it_arrives(
    serve: Callable[..., Server], way: str, encoding: str
) -> None:
    """The server sends the next one only after it was read."""
    import threading

    gate = GATES["/v1/chat/completions" + encoding] = threading.Semaphore(0)
    server = serve(flushed(encoding))
    seen = []

    async def read() -> None:
        pieces: AsyncIterator[str] = async_list_of(server.url).stream("hi")
        async for piece in pieces:
            seen.append(piece)
            gate.release()

    if way == "async":
        asyncio.run(read())
    else:
        for piece in list_of(server.url).stream("hi"):
            seen.append(piece)
            gate.release()
    assert seen == ["a", "b", "c"]


@pytest.mark.parametrize("way", ["sync", "async"])
def test_an_answer_may_be_compressed_in_any_way(serve: Callable[..., Server], way: str) -> None:
    """Nobody asked for it; some gateways do so all the same."""
    body = json.dumps(completion("hello")).encode()
    left = sorted(ENCODINGS)
    server = serve(
        lambda c, r: c.reply(
            200,
            ENCODINGS[left[-1]][1](body),
            {"content-type": "application/json", "content-encoding": ENCODINGS[left.pop()][0]},
        )
    )
    made = (async_list_of if way == "async" else list_of)(server.url)
    for _ in ENCODINGS:
        assert (asyncio.run(made.ask_ai("hi")) if way == "async" else made.ask_ai("hi")) == "hello"
    assert len(server.asked) == len(ENCODINGS)

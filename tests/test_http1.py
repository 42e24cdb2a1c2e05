"""The reader of HTTP/1.1, held against h11: it may refuse more, and never reads anything else."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.transport import http1
from inference_providers.transport.http import WireError

REPLIES = 100_000
Outcome = tuple[Any, ...]

STATUS_LINES = [
    *[b"HTTP/1.1 200 OK"] * 60, b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 404 Not Found", b"HTTP/1.1 204 No Content",
    b"HTTP/1.1 304 Not Modified", b"HTTP/1.1 205 Reset", b"HTTP/1.1 999 Odd", b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 099 No",
    b"HTTP/1.1 2000 OK", b"HTTP/1.1  200 OK", b"HTTP/2.0 200 OK", b"HTTP/1.2 200 OK", b"HTTP/0.9 200 OK", b"http/1.1 200 OK", b"HTTP/1.1 200 caf\xe9",
    b"HTTP/1.1\t200 OK", b"ICY 200 OK", b"HTTP/1.1 +20 OK", b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 O\rK", b" HTTP/1.1 200 OK", b"",
]  # fmt: skip
INTERIM = [
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
    b"HTTP/1.1 102 x\r\ncontent-length: 3\r\n\r\n",
]
FIELDS = [
    *[b"server: x", b"date: Thu, 26 Nov 2026 05:21:04 GMT", b"x-request-id: 1"] * 20, b"content-type: application/json", b"x: y", b"X-Y:z", b"x:", b"x: \t a b \t", b"x: caf\xe9", b"set-cookie: a=b", b"set-cookie: c=d", b"x y: z", b"x : y",
    b": y", b"x", b" folded", b"\tfolded", b"x: a\x00b", b"x: a\x01b", b"x: a\x0bb", b"x: a\rb", b"x\xe9: y", b"x;y: z", b"connection: close",
    b"connection: keep-alive", b"Connection: Keep-Alive, Close", b"upgrade: h2c", b"trailer: x", b"content-encoding: identity", b"x: \x7f",
]  # fmt: skip
LENGTHS = [
    b"content-length: %d", b"Content-Length:%d", b"content-length: %d\r\ncontent-length: %d", b"content-length: %d, %d", b"content-length: %d,", b"content-length: +%d",
    b"content-length: %d.0", b"content-length: 0x%d", b"content-length: %d %d", b"content-length: -%d", b"content-length:\r\n %d", b"content-length: 0%d",
    b"content-length: %d\xb2", b"content-length: 1%d", b"content-length: 99999999999999999999%d", b"content-length : %d", b"content-length: %d\r\ncontent-length: 1%d",
]  # fmt: skip
CODINGS = [
    *[b"transfer-encoding: chunked"] * 8, b"Transfer-Encoding: Chunked", b"transfer-encoding: gzip, chunked", b"transfer-encoding: chunked, gzip", b"transfer-encoding: identity",
    b"transfer-encoding: chunked\r\ntransfer-encoding: chunked", b"transfer-encoding: xchunked", b"transfer-encoding: chunked;q=1", b"transfer-encoding:\r\n chunked",
    b"transfer-encoding : chunked", b"transfer-encoding: \"chunked\"", b"transfer-encoding: chunked\r\ncontent-length: 3", b"transfer-encoding: chunked\x0b", b"transfer-encoding:",
]  # fmt: skip
TRAILERS = [b""] * 8 + [
    b"x: y\r\n",
    b"content-length: 3\r\n",
    b"transfer-encoding: chunked\r\n",
    b"x\r\n",
    b" x: y\r\n",
    b"x: y\n",
    b"x: a\x00\r\n",
]


def chunked(dice: random.Random, body: bytes) -> bytes:
    """A body in chunks, of which now and then one is odd."""
    parts = []
    while body:
        size = dice.randint(1, len(body))
        piece, body = body[:size], body[size:]
        line = dice.choice([b"%x"] * 80 + [b"%X", b"00%x", b"%x;a=b", b"%x;a", b"%x ", b"%x ;a", b" %x", b"0x%x", b"%x\t", b"+%x", b"%x;a\rb", b"%x;\x00", b"-%x", b"%xg", b"1%x"])  # fmt: skip
        end = dice.choice([b"\r\n"] * 80 + [b"\n", b"\r", b"", b"\r\r\n"])
        parts.append(line % len(piece) + end + piece + dice.choice([b"\r\n"] * 80 + [b"\n", b"", b"x\r\n"]))
    last = dice.choice([b"0"] * 12 + [b"000", b"0;x=y", b"", b"0x0", b"-0"])
    return (
        b"".join(parts)
        + last
        + dice.choice([b"\r\n"] * 12 + [b"\n"])
        + dice.choice(TRAILERS)
        + dice.choice([b"\r\n"] * 12 + [b"\n", b""])
    )


def reply(dice: random.Random) -> bytes:
    """A reply: most are right, many have one thing that is odd, some have several."""
    body = dice.randbytes(dice.randint(0, 40)) if dice.random() < 0.8 else b""
    lines = [dice.choice(STATUS_LINES)]
    lines += dice.choices(FIELDS, k=dice.choice([0, 0, 1, 1, 2, 3]))
    kind = dice.random()
    if kind < 0.4:
        pattern = LENGTHS[0] if dice.random() < 0.7 else dice.choice(LENGTHS)
        lines.insert(dice.randint(1, len(lines)), pattern.replace(b"%d", b"%d" % len(body)))
    elif kind < 0.85:
        lines.insert(dice.randint(1, len(lines)), dice.choice(CODINGS))
        body = chunked(dice, body)
    ends = [b"\r\n"] * 90 + [b"\n", b"\r", b"\n\r"]
    head = b"".join(line + dice.choice(ends) for line in lines) + dice.choice([b"\r\n"] * 20 + [b"\n", b"\r\r\n", b""])
    raw = (dice.choice(INTERIM) * dice.choice([1, 1, 2]) if dice.random() < 0.1 else b"") + head + body
    if dice.random() < 0.1:
        raw += dice.choice([b"\r\n", b"x", raw, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"])
    for _ in range(dice.choice([0] * 9 + [1, 2])):
        at = dice.randint(0, len(raw))
        raw = (
            raw[:at]
            + dice.choice([b"", b"\r", b"\n", b"\0", b" ", b":", b"0", b"\x80", b"\r\n"])
            + raw[at + dice.choice([0, 0, 1]) :]
        )
    return raw


def pieces(dice: random.Random, raw: bytes) -> Iterator[bytes]:
    while raw:
        size = dice.choice([1, 2, 7, len(raw), len(raw)])
        yield raw[:size]
        raw = raw[size:]


def read_by_h11(raw: list[bytes], ended: bool) -> Outcome:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("host", "x"), ("content-length", "0")]))
    connection.send(h11.EndOfMessage())
    for data in raw:
        connection.receive_data(data)
    if ended:
        connection.receive_data(b"")
    status, body = 0, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return "whole", status, body, connection.trailing_data[0]
            elif event is h11.NEED_DATA:
                return "more", status, body
            elif not isinstance(event, h11.InformationalResponse):
                return "refused", repr(event)
    except h11.RemoteProtocolError as error:
        return "refused", str(error)


def read_by_us(raw: list[bytes], ended: bool) -> Outcome:
    reader, body = http1.Reader("POST"), b""
    try:
        for data in raw:
            body += reader.feed(data)
        if ended:
            reader.end()
    except WireError as error:
        return "refused", str(error)
    if reader.done:
        return "whole", reader.status, body, reader.leftover
    return "more", reader.status, body


def test_it_accepts_nothing_that_h11_refuses_and_reads_the_rest_alike() -> None:
    dice = random.Random(20261126)
    seen: Counter[str] = Counter()
    for _ in range(REPLIES):
        raw = list(pieces(dice, reply(dice)))
        ended = dice.random() < 0.5
        ours, theirs = read_by_us(raw, ended), read_by_h11(raw, ended)
        seen[f"{ours[0]}, h11: {theirs[0]}"] += 1
        if ours[0] == "whole":
            assert ours == theirs, raw
        elif ours[0] == "more":
            assert theirs[0] == "refused" or ours == theirs, raw
    assert seen["whole, h11: whole"] > REPLIES // 5, seen  # the dice make replies of all kinds
    assert seen["refused, h11: refused"] > REPLIES // 5, seen
    assert seen["more, h11: more"] > REPLIES // 50, seen
    assert seen["refused, h11: whole"] < REPLIES // 25, seen


@given(st.binary(max_size=300), st.randoms(use_true_random=False))
def test_any_bytes_are_read_alike(raw: bytes, dice: random.Random) -> None:
    parts = list(pieces(dice, b"HTTP/1.1 200 OK\r\n" + raw))
    ours = read_by_us(parts, True)
    assert ours[0] == "refused" or ours == read_by_h11(parts, True)


@pytest.mark.parametrize(
    ("raw", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 02\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", False),
        (b"HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n", False),
    ],
)
def test_a_connection_is_used_again_only_where_nothing_is_in_doubt(raw: bytes, reusable: bool) -> None:
    reader = http1.Reader()
    reader.feed(raw)
    assert reader.done
    assert reader.reusable is reusable


def test_a_reply_to_the_end_of_the_connection_is_never_followed_by_another() -> None:
    reader = http1.Reader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nso far") == b"so far"
    assert not reader.done
    reader.end()
    assert reader.done
    assert not reader.reusable


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * http1.HEAD_CAP + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * http1.HEAD_CAP,
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * (http1.FIELDS_CAP + 1) + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * (http1.INTERIM_CAP + 1),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 12_000,
    ],
)
@pytest.mark.parametrize("size", [1, 1000, 1_000_000])
def test_what_never_ends_is_refused(raw: bytes, size: int) -> None:
    reader = http1.Reader()
    with pytest.raises(WireError):
        for at in range(0, len(raw), size):
            reader.feed(raw[at : at + size])


@pytest.mark.parametrize(
    ("method", "target", "fields"),
    [
        ("GET", "/a b", {}),
        ("GET", "/a\r\nX-Evil: 1", {}),
        ("GET", "/a", {"X-A": "b\r\nX-Evil: 1"}),
        ("GET", "/a", {"X-A": "b\nX-Evil: 1"}),
        ("GET", "/a", {"X-A\r\nX-Evil": "b"}),
        ("GET", "/a", {"X-A": "b\rc"}),
        ("GET", "/a", {"X-A": "\x00"}),
        ("GET", "/a", {"X-A": "ключ"}),
        ("GET\r\n", "/a", {}),
    ],
)
def test_a_request_holds_nothing_that_would_be_read_as_something_else(
    method: str, target: str, fields: dict[str, str]
) -> None:
    with pytest.raises(WireError, match="nothing was sent"):
        http1.request_head(method, target, "x", fields, None)


def test_a_request_does_not_show_what_it_holds() -> None:
    head = http1.request_head("POST", "/a", "x.example", {"Authorization": "Bearer canary"}, 3)
    assert b"Authorization: Bearer canary\r\n" in head
    assert "canary" not in repr(head) + repr([head]) + repr(http1.Sealed(head + b"body"))

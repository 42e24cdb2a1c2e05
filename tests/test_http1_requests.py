"""Requests are read in one way only: held against h11, however their bytes are cut."""

from __future__ import annotations

from typing import Any

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference_providers.transport import RequestReader, WireError

GOOD = (
    b"POST /v1/x?a=b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /v1/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: 2\r\nConnection: close\r\n\r\n",
    b"GET /%20 HTTP/1.0\r\nHost: h\r\n\r\n",
)
# What others have read in two ways.
UNCLEAR = (
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\nHost: h\n\n\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n",
    b"GET http://evil/ HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / x HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: h\r\n\r\n",
    b" GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
)


def ours(pieces: list[bytes]) -> tuple[Any, ...] | None:
    """(method, target, body, keeps, leftover), or None for what is refused or not whole."""
    reader, body = RequestReader(), b""
    try:
        for piece in pieces:
            body += reader.feed(piece)
    except WireError:
        return None
    return (reader.method, reader.target, body, reader.keeps, reader.leftover) if reader.done else None


def others(raw: bytes) -> tuple[str, str, bytes] | None:
    """(method, target, body) as h11 reads it; None for what it refuses, or is not whole."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(raw)
    body, head = b"", None
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return bytes(head.method).decode(), bytes(head.target).decode(), body
            else:
                return None
    except h11.RemoteProtocolError:
        return None


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_what_stands_before_a_request(size: int) -> None:
    def found(raw: bytes) -> Any:
        return ours([raw[place : place + size] for place in range(0, len(raw), size)])

    for blank in (b"\r\n", b"\r\n\r\n\r\n"):  # which RFC 9112, 2.2 has a server pass over
        assert found(blank + GOOD[0]) == found(GOOD[0])
    for other in (b"\n", b"\r\r\n", b" ", b"\x16\x03\x01", b"g"):  # told at once, whatever would follow
        with pytest.raises(WireError, match="one way only"):
            RequestReader().feed(other + b"ET")
    with pytest.raises(WireError, match="CRLF"):
        RequestReader().feed(b"GET / HTTP/1.1\nHost: h\n")


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place for place in places if 0 < place < len(raw)})
    return [raw[a:b] for a, b in zip([0, *ends], [*ends, len(raw)], strict=True)]


@pytest.mark.parametrize("raw", GOOD)
def test_a_request_is_read_as_others_read_it(raw: bytes) -> None:
    found = ours([raw])
    assert found is not None
    assert found[:3] == others(raw)


@pytest.mark.parametrize("raw", UNCLEAR)
def test_what_can_be_read_in_two_ways_is_refused(raw: bytes) -> None:
    assert ours([raw]) is None


@given(st.sampled_from(GOOD), st.binary(max_size=8), st.lists(st.integers(0, 130), max_size=8))
def test_however_it_is_cut_it_is_the_same(raw: bytes, behind: bytes, places: list[int]) -> None:
    assert ours(cut(raw + behind, places)) == ours([raw + behind])


PARTS = st.sampled_from([
    b"GET", b"POST", b" ", b"/", b"/x", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n", b"\r", b"Host: h", b":", b"\t",
    b"Content-Length: 3", b"Content-Length: 0", b"Transfer-Encoding: chunked", b"transfer-encoding: identity", b"abc",
    b"0\r\n\r\n", b"3\r\nabc\r\n", b"Connection: close", b"Connection: keep-alive, x", b"\x00", b"\xff", b"a: b",
    b"Expect: 100-continue", b"1;a=b\r\nx\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n", b"POST / HTTP/1.1\r\nHost: h\r\n",
])  # fmt: skip


@given(st.lists(PARTS, max_size=14).map(b"".join))
@example(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
def test_what_is_taken_others_read_alike(raw: bytes) -> None:
    found = ours([raw])
    if found is not None and b"host:" in raw[: raw.find(b"\r\n\r\n")].lower():
        assert found[:3] == others(raw)


def test_a_head_has_a_limit() -> None:
    reader = RequestReader(1000)
    reader.feed(b"GET / HTTP/1.1\r\n")
    with pytest.raises(WireError) as failure:
        for _ in range(200):
            reader.feed(b"X-A: 1\r\n")
    assert failure.value.kind == "oversize"

"""HTTP as nobody should send it: framing, heads, bodies, slowness, too many at once. The gateway answers, or closes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.inside import CHAT, HI, PATIENCE, TOKEN, Inside, head, post, rest_of, statuses
from tests.servers import Connection, Received, Server, delta

Within = Callable[..., Inside]
JSON = "Content-Type: application/json"
BODY = json.dumps(HI).encode()
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
HEALTH = head("GET", "/health", close=False)
SOON = 0.2  # seconds: a limit that a test waits for


def _lives(gateway: Inside) -> None:
    assert gateway.ask("POST", CHAT, HI)[0] == 200


FRAMES = {
    "both lengths": (["Transfer-Encoding: chunked", f"Content-Length: {len(BODY)}"], BODY),
    "both lengths, chunked": (["Content-Length: 4", "Transfer-Encoding: chunked"], CHUNKED),
    "two lengths": (["Content-Length: 1", f"Content-Length: {len(BODY)}"], BODY),
    "a list of lengths": ([f"Content-Length: {len(BODY)},1"], BODY),
    "a signed length": ([f"Content-Length: +{len(BODY)}"], BODY),
    "a negative length": (["Content-Length: -1"], BODY),
    "a length that no machine holds": (["Content-Length: 99999999999999999999999"], BODY),
    "a hexadecimal length": (["Content-Length: 0x10"], BODY),
    "another coding": (["Transfer-Encoding: gzip, chunked"], CHUNKED),
    "chunked is not last": (["Transfer-Encoding: chunked, identity"], CHUNKED),
    "a coding that is only alike": (["Transfer-Encoding: xchunked"], CHUNKED),
    "two codings": (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], CHUNKED),
    "fields behind the last chunk": (["Transfer-Encoding: chunked"], CHUNKED[:-2] + b"X: y\r\n\r\n"),
    "a space before the colon": (["Transfer-Encoding : chunked"], CHUNKED),
    "a folded line": (["Transfer-Encoding:\r\n chunked"], CHUNKED),
    "chunks of no size": (["Transfer-Encoding: chunked"], b"zz\r\n" + BODY),
    "chunks of a negative size": (["Transfer-Encoding: chunked"], b"-1\r\n" + BODY),
    "chunks of too large a size": (["Transfer-Encoding: chunked"], b"f" * 17 + b"\r\n" + BODY),
    "a chunk that is longer than it says": (["Transfer-Encoding: chunked"], b"1\r\n" + BODY + b"\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_body_whose_end_is_not_certain_is_refused(gateway: Inside, provider: Server, name: str) -> None:
    lines, body = FRAMES[name]
    before = len(provider.requests)
    hidden = head("POST", CHAT, JSON, "Content-Length: 0")  # what would be a second request to one of two readers
    assert statuses(gateway.raw(head("POST", CHAT, JSON, *lines, close=False) + body + hidden)) == [400]
    assert len(provider.requests) == before


def test_chunks_are_read_as_they_are_meant(gateway: Inside, provider: Server) -> None:
    chunked = head("POST", CHAT, JSON, "Transfer-Encoding: chunked")
    half = len(BODY) // 2
    for body in (
        CHUNKED,
        b"%x;name=value\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
        b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (half, BODY[:half], len(BODY) - half, BODY[half:]),
    ):
        assert statuses(gateway.raw(*(chunked[place : place + 9] for place in range(0, len(chunked), 9)), body)) == [
            200
        ]
        assert provider.requests[-1].json == {**HI, "model": "m-internal"}


def test_older_and_newer_versions(gateway: Inside, provider: Server) -> None:
    assert statuses(gateway.raw(head("GET", "/health", version="1.0", close=False))) == [200]
    assert statuses(gateway.raw(head("GET", "/health", version="1.0", host=""))) == [421]
    assert statuses(gateway.raw(head("GET", "/health", version="2.0"))) == [400]
    assert statuses(gateway.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) == [400]
    chunked = head("POST", CHAT, JSON, "Transfer-Encoding: chunked", version="1.0")
    assert statuses(gateway.raw(chunked + CHUNKED)) == [400]
    whole = gateway.raw(post({**HI, "stream": True}, version="1.0"))
    assert b"chunked" not in whole
    assert whole.partition(b"\r\n\r\n")[2].endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("wish", ["h2c", "websocket", "TLS/1.0"])
def test_a_wish_for_another_protocol_is_passed_over(gateway: Inside, provider: Server, wish: str) -> None:
    before = len(provider.requests)
    lines = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {wish}", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    request = post(HI, *lines, close=False)
    pieces = [request[place : place + 7] for place in range(0, len(request), 7)]
    assert statuses(gateway.raw(*pieces, request + request, post(HI))) == [200] * 4
    assert [sent.json["messages"] for sent in provider.requests[before:]] == [HI["messages"]] * 4
    assert statuses(gateway.raw(post(HI, "Connection: close, upgrade", "Upgrade: h2c", close=False))) == [200]


@pytest.mark.parametrize("method", ["HEAD", "TRACE", "PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
def test_methods_that_a_path_does_not_take(gateway: Inside, method: str) -> None:
    answer = gateway.raw(head(method, "/health", "X-Mine: canary-of-a-trace"))
    assert statuses(answer) == [405]
    assert b"\r\nallow: GET\r\n" in answer
    assert b"canary-of" not in answer
    assert (answer.partition(b"\r\n\r\n")[2] == b"") == (method == "HEAD")


def test_what_is_not_http_is_told_so(gateway: Inside) -> None:
    for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"hello\r\n\r\n", b"get / HTTP/1.1\r\n\r\n",
                 b"GET /health HTTP/1.1\nHost: 127.0.0.1\n\n", head("GET", "/health", "X: a\0b"),
                 head("GET", "/h\xe9alth"), b"GET / HTTP/1.1\r\n: x\r\n\r\n"):  # fmt: skip
        answer = gateway.raw(data)
        assert statuses(answer) == [400]
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"]


def test_requests_in_a_row_are_answered_in_their_order(gateway: Inside) -> None:
    row = HEALTH + post(HI, close=False) + post({**HI, "stream": True}, close=False) + post(b"[1]", close=False)
    answers = gateway.raw(row, head("GET", "/nowhere"))
    assert statuses(answers) == [200, 200, 200, 400, 404]
    assert (
        answers.index(b'chat.completion"')
        < answers.index(b'chat.completion.chunk"')
        < answers.index(b"not list" if b"not list" in answers else b"list")
    )
    assert statuses(gateway.raw(HEALTH * 50 + head("GET", "/health"))) == [200] * 51


def test_a_long_row_is_read_as_it_is_answered(gateway: Inside) -> None:
    row = HEALTH * 3000  # more than is kept while others are answered
    with gateway.connect() as sock:
        sender = threading.Thread(target=sock.sendall, args=(post(HI, close=False) + row + head("GET", "/health"),))
        sender.start()
        assert statuses(rest_of(sock)) == [200] * 3002
        sender.join()


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", b"GET /" + b"a" * 70_000, post(b"{", close=False)], ids=len)
def test_nothing_stands_in_the_middle_of_a_reply(within: Within, serve: Callable[..., Server], garbage: bytes) -> None:
    goes_on = threading.Event()

    def waits(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("hel"))
        assert goes_on.wait(PATIENCE)
        connection.event(delta("lo", "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    gateway = within(serve(waits).url)
    with gateway.connect() as sock:
        sock.sendall(post({**HI, "stream": True}, close=False))
        got = b""
        while b"hel" not in got:
            got += sock.recv(65536)
        sock.sendall(garbage)
        goes_on.set()
        while b"\r\n0\r\n\r\n" not in got:
            got += sock.recv(65536)
        with contextlib.suppress(ConnectionError):  # it may be closed already
            sock.sendall(b"" if b"garbage" in garbage else b"x" * 100)
        got += sock.recv(65536) if got.endswith(b"\r\n0\r\n\r\n") else b""
    reply, _, behind = got.partition(b"\r\n0\r\n\r\n")
    assert statuses(reply) == [200]
    assert b"[DONE]" in reply
    assert statuses(behind)[:1] in ([400], [431])


@pytest.mark.parametrize("long", [
    b"X: " + b"a" * 70_000 + b"\r\n\r\n", b"X: a\r\n" * 12_000 + b"\r\n", b"X: " + b"a" * 70_000, b"X: a\r\n" * 12_000,
], ids=["one line", "many lines", "one line without end", "many lines without end"])  # fmt: skip
def test_a_head_that_is_too_long_is_refused(gateway: Inside, long: bytes) -> None:
    start = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    pieces = [long[place : place + 5000] for place in range(0, len(long), 5000)]
    with gateway.connect() as sock:
        sock.sendall(HEALTH)
        assert statuses(sock.recv(65536)) == [200]
        try:
            for piece in (start, *pieces):
                sock.sendall(piece)
        except OSError:
            pieces = []
        assert statuses(rest_of(sock)) in ([431], [])  # what meets a closed door may take the reply with it
    assert statuses(gateway.raw(start + long)) == [431]
    assert statuses(gateway.raw(head("GET", "/health?" + "a" * 70_000))) == [431]
    _lives(gateway)


def test_a_long_body_is_no_long_head(gateway: Inside) -> None:
    large = {**HI, "x": "a" * 200_000}
    assert statuses(gateway.raw(post(large, close=False) + post(large))) == [200, 200]
    nearly = head("GET", "/health", "X: " + "a" * 60_000, close=False)
    assert statuses(gateway.raw(nearly + nearly + post(large))) == [200, 200, 200]
    refused = post(large, "Authorization: Bearer wrong", close=False)
    for pieces in ((refused + post(HI),), (refused[:300], refused[300:100_000], refused[100_000:], post(HI))):
        assert statuses(gateway.raw(*pieces)) == [401]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(within: Within, provider: Server) -> None:
    gateway = within(provider.url, max_body=100_000)
    said = head("POST", CHAT, JSON, "Content-Length: 100001")
    with gateway.connect() as sock:
        sock.sendall(said)
        assert statuses(sock.recv(65536)) == [413]
    assert statuses(gateway.raw(said + b"a" * 100_001)) == [413]
    assert statuses(gateway.raw(said.replace(b"100001", b"9" * 18))) == [413]
    large = b"%x\r\n%s\r\n" % (60_000, b"a" * 60_000)
    assert statuses(gateway.raw(head("POST", CHAT, JSON, "Transfer-Encoding: chunked") + large * 2)) == [413]
    exact = json.dumps({**HI, "x": ""}).encode()
    exact = exact[:-2] + b"a" * (100_000 - len(exact)) + exact[-2:]
    assert statuses(gateway.raw(post(exact))) == [200]


def test_a_refusal_is_read_by_a_client_that_is_still_sending(within: Within, provider: Server) -> None:
    gateway = within(provider.url, max_body=1000)
    large = b"a" * 20_000_000
    for close in (True, False):
        said = head("POST", CHAT, JSON, f"Content-Length: {len(large)}", close=close)
        with gateway.connect() as sock:
            sock.sendall(said)
            sock.sendall(large)  # no error: it is read, and thrown away
            assert statuses(sock.recv(65536)) == [413]


def test_who_expects_to_be_told_to_go_on_is_told(gateway: Inside) -> None:
    assert statuses(gateway.raw(post(HI, "Expect: 100-continue"))) == [100, 200]
    early = head(
        "POST", CHAT, JSON, "Content-Length: 9", "Expect: 100-continue", "Authorization: Bearer x", close=False
    )
    answer = gateway.raw(early)  # and closes: a body might follow, or the next request
    assert statuses(answer) == [401]
    assert b"connection: close" in answer


SLOW = {
    "nothing": [b""],
    "half a line": [b"GET /hea"],
    "half a head": [b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"],
    "half a head after a reply": [HEALTH, b"GET /hea"],
    "blank lines": [b"\r\n"],
}


@pytest.mark.parametrize("name", SLOW)
def test_a_head_that_does_not_come_is_not_waited_for(within: Within, provider: Server, name: str) -> None:
    gateway = within(provider.url, head_seconds=SOON)
    assert statuses(gateway.raw(*SLOW[name])) == [200] * (HEALTH in SLOW[name])
    _lives(gateway)


def test_a_head_that_trickles_is_cut(within: Within, provider: Server) -> None:
    gateway = within(provider.url, head_seconds=SOON)
    with gateway.connect() as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\n")
        with pytest.raises(OSError, match=r"[Rr]eset|[Pp]ipe"):
            for _ in range(1000):
                sock.sendall(b"X: a\r\n")
                sock.settimeout(0.02)
                try:
                    assert sock.recv(100) == b""
                    raise ConnectionResetError("reset, as one that is closed")
                except TimeoutError:
                    continue


def test_a_body_that_does_not_come_is_not_waited_for(within: Within, provider: Server) -> None:
    gateway = within(provider.url, head_seconds=SOON, body_seconds=SOON)
    for lines, begin in ((["Content-Length: 100"], b"{"), (["Transfer-Encoding: chunked"], b"1\r\n{\r\n"),
                         (["Content-Length: 100"], b"")):  # fmt: skip
        assert statuses(gateway.raw(head("POST", CHAT, JSON, *lines, close=False) + begin)) == [408]
    wrong = head("POST", CHAT, JSON, "Content-Length: 100", "Authorization: Bearer x", close=False)
    assert statuses(gateway.raw(wrong + b"{")) == [401]  # and closed, too
    _lives(gateway)


def test_a_reader_that_does_not_read_is_cut(within: Within, serve: Callable[..., Server]) -> None:
    left: list[bool] = []

    def floods(connection: Connection, request: Received) -> None:
        connection.start_stream()
        try:
            for _ in range(10_000):
                connection.event(delta("x" * 60_000))
        except OSError:
            left.append(True)
            raise

    gateway = within(serve(floods).url, write_seconds=SOON)
    with gateway.connect() as sock:
        sock.sendall(post({**HI, "stream": True}))
        while not gateway.clients.connections:
            continue
        while gateway.clients.connections:
            continue
        assert len(rest_of(sock)) < 100_000_000
    assert left == [True] or left == []


def test_connections_have_a_limit(within: Within, provider: Server) -> None:
    gateway = within(provider.url, connections=5)
    open_ones = [gateway.connect() for _ in range(5)]
    for sock in open_ones:  # each of them is served
        sock.sendall(HEALTH)
        assert statuses(sock.recv(65536)) == [200]
    assert statuses(gateway.raw(b"")) == [503]
    for sock in open_ones:
        sock.sendall(HEALTH)
        assert statuses(sock.recv(65536)) == [200]
        sock.close()
    while gateway.clients.connections:
        continue
    _lives(gateway)


METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"", b"get", b"X" * 300])
TARGETS = st.sampled_from(
    [b"/health", CHAT.encode(), b"/v1/models", b"*", b"//", b"http://evil.example/", b"/%", b"", b"/?%"]
)
NAMES = st.sampled_from([b"Host", b"Content-Length", b"Transfer-Encoding", b"Content-Type", b"Connection", b"Upgrade",
                         b"Expect", b"Origin", b"X", b"Authorization", b"Content-Encoding", b"", b"a b"])  # fmt: skip
VALUES = st.one_of(
    st.sampled_from([b"127.0.0.1", b"0", b"5", b"99", b"-1", b"chunked", b"application/json", b"close", b"upgrade", b"h2c",
                     b"100-continue", b"null", b"Bearer " + TOKEN.encode(), b"gzip", b""]),
    st.binary(max_size=20),
)  # fmt: skip
BODIES = st.one_of(
    st.sampled_from([b"", BODY, CHUNKED, b"{", b"0\r\n\r\n", b"[" * 3000, b"\r\n\r\n"]), st.binary(max_size=50)
)


@settings(max_examples=150, database=None)
@given(st.lists(st.tuples(METHODS, TARGETS, st.lists(st.tuples(NAMES, VALUES), max_size=6), BODIES), min_size=1, max_size=3),
       st.integers(1, 400))  # fmt: skip
def test_whatever_is_sent_it_answers_or_closes_and_lives(gateway: Inside, requests: list[tuple], size: int) -> None:  # type: ignore[type-arg]
    data = b"".join(
        b"%s %s HTTP/1.1\r\n%s\r\n%s" % (method, target, b"".join(b"%s: %s\r\n" % line for line in lines), body)
        for method, target, lines, body in requests
    )
    with gateway.connect() as sock:
        for place in range(0, len(data), size):
            try:
                sock.sendall(data[place : place + size])
            except OSError:
                break
        try:
            sock.shutdown(socket.SHUT_WR)  # which ends what would be waited for
        except OSError:
            data = b""
        found = statuses(rest_of(sock))
    assert not [status for status in found if status >= 500 and status not in (505,)]
    assert gateway.ask("GET", "/health")[0] == 200

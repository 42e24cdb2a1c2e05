"""HTTP itself, over real sockets: TLS, tunnels, odd but valid replies, connections that are used again."""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.calls.caller import judge
from inference_providers.protocols import classify, openai_chat
from inference_providers.protocols.request import ModelRequest
from inference_providers.transport.http import Limits, Request, WireError
from inference_providers.transport.sync_sender import Sender
from tests.conftest import list_of
from tests.servers import PATIENCE, Server

SHAPES = [
    "error",
    "errors",
    "fault",
    "message",
    "code",
    "type",
    "choices",
    "object",
    "detail",
    "innererror",
    "metadata",
    "details",
    "status",
    "finish_reason",
    "content",
    "msg",
    "loc",
]

Serve = Callable[..., Server]


@pytest.fixture
def sender() -> Any:
    made = Sender({}, Limits(total=PATIENCE))
    yield made
    made.close()


def test_tls_within_tls_keeps_to_its_time_and_wakes() -> None:
    """Each step of a handshake or of a record may take no longer than is left for all of them."""
    from inference_providers.transport.tls import Tunnelled

    here, there = socket.socketpair()
    here.settimeout(1.0)
    waits: list[float] = []
    drips = iter(b"\x16\x03\x03\x3f")

    class Counted:
        def settimeout(self, seconds: float) -> None:
            waits.append(seconds)
            here.settimeout(seconds)
            if (byte := next(drips, None)) is not None:  # and then it is silent
                there.send(bytes([byte]))

        def __getattr__(self, name: str) -> Any:
            return getattr(here, name)

    with pytest.raises(TimeoutError):
        Tunnelled(Counted(), ssl.create_default_context(), "localhost")
    assert len(waits) > 3
    assert waits == sorted(waits, reverse=True)
    here.close()
    there.close()


def test_a_response_outlives_its_sender(serve: Serve) -> None:
    import asyncio
    import gc

    from inference_providers.transport.async_sender import AsyncSender

    def slowly(connection: Any, request: Any) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n")
        threading.Event().wait(0.05)
        connection.send(b"answer")

    server = serve(slowly)
    response = Sender({}).send(Request("GET", f"{server.url}/x"))
    gc.collect()
    assert response.read() == b"answer"

    async def ask() -> bytes:
        answer = await AsyncSender({}).send(Request("GET", f"{server.url}/x"))
        gc.collect()
        await asyncio.sleep(0)
        return await answer.read()

    assert asyncio.run(ask()) == b"answer"


def test_a_sender_that_is_closed_keeps_no_connection(serve: Serve) -> None:
    server = serve()
    sender = Sender({})
    open_still = sender.send(Request("GET", f"{server.url}/models"))
    sender.close()
    open_still.read()
    assert sender._lines == set()


def test_an_address_of_a_family_that_this_machine_lacks_is_passed_over(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    found = [
        (250, socket.SOCK_STREAM, 0, "", ("x", 1)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert Sender({}).send(Request("GET", f"http://two.example:{server.port}/v1/models")).read()


def test_limits_beyond_all_time_are_limits(serve: Serve) -> None:
    sender = Sender({})
    for limit in (1e10, float("inf")):
        assert sender.send(Request("GET", f"{serve().url}/models"), limit=limit).read()
    sender.close()


def test_a_paused_reader_is_not_taken_for_a_silent_server(serve: Serve) -> None:
    """The stream waits for its reader, not the reader for the stream: the limit for silence begins anew."""
    import asyncio

    from inference_providers.transport.async_sender import AsyncSender

    size = 5_000_000

    def generous(connection: Any, request: Any) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * size)

    server = serve(generous)

    async def read() -> int:
        response = await AsyncSender({}).send(Request("GET", f"{server.url}/x"), limit=30, idle=0.3)
        await asyncio.sleep(0.29)  # until just before the timer looks
        return len(await response.read())

    assert asyncio.run(read()) == size


@pytest.mark.parametrize(
    ("raw", "status", "body", "header"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", ("content-length", "2")),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            200,
            b"ok",
            ("content-length", "2"),
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\ntrailer: 1\r\n\r\n",
            200,
            b"ok",
            ("transfer-encoding", "chunked"),
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", 200, b"to the end", ("x", None)),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end", 200, b"to the end", ("connection", "close")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", ("x", None)),
        (b"HTTP/1.1 404\r\ncontent-length: 0\r\n\r\n", 404, b"", ("content-length", "0")),
        (b"HTTP/1.1 200 OK\nX-One: a\nx-one: b\ncontent-length: 2\n\nok", 200, b"ok", ("x-one", "a, b")),
        (b"HTTP/1.1 200 OK\r\nx-name: caf\xe9\r\ncontent-length: 0\r\n\r\n", 200, b"", ("x-name", "café")),
    ],
)
def test_replies_are_read_as_they_are_meant(
    serve: Serve, sender: Sender, raw: bytes, status: int, body: bytes, header: tuple[str, str | None]
) -> None:
    def behave(connection: Any, request: Any) -> None:
        connection.send(raw)
        if b"to the end" in raw:
            connection.close()

    server = serve(behave)
    for _ in range(2):
        response = sender.send(Request("GET", f"{server.url}/x"))
        assert (response.status, response.read()) == (status, body)
        assert response.headers.get(header[0]) == header[1]
    certain = b"to the end" not in raw and status != 204  # what follows a reply without a body is in doubt
    assert server.connections == (1 if certain else 2)


@pytest.mark.parametrize("bad", [{"X-A": "b\r\nX-Evil: 1"}, {"X-A\n": "b"}, {"X-A": "\x00"}])
def test_nothing_is_smuggled_into_a_request(serve: Serve, sender: Sender, bad: dict[str, str]) -> None:
    server = serve()
    with pytest.raises(WireError):
        sender.send(Request("GET", f"{server.url}/models", bad))
    assert server.requests == []


def test_a_path_with_a_line_break_adds_no_header(serve: Serve, sender: Sender) -> None:
    server = serve()
    try:
        sender.send(Request("GET", f"{server.url}/models HTTP/1.1\r\nX-Evil: 1\r\n")).read()
    except WireError:
        assert server.requests == []
    assert not [request for request in server.requests if "x-evil" in request.headers]


def test_a_connection_that_was_dropped_while_idle_is_replaced(serve: Serve, sender: Sender) -> None:
    def once(connection: Any, request: Any) -> None:
        connection.reply(200, "ok")
        connection.close()

    server = serve(once)
    for _ in range(3):
        assert sender.send(Request("GET", f"{server.url}/x")).read() == b"ok"
        assert select.select(list(sender._lines), [], [], PATIENCE)[0]  # its end is there
    assert server.connections == 3


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.sampled_from(["x", "context length"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(SHAPES) | st.text(max_size=3), inner, max_size=4)
        ),
        max_leaves=12,
    ),
    st.sampled_from([200, 400, 401, 403, 422, 429, 500, 503]),
)
def test_no_reply_breaks_the_reading_of_it(body: object, status: int) -> None:
    verdict = openai_chat.decode(status, {}, json.dumps(body).encode(), "p", ("sk-0123456789abcdef",), 0.0)
    assert verdict.action == classify.OK or verdict.error is not None


def test_what_cannot_be_read_in_a_way_that_nobody_foresaw_is_no_answer() -> None:
    class Headers(dict[str, str]):
        def get(self, *_: object) -> str:
            raise LookupError

    offer = list_of("http://127.0.0.1:9/v1").find_model_providers("m")[0]
    verdict = judge(200, Headers(), b"{}", offer, ModelRequest({}, "/embeddings"))
    assert verdict.action == classify.NEXT
    assert "LookupError" in str(verdict.error)


class OfAnotherServer:
    """What stands for an offer whose server is asked who it is."""

    def __init__(self, problem: str) -> None:
        self.problem, self.ports = problem, list[int]()

    def forbids(self, address: object) -> str:
        return ""

    def peer_check(self, port: int) -> str:
        self.ports.append(port)
        return self.problem


@pytest.mark.parametrize("way", ["sync", "async"])
def test_who_has_a_launched_servers_port_is_asked_for_each_connection_before_anything_is_sent(
    serve: Serve, way: str
) -> None:
    import asyncio

    from inference_providers.transport.async_sender import AsyncSender

    server = serve()

    def ask(offers: list[Any]) -> list[object]:
        def request(offer: Any) -> Request:
            return Request("GET", f"{server.url}/models", {"Authorization": "Bearer k"}, None, offer)

        async def all_of() -> list[object]:
            sender, found = AsyncSender({}, Limits(total=PATIENCE)), list[object]()
            for offer in offers:
                try:
                    found.append((await (await sender.send(request(offer))).read())[:1])
                except WireError as error:
                    found.append((error.kind, str(error)))
            return found

        if way == "async":
            return asyncio.run(all_of())
        sender, found = Sender({}, Limits(total=PATIENCE)), list[object]()
        for offer in offers:
            try:
                found.append(sender.send(request(offer)).read()[:1])
            except WireError as error:
                found.append((error.kind, str(error)))
        sender.close()
        return found

    stranger, own = OfAnotherServer("another program has its port"), OfAnotherServer("")
    refused = ("stranger", "nothing was sent: another program has its port")
    assert ask([stranger, own, own, stranger]) == [refused, b"{", b"{", b"{"]  # the connection that stands was checked
    assert len(own.ports) == 1 and own.ports[0] > 0
    assert len(server.requests) == 3

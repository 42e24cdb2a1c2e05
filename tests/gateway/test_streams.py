"""Streams through the gateway: at once, no faster than they are read, no longer than they are wanted, and told to the end."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from inference_providers.gateway import openai_api
from inference_providers.gateway.callers import ADMIN
from inference_providers.gateway.messages import Incoming
from inference_providers.gateway.service import Gateway
from inference_providers.gateway.settings import Settings
from tests.conftest import async_list_of, places
from tests.gateway.inside import CHAT, HI, PATIENCE, TOKEN, Inside, post, rest_of
from tests.servers import Behaviour, Connection, Received, Server, answer, chunk, completion, delta

Within = Callable[..., Inside]
Serve = Callable[..., Server]
STREAMED = {**HI, "stream": True}


def _until(sock: Any, words: bytes) -> bytes:
    got = b""
    while words not in got:
        piece = sock.recv(65536)
        assert piece, got
        got += piece
    return bytes(got)


def _events(content: bytes) -> list[Any]:
    """What a stream says, as a client reads it."""
    events = [event for event in content.decode().replace("\r\n", "\n").split("\n\n") if event.strip()]
    said = ["\n".join(line[5:].strip() for line in event.split("\n") if line.startswith("data:")) for event in events]
    return [one if one == "[DONE]" else json.loads(one) for one in said if one]


def _text(events: list[Any]) -> str:
    return "".join(one["choices"][0]["delta"].get("content") or "" for one in events if one.get("choices"))


def test_each_event_leaves_at_once(within: Within, serve: Serve) -> None:
    arrived = [threading.Event() for _ in range(5)]

    def one_by_one(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for number, event in enumerate(arrived):
            connection.event(delta(f"<{number}>", "stop" if number == 4 else None))
            assert event.wait(PATIENCE)  # sent on, and read there, before the next is made
        connection.event("[DONE]")
        connection.end_stream()

    gateway = within(serve(one_by_one).url)
    with gateway.connect() as sock:
        sock.sendall(post(STREAMED))
        for number, event in enumerate(arrived):
            _until(sock, b"<%d>" % number)
            event.set()
        assert b"[DONE]" in rest_of(sock)


def test_what_is_not_read_is_not_fetched(within: Within, serve: Serve) -> None:
    sent, full, goes_on = [0], threading.Event(), threading.Event()
    most = 64 * 1024 * 1024

    def floods(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("begun"))
        data, piece = memoryview(b""), chunk(f"data: {json.dumps(delta('x' * 60_000))}\n\n".encode())
        connection.sock.settimeout(0.5)
        while sent[0] < most:
            data = data or memoryview(piece)
            try:
                size = connection.sock.send(data)
            except TimeoutError:  # every buffer on the way is full
                full.set()
                assert goes_on.wait(PATIENCE)
                connection.sock.settimeout(PATIENCE)
                break
            sent[0], data = sent[0] + size, data[size:]
        connection.send(bytes(data))
        connection.event(delta("ended", "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    gateway = within(serve(floods).url)
    with gateway.connect() as sock:
        sock.sendall(post(STREAMED))
        got = _until(sock, b"begun")
        assert full.wait(PATIENCE)
        assert sent[0] < most / 2
        goes_on.set()
        got += rest_of(sock)
    assert b"ended" in got
    assert got.count(b"x") >= sent[0] * 0.9


def _waits(connection: Connection, request: Received) -> None:
    connection.hold()


def _begins(connection: Connection, request: Received) -> None:
    connection.start_stream()
    connection.chunk(b": soon\n\n")
    connection.hold()


def _stops(connection: Connection, request: Received) -> None:
    connection.start_stream()
    connection.event(delta("hel"))
    connection.hold()


GONE: dict[str, tuple[Any, Behaviour, bytes]] = {
    "before a whole reply": (HI, _waits, b""),
    "before a stream": (STREAMED, _waits, b""),
    "before its first content": (STREAMED, _begins, b""),
    "before its first content, when it was begun": (STREAMED, _begins, b": "),
    "before a stream, when it was begun": (STREAMED, _waits, b": "),
    "in the middle": (STREAMED, _stops, b"hel"),
}


@pytest.mark.parametrize("name", GONE)
def test_who_goes_away_takes_the_providers_work_along(within: Within, serve: Serve, name: str) -> None:
    body, behave, seen = GONE[name]
    server = serve(behave)
    gateway = within(server.url, ping_seconds=0.05 if seen == b": " else PATIENCE)
    with gateway.connect() as sock:
        sock.sendall(post(body))
        server.keeps_waiting()
        if seen:
            _until(sock, seen)
    assert server.left()
    assert len(server.asked) == 1  # and nobody else is asked for somebody who has gone


def _breaking(*last: bytes) -> Behaviour:
    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("hel"))
        for piece in last:
            connection.chunk(piece)
        connection.close()

    return behave


WHOLE = f"data: {json.dumps(delta('lo'))}".encode()
CUTS = {
    "between events": ((), "hel"),
    "within a line": ((WHOLE[:30],), "hel"),
    "within a line, in pieces": ((WHOLE[:20], WHOLE[20:40]), "hel"),
    "behind a line": ((WHOLE + b"\n",), "hello"),
    "behind another field": ((b"event: x\n",), "hel"),
    "by an error": ((b'data: {"error": {"message": "it broke upstream", "code": 500}}\n\n',), "hel"),
    "by what is not JSON": ((b"data: {bad\n\n",), "hel"),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_stream_that_breaks_ends_with_an_error_and_without_done(within: Within, serve: Serve, name: str) -> None:
    pieces, text = CUTS[name]
    status, headers, content = within(serve(_breaking(*pieces)).url).ask("POST", CHAT, STREAMED)
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    *before, last = _events(content)
    assert _text(before) in (text, "hel")
    assert last["error"]["message"]
    assert last["error"]["type"] == "server_error"
    assert b"[DONE]" not in content


def test_who_waits_long_is_told_that_it_goes_on(within: Within, serve: Serve) -> None:
    seen = threading.Event()

    def slow(connection: Connection, request: Received) -> None:
        assert seen.wait(PATIENCE)
        answer(connection, request)

    gateway = within(serve(slow).url, ping_seconds=0.05)
    with gateway.connect() as sock:
        sock.sendall(post(STREAMED))
        got = _until(sock, b"waiting")
        seen.set()
        got += rest_of(sock)
    assert b"content-type: text/event-stream" in got
    assert b'"content": "llo"' in got
    assert b"[DONE]" in got


@pytest.mark.parametrize("fault", ["refused", "cut", "whole"])
def test_after_that_a_failure_is_an_event(within: Within, serve: Serve, fault: str) -> None:
    seen = threading.Event()

    def slow(connection: Connection, request: Received) -> None:
        assert seen.wait(PATIENCE)
        if fault == "refused":
            connection.reply(400, {"error": {"message": "too long for me", "code": "context_length_exceeded"}})
        elif fault == "cut":
            connection.close()
        else:
            connection.reply(200, completion("hello"))

    gateway = within(serve(slow).url, ping_seconds=0.05)
    with gateway.connect() as sock:
        sock.sendall(post(STREAMED, version="1.1"))
        got = _until(sock, b"waiting")
        seen.set()
        got += rest_of(sock)
    assert got.endswith(b"0\r\n\r\n")  # the reply itself is whole
    if fault == "whole":
        assert b'"chat.completion.chunk"' in got
        assert b"[DONE]" in got
    else:
        assert b'data: {"error"' in got
        assert b"[DONE]" not in got


def test_json_where_a_stream_was_asked_for_is_made_one(within: Within, serve: Serve) -> None:
    server = serve(lambda connection, request: connection.reply(200, completion("hello")))
    status, headers, content = within(server.url).ask("POST", CHAT, STREAMED)
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    *events, last = _events(content)
    assert (_text(events), last) == ("hello", "[DONE]")


def test_usage_in_a_chunk_without_choices_is_passed_on(within: Within, serve: Serve) -> None:
    usage = {**delta(None), "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}

    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for event in (delta("hello"), delta(None, "stop"), usage, "[DONE]"):
            connection.event(event)
        connection.end_stream()

    asked = {**STREAMED, "stream_options": {"include_usage": True}}
    _, _, content = within(serve(behave).url).ask("POST", CHAT, asked)
    assert _events(content)[-2:] == [usage, "[DONE]"]


def test_a_stream_of_other_line_ends_comes_as_it_was_sent(within: Within, serve: Serve) -> None:
    data = b"".join(b"data:%s\r\n\r\n" % json.dumps(one).encode() for one in (delta("hel"), delta("lo", "stop")))
    data += b": comment\r\n\r\ndata:[DONE]\r\n\r\n"

    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for place in range(0, len(data), 11):
            connection.chunk(data[place : place + 11])
        connection.end_stream()

    assert within(serve(behave).url).ask("POST", CHAT, STREAMED)[2] == data


def test_a_stream_that_nobody_begins_to_read_is_given_up(serve: Serve) -> None:
    """As where a client goes between the head of its reply and the first piece."""

    def silent(connection: Connection, request: Received) -> None:
        connection.hold()

    server = serve(silent)
    listed = partial(async_list_of, server.url, environ=places())

    async def asked() -> None:
        gateway = Gateway(listed, Settings(token=TOKEN, ping_seconds=0.01))
        headers = {"content-type": "application/json"}
        incoming = Incoming("POST", CHAT, ADMIN, content=json.dumps(STREAMED).encode(), headers=headers)
        outgoing = await openai_api.routed(gateway, incoming)
        await asyncio.to_thread(server.keeps_waiting)  # its head may be here before the server is asked
        await outgoing.close()
        assert await asyncio.to_thread(server.left)  # while the connection would still be open
        await gateway.providers.aclose()

    asyncio.run(asked())

"""No answer reaches another caller, whatever a server sends over a connection that is kept alive."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers import InferenceProvidersError
from inference_providers.credentials.hosts import address_of
from inference_providers.routing.policy import Policy
from inference_providers.transport.async_sender import AsyncSender
from inference_providers.transport.http import Limits, Request, WireError
from inference_providers.transport.sync_sender import Sender
from tests.conftest import async_list_of, list_of
from tests.servers import PATIENCE, Connection, Received, Server, completion, delta

Serve = Callable[..., Server]
EARLY = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
OTHERS = b"the answer to somebody else"


def plain(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


def foreign() -> bytes:
    return plain(json.dumps(completion(OTHERS.decode())).encode())


def in_chunks(body: bytes, trailers: bytes = b"") -> bytes:
    half = len(body) // 2
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + parts + b"0\r\n" + trailers + b"\r\n"


# What the server sends for a question whose right answer is *body*: bytes; a number is a pause in seconds.
KINDS: dict[str, Callable[[bytes], list[bytes | float]]] = {
    "plain": lambda body: [plain(body)],
    "in chunks": lambda body: [in_chunks(body)],
    "in chunks with trailers": lambda body: [in_chunks(body, b"x: y\r\n")],
    "in two packets": lambda body: [plain(body)[:30], 0.003, plain(body)[30:]],
    "early hints, later the answer": lambda body: [EARLY, 0.01, plain(body)],
    "early hints and the answer at once": lambda body: [EARLY + plain(body)],
    "three interim replies": lambda body: [EARLY * 2, 0.003, b"HTTP/1.1 102 Processing\r\n\r\n", 0.003, plain(body)],
    "continue": lambda body: [b"HTTP/1.1 100 Continue\r\n\r\n" + plain(body)],
    "an unknown interim reply": lambda body: [b"HTTP/1.1 199 Odd\r\nx: y\r\n\r\n", 0.003, plain(body)],
    "an interim reply with a length": lambda body: [b"HTTP/1.1 103 x\r\ncontent-length: 5\r\n\r\n" + plain(body)],
    "other protocols": lambda body: [b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", 0.01, plain(body)],
    "no content": lambda body: [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "no content, and a body at once": lambda body: [b"HTTP/1.1 204 No Content\r\n\r\n" + foreign()],
    "no content, and a body later": lambda body: [b"HTTP/1.1 204 No Content\r\n\r\n", 0.01, foreign()],
    "not modified, and a body later": lambda body: [b"HTTP/1.1 304 Not Modified\r\n\r\n", 0.01, foreign()],
    "a second answer at once": lambda body: [plain(body) + foreign()],
    "a second answer in chunks at once": lambda body: [in_chunks(body) + foreign()],
    "a line too many": lambda body: [plain(body) + b"\r\n"],
    "too short a length": lambda body: [plain(body).replace(b"content-length: ", b"content-length: 0").replace(b"%d" % len(body), b"%d" % (len(body) - 7), 1)],
    "two lengths": lambda body: [plain(body).replace(b"\r\n\r\n", b"\r\ncontent-length: 9\r\n\r\n", 1) + foreign()],
    "a length and chunks": lambda body: [in_chunks(body).replace(b"\r\n", b"\r\ncontent-length: 9\r\n", 1)],
    "broken chunks": lambda body: [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcdefgh\r\n0\r\n\r\n" + foreign()],
    "an unknown coding": lambda body: [b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n" + foreign()],
    "an odd status": lambda body: [plain(body, b"777 Odd"), 0.01, foreign()],
    "an error": lambda body: [plain(b'{"error": "no"}', b"500 Oh")],
    "an error and an answer": lambda body: [plain(b'{"error": "no"}', b"500 Oh") + foreign()],
    "no HTTP": lambda body: [b"SSH-2.0-x\r\n", 0.003, foreign()],
    "a folded line": lambda body: [plain(body).replace(b"\r\n", b"\r\nx: y\r\n z\r\n", 1)],
}  # fmt: skip


def behaving(kind_of: Callable[[str], str]) -> Callable[[Connection, Received], None]:
    """Answer each question with what it says; how, is drawn for each."""

    def behave(connection: Connection, request: Received) -> None:
        question = request.json["messages"][-1]["content"]
        for part in KINDS[kind_of(question)](json.dumps(completion(f"for {question}")).encode()):
            if isinstance(part, float):
                time.sleep(part)
            else:
                connection.send(part)

    return behave


def drawn(seed: int) -> Callable[[str], str]:
    """Half of the questions get a plain reply, so that connections are used again."""
    return lambda question: random.Random(f"{seed} {question}").choice([*KINDS, *["plain"] * len(KINDS)])


ONE_TRY = Policy(tries=1, attempts=1)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_every_thread_gets_its_own_answer_or_an_error(seed: int) -> None:
    with Server(behaving(drawn(seed))) as server:
        made = list_of(server.url, policy=ONE_TRY, timeout=PATIENCE)

        def ask(number: int) -> str:
            try:
                return str(made.ask_ai(f"q{number}"))
            except InferenceProvidersError:
                return "error"

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(ask, range(120)))
        made.close()
    check(found, server)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32))
def test_every_task_gets_its_own_answer_or_an_error(seed: int) -> None:
    with Server(behaving(drawn(seed))) as server:
        made = async_list_of(server.url, policy=ONE_TRY, timeout=PATIENCE)

        async def ask(number: int) -> str:
            try:
                return str(await made.ask_ai(f"q{number}"))
            except InferenceProvidersError:
                return "error"

        async def some(start: int) -> list[str]:
            return [await ask(number) for number in range(start, start + 12)]

        async def main() -> list[str]:
            return [one for part in await asyncio.gather(*map(some, range(0, 120, 12))) for one in part]

        found = asyncio.run(main())
    check(found, server)


def check(found: list[str], server: Server) -> None:
    wrong = {number: one for number, one in enumerate(found) if one not in (f"for q{number}", "error")}
    assert wrong == {}
    assert Counter(found)["error"] < 60
    assert server.connections < 120  # they were used again


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_next_question_is_answered_after_any_reply(serve: Serve, kind: str, way: str) -> None:
    server = serve(behaving(lambda question: kind if question == "first" else "plain"))
    questions = ["first", "second", "third"]
    if way == "sync":
        made = list_of(server.url, policy=ONE_TRY)

        def ask(question: str) -> str:
            try:
                return str(made.ask_ai(question))
            except InferenceProvidersError:
                return "error"

        first, second, third = map(ask, questions)
    else:
        other = async_list_of(server.url, policy=ONE_TRY)

        async def ask_all() -> list[str]:
            found = []
            for question in questions:
                try:
                    found.append(str(await other.ask_ai(question)))
                except InferenceProvidersError:
                    found.append("error")
            return found

        first, second, third = asyncio.run(ask_all())
    interim = ("early", "three", "continue", "an unknown interim", "an interim")
    assert first == "for first" if kind.startswith((*interim, "plain", "in ")) else first in ("for first", "error")
    assert (second, third) == ("for second", "for third")


def test_one_callers_answer_never_comes_to_another(serve: Serve) -> None:
    """Two threads of one program, a server that sends early hints a moment before each answer."""
    server = serve(behaving(lambda question: "early hints, later the answer"))
    made = list_of(server.url)
    with ThreadPoolExecutor(2) as pool:
        alice, bob = pool.submit(made.ask_ai, "alice"), pool.submit(made.ask_ai, "bob")
        assert (alice.result(), bob.result()) == ("for alice", "for bob")
    assert [made.ask_ai(f"q{number}") for number in range(4)] == [f"for q{number}" for number in range(4)]


# Streams that are abandoned


def dripping(connection: Connection, request: Received) -> None:
    """A long stream for the question "long", else a plain answer."""
    question = request.json["messages"][-1]["content"]
    if question != "long":
        connection.reply(200, completion(f"for {question}"))
        return
    connection.start_stream()
    for number in range(200):
        connection.event(delta(f"{number} "))
        time.sleep(0.002)
    connection.event(delta(None, "stop"))
    connection.event("[DONE]")
    connection.end_stream()


class Node:
    """Part of a cycle, as exceptions, frames and objects of frameworks are."""

    me: Node
    iterator: Any


@pytest.mark.parametrize("kind", ["answer", "client"])
def test_a_stream_that_garbage_collection_ends_harms_nobody(serve: Serve, kind: str) -> None:
    server = serve(dripping)
    made = list_of(server.url, policy=ONE_TRY)
    for number in range(6):

        def abandon() -> None:
            node = Node()
            node.me = node
            if kind == "answer":
                node.iterator = iter(made.ask_ai("long", stream=True))
            else:
                messages: Any = [{"role": "user", "content": "long"}]
                node.iterator = iter(made.client().chat.completions.create(model="m", messages=messages, stream=True))
            next(node.iterator)
            next(node.iterator)

        abandon()
        gc.collect()
        assert made.ask_ai(f"q{number}") == f"for q{number}"
    made.close()


@pytest.mark.parametrize("kind", ["answer", "client"])
def test_a_stream_may_be_closed_from_another_thread(serve: Serve, kind: str) -> None:
    def stalling(connection: Connection, request: Received) -> None:
        if not request.streams:
            dripping(connection, request)
            return
        connection.start_stream()
        connection.event(delta("begun"))
        stop.wait(PATIENCE)

    stop = threading.Event()
    server = serve(stalling)
    made = list_of(server.url, policy=ONE_TRY)
    for number in range(3):
        if kind == "answer":
            stream: Any = made.ask_ai("long", stream=True)
        else:
            messages: Any = [{"role": "user", "content": "long"}]
            stream = made.client().chat.completions.create(model="m", messages=messages, stream=True)
        seen: list[Any] = []

        def read(stream: Any = stream, seen: list[Any] = seen) -> None:
            try:
                for piece in stream:
                    seen.append(piece)  # noqa: PERF402  (one by one, as they come)
            except BaseException as error:  # noqa: BLE001  (what the reader gets is judged below)
                seen.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        while not seen:
            time.sleep(0.001)
        stream.close()
        reader.join(PATIENCE)
        assert not reader.is_alive()
        assert not any(isinstance(one, BaseException) for one in seen), seen
        assert made.ask_ai(f"q{number}") == f"for q{number}"
    stop.set()


def test_a_cancelled_task_takes_its_connection_with_it(serve: Serve) -> None:
    server = serve(dripping)
    made = async_list_of(server.url, policy=ONE_TRY)

    async def read() -> None:
        async for _ in made.stream("long"):
            await asyncio.sleep(0)

    async def main() -> list[str]:
        found = []
        for number in range(5):
            task = asyncio.ensure_future(read())
            await asyncio.sleep(0.01 * number)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            found.append(str(await made.ask_ai(f"q{number}")))
        return found

    assert asyncio.run(main()) == [f"for q{number}" for number in range(5)]


def test_an_asynchronous_response_that_is_dropped_unread_closes_its_connection(serve: Serve) -> None:
    server = serve(dripping)
    body = json.dumps({"messages": [{"role": "user", "content": "long"}], "stream": True}).encode()

    async def main() -> list[int]:
        sender = AsyncSender({})
        response = await sender.send(Request("POST", f"{server.url}/chat/completions", {}, body))
        pool = sender._here(asyncio.get_running_loop()).pool(address_of(server.url), {})
        before = len(pool.lines)
        del response
        gc.collect()
        for _ in range(3):
            await asyncio.sleep(0)
        return [before, len(pool.lines)]

    assert asyncio.run(main()) == [1, 0]


def test_a_server_that_speaks_before_it_is_asked_is_not_listened_to(serve: Serve) -> None:
    """The bytes lie there when the connection is used again, also those that the event loop has yet to see."""
    connections: list[Connection] = []

    def behave(connection: Connection, request: Received) -> None:
        connections.append(connection)
        connection.reply(200, {"path": request.path})

    server = serve(behave)
    sender = Sender({}, Limits(total=PATIENCE))
    for number in range(3):
        assert json.loads(sender.send(Request("GET", f"{server.url}/{number}")).read()) == {"path": f"/v1/{number}"}
        connections[-1].send(foreign())
        wait_for_bytes(sender._lines)
    assert server.connections == 3
    sender.close()

    async def main() -> None:
        other = AsyncSender({}, Limits(total=PATIENCE))
        for number in range(3):
            response = await other.send(Request("GET", f"{server.url}/{number}"))
            assert json.loads(await response.read()) == {"path": f"/v1/{number}"}
            connections[-1].send(foreign())
            time.sleep(0.01)  # the loop does not see them come

    asyncio.run(main())
    assert server.connections == 6


def wait_for_bytes(lines: set[Any]) -> None:
    import select

    assert select.select(list(lines), [], [], PATIENCE)[0]


def test_a_refusal_before_the_whole_request_was_read_is_heard() -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        with listening:
            for _ in range(2):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(plain(b'{"error": "too large"}', b"413 Too Large"))
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(1_000_000):
                        pass

    threading.Thread(target=refuse, daemon=True).start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    sender = Sender({}, Limits(total=PATIENCE))
    response = sender.send(Request("POST", url, {}, b"x" * 8_000_000))
    assert (response.status, response.read()) == (413, b'{"error": "too large"}')
    sender.close()

    async def main() -> None:
        answer = await AsyncSender({}, Limits(total=PATIENCE)).send(Request("POST", url, {}, b"x" * 8_000_000))
        assert (answer.status, await answer.read()) == (413, b'{"error": "too large"}')

    asyncio.run(main())


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "localhost", "[::1]"])
def test_odd_spellings_of_this_machine_work_alike(host: str) -> None:
    six = host == "[::1]"
    try:
        listening = socket.create_server(
            ("::1" if six else "127.0.0.1", 0), family=socket.AF_INET6 if six else socket.AF_INET
        )
    except OSError:
        pytest.skip("no such address here")

    def answer_two() -> None:
        with listening:
            for _ in range(2):
                connection, _ = listening.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(plain(b"ok"))

    threading.Thread(target=answer_two, daemon=True).start()
    request = Request("GET", f"http://{host}:{listening.getsockname()[1]}/v1")
    assert Sender({"http_proxy": "http://127.0.0.1:9"}, Limits(total=PATIENCE)).send(request).read() == b"ok"

    async def main() -> bytes:
        return await (
            await AsyncSender({"http_proxy": "http://127.0.0.1:9"}, Limits(total=PATIENCE)).send(request)
        ).read()

    assert asyncio.run(main()) == b"ok"


def test_a_closed_response_says_so(serve: Serve) -> None:
    server = serve(dripping)
    body = json.dumps({"messages": [{"role": "user", "content": "long"}], "stream": True}).encode()
    response = Sender({}).send(Request("POST", f"{server.url}/chat/completions", {}, body))
    response.close()
    response.close()
    with pytest.raises(WireError, match="closed"):
        response.read()

"""Equal calls at the same time share one request: with threads and asyncio, whole replies and streams."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    InferenceProvidersError,
    TruncatedStreamError,
)
from tests.conftest import async_list_of, list_of, places
from tests.servers import PATIENCE, Connection, Received, Server, answer, completion, delta
from tests.test_pipeline import eventually

Serve = Callable[..., Server]
IN_MEMORY = {"store": "memory"}


class Gate:
    """Answers once it is open; `replies` says what, the last again and again. Streams wait in their middle."""

    def __init__(self, *replies: Any) -> None:
        self.replies, self.count = list(replies or (completion("hello"),)), 0
        self.opened, self._lock = threading.Event(), threading.Lock()

    def __call__(self, connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            answer(connection, request)
            return
        with self._lock:
            self.count += 1
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if request.streams:
            connection.start_stream()
            connection.event(delta("hel"))
            self.opened.wait(PATIENCE)
            if reply == "break":
                connection.close()
                return
            connection.event(delta("lo"))
            connection.event({**delta(None, "stop"), "usage": completion()["usage"]})
            connection.event("[DONE]")
            connection.end_stream()
            return
        self.opened.wait(PATIENCE)
        if isinstance(reply, int):
            connection.reply(reply, {"error": {"message": "no"}})
        else:
            connection.reply(200, reply)


def waiting(made: Any) -> int:
    """How many calls wait for others."""
    return sum(len(flight._wakers) for flight in list(made.pipeline.stages[0]._flights.values()))


def asked_at_once(made: Any, gate: Gate, count: int, **options: Any) -> list[Any]:
    """The answers, or errors, of so many threads that ask the same; the gate opens once all but one wait."""

    def ask(_: int) -> Any:
        try:
            return made.ask_ai("Which?", "m", **options)
        except InferenceProvidersError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(ask, number) for number in range(count)]
        assert eventually(lambda: waiting(made) == count - 1)
        gate.opened.set()
        return [future.result() for future in futures]


def test_threads_share_one_request(serve: Serve) -> None:
    gate = Gate()
    made = list_of(serve(gate).url, cache=IN_MEMORY)
    answers = asked_at_once(made, gate, 12)
    assert set(answers) == {"hello"}
    assert gate.count == 1
    assert sorted(answer.cached for answer in answers) == [False] + [True] * 11
    assert made.pipeline.stages[0]._flights == {}


def test_tasks_share_one_request(serve: Serve) -> None:
    gate = Gate()

    async def scene() -> None:
        made = async_list_of(serve(gate).url, cache=IN_MEMORY)
        tasks = [asyncio.create_task(made.ask_ai("Which?", "m")) for _ in range(12)]
        while waiting(made) < 11:
            await asyncio.sleep(0.001)
        gate.opened.set()
        answers = await asyncio.gather(*tasks)
        assert set(answers) == {"hello"}
        assert gate.count == 1
        assert sum(not answer.cached for answer in answers) == 1

    asyncio.run(scene())


def test_those_that_wait_for_one_that_fails_take_over(serve: Serve) -> None:
    gate = Gate(400, completion("hello"))
    made = list_of(serve(gate).url, cache=IN_MEMORY)
    answers = asked_at_once(made, gate, 6)
    assert sum(isinstance(answer, InferenceProvidersError) for answer in answers) == 1
    assert [answer for answer in answers if isinstance(answer, str)] == ["hello"] * 5
    assert gate.count == 2


def test_nobody_waits_for_failures_one_after_another(serve: Serve) -> None:
    gate = Gate(400)
    made = list_of(serve(gate).url, cache=IN_MEMORY)
    answers = asked_at_once(made, gate, 6)
    assert all(isinstance(answer, InferenceProvidersError) for answer in answers)
    assert gate.count == 6
    assert made.pipeline.stages[0]._flights == {}


def test_a_reply_that_is_not_kept_is_not_shared(serve: Serve) -> None:
    gate = Gate(completion("Half of", finish_reason="content_filter"), completion("hello"))
    made = list_of(serve(gate).url, cache=IN_MEMORY)
    assert sorted(asked_at_once(made, gate, 4)) == ["Half of", "hello", "hello", "hello"]
    assert gate.count == 4


def test_one_that_is_cancelled_is_followed_by_another(serve: Serve) -> None:
    gate = Gate()

    async def scene() -> None:
        made = async_list_of(serve(gate).url, cache=IN_MEMORY)
        leader = asyncio.create_task(made.ask_ai("Which?", "m"))
        while not gate.count:
            await asyncio.sleep(0.001)
        follower = asyncio.create_task(made.ask_ai("Which?", "m"))
        while not waiting(made):
            await asyncio.sleep(0.001)
        leader.cancel()
        while gate.count < 2:
            await asyncio.sleep(0.001)
        gate.opened.set()
        assert await follower == "hello"
        assert leader.cancelled()

    asyncio.run(scene())


def test_one_that_waits_and_is_cancelled_harms_nobody(serve: Serve) -> None:
    gate = Gate()

    async def scene() -> None:
        made = async_list_of(serve(gate).url, cache=IN_MEMORY)
        leader = asyncio.create_task(made.ask_ai("Which?", "m"))
        while not gate.count:
            await asyncio.sleep(0.001)
        follower, other = [asyncio.create_task(made.ask_ai("Which?", "m")) for _ in range(2)]
        while waiting(made) < 2:
            await asyncio.sleep(0.001)
        follower.cancel()
        await asyncio.wait([follower])
        assert waiting(made) == 1
        gate.opened.set()
        assert await leader == await other == "hello"
        assert gate.count == 1

    asyncio.run(scene())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_who_waits_keeps_to_a_deadline_of_its_own(kind: str, serve: Serve) -> None:
    gate = Gate()
    server = serve(gate)

    async def in_tasks() -> None:
        made = async_list_of(server.url, cache=IN_MEMORY)
        leader = asyncio.create_task(made.ask_ai("Which?", "m"))
        while not gate.count:
            await asyncio.sleep(0.001)
        with pytest.raises(AllProvidersFailedError, match="an equal request, which was under way"):
            await made.ask_ai("Which?", "m", timeout=0.05)
        gate.opened.set()
        assert await leader == "hello"

    def in_threads() -> None:
        made = list_of(server.url, cache=IN_MEMORY)
        with ThreadPoolExecutor(1) as pool:
            leader = pool.submit(made.ask_ai, "Which?", "m")
            assert eventually(lambda: gate.count == 1)
            with pytest.raises(AllProvidersFailedError, match="an equal request, which was under way"):
                made.ask_ai("Which?", "m", timeout=0.05)
            gate.opened.set()
            assert leader.result() == "hello"

    if kind == "async":
        asyncio.run(in_tasks())
    else:
        in_threads()
    assert gate.count == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("way", ["ask_ai", "stream"])
def test_a_fork_does_not_wait_for_what_its_parent_has_under_way(way: str, serve: Serve) -> None:
    gate = Gate()

    def first_waits(connection: Connection, request: Received) -> None:
        if gate.count:
            gate.opened.set()
        gate(connection, request)

    code = (
        "import os, sys, threading\n"
        "from tests.conftest import list_of\n"
        "made = list_of(sys.argv[1], cache={'store': 'memory'})\n"
        "stage = made.pipeline.stages[0]\n"
        "ask = lambda: ''.join(made.stream('Which?', 'm')) if sys.argv[2] == 'stream' else made.ask_ai('Which?', 'm')\n"
        "thread = threading.Thread(target=ask)\n"
        "thread.start()\n"
        "while not stage._flights: pass\n"
        "sys.stdin.readline()\n"
        "if (child := os.fork()) == 0:\n"
        "    os._exit(ask() != 'hello')\n"
        "code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "thread.join()\n"
        "sys.exit(code)\n"
    )
    server = serve(first_waits)
    with subprocess.Popen([sys.executable, "-c", code, server.url, way], stdin=subprocess.PIPE) as process:
        eventually(lambda: gate.count == 1)
        process.communicate(b"\n", timeout=PATIENCE)
    assert (process.returncode, gate.count) == (0, 2)


def test_what_was_waited_is_taken_off_the_time_to_ask(serve: Serve) -> None:
    from inference_providers.calls.observation import Call
    from inference_providers.protocols import ModelRequest

    made = list_of(serve(answer).url, cache=IN_MEMORY)
    call = Call(made.pipeline, ModelRequest({"messages": []}), [], 10_000.0)
    call.started -= 4_000
    assert 6_000 - PATIENCE < call.left <= 6_000
    call.started -= 100_000
    assert call.left == 0.001


# Streams


def test_one_thread_may_read_two_equal_streams_in_turn(serve: Serve) -> None:
    gate = Gate()
    gate.opened.set()
    made = list_of(serve(gate).url, cache=IN_MEMORY)
    first, second = made.ask_ai("Which?", "m", stream=True), made.ask_ai("Which?", "m", stream=True)
    assert list(zip(first, second, strict=True)) == [("hel", "hel"), ("lo", "lo")]
    assert (first.answer, second.answer) == ("hello", "hello")
    assert (first.answer.cached, second.answer.cached) == (False, True)
    assert gate.count == 1
    assert made.ask_ai("Which?", "m", stream=True).open() is not None
    assert gate.count == 1


def test_threads_share_a_stream(serve: Serve) -> None:
    gate = Gate()
    made = list_of(serve(gate).url, cache=IN_MEMORY)

    def read(_: int) -> list[str]:
        return list(made.ask_ai("Which?", "m", stream=True))

    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(read, number) for number in range(6)]
        shared = made.pipeline.stages[0]._flights
        assert eventually(lambda: any(getattr(f.outcome, "_reading_it", 0) == 6 for f in list(shared.values())))
        gate.opened.set()
        assert [future.result() for future in futures] == [["hel", "lo"]] * 6
    assert gate.count == 1
    assert shared == {}


def test_tasks_share_a_stream_and_one_that_leaves_or_is_cancelled_harms_nobody(serve: Serve) -> None:
    gate = Gate()

    async def scene() -> None:
        made = async_list_of(serve(gate).url, cache=IN_MEMORY)

        async def read() -> list[str]:
            return [piece async for piece in await made.ask_ai("Which?", "m", stream=True)]

        leader = asyncio.create_task(read())
        while not gate.count:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(read()) for _ in range(3)]
        shared = made.pipeline.stages[0]._flights
        while not any(getattr(flight.outcome, "_reading_it", 0) == 4 for flight in shared.values()):
            await asyncio.sleep(0.001)
        leader.cancel()
        await asyncio.wait([leader])
        gate.opened.set()
        assert await asyncio.gather(*others) == [["hel", "lo"]] * 3
        assert gate.count == 1
        assert shared == {}
        assert await read() == ["hel", "lo"]
        assert gate.count == 1

    asyncio.run(scene())


@pytest.mark.parametrize("way", ["closed", "dropped", "left"])
def test_a_stream_that_is_left_before_its_end_is_not_kept(way: str, serve: Serve) -> None:
    gate = Gate()
    server = serve(gate)
    made = list_of(server.url, cache=IN_MEMORY)
    stream = made.ask_ai("Which?", "m", stream=True)
    pieces = iter(stream)
    assert next(pieces) == "hel"
    if way == "closed":
        stream.close()
    elif way == "left":
        pieces.close()
    del stream, pieces
    gc.collect()
    gate.opened.set()
    stage = made.pipeline.stages[0]
    assert stage._flights == {}
    assert stage.store.counts() == []
    assert list(made.ask_ai("Which?", "m", stream=True)) == ["hel", "lo"]
    assert gate.count == 2


def test_a_stream_that_is_left_closes_its_connection_with_the_last_that_reads_it(serve: Serve) -> None:
    def holding(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("hel"))
        connection.hold()

    server = serve(holding)
    made = list_of(server.url, cache=IN_MEMORY)
    streams = [made.ask_ai("Which?", "m", stream=True) for _ in range(2)]
    for stream in streams:
        assert next(iter(stream)) == "hel"
        stream.close()
    assert eventually(lambda: bool(server.holds))  # which it says after its first piece
    assert server.left()
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_that_breaks_is_not_kept_and_breaks_for_all_that_read_it(kind: str, serve: Serve) -> None:
    gate = Gate("break", "whole")
    gate.opened.set()
    server = serve(gate)

    async def in_tasks() -> None:
        made: AsyncProviderList = async_list_of(server.url, cache=IN_MEMORY)
        for broken in (True, False):
            streams = [await made.ask_ai("Which?", "m", stream=True) for _ in range(2)]
            for stream in streams:
                if broken:
                    with pytest.raises(TruncatedStreamError) as caught:
                        _ = [piece async for piece in stream]
                    assert caught.value.partial == "hel"
                else:
                    assert [piece async for piece in stream] == ["hel", "lo"]

    def in_threads() -> None:
        made = list_of(server.url, cache=IN_MEMORY)
        for broken in (True, False):
            for stream in [made.ask_ai("Which?", "m", stream=True) for _ in range(2)]:
                if broken:
                    with pytest.raises(TruncatedStreamError) as caught:
                        list(stream)
                    assert caught.value.partial == "hel"
                else:
                    assert list(stream) == ["hel", "lo"]

    if kind == "async":
        asyncio.run(in_tasks())
    else:
        in_threads()
    assert gate.count == 2


def test_a_filtered_stream_is_not_kept(serve: Serve) -> None:
    def filtered(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("Half of"))
        connection.event(delta(None, "content_filter"))
        connection.event("[DONE]")
        connection.end_stream()

    server = serve(filtered)
    made = list_of(server.url, cache=IN_MEMORY)
    for _ in range(2):
        list(made.ask_ai("Which?", "m", stream=True))
    assert len(server.asked) == 2


def test_a_stream_too_long_to_be_kept_is_read_by_all_that_have_begun(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inference_providers.cache import stage

    monkeypatch.setattr(stage, "ENTRY", 5000)

    both = threading.Event()

    def long(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for number in range(200):
            connection.event(delta(f"{number:04} "))
            if not number:
                both.wait(PATIENCE)
        connection.event(delta(None, "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    server = serve(long)
    made = list_of(server.url, cache=IN_MEMORY)
    first = made.ask_ai("Which?", "m", stream=True)
    pieces = iter(first)
    begun = [next(pieces)]
    second = made.ask_ai("Which?", "m", stream=True)
    both.set()
    wanted = [f"{number:04} " for number in range(200)]
    assert [*begun, *pieces] == wanted
    assert list(second) == wanted
    assert len(server.asked) == 1
    assert list(made.ask_ai("Which?", "m", stream=True)) == wanted
    assert len(server.asked) == 2


def test_sdk_clients_share_streams_and_what_they_leave_early_is_not_kept(serve: Serve) -> None:
    gate = Gate()
    made = list_of(serve(gate).url, cache=IN_MEMORY)
    turns: Any = [{"role": "user", "content": "Which?"}]
    with made.client() as client:
        with client.chat.completions.create(model="m", messages=turns, stream=True) as left:
            next(iter(left))
        gate.opened.set()
        one, two = [client.chat.completions.create(model="m", messages=turns, stream=True) for _ in range(2)]
        texts = [[chunk.choices[0].delta.content for chunk in stream if chunk.choices] for stream in (one, two)]
    assert texts == [["hel", "lo", None]] * 2
    assert gate.count == 2


# Many at once


def repeats(connection: Connection, request: Received) -> None:
    """Answers with the question, so that an answer to another would show."""
    answer(connection, request, request.json["messages"][-1]["content"])


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_threads_that_ask_stream_leave_and_clear_get_answers_to_their_own_questions(store: str, serve: Serve) -> None:
    server = serve(repeats)
    made = list_of(server.url, environ=places(), cache={"store": store})
    stage = made.pipeline.stages[0]

    def work(seed: int) -> int:
        dice, asked = random.Random(seed), 0
        for _ in range(60):
            question, deed = f"question {dice.randrange(4)}?", dice.randrange(10)
            if deed == 0:
                stage.store.clear()
            elif deed == 1:
                stream = iter(made.ask_ai(question, "m", stream=True))
                next(stream)
                stream.close()
            elif deed < 5:
                assert "".join(made.ask_ai(question, "m", stream=True)) == question
            else:
                assert made.ask_ai(question, "m") == question
            asked += deed != 0
        return asked

    with ThreadPoolExecutor(8) as pool:
        asked = sum(pool.map(work, range(8)))
    assert len(server.asked) < asked
    assert (stage._flights, stage._leads) == ({}, {})


def test_tasks_that_are_cancelled_at_random_leave_nothing_behind(serve: Serve) -> None:
    server = serve(repeats)

    async def scene() -> None:
        made = async_list_of(server.url, environ=places(), cache=True)
        stage, dice = made.pipeline.stages[0], random.Random(5)

        async def ask(question: str, *, streams: bool) -> str:
            if not streams:
                return str(await made.ask_ai(question, "m"))
            return "".join([piece async for piece in await made.ask_ai(question, "m", stream=True)])

        for _ in range(12):
            questions = [f"question {dice.randrange(3)}?" for _ in range(20)]
            tasks = [asyncio.create_task(ask(question, streams=dice.random() < 0.5)) for question in questions]
            await asyncio.sleep(dice.random() * 0.01)
            for task in tasks:
                if dice.random() < 0.3:
                    task.cancel()
            for question, task in zip(questions, tasks, strict=True):
                await asyncio.wait([task])
                assert task.cancelled() or task.result() == question
            await asyncio.to_thread(stage.store.clear)
        for _ in range(100):  # what reads for streams that were left ends in the loop's next rounds
            if len(asyncio.all_tasks()) == 1 and not stage._flights:
                break
            await asyncio.sleep(0.01)
        assert (stage._flights, stage._leads) == ({}, {})
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scene())

"""Who has lost a hedged call is cancelled: its server sees it leave, and nothing of it stays."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from inference_providers import AsyncProviderList, InvalidRequestError
from inference_providers.routing.health import HEDGE_RATIO
from inference_providers.transport import Limits
from tests.conftest import list_of
from tests.servers import PATIENCE, Behaviour, BlackHole, Connection, Received, Server, answer, status
from tests.test_pipeline import KINDS, check, done, eventually, heard_by

Serve = Callable[..., Server]
PATIENT = Limits(connect=10 * PATIENCE)  # what ends a connection that is being made is not its own limit
LARGE = "x" * 30_000_000  # characters of a prompt: more than any socket's buffers hold


def holding(connection: Connection, request: Received) -> None:
    connection.hold()


def half(connection: Connection, request: Received) -> None:
    """The head and a part of the body, and no more."""
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{")
    connection.hold()


class Deaf:
    """A server that accepts and reads nothing until it is told; then it reads to the end of what was sent."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self.accepted: socket.socket | None = None
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        self.accepted, _ = self._socket.accept()

    def left(self) -> tuple[bool, int]:
        """Whether the client has left, and how many bytes it had sent by then."""
        self._thread.join(PATIENCE)
        assert self.accepted is not None, "nobody came"
        self.accepted.settimeout(PATIENCE)
        size = 0
        while True:
            try:
                data = self.accepted.recv(1 << 20)
            except ConnectionResetError:
                return True, size
            if not data:
                return True, size
            size += len(data)

    def close(self) -> None:
        self._socket.close()
        if self.accepted is not None:
            self.accepted.close()


def pooled(made: Any) -> int:
    """Idle connections that are kept."""
    if isinstance(made, AsyncProviderList):
        kept = made.pipeline.async_sender._kept.values()
        return sum(len(pool.idle) for one in kept for pool in one._pools.values())
    return sum(len(pool.idle) for pool in made.pipeline.sender._pools.values())


def open_lines(made: Any) -> int:
    """Connections that are open."""
    if isinstance(made, AsyncProviderList):
        kept = made.pipeline.async_sender._kept.values()
        return sum(len(pool.lines) for one in kept for pool in one._pools.values())
    return len(made.pipeline.sender._lines)


def threads() -> set[threading.Thread]:
    """The threads of this package: those of the test's servers aside."""
    targets = [thread for thread in threading.enumerate() if thread.is_alive()]
    return {thread for thread in targets if "hedged" in str(getattr(thread, "_target", ""))}


def wait_until_dealt_with(made: Any, second: Server) -> None:
    """Wait until the client that asked a second one as well is done with its reply: one that was sent is not there yet."""

    def is_dealt_with() -> bool:
        return bool(second.asked) and (pooled(made) if isinstance(made, AsyncProviderList) else len(threads())) == 1

    assert eventually(is_dealt_with)


async def ask(made: Any, prompt: str = "hi") -> Any:
    """The answer, and no task is left of the call."""
    found = await done(made.ask_ai(prompt, "m"))
    await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert others == set()
    return found


def hedging(kind: str, *urls: str, after: float = 0.05, hedges: int = 1, **options: Any) -> Any:
    """A list whose budget is so many extra requests: whoever is slow after them is waited for."""
    made = list_of(*urls, kind=KINDS[kind], hedge_after=after, **options)
    made.pipeline.health._calls = int(hedges / HEDGE_RATIO)
    return made


def once(comes: Callable[[], object], behaviour: Behaviour = answer) -> Behaviour:
    """Behave so as soon as it is true: what was to come before would come after it, on a busy machine."""

    def behave(connection: Connection, request: Received) -> None:
        assert eventually(lambda: bool(comes()))
        behaviour(connection, request)

    return behave


async def lost_and_left(made: Any, leaves: Callable[[], bool], prompt: str = "hi") -> Any:
    """Ask, and see that the loser leaves while the event loop goes on, and that nothing of it is left."""
    found = await ask(made, prompt)
    assert await asyncio.to_thread(leaves)
    assert await asyncio.to_thread(eventually, lambda: not threads())
    assert pooled(made) == open_lines(made) == 1  # the winner's
    await done(made.aclose() if hasattr(made, "aclose") else made.close())
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("behaviour", [holding, half])
def test_the_first_is_cancelled_once_the_second_has_answered(behaviour: Any, kind: str, serve: Serve) -> None:
    first = serve(behaviour)
    second = serve(once(lambda: first.holds))
    made = hedging(kind, first.url, second.url)
    events = heard_by(made)
    found = asyncio.run(lost_and_left(made, lambda: eventually(first.left)))
    assert found.provider == "p2"
    assert (len(first.asked), len(second.asked)) == (1, 1)
    assert [attempt.provider for attempt in found.attempts] == ["p2"]
    check(events)


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_is_cancelled_once_the_first_has_answered(kind: str, serve: Serve) -> None:
    second_is_asked = threading.Event()

    def slow(connection: Connection, request: Received) -> None:
        second_is_asked.wait(PATIENCE)
        answer(connection, request)

    def holds(connection: Connection, request: Received) -> None:
        second_is_asked.set()
        connection.hold()

    first, second = serve(slow), serve(holds)
    made = hedging(kind, first.url, second.url)
    assert asyncio.run(lost_and_left(made, lambda: eventually(second.left))).provider == "p1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_loser_that_still_connects_is_cancelled(kind: str, serve: Serve) -> None:
    second = serve()
    with BlackHole() as hole:
        made = hedging(kind, hole.url, second.url, limits=PATIENT)
        assert asyncio.run(lost_and_left(made, lambda: True)).provider == "p2"


@pytest.mark.parametrize("kind", KINDS)
def test_a_loser_that_still_shakes_hands_is_cancelled(kind: str, serve: Serve) -> None:
    deaf = Deaf()
    second = serve(once(lambda: deaf.accepted))
    made = hedging(kind, deaf.url.replace("http:", "https:"), second.url, limits=PATIENT)
    try:
        assert asyncio.run(lost_and_left(made, lambda: deaf.left()[0])).provider == "p2"
    finally:
        deaf.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_loser_that_still_sends_its_body_is_cancelled(kind: str, serve: Serve) -> None:
    deaf = Deaf()
    second = serve(once(lambda: deaf.accepted))
    made = hedging(kind, deaf.url, second.url)
    sent: list[int] = []

    def leaves() -> bool:
        left, size = deaf.left()
        sent.append(size)
        return left

    try:
        assert asyncio.run(lost_and_left(made, leaves, LARGE)).provider == "p2"
    finally:
        deaf.close()
    assert sent[0] < len(LARGE)  # the rest was not sent


@pytest.mark.parametrize("kind", KINDS)
def test_a_loser_over_a_connection_that_was_kept_is_cancelled(kind: str, serve: Serve) -> None:
    """Its connection goes out of the pool, and never comes back to it."""
    first = serve()
    second = serve(once(lambda: first.holds))
    made = hedging(kind, first.url, second.url, hedges=0)

    async def work() -> None:
        assert (await ask(made)).provider == "p1"
        assert pooled(made) == 1
        first.behaviour = holding
        made.pipeline.health._calls = int(1 / HEDGE_RATIO)
        found = await lost_and_left(made, lambda: eventually(first.left))
        assert found.provider == "p2"

    asyncio.run(work())
    assert first.connections == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_is_refused_in_the_moment_of_the_answer_harms_nothing(kind: str, serve: Serve) -> None:
    """Whichever comes first: there is the answer, and what was heard is told."""
    together = threading.Barrier(2)

    def refuses(connection: Connection, request: Received) -> None:
        together.wait(PATIENCE)
        connection.reply(401, {"error": "bad key"})

    def answers(connection: Connection, request: Received) -> None:
        together.wait(PATIENCE)
        answer(connection, request)

    for _ in range(5):
        first, second = serve(refuses), serve(answers)
        made = hedging(kind, first.url, second.url)
        events = heard_by(made)
        found = asyncio.run(ask(made))
        assert found.provider == "p2"
        assert {attempt.provider for attempt in found.attempts} in ({"p2"}, {"p1", "p2"})
        assert made.pipeline.health.dead(made.find_model_providers("m")[0]) is (len(found.attempts) == 2)
        check(events)


@pytest.mark.parametrize("kind", KINDS)
def test_both_are_cancelled_with_what_goes_wrong_here(kind: str, serve: Serve) -> None:
    """A call that is cancelled, or interrupted, leaves neither of the two behind."""
    first, second = serve(holding), serve(holding)
    made = hedging(kind, first.url, second.url)

    def both_are_asked() -> bool:
        return bool(first.asked and second.asked)

    async def work() -> None:
        task = asyncio.create_task(made.ask_ai("hi"))
        assert await asyncio.to_thread(eventually, both_are_asked)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert asyncio.all_tasks() - {asyncio.current_task()} == set()

    if kind == "async":
        asyncio.run(work())
    else:
        import os
        import signal

        def interrupt() -> None:
            eventually(both_are_asked)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            made.ask_ai("hi")
    assert eventually(lambda: len(first.holds) == len(second.holds) == 1)
    assert first.left() and second.left()
    assert eventually(lambda: not threads())
    assert open_lines(made) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_many_hedged_calls_leave_no_connection_open(kind: str, serve: Serve) -> None:
    first, second = serve(holding), serve()
    count = 12
    made = hedging(kind, first.url, second.url, after=0.01, hedges=2 * count)

    async def work() -> None:
        if kind == "async":
            found = await asyncio.gather(*(made.ask_ai(f"q{number}") for number in range(count)))
        else:
            found = await asyncio.gather(*(asyncio.to_thread(made.ask_ai, f"q{number}") for number in range(count)))
        assert {str(one) for one in found} == {"hello"}
        assert await asyncio.to_thread(eventually, lambda: len(first.holds) == len(first.asked))
        assert await asyncio.to_thread(lambda: not first.asked or first.left())

    asyncio.run(work())
    assert eventually(lambda: not threads())
    gc.collect()
    assert eventually(lambda: open_lines(made) <= second.connections)


def test_a_refusal_does_not_cancel_the_other(serve: Serve) -> None:
    def slow(connection: Connection, request: Received) -> None:
        wait_until_dealt_with(made, second)
        answer(connection, request)

    first, second = serve(slow), serve(status(500))
    made = hedging("sync", first.url, second.url)
    found = asyncio.run(ask(made))
    assert found.provider == "p1"
    assert [(attempt.provider, attempt.status) for attempt in found.attempts] == [("p2", 500), ("p1", 200)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_says_what_to_leave_out_does_not_end_the_wait_for_the_other(kind: str, serve: Serve) -> None:
    def slow(connection: Connection, request: Received) -> None:
        wait_until_dealt_with(made, second)
        answer(connection, request)

    refusal = {"error": {"message": "Failed to deserialize the JSON body: unknown field `seed`"}}
    first, second = serve(slow), serve(status(422, refusal))
    made = hedging(kind, first.url, second.url)
    found = asyncio.run(done(made.ask_ai("hi", "m", seed=1)))
    assert found.provider == "p1"
    assert (len(first.asked), len(second.asked)) == (1, 1)
    assert [attempt.status for attempt in found.attempts] == [422, 200]


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_of_one_that_was_asked_as_well_has_one_second_opinion(kind: str, serve: Serve) -> None:
    def fails(connection: Connection, request: Received) -> None:
        wait_until_dealt_with(made, servers[1])
        connection.reply(404, {"error": {"message": "unknown model"}})

    refuses, second_opinion = ({"error": {"message": word}} for word in ("weird", "odd"))
    servers = [serve(fails), serve(status(400, refuses)), serve(status(400, second_opinion)), serve()]
    made = hedging(kind, *(server.url for server in servers))
    with pytest.raises(InvalidRequestError, match="weird"):
        asyncio.run(done(made.ask_ai("hi", "m")))
    assert [len(server.asked) for server in servers] == [1, 1, 1, 0]

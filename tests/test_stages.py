"""Stages around calls: what they may answer, refuse and hear of, in both worlds; a cache and a budget as stages."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from inference_providers import (
    AllProvidersFailedError,
    BudgetExceededError,
    MetaInferenceEngine,
)
from inference_providers.batches.roll_call import RollCall, called
from inference_providers.calls import Call, CallFinished, Reply, Stage
from tests.conftest import keys, list_of
from tests.servers import PATIENCE, Connection, Received, Server, completion, status
from tests.test_pipeline import (
    END,
    FACTS,
    KINDS,
    OPEN,
    START,
    asking,
    by_client,
    called_by_roll,
    check,
    connecting,
    done,
    each,
    eventually,
    good,
    heard_by,
    in_batch,
    in_words,
    to_its_end,
)

Serve = Callable[..., Server]
MESSAGES = [{"role": "user", "content": "hi"}]


class Noted(Stage):
    """Notes what happens, and does what it is told to, in either world."""

    def __init__(self, notes: list[str], name: str = "a", *, before: Any = None, after: Any = None) -> None:
        self.notes, self.name, self._before, self._after = notes, name, before, after

    def before(self, call: Call) -> Any:
        self.notes.append(f"before {self.name}")
        return self._before(call) if self._before is not None else None

    def after(self, call: Call, reply: Any, error: BaseException | None) -> None:
        assert (reply is None) is (error is not None)
        self.notes.append(f"after {self.name} {'' if error is None else type(error).__name__}".strip())
        if self._after is not None:
            self._after(call)


class Waiting(Noted):
    """The same, with real waits where there is a loop."""

    async def before_async(self, call: Call) -> Any:
        await asyncio.sleep(0.001)
        return self.before(call)

    async def after_async(self, call: Call, reply: Any, error: BaseException | None) -> None:
        await asyncio.sleep(0.001)
        self.after(call, reply, error)


def raising(error: BaseException) -> Callable[[Call], Any]:
    def act(call: Call) -> Any:
        raise error

    return act


def answering(call: Call) -> Reply:
    return Reply.of(completion("of the stage"), call.offers[0])


def listed(serve: Serve, kind: str, *stages: Stage, behaviour: Any = good, **options: Any) -> tuple[Any, Server]:
    server = serve(behaviour)
    made = list_of(server.url, kind=KINDS[kind], facts=[FACTS], **options)
    made.pipeline.stages += stages
    return made, server


def run(way: Callable[[Any], Any], made: Any) -> Any:
    async def running() -> Any:
        return await way(made)

    return asyncio.run(running())


@pytest.mark.parametrize("stage", [Noted, Waiting])
@pytest.mark.parametrize("kind", KINDS)
def test_stages_stand_in_each_other(kind: str, stage: type[Noted], serve: Serve) -> None:
    notes: list[str] = []
    made, _ = listed(serve, kind, stage(notes, "a"), stage(notes, "b"))
    assert run(asking(), made).provider == "p1"
    assert notes == ["before a", "before b", "after b", "after a"]


def test_one_stage_serves_both_worlds(serve: Serve) -> None:
    notes: list[str] = []
    stage = Waiting(notes)
    for kind in KINDS:
        made, _ = listed(serve, kind, stage)
        run(asking(), made)
    assert notes == ["before a", "after a"] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_stage_may_answer_itself(kind: str, serve: Serve) -> None:
    notes: list[str] = []
    made, server = listed(serve, kind, Noted(notes, "a"), Noted(notes, "b", before=answering), Noted(notes, "c"))
    events = heard_by(made)
    answer = run(asking(), made)
    assert answer == "of the stage"
    assert answer.attempts == []
    assert (answer.provider, answer.model) == ("p1", "m-internal")
    assert server.requests == []
    assert notes == ["before a", "before b", "after b", "after a"]
    check(events)
    assert in_words(events) == [START, END]


def test_a_reply_that_was_had_before_may_be_given_again(serve: Serve) -> None:
    had: list[Any] = []

    class Keeps(Stage):
        def before(self, call: Call) -> Any:
            return had[0] if had else None

        def after(self, call: Call, reply: Any, error: BaseException | None) -> None:
            had.append(reply)

    made, server = listed(serve, "sync", Keeps())
    first, second = made.ask_ai("hi"), made.ask_ai("hi")
    assert first == second
    assert (len(first.attempts), len(second.attempts)) == (1, 0)
    assert len(server.asked) == 1


WAYS_THAT_STREAM = {
    "a stream": to_its_end,
    "a client's stream": by_client("chat.completions.create", messages=MESSAGES, stream=True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WAYS_THAT_STREAM)
def test_a_whole_reply_of_a_stage_becomes_a_stream(name: str, kind: str, serve: Serve) -> None:
    made, server = listed(serve, kind, Noted([], before=answering))
    events = heard_by(made)
    answer = run(WAYS_THAT_STREAM[name], made)
    assert answer is None or (
        str(answer) == "of the stage" and answer.attempts == [] and answer.usage.total_tokens == 4
    )
    assert server.requests == []
    check(events)
    assert in_words(events) == [START, "FirstContent", END, "StreamFinished ok"]


@pytest.mark.parametrize("kind", KINDS)
def test_clients_get_the_reply_of_a_stage(kind: str, serve: Serve) -> None:
    made, server = listed(serve, kind, Noted([], before=answering))

    async def asks(made: Any) -> None:
        client = made.async_client() if kind == "async" else made.client()
        raw = await done(client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES))
        assert raw.parse().choices[0].message.content == "of the stage"
        assert (raw.headers["x-inference-provider"], raw.headers["x-inference-attempts"]) == ("p1", "0")
        await done(client.close())

    run(asks, made)
    assert server.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_of_a_stage_may_be_left(kind: str, serve: Serve) -> None:
    made, _ = listed(serve, kind, Noted([], before=answering))
    events = heard_by(made)

    async def leaves(made: Any) -> None:
        stream = await done(made.ask_ai("hi", stream=True))
        await done(stream.aclose() if hasattr(stream, "aclose") else stream.close())
        assert [piece async for piece in each(stream)] == []

    run(leaves, made)
    check(events)
    assert in_words(events)[-1] == "StreamFinished closed"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [asking(), to_its_end])
def test_what_is_no_reply_is_refused_in_words(way: Any, kind: str, serve: Serve) -> None:
    made, server = listed(serve, kind, Noted([], before=lambda call: {"content": "hi"}))
    events = heard_by(made)
    with pytest.raises(TypeError, match=r"before\(\) gave dict for a reply; give Reply.of"):
        run(way, made)
    assert server.requests == []
    assert in_words(events) == [START, "CallFinished TypeError"]


def test_a_reply_of_what_is_no_json_is_refused(serve: Serve) -> None:
    (offer,) = list_of(serve().url).find_model_providers("m")
    with pytest.raises(TypeError):
        Reply.of({"choices": object()}, offer)
    assert json.loads(Reply.of(completion("hi"), offer).content) == completion("hi")


# Stages that refuse

SPENT = BudgetExceededError("spent")
REFUSED_WAYS = {
    "a question": asking(),
    "a stream": to_its_end,
    "a test of a connection": connecting(True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", REFUSED_WAYS)
def test_what_a_stage_raises_ends_the_call_and_nobody_is_asked(name: str, kind: str, serve: Serve) -> None:
    notes: list[str] = []
    stages = Noted(notes, "a"), Noted(notes, "b", before=raising(SPENT)), Noted(notes, "c")
    made, server = listed(serve, kind, *stages)
    events = heard_by(made)
    with pytest.raises(BudgetExceededError) as caught:
        run(REFUSED_WAYS[name], made)
    assert caught.value is SPENT
    assert server.asked == []
    assert notes == ["before a", "before b", "after a BudgetExceededError"]  # neither b nor c has begun
    check(events)
    assert in_words(events) == [START, "CallFinished BudgetExceededError"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_clients_call_that_a_stage_refuses_says_why(kind: str, serve: Serve) -> None:
    made, server = listed(serve, kind, Noted([], before=raising(SPENT)))
    with pytest.raises(Exception, match="spent") as caught:
        run(by_client("chat.completions.create", messages=MESSAGES), made)
    assert caught.value.__cause__ is SPENT
    assert server.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_stages_stand_around_each_call_of_a_batch(kind: str, serve: Serve) -> None:
    notes: list[str] = []
    made, server = listed(serve, kind, Noted(notes))
    run(in_batch, made)
    assert sorted(notes) == ["after a"] * 3 + ["before a"] * 3
    made.pipeline.stages[:] = [Noted(notes, before=raising(SPENT))]

    async def refused(made: Any) -> list[Any]:
        return [result async for result in each(made.batch(["x", "y"], "m", progress=False))]

    assert [str(result.error) for result in run(refused, made)] == ["spent", "spent"]
    made.pipeline.stages[:] = [Noted(notes, before=answering)]
    assert [str(result.answer) for result in run(refused, made)] == ["of the stage"] * 2
    assert len(server.asked) == 3


def test_stages_stand_around_each_call_of_a_roll_call_and_an_engine(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    made, server = listed(serve, "sync", Waiting(notes))
    run(called_by_roll, made)
    assert notes == ["before a", "after a"]
    made.pipeline.stages[:] = [Noted(notes, before=raising(SPENT))]

    async def refused(made: Any) -> list[Any]:
        return await RollCall(made.pipeline, called(made.pipeline), ["hi"]).run()

    assert [entry.problem for entry in run(refused, made)] == ["spent"]
    monkeypatch.setenv("OPENAI_API_KEY", keys(1)["P1_API_KEY"])
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    engine = MetaInferenceEngine()
    engine.infer(["hi"], "gpt-4o")
    (inner,) = engine._engines.values()
    inner.pipeline.stages.append(Noted(notes, before=answering))
    (talk,) = engine.infer(["hi"], "gpt-4o")
    assert talk.messages[-1].content == "of the stage"
    assert len(server.asked) == 2


# Errors, in the call and in stages


@pytest.mark.parametrize("kind", KINDS)
def test_after_hears_of_the_error(kind: str, serve: Serve) -> None:
    notes: list[str] = []
    made, _ = listed(serve, kind, Noted(notes, "a"), Waiting(notes, "b"), behaviour=status(401))
    with pytest.raises(AllProvidersFailedError):
        run(asking("m"), made)
    assert notes[2:] == ["after b AuthenticationError", "after a AuthenticationError"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("behaviour", [good, status(401)])
def test_what_after_raises_ends_the_call_and_those_around_hear_of_it(kind: str, behaviour: Any, serve: Serve) -> None:
    notes: list[str] = []
    stages = Noted(notes, "a"), Noted(notes, "b", after=raising(SPENT)), Noted(notes, "c")
    made, _ = listed(serve, kind, *stages, behaviour=behaviour)
    events = heard_by(made)
    with pytest.raises(BudgetExceededError):
        run(asking("m"), made)
    assert notes[3].startswith("after c")
    assert [note.partition(" ")[2].split()[0] for note in notes[4:]] == ["b", "a"]
    assert notes[-1] == "after a BudgetExceededError"
    check(events)
    assert in_words(events)[-1] == "CallFinished BudgetExceededError"


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_whose_stage_fails_when_it_is_open_is_closed(kind: str, serve: Serve) -> None:
    def goes_on(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event({"choices": [{"index": 0, "delta": {"content": "hi"}}]})
        connection.hold()

    made, server = listed(serve, kind, Noted([], after=raising(SPENT)), behaviour=goes_on)
    events = heard_by(made)
    kept: list[BaseException] = []  # with the frames of its traceback, so that no collector closes anything

    async def asks(made: Any) -> None:
        with pytest.raises(BudgetExceededError) as caught:
            await done(made.ask_ai("hi", stream=True))
        kept.append(caught.value)
        assert await asyncio.to_thread(eventually, server.left)

    run(asks, made)
    assert in_words(events) == [*OPEN[:-1], "CallFinished BudgetExceededError"]


def test_a_cancelled_call_has_its_afters_to_their_end(serve: Serve) -> None:
    notes: list[str] = []
    asked = threading.Event()

    def holds(connection: Connection, request: Received) -> None:
        asked.set()
        connection.hold()

    made, server = listed(serve, "async", Waiting(notes, "a"), Waiting(notes, "b"), behaviour=holds)
    events = heard_by(made)

    async def work() -> None:
        task = asyncio.create_task(made.ask_ai("hi"))
        await asyncio.to_thread(asked.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    assert notes[2:] == ["after b CancelledError", "after a CancelledError"]
    assert in_words(events) == [START, "CallFinished CancelledError"]
    assert eventually(server.left)


def test_a_call_that_is_cancelled_within_a_stage_asks_nobody(serve: Serve) -> None:
    notes: list[str] = []
    reached = asyncio.Event()

    class Stuck(Noted):
        async def before_async(self, call: Call) -> Any:
            reached.set()
            await asyncio.Event().wait()

    made, server = listed(serve, "async", Noted(notes, "a"), Stuck(notes, "b"))

    async def work() -> None:
        task = asyncio.create_task(made.ask_ai("hi"))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    assert notes == ["before a", "after a CancelledError"]
    assert server.requests == []


def test_a_call_that_is_interrupted_has_its_afters(serve: Serve) -> None:
    notes: list[str] = []

    def interrupts(connection: Connection, request: Received) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        connection.hold()

    made, server = listed(serve, "sync", Noted(notes), behaviour=interrupts)
    events = heard_by(made)
    with pytest.raises(KeyboardInterrupt):
        made.ask_ai("hi")
    assert notes == ["before a", "after a KeyboardInterrupt"]
    assert in_words(events) == [START, "CallFinished KeyboardInterrupt"]
    assert eventually(server.left)


def test_stages_that_change_while_a_call_runs_are_for_the_next(serve: Serve) -> None:
    notes: list[str] = []
    made, _ = listed(serve, "sync")
    second = Noted(notes, "second")
    first = Noted(notes, "first", before=lambda call: made.pipeline.stages.__setitem__(slice(None), [second]))
    made.pipeline.stages.append(first)
    made.ask_ai("hi")
    assert notes == ["before first", "after first"]
    made.ask_ai("hi")
    assert notes[2:] == ["before second", "after second"]


# What the seam is for


class Cache(Stage):
    """Gives a reply again to whoever asks the same. Streams are read from it, and not kept."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def key(self, call: Call) -> str:
        body = {name: value for name, value in (call.request.body or {}).items() if not name.startswith("stream")}
        return json.dumps([call.offers[0].canonical_name, call.request.path, body], sort_keys=True)

    def before(self, call: Call) -> Reply | None:
        data = self.kept.get(self.key(call))
        return None if data is None else Reply.of(data, call.offers[0])

    def after(self, call: Call, reply: Any, error: BaseException | None) -> None:
        if isinstance(reply, Reply):
            self.kept[self.key(call)] = {name: value for name, value in reply.data.items() if name != "usage"}


class Budget(Stage):
    """Ends calls once so many USD are spent."""

    def __init__(self, limit: float) -> None:
        self.limit, self.spent = limit, 0.0

    def before(self, call: Call) -> None:
        if self.spent >= self.limit:
            raise BudgetExceededError(f"${self.spent:.6f} of ${self.limit:.6f} are spent")

    def hears(self, event: Any) -> None:
        if isinstance(event, CallFinished):
            self.spent += event.cost or 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_cache(kind: str, serve: Serve) -> None:
    made, server = listed(serve, kind, Cache())

    async def asks(made: Any) -> list[Any]:
        found = [await done(made.ask_ai(question, "m")) for question in ("x", "y", "x")]
        stream = await done(made.ask_ai("x", "m", stream=True))
        return [*found, "".join([piece async for piece in each(stream)])]

    found = run(asks, made)
    assert len(server.asked) == 2
    assert found[0] == found[2] == found[3]
    assert found[0].cost > 0
    assert found[2].cost is None or found[2].cost == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_budget(kind: str, serve: Serve) -> None:
    made, server = listed(serve, kind, budget := Budget(0.000012))
    made.pipeline.listeners.append(budget.hears)

    async def asks(made: Any) -> None:
        for _ in range(2):
            await done(made.ask_ai("x"))
        await to_its_end(made)
        with pytest.raises(BudgetExceededError, match="are spent"):
            await done(made.ask_ai("x"))

    run(asks, made)
    assert len(server.asked) == 3
    assert budget.spent == pytest.approx(3 * (3 * 1 + 1 * 2) / 1e6)


def test_a_stage_is_documented() -> None:
    for name in ("before", "after", "before_async", "after_async"):
        assert inspect.getdoc(getattr(Stage, name))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stage_may_choose_who_is_asked(kind: str, stream: bool, serve: Serve) -> None:
    def last_first(call: Call) -> None:
        call.offers = call.offers[:0:-1]

    servers = [serve(good), serve(good), serve(status(500))]
    made = list_of(*(server.url for server in servers), kind=KINDS[kind], facts=[FACTS] * 3)
    made.pipeline.stages.append(Noted([], before=last_first))

    async def running() -> None:
        await (to_its_end if stream else asking("m"))(made)

    asyncio.run(running())
    assert [len(server.requests) > 0 for server in servers] == [False, True, True]

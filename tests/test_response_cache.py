"""A cache of replies: what is the same, whose it is, what is kept, and what a hit says, however one asks."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from inference_providers import (
    AsyncProviderList,
    InvalidReplyError,
    InvalidRequestError,
    MetaInferenceEngine,
    ProviderList,
    ask_ai,
)
from inference_providers.cache.keys import key_of
from inference_providers.cache.settings import Settings
from inference_providers.cache.stage import ResponseCache
from inference_providers.calls import CallFinished, StreamFinished
from inference_providers.offers.late_offers import offer_by
from inference_providers.protocols import ModelRequest
from tests.conftest import keys, list_of, places
from tests.servers import Connection, Received, Server, answer, completion, status
from tests.test_pipeline import FACTS, KINDS, done, each, good, heard_by

Serve = Callable[..., Server]
IN_MEMORY = {"store": "memory"}


class Counting:
    """Answers with how often it was asked, and what else a test wants of a reply."""

    def __init__(self, **choice: Any) -> None:
        self.choice, self.count = choice, 0

    def __call__(self, connection: Connection, request: Received) -> None:
        if request.path.endswith("/models"):
            answer(connection, request)
            return
        self.count += 1
        if request.streams:
            answer(connection, request, f"reply {self.count}")
        else:
            connection.reply(200, completion(f"reply {self.count}", request.json["model"], **self.choice))


def cached(serve: Serve, behaviour: Any = None, kind: str = "sync", **options: Any) -> tuple[Any, Server]:
    server = serve(behaviour or Counting())
    options.setdefault("cache", IN_MEMORY)
    return list_of(server.url, kind=KINDS[kind], facts=[FACTS], **options), server


def on_disk(environ: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
    return {"environ": {**places(), **(environ or {})}, "cache": options or True}


def run(coroutine: Any) -> Any:
    async def running() -> Any:
        return await coroutine

    return asyncio.run(running())


@pytest.mark.parametrize("options", [{"cache": IN_MEMORY}, on_disk], ids=["memory", "sqlite"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_asked_before_is_not_asked_again_and_costs_nothing(kind: str, options: Any, serve: Serve) -> None:
    made, server = cached(serve, kind=kind, **(options() if callable(options) else options))
    events = heard_by(made)

    async def twice() -> list[Any]:
        return [await done(made.ask_ai("Which?", temperature=0.5)) for _ in range(2)]

    first, second = asyncio.run(twice())
    assert first == second == "reply 1"
    assert len(server.asked) == 1
    assert (first.cached, second.cached) == (False, True)
    assert first.cost > 0
    assert second.cost == 0.0
    assert second.usage.input_tokens == first.usage.input_tokens == 3
    assert [attempt.outcome for attempt in second.attempts] == ["cache"]
    assert (second.provider, second.model, second.canonical_name) == ("p1", "m-internal", "m")
    assert second.data == first.data
    assert second.as_dict()["cached"] is True
    assert "cached" not in first.as_dict()
    ends = [event for event in events if type(event) is CallFinished]
    assert [(end.cached, end.cost, end.attempts) for end in ends] == [(False, first.cost, 1), (True, 0.0, 0)]


def test_without_being_asked_for_nothing_is_kept(serve: Serve) -> None:
    made, server = cached(serve, cache=None, environ=places())
    assert [made.ask_ai("Which?") for _ in range(2)] == ["reply 1", "reply 2"]
    assert made.pipeline.stages == []
    assert not list(Path(os.environ["XDG_DATA_HOME"]).parent.rglob("*.db"))
    assert len(server.asked) == 2


def test_another_process_finds_it_in_the_users_file(serve: Serve) -> None:
    options = on_disk()
    made, server = cached(serve, **options)
    assert made.ask_ai("Which?") == "reply 1"
    again = list_of(server.url, facts=[FACTS], **options)
    assert again.ask_ai("Which?").cached
    assert len(server.asked) == 1
    path = Path(made.pipeline.stages[0].store.base.path)
    assert path.name == "replies.db"
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("replies.db*")} == {0o600}
    content = b"".join(file.read_bytes() for file in path.parent.glob("replies.db*"))
    assert b"reply 1" in content
    for secret in (b"Which?", b"canary"):  # of the question there is a digest alone
        assert secret not in content


# What is the same


SAME = {"messages": [{"role": "user", "content": "Which?"}], "temperature": 0.5}
OTHERS: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": 0.6},
    "no temperature": {"temperature": None},
    "seed": {"seed": 1},
    "tools": {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
    "schema": {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
    "order in a schema": {"response_format": {"json_schema": {"schema": {"type": "object"}, "name": "a"}}},
    "whitespace": {"messages": [{"role": "user", "content": "Which? "}]},
    "unicode form": {"messages": [{"role": "user", "content": "Cafe\u0301"}]},
    "other unicode form": {"messages": [{"role": "user", "content": "Caf\u00e9"}]},
    "half of a surrogate pair": {"messages": [{"role": "user", "content": "\ud83d"}]},
    "case": {"messages": [{"role": "user", "content": "which?"}]},
    "system": {"messages": [{"role": "system", "content": "Be brief."}, *SAME["messages"]]},  # type: ignore[misc]
    "stream": {"stream": True},
    "extra": {"own_field": [1, None]},
    "text for a number": {"temperature": "0.5"},
}


def key(body: dict[str, Any], options: Any = True, offers: Any = None, **request: Any) -> bytes | None:
    made = list_of("http://127.0.0.1:9/v1", "http://127.0.0.1:8/v1")
    asked = ModelRequest(body, **request)
    return key_of(asked, made.find_model_providers("m") if offers is None else offers, Settings.of(options))


def test_requests_that_differ_in_anything_are_not_the_same() -> None:
    bodies = [SAME, *({**SAME, **other} for other in OTHERS.values())]
    found = [key({name: value for name, value in body.items() if value is not None}) for body in bodies]
    assert None not in found
    assert len(set(found)) == len(bodies)


def test_requests_that_differ_in_style_alone_are_the_same() -> None:
    turn = {"content": "Which?", "role": "user"}
    assert key(SAME) == key({"temperature": 0.5, "messages": [turn]}) == key({**SAME, "model": "another spelling"})
    assert key(SAME) == key(SAME, headers={"Idempotency-Key": "1"})
    assert key(SAME) != key(SAME, headers={"X-Own": "1"})


def test_the_order_of_names_in_a_schema_counts_since_a_model_may_go_by_it() -> None:
    def with_schema(*names: str) -> dict[str, Any]:
        properties = {name: {"type": "string"} for name in names}
        schema = {"name": "a", "schema": {"type": "object", "properties": properties}}
        return {**SAME, "response_format": {"type": "json_schema", "json_schema": schema}}

    assert key(with_schema("a", "b")) != key(with_schema("b", "a"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1: 2, "a": {3, 4}}])
def test_what_cannot_be_written_down_has_no_key(value: Any) -> None:
    assert key({**SAME, "own": value}) is None


def test_a_request_with_such_a_number_is_asked_each_time(serve: Serve) -> None:
    made, server = cached(serve)
    answers = [made.ask_ai("Which?", extra_body={"own": float("inf")}) for _ in range(2)]
    assert [answer.cached for answer in answers] == [False, False]
    assert len(server.asked) == 2


def test_who_may_answer_is_part_of_what_is_asked(serve: Serve) -> None:
    one, other = serve(Counting()), serve(Counting())
    made = list_of(one.url, other.url, cache=IN_MEMORY)
    first = made.ask_ai("Which?", "m")
    assert not made.ask_ai("Which?", "m", avoid="p1").cached
    assert not made.ask_ai("Which?", "m", only="p1").cached
    again = made.ask_ai("Which?", "m")
    assert again.cached
    assert again.provider == first.provider == "p1"
    assert (len(one.asked), len(other.asked)) == (2, 1)


# Whose it is


def test_callers_with_other_keys_do_not_share(serve: Serve) -> None:
    server = serve(Counting())
    for key_in_use in ("canary-1-one-0123456789", "canary-1-two-0123456789"):
        made = list_of(server.url, **on_disk({"P1_API_KEY": key_in_use}))
        assert not made.ask_ai("Which?").cached
        assert made.ask_ai("Which?").cached
    assert len(server.asked) == 2


def test_keys_that_are_exchanged_for_tokens_are_told_apart_before_there_is_one_and_after() -> None:
    def key_of_caller(secret: str, token: str = "") -> bytes | None:
        environ = {"WATSONX_API_KEY": secret, "WATSONX_REGION": "eu-de"}
        access = ProviderList(environ=environ, local=False).pipeline.finder.accesses["watsonx"]
        offer = offer_by(access, "m", "m")
        assert offer.tokens is not None
        if token:
            offer.tokens.put(token, 3600)
        return key_of(ModelRequest(SAME), [offer], Settings.of(True))

    one, other = "canary-1-one-0123456789", "canary-1-two-0123456789"
    assert key_of_caller(one) == key_of_caller(one, "token-1") == key_of_caller(one, "token-2")
    assert key_of_caller(one) != key_of_caller(other)


def test_a_key_by_hand_has_entries_of_its_own(serve: Serve) -> None:
    made, server = cached(serve)
    made.ask_ai("Which?", "p1/m")
    by_hand = [made.ask_ai("Which?", "p1/m", api_key="canary-by-hand-0123456789") for _ in range(2)]
    assert [answer.cached for answer in by_hand] == [False, True]
    assert len(server.asked) == 2


def test_named_callers_do_not_share_unless_an_administrator_says_so(serve: Serve) -> None:
    made, server = cached(serve)
    for caller in ("alice", "bob"):
        made.ask_ai("Which?", cache={"caller": caller})
        assert made.ask_ai("Which?", cache={"caller": caller}).cached
    assert len(server.asked) == 2
    shared, server = cached(serve, cache={**IN_MEMORY, "shared": True})
    answers = [shared.ask_ai("Which?", cache={"caller": caller}) for caller in ("alice", "bob")]
    assert [answer.cached for answer in answers] == [False, True]
    with pytest.raises(ValueError, match="knows no 'shared' here"):
        made.ask_ai("Which?", cache={"shared": True})


# How long, and by whose word


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_too_old_is_asked_again(serve: Serve) -> None:
    made, _ = cached(serve, cache={**IN_MEMORY, "ttl": 60})
    made.pipeline.stages[0]._clock = clock = Clock()
    assert made.ask_ai("Which?") == "reply 1"
    clock.now += 59
    assert made.ask_ai("Which?") == "reply 1"
    assert made.ask_ai("Which?", cache={"ttl": 10}) == "reply 2"  # a call may want a newer one
    clock.now += 61
    assert made.ask_ai("Which?") == "reply 3"


def test_a_call_may_do_without_and_may_be_the_only_one_with(serve: Serve) -> None:
    made, server = cached(serve)
    made.ask_ai("Which?")
    for off in ({"cache": False}, {"cache_config": {"enabled": False}}):
        assert not made.ask_ai("Which?", **off).cached
    assert len(server.asked) == 3
    plain, server = cached(serve, cache=None, mock=None, environ=places())
    config = {"enabled": True, "ttl": 3600, "strategy": "exact"}
    answers = [plain.ask_ai("Which?", cache_config=config) for _ in range(2)]
    assert [answer.cached for answer in answers] == [False, True]
    assert not plain.ask_ai("Which?").cached
    assert plain.ask_ai("Which?", cache=True).cached


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cache": "yes"}, "True, False or a dict"),
        ({"cache": {"tll": 3}}, "knows no 'tll' here; it knows enabled, ttl"),
        ({"cache": {"ttl": -1}}, "seconds above 0"),
        ({"cache": {"ttl": float("nan")}}, "seconds above 0"),
        ({"cache": {"strategy": "semantic"}}, r"'semantic': only \"exact\" is there; docs/cache\.md"),
        ({"cache": {"similarity_threshold": 0.9}}, r"no similarity_threshold: only \"exact\" is there"),
        ({"cache": True, "cache_config": {"ttl": 1}}, "say the same thing"),
        ({"cache": {"enabled": 1}}, "True or False"),
    ],
)
def test_options_that_are_none_are_refused_at_once(options: Any, message: str, serve: Serve) -> None:
    made, server = cached(serve)
    with pytest.raises((ValueError, TypeError), match=message):
        made.ask_ai("Which?", **options)
    if "cache_config" not in options:
        with pytest.raises((ValueError, TypeError), match=message):
            ProviderList(**options)
    assert server.asked == []


# What is kept


def filtered(connection: Connection, request: Received) -> None:
    connection.reply(200, completion("Half of", finish_reason="content_filter"))


def unsure(connection: Connection, request: Received) -> None:
    connection.reply(200, completion("Half of", finish_reason=None))


def refusing(connection: Connection, request: Received) -> None:
    connection.reply(200, completion(message={"role": "assistant", "content": "a", "refusal": "I will not."}))


def sounding(connection: Connection, request: Received) -> None:
    connection.reply(200, completion(message={"role": "assistant", "content": "a", "audio": {"id": "a"}}))


@pytest.mark.parametrize("behaviour", [filtered, unsure, refusing, sounding, status(500), status(429), status(400)])
def test_what_is_not_a_whole_reply_is_not_kept(behaviour: Any, serve: Serve) -> None:
    made, server = cached(serve, behaviour)
    client = made.client()
    for _ in range(2):
        try:
            client.chat.completions.create(model="m", messages=SAME["messages"])
        except openai.APIError:
            continue
    assert len(server.asked) >= 2
    assert made.pipeline.stages[0].store.counts() == []


def test_what_the_requests_own_limit_cut_is_whole_for_that_request(serve: Serve) -> None:
    made, server = cached(serve, Counting(finish_reason="length"))
    answers = [made.ask_ai("Which?", max_tokens=5) for _ in range(2)]
    assert [answer.cached for answer in answers] == [False, True]
    assert answers[1].finish_reason == "length"
    assert not made.ask_ai("Which?", max_tokens=6).cached


RESPONSE = {
    "id": "resp_1", "object": "response", "status": "completed", "model": "m", "created_at": 1,
    "output": [{"type": "message", "id": "m1", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": "It depends.", "annotations": []}]}],
}  # fmt: skip


def all_apis(connection: Connection, request: Received) -> None:
    if request.path.endswith("/responses"):
        connection.reply(200, RESPONSE)
    elif request.path.endswith("/completions") and "prompt" in request.json:
        choice = {"text": "It depends.", "index": 0, "finish_reason": "stop", "logprobs": None}
        connection.reply(200, {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]})
    elif request.path.endswith("/moderations"):
        connection.reply(200, {"id": "m", "model": "m", "results": []})
    else:
        good(connection, request)


@pytest.mark.parametrize(
    ("method", "arguments", "times"),
    [
        ("embeddings", {"input": "text"}, 1),
        ("responses", {"input": "text", "store": False}, 1),
        ("responses", {"input": "text"}, 2),  # which are kept at the provider by default
        ("responses", {"input": "text", "store": True}, 2),
        ("responses", {"input": "text", "store": False, "previous_response_id": "resp_0"}, 2),
        ("responses", {"input": "text", "store": False, "tools": [{"type": "web_search"}]}, 2),
        ("chat.completions", {"messages": SAME["messages"]}, 1),
        ("chat.completions", {"messages": SAME["messages"], "store": True}, 2),
        ("chat.completions", {"messages": SAME["messages"], "modalities": ["text", "audio"]}, 2),
        ("chat.completions", {"messages": SAME["messages"], "web_search_options": {}}, 1),
        ("chat.completions", {"messages": SAME["messages"], "web_search_options": {"a": 1}}, 2),
        ("completions", {"prompt": "text"}, 2),
        ("moderations", {"input": "text"}, 2),
    ],
)
def test_only_what_is_text_and_changes_nothing_is_kept(
    method: str, arguments: dict[str, Any], times: int, serve: Serve
) -> None:
    made, server = cached(serve, all_apis)
    target: Any = made.client()
    for name in method.split("."):
        target = getattr(target, name)
    raws = [target.with_raw_response.create(model="m", **arguments) for _ in range(2)]
    assert len(server.asked) == times
    assert [raw.headers.get("x-inference-cache") for raw in raws] == [None, "hit" if times == 1 else None]
    assert raws[0].content == raws[1].content


def test_a_reply_that_does_not_fit_its_schema_is_not_given_for_ever(serve: Serve) -> None:
    made, server = cached(serve)
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    for round_ in (1, 2):
        with pytest.raises(InvalidReplyError):
            made.ask_ai("Which?", schema=schema)
        assert len(server.asked) == 1 + round_  # the first reply is kept, what should have mended it is asked anew


def test_tools_are_called_again_but_the_model_is_not(serve: Serve) -> None:
    from tests.test_pipeline import with_tools

    calls: list[int] = []

    def double(number: int) -> int:
        """Twice the number."""
        calls.append(number)
        return 2 * number

    made, server = cached(serve, with_tools)
    answers = [made.ask_ai("Which?", tools=[double]) for _ in range(2)]
    assert [answer.cached for answer in answers] == [False, True]
    assert (len(server.asked), len(calls)) == (2, 6)
    assert answers[1].cost == 0.0


def test_a_test_of_a_connection_asks_in_earnest(serve: Serve) -> None:
    made, server = cached(serve)
    for _ in range(2):
        made.connect_to_model("m", test=True)
    assert len([request for request in server.asked if request.body]) == 2


# However one asks


def test_all_ways_to_ask_find_it(serve: Serve) -> None:
    made, server = cached(serve)
    turns = [{"role": "user", "content": "Which?"}]
    assert not made.ask_ai("Which?", "m").cached
    (result,) = made.batch(["Which?"], "m")
    assert result.answer.cached
    client = made.client()
    assert client.chat.completions.create(model="m", messages=turns).choices[0].message.content == "reply 1"
    assert len(server.asked) == 1
    client.chat.completions.create(model="m", messages=turns, extra_body={"cache": False})
    client.chat.completions.create(model="m", messages=turns, extra_body={"cache_config": {"enabled": False}})
    made.client(cache=False).chat.completions.create(model="m", messages=turns)
    (result,) = made.batch(["Which?"], "m", cache=False)
    assert not result.answer.cached
    assert len(server.asked) == 5
    for request in server.asked:
        assert not {"cache", "cache_config"} & set(request.json)
    with pytest.raises(openai.BadRequestError, match="tll"):
        client.chat.completions.create(model="m", messages=turns, extra_body={"cache": {"tll": 1}})


def test_a_batch_asks_equal_questions_once_and_counts_what_that_saved(serve: Serve) -> None:
    made, server = cached(serve)
    batch = made.batch(["Which?"] * 20 + ["What?"] * 20, "m")
    results = list(batch)
    assert len(server.asked) == 2
    assert len({result.answer for result in results}) == 2
    assert sum(not result.answer.cached for result in results) == 2
    paid = next(result.answer.cost for result in results if not result.answer.cached)
    assert batch.summary.cost == pytest.approx(2 * paid)


def test_a_batchs_file_says_what_was_kept(serve: Serve, tmp_path: Path) -> None:
    made, _ = cached(serve)
    made.ask_ai("Which?", "m")
    out = tmp_path / "out.jsonl"
    results = list(made.batch(["Which?", "What?"], "m", out=out))
    assert [result.answer.cached for result in results] == [True, False]
    assert ["cached" in json.loads(line) for line in out.read_text().splitlines()] == [True, False]


def test_an_engine_finds_it(serve: Serve) -> None:
    from tests.conftest import registry_of

    server = serve(Counting())
    engine = MetaInferenceEngine(
        json_override=registry_of(server.url, facts=[FACTS]), environ=keys(1), local=False, cache=IN_MEMORY
    )
    for _ in range(2):
        (conversation,) = engine.infer("Which?", "m")
        assert conversation.messages[-1].content == "reply 1"
    assert len(server.asked) == 1
    engine.infer("Which?", "m", cache=False)
    assert len(server.asked) == 2


def test_the_function_of_one_line_takes_it_for_one_call(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(Counting())
    monkeypatch.setenv("OPENAI_API_KEY", "canary-1-0123456789")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    answers = [ask_ai("Which?", "openai/gpt-4o", cache=True) for _ in range(2)]
    assert [answer.cached for answer in answers] == [False, True]


@pytest.mark.parametrize("kind", KINDS)
def test_streams_are_given_again_as_streams(kind: str, serve: Serve) -> None:
    made, server = cached(serve, good, kind=kind)
    events = heard_by(made)

    async def once() -> tuple[list[str], Any]:
        stream = await done(made.ask_ai("Which?", "m", stream=True))
        return [piece async for piece in each(stream)], stream.answer

    async def twice() -> Any:
        return [await once() for _ in range(2)]

    (first, answered), (second, again) = asyncio.run(twice())
    assert first == second
    assert len(first) == 2
    assert (answered.cached, again.cached) == (False, True)
    assert answered.data == again.data
    assert answered.usage.output_tokens == again.usage.output_tokens == 1
    assert (again.cost, [attempt.outcome for attempt in again.attempts]) == (0.0, ["cache"])
    assert len(server.asked) == 1
    ends = [event for event in events if type(event) is StreamFinished]
    assert [(end.cached, end.cost, end.outcome) for end in ends] == [(False, answered.cost, "ok"), (True, 0.0, "ok")]


@pytest.mark.parametrize("kind", KINDS)
def test_sdk_clients_get_a_stream_as_it_came(kind: str, serve: Serve) -> None:
    made, server = cached(serve, good, kind=kind)

    async def once(client: Any) -> list[Any]:
        stream = await done(client.chat.completions.create(model="m", messages=SAME["messages"], stream=True))
        return [chunk.to_dict() async for chunk in each(stream)]

    async def twice() -> Any:
        client = made.client()
        try:
            return [await once(client) for _ in range(2)]
        finally:
            await done(client.close())

    first, second = asyncio.run(twice())
    assert first == second
    assert len(first) == 3
    assert second[-1]["usage"]["prompt_tokens"] == 3
    assert len(server.asked) == 1


def test_a_response_is_streamed_again(serve: Serve) -> None:
    def streaming(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for event in (
            {"type": "response.created", "response": {**RESPONSE, "status": "in_progress", "output": []}},
            {
                "type": "response.output_text.delta",
                "delta": "It ",
                "item_id": "m1",
                "output_index": 0,
                "content_index": 0,
            },
            {"type": "response.completed", "response": RESPONSE},
        ):
            connection.chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        connection.end_stream()

    made, server = cached(serve, streaming)
    client = made.client()
    kinds = [
        [event.type for event in client.responses.create(model="m", input="Which?", store=False, stream=True)]
        for _ in range(2)
    ]
    assert kinds[0] == kinds[1] == ["response.created", "response.output_text.delta", "response.completed"]
    assert len(server.asked) == 1


def test_a_stage_by_hand_may_be_made_of_any_store(serve: Serve) -> None:
    from inference_providers.cache.memory_store import MemoryStore

    server = serve(Counting())
    made: AsyncProviderList = list_of(server.url, kind=AsyncProviderList)
    made.pipeline.stages.append(ResponseCache(Settings.of(True), MemoryStore(10_000)))
    assert [run(made.ask_ai("Which?")) for _ in range(2)] == ["reply 1"] * 2


def test_a_huge_reply_is_given_but_not_kept(serve: Serve) -> None:
    def huge(connection: Connection, request: Received) -> None:
        answer(connection, request, "x" * (9 * 1024 * 1024))

    made, server = cached(serve, huge, **on_disk())
    answers = [made.ask_ai("Which?") for _ in range(2)]
    assert [len(answer) for answer in answers] == [9 * 1024 * 1024] * 2
    assert not answers[1].cached
    assert len(server.asked) == 2


def test_a_store_that_cannot_be_used_costs_no_call(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "folder-not-file"
    path.mkdir()
    made, _ = cached(serve, cache={"path": str(path)})
    answers = [made.ask_ai(question) for question in ("Which?", "What?", "Which?")]
    assert answers == ["reply 1", "reply 2", "reply 1"]  # what this process holds in memory goes on to count
    assert len([line for line in caplog.messages if "is not used for now" in line]) == 1


def test_errors_are_never_kept(serve: Serve) -> None:
    made, server = cached(serve, status(400, {"error": {"message": "temperature must be below 1"}}))
    with pytest.raises(InvalidRequestError):
        made.ask_ai("Which?", "m", temperature=1.5)
    server.behaviour = Counting()
    assert made.ask_ai("Which?", "m", temperature=1.5) == "reply 1"


def test_a_reply_that_repeats_the_key_is_not_kept(serve: Serve) -> None:
    def echoing(connection: Connection, request: Received) -> None:
        answer(connection, request, f"Your key is {request.key}.")

    made, server = cached(serve, echoing, **on_disk())
    for _ in range(2):
        assert not made.ask_ai("Which?", "m").cached
        list(made.ask_ai("Which?", "m", stream=True))
    assert len(server.asked) == 4
    assert made.pipeline.stages[0].store.counts() == []


def test_large_embeddings_are_kept_though_nobody_reads_them(serve: Serve) -> None:
    row = {"object": "embedding", "index": 0, "embedding": "AAAA" * 300_000}

    def large(connection: Connection, request: Received) -> None:
        connection.reply(200, {"object": "list", "model": "m", "data": [row], "usage": {"prompt_tokens": 1}})

    made, server = cached(serve, large)
    client = made.client()
    raws = [client.embeddings.with_raw_response.create(model="m", input="text") for _ in range(2)]
    assert raws[0].content == raws[1].content
    assert len(server.asked) == 1


def test_a_call_without_end_waits_for_another_all_the_same(serve: Serve) -> None:
    from inference_providers.cache.flight import FAILED, Flight

    flight = Flight(float("inf"))
    threading.Timer(0.01, flight.land, (FAILED,)).start()
    flight.wait(float("inf"))
    assert flight.outcome == FAILED
    assert not flight.is_lost

    async def scene() -> Any:
        other = Flight(float("inf"))
        asyncio.get_running_loop().call_later(0.01, other.land, FAILED)
        await other.wait_async(float("inf"))
        return other.outcome

    assert asyncio.run(scene()) == FAILED


def test_a_call_that_never_said_what_came_of_it_keeps_nobody_waiting(serve: Serve) -> None:
    from inference_providers.cache.flight import Flight

    made, server = cached(serve)
    stage = made.pipeline.stages[0]
    assert made.ask_ai("Which?") == "reply 1"
    (key,) = stage.store._entries
    stage.store.clear()
    stage._flights[key, "threads"] = lost = Flight(-60.0)  # as after an interrupt, and long ago
    assert lost.is_lost
    assert made.ask_ai("Which?") == "reply 2"
    assert stage._flights == {}
    assert len(server.asked) == 2


def test_a_connected_client_says_it_too_and_no_server_can(serve: Serve) -> None:
    def boasting(connection: Connection, request: Received) -> None:
        body: Any = {"data": []} if request.path.endswith("/models") else completion("hello")
        connection.reply(200, body, {"x-inference-cache": "hit"})

    made, server = cached(serve, boasting)
    client, name = made.connect_to_model("m")
    answers = [made.get_response(client, name, "Which?") for _ in range(2)]
    assert [(answer.cached, answer.cost > 0) for answer in answers] == [(False, True), (True, False)]
    raw = client.chat.completions.with_raw_response.create(model=name, messages=[{"role": "user", "content": "What?"}])
    assert "x-inference-cache" not in raw.headers
    assert len([request for request in server.asked if request.body]) == 2


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_a_caller_is_not_given_the_reply_of_another(store: str, shared: bool, serve: Serve) -> None:
    made, _ = cached(serve, cache={"store": store, "shared": shared})
    pipeline = made.pipeline

    def asked(caller: str) -> Any:
        request = ModelRequest({"model": "", "messages": [{"role": "user", "content": "the same"}]})
        request.caller = caller
        return pipeline.caller.call(pipeline.finder.candidates("m"), request).data["choices"][0]["message"]["content"]

    assert [asked(caller) for caller in ("", "c1", "c2", "c1", "", "c2")] == [
        "reply 1", "reply 2", "reply 3", "reply 2", "reply 1", "reply 3",
    ]  # fmt: skip
    (stage,) = (one for one in pipeline.stages if isinstance(one, ResponseCache))
    assert stage.store.purge("c1") == 1
    assert [asked(caller) for caller in ("c1", "c2", "")] == ["reply 4", "reply 3", "reply 1"]

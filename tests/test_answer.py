"""An answer is text that says who gave it, for how many tokens, at what price; whole or as it comes."""

from __future__ import annotations

import asyncio
import base64
import copy
import gc
import json
import math
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import (
    AllProvidersFailedError,
    Answer,
    AsyncProviderList,
    AuthenticationError,
    InvalidRequestError,
    ProviderList,
    TruncatedStreamError,
    Usage,
)
from inference_providers.batches.items import result_of
from inference_providers.chat.answer import AnswerBuilder
from inference_providers.chat.completion import with_images, with_instruction
from inference_providers.chat.images import CAP
from inference_providers.registry.provider import Facts
from inference_providers.usage.cost import Charge, cost_of
from inference_providers.usage.usage import usage_of
from tests.conftest import keys, list_of
from tests.fault_server import pause, says, streaming
from tests.servers import PATIENCE, Connection, Received, Server, answer, chunk, completion, delta, status
from tests.test_parameters import KINDS, PNG, TOOL, ask, listed

Serve = Callable[..., Server]
PRICED = [[None, None, 2.0, 10.0, 0.5]]  # USD per million tokens: input, output, cached input
TOKENS = {"prompt_tokens": 1000, "completion_tokens": 100}

both = pytest.mark.parametrize("kind", KINDS, ids=["sync", "async"])


def replying(usage: Any, **message: Any) -> Callable[[Connection, Received], None]:
    """A completion with this usage; other fields go into its message."""
    made = completion()
    made["choices"][0]["message"].update(message)
    return says(200, {**made, "usage": usage})


class Streamed:
    """A stream that was read: its pieces, and the stream itself."""

    def __init__(self, made: Any, most: int | None = None, **options: Any) -> None:
        self.pieces: list[str] = []
        self.most = most
        self.stream = made.stream("hi", **options)
        if isinstance(made, AsyncProviderList):
            asyncio.run(self._read())
        else:
            with self.stream:
                for piece in self.stream:
                    self.pieces.append(piece)
                    if len(self.pieces) == most:
                        break

    async def _read(self) -> None:
        async with self.stream:
            async for piece in self.stream:
                self.pieces.append(piece)
                if len(self.pieces) == self.most:
                    break


def respond(made: Any, client: Any, name: str, question: Any = "hi", **options: Any) -> Any:
    """`get_response` of either kind."""
    response = made.get_response(client, name, question, **options)
    return asyncio.run(response) if asyncio.iscoroutine(response) else response


@both
def test_an_answer_is_text_that_knows_where_it_came_from(serve: Serve, kind: Any) -> None:
    made = list_of(serve().url, kind=kind, facts=PRICED)
    said = ask(made, "hi", model="M", system="Be brief.")
    assert isinstance(said, Answer)
    assert (said, said.text, f"{said}!", said.upper()) == ("hello", "hello", "hello!", "HELLO")
    assert (said.provider, said.model, said.canonical_name) == ("p1", "m-internal", "m")
    assert said.usage == Usage(3, 1)
    assert said.cost == pytest.approx(3 * 2e-6 + 1 * 10e-6)
    assert (said.finish_reason, said.reasoning, said.parsed, said.tool_calls, said.dropped) == (
        "stop",
        "",
        None,
        [],
        [],
    )
    assert [turn["role"] for turn in said.messages] == ["system", "user", "assistant"]
    assert json.loads(json.dumps(said.as_dict()))["usage"]["output_tokens"] == 1


@both
def test_every_try_on_the_way_is_told(serve: Serve, kind: Any) -> None:
    slow = serve(lambda c, r: (time.sleep(0.1), answer(c, r))[1])
    said = ask(list_of(serve(status(404)).url, slow.url, kind=kind))
    assert [(a.provider, a.status) for a in said.attempts] == [("p1", 404), ("p2", 200)]
    assert 0.1 <= said.latency < PATIENCE  # in seconds
    assert [a["provider"] for a in said.as_dict()["attempts"]] == ["p1", "p2"]


@both
def test_no_answer_holds_a_key(serve: Serve, kind: Any) -> None:
    broken = serve(says(401, {"error": {"message": "bad key KEY"}}))
    said = ask(list_of(broken.url, serve().url, kind=kind), temperature=1)
    everything = (
        f"{said!r} {said.__dict__} {said.as_dict()} {said.attempts[0].error!r} {said.attempts[0].error.__dict__}"
    )
    for key in keys(2).values():
        assert key not in everything
        assert key.encode() not in pickle.dumps(said)


@both
def test_an_answer_can_be_kept_and_copied(serve: Serve, kind: Any) -> None:
    said = ask(list_of(serve().url, kind=kind))
    for again in (pickle.loads(pickle.dumps(said)), copy.deepcopy(said)):
        assert again == said
        assert (again.provider, again.usage, again.messages) == (said.provider, said.usage, said.messages)


def test_an_answer_can_be_made_by_hand() -> None:
    plain = Answer("hi")
    assert (plain, plain.text, plain.provider, plain.cost, plain.latency) == ("hi", "hi", None, None, 0.0)
    assert (plain.attempts, plain.tool_calls, plain.dropped, plain.unchecked) == ([], [], [], [])
    assert plain.messages == [{"role": "assistant", "content": "hi"}]
    assert plain.as_dict()["answer"] == "hi"
    assert (Answer(), Answer().model) == ("", "")
    made = Answer("hi", provider="p", model="m", usage=Usage(3, 2), dropped=("seed",), asked=[{"role": "user"}])
    assert (made.provider, made.model, made.usage, made.dropped) == ("p", "m", Usage(3, 2), ["seed"])
    assert [turn["role"] for turn in made.messages] == ["user", "assistant"]
    with pytest.raises(TypeError, match="porvider"):
        Answer("hi", porvider="p")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, *(lambda said, n=n: pickle.loads(pickle.dumps(said, n)) for n in range(2, 6))]
)
def test_an_answer_made_by_hand_is_kept_with_all_that_is_known(again: Any) -> None:
    made = Answer("hi", provider="p", usage=Usage(3, 2), attempts=[], parsed={"a": [1]}, data={"x": 1})
    made.note = "mine"  # type: ignore[attr-defined]
    found = again(made)
    assert (type(found), found, found.usage) == (Answer, "hi", Usage(3, 2))
    assert {**vars(found), "usage": None} == {**vars(made), "usage": None}


def test_every_field_is_there_however_an_answer_is_made() -> None:
    fields = [name for name in Answer.__annotations__ if not name.startswith("_")]
    reply = AnswerBuilder().answer(completion(), None, ())
    row = result_of({"answer": "hi"}).answer
    for made in (Answer("hi"), reply, row):
        assert list(vars(made)) == fields
    assert vars(row) == vars(Answer("hi"))


@both
def test_its_messages_go_on_with_the_conversation(serve: Serve, kind: Any) -> None:
    server = serve(replying(TOKENS, reasoning_content="hm"))
    made = list_of(server.url, kind=kind)
    first = ask(made)
    ask(made, [*first.messages, {"role": "user", "content": "And?"}])
    assert server.asked[1].json["messages"] == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello", "reasoning_content": "hm"},
        {"role": "user", "content": "And?"},
    ]
    assert first.reasoning == "hm"


@both
def test_calls_of_described_tools_are_handed_back(serve: Serve, kind: Any) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    server = serve(replying(TOKENS, content=None, tool_calls=[call]))
    said = ask(list_of(server.url, kind=kind), tools=[TOOL])
    assert (said, said.tool_calls) == ("", [call])
    assert said.messages[-1]["tool_calls"] == [call]
    assert said.as_dict()["tool_calls"] == [call]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (TOKENS, Usage(1000, 100)),
        ({"input_tokens": 5, "output_tokens": 6}, Usage(5, 6)),
        ({**TOKENS, "prompt_tokens_details": {"cached_tokens": 400}}, Usage(1000, 100, cached_tokens=400)),
        ({**TOKENS, "prompt_cache_hit_tokens": 300}, Usage(1000, 100, cached_tokens=300)),
        ({**TOKENS, "completion_tokens_details": {"reasoning_tokens": 90}}, Usage(1000, 100, reasoning_tokens=90)),
        ({**TOKENS, "prompt_tokens_details": None, "completion_tokens_details": []}, Usage(1000, 100)),
        ({"prompt_tokens": 7}, Usage(7, 0)),
        ({"prompt_tokens": 1e999, "completion_tokens": 2}, Usage(0, 2)),
        ({"prompt_tokens": math.nan, "completion_tokens": -1}, None),
        ({"prompt_tokens": True, "completion_tokens": "9"}, None),
        ({}, None),
        (None, None),
        ([1], None),
        ("lots", None),
    ],
)
@both
def test_usage_is_read_in_every_dialect(serve: Serve, kind: Any, reported: Any, usage: Usage | None) -> None:
    said = ask(list_of(serve(replying(reported)).url, kind=kind, facts=PRICED))
    assert said == "hello"
    assert said.usage == usage
    assert (said.cost is None) == (usage is None)


@pytest.mark.parametrize(
    ("facts", "more", "cost"),
    [
        ([None, None, 2.0, 10.0], {}, 0.003),
        ([None, None, 2.0, 10.0, 0.5], {"prompt_tokens_details": {"cached_tokens": 400}}, 0.0024),
        ([None, None, 2.0, 10.0], {"prompt_tokens_details": {"cached_tokens": 400}}, 0.003),
        ([None, None, 2.0, 10.0, 0.5], {"prompt_tokens_details": {"cached_tokens": 5000}}, 0.0015),
        ([None, None, 0, 0], {}, 0.0),
        ([None, None, 2.0, None], {}, None),
        ([], {}, None),
        ([], {"cost": 0.125}, 0.125),
        ([None, None, 2.0, 10.0], {"cost": 0}, 0.0),
        ([None, None, 2.0, 10.0], {"cost": {"total_cost": 1}}, 1.0),
        ([None, None, 2.0, 10.0], {"cost": {"sum": 1}}, 0.003),
    ],
)
@both
def test_the_cost_is_known_where_tokens_and_prices_are(
    serve: Serve, kind: Any, facts: list[Any], more: dict[str, Any], cost: float | None
) -> None:
    server = serve(replying({**TOKENS, **more}))
    assert ask(list_of(server.url, kind=kind, facts=[facts])).cost == (None if cost is None else pytest.approx(cost))


USAGES = st.builds(Usage, *[st.integers(0, 10**6)] * 2, cached_tokens=st.integers(0, 10**6))
PRICES = st.floats(0, 100)


@given(USAGES, PRICES, PRICES, PRICES)
def test_cached_tokens_never_cost_more_than_the_dearer_price(
    usage: Usage, price: float, out: float, hit: float
) -> None:
    cost = cost_of(usage, Facts([None, None, price, out, hit]))
    fresh, cached = (usage.input_tokens * each + usage.output_tokens * out for each in (price, hit))
    assert cost is not None
    assert min(fresh, cached) / 1e6 - 1e-9 <= cost <= max(fresh, cached) / 1e6 + 1e-9


@given(st.lists(st.tuples(st.none() | USAGES, st.none() | PRICES, st.floats(0, 9)), min_size=1))
def test_tokens_and_costs_of_several_replies_add_up(replies: list[tuple[Usage | None, float | None, float]]) -> None:
    so_far = AnswerBuilder()
    for usage, cost, seconds in replies:
        charged = Charge(usage, Facts())
        charged.cost = cost
        so_far.add(charged, (), (), seconds)
    known = [usage for usage, _, _ in replies if usage is not None]
    costs = [cost for _, cost, _ in replies if cost is not None]
    assert (so_far.usage is None) == (not known)
    assert so_far.usage is None or so_far.usage.total_tokens == sum(usage.total_tokens for usage in known)
    assert so_far.usage is None or so_far.usage.cached_tokens == sum(usage.cached_tokens for usage in known)
    assert so_far.cost == (pytest.approx(math.fsum(costs)) if len(costs) == len(replies) else None)
    assert so_far.latency == pytest.approx(math.fsum(seconds for _, _, seconds in replies))


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner), max_leaves=3))
def test_no_report_of_usage_breaks_a_program(value: Any) -> None:
    fields = ("prompt_tokens", "completion_tokens", "input_tokens", "prompt_tokens_details", "cost")
    for reported in (value, *({**TOKENS, name: value} for name in fields)):
        usage = usage_of(reported)
        assert usage is None or min(usage.as_dict().values()) >= 0


# Streams


@both
def test_a_stream_is_text_as_it_comes_and_an_answer_at_its_end(serve: Serve, kind: Any) -> None:
    last = {**delta(None), "choices": [], "usage": TOKENS}
    server = serve(streaming(delta("hel"), delta("lo"), delta(None, "stop"), last, "[DONE]"))
    read = Streamed(list_of(serve(status(404)).url, server.url, kind=kind, facts=[[], *PRICED]))
    said = read.stream.answer
    assert read.pieces == ["hel", "lo"]
    assert (said, said.provider, said.model, said.canonical_name) == ("hello", "p2", "m-internal", "m")
    assert (said.usage, said.cost) == (Usage(1000, 100), pytest.approx(0.003))
    assert (said.finish_reason, [a.status for a in said.attempts]) == ("stop", [404, 200])
    assert said.messages[-1] == {"role": "assistant", "content": "hello"}
    assert (read.stream.provider, read.stream.model) == ("p2", "m-internal")


@both
def test_a_stream_that_tells_no_usage_has_no_price(serve: Serve, kind: Any) -> None:
    said = Streamed(list_of(serve().url, kind=kind, facts=PRICED)).stream.answer
    assert (said, said.usage, said.cost) == ("hello", None, None)


@both
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_are_not_among_the_text(serve: Serve, kind: Any, field: str) -> None:
    server = serve(streaming(delta(None, **{field: "h"}), delta(None, **{field: "m"}), delta("yes", "stop")))
    read = Streamed(list_of(server.url, kind=kind))
    assert (read.pieces, read.stream.answer.reasoning) == (["yes"], "hm")


@both
def test_of_several_answers_in_a_stream_the_first_is_given(serve: Serve, kind: Any) -> None:
    other = delta("NO")
    other["choices"][0]["index"] = 1
    server = serve(streaming(delta("hel"), other, delta("lo", "stop"), "[DONE]"))
    assert Streamed(list_of(server.url, kind=kind), n=2).pieces == ["hel", "lo"]


@both
def test_the_latency_of_a_stream_has_the_wait_for_its_first_word(serve: Serve, kind: Any) -> None:
    server = serve(streaming(pause(0.2), delta("a"), delta("b", "stop")))
    assert 0.2 <= Streamed(list_of(server.url, kind=kind)).stream.answer.latency < PATIENCE


@both
def test_a_stream_closed_early_has_no_answer_and_ends_the_connection(serve: Serve, kind: Any) -> None:
    word = chunk(f"data: {json.dumps(delta('word '))}\n\n".encode())
    server = serve(streaming(end=lambda connection: connection.hold(word, 0.01)))
    read = Streamed(list_of(server.url, kind=kind), most=2)
    assert read.pieces == ["word ", "word "]
    with pytest.raises(ValueError, match="not come to its end"):
        assert read.stream.answer
    gc.collect()
    assert server.left()


@both
def test_a_stream_that_breaks_keeps_what_came(serve: Serve, kind: Any) -> None:
    server, other = serve(streaming(delta("par"), delta("tial"), end=Connection.close)), serve()
    with pytest.raises(TruncatedStreamError) as caught:
        Streamed(list_of(server.url, other.url, kind=kind))
    assert caught.value.partial == "partial"
    assert other.requests == []


@both
def test_a_server_that_does_not_stream_is_heard_all_the_same(serve: Serve, kind: Any) -> None:
    said = Streamed(list_of(serve(replying(TOKENS)).url, kind=kind, facts=PRICED)).stream.answer
    assert (said, said.usage, said.finish_reason) == ("hello", Usage(1000, 100), "stop")


@pytest.mark.parametrize("wrong", [{"schema": {"type": "object"}}, {"tools": [TOOL]}, {"temperature": 9}, {"hot": 1}])
@both
def test_a_stream_of_what_cannot_be_streamed_is_refused_before_sending(serve: Serve, kind: Any, wrong: Any) -> None:
    server = serve()
    with pytest.raises((ValueError, TypeError)):
        ask(list_of(server.url, kind=kind), stream=True, **wrong)
    assert server.requests == []


def test_ask_ai_streams_when_told_to(serve: Serve) -> None:
    assert list(list_of(serve().url).ask_ai("hi", stream=True)) == ["he", "llo"]

    async def streamed() -> list[str]:
        stream = await list_of(serve().url, kind=AsyncProviderList).ask_ai("hi", stream=True)
        assert stream.provider == "p1"
        return [piece async for piece in stream]

    assert asyncio.run(streamed()) == ["he", "llo"]


def test_a_stream_that_nobody_opened_has_asked_nobody(serve: Serve) -> None:
    server = serve()
    stream = list_of(server.url, kind=AsyncProviderList).stream("hi")
    for name in ("provider", "model", "offer", "answer"):
        with pytest.raises(ValueError, match=r"not open yet|not come to its end"):
            getattr(stream, name)
    assert (stream.attempts, repr(stream)) == ([], "<AsyncAnswerStream, not opened>")
    assert server.requests == []


def test_a_stream_may_be_asked_for_again_but_brings_nothing_more(serve: Serve) -> None:
    stream = list_of(serve().url).stream("hi")
    assert (list(stream), list(stream), stream.answer) == (["he", "llo"], [], "hello")


# get_response


@both
def test_a_connected_client_is_asked_in_the_same_words(serve: Serve, kind: Any) -> None:
    server = serve(replying(TOKENS))
    made = list_of(server.url, kind=kind, facts=PRICED)
    client, name = made.connect_to_model("m") if kind is ProviderList else asyncio.run(made.connect_to_model("m"))
    own = {"top_a": 0.1}
    said = respond(
        made, client, name, system="Be brief.", max_new_tokens=7, stop_strings=["x"], min_p=0, extra_body=own
    )
    assert server.asked[-1].json == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "model": "m-internal",
        "max_tokens": 7,
        "stop": ["x"],
        "min_p": 0,
        "top_a": 0.1,
    }
    assert (said, said.provider, said.model, said.canonical_name) == ("hello", "p1", "m-internal", "m")
    assert (said.usage, said.cost) == (Usage(1000, 100), pytest.approx(0.003))
    assert said.latency > 0


@both
def test_a_routed_clients_answer_says_who_gave_it_and_what_was_left_out(serve: Serve, kind: Any) -> None:
    made = listed(kind, (serve(status(404)).url, {}, ""), (serve(replying({**TOKENS, "cost": 1})).url, {}, "P"))
    said = respond(made, made.client(), "m", temperature=0.5, top_p=1)
    assert (said.provider, said.model, said.canonical_name, said.cost) == ("p2", "m-internal", "m", 1)
    assert said.dropped == ["temperature", "top_p"]


def test_a_client_that_somebody_made_is_asked_as_well(serve: Serve) -> None:
    with openai.OpenAI(base_url=serve().url, api_key="k", max_retries=0) as client:
        said = list_of("http://127.0.0.1:9/v1").get_response(client, "own", "hi")
    assert (said, said.provider, said.model, said.cost) == ("hello", None, "own", None)


@both
def test_a_connected_clients_failure_is_ours(serve: Serve, kind: Any) -> None:
    made = list_of(serve(says(401, {"error": {"message": "bad key KEY"}})).url, kind=kind)
    with pytest.raises(AuthenticationError):
        respond(made, made.client(), "m")


@both
def test_a_connected_client_calls_no_functions(serve: Serve, kind: Any) -> None:
    server = serve()
    made = list_of(server.url, kind=kind)
    with pytest.raises(ValueError, match="functions are called by ask_ai"):
        respond(made, made.client(), "m", tools=[lambda_free])
    assert server.requests == []


def lambda_free(x: int) -> int:
    """A tool."""
    return x


# Pictures

WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "


def data_url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize(
    ("pictures", "sent"),
    [
        (PNG, [data_url("png", PNG)]),
        (bytearray(PNG), [data_url("png", PNG)]),
        ("https://example.com/a.png", ["https://example.com/a.png"]),
        ("DATA:image/png;base64,AAAA", ["DATA:image/png;base64,AAAA"]),
        ([PNG, "http://example.com/a", WEBP], [data_url("png", PNG), "http://example.com/a", data_url("webp", WEBP)]),
        (iter([b"\xff\xd8\xff\xe0"]), [data_url("jpeg", b"\xff\xd8\xff\xe0")]),
    ],
    ids=["bytes", "bytearray", "url", "data-url", "several", "iterator"],
)
def test_pictures_go_with_the_question(serve: Serve, pictures: Any, sent: list[str]) -> None:
    server = serve()
    list_of(server.url).ask_ai("What is it?", images=pictures)
    parts = server.asked[0].json["messages"][0]["content"]
    assert parts[0] == {"type": "text", "text": "What is it?"}
    assert parts[1:] == [{"type": "image_url", "image_url": {"url": url}} for url in sent]


@both
def test_a_picture_may_be_a_file(serve: Serve, kind: Any, tmp_path: Path) -> None:
    server = serve()
    (tmp_path / "a.png").write_bytes(PNG)
    environ = {"HOME": str(tmp_path)}
    for path in (tmp_path / "a.png", str(tmp_path / "a.png"), "~/a.png"):
        ask(list_of(server.url, kind=kind, environ=environ), images=path)
        assert server.asked[-1].json["messages"][0]["content"][1]["image_url"]["url"] == data_url("png", PNG)


@pytest.mark.parametrize(
    ("wrong", "says_so"),
    [
        (b"<svg/>", "not an image"),
        (b"", "not an image"),
        ("/nowhere/a.png", "cannot be read: No such file"),
        ("/", "cannot be read"),
        ("", "cannot be read"),
        (PNG + bytes(CAP), "20 MiB"),
    ],
    ids=["svg", "empty", "missing", "folder", "nothing", "large"],
)
@both
def test_what_is_no_picture_is_not_sent(serve: Serve, kind: Any, wrong: Any, says_so: str) -> None:
    server = serve()
    with pytest.raises(ValueError, match=says_so):
        ask(list_of(server.url, kind=kind), images=wrong)
    with pytest.raises((TypeError, ValueError)):
        ask(list_of(server.url, kind=kind), images=[None])
    assert server.requests == []


def test_no_pictures_change_nothing(serve: Serve) -> None:
    server = serve()
    list_of(server.url).ask_ai("hi", images=[])
    assert server.asked[0].json["messages"] == [{"role": "user", "content": "hi"}]


def test_pictures_go_into_the_last_message_of_the_user() -> None:
    turns: Any = [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": "b"}]
    before = copy.deepcopy(turns)
    found = with_images(turns, ["u"])
    assert turns == before
    assert found[0]["content"] == [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}]
    assert found[1] == turns[1]
    with pytest.raises(ValueError, match="with the role user"):
        with_images([{"role": "system", "content": "x"}], ["u"])


@given(st.lists(st.fixed_dictionaries({"role": st.sampled_from(["system", "user"]), "content": st.text()}), max_size=4))
def test_an_instruction_is_added_to_the_system_message_alone(turns: list[dict[str, Any]]) -> None:
    before = copy.deepcopy(turns)
    found = with_instruction(turns, "DO")
    assert turns == before
    assert found[0]["role"] == "system"
    assert found[0]["content"].endswith("DO")
    assert found[1:] == (turns[1:] if turns and turns[0]["role"] == "system" else turns)


@both
def test_a_wrong_request_is_at_fault_once(serve: Serve, kind: Any) -> None:
    broken, good = serve(says(400, {"error": {"message": "no such field"}})), serve()
    with pytest.raises(InvalidRequestError, match="no such field"):
        ask(list_of(broken.url, kind=kind), extra_body={"nonsense": 1})
    assert [request.json["nonsense"] for request in broken.asked] == [1]
    assert ask(list_of(broken.url, good.url, kind=kind), extra_body={"nonsense": 1}) == "hello"  # a second opinion
    assert len(broken.asked) == 2


@both
def test_the_time_for_an_answer_is_a_matter_of_the_question(serve: Serve, kind: Any) -> None:
    slow = serve(lambda c, r: c.hold())
    with pytest.raises(AllProvidersFailedError):
        ask(list_of(slow.url, kind=kind), timeout=1.0)
    assert slow.left()

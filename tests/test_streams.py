"""Streams as real servers send them: put together to what the whole reply would have been, and passed on as they come."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai._streaming import SSEDecoder
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from inference_providers import AsyncProviderList, MetaInferenceEngine, RemoteParams
from inference_providers.chat import Assembly, thinking
from inference_providers.chat.assembly import assembled
from inference_providers.chat.completion import as_chunk, thoughts
from inference_providers.protocols import classify, openai_chat
from inference_providers.protocols.chat_form import ChatForm
from inference_providers.protocols.stream_parts import Part
from inference_providers.transport.http import Limits
from inference_providers.usage import usage_of
from tests.conftest import async_list_of, list_of
from tests.fault_server import BEGUN, HELLO, PINGS, lines_of, said, says_of, sent, streaming, words
from tests.servers import PATIENCE, Connection, Received, Server, completion, delta

Serve = Callable[..., Server]
KINDS = {"sync": list_of, "async": async_list_of}
MESSAGES: Any = [{"role": "user", "content": "hi"}]
PATIENT = Limits(connect=PATIENCE, first_token=PATIENCE, idle=PATIENCE, total=PATIENCE)


def asked(made: Any, *, stream: bool = False, **options: Any) -> tuple[list[str], Any]:
    """(the pieces, the answer) of a question."""

    async def run() -> tuple[list[str], Any]:
        if not stream:
            return [], await made.ask_ai("hi", **options)
        opened = made.stream("hi", **options)
        return [piece async for piece in opened], opened.answer

    if isinstance(made, AsyncProviderList):
        return asyncio.run(run())
    if not stream:
        return [], made.ask_ai("hi", **options)
    opened = made.stream("hi", **options)
    return list(opened), opened.answer


# What a stream adds up to

text = st.text(max_size=12)
token = st.fixed_dictionaries({"token": text, "logprob": st.floats(-9, 0), "top_logprobs": st.just([])})
call = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "type": st.just("function"),
        "function": st.fixed_dictionaries({"name": st.sampled_from(["f", "g"]), "arguments": text}),
    }
)
message = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.one_of(st.none(), st.text(min_size=1, max_size=12))},
    optional={
        "refusal": st.one_of(st.none(), st.text(min_size=1, max_size=8)),
        "reasoning_content": st.text(min_size=1, max_size=8),
        "tool_calls": st.lists(call, min_size=1, max_size=3),
        "annotations": st.lists(
            st.fixed_dictionaries({"type": st.just("url_citation"), "url_citation": st.dictionaries(text, text)}),
            min_size=1,
            max_size=3,
        ),
    },
)
choice = st.fixed_dictionaries(
    {
        "message": message,
        "finish_reason": st.sampled_from(["stop", "length", "tool_calls"]),
        "logprobs": st.one_of(st.none(), st.fixed_dictionaries({"content": st.lists(token, min_size=1, max_size=4)})),
    }
)


@st.composite
def completions(draw: Any) -> dict[str, Any]:
    """A chat completion."""
    choices = draw(st.lists(choice, min_size=1, max_size=3))
    usage = {"prompt_tokens": 3, "completion_tokens": draw(st.integers(0, 99)), "total_tokens": 200}
    optional = draw(st.sampled_from([{}, {"citations": ["https://a.example", "https://b.example"]}]))
    return {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": at, **one} for at, one in enumerate(choices)],
        "usage": usage,
        **optional,
    }


def cut(value: str, draw: Any) -> list[str]:
    """A text in pieces."""
    places = sorted(draw(st.lists(st.integers(0, len(value)), max_size=3)))
    return [value[start:end] for start, end in zip([0, *places], [*places, len(value)], strict=True)]


def deltas(one: dict[str, Any], draw: Any) -> Iterator[dict[str, Any]]:
    """A choice in the pieces of a stream, without its index."""
    said = one["message"]
    yield {"delta": {"role": "assistant", **({"content": None} if said["content"] is None else {})}}
    for name in ("reasoning_content", "refusal", "content"):
        if name in said and said[name] is None:
            yield {"delta": {name: None}}
        for piece in cut(said.get(name) or "", draw) if said.get(name) else ():
            yield {"delta": {name: piece}}
    for index, called in enumerate(said.get("tool_calls", ())):
        yield from pieces_of_call(index, called, draw)
    for note in said.get("annotations", ()):
        yield {"delta": {"annotations": [note]}}
    for one_token in (one["logprobs"] or {}).get("content", ()):
        yield {"delta": {}, "logprobs": {"content": [one_token]}}
    if one["logprobs"] is None:
        yield {"delta": {}, "logprobs": None}
    yield {"delta": {}, "finish_reason": one["finish_reason"]}


def pieces_of_call(index: int, called: dict[str, Any], draw: Any) -> Iterator[dict[str, Any]]:
    """A tool call as servers send it: numbered or not, its id said once or always."""
    numbered, always = draw(st.booleans()), draw(st.booleans())
    place = {"index": index} if numbered else {}
    name, first = {"name": called["function"]["name"]}, True
    for piece in cut(called["function"]["arguments"], draw):
        head = {"id": called["id"], "type": "function"} if first or always else {}
        yield {
            "delta": {"tool_calls": [{**place, **head, "function": {**(name if first else {}), "arguments": piece}}]}
        }
        first = False


@st.composite
def streamed(draw: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(a completion, the chunks of a stream that says the same), its choices one after another or at once."""
    whole = draw(completions())
    ways = [[{**piece, "index": one["index"]} for piece in deltas(one, draw)] for one in whole["choices"]]
    mixed: list[dict[str, Any]] = []
    while any(ways):
        mixed.append(draw(st.sampled_from([way for way in ways if way])).pop(0))
    head = {name: whole[name] for name in whole if name not in ("choices", "usage", "object")}
    head["object"] = "chat.completion.chunk"
    chunks = [{**head, "choices": [piece], "usage": None} for piece in mixed]
    return whole, [*chunks, {**head, "choices": [], "usage": whole["usage"]}]


@settings(max_examples=300, deadline=None)
@given(streamed())
def test_a_completion_cut_into_deltas_is_put_together_again(
    given_: tuple[dict[str, Any], list[dict[str, Any]]],
) -> None:
    whole, chunks = given_
    before, assembly = copy.deepcopy(chunks), Assembly()
    for chunk in chunks:
        assembly.add(chunk)
    assert chunks == before
    assert assembly.reply == whole
    at_once = Assembly()
    at_once.add(as_chunk(whole))
    assert at_once.reply == whole


@settings(max_examples=200, deadline=None)
@given(streamed(), st.integers(1, 40), st.sampled_from(["events", "lines"]))
def test_the_bytes_of_a_stream_give_the_whole_reply_to_who_did_not_ask_for_one(
    given_: tuple[dict[str, Any], list[dict[str, Any]]], size: int, form: str
) -> None:
    whole, chunks = given_
    sent = b"".join(json.dumps(one).encode() + b"\n" for one in chunks)
    if form == "events":
        sent = b"".join(b"data: " + line + b"\n\n" for line in sent.splitlines())
    verdict = openai_chat.decode(200, {"content-type": "x/y"}, sent, "p", (), 0.0, allow_empty=True)
    judge = openai_chat.judge("p", (), {"content-type": "x/y"}, 0.0, allow_empty=True)
    came = [one for at in range(0, len(sent), size) for one in judge.feed(sent[at : at + size])] + list(judge.end())
    form_ = ChatForm()
    assert came == [form_.put(copy.deepcopy(chunk)) for chunk in chunks]
    assert judge.verdict is not None
    assert usage_of(judge.usage) == usage_of(whole["usage"])
    if not any(one["finish_reason"] == "error" for one in whole["choices"]):
        assert verdict.reply == whole or verdict.action == classify.STOP


@settings(max_examples=200, deadline=None)
@given(streamed(), st.lists(st.integers(1, 60), min_size=1, max_size=8), st.data())
def test_an_sdk_is_given_every_chunk_and_no_ping_wherever_the_bytes_are_cut(
    given_: tuple[dict[str, Any], list[dict[str, Any]]], sizes: list[int], data: st.DataObject
) -> None:
    whole, chunks = given_
    ends = data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    pings = [b"data: null", b"data: {}", b'event: ping\ndata: {"type": "ping"}', b": ping", b"data: ping"]
    events = [*(b"data: " + json.dumps(chunk).encode() for chunk in chunks), b"data: [DONE]"]
    for _ in range(data.draw(st.integers(0, 6))):
        events.insert(data.draw(st.integers(0, len(events) - 1)), data.draw(st.sampled_from(pings)))
    sent = b"".join(event.replace(b"\n", ends) + 2 * ends for event in events)
    judge = openai_chat.judge("p", (), {"content-type": "text/event-stream"}, 0.0, allow_empty=True)
    passed, at, parts = b"", 0, iter(sizes * len(sent))
    while at < len(sent):
        size = next(parts)
        passed += Part(judge, sent[at : at + size]).raw
        at += size
    passed += Part(judge, b"", ends=True).raw
    form_ = ChatForm()
    read = [event.json() for event in SSEDecoder().iter_bytes(iter([passed])) if event.data != "[DONE]"]
    assert read == [form_.put(copy.deepcopy(chunk)) for chunk in chunks]


@settings(max_examples=200, deadline=None)
@given(st.lists(call, min_size=1, max_size=3, unique_by=lambda one: one["id"]), st.data())
def test_what_an_sdk_joins_are_the_calls_that_the_server_meant(
    calls: list[dict[str, Any]], data: st.DataObject
) -> None:
    form_, joined = ChatForm(), ChatCompletionStreamState()
    pieces = [piece for at, called in enumerate(calls) for piece in pieces_of_call(at, called, data.draw)]
    for piece in pieces:
        chunk = {**delta(None), "choices": [{"index": 0, "finish_reason": None, **piece}]}
        joined.handle_chunk(ChatCompletionChunk.construct(**form_.put(chunk)))
    made = joined.current_completion_snapshot.choices[0].message.tool_calls or ()
    assert [(one.id, one.function.name, one.function.arguments) for one in made] == [
        (one["id"], one["function"]["name"], one["function"]["arguments"]) for one in calls
    ]


def tool_delta(**piece: Any) -> dict[str, Any]:
    return delta(None, tool_calls=[piece])


@pytest.mark.parametrize(
    "chunks",
    [
        [  # neither index nor id behind the first piece
            tool_delta(id="a", type="function", function={"name": "f", "arguments": '{"x"'}),
            tool_delta(function={"arguments": ": 1}"}),
            tool_delta(id="b", type="function", function={"name": "g", "arguments": "{}"}),
        ],
        [  # every call has the same index
            tool_delta(index=0, id="a", type="function", function={"name": "f", "arguments": '{"x": 1}'}),
            tool_delta(index=0, id="b", type="function", function={"name": "g", "arguments": "{}"}),
        ],
        [  # the id and the name come with every piece, or are empty
            tool_delta(index=0, id="a", type="function", function={"name": "f", "arguments": '{"x"'}),
            tool_delta(index=0, id="", type=None, function={"name": None, "arguments": ": 1}"}),
            tool_delta(index=1, id="b", type="function", function={"name": "g", "arguments": "{"}),
            tool_delta(index=1, id="b", type="function", function={"name": "g", "arguments": "}"}),
        ],
        [
            delta(
                None,
                tool_calls=[
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
                    {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                ],
            )
        ],
    ],
)
def test_tool_calls_are_told_apart_however_they_are_numbered(chunks: list[dict[str, Any]]) -> None:
    assembly = Assembly()
    for chunk in chunks:
        assembly.add(chunk)
    assert assembly.reply["choices"][0]["message"]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_arguments_that_nest_too_deep_are_those_of_a_call_like_others() -> None:
    assembly = Assembly()
    for arguments in ("[" * 4000, "{}"):
        assembly.add(tool_delta(index=0, function={"name": "f", "arguments": arguments}))
    (call,) = assembly.reply["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == "[" * 4000 + "{}"


def test_tool_calls_without_ids_are_told_apart() -> None:
    assembly = Assembly()
    for name in ("f", "g"):
        for place in ({}, {"index": 0}):
            made = Assembly()
            made.add(tool_delta(**place, function={"name": "f", "arguments": "{}"}))
            made.add(tool_delta(**place, function={"name": name, "arguments": '{"y": 2}'}))
            calls = made.reply["choices"][0]["message"]["tool_calls"]
            assert [one["function"] for one in calls] == [
                {"name": "f", "arguments": "{}"},
                {"name": name, "arguments": '{"y": 2}'},
            ]
    assert assembly.reply["choices"] == []


@pytest.mark.parametrize(
    "last",
    [
        [{**delta(None, "stop"), "usage": {"prompt_tokens": 3, "completion_tokens": 1}}],
        [{**delta(None, "stop"), "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 3, "completion_tokens": 1}}]}],
        [{**delta(None, "stop"), "x_groq": {"id": "r", "usage": {"prompt_tokens": 3, "completion_tokens": 1}}}],
        [delta(None, "stop"), {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}],
        [delta(None, "stop"), {"object": "chat.completion.chunk", "usage": {"prompt_tokens": 3, "completion_tokens": 1}}],
        [delta(None, "stop"), {**delta(None), "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 1}}],
        [{**delta("", "stop"), "usage": {"prompt_tokens": 3}}, {"choices": [], "usage": {"prompt_tokens": None, "completion_tokens": 1}}],
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_usage_is_found_wherever_it_stands(serve: Serve, kind: str, last: list[dict[str, Any]]) -> None:
    early = {**delta("lo"), "usage": {"prompt_tokens": 3, "completion_tokens": 0}}  # it grows
    server = serve(streaming(delta("hel"), early, *last, "[DONE]"))
    _, answer = asked(KINDS[kind](server.url), stream=True)
    assert (answer, answer.usage.input_tokens, answer.usage.output_tokens) == ("hello", 3, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_a_stream_says_is_in_the_answer(serve: Serve, kind: str) -> None:
    tokens = [{"token": word, "logprob": -0.1, "top_logprobs": []} for word in ("hel", "lo")]
    chunks = [
        {**delta("hel"), "citations": ["https://a.example"]},
        {**delta("lo"), "citations": ["https://a.example", "https://b.example"]},
        delta(None, "stop"),
    ]
    for chunk, token_ in zip(chunks, tokens, strict=False):
        chunk["choices"][0]["logprobs"] = {"content": [token_]}
    other = {**delta("hi", "length"), "choices": [{"index": 1, "delta": {"content": "hi"}, "finish_reason": "length"}]}
    pieces, answer = asked(KINDS[kind](serve(streaming(*chunks[:2], other, chunks[2], "[DONE]")).url), stream=True)
    assert pieces == ["hel", "lo"]
    assert answer.data["object"] == "chat.completion"
    assert answer.data["citations"] == ["https://a.example", "https://b.example"]
    first, second = answer.data["choices"]
    assert first["logprobs"] == {"content": tokens}
    assert first["message"] == {"role": "assistant", "content": "hello"}
    assert (second["message"]["content"], second["finish_reason"], answer.finish_reason) == ("hi", "length", "stop")


# Thoughts

THOUGHTS = [
    {"reasoning_content": "hm"},
    {"reasoning": "hm"},
    {"reasoning": {"content": "hm"}},
    {"reasoning": [{"type": "text", "text": "hm"}]},
    {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}]},
    {"reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0}]},
    {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]},
    {"thinking": "hm"},
    {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    {"content": [{"type": "thinking", "thinking": "hm"}]},
    {"content": [{"type": "reasoning_content", "reasoning_content": {"text": "hm"}}]},
    {"content": [{"type": "reasoning", "text": "hm"}]},
    {"content": [{"type": "text", "text": "hm", "thought": True}]},
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("said", THOUGHTS)
def test_thoughts_are_no_text_and_land_in_reasoning(serve: Serve, kind: str, said: dict[str, Any]) -> None:
    pieces, answer = asked(
        KINDS[kind](serve(streaming(delta(None, **said), delta("4"), delta(None, "stop"), "[DONE]")).url), stream=True
    )
    assert (pieces, answer, answer.reasoning) == (["4"], "4", "hm")
    content = said.get("content", [])
    message = {**said, "role": "assistant", "content": [*content, {"type": "text", "text": "4"}] if content else "4"}
    reply = completion("4", message=message)
    _, answer = asked(KINDS[kind](serve(sent(json.dumps(reply).encode(), "application/json")).url))
    assert (answer, answer.reasoning) == ("4", "hm")


@pytest.mark.parametrize("said", [*THOUGHTS, {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}])
def test_a_stream_that_thinks_has_begun(said: dict[str, Any]) -> None:
    judge = openai_chat.judge("p", (), {}, 0.0)
    assert len(list(judge.feed(b"data: " + json.dumps(delta(None, **said)).encode() + b"\n\n"))) == 1
    assert judge.started


def test_thoughts_of_any_shape_are_read() -> None:
    for odd in (None, 5, [], {}, [5], {"text": 5}, [[[["deep"]]]], {"text": [{"text": "deep"}]}):
        assert thoughts({"reasoning": odd}) in ("", "deep")
    assert thoughts(5) == ""


BLOCKS = [(opened + "let me see" + closed, "let me see") for opened, closed in thinking.TAGS.items()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("block", "thought"), [*BLOCKS, ("<think>\n\n</think>", "")])
def test_a_block_of_thoughts_is_parted_from_the_answer_where_it_is_wanted(
    serve: Serve, kind: str, block: str, thought: str
) -> None:
    text = f"\n{block}\n\n4 is <think> for </think>"
    pieces = [delta(letter) for letter in text]
    server = serve(
        lambda c, r: (
            streaming(*pieces, delta(None, "stop"), "[DONE]")(c, r) if r.streams else c.reply(200, completion(text))
        )
    )
    for options in ({"split_thinking": True}, {"list": True}):
        made = KINDS[kind](server.url, **({"split_thinking": True} if "list" in options else {}))
        options.pop("list", None)
        for stream in (False, True):
            got, answer = asked(made, stream=stream, **options)
            assert (answer, answer.reasoning) == ("4 is <think> for </think>", thought)
            assert not stream or "".join(got) == answer
            assert answer.messages[-1]["content"] == answer
            assert answer.data["choices"][0]["message"]["content"] == text
    assert asked(KINDS[kind](server.url))[1] == text
    assert asked(made, split_thinking=False)[1] == text
    if kind == "sync":
        assert [(one.answer, one.answer.reasoning) for one in made.batch(["a", "b"])] == [
            ("4 is <think> for </think>", thought)
        ] * 2
        engine = MetaInferenceEngine(remote_params=RemoteParams(api_url=server.url, api_key="k" * 20))
        (said_,) = engine.infer([{"messages": MESSAGES}], "m", split_thinking=True)
        assert said_.messages[-1].content == "4 is <think> for </think>"
        with made.client() as client:
            answer = made.get_response(client, "m", "hi")
            assert (answer, answer.reasoning) == ("4 is <think> for </think>", thought)
            assert made.get_response(client, "m", "hi", split_thinking=False) == text


@pytest.mark.parametrize(
    ("text", "answer", "thought"),
    [
        ("let me see</think>4", "4", "let me see"),
        ("let me see\n</think>\n\n4", "4", "let me see"),
        ("</think>\n\n4", "4", ""),
        ("<think>let me see", "", "let me see"),
        ("<think>let me</think><think> see</think>\n\n4", "4", "let me see"),
        ("<think>let me</think>\n<thought> see</thought>4 <think>no</think>", "4 <think>no</think>", "let me see"),
        ("<think>hm</think>\n<thi", "<thi", "hm"),
        ("<think>hm</think>\n", "", "hm"),
        ("Use `</think>` to end.", "Use `</think>` to end.", ""),
        ("Use </think> to end.", "Use </think> to end.", ""),
        ("The tag <think>a</think>b", "The tag <think>a</think>b", ""),
        ("< think", "< think", ""),
        ("<thi", "<thi", ""),
        ("  4", "  4", ""),
    ],
)
def test_where_a_block_of_thoughts_begins_and_ends(text: str, answer: str, thought: str) -> None:
    assert thinking.split(text) == (answer, thought)


def test_blocks_in_a_row_are_limited() -> None:
    block = "<think>a</think>"
    assert thinking.split(block * thinking.BLOCKS + "4") == ("4", "a" * thinking.BLOCKS)
    answer, thought = thinking.split(block * 200_000)
    assert (answer, thought) == (block * (200_000 - thinking.BLOCKS), "a" * thinking.BLOCKS)


@given(
    st.sampled_from(
        [
            *(block for block, _ in BLOCKS),
            "",
            "<thi",
            "<think>",
            "</think>",
            "<think>a</think> <thought>b</thought>\n",
            "◁",
        ]
    ),
    st.text("<>/think \n4◁", max_size=20),
    st.data(),
)
def test_a_block_is_parted_alike_wherever_the_text_is_cut(block: str, text: str, data: st.DataObject) -> None:
    def parted(pieces: list[str]) -> tuple[str, str]:
        splitter = thinking.Splitter()
        parts = [*map(splitter.feed, pieces), splitter.end()]
        return "".join(one for one, _ in parts), "".join(one for _, one in parts)

    whole = parted([block + text])
    assert parted(cut(block + text, data.draw)) == whole
    assert parted(list(block + text)) == whole


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_provider_calls_a_thought_is_none_of_the_text(serve: Serve, kind: str, tagged: bool) -> None:
    flag = {"extra_content": {"google": {"thought": True}}}
    opened, closed = ("<thought>", "</thought>") if tagged else ("", "")
    chunks = [
        delta(opened + "let me", **flag),
        delta(" see", **flag),
        delta(closed + "4"),
        delta(None, "stop"),
        "[DONE]",
    ]
    pieces, answer = asked(KINDS[kind](serve(streaming(*chunks)).url), stream=True)
    assert ("".join(pieces), answer, answer.reasoning) == ("4", "4", "let me see")


@pytest.mark.parametrize("kind", KINDS)
def test_text_before_a_thought_and_behind_it_stays(serve: Serve, kind: str) -> None:
    flag = {"extra_content": {"google": {"thought": True}}}
    chunks = [
        *(delta("one "), delta("<thought>h", **flag), delta("</thought>two "), delta("<thought>m", **flag)),
        *(delta("</thought>"), delta(" three"), delta(None, "stop"), "[DONE]"),
    ]
    pieces, answer = asked(KINDS[kind](serve(streaming(*chunks)).url), stream=True)
    assert ("".join(pieces), answer, answer.reasoning) == ("one two  three", "one two  three", "hm")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_thoughts_that_stand_in_both_places_are_told_once(serve: Serve, kind: str, stream: bool) -> None:
    text = "<think>hm</think>4"
    server = serve(
        lambda c, r: (
            streaming(delta(None, reasoning_content="hm"), delta(text), delta(None, "stop"), "[DONE]")(c, r)
            if r.streams
            else c.reply(200, completion(message={"role": "assistant", "content": text, "reasoning_content": "hm"}))
        )
    )
    _, answer = asked(KINDS[kind](server.url), stream=stream, split_thinking=True)
    assert (answer, answer.reasoning) == ("4", "hm")


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_answer_is_read_wherever_it_stands_in_a_chunk(serve: Serve, kind: str) -> None:
    both_ = {
        **delta(None),
        "choices": [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}],
    }
    ends = [{**delta(None), "choices": [{"index": at, "delta": {}, "finish_reason": "stop"}]} for at in (0, 1)]
    pieces, answer = asked(KINDS[kind](serve(streaming(both_, *ends, "[DONE]")).url), stream=True, n=2)
    assert (pieces, answer) == (["a"], "a")
    assert [one["message"]["content"] for one in answer.data["choices"]] == ["a", "b"]


def test_a_connected_clients_answer_says_what_others_say(serve: Serve) -> None:
    usage = {"usage": None, "x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}}
    spoken = {"role": "assistant", "content": None, "audio": {"id": "a", "data": "x", "transcript": "hello"}}
    made = list_of(serve(lambda c, r: c.reply(200, {**completion(message=spoken), **usage})).url)
    client, name = made.connect_to_model("m")
    answer = made.get_response(client, name, "hi")
    assert (answer, answer.usage.output_tokens) == ("", 2)
    assert answer.messages[-1]["audio"] == {"id": "a", "transcript": "hello"}


# The SDK's streams


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["pings", "lines", "json", "twice"])
def test_an_sdk_reads_events_whatever_has_come(serve: Serve, kind: str, form: str) -> None:
    behave = {
        "pings": streaming(*PINGS, HELLO[0], *PINGS, *HELLO[1:]),
        "lines": sent(lines_of(*HELLO[:3]), "application/x-ndjson"),
        "json": sent(json.dumps(completion("hello")).encode(), "application/json"),
        "twice": streaming(*(f"data: {one if isinstance(one, str) else json.dumps(one)}" for one in HELLO)),
    }[form]
    made = KINDS[kind](serve(behave).url)

    async def run() -> tuple[str, str]:
        async with made.client() as client:
            raw = await client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES, stream=True)
            return raw.headers["content-type"], said_by([chunk async for chunk in raw.parse()])

    def said_by(chunks: list[Any]) -> str:
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    if kind == "async":
        got = asyncio.run(run())
    else:
        with made.client() as client:
            raw = client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES, stream=True)
            got = raw.headers["content-type"], said_by(list(raw.parse()))
    assert got == ("text/event-stream", "hello")


BOTH = [
    {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
    {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
]
ODD = {
    "all calls have one number": [tool_delta(index=0, **one) for one in BOTH],
    "no call has a number": [tool_delta(**one) for one in BOTH],
    "numbers from 1, with a gap": [tool_delta(index=at, **one) for at, one in zip((1, 3), BOTH, strict=True)],
    "arguments as they are meant": [
        tool_delta(index=0, id="a", type="function", function={"name": "f", "arguments": {"x": 1}}),
        tool_delta(index=1, **BOTH[1]),
    ],
    "all is said again": [
        tool_delta(index=0, id="a", type="function", function={"name": "f", "arguments": None}),
        *(tool_delta(index=0, id="a", type="function", function={"name": "f", "arguments": one}) for one in ('{"x"', ": 1}")),
        tool_delta(index=1, id="b", type="function", function={"name": "g", "arguments": ""}),
        tool_delta(index=1, id="", type="", function={"name": "", "arguments": "{}"}),
    ],
    "no delta in a chunk": [
        {**delta(None), "choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {**delta(None), "choices": None},
        {"id": "c", "usage": {"prompt_tokens": 3, "completion_tokens": 1}},
        {**delta(None), "choices": [{"index": 0, "content_filter_offsets": {"check_offset": 1}}]},
        {**delta(None), "choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": BOTH}, "finish_reason": None}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ODD)
def test_an_sdk_reads_the_calls_of_servers_that_write_them_in_a_way_of_their_own(
    serve: Serve, kind: str, what: str
) -> None:
    made = KINDS[kind](serve(streaming(*ODD[what], delta(None, "tool_calls"), "[DONE]")).url)
    joined: Any = ChatCompletionStreamState()

    async def run() -> None:
        async with made.client() as client:
            async for chunk in await client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
                joined.handle_chunk(chunk)

    if kind == "async":
        asyncio.run(run())
    else:
        with made.client() as client:
            for chunk in client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
                joined.handle_chunk(chunk)
    calls = joined.get_final_completion().choices[0].message.tool_calls
    assert [one.id for one in calls] == ["a", "b"]
    assert [(one.function.name, json.loads(one.function.arguments)) for one in calls] == [("f", {"x": 1}), ("g", {})]


def test_an_sdk_loses_nothing_to_a_ping_that_comes_with_half_an_event(serve: Serve) -> None:
    second = b"data: " + json.dumps(delta("lo")).encode() + b"\n\n"
    for ping in (b"data: null\n\n", b"data: {}\n\n", b'event: ping\ndata: {"type": "ping"}\n\n'):
        behave = streaming(delta("hel"), ping + second[:9], second[9:] + ping, delta(None, "stop"), "[DONE]")
        with list_of(serve(behave).url).client() as client:
            chunks = list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello"


@pytest.mark.parametrize("lacks", [1, 2, len(b"data: [DONE]\n\n"), len(b"data: [DONE]\n\n") + 1])
def test_an_sdk_is_given_the_last_event_though_its_end_is_missing(serve: Serve, lacks: int) -> None:
    body = b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in (delta("hel"), delta("lo", "stop")))
    body = (body + b"data: [DONE]\n\n")[:-lacks]
    with list_of(serve(streaming(body)).url).client() as client:
        chunks = list(client.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello"


def test_an_sdk_gets_one_completion_where_it_asked_for_no_stream(serve: Serve) -> None:
    call_ = tool_delta(index=0, id="a", type="function", function={"name": "f", "arguments": "{}"})
    server = serve(streaming(HELLO[0], call_, {**delta(None, "tool_calls"), "usage": completion()["usage"]}, "[DONE]"))
    with list_of(server.url).client() as client:
        raw = client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
    reply = raw.parse()
    assert raw.headers["content-type"] == "application/json"
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("hel", "tool_calls")
    assert reply.choices[0].message.tool_calls[0].function.name == "f"
    assert reply.usage.total_tokens == 4


def test_completions_of_the_older_kind_stream_as_well(serve: Serve) -> None:
    def piece(text: str, finish: str | None = None) -> dict[str, Any]:
        choice_ = {"index": 0, "text": text, "finish_reason": finish, "logprobs": None}
        return {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice_]}

    broken = serve(streaming(piece(""), {"error": {"message": "no"}}))
    good = serve(streaming(piece("hel"), piece("lo"), piece("", "stop"), "[DONE]"))
    client = list_of(broken.url, good.url).client()
    chunks = list(client.completions.create(model="m", prompt="x", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "hello"
    cut_ = serve(streaming(piece("hel")))
    with pytest.raises(openai.APIError, match="without a finish reason"):
        list(list_of(cut_.url).client().completions.create(model="m", prompt="x", stream=True))
    assert list_of(good.url).client().completions.create(model="m", prompt="x").choices[0].text == "hello"
    client.close()


def test_a_response_is_kept_as_far_as_it_came(serve: Serve) -> None:
    server = serve(streaming(*BEGUN, words("Hello "), words("wor")))
    with list_of(server.url).client() as client, pytest.raises(openai.APIError) as caught:
        list(client.responses.create(model="m", input="x", stream=True))
    assert caught.value.__cause__.partial == "Hello wor"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "event",
    [
        words("x"),
        said("refusal.delta", delta="no"),
        said("reasoning_text.delta", delta="hm"),
        said("reasoning_summary_text.delta", delta="hm"),
        said("function_call_arguments.delta", delta="{"),
        said("output_item.done", item={"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
        said("image_generation_call.partial_image", partial_image_b64="x"),
        said("completed", response=says_of(text="x")),
    ],
)
def test_what_counts_as_the_first_content_of_a_response(event: dict[str, Any]) -> None:
    judge = openai_chat.judge("p", (), {}, 0.0, path="/responses")
    for early in BEGUN:
        list(judge.feed(b"data: " + json.dumps(early).encode() + b"\n\n"))
    assert not judge.started
    list(judge.feed(b"data: " + json.dumps(event).encode() + b"\n\n"))
    assert judge.started


# What is passed on as it comes


class Gated:
    """Sends pieces, the later ones only once a client has said that it has the first."""

    def __init__(self, kind: str, *pieces: bytes) -> None:
        self.kind, self.pieces, self.go_on = kind, pieces, threading.Event()

    def __call__(self, connection: Connection, request: Received) -> None:
        connection.start_stream({"content-type": self.kind})
        connection.chunk(self.pieces[0])
        self.go_on.wait(PATIENCE)
        for piece in self.pieces[1:]:
            connection.chunk(piece)
        connection.end_stream()


EVENTS = tuple(
    f"data: {json.dumps(one)}\n\n".encode()
    for one in (
        {"type": "transcript.text.delta", "delta": "hel"},
        {"type": "transcript.text.done", "text": "hello"},
    )
)
RESPONDED = tuple(
    f"data: {json.dumps(one)}\n\n".encode() for one in (words("hel"), said("completed", response=says_of(text="hello")))
)
SPEECH = ("audio/mpeg", b"one", b"two", b"three")
FILE = ("application/octet-stream", b"one", b"two", b"three")
PASSED: dict[str, tuple[tuple[Any, ...], Callable[[Any], Any]]] = {
    "speech": (SPEECH, lambda c: c.audio.speech.with_streaming_response.create(model="m", voice="v", input="x")),
    "file": (FILE, lambda c: c.files.with_streaming_response.content("f-1")),
    "transcription": (
        ("text/event-stream", *EVENTS),
        lambda c: c.audio.transcriptions.create(model="m", file=("a.wav", b"x"), stream=True),
    ),
    "response": (("text/event-stream", *RESPONDED), lambda c: c.responses.retrieve("r-1", stream=True)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", PASSED)
def test_what_streams_is_passed_on_as_it_comes(serve: Serve, kind: str, what: str) -> None:
    (label, *pieces), begin = PASSED[what]
    gated = Gated(label, *pieces)
    made = KINDS[kind](serve(gated).url, limits=PATIENT)
    got: list[Any] = []

    async def run() -> None:
        async with made.client() as client:
            if what in ("speech", "file"):
                async with begin(client) as reply:
                    async for part in reply.iter_bytes():
                        took(part)
            else:
                async for part in await begin(client):
                    took(part)

    def took(part: Any) -> None:
        got.append(part)
        gated.go_on.set()

    if kind == "async":
        asyncio.run(run())
    else:
        with made.client() as client:
            if what in ("speech", "file"):
                with begin(client) as reply:
                    for part in reply.iter_bytes():
                        took(part)
            else:
                for part in begin(client):
                    took(part)
    if what in ("speech", "file"):
        assert b"".join(got) == b"onetwothree"
    else:
        assert len(got) == 2


def test_a_form_that_asks_for_no_stream_is_a_call(serve: Serve) -> None:
    server = serve(lambda c, r: c.reply(200, {"text": "hello"}))
    with list_of(server.url).client() as client:
        for stream in (False, None):
            options = {} if stream is None else {"stream": stream}
            assert client.audio.transcriptions.create(model="m", file=("a.wav", b"x"), **options).text == "hello"
    assert [one.headers["accept"] for one in server.asked] == ["application/json"] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_may_be_larger_than_a_reply(serve: Serve, kind: str) -> None:
    piece, count = b"x" * 1024 * 1024, 66

    def large(connection: Connection, request: Received) -> None:
        connection.start_stream({"content-type": "application/jsonl"})
        for _ in range(count):
            connection.chunk(piece)
        connection.end_stream()

    made = KINDS[kind](serve(large).url, limits=PATIENT)

    async def run() -> int:
        async with made.client() as client, client.files.with_streaming_response.content("f-1") as reply:
            return sum([len(part) async for part in reply.iter_bytes()])

    if kind == "async":
        assert asyncio.run(run()) == count * len(piece)
    else:
        with made.client() as client, client.files.with_streaming_response.content("f-1") as reply:
            assert sum(len(part) for part in reply.iter_bytes()) == count * len(piece)


@pytest.mark.parametrize(
    "body", [b'{"a": 1}\n{"b": 2}\n', b"plain text", b'{"custom_id": "x", "error": null}', b"[1]", b"\xff\xfe", b""]
)
def test_a_small_file_is_passed_on_whatever_it_holds(serve: Serve, body: bytes) -> None:
    for label in ("application/json", "application/octet-stream", "application/jsonl"):
        with list_of(serve(sent(body, label)).url).client() as client:
            raw = client.files.with_raw_response.content("f-1")
        assert raw.content == body
        assert raw.headers["content-type"] == label


def test_speech_falls_back_before_its_first_byte(serve: Serve) -> None:
    refused = serve(sent(b'{"error": {"message": "no voice"}}', "application/json"))
    gone = serve(lambda c, r: c.reply(503, {"error": {"message": "not now"}}))
    good = serve(sent(b"sound", "audio/mpeg"))
    with list_of(refused.url, gone.url, good.url).client() as client:
        raw = client.audio.speech.with_raw_response.create(model="m", voice="v", input="x")
    assert (raw.content, raw.headers["x-inference-provider"]) == (b"sound", "p3")
    assert good.asked[0].headers["accept"] == "application/octet-stream"


def test_the_name_of_a_field_again_and_again_is_a_failure_like_others() -> None:
    judge = openai_chat.judge("p", (), {"content-type": "text/event-stream"}, 0.0)
    assert list(judge.feed(b"data:" * 100_000 + b"{}\n\n")) == []
    assert judge.verdict is not None and judge.verdict.action == classify.NEXT


def test_a_stream_of_more_calls_than_anybody_makes_keeps_some_thousands() -> None:
    def calling(number: int) -> dict[str, Any]:
        return delta(None, tool_calls=[{"index": number, "id": f"c{number}", "function": {"name": "f"}}])

    calls = assembled(calling(number) for number in range(5000))["choices"][0]["message"]["tool_calls"]
    assert [call["id"] for call in calls] == [f"c{number}" for number in range(4096)]

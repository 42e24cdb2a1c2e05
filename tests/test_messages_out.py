"""Chat completions over Anthropic's messages: requests held against the official SDK's types, replies against wholes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from inference_providers import chat
from inference_providers.chat.turns import fitted
from inference_providers.errors import TruncatedStreamError
from inference_providers.protocols import classify, messages, messages_in, messages_reply, messages_stream
from inference_providers.protocols.messages_from import ANSWER_TOOL, Chunks, completion, usage
from inference_providers.protocols.messages_out import Message, message
from inference_providers.protocols.messages_turns import NO_RESULT
from inference_providers.protocols.stream_parts import Part
from inference_providers.registry import bundled
from inference_providers.usage import usage_of
from tests.test_turns import HANDED_IN

REQUEST: TypeAdapter[Any] = TypeAdapter(MessageCreateParamsNonStreaming)
EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
ADAPTIVE = {"thinking": "adaptive", "efforts": ["low", "medium", "high"], "schema": True}
BUDGET = {"thinking": "budget"}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
PICTURE = "data:image/png;base64,aGk="
THINKS = {"thinking": {"type": "adaptive"}}
USER = {"role": "user", "content": "Hi"}


def made(*turns: Any, takes: Any = None, **more: Any) -> Message:
    """A request, checked by the official SDK's types and the API's own rules."""
    found = message({"model": "m", "messages": list(turns) or [USER], **more}, takes or {})
    checked(found.body)
    return found


def checked(body: dict[str, Any]) -> None:
    """The rules of the API: what it refuses with a 400."""
    REQUEST.validate_python({**body, "stream": False})
    turns = body["messages"]
    assert [turn["role"] for turn in turns] == (["user", "assistant"] * len(turns))[: len(turns)]
    called: list[str] = []
    for turn in turns:
        blocks = turn["content"]
        assert blocks, "a turn is empty"
        texts = [block["text"] for block in blocks if block["type"] == "text"]
        assert all(text.strip() for text in texts), "a text is blank"
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert sorted(results) == sorted(called), "each call has its result in the next turn"
        assert all(block["type"] == "tool_result" for block in blocks[: len(results)]), "results come first"
        called = [block["id"] for block in blocks if block["type"] == "tool_use"]
    assert not called
    thinking = body.get("thinking", {}).get("type")
    if thinking in ("enabled", "adaptive"):
        assert body.get("temperature", 1) == 1
        assert body.get("tool_choice", {}).get("type") not in ("any", "tool")
    if thinking == "enabled":
        assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"]
    assert body.get("temperature", 0) <= 1
    assert "temperature" not in body or "top_p" not in body


def call(name: str = "f", arguments: str = "{}", call_id: str = "c1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(call_id: str = "c1", content: Any = "42") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


# Requests


def test_systems_are_joined_in_order_and_turns_alternate() -> None:
    turns = [
        {"role": "system", "content": "A"}, USER, {"role": "developer", "content": [{"type": "text", "text": "B"}]},
        {"role": "user", "content": [{"type": "text", "text": "there"}]},
        {"role": "assistant", "content": "So"}, {"role": "assistant", "content": "?"}, {"role": "user", "content": "Go"},
    ]  # fmt: skip
    body = made(*turns).body
    assert body["system"] == "A\n\nB"
    assert [[block["text"] for block in turn["content"]] for turn in body["messages"]] == [
        ["Hi", "there"], ["So", "?"], ["Go"],
    ]  # fmt: skip


def test_what_only_a_system_says_is_the_question() -> None:
    body = made({"role": "system", "content": "Say hi."}).body
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Say hi."}]}]


def test_a_talk_that_a_model_begins_has_a_user_before_it() -> None:
    body = made({"role": "assistant", "content": "Hello!"}, USER).body
    assert body["messages"][0] == {"role": "user", "content": [{"type": "text", "text": "(empty)"}]}


def test_the_beginning_of_an_answer_has_no_blanks_at_its_end() -> None:
    assert made(USER, {"role": "assistant", "content": "The answer is \n"}).body["messages"][-1]["content"] == [
        {"type": "text", "text": "The answer is"}
    ]


def test_all_calls_of_a_turn_are_answered_in_the_next_before_what_is_said() -> None:
    calls = [call(call_id="c1", arguments='{"a": 1}'), call(call_id="c2"), call(call_id="c3")]
    body = made(
        USER,
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "user", "content": "And?"},
        result("c2", [{"type": "text", "text": "2"}, {"type": "image_url", "image_url": {"url": PICTURE}}]),
        result("c1", ""),
        result("elsewhere", "7"),
    ).body
    assert body["messages"][1]["content"][0] == {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}
    two, one, three, *said = body["messages"][2]["content"]
    assert [block["type"] for block in two["content"]] == ["text", "image"]
    assert one == {"type": "tool_result", "tool_use_id": "c1"}
    assert three == {"type": "tool_result", "tool_use_id": "c3", "content": NO_RESULT, "is_error": True}
    assert [block["text"] for block in said] == ["And?", "Result of the call elsewhere:", "7"]


def test_arguments_that_are_not_an_object_are_not_lost() -> None:
    calls = [call(arguments="[1"), call(arguments="[2]", call_id="c2"), call(arguments="", call_id="c3")]
    body = made(USER, {"role": "assistant", "content": "", "tool_calls": calls}).body
    inputs = [block["input"] for block in body["messages"][1]["content"]]
    assert inputs == [{"INVALID_JSON": "[1"}, {"INVALID_JSON": "[2]"}, {}]


def test_pictures_and_documents() -> None:
    content = [
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
        {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGk="}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "image_url", "image_url": {"url": "data:image/svg+xml,%3Csvg/%3E"}},
    ]  # fmt: skip
    sources = [
        block["source"] for block in made({"role": "user", "content": content[:4]}).body["messages"][0]["content"]
    ]
    assert sources == [
        {"type": "base64", "media_type": "image/png", "data": "aGk="},
        {"type": "url", "url": "https://a.example/b.png"},
        {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
        {"type": "text", "media_type": "text/plain", "data": "hi"},
    ]  # fmt: skip
    further = message({"messages": [{"role": "user", "content": content[4:]}]}, {}).body["messages"][0]["content"]
    assert [block["source"]["type"] for block in further] == ["file", "base64"]


def test_what_has_no_word_there_goes_as_it_is_for_the_provider_to_judge() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    body = message({"messages": [{"role": "user", "content": [sound]}]}, {}).body
    assert body["messages"][0]["content"] == [sound]


def test_marks_of_a_cache_are_passed_on() -> None:
    mark = {"type": "ephemeral"}
    text = {"type": "text", "text": "long", "cache_control": mark}
    body = made(
        {"role": "system", "content": [text]},
        {"role": "user", "content": [text]},
        {"role": "assistant", "content": "", "tool_calls": [call()]},
        result("c1", [text]),
        {"role": "user", "content": "so", "cache_control": mark},
        tools=[{"type": "function", "function": {"name": "f"}, "cache_control": mark}],
    ).body
    assert body["system"] == [text]
    assert body["messages"][0]["content"] == [text]
    answered, said = body["messages"][2]["content"]
    assert answered == {"type": "tool_result", "tool_use_id": "c1", "content": "long", "cache_control": mark}
    assert said["cache_control"] == body["tools"][0]["cache_control"] == mark


@pytest.mark.parametrize(
    ("choice", "parallel", "said"),
    [
        (None, None, None), ("auto", None, {"type": "auto"}), ("required", True, {"type": "any"}), ("none", False, {"type": "none"}),
        ({"type": "function", "function": {"name": "f"}}, False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)  # fmt: skip
def test_tools_and_their_choice(choice: Any, parallel: Any, said: Any) -> None:
    function = {"name": "f", "description": "d", "parameters": SCHEMA}
    more = {
        name: value for name, value in (("tool_choice", choice), ("parallel_tool_calls", parallel)) if value is not None
    }
    body = made(tools=[{"type": "function", "function": function}], **more).body
    assert body["tools"] == [{"name": "f", "description": "d", "input_schema": SCHEMA}]
    assert body.get("tool_choice") == said


def test_limits_of_an_answer() -> None:
    assert message({"messages": [USER]}, {}).body["max_tokens"] == 4096
    assert message({"messages": [USER]}, {}, limit=128_000).body["max_tokens"] == 16_384
    assert message({"messages": [USER], "stream": True}, {}, limit=128_000).body["max_tokens"] == 64_000
    assert message({"messages": [USER], "max_tokens": 7}, {}, limit=128_000).body["max_tokens"] == 7


def test_effort_is_said_as_the_model_takes_it() -> None:
    found = made(reasoning_effort="max", takes=ADAPTIVE, temperature=0.2, top_k=4)
    assert found.body["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert found.body["output_config"] == {"effort": "high"}
    assert found.lost == ["temperature", "top_k"]
    assert found.put == ["reasoning_effort 'high' for 'max'"]
    found = made(reasoning_effort="low", takes=BUDGET, max_tokens=9000)
    assert found.body["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    found = made(reasoning_effort="high", takes=BUDGET, max_tokens=1500)  # too few tokens to think
    assert (found.lost, found.body.get("thinking")) == (["reasoning_effort"], None)
    assert made(reasoning_effort="high").lost == ["reasoning_effort"]
    off = {"type": "disabled"}
    assert made(reasoning_effort="none", takes={**ADAPTIVE, "off": off}).body["thinking"] == off
    assert made(reasoning_effort="none", takes={**ADAPTIVE, "off": False}).body["output_config"] == {"effort": "low"}
    assert "thinking" not in made(reasoning_effort="none", takes=BUDGET).body


def test_nobody_thinks_who_is_to_call_a_tool_or_has_called_one_without_thinking() -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    forced = made(reasoning_effort="low", takes=BUDGET, max_tokens=9000, tools=tools, tool_choice="required")
    assert forced.lost == ["reasoning_effort"]
    turns = [USER, {"role": "assistant", "content": "", "tool_calls": [call()]}, result()]
    assert made(*turns, reasoning_effort="low", takes=BUDGET, max_tokens=9000, tools=tools).lost == ["reasoning_effort"]
    signed = {"type": "reasoning.text", "text": "hm", "signature": "s"}
    turns[1] = {**turns[1], "reasoning_details": [signed]}
    body = made(*turns, reasoning_effort="low", takes=BUDGET, max_tokens=9000, tools=tools).body
    assert body["thinking"]["type"] == "enabled"
    assert body["messages"][1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "s"}


def test_thoughts_without_a_signature_are_neither_text_nor_refused() -> None:
    turn = {
        "role": "assistant",
        "content": "So",
        "reasoning_content": "hm",
        "reasoning_details": [{"type": "reasoning.text", "text": "hm"}],
    }
    assert made(USER, turn, USER).body["messages"][1]["content"] == [{"type": "text", "text": "So"}]


def test_a_schema_is_a_format_or_a_tool_or_an_instruction() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    said = made(response_format=form, takes=ADAPTIVE).body["output_config"]["format"]["schema"]
    assert said["additionalProperties"] is False
    assert said["properties"]["n"] == {"type": "integer", "description": "(minimum: 1)"}
    body = made(response_format=form).body
    assert body["tools"][0]["name"] == body["tool_choice"]["name"] == ANSWER_TOOL
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert '"minimum": 1' in made(response_format=form, tools=tools).body["system"]
    anything = {"type": "object", "additionalProperties": {"type": "integer"}}
    opened = {"type": "json_schema", "json_schema": {"name": "x", "schema": anything}}
    assert made(response_format=opened, takes=ADAPTIVE).body["tools"][0]["input_schema"] == anything
    assert (
        "JSON" in made({"role": "system", "content": "A"}, USER, response_format={"type": "json_object"}).body["system"]
    )


def test_what_has_no_word_is_named() -> None:
    found = made(stop=["END", " "], user="me", temperature=1.5, top_p=0.5, prediction={}, stream_options={}, seed=None)
    assert found.lost == ["stop", "top_p", "prediction"]
    assert found.put == ["temperature 1 for 1.5"]
    assert found.body["stop_sequences"] == ["END"]
    assert found.body["metadata"] == {"user_id": "me"}


TEXTS = st.text(max_size=6) | st.sampled_from(["", " ", "\n"])
PARTS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXTS),
    st.just({"type": "image_url", "image_url": {"url": PICTURE}}),
    TEXTS,
)
IDS = st.sampled_from(["c1", "c2", "c3"])
TURNS = st.one_of(
    st.builds(lambda content: {"role": "user", "content": content}, TEXTS | st.lists(PARTS, max_size=3)),
    st.builds(lambda text: {"role": "system", "content": text}, TEXTS),
    st.builds(
        lambda text, calls: {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})},
        TEXTS | st.none(),
        st.lists(st.builds(lambda name: call(call_id=name), IDS), max_size=2, unique_by=lambda one: str(one["id"])),
    ),
    st.builds(result, IDS, TEXTS),
)


@settings(max_examples=60)
@given(st.lists(TURNS, max_size=7))
def test_whatever_is_said_is_a_request_that_the_api_takes(turns: list[dict[str, Any]]) -> None:
    asked = set[str]()  # ids are unique by the time that turns are put into these words
    for turn in turns:
        turn["tool_calls"] = [one for one in turn.get("tool_calls", ()) if one["id"] not in asked]
        asked |= {one["id"] for one in turn["tool_calls"]}
    body = made(*turns).body if turns else {}
    contents = [turn["content"] for turn in turns]
    parts = [part for content in contents for part in (content if isinstance(content, list) else [content])]
    texts = [part["text"] if isinstance(part, dict) and "text" in part else part for part in parts]
    there = json.dumps(body, ensure_ascii=False)
    for text in texts:
        if isinstance(text, str):
            assert json.dumps(text.strip(), ensure_ascii=False)[1:-1] in there


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "text", "content", "role", "image_url", "file", "function", "id", "name", "input"]), inner, max_size=4
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=40)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["role", "content", "tool_calls", "reasoning_details", "tool_call_id"]), JSON),
        max_size=3,
    ),
    JSON,
)
def test_turns_and_formats_of_any_shape_are_put_somehow(turns: list[Any], form: Any) -> None:
    message(
        {"messages": turns, "response_format": form, "tools": [form], "stop": form, "user": form, "metadata": form},
        ADAPTIVE,
    )


# There and back


def test_a_request_there_and_back_is_the_same() -> None:
    body = {
        "model": "m", "max_tokens": 9, "temperature": 0.5, "stop": ["X"], "user": "me", "parallel_tool_calls": False,
        "messages": [
            {"role": "system", "content": "Be brief."}, USER,
            {"role": "assistant", "content": "Looking.", "tool_calls": [call(arguments='{"a": 1}')]},
            result("c1", "42"), {"role": "user", "content": "So?"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA, "description": "d"}}], "tool_choice": "required",
    }  # fmt: skip
    asked = messages_in.read(message(body, {}).body)
    assert asked.body == body
    assert not asked.losses


REPLY = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "tool_use",
    "content": [
        {"type": "thinking", "thinking": "hm, well", "signature": "c2ln"}, {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "Let me see."}, {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": [1]}},
        {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
    ],
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 20, "output_tokens": 7},
}  # fmt: skip


def test_a_message_is_a_completion() -> None:
    found = completion(REPLY, 1.5)
    turn = found["choices"][0]["message"]
    assert (found["id"], found["model"], found["created"]) == ("msg_1", "claude-x", 1)
    assert (turn["content"], turn["reasoning_content"]) == ("Let me see.", "hm, well")
    assert [(one["id"], one["function"]["name"], json.loads(one["function"]["arguments"])) for one in turn["tool_calls"]] == [
        ("t1", "f", {"a": [1]}), ("t2", "g", {}),
    ]  # fmt: skip
    assert found["choices"][0]["finish_reason"] == "tool_calls"
    counts = usage_of(found["usage"])
    assert counts is not None
    assert (counts.input_tokens, counts.cached_tokens, counts.cache_write_tokens, counts.output_tokens) == (
        120,
        90,
        20,
        7,
    )
    again = made(USER, turn, result("t1"), result("t2")).body["messages"][1]["content"]
    assert again == REPLY["content"]  # what the model gets back is what it has said


def test_a_message_there_and_back_is_the_same() -> None:
    asked = messages_in.read({**THINKS, "model": "claude-x", "max_tokens": 9, "messages": [USER]})
    back = messages_reply.reply(completion(REPLY, 0), asked, new_id=lambda head: f"{head}1")
    assert back["content"] == REPLY["content"]
    assert (back["stop_reason"], back["usage"]) == ("tool_use", REPLY["usage"])


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"), ("max_tokens", "length"), ("refusal", "content_filter"),
        ("model_context_window_exceeded", "length"), ("something new", "stop"), (None, "stop"), ({}, "stop"), ("tool_use", "stop"),
    ],
)  # fmt: skip
def test_why_an_answer_ended(reason: Any, said: str) -> None:
    whole = {"content": [{"type": "text", "text": "x"}], "stop_reason": reason}
    assert completion(whole, 0)["choices"][0]["finish_reason"] == said


def test_usage_of_every_kind() -> None:
    told = {
        "input_tokens": 1, "output_tokens": 9, "cache_creation_input_tokens": 6, "service_tier": "priority",
        "cache_creation": {"ephemeral_1h_input_tokens": 4}, "server_tool_use": {"web_search_requests": 2},
        "output_tokens_details": {"thinking_tokens": 5},
    }  # fmt: skip
    for one in (usage_of(usage(told)), usage_of(usage(usage(told)))):
        assert one is not None
        assert (one.input_tokens, one.output_tokens, one.reasoning_tokens, one.service, one.searches) == (
            7,
            9,
            5,
            "priority",
            2,
        )
        assert (one.cache_write_tokens, one.cache_write_hour_tokens) == (6, 4)
    assert usage("?") is None
    assert usage({"input_tokens": "?", "cache_read_input_tokens": -1})["prompt_tokens"] == 0  # type: ignore[index]


# Streams

BLOCKS = st.lists(
    st.one_of(
        st.builds(lambda text: {"type": "text", "text": text}, st.text(min_size=1, max_size=8)),
        st.builds(
            lambda text, sign: {"type": "thinking", "thinking": text, "signature": sign},
            st.text(max_size=8),
            st.text("abc", min_size=1, max_size=4),
        ),
        st.just({"type": "redacted_thinking", "data": "x"}),
        st.builds(
            lambda given: {"type": "tool_use", "id": "t", "name": "f", "input": given},
            st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=2),
        ),
    ),
    max_size=5,
)


def events_of(
    content: list[dict[str, Any]], size: int, reason: str, *, whole_inputs: bool = False
) -> list[dict[str, Any]]:
    """The stream of a message, its texts in pieces of a size."""
    head = {
        **REPLY,
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1},
    }
    events: list[dict[str, Any]] = [{"type": "message_start", "message": head}, {"type": "ping"}]
    for index, block in enumerate(content):
        grows = {
            "text": [("text_delta", "text")],
            "thinking": [("thinking_delta", "thinking"), ("signature_delta", "signature")],
        }
        begun = dict(block)
        pieces: list[tuple[str, str, str]] = []
        for kind, field in grows.get(block["type"], []):
            begun[field] = ""
            text = block[field]
            cut = len(text) or 1 if field == "signature" else size
            pieces += [(kind, field, text[start : start + cut]) for start in range(0, len(text), cut)]
        if block["type"] == "tool_use" and not whole_inputs:
            begun["input"], text = {}, json.dumps(block["input"])
            pieces = [
                ("input_json_delta", "partial_json", text[start : start + size]) for start in range(0, len(text), size)
            ]
            pieces = pieces if block["input"] else [("input_json_delta", "partial_json", "")]
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        events += [
            {"type": "content_block_delta", "index": index, "delta": {"type": kind, field: piece}}
            for kind, field, piece in pieces
        ]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}}, {"type": "message_stop"}]


def raw(events: list[dict[str, Any]]) -> bytes:
    return b"".join(f"event: {one.get('type')}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


def judge() -> messages.MessageJudge:
    found = messages.judge("p", ["sk-secret"], {"content-type": "text/event-stream"}, 1.5)
    assert isinstance(found, messages.MessageJudge)
    return found


def read(body: bytes, size: int = 1 << 20) -> tuple[Any, list[dict[str, Any]], bytes]:
    """A stream read in pieces: its judge, its chunks, and the bytes that are passed on."""
    found, chunks, passed = judge(), [], b""
    for start in range(0, len(body), size):
        part = Part(found, body[start : start + size])
        chunks, passed = chunks + part.events, passed + part.raw
        if part.failure is not None:
            raise part.failure
        if found.done or found.verdict is not None:
            break
    part = Part(found, b"", ends=True)
    if part.failure is not None:
        raise part.failure
    return found, chunks + part.events, passed + part.raw


def plain(reply: dict[str, Any]) -> dict[str, Any]:
    """A completion whose calls' arguments are values, however they were written."""
    made = json.loads(json.dumps(reply))
    for one in made["choices"][0]["message"].get("tool_calls") or ():
        one["function"]["arguments"] = json.loads(one["function"]["arguments"])
    return dict(made)


@settings(max_examples=40)
@given(
    BLOCKS,
    st.integers(1, 5),
    st.sampled_from(["end_turn", "max_tokens", "tool_use"]),
    st.booleans(),
    st.integers(1, 400),
)
def test_what_is_streamed_is_what_came_as_a_whole(
    content: list[dict[str, Any]], size: int, reason: str, whole_inputs: bool, cut: int
) -> None:
    events = events_of(content, size, reason, whole_inputs=whole_inputs)
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in events:
        if event["type"] != "ping":  # what the official SDK makes of them is the message
            snapshot = accumulate_event(
                event=EVENT.validate_python(event), current_snapshot=snapshot, json_bufs=buffers
            )
    message = json.loads(snapshot.to_json())
    whole = completion(message, 1.5)
    found, chunks, passed = read(raw(events), cut)
    assert plain(chat.assembled(chunks)) == plain(whole)
    assert plain(completion(messages_stream.whole(events), 1.5)) == plain(whole)
    assert usage_of(found.usage) == usage_of(whole["usage"])
    lines = [line.removeprefix(b"data: ") for line in passed.split(b"\n\n") if line]
    assert lines[-1] == b"[DONE]"
    assert [json.loads(line) for line in lines[:-1]] == chunks
    assert (found.verdict.action == classify.OK) == bool(content or reason == "max_tokens")


def test_a_schemas_tool_is_the_text_of_the_answer() -> None:
    content = [{"type": "tool_use", "id": "t", "name": ANSWER_TOOL, "input": {"n": 4}}]
    for events in (events_of(content, 3, "tool_use"), events_of(content, 3, "tool_use", whole_inputs=True)):
        choice = chat.assembled(read(raw(events))[1])["choices"][0]
        assert (json.loads(choice["message"]["content"]), choice["finish_reason"]) == ({"n": 4}, "stop")
    choice = completion({"content": content, "stop_reason": "tool_use"}, 0)["choices"][0]
    assert (json.loads(choice["message"]["content"]), choice["finish_reason"]) == ({"n": 4}, "stop")


ANSWER = events_of([{"type": "text", "text": "hello"}], 2, "end_turn")


def test_a_stream_that_is_cut() -> None:
    body = raw(ANSWER[:-3])
    with pytest.raises(TruncatedStreamError, match="without a finish reason; 5 characters"):
        Part(found := judge(), body)
        list(found.end())
    found = judge()
    assert [*found.feed(raw(ANSWER[:2]))]
    assert not found.started
    assert not [*found.end()]
    assert found.verdict is not None
    assert found.verdict.action == classify.NEXT


def test_a_stream_without_its_farewell_is_whole() -> None:
    found, chunks, passed = read(raw(ANSWER[:-1]))
    assert found.verdict.action == classify.OK
    assert chat.assembled(chunks)["choices"][0]["finish_reason"] == "stop"
    assert passed.count(b"[DONE]") == 1


@pytest.mark.parametrize("begun", [False, True])
def test_an_error_in_a_stream(begun: bool) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded, sk-secret"}}
    body = raw([*ANSWER[: 4 if begun else 2], error])
    found = judge()
    part = Part(found, body)
    if begun:
        assert "Overloaded" in str(part.failure)
        assert "sk-secret" not in str(part.failure)
        assert part.raw.count(b"data: ") == len(part.events)
        assert part.events
    else:
        assert found.verdict is not None
        assert found.verdict.error is not None
        assert found.verdict.action == classify.NEXT


def test_a_refusal_without_a_word_is_withheld() -> None:
    found, _, _ = read(raw(events_of([], 1, "refusal")))
    assert type(found.verdict.error).__name__ == "ContentFilteredError"
    whole = messages.decode(
        200, {}, json.dumps({**REPLY, "content": [], "stop_reason": "refusal"}).encode(), "p", [], 0
    )
    assert type(whole.error).__name__ == "ContentFilteredError"


def test_a_whole_message_in_place_of_a_stream_and_the_other_way_round() -> None:
    found, chunks, passed = read(json.dumps(REPLY).encode())
    assert plain(chat.assembled(chunks)) == plain(completion(REPLY, 1.5))
    assert passed.endswith(b"data: [DONE]\n\n")
    assert found.usage == usage(REPLY["usage"])
    verdict = messages.decode(200, {"content-type": "application/json"}, raw(ANSWER), "p", [], 1.5)
    assert verdict.response is not None
    assert json.loads(verdict.response[2]) == verdict.reply
    assert chat.reply_text(verdict.reply) == "hello"
    assert verdict.reply["usage"]["prompt_tokens"] == 7


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"", b"<html>", b'{"content": []}', b'{"content": [1, {"type": 2}]}', b'{"choices": []}']
)
def test_what_is_not_a_message_is_not_an_answer(body: bytes) -> None:
    assert messages.decode(200, {}, body, "p", [], 0).action in (classify.NEXT, classify.RETRY)
    found = judge()
    assert not [*found.feed(body)]
    assert not [*found.end()]
    assert found.verdict is not None
    assert found.verdict.action in (classify.NEXT, classify.RETRY)


EVENTS = st.dictionaries(
    st.sampled_from(["type", "index", "delta", "content_block", "message", "usage", "error"]),
    st.sampled_from(["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop", "new"])
    | st.integers(-1, 3)
    | st.dictionaries(
        st.sampled_from(["type", "text", "thinking", "signature", "partial_json", "name", "id", "input", "data", "stop_reason", "usage", "content"]),
        st.sampled_from(["text", "tool_use", "thinking", "redacted_thinking", "text_delta", "input_json_delta", "thinking_delta", "x"])
        | st.integers() | st.none() | st.just({}) | st.just([1]),
    ),
)  # fmt: skip


@settings(max_examples=50)
@given(st.lists(st.sampled_from(ANSWER) | EVENTS, max_size=12), st.integers(1, 200))
def test_events_of_any_shape_and_order_are_judged(events: list[dict[str, Any]], cut: int) -> None:
    try:
        found, chunks, _ = read(raw(events), cut)
    except TruncatedStreamError:
        return
    assert found.verdict is not None
    assert all(type(one["choices"]) is list for one in chunks)
    completion(messages_stream.whole(events), 0)
    translated = Chunks(0)
    for event in events:
        translated.chunk(event)


def test_a_stream_that_does_not_end_is_stopped() -> None:
    piece = raw([{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x" * 1_000_000}}])
    found = judge()
    with pytest.raises(TruncatedStreamError, match="does not end"):
        for _ in range(20):
            list(found.feed(piece))
    pings = judge()
    list(pings.feed(raw([{"type": "ping"}]) * 11_000))
    assert pings.verdict is not None
    assert pings.verdict.action == classify.NEXT


# As they come: for who speaks messages himself


def native(**more: Any) -> Any:
    from inference_providers.protocols import openai_chat

    return openai_chat.judge("p", [], {"content-type": "text/event-stream"}, 1.5, path="/messages", **more)


@settings(max_examples=20)
@given(st.integers(1, 300))
def test_a_stream_is_judged_and_its_bytes_stay_as_they_are(cut: int) -> None:
    body, passed, found = raw(ANSWER), b"", native()
    for start in range(0, len(body), cut):
        part = Part(found, body[start : start + cut])
        assert part.failure is None
        passed += part.raw
    assert passed == body
    assert (found.started, found.finished, found.done, found.text) == (True, True, True, "hello")
    counts = usage_of(found.usage)
    assert counts is not None
    assert (counts.input_tokens, counts.cached_tokens, counts.output_tokens) == (7, 2, 7)


def test_a_message_is_judged_and_stays_as_it_is() -> None:
    from inference_providers.protocols import openai_chat

    verdict = openai_chat.decode(200, {}, json.dumps(REPLY).encode(), "p", [], 0, path="/messages")
    assert (verdict.action, verdict.reply) == (classify.OK, REPLY)
    counts = usage_of(chat.billed_in(REPLY))
    assert counts == usage_of(usage(REPLY["usage"]))
    streamed = openai_chat.decode(200, {}, raw(ANSWER), "p", [], 0, path="/messages")
    assert streamed.reply is not None
    assert streamed.reply["content"] == [{"type": "text", "text": "hello"}]
    cut = openai_chat.decode(200, {}, raw(ANSWER[:-3]), "p", [], 0, path="/messages")
    assert cut.action == classify.RETRY


def test_a_whole_message_where_a_stream_was_asked_for_is_one_for_the_official_sdk() -> None:
    part = Part(found := native(), json.dumps(REPLY).encode())
    last = Part(found, b"", ends=True)
    passed = part.raw + last.raw
    assert passed.startswith(b"event: message_start")
    assert b"[DONE]" not in passed
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for block in passed.decode().strip().split("\n\n"):
        event = EVENT.validate_python(json.loads(block.partition("data: ")[2]))
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    assert [one.to_dict() for one in snapshot.content] == REPLY["content"]
    assert snapshot.stop_reason == "tool_use"
    assert messages_stream.whole(last.events)["content"] == REPLY["content"]


# Conversations from anywhere


@settings(max_examples=30)
@given(st.lists(HANDED_IN, max_size=4))
def test_whatever_models_have_said_elsewhere_is_a_conversation_here(said: list[Any]) -> None:
    turns: list[Any] = [USER]
    for one in said:
        calls = one.get("tool_calls") or ([{}] if one.get("function_call") else [])
        turns.append({**one, "role": "assistant"})
        turns += [{"role": "tool", "tool_call_id": each.get("id"), "content": "1"} for each in calls]
    wanted = bundled().parameters["messages"]["turns"]
    made(*fitted({"messages": [*turns, USER]}, "anthropic", wanted))

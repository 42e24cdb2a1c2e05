"""Anthropic's messages over chat completions: held against the official SDK, which adds up the events."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from inference_providers import InvalidRequestError, chat
from inference_providers.protocols.dialect import Asked
from inference_providers.protocols.messages_in import read
from inference_providers.protocols.messages_reply import Events, error, reply

EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}


THINKS = {"type": "adaptive"}


def asked(**more: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **more}


def ids() -> Any:
    numbers = itertools.count()
    return lambda head: f"{head}{next(numbers)}"


def parsed(raw: bytes) -> list[dict[str, Any]]:
    events = []
    for block in raw.decode().split("\n\n"):
        if block:
            name, data = block.split("\n", 1)
            events.append(json.loads(data.removeprefix("data: ")))
            assert name == f"event: {events[-1]['type']}"
    return events


def accumulated(events: list[dict[str, Any]]) -> Message:
    """What the official SDK makes of events."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in events:
        EVENT.validate_python(event)
        snapshot = accumulate_event(event=EVENT.validate_python(event), current_snapshot=snapshot, json_bufs=buffers)
    return Message.model_validate(snapshot.to_dict())


def streamed(chunks: list[Any]) -> Message:
    events = Events(read(asked(stream=True, thinking=THINKS)), new_id=ids())
    raw = b"".join([events.feed(chunk) for chunk in chunks]) + events.end()
    in_order(found := parsed(raw))
    return accumulated(found)


def in_order(events: list[dict[str, Any]]) -> None:
    """One block open at a time, their indexes rising, start and end where they belong."""
    kinds = [event["type"] for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    opened, last = None, -1
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert opened is None
            assert event["index"] == last + 1
            opened = last = event["index"]
        else:
            assert event["index"] == opened
            if event["type"] == "content_block_stop":
                opened = None
    assert opened is None


def said(message: Message) -> tuple[str, str, list[tuple[str, str, Any]], Any, Any]:
    """(thoughts, text, calls, stop reason, usage), whatever the order of blocks."""
    blocks = message.content
    return (
        "".join(block.thinking for block in blocks if block.type == "thinking"),
        "".join(block.text for block in blocks if block.type == "text"),
        sorted((b.id, b.name, json.dumps(b.input)) for b in blocks if b.type == "tool_use"),
        message.stop_reason,
        message.usage.model_dump(exclude_none=True),
    )


def call(index: int, arguments: str, name: str | None = None, given: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"index": index, "function": function, **({"id": given, "type": "function"} if given else {})}


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Chunks as servers send them: calls whole or in pieces that alternate, text anywhere, usage last or never."""
    arguments = st.sampled_from(['{"a": 1}', '{"b": [1, "é"]}', "{}", '{"c": {"d": null}}'])
    pieces: list[list[dict[str, Any]]] = []
    for index in range(draw(st.integers(0, 3))):
        text = draw(arguments)
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
        parts = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
        first = {"tool_calls": [call(index, parts[0], f"f{index}", f"call_{index}")]}
        pieces.append([first, *({"tool_calls": [call(index, part)]} for part in parts[1:])])
    words, thought = st.text(min_size=1, max_size=5), draw(st.sampled_from(["reasoning_content", "reasoning"]))
    for _ in range(draw(st.integers(0, 3))):
        pieces.append([{draw(st.sampled_from(["content", thought])): draw(words)}])
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}] if draw(st.booleans()) else []
    while any(pieces):
        deltas.append(draw(st.sampled_from([one for one in pieces if one])).pop(0))
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if draw(st.booleans()):
        reason = draw(st.sampled_from(["stop", "tool_calls", "length", "content_filter"]))
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    if draw(st.booleans()):
        usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 5}}
        chunks.append({"choices": [], "usage": usage})
    return chunks


@given(streams())
@settings(max_examples=200)
def test_a_stream_comes_to_what_the_whole_would_be(chunks: list[dict[str, Any]]) -> None:
    whole = reply(chat.assembled(chunks), read(asked(thinking=THINKS)), new_id=ids())
    assert said(streamed(chunks)) == said(Message.model_validate(whole))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            "type", "text", "role", "content", "id", "name", "input", "source", "data", "tool_use_id", "schema",
            "format", "effort", "tool_calls", "function", "arguments", "index", "delta", "cached_tokens",
        ]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
FIELDS = st.sampled_from([
    "model", "messages", "max_tokens", "system", "tools", "tool_choice", "thinking", "output_config", "stop_sequences",
    "metadata", "temperature", "stream", "top_k", "mcp_servers",
])  # fmt: skip
BLOCK = st.fixed_dictionaries({"type": st.sampled_from([
    "text", "image", "document", "tool_result", "tool_use", "thinking", "redacted_thinking", "search_result", "x",
])}, optional=dict.fromkeys(("text", "source", "content", "tool_use_id", "id", "name", "input", "thinking"), JSON))  # fmt: skip
TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "x"]), "content": st.lists(BLOCK)}
)


@given(st.dictionaries(FIELDS, JSON), st.lists(TURN, max_size=3))
def test_whatever_is_asked_is_read_or_refused(fields: dict[str, Any], turns: list[Any]) -> None:
    for body in (fields, {**fields, "messages": turns}, {**asked(), **fields}):
        try:
            json.dumps(read(body).body)
        except InvalidRequestError:
            continue


@given(st.lists(st.fixed_dictionaries({"choices": JSON | st.lists(st.fixed_dictionaries({"delta": JSON}))}) | JSON))
def test_whatever_comes_back_makes_a_message(chunks: list[Any]) -> None:
    chunks = [chunk for chunk in chunks if isinstance(chunk, dict)]
    events = Events(Asked({"model": "m"}, {"thinking": THINKS}), new_id=ids())
    in_order(parsed(b"".join(map(events.feed, chunks)) + events.end()))
    Message.model_validate(
        reply({"choices": [chunks]} if chunks else {}, Asked({"model": "m"}, {"thinking": THINKS}), new_id=ids())
    )


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(None, "a", "f", ""), (None, None, None, '{"x"'), (None, None, None, ": 1}"), (None, "b", "g", "{}")], id="no index"),
        pytest.param([(0, "a", "f", '{"x": 1}'), (0, "b", "g", "{}")], id="one index for all"),
        pytest.param([(0, None, None, '{"x": 1}'), (0, "a", "f", ""), (1, "b", "g", "{}")], id="a name that comes late"),
    ],
)  # fmt: skip
def test_pieces_of_calls_are_told_apart_however_they_are_numbered(pieces: list[Any]) -> None:
    chunks = []
    for index, own, name, arguments in pieces:
        piece = {"index": index, "id": own, "function": {"name": name, "arguments": arguments}}
        kept = {key: value for key, value in piece.items() if value is not None}
        chunks.append({"choices": [{"index": 0, "delta": {"tool_calls": [kept]}}]})
    calls = [(block.id, block.name, block.input) for block in streamed(chunks).content if block.type == "tool_use"]
    assert calls == [("a", "f", {"x": 1}), ("b", "g", {})]


def test_results_of_tools_come_first_and_errors_stay_errors() -> None:
    content = [
        {"type": "text", "text": "and now?"},
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "1"}, PICTURE]},
        {"type": "tool_result", "tool_use_id": "b", "content": "broken", "is_error": True},
    ]
    turns = read(asked(messages=[{"role": "user", "content": content}])).body["messages"]
    assert [turn["role"] for turn in turns] == ["tool", "tool", "user"]
    assert turns[1] == {"role": "tool", "tool_call_id": "b", "content": "Error: broken"}
    assert [part["type"] for part in turns[2]["content"]] == ["text", "image_url", "text"]


def test_what_an_assistant_said_is_said_again() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
    ]
    found = read(asked(messages=[{"role": "user", "content": "x"}, {"role": "assistant", "content": content}]))
    assert found.body["messages"][1] == {
        "role": "assistant",
        "content": "I look.",
        "reasoning_content": "hm",
        "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s"}],
        "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
    }
    assert found.losses == ["thinking.signature"]


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ({"tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
         {"tool_choice": "required", "parallel_tool_calls": False}),
        ({"tool_choice": {"type": "tool", "name": "f"}},
         {"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning_effort": "low"}),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, {"reasoning_effort": "high"}),
        ({"stop_sequences": ["a"]}, {"stop": ["a"]}),
        ({"metadata": {"user_id": "u"}}, {"user": "u"}),
        ({"top_k": 3, "temperature": 0.5}, {"top_k": 3, "temperature": 0.5}),
    ],
)  # fmt: skip
def test_fields_have_other_names(given_: dict[str, Any], wanted: dict[str, Any]) -> None:
    tools = [{"name": "f", "input_schema": {"type": "object"}}]
    body = read(asked(tools=tools, **given_)).body
    assert {name: body[name] for name in wanted} == wanted


def test_whatever_is_left_out_is_named() -> None:
    document = {"type": "document", "source": {"type": "text", "data": "d"}, "citations": {"enabled": True}}
    found = read(
        asked(
            messages=[{"role": "user", "content": [document]}],
            tools=[{"name": "f", "input_schema": {}, "defer_loading": True, "input_examples": None}],
            output_config={"effort": "low", "task_budget": {"total": 9}},
            **{"inference_speed": "x", "only": ["p"], "max_cost": 1, "no name": 1, "other": None},
        )
    )
    assert sorted(found.losses) == [
        "document.citations", "fields that nobody knows", "inference_speed", "output_config.task_budget",
        "tools.defer_loading",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"mcp_servers": [{"url": "https://example.com"}]},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}]},
    ],
)
def test_what_has_no_counterpart_is_for_those_who_speak_it(more: dict[str, Any]) -> None:
    found = read(asked(**more))
    assert re.search(r"web_search|mcp_servers|file", found.only_native)
    assert found.body["messages"] or "messages" in more


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({}, ["text"]),
        ({"thinking": {"type": "disabled"}}, ["text"]),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, ["thinking", "text"]),
        ({"tools": [{"name": "f", "input_schema": {"type": "object"}}]}, ["thinking", "text"]),
    ],
)
def test_thoughts_are_shown_to_whoever_asks_or_may_have_to_send_them_back(
    more: dict[str, Any], kinds: list[str]
) -> None:
    message = {"role": "assistant", "content": "so", "reasoning_content": "hm"}
    whole = reply({"choices": [{"message": message, "finish_reason": "stop"}]}, read(asked(**more)), new_id=ids())
    assert [block["type"] for block in whole["content"]] == kinds
    events = Events(read(asked(stream=True, **more)), new_id=ids())
    chunks: list[dict[str, Any]] = [
        {"choices": [{"delta": {"reasoning_content": "hm"}}]},
        {"choices": [{"delta": {"content": "so"}}]},
    ]
    told = parsed(b"".join(map(events.feed, chunks)) + events.end())
    assert [one["content_block"]["type"] for one in told if one["type"] == "content_block_start"] == kinds


@pytest.mark.parametrize(("model", "name"), [("m-1", "m-1"), (None, "m"), ("", "m"), (3, "m")])
def test_a_message_is_of_the_model_that_made_it(model: Any, name: str) -> None:
    message = {"role": "assistant", "content": "so"}
    assert reply({"model": model, "choices": [{"message": message}]}, read(asked()), new_id=ids())["model"] == name
    events = Events(read(asked(stream=True)), new_id=ids())
    (start, *_) = parsed(events.feed({"model": model, "choices": [{"delta": message}]}))
    assert start["message"]["model"] == name


def test_thoughts_keep_what_seals_them() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "s"},
        {"type": "reasoning.encrypted", "data": "zzz"},
    ]
    message = {"role": "assistant", "content": "so", "reasoning_content": "hm", "reasoning_details": details}
    whole = reply(
        {"choices": [{"message": message, "finish_reason": "stop"}]}, read(asked(thinking=THINKS)), new_id=ids()
    )
    assert [block["type"] for block in whole["content"]] == ["thinking", "redacted_thinking", "text"]
    deltas = [
        {"reasoning_content": "h"},
        {"reasoning_content": "m"},
        {"reasoning_details": [details[0] | {"text": ""}]},
        {"reasoning_details": [details[1]]},
        {"content": "so"},
    ]
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    assert [block.model_dump(exclude_none=True) for block in streamed(chunks).content] == whole["content"]
    talk = [{"role": "user", "content": "x"}, {"role": "assistant", "content": whole["content"]}]
    assert read(asked(messages=talk)).body["messages"][1]["reasoning_details"] == details


def test_thoughts_without_a_signature_have_an_empty_one() -> None:
    """Some SDKs keep thoughts of a stream only where a signature came, be it an empty one."""
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in ({"reasoning_content": "hm"}, {"content": "so"})]
    events = Events(read(asked(stream=True, thinking=THINKS)), new_id=ids())
    deltas = [event["delta"] for event in parsed(b"".join(map(events.feed, chunks))) if "delta" in event]
    assert deltas[1] == {"type": "signature_delta", "signature": ""}
    assert streamed(chunks).content[0].model_dump() == {"type": "thinking", "thinking": "hm", "signature": ""}


def test_what_the_system_says_later_is_in_the_users_turn() -> None:
    """Most templates take a system turn at the beginning alone."""
    said = {"role": "system", "content": [{"type": "text", "text": "It is late."}]}
    user, model = {"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}
    late = "<system>\nIt is late.\n</system>"
    turns = read(asked(system="Be brief.", messages=[said, user, said, model, said])).body["messages"]
    assert turns == [
        {"role": "system", "content": "Be brief.\n\nIt is late."},
        {"role": "user", "content": f"x\n\n{late}"},
        model,
        {"role": "user", "content": late},
    ]
    turns = read(asked(messages=[{"role": "user", "content": [PICTURE]}, said])).body["messages"]
    assert turns[0]["content"][1:] == [{"type": "text", "text": late}]
    use = {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "look", "input": {}}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]}
    turns = read(asked(messages=[user, use, said, result])).body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "user"]
    assert turns[-1]["content"] == late


def test_a_tool_that_was_found_is_one_of_the_tools() -> None:
    found = {"type": "tool_reference", "tool_name": "look"}
    content = [{"type": "tool_result", "tool_use_id": "a", "content": [found]}]
    (turn,) = read(asked(messages=[{"role": "user", "content": content}])).body["messages"]
    assert turn == {"role": "tool", "tool_call_id": "a", "content": "The tool look can be used."}


def test_a_line_that_changes_with_every_request_does_not_stay_first() -> None:
    system = [{"type": "text", "text": "x-anthropic-billing-header: 12"}, {"type": "text", "text": "Be brief."}]
    assert read(asked(system=system)).body["messages"][0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limit_error"), (529, "overloaded_error"), (500, "api_error"),
                                              (418, "invalid_request_error"), (402, "billing_error")])  # fmt: skip
def test_errors_have_the_type_of_their_status(status: int, kind: str) -> None:
    assert error(status, "no", request_id="r") == {
        "type": "error", "error": {"type": kind, "message": "no"}, "request_id": "r",
    }  # fmt: skip

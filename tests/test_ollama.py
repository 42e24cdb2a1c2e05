"""Ollama's API over chat completions: held against the types of its own client."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ollama import ChatResponse, GenerateResponse
from ollama._types import ChatRequest, GenerateRequest

from inference_providers import InvalidRequestError, chat
from inference_providers.protocols import ollama_in, ollama_reply
from inference_providers.protocols.dialect import Asked
from tests.test_messages import JSON, ids, streams

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()


def asked(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages) or [{"role": "user", "content": "Hi"}], **more}


def clock(*times: float) -> Any:
    """A clock that goes on by a second with every look at it."""
    count = iter(times or range(1_000_000_000, 1_000_100_000))
    return lambda: float(next(count))


def lines(raw: bytes) -> list[dict[str, Any]]:
    assert raw.endswith(b"\n")
    return [json.loads(line) for line in raw.decode().splitlines()]


def streamed(events: Any, chunks: list[Any]) -> list[dict[str, Any]]:
    found = lines(b"".join(map(events.feed, chunks)) + events.end())
    assert [line["done"] for line in found] == [False] * (len(found) - 1) + [True]
    return found


def said(replies: list[ChatResponse]) -> tuple[Any, ...]:
    """(text, thoughts, calls, why it ended, tokens) of replies in a row, or of one."""
    messages = [reply.message for reply in replies]
    calls = [call for message in messages for call in message.tool_calls or ()]
    last = replies[-1]
    return (
        "".join(message.content or "" for message in messages),
        "".join(message.thinking or "" for message in messages),
        sorted((call.function.name, json.dumps(call.function.arguments)) for call in calls),
        last.done_reason,
        (last.prompt_eval_count, last.eval_count),
    )


@given(streams())
@settings(max_examples=80)
def test_a_stream_comes_to_what_the_whole_would_be(chunks: list[dict[str, Any]]) -> None:
    request = ollama_in.read(asked())
    found = streamed(ollama_reply.Events(request, new_id=ids(), now=clock()), chunks)
    whole = ollama_reply.reply(chat.assembled(chunks), request, new_id=ids(), now=clock())
    assert said([ChatResponse(**line) for line in found]) == said([ChatResponse(**whole)])
    assert sum("tool_calls" in line["message"] for line in found) <= 1, "some programs keep those of one line"
    generated = ollama_in.read_generate({"model": "m", "prompt": "Hi"})
    found = streamed(ollama_reply.GeneratedEvents(generated, new_id=ids(), now=clock()), chunks)
    whole = ollama_reply.generated(chat.assembled(chunks), generated, new_id=ids(), now=clock())
    assert "".join(GenerateResponse(**line).response or "" for line in found) == whole["response"]
    assert "".join(line.get("thinking", "") for line in found) == whole.get("thinking", "")


FIELDS = st.sampled_from([
    "model", "messages", "options", "format", "think", "stream", "tools", "keep_alive", "prompt", "system", "images",
    "raw", "suffix", "context", "template", "logprobs", "top_logprobs",
])  # fmt: skip
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool", "x"])},
    optional=dict.fromkeys(("content", "thinking", "images", "tool_calls", "tool_name", "tool_call_id"), JSON),
)


@given(st.dictionaries(FIELDS, JSON), st.lists(MESSAGE, max_size=3))
@settings(max_examples=60)
def test_whatever_is_asked_is_read_or_refused(fields: dict[str, Any], messages: list[Any]) -> None:
    for body in (fields, {**fields, "messages": messages}, {**asked(), **fields}):
        for read in (ollama_in.read, ollama_in.read_generate):
            try:
                json.dumps(read(body).body)
            except InvalidRequestError:
                continue
        assert ollama_in.loads(body) in ("", "load", "unload")


@given(st.lists(st.fixed_dictionaries({"choices": JSON | st.lists(st.fixed_dictionaries({"delta": JSON}))}) | JSON))
@settings(max_examples=40)
def test_whatever_comes_back_makes_replies(chunks: list[Any]) -> None:
    chunks = [chunk for chunk in chunks if isinstance(chunk, dict)]
    request = Asked({"model": "m"}, {})
    for line in streamed(ollama_reply.Events(request, new_id=ids(), now=clock()), chunks):
        ChatResponse(**line)
    for data in (*chunks, {"choices": chunks}):
        ChatResponse(**ollama_reply.reply(data, request, new_id=ids(), now=clock()))
        GenerateResponse(**ollama_reply.generated(data, request, new_id=ids(), now=clock()))


NAMES = st.lists(st.sampled_from(["f", "g", "h"]), min_size=1, max_size=5)


@given(st.lists(NAMES, min_size=1, max_size=3), st.data())
@settings(max_examples=100)
def test_results_go_to_the_calls_of_their_name_in_whatever_order(rounds: list[list[str]], data: st.DataObject) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
    for names in rounds:
        calls = [{"function": {"name": name, "arguments": {}}} for name in names]
        messages.append({"role": "assistant", "tool_calls": calls})
        order = data.draw(st.permutations(names))
        messages += [{"role": "tool", "content": name, "tool_name": name} for name in order]
    turns = ollama_in.read(asked(*messages)).body["messages"]
    made = {call["id"]: call["function"]["name"] for turn in turns for call in turn.get("tool_calls", ())}
    assert len(made) == sum(map(len, rounds)), "ids are of one call each"
    answered = [(turn["tool_call_id"], turn["content"]) for turn in turns if turn["role"] == "tool"]
    assert sorted(answered) == sorted(made.items())
    assert [turn["role"] for turn in turns] == [message["role"] for message in messages]


def test_results_without_a_name_go_to_calls_in_their_order() -> None:
    calls = [{"function": {"name": name, "arguments": {"a": 1}}} for name in ("f", "g")]
    results = [{"role": "tool", "content": "1", "images": [PNG]}, {"role": "tool", "content": "2"}]
    turns = ollama_in.read(asked({"role": "assistant", "tool_calls": calls}, *results, {"role": "user"})).body[
        "messages"
    ]
    assert turns[0]["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": 1}'}
    assert [turn["tool_call_id"] for turn in turns[1:3]] == ["call_1", "call_2"]
    assert [part["type"] for part in turns[3]["content"]] == ["text", "image_url"], "pictures stand behind all results"
    assert len(turns) == 5


def test_ids_that_are_given_stay_and_a_result_of_no_call_is_told_all_the_same() -> None:
    calls = [{"function": {"name": "f", "arguments": {}}, **given_} for given_ in ({"id": "call_2"}, {})]
    mine, other = ({"role": "tool", "tool_call_id": one, "content": "2"} for one in ("call_2", "x2"))
    turns = ollama_in.read(asked({"role": "assistant", "tool_calls": calls}, mine, other)).body["messages"]
    assert [call["id"] for call in turns[0]["tool_calls"]] == ["call_2", "call_3"], "each call has one of its own"
    assert turns[1] == {"role": "tool", "tool_call_id": "call_2", "content": "2"}
    assert turns[2] == {"role": "user", "content": "Result of a tool:\n2"}


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ({"options": {"num_predict": 9, "top_k": 40.0, "repeat_penalty": 1.1, "min_p": 0.1, "stop": "x", "seed": 7}},
         {"max_tokens": 9, "top_k": 40, "repetition_penalty": 1.1, "min_p": 0.1, "stop": ["x"], "seed": 7}),
        ({"options": {"num_predict": -1, "seed": -1, "stop": []}}, {"max_tokens": None, "seed": None, "stop": None}),
        ({"format": "json"}, {"response_format": {"type": "json_object"}}),
        ({"format": {"type": "object"}}, {"response_format": {"type": "json_schema", "json_schema": {
            "name": "answer", "schema": {"type": "object"}, "strict": False}}}),
        ({"format": ""}, {"response_format": None}),
        ({"think": True}, {"reasoning_effort": "medium"}),
        ({"think": False}, {"reasoning_effort": "none"}),
        ({"think": "low"}, {"reasoning_effort": "low"}),
        ({"stream": False}, {"stream": None}),
        ({}, {"stream": True, "stream_options": {"include_usage": True}, "reasoning_effort": None}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    ],
)  # fmt: skip
def test_fields_have_other_names(given_: dict[str, Any], wanted: dict[str, Any]) -> None:
    for found in (ollama_in.read(asked(**given_)), ollama_in.read_generate({"model": "m", "prompt": "Hi", **given_})):
        assert {name: found.body.get(name) for name in wanted} == wanted
        assert found.losses == []


def test_what_only_an_engine_here_could_do_is_left_out_and_named() -> None:
    found = ollama_in.read(asked(keep_alive="5m", options={"num_ctx": 8192, "mirostat": 1, "temperature": 0}))
    assert found.losses == ["keep_alive", "options.num_ctx", "options.mirostat"]
    assert found.body["temperature"] == 0


@pytest.mark.parametrize(
    "more",
    [{"raw": True}, {"suffix": "x"}, {"template": "{{ .Prompt }}"}, {"context": [1, 2]}, {"width": 512},
     {"images": ["aGVsbG8="]}, {"think": "hard"}, {"format": "yaml"}, {"options": {"top_k": "many"}}],
)  # fmt: skip
def test_what_would_change_the_meaning_is_refused_by_its_name(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(more.get("options", more)))):
        ollama_in.read_generate({"model": "m", "prompt": "Hi", **more})


def test_a_prompt_is_a_conversation_of_its_own() -> None:
    body = ollama_in.read_generate({"model": "m", "system": "Be brief.", "prompt": "What is it?", "images": [PNG]}).body
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        ]},
    ]  # fmt: skip


def test_what_the_system_says_later_is_in_the_users_turn() -> None:
    """Most templates take a system turn at the beginning alone."""
    said = [{"role": role, "content": role} for role in ("system", "user", "system", "assistant", "user")]
    turns = ollama_in.read({"model": "m", "messages": said}).body["messages"]
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user"]
    assert turns[1]["content"] == "user\n\n<system>\nsystem\n</system>"


def test_what_the_client_sends_is_read() -> None:
    message = {"role": "user", "content": "Hi", "images": [PNG]}
    tool = {"function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}}
    sent = ChatRequest(model="m", messages=[message], tools=[tool], think=True, stream=False)  # type: ignore[list-item]
    body = ollama_in.read(sent.model_dump(exclude_none=True)).body
    assert body["tools"] == [{"type": "function", **tool}]
    assert body["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    plain = GenerateRequest(model="m", prompt="Hi").model_dump(exclude_none=True)
    assert ollama_in.read_generate(plain).body["messages"] == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [({"prompt": ""}, "load"), ({}, "load"), ({"messages": []}, "load"), ({"keep_alive": 0}, "unload"),
     ({"messages": [], "keep_alive": "0s"}, "unload"), ({"prompt": "x"}, ""), ({"images": ["x"]}, ""),
     ({"messages": [{}]}, "")],
)  # fmt: skip
def test_who_asks_nothing_has_a_model_loaded(body: dict[str, Any], wanted: str) -> None:
    assert ollama_in.loads(body) == wanted
    if wanted:
        answer = ollama_reply.loaded({"model": "m", **body}, wanted, now=clock())
        read = ChatResponse(**answer) if "messages" in body else GenerateResponse(**answer)
        assert (read.done, read.done_reason, read.model) == (True, wanted, "m")


def test_times_are_those_of_the_clock() -> None:
    request = ollama_in.read(asked())
    chunks: list[Any] = [
        {"choices": [{"delta": {"content": "a"}}]},
        {"choices": [{"delta": {}, "finish_reason": "length"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}},
    ]
    *_, last = streamed(ollama_reply.Events(request, new_id=ids(), now=clock(12.5, 14), began=10), chunks)
    assert last == {
        "model": "m", "created_at": "1970-01-01T00:00:14.000000Z", "message": {"role": "assistant", "content": ""},
        "done": True, "done_reason": "length", "prompt_eval_count": 3, "eval_count": 5,
        "total_duration": 4_000_000_000, "load_duration": 0, "prompt_eval_duration": 2_500_000_000,
        "eval_duration": 1_500_000_000,
    }  # fmt: skip
    whole = ollama_reply.reply(chat.assembled(chunks), request, new_id=ids(), now=clock(14), began=10)
    assert (whole["total_duration"], whole["eval_count"]) == (4_000_000_000, 5)
    assert "total_duration" not in ollama_reply.reply({}, request, new_id=ids(), now=clock())


def test_who_does_not_want_thoughts_sees_none() -> None:
    chunk = {"choices": [{"delta": {"reasoning_content": "hm", "content": "Yes"}}]}
    for think, wanted in ((False, []), (True, ["hm"]), (None, ["hm"])):
        request = ollama_in.read(asked(think=think))
        found = streamed(ollama_reply.Events(request, new_id=ids(), now=clock()), [chunk])
        assert [line["message"]["thinking"] for line in found if "thinking" in line["message"]] == wanted


def test_probabilities_of_tokens_are_told() -> None:
    token = {"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -2.5}]}
    choice = {"message": {"content": "a"}, "logprobs": {"content": [token]}}
    made = ollama_reply.reply({"choices": [choice]}, ollama_in.read(asked()), new_id=ids(), now=clock())
    found = ChatResponse(**made).logprobs or []
    assert (found[0].logprob, (found[0].top_logprobs or [])[0].token) == (-0.1, "b")


def test_a_failure_is_one_line_of_words() -> None:
    events = ollama_reply.Events(ollama_in.read(asked()), new_id=ids(), now=clock())
    assert lines(events.failed(502, "It broke off.")) == [{"error": "It broke off."}]
    assert events.end() == b""

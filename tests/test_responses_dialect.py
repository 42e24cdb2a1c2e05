"""OpenAI's responses over chat completions: held against the official SDK, which adds up the events."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from inference_providers import InvalidRequestError, chat
from inference_providers.protocols.dialect import Asked
from inference_providers.protocols.responses_events import Events
from inference_providers.protocols.responses_in import read
from inference_providers.protocols.responses_reply import error, reply
from inference_providers.protocols.responses_thoughts import seal

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "name": "f0", "parameters": {"type": "object"}, "strict": True},
    {"type": "custom", "name": "f1", "description": "Patches."},
    {"type": "namespace", "name": "box", "description": "", "tools": [{"type": "function", "name": "f2"}]},
    {"type": "tool_search", "execution": "client", "parameters": {}},
]
ENDS = ("response.completed", "response.incomplete", "response.failed")


def asked(**more: Any) -> dict[str, Any]:
    return {"model": "m", "input": "Hi", **more}


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


def accumulated(events: list[dict[str, Any]]) -> Any:
    """What the official SDK makes of events; each is as its types say."""
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in events:
        state.handle_event(EVENT.validate_python(event, strict=True))
    return Response.model_validate(events[-1]["response"], strict=True)


def in_order(events: list[dict[str, Any]]) -> None:
    """As clients that keep one open item want them: each delta within its item and part, each number once."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ENDS
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    item: dict[str, Any] | None = None
    part, text, done = "", "", []
    for event in events[2:-1]:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert item is None
            assert event["output_index"] == len(done)
            item, text = event["item"], ""
            continue
        assert item is not None
        assert event["output_index"] == len(done)
        assert event.get("item_id", item["id"]) == item["id"]
        if kind.endswith("part.added"):
            assert part == ""
            part, text = kind.removesuffix(".added"), ""
        elif kind.endswith(".delta"):
            assert bool(part) == (item["type"] in ("message", "reasoning"))
            text += event["delta"]
        elif kind.endswith("part.done"):
            assert part == kind.removesuffix(".done")
            part = ""
            assert text == (event["part"].get("text") or event["part"].get("refusal") or "")
        elif kind == "output_item.done":
            assert part == ""
            assert event["item"]["id"] == item["id"]
            if item["type"] == "tool_search_call":  # which has no events
                text = event["item"]["arguments"]
            assert event["item"].get("arguments", event["item"].get("input", text)) == text
            done.append(event["item"])
            item = None
        elif kind.endswith(".done"):
            assert text == next(event[name] for name in ("text", "refusal", "arguments", "input") if name in event)
    if kinds[-1] != "response.failed":
        assert item is None
        assert events[-1]["response"]["output"] == done


def streamed(chunks: list[Any], **more: Any) -> Any:
    events = Events(read(asked(stream=True, **more)), new_id=ids(), now=1)
    raw = b"".join([events.feed(chunk) for chunk in chunks]) + events.end()
    assert events.end() == b""
    in_order(found := parsed(raw))
    return accumulated(found)


def whole(data: dict[str, Any], **more: Any) -> Any:
    return Response.model_validate(reply(data, read(asked(**more)), new_id=ids(), now=1), strict=True)


def said(response: Any) -> tuple[Any, ...]:
    """(thoughts, text, calls, status, usage), whatever the order of items."""
    output = response.output
    thoughts = [one for one in output if one.type == "reasoning"]
    return (
        "".join(part.text for one in thoughts for part in (*one.summary, *(one.content or ()))),
        response.output_text,
        sorted((one.name, one.call_id, one.arguments) for one in output if one.type == "function_call"),
        sorted((one.name, one.call_id, one.input) for one in output if one.type == "custom_tool_call"),
        sorted((one.call_id, str(one.arguments)) for one in output if one.type == "tool_search_call"),
        response.status,
        response.incomplete_details,
        response.usage,
    )


def call(index: int, arguments: str, name: str | None = None, given: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"index": index, "function": function, **({"id": given, "type": "function"} if given else {})}


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Chunks as servers send them: calls whole or in pieces that alternate, text anywhere, usage last or never."""
    arguments = st.sampled_from(['{"a": 1}', '{"input": "é\\n"}', "{}", "", '{"c": {"d": null}}'])
    names = st.sampled_from(["f0", "f1", "box__f2", "tool_search", "unknown"])
    pieces: list[list[dict[str, Any]]] = []
    for index in range(draw(st.integers(0, 3))):
        text = draw(arguments)
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
        parts = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
        first = {"tool_calls": [call(index, parts[0], draw(names), f"call_{index}")]}
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


@given(streams(), st.booleans())
def test_a_stream_comes_to_what_the_whole_would_be(chunks: list[dict[str, Any]], summary: bool) -> None:
    more = {"tools": TOOLS, **({"reasoning": {"summary": "auto"}} if summary else {})}
    assert said(streamed(chunks, **more)) == said(whole(chat.assembled(chunks), **more))


@given(streams())
def test_what_was_said_is_said_again(chunks: list[dict[str, Any]]) -> None:
    """There and back: a message, as a response, as the input of the next request."""
    data = chat.assembled(chunks)
    message = chat.message_of(data)
    output = [item.to_dict() for item in whole(data, tools=TOOLS).output]
    calls = [item["call_id"] for item in output if "call_id" in item]
    results = [{"type": "function_call_output", "call_id": one, "output": "ok"} for one in calls]
    given_ = [{"role": "user", "content": "Hi"}, *output, *results]
    found = read(asked(tools=TOOLS, input=given_))
    assert not found.only_native
    turns = [turn for turn in found.body["messages"] if turn["role"] == "assistant"]
    if message.get("content") or calls:
        (turn,) = turns
        assert (turn["content"] or "") == (message.get("content") or "")
        assert turn.get("reasoning_content", "") == chat.thoughts(message)
        kept = [one["function"] for one in message.get("tool_calls", [])]
        assert [one["function"]["name"] for one in turn.get("tool_calls", [])] == [one["name"] for one in kept]
        for mine, other in zip(turn.get("tool_calls", []), kept, strict=True):
            if other["name"] not in ("f1", "tool_search"):
                assert mine["function"]["arguments"] == (other["arguments"] or "{}")
    else:
        assert turns == []


WORDS = st.sampled_from([
    "type", "text", "role", "content", "id", "name", "input", "output", "call_id", "tools", "schema", "format", "effort",
    "tool_calls", "function", "arguments", "index", "delta", "message", "reasoning_details", "summary", "file_id",
    "image_url", "annotations", "url_citation", "url", "logprobs", "token", "namespace", "mode", "signature", "data",
    "encrypted_content", "finish_reason", "function_call", "custom_tool_call", "reasoning", "custom", "json_schema",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)
FIELDS = st.sampled_from([
    "model", "input", "instructions", "max_output_tokens", "tools", "tool_choice", "reasoning", "text", "include",
    "metadata", "temperature", "stream", "store", "previous_response_id", "conversation", "background", "top_logprobs",
    "parallel_tool_calls", "user", "prompt", "truncation", "a field", "max_cost",
])  # fmt: skip
ITEM = st.fixed_dictionaries({"type": st.sampled_from([
    "message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output",
    "tool_search_call", "tool_search_output", "additional_tools", "item_reference", "web_search_call", "shell_call", "x",
])}, optional={"role": st.sampled_from(["user", "assistant", "system", "developer", "x"]), "call_id": st.just("c"),
    "name": st.just("f1"), **dict.fromkeys(("content", "output", "summary", "arguments", "input", "encrypted_content",
    "tools", "id"), JSON)})  # fmt: skip


@given(st.dictionaries(FIELDS, JSON), st.lists(ITEM, max_size=4))
def test_whatever_is_asked_is_read_or_refused(fields: dict[str, Any], items: list[Any]) -> None:
    for body in (fields, {**fields, "input": items}, {**asked(), **fields}, asked(input=items)):
        for history in (None, items):
            try:
                found = read(body, history=history)
            except InvalidRequestError:
                continue
            json.dumps(found.body)
            assert all(name.isascii() and name.isprintable() for name in found.losses)
            answers = {turn["tool_call_id"] for turn in found.body["messages"] if turn["role"] == "tool"}
            calls = {one["id"] for turn in found.body["messages"] for one in turn.get("tool_calls", [])}
            assert answers <= calls
            assert answers == calls or found.only_native


@given(st.lists(st.fixed_dictionaries({"choices": JSON | st.lists(st.fixed_dictionaries({"delta": JSON}))}) | JSON))
def test_whatever_comes_back_makes_a_response(chunks: list[Any]) -> None:
    chunks = [chunk for chunk in chunks if isinstance(chunk, dict)]
    plain = Asked({"model": "m"}, {})
    events = Events(plain, new_id=ids())
    in_order(found := parsed(b"".join(map(events.feed, chunks)) + events.end()))
    accumulated(found)
    for data in ({"choices": [chunk, *chunks]} for chunk in chunks):
        Response.model_validate(reply(data, plain, new_id=ids()), strict=True)
    for chunk in chunks:
        Response.model_validate(reply({"choices": [{"message": chunk}]}, plain, new_id=ids()), strict=True)


def turns(*items: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    found = read(asked(input=list(items), **more))
    assert found.only_native == ""
    made: list[dict[str, Any]] = found.body["messages"]
    return made


def thought(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}], **more}


def called(name: str, id_: str, arguments: str = "{}") -> dict[str, Any]:
    return {"type": "function_call", "id": f"fc_{id_}", "call_id": id_, "name": name, "arguments": arguments}


def result(id_: str, output: Any = "ok") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": id_, "output": output}


USER = {"role": "user", "content": "Hi"}


def test_what_an_assistant_does_in_one_go_is_one_turn_and_results_follow_their_calls() -> None:
    said_ = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]}
    found = turns(USER, called("f", "a"), said_, called("g", "b"), result("b"), USER, result("a"))
    assert [turn["role"] for turn in found] == ["user", "assistant", "tool", "tool", "user"]
    assert found[1]["content"] == "I look."
    assert [one["id"] for one in found[1]["tool_calls"]] == ["a", "b"]


def test_thoughts_belong_to_what_follows_them() -> None:
    before = {"role": "assistant", "content": "Earlier."}
    found = turns(USER, before, thought("hm"), called("f", "a"), result("a"), thought("so"), before)
    assert [turn.get("reasoning_content") for turn in found] == [None, None, "hm", None, "so"]
    assert found[2]["tool_calls"]
    assert "reasoning_content" not in turns(USER, thought("left over"), USER)[0]


@pytest.mark.parametrize("field", ["summary", "content"])
def test_thoughts_are_read_from_where_they_are(field: str) -> None:
    item = {"type": "reasoning", "summary": [], "content": None, "encrypted_content": None}
    item[field] = [{"type": "reasoning_text", "text": "hm"}]
    assert turns(USER, item, called("f", "a"), result("a"))[1]["reasoning_content"] == "hm"


def test_signed_and_encrypted_thoughts_go_to_the_client_and_come_back() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "s"},
        {"type": "reasoning.encrypted", "data": "xyz"},
    ]
    message = {"content": "Yes.", "reasoning_details": details}
    response = whole({"choices": [{"message": message, "finish_reason": "stop"}]})
    (turn,) = turns(*(item.to_dict() for item in response.output))
    assert turn == {
        "role": "assistant",
        "content": "Yes.",
        "reasoning_content": "hm",
        "reasoning_details": details,
    }
    late = [{"choices": [{"delta": {"content": "Yes."}}]}, {"choices": [{"delta": {"reasoning_details": details[1:]}}]}]
    (turn,) = turns(*(item.to_dict() for item in streamed(late).output))
    assert turn["reasoning_details"] == details[1:]


@pytest.mark.parametrize("thinks", [{"reasoning_content": "hm"}, {}])
def test_what_a_provider_wants_back_with_a_call_comes_back(thinks: dict[str, Any]) -> None:
    extra = {"google": {"thought_signature": "abc"}}
    message = {**thinks, "tool_calls": [{**call(0, "{}", "f0", "c1"), "extra_content": extra}]}
    data = {"choices": [{"message": message}]}
    for response in (whole(data), streamed([chat.as_chunk(data)])):
        assert [item.type for item in response.output] == ["reasoning", "function_call"]
        found = turns(USER, *(item.to_dict() for item in response.output), result("c1"))[1]
        assert found["tool_calls"][0]["extra_content"] == extra
        assert found.get("reasoning_content") == thinks.get("reasoning_content")
        assert "reasoning_details" not in found


def test_thoughts_that_others_encrypted_are_left_out_by_name() -> None:
    found = read(asked(input=[USER, thought("hm", encrypted_content="gAAAA"), {"role": "assistant", "content": "x"}]))
    assert found.losses == ["reasoning.encrypted_content"]
    assert found.body["messages"][1]["reasoning_content"] == "hm"
    sealed = {"type": "reasoning", "summary": [], "encrypted_content": seal([{"type": "reasoning.text", "text": "so"}])}
    assert turns(USER, sealed, {"role": "assistant", "content": "x"})[1]["reasoning_content"] == "so"


def test_encrypted_content_is_there_when_it_is_asked_for() -> None:
    data = {"choices": [{"message": {"content": "x", "reasoning_content": "hm"}}]}
    included = whole(data, include=["reasoning.encrypted_content"], store=False).output[0]
    assert included.content[0].text == "hm"
    assert turns(USER, {**included.to_dict(), "content": None}, {"role": "assistant", "content": "x"})[1] == {
        "role": "assistant", "content": "x", "reasoning_content": "hm",
    }  # fmt: skip
    assert whole(data).output[0].encrypted_content is None


def test_what_results_show_comes_after_all_of_them() -> None:
    parts = [{"type": "input_text", "text": "1"}, PICTURE]
    found = turns(USER, called("f", "a"), called("g", "b"), result("a", parts), result("b"))
    assert [turn["role"] for turn in found] == ["user", "assistant", "tool", "tool", "user"]
    assert found[2]["content"].startswith("1\n")
    assert [part["type"] for part in found[4]["content"]] == ["text", "image_url"]


def test_systems_words_are_one_turn_and_what_it_says_later_is_the_users() -> None:
    """Most templates take a system turn at the beginning alone."""
    found = turns({"role": "developer", "content": "Rules."}, USER, {"role": "system", "content": "Late."},
                  instructions="Be brief.")  # fmt: skip
    assert [(turn["role"], turn["content"]) for turn in found] == [
        ("system", "Be brief.\n\nRules."), ("user", "Hi\n\n<system>\nLate.\n</system>"),
    ]  # fmt: skip


def test_parts_have_their_counterparts() -> None:
    file = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}
    sound = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    (turn,) = turns({"role": "user", "content": [{"type": "input_text", "text": "x"}, {**PICTURE, "detail": "original"},
                                                 file, sound]})  # fmt: skip
    assert turn["content"] == [
        {"type": "text", "text": "x"},
        {"type": "image_url", "image_url": {"url": PICTURE["image_url"], "detail": "high"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
        sound,
    ]


SCHEMA = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ({"tool_choice": "required", "parallel_tool_calls": False},
         {"tool_choice": "required", "parallel_tool_calls": False}),
        ({"tool_choice": {"type": "custom", "name": "f1"}},
         {"tool_choice": {"type": "function", "function": {"name": "f1"}}}),
        ({"reasoning": {"effort": "xhigh", "summary": "auto"}}, {"reasoning_effort": "xhigh"}),
        ({"reasoning": {"effort": "max"}}, {"reasoning_effort": "max"}),
        ({"max_output_tokens": 9}, {"max_tokens": 9}),
        ({"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
         {"response_format": {"type": "json_object"}, "verbosity": "low"}),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
         {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}}),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"user": "u", "temperature": 0.5, "top_p": 1}, {"user": "u", "temperature": 0.5, "top_p": 1}),
    ],
)  # fmt: skip
def test_fields_have_other_names(given_: dict[str, Any], wanted: dict[str, Any]) -> None:
    body = read(asked(tools=TOOLS, **given_)).body
    assert {name: body[name] for name in wanted} == wanted


def test_tools_are_functions() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: /a+/"}
    found = read(asked(tools=[*TOOLS, {"type": "custom", "name": "g", "format": grammar}]))
    made = {tool["function"]["name"]: tool["function"] for tool in found.body["tools"]}
    assert list(made) == ["f0", "f1", "box__f2", "tool_search", "g"]
    assert made["f0"] == {"name": "f0", "parameters": {"type": "object"}, "strict": True}
    assert made["f1"]["parameters"]["required"] == ["input"]
    assert "start: /a+/" in made["g"]["description"]
    assert found.losses == ["tools.format"]


def test_tools_may_come_among_the_items() -> None:
    more = {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "later"}]}
    found = read(asked(input=[more, USER]))
    assert [tool["function"]["name"] for tool in found.body["tools"]] == ["later"]
    assert not found.only_native


def test_allowed_tools_are_all_that_is_offered() -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "custom", "name": "f1"}]}
    body = read(asked(tools=TOOLS, tool_choice=choice)).body
    assert [tool["function"]["name"] for tool in body["tools"]] == ["f1"]
    assert body["tool_choice"] == "required"


def test_calls_are_told_as_the_tools_they_stand_for() -> None:
    names = (
        ("box__f2", '{"a": 1}'),
        ("f1", '{"input": "*** Begin"}'),
        ("f1", "*** as it is"),
        ("f1", '{"patch": "p"}'),
    )
    calls = [call(at, arguments, name, "same") for at, (name, arguments) in enumerate(names)]
    data = {"choices": [{"message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}
    output = whole(data, tools=TOOLS).output
    assert [one.type for one in output] == ["function_call", *["custom_tool_call"] * 3]
    assert (output[0].namespace, output[0].name) == ("box", "f2")
    assert [one.input for one in output[1:]] == ["*** Begin", "*** as it is", "p"]
    assert len({one.call_id for one in output}) == 4  # one id for all would make them one
    back = turns(*(one.to_dict() for one in output), *(result(one.call_id) for one in output))[0]["tool_calls"]
    assert back[0]["function"] == {"name": "box__f2", "arguments": '{"a": 1}'}
    assert json.loads(back[1]["function"]["arguments"]) == {"input": "*** Begin"}


def test_a_search_for_tools_is_a_function_where_the_program_searches() -> None:
    search = {"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": {"type": "object"}}
    data = {"choices": [{"message": {"tool_calls": [call(0, '{"query": "x"}', "tool_search", "c1")]}}]}
    (item,) = whole(data, tools=[search]).output
    assert (item.type, item.arguments, item.execution, item.call_id) == (
        "tool_search_call",
        {"query": "x"},
        "client",
        "c1",
    )
    (again,) = streamed([chat.as_chunk(data)], tools=[search]).output
    assert again == item
    found = {
        "type": "tool_search_output",
        "call_id": "c1",
        "execution": "client",
        "status": "completed",
        "tools": TOOLS[2:3],
    }
    read_ = read(asked(tools=[search], input=[USER, item.to_dict(), found]))
    assert not read_.only_native and not read_.losses
    assert read_.body["messages"][1]["tool_calls"][0]["function"] == {
        "name": "tool_search",
        "arguments": '{"query": "x"}',
    }
    assert "box__f2" in read_.body["messages"][2]["content"]
    assert [tool["function"]["name"] for tool in read_.body["tools"]] == ["tool_search", "box__f2"]


def test_where_a_provider_would_search_all_tools_are_offered() -> None:
    tools = [{"type": "tool_search"}, {**TOOLS[0], "defer_loading": True}]
    past = [{"type": "tool_search_call", "arguments": {}}, {"type": "tool_search_output", "tools": TOOLS[2:3]}]
    found = read(asked(tools=tools, input=[USER, *past]))
    assert [tool["function"]["name"] for tool in found.body["tools"]] == ["f0", "box__f2"]
    assert set(found.losses) == {"tools.tool_search", "tool_search_call", "tool_search_output"}
    assert not found.only_native


def test_a_name_that_is_too_long_with_its_namespace_is_cut_and_found_again() -> None:
    long = {"type": "function", "name": "n" * 50}
    tools = [{"type": "namespace", "name": box * 30, "description": "", "tools": [long]} for box in "ab"]
    names = [tool["function"]["name"] for tool in read(asked(tools=tools)).body["tools"]]
    assert len(set(names)) == 2 and max(map(len, names)) == 64
    data = {"choices": [{"message": {"tool_calls": [call(0, "{}", names[1], "c1")]}}]}
    (item,) = whole(data, tools=tools).output
    assert (item.name, item.namespace) == ("n" * 50, "b" * 30)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tools": [{"type": "web_search"}]}, "web_search"),
        ({"tools": [{"type": "local_shell"}]}, "local_shell"),
        ({"tools": [{"type": "apply_patch"}]}, "apply_patch"),
        ({"tools": TOOLS, "tool_choice": {"type": "file_search"}}, "file_search"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"previous_response_id": "resp_1"}, "resp_1"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"background": True}, "background"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "msg_1"),
        ({"input": [{"id": "msg_1"}]}, "input.0"),
        ({"input": [USER, {"type": "shell_call", "call_id": "c", "action": {"commands": []}}]}, "shell_call"),
        ({"input": [USER, {"type": "compaction", "encrypted_content": "x"}]}, "compaction"),
        ({"input": [USER, result("c")]}, "'c'"),
        ({"input": [USER, called("f", "c"), USER]}, "'c'"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]}]},
            "kept at a provider",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}]}, "kept at a provider"),
    ],
)
def test_what_has_no_counterpart_is_for_those_who_speak_the_api(more: dict[str, Any], words: str) -> None:
    assert words in read(asked(**more)).only_native


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"input": []}, "input"),
        ({"input": 1}, "input"),
        ({"input": ["x"]}, "input.0"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input.0.role"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input.0.call_id"),
        ({"input": [{"type": "reasoning", "summary": "hm"}]}, "input.0.summary"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"tools": [{"type": "function"}]}, "tools.name"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"max_output_tokens": "9"}, "max_output_tokens"),
        ({"temperature": True}, "temperature"),
        ({"store": "no"}, "store"),
    ],
)
def test_what_is_wrong_is_named(more: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidRequestError, match=name.replace(".", r"\.")):
        read(asked(**more))


def test_what_is_left_out_is_named() -> None:
    found = read(asked(
        prompt_cache_key="k", truncation="auto", context_management=[{}], reasoning={"mode": "pro"}, safety_identifier="s",
        input=[USER, {"type": "web_search_call", "id": "ws_1", "status": "completed"}], **{"x\r\ny": 1},
    ))  # fmt: skip
    assert set(found.losses) == {
        "prompt_cache_key", "truncation", "context_management", "reasoning.mode", "safety_identifier", "web_search_call",
        "fields that nobody knows",
    }  # fmt: skip
    assert (
        read(asked(store=True, metadata={"a": "b"}, max_tool_calls=3, stream=True, parallel_tool_calls=True)).losses
        == []
    )


def test_a_response_goes_on_from_the_history_that_is_given() -> None:
    history = [USER, {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes?"}]}]
    found = read(asked(previous_response_id="resp_1", instructions="New."), history=history)
    assert [turn["role"] for turn in found.body["messages"]] == ["system", "user", "assistant", "user"]
    assert not found.only_native
    assert reply({}, found, new_id=ids())["previous_response_id"] == "resp_1"


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [("length", "incomplete", "max_output_tokens"), ("content_filter", "incomplete", "content_filter"),
     ("stop", "completed", None), (None, "completed", None)],
)  # fmt: skip
def test_how_it_ended_is_told(reason: str | None, status: str, why: str | None) -> None:
    response = whole({"choices": [{"message": {"content": "x"}, "finish_reason": reason}]})
    assert response.status == response.output[0].status == status
    assert (response.incomplete_details and response.incomplete_details.reason) == why


def test_usage_says_what_was_cached_and_thought() -> None:
    usage = {
        "prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16, "prompt_tokens_details": {"cached_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }  # fmt: skip
    told = whole({"choices": [{"message": {"content": "x"}}], "usage": usage}).usage
    assert (told.input_tokens, told.output_tokens, told.total_tokens) == (9, 7, 16)
    assert told.input_tokens_details.cached_tokens == 5
    assert told.output_tokens_details.reasoning_tokens == 3
    assert whole({"choices": [{"message": {"content": "x"}}]}).usage is None


def test_a_refusal_a_source_and_likelihoods_stand_in_the_message() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://example.com", "title": "t", "start_index": 0,
                                                      "end_index": 1}}  # fmt: skip
    likely = {
        "content": [{"token": "x", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "y", "logprob": -1}]}]
    }
    chunks: list[Any] = [
        {"choices": [{"delta": {"content": "x"}, "logprobs": likely}]},
        {"choices": [{"delta": {"annotations": [cited]}}]},
        {"choices": [{"delta": {"refusal": "No."}}]},
    ]
    (item,) = streamed(chunks).output
    text, refusal = item.content
    assert (text.text, text.annotations[0].url, text.logprobs[0].logprob) == ("x", "https://example.com", -0.5)
    assert refusal.refusal == "No."


def test_a_call_that_is_whole_does_not_wait_for_the_end() -> None:
    events = Events(read(asked(stream=True)), new_id=ids())
    events.feed({"choices": [{"delta": {"tool_calls": [call(0, '{"a": 1}', "f", "a")]}}]})
    told = parsed(events.feed({"choices": [{"delta": {"tool_calls": [call(1, "", "g", "b")]}}]}))
    assert [one["type"] for one in told] == [
        "response.function_call_arguments.done", "response.output_item.done", "response.output_item.added",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "chunks",
    [
        [{"tool_calls": [call(0, '{"a": 1}', "f0", "x")]}, {"tool_calls": [call(0, '{"b": 1}', "f0", "y")]}],
        [{"tool_calls": [{"function": {"name": "f0", "arguments": '{"a": 1}'}}]},
         {"tool_calls": [{"function": {"name": "f0", "arguments": '{"b": 1}'}}]}],
        [{"tool_calls": [{"id": "x", "function": {"name": "f0", "arguments": '{"a"'}}]},
         {"tool_calls": [{"function": {"arguments": ": 1}"}}]},
         {"tool_calls": [{"id": "y", "function": {"name": "f0", "arguments": {"b": 1}}}]}],
        [{"tool_calls": [call(0, '{"a": 1}', None, "x")]}, {"tool_calls": [call(0, "", "f0")]},
         {"tool_calls": [call(1, '{"b": 1}', "f0", "y")]}],
    ],
    ids=["one index for all", "neither index nor id", "no index", "the name last"],
)  # fmt: skip
def test_calls_are_told_apart(chunks: list[Any]) -> None:
    output = streamed([{"choices": [{"delta": delta}]} for delta in chunks]).output
    assert [json.loads(one.arguments) for one in output] == [{"a": 1}, {"b": 1}]
    assert len({one.call_id for one in output}) == 2


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [(429, "", "rate_limit_exceeded"), (400, "context_length_exceeded", "context_length_exceeded"),
     (502, "whatever", "server_error")],
)  # fmt: skip
@pytest.mark.parametrize("begun", [True, False])
def test_a_failure_ends_the_stream_with_what_came(status: int, code: str, told: str, begun: bool) -> None:
    events = Events(read(asked(stream=True)), new_id=ids())
    raw = events.feed({"choices": [{"delta": {"content": "Ye"}}]}) if begun else b""
    raw += events.failed(status, "Gone.", code)
    assert events.end() == events.failed(500, "again") == b""
    in_order(found := parsed(raw))
    last = found[-1]["response"]
    assert last["status"] == "failed"
    assert last["error"] == {"code": told, "message": "Gone."}
    assert [item["status"] for item in last["output"]] == (["incomplete"] if begun else [])


def test_errors_are_as_openai_tells_them() -> None:
    assert error(429, "no", "slow") == {
        "error": {"message": "no", "type": "rate_limit_error", "param": None, "code": "slow"}
    }


@settings(max_examples=20)
@given(st.lists(st.integers(0, 1), max_size=200))
def test_pieces_that_alternate_take_no_longer_than_they_are(order: list[int]) -> None:
    """What waits is told once, however many pieces it has."""
    chunks = [{"choices": [{"delta": {"tool_calls": [call(at, "x", f"f{at}", f"c{at}")]}}]} for at in (0, 1, *order)]
    events = Events(read(asked(stream=True)), new_id=ids())
    told = parsed(b"".join(map(events.feed, chunks)) + events.end())
    assert len(told) <= len(chunks) + 12

"""Google's generateContent over chat completions: held against the types of the official SDK."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers import InvalidRequestError, chat
from inference_providers.clients.token_counting import prompt_tokens
from inference_providers.protocols import gemini_others as others
from inference_providers.protocols.dialect import Asked
from inference_providers.protocols.gemini_in import read
from inference_providers.protocols.gemini_reply import Events, ListEvents, error, reply

PICTURE = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
SHOWN = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": [{"text": one} if isinstance(one, str) else one for one in parts]}


def model(*parts: Any) -> dict[str, Any]:
    return {**user(*parts), "role": "model"}


def called(name: str, own: str | None = None, **arguments: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": arguments, **({"id": own} if own else {})}}


def result(name: str, own: str | None = None, **response: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response, **({"id": own} if own else {})}}


def body(*contents: Any, **more: Any) -> dict[str, Any]:
    return {"contents": list(contents) or [user("Hi")], **more}


def turns(*contents: Any, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(body(*contents, **more)).body["messages"]
    return found


def config(**more: Any) -> dict[str, Any]:
    return read(body(generationConfig=more)).body


def ids() -> Any:
    numbers = itertools.count()
    return lambda head: f"{head}{next(numbers)}"


def responses(raw: bytes, listed: bool = False) -> list[types.GenerateContentResponse]:
    """What the official SDK makes of a stream."""
    if listed:
        return [types.GenerateContentResponse.model_validate(one) for one in json.loads(raw)]
    blocks = [block for block in raw.decode().split("\n\n") if block]
    assert all(block.startswith("data: ") and len(block.splitlines()) == 1 for block in blocks)
    return [types.GenerateContentResponse.model_validate_json(block.removeprefix("data: ")) for block in blocks]


def said(*found: types.GenerateContentResponse) -> dict[int, Any]:
    """By the number of each answer: thoughts, text, calls, signatures, reason; and the tokens."""
    answers: dict[int, Any] = {}
    for response in found:
        for candidate in response.candidates or ():
            one = answers.setdefault(candidate.index or 0, ["", "", [], [], None])
            assert candidate.content is not None
            for part in candidate.content.parts or ():
                assert part != types.Part(), "programs throw away a turn with an empty part"
                one[0 if part.thought else 1] += part.text or ""
                if part.function_call:
                    one[2].append(part.function_call.model_dump(exclude_none=True))
                one[3] += [part.thought_signature] if part.thought_signature else []
            one[4] = candidate.finish_reason or one[4]
    used = found[-1].usage_metadata
    return {**answers, -1: used.model_dump(exclude_none=True) if used else None}


def call(index: int, arguments: str, name: str | None = None, own: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": name} if name else {})}
    return {"index": index, "function": function, **({"id": own, "type": "function"} if own else {})}


@st.composite
def streams(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Chunks as servers send them: several answers, calls in pieces that alternate, text anywhere, usage or none."""
    arguments = st.sampled_from(['{"a": 1}', '{"b": [1, "é"]}', "{}", '{"c": {"d": null}}', "[", ""])
    queues: list[list[dict[str, Any]]] = []
    for answer in range(draw(st.integers(1, 2))):
        for index in range(draw(st.integers(0, 2))):
            text = draw(arguments)
            cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=2)))
            parts = [text[a:b] for a, b in itertools.pairwise([0, *cuts, len(text)])]
            first = {"tool_calls": [call(index, parts[0], f"f{index}", f"call_{index}")]}
            deltas = [first, *({"tool_calls": [call(index, part)]} for part in parts[1:])]
            queues.append([{"index": answer, "delta": delta} for delta in deltas])
        words, thought = st.text(min_size=1, max_size=5), draw(st.sampled_from(["reasoning_content", "reasoning"]))
        for _ in range(draw(st.integers(0, 2))):
            queues.append([{"index": answer, "delta": {draw(st.sampled_from(["content", thought])): draw(words)}}])
        if draw(st.booleans()):
            details = [{"type": "reasoning.encrypted", "data": "x"}]
            queues.append([{"index": answer, "delta": {"reasoning_details": details}}])
        reason = draw(st.sampled_from(["stop", "tool_calls", "length", "content_filter", None]))
        queues.append([{"index": answer, "delta": {}, "finish_reason": reason}])
    chunks: list[dict[str, Any]] = []
    while any(queues):
        chosen = draw(st.lists(st.sampled_from([one for one in queues if one]), min_size=1, max_size=2, unique_by=id))
        chunks.append({"choices": [queue.pop(0) for queue in chosen]})
    if draw(st.booleans()):
        usage = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 5}}
        usage |= {"completion_tokens_details": {"reasoning_tokens": 3}}
        chunks.append({"choices": [], "usage": usage})
    return chunks


@given(streams(), st.booleans(), st.sampled_from([Events, ListEvents]))
@settings(max_examples=100)
def test_a_stream_comes_to_what_the_whole_would_be(
    chunks: list[dict[str, Any]], shown: bool, kind: type[Events]
) -> None:
    asked = read(body(**(SHOWN if shown else {})))
    events = kind(asked, new_id=ids())
    found = responses(b"".join([events.feed(chunk) for chunk in chunks]) + events.end(), kind is ListEvents)
    whole = types.GenerateContentResponse.model_validate(reply(chat.assembled(chunks), asked, new_id=ids()))
    assert said(*found) == said(whole)
    assert [one for one in found if one.usage_metadata] in ([], found[-1:])
    assert {one.response_id for one in found} == {whole.response_id}


@given(streams(), st.booleans())
@settings(max_examples=60)
def test_what_was_told_is_said_again(chunks: list[dict[str, Any]], shown: bool) -> None:
    more = SHOWN if shown else {}
    message = chat.message_of(data := chat.assembled([one for one in chunks if one["choices"]]))
    told = reply(data, read(body(**more)), new_id=ids())["candidates"][0]
    parsed = types.Content.model_validate(told["content"]).model_dump(mode="json", by_alias=True, exclude_none=True)
    again = turns(user("Hi"), parsed, **more)[1:]
    text, thoughts, calls = message.get("content") or "", chat.thoughts(message), chat.calls_of(message)
    kept = message.get("reasoning_details")
    if not (text or calls or kept or (thoughts and shown)):
        assert again == []
        return
    (turn,) = again
    assert (turn["content"] or "") == text
    assert [one["id"] for one in turn.get("tool_calls", ())] == [one["id"] for one in calls]
    for one, other in zip(turn.get("tool_calls", ()), calls, strict=True):
        assert one["function"]["name"] == other["function"]["name"]
        if other["function"]["arguments"] != "[":
            assert json.loads(one["function"]["arguments"]) == json.loads(other["function"]["arguments"])
    assert turn.get("reasoning_content", "") == (thoughts if shown or calls else "")
    assert turn.get("reasoning_details") == kept


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            "type", "text", "role", "parts", "id", "name", "args", "mimeType", "data", "response", "properties", "items",
            "format", "nullable", "tool_calls", "function", "arguments", "index", "delta", "cached_tokens", "mode",
            "thinkingBudget", "thinking_level", "parameters", "enum", "anyOf", "required", "$defs", "additionalProperties",
            "content", "image_url", "url", "logprob", "reasoning_details", "finish_reason", "minItems", "",
        ]), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip
FIELDS = st.sampled_from([
    "contents", "systemInstruction", "system_instruction", "generationConfig", "tools", "toolConfig", "safetySettings",
    "cachedContent", "labels",
])  # fmt: skip
CONFIG = st.sampled_from([
    "temperature", "top_p", "topK", "maxOutputTokens", "stopSequences", "candidateCount", "seed", "responseMimeType",
    "responseSchema", "responseJsonSchema", "thinkingConfig", "responseLogprobs", "logprobs", "responseModalities",
    "responseFormat",
])  # fmt: skip
PART = st.dictionaries(st.sampled_from([
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "thought", "thoughtSignature",
    "executableCode", "codeExecutionResult", "videoMetadata",
]), JSON, max_size=3)  # fmt: skip
TURN = st.fixed_dictionaries({"role": st.sampled_from(["user", "model", "x"]), "parts": st.lists(PART, max_size=3)})


@given(st.dictionaries(FIELDS, JSON), st.lists(TURN, max_size=3), st.dictionaries(CONFIG, JSON, max_size=3), JSON)
def test_whatever_is_asked_is_read_or_refused(fields: Any, contents: Any, own: Any, tools: Any) -> None:
    bodies = [
        fields,
        {**fields, "contents": contents},
        body(generationConfig=own),
        body(
            tools=[{"functionDeclarations": [{"name": "f", "parameters": tools}]}], toolConfig=fields.get("toolConfig")
        ),
        {"requests": [fields], "content": tools},
    ]
    for one in bodies:
        for reads in (
            lambda it: read(it).body,
            lambda it: others.read_count(it, "m").body,
            lambda it: others.read_embeddings(it, "m", many=True),
            lambda it: others.read_embeddings(it, "m", many=False),
        ):
            try:
                json.dumps(reads(one))
            except InvalidRequestError:
                continue


@given(st.lists(st.fixed_dictionaries({"choices": JSON | st.lists(st.fixed_dictionaries({"delta": JSON}))}) | JSON))
def test_whatever_comes_back_makes_a_response(chunks: list[Any]) -> None:
    chunks = [chunk for chunk in chunks if isinstance(chunk, dict)]
    asked = Asked({"model": "m"}, {})
    for kind in (Events, ListEvents):
        events = kind(asked, new_id=ids())
        responses(b"".join(map(events.feed, chunks)) + events.end(), kind is ListEvents)
    for data in ({"choices": chunks}, *chunks):
        types.GenerateContentResponse.model_validate_json(json.dumps(reply(data, asked, new_id=ids())))


def test_results_are_paired_by_id_else_by_name_and_order() -> None:
    calls = model(called("f", a=1), called("g", "own"), called("f", a=2))
    answers = [user(result("f", output="one")), user("now", result("g", "own", error="broken")), user(result("f", x=2))]
    found = turns(user("Hi"), calls, *answers)
    assert [turn["role"] for turn in found] == ["user", "assistant", "tool", "tool", "tool", "user"]
    first, own, second = (one["id"] for one in found[1]["tool_calls"])
    assert [turn["tool_call_id"] for turn in found[2:5]] == [first, own, second]
    assert [turn["content"] for turn in found[2:5]] == ["one", '{"error": "broken"}', '{"x": 2}']
    assert own == "own"
    assert first != second


def test_a_result_with_an_id_of_the_programs_own_is_for_the_call_of_its_name() -> None:
    found = turns(model(called("f"), called("g")), user(result("g", "mine-2"), result("f", "mine-1")))
    assert [turn["tool_call_id"] for turn in found[1:]] == [one["id"] for one in reversed(found[0]["tool_calls"])]


@pytest.mark.parametrize("contents", [
    [user(result("f", x=1))],
    [model(called("f")), user(result("g", x=1))],
    [model(called("f", "a")), user(result("f", "b"))],
    [model(called("f")), user(result("f")), user(result("f"))],
])  # fmt: skip
def test_a_result_of_no_call_is_refused(contents: list[Any]) -> None:
    with pytest.raises(InvalidRequestError, match=r"functionResponse is the result of no call"):
        turns(*contents)


def test_a_result_that_is_told_twice_is_one() -> None:
    """Gemini CLI does so when it goes on with a conversation; that has its own words for no signature, too."""
    twice = user(result("f", "a", x=1), result("f", "b", x=1), result("f", "a", x=1), result("f", "b", x=1))
    said = model({**called("f", "a"), "thoughtSignature": "skip_thought_signature_validator"}, called("f", "b"))
    asked = read(body(said, twice, user("so?")))
    assert [turn["role"] for turn in asked.body["messages"]] == ["assistant", "tool", "tool", "user"]
    assert "extra_content" not in asked.body["messages"][0]["tool_calls"][0]
    assert asked.losses == []
    with pytest.raises(InvalidRequestError, match="no call that waits"):
        turns(said, user(result("f", "a", x=1), result("f", "a", x=2)))


def test_thoughts_come_back_with_their_calls_though_programs_forget_them() -> None:
    thinks = {"reasoning_content": "hm", "tool_calls": [call(0, "{}", "f", "a")]}
    for more in ({}, SHOWN):
        told = reply({"choices": [{"message": thinks}]}, read(body(**more)), new_id=ids())["candidates"][0]["content"]
        (kept,) = [part for part in told["parts"] if "functionCall" in part]
        assert turns(model(kept))[0]["reasoning_content"] == "hm"


def test_neighbours_of_one_side_are_one_turn() -> None:
    found = turns(
        user("a"), user("b"), model("c"), model("d", called("f")), model(called("g")), user(result("f"), result("g"))
    )
    assert [turn["role"] for turn in found] == ["user", "assistant", "tool", "tool"]
    assert (found[0]["content"], found[1]["content"]) == ("a\nb", "cd")


def test_pictures_documents_sound_and_text_are_parts() -> None:
    shown = user(
        "look",
        {
            "inline_data": {
                "mime_type": "image/jpeg",
                "data": base64.urlsafe_b64encode(b"\xfb\xff").decode().rstrip("="),
            }
        },
        {"inlineData": {"mimeType": "application/pdf", "data": "aGk=", "displayName": "a.pdf"}},
        {"inlineData": {"mimeType": "audio/mpeg", "data": "aGk="}},
        {"inlineData": {"mimeType": "text/csv", "data": "YSxi"}},
        {"fileData": {"fileUri": "https://example.com/a.png"}},
    )
    assert turns(shown)[0]["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,+/8="}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
        {"type": "text", "text": "a,b"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]


def test_pictures_of_results_and_of_the_model_are_shown_by_the_user() -> None:
    answer = {"functionResponse": {"name": "f", "response": {"output": "1"}, "parts": [PICTURE]}}
    found = turns(user("Hi"), model(PICTURE, called("f")), user(answer, "so?"))
    assert [turn["role"] for turn in found] == ["user", "assistant", "tool", "user"]
    assert [part["type"] for part in found[3]["content"]] == ["image_url", "text", "image_url", "text"]
    assert [turn["role"] for turn in turns(user("Hi"), model("there", PICTURE))] == ["user", "assistant", "user"]


def test_googles_signature_stays_with_its_call_and_others_are_named() -> None:
    signed = {**called("f"), "thoughtSignature": "q-_8"}
    asked = read(body(model({"text": "hm", "thought": True, "thoughtSignature": "abcd"}, signed)))
    turn = asked.body["messages"][0]
    assert turn["reasoning_content"] == "hm"
    assert turn["content"] is None
    assert turn["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "q+/8"}}
    assert asked.losses == ["thoughtSignature"]
    data = {"choices": [{"message": turn}]}
    told = types.GenerateContentResponse.model_validate(reply(data, asked, new_id=ids()))
    assert said(told)[0][3] == [b"\xab\xef\xfc"]


def test_code_that_ran_at_google_is_told_as_text() -> None:
    ran = model(
        "so", {"executableCode": {"language": "PYTHON", "code": "1+1"}}, {"codeExecutionResult": {"output": "2"}}
    )
    asked = read(body(ran))
    assert asked.body["messages"][0]["content"] == "so\n```python\n1+1\n```\n\n```\n2\n```\n"
    assert asked.losses == ["executableCode", "codeExecutionResult"]


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ({"topP": 0.5, "top_k": 40.0, "maxOutputTokens": "9"}, {"top_p": 0.5, "top_k": 40, "max_tokens": 9}),
        ({"stopSequences": ["a"], "candidateCount": 2, "seed": 1}, {"stop": ["a"], "n": 2, "seed": 1}),
        ({"presencePenalty": 1, "frequency_penalty": -1}, {"presence_penalty": 1, "frequency_penalty": -1}),
        ({"responseLogprobs": True, "logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"thinkingConfig": {"thinkingBudget": 0}}, {"reasoning_effort": "none"}),
        ({"thinkingConfig": {"thinkingBudget": 4096}}, {"reasoning_effort": "medium"}),
        ({"thinking_config": {"thinking_level": "minimal"}}, {"reasoning_effort": "minimal"}),
        ({"responseMimeType": "application/json"}, {"response_format": {"type": "json_object"}}),
        ({"responseModalities": ["TEXT", "IMAGE"]}, {"modalities": ["text", "image"]}),
    ],
)  # fmt: skip
def test_fields_have_other_names(given_: dict[str, Any], wanted: dict[str, Any]) -> None:
    made = config(**given_)
    assert {name: made.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("given_", [{"thinkingConfig": {"thinkingBudget": -1}}, {"candidateCount": 1}, {"logprobs": 3},
                                    {"responseMimeType": "text/plain"}, {"responseModalities": ["TEXT"]}])  # fmt: skip
def test_what_is_usual_anyway_is_not_said(given_: dict[str, Any]) -> None:
    assert config(**given_) == config()


@pytest.mark.parametrize(
    ("calling", "choice", "names"),
    [
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, {"type": "function", "function": {"name": "f"}}, ["f"]),
        ({"mode": "ANY", "allowed_function_names": ["f", "g"]}, "required", ["f", "g"]),
        ({"mode": "any"}, "required", ["f", "g", "h"]),
        ({"mode": "NONE"}, "none", ["f", "g", "h"]),
        ({"mode": "VALIDATED"}, "auto", ["f", "g", "h"]),
        ({}, None, ["f", "g", "h"]),
    ],
)
def test_functions_are_tools(calling: Any, choice: Any, names: list[str]) -> None:
    schema = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}
    tools = [
        {"functionDeclarations": [{"name": "f", "description": "d", "parameters": schema}, {"name": "g"}]},
        {"function_declarations": [{"name": "h", "parameters_json_schema": {"type": "object"}}]},
    ]
    made = read(body(tools=tools, toolConfig={"functionCallingConfig": calling})).body
    assert made.get("tool_choice") == choice
    assert [tool["function"]["name"] for tool in made["tools"]] == names
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert made["tools"][0] == {
        "type": "function",
        "function": {"name": "f", "description": "d", "parameters": parameters},
    }


def test_schemas_become_those_of_json() -> None:
    given_ = {
        "type": "OBJECT",
        "propertyOrdering": ["b", "a"],
        "properties": {
            "a": {"type": "ARRAY", "items": {"type": "INTEGER", "format": "int64"}, "min_items": "1", "example": [1]},
            "b": {"anyOf": [{"type": "STRING", "format": "date"}, {"type": "NUMBER"}], "nullable": True},
            "any_of": {"type": "STRING", "enum": ["x"], "format": "enum", "nullable": True},
        },
        "required": ["a"],
    }
    tools = {"functionDeclarations": {"name": "f", "parameters": given_}}
    made = read(body(tools=tools)).body["tools"][0]["function"]["parameters"]
    assert list(made["properties"]) == ["b", "a", "any_of"]
    assert made == {
        "type": "object",
        "properties": {
            "b": {"anyOf": [{"type": "string", "format": "date"}, {"type": "number"}, {"type": "null"}]},
            "a": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "examples": [[1]]},
            "any_of": {"type": ["string", "null"], "enum": ["x", None]},
        },
        "required": ["a"],
    }


POINT = {"type": "OBJECT", "properties": {"x": {"type": "NUMBER"}}, "required": ["x"]}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (POINT, True),
        ({"type": "ARRAY", "items": POINT}, True),
        ({**POINT, "required": []}, False),
        ({"type": "ARRAY", "items": {"type": "OBJECT"}}, False),
    ],
)
def test_a_schema_is_strict_where_that_changes_nothing(schema: dict[str, Any], strict: bool) -> None:
    made = config(responseMimeType="application/json", responseSchema=schema)["response_format"]["json_schema"]
    assert made["strict"] is strict
    assert made["schema"]["type"] == "object"


ROWS = '[{"x": 1}, {"x": 2}]'


@pytest.mark.parametrize(
    ("kind", "schema", "answer", "wanted"),
    [
        ("application/json", {"type": "ARRAY", "items": POINT}, f'{{"value": {ROWS} }}\n', ROWS),
        ("application/json", {"type": "ARRAY", "items": POINT}, ROWS, ROWS),
        ("application/json", {"type": "ARRAY", "items": POINT}, '{"x": 1}', '{"x": 1}'),
        ("application/json", {"type": "ARRAY", "items": POINT}, ' { "va', ' { "va'),
        ("application/json", POINT, '{"x": 1}', '{"x": 1}'),
        ("text/x.enum", {"type": "STRING", "enum": ["a", "b"]}, '{"value": "b"}', "b"),
        ("text/x.enum", {"type": "STRING", "enum": ["a", "b"]}, "b", "b"),
    ],
)
@pytest.mark.parametrize("size", [1, 4, 99])
def test_answers_that_are_no_objects_come_as_they_are(
    kind: str, schema: dict[str, Any], answer: str, wanted: str, size: int
) -> None:
    asked = read(body(generationConfig={"responseMimeType": kind, "responseSchema": schema}))
    whole = reply({"choices": [{"message": {"content": answer}}]}, asked, new_id=ids())
    assert said(types.GenerateContentResponse.model_validate(whole))[0][1] == wanted
    events = Events(asked, new_id=ids())
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]
    raw = b"".join(events.feed({"choices": [{"index": 0, "delta": {"content": piece}}]}) for piece in pieces)
    assert said(*responses(raw + events.end()))[0][1] == wanted


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"tools": [{"googleSearch": {}}]}, "googleSearch"),
        ({"tools": [{"code_execution": {}}]}, "codeExecution"),
        ({"tools": [{"functionDeclarations": [{"name": "f"}], "urlContext": {}}]}, "urlContext"),
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
        ({"contents": [user({"fileData": {"fileUri": "gs://a/b", "mimeType": "image/png"}})]}, "fileData"),
        ({"contents": [user({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}})]}, "kept at Google"),
        ({"contents": [user({"inlineData": {"mimeType": "video/mp4", "data": "aGk="}})]}, r"contents\[0\].parts\[0\].inlineData"),
        ({"contents": [user({"inlineData": {"mimeType": "image/png", "data": "<>"}})]}, "base64"),
        ({"contents": [user({"text": "a", **PICTURE})]}, "one thing"),
        ({"contents": []}, "contents"),
        ({"generationConfig": {"responseModalities": ["AUDIO"]}}, "AUDIO"),
        ({"generationConfig": {"responseMimeType": "text/x.enum"}}, "responseSchema"),
        ({"generationConfig": {"topK": 1.5}}, "topK"),
        ({"generationConfig": {"temperature": float("nan")}}, "temperature"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["x"]}}}, "'x'"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused_by_its_name(more: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        read(body(**more))


def test_what_is_left_out_is_named() -> None:
    own = {"speechConfig": {}, "mediaResolution": "MEDIA_RESOLUTION_LOW", "a\r\nb": 1}
    declared = {"functionDeclarations": [{"name": "f", "behavior": "NON_BLOCKING"}]}
    asked = read(body(safetySettings=[{}], labels={}, generation_config=own, tools=declared))
    assert asked.losses == [
        "safetySettings", "labels", "generationConfig.speechConfig", "generationConfig.mediaResolution",
        "generationConfig.(unknown)", "functionDeclarations.behavior",
    ]  # fmt: skip


def test_thoughts_are_shown_to_whoever_asks_for_them() -> None:
    data = {"choices": [{"message": {"content": "a", "reasoning_content": "hm"}, "finish_reason": "stop"}]}
    for more, thoughts in (({}, ""), (SHOWN, "hm")):
        told = types.GenerateContentResponse.model_validate(reply(data, read(body(**more)), new_id=ids()))
        assert (told.text, said(told)[0][0]) == ("a", thoughts)


@pytest.mark.parametrize(("reason", "wanted"), [("length", "MAX_TOKENS"), ("content_filter", "SAFETY"), (None, "STOP"),
                                                ("error", "OTHER"), ("recitation", "RECITATION"), ("x", "STOP")])  # fmt: skip
def test_why_an_answer_ended_is_told_in_googles_words(reason: str | None, wanted: str) -> None:
    data = {"choices": [{"message": {"content": "a"}, "finish_reason": reason}]}
    assert reply(data, read(body()), new_id=ids())["candidates"][0]["finishReason"] == wanted


def test_tokens_are_counted_as_google_does() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17}
    usage |= {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 5}}
    data = {"choices": [{"message": {"content": "a"}}], "usage": usage}
    assert reply(data, read(body()), new_id=ids())["usageMetadata"] == {
        "promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 2, "thoughtsTokenCount": 5,
        "totalTokenCount": 17,
    }  # fmt: skip


def test_how_likely_tokens_are_is_told() -> None:
    row = {"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -1}]}
    data = {"choices": [{"message": {"content": "a"}, "logprobs": {"content": [row, row]}}]}
    told = types.GenerateContentResponse.model_validate(reply(data, read(body()), new_id=ids()))
    assert told.candidates
    assert told.candidates[0].avg_logprobs == -0.5
    likely = told.candidates[0].logprobs_result
    assert likely is not None
    assert [one.token for one in likely.chosen_candidates or ()] == ["a", "a"]
    assert [[top.token for top in one.candidates or ()] for one in likely.top_candidates or ()] == [["b"], ["b"]]


def test_pictures_that_a_model_makes_are_parts() -> None:
    images = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]
    told = reply({"choices": [{"message": {"content": "", "images": images}}]}, read(body()), new_id=ids())
    (part,) = types.GenerateContentResponse.model_validate(told).candidates[0].content.parts  # type: ignore[index,union-attr,misc]
    assert part.inline_data is not None
    assert part.inline_data.data == b"hi"


@pytest.mark.parametrize(("status", "state"), [(400, "INVALID_ARGUMENT"), (429, "RESOURCE_EXHAUSTED"), (529, "UNAVAILABLE"),
                                               (500, "INTERNAL"), (418, "INVALID_ARGUMENT")])  # fmt: skip
def test_errors_have_the_state_of_their_status(status: int, state: str) -> None:
    assert error(status, "no") == {"error": {"code": status, "message": "no", "status": state}}


@pytest.mark.parametrize("kind", [Events, ListEvents])
@pytest.mark.parametrize("begun", [True, False])
def test_a_stream_that_fails_says_so_last(kind: type[Events], begun: bool) -> None:
    events = kind(read(body()), new_id=ids())
    raw = events.feed({"choices": [{"index": 0, "delta": {"content": "a\u2028"}}]}) if begun else b""
    raw += events.failed(503, "gone", "cut") + events.end()
    told = json.loads(raw) if kind is ListEvents else [json.loads(one[6:]) for one in raw.split(b"\n\n") if one]
    assert len(told) == 1 + begun
    assert told[-1]["error"]["status"] == "UNAVAILABLE"
    assert b"\xe2\x80\xa8" not in raw


CAPITAL = {
    "name": "get_capital",
    "description": "Get the capital of a country.",
    "parameters_json_schema": {
        "additionalProperties": False,
        "properties": {"country": {"description": "The country name.", "type": "string"}},
        "required": ["country"],
        "type": "object",
    },
}
SHAPE = (
    "Always respond with a JSON object that's compatible with this schema: "
    '{"properties": {"city": {"type": "string"}, "country": {"type": "string"}}, "required": ["city", "country"], '
    '"type": "object", "title": "CityLocation"} '
    "Don't include any text or Markdown fencing before or after."
)


# What Google has counted for these, as requests and replies say that projects have recorded for their tests.
@pytest.mark.parametrize(
    ("tokens", "asked"),
    [
        (10, body(user("The quick brown fox jumps over the lazy dog."))),
        (12, body(user("The quick brown fox jumps over the lazydog."))),
        (
            57,
            body(
                user("What is the capital of France?"),
                systemInstruction=user("You are a helpful chatbot."),
                tools=[{"functionDeclarations": [CAPITAL]}],
            ),
        ),
        (
            125,
            body(
                user(
                    "What is the largest city in the user country? Use the get_user_country tool and then your own "
                    "world knowledge."
                ),
                systemInstruction=user(SHAPE),
                tools=[{"functionDeclarations": [{"name": "get_user_country", "parameters": {"type": "OBJECT"}}]}],
            ),
        ),
    ],
)
def test_an_estimate_is_never_far_below_and_not_absurdly_above(tokens: int, asked: dict[str, Any]) -> None:
    estimate = prompt_tokens(others.read_count(asked, "m").body, ["gemini-2.5-pro"], {})
    assert 0.9 * tokens <= estimate <= 2.5 * tokens


def test_counts_models_and_vectors_have_googles_form() -> None:
    asked = others.read_count({"generateContentRequest": body(systemInstruction={"parts": {"text": "Be"}})}, "m")
    assert [turn["content"] for turn in asked.body["messages"]] == ["Be", "Hi"]
    assert types.CountTokensResponse.model_validate({"totalTokens": others.count(7)["totalTokens"]}).total_tokens == 7
    rows = [
        {"id": f"a/{number}", "owned_by": "x", "context_window": 9, "features": ["reasoning"]} for number in range(3)
    ]
    page = others.models(rows, size="2")
    assert [row["name"] for row in page["models"]] == ["models/a/0", "models/a/1"]
    assert [row["name"] for row in others.models(rows, size="2", token=page["nextPageToken"])["models"]] == [
        "models/a/2"
    ]
    assert page["models"][0]["inputTokenLimit"] == 9
    with pytest.raises(InvalidRequestError, match="pageToken"):
        others.models(rows, token="x")
    many = {
        "requests": [
            {"content": user("a", "b"), "outputDimensionality": 2},
            {"content": user("c"), "output_dimensionality": 2},
        ]
    }
    assert others.read_embeddings(many, "m", many=True) == {"model": "m", "input": ["a\nb", "c"], "dimensions": 2}
    data = {"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]}
    made = types.EmbedContentResponse.model_validate(others.embeddings(data, many=True))
    assert [one.values for one in made.embeddings or ()] == [[1.0], [2.0]]
    assert others.embeddings({"data": data["data"][:1]}, many=False) == {"embedding": {"values": [2.0]}}

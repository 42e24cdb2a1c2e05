"""What a server refuses is learnt from its words: the request is put otherwise, and the same server asked again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import (
    Answer,
    AsyncProviderList,
    AuthenticationError,
    ContentFilteredError,
    InferenceProvidersError,
    InsufficientCreditsError,
    InvalidRequestError,
    ProviderList,
    ProviderUnavailableError,
)
from inference_providers.cli.main import main
from inference_providers.protocols import openai_chat
from inference_providers.protocols.complaints import repair_of
from inference_providers.protocols.repairs import Repairs
from inference_providers.routing.learned import Learned
from tests.conftest import list_of
from tests.servers import Connection, Received, Server, answer, status

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string", "minLength": 1, "default": "x"}},
    "required": ["a"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}}
TOOL = {"type": "function", "function": {"name": "f", "strict": True, "parameters": {**SCHEMA, "$schema": "x"}}}
HI = [{"role": "user", "content": "Hi"}]
THOUGHT = [*HI, {"role": "assistant", "content": "x", "reasoning_content": "hm", "annotations": []}, *HI]


def openai(message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


# status, what the server says, fields of the request, what is learnt; as these servers say it:
CASES: list[tuple[int, Any, dict[str, Any], Repairs | None]] = [
    # OpenAI, Azure
    (400, openai("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "max_tokens", "unsupported_parameter"), {"max_tokens": 50}, Repairs(renamed={"max_tokens": "max_completion_tokens"})),
    (400, openai("Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.", "temperature", "unsupported_value"), {"temperature": 0.2}, Repairs(["temperature"])),
    (400, openai("Unsupported parameter: 'top_p' is not supported with this model.", "top_p"), {"top_p": 0.2, "temperature": 1}, Repairs(["top_p"])),
    (400, openai("Unrecognized request argument supplied: top_k"), {"top_k": 5}, Repairs(["top_k"])),
    (400, openai("Unrecognized request arguments supplied: min_p, top_k"), {"top_k": 5, "min_p": 0.1}, Repairs(["min_p", "top_k"])),
    (400, openai("Unrecognized request argument supplied"), {"stream_options": {"include_usage": True}}, Repairs(["stream_options"])),
    (400, openai("Unrecognized request argument supplied: stream_options"), {"stream_options": {}, "temperature": 1}, Repairs(["stream_options"])),
    (400, openai("max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.", "max_tokens"), {"max_tokens": 100000}, Repairs(most={"max_tokens": 16384})),
    (400, openai("Unknown parameter: 'reasoning_effort'.", "reasoning_effort", "unknown_parameter"), {"reasoning_effort": "low"}, Repairs(["reasoning_effort"])),
    # Levels of effort that a model does not have: OpenAI, SGLang, Moonshot, Ollama, Google, Mistral, a proxy; Groq has others
    (400, openai("Unsupported value: 'minimal' is not supported with the 'gpt-5.4-mini' model. Supported values are: 'none', 'low', 'medium', 'high', and 'xhigh'.", "reasoning_effort", "unsupported_value"), {"reasoning_effort": "minimal"}, Repairs(without=["minimal_effort_as_low"])),
    (400, {"object": "error", "message": "1 validation error:\n  {'type': 'literal_error', 'loc': ('body', 'reasoning_effort'), 'msg': \"Input should be 'low', 'medium' or 'high'\", 'input': 'xhigh', 'ctx': {'expected': \"'low', 'medium' or 'high'\"}}", "type": "Bad Request", "param": None, "code": 400}, {"reasoning_effort": "xhigh"}, Repairs(without=["xhigh_effort_as_high"])),
    (400, {"detail": "Invalid request: Validation error for `reasoning_effort`: expected one of `'low' | 'medium' | 'high'`, received `'xhigh'`."}, {"reasoning_effort": "xhigh"}, Repairs(without=["xhigh_effort_as_high"])),
    (400, openai("invalid reasoning value: 'minimal' (must be \"high\", \"medium\", \"low\", \"max\", or \"none\")"), {"reasoning_effort": "minimal"}, Repairs(without=["minimal_effort_as_low"])),
    (400, openai("Invalid reasoning_effort: minimal.\nValid values are: high, low, medium, none"), {"reasoning_effort": "minimal"}, Repairs(without=["minimal_effort_as_low"])),
    (400, openai("reasoning_effort must be one of ['low', 'high', 'max']"), {"reasoning_effort": "medium"}, Repairs(without=["medium_effort_as_low"])),
    (400, openai('level "max" not supported, valid levels: low, medium, high, xhigh'), {"reasoning_effort": "max"}, Repairs(without=["max_effort_as_xhigh"])),
    (400, openai("Unsupported verbosity level: supported values are 'low', 'medium' and 'high'"), {"reasoning_effort": "max", "verbosity": "x"}, Repairs(["verbosity"])),
    (400, openai("reasoning_effort must be one of none or default"), {"reasoning_effort": "high"}, Repairs(["reasoning_effort"])),
    (400, openai("Unsupported value: 'messages[0].role' does not support 'developer' with this model.", "messages[0].role", "unsupported_value"), {"messages": [{"role": "developer", "content": "x"}, *HI]}, Repairs(without=["developer"])),
    (400, openai("Unsupported value: 'messages[0].role' does not support 'system' with this model.", "messages[0].role", "unsupported_value"), {"messages": [{"role": "system", "content": "x"}, *HI]}, Repairs(without=["system"])),
    (400, openai("Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.", "parallel_tool_calls"), {"parallel_tool_calls": True}, Repairs(["parallel_tool_calls"])),
    (400, openai("Invalid schema for response_format 'a': In context=('properties', 'a'), 'minLength' is not permitted.", "response_format"), {"response_format": FORM}, Repairs(keywords=["minLength"])),
    (400, openai("Invalid schema for response_format 'a': In context=(), 'required' is required to be supplied and to be an array including every key in properties.", "response_format"), {"response_format": FORM}, Repairs(without=["strict"])),
    (400, openai("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.", "response_format"), {"response_format": FORM}, Repairs(without=["json_schema"])),
    (400, openai("Logprobs are not supported with this model: unsupported parameter 'logprobs'", "logprobs"), {"logprobs": True, "top_logprobs": 2}, Repairs(["logprobs", "top_logprobs"])),
    # Anthropic
    (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "`temperature` and `top_p` cannot both be specified for this model. Please use only one."}}, {"temperature": 1, "top_p": 0.5}, Repairs(["top_p"])),
    (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5-20250929"}}, {"max_tokens": 100000}, Repairs(most={"max_tokens": 64000})),
    (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "top_k: Extra inputs are not permitted"}}, {"top_k": 4}, Repairs(["top_k"])),
    # Groq
    (400, openai("property 'top_k' is unsupported"), {"top_k": 4}, Repairs(["top_k"])),
    (400, openai("'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning_content' is unsupported)]"), {"messages": THOUGHT}, Repairs(fields=["reasoning_content"])),
    (400, openai("`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model"), {"max_tokens": 9000}, Repairs(most={"max_tokens": 8192})),
    (400, openai("'n' : number must be at most 1"), {"n": 2}, None),
    # Mistral, FastAPI
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "logit_bias"], "msg": "Extra inputs are not permitted", "input": {}}]}, {"logit_bias": {}}, Repairs(["logit_bias"])),
    (422, {"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}, {"type": "extra_forbidden", "loc": ["body", "top_k"], "msg": "Extra inputs are not permitted"}]}}, {"seed": 1, "top_k": 3, "top_p": 1}, Repairs(["seed", "top_k"])),
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "messages", 1, "assistant", "reasoning_content"], "msg": "Extra inputs are not permitted"}]}, {"messages": THOUGHT}, Repairs(fields=["reasoning_content"])),
    # Gemini
    (400, [{"error": {"code": 400, "message": 'Invalid JSON payload received. Unknown name "seed": Cannot find field.', "status": "INVALID_ARGUMENT"}}], {"seed": 1, "n": 1}, Repairs(["seed"])),
    (400, [{"error": {"code": 400, "message": "Invalid JSON payload received. Unknown name \"$schema\" at 'tools[0].function_declarations[0].parameters': Cannot find field.", "status": "INVALID_ARGUMENT"}}], {"tools": [TOOL]}, Repairs(keywords=["$schema"])),
    # DeepSeek
    (400, openai("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"), {"max_tokens": 20000}, Repairs(most={"max_tokens": 8192})),
    (400, openai("This response_format type is unavailable now"), {"response_format": FORM}, Repairs(without=["json_schema"])),
    (400, openai("unknown variant `developer`, expected one of `system`, `user`, `assistant`, `tool` at line 1 column 30"), {"messages": [{"role": "developer", "content": "x"}, *HI]}, Repairs(without=["developer"])),
    (400, openai("deepseek-reasoner does not support this tool_choice"), {"tools": [TOOL], "tool_choice": "required"}, Repairs(without=["demanded_call"])),
    # DashScope
    (400, openai("The tool_choice parameter does not support being set to required or object in thinking mode"), {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}}, Repairs(without=["demanded_call"])),
    (400, openai("<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]"), {"max_tokens": 9000}, Repairs(most={"max_tokens": 8192})),
    # xAI, Cohere, Cerebras, Together, vLLM, Ollama
    (400, {"code": "Client specified an invalid argument", "error": "Model grok-4 does not support parameter presencePenalty."}, {"presence_penalty": 1}, Repairs(["presence_penalty"])),
    (400, {"code": "Client specified an invalid argument", "error": "Argument not supported on this model: frequency_penalty"}, {"frequency_penalty": 1}, Repairs(["frequency_penalty"])),
    (422, {"message": "invalid request: unknown field `logit_bias`"}, {"logit_bias": {}}, Repairs(["logit_bias"])),
    (400, {"message": "The following fields are not supported: `presence_penalty`, `logit_bias`", "type": "invalid_request_error", "param": "validation_error"}, {"logit_bias": {}, "presence_penalty": 1, "top_p": 1}, Repairs(["logit_bias", "presence_penalty"])),
    (400, {"object": "error", "message": "[{'type': 'extra_forbidden', 'loc': ('body', 'verbosity'), 'msg': 'Extra inputs are not permitted'}]", "type": "BadRequestError", "code": 400}, {"verbosity": "low"}, Repairs(["verbosity"])),
    (400, {"object": "error", "message": "System role not supported", "type": "BadRequestError"}, {"messages": [{"role": "system", "content": "x"}, *HI]}, Repairs(without=["system"])),
    (400, openai("stop: Input should be a valid list"), {"stop": "a"}, Repairs(without=["stop_text"])),
    (400, openai("json: cannot unmarshal array into Go struct field ChatRequest.stop of type string"), {"stop": ["a"]}, Repairs(without=["stop_list"])),
    (400, openai("tools[0].function.strict: Extra inputs are not permitted"), {"tools": [TOOL]}, Repairs(without=["strict"])),
    # a model that does not think, or always does; a parameter in words of its own
    (400, [{"error": {"code": 400, "message": "Unable to submit request because Thinking can't be disabled for this model.", "status": "INVALID_ARGUMENT"}}], {"reasoning_effort": "none"}, Repairs(["reasoning_effort"])),
    (400, {"error": {"message": '"llama3.2" does not support thinking', "type": "api_error"}}, {"reasoning_effort": "low"}, Repairs(["reasoning_effort"])),
    (400, {"error": {"message": "Reasoning is mandatory for this endpoint and cannot be disabled.", "code": 400}}, {"reasoning": {"enabled": False}}, Repairs(["reasoning"])),
    (400, [{"error": {"code": 400, "message": "Penalty is not enabled for models/gemini-x", "status": "INVALID_ARGUMENT"}}], {"frequency_penalty": 1}, Repairs(["frequency_penalty"])),
    (400, [{"error": {"code": 400, "message": "Presence penalty is not supported for this model", "status": "INVALID_ARGUMENT"}}], {"presence_penalty": 1}, Repairs(["presence_penalty"])),
    (400, [{"error": {"code": 400, "message": "Logprobs is not enabled for models/gemini-2.5-pro", "status": "INVALID_ARGUMENT"}}], {"logprobs": True}, Repairs(["logprobs"])),
    (400, openai("tool_choice 'required' is incompatible with thinking enabled"), {"tools": [TOOL], "tool_choice": "required", "thinking": {}}, Repairs(without=["demanded_call"])),
    (400, openai("Invalid tool_choice type: 'object'. Supported string values: none, auto, required"), {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}}, Repairs(without=["demanded_call"])),
    # a value that is the only one
    (400, openai("invalid temperature: only 1 is allowed for this model"), {"temperature": 0.5}, Repairs(["temperature"])),
    (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "`temperature` may only be set to 1 when thinking is enabled."}}, {"temperature": 0.5, "thinking": {"type": "enabled"}}, Repairs(["temperature"])),
    (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "`top_k` must be unset when thinking is enabled."}}, {"top_k": 5}, Repairs(["top_k"])),
    (400, openai("parameter.enable_thinking must be set to false for non-streaming calls"), {"enable_thinking": True}, Repairs(["enable_thinking"])),
    (400, openai("Invalid service_tier argument", "service_tier"), {"service_tier": "flex"}, Repairs(["service_tier"])),
    (400, openai("The 'metadata' parameter is only allowed when 'store' is enabled.", "metadata"), {"metadata": {"a": "b"}}, Repairs(["metadata"])),
    (400, openai("Only one of presence_penalty and frequency_penalty can be set"), {"presence_penalty": 1, "frequency_penalty": 1}, Repairs(["presence_penalty"])),
    # caps, roles, formats
    (400, [{"error": {"code": 400, "message": "Unable to submit request because it has a maxOutputTokens value of 100000 but the supported range is from 1 (inclusive) to 8193 (exclusive). Update the value and try again.", "status": "INVALID_ARGUMENT"}}], {"max_tokens": 100000}, Repairs(most={"max_tokens": 8192})),
    (400, [{"error": {"code": 400, "message": "Developer instruction is not enabled for models/gemma-3-27b-it", "status": "INVALID_ARGUMENT"}}], {"messages": [{"role": "system", "content": "x"}, *HI]}, Repairs(without=["system"])),
    (400, [{"error": {"code": 400, "message": "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties[a].minLength: only 'enum' and 'date-time' are supported for STRING type", "status": "INVALID_ARGUMENT"}}], {"tools": [TOOL]}, Repairs(keywords=["minLength"])),
    (422, {"message": "Invalid fields for schema with types ['string']: {'minLength'}", "type": "invalid_request_error", "param": "response_format", "code": "wrong_api_format"}, {"response_format": FORM}, Repairs(keywords=["minLength"])),
    (400, {"error": 'Unrecognized field "verbosity" (class ChatRequest), not marked as ignorable (3 known properties: "model", "messages", "temperature"])'}, {"verbosity": "low", "temperature": 1}, Repairs(["verbosity"])),
    # what is never given up
    (400, openai("Unsupported parameter: 'store'", "store"), {"store": False, "temperature": 1}, None),
    (400, openai("Unknown parameter: 'provider'", "provider"), {"provider": {"data_collection": "deny"}}, None),
    (400, openai("Unsupported parameter: 'stop' is not supported with this model.", "stop"), {"stop": ["a"]}, None),
    (400, openai("property 'tools' is unsupported"), {"tools": [TOOL], "temperature": 1}, None),
    (400, openai("safety_identifier is not supported"), {"safety_identifier": "x"}, None),
    # what is no complaint of a field
    (400, openai("Unexpected role 'user' after role 'tool'"), {"user": "x"}, None),
    (400, openai("This user is not allowed to do that"), {"user": "x", "temperature": 1}, None),
    (400, openai("Invalid value for temperature: 3"), {}, None),
    (400, openai("messages must not be empty"), {"temperature": 1}, None),
    (429, openai("Unsupported parameter: 'top_k'", "top_k"), {"top_k": 5}, None),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "fields", "learnt"), CASES, ids=range(len(CASES)))
def test_a_refusal_says_what_to_put_otherwise(
    status: int, body: Any, fields: dict[str, Any], learnt: Repairs | None
) -> None:
    verdict = openai_chat.decode(status, {}, json.dumps(body).encode(), "p", (), 0.0)
    assert verdict.error is not None
    assert verdict.words is not None
    sent = {"model": "m", "messages": HI, **fields}
    assert repair_of(verdict.error, verdict.words.text, verdict.words.param, sent) == learnt
    if learnt is not None:
        assert learnt.applied(sent)[0] != sent
        assert Repairs.of_row(json.loads(json.dumps(learnt.as_row()))) == learnt


# On the wire

Serve = Callable[..., Server]
WAYS = ["call", "stream"]
KINDS = {"sync": ProviderList, "async": AsyncProviderList}


def picky(*refused: str, message: str = "Unsupported parameter: '{0}' is not supported with this model.") -> Any:
    """Behave: refuse a request that has one of these fields, naming the first; else answer."""

    def behave(connection: Connection, request: Received) -> None:
        sent = request.json if request.body else {}  # a look at the list of models has no body
        named = next((name for name in refused if name in sent), None)
        if named is None:
            answer(connection, request)
        else:
            connection.reply(400, openai(message.format(named), named))

    return behave


def asked(made: Any, way: str = "call", prompt: str = "hi", **options: Any) -> Answer:
    """The answer to a question, asked in one way or another."""

    async def of_async() -> Answer:
        if way == "call":
            return await made.ask_ai(prompt, **options)
        stream = made.stream(prompt, **options)
        async for _ in stream:
            pass
        return stream.answer

    if isinstance(made, AsyncProviderList):
        return asyncio.run(of_async())
    if way == "call":
        return made.ask_ai(prompt, **options)
    stream = made.stream(prompt, **options)
    assert "".join(stream) == "hello"
    return stream.answer


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_server_is_asked_again_without_what_it_refuses_and_it_is_remembered(
    serve: Serve, kind: str, way: str
) -> None:
    faulty, good = serve(picky("seed", "top_p")), serve()
    made = list_of(faulty.url, good.url, kind=KINDS[kind])
    first = asked(made, way, seed=1, top_p=0.5, temperature=1)
    assert first == "hello"
    assert first.provider == "p1"
    assert sorted(first.dropped) == ["seed", "top_p"]
    assert [attempt.status for attempt in first.attempts] == [400, 400, 200]
    assert "asked again without seed" in first.attempts[0].outcome
    assert good.asked == []
    assert asked(made, way, seed=1, top_p=0.5, temperature=1).dropped == first.dropped
    assert len(faulty.asked) == 4
    assert faulty.asked[-1].json["temperature"] == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_cap_is_renamed_and_lowered_never_dropped(serve: Serve, way: str) -> None:
    def behave(connection: Connection, request: Received) -> None:
        if "max_tokens" in request.json:
            message = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
            connection.reply(400, openai(message, "max_tokens"))
        elif request.json["max_completion_tokens"] > 100:
            message = "max_completion_tokens is too large: 500. This model supports at most 100 completion tokens."
            connection.reply(400, openai(message, "max_completion_tokens"))
        else:
            answer(connection, request)

    server = serve(behave)
    made = list_of(server.url)
    first = asked(made, way, max_tokens=500)
    assert first.repaired == ["max_tokens sent as max_completion_tokens", "max_completion_tokens lowered to 100"]
    assert first.dropped == []
    assert server.asked[-1].json["max_completion_tokens"] == 100
    assert asked(made, way, max_tokens=500).attempts[0].status == 200


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["store", "safety_identifier", "stop", "provider"])
def test_what_protects_the_user_is_never_given_up(serve: Serve, kind: str, way: str, field: str) -> None:
    faulty, good = serve(picky(field)), serve()
    made = list_of(faulty.url, good.url, kind=KINDS[kind])
    value = {"stop": ["a"]} if field == "stop" else {"extra_body": {field: "x"}}
    assert asked(made, way, **value).provider == "p2"
    assert len(faulty.asked) == 1
    assert good.asked[0].json[field]
    with pytest.raises(InvalidRequestError):
        asked(list_of(faulty.url, kind=KINDS[kind]), way, **value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("within", [{"no-log": True}, {"a": [{"data_retention": "none"}]}, {"safety": {"level": 1}}])
def test_a_field_that_holds_what_protects_the_user_is_not_given_up(serve: Serve, way: str, within: Any) -> None:
    faulty, good = serve(picky("metadata")), serve()
    made = list_of(faulty.url, good.url)
    assert asked(made, way, extra_body={"metadata": within}).provider == "p2"
    assert len(faulty.asked) == 1
    assert good.asked[0].json["metadata"] == within
    assert asked(made, way, extra_body={"metadata": {"team": "a"}}).provider == "p1"
    assert asked(made, way, extra_body={"metadata": within}).provider == "p2", (
        "what was learnt takes nothing away, either"
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        (400, "Your request was rejected as a result of our safety system: temperature is not allowed.", ContentFilteredError),
        (400, "The prompt triggered our content management policy. System message content is not allowed.", ContentFilteredError),
        (403, "API key not valid: temperature is not permitted", AuthenticationError),
        (400, "Your credit balance is too low: temperature is not allowed", InsufficientCreditsError),
    ],
)  # fmt: skip
def test_what_is_refused_for_what_it_says_or_for_who_asks_is_not_asked_again(
    serve: Serve, way: str, code: int, said: str, kind: type[Exception]
) -> None:
    server = serve(status(code, openai(said)))
    with pytest.raises(kind):
        asked(list_of(server.url), way, temperature=0.5, system="x")
    assert len(server.asked) == 1


def test_whoever_wants_errors_gets_them(serve: Serve) -> None:
    faulty, good = serve(picky("seed")), serve()
    answered = list_of(faulty.url, good.url).ask_ai("hi", seed=1, on_unsupported="error")
    assert answered.provider == "p2"
    assert answered.repaired == answered.dropped == []
    assert len(faulty.asked) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_never_content_is_left_after_a_few_tries(serve: Serve, kind: str) -> None:
    names = ["temperature", "top_p", "seed", "frequency_penalty", "presence_penalty"]
    faulty, good = serve(picky(*names)), serve()
    made = list_of(faulty.url, good.url, kind=KINDS[kind])
    assert asked(made, **dict.fromkeys(names, 1)).provider == "p2"
    assert len(faulty.asked) == 4
    stubborn = serve(lambda c, r: c.reply(400, openai("Unsupported parameter: 'seed'", "seed")))
    assert asked(list_of(stubborn.url, good.url, kind=KINDS[kind]), seed=1).provider == "p2"
    assert len(stubborn.asked) == 2


def test_sdk_clients_and_batches_learn_as_well(serve: Serve) -> None:
    server = serve(picky("seed"))
    made = list_of(server.url)
    raw = made.client().chat.completions.with_raw_response.create(model="m", messages=HI, seed=1)
    assert raw.headers["x-inference-dropped"] == "seed"
    assert len(server.asked) == 2
    results = list(made.batch(["a", "b"], "m", seed=1))
    assert [result.answer.dropped for result in results if result.answer is not None] == [["seed"], ["seed"]]
    assert len(server.asked) == 4


def test_the_test_of_a_connection_learns_as_well(serve: Serve) -> None:
    server = serve(picky("max_tokens", message="Unsupported parameter: '{0}'. Use 'max_completion_tokens' instead."))
    made = list_of(server.url)
    assert made.connect_to_model("m", test=True).name == "m-internal"
    assert made.ask_ai("hi", max_tokens=5).repaired == ["max_tokens sent as max_completion_tokens"]
    assert len(server.asked) == 3


def test_what_was_learnt_is_kept_for_other_processes_where_that_is_wanted(serve: Serve, tmp_path: Path) -> None:
    server = serve(picky("seed"))
    environ = {"HOME": str(tmp_path)}
    for learn, requests in ((False, 2), (True, 4), (True, 5)):
        assert list_of(server.url, learn=learn, environ=environ).ask_ai("hi", seed=1).dropped == ["seed"]
        assert len(server.asked) == requests
    known = Learned.of(environ)
    assert known is not None
    assert Path(known.path).stat().st_mode & 0o777 == 0o600
    text = Path(known.path).read_text()
    assert "canary" not in text
    assert "hi" not in json.loads(text)["offers"][0].values()
    assert known.as_rows() == [{"provider": "p1", "model": "m-internal", "parameters": {"refuses": ["seed"]}}]
    old = Learned(known.path, clock=lambda: time.time() + 8 * 86400)
    assert old.entries == []
    known.clear()
    assert not Path(known.path).exists()


@pytest.mark.parametrize("kind", KINDS)
def test_neither_key_nor_prompt_is_in_what_was_learnt_whatever_a_server_says(
    serve: Serve, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers quote keys, prompts and names of fields; an address may hold a key as well."""

    def telltale(connection: Connection, request: Received) -> None:
        sent = request.json if request.body else {}
        said = f"key {request.key}, asked '{json.dumps(sent)}'"
        if "absent" in str(sent):
            connection.reply(404, openai(f"The model `m-internal` does not exist: {said}", code="model_not_found"))
        elif "seed" in sent:
            connection.reply(400, openai(f"Unsupported parameter: 'seed', 'the-secret-prompt', {said}", "seed"))
        else:
            answer(connection, request)

    server, other = serve(telltale), serve(telltale)
    environ = {"HOME": str(tmp_path)}
    path = tmp_path / ".local/state/inference_providers/learned.json"
    opaque = "opaque-0123456789"  # the key of p1, here
    for address in (f"{server.url}?key=another", f"{server.url}/{opaque}"):
        made = list_of(address, kind=KINDS[kind], learn=True, environ={**environ, "P1_API_KEY": opaque})
        assert asked(made, seed=1).dropped == ["seed"]
    assert not path.exists()
    for words in ("the-secret-prompt", "absent the-secret-prompt"):
        made = list_of(server.url, other.url, kind=KINDS[kind], learn=True, environ=environ)
        with contextlib.suppress(InferenceProvidersError):
            asked(made, prompt=words, seed=1)
    known = Learned(str(path))
    assert {"absent" in entry for entry in known.entries} == {True, False}
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    told = [CliRunner().invoke(main, ["learned", *option]).output for option in ([], ["--json"], ["--rows"])]
    assert "p1" in told[0]
    for text in (path.read_text(), *told):
        assert "canary" not in text
        assert "secret" not in text


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"offers": 1}', '{"offers": [1, {}, {"provider": "p1", "endpoint": 1}]}', "[" * 500),
        '{"offers": [{"provider": "p1", "endpoint": "x", "model": "m", "repairs": {}, "learned": 1%s}]}' % ("0" * 400),
    ],
)
def test_a_spoilt_file_of_what_was_learnt_is_as_good_as_none(serve: Serve, tmp_path: Path, text: str) -> None:
    path = tmp_path / ".local/state/inference_providers/learned.json"
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_text(text)
    path.chmod(0o600)
    server = serve(picky("seed"))
    environ = {"HOME": str(tmp_path)}
    assert list_of(server.url, learn=True, environ=environ).ask_ai("hi", seed=1).dropped == ["seed"]
    assert list_of(server.url, learn=True, environ=environ).ask_ai("hi", seed=1).dropped == ["seed"]
    assert len(server.asked) == 3


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["dropped", "renamed", "most", "fields", "keywords", "without", "stop", "store"]), inner, max_size=4)))  # fmt: skip
def test_a_row_that_anybody_may_have_written_gives_up_nothing_that_is_not_listed(row: Any) -> None:
    repairs = Repairs.of_row(row if isinstance(row, dict) else {"dropped": row, "without": row})
    body = {"model": "m", "messages": HI, "store": False, "stop": ["a"], "tools": [TOOL], "provider": {"zdr": True}}
    kept = repairs.applied(body)[0]
    assert kept["store"] is False
    assert kept["provider"] == {"zdr": True}
    assert kept["messages"] == HI
    assert kept["stop"] in (["a"], "a")
    assert [tool["function"]["name"] for tool in kept["tools"]] == ["f"]


def test_a_row_that_says_two_things_at_once_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "learned.json"
    row = {"provider": "p1", "endpoint": "x", "model": "m", "learned": 5, "absent": True, "repairs": 5}
    path.write_text(json.dumps({"offers": [row]}))
    path.chmod(0o600)
    known = Learned(str(path), clock=lambda: 10.0)
    assert known.as_rows() == []
    assert known.repairs == {}


def test_nothing_is_learnt_in_a_folder_that_others_can_write(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / ".local/state/inference_providers"
    folder.mkdir(parents=True, mode=0o700)
    mine = tmp_path / "mine"
    mine.write_text("precious")
    (folder / "learned.json").symlink_to(mine)
    folder.chmod(0o777)
    server = serve(picky("seed"))
    assert list_of(server.url, learn=True, environ={"HOME": str(tmp_path)}).ask_ai("hi", seed=1).dropped == ["seed"]
    assert mine.read_text() == "precious"


def test_only_what_a_model_said_is_left_out_of_messages_and_no_call_of_a_function() -> None:
    call = {"name": "f", "arguments": "{}"}
    turns = [
        {"role": "user", "content": "x", "images": ["a picture"], "audio": {"data": "x"}, "name": "me"},
        {"role": "assistant", "content": None, "function_call": call, "images": ["drawn"], "audio": None},
        {"role": "assistant", "content": "x", "function_call": None},
    ]
    repairs = Repairs(fields=["images", "audio", "name", "function_call"])
    assert repairs.applied({"messages": turns})[0]["messages"] == [
        {"role": "user", "content": "x", "images": ["a picture"], "audio": {"data": "x"}},
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "assistant", "content": "x"},
    ]


def test_the_test_of_a_connection_ends_in_time_whatever_is_put_otherwise(serve: Serve) -> None:
    def slow(connection: Connection, request: Received) -> None:
        if len([one for one in server.asked if one.body]) == 2:
            connection.hold()
            return
        said = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        connection.reply(400 if request.body else 200, openai(said, "max_tokens"))

    server = serve(slow)
    made = list_of(server.url, timeout=2.0)
    with pytest.raises(InferenceProvidersError):
        made.connect_to_model("m", test=True)
    limits = [r for r in server.asked if r.body]
    assert len(limits) == 2
    assert server.left()  # the second was not waited for


def test_a_model_that_its_provider_lacks_is_passed_over_in_automatic_choice_and_asked_where_it_is_named(
    serve: Serve,
) -> None:
    lacking = serve(status(404, openai("The model `m-internal` does not exist", code="model_not_found")))
    good = serve()
    made = list_of(lacking.url, good.url)
    assert made.ask_ai("hi").provider == "p2"
    assert made.ask_ai("hi").provider == "p2"
    assert len(lacking.asked) == 1
    assert made.client().chat.completions.create(model="auto", messages=HI).choices[0].message.content == "hello"
    assert len(lacking.asked) == 1
    narrow: dict[str, Any] = {"avoid": ["local"]}
    assert made.ask_ai("hi", **narrow).provider == "p2"
    made.client().chat.completions.create(model="auto", messages=HI, extra_body=narrow)
    assert len(lacking.asked) == 1
    assert made.ask_ai("hi", "m").provider == "p2"
    assert len(lacking.asked) == 2
    with pytest.raises(ProviderUnavailableError):
        made.ask_ai("hi", "p1/m")
    assert len(lacking.asked) == 3
    alone = list_of(lacking.url)
    for _ in range(2):
        with pytest.raises(ProviderUnavailableError):
            alone.ask_ai("hi")
    assert len(lacking.asked) == 5


def test_an_effort_steps_down_as_far_as_it_must() -> None:
    known = Repairs(without=["max_effort_as_xhigh"]) | Repairs(without=["xhigh_effort_as_high"])
    assert known.applied({"reasoning_effort": "max"}) == (
        {"reasoning_effort": "high"}, [], ["reasoning_effort max sent as high"],
    )  # fmt: skip
    assert known.applied({"reasoning_effort": "low"}) == ({"reasoning_effort": "low"}, [], [])
    assert Repairs.of_row(known.as_row()) == known

"""What a server refuses is learnt from its words: the request is put otherwise, and the same server asked again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference_providers.protocols import openai_chat
from inference_providers.protocols.complaints import repair_of
from inference_providers.protocols.repairs import Repairs

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
    # what is never given up
    (400, openai("Unsupported parameter: 'store'", "store"), {"store": False, "temperature": 1}, None),
    (400, openai("Unknown parameter: 'provider'", "provider"), {"provider": {"data_collection": "deny"}}, None),
    (400, openai("Unsupported parameter: 'stop' is not supported with this model.", "stop"), {"stop": ["a"]}, None),
    (400, openai("property 'tools' is unsupported"), {"tools": [TOOL], "temperature": 1}, None),
    (400, openai("safety_identifier is not supported"), {"safety_identifier": "x"}, None),
    # what is no complaint of a field
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

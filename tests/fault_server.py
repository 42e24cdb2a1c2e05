"""What real servers do: every fault of docs/failures.md, by name, from a real loopback server.

python -m tests.fault_server                # lists the faults
python -m tests.fault_server 13             # serves one until interrupted
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from inference_providers.protocols import error_details
from inference_providers.registry import bundled
from tests.servers import Behaviour, Connection, Received, Server, answer, chunk, completion, delta

NEXT, RETRY, DEAD, STOP, DOUBT, TRUNC, OK = "NEXT", "RETRY", "DEAD", "STOP", "DOUBT", "TRUNC", "OK"
CALL, STREAM = "call", "stream"
RESPONSE, RESPONSE_STREAM = "response", "response stream"  # the Responses API, through an SDK client
SECRET = "KEY"  # stands for the key of the request, in replies that echo it


class Row(NamedTuple):
    """One fault: its number, what is on the wire, what must come of it, and how it is done."""

    number: str
    wire: str
    outcome: str
    behave: Behaviour
    kinds: tuple[str, ...] = (CALL, STREAM)
    error: str = "ProviderUnavailableError"
    message: str = ""
    section: str = "Status errors"
    holds: bool = False  # the server keeps the connection until the client leaves
    proxied: bool = False  # the server is no provider, but the proxy on the way to one
    asks: Mapping[str, Any] = MappingProxyType({})  # what the question says besides: a field that is refused


ROWS: list[Row] = []
SECTIONS = (
    "Status errors",
    "The words of a server behind a server",
    "A field that is refused",
    "200 that is not success",
    "Connection",
    "Stream",
    "Responses API",
)


def says(code: int, body: Any, headers: dict[str, str] | None = None, kind: str = "application/json") -> Behaviour:
    """Reply with one status and body; `KEY` in the body is the key that was sent."""

    def behave(connection: Connection, request: Received) -> None:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        data = text if isinstance(text, bytes) else text.replace(SECRET, request.key or "").encode()
        connection.reply(code, data, {"content-type": kind, **(headers or {})})

    return behave


def raw(data: bytes, then: Callable[[Connection], None] = Connection.close) -> Behaviour:
    """Send bytes as they are."""

    def behave(connection: Connection, request: Received) -> None:
        connection.send(data)
        then(connection)

    return behave


def streaming(*events: Any, end: Callable[[Connection], None] = Connection.end_stream) -> Behaviour:
    """Send events (bytes are sent as they are), then end."""

    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for event in events:
            if isinstance(event, bytes):
                connection.chunk(event)
            elif callable(event):
                event(connection)
            else:
                connection.event(event)
        end(connection)

    return behave


def sent(body: bytes, kind: str | None) -> Behaviour:
    """Reply with these bytes, and call them what one likes."""

    def behave(connection: Connection, request: Received) -> None:
        label = f"content-type: {kind}\r\n" if kind is not None else ""
        connection.send(f"HTTP/1.1 200 OK\r\n{label}content-length: {len(body)}\r\n\r\n".encode() + body)

    return behave


def pause(seconds: float) -> Callable[[Connection], None]:
    return lambda connection: time.sleep(seconds)


def holding(first: bytes = b"", piece: bytes = b"", every: float = 0.1) -> Behaviour:
    """Keep the client waiting, with something small again and again: no read timeout ever fires."""

    def behave(connection: Connection, request: Received) -> None:
        connection.send(first)
        connection.hold(piece, every)

    return behave


def endless(connection: Connection, request: Received) -> None:
    connection.send(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 419430400\r\n\r\n{"x":"')
    for _ in range(400):
        connection.send(b"x" * 1024 * 1024)


def pinging(connection: Connection) -> None:
    connection.hold(chunk(b": ping\n\n"))


def without_end(*first: Any, then: Any) -> Behaviour:
    """Send events, then one more (or bytes as they are) again and again, as fast as it is read."""

    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for event in first:
            connection.event(event)
        piece = then if isinstance(then, bytes) else f"data: {json.dumps(then)}\n\n".encode()
        for _ in range(4096):
            connection.chunk(piece * (65536 // len(piece) or 1))

    return behave


DEEP = "[" * 600 + "]" * 600


def loading_for(polls: int) -> Behaviour:
    """llama.cpp while it loads a model: some 503s, then an answer."""
    asked = [0]

    def behave(connection: Connection, request: Received) -> None:
        asked[0] += 1
        if asked[0] <= polls:
            connection.reply(503, {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}})
        else:
            answer(connection, request)

    return behave


def row(number: str, wire: str, outcome: str, behave: Behaviour, *kinds: str, **details: Any) -> None:
    ROWS.append(Row(number, wire, outcome, behave, kinds or (CALL, STREAM), **details))


S: dict[str, Any] = {"section": "Status errors"}
row(
    "1",
    '401 `{"error":{"message":"Incorrect API key provided: sk-..."}}`, the key echoed',
    DEAD,
    says(
        401,
        {
            "error": {
                "message": f"Incorrect API key provided: {SECRET}",
                "type": "invalid_request_error",
                "code": "invalid_api_key",
            }
        },
    ),
    error="AuthenticationError",
    message="Incorrect API key provided: [key]",
    **S,
)
row(
    "2",
    '401 `{"message":"invalid api token"}`',
    DEAD,
    says(401, {"message": "invalid api token"}),
    error="AuthenticationError",
    message="invalid api token",
    **S,
)
row(
    "3",
    '402 `{"error":{"code":402,...}}`',
    DEAD,
    says(402, {"error": {"message": "Insufficient Balance", "code": 402}}),
    error="InsufficientCreditsError",
    message="Insufficient Balance",
    **S,
)
row(
    "4",
    "403 plain text `error code: 1010` of a CDN",
    NEXT,
    says(403, "error code: 1010", kind="text/plain"),
    error="AuthenticationError",
    message="error code: 1010",
    **S,
)
row(
    "5",
    "403 with `error.metadata.{reasons,flagged_input}` (moderation)",
    STOP,
    says(
        403,
        {
            "error": {
                "code": 403,
                "message": "Your input was flagged",
                "metadata": {"reasons": ["violence"], "flagged_input": "..."},
            }
        },
    ),
    error="ContentFilteredError",
    message="Your input was flagged",
    **S,
)
row(
    "6",
    '400 `code:"content_filter"`, `innererror.code:"ResponsibleAIPolicyViolation"`',
    STOP,
    says(
        400,
        {
            "error": {
                "message": "The response was filtered",
                "code": "content_filter",
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
    ),
    error="ContentFilteredError",
    message="The response was filtered",
    **S,
)
row(
    "7",
    '400 a JSON array `[{"error":{"code":400,...,"status":"INVALID_ARGUMENT"}}]`',
    DOUBT,
    says(400, [{"error": {"code": 400, "message": "Bad request field", "status": "INVALID_ARGUMENT"}}]),
    error="InvalidRequestError",
    message="Bad request field",
    **S,
)
row(
    "8",
    '400 `type:"exceed_context_size_error"`; NEXT if a later candidate has a larger window',
    STOP,
    says(
        400,
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 9000,
                "n_ctx": 4096,
            }
        },
    ),
    error="ContextLengthError",
    message="exceeds the available context size",
    **S,
)
row(
    "8b",
    '400 `code:"context_length_exceeded"`; likewise',
    STOP,
    says(
        400,
        {"error": {"message": "This model's maximum context length is 8192 tokens", "code": "context_length_exceeded"}},
    ),
    error="ContextLengthError",
    message="maximum context length",
    **S,
)
row("9", '404 text, or `{"detail":"Not Found"}`', NEXT, says(404, {"detail": "Not Found"}), message="Not Found", **S)
row(
    "10",
    "413 nginx HTML",
    NEXT,
    says(
        413,
        "<html><head><title>413 Request Entity Too Large</title></head><body><h1>413</h1></body></html>",
        kind="text/html",
    ),
    error="InvalidRequestError",
    message="413 Request Entity Too Large",
    **S,
)
row(
    "11",
    '422 `{"detail":[{"loc","msg","type"}]}`',
    STOP,
    says(422, {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "value_error"}]}),
    error="InvalidRequestError",
    message="body.messages: field required",
    **S,
)
row(
    "12",
    "422 where `message` is an object holding `detail`",
    DOUBT,
    says(
        422,
        {
            "object": "error",
            "message": {"detail": [{"loc": ["body", "top_p"], "msg": "too large"}]},
            "type": "invalid_request_error",
        },
    ),
    error="InvalidRequestError",
    message="body.top_p: too large",
    **S,
)
row(
    "13",
    '429 `code:"insufficient_quota"`',
    DEAD,
    says(
        429,
        {
            "error": {
                "message": "You exceeded your current quota, please check your plan and billing details.",
                "type": "insufficient_quota",
                "code": "insufficient_quota",
            }
        },
    ),
    error="InsufficientCreditsError",
    message="exceeded your current quota",
    **S,
)
row(
    "14",
    '429 `{"object":"error","type":"rate_limited","code":"1300"}`',
    RETRY,
    says(429, {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited", "code": "1300"}),
    error="RateLimitError",
    message="rate limit exceeded",
    **S,
)
row(
    "15",
    '429 `type:"tokens"`, "try again in 5.289s", `retry-after`: NEXT; waits if there is no other candidate',
    NEXT,
    says(
        429,
        {
            "error": {
                "message": "Rate limit reached. Please try again in 5.289s.",
                "type": "tokens",
                "code": "rate_limit_exceeded",
            }
        },
        {"retry-after": "6"},
    ),
    error="RateLimitError",
    message="try again in 5.289s",
    **S,
)
row(
    "16",
    '429 `status:"RESOURCE_EXHAUSTED"`',
    NEXT,
    says(
        429,
        [
            {
                "error": {
                    "code": 429,
                    "message": "You exceeded your current quota, please check your plan and billing details.",
                    "status": "RESOURCE_EXHAUSTED",
                }
            }
        ],
    ),
    error="RateLimitError",
    message="exceeded your current quota",
    **S,
)
row(
    "17",
    "429 where `error` is a string: credits exhausted",
    DEAD,
    says(429, {"code": "Some resource has been exhausted", "error": "Your team has used all available credits"}),
    error="InsufficientCreditsError",
    message="used all available credits",
    **S,
)
row(
    "18",
    "498: capacity",
    NEXT,
    says(498, {"error": {"message": "Flex tier capacity exceeded", "type": "capacity"}}),
    message="capacity exceeded",
    **S,
)
row(
    "18b",
    "498: unsafe request",
    STOP,
    says(498, {"message": "blocked: unsafe request"}),
    error="ContentFilteredError",
    message="unsafe request",
    **S,
)
row("19", "500 empty body", RETRY, says(500, ""), message="HTTP 500 without a message", **S)
row("20", '503 "Loading model" (llama.cpp starting): polled until the deadline', OK, loading_for(2), **S)
row(
    "21",
    '503 "service tier capacity exceeded"',
    NEXT,
    says(503, {"object": "error", "message": "Service tier capacity exceeded for this model."}),
    message="capacity exceeded",
    **S,
)
row(
    "22",
    "520, 524 CDN HTML",
    RETRY,
    says(524, "<html><title>524: A timeout occurred</title></html>", kind="text/html"),
    message="524: A timeout occurred",
    **S,
)
row(
    "23",
    '529 `{"type":"error","error":{"type":"overloaded_error"}}`',
    RETRY,
    says(529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    message="Overloaded",
    **S,
)
row(
    "24",
    '`{"fault":{"faultstring":...}}`',
    RETRY,
    says(500, {"fault": {"faultstring": "upstream broke", "detail": {"errorcode": "x"}}}),
    message="upstream broke",
    **S,
)
row(
    "24b",
    '`{"success":false,"errors":[...]}`',
    DOUBT,
    says(400, {"success": False, "errors": [{"code": 5006, "message": "bad input"}], "result": {}}),
    error="InvalidRequestError",
    message="bad input",
    **S,
)
row(
    "24c",
    '`{"error":"text"}`',
    NEXT,
    says(404, {"error": 'model "x" not found, try pulling it first'}),
    message="not found, try pulling it first",
    **S,
)
for value in ("0", "-5", "nan", "soon", "3600", "Wed, 21 Oct 2065 07:28:00 GMT"):
    row(
        "25",
        f"429 with `Retry-After: {value}`: unusable means own backoff, beyond the deadline NEXT",
        NEXT if value in ("3600", "Wed, 21 Oct 2065 07:28:00 GMT") else RETRY,
        says(429, {"error": {"message": "slow down"}}, {"retry-after": value}),
        error="RateLimitError",
        message="slow down",
        **S,
    )
row(
    "25b",
    "429 with `retry-after-ms: 40`",
    NEXT,
    says(429, {"error": {"message": "slow down"}}, {"retry-after-ms": "40"}),
    error="RateLimitError",
    message="slow down",
    **S,
)
row(
    "26",
    "400 with `x-should-retry: true`",
    DOUBT,
    says(400, {"error": {"message": "no"}}, {"x-should-retry": "true"}),
    error="InvalidRequestError",
    message="no",
    **S,
)

OUTCOMES = {"dead": DEAD, "next": NEXT, "retry": RETRY, "stop": STOP, "larger": STOP, "poll": ""}
for refusal, example in ((refusal, refusal.example) for refusal in bundled().refusals):
    if OUTCOMES[refusal.action]:
        said = error_details(example["body"]).message
        row(
            "79",
            f"{example['status']}, {refusal.name}: `{said if len(said) <= 80 else said[:77] + '...'}`",
            OUTCOMES[refusal.action],
            says(example["status"], example["body"]),
            error=refusal.error,
            message=said[:60],
            **S,
        )
S = {"section": "The words of a server behind a server"}
row(
    "80",
    '400 "Provider returned error", with JSON in `error.metadata.raw`: its words count, as in row 8b',
    STOP,
    says(
        400,
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {
                    "raw": json.dumps({"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum"}}),
                    "provider_name": "Anthropic",
                },
            }
        },
    ),
    error="ContextLengthError",
    message="prompt is too long: 210000 tokens",
    **S,
)
row(
    "80b",
    "the same where the account behind it has no credit: that is no reason to leave the key alone",
    NEXT,
    says(
        400,
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": json.dumps([{"error": {"message": "Insufficient Balance"}}])},
            }
        },
    ),
    error="InsufficientCreditsError",
    message="Insufficient Balance",
    **S,
)
row(
    "81",
    '400 `litellm.BadRequestError: ... - {"error": ...}`',
    RETRY,
    says(
        400,
        {
            "error": {
                "message": "litellm.BadRequestError: GroqException - "
                + json.dumps({"error": {"message": "Failed to call a function.", "code": "tool_use_failed"}})
                + ". Received Model Group=x",
                "code": "400",
            }
        },
    ),
    message="Failed to call a function.",
    **S,
)
row(
    "81b",
    "400 `Error code: 400 - {'error': ...}`, as Python writes it",
    NEXT,
    says(
        400,
        {
            "detail": "Error code: 400 - "
            + repr({"error": {"message": 'This model\'s not "tools", it does not support them', "param": None}})
        },
    ),
    error="InvalidRequestError",
    message="it does not support them",
    **S,
)
row(
    "82",
    '200 `{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}`',
    DEAD,
    says(200, {"id": "x", "choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
    error="InsufficientCreditsError",
    message="insufficient balance",
    **S,
)
row(
    "82b",
    '200 `{"error_code":110,"error_msg":"Access token invalid or no longer valid"}`',
    DEAD,
    says(200, {"error_code": 110, "error_msg": "Access token invalid or no longer valid"}),
    error="AuthenticationError",
    message="Access token invalid",
    **S,
)
row(
    "83",
    "200 with an `error` within the choice",
    RETRY,
    says(
        200,
        {
            **completion(None, finish_reason="error"),
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "error",
                    "message": {"role": "assistant", "content": ""},
                    "error": {"code": 502, "message": "Upstream idle timeout exceeded"},
                }
            ],
        },
    ),
    message="Upstream idle timeout exceeded",
    **S,
)

S = {"section": "A field that is refused"}


def refusing(has: Callable[[dict[str, Any]], Any], code: int, message: str, **more: Any) -> Behaviour:
    """Refuse a request that has something, and answer any other."""
    refusal = says(code, {"error": {"message": message, "type": "invalid_request_error", **more}})

    def behave(connection: Connection, request: Received) -> None:
        (refusal if has(request.json) else answer)(connection, request)

    return behave


_TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
_SCHEMA = {"name": "s", "strict": True, "schema": _TOOL["function"]["parameters"]}  # type: ignore[index]
for number, wire, behave, asks in (
    (
        "85",
        "`Use 'max_completion_tokens'`: sent by that name",
        refusing(
            lambda body: "max_tokens" in body,
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            param="max_tokens",
        ),
        {"max_tokens": 50},
    ),
    (
        "86",
        "a `max_tokens` that is too large: lowered to what it names",
        refusing(
            lambda body: body.get("max_tokens", 0) > 4096,
            400,
            "max_tokens is too large: 8192. This model supports at most 4096 completion tokens.",
        ),
        {"max_tokens": 8192},
    ),
    (
        "87",
        "`Only the default (1) value is supported`: left out",
        refusing(
            lambda body: "temperature" in body,
            400,
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is "
            "supported.",
            param="temperature",
        ),
        {"temperature": 0.2},
    ),
    (
        "87b",
        "`temperature` beside `top_p`: the temperature stays",
        refusing(
            lambda body: "temperature" in body and "top_p" in body,
            400,
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        ),
        {"temperature": 0.2, "top_p": 0.9},
    ),
    (
        "88",
        "422 `Extra inputs are not permitted`: left out",
        refusing(lambda body: "seed" in body, 422, "body.seed: Extra inputs are not permitted", param="seed"),
        {"seed": 1},
    ),
    (
        "89",
        "a system's message: put into the user's",
        refusing(
            lambda body: body["messages"][0]["role"] == "system", 400, "System role not supported by this chat template"
        ),
        {"system": "Be brief."},
    ),
    (
        "90",
        "a demand for a tool's call: left to the model",
        refusing(
            lambda body: body.get("tool_choice") == "required",
            400,
            "tool_choice 'required' is not supported by this model",
            param="tool_choice",
        ),
        {"tools": [_TOOL], "tool_choice": "required"},
    ),
    (
        "91",
        "`strict`: the schema without it",
        refusing(
            lambda body: body["response_format"]["json_schema"].get("strict"),
            400,
            "Unknown parameter: 'response_format.json_schema.strict'.",
        ),
        {"response_format": {"type": "json_schema", "json_schema": _SCHEMA}},
    ),
    (
        "92",
        "`stop` as a text: sent as a list",
        refusing(lambda body: isinstance(body["stop"], str), 422, "stop: Input should be a valid list", param="stop"),
        {"stop": "x"},
    ),
):
    row(number, wire, OK, behave, *([CALL] if "tools" in asks else []), asks=asks, **S)  # no stream takes tools
row(
    "93",
    "`stream_options`, which is this package's own: left out",
    OK,
    refusing(
        lambda body: "stream_options" in body,
        400,
        "Unrecognized request argument supplied: stream_options",
    ),
    STREAM,
    asks={"user": "u"},
    **S,
)
row(
    "94",
    "`store`, or another field that is never given up: the next is asked",
    NEXT,
    refusing(lambda body: "store" in body, 400, "Unknown parameter: 'store'.", param="store"),
    asks={"extra_body": {"store": False}},
    error="InvalidRequestError",
    message="Unknown parameter: 'store'.",
    **S,
)

S = {"section": "200 that is not success"}
row(
    "27",
    '`{"error":{"code":502,...}}`: by the inner code',
    RETRY,
    says(200, {"error": {"code": 502, "message": "Provider returned error"}}),
    message="Provider returned error",
    **S,
)
row("28", "`choices: []`", NEXT, says(200, {**completion(), "choices": []}), message="no choices", **S)
row("29", "`choices: null`", NEXT, says(200, {**completion(), "choices": None}), message="no choices", **S)
row("30", 'content null or "" and no tool call', NEXT, says(200, completion(None)), message="empty", **S)
row(
    "30b",
    '`tool_calls` in which nothing is called: `[null]`, `[{}]`, `[{"function": null}]`',
    NEXT,
    says(
        200,
        completion(message={"role": "assistant", "content": None, "tool_calls": [None, {}, {"function": None}]}),
    ),
    message="empty",
    **S,
)
row(
    "31",
    '`finish_reason: "error"`',
    NEXT,
    says(200, completion("x", finish_reason="error")),
    message="finish_reason 'error'",
    **S,
)
row(
    "32",
    "content as a list of parts: joined",
    OK,
    says(
        200,
        {
            **completion(),
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {
                        "role": "assistant",
                        "content": [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}],
                    },
                }
            ],
        },
    ),
    **S,
)
row(
    "33",
    "HTML of a captive portal",
    NEXT,
    says(200, "<html><body>Please log in to the network</body></html>", kind="text/html"),
    message="Please log in",
    **S,
)
row(
    "34",
    "`Ollama is running`",
    NEXT,
    says(200, "Ollama is running", kind="text/plain"),
    message="Ollama is running",
    **S,
)
for body in ("null", "[]", '"x"'):
    row("35", f"`{body}`", NEXT, says(200, body), message="not an object", **S)
row(
    "35b",
    "JSON that nests more than 100 levels deep",
    NEXT,
    says(200, '{"choices": ' + DEEP + "}"),
    message="nested more than 100 levels deep",
    **S,
)
row("36", "empty body", RETRY, says(200, ""), CALL, message="empty", **S)
row("37", "cut JSON", RETRY, says(200, json.dumps(completion())[:-30]), message="cut or not valid JSON", **S)
row(
    "38",
    "bad UTF-8",
    RETRY,
    lambda c, r: c.reply(
        200, b'{"choices": [{"message": {"content": "\xff\xfe"}}]}', {"content-type": "application/json"}
    ),
    message="cut or not valid JSON",
    **S,
)
row(
    "39",
    "Content-Length larger than the body",
    RETRY,
    raw(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"choices": ['),
    **S,
)
row(
    "40",
    "gzip cut",
    RETRY,
    lambda c, r: c.reply(
        200,
        gzip.compress(json.dumps(completion()).encode())[:-20],
        {"content-type": "application/json", "content-encoding": "gzip"},
    ),
    **S,
)
row(
    "40b",
    "gzip falsely declared",
    RETRY,
    lambda c, r: c.reply(
        200, json.dumps(completion()), {"content-type": "application/json", "content-encoding": "gzip"}
    ),
    **S,
)
row(
    "40c",
    "`br`, which nobody asked for",
    RETRY,
    lambda c, r: c.reply(
        200, b"\x8b\x0d\x80\xfe\xff\x01\x02\x03", {"content-type": "application/json", "content-encoding": "br"}
    ),
    **S,
)
BODY = json.dumps(completion()).encode()
for name, encoding, packed in (
    ("gzip, whole", "gzip", gzip.compress(BODY)),
    ("gzip in two parts", "gzip", gzip.compress(BODY[:50]) + gzip.compress(BODY[50:])),
    ("gzip with zeros behind it", "gzip", gzip.compress(BODY) + bytes(100)),
    ("deflate without its head", "deflate", zlib.compress(BODY, wbits=-15)),
    ("deflate, and gzip over that", "deflate, gzip", gzip.compress(zlib.compress(BODY))),
):
    row(
        "40e", f"{name}: undone, though nobody asked for it", OK, says(200, packed, {"content-encoding": encoding}), **S
    )
row("41", "204", NEXT, raw(b"HTTP/1.1 204 No Content\r\n\r\n", lambda c: None), **S)
row(
    "31b",
    "`finish_reason` of a failure by another name: `network_error`, `abort`, ...",
    NEXT,
    says(200, completion("x", finish_reason="network_error")),
    message="finish_reason 'network_error'",
    **S,
)
row(
    "31c",
    "a byte order mark before the JSON",
    OK,
    sent(b"\xef\xbb\xbf" + json.dumps(completion("hello")).encode(), "application/json"),
    **S,
)
row("41b", "202 queued", NEXT, says(202, {"id": "job-1", "status": "queued"}), **S)
row("42", "endless body (400 MB): aborted at 64 MiB", NEXT, endless, CALL, message="larger than", **S)
row(
    "42b",
    "JSON whose objects would take many times its size (`[{},{},...]`)",
    NEXT,
    says(200, "[{}" + ",{}" * 2_000_000 + "]"),
    CALL,
    message="too large to be read",
    **S,
)
row(
    "42c",
    "a message with `refusal` and no content, in a stream as well",
    STOP,
    says(200, completion(None, message={"role": "assistant", "content": None, "refusal": "I cannot help with that."})),
    error="ContentFilteredError",
    message="the model refuses: I cannot help with that.",
    **S,
)
row(
    "42d",
    "a refusal as a part of the content",
    STOP,
    says(
        200, completion(None, message={"role": "assistant", "content": [{"type": "refusal", "refusal": "Not that."}]})
    ),
    error="ContentFilteredError",
    message="the model refuses: Not that.",
    **S,
)
row(
    "42e",
    "a filter's finish reason by another name (`SAFETY`, `sensitive`, `refusal`, `content_filter: ...`), and no content",
    STOP,
    says(200, completion("", finish_reason="PROHIBITED_CONTENT")),
    error="ContentFilteredError",
    message="withheld by its content filter",
    **S,
)
row(
    "43",
    "blank-line keep-alives before the body: total deadline",
    NEXT,
    holding(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n", chunk(b"\n")),
    holds=True,
    message="may have been billed",
    **S,
)

S = {"section": "Connection"}
row("48", "accepted then closed", RETRY, lambda c, r: c.close(), **S)
row("49", "reset", RETRY, lambda c, r: c.reset(), **S)
row(
    "50",
    "silent after the request: NEXT at the deadline, said to be possibly billed",
    NEXT,
    holding(),
    holds=True,
    message="may have been billed",
    **S,
)
row(
    "51",
    "20 bytes every 0.4 s: total deadline",
    NEXT,
    holding(
        b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n{"x": "', b"x" * 20, 0.4
    ),
    holds=True,
    message="may have been billed",
    **S,
)
row(
    "51b",
    "headers that drip: total deadline",
    NEXT,
    holding(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n"),
    holds=True,
    message="may have been billed",
    **S,
)
row("52", "not HTTP at all", NEXT, raw(b"SSH-2.0-OpenSSH_9.2\r\n"), message="no HTTP answer", **S)
row(
    "53",
    "200 KB header",
    NEXT,
    raw(b"HTTP/1.1 200 OK\r\nx-big: " + b"x" * 200_000 + b"\r\ncontent-length: 2\r\n\r\n{}"),
    message="no HTTP answer",
    **S,
)
for code in (301, 302, 303, 307, 308):
    row(
        "54",
        f"{code} to another host: nothing is sent there",
        NEXT,
        says(code, "", {"location": "http://127.0.0.1:9/stolen"}),
        message="not followed",
        **S,
    )

P: dict[str, Any] = {"section": "Connection", "proxied": True}
for code, outcome, message in (
    (302, NEXT, "login in a browser first"),
    (403, NEXT, "it may not allow that host"),
    (407, NEXT, "HTTPS_PROXY=http://NAME:PASSWORD@127.0.0.1:"),
    (502, RETRY, "could not connect to models.example:443"),
    (503, RETRY, "could not connect to models.example:443"),
):
    row("54b", f"a proxy that answers {code}, and does not connect", outcome, says(code, "no"), message=message, **P)
row("54b", "a proxy that closes", RETRY, lambda c, r: c.close(), message="HTTPS_PROXY=http://127.0.0.1:", **P)
row("54b", "a proxy that resets", RETRY, lambda c, r: c.reset(), message="HTTPS_PROXY=http://127.0.0.1:", **P)
row("54b", "a proxy that is none", NEXT, raw(b"\x05\xff"), message="does not answer as a proxy does", **P)
row("54b", "a proxy that speaks for the provider", NEXT, says(200, completion()), message="as a proxy does", **P)

S = {"section": "Stream", "error": "TruncatedStreamError"}
row(
    "55",
    "EOF without finish reason or `[DONE]`",
    TRUNC,
    streaming(delta("par"), delta("tial")),
    STREAM,
    message="without a finish reason",
    **S,
)
row("56", "finish reason, no `[DONE]`", OK, streaming(delta("hel"), delta("lo"), delta(None, "stop")), STREAM, **S)
row("57", "`[DONE]` only", NEXT, streaming("[DONE]"), STREAM, message="no content", **S)
row("58", "zero bytes", NEXT, streaming(), STREAM, message="no content", **S)
row("59", "a JSON answer instead of SSE: parsed by type", OK, says(200, completion("hello")), STREAM, **S)
row(
    "59b",
    "a JSON error instead of SSE: parsed by type",
    NEXT,
    says(200, {"error": {"message": "not now"}}),
    STREAM,
    message="not now",
    **S,
)
row(
    "60",
    "HTML instead of SSE",
    NEXT,
    says(200, "<html>Please log in</html>", kind="text/html"),
    STREAM,
    message="Please log in",
    **S,
)
row(
    "61",
    "chunked encoding cut",
    TRUNC,
    streaming(delta("partial"), end=lambda c: (c.send(b"ff\r\ndata: {"), c.close())[0]),
    STREAM,
    **S,
)
row("62", "reset", TRUNC, streaming(delta("partial"), pause(0.05), end=Connection.reset), STREAM, **S)
row(
    "63",
    '`data: {"error":{...}}`',
    TRUNC,
    streaming(delta("partial"), {"error": {"message": "it broke upstream", "code": 500}}),
    STREAM,
    message="it broke upstream",
    **S,
)
row(
    "64",
    "`error` a string",
    TRUNC,
    streaming(delta("partial"), {"error": "it broke upstream"}),
    STREAM,
    message="it broke upstream",
    **S,
)
row(
    "65",
    '`data: {"object":"error",...}`',
    TRUNC,
    streaming(delta("partial"), {"object": "error", "message": "it broke upstream"}),
    STREAM,
    message="it broke upstream",
    **S,
)
row(
    "66",
    "`event: error`",
    TRUNC,
    streaming(delta("partial"), b'event: error\ndata: {"message": "it broke upstream"}\n\n'),
    STREAM,
    message="it broke upstream",
    **S,
)
row(
    "67",
    "`error: {...}` as the SSE field",
    TRUNC,
    streaming(delta("partial"), b'error: {"code": 500, "message": "it broke upstream"}\n\n'),
    STREAM,
    message="it broke upstream",
    **S,
)
row(
    "68",
    '`finish_reason: "error"`',
    TRUNC,
    streaming(delta("partial"), delta(None, "error")),
    STREAM,
    message="finish_reason 'error'",
    **S,
)
row(
    "68b",
    "`finish_reason` of a failure by another name",
    TRUNC,
    streaming(delta("partial"), delta(None, "abort")),
    STREAM,
    message="finish_reason 'abort'",
    **S,
)
row("69", "a chunk of bad JSON", TRUNC, streaming(delta("partial"), b"data: {bad\n\n"), STREAM, message="not JSON", **S)
row(
    "70",
    "chunks with empty choices, usage last: ignored for text, usage kept",
    OK,
    streaming(
        {**delta(None), "choices": []},
        delta("hel"),
        delta("lo", "stop"),
        {**delta(None), "choices": [], "usage": {"total_tokens": 7}},
        "[DONE]",
    ),
    STREAM,
    **S,
)
row(
    "71",
    "comments (`: ping`) for ever: time-to-first-token deadline",
    NEXT,
    streaming(end=pinging),
    STREAM,
    holds=True,
    message="may have been billed",
    **S,
)
row("72", "stall after content", TRUNC, streaming(delta("partial"), end=Connection.hold), STREAM, holds=True, **S)
row(
    "72b",
    "comments for ever after content: the idle limit counts events",
    TRUNC,
    streaming(delta("partial"), end=pinging),
    STREAM,
    holds=True,
    message="fell silent",
    **S,
)
row(
    "73",
    "CRLF, `data:` without a space, UTF-8 split across chunks",
    OK,
    streaming(
        b'data:{"choices":[{"index":0,"delta":{"content":"h\xc3',
        b'\xa9l"},"finish_reason":null}]}\r\n\r',
        b'\n: comment\r\ndata:{"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}\r\n\r\ndata:[DONE]\r\n\r\n',
    ),
    STREAM,
    **S,
)
S = {"section": "Stream"}
row(
    "73b",
    "`delta.refusal`, and no content",
    STOP,
    streaming(delta(None, refusal="I cannot"), delta(None, refusal=" help."), delta(None, "stop"), "[DONE]"),
    STREAM,
    error="ContentFilteredError",
    message="the model refuses: I cannot help.",
    **S,
)
row(
    "74",
    "chunks without content, without end: at most 1 MiB of them",
    NEXT,
    without_end(then=delta(None, role="assistant")),
    STREAM,
    message="goes on without content",
    **S,
)
row(
    "74b",
    "comments without end before any content: likewise",
    NEXT,
    without_end(then=b": ping\n\n"),
    STREAM,
    message="goes on without content",
    **S,
)
row(
    "74c",
    "more than 10,000 chunks without content: likewise",
    NEXT,
    without_end(then={}),
    STREAM,
    message="goes on without content",
    **S,
)
row(
    "75",
    "an answer, or thoughts, without end: at most 16 MiB characters",
    TRUNC,
    without_end(delta("partial"), then=delta(None, reasoning_content="hm" * 16000)),
    STREAM,
    error="TruncatedStreamError",
    message="the stream does not end",
    **S,
)
for number, first, outcome in (("76", (), NEXT), ("76b", (delta("partial"),), TRUNC)):
    row(
        number,
        f"a chunk that nests more than 100 levels deep, {'after' if first else 'before any'} content",
        outcome,
        streaming(*first, f"data: {DEEP}\n\n".encode()),
        STREAM,
        error="TruncatedStreamError" if first else "ProviderUnavailableError",
        message="nested more than 100 levels deep",
        **S,
    )
row(
    "76c",
    "an error that nests more than 100 levels deep",
    NEXT,
    streaming(b'event: error\ndata: {"error": ' + DEEP.encode() + b"}\n\n"),
    STREAM,
    message="[[[",
    **S,
)
row(
    "77",
    "a chunk whose objects would take many times its size",
    NEXT,
    streaming(b"data: [{}" + b",{}" * 700_000 + b"]\n\n"),
    STREAM,
    message="too large to be read",
    **S,
)
row(
    "78",
    "a chunk of other kinds of values than anybody sends",
    NEXT,
    streaming({"choices": [{"delta": {"content": 5, "tool_calls": 7}, "finish_reason": {"a": [1]}, "index": "x"}]}),
    STREAM,
    message="no content",
    **S,
)

S = {"section": "Stream", "error": "TruncatedStreamError"}
for number, kind in (
    ("63e", {"error": {"message": "over capacity", "code": 503}}),
    ("65e", {"object": "error", "message": "over capacity"}),
):
    row(
        number,
        "an error event before any content",
        NEXT,
        streaming({**delta(None, role="assistant")}, kind),
        STREAM,
        message="over capacity",
        **S,
    )

S = {"section": "Stream"}
HELLO = (delta("hel"), delta("lo"), delta(None, "stop"), "[DONE]")
row(
    "101",
    "finish reason, then comments for ever: OK soon",
    OK,
    streaming(*HELLO[:3], end=pinging),
    STREAM,
    holds=True,
    **S,
)
row(
    "102",
    "finish reason, then nothing: OK soon",
    OK,
    streaming(*HELLO[:3], end=Connection.hold),
    STREAM,
    holds=True,
    **S,
)
row(
    "102b",
    "a finish reason in every chunk: the answer goes on",
    OK,
    streaming(delta("hel", "stop"), pause(0.3), delta("lo", "stop"), "[DONE]"),
    STREAM,
    **S,
)
PINGS = (
    b": OPENROUTER PROCESSING\n\n",
    b"data:\n\n",
    b"event: ping\n\n",
    b'event: ping\ndata: {"type":"ping"}\n\n',
    b"event: keepalive\ndata: 2026-11-26 10:00\n\n",
    b"data: ping\n\n",
    b"data: null\n\n",
    b"data: []\n\n",
    {"type": "ping"},
    {**delta(None), "choices": []},
    delta(None),
    delta("", role="assistant"),
)
row(
    "103",
    'pings of every kind (comments, empty data, `null`, `{"type":"ping"}`, chunks with nothing in them): neither content nor error',
    OK,
    streaming(*PINGS, delta("hel"), *PINGS, delta("lo"), *PINGS, *HELLO[2:]),
    STREAM,
    **S,
)
row(
    "104",
    "`event: ping` for ever: no content, so time-to-first-token deadline",
    NEXT,
    streaming(end=lambda c: c.hold(chunk(b'event: ping\ndata: {"type":"ping"}\n\n'))),
    STREAM,
    holds=True,
    message="may have been billed",
    **S,
)


def events_of(*events: Any) -> bytes:
    """Events as they are on the wire."""
    return b"".join(
        event
        if isinstance(event, bytes)
        else f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
        for event in events
    )


def lines_of(*chunks: Any) -> bytes:
    """Chunks as lines of JSON."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in chunks)


for kind in ("text/plain; charset=utf-8", "application/json", "application/octet-stream", "text/html", None):
    row(
        "105",
        f"events that are called {kind or 'nothing'}: read for what they are",
        OK,
        sent(events_of(*HELLO), kind),
        **S,
    )
row(
    "105b",
    "a byte order mark and blank lines before the first event",
    OK,
    sent(b"\xef\xbb\xbf\r\n\n" + events_of(b": hi\n\n", *HELLO), "text/plain"),
    **S,
)
for kind in ("application/x-ndjson", "application/json", "text/event-stream"):
    row("106", f"lines of JSON that are called {kind}: read as chunks", OK, sent(lines_of(*HELLO[:3]), kind), **S)
row(
    "107",
    "JSON that is called an event stream",
    OK,
    sent(json.dumps(completion("hello")).encode(), "text/event-stream"),
    **S,
)
row(
    "108",
    "events, cut, where a whole reply was asked for",
    RETRY,
    sent(events_of(*HELLO[:2]), "text/event-stream"),
    CALL,
    message="without a finish reason",
    **S,
)
row(
    "109",
    "an error among events, where a whole reply was asked for",
    NEXT,
    sent(events_of({"error": {"message": "over capacity", "code": 503}}), "text/event-stream"),
    CALL,
    message="over capacity",
    **S,
)

S = {"section": "Responses API"}


def says_of(status: str | None = "completed", text: str = "", **more: Any) -> dict[str, Any]:
    """A response, with one message if there is text."""
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": "msg-1", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "id": "resp-1", "object": "response", "created_at": 1, "status": status, "model": "m", "error": None,
        "output": [message] if text else [], "tools": [], "parallel_tool_calls": True, "tool_choice": "auto", **more,
    }  # fmt: skip


def said(kind: str, **fields: Any) -> dict[str, Any]:
    """An event of the Responses API."""
    return {"type": f"response.{kind}", "sequence_number": 0, **fields}


def words(text: str) -> dict[str, Any]:
    """An event that brings text."""
    return said("output_text.delta", item_id="msg-1", output_index=0, content_index=0, logprobs=[], delta=text)


BEGUN = (
    said("created", response=says_of("in_progress")),
    said("queued", response=says_of("queued")),
    said("in_progress", response=says_of("in_progress")),
    said("output_item.added", output_index=0, item={"type": "reasoning", "id": "rs-1", "summary": []}),
)
FAILED = says_of("failed", error={"code": "server_error", "message": "it broke upstream"})
WITHHELD = says_of("incomplete", incomplete_details={"reason": "content_filter"})
CUT = says_of("incomplete", "hello", incomplete_details={"reason": "max_output_tokens"})
for number, wire, last, message, outcome in (
    ("121", "`response.failed`", (said("failed", response=FAILED),), "it broke upstream", RETRY),
    (
        "122",
        "an `error` event",
        (b'event: error\ndata: {"type":"error","message":"it broke upstream"}\n\n',),
        "it broke upstream",
        NEXT,
    ),
    ("123", "nothing more", (), "", NEXT),
):
    row(
        f"{number}",
        f"events that say nothing, then {wire}",
        outcome,
        streaming(*BEGUN, *last),
        RESPONSE_STREAM,
        message=message or "no content",
        **S,
    )
    row(
        f"{number}b",
        f"text, then {wire}",
        TRUNC,
        streaming(*BEGUN, words("par"), words("tial"), *last),
        RESPONSE_STREAM,
        error="TruncatedStreamError",
        message=message or "without a finish reason",
        **S,
    )
row(
    "124",
    "`response.incomplete` without output, by a content filter",
    STOP,
    streaming(*BEGUN, said("incomplete", response=WITHHELD)),
    RESPONSE_STREAM,
    error="ContentFilteredError",
    message="withheld",
    **S,
)
row(
    "124b",
    "`response.incomplete` behind text, by the token limit",
    OK,
    streaming(*BEGUN, words("hello"), said("incomplete", response=CUT)),
    RESPONSE_STREAM,
    **S,
)
row(
    "125",
    "`response.completed` without output",
    NEXT,
    streaming(*BEGUN, said("completed", response=says_of())),
    RESPONSE_STREAM,
    message="no content",
    **S,
)
row(
    "126",
    "`response.completed`, again and again: the first ends the stream",
    OK,
    streaming(
        *BEGUN,
        words("hello"),
        end=lambda c: c.hold(chunk(events_of(said("completed", response=says_of(text="hello"))))),
    ),
    RESPONSE_STREAM,
    holds=True,
    **S,
)
row("127", "`status: failed`", RETRY, says(200, FAILED), RESPONSE, RESPONSE_STREAM, message="it broke upstream", **S)
row(
    "127b",
    "`status: incomplete` without output, by a content filter",
    STOP,
    says(200, WITHHELD),
    RESPONSE,
    RESPONSE_STREAM,
    error="ContentFilteredError",
    message="withheld",
    **S,
)
row("127c", "`output: []`", NEXT, says(200, says_of()), RESPONSE, RESPONSE_STREAM, message="empty", **S)
row(
    "128",
    "events where a whole response was asked for",
    OK,
    sent(events_of(*BEGUN, words("hello"), said("completed", response=says_of(text="hello"))), "text/event-stream"),
    RESPONSE,
    RESPONSE_STREAM,
    **S,
)

# Rows whose fault is not a reply: the test makes the address.
ADDRESSES = {
    "44": "connection refused: NEXT",
    "45": "DNS failure: NEXT",
    "46": "SYN swallowed: NEXT within the connect timeout",
    "47": "TLS handshake stalls: NEXT within the connect timeout",
}


def table() -> str:
    """The matrix as Markdown, for docs/failures.md."""
    lines: list[str] = []
    section = ""
    for found in sorted(
        ROWS,
        key=lambda r: (
            SECTIONS.index(r.section),
            int(r.number.rstrip("bcde")),
            r.number,
        ),
    ):
        if found.section != section:
            section = found.section
            lines += ["", f"### {section}", "", "| # | on the wire | outcome | error |", "|---|---|---|---|"]
            if section == "Connection":
                lines += [
                    f"| {number} | {text.partition(': NEXT')[0]} | NEXT | `ProviderUnavailableError` |"
                    for number, text in ADDRESSES.items()
                ]
        error = (
            ""
            if found.outcome == OK
            else f"`{found.error if found.outcome in (STOP, DOUBT, DEAD, TRUNC, RETRY) or found.section in SECTIONS[:3] else 'ProviderUnavailableError'}`"
        )
        lines.append(f"| {found.number} | {found.wire.replace('|', '&#124;')} | {found.outcome} | {error} |")
    return "\n".join(lines).strip()


def main() -> None:
    """List the faults, or serve one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("number", nargs="?")
    arguments = parser.parse_args()
    if arguments.number is None:
        for found in ROWS:
            print(f"{found.number:>4}  {found.outcome:5}  {found.wire}")
        return
    chosen = next(r for r in ROWS if r.number == arguments.number)
    with Server(chosen.behave) as server:
        print(f"{chosen.wire}\nserving at {server.url} until interrupted")
        while True:
            time.sleep(1)


if __name__ == "__main__":
    main()

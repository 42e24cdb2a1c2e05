"""Bodies of every shape: nothing that a caller writes is a failure of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers.chat import PREFERRING
from tests.gateway.inside import CHAT, HI, Inside
from tests.servers import Server

BROKEN = {
    "nothing": b"", "a list": b"[1]", "a text": b'"x"', "null": b"null", "half": b"{", "no JSON": b"model=m",
    "not UTF-8": b'{"model": "\xff"}', "two": b"{} {}", "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000, "a number without end": b'{"seed": ' + b"9" * 10_000 + b"}",
    "a model that is a number": b'{"model": 5}', "a model that is a list": b'{"model": ["m"]}',
    "a list of models with a number": b'{"models": ["m", 5]}',
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_request_is_told_so(gateway: Inside, provider: Server, name: str) -> None:
    before = len(provider.requests)
    for path in (CHAT, "/v1/embeddings", "/v1/responses"):
        status, _, content = gateway.ask("POST", path, BROKEN[name])
        assert status == 400
        assert json.loads(content)["error"]["type"] == "invalid_request_error"
    assert len(provider.requests) == before


PLAIN = '"messages": [{"role": "user", "content": "Hi"}]'


@pytest.mark.parametrize("path", [CHAT, "/v1/messages", "/api/chat", "/v1/inference"])
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (f'{{"model": "m", "model": "other", {PLAIN}}}'.encode(), b"twice"),
        (f'{{"model": "m", {PLAIN}, "x": [{{"a": 1, "a": 2}}]}}'.encode(), b"twice"),
        (f'{{"model": "m", {PLAIN}}}'.encode("utf-16-le"), b"UTF-8"),
        (f'{{"model": "m", {PLAIN}}}'.encode("utf-16"), b"UTF-8"),
        (f'{{"model": "m", {PLAIN}, "x": [{"[]," * 3_000_000}[]]}}'.encode(), b"too large to be read"),
    ],
    ids=["twice", "twice within", "no UTF-8", "a mark of UTF-16", "many objects"],
)
def test_a_body_that_others_may_read_otherwise_is_refused(
    gateway: Inside, provider: Server, path: str, body: bytes, says: bytes
) -> None:
    before = len(provider.requests)
    status, _, content = gateway.ask("POST", path, body)
    assert (status, says in content) == (400, True), content
    assert len(provider.requests) == before


def test_nobody_is_told_to_read_a_body_in_another_encoding(gateway: Inside, provider: Server) -> None:
    for kind in ("application/json; charset=utf-7", "Application/JSON;charset=utf-16"):
        assert gateway.ask("POST", CHAT, HI, {"Content-Type": kind})[0] == 200
        assert provider.requests[-1].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "name", ["MODEL", "Model", "Api_Key", "api_\u212aey", "Fallbacks", "provideroptions", "Max_Tokens"]
)
def test_a_field_in_another_case_says_nothing_that_was_not_seen(gateway: Inside, provider: Server, name: str) -> None:
    before = len(provider.requests)
    status, _, content = gateway.ask("POST", CHAT, {**HI, name: "other"})
    assert (status, json.loads(content)["error"]["code"]) == (400, "foreign_field")
    assert len(provider.requests) == before


@pytest.mark.parametrize("said", [{}, {"model": "auto"}, {"model": None}, {"model": "default"}])
def test_without_a_model_the_best_within_reach_is_asked(gateway: Inside, provider: Server, said: Any) -> None:
    status, headers, _ = gateway.ask("POST", CHAT, {"messages": HI["messages"], **said})
    assert (status, headers["x-inference-canonical-model"]) == (200, "m")
    assert provider.requests[-1].json["model"] == "m-internal"


FIELDS = sorted({
    "messages", "tools", "stream", "stream_options", "response_format", "n", "max_tokens", "max_completion_tokens", "stop",
    "temperature", "logit_bias", "tool_choice", "metadata", "store", "modalities", "audio", "reasoning_effort",
    "reasoning", "functions", "function_call", "seed", "prediction", "avoid", "only", "models", "cache", "cache_config",
    "thinking", "user", "timeout", "fallback_strategy", "system", "images", "schema", "input", "prompt", "documents", "query", "instructions", "text", "encoding_format", *PREFERRING,
})  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.sampled_from([0, -1, 5, 10**400, 1e400, float("nan"), "", "x", "m", "\ud800", "p1"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["role", "content", "type", "function", "name", "parameters", "tool_calls", "json_schema", "schema",
                         "image_url", "url", "arguments", "properties", "enabled", "ttl", "include_usage", "text"]),
        inner | st.sampled_from(["user", "assistant", "tool", "system", "function", "image_url", "json_schema", "object"]),
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
PATHS = [CHAT, "/v1/completions", "/v1/responses", "/v1/embeddings", "/v1/rerank", "/v1/moderations",
         "/v1/images/generations", "/v1/audio/speech", "/v1/batches", "/v1/inference", "/v1/inference/stream"]  # fmt: skip


@settings(max_examples=300, database=None)
@given(st.sampled_from(PATHS), st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4), st.booleans())
def test_no_shape_of_a_body_is_a_failure_of_ours(
    shaped: Callable[[str, Any], int], path: str, fields: dict[str, Any], is_chat: bool
) -> None:
    body = {"model": "m", **({"messages": HI["messages"]} if is_chat else {}), **fields}
    status = shaped(path, body)
    assert status < 500 or status == 503, body


@pytest.fixture(scope="module")
def shaped() -> Any:
    """Asks a gateway whose provider takes whatever it is sent; the status."""
    from tests.servers import Connection, Received, completion

    def takes(connection: Connection, request: Received) -> None:
        connection.reply(200, completion("hello"))

    with Server(takes) as server:
        inside = Inside(server.url)
        yield lambda path, body: inside.ask("POST", path, body)[0]
        inside.stop()

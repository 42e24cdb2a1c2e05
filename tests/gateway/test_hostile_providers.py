"""What providers say, and should not: failures of every kind, keys echoed, headers for browsers and proxies."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fault_server import CALL, OK, ROWS, STREAM, TRUNC, Row, says, sent
from tests.gateway.inside import CHAT, HI, Inside, head, statuses
from tests.servers import Connection, Received, Server, answer, completion, delta, status

Within = Callable[..., Inside]
KEY = "canary-1-0123456789abcdef"
STREAMED = {**HI, "stream": True}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Inside]:
    """A gateway whose tests point it at their own providers."""
    inside = Inside("http://127.0.0.1:9/v1", options={"timeout": 3.0})
    yield inside
    inside.stop()


def _asked(gateway: Inside, behave: Any, body: Any = HI) -> tuple[int, dict[str, str], bytes]:
    with Server(behave) as server:
        gateway.point(server.url)
        return gateway.ask("POST", CHAT, body)


def _events(content: bytes) -> list[Any]:
    """What a stream says, as a client reads it."""
    lines = [line[5:].strip() for line in content.decode().splitlines() if line.startswith("data:")]
    return [line if line in ("[DONE]", "", "ping") or line.startswith("2026") else json.loads(line) for line in lines]


def _check_failure(error: Any) -> None:
    assert set(error) >= {"message", "type", "param", "code"}
    assert all(isinstance(error[name], str) and error[name] for name in ("message", "type", "code"))
    assert "Traceback" not in error["message"]


FAULTS = [row for row in ROWS if not row.holds and not row.proxied and {CALL, STREAM} & set(row.kinds)]


@pytest.mark.parametrize("row", FAULTS, ids=lambda row: f"{row.number} {row.wire[:40]}")
def test_every_failure_is_told_in_one_form(gateway: Inside, row: Row) -> None:
    asked = {**row.asks, **row.asks.get("extra_body", {})}
    asked.pop("extra_body", None)
    for kind in {CALL, STREAM} & set(row.kinds):
        code, headers, content = _asked(gateway, row.behave, {**HI, "stream": kind == STREAM, **asked})
        assert KEY[:12].encode() not in content + str(headers).encode()
        if row.outcome == OK or (row.error == "ContentFilteredError" and code == 200):  # a refusal is an answer
            assert not [event for event in _events(content) if "error" in event]
        elif row.outcome == TRUNC and kind == STREAM:
            *_, last = _events(content)
            assert code == 200
            _check_failure(last["error"])
        else:
            assert 400 <= code < 600
            assert headers["x-should-retry"] == "false"
            assert headers["content-type"] == "application/json"
            _check_failure(json.loads(content)["error"])


STATUSES = {400: 400, 401: 503, 402: 402, 403: 503, 404: 404, 408: 408, 413: 413, 418: 418, 422: 422, 429: 429,
            451: 451, 500: 500, 503: 503, 504: 504, 529: 529, 600: 502, 999: 502}  # fmt: skip


@pytest.mark.parametrize("said", STATUSES)
def test_statuses_of_providers(gateway: Inside, said: int) -> None:
    fault = status(said, {"error": {"message": "it said so", "type": "odd", "code": "odd_code"}})
    for body in (HI, STREAMED):
        code, headers, content = _asked(gateway, fault, body)
        assert code == STATUSES[said]
        assert headers["x-should-retry"] == "false"
        assert "it said so" in json.loads(content)["error"]["message"]


def test_when_to_come_back_is_passed_on(gateway: Inside) -> None:
    body = {"error": {"message": "slow down"}}
    code, headers, _ = _asked(gateway, status(429, body, {"retry-after": "7"}))
    assert (code, headers["retry-after"]) == (429, "7")
    for odd in ("\xe9", "soon\x7f", ""):
        code, headers, _ = _asked(gateway, status(429, body, {"retry-after": odd, "x-request-id": odd}))
        assert code in (429, 503)
        assert headers.get("retry-after", "") == ""


def _echo(code: int, streams: bool = False) -> Callable[[Connection, Received], None]:
    def behave(connection: Connection, request: Received) -> None:
        said = request.headers["authorization"]
        headers = {"x-echo": said, "x-request-id": said, "content-type": "application/json"}
        if streams:
            connection.start_stream({"x-echo": said})
            connection.event(delta(f"you sent {said}"))
            connection.event({**delta(None, "stop"), "debug": {"headers": {"authorization": said}}})
            connection.event("[DONE]" if code == 200 else {"error": {"message": said, "code": said}})
            connection.end_stream()
        elif code == 200:
            connection.reply(200, {**completion(f"you sent {said}"), "debug": said}, headers)
        else:
            inner = {"message": f"no {said}", "code": said, "type": said, "param": said, "metadata": {"raw": said}}
            connection.reply(code, {"error": inner}, headers)

    return behave


@pytest.mark.parametrize("code", [200, 400, 401, 404, 429, 500])
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_a_key_that_is_echoed_is_not_passed_on(gateway: Inside, code: int, streams: bool) -> None:
    got = _asked(gateway, _echo(code, streams and code in (200, 500)), {**HI, "stream": streams})
    assert KEY not in str(got)
    assert KEY[:12] not in str(got)
    assert "[key]" in str(got)


def test_a_key_within_a_line_that_came_in_pieces(gateway: Inside) -> None:
    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("hel"))
        said = json.dumps(delta(f"lo {request.headers['authorization']}", "stop"))
        line = f"data: {said}\n\n".encode()
        for place in range(0, len(line), 5):
            connection.chunk(line[place : place + 5])
        connection.event("[DONE]")
        connection.end_stream()

    _, _, content = _asked(gateway, behave, STREAMED)
    assert KEY[:12].encode() not in content
    assert [event if event == "[DONE]" else event["choices"][0]["delta"]["content"] for event in _events(content)] == [
        "hel", "lo Bearer [key]", "[DONE]",
    ]  # fmt: skip


_TALK: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
DIALECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "messages": ("/v1/messages", _TALK),
    "responses": ("/v1/responses", {"model": "m", "input": "Hi", "include": ["reasoning.encrypted_content"]}),
    "gemini": ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "Hi"}]}]}),
    "ollama": ("/api/chat", _TALK),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_a_key_that_is_thought_of_is_not_in_what_programs_give_back(
    gateway: Inside, dialect: str, streams: bool, before: str
) -> None:
    sealed = [{"type": "reasoning.encrypted", "data": before + KEY}]
    thought = {"reasoning_content": f"{before}{KEY}", "reasoning_details": sealed}
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turn = {"role": "assistant", "content": None, **thought, "tool_calls": [call]}

    def behave(connection: Connection, request: Received) -> None:
        if not streams:
            return connection.reply(200, {**completion(""), "choices": [{"index": 0, "message": turn}]})
        connection.start_stream()
        connection.event({"choices": [{"index": 0, "delta": turn, "finish_reason": "tool_calls"}]})
        connection.event("[DONE]")
        return connection.end_stream()

    path, body = DIALECTS[dialect]
    path = path.replace("generateContent", "streamGenerateContent?alt=sse") if streams else path
    with Server(behave) as server:
        gateway.point(server.url)
        code, _, content = gateway.ask("POST", path, {**body, **({} if dialect == "gemini" else {"stream": streams})})
    assert (code, KEY[:12].encode() in content) == (200, False)
    for word in re.findall(rb"[A-Za-z0-9+/]{16,}", content):
        assert KEY[:12].encode() not in base64.b64decode(word[: len(word) // 4 * 4])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_numbers_of_providers_that_no_program_reads_do_not_go_on(gateway: Inside, dialect: str, streams: bool) -> None:
    nan = float("nan")
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turn = {"role": "assistant", "content": "a", "tool_calls": [call], "annotations": [nan]}
    likely = {"logprobs": {"content": [{"token": "a", "logprob": nan, "bytes": [nan], "top_logprobs": []}]}}

    def behave(connection: Connection, request: Received) -> None:
        if not streams:
            return connection.reply(200, {**completion(""), "choices": [{"index": 0, "message": turn, **likely}]})
        connection.start_stream()
        connection.event({"choices": [{"index": 0, "delta": turn, "finish_reason": "tool_calls", **likely}]})
        connection.event("[DONE]")
        return connection.end_stream()

    path, body = DIALECTS[dialect]
    path = path.replace("generateContent", "streamGenerateContent?alt=sse") if streams else path
    with Server(behave) as server:
        gateway.point(server.url)
        code, _, content = gateway.ask("POST", path, {**body, **({} if dialect == "gemini" else {"stream": streams})})
    assert (code, b"NaN" in content) == (200, False)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
def test_numbers_that_no_provider_reads_are_refused(gateway: Inside, dialect: str, number: str) -> None:
    path, body = DIALECTS[dialect]
    with Server() as server:
        gateway.point(server.url)
        raw = json.dumps({**body, "temperature": 0, "options": {"temperature": 0}}).replace(": 0", f": {number}")
        code, _, content = gateway.ask("POST", path, raw.encode())
    assert (code, server.requests, number.strip("-").encode() in content) == (400, [], True)


NOT_FOR_CALLERS = {
    "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true", "Set-Cookie": "a=b",
    "Connection": "close", "Keep-Alive": "timeout=1", "Proxy-Authenticate": "Basic", "Upgrade": "h2c",
    "Strict-Transport-Security": "max-age=9", "Clear-Site-Data": '"*"', "Refresh": "0;url=http://evil.example",
    "Location": "http://evil.example", "Alt-Svc": 'h3=":443"', "WWW-Authenticate": "Basic", "Server": "evil/1.0",
    "X-Accel-Redirect": "/internal/secret", "X-Sendfile": "/etc/passwd", "Link": "<http://evil.example>; rel=preload",
    "X-Should-Retry": "true", "X-Inference-Provider": "somebody-else", "Content-Security-Policy": "default-src *",
}  # fmt: skip


@pytest.mark.parametrize("code", [200, 400, 429])
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
def test_what_is_for_browsers_and_proxies_stays_here(gateway: Inside, code: int, streams: bool) -> None:
    kept = {"openai-processing-ms": "12", "x-ratelimit-remaining-requests": "3", "x-request-id": "req-1"}

    def behave(connection: Connection, request: Received) -> None:
        if streams and code == 200:
            connection.start_stream({**NOT_FOR_CALLERS, **kept})
            connection.event(delta("hello", "stop"))
            connection.event("[DONE]")
            connection.end_stream()
        else:
            body: Any = completion("hello") if code == 200 else {"error": {"message": "no"}}
            connection.reply(code, body, {**NOT_FOR_CALLERS, **kept})

    status_, headers, _ = _asked(gateway, behave, {**HI, "stream": streams})
    assert status_ == code
    said = {name: value for name, value in headers.items() if value in NOT_FOR_CALLERS.values()}
    assert said == {}
    assert headers["x-inference-provider"] == "p1"
    if code == 200:
        assert {name: headers[name] for name in kept} == kept
    assert headers["x-request-id"] == "req-1"


def test_json_is_called_json(gateway: Inside) -> None:
    body = json.dumps(completion("<script>alert(1)</script>")).encode()
    for label in ("text/html", "image/svg+xml", None, "application/javascript"):
        code, headers, content = _asked(gateway, sent(body, label))
        assert (code, headers["content-type"], content) == (200, "application/json", body)
        assert headers["x-content-type-options"] == "nosniff"


def test_what_is_of_another_kind_than_a_word_is_none(gateway: Inside) -> None:
    inner: Any = {"message": {"a": 1}, "code": {"a": [1]}, "type": [1], "param": {"b": 2}}
    _, _, content = _asked(gateway, says(400, {"error": inner}))
    error = json.loads(content)["error"]
    _check_failure(error)
    assert error["param"] is None
    _, _, content = _asked(gateway, says(400, {"error": {"message": "no", "code": 4001}}))
    assert json.loads(content)["error"]["code"] == "4001"


MODELS = [
    "m\r\nX-Injected: yes",
    "é",
    "\ud800",
    "m" * 5000,
    "../../x",
    "m\0",
    "<script>",
    "%0d%0aX: y",
    "🦙",
]


@pytest.mark.parametrize("model", MODELS, ids=ascii)
def test_a_model_is_called_as_nobody_is(gateway: Inside, model: str) -> None:
    with Server(answer) as server:
        gateway.point(server.url)
        code, headers, content = gateway.ask("POST", CHAT, {**HI, "model": model})
        assert (code, server.asked) == (404, [])
        assert json.loads(content)["error"]["code"] == "model_not_found"
        assert "x-injected" not in headers
        listed = gateway.raw(head("GET", f"/v1/models/{quote(model, errors='replace')}"))
        assert statuses(listed) == [404]
        assert b"\nx-injected:" not in listed.lower()


TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20)
HEADERS = st.dictionaries(st.text("abcxyz-!#$%&'*+.^_`|~0", min_size=1, max_size=12), TEXT, max_size=5)
LABELS = st.sampled_from(["application/json", "text/event-stream", "text/html", "", "audio/mpeg", "\xe9", "a;b;c=d"])
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"{}", b"[]", b"null", b'"x"', b"[" * 3000, b"data: {}\n\n", b"data: [DONE]\n\n", b"\xff\xfe"]),
    st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5),
                 lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                     st.sampled_from(["error", "choices", "message", "delta", "content", "code", "usage", "object"]),
                     inner, max_size=4)).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip


@settings(max_examples=60, database=None)
@given(st.integers(200, 999), HEADERS, LABELS, CONTENTS, st.booleans())
def test_whatever_a_provider_says_whoever_asked_is_answered(
    gateway: Inside, code: int, headers: dict[str, str], label: str, body: bytes, streams: bool
) -> None:
    def behave(connection: Connection, request: Received) -> None:
        said = "".join(f"{name}: {value.strip()}\r\n" for name, value in {**headers, "content-type": label}.items())
        head = f"HTTP/1.1 {code} X\r\n{said}content-length: {len(body)}\r\n\r\n"
        connection.send(head.encode("latin-1") + body)

    got, told, content = _asked(gateway, behave, {**HI, "stream": streams})
    assert got != 500 or code == 500
    assert 200 <= got < 600
    if got >= 400:
        assert told["content-type"] == "application/json"
        _check_failure(json.loads(content)["error"])

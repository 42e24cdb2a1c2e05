"""Google's API through the gateway, asked by Google's own SDK."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.gateway.inside import PATIENCE, TOKEN, Inside, head, post
from tests.running import Running
from tests.servers import Connection, Received, Server, completion, delta

Within = Callable[..., Inside]
Serve = Callable[..., Server]
Start = Callable[..., Running]
PATH = "/v1beta/models/m:generateContent"
HI = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
ADD = types.FunctionDeclaration(
    name="add",
    parameters=types.Schema(type=types.Type.OBJECT, properties={"a": types.Schema(type=types.Type.INTEGER)}),
)
TOOLS = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=[ADD])],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)
THINK = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=512))


def client(gateway: Inside, key: str = TOKEN) -> genai.Client:
    options = types.HttpOptions(base_url=f"http://127.0.0.1:{gateway.port}", timeout=int(PATIENCE * 1000))
    return genai.Client(api_key=key, http_options=options)


def streaming(*events: Any, whole: bool = True) -> Callable[[Connection, Received], None]:
    """A provider that streams these events, and ends as it should, or not."""

    def streams(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for event in events:
            connection.event(event)
        if not whole:
            connection.close()
            return
        connection.event("[DONE]")
        connection.end_stream()

    return streams


def message(**fields: Any) -> dict[str, Any]:
    """A chat completion with this message."""
    made: dict[str, Any] = completion("")
    made["choices"][0]["message"] = {"role": "assistant", "content": None, **fields}
    return made


def call(index: int, arguments: str, **more: Any) -> dict[str, Any]:
    piece = {"index": index, "function": {"arguments": arguments, **more}}
    piece |= {"id": f"call_{index}", "type": "function"} if more else {}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]}


def test_content_is_made_of_a_chat_completion(within: Within, serve: Serve) -> None:
    server = serve(lambda connection, request: connection.reply(200, completion("Hello.")))
    config = types.GenerateContentConfig(
        system_instruction="Short.", top_k=3, stop_sequences=["x"],
        safety_settings=[types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_NONE")],  # type: ignore[arg-type]
    )  # fmt: skip
    with client(within(server.url)) as google:
        reply = google.models.generate_content(model="m", contents="Hi", config=config)
    assert (reply.text, reply.candidates[0].finish_reason) == ("Hello.", types.FinishReason.STOP)  # type: ignore[index]
    assert reply.usage_metadata and reply.usage_metadata.prompt_token_count == 3
    assert reply.sdk_http_response and reply.sdk_http_response.headers
    said = reply.sdk_http_response.headers
    assert (said["x-inference-lost"], said["x-inference-provider"]) == ("safetySettings", "p1")
    (sent,) = server.requests
    assert sent.path == "/v1/chat/completions"
    assert not [name for name in sent.headers if name.startswith("x-goog")]
    assert [turn["content"] for turn in sent.json["messages"]] == ["Short.", "Hi"]
    assert (sent.json["model"], sent.json["stop"]) == ("m-internal", ["x"])


def test_a_stream_is_translated_as_it_comes(within: Within, serve: Serve) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}
    gateway = within(serve(streaming(delta("Hel"), delta("lo.", "stop"), usage)).url)
    with client(gateway) as google:
        chunks = list(google.models.generate_content_stream(model="models/m", contents="Hi"))
    assert [chunk.text for chunk in chunks] == ["Hel", "lo.", ""]
    assert chunks[-1].usage_metadata and chunks[-1].usage_metadata.total_token_count == 5
    status, headers, raw = gateway.ask("POST", "/v1beta/models/m:streamGenerateContent", HI)
    assert (status, headers["content-type"]) == (200, "application/json")
    listed = [types.GenerateContentResponse.model_validate(one) for one in json.loads(raw)]
    assert [one.text for one in listed] == ["Hel", "lo.", ""]


@pytest.mark.parametrize("streams", [False, True])
def test_calls_go_there_and_their_results_back(within: Within, serve: Serve, streams: bool) -> None:
    whole = [
        {"id": f"call_{at}", "type": "function", "function": {"name": "add", "arguments": f'{{"a": {at}}}'}}
        for at in range(2)
    ]
    pieces = (
        call(0, "", name="add"),
        call(1, '{"a"', name="add"),
        call(0, '{"a": 0}'),
        call(1, ": 1}"),
        delta("", "stop"),
    )

    def answers(connection: Connection, request: Received) -> None:
        if request.json["messages"][-1]["role"] == "tool":
            connection.reply(200, completion("Both."))
        elif streams:
            streaming(*pieces)(connection, request)
        else:
            connection.reply(200, message(tool_calls=whole, reasoning_content="hm"))

    server = serve(answers)
    with client(within(server.url)) as google:
        talk = google.chats.create(model="m", config=TOOLS)
        first = list(talk.send_message_stream("Hi")) if streams else [talk.send_message("Hi")]
        calls = [one for chunk in first for one in chunk.function_calls or ()]
        assert [(one.name, one.args, one.id) for one in calls] == [("add", {"a": at}, f"call_{at}") for at in range(2)]
        results = [
            types.Part(function_response=types.FunctionResponse(id=one.id, name=one.name, response={"output": one.id}))
            for one in reversed(calls)
        ]
        assert talk.send_message(results).text == "Both."
    turns = server.requests[-1].json["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "tool"]
    assert [(turn["tool_call_id"], turn["content"]) for turn in turns[2:]] == [
        ("call_1", "call_1"),
        ("call_0", "call_0"),
    ]
    assert [json.loads(one["function"]["arguments"]) for one in turns[1]["tool_calls"]] == [{"a": 0}, {"a": 1}]
    assert server.requests[0].json["tools"][0]["function"]["parameters"]["properties"] == {"a": {"type": "integer"}}
    if not streams:  # thoughts that were not asked for came back with the calls
        assert turns[1].get("reasoning_content") == "hm"


@pytest.mark.parametrize("streams", [False, True])
def test_thoughts_are_thoughts(within: Within, serve: Serve, streams: bool) -> None:
    thought = {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}
    whole = message(content="So.", reasoning_content="hm")
    server = serve(streaming(thought, delta("So.", "stop")) if streams else lambda to, _: to.reply(200, whole))
    with client(within(server.url)) as google:
        ask = {"model": "m", "contents": "Hi", "config": THINK}
        found = (
            list(google.models.generate_content_stream(**ask)) if streams else [google.models.generate_content(**ask)]
        )  # type: ignore[arg-type]
    parts = [part for one in found for part in one.candidates[0].content.parts]  # type: ignore[index,union-attr]
    assert [(part.text, part.thought) for part in parts if part.text] == [("hm", True), ("So.", None)]
    assert server.requests[0].json["reasoning_effort"] == "low"


def test_a_picture_and_a_shape_go_there(within: Within, serve: Serve) -> None:
    server = serve(lambda connection, request: connection.reply(200, completion('{"value": [1, 2]}')))
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=list[int])
    with client(within(server.url)) as google:
        picture = types.Part.from_bytes(data=b"\xfb\xff", mime_type="image/png")
        reply = google.models.generate_content(model="m", contents=["look", picture], config=config)
    assert (reply.text, reply.parsed) == ("[1, 2]", [1, 2])
    sent = server.requests[0].json
    assert sent["messages"][0]["content"][1]["image_url"]["url"] == "data:image/png;base64,+/8="
    assert sent["response_format"]["json_schema"]["schema"]["properties"]["value"]["items"] == {"type": "integer"}


def test_what_fails_is_told_in_its_own_form(within: Within, serve: Serve) -> None:
    def refuses(connection: Connection, request: Received) -> None:
        connection.reply(429, {"error": {"message": "slow down"}}, {"retry-after": "600"})

    with client(gateway := within(serve(refuses).url)) as google:
        with pytest.raises(errors.ClientError, match="slow down") as refused:
            google.models.generate_content(model="m", contents="Hi")
        assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
        assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "600s"} in refused.value.details[
            "error"
        ]["details"]
        with pytest.raises(errors.ClientError, match="slow down"):
            list(google.models.generate_content_stream(model="m", contents="Hi"))
        with pytest.raises(errors.ClientError, match="googleSearch") as unknown:
            google.models.generate_content(
                model="m", contents="Hi",
                config=types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())]),
            )  # fmt: skip
        assert (unknown.value.code, unknown.value.status) == (400, "INVALID_ARGUMENT")
        with pytest.raises(errors.ClientError, match="no-such-model"):
            google.models.generate_content(model="no-such-model", contents="Hi")
    with client(gateway, "wrong") as google, pytest.raises(errors.ClientError) as nobody:
        google.models.generate_content(model="m", contents="Hi")
    assert (nobody.value.code, nobody.value.status) == (401, "UNAUTHENTICATED")


def test_a_stream_that_is_cut_ends_with_an_error(within: Within, serve: Serve) -> None:
    gateway = within(serve(streaming(delta("Hel"), whole=False)).url)
    came = []
    with client(gateway) as google, pytest.raises(errors.APIError, match="characters of the answer had come"):
        for chunk in google.models.generate_content_stream(model="m", contents="Hi"):
            came.append(chunk.text)
    assert came == ["Hel"]
    raw = gateway.ask("POST", "/v1beta/models/m:streamGenerateContent", HI)[2]
    assert ["error" in one for one in json.loads(raw)] == [False, True]


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_a_stream_is_begun_while_its_provider_is_silent(within: Within, serve: Serve, query: str) -> None:
    """What says that it goes on harms nobody who reads it."""

    gateway = within(serve(streaming(delta("Hi.", "stop"))).url, ping_seconds=0.0)
    status, _, raw = gateway.ask("POST", f"/v1beta/models/m:streamGenerateContent{query}", HI)
    assert status == 200
    found = [json.loads(one[6:]) for one in raw.split(b"\n\n") if one] if query else json.loads(raw)
    responses = [types.GenerateContentResponse.model_validate(one) for one in found]
    assert "".join(one.text or "" for one in responses) == "Hi."
    if not query:
        assert raw.startswith(b"\n")
        return
    assert responses[0].text == ""
    with client(gateway) as google:
        chunks = google.models.generate_content_stream(model="m", contents="Hi")
        assert "".join(chunk.text or "" for chunk in chunks) == "Hi."


def test_tokens_models_and_vectors(within: Within, serve: Serve) -> None:
    vectors = {
        "data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}],
        "usage": {"prompt_tokens": 2},
    }
    server = serve(lambda connection, request: connection.reply(200, vectors))
    gateway = within(server.url)
    with client(gateway) as google:
        few, more = (
            google.models.count_tokens(model="m", contents="word " * size).total_tokens or 0 for size in (100, 200)
        )
        assert 100 <= few <= 300
        assert few < more <= 2 * few
        with pytest.raises(errors.ClientError, match="no-such-model"):
            google.models.count_tokens(model="no-such-model", contents="Hi")
        names = [row.name for row in google.models.list()]
        assert "models/m" in names
        assert google.models.get(model="m").supported_actions == ["generateContent", "countTokens"]
    assert server.requests == []


def test_a_vector_is_asked_for_by_the_path_of_those(within: Within, serve: Serve) -> None:
    vectors = {
        "data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}],
        "usage": {"prompt_tokens": 2},
    }
    server = serve(lambda connection, request: connection.reply(200, vectors))
    with client(within(server.url)) as google:
        made = google.models.embed_content(model="m", contents=["a", "b"])
    assert [one.values for one in made.embeddings or ()] == [[1.0], [2.0]]
    (sent,) = server.requests
    assert (sent.path, sent.json["input"]) == ("/v1/embeddings", ["a", "b"])


@pytest.mark.parametrize("name", ["p1/m", "m:cheapest", "p1%2Fm", "models/../m"])
def test_models_may_have_any_name(within: Within, serve: Serve, name: str) -> None:
    gateway = within(serve().url)
    status, _, body = gateway.ask("POST", f"/v1beta/models/{name}:generateContent", HI)
    found = json.loads(body)
    if ".." in name:
        assert (status, found["error"]["status"]) == (404, "NOT_FOUND")
    else:
        assert status == 200, found
    assert gateway.ask("POST", f"/v1/models/{name}:generateContent", HI)[0] == status


@pytest.mark.parametrize(("method", "path", "headers", "status", "state"), [
    ("POST", PATH, ["Authorization: Bearer wrong"], 401, "UNAUTHENTICATED"),
    ("POST", PATH, ["Origin: https://example.com"], 403, "PERMISSION_DENIED"),
    ("POST", PATH, ["Content-Type: text/plain"], 415, "INVALID_ARGUMENT"),
    ("POST", "/v1/models/m:generateContent", ["Origin: https://example.com"], 403, "PERMISSION_DENIED"),
    ("DELETE", "/v1beta/models", [], 405, "UNIMPLEMENTED"),
    ("POST", "/v1beta/models/m:predict", [], 404, "NOT_FOUND"),
    ("POST", "/v1beta/files", [], 404, "NOT_FOUND"),
])  # fmt: skip
def test_what_is_refused_at_the_door_is_told_so_too(
    gateway: Inside, method: str, path: str, headers: list[str], status: int, state: str
) -> None:
    raw = gateway.raw(post(HI, *headers, path=path) if method == "POST" else head(method, path, *headers))
    found = json.loads(raw.partition(b"\r\n\r\n")[2])["error"]
    assert (found["code"], found["status"]) == (status, state)


KEY = "secret-of-a-caller-9f3a"


def files(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_key_in_the_query_is_read_and_seen_by_nobody(start: Start, serve: Serve, tmp_path: Path) -> None:
    """Neither the log, files, what the provider gets, metrics nor errors have it, whatever becomes of its request."""
    server = serve()
    home = tmp_path / "home"
    home.mkdir()
    environ = {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "XDG_DATA_HOME": str(home / "data")}
    environ |= {"INFERENCE_PROVIDERS_TOKEN": KEY, "INFERENCE_PROVIDERS_LOG": "text"}
    gateway = start(server.url, environ=environ)
    gateway.token = KEY
    asks = [
        ("POST", f"/v1beta/models/gpt-4o-mini:generateContent?key={KEY}", 200, {}),
        ("POST", f"/v1beta/models/gpt-4o-mini:streamGenerateContent?alt=sse&key={KEY}", 200, {}),
        ("POST", f"/v1beta/models/gpt-4o-mini:countTokens?%6bey={KEY}&x=1", 200, {}),
        ("GET", f"/v1beta/models?key={KEY}", 200, {}),
        ("POST", f"/v1beta/models/none:generateContent?key={KEY}", 404, {}),
        ("POST", f"/v1beta/models/gpt-4o-mini:generateContent%3Fkey={KEY}?key={KEY}", 404, {}),
        ("POST", f"/v1beta/unknown?key={KEY}", 404, {}),
        ("POST", f"/v1beta/models/gpt-4o-mini:generateContent?key={KEY}x", 401, {}),
        ("POST", f"/v1beta/models/gpt-4o-mini:generateContent?key={KEY}", 421, {"Host": "example.com"}),
        ("POST", f"/v1/chat/completions?key={KEY}", 401, {}),
        ("POST", f"/v1/chat/completions?key={KEY}", 200, {"Authorization": f"Bearer {KEY}"}),
    ]
    chat = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
    for method, path, wanted, headers in asks:
        body = None if method == "GET" else chat if "/chat/" in path else HI
        status, said, content = gateway.ask(method, path, body, {"Authorization": "", **headers})
        assert status == wanted, (path, content)
        assert KEY.encode() not in content + json.dumps(said).encode(), path
    metrics = gateway.ask("GET", "/metrics")[2]
    gateway.process.send_signal(signal.SIGTERM)
    log = gateway.process.stderr.read().encode()  # type: ignore[union-attr]
    assert gateway.stop() == 0
    assert len(server.requests) == 3
    heard = b"".join(request.raw + json.dumps(request.headers).encode() for request in server.requests)
    kept = list(files(home))
    assert any(b"gpt-4o-mini" in content for content in kept), "the log of calls is there"
    for content in (metrics, heard, log, *kept):
        assert KEY.encode() not in content
    assert not re.search(rb"[?&]key=", heard)

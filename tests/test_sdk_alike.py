"""A client of ours next to the SDK's own, over one server: what a program can tell apart, and what it cannot."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from inference_providers import AsyncProviderList, Policy
from tests.conftest import async_list_of, list_of
from tests.frameworks.capable import capable
from tests.servers import Connection, Received, Server, completion, delta

Serve = Callable[..., Server]
Call = Callable[[Any], Any]
MESSAGES: Any = [{"role": "user", "content": "hi"}]
WAV = ("a.wav", b"sound", "audio/wav")
ERROR = {"message": "no", "type": "a_type", "code": "a_code", "param": "a_param"}
TOLD = {"x-request-id": "req_1", "retry-after": "1", "x-ratelimit-remaining-requests": "3"}
KINDS = ("routed", "one")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the SDK: what OpenAI retires, and what it dumps itself


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def thing(number: int) -> dict[str, Any]:
    """Something that is kept at a provider."""
    return {"id": f"thing-{number}", "object": "thing", "created_at": 1, "status": "completed"}


def everything(connection: Connection, request: Received) -> None:
    """Behave as a provider that has all of OpenAI's paths. A call's `user` says what is to go wrong with it."""
    path, _, query = request.path.removeprefix("/v1").partition("?")
    is_json = request.headers.get("content-type", "").startswith("application/json") and request.body
    wrong = request.json.get("user", "") if is_json else ""
    if wrong:
        misbehave(connection, wrong)
    elif path == "/audio/speech" or path.endswith("/content"):
        connection.reply(200, b"\x00sound" * 20, {"content-type": "audio/mpeg"})
    elif path == "/audio/transcriptions":
        connection.reply(200, {"text": f"{len(request.body) > 5}"})
    elif path.startswith("/images"):
        connection.reply(200, {"created": 1, "data": [{"b64_json": "aGk="}]})
    elif path == "/moderations":
        connection.reply(200, {"id": "m", "model": "m-internal", "results": []})
    elif request.method == "DELETE":
        connection.reply(200, {"id": path.rpartition("/")[2], "object": "thing.deleted", "deleted": True})
    elif request.method == "POST" and path in ("/chat/completions", "/embeddings", "/responses"):
        capable(connection, request)
    elif request.method == "GET" and path.count("/") < 3 and "thing-" not in path and path != "/models":
        numbers = (3,) if "after=thing-2" in query else (1, 2)
        page = {"object": "list", "data": [thing(number) for number in numbers], "has_more": numbers != (3,)}
        connection.reply(200, page)
    else:
        connection.reply(200, thing(9))


def misbehave(connection: Connection, how: str) -> None:
    """Fail in one of the ways that servers have."""
    if how.isdigit():
        connection.reply(int(how), {"error": ERROR}, TOLD)
    elif how == "words":
        connection.reply(400, "no such thing", TOLD)
    elif how == "flat":
        connection.reply(400, ERROR)
    elif how == "closes":
        connection.close()
    elif how == "hangs":
        connection.hold()
    elif how == "unknown":
        connection.reply(
            200, {**completion("hi"), "weird": {"a": 1}, "service_tier": "default"}, {"x-own": "z", **TOLD}
        )
    else:
        connection.start_stream()
        connection.event(delta("he"))
        if how == "cut":
            connection.close()
        else:
            connection.event({"error": ERROR})
            connection.end_stream()


def chat(**options: Any) -> Call:
    """A call that asks."""
    return lambda client: client.chat.completions.create(model="m", messages=MESSAGES, **options)


CALLS: dict[str, Call] = {
    **{f"status {status}": chat(user=str(status)) for status in (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529)},
    **{f"{how} streamed": chat(user=how, stream=True) for how in ("cut", "event", "429")},
    **{how: chat(user=how) for how in ("words", "flat", "closes", "unknown")},
    "chat": chat(),
    "stream": chat(stream=True, stream_options={"include_usage": True}),
    "slow": chat(user="hangs", timeout=0.3),
    "slow by its copy": lambda client: chat(user="hangs")(client.with_options(timeout=0.3)),
    "no time at all": chat(user="hangs", timeout=1e-9),
    "query": chat(extra_query={"a": "b c"}),
    "headers": chat(extra_headers={"x-own": "1", "openai-beta": "b", "idempotency-key": "k"}),
    "headers of a copy": lambda client: chat()(client.with_options(default_headers={"x-own": "1"})),
    "headers of copies": lambda client: chat()(
        client.copy(default_headers={"x-own": "1"}).with_options(default_headers={"x-two": "2"}).copy(timeout=5)
    ),
    "headers set anew": lambda client: chat()(
        client.copy(default_headers={"x-own": "1"}).copy(set_default_headers={"x-two": "2"})
    ),
    "query of a copy": lambda client: chat()(client.copy(default_query={"version": "3"})),
    "raw": lambda client: client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES),
    "raw stream": lambda client: client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES, stream=True),
    "raw unknown": lambda client: client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES, user="unknown"),
    "raw refusal": lambda client: client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES, user="422"),
    "raw speech": lambda client: client.audio.speech.with_raw_response.create(model="m", voice="a", input="x"),
    "parse": lambda client: client.chat.completions.parse(model="m", messages=MESSAGES, response_format=Person),
    "tools": chat(tools=[openai.pydantic_function_tool(Person)]),
    "posted": lambda client: client.post("/chat/completions", body={"model": "m", "messages": MESSAGES}, cast_to=object),
    "embeddings": lambda client: client.embeddings.create(model="m", input=["a", "bc"]),
    "moderations": lambda client: client.moderations.create(input="x"),
    "images": lambda client: client.images.generate(model="m", prompt="x", n=2),
    "an edit": lambda client: client.images.edit(model="m", image=[("a.png", b"1"), ("b.png", b"2")], prompt="x"),
    "speech": lambda client: client.audio.speech.create(model="m", voice="a", input="x"),
    "transcription": lambda client: client.audio.transcriptions.create(model="m", file=WAV, language="en"),
    "response": lambda client: client.responses.create(model="m", input="x"),
    "streamed response": lambda client: client.responses.create(model="m", input="x", stream=True),
    "parsed response": lambda client: client.responses.parse(model="m", input="x", text_format=Person),
    "response again": lambda client: client.responses.retrieve("resp_thing-9"),
    "cancelled response": lambda client: client.responses.cancel("resp_thing-9"),
    "file": lambda client: client.files.create(file=("a.jsonl", b"{}"), purpose="batch"),
    "files": lambda client: client.files.list(),
    "a file's content": lambda client: client.files.content("thing-9"),
    "file deleted": lambda client: client.files.delete("thing-9"),
    "batch": lambda client: client.batches.create(
        input_file_id="thing-8", endpoint="/v1/chat/completions", completion_window="24h"
    ),
    "batches": lambda client: client.batches.list(),
    "vector store": lambda client: client.vector_stores.create(name="n"),
    "vector stores": lambda client: client.vector_stores.list(limit=2),
    "assistant": lambda client: client.beta.assistants.create(model="m"),
    "thread": lambda client: client.beta.threads.create(),
    "stored chats": lambda client: client.chat.completions.list(),
    "stored chats of a model": lambda client: client.chat.completions.list(limit=2),
    "stored chat": lambda client: client.chat.completions.retrieve("thing-9"),
    "stored chat noted": lambda client: client.chat.completions.update("thing-9", metadata={"a": "b"}),
    "stored chat deleted": lambda client: client.chat.completions.delete("thing-9"),
}  # fmt: skip
REPEATED = ("x-own", "x-two", "openai-beta", "idempotency-key", "content-type")  # headers of requests
HEADERS = ("content-type", "content-length", "retry-after", "x-request-id", "x-ratelimit-remaining-requests")


def told(error: Exception) -> dict[str, Any]:
    """All that a program can read of an error but its words."""
    read = {name: getattr(error, name, None) for name in ("status_code", "code", "param", "type", "body", "request_id")}
    response = getattr(error, "response", None)
    if response is not None:
        read |= {name: response.headers.get(name) for name in HEADERS} | {"text": response.text}
        read["seconds"] = response.elapsed.total_seconds() >= 0
    # Before 3 the SDK lets what its HTTP library raises in a stream through.
    kind = type(error) if isinstance(error, openai.OpenAIError) else openai.APIConnectionError
    request: Any = getattr(error, "request")  # noqa: B009  (the types of exceptions know of none)
    return {"kind": kind, "at": request.url.path, **read}


async def settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def seen(value: Any) -> Any:
    """What a program gets of a call's result, in plain values."""
    value = value if hasattr(value, "__aiter__") else await settled(value)
    if hasattr(value, "__aiter__") and not hasattr(value, "read"):
        return [plain(event) async for event in value]
    if isinstance(value, openai.Stream) or hasattr(value, "has_next_page"):
        return [plain(event) for event in value]
    if hasattr(value, "retries_taken"):
        about = [value.status_code, value.request_id, value.http_version, value.retries_taken, value.url.path]
        about += [value.headers.get(name) for name in HEADERS if name != "content-length"]  # the model's name is in it
        about.append("content-length" in value.headers)
        parsed = await seen(value.parse())
        return [*about, parsed, value.elapsed.total_seconds() > 0]
    if hasattr(value, "read"):
        return [value.response.headers.get(name) for name in HEADERS] + [await settled(value.read())]
    return plain(value)


def plain(value: Any) -> Any:
    if not isinstance(value, BaseModel):
        return value
    dumped: dict[str, Any] = json.loads(json.dumps(value.to_dict(), default=repr))  # type: ignore[attr-defined]
    return type(value).__name__, getattr(value, "_request_id", None), dumped


def numberless(value: Any) -> str:
    """Without the name under which the model goes, and without what `capable` counts."""
    return re.sub(r"(?<=resp_|call_)\d+|(?<=msg_)\d+|(?<=fc_)\d+", "", repr(value).replace("m-internal", "m"))


def sent(request: Received) -> Any:
    """What a server reads of a request, whoever sent it."""
    headers = {name: request.headers.get(name) for name in REPEATED if request.body}
    kind, _, boundary = (headers.get("content-type") or "").partition("; boundary=")
    headers["content-type"] = kind
    if boundary:
        return (
            request.method,
            request.path,
            headers,
            request.body.replace(boundary.encode(), b"").replace(b"m-internal", b"m"),
        )
    return request.method, request.path, headers, json.loads(request.body or b"null")


async def made(kind: str, server: Server, *, is_async: bool) -> Any:
    options: dict[str, Any] = {"policy": Policy(tries=1)}
    if kind == "bare":
        make: Any = openai.AsyncOpenAI if is_async else openai.OpenAI
        return make(base_url=server.url, api_key="bare", max_retries=0, timeout=30)
    if not is_async:
        providers = list_of(server.url, **options)
        return providers.client() if kind == "routed" else providers.connect_to_model("p1/m").client
    async_providers: AsyncProviderList = async_list_of(server.url, **options)
    return async_providers.client() if kind == "routed" else (await async_providers.connect_to_model("p1/m"))[0]


async def outcome(serve: Serve, kind: str, call: Call, *, is_async: bool) -> tuple[str, str]:
    """What comes of a call with one kind of client, and what its server was asked."""
    server = serve(everything)
    client = await made(kind, server, is_async=is_async)
    try:
        result: Any = await seen(call(client))
    except Exception as error:  # which one it is, is the question
        if not hasattr(error, "request"):
            raise
        result = told(error)
    await settled(client.close())
    return numberless(result), numberless([sent(request) for request in server.asked])


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_a_program_cannot_tell_a_client_of_ours_from_the_sdks_own(serve: Serve, name: str, is_async: bool) -> None:
    bare = asyncio.run(outcome(serve, "bare", CALLS[name], is_async=is_async))
    for kind in KINDS:
        ours = asyncio.run(outcome(serve, kind, CALLS[name], is_async=is_async))
        assert ours == (bare if name != "no time at all" else (bare[0], "[]"))

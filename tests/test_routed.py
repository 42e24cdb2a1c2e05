"""Routed SDK clients: every method of the SDK falls back, says who answered, and fails as the SDK fails."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    ContentFilteredError,
    NoCredentialsError,
    ProviderList,
    TruncatedStreamError,
    UnknownModelError,
)
from tests.conftest import async_list_of, keys, list_of
from tests.fault_server import ROWS
from tests.servers import PATIENCE, Connection, Received, Server, answer, completion, delta, status

Serve = Callable[..., Server]
MESSAGES: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
def routed(serve: Serve) -> Callable[..., tuple[openai.OpenAI, list[Server]]]:
    """A routed client over servers with the given behaviours."""

    def make(*behaviours: Any, **options: Any) -> tuple[openai.OpenAI, list[Server]]:
        servers = [serve(behaviour) for behaviour in behaviours]
        return list_of(*(server.url for server in servers), **options).client(), servers

    return make


def test_it_is_a_real_client_that_falls_back(routed: Any) -> None:
    client, (broken, good) = routed(status(404, {"detail": "gone"}), answer)
    assert type(client) is openai.OpenAI
    reply = client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
    assert reply.parse().choices[0].message.content == "hello"
    assert reply.headers["x-inference-provider"] == "p2"
    assert reply.headers["x-inference-model"] == "m-internal"
    assert reply.headers["x-inference-attempts"] == "2"
    assert reply.headers["x-inference-tried"] == "p1/m-internal=404, p2/m-internal=200"
    assert reply.parse().model == "m-internal"
    client.close()


def test_each_provider_gets_its_own_name_and_its_own_key(routed: Any) -> None:
    client, (broken, good) = routed(status(404), answer)
    client.chat.completions.create(model="M", messages=MESSAGES, temperature=0.5)
    for server, key in zip((broken, good), keys(2).values(), strict=True):
        (request,) = server.asked
        assert request.key == key
        assert request.json == {"model": "m-internal", "messages": MESSAGES, "temperature": 0.5}
    client.close()


def test_the_exact_headers_that_a_provider_sees(routed: Any) -> None:
    client, (server,) = routed(answer)
    client.chat.completions.create(model="m", messages=MESSAGES, extra_headers={"X-Title": "mine"})
    headers = server.asked[0].headers
    assert headers.pop("content-length").isdigit()
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "authorization": f"Bearer {keys(1)['P1_API_KEY']}",
        "user-agent": "inference_providers",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "x-title": "mine",
    }
    client.close()


def test_own_calls_send_the_same_headers_sync_and_async(serve: Serve) -> None:
    server = serve()
    list_of(server.url).ask_ai("hi")
    asyncio.run(async_list_of(server.url).ask_ai("hi"))
    seen = [
        {name: value for name, value in request.headers.items() if name != "content-length"} for request in server.asked
    ]
    assert seen[0] == seen[1]
    assert set(seen[0]) == {"host", "authorization", "user-agent", "accept", "accept-encoding", "content-type"}


def test_the_async_client_routes_as_well(serve: Serve) -> None:
    broken, good = serve(status(404)), serve()

    async def main() -> None:
        for made in (list_of(broken.url, good.url).async_client(), async_list_of(broken.url, good.url).client()):
            assert type(made) is openai.AsyncOpenAI
            async with made as client:
                reply = await client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
                assert reply.headers["x-inference-provider"] == "p2"
                chunks = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
                assert "".join([chunk.choices[0].delta.content or "" async for chunk in chunks]) == "hello"

    asyncio.run(main())


def test_models_may_be_a_list_auto_or_a_default(routed: Any) -> None:
    client, (server,) = routed(answer, more={"second": "second-internal"}, priority=["second", "m"])

    def named(**options: Any) -> str:
        client.chat.completions.create(messages=MESSAGES, **options)
        return str(server.asked[-1].json["model"])

    assert named(model="auto") == "second-internal"
    assert named(model="p1/m") == "m-internal"
    assert named(model="m", extra_body={"models": ["no-such-model-at-all", "second"]}) == "second-internal"
    assert "models" not in server.asked[-1].json
    assert [model.id for model in client.with_options().models.list()] == ["second", "m"]
    client.close()


def test_default_models_are_those_of_the_client(serve: Serve) -> None:
    server = serve()
    client = list_of(server.url, more={"second": "second-internal"}).client("second")
    client.chat.completions.create(model="default", messages=MESSAGES)
    assert server.asked[0].json["model"] == "second-internal"
    client.close()


class Person(BaseModel):
    name: str


def test_tools_and_structured_output_pass_through(routed: Any) -> None:
    def capable(connection: Connection, request: Received) -> None:
        if request.json.get("tools"):
            call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
            connection.reply(
                200,
                {
                    **completion(),
                    "choices": [
                        {
                            "index": 0,
                            "finish_reason": "tool_calls",
                            "message": {"role": "assistant", "content": None, "tool_calls": [call]},
                        }
                    ],
                },
            )
        else:
            connection.reply(200, completion('{"name": "Ada"}'))

    client, (broken, good) = routed(status(500, ""), capable)
    tools: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}]
    reply = client.chat.completions.create(model="m", messages=MESSAGES, tools=tools)
    assert reply.choices[0].message.tool_calls[0].function.name == "add"
    parsed = (
        client.chat.completions.parse(model="m", messages=MESSAGES, response_format=Person).choices[0].message.parsed
    )
    assert parsed == Person(name="Ada")
    assert good.asked[1].json["response_format"]["type"] == "json_schema"
    client.close()


def test_embeddings_responses_and_audio_pass_through(routed: Any) -> None:
    def many(connection: Connection, request: Received) -> None:
        if request.path == "/v1/embeddings":
            connection.reply(
                200,
                {
                    "object": "list",
                    "model": "m-internal",
                    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0]}],
                    "usage": {"prompt_tokens": 1, "total_tokens": 1},
                },
            )
        elif request.path == "/v1/responses":
            item = {
                "type": "message",
                "id": "i",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "yes", "annotations": []}],
            }
            connection.reply(
                200,
                {
                    "id": "r",
                    "object": "response",
                    "created_at": 1,
                    "model": "m-internal",
                    "output": [item],
                    "parallel_tool_calls": True,
                    "tool_choice": "auto",
                    "tools": [],
                },
            )
        elif request.path == "/v1/audio/transcriptions":
            assert b'name="model"\r\n\r\nm-internal\r\n' in request.body
            assert b"RIFF-some-sound" in request.body
            connection.reply(200, {"text": "spoken"})
        else:
            connection.reply(200, b"\x00\x01sound", {"content-type": "audio/mpeg"})

    client, (broken, good) = routed(status(503, "down"), many)
    assert client.embeddings.create(model="m", input="x", encoding_format="float").data[0].embedding == [0.5, 1.0]
    assert client.responses.create(model="m", input="x").output_text == "yes"
    assert client.audio.transcriptions.create(model="m", file=("a.wav", b"RIFF-some-sound")).text == "spoken"
    assert client.audio.speech.create(model="m", voice="alloy", input="x").content == b"\x00\x01sound"
    client.close()


def test_streams_fall_back_until_the_first_content_and_never_after(routed: Any) -> None:
    def broken_stream(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("half"))
        connection.event({"error": {"message": "it broke"}})
        connection.end_stream()

    def empty_stream(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event("[DONE]")
        connection.end_stream()

    client, servers = routed(empty_stream, answer)
    chunks = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello"
    client.close()
    client, (first, second) = routed(broken_stream, answer)
    pieces = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
            pieces.append(chunk.choices[0].delta.content)
    assert pieces in ([], ["half"])
    cause = caught.value.__cause__
    assert isinstance(cause, TruncatedStreamError)
    assert cause.partial == "half"
    assert second.asked == []
    client.close()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, openai.BadRequestError),
        (422, openai.UnprocessableEntityError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
def test_what_fails_in_the_end_is_the_sdks_own_exception(
    routed: Any, code: int, kind: type[openai.APIStatusError]
) -> None:
    key = keys(1)["P1_API_KEY"]
    client, servers = routed(status(code, {"error": {"message": f"no, not with {key}", "code": "why"}}))
    with pytest.raises(kind) as caught:
        client.chat.completions.create(model="m", messages=MESSAGES)
    error = caught.value
    assert error.status_code == code
    assert error.body == {"message": "no, not with [key]", "code": "why"}
    assert "no, not with [key]" in str(error)
    assert error.__cause__ is not None
    if code not in (400, 422):
        assert isinstance(error.__cause__, AllProvidersFailedError)
        assert {attempt.status for attempt in error.__cause__.attempts} == {code}
    assert key not in repr(vars(error)) + str(error.__cause__) + error.response.text + repr(error.request.headers)
    client.close()


def test_names_and_keys_that_are_missing_are_sdk_errors_too(routed: Any) -> None:
    client, servers = routed(answer, environ={"P1_API_KEY": "changeme"})
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="no-such-model-at-all", messages=MESSAGES)
    assert isinstance(unknown.value.__cause__, UnknownModelError)
    with pytest.raises(openai.AuthenticationError) as keyless:
        client.chat.completions.create(model="m", messages=MESSAGES)
    assert isinstance(keyless.value.__cause__, NoCredentialsError)
    client.close()


def test_timeouts_and_dead_hosts_are_the_sdks_errors() -> None:
    client = list_of("http://127.0.0.1:9/v1").client()
    with pytest.raises(openai.APIConnectionError, match="connection refused"):
        client.chat.completions.create(model="m", messages=MESSAGES)
    client.close()


def test_a_calls_own_timeout_is_its_deadline(routed: Any) -> None:
    client, (server,) = routed(lambda c, r: c.hold())
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=1.0).chat.completions.create(model="m", messages=MESSAGES)
    assert server.left()
    client.close()


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in ROWS
        if "call" in row.kinds
        and row.outcome in ("NEXT", "RETRY", "DEAD")
        and row.number not in ("42", "43", "50", "51", "51b")
        and not row.proxied
    ],
    ids=lambda row: row.number,
)
def test_every_fault_falls_back_beneath_the_sdk(routed: Any, row: Any) -> None:
    client, (faulty, good) = routed(row.behave, answer, timeout=5.0)
    assert client.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content == "hello"
    client.close()


def test_a_refused_key_is_remembered_for_all_clients_of_a_list(serve: Serve) -> None:
    refusing, good = serve(status(401, {"error": "bad key"})), serve()
    made = list_of(refusing.url, good.url)
    one, two = made.client(), made.client()
    for client in (one, two):
        client.chat.completions.create(model="m", messages=MESSAGES)
        client.close()
    made.ask_ai("hi")
    asyncio.run(made.async_client().chat.completions.create(model="m", messages=MESSAGES))
    assert len(refusing.asked) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_hedge_answers_when_the_first_is_slow(serve: Serve, kind: str) -> None:
    answered = threading.Event()

    def slow(connection: Connection, request: Received) -> None:
        answered.wait(PATIENCE)
        answer(connection, request, "slow")

    first, second = serve(answer), serve(lambda c, r: answer(c, r, "second"))
    made: Any = (
        list_of(first.url, second.url, kind=AsyncProviderList, hedge_after=0.1)
        if kind == "async"
        else list_of(first.url, second.url, hedge_after=0.1)
    )

    def ask() -> str:
        return str(asyncio.run(made.ask_ai("hi")) if kind == "async" else made.ask_ai("hi"))

    for _ in range(19):
        assert ask() == "hello"
    first.behaviour = slow
    assert ask() == "second"
    assert not answered.is_set()
    answered.set()
    assert len(second.asked) == 1
    assert ask() == "slow"  # one in twenty is spent


def test_no_hedge_without_being_asked_for(serve: Serve) -> None:
    first, second = serve(lambda c, r: (time.sleep(0.3), answer(c, r))[1]), serve()
    made = list_of(first.url, second.url)
    made.ask_ai("hi")
    assert second.asked == []


def test_the_95th_percentile_needs_some_calls_first() -> None:
    from inference_providers.routing.health import Health
    from inference_providers.routing.policy import Policy

    health = Health(Policy(), time.monotonic)
    (offer,) = list_of("http://127.0.0.1:9/v1").find_model_providers("m")
    for number in range(100):
        assert (health.hedge_after("p95") is None) is (number < 20)
        health.call()
        health.succeeded(offer, number / 100)
    assert health.hedge_after("p95") == 0.95


def test_one_client_serves_many_threads(routed: Any) -> None:
    client, (server,) = routed(answer)
    wrong: list[Exception] = []

    def work() -> None:
        try:
            for _ in range(10):
                assert (
                    client.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content == "hello"
                )
        except Exception as error:  # noqa: BLE001  (whatever it is, the test shows it)
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(server.asked) == 320
    client.close()


def test_event_loops_may_come_and_go(serve: Serve) -> None:
    server = serve()
    made = async_list_of(server.url)
    for _ in range(3):
        assert asyncio.run(made.ask_ai("hi")) == "hello"
    client = list_of(server.url).async_client()
    for _ in range(3):
        assert (
            asyncio.run(client.chat.completions.create(model="m", messages=MESSAGES)).choices[0].message.content
            == "hello"
        )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_connections_of_its_own(serve: Serve) -> None:
    import subprocess
    import sys

    server = serve()
    script = f"""
import os
from tests.conftest import list_of, async_list_of
import asyncio
made, other = list_of({server.url!r}), async_list_of({server.url!r})
client = made.client()
ask = lambda: client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "hi"}}]).choices[0].message.content
assert made.ask_ai("hi") == ask() == asyncio.run(other.ask_ai("hi")) == "hello"
pid = os.fork()
assert made.ask_ai("hi") == ask() == asyncio.run(other.ask_ai("hi")) == "hello"
if pid == 0:
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("kind", ["ask_ai", "routed", "async"])
def test_calls_leave_no_connections_behind(serve: Serve, kind: str) -> None:
    """The full measurement is in benchmarks; here a thousand calls reuse a handful of connections."""
    server = serve()
    if kind == "async":
        made = async_list_of(server.url)

        async def many() -> None:
            for _ in range(20):
                await asyncio.gather(*(made.ask_ai("hi") for _ in range(20)))

        asyncio.run(many())
        assert server.connections <= 40
    else:
        made = list_of(server.url)
        client = made.client()
        for _ in range(400):
            if kind == "ask_ai":
                made.ask_ai("hi")
            else:
                client.chat.completions.create(model="m", messages=MESSAGES)
        client.close()
        assert server.connections <= 2


def test_replies_are_whole_whatever_their_size(routed: Any) -> None:
    text = "x" * 3_000_000
    client, (server,) = routed(lambda c, r: answer(c, r, text))
    assert client.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content == text
    chunks = client.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
    assert json.loads(server.asked[1].body)["stream"] is True
    client.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_hedge_hides_no_verdict_and_keeps_to_the_limits(serve: Serve, kind: str) -> None:
    def refusing(connection: Connection, request: Received) -> None:
        time.sleep(0.3)
        connection.reply(401, {"error": "bad key"})

    def stopping(connection: Connection, request: Received) -> None:
        time.sleep(0.3)
        connection.reply(400, {"error": {"message": "filtered", "code": "content_filter"}})

    def make(*behaviours: Any) -> tuple[Any, list[Server]]:
        servers = [serve(behaviour) for behaviour in behaviours]
        made: Any = list_of(
            *(s.url for s in servers), kind=AsyncProviderList if kind == "async" else ProviderList, hedge_after=0.1
        )
        made.pipeline.health._calls = 1000
        return made, servers

    def ask(made: Any) -> str:
        return str(asyncio.run(made.ask_ai("hi")) if kind == "async" else made.ask_ai("hi"))

    made, (first, second, third) = make(refusing, lambda c, r: (time.sleep(0.6), answer(c, r))[1], answer)
    assert ask(made) == "hello"
    made, (first, second, third) = make(stopping, status(500, ""), answer)
    with pytest.raises(ContentFilteredError):
        ask(made)
    assert third.asked == []
    made, servers = make(*[lambda c, r: (time.sleep(0.2), c.reply(500, ""))[1]] * 3)
    with pytest.raises(AllProvidersFailedError):
        ask(made)
    assert sum(len(server.asked) for server in servers) <= 6
    assert all(len(server.asked) <= 3 for server in servers)


def test_what_goes_wrong_in_a_hedged_call_is_raised_and_nobody_hangs(serve: Serve) -> None:
    made = list_of(serve().url, serve().url, hedge_after=0.1)
    made.pipeline.health._calls = 1000
    with pytest.raises(TypeError):
        made.ask_ai([{"role": "user", "content": object()}])


def test_streams_of_the_responses_api_are_judged_as_well(routed: Any) -> None:
    def broken(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event({"type": "response.output_text.delta", "delta": "par"})
        connection.close()

    def refusing(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event({"type": "error", "message": "not now"})
        connection.end_stream()

    def good(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event({"type": "response.output_text.delta", "delta": "yes"})
        connection.event({"type": "response.completed", "response": {"status": "completed", "output": []}})
        connection.end_stream()

    client, _ = routed(broken, good)
    with pytest.raises(openai.APIError):
        list(client.responses.create(model="m", input="x", stream=True))
    client.close()
    for first in (refusing, status(200, {"error": {"message": "not now"}})):
        client, _ = routed(first, good)
        event, _ = client.responses.create(model="m", input="x", stream=True)
        assert event.delta == "yes"
        client.close()


def test_a_captive_portal_is_no_embedding(routed: Any) -> None:
    def portal(connection: Connection, request: Received) -> None:
        connection.reply(200, "<html>Log in</html>", {"content-type": "text/html"})

    def good(connection: Connection, request: Received) -> None:
        connection.reply(
            201,
            {
                "object": "list",
                "model": "m",
                "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}],
                "usage": {"prompt_tokens": 1, "total_tokens": 1},
            },
        )

    client, _ = routed(portal, good)
    assert client.embeddings.create(model="m", input="x", encoding_format="float").data[0].embedding == [1.0]
    client.close()


def test_cancelled_tasks_leave_no_connection(serve: Serve) -> None:
    def stalling(connection: Connection, request: Received) -> None:
        connection.send(b"HTTP/1.1 500 Oh\r\ncontent-length: 1000\r\n\r\nabc")
        time.sleep(2)

    made = async_list_of(serve(stalling).url)

    async def main() -> int:
        for _ in range(3):
            task = asyncio.ensure_future(made.ask_ai("hi"))
            await asyncio.sleep(0.15)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        pools = made.pipeline.async_sender._kept[asyncio.get_running_loop()]._pools.values()
        return sum(len(pool.lines) for pool in pools)

    assert asyncio.run(main()) == 0


def test_connections_of_closed_event_loops_are_dropped(serve: Serve) -> None:
    made = async_list_of(serve().url)
    for _ in range(5):
        asyncio.run(made.ask_ai("hi"))
    assert len(made.pipeline.async_sender._kept) <= 1


def test_a_proxy_that_wants_a_password_gets_it(serve: Serve) -> None:
    proxy = serve()
    environ = {"http_proxy": f"http://user:p%40ss@127.0.0.1:{proxy.port}"}
    made: Any = list_of("http://models.example/v1", environ=environ)
    assert made.ask_ai("hi") == "hello"
    assert asyncio.run(async_list_of("http://models.example/v1", environ=environ).ask_ai("hi")) == "hello"
    assert {request.headers["proxy-authorization"] for request in proxy.asked} == {"Basic dXNlcjpwQHNz"}
    assert proxy.asked[0].path == "http://models.example/v1/chat/completions"

"""Ollama's API through the gateway, asked by Ollama's own client."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import ollama
import pytest

from inference_providers.gateway.callers import Caller
from tests.conftest import registry_of
from tests.gateway.in_process import asked
from tests.gateway.inside import PATIENCE, TOKEN, Inside
from tests.servers import Connection, Received, Server, completion, delta

Within = Callable[..., Inside]
Serve = Callable[..., Server]
TALK: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)


def client(gateway: Inside) -> ollama.Client:
    said = {"Authorization": f"Bearer {TOKEN}"}
    return ollama.Client(f"http://127.0.0.1:{gateway.port}", headers=said, timeout=PATIENCE)


def streaming(*events: Any) -> Callable[[Connection, Received], None]:
    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        for event in events:
            connection.event(event)
        connection.event("[DONE]")
        connection.end_stream()

    return behave


def test_a_conversation_is_answered_by_whoever_serves_the_model(within: Within, serve: Serve) -> None:
    message = {"role": "assistant", "content": "Hello.", "reasoning_content": "hm"}
    server = serve(lambda connection, request: connection.reply(200, completion(message=message)))
    gateway = within(server.url)
    pictured = [{"role": "user", "content": "What is it?", "images": [PNG]}]
    with client(gateway) as ask:
        found = ask.chat("m:latest", pictured, think="low", options={"num_predict": 9, "num_ctx": 4096})
    assert (found.message.content, found.message.thinking, found.done_reason) == ("Hello.", "hm", "stop")
    assert (found.model, found.prompt_eval_count, found.eval_count) == ("m:latest", 3, 1)
    assert found.total_duration is not None
    assert found.total_duration > 0
    sent = server.requests[0].json
    assert (sent["model"], sent["max_tokens"], sent["reasoning_effort"]) == ("m-internal", 9, "low")
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert sent["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": url}}
    body = {"model": "m", "messages": TALK, "stream": False, "options": {"num_ctx": 1}}
    status, headers, _ = gateway.ask("POST", "/api/chat", body)
    assert (status, headers["x-inference-lost"], headers["x-inference-provider"]) == (200, "options.num_ctx", "p1")


def test_a_stream_comes_in_lines(within: Within, serve: Serve) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    gateway = within(serve(streaming(delta("Hel"), delta("lo.", "stop"), usage)).url)
    with client(gateway) as ask:
        parts = list(ask.chat("m", TALK, stream=True))
        assert [part.message.content for part in parts] == ["Hel", "lo.", ""]
        assert (parts[-1].done, parts[-1].done_reason, parts[-1].eval_count) == (True, "stop", 2)
        words = list(ask.generate("m", "Hi", stream=True))
        assert "".join(part.response or "" for part in words) == "Hello."
    _, headers, content = gateway.ask("POST", "/api/chat", {"model": "m", "messages": TALK})
    assert headers["content-type"] == "application/x-ndjson", "it streams unless it is told not to"
    assert [json.loads(line)["done"] for line in content.splitlines()] == [False, False, True]


def test_tools_are_called_and_their_results_said_again(within: Within, serve: Serve) -> None:
    calls = [
        {"index": number, "id": f"c{number}", "function": {"name": name, "arguments": '{"city": "Rome"}'}}
        for number, name in enumerate(("weather", "time"))
    ]
    server = serve(streaming({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]}, delta(None, "tool_calls")))

    def weather(city: str) -> str:
        """The weather.

        Args:
            city: where
        """
        return city

    with client(within(server.url)) as ask:
        parts = list(ask.chat("m", TALK, tools=[weather], stream=True))
        called = [call for part in parts for call in part.message.tool_calls or ()]
        assert [(call.function.name, call.function.arguments) for call in called] == [
            ("weather", {"city": "Rome"}),
            ("time", {"city": "Rome"}),
        ]
        turn = next(part.message for part in parts if part.message.tool_calls)
        results = [{"role": "tool", "tool_name": name, "content": name} for name in ("time", "weather")]
        list(ask.chat("m", [*TALK, turn, *results], tools=[weather], stream=True))
    first, second = (request.json for request in server.requests)
    assert first["tools"][0]["function"]["parameters"]["properties"]["city"]["description"] == "where"
    names = {call["id"]: call["function"]["name"] for call in second["messages"][1]["tool_calls"]}
    assert [names[turn["tool_call_id"]] for turn in second["messages"][2:]] == ["time", "weather"]


def test_what_fails_is_told_in_its_own_form(within: Within, serve: Serve) -> None:
    def refuses(connection: Connection, request: Received) -> None:
        connection.reply(429, {"error": {"message": "slow down"}}, {"retry-after": "600"})

    gateway = within(serve(refuses).url)
    with client(gateway) as ask:
        with pytest.raises(ollama.ResponseError, match="slow down") as refused:
            ask.chat("m", TALK)
        assert refused.value.status_code == 429
        with pytest.raises(ollama.ResponseError, match="suffix") as refused:
            ask.generate("m", "def f():", suffix="return x")
        assert refused.value.status_code == 400
        with pytest.raises(ollama.ResponseError, match="nobody-has-this") as refused:
            ask.generate("nobody-has-this")
        assert refused.value.status_code == 404
        for keeps in (ask.pull, ask.push, ask.create):
            with pytest.raises(ollama.ResponseError, match="keeps no models") as refused:
                keeps("m")
            assert refused.value.status_code == 501
        with pytest.raises(ollama.ResponseError):
            ask.delete("m")
    assert json.loads(gateway.ask("DELETE", "/api/delete")[2])["error"].startswith("This gateway keeps no models")
    status, _, content = gateway.ask("POST", "/api/chat", {"model": "m"}, {"Authorization": "Bearer wrong"})
    assert status == 401
    assert isinstance(json.loads(content)["error"], str)


def test_a_token_is_wanted_unless_the_gateway_wants_none(within: Within, serve: Serve) -> None:
    server = serve()
    for token, is_let_in in ((TOKEN, False), ("", True)):
        with ollama.Client(f"http://127.0.0.1:{within(server.url, token=token).port}", timeout=PATIENCE) as ask:
            if is_let_in:
                assert ask.chat("m", TALK).done
            else:
                with pytest.raises(ollama.ResponseError, match="token is missing"):
                    ask.chat("m", TALK)


def test_a_stream_that_is_cut_ends_with_an_error(within: Within, serve: Serve) -> None:
    def cut(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("Hel"))
        connection.close()

    with (
        client(within(serve(cut).url)) as ask,
        pytest.raises(ollama.ResponseError, match="characters of the answer had come"),
    ):
        list(ask.chat("m", TALK, stream=True))


def test_who_waits_gets_lines_that_can_be_read(within: Within, serve: Serve) -> None:
    pings: list[str] = []

    def late(connection: Connection, request: Received) -> None:
        connection.start_stream()
        while not pings:
            connection.chunk(b": wait\n\n")
        connection.event(delta("Late.", "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    with client(within(serve(late).url, ping_seconds=0.01)) as ask:
        words = []
        for part in ask.generate("m", "Hi", stream=True):
            words.append(part.response)
            pings.append("one")
    assert words[0] == ""
    assert "".join(word or "" for word in words) == "Late."


def test_who_asks_nothing_is_answered_at_once(within: Within, serve: Serve) -> None:
    server = serve()
    gateway = within(server.url)
    with client(gateway) as ask:
        assert ask.generate("m", keep_alive="5m").done_reason == "load"
        assert ask.chat("m", []).done_reason == "load"
        [line] = ask.generate("m", keep_alive=0, stream=True)
        assert (line.done, line.done_reason) == (True, "unload")
    assert server.requests == []


def test_models_are_listed_and_shown(within: Within, serve: Serve) -> None:
    facts = {"m-internal": [8000, 1000, 1, 2, None, "tvr"]}
    registry = registry_of(serve().url)
    registry["providers"]["p1"] |= {"facts": facts, "model_names": {"m": "m-internal", "org/big": "big-internal"}}

    async def work() -> None:
        async with asked(registry, Caller("one", "one", models=("org/big",))) as gateway:
            _, found = await gateway(TOKEN, "GET", "/api/tags")
            models = ollama.ListResponse(**found).models
            assert [model.model for model in models] == ["m", "org/big"]
            assert len({model.digest for model in models}) == 2
            _, mine = await gateway("one", "GET", "/api/tags")
            assert [model["name"] for model in mine["models"]] == ["org/big"]
            status, said = await gateway(TOKEN, "POST", "/api/show", {"model": "m:latest"})
            shown = ollama.ShowResponse(**said)
            assert shown.capabilities == ["completion", "tools", "vision", "thinking"]
            assert shown.modelinfo is not None
            assert shown.modelinfo[f"{shown.modelinfo['general.architecture']}.context_length"] == 8000
            assert (await gateway(TOKEN, "POST", "/api/show", {"name": "org/big"}))[0] == 200
            status, said = await gateway("one", "POST", "/api/show", {"model": "m"})
            assert (status, list(said)) == (404, ["error"])
            assert (await gateway(TOKEN, "GET", "/api/ps")) == (200, {"models": []})
            status, said = await gateway(TOKEN, "GET", "/api/version")
            assert said["version"].count(".") == 2

    asyncio.run(work())


def test_texts_become_vectors() -> None:
    vectors = [[1.0, 2.0], [0.5, 0.25]]

    def behave(connection: Connection, request: Received) -> None:
        rows = [{"index": place, "embedding": vectors[place]} for place in range(len(request.json["input"]))]
        if request.json["input"][0] == "broken":
            rows = rows[:1]
        connection.reply(200, {"object": "list", "data": rows[::-1], "usage": {"prompt_tokens": 7, "total_tokens": 7}})

    async def work(server: Server) -> None:
        registry = registry_of(server.url)
        registry["kinds"] = {"embeddings": {"v": {"at": {"p1": {"v-internal": [500]}}}}}
        async with asked(registry) as gateway:
            body = {"model": "v:latest", "input": ["a", "b"], "dimensions": 2, "truncate": True}
            _, said = await gateway(TOKEN, "POST", "/api/embed", body)
            found = ollama.EmbedResponse(**said)
            assert (found.embeddings, found.prompt_eval_count, found.model) == (vectors, 7, "v:latest")
            _, said = await gateway(TOKEN, "POST", "/api/embeddings", {"model": "v", "prompt": "a"})
            assert ollama.EmbeddingsResponse(**said).embedding == vectors[0]
            status, said = await gateway(TOKEN, "POST", "/api/embed", {"model": "v", "input": ["broken", "x"]})
            assert (status, list(said)) == (502, ["error"])
            _, said = await gateway(TOKEN, "POST", "/api/embed", {"model": "v", "input": []})
            assert ollama.EmbedResponse(**said).embeddings == [] and len(server.requests) == 3
            assert (await gateway(TOKEN, "POST", "/api/embed", {"model": "x", "input": []}))[0] == 404
            _, said = await gateway(TOKEN, "POST", "/api/show", {"model": "v"})
            assert (said["capabilities"], said["model_info"]["v.context_length"]) == (["embedding"], 500)
        sent = server.requests[0]
        assert sent.path.endswith("/embeddings")
        assert (sent.json["model"], sent.json["dimensions"]) == ("v-internal", 2)

    with Server(behave) as server:
        asyncio.run(work(server))

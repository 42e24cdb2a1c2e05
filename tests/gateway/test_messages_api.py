"""Anthropic's API through the gateway, asked by Anthropic's own SDK: translated, or as it came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import anthropic
import pytest

from inference_providers.gateway.callers import Caller
from tests.conftest import registry_of
from tests.gateway.in_process import asked
from tests.gateway.inside import PATIENCE, TOKEN, Inside
from tests.servers import Connection, Received, Server, completion, delta

Within = Callable[..., Inside]
Serve = Callable[..., Server]
TALK: list[Any] = [{"role": "user", "content": "Hi"}]
ASK: dict[str, Any] = {"model": "m", "max_tokens": 50, "messages": TALK}
MESSAGE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m-internal",
    "content": [{"type": "text", "text": "Native."}], "stop_reason": "end_turn", "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 0},
}  # fmt: skip


def _client(gateway: Inside) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        base_url=f"http://127.0.0.1:{gateway.port}", api_key=TOKEN, max_retries=0, timeout=PATIENCE
    )


def _native(url: str, **row: Any) -> dict[str, Any]:
    """A registry whose provider speaks messages as well."""
    registry = registry_of(url)
    registry["providers"]["p1"]["connection"]["speaks"] = {"messages": row}
    return registry


def test_a_message_is_made_of_a_chat_completion(within: Within, serve: Serve) -> None:
    server = serve(lambda connection, request: connection.reply(200, completion("Hello.")))
    with _client(within(server.url)) as client:
        raw = client.messages.with_raw_response.create(
            **ASK, system="Short.", extra_body={"top_k": 3}, cache_control={"type": "ephemeral"}
        )
        message = raw.parse()
    assert [block.text for block in message.content if block.type == "text"] == ["Hello."]
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("end_turn", 3, 1)
    assert raw.headers["x-inference-lost"] == "cache_control" and raw.headers["x-inference-provider"] == "p1"
    sent = server.requests[0]
    assert sent.path == "/v1/chat/completions" and "anthropic-version" not in sent.headers
    assert [turn["role"] for turn in sent.json["messages"]] == ["system", "user"]


def test_a_stream_is_translated_as_it_comes(within: Within, serve: Serve) -> None:
    def streams(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("Hel"))
        connection.event(delta("lo.", "stop"))
        connection.event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
        connection.event("[DONE]")
        connection.end_stream()

    with _client(within(serve(streams).url)) as client, client.messages.stream(**ASK) as stream:
        assert "".join(stream.text_stream) == "Hello."
        message = stream.get_final_message()
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("end_turn", 3, 2)


def test_what_fails_is_told_in_its_own_form(within: Within, serve: Serve) -> None:
    def refuses(connection: Connection, request: Received) -> None:
        connection.reply(429, {"error": {"message": "slow down"}}, {"retry-after": "600"})

    gateway = within(serve(refuses).url)
    with _client(gateway) as client:
        with pytest.raises(anthropic.RateLimitError) as refused:
            client.messages.create(**ASK)
        assert refused.value.body["error"]["type"] == "rate_limit_error"  # type: ignore[index]
        with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
            client.messages.create(**{**ASK, "max_tokens": "many"})
        with pytest.raises(anthropic.BadRequestError, match="web_search"):
            client.messages.create(**ASK, tools=[{"type": "web_search_20250305", "name": "web_search"}])
    status, _, body = gateway.ask("POST", "/v1/messages", ASK, {"Authorization": "Bearer wrong"})
    assert (status, json.loads(body)["error"]["type"]) == (401, "authentication_error")


def test_a_stream_that_is_cut_ends_with_an_error(within: Within, serve: Serve) -> None:
    def cut(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("Hel"))
        connection.close()

    with (
        _client(within(serve(cut).url)) as client,
        pytest.raises(anthropic.APIStatusError, match="characters of the answer had come"),
        client.messages.stream(**ASK) as stream,
    ):
        list(stream)


def test_whoever_speaks_it_gets_it_as_it_came() -> None:
    body = {**ASK, "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}], "x": 1e400 > 1}
    raw = json.dumps(body, indent=1).encode()

    async def work(server: Server, **row: Any) -> tuple[int, Any]:
        async with asked(_native(server.url, **row)) as gateway:
            return await gateway(TOKEN, "POST", "/v1/messages", raw)

    with Server(lambda connection, request: connection.reply(200, MESSAGE)) as server:
        status, message = asyncio.run(work(server, key="x-api-key", headers={"anthropic-version": "2023-06-01"}))
        assert (status, message) == (200, MESSAGE)
        sent = server.requests[0]
        assert sent.path == "/v1/messages" and sent.body == raw.replace(b'"m"', b'"m-internal"')
        assert sent.headers["x-api-key"].startswith("canary-1") and "authorization" not in sent.headers
        assert sent.headers["anthropic-version"] == "2023-06-01"
        other = server.url.removesuffix("/v1") + "/anthropic/v1"
        assert asyncio.run(work(server, endpoint=other))[0] == 200
        assert server.requests[1].path == "/anthropic/v1/messages"
        assert server.requests[1].headers["authorization"].startswith("Bearer canary-1")


def test_a_server_that_lacks_it_after_all_is_asked_by_chat() -> None:
    def old(connection: Connection, request: Received) -> None:
        if request.path.endswith("/messages"):
            connection.reply(404, "404 page not found")
        else:
            connection.reply(200, completion("By chat."))

    async def work(url: str) -> list[Any]:
        async with asked(_native(url)) as gateway:
            return [await gateway(TOKEN, "POST", "/v1/messages", ASK) for _ in range(2)]

    with Server(old) as server:
        for status, message in asyncio.run(work(server.url)):
            assert (status, message["content"]) == (200, [{"type": "text", "text": "By chat."}])
        paths = [request.path.rpartition("/")[2] for request in server.requests]
    assert paths == ["messages", "completions", "completions"]


def test_tools_that_a_provider_runs_go_to_who_speaks_it() -> None:
    body = {**ASK, "tools": [{"type": "web_search_20250305", "name": "web_search"}]}

    async def work(first: str, second: str) -> tuple[int, Any]:
        registry = registry_of(first, second)
        registry["providers"]["p2"]["connection"]["speaks"] = {"messages": {}}
        async with asked(registry) as gateway:
            return await gateway(TOKEN, "POST", "/v1/messages", body)

    with Server() as chat, Server(lambda connection, request: connection.reply(200, MESSAGE)) as native:
        status, message = asyncio.run(work(chat.url, native.url))
        assert (status, message, chat.requests) == (200, MESSAGE, [])
        assert native.requests[0].json["tools"] == body["tools"]


def test_tokens_are_counted_by_whoever_can_and_else_estimated(within: Within, serve: Serve) -> None:
    def counts(connection: Connection, request: Received) -> None:
        assert request.path == "/v1/messages/count_tokens"
        connection.reply(200, {"input_tokens": 1234, "more": "x"})

    async def work(url: str) -> tuple[int, Any]:
        async with asked(_native(url, key="x-api-key")) as gateway:
            return await gateway(TOKEN, "POST", "/v1/messages/count_tokens", ASK)

    with Server(counts) as server:
        assert asyncio.run(work(server.url)) == (200, {"input_tokens": 1234})
    with Server(lambda connection, request: connection.reply(404, "not found")) as server:
        status, counted = asyncio.run(work(server.url))
        assert status == 200
        assert 0 < counted["input_tokens"] < 100
    gateway = within(serve().url)
    with _client(gateway) as client:
        raw = client.messages.with_raw_response.count_tokens(model="nobody-has-it", messages=TALK)
        assert raw.headers["x-inference-estimate"] == "true"
        assert raw.parse().input_tokens == counted["input_tokens"]


def test_thoughts_of_another_model_do_not_go_to_whoever_speaks_it() -> None:
    """Those that we made have no signature; others are told by the refusal."""
    seen: list[list[str]] = []

    def strict(connection: Connection, request: Received) -> None:
        blocks = [block for turn in request.json["messages"] for block in turn["content"] if isinstance(block, dict)]
        seen.append([block["type"] for block in blocks])
        if any(block["type"] == "thinking" and block["signature"] != "good" for block in blocks):
            words = "messages.1.content.0: Invalid `signature` in `thinking` block"
            connection.reply(400, {"type": "error", "error": {"type": "invalid_request_error", "message": words}})
        else:
            connection.reply(200, MESSAGE)

    def talk(*signatures: str) -> dict[str, Any]:
        said = [{"type": "thinking", "thinking": "hm", "signature": one} for one in signatures]
        turn = {"role": "assistant", "content": [*said, {"type": "text", "text": "So."}]}
        return {**ASK, "messages": [*TALK, turn, *TALK]}

    async def work(url: str) -> list[int]:
        async with asked(_native(url)) as gateway:
            asks = [talk("good"), talk("", "good"), talk("foreign")]
            return [(await gateway(TOKEN, "POST", "/v1/messages", one))[0] for one in asks]

    with Server(strict) as server:
        assert asyncio.run(work(server.url)) == [200, 200, 200]
    assert seen == [["thinking", "text"], ["thinking", "text"], ["thinking", "text"], ["text"]]


def test_models_are_listed_in_its_form(within: Within, serve: Serve) -> None:
    with _client(within(serve().url)) as client:
        listed = list(client.models.list())
        assert [model.id for model in listed] == ["m"]
        assert client.models.retrieve("m") == listed[0]


def test_what_a_model_says_to_a_tool_names_nothing_that_a_provider_keeps() -> None:
    """Neither is a file of it looked for, nor is the request refused; one that the program names itself is."""
    use = {"type": "tool_use", "id": "toolu_1", "name": "open", "input": {"file_id": "file-1", "file": "a.py"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}
    turns = [*TALK, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    picture = {"type": "image", "source": {"type": "file", "file_id": "file-1"}}
    caller = Caller("bound", "bound")

    async def work(url: str) -> list[int]:
        async with asked(_native(url), caller) as gateway:
            asks = [{**ASK, "messages": turns}, {**ASK, "messages": [{"role": "user", "content": [picture]}]}]
            return [(await gateway("bound", "POST", "/v1/messages", one))[0] for one in asks]

    with Server(lambda connection, request: connection.reply(200, MESSAGE)) as server:
        assert asyncio.run(work(server.url)) == [200, 404]
        assert len(server.requests) == 1


def test_who_is_known_to_lack_it_is_not_asked_before_others() -> None:
    def lacks(connection: Connection, request: Received) -> None:
        if request.path.endswith("/messages"):
            connection.reply(404, "404 page not found")
        else:
            connection.reply(200, completion("By chat."))

    async def work(first: str, second: str) -> None:
        registry = registry_of(first, second)
        registry["providers"]["p2"]["connection"]["speaks"] = {"messages": {}}
        async with asked(registry) as gateway:
            for _ in range(2):
                assert (await gateway(TOKEN, "POST", "/v1/messages", ASK))[0] == 200

    with Server() as chat, Server(lacks) as other:
        asyncio.run(work(chat.url, other.url))
        assert [request.path for request in other.requests] == ["/v1/messages", "/v1/chat/completions"]
        assert len(chat.requests) == 1

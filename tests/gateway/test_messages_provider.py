"""A provider that speaks Anthropic's messages only, through the gateway: whoever asks, in whichever words."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.conftest import registry_of
from tests.gateway.in_process import asked
from tests.gateway.inside import TOKEN
from tests.servers import Connection, Received, Server
from tests.test_messages_out import raw
from tests.test_messages_provider import Anthropic, message

ASK: dict[str, Any] = {"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}


def by_messages(url: str) -> dict[str, Any]:
    registry = registry_of(url)
    registry["providers"]["p1"]["connection"]["protocol"] = "messages"
    return registry


def sent(server: Server, path: str, *bodies: dict[str, Any]) -> list[tuple[int, Any]]:
    async def work() -> list[tuple[int, Any]]:
        async with asked(by_messages(server.url)) as gateway:
            return [await gateway(TOKEN, "POST", path, body) for body in bodies]

    return asyncio.run(work())


def test_chat_completions_are_translated() -> None:
    with Server(Anthropic()) as server:
        (_, whole), (_, stream) = sent(server, "/v1/chat/completions", ASK, {**ASK, "stream": True})
    assert whole["choices"][0]["message"]["content"] == "hello"
    assert whole["usage"]["prompt_tokens"] == 1040
    lines = [line.removeprefix("data: ") for line in stream.decode().split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert "".join(one["choices"][0]["delta"].get("content") or "" for one in chunks) == "hello"
    assert all(one["choices"] for one in chunks), "programs that asked for no usage look at the first choice"


def test_messages_go_on_as_they_came() -> None:
    events = [{"type": "message_start", "message": message("x", reason="")}, {"type": "ping"}, {"type": "new", "x": 1}]
    events += [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}}]
    events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}]
    body = raw([*events, {"type": "message_stop"}])

    def native(connection: Connection, request: Received) -> None:
        assert request.headers["x-api-key"].startswith("canary-1")
        assert "authorization" not in request.headers
        assert request.headers["anthropic-version"] == "2023-06-01"
        if request.path.endswith("count_tokens"):
            connection.reply(200, {"input_tokens": 77})
        elif request.streams:
            connection.start_stream()
            connection.chunk(body)
            connection.end_stream()
        else:
            connection.reply(200, message("hello"))

    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    with Server(native) as server:
        found = sent(server, "/v1/messages", {**ASK, "tools": tools}, {**ASK, "stream": True})
        counted = sent(server, "/v1/messages/count_tokens", ASK)
        assert server.requests[0].json == {**ASK, "model": "m-internal", "tools": tools}
    assert found == [(200, message("hello")), (200, body)]
    assert counted == [(200, {"input_tokens": 77})]


def test_other_dialects_reach_it_by_way_of_a_chat() -> None:
    with Server(Anthropic()) as server:
        ((status, reply),) = sent(server, "/v1/responses", {"model": "m", "input": "Hi"})
    assert status == 200
    assert reply["output"][-1]["content"][0]["text"] == "hello"
    assert reply["usage"]["input_tokens"] == 1040

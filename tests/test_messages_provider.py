"""A provider that speaks Anthropic's messages only, asked in every way: a stand-in that refuses what the real one does."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from inference_providers import AsyncProviderList, ProviderList, TruncatedStreamError
from inference_providers.errors import AllProvidersFailedError, AuthenticationError, InvalidRequestError, RateLimitError
from inference_providers.protocols.messages_from import ANSWER_TOOL
from tests.conftest import Quick, keys
from tests.servers import Connection, Received, Server, answer
from tests.test_messages_out import checked, events_of

Serve = Callable[..., Server]
KINDS = [ProviderList, AsyncProviderList]
USAGE = {"input_tokens": 100, "cache_read_input_tokens": 900, "cache_creation_input_tokens": 40, "output_tokens": 10}
PRICES = [200_000, 32_000, 5.0, 25.0, 0.5, "tvsr", {"write": 6.25}]
HI: Any = [{"role": "user", "content": "hi"}]


def message(*content: Any, reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    blocks = [{"type": "text", "text": one} if isinstance(one, str) else one for one in content]
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-opus-4-6", "stop_sequence": None}
    return {**head, "content": blocks, "stop_reason": reason, "usage": USAGE, **more}


class Anthropic:
    """Answers messages, one after another, the last again and again; refuses what breaks the API's rules."""

    def __init__(self, *replies: Any, cut: int | None = None) -> None:
        self.replies, self.cut = list(replies) or [message("hello")], cut
        self.bodies: list[dict[str, Any]] = []

    def __call__(self, connection: Connection, request: Received) -> None:
        if problem := self.problem(request):
            connection.reply(*problem)
            return
        self.bodies.append(request.json)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if "error" in reply:
            connection.reply(reply["status"], reply["error"], reply.get("headers"))
        elif not request.streams:
            connection.reply(200, reply)
        else:
            self.stream(connection, reply)

    def problem(self, request: Received) -> tuple[int, dict[str, Any]] | None:
        headers = request.headers
        if request.path.partition("?")[0] != "/v1/messages":
            return 404, refusal("not_found_error", f"no {request.path} here")
        if headers.get("anthropic-version") != "2023-06-01":
            return 400, refusal("invalid_request_error", "anthropic-version: header is required")
        if "authorization" in headers or not headers.get("x-api-key"):
            return 401, refusal("authentication_error", "x-api-key header is required")
        try:
            checked(request.json)
        except Exception as error:  # noqa: BLE001
            return 400, refusal("invalid_request_error", f"messages: {type(error).__name__} {error}")
        return None

    def stream(self, connection: Connection, reply: dict[str, Any]) -> None:
        connection.start_stream()
        events = events_of(reply["content"], 3, reply["stop_reason"])
        events[0]["message"]["usage"] = {**USAGE, "output_tokens": 1}
        events[-2]["usage"]["output_tokens"] = USAGE["output_tokens"]
        for event in events[: self.cut]:
            connection.chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        connection.end_stream()


def refusal(kind: str, words: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_1"}


def failing(status: int, kind: str, words: str, **headers: str) -> dict[str, Any]:
    return {"error": refusal(kind, words), "status": status, "headers": headers}


def listed(
    kind: Any, *servers: Server, chats: Server | None = None, model: str = "claude-opus-4-6", **options: Any
) -> Any:
    """A list over providers that speak messages, and one that speaks chat completions behind them."""
    rows = [("messages", server.url) for server in servers] + ([("openai", chats.url)] if chats else [])
    providers = {
        f"p{number}": {
            "name": f"Provider {number}",
            "connection": {"protocol": protocol, "endpoint": url, "api_key": f"P{number}_API_KEY"},
            "model_names": {"m": model},
            "facts": {model: PRICES},
        }
        for number, (protocol, url) in enumerate(rows, 1)
    }
    registry = {"providers": providers, "auto_model_priority": ["m"]}
    return kind(json_override=registry, environ=keys(len(rows)), local=False, random=Quick(), **options)


def ask(made: Any, *args: Any, **options: Any) -> Any:
    """One question, by either kind of list."""
    found = made.ask_ai(*args, **options)
    return asyncio.run(finished(made, found)) if asyncio.iscoroutine(found) else found


async def finished(made: Any, found: Any) -> Any:
    try:
        return await found
    finally:
        await made.aclose()


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_is_answered_and_charged_once(serve: Serve, kind: Any) -> None:
    made = Anthropic()
    reply = ask(listed(kind, serve(made)), "Hi", system="Be brief.", max_tokens=50, seed=3, n=1, user="me")
    assert (reply, reply.provider, reply.finish_reason, reply.dropped) == ("hello", "p1", "stop", ["seed"])
    assert made.bodies == [
        {
            "model": "claude-opus-4-6", "max_tokens": 50, "system": "Be brief.", "metadata": {"user_id": "me"},
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        }
    ]  # fmt: skip
    assert (reply.usage.input_tokens, reply.usage.cached_tokens, reply.usage.cache_write_tokens) == (1040, 900, 40)
    assert reply.cost == pytest.approx((100 * 5 + 900 * 0.5 + 40 * 6.25 + 10 * 25) / 1e6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_that_of_a_chat(serve: Serve, kind: Any) -> None:
    made = listed(kind, serve(server := Anthropic(message("hello world"))))
    if kind is ProviderList:
        stream = made.ask_ai("Hi", stream=True)
        pieces = list(stream)
    else:

        async def read() -> tuple[Any, list[str]]:
            stream = await made.ask_ai("Hi", stream=True)
            found = [piece async for piece in stream]
            await made.aclose()
            return stream, found

        stream, pieces = asyncio.run(read())
    assert ("".join(pieces), len(pieces)) == ("hello world", 4)
    assert server.bodies[0]["stream"] is True
    assert (stream.answer.usage.input_tokens, stream.answer.usage.output_tokens) == (1040, 10)
    assert stream.answer.cost == pytest.approx((100 * 5 + 900 * 0.5 + 40 * 6.25 + 10 * 25) / 1e6)
    assert stream.answer.finish_reason == "stop"


def test_tools_are_called_and_thoughts_go_back_with_their_signature(serve: Serve) -> None:
    thought = {"type": "thinking", "thinking": "let me add", "signature": "c2ln"}
    hidden = {"type": "redacted_thinking", "data": "x"}
    uses = [{"type": "tool_use", "id": f"toolu_{n}", "name": "add", "input": {"a": n, "b": 1}} for n in (1, 2)]
    server = Anthropic(message(thought, hidden, *uses, reason="tool_use"), message("2 and 3"))

    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    reply = listed(ProviderList, serve(server)).ask_ai("1 + 1, 2 + 1?", tools=[add], reasoning_effort="high")
    assert reply == "2 and 3"
    first, second = server.bodies
    assert first["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert first["output_config"] == {"effort": "high"}
    assert first["tools"][0]["input_schema"]["properties"].keys() == {"a", "b"}
    assert second["messages"][1]["content"] == [thought, hidden, *uses]
    assert [(one["type"], one["content"]) for one in second["messages"][2]["content"]] == [
        ("tool_result", "2"),
        ("tool_result", "3"),
    ]
    assert reply.usage.input_tokens == 2080
    assert listed(ProviderList, serve(Anthropic(message(thought, "2")))).ask_ai("?").reasoning == "let me add"


def test_thoughts_of_another_provider_are_not_passed_on(serve: Serve) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    first = Anthropic(message(thought, "a"), failing(500, "api_error", "broken"))
    second = Anthropic(message("b"))
    made = listed(ProviderList, serve(first), serve(second))
    talk = made.ask_ai("hi").messages
    assert made.ask_ai([*talk, {"role": "user", "content": "And?"}]) == "b"
    assert second.bodies[0]["messages"][1]["content"] == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize("model", ["claude-opus-4-6", "claude-3-haiku"])
def test_a_schema_is_kept_to(serve: Serve, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    used = {"type": "tool_use", "id": "t", "name": ANSWER_TOOL, "input": {"n": 4}}
    takes = model != "claude-3-haiku"
    server = Anthropic(message('{"n": 4}') if takes else message(used, reason="tool_use"))
    made = listed(ProviderList, serve(server), model=model)
    if not takes:
        made.pipeline.finder.registry.providers["p1"].all_facts[model][5] = "tvSr"
    reply = made.ask_ai("?", schema=schema)
    assert (reply.parsed, reply.finish_reason) == ({"n": 4}, "stop")
    assert ("output_config" in server.bodies[0]) == takes
    assert ("tool_choice" in server.bodies[0]) != takes


def test_sdk_clients_are_translated(serve: Serve) -> None:
    used = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
    server = Anthropic(message("hello", used, reason="tool_use"))
    made = listed(ProviderList, serve(server))
    client = made.client()
    mark = {"type": "ephemeral"}
    asked: Any = [{"role": "user", "content": [{"type": "text", "text": "long", "cache_control": mark}]}]
    tools: Any = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    whole = client.chat.completions.create(model="m", messages=asked, tools=tools, max_completion_tokens=9)
    assert server.bodies[0]["messages"][0]["content"] == [{"type": "text", "text": "long", "cache_control": mark}]
    assert server.bodies[0]["max_tokens"] == 9
    assert whole.choices[0].message.tool_calls is not None
    assert whole.choices[0].message.tool_calls[0].function.arguments == '{"a": 1}'  # type: ignore[union-attr]
    assert whole.usage is not None
    assert whole.usage.prompt_tokens == 1040
    chunks = list(client.chat.completions.create(model="m", messages=asked, tools=tools, stream=True))
    assert "".join(one.choices[0].delta.content or "" for one in chunks) == "hello"
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert chunks[-1].usage is not None
    with client.chat.completions.stream(model="m", messages=asked, tools=tools) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.tool_calls[0].function.arguments == '{"a": 1}'  # type: ignore[index]
    connected, name = made.connect_to_model("m")
    assert connected.chat.completions.create(model=name, messages=HI).choices[0].message.content == "hello"
    with pytest.raises(openai.BadRequestError, match="by the API 'messages' only"):
        client.embeddings.create(model="p1/m", input="x")
    with pytest.raises(openai.BadRequestError, match=r"chat\.completions\.create\(\.\.\.\), or a gateway .* asks it\."):
        client.responses.create(model="m", input="x")


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (failing(401, "authentication_error", "invalid x-api-key"), AuthenticationError, "invalid x-api-key"),
        (failing(400, "invalid_request_error", "messages: bad"), InvalidRequestError, "messages: bad"),
        (failing(429, "rate_limit_error", "too many tokens"), RateLimitError, "too many tokens"),
        (failing(529, "overloaded_error", "Overloaded"), AllProvidersFailedError, "Overloaded"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("streams", [False, True])
def test_refusals_are_errors_of_their_kind(serve: Serve, reply: Any, kind: Any, words: str, streams: bool) -> None:
    made = listed(ProviderList, serve(Anthropic(reply)))
    with pytest.raises((kind, AllProvidersFailedError), match=words) as raised:
        list(made.ask_ai("hi", stream=True)) if streams else made.ask_ai("hi")
    errors = [raised.value, *getattr(raised.value, "errors", ())]
    assert kind is AllProvidersFailedError or any(isinstance(one, kind) for one in errors)


def test_another_provider_is_asked_where_one_is_overloaded(serve: Serve) -> None:
    overloaded = Anthropic(failing(529, "overloaded_error", "Overloaded"))
    made = listed(ProviderList, serve(overloaded), chats=serve(answer))
    reply = made.ask_ai("hi")
    assert {(one.provider, one.status) for one in reply.attempts} == {("p1", 529), ("p2", 200)}


def test_a_field_that_is_refused_is_left_out_and_remembered(serve: Serve) -> None:
    refused = failing(400, "invalid_request_error", "output_config.effort: Extra inputs are not permitted")
    server = Anthropic(refused, message("hello"))
    made = listed(ProviderList, serve(server))
    reply = made.ask_ai("hi", reasoning_effort="low")
    assert (reply, reply.dropped) == ("hello", ["reasoning_effort"])
    assert ["output_config" in body for body in server.bodies] == [True, False]
    made.ask_ai("hi", reasoning_effort="low")
    assert len(server.bodies) == 3


def test_a_signature_that_is_refused_is_left_out(serve: Serve) -> None:
    words = "messages.1.content.0: Invalid `signature` in `thinking` block"
    server = Anthropic(failing(400, "invalid_request_error", words), message("hello"))
    detail = {"type": "reasoning.text", "text": "hm", "signature": "s"}
    talk = [*HI, {"role": "assistant", "content": "a", "reasoning_details": [detail]}, *HI]
    assert listed(ProviderList, serve(server)).ask_ai(talk) == "hello"
    assert [len(body["messages"][1]["content"]) for body in server.bodies] == [2, 1]


@pytest.mark.parametrize("cut", [2, 5])
def test_a_stream_that_is_cut(serve: Serve, cut: int) -> None:
    cuts = serve(Anthropic(message("hello world"), cut=cut))
    made = listed(ProviderList, cuts, chats=serve(answer))
    if cut == 2:  # nothing had come: another is asked
        assert "".join(made.ask_ai("hi", stream=True)) == "hello"
        return
    with pytest.raises(TruncatedStreamError) as raised:
        list(made.ask_ai("hi", stream=True))
    assert raised.value.partial == "hello "


def test_a_batch_over_it(serve: Serve) -> None:
    server = Anthropic()
    made = listed(ProviderList, serve(server))
    results = made.batch(["a", "b", "c"], max_tokens=5)
    assert [str(one.answer) for one in results] == ["hello"] * 3
    assert len(server.bodies) == 3


def test_what_is_served_so_by_a_route_is_a_candidate_like_any_other(serve: Serve) -> None:
    server = Anthropic()
    url = serve(server).url
    row = {
        "connection": {"endpoint": "http://127.0.0.1:9/v1", "api_key": "P1_API_KEY", "routes": {"1": {"api": "messages", "endpoint": url}}},
        "model_names": {"m": "claude-opus-4-6"}, "facts": {"claude-opus-4-6": [*PRICES[:5], "tvsr1"]},
    }  # fmt: skip
    made = ProviderList(
        json_override={"providers": {"p1": row}, "auto_model_priority": ["m"]}, environ=keys(1), local=False
    )
    offer = made.candidates("m")[0]
    assert (offer.protocol, offer.api, offer.endpoint) == ("messages", "messages", url)
    assert made.ask_ai("hi") == made.ask_ai("hi", model="m") == "hello"


def test_rows_say_in_which_header_a_key_goes() -> None:
    from inference_providers.protocols import fit
    from inference_providers.protocols.request import ModelRequest

    def sent(model: str, **environ: str) -> tuple[str, dict[str, str]]:
        offer = ProviderList(environ=environ, local=False).candidates(model)[0]
        request = fit(ModelRequest({"messages": HI}), offer).to_send()
        return request.url, {name.lower(): str(value)[:10] for name, value in request.headers.items()}

    url, headers = sent("anthropic/claude-opus-5.5", ANTHROPIC_API_KEY="k-anthropic")
    assert url == "https://api.anthropic.com/v1/messages"
    assert "x-api-key" in headers
    assert "authorization" not in headers
    assert headers["anthropic-version"] == "2023-06-01"
    places = {"AWS_REGION": "us-east-1", "AWS_BEARER_TOKEN_BEDROCK": "k-bedrock"}
    url, headers = sent("bedrock/us.anthropic.claude-sonnet-5-5", **places)
    assert url == "https://bedrock-runtime.us-east-1.amazonaws.com/anthropic/v1/messages"
    assert "authorization" in headers
    assert "x-api-key" not in headers
    url, headers = sent("azure/claude-opus-5-5", AZURE_RESOURCE_NAME="r", AZURE_API_KEY="k-azure")
    assert url == "https://r.services.ai.azure.com/anthropic/v1/messages"
    assert "x-api-key" in headers
    _, headers = sent("azure/claude-opus-5-5", AZURE_RESOURCE_NAME="r", AZURE_AD_TOKEN="token")
    assert "authorization" in headers


def test_an_address_of_the_users_that_takes_chats_only_is_asked_so(serve: Serve) -> None:
    server = serve(answer)
    environ = {"ANTHROPIC_API_KEY": keys(1)["P1_API_KEY"], "ANTHROPIC_BASE_URL": server.url.removesuffix("/v1")}
    made = ProviderList(environ=environ, local=False, random=Quick())
    assert made.ask_ai("hi", "anthropic/claude-opus-5.5") == "hello"
    assert "".join(made.ask_ai("hi", "anthropic/claude-opus-5.5", stream=True)) == "hello"
    assert [one.path for one in server.asked] == ["/v1/messages", *["/v1/chat/completions"] * 2]
    strict = serve(Anthropic())
    environ["ANTHROPIC_BASE_URL"] = strict.url.removesuffix("/v1")
    assert ProviderList(environ=environ, local=False).ask_ai("hi", "anthropic/claude-opus-5.5") == "hello"


def test_what_nobody_speaks_is_not_loaded(serve: Serve, tmp_path: Path) -> None:
    script = """
import json, sys
from inference_providers import ProviderList
rows = json.loads(sys.argv[1])
ProviderList(json_override=rows, environ={"P1_API_KEY": "k"}, local=False).ask_ai("hi")
print(sorted(name for name in sys.modules if "messages" in name or "other_apis" in name))
"""
    row = {"connection": {"endpoint": serve().url, "api_key": "P1_API_KEY"}, "model_names": {"m": "m-internal"}}
    rows = json.dumps({"providers": {"p1": row}, "auto_model_priority": ["m"]})
    done = subprocess.run([sys.executable, "-c", script, rows], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

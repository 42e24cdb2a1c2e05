"""The inference API without a server: requests and errors as JSON, the client in this process, what is kept."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import AsyncClient, Client, ProviderList, errors
from inference_providers.compat import gateway_access, inference_api, inference_calls, inference_errors, kept_replies
from inference_providers.compat.inference_objects import Fields, InferenceChunk
from inference_providers.gateway import inference_routes, replies, service
from inference_providers.gateway.callers import ADMIN
from inference_providers.gateway.messages import Incoming, Outgoing
from inference_providers.gateway.settings import Settings
from inference_providers.transport import Sender, WireError
from inference_providers.transport.http import Request
from tests.conftest import async_list_of, keys, registry_of
from tests.servers import PATIENCE, Connection, Received, Server, answer, status

Serve = Callable[..., Server]
MESSAGES = [{"role": "user", "content": "Explain quantum computing"}]
SAID = {"model": "gpt-4", "messages": MESSAGES}
MOCK = {
    "gpt-3.5-turbo": {"content": "This is a mock response", "latency_ms": 1},
    "gpt-4": {"error": {"status": 429, "message": "slow down", "retry_after": 100}},
}


def own_client(*endpoints: str, kind: Any = Client, **options: Any) -> Any:
    """A client in this process over the providers p1, p2, ..., which serve the model `m`."""
    environ = keys(len(endpoints))
    return kind(environ=environ, local=False, json_override=registry_of(*endpoints), **options)


# In this process


def test_mock_mode_as_it_was_written_down() -> None:
    client = Client(api_key="test-key", mock_mode=True, mock_responses=MOCK)
    response = client.inference.create(model="gpt-3.5-turbo", messages=MESSAGES, max_tokens=150)
    assert response.content == str(response) == "This is a mock response"
    assert response.id.startswith("inf_")
    assert (response.object, response.model) == ("inference", "gpt-3.5-turbo")
    assert response.usage.total_tokens == response.usage.prompt_tokens + response.usage.completion_tokens
    cost = response.cost
    assert cost.currency == "USD"
    assert cost.provider_cost == pytest.approx(cost.amount + cost.savings)
    assert client.inference.retrieve(response.id).result.cost == cost.amount
    assert client.inference.get(response.id).status == "completed"
    unkept = client.inference.create(model="gpt-3.5-turbo", messages=MESSAGES, store=False)
    with pytest.raises(errors.InvalidRequestError, match="no inference of this id"):
        client.inference.get(unkept.id)
    with pytest.raises(errors.RateLimitError) as limited:
        client.inference.create(**SAID, timeout=20)
    assert limited.value.retry_after == 100
    with pytest.raises(AttributeError, match="has no 'total'; it has prompt_tokens"):
        _ = response.usage.total
    assert Client(mock_mode=True).inference.create(**SAID).content == "This is a mock response."
    with pytest.raises(ValueError, match="mock_mode=True"):
        Client(mock_responses=MOCK)


def test_a_stream_in_pieces() -> None:
    client = Client(mock_mode=True, mock_responses=MOCK)
    request = {"model": "gpt-3.5-turbo", "messages": MESSAGES}
    for stream in (
        client.inference.stream(request),
        client.inference.stream(**request),
        client.inference.create(**request, stream=True),
    ):
        *chunks, last = stream
        assert "".join(chunk.content for chunk in chunks) == "This is a mock response"
        assert {chunk.usage for chunk in chunks} == {None}
        assert (last.content, last.finish_reason, last.cost.currency) == ("", "stop", "USD")
        assert client.inference.get(last.id).content == "This is a mock response"
    left = client.inference.stream(request)
    next(iter(left))
    left.close()
    assert isinstance(last, InferenceChunk)


def test_a_batch_of_a_client_has_errors_in_their_places() -> None:
    client = Client(mock_mode=True, mock_responses=MOCK)
    good = {"model": "gpt-3.5-turbo", "messages": MESSAGES}
    for parallel in (True, False):
        found = client.inference.batch([good, {**SAID, "id": "mine", "timeout": 5}, good], parallel=parallel)
        assert [one.request_id for one in found] == ["req_1", "mine", "req_3"]
        assert [one.content for one in found if one.error is None] == ["This is a mock response"] * 2
        with pytest.raises(errors.RateLimitError):
            _ = found[1].content
    with pytest.raises(errors.InvalidRequestError, match="best_available, same_model, none"):
        client.inference.batch([good], fallback_strategy="luck")


def test_for_asyncio_as_well() -> None:
    async def main() -> None:
        async with AsyncClient(mock_mode=True, mock_responses=MOCK) as client:
            request = {"model": "gpt-3.5-turbo", "messages": MESSAGES}
            response = await client.inference.create(**request)
            assert response.content == "This is a mock response"
            assert (await client.inference.retrieve(response.id)).content == response.content
            pieces = [chunk.content async for chunk in client.inference.stream(**request)]
            assert "".join(pieces) == response.content
            found = await client.inference.batch([request, {"model": 3}])
            assert found[0].content == response.content
            assert isinstance(found[1].error, errors.InvalidRequestError)

    asyncio.run(main())


def test_preferences_of_a_client_are_under_those_of_a_request(serve: Serve) -> None:
    first, second = serve(), serve()
    client = own_client(first.url, second.url)
    client.inference.configure_providers({"primary": "p2", "fallback": ["p1"], "quality_threshold": 0.0})
    assert client.inference.create("m", MESSAGES).provider == "p2"
    assert client.inference.create("m", MESSAGES, provider="p1").provider == "p1"
    with pytest.raises(ValueError, match="configure_providers knows primary"):
        client.inference.configure_providers({"first": "p1"})


def test_whom_fallback_strategies_allow(serve: Serve) -> None:
    broken, working = serve(status(500)), serve()
    client = own_client(broken.url, working.url)
    assert client.inference.create("m", MESSAGES, fallback_strategy="same_model").provider == "p2"
    fresh = own_client(broken.url, working.url)
    with pytest.raises(errors.ProviderUnavailableError) as failed:
        fresh.inference.create("m", MESSAGES, fallback_strategy="none", retry_attempts=0)
    assert failed.value.provider == "p1"


def test_a_key_without_a_gateway_goes_nowhere(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = serve()
    client = own_client(server.url, api_key="a-token-of-some-gateway")
    assert client.inference.create("m", MESSAGES).content == "hello"
    assert "token of a gateway" in caplog.text
    assert not any(b"a-token-of" in request.raw for request in server.requests)


# Requests


@pytest.mark.parametrize(
    ("body", "parameter", "expected"),
    [
        ({"messages": MESSAGES}, "model", "string"),
        ({"model": 3, "messages": MESSAGES}, "model", "string"),
        ({"model": [], "messages": MESSAGES}, "model", "string"),
        ({"model": "gpt-4"}, "messages", "array"),
        ({"model": "gpt-4", "messages": "Hi"}, "messages", "array"),
        ({"model": "gpt-4", "messages": []}, "messages", "array"),
        ({"model": "gpt-4", "messages": ["Hi"]}, "messages[0]", "object"),
        ({**SAID, "stream": "yes"}, "stream", "boolean"),
        ({**SAID, "fallback_providers": "anthropic"}, "fallback_providers", "array"),
        ({**SAID, "provider": {"order": []}}, "provider", "string"),
        ({**SAID, "max_cost": True}, "max_cost", "number"),
        ({**SAID, "timeout": 0}, "timeout", "number"),
        ({**SAID, "cost_optimization": 1}, "cost_optimization", "boolean or object"),
        ({**SAID, "extra_body": {"model": "another"}}, "extra_body.model", None),
        ({**SAID, "cache": {"caller": "somebody else"}}, "cache.caller", None),
        ([], None, "object"),
    ],
)
def test_what_is_wrong_with_a_request(body: Any, parameter: str | None, expected: str | None) -> None:
    with pytest.raises(errors.InvalidRequestError) as wrong:
        inference_api.request_of(body)
    assert wrong.value.details.get("parameter") == parameter
    assert wrong.value.details.get("expected_type") == expected


def test_what_is_unknown_goes_on_and_what_is_known_is_checked(serve: Serve) -> None:
    server = serve()
    client = own_client(server.url)
    client.inference.create("m", MESSAGES, max_new_tokens=5, my_sampler={"x": 1}, stream_options={}, top_k=None)
    assert server.asked[0].json == {
        "messages": MESSAGES, "max_tokens": 5, "my_sampler": {"x": 1}, "model": "m-internal",
    }  # fmt: skip
    for more in ({"temperature": 9}, {"fallback_config": {"strategies": [{}]}}, {"policy": "dearest"}):
        with pytest.raises(errors.InvalidRequestError):
            client.inference.create("m", MESSAGES, **more)
    assert len(server.asked) == 1


def test_names_within_what_goes_to_whoever_answers_may_be_anybodys() -> None:
    kwargs = {"api_key": "of the template", "path": "x"}
    inner = {"plugins": [{"path": "x", "verbose": True}], "chat_template_kwargs": kwargs}
    assert inference_api.request_of({**SAID, **inner}).extra == inner
    for more in ({"path": "x"}, {"plugins": [{"base_url": "x"}]}, {"extra_body": {"trust": {}}}):
        with pytest.raises(errors.InvalidRequestError, match="cannot be set by a request"):
            inference_api.request_of({**SAID, **more})


def test_calls_of_tools_come_with_the_end_of_a_stream(serve: Serve) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}

    def behave(connection: Connection, request: Received) -> None:
        assert request.json["tools"][0]["function"]["name"] == "look"
        connection.start_stream()
        for delta, finish in (({"tool_calls": [{"index": 0, **call}]}, None), ({}, "tool_calls")):
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            connection.event({"id": "c", "object": "chat.completion.chunk", "choices": [choice]})
        connection.event("[DONE]")
        connection.end_stream()

    client = own_client(serve(behave).url)
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    *_, last = client.inference.stream(model="m", messages=MESSAGES, tools=[tool])
    assert last.choices[0]["delta"]["tool_calls"] == [call]


def test_a_caller_is_told_of_its_own_calls() -> None:
    providers = ProviderList(mock={"gpt-4": "Yes."}, log="usage")
    for caller in ("a", "a", "b", ""):
        request = inference_api.request_of(SAID)
        request.caller = caller
        inference_calls.inferred(providers.pipeline, request)
    for caller, count in (("a", 2), ("b", 1), ("c", 0), (None, 4)):
        analytics, performance = (
            providers.analytics("today", caller=caller),
            providers.performance("gpt-4", caller=caller),
        )
        assert analytics.total_requests == performance.total_requests == count
        assert (performance.p95_latency_ms is None) == (count == 0)


# Errors


@pytest.mark.parametrize("code", sorted(inference_errors._KINDS))
def test_an_error_is_the_same_on_the_other_side(code: str) -> None:
    kind = inference_errors._KINDS[code]
    made = kind("It failed: so.")
    made.__dict__.update({"provider": "p1", "retry_after": 7.5} if issubclass(kind, errors.ProviderError) else {})
    status_, headers, body = inference_errors.failure(made)
    read = inference_errors.error_of(status_, body, headers)
    assert type(read) is kind
    assert str(read) == "It failed: so."
    assert getattr(read, "retry_after", None) == getattr(made, "retry_after", None)
    assert getattr(read, "provider", None) == getattr(made, "provider", None)
    assert status_ in (400, 401, 402, 404, 429, 500, 503)


def test_errors_of_whoever_else_answers() -> None:
    for status_, kind in ((401, errors.AuthenticationError), (429, errors.RateLimitError), (502, errors.ProviderError)):
        for body in (None, [], {"error": "no"}, {"error": {"message": 3, "code": {}, "details": []}}):
            assert isinstance(inference_errors.error_of(status_, body, {"retry-after": "soon"}), kind)
    assert inference_errors.failure(KeyError("a secret"))[2]["error"]["message"].startswith("The request could not")
    assert "secret" not in str(inference_errors.failure(KeyError("a secret")))


# The gateway's token


def test_a_token_goes_to_its_gateway_only(serve: Serve) -> None:
    gateway, other = serve(), serve()
    access = gateway_access.GatewayAccess(f"http://127.0.0.1:{gateway.port}/v1/inference", "token-of-a-gateway")
    sender = Sender({})
    assert sender.send(access.request("GET", "/v1/models")).status == 200
    assert gateway.requests[0].key == "token-of-a-gateway"
    moved = access.request("GET", "/v1/models")
    moved.url = f"http://127.0.0.1:{other.port}/v1/models"
    with pytest.raises(WireError, match="goes there only"):
        sender.send(moved)
    with pytest.raises(WireError, match="a key goes to its owner only"):
        sender.send(Request("GET", f"http://127.0.0.1:{other.port}/", {"Authorization": "Bearer x"}))
    assert other.requests == []
    assert "token-of" not in f"{access!r} {vars(access)}"


@pytest.mark.parametrize(
    "address",
    ["http://gateway.example.com", "http://10.0.0.1:8484", "ftp://127.0.0.1", "http://a:b@127.0.0.1", "nowhere"],
)
def test_addresses_to_which_no_token_goes(address: str) -> None:
    with pytest.raises(ValueError, match=r"gateway"):
        Client("token", address, environ={})


@pytest.mark.parametrize("address", ["http://localhost:8484", "https://gateway.example.com/v1/inference/"])
def test_addresses_to_which_one_goes(address: str) -> None:
    assert "over" in repr(Client("token", address, environ={}))
    assert "token" not in repr(Client("token", address, environ={}))
    with pytest.raises(TypeError, match="without a gateway"):
        Client("token", address, environ={}, avoid="CN")


def test_what_answers_may_be_no_gateway(serve: Serve) -> None:
    another = serve(lambda connection, request: connection.reply(200, "hello"))
    for url, said in ((another.url, "no gateway of this kind"), ("http://127.0.0.1:9", "reached: connection refused")):
        with Client("t", url, environ={}) as client, pytest.raises(errors.ProviderUnavailableError, match=said):
            client.inference.create(**SAID)

    for body in ({}, {"responses": 3}, {"responses": [3]}):
        odd = serve(lambda connection, request, body=body: connection.reply(200, body))
        with Client("t", odd.url, environ={}) as client:
            assert client.inference.create(**SAID).content == ""
            with pytest.raises(errors.ProviderUnavailableError, match="no list of responses"):
                client.inference.batch([SAID])

    def ends(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event({"id": "x", "choices": [{"delta": {"content": "Once"}}]})
        connection.end_stream()

    with Client("t", serve(ends).url, environ={}) as client:
        stream = iter(client.inference.stream(SAID))
        assert next(stream).content == "Once"
        with pytest.raises(errors.ProviderUnavailableError, match="ended the stream early"):
            next(stream)


# What is kept


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 50), min_size=1), st.integers(1, 100))
def test_who_has_most_gives_most(sizes: dict[str, int], over: int) -> None:
    over = min(over, sum(sizes.values()))
    ordered = sorted(sizes.items(), key=lambda one: -one[1])
    gives = dict(replies._shares(ordered, over))
    left = [size - gives.get(caller, 0) for caller, size in sizes.items()]
    assert sum(gives.values()) == pytest.approx(over)
    assert all(gives[caller] == 0 or sizes[caller] - gives[caller] == pytest.approx(max(left)) for caller in gives)


@pytest.fixture(params=["memory", "file"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[replies.Replies, replies.Replies]:
    """The replies of two that share them."""
    if request.param == "memory":
        own = replies.Replies(None)
        return own, own
    path = str(tmp_path / "kept" / "replies.db")
    one, other = (replies.Replies(replies.Database(path, replies.MIGRATIONS)) for _ in range(2))
    return one, other


def test_a_reply_is_its_callers_alone_and_goes_with_it(both: tuple[replies.Replies, replies.Replies]) -> None:
    one, other = both
    assert one.put("a", "inf_1", {"id": "inf_1", "result": {"content": "\ud800 of a"}})
    assert one.put("a:b", "inf_2", {"id": "inf_2"})
    assert (other.get("a", "inf_1") or {})["id"] == "inf_1"
    for caller, id_ in (("b", "inf_1"), ("a", "inf_2"), ("a", "b:inf_2"), ("a", ""), ("", "inf_1"), ("a", "\ud800")):
        assert other.get(caller, id_) is None
    assert not other.remove("b", "inf_1")
    other.renew("a", ["inf_1", "missing"])
    assert not one.put("a", "large", {"text": "x" * (replies.LARGEST + 1)})
    assert one.get("a", "large") is None
    one.put("a", "inf_3", {"id": "inf_3"})
    assert other.remove("a", "inf_3")
    assert not one.remove("a", "inf_3")
    assert other.purge("a") == 1
    assert one.purge("a") == 0
    assert one.get("a", "inf_1") is None
    assert one.get("a:b", "inf_2") == {"id": "inf_2"}


def test_replies_are_kept_for_an_hour_by_caller_within_bounds(tmp_path: Path) -> None:
    moment = [1000.0]
    path = str(tmp_path / "kept" / "replies.db")
    base = replies.Database(path, replies.MIGRATIONS)
    kept = replies.Replies(base, clock=lambda: moment[0], most=5000)
    other = replies.Replies(replies.Database(path, replies.MIGRATIONS), clock=lambda: moment[0])
    kept.put("a", "inf_1", {"id": "inf_1", "result": {"content": "\ud800 secret-of-a"}})
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert (other.get("a", "inf_1") or {})["id"] == "inf_1"
    assert other.get("b", "inf_1") is None
    kept.put("b", "inf_2", {"id": "inf_2"})
    assert other.purge("a") == 1
    assert kept.get("a", "inf_1") is None
    assert kept.get("b", "inf_2") == {"id": "inf_2"}
    assert b"secret-of-a" not in b"".join(file.read_bytes() for file in (tmp_path / "kept").iterdir())
    moment[0] += 3600
    assert kept.get("b", "inf_2") is None
    kept.put("b", "inf_b", {"text": "x" * 100})
    for number in range(100):
        kept.put("a", f"inf_{number}", {"text": "x" * 100})
    count = sum(kept.get("a", f"inf_{number}") is not None for number in range(100))
    assert 0 < count * 100 <= 5000 + replies._LOOK * 150
    assert kept.get("a", "inf_99") is not None
    assert kept.get("b", "inf_b") is not None  # older than all of them, and of somebody who has little
    kept.put("a", "large", {"text": "x" * (replies.LARGEST + 1)})
    assert kept.get("a", "large") is None
    base.close()


def test_replies_in_memory_are_bounded_as_well() -> None:
    moment = [0.0]
    kept = kept_replies.KeptReplies(clock=lambda: moment[0], most=3)
    for number in range(5):
        kept.put("a", str(number), {"n": number})
    assert [kept.get("a", str(number)) for number in range(5)] == [None, None, {"n": 2}, {"n": 3}, {"n": 4}]
    assert kept.get("b", "4") is None
    assert (kept.purge("a"), kept.get("a", "4")) == (3, None)


def test_fields_are_attributes_and_compare_as_their_json() -> None:
    fields = Fields({"avg_latency_ms": 1500.0, "usage": {"total_tokens": 3}, "none_ms": None})
    assert (fields.avg_latency, fields.none, fields.usage.total_tokens, fields["usage"]) == (
        1.5, None, 3, {"total_tokens": 3},
    )  # fmt: skip
    assert fields == Fields(fields.as_dict()) == fields.as_dict()
    assert "avg_latency_ms" in dir(fields)


def test_a_gateway_keeps_replies_in_memory_where_it_has_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    broken = replies.Replies(replies.Database(str(tmp_path / "file" / "x.db"), replies.MIGRATIONS, warn=lambda _: None))
    broken.put("a", "inf_1", {"id": "inf_1"})
    assert broken.get("a", "inf_1") == {"id": "inf_1"}
    assert broken.get("b", "inf_1") is None


def test_a_reply_that_another_model_gave_says_so(serve: Serve) -> None:
    client = own_client(serve(answer).url)
    assert client.inference.create("m", MESSAGES).model == "m"
    assert client.inference.create("p1/m", MESSAGES).model == "m"
    assert client.inference.create("auto", MESSAGES).model == "m"


# Streams of a gateway that are long in coming


def opened(url: str, then: Callable[[Any], Any]) -> Any:
    """What *then* makes of a stream of a gateway that waits a hundredth of a second before it says so."""

    async def main() -> Any:
        made = service.Gateway(lambda: async_list_of(url), Settings(ping_seconds=0.01))
        body = {"model": "m", "messages": MESSAGES}
        incoming = Incoming("POST", "/v1/inference/stream", ADMIN, content=json.dumps(body).encode())
        outgoing = await inference_routes.stream(made, incoming)
        try:
            return await then(outgoing)
        finally:
            await outgoing.close()
            await made.providers.aclose()

    return asyncio.run(main())


def test_a_stream_that_is_long_in_coming_is_begun_with_comments(serve: Serve) -> None:
    for behaviour, last in ((answer, b"data: [DONE]\n\n"), (status(400, {"error": {"message": "no"}}), None)):
        go_on = threading.Event()

        def late(connection: Connection, request: Received, then: Any = behaviour, go_on: Any = go_on) -> None:
            go_on.wait(PATIENCE)
            then(connection, request)

        async def read(outgoing: Outgoing, go_on: threading.Event = go_on) -> list[bytes]:
            assert (outgoing.status, type(outgoing.content)) != (200, bytes)
            pieces: Any = outgoing.content
            first = await anext(pieces)
            go_on.set()
            return [first, *[piece async for piece in pieces]]

        pieces = opened(serve(late).url, read)
        assert pieces[0].startswith(b": ")
        events = [piece for piece in pieces if not piece.startswith(b": ")]
        if last is not None:
            assert events[-1] == last
        else:
            (event,) = events
            told = json.loads(event.removeprefix(b"data: "))
            assert (told["object"], told["error"]["code"]) == ("inference.error", "invalid_request")


def test_a_stream_that_nobody_reads_is_ended(serve: Serve) -> None:
    server = serve(lambda connection, request: connection.hold())

    async def leave(outgoing: Outgoing) -> None:
        pieces: Any = outgoing.content
        await anext(pieces)
        await asyncio.to_thread(server.keeps_waiting)

    opened(server.url, leave)
    assert server.left()

    def slow(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event({"choices": [{"index": 0, "delta": {"content": "Once"}, "finish_reason": None}]})
        connection.hold()

    begun = serve(slow)

    async def unread(outgoing: Outgoing) -> None:
        await asyncio.to_thread(begun.keeps_waiting)

    opened(begun.url, unread)
    assert begun.left()


@pytest.mark.parametrize(
    ("said", "parameter", "expected"),
    [
        ({"max_tokens": "5"}, "max_tokens", "integer"),
        ({"max_tokens": 0}, "max_tokens", "integer"),
        ({"temperature": 9}, "temperature", "number"),
        ({"stop": 5}, "stop", "string or array"),
        ({"tools": {}}, "tools", "array"),
        ({"quality_threshold": 2}, "quality_threshold", "number"),
        ({"provider": "nobody"}, "provider", "string"),
        ({"fallback_providers": ["openai", "nobody"], "provider": "openai"}, "fallback_providers", "array"),
        ({"avoid": ["nobody"]}, "avoid", "array"),
        ({"cache_config": {"enabled": True, "key_strategy": "semantic_similarity"}}, "cache_config", "object"),
    ],
)
def test_details_name_the_parameter_and_its_type(said: dict[str, Any], parameter: str, expected: str) -> None:
    with Client(mock={"gpt-4": "Hi"}) as client, pytest.raises(errors.InvalidRequestError) as wrong:
        client.inference.create(**{**SAID, **said})
    assert wrong.value.details == {"parameter": parameter, "expected_type": expected}

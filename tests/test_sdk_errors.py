"""What fails in the end, as programs over an SDK client see it: kind, status, when to come back, which request it was."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest

from inference_providers import AllProvidersFailedError, ContentFilteredError, Policy, ProviderError
from inference_providers.attempts import Attempt
from inference_providers.clients.sdk_errors import sdk_error
from inference_providers.errors import (
    AuthenticationError,
    InvalidRequestError,
    ProviderUnavailableError,
    RateLimitError,
    TruncatedStreamError,
)
from tests.conftest import keys, list_of
from tests.servers import Connection, Received, Server, completion, delta, status

Serve = Callable[..., Server]
MESSAGES: Any = [{"role": "user", "content": "hi"}]
ONCE = Policy(tries=1)


def caught(kind: str, urls: list[str], stream: bool = False, **options: Any) -> openai.APIError:
    """The SDK's error of a call that fails, by a synchronous or an asynchronous client."""
    timeout = options.pop("timeout", 30.0)
    made = list_of(*urls, **options)
    if kind == "sync":
        with pytest.raises(openai.APIError) as error, made.client(timeout=timeout) as client:
            client.chat.completions.create(model="m", messages=MESSAGES, stream=stream)
        return error.value

    async def main() -> None:
        async with made.async_client(timeout=timeout) as client:
            await client.chat.completions.create(model="m", messages=MESSAGES, stream=stream)

    with pytest.raises(openai.APIError) as error:
        asyncio.run(main())
    return error.value


KINDS = pytest.mark.parametrize(("kind", "stream"), list(itertools.product(("sync", "async"), (False, True))))


@KINDS
def test_what_frameworks_back_off_by_is_kept(serve: Serve, kind: str, stream: bool) -> None:
    key = keys(1)["P1_API_KEY"]
    told = {
        "retry-after": "7",
        "x-request-id": "req_1",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-who": key,
        "x-secret": "of nobody's business",
    }
    server = serve(status(429, {"error": {"message": "slow down", "code": "rate"}}, told))
    error = caught(kind, [server.url], stream, policy=ONCE)
    assert isinstance(error, openai.RateLimitError)
    assert error.response.headers["retry-after"] == "7"
    assert error.response.headers["retry-after-ms"] == "7000"
    assert error.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert error.response.headers["x-inference-provider"] == "p1"
    assert error.request_id == error.response.headers["x-request-id"] == "req_1"
    assert "x-secret" not in error.response.headers
    assert key not in str(dict(error.response.headers))
    assert error.status_code == 429
    assert error.code == "rate"
    cause: Any = error.__cause__
    assert cause.attempts[-1].error.request_id == "req_1"


@pytest.mark.parametrize("name", ["request-id", "x-amzn-requestid", "apim-request-id", "cf-ray"])
def test_a_request_id_is_found_wherever_a_provider_puts_it(serve: Serve, name: str) -> None:
    server = serve(status(400, {"error": {"message": "no"}}, {name: "id-1"}))
    error: Any = caught("sync", [server.url])
    assert error.request_id == "id-1"


def test_a_wait_that_is_said_in_words_is_a_header_too(serve: Serve) -> None:
    server = serve(status(429, {"error": {"message": "Please try again in 5.289s"}}))
    error: Any = caught("sync", [server.url], policy=ONCE, timeout=5.0)
    assert error.response.headers["retry-after"] == "6"
    assert error.response.headers["retry-after-ms"] == "5289"


def test_the_shortest_wait_stands_for_all(serve: Serve) -> None:
    slow = [serve(status(429, {"error": {"message": "no"}}, {"retry-after": wait})) for wait in ("90", "20", "40")]
    error: Any = caught("sync", [server.url for server in slow], policy=ONCE)
    assert isinstance(error, openai.RateLimitError)
    assert error.response.headers["retry-after"] == "20"


@KINDS
def test_a_call_out_of_time_is_a_timeout_whatever_failed_before(serve: Serve, kind: str, stream: bool) -> None:
    broken, slow = serve(status(500, {"error": {"message": "oh"}})), serve(lambda c, r: c.hold())
    error = caught(kind, [broken.url, slow.url], stream, timeout=1.5, policy=ONCE)
    assert type(error) is openai.APITimeoutError
    assert isinstance(error.__cause__, AllProvidersFailedError)
    assert [attempt.status for attempt in error.__cause__.attempts] == [500, None]
    assert "p2" in str(error)


@pytest.mark.parametrize("order", list(itertools.permutations([429, 500, 404])))
def test_which_failure_stands_for_all_does_not_hang_on_the_order(serve: Serve, order: tuple[int, ...]) -> None:
    servers = [serve(status(code, {"error": {"message": f"it was {code}"}})) for code in order]
    error = caught("sync", [server.url for server in servers], policy=ONCE)
    assert type(error) is openai.RateLimitError
    assert isinstance(error.__cause__, AllProvidersFailedError)
    assert {attempt.status for attempt in error.__cause__.attempts} == {429, 500, 404}


FAILURES = [
    (InvalidRequestError("no", status=400), openai.BadRequestError),
    (AuthenticationError("no", status=401), openai.AuthenticationError),
    (AuthenticationError("no", status=403), openai.PermissionDeniedError),
    (RateLimitError("no", status=429), openai.RateLimitError),
    (ProviderUnavailableError("no", status=503), openai.InternalServerError),
    (ProviderUnavailableError("no", status=404), openai.NotFoundError),
    (ProviderUnavailableError("no", code="connect"), openai.APIConnectionError),
]


@pytest.mark.parametrize("pair", list(itertools.permutations(range(len(FAILURES)), 2)))
def test_the_most_telling_of_two_failures_is_the_same_both_ways_round(pair: tuple[int, int]) -> None:
    request = httpx2.Request("POST", "http://x.invalid/v1/chat/completions")
    attempts = [Attempt("p", "m", "no", error=FAILURES[place][0]) for place in pair]
    one = sdk_error(AllProvidersFailedError("no", attempts), request)
    other = sdk_error(AllProvidersFailedError("no", attempts[::-1]), request)
    assert type(one) is type(other)
    assert type(one) in {FAILURES[place][1] for place in pair}


def test_a_failure_that_has_no_status_of_its_own_is_of_the_sdks_kind_all_the_same() -> None:
    request = httpx2.Request("POST", "http://x.invalid/v1/chat/completions")
    assert type(sdk_error(InvalidRequestError("nothing was sent"), request)) is openai.BadRequestError
    assert type(sdk_error(ContentFilteredError("withheld", status=200), request)) is openai.BadRequestError
    assert type(sdk_error(AuthenticationError("refused before"), request)) is openai.AuthenticationError
    assert type(sdk_error(ProviderError("gone", code="connect"), request)) is openai.APIConnectionError


def raw(client: openai.OpenAI, content: bytes, kind: str = "application/json", path: str = "chat/completions") -> Any:
    """What a program gets that sends bytes of its own through a client."""
    return client._client.post(f"{client.base_url}{path}", content=content, headers={"content-type": kind})


@pytest.mark.parametrize(
    "content", [b"{broken", b"[1]", b'"text"', b"", b'{"model": "m"', b"\xff\xfe", b"[" * 200_000, b"1e", b"null"]
)
def test_what_is_no_json_object_is_a_bad_request_and_nobody_is_asked(serve: Serve, content: bytes) -> None:
    server = serve()
    with list_of(server.url).client() as client, pytest.raises(openai.BadRequestError) as error:
        raw(client, content)
    assert error.value.status_code == 400
    assert "Nothing was sent" in str(error.value)
    assert server.requests == []


def test_a_request_that_has_no_body_by_right_goes_on(serve: Serve) -> None:
    def cancelled(connection: Connection, request: Received) -> None:
        assert request.body == b""
        connection.reply(200, {"id": "batch_1", "object": "batch", "status": "cancelling"})

    server = serve(cancelled)
    with list_of(server.url).client() as client:
        assert client.batches.cancel("batch_1").status == "cancelling"


FORM = (
    '--X\r\nContent-Disposition: form-data; name="file"; filename="model"\r\n\r\n'
    '; name="model"\r\n\r\nnot-this-one\r\n'
    "--X\r\n{head}\r\n\r\n{model}\r\n--X--\r\n"
)


@pytest.mark.parametrize(
    "head",
    [
        'Content-Disposition: form-data; name="model"',
        "Content-Disposition: form-data; name=model",
        "content-disposition: form-data; NAME=model",
        "Content-Disposition: form-data; name=model; charset=utf-8\r\nContent-Type: text/plain",
        'Content-Type: text/plain\r\nContent-Disposition:form-data;name="model"',
    ],
)
def test_a_form_names_its_model_quoted_or_not(serve: Serve, head: str) -> None:
    def transcribed(connection: Connection, request: Received) -> None:
        connection.reply(200, {"text": "hello"})

    first, second = serve(), serve(transcribed)
    with list_of(first.url, second.url).client() as client:
        raw(client, FORM.format(head=head, model="p2/m").encode(), "multipart/form-data; boundary=X", "audio/x")
    assert first.asked == []
    assert second.asked[0].body == FORM.format(head=head, model="m-internal").encode()


def test_the_callers_headers_go_to_whoever_answers_but_for_secrets_and_what_proxies_put_there(serve: Serve) -> None:
    server = serve()
    given = {
        "X-Title": "mine", "HTTP-Referer": "https://mine.example", "OpenAI-Beta": "assistants=v2",
        "Idempotency-Key": "i-1", "X-Session-Id": "s-1", "traceparent": "00-1-1-00", "anthropic-beta": "tools",
    }  # fmt: skip
    kept_back = {
        "X-Api-Key": "visitor's", "x-goog-api-key": "k", "Cookie": "c", "Authorization": "Bearer visitor's",
        "X-Forwarded-For": "10.0.0.1", "X-Real-IP": "10.0.0.1", "Forwarded": "for=10.0.0.1", "X-Auth-Request-Email": "e",
        "X-Amz-Security-Token": "t", "X-CSRF-Token": "t", "CF-Connecting-IP": "10.0.0.1", "Referer": "https://r",
        "Proxy-Authorization": "p", "Helicone-Auth": "h", "OpenAI-Organization": "org", "Origin": "https://o",
    }  # fmt: skip
    with list_of(server.url).client() as client:
        client.chat.completions.create(model="m", messages=MESSAGES, extra_headers={**given, **kept_back})
    seen = server.asked[0].headers
    assert {name.lower(): value for name, value in given.items()}.items() <= seen.items()
    assert not [name for name in kept_back if name.lower() in seen and name != "Authorization"]
    assert seen["authorization"] == f"Bearer {keys(1)['P1_API_KEY']}"


def test_a_client_of_one_provider_sends_it_what_its_user_sets(serve: Serve) -> None:
    server = serve()
    client, name = list_of(server.url).connect_to_model("m")
    client.chat.completions.create(
        model=name, messages=MESSAGES, extra_headers={"X-Api-Key": "its-own", "Cookie": "c", "OpenAI-Beta": "b"}
    )
    assert server.asked[0].headers["x-api-key"] == "its-own"
    assert server.asked[0].headers["openai-beta"] == "b"
    assert "cookie" not in server.asked[0].headers
    client.close()


def test_what_is_kept_without_a_model_gets_none(serve: Serve) -> None:
    def store(connection: Connection, request: Received) -> None:
        connection.reply(200, {"id": "vs_1", "object": "vector_store", "name": "n"} if request.body else completion())

    server = serve(store)
    with list_of(server.url).client() as client:
        client.vector_stores.create(name="n")
    assert server.asked[0].json == {"name": "n"}


def test_a_good_answer_brings_its_request_id(serve: Serve) -> None:
    def named(connection: Connection, request: Received) -> None:
        connection.reply(200, completion("hello", request.json["model"]), {"x-request-id": "req_9"})

    with list_of(serve(named).url).client() as client:
        assert client.chat.completions.create(model="m", messages=MESSAGES)._request_id == "req_9"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_a_stream_breaks_of_is_what_the_sdk_has_for_it(serve: Serve, kind: str) -> None:
    def broken(end: Callable[[Connection], None]) -> Server:
        def behave(connection: Connection, request: Received) -> None:
            connection.start_stream()
            connection.event(delta("he"))
            end(connection)

        return serve(behave)

    ends: list[tuple[Callable[[Connection], None], type[openai.APIError]]] = [
        (lambda c: c.reset(), openai.APIConnectionError),
        (lambda c: c.hold(), openai.APITimeoutError),
        (lambda c: c.event({"error": {"message": "no", "code": "c", "type": "t"}}), openai.APIError),
    ]
    for end, expected in ends:
        error = in_stream(kind, broken(end).url)
        assert type(error) is expected
        assert isinstance(error.__cause__, TruncatedStreamError)
        assert error.__cause__.partial == "he"
        if expected is openai.APIError:
            assert (error.code, error.type, error.body) == ("c", "t", {"message": "no", "code": "c", "type": "t"})


def in_stream(kind: str, url: str) -> openai.APIError:
    """The SDK's error that comes out of a stream."""
    made = list_of(url, policy=ONCE)
    asked: dict[str, Any] = {"model": "m", "messages": MESSAGES, "stream": True, "timeout": 0.4}

    async def main() -> None:
        async for _ in await made.async_client().chat.completions.create(**asked):
            pass

    with pytest.raises(openai.APIError) as error:
        if kind == "async":
            asyncio.run(main())
        for _ in made.client().chat.completions.create(**asked):
            pass
    return error.value


@pytest.mark.parametrize(
    ("body", "status_code", "code"),
    [
        ({"model": "no-such-model"}, 404, "model_not_found"),
        ({"model": ""}, 404, "model_not_found"),
        ({"model": ["m"]}, 400, "invalid_model"),
        ({"model": 3}, 400, "invalid_model"),
        ({"models": 3}, 400, "invalid_model"),
        ({"models": ["m", None]}, 400, "invalid_model"),
        ({"avoid": "p1"}, 400, "provider_avoided"),
        ({"avoid": 3}, 400, None),
        ({"only": {"p1": True}}, 400, None),
        ({"only": []}, 400, None),
        ({"only": ["nobody-at-all"]}, 400, None),
    ],
)
def test_what_is_wrong_with_a_request_is_said_in_openais_form_and_nobody_is_asked(
    serve: Serve, body: dict[str, Any], status_code: int, code: str | None
) -> None:
    server = serve()
    with list_of(server.url).client() as client, pytest.raises(openai.APIStatusError) as error:
        client.chat.completions.create(model="m", messages=MESSAGES, extra_body=body)
    assert (error.value.status_code, error.value.code) == (status_code, code)
    assert error.value.response.json()["error"] == error.value.body
    assert server.asked == []


@pytest.mark.parametrize("model", [["m"], 3, {}])
def test_so_it_is_for_a_client_of_one_provider(serve: Serve, model: Any) -> None:
    server = serve()
    with list_of(server.url).connect_to_model("p1/m").client as client, pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model=model, messages=MESSAGES)
    assert server.asked == []


def test_a_chat_with_a_query_is_judged_as_any_other(serve: Serve) -> None:
    empty, good = (
        serve(lambda c, r: c.reply(200, {**completion("no"), "choices": []})),
        serve(status(200, completion())),
    )
    with list_of(empty.url, good.url).client() as client:
        said = client.chat.completions.create(model="m", messages=MESSAGES, extra_query={"api-version": "1"})
    assert said.choices[0].message.content == "hello"
    assert [server.asked[0].path for server in (empty, good)] == ["/v1/chat/completions?api-version=1"] * 2


@pytest.mark.parametrize(
    ("terms", "asked"),
    [
        ({"only": "p2"}, [0, 1]),
        ({"only": ["p2"]}, [0, 1]),
        ({"avoid": ["p1", "p3"]}, [0, 1]),
        ({"models": ["p2/m", "p1/m"]}, [0, 1]),
        ({"avoid": "p2"}, [1, 0]),
        ({}, [1, 0]),
    ],
)
def test_terms_of_a_form_hold_and_are_not_sent(serve: Serve, terms: dict[str, Any], asked: list[int]) -> None:
    servers = [serve(lambda c, r: c.reply(200, {"text": "said", "created": 1})) for _ in range(3)]
    with list_of(*(server.url for server in servers)).client() as client:
        calls: list[Callable[[], Any]] = [
            lambda: client.audio.transcriptions.create(model="m", file=("only.wav", b"avoid"), extra_body=terms),
            lambda: client.images.edit(model="m", image=[("a", b"1"), ("b", b"2")], prompt="only", extra_body=terms),
        ]
        for number, call in enumerate(calls, 1):
            call()
            assert [len(server.asked) for server in servers] == [number * asked[0], number * asked[1], 0]
    sent = next(server for server in servers if server.asked).asked
    for request in sent:
        assert not [name for name in ("avoid", "only", "models") if f'; name="{name}'.encode() in request.body]
        assert b"m-internal" in request.body
        assert request.body.endswith(b"--\r\n")
    assert b"avoid" in sent[0].body  # what the file holds
    assert b"only" in sent[1].body  # what the prompt says


def test_terms_of_a_form_that_name_nobody_are_refused(serve: Serve) -> None:
    server = serve()
    with list_of(server.url).client() as client, pytest.raises(openai.BadRequestError, match="nobody-at-all"):
        client.audio.transcriptions.create(model="m", file=("a", b"1"), extra_body={"only": ["nobody-at-all"]})
    assert server.requests == []


def test_what_one_provider_says_again_is_told_once(serve: Serve) -> None:
    long = "Rate limit reached in your organization: limit 30000, used 30000, requested 500."
    server = serve(status(429, {"error": {"message": long, "code": "rate_limit_exceeded"}}))
    error = caught("sync", [server.url], stream=False)
    assert error.message == f"p1: {long} (HTTP 429); 2 attempts at p1/m-internal, all alike"

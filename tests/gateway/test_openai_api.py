"""OpenAI's API over the gateway: bytes in, bytes out, and who is asked."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.gateway.inside import Inside, post, statuses
from tests.running import Running
from tests.servers import Server

Start = Callable[..., Running]
Serve = Callable[..., Server]
CHAT = "/v1/chat/completions"


def test_a_request_goes_on_as_it_came_but_for_the_model(start: Start, serve: Serve) -> None:
    server = serve()
    raw = b'{"messages":[{"role":"user","content":"a\\ud800b"}],  "model" : "gpt-4o-mini","x_big":1e400,"x":[1.0, 2]}'
    status, headers, body = start(server.url).ask("POST", CHAT, raw)
    assert status == 200, body
    assert server.requests[0].body == raw.replace(b'"gpt-4o-mini"', b'"gpt-4o-mini-internal"')
    assert json.loads(body)["choices"][0]["message"]["content"]
    assert headers["x-inference-provider"] == "p1"
    assert headers["x-inference-canonical-model"] == "gpt-4o-mini"


def test_headers_of_the_caller_stay_here(start: Start, serve: Serve) -> None:
    server = serve()
    own = {"Cookie": "a=b", "X-Forwarded-For": "10.0.0.1", "User-Agent": "somebody", "x-api-key": "secret-of-mine"}
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
    gateway = start(server.url)
    assert gateway.ask("POST", CHAT, body, own)[0] == 200
    raw = server.requests[0].raw
    for said in (*own.values(), gateway.token):
        assert said.encode() not in raw


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/chat/completions", "but /v1/chat/completions: give the program an address that ends with /v1."),
        ("/v1/v1/messages", "but /v1/messages: give the program an address that ends without /v1."),
        ("/v1/v1beta/models/gpt-4o:generateContent", "an address that ends without /v1."),
        ("/v1/api/chat", "but /api/chat: give"),
        ("/chat", "; GET /openapi.json lists them."),
        ("//", "; GET /openapi.json lists them."),
        (f"/x/v1beta/models/{'a' * 300}:generateContent", "; GET /openapi.json lists them."),
    ],
)
def test_a_path_with_too_much_or_too_little_before_it_is_told_which_is_meant(
    gateway: Inside, path: str, said: str
) -> None:
    reply = gateway.raw(post({}, path=path))
    assert statuses(reply) == [404]
    assert said in json.loads(reply.partition(b"\r\n\r\n")[2])["error"]["message"]


def test_a_failure_of_nobody_has_no_header_for_somebody(gateway: Inside) -> None:
    reply = gateway.raw(post(b"{", path=CHAT))
    assert statuses(reply) == [400]
    assert b"x-inference-provider" not in reply

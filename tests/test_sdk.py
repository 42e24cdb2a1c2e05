"""SDK clients: real ones, that send their provider's key to their provider and nothing else to anybody."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest

from inference_providers import AuthenticationError, ProviderList
from inference_providers.protocols import fit
from inference_providers.protocols.request import ModelRequest
from tests.conftest import async_list_of, keys, list_of
from tests.servers import Server, answer, status

Serve = Callable[..., Server]
MESSAGES: Any = [{"role": "user", "content": "hi"}]


def test_nothing_of_openais_environment_reaches_another_provider(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_WEBHOOK_SECRET"):
        monkeypatch.setenv(name, f"canary-{name.lower()}")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Corp: canary-corp\nAuthorization: canary-custom")
    server = serve()
    client, name = list_of(server.url).connect_to_model("m")
    asked = [client, client.with_options(timeout=5), client.copy(), client.with_options(max_retries=0).copy()]
    for one in asked:
        one.chat.completions.create(model=name, messages=MESSAGES)
    monkeypatch.delenv("OPENAI_CUSTOM_HEADERS")
    client.chat.completions.create(model=name, messages=MESSAGES)
    assert len(server.asked) == 5
    for request in server.asked:
        assert b"canary-o" not in request.raw.lower()
        assert b"canary-c" not in request.raw
        assert request.key == keys(1)["P1_API_KEY"]
    client.close()


def test_a_client_sends_to_its_own_origin_only(serve: Serve) -> None:
    mine, other = serve(), serve()
    root = mine.url.removesuffix("/v1")
    client, name = list_of(root).connect_to_model("m")
    invalid = sys.modules[type(client.base_url).__module__.partition(".")[0]].InvalidURL  # openai 2 has httpx's URLs
    for base in (
        other.url,
        f"http://127.0.0.1:{mine.port}@127.0.0.1:{other.port}/v1",
        f"{root}.evil.example",
        f"{root}0/v1",
    ):
        with pytest.raises((openai.OpenAIError, httpx2.HTTPError, invalid)):
            client.with_options(base_url=base, max_retries=0).chat.completions.create(model=name, messages=MESSAGES)
    assert other.requests == []
    client.close()


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_even_when_asked_for(serve: Serve, code: int) -> None:
    other = serve()
    server = serve(status(code, None, {"Location": other.url + "/chat/completions"}))
    client, name = list_of(server.url).connect_to_model("m")
    with pytest.raises(openai.APIError):
        client.with_options(max_retries=0).post(
            "/chat/completions",
            body={"model": name, "messages": MESSAGES},
            cast_to=object,
            options={"follow_redirects": True},
        )
    assert other.requests == []
    client.close()


def test_openais_own_organisation_reaches_openai_alone(serve: Serve) -> None:
    environ = {"OPENAI_API_KEY": "canary-openai-key", "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"}
    (offer,) = ProviderList(environ=environ, local=False).find_model_providers("gpt-4")
    assert fit(ModelRequest({}), offer).to_send().headers["OpenAI-Organization"] == "org-1"
    elsewhere = ProviderList(environ={**environ, "OPENAI_BASE_URL": serve().url}, local=False)
    assert [dict(o.headers) for o in elsewhere.find_model_providers("gpt-4")] == [{}]


def test_no_proxy_is_used_for_this_machine_in_any_spelling(serve: Serve) -> None:
    proxy, server = serve(lambda c, r: c.reply(502, "the proxy was asked")), serve()
    environ = {"http_proxy": f"http://127.0.0.1:{proxy.port}", "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    for host in ("127.0.0.1", "localhost", "127.1", "2130706433"):
        made = list_of(f"http://{host}:{server.port}/v1", environ=environ)
        assert made.ask_ai("hi") == "hello"
    assert proxy.requests == []


def test_a_proxy_is_used_for_others_but_those_excepted(serve: Serve) -> None:
    from inference_providers.credentials.hosts import address_of
    from inference_providers.transport.origins import proxy_for

    environ = {"https_proxy": "http://proxy.example:3128", "NO_PROXY": "internal.example,.corp.example"}
    assert (
        str(proxy_for(address_of("https://api.openai.com/v1"), environ))
        == "<Proxy https_proxy=http://proxy.example:3128>"
    )
    assert proxy_for(address_of("https://x.internal.example/v1"), environ) is None
    assert proxy_for(address_of("https://corp.example/v1"), environ) is None
    assert proxy_for(address_of("http://10.0.0.1/v1"), environ) is None


@pytest.mark.parametrize(
    "echo",
    [
        {"error": {"message": "Incorrect API key provided: KEY"}},
        {"error": {"message": "no", "code": "KEY"}},
        "x" * 290 + " KEY",
        {"error": "KEY", "type": "KEY"},
        '{"error": "KEY"',
    ],
)
def test_a_key_that_a_server_echoes_is_in_no_error(serve: Serve, echo: Any) -> None:
    import json

    key = keys(1)["P1_API_KEY"]
    body = json.loads(json.dumps(echo).replace("KEY", key))
    made = list_of(serve(status(401, body)).url)
    client, name = made.connect_to_model("m")
    caught: list[BaseException] = []
    for call in (
        lambda: made.ask_ai("hi"),
        lambda: made.get_response(client, name, "hi"),
        lambda: made.get_response(client.with_options(api_key="other"), name, "hi"),
    ):
        with pytest.raises(Exception) as info:
            call()
        caught.append(info.value)
    for error in caught:
        shown = (
            "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
            + repr(error)
            + repr(vars(error))
        )
        assert key not in shown
        assert key[:12] not in shown
    client.close()


def test_local_variables_in_tracebacks_show_no_key(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    from inference_providers import ask_ai

    monkeypatch.setenv("OPENAI_API_KEY", "canary-in-the-environment")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    for call in (
        lambda: ask_ai("hi", model="no-such-model-zzz"),
        lambda: ask_ai("hi"),
        lambda: ProviderList(json_override={"providers": 5}),
    ):
        try:
            call()
        except Exception as error:  # noqa: BLE001  (whatever it is, its traceback is looked at)
            frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
            ours = [str(frame.locals) for frame in frames if "inference_providers/" in frame.filename]
            assert ours
            assert "canary-in-the-environment" not in "".join(ours)


def test_a_key_put_in_the_wrong_field_is_not_repeated() -> None:
    from inference_providers import RegistryError

    for connection in (
        {"api_key": "sk-proj-canary-123"},
        {"headers": {"Authorization": "Bearer canary-123"}},
        {"endpoint": "https://user:canary-123@h.example"},
    ):
        with pytest.raises(RegistryError) as caught:
            ProviderList(json_merge={"providers": {"x": {"connection": connection}}})
        assert "canary-123" not in str(caught.value)


def test_streams_pass_through_the_client(serve: Serve) -> None:
    client, name = list_of(serve().url).connect_to_model("m")
    chunks = client.chat.completions.create(model=name, messages=MESSAGES, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello"
    client.close()


def test_async_streams_pass_through_the_client(serve: Serve) -> None:
    async def main() -> str:
        client, name = await async_list_of(serve().url).connect_to_model("m")
        async with client:
            chunks = await client.chat.completions.create(model=name, messages=MESSAGES, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])

    assert asyncio.run(main()) == "hello"


def test_timeouts_are_the_sdks_own(serve: Serve) -> None:
    def silent(connection: Any, request: Any) -> None:
        if request.path.endswith("/models"):
            answer(connection, request)
        else:
            connection.hold()

    client, name = list_of(serve(silent).url).connect_to_model("m")
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.2, max_retries=0).chat.completions.create(model=name, messages=MESSAGES)
    client.close()


def test_sdk_errors_become_ours_in_get_response(serve: Serve) -> None:
    made = list_of(serve(status(401, {"error": {"message": "bad key"}})).url)
    client, name = made.connect_to_model("m")
    with pytest.raises(AuthenticationError, match="bad key"):
        made.get_response(client, name, "hi")
    client.close()

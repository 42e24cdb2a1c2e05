"""SDK clients in programs: lists of models for pickers, closing, other event loops than asyncio's, WebSockets."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx2
import openai
import pytest

from inference_providers import AsyncProviderList, ProviderList
from tests.conftest import async_list_of, keys, list_of, registry_of
from tests.servers import Server

Serve = Callable[..., Server]
MESSAGES: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
def many(serve: Serve) -> tuple[openai.OpenAI, list[Server]]:
    """A client of two providers with four models, one of which the priority list has, and one provider without a key."""
    servers = [serve(), serve()]
    registry = registry_of(*(server.url for server in servers), "http://127.0.0.1:9/v1")
    providers = registry["providers"]
    providers["p1"]["model_names"] |= {"zeta": "z-1", "alpha": "a-1"}
    providers["p2"]["model_names"] |= {"alpha": "a-2", "beta": "b-2"}
    providers["p3"]["model_names"] |= {"gamma": "g-3"}
    return ProviderList(json_override=registry, environ=keys(2), local=False).client(), servers


def test_each_model_that_can_be_asked_is_one_row(many: Any) -> None:
    client, servers = many
    rows = client.models.list().data
    assert [(row.id, row.owned_by) for row in rows] == [("m", "p1"), ("alpha", "p1"), ("beta", "p2"), ("zeta", "p1")]
    assert {row.object for row in rows} == {"model"}
    assert [server.requests for server in servers] == [[], []]


def test_one_model_is_a_row_of_the_list_whatever_it_is_called(many: Any) -> None:
    client, servers = many
    rows = {row.id: row for row in client.models.list()}
    for name in rows:
        assert client.models.retrieve(name) == rows[name]
    assert client.models.retrieve("BETA") == client.models.retrieve("p2/beta") == rows["beta"]
    assert client.models.retrieve("p1/of-its-own").id == "p1/of-its-own"
    with pytest.raises(openai.NotFoundError, match="no-such-model-at-all"):
        client.models.retrieve("no-such-model-at-all")
    with pytest.raises(openai.AuthenticationError, match="P3_API_KEY"):
        client.models.retrieve("gamma")
    assert [server.requests for server in servers] == [[], []]


def test_so_it_is_for_asyncio_and_for_a_client_with_models_of_its_own(serve: Serve) -> None:
    made = async_list_of(serve().url, more={"second": "second-internal"})

    async def main() -> list[str]:
        async with made.client("second") as client:
            assert (await client.models.retrieve("M")).id == "m"
            return [model.id async for model in client.models.list()]

    assert sorted(asyncio.run(main())) == ["m", "second"]


def test_a_client_of_one_provider_has_that_ones_list(serve: Serve) -> None:
    client, _ = list_of(serve().url).connect_to_model("m")
    assert [model.id for model in client.models.list()] == ["m-internal"]
    client.close()


CLOSING = """
import asyncio, gc, sys
from tests.conftest import async_list_of, list_of
from tests.servers import Server
server = Server()
ask = dict(model="m", messages=[{"role": "user", "content": "hi"}])

async def gone(lists):
    for _ in range(2000):
        if not server._open:
            return
        gc.collect()
        await asyncio.sleep(0.02)
    raise SystemExit(f"{len(server._open)} connections are open")

async def main():
    kept = []
    for way in WAYS:
        made = async_list_of(server.url)
        await way(made, kept)
        del made
        await gone(kept)

async def closed(made, kept):
    kept.append(made)
    client = made.client()
    await client.chat.completions.create(**ask)
    await client.close()

async def block(made, kept):
    kept.append(made)
    async with made.client() as client:
        await client.chat.completions.create(**ask)
        async for _ in await client.chat.completions.create(**ask, stream=True):
            pass

async def connected(made, kept):
    kept.append(made)
    client, name = await made.connect_to_model("m")
    async with client:
        await client.chat.completions.create(model=name, messages=ask["messages"])

async def dropped(made, kept):
    await made.ask_ai("hi")
    await made.client().chat.completions.create(**ask)

async def left(made, kept):
    async for _ in await made.client().chat.completions.create(**ask, stream=True):
        break

WAYS = (closed, block, connected, dropped, left)
END
"""
ENDS = {
    "asyncio.run": "asyncio.run(main())",
    "a notebook that runs a cell again": """
loop = asyncio.new_event_loop()
for _ in range(3):
    made = async_list_of(server.url)
    loop.run_until_complete(made.ask_ai("hi"))
made = None
loop.run_until_complete(gone([]))
loop.run_until_complete(main())
loop.close()
""",
    "a loop that is only closed": """
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
loop.run_until_complete(async_list_of(server.url).ask_ai("hi"))
loop.close()
""",
    "a loop that is never closed": """
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
made = async_list_of(server.url)
loop.run_until_complete(made.client().chat.completions.create(**ask))
""",
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_said_about_connections_and_none_is_left(end: str) -> None:
    """In a program with Python's own filter of warnings, as users run it."""
    script = CLOSING.replace("END", ENDS[end])
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_closing_one_client_leaves_the_others_of_its_list_working(serve: Serve) -> None:
    server = serve()
    made = list_of(server.url)
    one, other = made.client(), made.client()
    stream = other.chat.completions.create(model="m", messages=MESSAGES, stream=True)
    next(iter(stream))
    one.chat.completions.create(model="m", messages=MESSAGES)
    one.close()
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "llo"
    assert other.chat.completions.create(model="m", messages=MESSAGES).choices[0].message.content == "hello"
    other.close()


def test_a_stream_of_one_asynchronous_client_outlives_another(serve: Serve) -> None:
    made = async_list_of(serve().url)

    async def main() -> str:
        other = made.client()
        stream = await other.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        async with made.client() as one:
            await one.chat.completions.create(model="m", messages=MESSAGES)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(main()) == "hello"


def without_asyncio(coroutine: Any) -> None:
    """Run a coroutine as another library's event loop would."""
    try:
        coroutine.send(None)
    finally:
        coroutine.close()


@pytest.mark.parametrize("what", ["ask_ai", "client", "connect", "stream", "batch"])
def test_outside_asyncio_it_says_what_is_needed(serve: Serve, what: str) -> None:
    made: AsyncProviderList = async_list_of(serve().url)

    async def streamed() -> None:
        async with made.stream("hi", "m"):
            pass

    async def batched() -> None:
        async for _ in made.batch(["hi"]):
            pass

    request = httpx2.Request("GET", "http://inference-providers.invalid/v1/models")
    calls: dict[str, Callable[[], Any]] = {
        "ask_ai": lambda: made.ask_ai("hi", "m"),
        "client": lambda: made.client()._client._transport.handle_async_request(request),  # the SDK looks for trio
        "connect": lambda: made.connect_to_model("m"),
        "stream": streamed,
        "batch": batched,
    }
    with pytest.raises((RuntimeError, openai.APIConnectionError), match=r"needs asyncio.*ProviderList in a thread"):
        without_asyncio(calls[what]())


@pytest.mark.parametrize("copied", [False, True])
def test_a_client_of_all_says_how_to_get_a_websocket(serve: Serve, copied: bool) -> None:
    made = list_of(serve().url)
    clients: list[Any] = [made.client(), made.async_client()]
    for one in clients:
        client = one.with_options(timeout=3.0) if copied else one
        with pytest.raises(openai.OpenAIError, match=r"connect_to_model\("):
            client.realtime.connect(model="m")
        assert client.realtime.client_secrets is not None
        with pytest.raises(openai.OpenAIError, match=r"connect_to_model\("):
            _ = client.websocket_base_url.raw_path
        with pytest.raises(openai.OpenAIError, match=r"connect_to_model\("):
            str(client.websocket_base_url)
        assert repr(client.websocket_base_url) == "<no address for WebSockets>"
    assert made.connect_to_model("m").client.websocket_base_url is None
    clients[0].close()

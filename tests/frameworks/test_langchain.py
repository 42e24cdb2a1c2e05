"""LangChain: chat, responses and embeddings; its own standard suite has no failure that the bare SDK has not."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.conftest import ROOT
from tests.frameworks.capable import capable
from tests.frameworks.conftest import Providers
from tests.servers import Server

pytest.importorskip("langchain_openai", reason="langchain-openai is in the environment with openai 3")


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def model_of(providers: Providers, **options: Any) -> Any:
    from langchain_openai import ChatOpenAI

    client, async_client = providers.sync, providers.asynchronous
    return ChatOpenAI(
        model="m",
        client=client.chat.completions,
        async_client=async_client.chat.completions,
        root_client=client,
        root_async_client=async_client,
        **options,
    )


@pytest.mark.parametrize("responses", [False, True])
def test_chat_and_stream(providers: Providers, responses: bool) -> None:
    model = model_of(providers, use_responses_api=responses)
    assert model.invoke("hi").text == "hello"
    assert "".join(chunk.text for chunk in model.stream("hi")) == "hello"

    async def main() -> None:
        assert (await model.ainvoke("hi")).text == "hello"
        assert "".join([chunk.text async for chunk in model.astream("hi")]) == "hello"

    asyncio.run(main())


@pytest.mark.parametrize("responses", [False, True])
def test_tools_and_structured_output(providers: Providers, responses: bool) -> None:
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    model = model_of(providers, use_responses_api=responses)
    said = model.bind_tools([add]).invoke("add them")
    assert [(call["name"], call["args"]) for call in said.tool_calls] == [("add", {"a": 3, "b": 3})]
    for method in ("json_schema", "function_calling"):
        assert model.with_structured_output(Person, method=method).invoke("who?") == Person(name="Ada", age=3)


def test_embeddings(providers: Providers) -> None:
    from langchain_openai import OpenAIEmbeddings

    client, async_client = providers.sync, providers.asynchronous
    model = OpenAIEmbeddings(
        model="m", client=client.embeddings, async_client=async_client.embeddings, check_embedding_ctx_length=False
    )
    assert model.embed_query("four") == [4.0, 1.0, 2.0]
    assert asyncio.run(model.aembed_documents(["a", "bc"])) == [[1.0, 1.0, 2.0], [2.0, 1.0, 2.0]]


def failures(kind: str, url: str) -> tuple[set[str], int]:
    """The tests of LangChain's suite that fail, and how many pass, with our client or the SDK's own."""
    suite = Path(__file__).with_name("langchain_suite.py")
    environ = {**os.environ, "SUITE_URL": url, "SUITE_CLIENT": kind, "OPENAI_API_KEY": "never-sent"}
    options = [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:codspeed",
        "-o",
        "filterwarnings=",
        "-o",
        "addopts=",
        "-o",
        "asyncio_mode=auto",
        "-q",
        "-rfE",
    ]
    command = [sys.executable, "-m", "pytest", *options, "--benchmark-disable", "--tb=no", str(suite)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=110)
    failed = set(re.findall(r"^(?:FAILED|ERROR) \S+?::(\S+)", done.stdout, re.MULTILINE))
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout + done.stderr
    return failed, int(passed[1])


@pytest.mark.timeout(300)
def test_the_standard_suite_fails_nowhere_that_the_bare_sdk_does_not(serve: Callable[..., Server]) -> None:
    server = serve(capable)
    bare, passed_bare = failures("bare", server.url)
    ours, passed_ours = failures("ours", server.url)
    assert ours <= bare, ours - bare
    assert passed_ours >= passed_bare > 30

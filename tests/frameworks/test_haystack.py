"""Haystack: chat, streams, tools, structured output, embeddings, for threads and asyncio."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from tests.frameworks.conftest import Providers

pytest.importorskip("haystack", reason="haystack-ai is in the environment with openai 3")


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def generator_of(providers: Providers, **options: Any) -> Any:
    from haystack.components.generators.chat import OpenAIChatGenerator

    generator = OpenAIChatGenerator(model="m", **options)
    generator.client, generator.async_client = providers.sync, providers.asynchronous
    return generator


def turns() -> Any:
    from haystack.dataclasses import ChatMessage

    return [ChatMessage.from_user("hi")]


def test_chat_and_stream(providers: Providers) -> None:
    pieces: list[str] = []
    assert generator_of(providers).run(turns())["replies"][0].text == "hello"
    streaming = generator_of(providers, streaming_callback=lambda chunk: pieces.append(chunk.content))
    assert streaming.run(turns())["replies"][0].text == "hello"
    assert "".join(pieces) == "hello"
    assert asyncio.run(generator_of(providers).run_async(turns()))["replies"][0].text == "hello"


def test_tools(providers: Providers) -> None:
    from haystack.tools import Tool

    shape = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    tool = Tool(name="twice", description="Twice it.", parameters=shape, function=lambda a: 2 * a)
    (call,) = generator_of(providers, tools=[tool]).run(turns())["replies"][0].tool_calls
    assert (call.tool_name, call.arguments) == ("twice", {"a": 3})


def test_structured_output(providers: Providers) -> None:
    generator = generator_of(providers, generation_kwargs={"response_format": Person})
    said = generator.run(turns())["replies"][0].text
    assert Person(**json.loads(said)) == Person(name="Ada", age=3)


def test_embeddings(providers: Providers) -> None:
    from haystack.components.embedders import OpenAITextEmbedder

    embedder = OpenAITextEmbedder(model="m")
    embedder.client = providers.sync
    assert embedder.run("four")["embedding"] == [4.0, 1.0, 2.0]

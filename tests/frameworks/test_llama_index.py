"""LlamaIndex: chat, streams, tools, structured output, for threads and asyncio."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from tests.frameworks.conftest import Providers

pytest.importorskip("llama_index.llms.openai", reason="llama-index-llms-openai is in the environment with openai 2")


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def model_of(providers: Providers) -> Any:
    from llama_index.llms.openai import OpenAI

    class Routed(OpenAI):  # type: ignore[misc]
        """Of a model that LlamaIndex does not know it wants the context window said."""

        @property
        def metadata(self) -> Any:
            """What it can do."""
            from llama_index.core.llms import LLMMetadata

            return LLMMetadata(context_window=8000, is_chat_model=True, is_function_calling_model=True, model_name="m")

    client, async_client = providers.sync, providers.asynchronous
    return Routed(model="m", openai_client=client, async_openai_client=async_client, max_retries=0)


def turns() -> Any:
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(role="user", content="hi")]


def test_chat_and_stream(providers: Providers) -> None:
    model = model_of(providers)
    assert model.chat(turns()).message.content == "hello"
    assert "".join(piece.delta or "" for piece in model.stream_chat(turns())) == "hello"

    async def main() -> str:
        assert (await model.achat(turns())).message.content == "hello"
        return "".join([piece.delta or "" async for piece in await model.astream_chat(turns())])

    assert asyncio.run(main()) == "hello"


def test_tools(providers: Providers) -> None:
    from llama_index.core.tools import FunctionTool

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    said = model_of(providers).predict_and_call([FunctionTool.from_defaults(add)], "add them")
    assert str(said) == "6"


def test_structured_output(providers: Providers) -> None:
    found = model_of(providers).as_structured_llm(Person).chat(turns()).raw
    assert found == Person(name="Ada", age=3)

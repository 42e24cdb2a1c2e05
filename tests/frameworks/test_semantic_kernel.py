"""Semantic Kernel: chat, streams, functions that are called, structured output."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from tests.frameworks.conftest import Providers

pytest.importorskip("semantic_kernel", reason="semantic-kernel is in the environment with openai 3")


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def service_of(providers: Providers) -> Any:
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion

    return OpenAIChatCompletion(ai_model_id="m", async_client=providers.asynchronous)


def turns() -> Any:
    from semantic_kernel.contents import ChatHistory

    history = ChatHistory()
    history.add_user_message("hi")
    return history


def settings(**options: Any) -> Any:
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatPromptExecutionSettings

    return OpenAIChatPromptExecutionSettings(**options)


def test_chat_and_stream(providers: Providers) -> None:
    async def main() -> str:
        service = service_of(providers)
        assert str(await service.get_chat_message_content(turns(), settings())) == "hello"
        pieces = service.get_streaming_chat_message_content(turns(), settings())
        return "".join([str(piece) async for piece in pieces])

    assert asyncio.run(main()) == "hello"


def test_tools(providers: Providers) -> None:
    from semantic_kernel import Kernel
    from semantic_kernel.connectors.ai import FunctionChoiceBehavior
    from semantic_kernel.functions import kernel_function

    called = []

    class Sums:
        """What the model may call."""

        @kernel_function  # type: ignore[untyped-decorator]
        def add(self, a: int, b: int) -> int:
            """Add two numbers."""
            called.append((a, b))
            return a + b

    async def main() -> str:
        kernel = Kernel()
        kernel.add_plugin(Sums(), "sums")
        asked = settings(function_choice_behavior=FunctionChoiceBehavior.Auto())
        return str(await service_of(providers).get_chat_message_content(turns(), asked, kernel=kernel))

    assert asyncio.run(main()) == "hello"
    assert called == [(3, 3)]


def test_structured_output(providers: Providers) -> None:
    said = asyncio.run(service_of(providers).get_chat_message_content(turns(), settings(response_format=Person)))
    assert Person(**json.loads(str(said))) == Person(name="Ada", age=3)

"""pydantic-ai: chat and responses, streams, tools, both ways of structured output."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from tests.frameworks.conftest import Providers

pytest.importorskip("pydantic_ai", reason="pydantic-ai is in the environment with openai 3")


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def agent_of(providers: Providers, responses: bool, **options: Any) -> Any:
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    kind = OpenAIResponsesModel if responses else OpenAIChatModel
    return Agent(kind("m", provider=OpenAIProvider(openai_client=providers.asynchronous)), **options)


BOTH = pytest.mark.parametrize("responses", [False, True])


@BOTH
def test_chat_and_stream(providers: Providers, responses: bool) -> None:
    agent = agent_of(providers, responses)
    assert agent.run_sync("hi").output == "hello"

    async def main() -> str:
        async with agent.run_stream("hi") as stream:
            return "".join([piece async for piece in stream.stream_text(delta=True)])

    assert asyncio.run(main()) == "hello"


@BOTH
def test_tools(providers: Providers, responses: bool) -> None:
    agent, called = agent_of(providers, responses), []

    @agent.tool_plain  # type: ignore[untyped-decorator]
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        called.append((a, b))
        return a + b

    assert agent.run_sync("add").output == "hello"
    assert called == [(3, 3)]


@BOTH
def test_structured_output(providers: Providers, responses: bool) -> None:
    from pydantic_ai import NativeOutput, ToolOutput

    for output in (NativeOutput(Person), ToolOutput(Person)):
        agent = agent_of(providers, responses, output_type=output)
        assert agent.run_sync("who?").output == Person(name="Ada", age=3)


def test_each_call_in_a_loop_of_its_own_leaves_nothing_to_say(providers: Providers, capfd: Any) -> None:
    agent = agent_of(providers, False)
    for _ in range(3):
        agent.run_sync("hi")
    assert asyncio.run(agent.run("hi")).output == "hello"
    assert "Unclosed" not in capfd.readouterr().err

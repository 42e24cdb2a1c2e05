"""The OpenAI Agents SDK: chat and responses, streams, tools, structured output."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from tests.frameworks.conftest import Providers

pytest.importorskip("agents", reason="openai-agents is in the environment with openai 3")


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def agent_of(providers: Providers, responses: bool, **options: Any) -> Any:
    from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, set_tracing_disabled

    set_tracing_disabled(True)
    kind = OpenAIResponsesModel if responses else OpenAIChatCompletionsModel
    return Agent(name="a", model=kind(model="m", openai_client=providers.asynchronous), **options)


BOTH = pytest.mark.parametrize("responses", [False, True])


@BOTH
def test_chat_and_stream(providers: Providers, responses: bool) -> None:
    from agents import Runner

    agent = agent_of(providers, responses)

    async def main() -> str:
        assert (await Runner.run(agent, "hi")).final_output == "hello"
        stream = Runner.run_streamed(agent, "hi")
        pieces = [
            event.data.delta
            async for event in stream.stream_events()
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
        ]
        return "".join(pieces)

    assert asyncio.run(main()) == "hello"


@BOTH
def test_tools(providers: Providers, responses: bool) -> None:
    from agents import Runner, function_tool

    called = []

    @function_tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        called.append((a, b))
        return a + b

    agent = agent_of(providers, responses, tools=[add])
    assert asyncio.run(Runner.run(agent, "add")).final_output == "hello"
    assert called == [(3, 3)]


@BOTH
def test_structured_output(providers: Providers, responses: bool) -> None:
    from agents import Runner

    agent = agent_of(providers, responses, output_type=Person)
    assert asyncio.run(Runner.run(agent, "who?")).final_output == Person(name="Ada", age=3)

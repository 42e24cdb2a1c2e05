"""smolagents: chat, streams, tools, an agent that calls them, structured output."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from tests.frameworks.conftest import Providers

pytest.importorskip("smolagents", reason="smolagents is in the environment with openai 3")


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


TURNS: Any = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]


def model_of(providers: Providers) -> Any:
    from smolagents import OpenAIModel

    model = OpenAIModel(model_id="m", api_key="none")
    model.client = providers.sync
    return model


def test_chat_and_stream(providers: Providers) -> None:
    model = model_of(providers)
    assert model.generate(TURNS).content == "hello"
    assert "".join(piece.content or "" for piece in model.generate_stream(TURNS)) == "hello"


def test_tools(providers: Providers) -> None:
    from smolagents import ToolCallingAgent, tool

    called = []

    @tool  # type: ignore[untyped-decorator]
    def add(a: int, b: int) -> int:
        """Add two numbers.

        Args:
            a: one
            b: the other
        """
        called.append((a, b))
        return a + b

    agent = ToolCallingAgent(tools=[add], model=model_of(providers), verbosity_level=0)
    agent.run("add", max_steps=1)
    assert called == [(3, 3)]


def test_structured_output(providers: Providers) -> None:
    schema = {"name": "Person", "schema": Person.model_json_schema()}
    said = model_of(providers).generate(TURNS, response_format={"type": "json_schema", "json_schema": schema})
    assert Person(**json.loads(said.content)) == Person(name="Ada", age=3)

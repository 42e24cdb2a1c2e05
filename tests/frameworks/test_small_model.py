"""Frameworks over a routed client, and a real small model behind it: chat, streams, answers that fit a class."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

from inference_providers import AsyncProviderList, ProviderList
from tests.small_model import CAPITAL, NAME, data, environ, small
from tests.test_launch import nobody_else, nothing_is_left

__all__ = ["data", "environ", "nothing_is_left", "small"]  # fixtures
TURNS: Any = [{"role": "user", "content": CAPITAL}]
EXACT: Any = {"temperature": 0, "max_tokens": 100}


class City(BaseModel):
    """A city."""

    name: Literal["Paris", "Rome", "Madrid"]
    large: bool


@pytest.fixture
def client(small: ProviderList, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A routed client over the launched model."""
    monkeypatch.setenv("OPENAI_API_KEY", "never-sent")  # some look for one before they take a client
    with small.client() as made:
        yield made


def test_instructor(client: openai.OpenAI) -> None:
    instructor = pytest.importorskip("instructor", reason="instructor is in the environment with openai 2")
    patched = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA)
    found = patched.chat.completions.create(model=NAME, messages=TURNS, response_model=City, **EXACT)
    assert isinstance(found, City)


def test_langchain(client: openai.OpenAI) -> None:
    langchain = pytest.importorskip("langchain_openai", reason="langchain-openai is in the environment with openai 3")
    model = langchain.ChatOpenAI(model=NAME, client=client.chat.completions, root_client=client, **EXACT)
    said = model.invoke(CAPITAL).text
    assert "Paris" in said
    assert "".join(chunk.text for chunk in model.stream(CAPITAL)) == said
    assert isinstance(model.with_structured_output(City, method="json_schema").invoke(CAPITAL), City)


def test_haystack(client: openai.OpenAI) -> None:
    pytest.importorskip("haystack", reason="haystack-ai is in the environment with openai 3")
    from haystack.components.generators.chat import OpenAIChatGenerator
    from haystack.dataclasses import ChatMessage

    generator = OpenAIChatGenerator(model=NAME, generation_kwargs=EXACT)
    generator.client = client
    assert "Paris" in generator.run([ChatMessage.from_user(CAPITAL)])["replies"][0].text


def test_smolagents(client: openai.OpenAI) -> None:
    smolagents = pytest.importorskip("smolagents", reason="smolagents is in the environment with openai 3")
    model = smolagents.OpenAIModel(model_id=NAME, api_key="none", **EXACT)
    model.client = client
    turns = [{"role": "user", "content": [{"type": "text", "text": CAPITAL}]}]
    assert "Paris" in model(turns).content
    assert "Paris" in "".join(delta.content or "" for delta in model.generate_stream(turns))


def test_pydantic_ai(environ: dict[str, str]) -> None:
    pytest.importorskip("pydantic_ai", reason="pydantic-ai is in the environment with openai 3")
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async def main() -> None:
        providers = AsyncProviderList(environ=environ, json_override=nobody_else())
        try:
            model = OpenAIChatModel(NAME, provider=OpenAIProvider(openai_client=providers.client()))
            assert "Paris" in (await Agent(model).run(CAPITAL, model_settings=EXACT)).output
            async with Agent(model).run_stream(CAPITAL, model_settings=EXACT) as stream:
                assert "Paris" in await stream.get_output()
            agent = Agent(model, output_type=NativeOutput(City))
            assert isinstance((await agent.run(CAPITAL, model_settings=EXACT)).output, City)
        finally:
            await providers.aclose()

    asyncio.run(main())

"""instructor: its modes, partial answers, lists, a client for asyncio."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from tests.frameworks.conftest import Providers

pytest.importorskip("instructor", reason="instructor is in the environment with openai 2")


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


ASK: Any = {"model": "m", "messages": [{"role": "user", "content": "Who wrote the first program? Answer in JSON."}]}


@pytest.mark.parametrize("mode", ["TOOLS", "JSON", "JSON_SCHEMA", "TOOLS_STRICT", "RESPONSES_TOOLS"])
def test_structured_output(providers: Providers, mode: str) -> None:
    import instructor

    client = instructor.from_openai(providers.sync, mode=instructor.Mode[mode])
    found = client.chat.completions.create(response_model=Person, **ASK)
    assert isinstance(found, Person)
    assert (found.name, found.age) == ("Ada", 3)


def test_for_asyncio(providers: Providers) -> None:
    import instructor

    client: Any = instructor.from_openai(providers.asynchronous)
    found = asyncio.run(client.chat.completions.create(response_model=Person, **ASK))
    assert (found.name, found.age) == ("Ada", 3)


def test_streams_partial_answers_and_lists(providers: Providers) -> None:
    import instructor

    client: Any = instructor.from_openai(providers.sync)
    *_, last = client.chat.completions.create_partial(response_model=Person, **ASK)
    assert (last.name, last.age) == ("Ada", 3)
    (only,) = client.chat.completions.create_iterable(response_model=Person, **ASK)
    assert (only.name, only.age) == ("Ada", 3)


def test_chat_and_tools_without_a_model(providers: Providers) -> None:
    import instructor

    client: Any = instructor.from_openai(providers.sync)
    said = client.chat.completions.create(response_model=None, **ASK)
    assert said.choices[0].message.content == "hello"

"""DSPy, by its interface for models: a prediction, fields of several types, a tool; it has no client to hand over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.frameworks.conftest import Providers

pytest.importorskip("dspy", reason="dspy is in the environment with openai 3")


def model_of(providers: Providers, **options: Any) -> Any:
    import dspy

    class Routed(dspy.BaseLM):  # type: ignore[misc]
        """A routed client behind DSPy's interface."""

        def forward(self, prompt: Any = None, messages: Any = None, **kwargs: Any) -> Any:
            """One request, in OpenAI's words both ways."""
            turns = messages or [{"role": "user", "content": prompt}]
            given = {name: value for name, value in {**self.kwargs, **kwargs}.items() if value is not None}
            return providers.sync.chat.completions.create(model=self.model, messages=turns, **given)

    return Routed(model="m", cache=False, **options)


def test_chat(providers: Providers) -> None:
    assert model_of(providers)("hi") == ["hello"]


def test_a_prediction_with_fields(providers: Providers) -> None:
    import dspy

    shape = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    asked = {"type": "json_schema", "json_schema": {"name": "p", "schema": shape}}
    with dspy.context(lm=model_of(providers, response_format=asked), adapter=dspy.JSONAdapter()):
        found = dspy.Predict("question -> name: str, age: int")(question="who?")
    assert (found.name, found.age) == ("Ada", 3)


def test_tools(providers: Providers) -> None:
    shape = {"type": "object", "properties": {"a": {"type": "integer"}}}
    tool = {"type": "function", "function": {"name": "twice", "description": "Twice it.", "parameters": shape}}
    said: Any = model_of(providers, tools=[tool])("hi")[0]
    (call,) = said["tool_calls"]
    assert json.loads(call.function.arguments) == {"a": 3}


def test_a_stream_is_the_clients_own(providers: Providers) -> None:
    chunks = providers.sync.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "hello"

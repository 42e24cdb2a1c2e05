"""Fields of requests, in whichever API's words they come: what no provider could be sent is refused before that."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from inference_providers.errors import InvalidRequestError
from inference_providers.protocols import gemini_in, messages_in, ollama_in, responses_in

HI = [{"role": "user", "content": "Hi"}]
WITH: dict[str, Callable[[str], Any]] = {
    "gemini": lambda said: gemini_in.read(
        {"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": json.loads(f'{{"temperature": {said}}}')}
    ),
    "messages": lambda said: messages_in.read({"messages": HI, **json.loads(f'{{"temperature": {said}}}')}),
    "ollama": lambda said: ollama_in.read({"messages": HI, "options": json.loads(f'{{"temperature": {said}}}')}),
    "responses": lambda said: responses_in.read({"input": "Hi", **json.loads(f'{{"temperature": {said}}}')}),
}


@pytest.mark.parametrize("dialect", WITH)
@pytest.mark.parametrize("said", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_json_does_not_have_goes_to_nobody(dialect: str, said: str) -> None:
    assert WITH[dialect]("0.5").body["temperature"] == 0.5
    with pytest.raises(InvalidRequestError, match="temperature must be a"):
        WITH[dialect](said)


@pytest.mark.parametrize("kind", ["tool_search_\r\nset-cookie: a=b", "tool_search_" + "x" * 9000])
def test_no_word_of_a_request_is_among_what_a_header_says_was_lost(kind: str) -> None:
    asked = responses_in.read({"input": [{"type": "message", "role": "user", "content": "Hi"}, {"type": kind}]})
    assert (asked.losses, "only a provider of this API" in asked.only_native) == ([], True)

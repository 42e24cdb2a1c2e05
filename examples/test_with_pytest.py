"""Tests of a program that asks a model, without keys and without network: the pytest plug-in comes with the package.

pytest test_with_pytest.py
"""

from __future__ import annotations

from typing import Any

import pytest

from inference_providers import InferenceProvidersError, ask_ai


def title_of(text: str) -> str:
    """The program: a title for a text, or its first words where no model answers."""
    try:
        return str(ask_ai(f"Give this text a title:\n\n{text}", "gpt-4o-mini", max_tokens=20)).strip(' "')
    except InferenceProvidersError:
        return " ".join(text.split()[:4])


def test_a_title_comes_without_quotes(inference_providers: Any) -> None:
    inference_providers.mock({"gpt-4o-mini": '"A Rainy Day"'})
    assert title_of("It rained, and rained.") == "A Rainy Day"
    (request,) = inference_providers.requests
    assert "It rained" in request["messages"][0]["content"]


@pytest.mark.parametrize("status", [400, 401])
def test_a_failure_gives_the_first_words(inference_providers: Any, status: int) -> None:
    inference_providers.mock({"gpt-4o-mini": {"error": status}})
    assert title_of("It rained, and rained.") == "It rained, and rained."

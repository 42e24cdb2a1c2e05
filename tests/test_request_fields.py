"""Fields of requests, in whichever API's words they come."""

from __future__ import annotations

import pytest

from inference_providers.protocols import responses_in


@pytest.mark.parametrize("kind", ["tool_search_\r\nset-cookie: a=b", "tool_search_" + "x" * 9000])
def test_no_word_of_a_request_is_among_what_a_header_says_was_lost(kind: str) -> None:
    asked = responses_in.read({"input": [{"type": "message", "role": "user", "content": "Hi"}, {"type": kind}]})
    assert (asked.losses, "only a provider of this API" in asked.only_native) == ([], True)

"""Usage of streams is in the log, whether or not whoever asked wanted it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inference_providers.gateway.stream_usage import ask_for_usage, without_usage
from inference_providers.protocols import ModelRequest

CONTENT = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices": [],"usage":{"prompt_tokens":1}}\n\n'
DONE = b"data: [DONE]\n\n"


def filtered(pieces: list[bytes]) -> list[bytes]:
    seen = bytearray()

    async def source() -> AsyncIterator[bytes]:
        for piece in pieces:
            seen.extend(piece)
            yield piece

    async def collected() -> list[bytes]:
        return [piece async for piece in without_usage(source(), lambda: END in seen)]

    return asyncio.run(collected())


@given(st.lists(st.integers(1, 200), max_size=6), st.integers(0, 3))
def test_however_a_stream_is_cut_only_usage_is_left_out(cuts: list[int], contents: int) -> None:
    whole = CONTENT * contents + END + USAGE + DONE
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[start:end] for start, end in pairwise(places)]
    assert b"".join(filtered(pieces)) == CONTENT * contents + END + DONE


def test_content_is_never_held_back() -> None:
    assert filtered([CONTENT[:9], CONTENT[9:], END]) == [CONTENT[:9], CONTENT[9:], END]


def test_usage_beside_content_stays() -> None:
    both = b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}}\n\n'
    assert filtered([both, END, both]) == [both, END, both]


@given(st.sampled_from([None, {}, {"include_usage": True}, {"include_usage": False}, {"other": 1}]))
def test_what_was_said_of_usage_holds(options: Any) -> None:
    body = {"model": "m", "stream": True, **({} if options is None else {"stream_options": options})}
    request = ModelRequest(body)
    request.raw = json.dumps(body).encode()
    hidden = ask_for_usage(request)
    assert hidden == (options is None or "include_usage" not in options)
    assert request.body is not None
    if hidden:
        assert request.body["stream_options"] == {**(options or {}), "include_usage": True}
    if request.raw:
        assert json.loads(request.raw) == request.body


def test_usage_is_asked_for_where_it_was_said_that_nothing_is() -> None:
    request = ModelRequest({"model": "m", "stream": True, "stream_options": None})
    request.raw = b'{"model": "m", "stream": true, "stream_options": null}'
    assert ask_for_usage(request)
    assert not request.raw  # in which the last word would count

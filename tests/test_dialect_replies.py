"""What the dialects say of a chat completion is the same thing, whichever words it is said in, and always JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from inference_providers.protocols import (
    gemini_in,
    gemini_reply,
    messages_in,
    messages_reply,
    ollama_in,
    ollama_reply,
    responses_events,
    responses_in,
    responses_reply,
)

HI = [{"role": "user", "content": "Hi"}]


def new_id(prefix: str) -> str:
    return f"{prefix}1"


def in_gemini(data: dict[str, Any]) -> dict[str, Any]:
    return gemini_reply.reply(data, gemini_in.read({"contents": [{"parts": [{"text": "Hi"}]}]}), new_id=new_id)


def in_messages(data: dict[str, Any]) -> dict[str, Any]:
    return messages_reply.reply(data, messages_in.read({"messages": HI}), new_id=new_id)


def in_ollama(data: dict[str, Any]) -> dict[str, Any]:
    return ollama_reply.reply(data, ollama_in.read({"messages": HI}), new_id=new_id, now=lambda: 0.0)


def in_responses(data: dict[str, Any]) -> dict[str, Any]:
    return responses_reply.reply(data, responses_in.read({"input": "Hi", "top_logprobs": 2}), new_id=new_id)


def completion(**more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Hello"}
    return {"model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": message, **more}]}


@pytest.mark.parametrize("said", [in_gemini, in_messages, in_ollama, in_responses])
def test_how_likely_a_token_was_is_json_whatever_a_server_says(said: Callable[..., dict[str, Any]]) -> None:
    others = [{"token": "a", "logprob": math.nan}, {"token": "b", "logprob": -2.5}]
    rows = [{"token": "Hel", "logprob": -math.inf}, {"token": "lo", "logprob": -1.5, "top_logprobs": others}]
    made = json.dumps(said(completion(logprobs={"content": rows})), allow_nan=False)
    assert said is in_messages or ("-1.5" in made and "-2.5" in made)


@pytest.mark.parametrize(
    "counts",
    [
        {"prompt_tokens": 10, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
        {"prompt_tokens": 10, "completion_tokens": 3, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6},
        {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13, "cached_tokens": 4},
    ],
)
def test_tokens_read_from_a_cache_are_said_in_all_dialects_whoever_counts_them(counts: dict[str, Any]) -> None:
    data = {**completion(), "usage": counts}
    google, anthropics = in_gemini(data)["usageMetadata"], in_messages(data)["usage"]
    assert (google["promptTokenCount"], google["cachedContentTokenCount"], google["totalTokenCount"]) == (10, 4, 13)
    assert (anthropics["input_tokens"], anthropics["cache_read_input_tokens"], anthropics["output_tokens"]) == (6, 4, 3)
    openais = in_responses(data)["usage"]
    assert (openais["input_tokens"], openais["input_tokens_details"]["cached_tokens"]) == (10, 4)
    assert (in_ollama(data)["prompt_eval_count"], in_ollama(data)["eval_count"]) == (10, 3)


STREAMS: dict[str, Callable[[], Any]] = {
    "gemini": lambda: gemini_reply.Events(gemini_in.read({"contents": [{"parts": [{"text": "Hi"}]}]}), new_id=new_id),
    "messages": lambda: messages_reply.Events(messages_in.read({"messages": HI}), new_id=new_id),
    "ollama": lambda: ollama_reply.Events(ollama_in.read({"messages": HI}), new_id=new_id, now=lambda: 0.0),
    "responses": lambda: responses_events.Events(responses_in.read({"input": "Hi"}), new_id=new_id),
}


@pytest.mark.parametrize("dialect", STREAMS)
def test_no_sign_of_an_answer_ends_a_line_for_clients_that_know_many_ends(dialect: str) -> None:
    said, events = "a\u0085b\u2028c\u2029d\r\n\x0b\x0c\x1c\x1d\x1ee", STREAMS[dialect]()
    raw = events.feed({"choices": [{"index": 0, "delta": {"content": said}}]}) + events.end()
    lines = raw.decode().splitlines()  # as httpx reads them
    assert lines == raw.decode().removesuffix("\n").split("\n")
    assert any(json.dumps(said)[1:-1] in json.dumps(json.loads(line.removeprefix("data: "))) for line in lines
               if line.startswith(("data: ", "{")))  # fmt: skip

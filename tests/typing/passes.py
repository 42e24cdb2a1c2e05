"""Calls that a type checker must take, and what it must take their results for. It is checked, never run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Unpack, assert_type

import openai

from inference_providers import (
    Answer,
    AnswerStream,
    AsyncAnswerStream,
    AsyncBatch,
    AsyncProviderList,
    Attempt,
    Batch,
    Connection,
    Conversation,
    Explanation,
    GenerationParams,
    InferenceConfig,
    Limits,
    Message,
    MetaInferenceEngine,
    Offer,
    Policy,
    ProviderList,
    RemoteParams,
    Resolution,
    Result,
    Role,
    Summary,
    Usage,
    ask_ai,
    batch,
    canonical_name,
    detect_model_backend,
    generate_response,
    get_available_models,
    stream,
)
from inference_providers.attempts import Attempts
from inference_providers.clients.connection import AsyncConnection
from inference_providers.clients.options import AskOptions, BatchOptions, StreamOptions
from inference_providers.credentials import Secret
from inference_providers.offers import Offers


def weather(city: str) -> str:
    return city


class Place:
    city: str


turns: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]
words: list[dict[str, str]] = [{"role": "user", "content": "hi"}]
described: dict[str, Any] = {"type": "function", "function": {"name": "weather"}}

# One question
assert_type(ask_ai("hi"), Answer)
assert_type(ask_ai("hi", "gpt-4o"), Answer)
assert_type(ask_ai(turns, ["gpt-4o", "claude-opus-5.5"], test=False, system="Be brief.", timeout=5), Answer)
assert_type(ask_ai(words, model=("a", "b"), images="cat.png"), Answer)
assert_type(ask_ai("hi", images=[Path("cat.png"), b"...", "https://example.com/cat.png"]), Answer)
assert_type(ask_ai("hi", files=[Path("a.pdf"), b"...", ("b.pdf", b"...")]), Answer)
assert_type(ask_ai("hi", schema={"type": "object"}), Answer)
assert_type(ask_ai("hi", schema=Place, max_steps=3, on_unsupported="error", extra_body={"own": 1}), Answer[Place])
assert_type(ask_ai("hi", schema=Place).parsed, Place)
assert_type(ask_ai("hi", schema=list[Place], temperature=0.1).parsed, list[Place])
assert_type(ask_ai("hi", schema=int, stream=False, avoid=["CN"]).parsed, int)
assert_type(ask_ai("hi", schema={"type": "object"}).parsed, Any)
assert_type(ask_ai("hi", schema=None).parsed, Any)
assert_type(ask_ai("hi").parsed, Any)
assert_type(ask_ai("hi"), Answer[Any])
assert_type(ask_ai("hi", avoid="openai", only=("US", "local")), Answer)
assert_type(ask_ai("hi", "openai/gpt-4o", api_key="k", api_base="https://example.com/v1"), Answer)
assert_type(ask_ai("hi", tools=[weather, described], tool_choice="auto", parallel_tool_calls=False), Answer)
assert_type(ask_ai("hi", functions=(weather,), tool_choice=described), Answer)
assert_type(ask_ai("hi", max_tokens=5, temperature=1, top_p=0.5, top_k=40, min_p=0.1, seed=1, n=1), Answer)
assert_type(ask_ai("hi", max_new_tokens=5, max_completion_tokens=None, max_output_tokens=None), Answer)
assert_type(ask_ai("hi", stop="."), Answer)
assert_type(ask_ai("hi", stop=[".", "!"], stop_strings=("?",), stop_sequences=None, stop_token_ids=[1]), Answer)
assert_type(ask_ai("hi", frequency_penalty=0.1, presence_penalty=-1, repetition_penalty=1.1), Answer)
assert_type(ask_ai("hi", logit_bias={50256: -100}), Answer)
assert_type(ask_ai("hi", logit_bias={"50256": -1.5}, logprobs=True, top_logprobs=2), Answer)
assert_type(ask_ai("hi", response_format="json", reasoning_effort="low", effort=None, verbosity="low"), Answer)
assert_type(ask_ai("hi", response_format=Place), Answer)
assert_type(ask_ai("hi", guided_json={"type": "object"}, service_tier="flex", user="me"), Answer)
assert_type(ask_ai("hi", guided_regex="a+", guided_choice=["a", "b"], guided_grammar="root ::= x"), Answer)
assert_type(ask_ai("hi", stream=False), Answer)
assert_type(ask_ai("hi", stream=True), AnswerStream)
assert_type(ask_ai("hi", stream=True, temperature=0.1, images=None, test=True, timeout=3.0), AnswerStream)
assert_type(stream("hi", "gpt-4o", system="Be brief.", max_tokens=5), AnswerStream)
assert_type(stream("hi", "openai/gpt-4o", api_key="k", api_base=None, avoid={"CN"}, only=None), AnswerStream)

# What comes of it
answer = ask_ai("hi")
assert_type(answer.upper(), str)
assert_type(answer.text, str)
assert_type(answer.provider, str | None)
assert_type(answer.model, str)
assert_type(answer.canonical_name, str | None)
assert_type(answer.usage, Usage | None)
assert_type(answer.cost, float | None)
assert_type(answer.attempts, Attempts)
assert_type(answer.latency, float)
assert_type(answer.finish_reason, str | None)
assert_type(answer.reasoning, str)
assert_type(answer.tool_calls, list[dict[str, Any]])
assert_type(answer.dropped, list[str])
assert_type(answer.unchecked, list[str])
assert_type(answer.messages, list[dict[str, Any]])
assert_type(answer.data, dict[str, Any])
assert_type(answer.as_dict(), dict[str, Any])
assert_type(Answer("hi", provider="p", usage=Usage(3, 2), attempts=[], dropped=["seed"], asked=turns), Answer)
with stream("hi") as pieces:
    assert_type(iter(pieces), Iterator[str])
    assert_type(pieces.answer, Answer)
    assert_type(pieces.offer, Offer)
    assert_type(pieces.provider, str)
    assert_type(pieces.attempts, Attempts)

# Many questions
assert_type(batch(["a", "b"]), Batch)
assert_type(batch(["a"], "gpt-4o", concurrency=4, out="answers.jsonl", resume=False, on_error="raise"), Batch)
assert_type(batch(Path("in.jsonl"), ["a", "b"], concurrency="auto", mode="provider", completion_window="24h"), Batch)
assert_type(batch([{"prompt": "a", "custom_id": "1"}, "b", turns], as_completed=True, progress=None), Batch)
assert_type(batch((turns, turns), requests_per_minute=60, tokens_per_minute=1e5, patience=60, adaptive=False), Batch)
assert_type(batch([Conversation()], csv_formulas="escape", schema=Place, tools=[weather], temperature=0.1), Batch)
assert_type(batch((f"{n}?" for n in range(3)), model="m", out=Path("out.csv"), system="x", timeout=5), Batch)
answers = batch(["a"])
assert_type(answers.summary, Summary)
for result in answers:
    assert_type(result, Result)
    assert_type(result.ok, bool)
    assert_type(result.answer, Answer)
    assert_type(result.error, Exception | None)
    assert_type(result.custom_id, str | None)
for result in batch(["a"], schema=Place, only=["EU"], api_key="k", api_base="https://example.com/v1"):
    assert_type(result.answer, Answer)

# Lists and connections
providers = ProviderList(
    verbose=True, json_merge={"aliases": {}}, environ=os.environ, local="launch", trust={"X": ["example.com"]},
    timeout=5, allow=["hugging-face"], aliases={"work": "gpt-4o"}, policy=Policy(), limits=Limits(), hedge_after="p95",
    mock={"*": "hi"}, avoid=["CN", "deepseek"], only="US, local",
)  # fmt: skip
assert_type(providers.ask_ai("hi", temperature=0.1), Answer)
assert_type(providers.ask_ai("hi", stream=True, seed=1), AnswerStream)
assert_type(providers.stream("hi", max_tokens=5), AnswerStream)
assert_type(providers.batch(["a"], concurrency=4), Batch)
assert_type(providers.connect_to_model("gpt-4", choose_randomly=True, test=True, provider="openai"), Connection)
assert_type(providers.connect_to_first_available_model(["a", "b"], test=True), Connection)
assert_type(providers.connect_to_ai(test=False), Connection)
assert_type(providers.client(["a", "b"], timeout=5, hedge_after=0.5, allow_empty=True), openai.OpenAI)
assert_type(providers.client("a", hedge_after="p95"), openai.OpenAI)
assert_type(providers.async_client(), openai.AsyncOpenAI)
assert_type(providers.get_canonical_model_names(), list[str])
assert_type(providers.find_model_providers("gpt-4"), Offers)
offers: list[Offer] = providers.find_model_providers("gpt-4")
tries: list[Attempt] = answer.attempts
assert_type(providers.resolve("gpt-4", provider="openai"), Resolution)
assert_type(providers.explain(), Explanation)
connection = providers.connect_to_ai()
assert_type(connection.client, openai.OpenAI)
assert_type(connection.name, str)
assert_type(connection[0], openai.OpenAI)
assert_type(connection[1], str)
client, name = providers.connect_to_model("gpt-4", avoid=["openai"], only=None, api_key="k", api_base=None)
assert_type(client, openai.OpenAI)
assert_type(name, str)
assert_type(providers.connect_to_ai(only=["DE"]).client, openai.OpenAI)
assert_type(providers.connect_to_first_available_model(["a"], avoid=["CN"]).name, str)
assert_type(providers.client(avoid=["CN"], api_key="k", api_base="https://example.com/v1"), openai.OpenAI)
provider, endpoint, canonical, internal, key = providers.find_model_providers("gpt-4")[0]
assert_type(provider, str)
assert_type(endpoint, str)
assert_type(canonical, str | None)
assert_type(internal, str)
assert_type(key, Secret | None)
assert_type(connection.offer[0], str)
assert_type(connection.offer.api_key, Secret | None)
assert_type(connection.offer, Offer)
assert_type(connection.attempts, Attempts)
assert_type(
    providers.get_response(connection.client, connection.name, "hi", system="x", extra_body={"own": 1}, seed=1), Answer
)


# The same for asyncio
async def with_asyncio(several: AsyncProviderList) -> None:
    assert_type(await several.ask_ai("hi", "gpt-4o", schema=Place, max_tokens=5), Answer[Place])
    assert_type((await several.ask_ai("hi", schema=list[Place], api_key="k")).parsed, list[Place])
    assert_type((await several.ask_ai("hi", schema={"type": "object"}, avoid=["CN"])).parsed, Any)
    assert_type(await several.ask_ai("hi", stream=True, top_k=3), AsyncAnswerStream)
    pieces = several.stream("hi", system="x", images=[b"..."], temperature=0.1)
    assert_type(pieces, AsyncAnswerStream)
    assert_type(await pieces.open(), AsyncAnswerStream)
    assert_type(aiter(pieces), AsyncIterator[str])
    assert_type(several.batch(["a"], concurrency="auto"), AsyncBatch)
    assert_type(several.batch(questions_as_they_come()), AsyncBatch)
    async for result in several.batch(["a"]):
        assert_type(result, Result)
    assert_type(await several.connect_to_model("gpt-4", provider="openai"), AsyncConnection)
    assert_type(await several.connect_to_first_available_model(["a"]), AsyncConnection)
    connection = await several.connect_to_ai(test=False)
    assert_type(connection.client, openai.AsyncOpenAI)
    assert_type(connection[0], openai.AsyncOpenAI)
    client, name = await several.connect_to_model("gpt-4", only=["openai"])
    assert_type(client, openai.AsyncOpenAI)
    assert_type(name, str)
    assert_type(several.client("a", timeout=5, hedge_after="p95", allow_empty=False), openai.AsyncOpenAI)
    assert_type(await several.get_response(connection.client, connection.name, "hi", seed=1), Answer)
    await several.aclose()


async def questions_as_they_come() -> AsyncIterator[str]:
    yield "a"


# Engines and simulations
engine = MetaInferenceEngine(temperature=0.7, max_tokens=100, batch_size=4, remote_params=RemoteParams(num_workers=2))
talks = engine.infer([Conversation([Message(Role.USER, "hi")])], "gpt-4o", seed=1, remote_params={"max_retries": 1})
assert_type(talks, list[Conversation])
assert_type(engine.infer(turns, "openai/gpt-4o", avoid=["CN"], api_key="k"), list[Conversation])
assert_type(talks[0].last_message(), Message | None)
assert_type(
    engine.infer(turns, inference_config=InferenceConfig(generation=GenerationParams(seed=1))), list[Conversation]
)
assert_type(generate_response("litellm_gpt-4", "hi", max_tokens=5), str)
assert_type(detect_model_backend("vllm_x"), str)
assert_type(get_available_models(), list[str])
assert_type(canonical_name("GPT-4"), str | None)


# What is known only when a program runs
def whichever(stream: bool, schema: dict[str, Any] | type[Any] | None) -> Answer:
    assert_type(ask_ai("hi", stream=stream), Answer | AnswerStream)
    assert_type(providers.ask_ai("hi", "gpt-4o", stream=stream, temperature=0.1), Answer | AnswerStream)
    assert_type(ask_ai("hi", schema=schema).parsed, Any)
    return ask_ai("hi", schema=Place)


async def whichever_with_asyncio(several: AsyncProviderList, stream: bool) -> Answer[Place]:
    assert_type(await several.ask_ai("hi", stream=stream), Answer | AsyncAnswerStream)
    return await several.ask_ai("hi", schema=Place)


def plain(answer: Answer[Place]) -> Answer[object]:
    return answer


# Functions of users that hand options on
def explained(what: str, **options: Unpack[AskOptions]) -> Answer:
    return ask_ai(f"Explain {what}.", **options)


def told(what: str, **options: Unpack[StreamOptions]) -> AnswerStream:
    return providers.stream(f"Explain {what}.", **options)


def explained_all(what: list[str], **options: Unpack[BatchOptions]) -> Batch:
    return providers.batch(what, **options)


def loosely(options: dict[str, Any]) -> Answer:
    found: Answer = ask_ai("hi", **options)
    return found


assert_type(explained("this", temperature=0.1), Answer)

"""The options of questions and batches, as type checkers and editors see them. No module imports this at run time.

A function that hands its own options on says so with `Unpack`:

    def explain(what: str, **options: Unpack[AskOptions]) -> Answer: ...

What is a parameter is decided in `parameters`; a test holds the names here against those there.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

from inference_providers.chat import Conversation
from inference_providers.offers import Offer

Schema: TypeAlias = dict[str, Any] | type[Any]
Tool: TypeAlias = Callable[..., Any] | dict[str, Any]
Picture: TypeAlias = str | bytes | os.PathLike[str]
Pictures: TypeAlias = Picture | Iterable[Picture]
File: TypeAlias = Picture | tuple[str, bytes]
Files: TypeAlias = Picture | Iterable[File]
Unsupported: TypeAlias = Literal["drop", "error"]
Item: TypeAlias = str | Mapping[str, Any] | Sequence[Mapping[str, Any]] | Conversation
Items: TypeAlias = Iterable[Item] | os.PathLike[str]
AsyncItems: TypeAlias = Items | AsyncIterable[Item]


Names: TypeAlias = str | Iterable[str]  # of providers, or of countries by name or code
Percentile: TypeAlias = Literal["p95"]
Cache: TypeAlias = bool | Mapping[str, Any]
Order: TypeAlias = Literal["listed", "random", "cheapest", "fastest", "smartest", "balanced"]
Strategy: TypeAlias = Order | Callable[[list[Offer]], Sequence[Offer]]


class Terms(TypedDict, total=False):
    """The terms of a call: whom it avoids, whom alone it wants, and a key and an address of its own."""

    avoid: Names | None
    only: Names | None
    api_key: str | None
    api_base: str | None


class PreferenceOptions(TypedDict, total=False):
    """Whom to ask, in which order, how often and for how much: see docs/policies.md and docs/limits.md."""

    policy: Strategy | None
    max_cost: float | None
    quality_threshold: float | None
    provider: str | None
    fallback_providers: Sequence[str] | None
    strategies: Sequence[Mapping[str, Any]] | None
    retry_attempts: int | None
    backoff_multiplier: float | None
    cost_optimization: bool | Mapping[str, Any] | None
    latency_optimization: bool | None
    fallback_config: Mapping[str, Any] | None


class CacheOptions(TypedDict, total=False):
    """What a call or a client says of the list's cache: see docs/cache.md."""

    cache: Cache | None
    cache_config: Mapping[str, Any] | None


class ClientTerms(Terms, PreferenceOptions, CacheOptions, total=False):
    """The terms of all calls of a client, what they prefer, and what they say of the cache."""


class TextOptions(TypedDict, total=False):
    """How text is generated: the vocabulary of `parameters`, other tools' words included. None means not given."""

    max_tokens: int | None
    max_new_tokens: int | None
    max_completion_tokens: int | None
    max_output_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    repetition_penalty: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    seed: int | None
    n: int | None
    stop: str | Sequence[str] | None
    stop_strings: str | Sequence[str] | None
    stop_sequences: str | Sequence[str] | None
    stop_token_ids: Sequence[int] | None
    logit_bias: Mapping[str, float] | Mapping[int, float] | None
    logprobs: bool | None
    top_logprobs: int | None
    response_format: str | dict[str, Any] | type[Any] | None
    reasoning_effort: str | None
    effort: str | None
    verbosity: str | None
    guided_json: dict[str, Any] | str | None
    guided_regex: str | None
    guided_choice: Sequence[str] | None
    guided_grammar: str | None
    service_tier: str | None
    user: str | None


class GenerationOptions(TextOptions, total=False):
    """`TextOptions`, and tools."""

    tools: Sequence[Tool] | None
    functions: Sequence[Tool] | None
    tool_choice: str | dict[str, Any] | None
    parallel_tool_calls: bool | None


class _Request(ClientTerms, total=False):
    system: str | None
    on_unsupported: Unsupported
    extra_body: Mapping[str, Any] | None
    timeout: float | None
    split_thinking: bool | None


class StreamOptions(TextOptions, _Request, total=False):
    """Options of `stream`, and of `ask_ai` with `stream=True`: a stream gives text alone."""

    test: bool
    images: Pictures | None
    files: Files | None


class PlainOptions(GenerationOptions, _Request, total=False):
    """Options of `ask_ai`, but for `schema`, on which the type of `answer.parsed` depends."""

    test: bool
    images: Pictures | None
    files: Files | None
    max_steps: int


class AskOptions(PlainOptions, total=False):
    """Options of `ask_ai`."""

    schema: Schema | None


class EstimateOptions(GenerationOptions, total=False):
    """Options of `estimate`: what makes a request longer, and its answer."""

    system: str | None
    images: Pictures | None
    files: Files | None
    schema: Schema | None
    extra_body: Mapping[str, Any] | None


class BatchOptions(GenerationOptions, _Request, total=False):
    """Options of `batch`."""

    model: str | Sequence[str] | None
    schema: Schema | None
    concurrency: int | Literal["auto"]
    out: str | os.PathLike[str] | None
    resume: bool
    on_error: Literal["keep", "raise"]
    as_completed: bool
    mode: Literal["direct", "provider"]
    progress: bool | None
    requests_per_minute: float | None
    tokens_per_minute: float | None
    patience: float
    max_retries: int | None
    adaptive: bool
    completion_window: str | None
    csv_formulas: Literal["keep", "escape"]
    engine: Literal["ray"] | None
    address: str | None
    actors: int | None
    prompt: str | None
    input_format: Literal["auto", "jsonl", "json", "csv", "text"]
    encoding: str | None


class EngineOptions(GenerationOptions, total=False):
    """How a `MetaInferenceEngine` generates: the fields of `GenerationParams` as well."""

    batch_size: int | None
    guided_decoding: Any  # `GuidedDecodingParams`, or a dict of its fields
    exclude_prompt_from_response: bool
    use_cache: bool
    num_beams: int
    use_sampling: bool
    skip_special_tokens: bool
    prompt_cache_ttl: str | None
    system: str | None
    images: Pictures | None
    files: Files | None
    schema: Schema | None
    extra_body: Mapping[str, Any] | None
    timeout: float | None
    on_unsupported: Unsupported
    max_steps: int
    split_thinking: bool | None
    cache: Cache | None
    cache_config: Mapping[str, Any] | None


class EngineCallOptions(EngineOptions, Terms, PreferenceOptions, total=False):
    """How a `MetaInferenceEngine` answers in one call."""

    remote_params: Any  # `RemoteParams`, or a dict of its fields
    output_path: str | os.PathLike[str] | None
    progress_path: str | os.PathLike[str] | None


class InferOptions(EngineCallOptions, total=False):
    """The same, and conversations in another tool's word."""

    input: Any


class ListOptions(TypedDict, total=False):
    """Options of `ProviderList` that an engine hands on."""

    json_override: str | os.PathLike[str] | Mapping[str, Any] | None
    json_merge: str | os.PathLike[str] | Mapping[str, Any] | None
    auto_update: bool
    update_url: str | None
    trust: Mapping[str, Sequence[str]] | None
    allow: Iterable[str]
    aliases: Mapping[str, str] | None
    avoid: Names | None
    only: Names | None
    local: bool | Literal["launch"]
    local_models: Iterable[Any]
    mock: Mapping[str, Any] | None
    verbose: bool
    random: Any
    budget: Mapping[str, Any] | None
    rate_limits: Mapping[str, Mapping[str, float]] | None
    learn: bool
    live: bool
    log: Literal["usage", "text", "off"] | bool | None
    telemetry: bool
    hedge_after: float | Percentile | None
    allow_empty: bool
    cache: Cache | None
    environ: Mapping[str, str] | None

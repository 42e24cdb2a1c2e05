"""How an engine's servers are reached, and all settings of a job in one object."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from inference_providers.compat.engine_generation import GenerationParams
from inference_providers.compat.engine_model import ModelParams
from inference_providers.compat.engine_params import Params, at_least, coerced, whole
from inference_providers.credentials import written_address


class InferenceEngineType(StrEnum):
    """Kinds of engines, in the words of other tools. Any provider's id is one as well."""

    NATIVE = "NATIVE"
    VLLM = "VLLM"
    REMOTE_VLLM = "REMOTE_VLLM"
    SGLANG = "SGLANG"
    LLAMACPP = "LLAMACPP"
    REMOTE = "REMOTE"
    ANTHROPIC = "ANTHROPIC"
    GOOGLE_VERTEX = "GOOGLE_VERTEX"
    GOOGLE_GEMINI = "GEMINI"
    DEEPSEEK = "DEEPSEEK"
    FIREWORKS = "FIREWORKS"
    PARASAIL = "PARASAIL"
    TOGETHER = "TOGETHER"
    OPENAI = "OPENAI"
    OPENROUTER = "OPENROUTER"
    SAMBANOVA = "SAMBANOVA"
    BEDROCK = "BEDROCK"
    CEREBRAS = "CEREBRAS"
    HUGGING_FACE_ROUTER = "HUGGING_FACE_ROUTER"


@dataclass
class RemoteParams(Params):
    """How to reach a remote engine. What a call does not set stays as the engine has it.

    Args:
        api_url: The base URL of an OpenAI-compatible server. Default: the model's provider.
        api_key: A key, which goes to that one provider and nowhere else.
        api_key_env_varname: The variable that holds it.
        user_id: Whom an answer is for, as a provider may know them (`user`).
        max_retries: How often a conversation is asked again at one provider.
        retry_backoff_base: Seconds of the first pause.
        retry_backoff_max: Seconds that a pause has at most.
        connection_timeout: Seconds for each request.
        num_workers: Requests at once; with *use_adaptive_concurrency*, at most. Who makes a `RemoteParams` has one,
            unless they set it; None, and a dict that does not say, adapt it to each provider.
        requests_per_minute: The most for each provider.
        input_tokens_per_minute: The most for each provider; the lower of the two is kept to by both together.
        output_tokens_per_minute: The most for each provider, likewise.
        politeness_policy: Seconds that a worker waits after a request.
        batch_completion_window: Where it is set ("24h"), `infer` uses the provider's batch API, at a lower price, and
            needs an output path.
        use_adaptive_concurrency: Whether requests at once are adapted to each provider.
        tokens_per_minute: The most for each provider, input and output together.

    Raises:
        TypeError: A field is of the wrong type.
        ValueError: A field is out of range, or *api_url* is not an address.
    """

    api_url: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    api_key_env_varname: str | None = field(default=None, repr=False)
    user_id: str | None = None
    max_retries: int = 5
    retry_backoff_base: float = 1.0
    retry_backoff_max: float = 30.0
    connection_timeout: float = 300.0
    num_workers: int | None = 1
    requests_per_minute: float | None = None
    input_tokens_per_minute: float | None = None
    output_tokens_per_minute: float | None = None
    politeness_policy: float = 0.0
    batch_completion_window: str | None = "24h"
    use_adaptive_concurrency: bool = True
    tokens_per_minute: float | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpickled or copied. Pickles of before have which fields are set by another name."""
        self.__dict__.update(state)
        if (explicit := self.__dict__.pop("_said", None)) is not None:
            self.__dict__["_explicit"] = explicit

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Look at each field.

        Raises:
            TypeError: A field is of the wrong type.
            ValueError: A field is out of range, or *api_url* is not an address.
        """
        self.address()
        whole(max_retries=self.max_retries, num_workers=self.num_workers)
        at_least(0, max_retries=self.max_retries, politeness_policy=self.politeness_policy)
        at_least(0, connection_timeout=self.connection_timeout)
        at_least(1, num_workers=self.num_workers, requests_per_minute=self.requests_per_minute)
        at_least(1, input_tokens_per_minute=self.input_tokens_per_minute)
        at_least(1, output_tokens_per_minute=self.output_tokens_per_minute, tokens_per_minute=self.tokens_per_minute)
        if not isinstance(self.use_adaptive_concurrency, bool):
            raise TypeError(
                f"use_adaptive_concurrency must be True or False, not {self.use_adaptive_concurrency!r:.80}"
            )
        window = self.batch_completion_window
        if window is not None and not (isinstance(window, str) and re.fullmatch(r"[1-9]\d*[hd]", window)):
            raise ValueError(f'batch_completion_window must be hours or days, as "24h", not {window!r:.80}')
        least, most = self.retry_backoff_base, self.retry_backoff_max
        at_least(0, retry_backoff_base=least, retry_backoff_max=most)
        if least is not None and most is not None and not 0 < least <= most:
            raise ValueError(
                f"retry_backoff_base must be above 0 and at most retry_backoff_max, not {least!r} and {most!r}"
            )

    def address(self) -> str | None:
        """The base URL in one spelling.

        Returns:
            It, or None without one.

        Raises:
            TypeError: *api_url* is not text.
            ValueError: *api_url* is not a base URL.
        """
        if self.api_url is None:
            return None
        if not isinstance(self.api_url, str):
            raise TypeError("api_url must be text")
        address, problem = written_address(self.api_url)
        if problem:
            raise ValueError("api_url must begin with http:// or https://, without a name and password in it")
        return address

    def most_tokens(self) -> float | None:
        """Tokens per minute, in and out together, that keep to every limit; None without one."""
        limits = (self.tokens_per_minute, self.input_tokens_per_minute, self.output_tokens_per_minute)
        return min((limit for limit in limits if limit is not None), default=None)

    def most_requests(self) -> float | None:
        """Requests per minute that keep to every limit; None without one."""
        limits = [] if self.requests_per_minute is None else [self.requests_per_minute]
        if self.politeness_policy:
            limits.append(60.0 * (self.num_workers or 1) / self.politeness_policy)
        return min(limits, default=None)


_KEYS = ("api_key", "api_key_env_varname")


def effective(*layers: RemoteParams | None) -> RemoteParams:
    """The effective settings of several layers, the engine's first: each field as the last layer sets it.

    A key belongs to the address that was in effect where the key was set, and goes to no other: a layer
    with another address and no key has none. Raises TypeError and ValueError for what a field cannot be.
    """
    brings_defaults = any(layer is not None and layer.brings_defaults for layer in layers)
    values: dict[str, Any] = {} if brings_defaults else {"num_workers": None}
    keys: dict[str | None, dict[str, Any]] = {}
    address = None
    for layer in filter(None, layers):
        settings = layer.given()
        address = layer.address() or address
        if key := {name: settings.pop(name) for name in _KEYS if name in settings}:
            keys[address] = key
        values |= settings
    made = RemoteParams(**{**values, "api_url": address}, **keys.get(address, {}))
    made.__dict__["_brings_defaults"] = brings_defaults
    return made


@dataclass
class InferenceConfig(Params):
    """All settings of a job in one object; its parts may be dicts. `model_name` of `infer` overrides its model.

    Who makes one has the defaults of `GenerationParams` and, where it has them, of `RemoteParams`.

    Args:
        model: Which model.
        generation: How to generate.
        input_path: A file of conversations as JSON lines, if none are given.
        output_path: A file for the answered ones; a job that was stopped resumes from it.
        progress_path: A file of JSON that counts them, for whoever watches.
        engine: A provider's id or a kind of engine ("OPENAI", "VLLM", ...).
        remote_params: How servers are reached.

    Raises:
        TypeError: A field is of the wrong type.
        ValueError: A field is out of range.
    """

    model: ModelParams = field(default_factory=ModelParams)
    generation: GenerationParams = field(default_factory=GenerationParams)
    input_path: str | os.PathLike[str] | None = None
    output_path: str | os.PathLike[str] | None = None
    progress_path: str | os.PathLike[str] | None = None
    engine: InferenceEngineType | str | None = None
    remote_params: RemoteParams | None = None

    def __post_init__(self) -> None:
        self.model = coerced(ModelParams, self.model)
        self.generation = coerced(GenerationParams, self.generation)
        self.remote_params = None if self.remote_params is None else coerced(RemoteParams, self.remote_params)

    def defaults(self) -> dict[str, Any]:
        """What the generation's defaults come to, in the words of `ask_ai`."""
        if "generation" in self.__dict__["_explicit"]:
            unset = {name for name in ("max_new_tokens", "temperature") if getattr(self.generation, name) is None}
            found = GenerationParams().defaults() if self.brings_defaults and not unset else {}
            return {**found, **self.generation.defaults()}
        return self.generation.defaults() if self.brings_defaults else {}

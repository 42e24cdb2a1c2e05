"""Settings of an engine: the model, how it generates, how it is reached; and which of them were set explicitly."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from inference_providers.chat import parameters
from inference_providers.credentials import written_address


@dataclass
class ModelParams:
    """Which model, and its files if it runs on this machine. model_max_length: tokens of context."""

    model_name: str = ""
    tokenizer_name: str | None = None
    model_max_length: int | None = None


@dataclass
class GuidedDecodingParams:
    """What an answer must look like: a JSON Schema, a regular expression, or one of some choices."""

    json: Any = None
    regex: str | None = None
    choice: list[str] | None = None


@dataclass
class GenerationParams:
    """How to generate. None leaves a parameter to the provider.

    Each provider gets the parameters that it takes; see `on_unsupported` of `ask_ai`.
    """

    max_new_tokens: int | None = None
    batch_size: int | None = None
    seed: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop_strings: list[str] | None = None
    stop_token_ids: list[int] | None = None
    logit_bias: dict[Any, float] | None = None
    guided_decoding: GuidedDecodingParams | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None

    def as_fields(self) -> dict[str, Any]:
        """The parameters that are set, in the words of `ask_ai`."""
        values = {row.name: getattr(self, row.name) for row in fields(self)}
        guided = values.pop("guided_decoding")
        values.pop("batch_size")
        words = {name: value for name, value in values.items() if value is not None}
        if guided is not None:
            guided = GuidedDecodingParams(**guided) if isinstance(guided, dict) else guided
            by_word = {"guided_json": guided.json, "guided_regex": guided.regex, "guided_choice": guided.choice}
            words |= {word: value for word, value in by_word.items() if value is not None}
        return words


@dataclass
class RemoteParams:
    """How to reach a remote engine. Times in seconds.

    What a call does not set stays as the engine has it; see `effective`.

    api_url: base URL of an OpenAI-compatible server; default: the model's provider. api_key, or
    api_key_env_varname, the variable that holds it: it goes to that one provider and nowhere else.
    num_workers: concurrent requests; with use_adaptive_concurrency, at most. Limits by the minute as in `batch`.
    batch_completion_window (`"24h"`): use the provider's batch API, at a lower price; needs an output path.
    """

    api_url: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    api_key_env_varname: str | None = field(default=None, repr=False)
    max_retries: int = 3
    retry_backoff_base: float = 1.0
    retry_backoff_max: float = 30.0
    connection_timeout: float = 300.0
    num_workers: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    use_adaptive_concurrency: bool = True
    batch_completion_window: str | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> RemoteParams:
        """Note which fields are set: a default that is passed explicitly counts."""
        new = super().__new__(cls)
        new.__dict__["_explicit"] = {*kwargs, *(row.name for row, _ in zip(fields(cls), args, strict=False))}
        return new

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpickled or copied. Pickles of before have which fields are set by another name."""
        self.__dict__.update(state)
        if (explicit := self.__dict__.pop("_said", None)) is not None:
            self.__dict__["_explicit"] = explicit

    def given(self) -> dict[str, Any]:
        """The fields that were passed, or set since; None counts as not set."""
        explicit = self.__dict__["_explicit"]
        values = {row.name: getattr(self, row.name) for row in fields(self) if row.name in explicit}
        values |= {row.name: value for row in fields(self) if (value := getattr(self, row.name)) != row.default}
        return {name: value for name, value in values.items() if value is not None}

    def address(self) -> str | None:
        """The base URL in one spelling, None without one.

        Raises TypeError and ValueError for what is not a base URL.
        """
        if self.api_url is None:
            return None
        if not isinstance(self.api_url, str):
            raise TypeError("api_url must be text")
        address, problem = written_address(self.api_url)
        if problem:
            raise ValueError("api_url must begin with http:// or https://, without a name and password in it")
        return address


_KEYS = ("api_key", "api_key_env_varname")


def effective(*layers: RemoteParams | None) -> RemoteParams:
    """The effective settings of several layers, the engine's first: each field as the last layer sets it.

    A key belongs to the address that was in effect where the key was set, and goes to no other: a layer
    with another address and no key has none.
    """
    values: dict[str, Any] = {}
    keys: dict[str | None, dict[str, Any]] = {}
    address = None
    for layer in filter(None, layers):
        settings = layer.given()
        address = layer.address() or address
        if key := {name: settings.pop(name) for name in _KEYS if name in settings}:
            keys[address] = key
        values |= settings
    return RemoteParams(**{**values, "api_url": address}, **keys.get(address, {}))


@dataclass
class InferenceConfig:
    """All settings of a job in one object; its parts may be dicts. `model_name` of `infer` overrides its model.

    engine: a provider or kind of engine (`OPENAI`, `VLLM`, ...). output_path: a file of JSON lines for
    the answers; a job that was stopped resumes from it.
    """

    model: ModelParams = field(default_factory=ModelParams)
    generation: GenerationParams = field(default_factory=GenerationParams)
    remote_params: RemoteParams | None = None
    engine: str | None = None
    output_path: str | None = None

    def __post_init__(self) -> None:
        self.model = coerced(ModelParams, self.model)
        self.generation = coerced(GenerationParams, self.generation)
        self.remote_params = None if self.remote_params is None else coerced(RemoteParams, self.remote_params)


def coerced(kind: Any, value: Any) -> Any:
    """*value* as an instance of *kind*, built from a dict if it is one. Raises TypeError."""
    if isinstance(value, kind):
        return value
    if not isinstance(value, dict):
        # The value itself is not shown: it may be a key.
        raise TypeError(f"give {kind.__name__}(...) or a dict, not {type(value).__name__}")
    names = {row.name for row in fields(kind)}
    if unknown := sorted(set(value) - names):
        raise TypeError(
            f"{kind.__name__} has no {parameters.listed(unknown)}; it has {parameters.listed(sorted(names))}"
        )
    return kind(**value)

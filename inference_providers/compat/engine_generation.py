"""How an engine's model is to generate, in the words of other tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inference_providers.chat import parameters
from inference_providers.compat.engine_params import Params, at_least, coerced, whole

# What a server is asked for; the rest is for models within the same process, or for one provider.
_HONOURED = (
    "max_new_tokens", "batch_size", "seed", "temperature", "top_p", "top_k", "min_p", "frequency_penalty",
    "presence_penalty", "repetition_penalty", "stop_strings", "stop_token_ids", "logit_bias", "guided_decoding",
    "use_sampling", "tools", "tool_choice", "parallel_tool_calls", "reasoning_effort",
)  # fmt: skip
# Fields that are no words of `ask_ai`.
ALONE = (
    "exclude_prompt_from_response", "use_cache", "num_beams", "use_sampling", "skip_special_tokens", "prompt_cache_ttl",
)  # fmt: skip
_UNSENT = ("batch_size", "guided_decoding", "use_sampling")


@dataclass
class GuidedDecodingParams(Params):
    """What an answer must look like: one of three.

    Args:
        json: A JSON Schema, or a pydantic model.
        regex: A regular expression.
        choice: The answers that there may be.
        strict: Whether to ask for the schema in its strict form.

    Raises:
        ValueError: More than one of the three is given.
    """

    json: Any = None
    regex: str | None = None
    choice: list[str] | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.json, self.regex, self.choice)) > 1:
            raise ValueError("only one of json, regex and choice can be given")
        if self.choice is not None and not (self.choice and all(isinstance(one, str) for one in self.choice)):
            raise ValueError(f"choice must be a list of texts, not {self.choice!r:.80}")
        try:
            parameters.normalise({name: value for name, value in self.words().items() if name != "response_format"})
        except ValueError as error:
            raise ValueError(f"json must be a JSON Schema, as a dict or as JSON: {error}") from None
        except TypeError as error:
            raise TypeError(str(error).removeprefix("guided_")) from None

    def words(self) -> dict[str, Any]:
        """In the words of `ask_ai`."""
        schema = self.json
        if hasattr(schema, "model_json_schema"):
            schema = schema.model_json_schema()
        if schema is not None and self.strict:
            fields = parameters.normalise({"guided_json": schema})
            fields["response_format"]["json_schema"]["strict"] = True
            return fields
        by_word = {"guided_json": schema, "guided_regex": self.regex, "guided_choice": self.choice}
        return {word: value for word, value in by_word.items() if value is not None}


@dataclass
class GenerationParams(Params):
    """How to generate. Who makes one has its defaults: at most 1,024 new tokens, at temperature 0.

    None leaves a parameter to the provider. Each gets the parameters that it takes; see `on_unsupported` of `ask_ai`.

    Args:
        max_new_tokens: The most tokens that an answer may have.
        batch_size: How many conversations are asked at once, if it is set.
        exclude_prompt_from_response: Not sent; a warning says so where it is set.
        seed: The same seed gives much the same answer.
        temperature: Randomness, from 0 to 2.
        top_p: Only the likeliest tokens that come to this probability together, from 0 to 1.
        frequency_penalty: How much repetition is discouraged, by how often a token was there, from -2 to 2.
        presence_penalty: How much repetition is discouraged, once a token was there, from -2 to 2.
        stop_strings: Texts before which an answer ends.
        stop_token_ids: Tokens at which it ends.
        logit_bias: A bias for each token id, from -100 to 100.
        min_p: Only tokens of at least this part of the likeliest one's probability, from 0 to 1.
        use_cache: Not sent, likewise.
        num_beams: Not sent, likewise.
        use_sampling: Kept for settings of other tools.
        guided_decoding: What an answer must look like, a `GuidedDecodingParams` or a dict of its fields.
        skip_special_tokens: Not sent, likewise.
        tool_choice: "auto", "none", "required", or the tool that must be called.
        parallel_tool_calls: Whether the model may call several tools at once.
        prompt_cache_ttl: "5m" or "1h". Not sent, likewise.
        tools: What the model may call: descriptions, or functions.
        reasoning_effort: "low", "medium", "high", or what else the model has.
        top_k: Only so many of the likeliest tokens.
        repetition_penalty: How much repetition is discouraged; 1 is not at all.

    Raises:
        TypeError: A field is of the wrong type.
        ValueError: A field is out of range.
    """

    max_new_tokens: int | None = 1024
    batch_size: int | None = 1
    exclude_prompt_from_response: bool = True
    seed: int | None = None
    temperature: float | None = 0.0
    top_p: float | None = None
    frequency_penalty: float | None = 0.0
    presence_penalty: float | None = 0.0
    stop_strings: list[str] | None = None
    stop_token_ids: list[int] | None = None
    logit_bias: dict[Any, float] | None = field(default_factory=dict)
    min_p: float | None = 0.0
    use_cache: bool = False
    num_beams: int = 1
    use_sampling: bool = False
    guided_decoding: GuidedDecodingParams | None = None
    skip_special_tokens: bool = True
    tool_choice: Any = None
    parallel_tool_calls: bool | None = True
    prompt_cache_ttl: str | None = None
    tools: list[Any] | None = None
    reasoning_effort: str | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None

    def __post_init__(self) -> None:
        if self.guided_decoding is not None:
            self.guided_decoding = coerced(GuidedDecodingParams, self.guided_decoding)
        self.check()

    def check(self) -> None:
        """Look at each field.

        Raises:
            TypeError: A field is of the wrong type.
            ValueError: A field is out of range.
        """
        parameters.normalise(self.as_fields())
        whole(batch_size=self.batch_size, num_beams=self.num_beams)
        at_least(1, batch_size=self.batch_size, num_beams=self.num_beams)
        stop = [self.stop_strings] if isinstance(self.stop_strings, str) else self.stop_strings
        for name, values, kind in (("stop_strings", stop, str), ("stop_token_ids", self.stop_token_ids, int)):
            for value in values or ():
                if not isinstance(value, kind) or isinstance(value, bool):
                    raise TypeError(f"{name} must be a list of {kind.__name__}, and has {value!r:.80}")
        for token, bias in (self.logit_bias or {}).items():
            if not isinstance(token, str | int):
                raise TypeError(f"logit_bias goes by tokens' numbers, not {token!r:.80}")
            if not isinstance(bias, int | float) or not -100 <= bias <= 100:
                raise ValueError(f"logit_bias must be from -100 to 100, not {bias!r:.80}")
        if self.prompt_cache_ttl not in (None, "5m", "1h"):
            raise ValueError(f'prompt_cache_ttl must be "5m", "1h" or None, not {self.prompt_cache_ttl!r:.80}')

    def as_fields(self) -> dict[str, Any]:
        """The parameters that are set, in the words of `ask_ai`."""
        words = {name: value for name, value in self.given().items() if name in _HONOURED and name not in _UNSENT}
        guided = coerced(GuidedDecodingParams, self.guided_decoding) if self.guided_decoding is not None else None
        return words if guided is None else words | guided.words()

    def defaults(self) -> dict[str, Any]:
        """What was not set and yet counts, in the words of `ask_ai`: nothing, unless this brings its defaults."""
        if not self.brings_defaults:
            return {}
        values = {"max_tokens": self.max_new_tokens, "temperature": self.temperature}
        return {name: value for name, value in values.items() if value is not None}

    def unsent(self) -> list[str]:
        """What is set and goes to nobody, as `name=value`."""
        return self.beyond(_HONOURED)

"""Generation parameters: one vocabulary in, each provider's and model's spelling out. Pure.

How a provider spells a parameter, which it refuses and which it takes beyond OpenAI's is a row of the
registry (`connection.parameters`); what a model refuses is a letter among its facts, explained by the
registry's `parameters`. Nothing here knows a provider by name.
"""

from __future__ import annotations

import json
import math

from inference_providers.chat.arguments import DROP as DROP
from inference_providers.chat.arguments import ERROR as ERROR
from inference_providers.chat.arguments import KEEP as KEEP
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

MODES = (DROP, ERROR)
DEVELOPER = "developer"  # the role, treated as a parameter that not every provider takes
WITH_USAGE = {"include_usage": True}  # `stream_options`: the last event of a stream reports the tokens used

# Other tools' words for the same thing.
SYNONYMS = {
    "max_new_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "stop_strings": "stop",
    "stop_sequences": "stop",
    "effort": "reasoning_effort",
    "functions": "tools",
}
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")  # the least first; each model has some of them
_NUMBER = (int, float)
_KINDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list",
    tuple: "a list",
    dict: "an object",
}
# name -> (types, least, most)
VOCABULARY: dict[str, tuple[tuple[type, ...], float | None, float | None]] = {
    "max_tokens": ((int,), 1, None),
    "temperature": (_NUMBER, 0, 2),
    "top_p": (_NUMBER, 0, 1),
    "top_k": ((int,), -1, None),
    "min_p": (_NUMBER, 0, 1),
    "repetition_penalty": (_NUMBER, 0, None),
    "frequency_penalty": (_NUMBER, -2, 2),
    "presence_penalty": (_NUMBER, -2, 2),
    "seed": ((int,), None, None),
    "n": ((int,), 1, None),
    "stop": ((str, list, tuple), None, None),
    "stop_token_ids": ((list, tuple), None, None),
    "logit_bias": ((dict,), None, None),
    "logprobs": ((bool,), None, None),
    "top_logprobs": ((int,), 0, 20),
    "tools": ((list, tuple), None, None),
    "tool_choice": ((str, dict), None, None),
    "parallel_tool_calls": ((bool,), None, None),
    "response_format": ((str, dict), None, None),
    "reasoning_effort": ((str,), None, None),
    "verbosity": ((str,), None, None),
    "guided_json": ((dict, str), None, None),
    "guided_regex": ((str,), None, None),
    "guided_choice": ((list, tuple), None, None),
    "guided_grammar": ((str,), None, None),
    "service_tier": ((str,), None, None),
    "user": ((str,), None, None),
}


# Options of `ask_ai` and `batch`, and other names that people try.
_OPTIONS = (
    "model", "system", "images", "files", "schema", "stream", "timeout", "max_steps", "on_unsupported", "extra_body",
    "concurrency", "api_key", "api_base", "avoid", "only", "policy", "max_cost", "retry_attempts", "fallback_providers",
    "test", "cache",
)  # fmt: skip
_MISNOMERS = {
    "image": "images",
    "file": "files",
    "attachments": "files",
    "system_prompt": "system",
    "instructions": "system",
    "models": "model (which takes a list as well)",
    "json": 'response_format="json"',
    "json_mode": 'response_format="json"',
    "fallbacks": "a list of models, or fallback_providers",
    "workers": "concurrency",
    "num_workers": "concurrency",
    "provider": 'a model "PROVIDER/NAME"',
    "base_url": "api_base",
    "api_url": "api_base",
    "endpoint": "api_base",
    "max_retries": "retry_attempts",
    "num_retries": "retry_attempts",
    "retries": "retry_attempts",
    "max_turns": "max_steps",
    "temp": "temperature",
    "response_model": "schema",
    "thinking": "reasoning_effort",
    "reasoning": "reasoning_effort",
    "max_price": "max_cost",
    "budget": "max_cost, or ProviderList(budget=...)",
    "drop_params": 'on_unsupported="drop"',
    "mock_response": "ProviderList(mock={...})",
    "choose_randomly": 'policy="random"',
    "verify": "test",
    "verbose": "ProviderList(verbose=True)",
    "allow_empty": "ProviderList(allow_empty=True)",
    "hedge_after": "ProviderList(hedge_after=...)",
    "organization": 'ProviderList(environ={"OPENAI_ORG_ID": ..., ...})',
}


def normalise(words: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters in any tool's words as the fields of a chat request; None means not set.

    Raises TypeError for a name that is not in the vocabulary, or a value of the wrong type;
    ValueError for a value out of range, or two words for one parameter with different values.
    """
    fields: dict[str, Any] = {}
    for word, value in words.items():
        if value is None:
            continue
        name = SYNONYMS.get(word, word)
        if name not in VOCABULARY:
            raise _unknown(word)
        _check(word, name, value)
        if name == "tools" and not value:
            continue  # providers refuse an empty list
        value = list(value) if isinstance(value, tuple) else value
        if name in fields and fields[name] != value:
            raise contradiction(word, name)
        fields[name] = value
    if "guided_json" in fields:
        if "response_format" in fields:
            raise ValueError("guided_json and response_format say the same thing; give one of them")
        schema = fields.pop("guided_json")
        schema = jsontext.loads(schema) if isinstance(schema, str) else schema
        if not isinstance(schema, dict):
            raise TypeError(f"guided_json must be a JSON Schema (an object), not {schema!r}")
        fields["response_format"] = json_schema(schema)
    form = fields.get("response_format")
    if isinstance(form, str):
        fields["response_format"] = {"type": {"json": "json_object"}.get(form, form)}
    if "logit_bias" in fields:
        fields["logit_bias"] = {str(token): bias for token, bias in fields["logit_bias"].items()}
    return fields


def _unknown(word: str) -> TypeError:
    names = [*VOCABULARY, *SYNONYMS, *_OPTIONS]
    known = "" if word in _MISNOMERS else " A provider's own parameters go into extra_body={...}."
    return TypeError(f"{word!r} is not a generation parameter{_meant(word, names) or '.'}{known}")


def unknown_option(word: str, names: Iterable[str]) -> TypeError:
    """The error for what is none of the options of a call, which are *names*."""
    return TypeError(f"{word!r} is not an option here{_meant(word, names) or f'; there are {listed(sorted(names))}'}")


def _meant(word: str, names: Iterable[str]) -> str:
    """The question after a word that was perhaps meant; empty where none is near."""
    from difflib import get_close_matches

    meant = _MISNOMERS.get(word, "")
    known = meant and (meant in names or not meant.isidentifier())
    close = [meant] if known else get_close_matches(word, [name for name in names if name != word], n=2)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def contradiction(word: str, name: str) -> ValueError:
    """The error for two words for one parameter, with different values."""
    return ValueError(f"{word} is another word for {name}, which is set to another value; give one of them")


def _check(word: str, name: str, value: Any) -> None:
    types, least, most = VOCABULARY[name]
    accepted: Any = types  # typed Any, or a type checker would narrow the value to object
    if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in types):
        kinds = dict.fromkeys(_KINDS[kind] for kind in types if kind is not int or float not in types)
        raise TypeError(f"{word} must be {' or '.join(kinds)}, not {value!r}")
    if least is None and most is None:
        return
    if not (least is None or value >= least) or not (most is None or value <= most) or value == math.inf:
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{word} must be {limits}, not {value!r}")


def json_schema(schema: Mapping[str, Any], name: str = "answer", *, strict: bool = False) -> dict[str, Any]:
    """A `response_format` that asks for JSON that fits a schema."""
    return {"type": "json_schema", "json_schema": {"name": name, "schema": dict(schema), "strict": strict}}


def schema_prompt(schema: Mapping[str, Any]) -> str:
    """The instruction for a model without structured output."""
    return "Reply with JSON only, no other text and no code fence. It must fit this JSON Schema:\n" + json.dumps(
        schema, ensure_ascii=False
    )


def listed(names: Iterable[str]) -> str:
    """Names as a person lists them, each once: `min_p, seed and stop`."""
    unique = list(dict.fromkeys(names))
    return " and ".join(filter(None, (", ".join(unique[:-1]), unique[-1] if unique else "")))

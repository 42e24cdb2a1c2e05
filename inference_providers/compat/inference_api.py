"""Requests of the inference API, read: its JSON in, what is asked out. Pure.

What says where to go, with which key or header, or names a file or a program of this machine is refused: whoever sends
a request may be somebody else than whose keys and files these are.
"""

from __future__ import annotations

import re

from inference_providers.calls import narrowed
from inference_providers.chat import PREFERRING, check_timeout, parameters
from inference_providers.compat.inference_errors import invalid, missing
from inference_providers.errors import UnknownModelError
from inference_providers.offers import AUTO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.calls import Pipeline
    from inference_providers.chat import Answer, Question
    from inference_providers.routing import Preferences

BEST_AVAILABLE, SAME_MODEL, NO_FALLBACK = FALLBACKS = ("best_available", "same_model", "none")
MOST_REQUESTS = 100  # of a batch
_DEPTH = 100  # objects and lists within each other
_NAMES: dict[type, str] = {
    str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array",
}  # fmt: skip
# What else a request may say, and its type. All else is a parameter of the model's, known or not.
_FIELDS: dict[str, tuple[type, ...]] = {
    "stream": (bool,), "store": (bool,), "system": (str,), "schema": (dict,), "timeout": (int, float),
    "max_steps": (int,), "on_unsupported": (str,), "split_thinking": (bool,), "avoid": (str, list),
    "only": (str, list), "cache": (bool, dict), "cache_config": (dict,), "preferences": (dict,),
    "fallback_strategy": (str,), "id": (str,), "stream_options": (dict,), "extra_body": (dict,),
    "provider": (str,), "fallback_providers": (list,), "strategies": (list,), "retry_attempts": (int,),
    "backoff_multiplier": (int, float), "cost_optimization": (bool, dict), "latency_optimization": (bool,),
    "fallback_config": (dict,), "quality_threshold": (int, float), "max_cost": (int, float), "policy": (str,),
}  # fmt: skip
_HOW = ("schema", "max_steps", "on_unsupported", "split_thinking")
# Names of keys, addresses, headers, files and programs, without marks between their words.
_OURS = frozenset((
    "apikey", "apibase", "apiurl", "apikeyenvvarname", "authorization", "accesstoken", "baseurl", "endpoint", "proxy",
    "proxies", "headers", "extraheaders", "defaultheaders", "extraquery", "defaultquery", "httpclient", "environ",
    "jsonoverride", "jsonmerge", "updateurl", "localmodels", "modelpath", "tokenizerpath", "tokenizername",
    "outputpath", "progresspath", "inputpath", "filepath", "remoteparams", "mockresponses",
))  # fmt: skip
# The same, where they are options of ours: deeper down they may be anybody's.
_OPTIONS = frozenset((
    "transport", "env", "autoupdate", "trust", "allow", "aliases", "command", "images", "files", "out", "path", "mock",
    "learn", "log", "telemetry", "verbose", "caller",
))  # fmt: skip
_OF_OPTIONS = ("cache", "cache_config", "fallback_config", "preferences", "extra_body")
# What is said to the model, or describes what it may say: the names in there are anybody's.
_CONTENT = frozenset((
    "messages", "tools", "functions", "tool_choice", "response_format", "schema", "guided_json", "logit_bias",
    "metadata", "prediction", "stop", "chat_template_kwargs",
))  # fmt: skip
_OF_TOOLS = ("tools", "functions", "tool_choice", "parallel_tool_calls")


class InferenceRequest:
    """One request, read.

    models: the names, best first. parameters: those of `ask_ai`, preferences among them. extra: parameters that go to
    whoever answers as they are. terms: `avoid` and `only`. how: further options. preferences: as in
    `configure_providers`. fallback: one of `FALLBACKS`. id: the sender's own, in a batch. caller: on whose behalf.
    store: whether the reply may be read again. streams: whether it is asked for as it comes.
    """

    __slots__ = (
        "cache", "cache_config", "caller", "extra", "fallback", "how", "id", "messages", "models", "parameters",
        "preferences", "store", "streams", "system", "terms", "timeout",
    )  # fmt: skip

    def __init__(self, models: list[str], messages: list[dict[str, Any]]) -> None:
        self.models, self.messages = models, messages
        self.parameters: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.terms: dict[str, Any] = {}
        self.how: dict[str, Any] = {}
        self.preferences: Mapping[str, Any] | None = None
        self.fallback, self.id, self.caller = SAME_MODEL, "", ""
        self.system: str | None = None
        self.cache: Any = None
        self.cache_config: Any = None
        self.store, self.streams = True, False
        self.timeout: float | None = None

    def __repr__(self) -> str:
        return f"<InferenceRequest of {', '.join(self.models)}>"

    @property
    def asked_models(self) -> list[str]:
        """The names to ask for: where whatever there is may answer, that comes last."""
        return [*self.models, AUTO] if self.fallback == BEST_AVAILABLE else self.models

    @property
    def falls_back(self) -> bool:
        """Whether another candidate is asked when one fails."""
        return self.fallback != NO_FALLBACK


def request_of(body: Any, *, streams: bool = False, within: str = "") -> InferenceRequest:
    """A request's JSON, read. *streams*: its path asks for a stream. *within*: where it stands in a batch.

    Raises InvalidRequestError, whose `details` name the parameter at fault.
    """
    if not isinstance(body, dict):
        raise invalid(f"A request is a JSON object, not {_kind_of(body)}", within.rstrip(".") or None, "object")
    check_names(body, within)
    models = _models(body.get("model"), within)
    request = InferenceRequest(models, _messages(body.get("messages"), within))
    extra: dict[str, Any] = {}
    for name, value in body.items():
        if value is None or name in ("model", "messages"):
            continue
        where = within + name
        if name in _FIELDS:
            _check_type(where, value, _FIELDS[name])
            _take(request, name, value, where)
        elif name in parameters.VOCABULARY or name in parameters.SYNONYMS:
            request.parameters[name] = value
        else:
            extra[name] = value
    request.extra = {**extra, **request.extra}
    request.streams = request.streams or streams
    if request.streams:
        _as_stream(request, within)
    return request


def _take(request: InferenceRequest, name: str, value: Any, where: str) -> None:
    """One of `_FIELDS`, checked for its type."""
    if name in PREFERRING:
        request.parameters[name] = value
    elif name in ("avoid", "only"):
        request.terms[name] = value
    elif name in _HOW:
        request.how[name] = value
    elif name == "fallback_strategy":
        request.fallback = fallback_of(value, where)
    elif name == "extra_body":
        for inner in ("model", "models", "messages", "stream"):
            if inner in value:
                raise invalid(f"{where}.{inner} is said by the request itself", f"{where}.{inner}")
        request.extra = dict(value)
    elif name == "timeout":
        try:
            check_timeout(value)
        except ValueError as error:
            raise invalid(str(error), where, "number") from None
        request.timeout = float(value)
    elif name == "stream":
        request.streams = value
    elif name != "stream_options":  # the last event always tells the tokens
        setattr(request, name, value)


def _as_stream(request: InferenceRequest, within: str) -> None:
    """A stream gives text as it comes: what describes tools goes along, and calls of them are in its last event."""
    if "schema" in request.how:
        raise invalid("A stream gives text as it arrives; with a schema, ask without stream", f"{within}schema")
    for name in _OF_TOOLS:
        if request.parameters.get(name):
            request.extra.setdefault(parameters.SYNONYMS.get(name, name), request.parameters.pop(name))


def batch_of(body: Any) -> tuple[list[Any], bool]:
    """(the requests of a batch, each still to be read; whether they run at the same time). Raises InvalidRequestError.

    A `fallback_strategy` of the batch holds for each request that has none of its own.
    """
    if not isinstance(body, dict):
        raise invalid(f"A batch is a JSON object, not {_kind_of(body)}", None, "object")
    for name in body:
        if name not in ("requests", "parallel", "fallback_strategy"):
            known = "requests, parallel and fallback_strategy"
            raise invalid(f"A batch has {known}, not {name!r:.80}; all else stands in its requests", str(name))
    rows, parallel, fallback = body.get("requests"), body.get("parallel"), body.get("fallback_strategy")
    if rows is None:
        raise missing("requests", "array")
    _check_type("requests", rows, (list,))
    if not rows or len(rows) > MOST_REQUESTS:
        raise invalid(f"A batch has 1 to {MOST_REQUESTS} requests, not {len(rows)}", "requests", "array")
    if parallel is not None:
        _check_type("parallel", parallel, (bool,))
    if fallback is not None:
        _check_type("fallback_strategy", fallback, (str,))
        fallback_of(fallback, "fallback_strategy")
        rows = [{"fallback_strategy": fallback, **row} if isinstance(row, dict) else row for row in rows]
    return rows, parallel is not False


def id_of(row: Any, place: int) -> str:
    """The id of a batch's request: its own, else its place."""
    own = row.get("id") if isinstance(row, dict) else None
    return own if isinstance(own, str) and own else f"req_{place + 1}"


def fallback_of(word: str, where: str) -> str:
    """One of `FALLBACKS`. Raises InvalidRequestError for another word."""
    if word not in FALLBACKS:
        raise invalid(f"{where} is one of {', '.join(FALLBACKS)}, not {word!r:.80}", where, "string")
    return word


def check_names(value: Any, within: str = "", depth: int = 0, *, is_option: bool = True) -> None:
    """Raise InvalidRequestError for a field that names an address, a key, a header, a file or a program of ours.

    *is_option*: whether it is read here, and not by whoever answers alone.
    """
    if depth > _DEPTH:
        raise invalid(f"A request nests at most {_DEPTH} levels deep", within.rstrip(".") or None)
    if isinstance(value, dict):
        for name, inner in value.items():
            where = f"{within}{name}"
            squeezed = re.sub(r"[^a-z0-9]", "", str(name).lower())
            if squeezed in _OURS or (squeezed in _OPTIONS and is_option):
                raise invalid(
                    f"{where:.200} cannot be set by a request: keys, addresses, headers, files and programs are those "
                    "of whoever runs this",
                    where[:200],
                )
            if depth or name not in _CONTENT:
                check_names(inner, f"{where}.", depth + 1, is_option=is_option and (depth > 0 or name in _OF_OPTIONS))
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            check_names(inner, f"{within.rstrip('.')}[{place}].", depth + 1, is_option=is_option)


def _models(given: Any, within: str) -> list[str]:
    if given is None or given == "":
        raise missing(f"{within}model", "string")
    names = given if isinstance(given, list | tuple) else [given]
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise invalid(f"Parameter {within}model must be the name of a model", f"{within}model", "string")
    return list(names)


def _messages(given: Any, within: str) -> list[dict[str, Any]]:
    where = f"{within}messages"
    if given is None:
        raise missing(where, "array")
    _check_type(where, given, (list,))
    if not given:
        raise invalid(f"Parameter {where} is empty", where, "array")
    for place, turn in enumerate(given):
        if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
            form = '{"role": "user", "content": "..."}'
            raise invalid(f"{where}[{place}] must be an object like {form}", f"{where}[{place}]", "object")
        content = turn.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            _check_part(part, f"{where}[{place}].content[{number}]")
    turns: list[dict[str, Any]] = given
    return turns


def _check_part(part: Any, where: str) -> None:
    """Raise InvalidRequestError for a part of a message that names a file: servers on this machine might read it."""
    if not isinstance(part, dict):
        return
    if part.get("type") == "image_path":
        raise invalid(f"{where} names a file; send the picture itself, as a data: URL", where)
    for name, value in part.items():
        url = value.get("url") if isinstance(value, dict) else value
        if name.endswith("_url") and isinstance(url, str) and url.strip().lower().startswith("file:"):
            raise invalid(f"{where}.{name} names a file; send the picture itself, as a data: URL", f"{where}.{name}")


def _check_type(where: str, value: Any, types: tuple[type, ...]) -> None:
    fits: Any = types
    if not isinstance(value, fits) or (isinstance(value, bool) and bool not in types):
        expected = " or ".join(_NAMES[kind] for kind in types if not (kind is int and float in types))
        raise invalid(f"Parameter {where} must be {_with_article(expected)}", where, expected)


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aio' else 'a'} {word}"


def _kind_of(value: Any) -> str:
    return "nothing" if value is None else _with_article(_NAMES.get(type(value), type(value).__name__))


def question_of(broad: Pipeline, request: InferenceRequest) -> tuple[Pipeline, Question]:
    """The pipeline under a request's terms, and its question. Raises InvalidRequestError."""
    try:
        pipeline = narrowed(broad, **request.terms)
        words = {name: value for name, value in request.parameters.items() if name in PREFERRING}
        others = {name: value for name, value in request.parameters.items() if name not in PREFERRING}
        question = pipeline.question(
            request.messages, others, system=request.system, extra_body=request.extra or None, cache=request.cache,
            cache_config=request.cache_config, **request.how,
        )  # fmt: skip
        preferences = _preferences(pipeline, request, words)
    except UnknownModelError as error:  # a provider that nobody is called
        raise invalid(str(error), *_naming(str(error), request)) from None
    except (TypeError, ValueError) as error:
        raise invalid(str(error), *_parameter_in(str(error), request)) from None
    if preferences is not None:
        question.preferences = preferences.for_call()
    question.caller = request.caller
    return pipeline, question


def model_name(pipeline: Pipeline, request: InferenceRequest, answer: Answer) -> str:
    """What a reply calls the model that gave it: as the request does, where it is that one; else its canonical name."""
    known = answer.canonical_name
    names = pipeline.finder.registry.names
    for name in request.models:
        if known is not None and not re.search("[/:]", name) and names.canonical_name(name) == known:
            return name
    return known or answer.model


def _preferences(pipeline: Pipeline, request: InferenceRequest, words: dict[str, Any]) -> Preferences | None:
    """What the request prefers, over what its sender prefers in all of them, over what the list does."""
    broad = pipeline.preferences
    if request.preferences:
        from inference_providers.routing import configured

        broad = configured(request.preferences, pipeline.finder.provider_id).over(broad)
    return pipeline.preferring(words).over(broad) if words else broad


def _parameter_in(message: str, request: InferenceRequest) -> tuple[str | None, str | None]:
    """The parameter that the words of an error begin with, if it is one of the request's, and its type."""
    if message.startswith("a cache"):
        return ("cache", "boolean or object") if request.cache_config is None else ("cache_config", "object")
    word = re.match(r"\w+", message)
    known = {*request.parameters, *request.how, *request.terms, *_FIELDS}
    if word is None or word[0] not in known:
        return _naming(message, request)
    name = parameters.SYNONYMS.get(word[0], word[0])
    types = _FIELDS.get(word[0]) or (parameters.VOCABULARY[name][0] if name in parameters.VOCABULARY else ())
    kinds = [_NAMES[kind] for kind in types if kind in _NAMES and not (kind is int and float in types)]
    return word[0], " or ".join(kinds) or None


def _naming(message: str, request: InferenceRequest) -> tuple[str | None, str | None]:
    """The parameter in which a provider is named that nobody is called, and its type."""
    for name, given in {**request.parameters, **request.terms}.items():
        named = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        if any(isinstance(one, str) and repr(one) in message for one in named):
            return name, "string" if isinstance(given, str) else "array"
    return None, None

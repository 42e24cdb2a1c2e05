"""One call of an engine: what the engine, a configuration and the call itself say comes to, and who is asked."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

from inference_providers.calls import narrowed
from inference_providers.chat import (
    PREFERRING,
    Conversation,
    Message,
    file_parts,
    image_urls,
    parameters,
    with_images,
    with_parts,
)
from inference_providers.compat.cli_aliases import meant
from inference_providers.compat.engine_generation import ALONE, GenerationParams
from inference_providers.compat.engine_model import ModelParams
from inference_providers.compat.engine_params import coerced
from inference_providers.compat.engine_settings import InferenceConfig, RemoteParams, effective
from inference_providers.credentials import hidden
from inference_providers.errors import LocalServerError, UnknownModelError
from inference_providers.files import folders
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Protocol

    from inference_providers.calls import Pipeline
    from inference_providers.clients import ProviderList
    from inference_providers.compat.engine_lists import Lists
    from inference_providers.offers import Offer

    class Engine(Protocol):
        """What a call needs of its engine."""

        _generation: dict[str, Any]
        _remote: RemoteParams
        _lists: Lists
        _kind: str | None
        _model: ModelParams
        _defaults: dict[str, Any]

        def _tell_once(self, message: str) -> None:
            raise NotImplementedError

        def _tell_unsent(self, *settings: GenerationParams | ModelParams) -> None:
            raise NotImplementedError


# Options of a call besides generation parameters, which an engine may have as well.
_OWN = (
    "batch_size", "system", "images", "files", "schema", "extra_body", "timeout", "on_unsupported", "max_steps",
    "split_thinking", "cache", "cache_config", *PREFERRING,
)  # fmt: skip
# Rules by which a name means a model whoever serves it.
_PLAIN = ("canonical", "alias", "internal name", "spelling", "retired")


class Call:
    """The settings of one call: the engine's, those of its configuration, and its own."""

    def __init__(self, engine: Engine, name: str | None, config: Any, options: dict[str, Any]) -> None:
        self._engine = engine
        self.config = InferenceConfig() if config is None else coerced(InferenceConfig, config)
        config_given = config is not None
        self.params = self.config.model if self.config.is_set("model") else engine._model
        self.name = name or self.config.model.model_name or engine._model.model_name
        if name is not None and not isinstance(name, str):
            raise TypeError(
                f"model_name must be text, not {type(name).__name__}: an engine asks one model for each call"
            )
        if not self.name:
            raise UnknownModelError("No model: give model_name, or an inference_config with one.")
        by_hand = RemoteParams(api_key=hidden(options.pop("api_key", None)), api_url=options.pop("api_base", None))
        by_hand.__dict__["_brings_defaults"] = False
        rows = (self.config.remote_params, options.pop("remote_params", None))
        layers = [coerced(RemoteParams, row) for row in rows if row is not None]
        self.remote = effective(engine._remote, *layers, by_hand)
        self.terms = {name: options.pop(name, None) for name in ("avoid", "only")}
        self.out = self._path(options.pop("output_path", None) or self.config.output_path)
        self.progress_path = self._path(options.pop("progress_path", None) or self.config.progress_path)
        own = {name: value for name, value in options.items() if name != "input"}
        defaults = {**engine._defaults, **(self.config.defaults() if config_given else {})}
        user = {} if self.remote.user_id is None else {"user": self.remote.user_id}
        set_ones = in_one_word(self.config.generation.as_fields(), engine)
        self.words = {**user, **defaults, **engine._generation, **set_ones, **in_one_word(own, engine)}
        check(self.words)
        generation = self.config.generation
        size = generation.batch_size if generation.is_set("batch_size") else None
        self.size: int | None = self.words.pop("batch_size", size)
        self.window = self.remote.batch_completion_window if self.remote.is_set("batch_completion_window") else None
        if config_given:
            engine._tell_unsent(self.config.generation, self.config.model)
        self.list, self.model = self._found()
        self.pipeline: Pipeline = narrowed(self.list.pipeline, **self.terms)
        self._take_template()

    def _path(self, given: str | os.PathLike[str] | None) -> str | None:
        """A path that was given, with the home folder in place of its `~`, which only a shell replaces by itself."""
        return None if given is None else folders.expanded(os.fspath(given), self._engine._lists.environment())

    def _found(self) -> tuple[ProviderList, str]:
        """The list to ask, and the model's name there."""
        kind, name = self._engine._kind or self.config.engine, self.name
        if not self.remote.api_url:
            name, told = meant(name)
            if told:
                self._engine._tell_once(told)
        found, called = self._engine._lists.find(name, kind, self.remote, self.params)
        if called == name and (here := self._engine._lists.here(found, name)):
            self._engine._tell_once(f"nobody knows {name!r}; {here.partition('/')[0]} on this machine is asked for it")
            return found, here
        return found, called

    def _take_template(self) -> None:
        """Arguments of the chat template go to servers that may know them."""
        told = self.params.chat_template_kwargs
        here = self._engine._lists.is_here(self.model.partition("/")[0])
        if told and (self.remote.api_url or here):
            self.words["extra_body"] = {"chat_template_kwargs": told, **(self.words.get("extra_body") or {})}

    def inputs(self, given: Any) -> list[Conversation]:
        """The conversations of the call: those that are given, else those of the configuration's file."""
        path = self._path(self.config.input_path)
        if given is not None and path is not None:
            raise ValueError("give conversations, or the input_path of an inference_config, not both")
        if path is None and isinstance(given, os.PathLike):
            path = self._path(given)
        found = conversations(given) if path is None else read(path)
        images, attached = self.words.pop("images", None), self.words.pop("files", None)
        if images is None and attached is None:
            return found
        urls = image_urls(images, self.pipeline.finder.environ)
        parts = file_parts(attached, self.pipeline.finder.environ)
        return [_with_files(one, urls, parts) for one in found]

    def load(self) -> None:
        """Launch a server before the first question: loading may take longer than the timeout of a reply."""
        lists, finder = self._engine._lists, self.pipeline.finder
        named = lists.is_here(finder.registry.provider_id(self.model.partition("/")[0]))
        if not named and (self.remote.api_url or not lists.launches):
            return
        first = next(iter(finder.candidates(self.model)), None)
        if first is not None and first.launchable:
            try:
                first.wake(float("inf"))
            except LocalServerError:
                if named:
                    raise  # else somebody else is asked, and what went wrong is told with that
        elif first is not None and not named and first.row().local is None:
            self._tell_elsewhere(first)

    def _tell_elsewhere(self, first: Offer) -> None:
        """Say that a model with open weights, which was named without a provider, is asked for elsewhere."""
        found = self.list.resolve(self.model)
        facts = self.list.registry.model(found.canonical_name or "")
        if found.rule in _PLAIN and facts.get("open_weights"):
            self._engine._tell_once(
                f"{self.name} is not on this machine; {first.provider} is asked for {first.internal_name} "
                f"({self.name}:local asks nobody elsewhere)"
            )

    def batch_options(self) -> dict[str, Any]:
        """All that a batch is told, but for the conversations and what becomes of errors."""
        remote = self.remote
        pace = {
            "concurrency": remote.num_workers or self.size or "auto",
            "adaptive": remote.use_adaptive_concurrency,
            "requests_per_minute": remote.most_requests(),
            "tokens_per_minute": remote.most_tokens(),
            "timeout": remote.connection_timeout,
            "patience": remote.connection_timeout if remote.max_retries else 0.0,
            "max_retries": remote.max_retries,
        }
        mode = {"mode": "provider" if self.window else "direct", "completion_window": self.window}
        words = {name: value for name, value in self.words.items() if name != "system"}
        return {**pace, **mode, **self.terms, **words}


def check(words: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError for what are no parameters of generation, and no options of an engine."""
    for kind, where in ((RemoteParams, "remote_params"), (ModelParams, "the model of an inference_config")):
        if strange := sorted(words.keys() & {row.name for row in fields(kind)} - parameters.SYNONYMS.keys()):
            raise TypeError(f"{parameters.listed(strange)} is of {where}: {kind.__name__}({strange[0]}=...), or a dict")
    parameters.normalise({name: value for name, value in words.items() if name not in _OWN})


def in_one_word(generation: Mapping[str, Any], engine: Engine) -> dict[str, Any]:
    """Parameters in the words of `GenerationParams` or `ask_ai`, each under one name, so that layers can override.

    What goes to nobody is left out, and said.
    """
    words = {**generation}
    if alone := {name: words.pop(name) for name in ALONE if name in words}:
        engine._tell_unsent(GenerationParams(**alone))
    guided = words.pop("guided_decoding", None)
    if guided is not None:
        words |= GenerationParams(guided_decoding=guided).as_fields()
    by_name: dict[str, Any] = {}
    for word, value in words.items():
        name = parameters.SYNONYMS.get(word, word)
        if value is not None and by_name.setdefault(name, value) != value:
            raise parameters.contradiction(word, name)
    return by_name


_FILES = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".txt")  # names of files that nobody asks as a question


def conversations(value: Any) -> list[Conversation]:
    if isinstance(value, str) and value.lower().endswith(_FILES) and os.path.isfile(value):
        raise ValueError(f"{value!r} is a file; for the conversations in it, give pathlib.Path({value!r})")
    if isinstance(value, Conversation | str | dict) or _is_messages(value):
        value = [value]
    if isinstance(value, bytes) or not hasattr(value, "__iter__"):
        raise TypeError(f"give conversations: a list of them, one, or the pathlib.Path of a file, not {value!r:.80}")
    return [Conversation.of(one) for one in value]


def read(path: str | os.PathLike[str]) -> list[Conversation]:
    """The conversations in a file: of JSON lines, or of one JSON array.

    Raises ValueError, which names the line that is none.
    """
    found = []
    for where, value in _values(os.fspath(path)):
        try:
            found.append(Conversation.from_dict(value))
        except TypeError as error:
            raise ValueError(f"{os.fspath(path)}, {where}: {error}") from None
    return found


def _values(path: str) -> Iterator[tuple[str, Any]]:
    """What a file has, each with its place. Raises ValueError."""
    with open(path, "rb") as file:
        lines = [line.strip() for line in file]
    lines[:1] = [line.removeprefix(b"\xef\xbb\xbf") for line in lines[:1]]
    if next(filter(None, lines), b"").startswith(b"["):
        try:
            array = jsontext.loads(b"\n".join(lines))
        except ValueError as error:
            raise ValueError(f"{path} begins as a JSON array, and is none: {error}") from None
        yield from ((f"item {number}", value) for number, value in enumerate(array, 1))
        return
    for number, text in enumerate(lines, 1):
        try:
            value = jsontext.loads(text) if text else None
        except ValueError as error:
            wanted = "conversations are JSON, one on each line, or an array of them"
            raise ValueError(f"{path}, line {number}: {error}; {wanted}") from None
        if text:
            yield f"line {number}", value


def _is_messages(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(m, Message) or (isinstance(m, dict) and "role" in m) for m in value)
    )


def _with_files(conversation: Conversation, urls: list[str], parts: list[dict[str, Any]]) -> Conversation:
    """A conversation whose last question has these pictures, and these parts."""
    turns = with_parts(with_images(conversation.as_messages(), urls), parts)
    return Conversation(
        [*map(Message.of, turns)], conversation.conversation_id, conversation.metadata, conversation.tools
    )

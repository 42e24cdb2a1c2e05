"""What a batch is to do: its source, its settings, its file."""

from __future__ import annotations

import os
import time

from inference_providers.batches import formulas
from inference_providers.batches.engines import ENGINES
from inference_providers.batches.items import Reader, Result
from inference_providers.batches.sources import OPTIONS, Source
from inference_providers.chat import MAX_STEPS, PREFERRING, Question, check_timeout, parameters
from inference_providers.routing import BATCH, Pace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.batches.items import Item
    from inference_providers.calls import Pipeline
    from inference_providers.routing import Preferences


KEEP, RAISE = "keep", "raise"  # what becomes of a failed item
ELSEWHERE = ("engine", "address", "actors")  # options that say where a batch is done
DIRECT, PROVIDER = "direct", "provider"  # whether items are asked one by one, or by a provider's batch API


def route_key(models: Any) -> str | tuple[str, ...] | None:
    """Models as a key: equal for what is asked of the same candidates."""
    return models if isinstance(models, str | None) else tuple(models)


def names_of(models: Any) -> list[str]:
    """Models as names to be tried in order."""
    return [models] if isinstance(models, str) else list(models or ("auto",))


def _check_word(option: str, given: str, *known: str) -> None:
    """Raise ValueError for a word that an option does not know."""
    if given not in known:
        words = " or ".join(f'"{word}"' for word in known)
        raise ValueError(f"{option} must be {words}, not {given!r}")


def _check_words(on_error: str, mode: str, csv_formulas: str) -> None:
    _check_word("on_error", on_error, KEEP, RAISE)
    _check_word("mode", mode, DIRECT, PROVIDER)
    _check_word("csv_formulas", csv_formulas, formulas.KEEP, formulas.ESCAPE)


def _check_source(source: Any) -> None:
    """Raise TypeError for what holds no questions."""
    if isinstance(source, str | bytes | dict):
        raise TypeError(
            "a batch takes a list of questions, or a file as a pathlib.Path; for one question there is ask_ai"
        )
    if not (isinstance(source, os.PathLike) or hasattr(source, "__iter__") or hasattr(source, "__aiter__")):
        raise TypeError(
            f"a batch takes an iterable of questions, or a file as a pathlib.Path, not {type(source).__name__}"
        )


def _elsewhere(fields: dict[str, Any], out: Any, mode: str) -> tuple[str | None, str | None, int | None]:
    """What of the options says where a batch is done, checked and taken out: the engine, its address, its actors.

    Without an engine, it is this process.
    """
    engine, address, actors = (fields.pop(name, None) for name in ELSEWHERE)
    if engine is None:
        if address is not None or actors is not None:
            raise ValueError('address and actors are of an engine, as in engine="ray"')
        return None, None, None
    _check_word("engine", engine, *ENGINES)
    if mode != DIRECT:
        raise ValueError(f'engine={engine!r} asks items one by one, and mode="{PROVIDER}" does not; choose one')
    if out is None:
        raise ValueError(f"engine={engine!r} needs an output file (out=), in a folder that all its machines share")
    if actors is not None and (type(actors) is not int or actors < 1):
        raise ValueError(f"actors must be a whole number from 1 on, not {actors!r}")
    return engine, address, actors


def _retries(given: Any) -> int | None:
    if given is not None and (type(given) is not int or given < 0):
        raise ValueError(f"max_retries must be a whole number from 0, not {given!r}")
    retries: int | None = given
    return retries


class Job:
    """What a batch is to do: its source, its settings, its file. Checked when it is made.

    as_line: what is written of a result; None for nothing. is_heard: it is called for each result as soon as there is
    one, with or without a file, and the file is put into the order of the input when all is done.
    """

    as_line: Callable[[Result], str | None] = staticmethod(Result.as_line)
    is_heard = False
    preferences: Preferences | None = None  # see `prefer`
    given: Mapping[str, Any] = {}  # what it was made of besides its source: for whoever makes it again elsewhere

    def __init__(
        self,
        source: Any,
        models: Any = None,
        *,
        model: Any = None,
        concurrency: int | str = "auto",
        out: str | os.PathLike[str] | None = None,
        resume: bool = True,
        on_error: str = KEEP,
        as_completed: bool = False,
        mode: str = DIRECT,
        progress: bool | None = None,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        system: str | None = None,
        schema: Any = None,
        on_unsupported: str = parameters.DROP,
        extra_body: Any = None,
        timeout: float | None = None,
        patience: float = 3600.0,
        adaptive: bool = True,
        completion_window: str | None = None,
        csv_formulas: str = formulas.KEEP,
        avoid: Any = None,
        only: Any = None,
        api_key: str | None = None,
        api_base: str | None = None,
        split_thinking: bool | None = None,
        cache: Any = None,
        cache_config: Any = None,
        **fields: Any,
    ) -> None:
        _check_source(source)
        models = model if models is None else models
        check_timeout(timeout)
        _check_words(on_error, mode, csv_formulas)
        self.raises, self.by_provider, self.as_completed = on_error == RAISE, mode == PROVIDER, as_completed
        self.csv_formulas, self.completion_window = csv_formulas, completion_window
        self.engine, self.address, self.actors = _elsewhere(fields, out, mode)
        self.out, self.resume, self.progress, self.timeout, self.patience = out, resume, progress, timeout, patience
        rates = {"requests_per_minute": requests_per_minute, "tokens_per_minute": tokens_per_minute}
        self.pace = Pace(concurrency, time.monotonic, adaptive=adaptive, **rates)
        self.terms: Any = {"avoid": avoid, "only": only, "api_key": api_key, "api_base": api_base}
        self.cache: tuple[Any, Any] = (cache, cache_config)
        self.models, self.max_retries = route_key(models), _retries(fields.pop("max_retries", None))
        self.words = {name: said for name in PREFERRING & fields.keys() if (said := fields.pop(name)) is not None}
        reading = {name: fields.pop(name) for name in OPTIONS if name in fields}
        how: Any = {"split_thinking": split_thinking, "schema": schema, "extra": extra_body}
        how |= {"max_steps": fields.pop("max_steps", MAX_STEPS), "on_unsupported": on_unsupported}
        fields = {name: value for name, value in fields.items() if value or name != "tools"}
        # One question stands for all: what it says of schema and parameters holds for each item.
        self.pattern: Question = Question((), fields, **how)
        self.reader = Reader(models, system, self.pattern.fields, self.pattern.extra)
        self.source = Source(source, self.reader, **reading)
        self.is_plain = _takes_one_reply(self.pattern)

    @classmethod
    def of(cls, source: Any, models: Any, options: Mapping[str, Any]) -> Job:
        """A job that knows what it was made of."""
        job = cls(source, models, **options)
        if job.engine is not None:
            job.given = {**options, "models": models}
        return job

    def prefer(self, pipeline: Pipeline) -> None:
        """Take over what the batch prefers, over what its list does.

        Raises TypeError and ValueError, also where a provider's batch API would have to hold to it.
        """
        words = dict(self.words)
        own = pipeline.preferring(words, BATCH).over(pipeline.preferences) if words else pipeline.preferences
        if self.by_provider and (self.words or (own is not None and own.spends)):
            said = parameters.listed(sorted(self.words)) or "the list's budget"
            raise ValueError(
                f'mode="provider" leaves all to a provider\'s batch API, which cannot hold to {said}; use mode="direct"'
            )
        self.preferences = own

    def question(self, item: Item) -> Question:
        """An item's question, for what takes more than one reply."""
        pattern = self.pattern
        made = Question(item.body["messages"], {}, max_steps=pattern.max_steps, on_unsupported=pattern.on_unsupported)
        made.fields = {name: value for name, value in item.body.items() if name != "messages"}
        made.split_thinking = pattern.split_thinking
        made.output_schema = pattern.output_schema
        if made.fields.get("tools") == pattern.fields.get("tools"):
            made.tools = pattern.tools  # else it has its own, whose calls are handed back
        return made


def _takes_one_reply(question: Question) -> bool:
    """Whether whatever is said is the answer: neither a schema has to fit nor a function to be called."""
    return question.output_schema is None and (question.tools is None or not question.tools.runs)

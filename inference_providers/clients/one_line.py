"""One-line calls: `ask_ai`, `stream`, `batch` and `estimate` over one list for each state of the environment."""

from __future__ import annotations

import os

from inference_providers.clients.provider_list import ProviderList
from inference_providers.credentials import Environment, hidden
from inference_providers.testing import stand_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, TypeVar, Unpack, overload

    from inference_providers.batches import Batch
    from inference_providers.calls import AnswerStream
    from inference_providers.chat import Answer, Models, Prompt
    from inference_providers.clients.estimates import Estimate
    from inference_providers.clients.options import AskOptions, BatchOptions, Items, PlainOptions, StreamOptions

    T = TypeVar("T")

_default: dict[bool, tuple[Environment, object, ProviderList]] = {}


def default_list(*, settings: bool = False) -> ProviderList:
    """The list behind the module's one-line functions: one for each state of the environment.

    *settings*: another one, which goes by the user's stored keys and settings as well.
    """
    environ = Environment(dict(os.environ))
    kept = _default.get(settings)
    if kept is None or kept[0] != environ or kept[1] is not stand_in.active:
        made = ProviderList(environ=environ, settings=settings)
        kept = _default[settings] = (environ, stand_in.active, made)
    return kept[2]


def forget_default_list() -> None:
    """Make new ones when they are next asked for."""
    _default.clear()


if TYPE_CHECKING:

    @overload
    def ask_ai(
        question: Prompt,
        model: Models = None,
        *,
        schema: type[T],
        stream: Literal[False] = False,
        **options: Unpack[PlainOptions],
    ) -> Answer[T]: ...

    @overload
    def ask_ai(
        question: Prompt, model: Models = None, *, stream: Literal[False] = False, **options: Unpack[AskOptions]
    ) -> Answer: ...

    @overload
    def ask_ai(
        question: Prompt, model: Models = None, *, stream: Literal[True], **options: Unpack[StreamOptions]
    ) -> AnswerStream: ...

    @overload
    def ask_ai(
        question: Prompt, model: Models = None, *, stream: bool, **options: Unpack[StreamOptions]
    ) -> Answer | AnswerStream: ...


def ask_ai(
    question: Prompt,
    model: Models = None,
    *,
    system: str | None = None,
    images: Any = None,
    files: Any = None,
    schema: Any = None,
    stream: bool = False,
    **options: Any,
) -> Answer | AnswerStream:
    """Ask the best model that your keys, or the servers on your machine, can reach; its answer, a `str`.

    `ask_ai("Come here often?")` is all there is to it. *model* names one, in any spelling, or several.
    For the other options, and what is raised, see `ProviderList.ask_ai`.
    """
    if "api_key" in options:
        options["api_key"] = hidden(options["api_key"])
    options |= {"system": system, "images": images, "files": files, "schema": schema}
    return (
        default_list().stream(question, model, **options)
        if stream
        else default_list().ask_ai(question, model, **options)
    )


def stream(question: Prompt, model: Models = None, **options: Unpack[StreamOptions]) -> AnswerStream:
    """`ask_ai`, as it comes: iterate for text."""
    if "api_key" in options:
        options["api_key"] = hidden(options["api_key"])
    return default_list().stream(question, model, **options)


def batch(questions: Items, models: Models = None, **options: Unpack[BatchOptions]) -> Batch:
    """Ask many questions at once; see `ProviderList.batch`."""
    if "api_key" in options:
        options["api_key"] = hidden(options["api_key"])
    return default_list().batch(questions, models, **options)


def estimate(question: Prompt, model: Models = None, **options: Any) -> Estimate:
    """What a question may take and cost, before it is sent; see `ProviderList.estimate`."""
    return default_list().estimate(question, model, **options)

"""A request in OpenAI's form, read: which models it wants, and what to ask of whoever has them. Pure.

What SDK clients send and what comes to a gateway is read here alike.
"""

from __future__ import annotations

from inference_providers import chat
from inference_providers.calls import asker, async_asker, candidates_for, same_place
from inference_providers.calls import narrowed as narrowed_pipeline
from inference_providers.chat import names_of, parameters
from inference_providers.clients.sdk_body import accepted, checked_body, own_words, picked_model, streams
from inference_providers.errors import InvalidRequestError, ProviderAvoidedError, UnknownModelError
from inference_providers.offers import is_automatic
from inference_providers.protocols import ModelRequest, api_of, form_lists, is_form
from inference_providers.registry import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Protocol

    from inference_providers.calls import Finder, Pipeline
    from inference_providers.offers import Offer
    from inference_providers.routing import Preferences

    class Owning(Protocol):
        """What knows whose ids a request names: `calls.Owners`, or what stands for it."""

        def of(self, path: str, body: Mapping[str, Any] | None) -> Offer | None: ...


MODELS = "/models"


class RoutedOptions:
    """What holds for all requests of one client, or one gateway.

    models: those of a request that names none. timeout: seconds for a call. only: the one candidate that may be asked,
    else None. preferences: None for those of the list. cache: what is said of the list's cache.
    """

    __slots__ = ("allow_empty", "cache", "hedge_after", "models", "only", "preferences", "timeout")

    def __init__(
        self,
        models: Sequence[str],
        timeout: float,
        hedge_after: float | str | None = None,
        allow_empty: bool = False,
        only: Offer | None = None,
    ) -> None:
        self.models, self.timeout, self.only = list(models), timeout, only
        self.hedge_after, self.allow_empty = hedge_after, allow_empty
        self.preferences: Preferences | None = None
        self.cache: Any = None


def options_for(
    pipeline: Pipeline,
    models: str | Sequence[str] | None,
    timeout: float | None,
    hedge_after: float | str | None,
    allow_empty: bool | None,
) -> tuple[list[str], float, float | str | None, bool]:
    """The first four of `RoutedOptions`; what is not given is as the pipeline has it. Raises UnknownModelError."""
    if models is not None and not models:  # a list that turned out empty names nobody, and does not mean everybody
        raise UnknownModelError("No model: give at least one name, or None for the best within reach.")
    return (
        names_of(models),
        pipeline.timeout if timeout is None else timeout,
        pipeline.hedge_after if hedge_after is None else hedge_after,
        pipeline.allow_empty if allow_empty is None else allow_empty,
    )


class RoutedRequest:
    """One request, read. Raises InvalidRequestError for a body that is none.

    path: below the base URL, with its query. kind: its content type. accept: what it wants for a reply, as its header
    says. headers: those that may go along to whoever answers. raw: whether the bytes of a JSON body are to go on as
    they are, but for the model's name, where nothing else has to change. body: the JSON, where it is read already.
    """

    hides_usage = False  # whether whoever asked did not ask for the usage of its stream

    def __init__(
        self,
        method: str,
        path: str,
        content: bytes,
        kind: str,
        options: RoutedOptions,
        owners: Owning,
        *,
        accept: str = "",
        headers: Mapping[str, str] | None = None,
        raw: bool = False,
        body: dict[str, Any] | None = None,
    ) -> None:
        body = checked_body(content, kind, path, method) if body is None else body
        self._only = options.only
        # Whom it avoids, and whom alone it wants; what it says of the list's cache; what it prefers.
        self.terms, self.cache, self.words = own_words(body if options.only is None else None)
        is_own = bool(self.terms or self.cache or self.words or (body and "models" in body))
        if body is None and options.only is None and is_form(kind):
            self.terms, content = form_lists(content, ("avoid", "only", "models"))
        listed = self.terms.pop("models", [])
        self.named, content = picked_model(body, content, path)
        self.named = listed or self.named
        self.models = self.named or options.models or ["auto"]
        self.owner = owners.of(path, body) if options.only is None else None
        self.request = ModelRequest(
            body,
            path,
            method=method,
            content=b"" if body is not None else content,
            content_type=kind if body is None else "application/json",  # which it was read as, whatever else it says
            headers=headers,
            allow_empty=options.allow_empty,
            unsupported=parameters.KEEP if options.only is not None else parameters.DROP,
            streams=streams(path, kind, content),
            accept=accepted(accept),
        )
        if raw and body is not None and not is_own:
            self.request.raw = content
        self.is_for_talk = api_of(self.request.api) not in KINDS
        self.request.asked = self.models
        self.request.cache = options.cache
        self.learns = self.request.api != chat.PATH or bool(body and (body.get("store") or body.get("modalities")))

    def within(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline under the request's own terms.

        Raises InvalidRequestError for a name that nobody has, ProviderAvoidedError where an id is of somebody avoided.
        """
        try:
            if self.cache:
                self.request.cache = pipeline.cache_of_call(self.cache.get("cache"), self.cache.get("cache_config"))
            if self.terms:
                terms: Any = self.terms
                pipeline = narrowed_pipeline(pipeline, **terms)
        except (ValueError, TypeError) as error:
            raise InvalidRequestError(str(error)) from None
        selection = pipeline.finder.accesses.selection
        if self.owner is not None and selection is not None and (why := selection.why_not(self.owner.row())):
            raise ProviderAvoidedError(f"{self.owner.row().name}, which made what the request names, is {why}.")
        return pipeline

    def candidates(self, finder: Finder) -> Sequence[Offer]:
        """Who may be asked, by what the request's path asks for: a model of that kind, where it is for one."""
        if self.is_for_talk:
            return asker.found(finder, self.models, self.request)
        return candidates_for(finder, self.request, self.models, named=bool(self.named))

    async def async_candidates(self, finder: Finder) -> Sequence[Offer]:
        """`candidates`, for asyncio."""
        if self.is_for_talk:
            return await async_asker.found(finder, self.models, self.request)
        import asyncio

        return await asyncio.to_thread(self.candidates, finder)

    def prefer(self, pipeline: Pipeline, preferences: Preferences | None) -> None:
        """Take over the request's own preferences, over those given, or those of the pipeline.

        Raises InvalidRequestError for what is wrong with them.
        """
        preferences = pipeline.preferences if preferences is None else preferences
        try:
            if self.words:
                preferences = pipeline.preferring(self.words).over(preferences)
        except (ValueError, TypeError) as error:
            raise InvalidRequestError(str(error)) from None
        if preferences is not None:
            self.request.preferences = preferences.for_call()

    @property
    def as_it_comes(self) -> bool:
        """Whether the reply is passed on as it comes."""
        return self.request.streams or bool(self.request.accept)

    @property
    def only(self) -> list[Offer] | None:
        """Who alone may be asked, under the name that was asked for; None where everybody may.

        That is the one candidate of the options, or who gave an id that the request names.
        """
        if self._only is not None:
            return [self._only.called(self.models[0])]
        return [self.owner] if self.owner is not None and all(map(is_automatic, self.named)) else None

    @property
    def _says_which_model(self) -> bool:
        """Whether a model goes out with it; without one, it is the same for whatever model of a provider."""
        return self.request.body is not None or bool(self.named) or api_of(self.request.api) in KINDS

    @property
    def lists_models(self) -> bool:
        """Whether the list of models, or a row of it, is asked for."""
        where = self.request.path.partition("?")[0]
        return self._only is None and self.request.method == "GET" and (where + "/").startswith(MODELS + "/")

    def kept(self, offers: Sequence[Offer]) -> Sequence[Offer]:
        """Those of the offers that may be asked. Raises InvalidRequestError for ids of somebody else."""
        if self.owner is None:
            return offers if self._says_which_model else _one_of_each_place(offers)
        kept = [offer for offer in offers if same_place(offer, self.owner)]
        if not kept:
            raise InvalidRequestError(
                f"Nothing was sent: the request names something that {self.owner.provider} made, and asks "
                f"{offers[0].provider}/{offers[0].internal_name}. Name a model of {self.owner.provider}, or none.",
                code="foreign_id",
            )
        return kept


def _one_of_each_place(offers: Sequence[Offer]) -> list[Offer]:
    """The first offer of each provider: what says no model need not be asked again for another one."""
    kept: list[Offer] = []
    for offer in offers:
        if not any(same_place(offer, one) for one in kept):
            kept.append(offer)
    return kept

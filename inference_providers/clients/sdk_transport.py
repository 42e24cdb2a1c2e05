"""SDK clients: real `openai.OpenAI` and `AsyncOpenAI` objects over the pipeline.

Routing sits below the SDK, as its HTTP transport: `model=` names what is wanted, whoever
serves it. No SDK method is wrapped, so all of them route: chat, responses, embeddings,
images, audio, streams, tools, structured output. A client of one candidate is the same
with nobody to fall back to.
"""

from __future__ import annotations

import asyncio
import json
import re

import httpx2
import openai

from inference_providers import chat
from inference_providers.calls import asker, async_asker, candidates_for, same_place
from inference_providers.chat import names_of, parameters
from inference_providers.clients.connection import KEPT, OFFER
from inference_providers.clients.sdk_body import accept, checked_body, own_words, picked_model, seconds, streams
from inference_providers.clients.sdk_errors import check_loop, clean_request, sdk_error, with_status
from inference_providers.clients.sdk_headers import own_headers, plain_headers
from inference_providers.clients.sdk_models import PATH as MODELS
from inference_providers.clients.sdk_models import model_answer
from inference_providers.clients.sdk_seal import Base, sealed, without_sockets
from inference_providers.credentials import host_of
from inference_providers.errors import (
    InferenceProvidersError,
    InvalidRequestError,
    ProviderAvoidedError,
    TruncatedStreamError,
    UnknownModelError,
)
from inference_providers.offers import is_automatic
from inference_providers.protocols import ModelRequest, api_of, form_lists
from inference_providers.registry import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from typing import Any

    from inference_providers.calls import AsyncStreamReply, Finder, Owners, Pipeline, Reply, StreamIds, StreamReply
    from inference_providers.offers import Offer
    from inference_providers.routing import Preferences

BASE_URL = "http://inference-providers.invalid/v1"  # never resolved: the transport below sends elsewhere


class Options:
    """What a client was made with.

    `models` are its default models, `timeout` the seconds for a call. With `only`, the
    client belongs to that one candidate: its address is the client's, and every other
    is refused.
    """

    __slots__ = ("allow_empty", "base", "cache", "hedge_after", "models", "only", "preferences", "timeout")

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
        self.preferences: Preferences | None = None  # of the client; None for those of its list
        self.base = Base(self.base_url)
        self.cache: Any = None  # what it says of the list's cache

    @property
    def base_url(self) -> str:
        """The client's base URL."""
        return self.only.endpoint if self.only is not None else BASE_URL

    def sdk(self) -> dict[str, Any]:
        """How the SDK's client is made. Its own retries are off: ours own them."""
        key = (self.only.api_key or "none") if self.only is not None else "routed"
        return {"api_key": key, "base_url": self.base_url, "timeout": self.timeout, "max_retries": 0}


def options_of(
    pipeline: Pipeline,
    models: str | Sequence[str] | None,
    timeout: float | None,
    hedge_after: float | str | None,
    allow_empty: bool | None,
) -> Options:
    """What a client of all providers is made with; what is not given is as the pipeline has it.

    Raises UnknownModelError.
    """
    if models is not None and not models:  # a list that turned out empty names nobody, and does not mean everybody
        raise UnknownModelError("No model: give at least one name, or None for the best within reach.")
    return Options(
        names_of(models),
        pipeline.timeout if timeout is None else timeout,
        pipeline.hedge_after if hedge_after is None else hedge_after,
        pipeline.allow_empty if allow_empty is None else allow_empty,
    )


def client(pipeline: Pipeline, options: Options) -> openai.OpenAI:
    """A synchronous client that routes."""
    http = httpx2.Client(transport=_Routing(pipeline, options), follow_redirects=False, trust_env=False)
    made = openai.OpenAI(http_client=http, **options.sdk())
    closed: openai.OpenAI = sealed(made if options.only is not None else without_sockets(made))
    return closed


def async_client(pipeline: Pipeline, options: Options) -> openai.AsyncOpenAI:
    """An asynchronous client that routes."""
    http = httpx2.AsyncClient(transport=_AsyncRouting(pipeline, options), follow_redirects=False, trust_env=False)
    made = openai.AsyncOpenAI(http_client=http, **options.sdk())
    closed: openai.AsyncOpenAI = sealed(made if options.only is not None else without_sockets(made))
    return closed


def client_of(pipeline: Pipeline, offer: Offer) -> openai.OpenAI:
    """A synchronous client of one candidate."""
    return client(pipeline, Options([offer.internal_name], pipeline.timeout, allow_empty=True, only=offer))


def async_client_of(pipeline: Pipeline, offer: Offer) -> openai.AsyncOpenAI:
    """An asynchronous client of one candidate."""
    return async_client(pipeline, Options([offer.internal_name], pipeline.timeout, allow_empty=True, only=offer))


class _Wanted:
    """The SDK's request, read: which models, and what to ask of whoever has them."""

    def __init__(self, request: httpx2.Request, content: bytes, options: Options, owners: Owners) -> None:
        if not options.base.holds(request.url):
            place = host_of(options.base_url)
            raise openai.APIConnectionError(
                message=f"This client belongs to {place} and sends nothing elsewhere.", request=clean_request(request)
            )
        self.total = seconds(request, options.timeout)
        kind = request.headers.get("content-type", "application/json")
        path = options.base.below(request.url)
        body = checked_body(content, kind, path, request.method)
        self._only, self._request = options.only, request
        # Whom it avoids, and whom alone it wants; what it says of the list's cache; what it prefers.
        self.terms, self.cache, self.words = own_words(body if options.only is None else None)
        if body is None and options.only is None and "multipart/form-data" in kind:
            self.terms, content = form_lists(content, ("avoid", "only", "models"))
        listed = self.terms.pop("models", [])
        self.named, content = picked_model(body, content, path)
        self.named = listed or self.named
        self.models = self.named or options.models or ["auto"]
        self.owner = owners.of(path, body) if options.only is None else None
        self.request = ModelRequest(
            body,
            path,
            method=request.method,
            content=b"" if body is not None else content,
            content_type=kind,
            headers=own_headers(request.headers.raw, one_provider=options.only is not None),
            allow_empty=options.allow_empty,
            unsupported=parameters.KEEP if options.only is not None else parameters.DROP,
            streams=streams(path, kind, content),
            accept=accept(request),
        )
        self.is_for_talk = api_of(self.request.api) not in KINDS
        self.request.asked = self.models
        self.request.cache = options.cache
        self.learns = self.request.api != chat.PATH or bool(body and (body.get("store") or body.get("modalities")))

    def within(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline under the request's own terms.

        Raises BadRequestError for a name that nobody has, ProviderAvoidedError where an id is of somebody avoided.
        """
        try:
            if self.cache:
                self.request.cache = pipeline.cache_of_call(self.cache.get("cache"), self.cache.get("cache_config"))
            if self.terms:
                from inference_providers.calls import narrowed

                terms: Any = self.terms
                pipeline = narrowed(pipeline, **terms)
        except (ValueError, TypeError) as error:
            raise with_status(400, str(error), clean_request(self._request)) from None
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
        return await asyncio.to_thread(self.candidates, finder)

    def prefer(self, pipeline: Pipeline, preferences: Preferences | None) -> None:
        """Take over the request's own preferences, over those of its client or its list.

        Raises BadRequestError for what is wrong with them.
        """
        preferences = pipeline.preferences if preferences is None else preferences
        try:
            if self.words:
                preferences = pipeline.preferring(self.words).over(preferences)
        except (ValueError, TypeError) as error:
            raise with_status(400, str(error), clean_request(self._request)) from None
        if preferences is not None:
            self.request.preferences = preferences.for_call()

    @property
    def as_it_comes(self) -> bool:
        """Whether the reply is passed on as it comes."""
        return self.request.streams or bool(self.request.accept)

    @property
    def only(self) -> list[Offer] | None:
        """Who alone may be asked, under the name that was asked for; None where everybody may.

        That is the client's own candidate, or who gave an id that the request names.
        """
        if self._only is not None:
            return [self._only.called(self.models[0])]
        return [self.owner] if self.owner is not None and all(map(is_automatic, self.named)) else None

    @property
    def lists_models(self) -> bool:
        """Whether a client of everybody is asked for the list of models, or for a row of it."""
        where = self.request.path.partition("?")[0]
        return self._only is None and self.request.method == "GET" and (where + "/").startswith(MODELS + "/")

    def kept(self, offers: Sequence[Offer]) -> Sequence[Offer]:
        """Those of the offers that may be asked. Raises InvalidRequestError for ids of somebody else."""
        if self.owner is None:
            return offers
        kept = [offer for offer in offers if same_place(offer, self.owner)]
        if not kept:
            raise InvalidRequestError(
                f"Nothing was sent: the request names something that {self.owner.provider} made, and asks "
                f"{offers[0].provider}/{offers[0].internal_name}. Name a model of {self.owner.provider}, or none.",
                code="foreign_id",
            )
        return kept


class _Routing(httpx2.BaseTransport):
    def __init__(self, pipeline: Pipeline, options: Options) -> None:
        self._pipeline, self._options = pipeline, options

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            wanted = _Wanted(request, request.read(), self._options, self._pipeline.owners)
            pipeline = wanted.within(self._pipeline)
            if wanted.lists_models:
                return _listed(model_answer(pipeline.finder, wanted.request.path), request)
            wanted.prefer(pipeline, self._options.preferences)
            offers = wanted.only or wanted.kept(wanted.candidates(pipeline.finder))
            if wanted.as_it_comes:
                stream = pipeline.caller.stream(offers, wanted.request, total=wanted.total)
                ids = pipeline.owners.stream(stream.offer) if wanted.learns else None
                return _response(stream, stream.status, request, _Stream(stream, request, ids), _size(wanted, stream))
            reply = pipeline.caller.call(
                offers, wanted.request, total=wanted.total, hedge_after=self._options.hedge_after
            )
            if wanted.learns:
                pipeline.owners.learn(reply.data, reply.offer)
            return _whole(reply, request)
        except InferenceProvidersError as error:
            raise sdk_error(error, request) from error

    def close(self) -> None:
        """Close idle connections: the next call of another client of the list opens its own."""
        self._pipeline.sender.close_idle()


class _AsyncRouting(httpx2.AsyncBaseTransport):
    def __init__(self, pipeline: Pipeline, options: Options) -> None:
        self._pipeline, self._options = pipeline, options

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        check_loop(request)
        try:
            wanted = _Wanted(request, await request.aread(), self._options, self._pipeline.owners)
            pipeline = wanted.within(self._pipeline)
            if wanted.lists_models:
                row = await asyncio.to_thread(model_answer, pipeline.finder, wanted.request.path)
                return _listed(row, request)
            wanted.prefer(pipeline, self._options.preferences)
            offers = wanted.only or wanted.kept(await wanted.async_candidates(pipeline.finder))
            if wanted.as_it_comes:
                stream = await pipeline.async_caller.stream(offers, wanted.request, total=wanted.total)
                ids = pipeline.owners.stream(stream.offer) if wanted.learns else None
                return _response(
                    stream, stream.status, request, _AsyncStream(stream, request, ids), _size(wanted, stream)
                )
            reply = await pipeline.async_caller.call(
                offers, wanted.request, total=wanted.total, hedge_after=self._options.hedge_after
            )
            if wanted.learns:
                pipeline.owners.learn(reply.data, reply.offer)
            return _whole(reply, request)
        except InferenceProvidersError as error:
            raise sdk_error(error, request) from error

    async def aclose(self) -> None:
        """Close idle connections of the running event loop: the next call of another client opens its own."""
        await self._pipeline.async_sender.close_idle()


def _listed(row: dict[str, Any], request: httpx2.Request) -> httpx2.Response:
    """Our own reply about models. Like all of them it is a stream: what was read already says not how long it took."""
    content = json.dumps(row).encode()
    headers = {"content-type": "application/json", "content-length": str(len(content))}
    return httpx2.Response(200, headers=headers, stream=httpx2.ByteStream(content), request=request)


def _size(wanted: _Wanted, reply: StreamReply | AsyncStreamReply) -> int | None:
    """How long a file or speech will be, for who shows progress; None where nobody says, or it came compressed."""
    said = reply.headers.get("content-length", "")
    is_plain = wanted.request.accept and not reply.headers.get("content-encoding")
    return int(said) if is_plain and re.fullmatch("[0-9]{1,18}", said) else None


def _whole(reply: Reply, request: httpx2.Request) -> httpx2.Response:
    content = reply.content
    return _response(reply, reply.status, request, httpx2.ByteStream(content), len(content))


def _response(
    reply: Reply | StreamReply | AsyncStreamReply,
    status: int,
    request: httpx2.Request,
    stream: httpx2.SyncByteStream | httpx2.AsyncByteStream,
    size: int | None,
) -> httpx2.Response:
    """The provider's reply, with headers that say who gave it."""
    tried = ", ".join(f"{a.provider}/{a.model}={a.status or 'no answer'}" for a in reply.attempts)
    headers = [
        *plain_headers(reply.headers),
        *([(b"content-length", b"%d" % size)] if size is not None else []),
        (b"x-inference-provider", _ascii(reply.offer.provider)),
        (b"x-inference-model", _ascii(reply.offer.internal_name)),
        (b"x-inference-canonical-model", _ascii(reply.offer.canonical_name or "")),
        (b"x-inference-attempts", b"%d" % len(reply.attempts)),
        (b"x-inference-tried", _ascii(tried)),
        *([(b"x-inference-cache", b"hit")] if reply.cached else []),
        *([(b"x-inference-dropped", _ascii(", ".join(reply.dropped)))] if reply.dropped else []),
        *([(b"x-inference-repaired", _ascii(", ".join(reply.repaired)))] if reply.repaired else []),
    ]
    said = {OFFER: reply.offer, **({KEPT: True} if reply.cached else {})}
    return httpx2.Response(status, headers=headers, request=request, stream=stream, extensions=said)


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")


class _Stream(httpx2.SyncByteStream):
    def __init__(self, reply: StreamReply, request: httpx2.Request, ids: StreamIds | None) -> None:
        self._reply, self._request, self._ids = reply, request, ids

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._reply.raw():
                if self._ids is not None:
                    self._ids.feed(chunk)
                yield chunk
        except TruncatedStreamError as error:
            raise sdk_error(error, self._request) from error

    def close(self) -> None:
        self._reply.close()


class _AsyncStream(httpx2.AsyncByteStream):
    def __init__(self, reply: AsyncStreamReply, request: httpx2.Request, ids: StreamIds | None) -> None:
        self._reply, self._request, self._ids = reply, request, ids

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._reply.raw():
                if self._ids is not None:
                    self._ids.feed(chunk)
                yield chunk
        except TruncatedStreamError as error:
            raise sdk_error(error, self._request) from error

    async def aclose(self) -> None:
        self._reply.close()

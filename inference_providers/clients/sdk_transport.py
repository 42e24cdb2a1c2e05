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

from inference_providers.clients.connection import KEPT, OFFER
from inference_providers.clients.headers_of_replies import reply_headers
from inference_providers.clients.routed_request import RoutedOptions, RoutedRequest, options_for
from inference_providers.clients.sdk_body import seconds
from inference_providers.clients.sdk_errors import check_loop, clean_request, sdk_error
from inference_providers.clients.sdk_headers import own_headers
from inference_providers.clients.sdk_models import model_answer
from inference_providers.clients.sdk_seal import Base, sealed, without_sockets
from inference_providers.credentials import host_of
from inference_providers.errors import (
    InferenceProvidersError,
    TruncatedStreamError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from typing import Any

    from inference_providers.calls import AsyncStreamReply, Owners, Pipeline, Reply, StreamIds, StreamReply
    from inference_providers.offers import Offer

BASE_URL = "http://inference-providers.invalid/v1"  # never resolved: the transport below sends elsewhere


class Options(RoutedOptions):
    """What a client was made with.

    With `only`, the client belongs to that one candidate: its address is the client's, and every other is refused.
    """

    __slots__ = ("base",)

    def __init__(
        self,
        models: Sequence[str],
        timeout: float,
        hedge_after: float | str | None = None,
        allow_empty: bool = False,
        only: Offer | None = None,
    ) -> None:
        super().__init__(models, timeout, hedge_after, allow_empty, only)
        self.base = Base(self.base_url)

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
    return Options(*options_for(pipeline, models, timeout, hedge_after, allow_empty))


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


def _read(request: httpx2.Request, content: bytes, options: Options, owners: Owners) -> RoutedRequest:
    """The SDK's request. Raises APIConnectionError for one that goes elsewhere, and what `RoutedRequest` raises."""
    if not options.base.holds(request.url):
        place = host_of(options.base_url)
        raise openai.APIConnectionError(
            message=f"This client belongs to {place} and sends nothing elsewhere.", request=clean_request(request)
        )
    return RoutedRequest(
        request.method,
        options.base.below(request.url),
        content,
        request.headers.get("content-type", "application/json"),
        options,
        owners,
        accept=request.headers.get("accept", ""),
        headers=own_headers(request.headers.raw, one_provider=options.only is not None),
    )


class _Routing(httpx2.BaseTransport):
    def __init__(self, pipeline: Pipeline, options: Options) -> None:
        self._pipeline, self._options = pipeline, options

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            wanted = _read(request, request.read(), self._options, self._pipeline.owners)
            pipeline = wanted.within(self._pipeline)
            if wanted.lists_models:
                return _listed(model_answer(pipeline.finder, wanted.request.path), request)
            wanted.prefer(pipeline, self._options.preferences)
            offers = wanted.only or wanted.kept(wanted.candidates(pipeline.finder))
            total = seconds(request, self._options.timeout)
            if wanted.as_it_comes:
                stream = pipeline.caller.stream(offers, wanted.request, total=total)
                ids = pipeline.owners.stream(stream.offer) if wanted.learns else None
                return _response(stream, stream.status, request, _Stream(stream, request, ids), _size(wanted, stream))
            reply = pipeline.caller.call(
                offers,
                wanted.request,
                total=total,
                hedge_after=self._options.hedge_after,
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
            wanted = _read(request, await request.aread(), self._options, self._pipeline.owners)
            pipeline = wanted.within(self._pipeline)
            if wanted.lists_models:
                row = await asyncio.to_thread(model_answer, pipeline.finder, wanted.request.path)
                return _listed(row, request)
            wanted.prefer(pipeline, self._options.preferences)
            offers = wanted.only or wanted.kept(await wanted.async_candidates(pipeline.finder))
            total = seconds(request, self._options.timeout)
            if wanted.as_it_comes:
                stream = await pipeline.async_caller.stream(offers, wanted.request, total=total)
                ids = pipeline.owners.stream(stream.offer) if wanted.learns else None
                return _response(
                    stream, stream.status, request, _AsyncStream(stream, request, ids), _size(wanted, stream)
                )
            reply = await pipeline.async_caller.call(
                offers,
                wanted.request,
                total=total,
                hedge_after=self._options.hedge_after,
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


def _size(wanted: RoutedRequest, reply: StreamReply | AsyncStreamReply) -> int | None:
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
    headers = reply_headers(reply)
    if size is not None:
        headers.append((b"content-length", b"%d" % size))
    said = {OFFER: reply.offer, **({KEPT: True} if reply.cached else {})}
    return httpx2.Response(status, headers=headers, request=request, stream=stream, extensions=said)


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

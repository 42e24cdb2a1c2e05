"""SDK clients: real `openai.OpenAI` and `AsyncOpenAI` objects over the pipeline.

Routing sits below the SDK, as its HTTP transport: `model=` names what is wanted, whoever
serves it. No SDK method is wrapped, so all of them route: chat, responses, embeddings,
images, audio, streams, tools, structured output. A client of one candidate is the same
with nobody to fall back to.
"""

from __future__ import annotations

import json
import time

import httpx2
import openai

from inference_providers.calls import async_asker
from inference_providers.chat import names_of, parameters
from inference_providers.clients.sdk_seal import Base, plain_headers, sealed
from inference_providers.credentials import host_of
from inference_providers.errors import (
    AllProvidersFailedError,
    InferenceProvidersError,
    NoCredentialsError,
    ProviderError,
    TruncatedStreamError,
    UnknownModelError,
)
from inference_providers.protocols import ModelRequest, form_model, form_streams, json_or_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.calls import AsyncStreamReply, Pipeline, Reply, StreamReply
    from inference_providers.offers import Offer

BASE_URL = "http://inference-providers.invalid/v1"  # never resolved: the transport below sends elsewhere
_SDKS_OWN = frozenset(
    (
        b"authorization user-agent host accept accept-encoding connection "
        b"content-length content-type cookie transfer-encoding"
    ).split()
)
_STATUS_ERRORS: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}


class Options:
    """What a client was made with.

    `models` are its default models, `timeout` the seconds for a call. With `only`, the
    client belongs to that one candidate: its address is the client's, and every other
    is refused.
    """

    __slots__ = ("allow_empty", "base", "hedge_after", "models", "only", "timeout")

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
    closed: openai.OpenAI = sealed(openai.OpenAI(http_client=http, **options.sdk()))
    return closed


def async_client(pipeline: Pipeline, options: Options) -> openai.AsyncOpenAI:
    """An asynchronous client that routes."""
    http = httpx2.AsyncClient(transport=_AsyncRouting(pipeline, options), follow_redirects=False, trust_env=False)
    closed: openai.AsyncOpenAI = sealed(openai.AsyncOpenAI(http_client=http, **options.sdk()))
    return closed


def client_of(pipeline: Pipeline, offer: Offer) -> openai.OpenAI:
    """A synchronous client of one candidate."""
    return client(pipeline, Options([offer.internal_name], pipeline.timeout, allow_empty=True, only=offer))


def async_client_of(pipeline: Pipeline, offer: Offer) -> openai.AsyncOpenAI:
    """An asynchronous client of one candidate."""
    return async_client(pipeline, Options([offer.internal_name], pipeline.timeout, allow_empty=True, only=offer))


class _Wanted:
    """The SDK's request, read: which models, and what to ask of whoever has them."""

    def __init__(self, request: httpx2.Request, content: bytes, options: Options) -> None:
        if not options.base.holds(request.url):
            place = host_of(options.base_url)
            raise openai.APIConnectionError(
                message=f"This client belongs to {place} and sends nothing elsewhere.", request=_clean(request)
            )
        self.total = _seconds(request, options.timeout)
        kind = request.headers.get("content-type", "application/json")
        body = json.loads(content) if content and "json" in kind else None
        body = body if isinstance(body, dict) else None
        path = options.base.below(request.url)
        own = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in request.headers.raw
            if _is_own(name.lower())
        }
        self._options = options
        self.models = self._models(body, content, options)
        self.request = ModelRequest(
            body,
            path,
            method=request.method,
            content=b"" if body is not None else content,
            content_type=kind,
            headers=own,
            allow_empty=options.allow_empty,
            unsupported=parameters.KEEP if options.only is not None else parameters.DROP,
            streams=_streams(path, kind, content),
            accept=_accept(request),
        )

    @property
    def as_it_comes(self) -> bool:
        """Whether the reply is passed on as it comes."""
        return self.request.streams or bool(self.request.accept)

    @property
    def only(self) -> list[Offer] | None:
        """Who alone may be asked, under the name that was asked for; None where everybody may."""
        return None if self._options.only is None else [self._options.only.called(self.models[0])]

    @property
    def lists_models(self) -> bool:
        """Whether a client of everybody is asked for the list of models."""
        return self._options.only is None and (self.request.method, self.request.path) == ("GET", "/models")

    @staticmethod
    def _models(body: dict[str, Any] | None, content: bytes, options: Options) -> list[str]:
        named = (body or {}).get("model") or form_model(content)
        listed = body.pop("models", None) if body else None
        if isinstance(listed, list) and listed:
            return [str(name) for name in listed]
        return [named] if named and named != "default" else options.models or ["auto"]


def _is_own(name: bytes) -> bool:
    """Whether a header is the caller's own, not one that the SDK puts everywhere."""
    return name not in _SDKS_OWN and not name.startswith((b"x-stainless", b"openai-"))


def _streams(path: str, kind: str, content: bytes) -> bool:
    """Whether something other than a JSON body asks for events: a form, or a query."""
    if "multipart/form-data" in kind:
        return form_streams(content)
    return any(field in ("stream=true", "stream=True", "stream=1") for field in path.partition("?")[2].split("&"))


def _accept(request: httpx2.Request) -> str:
    """What the SDK wants where that is neither JSON nor events: it says so for speech and files."""
    wanted = request.headers.get("accept", "")
    return "" if not wanted or any(kind in wanted for kind in ("json", "event-stream", "*/*")) else wanted


def _seconds(request: httpx2.Request, timeout: float) -> float:
    read = (request.extensions.get("timeout") or {}).get("read")
    return timeout if read is None else float(read)


class _Routing(httpx2.BaseTransport):
    def __init__(self, pipeline: Pipeline, options: Options) -> None:
        self._caller, self._finder, self._options = pipeline.caller, pipeline.finder, options

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        wanted = _Wanted(request, request.read(), self._options)
        try:
            offers = wanted.only or self._finder.first_available(wanted.models)
            if wanted.lists_models:
                return _listing(offers, request)
            if wanted.as_it_comes:
                stream = self._caller.stream(offers, wanted.request, total=wanted.total)
                return _response(stream, stream.status, request, stream=_Stream(stream, request))
            reply = self._caller.call(offers, wanted.request, total=wanted.total, hedge_after=self._options.hedge_after)
            return _response(reply, reply.status, request, content=reply.content)
        except InferenceProvidersError as error:
            raise sdk_error(error, request) from error


class _AsyncRouting(httpx2.AsyncBaseTransport):
    def __init__(self, pipeline: Pipeline, options: Options) -> None:
        self._caller, self._finder, self._options = pipeline.async_caller, pipeline.finder, options

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        wanted = _Wanted(request, await request.aread(), self._options)
        try:
            offers = wanted.only or await async_asker.found(self._finder, wanted.models)
            if wanted.lists_models:
                return _listing(offers, request)
            if wanted.as_it_comes:
                stream = await self._caller.stream(offers, wanted.request, total=wanted.total)
                return _response(stream, stream.status, request, stream=_AsyncStream(stream, request))
            reply = await self._caller.call(
                offers, wanted.request, total=wanted.total, hedge_after=self._options.hedge_after
            )
            return _response(reply, reply.status, request, content=reply.content)
        except InferenceProvidersError as error:
            raise sdk_error(error, request) from error


def _response(
    reply: Reply | StreamReply | AsyncStreamReply, status: int, request: httpx2.Request, **body: Any
) -> httpx2.Response:
    """The provider's reply, with headers that say who gave it."""
    tried = ", ".join(f"{a.provider}/{a.model}={a.status or 'no answer'}" for a in reply.attempts)
    headers = [
        *plain_headers(reply.headers),
        (b"x-inference-provider", _ascii(reply.offer.provider)),
        (b"x-inference-model", _ascii(reply.offer.internal_name)),
        (b"x-inference-canonical-model", _ascii(reply.offer.canonical_name or "")),
        (b"x-inference-attempts", b"%d" % len(reply.attempts)),
        (b"x-inference-tried", _ascii(tried)),
        *([(b"x-inference-dropped", _ascii(", ".join(reply.dropped)))] if reply.dropped else []),
    ]
    return httpx2.Response(status, headers=headers, request=request, **body)


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")


def _listing(offers: Sequence[Offer], request: httpx2.Request) -> httpx2.Response:
    """The models that could be asked now, in OpenAI's form: nobody is asked for it."""
    names = dict.fromkeys((offer.canonical_name or offer.internal_name, offer.provider) for offer in offers)
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": provider} for name, provider in names]
    return httpx2.Response(200, json={"object": "list", "data": rows}, request=request)


class _Stream(httpx2.SyncByteStream):
    def __init__(self, reply: StreamReply, request: httpx2.Request) -> None:
        self._reply, self._request = reply, request

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._reply.raw()
        except TruncatedStreamError as error:
            raise sdk_error(error, self._request) from error

    def close(self) -> None:
        self._reply.close()


class _AsyncStream(httpx2.AsyncByteStream):
    def __init__(self, reply: AsyncStreamReply, request: httpx2.Request) -> None:
        self._reply, self._request = reply, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._reply.raw():
                yield chunk
        except TruncatedStreamError as error:
            raise sdk_error(error, self._request) from error

    async def aclose(self) -> None:
        self._reply.close()


def sdk_error(error: InferenceProvidersError, request: httpx2.Request) -> openai.OpenAIError:
    """One of our errors as the SDK's: status, body and message kept. Its cause is ours, with every attempt."""
    clean = _clean(request)
    if isinstance(error, UnknownModelError):
        return _with_status(404, str(error), b"", clean)
    if isinstance(error, NoCredentialsError):
        return _with_status(401, str(error), b"", clean)
    face = _face(error.attempts) if isinstance(error, AllProvidersFailedError) else error
    if isinstance(face, TruncatedStreamError):
        return openai.APIError(str(error), clean, body=None)
    if isinstance(face, ProviderError) and face.status is not None and face.status >= 400:
        return _with_status(face.status, str(error), face.body, clean)
    if isinstance(face, ProviderError) and face.code in ("deadline", "timeout"):
        return openai.APITimeoutError(request=clean)
    return openai.APIConnectionError(message=str(error), request=clean)


def _clean(request: httpx2.Request) -> httpx2.Request:
    """The request without headers and prompt: it stays with the error."""
    return httpx2.Request(request.method, request.url)


def _face(attempts: Sequence[Attempt]) -> Exception | None:
    """The failure that stands for all: the last with a status, else the last."""
    errors = [attempt.error for attempt in attempts if attempt.error is not None]
    with_status = [error for error in errors if isinstance(error, ProviderError) and (error.status or 0) >= 400]
    return (with_status or errors or [None])[-1]


def _with_status(status: int, message: str, body: bytes, request: httpx2.Request) -> openai.APIStatusError:
    content = body or json.dumps({"error": {"message": message, "type": "inference_providers"}}).encode()
    response = httpx2.Response(
        status,
        content=content,
        headers={"date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())},
        request=request,
    )
    kind = _STATUS_ERRORS.get(status) or (openai.InternalServerError if status >= 500 else openai.APIStatusError)
    parsed = json_or_text(content)
    inner = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    return kind(message, response=response, body=inner)

"""OpenAI's API: requests go on to whoever serves their model, and replies come back, as bytes."""

from __future__ import annotations

import asyncio
import json
from functools import partial

from inference_providers import chat
from inference_providers.clients import RoutedRequest, headers_for_all, reply_headers
from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway import failures, model_list
from inference_providers.gateway.messages import JSON, Incoming, Outgoing, Refused
from inference_providers.gateway.named import Named
from inference_providers.gateway.routes import Route
from inference_providers.gateway.stream_usage import ask_for_usage, without_usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from inference_providers.calls import AsyncStreamReply, Pipeline
    from inference_providers.gateway.service import Gateway

BASE = "/v1"
_PING = b": waiting for the model\n\n"
# Fields by which other gateways are told where to send, with which key, or what to read: nobody says that to this one.
FOREIGN = frozenset((
    "api_base", "api_key", "api_version", "base_url", "endpoint", "extra_headers", "headers", "environ",
    "local_models", "command", "proxy", "trust", "organization",
))  # fmt: skip
_FIELDS = {"/batches": frozenset(("endpoint",))}  # of OpenAI's own, by path: of a batch, the API that it asks
_OF_CACHE = frozenset(("enabled", "ttl", "key_strategy", "similarity_threshold", "namespace"))


async def routed(gateway: Gateway, incoming: Incoming, named: Named | None = None) -> Outgoing:
    """A request for whoever serves its model, or has what it names. *named*: what that is, where it is known."""
    if named is None:
        named = await Named(gateway.ids, incoming.caller, incoming.method, _path(incoming)).read(
            incoming, gateway.pipeline.finder
        )
    wanted = _wanted(gateway, incoming, named)
    if incoming.caller.models is not None:
        wanted.models = await asyncio.to_thread(gateway.allowed.names, incoming.caller, wanted.models)
    pipeline = wanted.within(gateway.pipeline)
    if wanted.request.preferences is None:
        wanted.prefer(pipeline, None)
    offers = wanted.only or wanted.kept(await wanted.async_candidates(pipeline.finder))
    if wanted.as_it_comes:
        return await _streamed(gateway, wanted, pipeline, offers, named)
    total, hedge_after = gateway.options.timeout, pipeline.hedge_after
    reply = await pipeline.async_caller.call(offers, wanted.request, total=total, hedge_after=hedge_after)
    if wanted.learns:
        await named.learn(reply.data, reply.offer)
    return Outgoing(reply.status, reply_headers(reply), reply.content)


def _path(incoming: Incoming) -> str:
    return incoming.path[len(BASE) :] if incoming.path.startswith(BASE) else incoming.path


def _wanted(gateway: Gateway, incoming: Incoming, named: Named) -> RoutedRequest:
    path = _path(incoming)
    if incoming.query_string:
        path = f"{path}?{incoming.query_string}"
    wanted = RoutedRequest(
        incoming.method,
        path,
        incoming.content,
        incoming.headers.get("content-type", "application/json"),
        gateway.options,
        named,
        accept=incoming.headers.get("accept", ""),
        headers=headers_for_all(incoming.headers),
        raw=True,
    )
    body = wanted.request.body
    if body is not None:
        _check(body, wanted.cache, path)
        if wanted.request.streams and wanted.request.api == chat.PATH:
            wanted.hides_usage = ask_for_usage(wanted.request)
    return wanted


def _check(body: Any, cache: Any, path: str) -> None:
    """Raise Refused for a field that would say where to send something, or what to read here."""
    if not FOREIGN.isdisjoint(body) and (said := (FOREIGN & body.keys()) - _FIELDS.get(path, frozenset())):
        name = min(said)
        raise Refused(
            400, f"{name} is not for a request to say: it is set where the gateway is.", "foreign_field", parameter=name
        )
    options = cache.get("cache_config") or cache.get("cache") if cache else None
    if isinstance(options, dict) and not _OF_CACHE.issuperset(options):
        name = next(iter(options.keys() - _OF_CACHE))
        raise Refused(400, f"cache_config knows no {name} here.", "foreign_field", parameter="cache_config")


async def _streamed(gateway: Gateway, wanted: RoutedRequest, pipeline: Pipeline, offers: Any, named: Named) -> Outgoing:
    """A reply as it comes. One that says nothing for long is begun, so that nobody on the way gives it up."""
    total = gateway.options.timeout
    opening = asyncio.ensure_future(pipeline.async_caller.stream(offers, wanted.request, total=total))
    try:
        await asyncio.wait((opening,), timeout=gateway.settings.ping_seconds)
    except BaseException:
        opening.cancel()
        raise
    if opening.done() or wanted.request.accept:
        reply = await opening
        return Outgoing(reply.status, reply_headers(reply), _Pieces(_events(reply, wanted, named), reply))
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    return Outgoing(200, headers, _late(gateway, opening, wanted, named))


class _Pieces:
    """The pieces of a stream, whose connection is closed with it at once."""

    def __init__(self, pieces: AsyncIterator[bytes], reply: AsyncStreamReply) -> None:
        self._pieces, self._reply = pieces, reply

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        """Read no more: the provider stops generating."""
        self._reply.close()
        await self._pieces.aclose()  # type: ignore[attr-defined]


async def _events(reply: AsyncStreamReply, wanted: RoutedRequest, named: Named) -> AsyncIterator[bytes]:
    ids = named.stream(reply.offer) if wanted.learns else None
    pieces = reply.raw()
    if wanted.hides_usage:
        pieces = without_usage(pieces, lambda: reply.is_whole)
    try:
        async for piece in pieces:
            if ids is not None:
                ids.feed(piece)
                await named.write()
            yield piece
    except InferenceProvidersError as error:
        if wanted.request.accept:
            raise
        yield failures.event(error)


async def _late(
    gateway: Gateway, opening: asyncio.Future[AsyncStreamReply], wanted: RoutedRequest, named: Named
) -> AsyncIterator[bytes]:
    """A stream that was begun before its first content: what fails now is an event."""
    try:
        while not opening.done():
            yield _PING
            await asyncio.wait((opening,), timeout=gateway.settings.ping_seconds)
        try:
            reply = opening.result()
        except InferenceProvidersError as error:
            yield failures.event(error)
            return
        try:
            async for piece in _events(reply, wanted, named):
                yield piece
        finally:
            reply.close()
    finally:
        opening.cancel()


async def models(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The models that are within reach, or one of them."""
    everything = incoming.query.get("all", "") in ("1", "true")
    name = incoming.values.get("model")
    kept = gateway.kept.setdefault("models", {})
    key = (everything, name, incoming.caller.models)
    content = kept.get(key)
    if content is None:
        caller = incoming.caller
        allows = None if caller.models is None else partial(gateway.allowed.allows, caller)
        row = await asyncio.to_thread(
            model_list.answer, gateway.pipeline.finder, name, everything=everything, allows=allows
        )
        content = json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")
        if len(kept) < 100:
            kept[key] = content
    return Outgoing(200, [JSON], content)


_BODIES = (
    chat.PATH, "/completions", "/responses", "/embeddings", "/moderations", "/rerank", "/images/generations",
    "/audio/speech", "/conversations", "/conversations/{id}", "/conversations/{id}/items", "/vector_stores",
    "/vector_stores/{id}", "/vector_stores/{id}/search", "/vector_stores/{id}/files",
)  # fmt: skip
_FORMS = ("/images/edits", "/images/variations", "/audio/transcriptions", "/audio/translations")
_BY_ID = (
    ("GET", "/responses/{id}"), ("DELETE", "/responses/{id}"), ("POST", "/responses/{id}/cancel"),
    ("GET", "/responses/{id}/input_items"),
    ("GET", "/conversations/{id}"), ("DELETE", "/conversations/{id}"), ("GET", "/conversations/{id}/items"),
    ("GET", "/conversations/{id}/items/{item}"), ("DELETE", "/conversations/{id}/items/{item}"),
    ("GET", "/vector_stores/{id}"), ("DELETE", "/vector_stores/{id}"), ("GET", "/vector_stores/{id}/files"),
    ("GET", "/vector_stores/{id}/files/{file}"), ("DELETE", "/vector_stores/{id}/files/{file}"),
)  # fmt: skip

ROUTES = (
    *(Route("POST", BASE + path, routed) for path in _BODIES),
    *(Route("POST", BASE + path, routed, takes_forms=True) for path in _FORMS),
    *(Route(method, BASE + path, routed) for method, path in _BY_ID),
    Route("GET", BASE + "/models", models),
    Route("GET", BASE + "/models/{model...}", models),
)

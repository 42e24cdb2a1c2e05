"""OpenAI's API: requests go on to whoever serves their model, and replies come back, as bytes."""

from __future__ import annotations

import asyncio
import json
from functools import partial

from inference_providers import chat
from inference_providers.clients import RoutedRequest, headers_for_all, reply_headers
from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway import failures, model_list
from inference_providers.gateway.callers import ANYBODY
from inference_providers.gateway.messages import JSON, Incoming, Outgoing, Refused
from inference_providers.gateway.routes import Route
from inference_providers.gateway.stream_usage import ask_for_usage, without_usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Any

    from inference_providers.calls import AsyncStreamReply, Pipeline
    from inference_providers.gateway.service import Gateway

BASE = "/v1"
_BATCHES = BASE + "/batches"
_ACCOUNTS = (BASE + "/files", _BATCHES)
_PING = b": waiting for the model\n\n"
# Fields by which other gateways are told where to send, with which key, or what to read: nobody says that to this one.
_FOREIGN = frozenset((
    "api_base", "api_key", "api_version", "base_url", "endpoint", "extra_headers", "headers", "environ",
    "local_models", "command", "proxy", "trust", "organization",
))  # fmt: skip
_OF_CACHE = frozenset(("enabled", "ttl", "key_strategy", "similarity_threshold", "namespace"))


async def routed(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A request for whoever serves its model, or has what it names."""
    wanted = _wanted(gateway, incoming)
    if incoming.caller.models is not None:
        wanted.models = await asyncio.to_thread(gateway.allowed.names, incoming.caller, wanted.models)
    pipeline = wanted.within(gateway.pipeline)
    if wanted.request.preferences is None:
        wanted.prefer(pipeline, None)
    offers = wanted.only or wanted.kept(await wanted.async_candidates(pipeline.finder))
    total = gateway.options.timeout
    if wanted.as_it_comes:
        return await _streamed(gateway, wanted, pipeline, offers, total)
    reply = await pipeline.async_caller.call(offers, wanted.request, total=total, hedge_after=pipeline.hedge_after)
    if wanted.learns:
        pipeline.owners.learn(reply.data, reply.offer)
    return Outgoing(reply.status, reply_headers(reply), reply.content)


def _check_path(incoming: Incoming) -> None:
    """Raise Refused (403) for a caller, of what is everybody's, or leads past its models and its budget."""
    caller = incoming.caller
    if caller.is_admin or caller is ANYBODY:
        return
    if incoming.method == "GET" and incoming.path in _ACCOUNTS:
        raise Refused(403, "This lists what is everybody's: it is the administrator's.", "not_administrator")
    if incoming.path.startswith(_BATCHES) and (caller.models is not None or caller.budget is not None):
        said = "A key with models or a budget makes no batches here: a file names what they ask, and it is not read."
        raise Refused(403, said, "batches_not_allowed")


def _wanted(gateway: Gateway, incoming: Incoming) -> RoutedRequest:
    path = incoming.path[len(BASE) :] if incoming.path.startswith(BASE) else incoming.path
    if incoming.query_string:
        path = f"{path}?{incoming.query_string}"
    wanted = RoutedRequest(
        incoming.method,
        path,
        incoming.content,
        incoming.headers.get("content-type", "application/json"),
        gateway.options,
        gateway.pipeline.owners,
        accept=incoming.headers.get("accept", ""),
        headers=headers_for_all(incoming.headers),
        raw=True,
    )
    body = wanted.request.body
    if body is not None:
        _check(body, wanted.cache)
        if wanted.request.streams and wanted.request.api == chat.PATH:
            wanted.hides_usage = ask_for_usage(wanted.request)
    return wanted


def _check(body: Any, cache: Any) -> None:
    """Raise Refused for a field that would say where to send something, or what to read here."""
    if not _FOREIGN.isdisjoint(body):
        name = next(iter(_FOREIGN & body.keys()))
        raise Refused(
            400, f"{name} is not for a request to say: it is set where the gateway is.", "foreign_field", parameter=name
        )
    options = cache.get("cache_config") or cache.get("cache") if cache else None
    if isinstance(options, dict) and not _OF_CACHE.issuperset(options):
        name = next(iter(options.keys() - _OF_CACHE))
        raise Refused(400, f"cache_config knows no {name} here.", "foreign_field", parameter="cache_config")


async def _streamed(gateway: Gateway, wanted: RoutedRequest, pipeline: Pipeline, offers: Any, total: float) -> Outgoing:
    """A reply as it comes. One that says nothing for long is begun, so that nobody on the way gives it up."""
    opening = asyncio.ensure_future(pipeline.async_caller.stream(offers, wanted.request, total=total))
    try:
        await asyncio.wait((opening,), timeout=gateway.settings.ping_seconds)
    except BaseException:
        opening.cancel()
        raise
    if opening.done() or wanted.request.accept:
        reply = await opening
        return Outgoing(reply.status, reply_headers(reply), _Pieces(_events(reply, wanted, pipeline), reply))
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
    return Outgoing(200, headers, _late(gateway, opening, wanted, pipeline))


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


async def _events(reply: AsyncStreamReply, wanted: RoutedRequest, pipeline: Pipeline) -> AsyncIterator[bytes]:
    ids = pipeline.owners.stream(reply.offer) if wanted.learns else None
    pieces = reply.raw()
    if wanted.hides_usage:
        pieces = without_usage(pieces, lambda: reply.is_whole)
    try:
        async for piece in pieces:
            if ids is not None:
                ids.feed(piece)
            yield piece
    except InferenceProvidersError as error:
        if wanted.request.accept:
            raise
        yield failures.event(error)


async def _late(
    gateway: Gateway, opening: asyncio.Future[AsyncStreamReply], wanted: RoutedRequest, pipeline: Pipeline
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
            async for piece in _events(reply, wanted, pipeline):
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
    "/audio/speech", "/batches",
)  # fmt: skip
_FORMS = ("/images/edits", "/images/variations", "/audio/transcriptions", "/audio/translations", "/files")
_BY_ID = (
    ("GET", "/files"), ("GET", "/files/{id}"), ("DELETE", "/files/{id}"), ("GET", "/files/{id}/content"),
    ("GET", "/batches"), ("GET", "/batches/{id}"), ("POST", "/batches/{id}/cancel"),
    ("GET", "/responses/{id}"), ("DELETE", "/responses/{id}"), ("POST", "/responses/{id}/cancel"),
    ("GET", "/responses/{id}/input_items"),
)  # fmt: skip

ROUTES = (
    *(Route("POST", BASE + path, routed) for path in _BODIES),
    *(Route("POST", BASE + path, routed, takes_forms=True) for path in _FORMS),
    *(Route(method, BASE + path, routed) for method, path in _BY_ID),
    Route("GET", BASE + "/models", models),
    Route("GET", BASE + "/models/{model...}", models),
)

"""OpenAI's API: requests go on to whoever serves their model, and replies come back, as bytes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from functools import partial

from inference_providers import chat
from inference_providers.clients import RoutedRequest, headers_for_all
from inference_providers.gateway import failures, forms, model_list, passed, streaming
from inference_providers.gateway.allowed_models import ELSEWHERE
from inference_providers.gateway.callers import ANYBODY
from inference_providers.gateway.messages import JSON, Incoming, Outgoing, Refused
from inference_providers.gateway.named import Named
from inference_providers.gateway.routes import Route
from inference_providers.gateway.stream_usage import ask_for_usage, without_usage
from inference_providers.protocols import is_form

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from typing import Any

    from inference_providers.calls import AsyncStreamReply, Pipeline
    from inference_providers.errors import InferenceProvidersError
    from inference_providers.gateway.messages import Headers
    from inference_providers.gateway.service import Gateway
    from inference_providers.offers import Offer

BASE = "/v1"
_LISTED, _MOST_LISTS = 5.0, 100  # seconds for which a list of models counts; lists that are kept
# Fields by which other gateways are told where to send, with which key, or what to read: nobody says that to this one.
FOREIGN = frozenset((
    "api_base", "api_key", "api_version", "base_url", "endpoint", "extra_headers", "headers", "environ",
    "local_models", "command", "proxy", "trust", "organization",
))  # fmt: skip
# Programs in Go read a field whatever its case: no other spelling of these may say what was not seen here.
_EXACT = {name.casefold(): name for name in (*FOREIGN, *ELSEWHERE, "model", "models", "max_tokens", "tools", "plugins")}
_ID = re.compile(r"(?!\.+$)[A-Za-z0-9._:=+@~-]{1,512}").fullmatch
_FIELDS = {"/batches": frozenset(("endpoint",))}  # of OpenAI's own, by path: of a batch, the API that it asks
_OF_CACHE = frozenset(("enabled", "ttl", "key_strategy", "similarity_threshold", "namespace"))


async def routed(gateway: Gateway, incoming: Incoming, named: Named | None = None) -> Outgoing:
    """A request for whoever serves its model, or has what it names. *named*: what that is, where it is known."""
    for name in incoming.values.values():  # which is decoded, and becomes a part of a provider's address
        if _ID(name) is None:
            raise Refused(404, "Nothing is called so: ids are made of letters, digits and -._:=+@~.", "invalid_id")
    if named is None:
        named = await Named(gateway.ids, incoming.caller, incoming.method, _path(incoming)).read(
            incoming, gateway.pipeline.finder
        )
    wanted = _wanted(gateway, incoming, named)
    pipeline, offers = await candidates(gateway, incoming, wanted)
    if wanted.as_it_comes:
        opening = asyncio.ensure_future(
            pipeline.async_caller.stream(offers, wanted.request, total=gateway.options.timeout)
        )
        return await streaming.streamed(opening, _Events(wanted, named), gateway.settings.ping_seconds)
    total, hedge_after = gateway.options.timeout, pipeline.hedge_after
    reply = await pipeline.async_caller.call(offers, wanted.request, total=total, hedge_after=hedge_after)
    if wanted.learns:
        await named.learn(reply.data, reply.offer)
    return Outgoing(reply.status, *passed.whole(reply))


async def candidates(gateway: Gateway, incoming: Incoming, wanted: RoutedRequest) -> tuple[Pipeline, Sequence[Offer]]:
    """The pipeline under a request's own terms, and whom it may ask. Raises what finding them raises."""
    if incoming.caller.models is not None:
        wanted.models = await asyncio.to_thread(gateway.allowed.names, incoming.caller, wanted.models)
    pipeline = wanted.within(gateway.pipeline)
    if wanted.request.preferences is None:
        wanted.prefer(pipeline, None)
    return pipeline, wanted.only or wanted.kept(await wanted.async_candidates(pipeline.finder))


def _path(incoming: Incoming) -> str:
    return incoming.path[len(BASE) :] if incoming.path.startswith(BASE) else incoming.path


def _wanted(gateway: Gateway, incoming: Incoming, named: Named) -> RoutedRequest:
    path = _path(incoming)
    if incoming.query_string:
        if incoming.method == "POST":
            _check(incoming.query, None, path)
        path = f"{path}?{incoming.query_string}"
    kind = incoming.headers.get("content-type", "application/json")
    wanted = RoutedRequest(
        incoming.method,
        path,
        incoming.content,
        kind,
        gateway.options,
        named,
        accept=incoming.headers.get("accept", ""),
        headers=passed.own_of_caller(headers_for_all(incoming.headers)),
        raw=True,
    )
    body = wanted.request.body
    if is_form(kind):
        fields = dict.fromkeys(forms.names(incoming.content, kind))
        _check(fields, None, path)
        gateway.allowed.check(incoming.caller, fields)
    admit(incoming, wanted, body, path)
    if body is not None and wanted.request.streams and wanted.request.api == chat.PATH:
        wanted.hides_usage = ask_for_usage(wanted.request)
    return wanted


def admit(incoming: Incoming, wanted: RoutedRequest, body: Mapping[str, Any] | None, path: str = "") -> None:
    """Have a request be its caller's. Raises Refused for what its body must not say."""
    if incoming.caller is ANYBODY:
        wanted.request.caller = ANYBODY.id  # as on all other paths
    if body is not None:
        _check(body, wanted.cache, path)


def misspelt(body: Mapping[str, Any]) -> str:
    """A field that is one of those that are looked at here, but for the case of its letters; empty for none."""
    return next((name for name in body if _EXACT.get(name.casefold(), name) != name), "")


def _check(body: Any, cache: Any, path: str) -> None:
    """Raise Refused for a field that would say where to send something, or what to read here."""
    if name := misspelt(body):
        right = _EXACT[name.casefold()]
        raise Refused(400, f"{name} is to be written {right}.", "foreign_field", parameter=name)
    if not FOREIGN.isdisjoint(body) and (said := (FOREIGN & body.keys()) - _FIELDS.get(path, frozenset())):
        name = min(said)
        raise Refused(
            400, f"{name} is not for a request to say: it is set where the gateway is.", "foreign_field", parameter=name
        )
    options = cache.get("cache_config") or cache.get("cache") if cache else None
    if isinstance(options, dict) and not _OF_CACHE.issuperset(options):
        name = next(iter(options.keys() - _OF_CACHE))
        raise Refused(400, f"cache_config knows no {name} here.", "foreign_field", parameter="cache_config")


class _Events:
    """A stream of OpenAI's, which goes on as it comes: a `streaming.Form`."""

    media_type, ping = passed.EVENTS, b": waiting for the model\n\n"

    def __init__(self, wanted: RoutedRequest, named: Named) -> None:
        self._wanted, self._named = wanted, named
        if wanted.request.accept:  # a picture, or speech: there is no event that would say that it goes on
            self.ping = b""

    def headers(self, reply: AsyncStreamReply) -> Headers:
        return passed.headers_of(reply)

    def pieces(self, reply: AsyncStreamReply) -> AsyncIterator[bytes]:
        pieces = reply.raw()
        if self._wanted.learns:
            pieces = self._named.noting(pieces, reply.offer)
        if self._wanted.hides_usage:
            pieces = without_usage(pieces, lambda: reply.is_whole)
        return streaming.passed_on(reply, self.failed, pieces)

    def failed(self, error: InferenceProvidersError | Refused) -> bytes:
        return failures.event(error)


async def models(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The models that are within reach, or one of them."""
    everything = incoming.query.get("all", "") in ("1", "true")
    name = incoming.values.get("model")
    kept = gateway.kept.setdefault("models", {})
    key = (everything, name, incoming.caller.models)
    until, content = kept.get(key, (0.0, b""))
    if time.monotonic() >= until:
        caller = incoming.caller
        allows = None if caller.models is None else partial(gateway.allowed.allows, caller)
        row = await asyncio.to_thread(
            model_list.answer, gateway.pipeline.finder, name, everything=everything, allows=allows
        )
        content = json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")
        if len(kept) >= _MOST_LISTS:
            kept.clear()
        kept[key] = time.monotonic() + _LISTED, content
    return Outgoing(200, [JSON], content)


_BODIES = (
    chat.PATH, "/completions", "/embeddings", "/moderations", "/rerank", "/images/generations",
    "/audio/speech", "/conversations", "/conversations/{id}", "/conversations/{id}/items", "/vector_stores",
    "/vector_stores/{id}", "/vector_stores/{id}/search", "/vector_stores/{id}/files",
)  # fmt: skip
_FORMS = ("/images/edits", "/images/variations", "/audio/transcriptions", "/audio/translations")
_BY_ID = (
    ("GET", "/conversations/{id}"), ("DELETE", "/conversations/{id}"), ("GET", "/conversations/{id}/items"),
    ("GET", "/conversations/{id}/items/{item}"), ("DELETE", "/conversations/{id}/items/{item}"),
    ("GET", "/vector_stores/{id}"), ("DELETE", "/vector_stores/{id}"), ("GET", "/vector_stores/{id}/files"),
    ("GET", "/vector_stores/{id}/files/{file}"), ("DELETE", "/vector_stores/{id}/files/{file}"),
)  # fmt: skip

ROUTES = (
    *(Route("POST", BASE + path, routed) for path in _BODIES),
    *(Route("POST", BASE + path, routed, takes_forms=True) for path in _FORMS),
    *(Route(method, BASE + path, routed) for method, path in _BY_ID),
)

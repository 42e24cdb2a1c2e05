"""The inference API: requests, batches, streams, what was replied, and how the models do."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

from inference_providers.compat import async_batched, async_inferred, async_streamed, inference_api, inference_errors
from inference_providers.credentials import scrub_json
from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway.messages import Incoming, Outgoing
from inference_providers.gateway.named import check_body
from inference_providers.gateway.routes import Route
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
    from typing import Any

    from inference_providers.compat import AsyncEventStream, AsyncInferred, InferenceRequest
    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.messages import Handler
    from inference_providers.gateway.service import Gateway

DIALECT = "inference"
_EVENTS = {"content-type": "text/event-stream", "cache-control": "no-cache"}
_PING = b": waiting for the model\n\n"
_DONE = b"data: [DONE]\n\n"


def _told(handler: Handler) -> Handler:
    """A handler whose failures are told in the form of this API."""

    async def telling(gateway: Gateway, incoming: Incoming) -> Outgoing:
        try:
            await check_body(gateway.ids, incoming)
            return await handler(gateway, incoming)
        except InferenceProvidersError as error:
            status, headers, body = inference_errors.failure(error)
            return Outgoing.json(status, body, headers)

    return telling


async def create(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One request, answered as a whole, or as it comes."""
    request = inference_api.request_of(_json(incoming))
    await _hold(gateway, incoming.caller, request)
    if request.streams:
        return await _streamed(gateway, incoming.caller, request)
    inferred = _clean(gateway, await async_inferred(gateway.pipeline, request))
    await _keep(gateway, incoming.caller, request, inferred)
    return Outgoing.json(200, inferred.reply)


async def batch(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Many requests: each has its reply or its error."""

    async def answering(request: InferenceRequest) -> AsyncInferred:
        await _hold(gateway, incoming.caller, request)
        inferred = _clean(gateway, await async_inferred(gateway.pipeline, request))
        await _keep(gateway, incoming.caller, request, inferred)
        return inferred

    return Outgoing.json(200, await async_batched(_json(incoming), answering))


async def stream(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One request, answered as it comes."""
    request = inference_api.request_of(_json(incoming), streams=True)
    await _hold(gateway, incoming.caller, request)
    return await _streamed(gateway, incoming.caller, request)


async def retrieve(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """What was replied in the last hour; 404 for what another caller has had."""
    id_ = incoming.values["id"]
    found = await asyncio.to_thread(gateway.replies.get, incoming.caller.id, id_)
    if found is None:
        return Outgoing.json(404, inference_errors.not_kept())
    return Outgoing.json(200, found)


async def analytics(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """What was used in a time: by its caller, or, for the administrator, by everybody."""
    said = _said(incoming, "timeframe", "metrics")
    timeframe, metrics, caller = said.get("timeframe", "last_30_days"), said.get("metrics"), _whose(incoming.caller)
    return await _reported(lambda: gateway.providers.analytics(timeframe, metrics, caller=caller))


async def performance(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """How well a model did for its caller, or, for the administrator, for everybody."""
    said = _said(incoming, "model", "timeframe", "metrics")
    if not said.get("model"):
        raise inference_errors.invalid("Missing required parameter: model", "model", "string")
    model, metrics, timeframe = said["model"], said.get("metrics"), said.get("timeframe", "last_30_days")
    caller = _whose(incoming.caller)
    return await _reported(lambda: gateway.providers.performance(model, metrics, timeframe=timeframe, caller=caller))


def _whose(caller: Caller) -> str | None:
    """Whose calls a caller is told of: None for everybody's."""
    return None if caller.is_admin else caller.id


async def _reported(report: Callable[[], Any]) -> Outgoing:
    try:
        found = await asyncio.to_thread(report)
    except (TypeError, ValueError) as error:
        wrong = ("metrics", "array") if "metric" in str(error) else ("timeframe", "string")
        raise inference_errors.invalid(str(error), *wrong) from None
    return Outgoing.json(200, found.as_dict())


def _said(incoming: Incoming, *known: str) -> dict[str, Any]:
    """What a report is asked for, by the query or the body. Raises InvalidRequestError."""
    said: dict[str, Any] = dict(incoming.query)
    if isinstance(said.get("metrics"), str):
        said["metrics"] = [word for word in said["metrics"].split(",") if word]
    if incoming.content or incoming.method == "POST":
        body = _json(incoming)
        if not isinstance(body, dict):
            raise inference_errors.invalid("The body is not a JSON object", None, "object")
        said |= body
    for name, value in said.items():
        expected, kind = ("array", list) if name == "metrics" else ("string", str)
        if name not in known:
            raise inference_errors.invalid(
                f"There is no parameter {name!r:.80}; there are {', '.join(known)}", name[:80]
            )
        if not value or not isinstance(value, kind) or (kind is list and not all(isinstance(w, str) for w in value)):
            raise inference_errors.invalid(f"Parameter {name} must be of type {expected}", name, expected)
    return said


def _clean(gateway: Gateway, inferred: AsyncInferred) -> AsyncInferred:
    """A reply without the keys of providers, which one that says again what it was sent may hold."""
    secrets = gateway.secrets()
    inferred.reply = scrub_json(inferred.reply, secrets)
    inferred.details = scrub_json(inferred.details, secrets)
    return inferred


async def _keep(gateway: Gateway, caller: Caller, request: InferenceRequest, inferred: AsyncInferred) -> None:
    if request.store:
        await asyncio.to_thread(gateway.replies.put, caller.id, inferred.details["id"], inferred.details)


async def _hold(gateway: Gateway, caller: Caller, request: InferenceRequest) -> None:
    """Have a request ask for what its caller may: its models, in place of an automatic choice.

    Raises UnknownModelError for none. Whoever is found in their place by a fallback is left out by the stage around
    every call.
    """
    request.caller = _whose(caller) or ""
    if caller.models is not None:
        request.models = await asyncio.to_thread(gateway.allowed.names, caller, request.asked_models)
        if request.fallback == inference_api.BEST_AVAILABLE:
            request.fallback = inference_api.SAME_MODEL  # the best of its models are among them


def _json(incoming: Incoming) -> Any:
    """The body. Raises InvalidRequestError for one that is no JSON."""
    try:
        found = jsontext.in_one_way(incoming.content)
        jsontext.check(found)
        return found
    except ValueError as error:
        raise inference_errors.invalid(f"The body is not JSON that can be read: {error}", None, "object") from None


async def _streamed(gateway: Gateway, caller: Caller, request: InferenceRequest) -> Outgoing:
    """A stream. One that says nothing for long is begun, so that nobody on the way gives it up."""
    opening = asyncio.ensure_future(async_streamed(gateway.pipeline, request))
    try:
        await asyncio.wait((opening,), timeout=gateway.settings.ping_seconds)
        if opening.done():
            opening.result()
    except BaseException:
        opening.cancel()
        raise

    async def keep(inferred: AsyncInferred) -> None:
        await _keep(gateway, caller, request, _clean(gateway, inferred))

    return Outgoing(200, _EVENTS, _Events(opening, gateway.settings.ping_seconds, keep, gateway.secrets()))


class _Events:
    """A stream's bytes, whose connection is closed with it, whether anything of it was read or not."""

    def __init__(
        self,
        opening: asyncio.Future[AsyncEventStream],
        ping_seconds: float,
        keep: Callable[[AsyncInferred], Awaitable[None]],
        secrets: list[str],
    ) -> None:
        self._opening, self._patience, self._keep, self._secrets = opening, ping_seconds, keep, secrets
        self._pieces = self._bytes()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        return await anext(self._pieces)

    async def aclose(self) -> None:
        """Read no more: the provider stops generating."""
        await self._pieces.aclose()
        if not self._opening.done():
            self._opening.cancel()
        elif not self._opening.cancelled() and self._opening.exception() is None:
            await self._opening.result().aclose()

    async def _bytes(self) -> AsyncGenerator[bytes, None]:
        opening = self._opening
        while not opening.done():
            yield _PING
            await asyncio.wait((opening,), timeout=self._patience)
        id_ = None
        try:
            stream = opening.result()
            id_ = stream.id
            async with aclosing(stream.events()) as events:
                async for event in events:
                    yield _event(scrub_json(event, self._secrets))
        except InferenceProvidersError as error:
            body = inference_errors.failure(error)[2]
            yield _event({"id": id_, "object": "inference.error", **body})
            return
        if stream.inferred is not None:
            await self._keep(stream.inferred)
        yield _DONE


def _event(value: Any) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"


def _both(method: str, path: str, handler: Handler) -> list[Route]:
    """A path with and without the API's version."""
    return [Route(method, f"{base}/inference{path}", _told(handler), dialect=DIALECT) for base in ("/v1", "")]


ROUTES = (
    *_both("POST", "", create),
    *_both("POST", "/batch", batch),
    *_both("POST", "/stream", stream),
    *(row for method in ("GET", "POST") for row in _both(method, "/analytics", analytics)),
    *(row for method in ("GET", "POST") for row in _both(method, "/performance", performance)),
    *_both("GET", "/{id}", retrieve),
)

"""Google's API: content, whole or as it comes, how many tokens it has, models, and vectors of texts."""

from __future__ import annotations

import asyncio
import json
from functools import partial

from inference_providers.clients import prompt_tokens
from inference_providers.errors import NoCredentialsError
from inference_providers.gateway import dialects, openai_api
from inference_providers.gateway.dialects import Dialect, new_id
from inference_providers.gateway.messages import Incoming, Outgoing, Refused
from inference_providers.gateway.messages_api import ESTIMATE
from inference_providers.gateway.routes import Route
from inference_providers.protocols import OWN_WORDS, gemini_in, gemini_others, gemini_reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from inference_providers.gateway.service import Gateway

NAME = "gemini"
_REPLY = partial(gemini_reply.reply, new_id=new_id)
# Its own programs take a line that is no event for a part of an error: what says that a stream goes on is an event.
EVENTS = Dialect(
    NAME,
    _REPLY,
    partial(gemini_reply.Events, new_id=new_id),
    ping=b'data: {"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "index": 0}]}\n\n',
)
LIST = Dialect(NAME, _REPLY, partial(gemini_reply.ListEvents, new_id=new_id), media_type="application/json", ping=b"\n")


async def models(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A page of the models within reach, or one of them."""
    query = incoming.query
    everything = f"all={query.get('all', '')}"
    inner = Incoming("GET", "/v1/models", incoming.caller, query_string=everything, values=incoming.values)
    found = json.loads((await openai_api.models(gateway, inner)).content)  # type: ignore[arg-type]
    if "model" in incoming.values:
        return Outgoing.json(200, gemini_others.model(found))
    size, token = query.get("pageSize", ""), query.get("pageToken", "")
    return Outgoing.json(200, gemini_others.models(found["data"], size=size, token=token))


async def act(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Whatever is asked of a model: what that is stands behind the last colon of the path."""
    model, _, action = incoming.values["model"].rpartition(":")
    handler = _ACTIONS.get(action)
    if handler is None or not model or "?" in model:
        said = ", ".join(_ACTIONS)
        raise Refused(404, f"A path here ends with the name of a model, a colon and one of {said}.", "unknown_path")
    return await handler(gateway, incoming, model)


async def generate(gateway: Gateway, incoming: Incoming, model: str) -> Outgoing:
    """Content as a whole."""
    return await _answered(gateway, incoming, EVENTS, model, streams=False)


async def stream(gateway: Gateway, incoming: Incoming, model: str) -> Outgoing:
    """Content as it comes: as events, or as one list, which is what Google sends unless events are asked for."""
    query = incoming.query
    dialect = EVENTS if query.get("alt", query.get("$alt")) == "sse" else LIST
    return await _answered(gateway, incoming, dialect, model, streams=True)


async def _answered(gateway: Gateway, incoming: Incoming, dialect: Dialect, model: str, *, streams: bool) -> Outgoing:
    body = incoming.json()
    googles = {name: value for name, value in body.items() if name not in OWN_WORDS}
    request = gemini_in.read(googles, model, streams)
    request.original = {name: value for name, value in body.items() if name != "contents"}  # pictures are kept once
    incoming.content = b""  # nothing in it names what a provider keeps: `read` refuses that
    return await dialects.answered(gateway, incoming, dialect, request)


async def count(gateway: Gateway, incoming: Incoming, model: str) -> Outgoing:
    """How many tokens content has, estimated."""
    request = gemini_others.read_count(incoming.json(), model)
    tokens = await asyncio.to_thread(_tokens, gateway, incoming, request.body, model)
    return Outgoing.json(200, gemini_others.count(tokens), ESTIMATE)


def _tokens(gateway: Gateway, incoming: Incoming, body: Mapping[str, Any], model: str) -> int:
    names = gateway.allowed.names(incoming.caller, [model])
    pipeline = gateway.pipeline
    try:
        offer = pipeline.finder.candidates(names[0])[0]
        names = list(filter(None, (offer.canonical_name, offer.internal_name)))
    except NoCredentialsError:
        pass  # programs cut their conversations by it, whoever answers them
    return prompt_tokens(body, names, pipeline.users_environ)


async def embed(gateway: Gateway, incoming: Incoming, model: str, *, many: bool = False) -> Outgoing:
    """Vectors of texts: of one, or of many."""
    given = incoming.json()
    body = gemini_others.read_embeddings(given, model, many=many)
    return await dialects.vectors(gateway, incoming, given, body, partial(gemini_others.embeddings, many=many))


_ACTIONS: dict[str, Callable[[Gateway, Incoming, str], Awaitable[Outgoing]]] = {
    "generateContent": generate,
    "streamGenerateContent": stream,
    "countTokens": count,
    "embedContent": embed,
    "batchEmbedContents": partial(embed, many=True),
}
ROUTES = (
    Route("GET", "/v1beta/models", models, dialect=NAME),
    Route("GET", "/v1beta/models/{model...}", models, dialect=NAME),
    Route("POST", "/v1beta/models/{model...}", act, dialect=NAME),
    Route("POST", "/v1/models/{model:...}", act, dialect=NAME),  # an action; without one it is a path of OpenAI's
)

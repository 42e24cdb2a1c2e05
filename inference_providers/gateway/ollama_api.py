"""Ollama's API: programs that know no other find the models of the gateway where they look for those of Ollama."""

from __future__ import annotations

import json
import time
from functools import partial

from inference_providers.gateway import dialects, openai_api
from inference_providers.gateway.dialects import Dialect, new_id
from inference_providers.gateway.messages import JSON, Incoming, Outgoing, Refused
from inference_providers.gateway.routes import Route
from inference_providers.protocols import ollama_in, ollama_reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.gateway.service import Gateway
    from inference_providers.plugins import Events
    from inference_providers.protocols import Asked

NAME = "ollama"
VERSION = "0.12.0"  # of Ollama's, whose API this is: programs ask for it, and use what came later only then
LINES = "application/x-ndjson"
_KEEPING = (
    "This gateway keeps no models: it asks whoever serves them. GET /api/tags lists those that can be asked; get one "
    "for this machine with `inference-providers local get`, or with Ollama itself."
)


async def chat(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """A turn of a conversation."""
    return await _answered(gateway, incoming, ollama_in.read, ollama_reply.reply, ollama_reply.Events)


async def generate(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """An answer to a prompt."""
    read, reply = ollama_in.read_generate, ollama_reply.generated
    return await _answered(gateway, incoming, read, reply, ollama_reply.GeneratedEvents)


async def _answered(
    gateway: Gateway,
    incoming: Incoming,
    read: Callable[[Mapping[str, Any]], Asked],
    reply: Callable[..., dict[str, Any]],
    events: Callable[..., Events],
) -> Outgoing:
    began, body = time.time(), incoming.json()
    if why := ollama_in.loads(body):
        return await _loaded(gateway, incoming, body, why)
    asked = read(body)
    times = {"new_id": new_id, "now": time.time, "began": began}
    waiting = ollama_reply.waiting(asked, now=time.time, chats=read is ollama_in.read) if asked.streams else b""
    dialect = Dialect(NAME, partial(reply, **times), partial(events, **times), media_type=LINES, ping=waiting)
    return await dialects.answered(gateway, incoming, dialect, asked)


async def _loaded(gateway: Gateway, incoming: Incoming, body: Mapping[str, Any], why: str) -> Outgoing:
    """The answer to who only has a model loaded: whether it can be asked. It is of whoever serves it when it is."""
    await _row(gateway, incoming, ollama_in.model_name(body))
    made = _encoded(ollama_reply.loaded(body, why, now=time.time))
    streams = body.get("stream") is not False
    return Outgoing(200, [(b"content-type", LINES.encode())] if streams else [JSON], made + b"\n" if streams else made)


async def embed(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Vectors of texts."""
    began = time.time()
    asked = ollama_in.read_embed(incoming.json())
    if not asked.body["input"]:
        await _row(gateway, incoming, asked.body["model"])
        return _json(ollama_reply.embedded({"data": []}, asked, now=time.time, began=began))
    made = partial(ollama_reply.embedded, asked=asked, now=time.time, began=began)
    return await dialects.vectors(gateway, incoming, asked.original, asked.body, made, asked.losses)


async def tags(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The models within reach."""
    found = _read(await openai_api.models(gateway, incoming))
    return _json({"models": [ollama_reply.listed(row) for row in found["data"]]})


async def show(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """What one of them is, and can do."""
    return _json(ollama_reply.shown(await _row(gateway, incoming, ollama_in.model_name(incoming.json()))))


async def _row(gateway: Gateway, incoming: Incoming, name: str) -> dict[str, Any]:
    """A model's row in the list, whatever its kind. Raises UnknownModelError."""
    wanted = Incoming("GET", incoming.path, incoming.caller, values={"model": name})
    row = _read(await openai_api.models(gateway, wanted))
    registry = gateway.pipeline.finder.registry
    if row["id"] in registry.canonical_names:
        return row
    kind = next((kind for kind, models in registry.kinds.items() if row["id"] in models.rows), None)
    return row if kind is None else {**row, "kind": kind}


async def running(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Models in memory: there are none here."""
    return _json({"models": []})


async def version(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The version whose API this is."""
    return _json({"version": VERSION})


async def keeping(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """What only who keeps models can do."""
    raise Refused(501, _KEEPING, "not_implemented")


def _read(outgoing: Outgoing) -> dict[str, Any]:
    assert isinstance(outgoing.content, bytes)
    found: dict[str, Any] = json.loads(outgoing.content)
    return found


def _json(data: Any) -> Outgoing:
    return Outgoing(200, [JSON], _encoded(data))


def _encoded(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")


_PATHS = (
    ("POST", "chat", chat), ("POST", "generate", generate), ("POST", "embed", embed), ("POST", "embeddings", embed),
    ("GET", "tags", tags), ("POST", "show", show), ("GET", "ps", running), ("GET", "version", version),
    ("POST", "pull", keeping), ("POST", "push", keeping), ("POST", "create", keeping), ("POST", "copy", keeping),
    ("DELETE", "delete", keeping), ("POST", "blobs/{digest}", keeping),
)  # fmt: skip

ROUTES = tuple(Route(method, f"/api/{path}", handler, dialect=NAME) for method, path, handler in _PATHS)

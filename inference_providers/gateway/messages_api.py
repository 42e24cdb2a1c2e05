"""Anthropic's API: messages, whole or as they come, and how many tokens a request has."""

from __future__ import annotations

import asyncio
import json
from functools import partial

from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway import dialects, openai_api
from inference_providers.gateway.dialects import Dialect, new_id
from inference_providers.gateway.messages import Incoming, Outgoing
from inference_providers.gateway.routes import Route
from inference_providers.protocols import messages_count, messages_in, messages_reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.gateway.service import Gateway

ESTIMATE = {"x-inference-estimate": "true"}
NAME, PATH, COUNT = "messages", "/v1/messages", "/count_tokens"
MESSAGES = Dialect(
    NAME,
    partial(messages_reply.reply, new_id=new_id),
    partial(messages_reply.Events, new_id=new_id),
    path="/messages",
    plainer=messages_in.without_foreign_thoughts,
    nameable=messages_in.nameable,
    headers="anthropic-",
    ping=b'event: ping\ndata: {"type": "ping"}\n\n',
)


async def create(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One message."""
    return await dialects.answered(gateway, incoming, MESSAGES, messages_in.read(incoming.json()))


async def count(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """How many tokens a request has: as its provider counts them, where that speaks this API; else an estimate.

    One that nobody could answer is counted, too: programs cut their conversations by it.
    """
    body = incoming.json()
    asked = messages_in.read(body)
    try:
        turn = await dialects.prepared(gateway, incoming, MESSAGES, asked)
        counted = await turn.told(COUNT, "input_tokens")
    except InferenceProvidersError:
        counted = None
    if counted is not None:
        return Outgoing.json(200, counted)
    tokens = await asyncio.to_thread(messages_count.count, body)
    return Outgoing.json(200, {"input_tokens": tokens}, ESTIMATE)


async def models(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The models that are within reach, or one of them."""
    listed = await openai_api.models(gateway, incoming)
    assert isinstance(listed.content, bytes)
    data = json.loads(listed.content)
    if "data" not in data:
        return Outgoing.json(200, _model(data))
    rows = [_model(row) for row in data["data"]]
    ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {"first_id": None, "last_id": None}
    return Outgoing.json(200, {"data": rows, "has_more": False, **ends})


def _model(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of our list. When a model was made, the registry does not know."""
    made = {"type": "model", "id": row["id"], "display_name": row["id"], "created_at": "1970-01-01T00:00:00Z"}
    sizes = {"max_input_tokens": row.get("context_window"), "max_tokens": row.get("max_output_tokens")}
    return {**made, "lifecycle": "active", **{name: size for name, size in sizes.items() if size is not None}}


ROUTES = (
    Route("POST", PATH, create, dialect=NAME),
    Route("POST", PATH + COUNT, count, dialect=NAME),
)

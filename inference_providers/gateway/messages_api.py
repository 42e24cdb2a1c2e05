"""Anthropic's API: messages, whole or as they come, and how many tokens a request has."""

from __future__ import annotations

from functools import partial

from inference_providers.gateway import dialects
from inference_providers.gateway.dialects import Dialect, new_id
from inference_providers.gateway.messages import Incoming, Outgoing
from inference_providers.gateway.routes import Route
from inference_providers.protocols import messages_in, messages_reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.service import Gateway

NAME, PATH = "messages", "/v1/messages"
MESSAGES = Dialect(
    NAME,
    partial(messages_reply.reply, new_id=new_id),
    partial(messages_reply.Events, new_id=new_id),
    path="/messages",
    ping=b'event: ping\ndata: {"type": "ping"}\n\n',
)


async def create(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """One message."""
    return await dialects.answered(gateway, incoming, MESSAGES, messages_in.read(incoming.json()))


ROUTES = (Route("POST", PATH, create, dialect=NAME),)

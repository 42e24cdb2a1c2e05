"""`/`: the overview for a browser; for a program that looks whether anybody is there, a word."""

from __future__ import annotations

from inference_providers.gateway.messages import Outgoing
from inference_providers.gateway.page import overview
from inference_providers.gateway.page.frame import DIALECT, HOME, LOGIN, moved, session_of
from inference_providers.gateway.routes import OPEN, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.messages import Incoming
    from inference_providers.gateway.service import Gateway

_HERE = (
    b"The gateway runs. Programs for OpenAI's API are given its address with /v1, all others without. "
    b"A browser sees its page here.\n"
)


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The overview; to the login without a session."""
    if "text/html" not in incoming.headers.get("accept", ""):
        return Outgoing(200, {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}, _HERE)
    if session_of(gateway, incoming) is None:
        return moved(LOGIN)
    return await overview.shown(gateway, incoming)


ROUTES = (
    Route("GET", HOME, shown, OPEN, dialect=DIALECT),
    Route("HEAD", HOME, shown, OPEN, dialect=DIALECT),
)

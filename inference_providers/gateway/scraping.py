"""`GET /metrics`: what all workers have counted, for the administrator's Prometheus."""

from __future__ import annotations

import asyncio

from inference_providers.gateway.exposition import CONTENT_TYPE
from inference_providers.gateway.messages import Outgoing
from inference_providers.gateway.routes import ADMIN, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.messages import Incoming
    from inference_providers.gateway.service import Gateway


async def metrics(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """All of it; in a thread, since a page of a thousand sets of labels takes its time."""
    text = await asyncio.to_thread(gateway.metrics.text)
    return Outgoing(200, {"content-type": CONTENT_TYPE}, text.encode())


ROUTES = (Route("GET", "/metrics", metrics, ADMIN),)

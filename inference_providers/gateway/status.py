"""Whether the gateway lives, and whether it can answer anything."""

from __future__ import annotations

import asyncio
import time

from inference_providers.errors import InferenceProvidersError
from inference_providers.gateway.messages import JSON, Outgoing
from inference_providers.gateway.routes import OPEN, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.messages import Incoming
    from inference_providers.gateway.service import Gateway

_KEPT = 5.0  # seconds for which it is known whether anybody can be asked


async def health(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """It lives: nobody is asked."""
    return Outgoing(200, [JSON], b'{"status":"ok"}')


async def ready(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """Whether any candidate is there. No provider is asked for it."""
    until, is_ready = gateway.kept.get("ready", (0.0, False))
    if time.monotonic() > until:
        is_ready = await asyncio.to_thread(_has_candidates, gateway)
        gateway.kept["ready"] = (time.monotonic() + _KEPT, is_ready)
    if is_ready:
        return Outgoing(200, [JSON], b'{"status":"ready"}')
    return Outgoing(503, [JSON], b'{"status":"no key and no model server"}')


def _has_candidates(gateway: Gateway) -> bool:
    try:
        return bool(gateway.pipeline.finder.first_available(["auto"]))
    except InferenceProvidersError:
        return False


ROUTES = (Route("GET", "/health", health, OPEN), Route("GET", "/ready", ready, OPEN))

"""What is connected, and what each key reaches. Never a key."""

from __future__ import annotations

from inference_providers.gateway.page.frame import page
from inference_providers.gateway.page.markup import tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.messages import Incoming, Outgoing
    from inference_providers.gateway.service import Gateway


async def shown(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The page."""
    return page(gateway, incoming, "Overview", tag("p", "..."))

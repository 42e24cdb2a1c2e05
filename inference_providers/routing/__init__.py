"""Which candidate is asked next, after how long, and how many at once."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.routing.concurrency import OVERLOADED as OVERLOADED
    from inference_providers.routing.concurrency import RISE as RISE
    from inference_providers.routing.concurrency import ConcurrencyLimiter as ConcurrencyLimiter
    from inference_providers.routing.concurrency import OfferLanes as OfferLanes
    from inference_providers.routing.concurrency import Pace as Pace
    from inference_providers.routing.concurrency import overloaded as overloaded
    from inference_providers.routing.health import Health as Health
    from inference_providers.routing.learned import Learned as Learned
    from inference_providers.routing.policy import Policy as Policy
    from inference_providers.routing.router import Send as Send
    from inference_providers.routing.router import Sleep as Sleep
    from inference_providers.routing.router import route as route

_HOME = {
    "concurrency": (
        "ConcurrencyLimiter",
        "OVERLOADED",
        "OfferLanes",
        "Pace",
        "RISE",
        "overloaded",
    ),
    "health": ("Health",),
    "learned": ("Learned",),
    "policy": ("Policy",),
    "router": (
        "Send",
        "Sleep",
        "route",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

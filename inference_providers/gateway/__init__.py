"""An HTTP server of OpenAI's API over a provider list, for other programs: who may ask, what, and how much."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.callers import ADMIN_ID as ADMIN_ID
    from inference_providers.gateway.callers import Caller as Caller
    from inference_providers.gateway.callers import Callers as Callers
    from inference_providers.gateway.purging import purge as purge

_HOME = {
    "callers": (
        "ADMIN_ID",
        "Caller",
        "Callers",
    ),
    "purging": ("purge",),
}
__getattr__, __dir__ = face(__name__, _HOME)

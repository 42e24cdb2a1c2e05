"""A request in the words of another API than chat completions, for whoever speaks that API as well. Pure.

Nothing is lost where it goes on as it came: marks for prompt caches, signatures of thoughts, tools that a provider
runs. Which providers do is in their rows (`connection.speaks`); all others get the same request as a chat completion.
"""

from __future__ import annotations

from inference_providers.offers import wire_name
from inference_providers.protocols.raw_json import with_model
from inference_providers.protocols.request import FittedRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.offers import Offer
    from inference_providers.protocols.request import ModelRequest


def speaks(request: ModelRequest, offer: Offer) -> bool:
    """Whether an offer gets a request as it came."""
    native = request.native
    if native is None or native.row(offer) is None:
        return False
    known = request.repairs.get(offer.place) if request.repairs else None
    return known is None or native.mark not in known.without


def native_request(request: ModelRequest, offer: Offer) -> FittedRequest:
    """The request as it came, with this offer's name for the model. It must be one that speaks its API."""
    native = request.native
    assert native is not None
    row = native.row(offer) or {}
    name = wire_name(offer)
    accept = "text/event-stream" if request.streams else "application/json"
    headers = {**(row.get("headers") or {}), **native.headers, "Accept": accept, "Content-Type": "application/json"}
    body = {**native.body, "model": name}
    fitted = FittedRequest(offer, "POST", native.path, headers, body=body, dropped=[])
    fitted.content = with_model(native.raw, native.body, name)
    fitted.native, fitted.endpoint, fitted.key = native.path, row.get("endpoint", ""), row.get("key", "")
    return fitted

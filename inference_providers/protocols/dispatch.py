"""Which protocol an offer speaks, and what it makes of a request. Pure."""

from __future__ import annotations

from inference_providers.chat import parameter_rules, parameters
from inference_providers.errors import InvalidRequestError
from inference_providers.protocols import openai_chat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inference_providers.offers import Offer
    from inference_providers.protocols.protocol import ModelProtocol
    from inference_providers.protocols.request import FittedRequest, ModelRequest, WhoCould

PROTOCOLS: Mapping[str, ModelProtocol] = {openai_chat.ID: openai_chat}  # by `Offer.protocol`


def fit(request: ModelRequest, offer: Offer) -> FittedRequest:
    """The request as this offer gets it: worked out when it is first needed, remembered for the call."""
    fitted = request.fits.get(id(offer))
    if fitted is None:
        fitted = request.fits[id(offer)] = PROTOCOLS[offer.protocol].encode(request, offer)
    return fitted


def capable_offers(request: ModelRequest, offers: Sequence[Offer], who_could: WhoCould) -> Sequence[Offer]:
    """Those of the offers that can do what the request needs. Raises InvalidRequestError if none can.

    *who_could* says who else could, for the message: it is given a test of an offer.
    """
    if request.unsupported == parameters.KEEP or request.body is None:
        return offers
    needs = parameter_rules.needs(request.body)
    if not needs and request.unsupported == parameters.DROP:
        return offers
    missing = {id(offer): _missing(request, offer, needs) for offer in offers}
    capable = [offer for offer in offers if not missing[id(offer)]]
    if offers and not capable:
        raise _nobody(offers, missing, who_could(lambda offer: not _missing(request, offer, needs)))
    return capable


def _missing(request: ModelRequest, offer: Offer, needs: Sequence[str]) -> list[str]:
    return PROTOCOLS[offer.protocol].missing(request, offer, needs)


def _nobody(offers: Sequence[Offer], missing: Mapping[int, list[str]], others: str) -> InvalidRequestError:
    asked = parameters.listed(f"{offer.provider}/{offer.internal_name}" for offer in offers[:4])
    more = f" and {len(offers) - 4} more" if len(offers) > 4 else ""
    lacks = parameters.listed(name for offer in offers for name in missing[id(offer)])
    return InvalidRequestError(
        f"Nothing was sent: {asked}{more} cannot do {lacks}. {others}".strip(), code="unsupported"
    )

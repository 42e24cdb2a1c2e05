"""Policies that may follow a model's name: `:cheapest`, `:fastest`, `:smartest`, `:free`, `:local`, ... Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_providers.offers.offer import Offer
    from inference_providers.registry import Registry

_AS_LISTED = ("listed", "random", "balanced")  # what each call decides anew: see `routing.strategies`
POLICIES = ("cheapest", "fastest", "smartest", "free", "local", *_AS_LISTED)


_FRESH = 3  # days for which prices that change by the hour are believed


def apply_policy(policy: str, offers: Sequence[Offer], registry: Registry) -> list[Offer]:
    """Sort or filter offers: `cheapest`, `fastest`, `smartest` sort (stable), `free` and `local` filter."""
    if policy in _AS_LISTED:
        return list(offers)
    if policy == "free":
        return [offer for offer in offers if is_free(offer)]
    if policy == "local":
        return [offer for offer in offers if offer.local]
    if policy == "cheapest":
        return sorted(offers, key=_dearness)
    if policy == "fastest":
        places = {pid: place for place, pid in enumerate(registry.fastest)}
        return sorted(offers, key=lambda o: places.get(o.provider, len(places)))
    ranks = {name: rank for rank, name in enumerate(registry.auto_model_priority)}
    return sorted(offers, key=lambda o: ranks.get(o.canonical_name or "", len(ranks)))  # a model is as good anywhere


def is_free(offer: Offer) -> bool:
    """Whether asking it costs nothing with this key. A subscription's models are not free: it is paid for, and ends."""
    if offer.local or offer.billing == "free":
        return True
    if offer.billing == "plan":
        return False
    if offer.facts.more.get("request"):  # its tokens alone are given away
        return False
    return (offer.input_price == 0 and offer.output_price == 0) or offer.internal_name.endswith(":free")


def _dearness(offer: Offer) -> tuple[int, float]:
    """What is known to be cheap first; then what may be; a subscription, whose calls have no price, at the end."""
    if offer.billing == "plan":
        return 2, 0.0
    if offer.input_price is None or offer.output_price is None:
        return 1, 0.0
    price = offer.input_price * 3 + offer.output_price
    day = offer.row().moving
    return (1 if day and not _is_fresh(day) else 0), price


def _is_fresh(day: str) -> bool:
    """Whether prices of that day are to be believed; a day that has not come yet is nobody's."""
    import time

    first, last = (time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 24 * 3600)) for days in (-_FRESH, 1))
    return first <= day <= last

"""Policies that may follow a model's name: `:cheapest`, `:fastest`, `:smartest`, `:free`, `:local`. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_providers.offers.offer import Offer
    from inference_providers.registry import Registry

POLICIES = ("cheapest", "fastest", "smartest", "free", "local")


def apply_policy(policy: str, offers: Sequence[Offer], registry: Registry) -> list[Offer]:
    """Sort or filter offers: `cheapest`, `fastest`, `smartest` sort (stable), `free` and `local` filter."""
    if policy == "free":
        return [
            offer
            for offer in offers
            if offer.local
            or (offer.input_price == 0 and offer.output_price == 0)
            or offer.internal_name.endswith(":free")
        ]
    if policy == "local":
        return [offer for offer in offers if offer.local]
    if policy == "cheapest":
        return sorted(
            offers,
            key=lambda o: (
                o.input_price is None or o.output_price is None,
                (o.input_price or 0) * 3 + (o.output_price or 0),
            ),
        )
    if policy == "fastest":
        places = {pid: place for place, pid in enumerate(registry.fastest)}
        return sorted(offers, key=lambda o: places.get(o.provider, len(places)))
    ranks = {name: rank for rank, name in enumerate(registry.auto_model_priority)}
    return sorted(offers, key=lambda o: ranks.get(o.canonical_name or "", len(ranks)))  # a model is as good anywhere

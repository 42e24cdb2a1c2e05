"""What tokens cost at an offer's prices. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.registry import Facts
    from inference_providers.usage.usage import Usage


def cost_of(usage: Usage | None, facts: Facts, *, service: str = "", part: float = 1.0) -> float | None:
    """USD for *usage*: as the provider reported it, else at an offer's prices; None if tokens or prices are unknown.

    service: `batch`, `flex` or `priority`, whose own prices count where they are known. part: what it costs of the
    usual prices where they are not.
    """
    if usage is None:
        return None
    if usage.price is not None:
        return usage.price
    price_in, price_out, price_cached = facts.input_price, facts.output_price, facts.cached_input_price
    if service in facts.more:
        part = 1.0
    if "tiers" in facts.more or service in facts.more:
        price_in, price_out, price_cached, _ = facts.prices.at(usage.input_tokens, service=service)
    if price_in is None or price_out is None:
        return None
    cached = min(usage.cached_tokens, usage.input_tokens)
    read = (usage.input_tokens - cached) * price_in + cached * (price_in if price_cached is None else price_cached)
    return part * (read + usage.output_tokens * price_out) / 1e6


def listed_cost(usage: Usage | None, facts: Facts) -> float | None:
    """USD for the same tokens at another offer's prices, whatever was charged; None where they are unknown."""
    if usage is None or usage.price is None:
        return cost_of(usage, facts)
    from inference_providers.usage.usage import Usage

    counted = Usage(usage.input_tokens, usage.output_tokens, cached_tokens=usage.cached_tokens)
    return cost_of(counted, facts)

"""What tokens cost at an offer's prices. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.registry import Facts
    from inference_providers.usage.usage import Usage


def cost_of(usage: Usage | None, facts: Facts) -> float | None:
    """USD for *usage*: as the provider reported it, else at an offer's prices; None if tokens or prices are unknown."""
    if usage is None:
        return None
    if usage.price is not None:
        return usage.price
    price, output_price, cached_price = facts.input_price, facts.output_price, facts.cached_input_price
    if "above" in facts.more:
        price, output_price, cached_price, _ = facts.prices.at(usage.input_tokens)
    if price is None or output_price is None:
        return None
    cached = min(usage.cached_tokens, usage.input_tokens)
    fresh = (usage.input_tokens - cached) * price
    return (
        fresh + cached * (price if cached_price is None else cached_price) + usage.output_tokens * output_price
    ) / 1e6

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
    if facts.input_price is None or facts.output_price is None:
        return None
    cached = min(usage.cached_tokens, usage.input_tokens)
    cached_price = facts.input_price if facts.cached_input_price is None else facts.cached_input_price
    fresh = (usage.input_tokens - cached) * facts.input_price
    return (fresh + cached * cached_price + usage.output_tokens * facts.output_price) / 1e6

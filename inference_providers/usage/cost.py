"""What tokens cost at an offer's prices. Pure, but for the clock where a price is one of certain hours."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from inference_providers.registry import Facts, Registry
    from inference_providers.usage.usage import Usage


_TURNS = frozenset(("tiers", "hours", "request"))  # prices that may change what plain tokens cost
_WITH_THOUGHT = _TURNS | {"reasoning"}


class Charge:
    """What one reply costs that has come just now, and what that is worked out of.

    cost: USD, None if tokens or prices are unknown. kept: it was kept from another call, and costs nothing now.
    version: of the list of prices. The rest: as for `cost_of`.
    """

    __slots__ = ("cost", "facts", "kept", "part", "service", "usage", "version", "when")

    def __init__(
        self,
        usage: Usage | None,
        facts: Facts,
        registry: Registry | None = None,
        *,
        service: str = "",
        part: float | None = None,
        kept: bool = False,
    ) -> None:
        """*registry*: where the facts are from."""
        self.usage, self.facts, self.service, self.part, self.kept = usage, facts, service, part, kept
        self.version = 0 if registry is None else registry.version
        self.when = _now() if "hours" in facts.more else None
        self.cost = 0.0 if kept else cost_of(usage, facts, service=service, part=part, when=self.when)

    def listed_at(self, facts: Facts | None) -> float | None:
        """USD that it would have cost at the first offer that the registry lists; None for who has given it."""
        if facts is not None:
            return listed_cost(self.usage, facts)
        if not self.kept:
            return self.cost
        return cost_of(self.usage, self.facts, service=self.service, part=self.part, when=self.when)


def _now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def cost_of(
    usage: Usage | None, facts: Facts, *, service: str = "", part: float | None = None, when: datetime | None = None
) -> float | None:
    """USD for *usage*: as the provider reported it, else at an offer's prices; None if tokens or prices are unknown.

    service: `batch`, `flex` or `priority`, whose own prices count where they are known; default: what the usage says.
    part: what it costs of the usual prices where they are not; without it the cost is unknown then. when: a moment with
    its time zone, where prices are those of certain hours; without it the dearest count.
    """
    if usage is None:
        return None
    if usage.price is not None:
        return usage.price
    more = facts.more
    if (
        usage.more
        or service
        or usage.service
        or (more and not (_WITH_THOUGHT if usage.reasoning_tokens else _TURNS).isdisjoint(more))
    ):
        from inference_providers.usage.cost_parts import parts_of, total

        return total(parts_of(usage, facts, service=service, part=part, when=when))
    price_in, price_out, price_cached = facts.input_price, facts.output_price, facts.cached_input_price
    tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
    if price_in is None or price_out is None:
        if price_in is price_out or (tokens_in if price_in is None else tokens_out):
            return None
        price_in, price_out = price_in or 0.0, price_out or 0.0  # there are no tokens of that kind
    cached = min(usage.cached_tokens, tokens_in)
    read = (tokens_in - cached) * price_in + cached * (price_in if price_cached is None else price_cached)
    return (read + tokens_out * price_out) / 1e6


def listed_cost(usage: Usage | None, facts: Facts) -> float | None:
    """USD for the same tokens at another offer's prices, whatever was charged; None where they are unknown."""
    if usage is not None and usage.price is not None:
        import copy

        usage = copy.copy(usage)
        usage.price = None
    return cost_of(usage, facts)

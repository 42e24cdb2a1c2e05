"""How much a caller may ask: by the minute, at once, and for how many US dollars a month. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

RATES = ("requests_per_minute", "tokens_per_minute", "concurrent")


class Quota:
    """Limits of one caller; None where there is none. budget: USD of a calendar month (UTC).

    has_rates: whether anything is limited by the minute or at once.
    """

    __slots__ = ("budget", "concurrent", "has_rates", "requests_per_minute", "tokens_per_minute")

    def __init__(
        self,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        concurrent: int | None = None,
        budget: float | None = None,
    ) -> None:
        self.requests_per_minute, self.tokens_per_minute = requests_per_minute, tokens_per_minute
        self.concurrent, self.budget = concurrent, budget
        self.has_rates = not requests_per_minute is tokens_per_minute is concurrent is None

    def __repr__(self) -> str:
        return f"<Quota {', '.join(f'{name} {getattr(self, name)}' for name in self.__slots__)}>"


TIERS: Mapping[str, Quota] = {
    "free": Quota(20, 40_000, 2),
    "basic": Quota(100, 200_000, 5),
    "pro": Quota(500, 1_000_000, 20),
    "enterprise": Quota(),  # as set for each caller
}


def quota_of(tier: str | None, own: Mapping[str, int | None], budget: float | None) -> Quota | None:
    """The limits of a tier, with a caller's *own* in place of its; None where nothing is limited."""
    usual = TIERS.get(tier or "", Quota())
    requests, tokens, concurrent = (getattr(usual, name) if (most := own.get(name)) is None else most for name in RATES)
    if requests is tokens is concurrent is budget is None:
        return None
    return Quota(requests, tokens, concurrent, budget)

"""What tokens cost by the list of prices, kind by kind; each is of one kind, and charged once. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from inference_providers.registry import Facts, Prices, Rate
    from inference_providers.usage.usage import Usage


class CostPart(NamedTuple):
    """Tokens of one kind, what a million of them costs, and what these do: USD, None where that is unknown.

    Of the kinds `search` and `request`, *tokens* is how many there were, and *price* what each costs.
    """

    kind: str
    tokens: int
    price: float | None
    usd: float | None


def total(parts: Iterable[CostPart]) -> float | None:
    """The sum of parts; None as soon as one is unknown."""
    costs = [part.usd for part in parts]
    return None if None in costs else math.fsum(cost for cost in costs if cost is not None)


def parts_of(
    usage: Usage, facts: Facts, *, service: str = "", part: float | None = None, when: datetime | None = None
) -> list[CostPart]:
    """What each kind of tokens costs at an offer's prices; arguments as for `cost_of`.

    Tokens are taken as what they first are of: read from a cache, written to one, sound, pictures, plain ones. Where a
    request costs more or less than usual (its length, a service, the hour), so do the kinds for which no list says it.
    """
    service = service or usage.service
    prices = facts.prices
    is_known = not service or prices.service(service) is not None
    rate = prices.at(usage.input_tokens, service=service if is_known else "", when=when)
    factor = 1.0 if is_known else part
    own = _Kinds(prices, rate)
    split = [*_input(usage, own), *_output(usage, own)]
    parts = [_part(kind, tokens, price, factor, 1e6) for kind, tokens, price in split if tokens]
    if searches := usage.searches:
        parts.append(_part("search", searches, prices.search, 1.0, 1.0))
    if prices.request:
        parts.append(_part("request", 1, prices.request, 1.0, 1.0))
    if not usage.total_tokens and rate.input is None and rate.output is None:
        parts.append(CostPart("output", 0, None, None))  # nothing, of which nobody knows the price
    return parts


def _part(kind: str, tokens: int, price: float | None, factor: float | None, per: float) -> CostPart:
    if price is None or factor is None:
        return CostPart(kind, tokens, None, None)
    return CostPart(kind, tokens, price * factor, tokens * price * factor / per)


def _input(usage: Usage, own: _Kinds) -> list[tuple[str, int, float | None]]:
    rate, left = own.rate, usage.input_tokens
    cached, left = _taken(usage.cached_tokens, left)
    written, left = _taken(usage.cache_write_tokens, left)
    for_an_hour = min(usage.cache_write_hour_tokens, written)
    sound, left = _taken(usage.audio_input_tokens, left)
    pictures, left = _taken(usage.image_input_tokens, left)
    return [
        ("input", left, rate.input),
        ("cached_input", cached, rate.input if rate.cached_input is None else rate.cached_input),
        ("cache_write", written - for_an_hour, rate.input if rate.cache_write is None else rate.cache_write),
        ("cache_write_hour", for_an_hour, own.hour),
        ("audio_input", sound, own.as_input(own.prices.audio.input)),
        ("image_input", pictures, rate.input if (price := own.as_input(own.prices.image.input)) is None else price),
    ]


def _output(usage: Usage, own: _Kinds) -> list[tuple[str, int, float | None]]:
    rate, left = own.rate, usage.output_tokens
    sound, left = _taken(usage.audio_output_tokens, left)
    pictures, left = _taken(usage.image_output_tokens, left)
    thoughts, left = _taken(usage.reasoning_tokens, left)
    price = own.as_output(own.prices.reasoning)
    return [
        ("output", left, rate.output),
        ("reasoning", thoughts, rate.output if price is None else price),
        ("audio_output", sound, own.as_output(own.prices.audio.output)),
        ("image_output", pictures, own.as_output(own.prices.image.output)),
    ]


def _taken(wanted: int, left: int) -> tuple[int, int]:
    """How many tokens are of a kind, and how many are left for others."""
    taken = min(wanted, left)
    return taken, left - taken


class _Kinds:
    """Prices of the rarer kinds at the rate of one request."""

    def __init__(self, prices: Prices, rate: Rate) -> None:
        self.prices, self.rate = prices, rate

    def as_input(self, price: float | None) -> float | None:
        """The price of a kind of input."""
        return _scaled(price, self.rate.input, self.prices.usual.input)

    def as_output(self, price: float | None) -> float | None:
        """The price of a kind of output."""
        return _scaled(price, self.rate.output, self.prices.usual.output)

    @property
    def hour(self) -> float | None:
        """What is written to a cache for an hour; unknown where only the price for minutes is known."""
        price = _scaled(self.prices.cache_write_hour, self.rate.cache_write, self.prices.usual.cache_write)
        return self.rate.input if price is None and self.rate.cache_write is None else price


def _scaled(price: float | None, now: float | None, usual: float | None) -> float | None:
    return price * now / usual if price and now is not None and usual else price

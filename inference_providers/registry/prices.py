"""What an offer costs, beyond its usual prices: by the length of the input, by service, by kind of token. Pure."""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

SERVICES = ("batch", "flex", "priority")


class Rate(NamedTuple):
    """USD per million tokens, None where unknown: input, output, input read from the cache, input written to it."""

    input: float | None = None
    output: float | None = None
    cached_input: float | None = None
    cache_write: float | None = None


class Prices:
    """The prices of one offer. *more*: those that are not the usual ones, as in the registry file."""

    def __init__(
        self, price_in: float | None, price_out: float | None, cached: float | None, more: Mapping[str, Any]
    ) -> None:
        self._more = more
        self.usual = Rate(price_in, price_out, cached, more.get("write"))

    def __repr__(self) -> str:
        return f"<Prices {self.usual.input} / {self.usual.output} USD{f', {sorted(self._more)}' if self._more else ''}>"

    @property
    def tiers(self) -> list[tuple[int, Rate]]:
        """[(tokens, rate)]: what all tokens of a request cost whose input is longer than that; the shortest first."""
        known = [row for row in self._more.get("tiers") or () if row[0] is not None]
        return [(row[0], Rate(*row[1:5])) for row in sorted(known, key=lambda row: row[0])]

    def service(self, name: str) -> Rate | None:
        """The prices of `batch`, `flex` or `priority`; None where they are not known."""
        row = self._more.get(name) if name in SERVICES else None
        return Rate(*row[:4]) if row else None

    @property
    def audio(self) -> Rate:
        """What tokens of sound cost, in and out."""
        return _pair(self._more.get("audio"))

    @property
    def image(self) -> Rate:
        """What tokens of pictures cost, in and out."""
        return _pair(self._more.get("image"))

    @property
    def reasoning(self) -> float | None:
        """What tokens of thought cost, where that is not the price of output."""
        return self._price("reasoning")

    @property
    def cache_write_hour(self) -> float | None:
        """What it costs to write to a cache that is kept for an hour."""
        return self._price("write_hour")

    @property
    def search(self) -> float | None:
        """USD for each search of the web that the model makes."""
        return self._price("search")

    @property
    def request(self) -> float | None:
        """USD for each request."""
        return self._price("request")

    def _price(self, kind: str) -> float | None:
        price: float | None = self._more.get(kind)
        return price

    def at(self, input_tokens: int = 0, *, service: str = "", when: datetime | None = None) -> Rate:
        """The prices of a request. Unknown ones of a service or a tier are the usual ones.

        No list has what a service costs for long requests: it is taken to be the same part of the tier's price.

        input_tokens: of the whole input, cached ones included. service: `batch`, `flex` or `priority`. when: a moment
        with its time zone; where the hour counts, the dearest hours are meant without it.
        """
        rate = self.usual
        for size, tier in self.tiers:
            if input_tokens > size:
                rate = _over(rate, tier)
        if service and (own := self.service(service)) is not None:
            return _as_part(own, self.usual, rate)
        for row in self._more.get("hours") or () if when is not None else ():
            if when is not None and _within(row, when):
                return _over(rate, Rate(*row["prices"][:4]))
        return rate


def _over(rate: Rate, other: Rate) -> Rate:
    return Rate(*(usual if own is None else own for usual, own in zip(rate, other, strict=True)))


def _as_part(own: Rate, usual: Rate, rate: Rate) -> Rate:
    """A service's prices at another rate than the usual one."""
    return Rate(*(
        there if price is None else round(price * there / known, 6) if known and there else price
        for price, known, there in zip(own, usual, rate, strict=True)
    ))  # fmt: skip


def _pair(row: Sequence[float | None] | None) -> Rate:
    return Rate(*(row or ())[:2])


def _within(row: dict[str, str], when: datetime) -> bool:
    """Whether a moment is within a row's hours: `from` and `to` in UTC, on its `days` (1 is Monday)."""
    from datetime import UTC

    there = when.astimezone(UTC)
    days = row.get("days") or "1234567"
    now = there.strftime("%H:%M")
    begins, ends = row["from"], row["to"]
    inside = begins <= now < ends if begins <= ends else now >= begins or now < ends
    return str(there.isoweekday()) in days and inside

"""What a cost is made of: kinds of tokens, their prices, where those are from. Pure."""

from __future__ import annotations

import math

from inference_providers.usage.cost_parts import CostPart, parts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from inference_providers.rendering import Table
    from inference_providers.usage.cost import Charge

REPORTED, LIST, MIXED, KEPT = "reported", "list", "mixed", "kept"


class CostDetails:
    """What the cost of an answer is made of.

    cost: USD, None where it is not known as a whole. known: what is known of it. unknown: how many replies have an
    unknown cost. source: `reported` by the provider, or by the `list` of prices, nothing for what was `kept` from
    another call, or `mixed`; None where nothing is known. version: of the registry whose prices they are, None where
    none was looked at. parts: by kind and price.
    """

    __slots__ = ("cost", "known", "parts", "source", "unknown", "version")

    def __init__(
        self,
        cost: float | None,
        known: float,
        unknown: int,
        source: str | None,
        version: int | None,
        parts: Sequence[CostPart],
    ) -> None:
        self.cost, self.known, self.unknown, self.source = cost, known, unknown, source
        self.version, self.parts = version, list(parts)

    @property
    def day(self) -> str | None:
        """The day of the list of prices, as `2026-11-26`; None where there is none."""
        digits = str(self.version or "")
        return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}" if len(digits) >= 8 else None

    def __repr__(self) -> str:
        said = "unknown" if self.cost is None else f"${self.cost:.6f}"
        kinds = ", ".join(f"{part.tokens} {part.kind}" for part in self.parts)
        return f"<CostDetails {said}{f' ({self.source})' if self.source else ''}{f': {kinds}' if kinds else ''}>"

    def table(self) -> Table:
        """A row for each part."""
        from inference_providers.rendering import Table, money

        known = "unknown" if self.cost is None else money(self.cost)
        where = f", by the prices of {self.day}" if self.day else ""
        said = f"cost: {known}{f' ({self.source}{where})' if self.source else ''}"
        shown = {"kind": "tokens", "tokens": "count", "price": "USD/M", "usd": "USD"}
        return Table((part._asdict() for part in self.parts), shown, said)

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _repr_markdown_(self) -> str:
        return self.table()._repr_markdown_()

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "cost": self.cost,
            "source": self.source,
            "day": self.day,
            "version": self.version,
            "unknown": self.unknown,
            "parts": [part._asdict() for part in self.parts],
        }


def details(cost: float | None, charges: Iterable[Charge]) -> CostDetails:
    """What the *cost* of an answer is made of, which these replies make up.

    What is of one kind and price is one part.
    """
    merged: dict[tuple[str, float | None], CostPart] = {}
    sources: set[str] = set()
    unknown, known, version = 0, [], None
    for one in charges:
        usage = one.usage
        if usage is None:
            unknown += not one.kept
            continue
        if one.kept:
            parts = [CostPart(KEPT, usage.total_tokens, 0.0, 0.0)]
            sources.add(KEPT)
        elif usage.price is not None:
            parts = [CostPart(REPORTED, usage.total_tokens, None, usage.price)]
            sources.add(REPORTED)
        else:
            parts = parts_of(usage, one.facts, service=one.service, part=one.part, when=one.when)
            version = one.version or None
            if one.cost is not None:
                sources.add(LIST)
        if one.cost is None:
            unknown += 1
        else:
            known.append(one.cost)
        for part in parts:
            key = (part.kind, part.price)
            merged[key] = _both(merged[key], part) if key in merged else part
    source = None if not sources else MIXED if len(sources) > 1 else sources.pop()
    return CostDetails(cost, math.fsum(known), unknown, source, version, list(merged.values()))


def _both(one: CostPart, other: CostPart) -> CostPart:
    usd = None if one.usd is None or other.usd is None else one.usd + other.usd
    return CostPart(one.kind, one.tokens + other.tokens, one.price, usd)

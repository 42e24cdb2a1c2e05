"""Prices of a registry beside those of a list that is no source. Pure."""

from __future__ import annotations

from typing import NamedTuple

from inference_providers.errors import RegistryError
from inference_providers.upkeep.importers.guards import names_of
from inference_providers.upkeep.importers.rows import number, table, tables, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    from inference_providers.upkeep.importers.rows import Source

    Prices: TypeAlias = tuple[float | None, float | None]  # input, output: USD per million tokens
    Listing: TypeAlias = Mapping[tuple[str, str], Prices]  # by provider and internal name

TOLERANCE = 0.01


class Difference(NamedTuple):
    """An offer on whose prices two lists differ, or that one of them does not have."""

    kind: str  # `price`, `only here` or `only there`
    provider: str
    internal_name: str
    input_price: float | None = None
    their_input_price: float | None = None
    output_price: float | None = None
    their_output_price: float | None = None


def is_listing(data: Any) -> bool:
    """Whether that is OpenRouter's list of models."""
    rows = tables(table(data).get("data"))
    return bool(rows) and all("id" in row and "pricing" in row for row in rows)


def of_listing(data: Any) -> Listing:
    """The prices of OpenRouter's list."""
    found = {}
    for row in tables(table(data).get("data")):
        prices = table(row.get("pricing"))
        if name := text(row.get("id")):
            found["openrouter", name] = (_price(prices.get("prompt")), _price(prices.get("completion")))
    return found


def _price(value: Any) -> float | None:
    """USD for a token, as text, to USD per million; less than nothing stands for what is not known."""
    try:
        return number(float(value), scale=1e6)
    except (TypeError, ValueError, OverflowError):
        return None


def of_source(source: Source) -> Listing:
    """The prices of a catalogue."""
    return {(row.provider, row.internal_name): (row.price_in, row.price_out) for row in source.offers}


def of_registry(data: Mapping[str, Any]) -> Listing:
    """The prices of a registry."""
    found: dict[tuple[str, str], Prices] = {}
    for pid, row in (data.get("providers") or {}).items():
        for name in names_of(row):
            facts = [*((row.get("facts") or {}).get(name) or ()), *[None] * 4]
            found[pid, name] = (facts[2], facts[3])
    return found


def compared(ours: Listing, theirs: Listing) -> list[Difference]:
    """Where two lists differ, as to the providers that both have. Raises RegistryError where they share none."""
    shared = {provider for provider, _ in ours} & {provider for provider, _ in theirs}
    if not shared:
        raise RegistryError(["$: has no provider that the registry has"], "There is nothing to compare")
    mine, other = ({key: value for key, value in one.items() if key[0] in shared} for one in (ours, theirs))
    prices = [
        Difference("price", *key, mine[key][0], other[key][0], mine[key][1], other[key][1])
        for key in sorted(mine.keys() & other.keys())
        if any(_differ(one, another) for one, another in zip(mine[key], other[key], strict=True))
    ]
    here = [
        Difference("only here", *key, input_price=mine[key][0], output_price=mine[key][1])
        for key in sorted(mine.keys() - other.keys())
    ]
    there = [
        Difference("only there", *key, their_input_price=other[key][0], their_output_price=other[key][1])
        for key in sorted(other.keys() - mine.keys())
    ]
    return prices + here + there


def _differ(price: float | None, other: float | None) -> bool:
    """Whether two prices differ by more than a hundredth; what one does not know is no difference."""
    if price is None or other is None:
        return False
    return abs(price - other) > TOLERANCE * max(price, other)

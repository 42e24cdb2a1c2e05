"""How far our prices agree with those of genai-prices, a list that others keep by hand, and that is no source of ours.

    python -m tests.oracle                 the bundled registry: a line for each provider, and every disagreement
    python -m tests.oracle FILE --all      another registry file; pairs that agree are printed, too
    python -m tests.oracle --sample 100    offers to check by hand, drawn by a seed

A pair is an offer of ours with a price and the model that genai-prices finds for its internal name. Many of its
models match by a part of a name, so some matches are guesses: a pair is *known to both* where the name is its
model's id, or is listed whole, or where both names are of one canonical model, in one region.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from genai_prices import types
from genai_prices.data import providers as their_providers

from inference_providers.registry.provider import SPOKEN_PROTOCOLS, Provider
from inference_providers.registry.registry import Registry, bundled, canonical_name
from tests.conftest import ROOT

CHECKED_PATH = ROOT / "tests" / "data" / "checked_offers.json"
EXCUSED_PATH = ROOT / "tests" / "data" / "oracle_excused.json"
TOLERANCE = 0.01
SEED = "offers of November 2026"

CHECKED_FIELDS = {
    "input": "input_price",
    "output": "output_price",
    "cached": "cached_input_price",
    "context": "context_window",
    "limit": "output_limit",
}

# Our provider to theirs, where the ids differ.
THEIRS = {
    "bedrock": "aws",
    "cloudflare-workers-ai": "cloudflare",
    "moonshot": "moonshotai",
    "quicksilver": "quicksilverpro",
    "voyage": "voyageai",
    "vertex": "google",
    "vertex-anthropic": "google",
    "xai": "x-ai",
    "zhipu": "zhipuai",
}
# Clouds name a region before the model, and charge by it.
_REGION = re.compile(r"^(us-gov|[a-z]{2}|apac|global)\.")
# The price of the moment: their lists and ours were read on different days.
HOURLY = frozenset({"openrouter"})
_PRICES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "write": "cache_write_mtok",
}


@dataclass(frozen=True)
class Pair:
    """One offer of ours and what genai-prices says of it. Prices in USD per million tokens."""

    provider: str
    internal_name: str
    their_model: str
    match: str  # `exact`: by its whole name; `canonical`: one canonical name; `guess`: by its rule alone
    ours: Mapping[str, float]
    theirs: Sequence[Mapping[str, float]]  # one, or one for each price of the day
    our_tiers: Mapping[int, Mapping[str, float]]
    their_tiers: Mapping[int, Mapping[str, float]]
    is_doubtful: bool

    @property
    def known_to_both(self) -> bool:
        return self.match != "guess"

    @property
    def agrees(self) -> bool:
        """Whether input and output price agree, at some hour of the day."""
        return any(self._agrees_on(theirs, "input", "output") for theirs in self.theirs)

    def agrees_on(self, price: str) -> bool | None:
        """Whether another price agrees; None where one of the lists lacks it."""
        known = [theirs for theirs in self.theirs if price in theirs and price in self.ours]
        return any(self._agrees_on(theirs, price) for theirs in known) if known else None

    @property
    def agrees_on_tiers(self) -> bool | None:
        """Whether both have the same prices for long inputs; None where one of the lists has none."""
        if not self.our_tiers or not self.their_tiers:
            return None
        mine, other = sorted(self.our_tiers.items()), sorted(self.their_tiers.items())
        return len(mine) == len(other) and all(
            close(above, beyond)
            and all(close(prices[key], values[key]) for key in ("input", "output") if key in prices and key in values)
            for (above, prices), (beyond, values) in zip(mine, other, strict=True)
        )

    def _agrees_on(self, theirs: Mapping[str, float], *prices: str) -> bool:
        return all(close(self.ours[key], theirs[key]) for key in prices if key in self.ours and key in theirs)

    @property
    def kind(self) -> str:
        """Which prices differ, and how much the first is off: `input x0.5, output x0.5`."""
        theirs = self.theirs[0]
        return ", ".join(
            f"{key} {_factor(self.ours[key], theirs[key])}"
            for key in ("input", "output")
            if key in theirs and key in self.ours
        )

    def __str__(self) -> str:
        mine, other = (_shown(prices) for prices in (self.ours, self.theirs[0]))
        notes = " (doubtful)" * self.is_doubtful + f" ({self.match} {self.their_model})"
        return f"{self.provider}/{self.internal_name}: ours {mine}, theirs {other}{notes}"


def close(one: float, other: float) -> bool:
    """Whether two prices are within one per cent."""
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other))


def _factor(ours: float, theirs: float) -> str:
    if close(ours, theirs):
        return "="
    return f"x{ours / theirs:.3g}" if theirs else "not 0"


def _shown(prices: Mapping[str, float]) -> str:
    return "/".join(f"{prices[key]:.6g}" if key in prices else "-" for key in ("input", "output"))


def pairs(registry: Registry, day: datetime) -> Iterator[Pair]:
    """Every offer with a price that genai-prices finds a model for, as of *day*."""
    known = {provider.id: provider for provider in their_providers}
    for provider in registry.providers.values():
        theirs = known.get(THEIRS.get(provider.id, provider.id))
        if theirs is None or provider.local:
            continue
        for internal_name in provider.all_facts:
            if pair := _pair(provider, internal_name, theirs, day):
                yield pair


def _pair(provider: Provider, internal_name: str, theirs: types.Provider, day: datetime) -> Pair | None:
    facts = provider.facts(internal_name)
    ours = {
        name: float(value)
        for name, value in (
            ("input", facts.input_price),
            ("output", facts.output_price),
            ("cached", facts.cached_input_price),
            ("write", _further(provider, internal_name).get("write")),
        )
        if value is not None
    }
    found = _find(theirs, internal_name)
    if found is None or "input" not in ours:
        return None
    model, exact = found
    prices = [_base(price) for price in _of_day(model, day)]
    if "input" not in prices[0]:
        return None
    canonical = canonical_name(model.id)
    same = (
        canonical is not None
        and canonical == provider.canonical_of(internal_name)
        and _region_is_known(internal_name, model)
    )
    return Pair(
        provider.id,
        internal_name,
        model.id,
        "exact" if exact else "canonical" if same else "guess",
        ours,
        prices,
        {
            row[0]: {
                name: value for name, value in zip(("input", "output"), row[1:3], strict=False) if value is not None
            }
            for row in _further(provider, internal_name).get("tiers") or ()
        },
        _tiers(model.get_prices(day)),
        facts.is_doubtful,
    )


def _further(provider: Provider, internal_name: str) -> Mapping[str, Any]:
    """What a row of facts says of further prices."""
    row = provider.all_facts[internal_name]
    return row[6] if len(row) > 6 and isinstance(row[6], dict) else {}


def _find(provider: types.Provider, internal_name: str) -> tuple[types.ModelInfo, bool] | None:
    """Their model for a name, and whether it is that very name."""
    name = internal_name.lower()
    for model in provider.models:
        if model.id.lower() == name or name in _whole_names(model.match):
            return model, True
    model_ = provider.find_model(name, all_providers=their_providers)
    return model_ and (model_, False)


def _whole_names(clause: Any) -> frozenset[str]:
    """Names that a rule lists whole."""
    if isinstance(clause, types.ClauseEquals):
        return frozenset({clause.equals.lower()})
    if isinstance(clause, types.ClauseOr):
        return frozenset[str]().union(*map(_whole_names, clause.or_))
    return frozenset()


def _region_is_known(internal_name: str, model: types.ModelInfo) -> bool:
    region = _REGION.match(internal_name)
    return region is None or model.id.startswith(region[0])


def _of_day(model: types.ModelInfo, day: datetime) -> list[types.ModelPrice]:
    """A model's prices on a day: noon's first, then those of other hours."""
    midnight = datetime.combine(day.date(), time(), UTC)
    found = [model.get_prices(day)]
    for hour in range(24):
        price = model.get_prices(midnight + timedelta(hours=hour, minutes=45))
        if price not in found:
            found.append(price)
    return found


def _base(price: types.ModelPrice) -> dict[str, float]:
    """Prices of the lowest tier."""
    values = {name: getattr(price, key) for name, key in _PRICES.items()}
    return {
        name: float(value.base if isinstance(value, types.TieredPrices) else value)
        for name, value in values.items()
        if value is not None
    }


def _tiers(price: types.ModelPrice) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for name in ("input", "output"):
        value: Decimal | types.TieredPrices | None = getattr(price, _PRICES[name])
        if isinstance(value, types.TieredPrices):
            for tier in value.tiers:
                found.setdefault(tier.start, {})[name] = float(tier.price)
    return found


@cache
def excused() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """By provider and internal name: where we are right by the provider's own page, and on which day it said so."""
    rows: dict[str, dict[str, dict[str, Any]]] = json.loads(EXCUSED_PATH.read_text("utf-8"))
    return rows


def is_excused(pair: Pair) -> bool:
    """Whether an excuse stands for this pair: it holds for the two prices that it was written for, only."""
    row = excused().get(pair.provider, {}).get(pair.internal_name)
    return row is not None and all(
        close(price, prices.get(key, 0))
        for side, prices in (("ours", pair.ours), ("theirs", pair.theirs[0]))
        for key, price in zip(("input", "output"), row[side], strict=True)
    )


def day_of(registry: Registry) -> datetime:
    """Noon (UTC) of the day that a registry's version names."""
    return datetime.strptime(str(registry.version)[:8], "%Y%m%d").replace(hour=12, tzinfo=UTC)


def compared(registry: Registry) -> list[Pair]:
    """The pairs that count: known to both, at providers that do not reprice by the hour."""
    return [pair for pair in pairs(registry, day_of(registry)) if pair.known_to_both and pair.provider not in HOURLY]


def sample(registry: Registry, count: int, seed: str = SEED) -> list[tuple[str, str]]:
    """(provider, internal name) of *count* offers that can be called and are not doubtful, drawn by a seed.

    Each offer's place in the draw depends on its name alone: offers that come or go leave the others where they are.
    """
    offers = [
        (provider.id, internal_name)
        for provider in registry.providers.values()
        if provider.local is None and provider.endpoint and provider.protocol in SPOKEN_PROTOCOLS
        for internal_name in {*provider.model_names.values(), *provider.more_names}
        if not provider.facts(internal_name).is_doubtful and not provider.facts(internal_name).other_protocol
    ]
    return sorted(offers, key=lambda offer: sha256(" ".join((seed, *offer)).encode()).digest())[:count]


def verdict(registry: Registry, row: Mapping[str, Any]) -> str:
    """Whether an offer has what was read on its provider's page, where there was one: `agrees` or `differs`."""
    if not row["checked"]:
        return str(row["verdict"])
    facts = registry.providers[row["provider"]].facts(row["internal_name"])
    ours = {field: getattr(facts, name) for field, name in CHECKED_FIELDS.items()}
    agrees = all(ours[field] is not None and close(ours[field], value) for field, value in row["checked"].items())
    return "agrees" if agrees else "differs"


def write_verdicts(registry: Registry) -> None:
    rows = json.loads(CHECKED_PATH.read_text("utf-8"))
    lines = [json.dumps({**row, "verdict": verdict(registry, row)}, ensure_ascii=False) for row in rows]
    CHECKED_PATH.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")


def _report(found: Sequence[Pair], everything: bool) -> None:
    for title, chosen in (
        ("known to both", [p for p in found if p.known_to_both and p.provider not in HOURLY]),
        ("by its rules alone", [p for p in found if not p.known_to_both and p.provider not in HOURLY]),
        ("repriced by the hour", [p for p in found if p.provider in HOURLY]),
    ):
        print(f"\n{title}: {_share([p.agrees for p in chosen])}")
        for provider in dict.fromkeys(p.provider for p in chosen):
            print(f"  {provider:24}{_share([p.agrees for p in chosen if p.provider == provider])}")
        for price in ("cached", "write"):
            print(f"  {price}: {_share([a for p in chosen if (a := p.agrees_on(price)) is not None])}")
        print(f"  prices for long inputs: {_share([a for p in chosen if (a := p.agrees_on_tiers) is not None])}")
        wrong = [p for p in chosen if not p.agrees]
        kinds = Counter((p.provider, p.kind) for p in wrong)
        for provider, kind in sorted(kinds, key=lambda key: (key[0], -kinds[key], key[1])):
            print(f"  {provider}: {kind} ({kinds[provider, kind]})")
            for pair in wrong:
                if (pair.provider, pair.kind) == (provider, kind):
                    print(f"    {pair}{' excused' * is_excused(pair)}")
        if everything:
            for pair in chosen:
                if pair.agrees:
                    print(f"    {pair} agree")


def _share(agree: Sequence[bool]) -> str:
    return f"{sum(agree)} of {len(agree)}" + (f" ({sum(agree) / len(agree):.1%})" if agree else "")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="tests.oracle", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, help="a registry file; the bundled one if left out")
    parser.add_argument("--all", action="store_true", help="print pairs that agree, too")
    parser.add_argument("--sample", type=int, metavar="COUNT", help="draw offers to check by hand instead")
    parser.add_argument("--verdicts", action="store_true", help="compare with what was read on providers' pages")
    options = parser.parse_args(arguments)
    registry = bundled() if options.file is None else Registry(json.loads(options.file.read_text("utf-8")))
    if options.sample:
        for provider, internal_name in sample(registry, options.sample):
            print(provider, internal_name, registry.providers[provider].all_facts.get(internal_name))
        return 0
    if options.verdicts:
        write_verdicts(registry)
        return 0
    _report(list(pairs(registry, day_of(registry))), options.all)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Offers of several sources made one: each fact from the newest source that has it. Pure.

Where sources contradict each other, what is done is said, to be listed: see `Merged`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from inference_providers.upkeep.importers.ending import Endings
from inference_providers.upkeep.importers.rows import LETTERS, OfferRow, Source, rates

TAKEN = ("display", "context", "output", "released", "family", "open_weights", "successor", "label")
COMPARED = ("context", "output", "price_in", "price_out", "price_cached")
_PRICES = ("price_in", "price_out", "price_cached", "price_write", "more")
BY_HAND = "overlay"
BEFORE = "before"  # the registry so far
_FAR_OFF = 3.0  # times: two sources that differ by that much do not mean the same price
_ALIKE = 1.01
_STEEP = 50.0  # output price over input price: no provider's own list has that for text


class Held(NamedTuple):
    """A price on which sources are three times off, or that cannot be: what each says, and what is kept."""

    provider: str
    internal_name: str
    field: str
    said: dict[str, float | None]
    kept: float | None

    @property
    def why(self) -> str:
        """What is wrong, in words."""
        if len(self.said) > 1:
            return "sources are far apart"
        return "no such price can be" if self.kept is None else "far from what was known"


class Merged(NamedTuple):
    """Offers by provider and internal name, which source each of their facts is from, and what sources differ on."""

    offers: dict[str, dict[str, OfferRow]]
    origins: dict[str, dict[str, dict[str, str]]]
    held: list[Held]
    disagreements: Counter[str]


Ranked = list[tuple[Source, OfferRow]]


def merge_offers(
    newest_first: Sequence[Source],
    canonical: Callable[[str], str | None],
    overlay: Mapping[str, Any],
    today: str,
    previous: Mapping[str, Any] | None = None,
) -> Merged:
    """One row for each offer. *previous*: a registry whose prices stay where sources are far apart.

    *canonical* gives the model of an internal name. Names of a provider that differ in the case of letters only are
    one, as its newest source writes it.
    """
    endings = Endings(newest_first, canonical, overlay, today)
    seen: dict[tuple[str, str], Ranked] = defaultdict(list)
    for source in newest_first:
        for row in source.offers:
            trusted = _in_dollars(_trusted(row, source, overlay), source, overlay)
            seen[row.provider, row.internal_name.lower()].append((source, trusted))
    merged = Merged(defaultdict(dict), defaultdict(dict), [], Counter())
    for (provider, _), ranked in seen.items():
        internal_name = ranked[0][1].internal_name
        known = merged.held if canonical(internal_name) is not None else []
        row, origin = _merge_rows(ranked, _old_facts(previous, provider, internal_name), known, overlay)
        api, endpoint, origin["api"] = _api(ranked, overlay["apis"].get(provider) or {})
        row = row._replace(
            api=api,
            endpoint=endpoint,
            ends=min((one.ends for _, one in ranked if one.ends), default=""),
            ended=provider in overlay["doubted"] or endings.is_doubtful(ranked),
        )
        merged.offers[provider][internal_name] = _by_hand(_priced(row, overlay), origin, overlay, today)
        merged.origins[provider][internal_name] = origin
        for field in COMPARED:
            values = {getattr(one, field) for _, one in ranked} - {None}
            merged.disagreements["compared"] += sum(getattr(one, field) is not None for _, one in ranked) > 1
            merged.disagreements[field] += len(values) > 1
    for provider, rule in overlay["priced_as"].items():
        _price_alike(merged.offers.get(provider) or {}, merged.origins.get(provider) or {}, rule)
    return merged


def _trusted(row: OfferRow, source: Source, overlay: Mapping[str, Any]) -> OfferRow:
    """A row without the fields in which its source is known to say something else."""
    classes = overlay["price_classes"].get(row.provider)
    if classes and row.page in classes["pages"] and row.price_in == row.price_out and row.price_in in classes["prices"]:
        row = row._replace(price_in=None, price_out=None)  # the price of a size of models, not of this one
    distrusted = overlay["distrust"].get(source.kind) or {}
    fields = [*distrusted.get(row.provider, ()), *distrusted.get("*", ())]
    if not fields:
        return row
    blank = OfferRow(row.provider, row.internal_name)
    return row._replace(**{field: getattr(blank, field) for field in fields})


def _in_dollars(row: OfferRow, source: Source, overlay: Mapping[str, Any]) -> OfferRow:
    """A row of a source that gives a provider's prices in its own currency, converted."""
    currency = overlay["currency"].get(row.provider) or {}
    if source.kind not in currency.get("convert", ()):
        return row
    return _times(row, currency.get("usd") or overlay["rates"]["usd"][currency["code"]])


def _times(row: OfferRow, rate: float) -> OfferRow:
    def converted(value: Any) -> Any:
        if isinstance(value, list):
            return [converted(one) for one in value]
        return round(value * rate, 4) if isinstance(value, int | float) else value

    more = {kind: [[size, *converted(rest)] for size, *rest in value] if kind == "tiers" else converted(value)
            for kind, value in row.more.items()}  # fmt: skip
    return row._replace(**{field: converted(getattr(row, field)) for field in _PRICES[:-1]}, more=more)


def _merge_rows(
    ranked: Ranked, old: Mapping[str, float | None], held: list[Held], overlay: Mapping[str, Any]
) -> tuple[OfferRow, dict[str, str]]:
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for field in TAKEN:
        late = overlay["last_resort"].get(field) or ()  # sources that often mean something else by it
        for source, row in sorted(ranked, key=lambda one: one[0].kind in late) if late else ranked:
            if (value := getattr(row, field)) not in (None, ""):
                values[field], origin[field] = value, source.kind
                break
    features: dict[str, str] = {}  # letter in lower case -> as in the newest source that has it
    for _, row in ranked:
        for letter in row.features:
            features.setdefault(letter.lower(), letter)
    values["features"] = "".join(letter for letter in LETTERS if letter in features.values())
    by_hand = ranked[0][1].internal_name in (overlay["facts"].get(ranked[0][1].provider) or {})
    _merge_prices(ranked, old, values, origin, held, alone=not by_hand)
    unpriced: dict[str, Any] = dict.fromkeys(_PRICES[:-1])
    return ranked[0][1]._replace(**{**unpriced, "more": {}, **values}), origin


def _merge_prices(
    ranked: Ranked,
    old: Mapping[str, float | None],
    values: dict[str, Any],
    origin: dict[str, str],
    held: list[Held],
    *,
    alone: bool,
) -> None:
    """Input and output prices from the newest; what hangs on them from those that have the same input price.

    Of three, two that agree are right. Where those that do not agree are three times off, what was known stays, and
    likewise where there is one, and it is as far from what was known; *alone*: unless that is by hand.
    """
    priced = [(source, row) for source, row in ranked if row.price_in is not None and row.price_out is not None]
    sane = [(source, row) for source, row in priced if not _steep(row)]
    off = [
        field
        for field in ("price_in", "price_out")
        if _far_off(
            [*(getattr(row, field) for _, row in priced), *([old[field]] if alone and len(priced) == 1 else [])]
        )
    ]
    kind, chosen = (sane[0][0].kind, sane[0][1]) if sane else ("", None)
    if agreed := _agreed(sane):
        kind, chosen = agreed[0].kind, agreed[1]
    elif off and chosen is not None and old["price_in"] and old["price_out"]:
        known = _priced_at(chosen, old["price_in"], old["price_out"])
        kind, chosen = (kind, chosen) if _steep(known) else (BEFORE, known)
    if priced and (off or chosen is None):
        for field in off or ["price_in"]:
            said = {source.kind: getattr(row, field) for source, row in priced}
            held.append(Held(*ranked[0][1][:2], field, said, getattr(chosen, field, None)))
    if chosen is None:
        return
    alike = [(kind, chosen), *((source.kind, row) for source, row in ranked if _same(row, chosen))]
    for field in ("price_in", "price_out", "price_cached", "price_write"):
        for kind, row in alike:
            if (value := getattr(row, field)) is not None:
                values[field], origin[field] = value, kind
                break
    more: dict[str, Any] = {}
    for kind, row in alike:
        for name, price in row.more.items():
            if name not in more:
                more[name], origin[name] = price, kind
    values["more"] = more


def _priced_at(row: OfferRow, price_in: float | None, price_out: float | None) -> OfferRow:
    return row._replace(price_in=price_in, price_out=price_out, price_cached=None, price_write=None, more={})


def _steep(row: OfferRow) -> bool:
    """Whether prices cannot be: those of one moment's cheapest machine, or of pictures taken for text's."""
    assert row.price_in is not None and row.price_out is not None
    if row.price_in == 0 or row.price_out == 0:
        return row.price_in != row.price_out
    return row.price_out / row.price_in > _STEEP or (row.price_cached or 0) > row.price_in * _ALIKE


def _far_off(values: Sequence[float | None]) -> bool:
    known = [value for value in values if value]
    return bool(known) and max(known) >= min(known) * _FAR_OFF


def _agreed(ranked: Ranked) -> tuple[Source, OfferRow] | None:
    """The newest of those that agree on both prices, where they are two, and more than the others."""
    for source, row in ranked:
        alike = [one for _, one in ranked if _same(one, row) and _close(one.price_out, row.price_out)]
        if len(alike) > 1 and len(alike) * 2 > len(ranked):
            return source, row
    return None


def _close(price: float | None, other: float | None) -> bool:
    return price == other if not price or not other else other / _ALIKE <= price <= other * _ALIKE


def _same(row: OfferRow, chosen: OfferRow) -> bool:
    """Whether a row's further prices belong to the input price that was chosen."""
    return row.price_in is None or _close(row.price_in, chosen.price_in)


def _old_facts(previous: Mapping[str, Any] | None, provider: str, internal_name: str) -> dict[str, float | None]:
    entry = ((previous or {}).get("providers") or {}).get(provider) or {}
    facts = [*((entry.get("facts") or {}).get(internal_name) or ()), *[None] * 5]
    return {"price_in": facts[2], "price_out": facts[3]}


def _api(ranked: Ranked, known: Mapping[str, Any]) -> tuple[str, str, str]:
    """How an offer is reached: (API, base URL if it is another than the provider's, who says so)."""
    for rule in known.get("rules") or ():
        if re.search(rule["names"], ranked[0][1].internal_name):
            return rule["api"], rule.get("endpoint") or "", BY_HAND
    for source, row in ranked:
        if row.api:
            return row.api, row.endpoint if row.api != "chat" else "", source.kind
        if row.asked and source.kind in (known.get("as_asked") or ()):
            return row.asked, row.endpoint, source.kind
    return "chat", "", ""


def _priced(row: OfferRow, overlay: Mapping[str, Any]) -> OfferRow:
    """A row whose prices are those that a key of this provider is charged."""
    free, hours = overlay["free"].get(row.provider), overlay["hours"].get(row.provider)
    if overlay["billing"].get(row.provider) == "plan":
        return row._replace(price_in=None, price_out=None, price_cached=None, price_write=None, more={})
    if row.price_in == 0 and row.price_out == 0 and not (free and re.search(free, row.internal_name)):
        return row._replace(price_in=None, price_out=None, price_cached=None, price_write=None)
    if hours and row.price_in and re.search(hours["names"], row.internal_name):
        usual = (row.price_in, row.price_out, row.price_cached, row.price_write)
        other = rates(*(None if price is None else round(price * hours["factor"], 6) for price in usual))
        rows = [{**span, "prices": other} for span in hours["hours"]]
        return row._replace(more={**row.more, "hours": rows})
    return row


def _by_hand(row: OfferRow, origin: dict[str, str], overlay: Mapping[str, Any], today: str) -> OfferRow:
    """A row with what the overlay says of it, after the provider's own page."""
    said = (overlay["facts"].get(row.provider) or {}).get(row.internal_name) or {}
    facts = {field: value for field, value in said.items() if field in OfferRow._fields and field != "page"}
    if not facts:
        return row
    origin.update(dict.fromkeys([*facts, *facts.get("more", ())], BY_HAND))
    if {"price_in", "price_out"} & facts.keys():
        row = row._replace(price_cached=None, price_write=None, more={})
    row = row._replace(**facts)
    if row.ends and row.ends <= today:
        row = row._replace(ended=True)
    return _times(row, overlay["rates"]["usd"][said["currency"]]) if "currency" in said else row


def _price_alike(rows: dict[str, OfferRow], origins: dict[str, dict[str, str]], rule: Mapping[str, str]) -> None:
    """Give names without a prefix the prices of those with one, where a third has others.

    What is called `X` is served from one region, as `us.X` is, which costs more than `global.X`.
    """
    for name, row in list(rows.items()):
        regional, everywhere = rows.get(rule["prefix"] + name), rows.get(rule["beside"] + name)
        if regional is not None and everywhere is not None and regional.price_in != everywhere.price_in:
            rows[name] = row._replace(**{field: getattr(regional, field) for field in _PRICES})
            kinds = {"price_in", "price_out", "price_cached", "price_write", *regional.more}
            theirs = origins[rule["prefix"] + name]
            origins[name].update({field: theirs[field] for field in kinds if field in theirs})

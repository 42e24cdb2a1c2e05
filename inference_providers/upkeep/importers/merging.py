"""Offers of several sources made one: each fact from the newest source that has it. Pure.

Where sources contradict each other, what is done is said, to be listed: see `Merged`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from inference_providers.upkeep.importers.rows import LETTERS, OfferRow, Source

TAKEN = ("display", "context", "output", "released", "family", "open_weights", "successor", "label")
COMPARED = ("context", "output", "price_in", "price_out", "price_cached")
_PRICES = ("price_in", "price_out", "price_cached", "price_write", "more")
_BY_HAND = "overlay"
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


class Merged(NamedTuple):
    """Offers by provider and internal name, which source each of their facts is from, and what sources differ on."""

    offers: dict[str, dict[str, OfferRow]]
    origins: dict[str, dict[str, dict[str, str]]]
    held: list[Held]
    disagreements: Counter[str]


Ranked = list[tuple[Source, OfferRow]]


def merge_offers(
    newest_first: Sequence[Source], overlay: Mapping[str, Any], today: str, previous: Mapping[str, Any] | None = None
) -> Merged:
    """One row for each offer. *previous*: a registry whose prices stay where sources are far apart."""
    seen: dict[tuple[str, str], Ranked] = defaultdict(list)
    for source in newest_first:
        for row in source.offers:
            seen[row.provider, row.internal_name].append((source, _trusted(row, source, overlay)))
    complete = _complete(newest_first, overlay)
    merged = Merged(defaultdict(dict), defaultdict(dict), [], Counter())
    for (provider, internal_name), ranked in seen.items():
        old = _old_facts(previous, provider, internal_name)
        row, origin = _merge_rows(ranked, old, merged.held)
        api, endpoint, by = _api(ranked, overlay["apis"].get(provider) or {})
        row = row._replace(
            api=api,
            endpoint=endpoint,
            ends=min((one.ends for _, one in ranked if one.ends), default=""),
            ended=provider in overlay["doubted"] or _doubtful(ranked, complete[provider], today),
        )
        origin["api"] = by
        row = _priced(row, overlay)
        merged.offers[provider][internal_name] = _by_hand(row, origin, overlay)
        merged.origins[provider][internal_name] = origin
        for field in COMPARED:
            values = {getattr(one, field) for _, one in ranked} - {None}
            merged.disagreements["compared"] += sum(getattr(one, field) is not None for _, one in ranked) > 1
            merged.disagreements[field] += len(values) > 1
    return merged


def _trusted(row: OfferRow, source: Source, overlay: Mapping[str, Any]) -> OfferRow:
    """A row without the fields in which its source is known to say something else."""
    distrusted = overlay["distrust"].get(source.kind) or {}
    fields = [*distrusted.get(row.provider, ()), *distrusted.get("*", ())]
    if not fields:
        return row
    blank = OfferRow(row.provider, row.internal_name)
    return row._replace(**{field: getattr(blank, field) for field in fields})


def _complete(newest_first: Sequence[Source], overlay: Mapping[str, Any]) -> Mapping[str, list[Source]]:
    """By provider: the sources whose lists of its models are known to be whole."""
    found: dict[str, list[Source]] = defaultdict(list)
    for source in newest_first:
        listed = {row.provider for row in source.offers}
        for provider in overlay["complete"].get(source.kind, ()):
            if provider in listed:
                found[provider].append(source)
    return found


def _doubtful(ranked: Ranked, complete: Sequence[Source], today: str) -> bool:
    """Whether an offer may have ended: a source's date has come, or a newer, whole list lacks it."""
    if any(row.ends and row.ends <= today for _, row in ranked):
        return True
    newest, row = ranked[0]
    listing = {id(source) for source, _ in ranked}
    if any(id(source) not in listing and source.day > newest.day for source in complete):
        return True
    return row.ended or any(row.ended and source in complete for source, row in ranked)


def _merge_rows(ranked: Ranked, old: Mapping[str, float | None], held: list[Held]) -> tuple[OfferRow, dict[str, str]]:
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for field in TAKEN:
        for source, row in ranked:
            if (value := getattr(row, field)) not in (None, ""):
                values[field], origin[field] = value, source.kind
                break
    features: dict[str, str] = {}  # letter in lower case -> as in the newest source that has it
    for _, row in ranked:
        for letter in row.features:
            features.setdefault(letter.lower(), letter)
    values["features"] = "".join(letter for letter in LETTERS if letter in features.values())
    _merge_prices(ranked, old, values, origin, held)
    unpriced: dict[str, Any] = dict.fromkeys(_PRICES[:-1])
    return ranked[0][1]._replace(**{**unpriced, "more": {}, **values}), origin


def _merge_prices(
    ranked: Ranked, old: Mapping[str, float | None], values: dict[str, Any], origin: dict[str, str], held: list[Held]
) -> None:
    """Input and output prices from the newest; what hangs on them from those that have the same input price."""
    provider, name = ranked[0][1].provider, ranked[0][1].internal_name
    priced = [(source, row) for source, row in ranked if row.price_in is not None and row.price_out is not None]
    sane = [(source, row) for source, row in priced if not _steep(row)]
    chosen = sane[0] if sane else None
    for field in ("price_in", "price_out"):
        said = {source.kind: getattr(row, field) for source, row in priced}
        if chosen is None or not _far_off([value for value in said.values() if value]):
            continue
        kept = _voted(sane, field) or _still(old, sane) or chosen
        held.append(Held(provider, name, field, said, getattr(kept[1], field)))
        chosen = kept
    if chosen is None:
        if priced:
            held.append(Held(provider, name, "price_in", {source.kind: row.price_in for source, row in priced}, None))
        return
    alike = [chosen, *((source, row) for source, row in ranked if row is not chosen[1] and _same(row, chosen[1]))]
    for field in ("price_in", "price_out", "price_cached", "price_write"):
        for source, row in alike:
            if (value := getattr(row, field)) is not None:
                values[field], origin[field] = value, source.kind
                break
    more: dict[str, Any] = {}
    for source, row in alike:
        for kind, price in row.more.items():
            if kind not in more:
                more[kind], origin[kind] = price, source.kind
    values["more"] = more


def _steep(row: OfferRow) -> bool:
    """Whether prices cannot be: those of one moment's cheapest machine, or of pictures taken for text's."""
    assert row.price_in is not None and row.price_out is not None
    if row.price_in == 0 or row.price_out == 0:
        return row.price_in != row.price_out
    return row.price_out / row.price_in > _STEEP or (row.price_cached or 0) > row.price_in * _ALIKE


def _far_off(values: Sequence[float]) -> bool:
    return bool(values) and max(values) >= min(values) * _FAR_OFF


def _voted(ranked: Ranked, field: str) -> tuple[Source, OfferRow] | None:
    """The newest of the most sources that agree, where they are more than all others."""
    for source, row in ranked:
        alike = [one for _, one in ranked if not _far_off([getattr(one, field) or 1e-9, getattr(row, field) or 1e-9])]
        if len(alike) * 2 > len(ranked) and len(alike) > 1:
            return source, row
    return None


def _still(old: Mapping[str, float | None], ranked: Ranked) -> tuple[Source, OfferRow] | None:
    """The source that says what the registry had."""
    for source, row in ranked:
        if old.get("price_in") == row.price_in and old.get("price_out") == row.price_out:
            return source, row
    return None


def _same(row: OfferRow, chosen: OfferRow) -> bool:
    """Whether a row's further prices belong to the input price that was chosen."""
    if row.price_in is None or chosen.price_in is None:
        return row.price_in is None
    return chosen.price_in / _ALIKE <= row.price_in <= chosen.price_in * _ALIKE


def _old_facts(previous: Mapping[str, Any] | None, provider: str, internal_name: str) -> dict[str, float | None]:
    entry = ((previous or {}).get("providers") or {}).get(provider) or {}
    facts = [*((entry.get("facts") or {}).get(internal_name) or ()), *[None] * 5]
    return {"price_in": facts[2], "price_out": facts[3]}


def _api(ranked: Ranked, known: Mapping[str, Any]) -> tuple[str, str, str]:
    """How an offer is reached: (API, base URL if it is another than the provider's, who says so)."""
    for rule in known.get("rules") or ():
        if re.search(rule["names"], ranked[0][1].internal_name):
            return rule["api"], rule.get("endpoint") or "", _BY_HAND
    for source, row in ranked:
        if row.api:
            return row.api, row.endpoint if row.api != "chat" else "", source.kind
        if row.asked and source.kind in (known.get("as_asked") or ()):
            return row.asked, row.endpoint, source.kind
    return "chat", "", ""


def _priced(row: OfferRow, overlay: Mapping[str, Any]) -> OfferRow:
    """A row whose prices are those that a key of this provider is charged."""
    free = overlay["free"].get(row.provider)
    if overlay["billing"].get(row.provider) == "plan":
        return row._replace(price_in=None, price_out=None, price_cached=None, price_write=None, more={})
    if row.price_in == 0 and row.price_out == 0 and not (free and re.search(free, row.internal_name)):
        return row._replace(price_in=None, price_out=None, price_cached=None, price_write=None)
    return row


def _by_hand(row: OfferRow, origin: dict[str, str], overlay: Mapping[str, Any]) -> OfferRow:
    """A row with what the overlay says of it, after the provider's own page."""
    facts = {**((overlay["facts"].get(row.provider) or {}).get(row.internal_name) or {})}
    for field in ("page", "day", "why"):
        facts.pop(field, None)
    if not facts:
        return row
    origin.update(dict.fromkeys(facts, _BY_HAND))
    return row._replace(**facts)

"""The section of models of other kinds than text: by kind and model, who serves it, under which names. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from typing import Any

from inference_providers.registry import DOUBTFUL, KINDS, OTHER_PROTOCOL, plain_name
from inference_providers.upkeep.importers.guards import Before, lost_of_kind
from inference_providers.upkeep.importers.merging import Held
from inference_providers.upkeep.importers.rows import OfferRow, Source

_FIELDS = ("context", "price_in", "price_out", "dimensions", "open_weights", "ends")
_PRICES = {"price_in": 2, "price_out": 3}  # places in a row of facts
_MORE = 6
UNITS = ("picture", "second", "characters", "request")  # what else than tokens is paid for: see docs/kinds.md
_FAR_OFF = 3.0  # times


def kinds(
    newest_first: Sequence[Source],
    providers: Mapping[str, Any],
    overlay: Mapping[str, Any],
    today: str,
    before: Before,
    held: list[Held],
) -> dict[str, Any]:
    """The section; of each model those first who make it, then in the order of *providers*.

    The newest source wins, fact by fact; a price on which sources are three times off, or the only one is from that
    *before*, stays as it was, and is *held*. Who has lost more than a fifth of the offers of a kind keeps them. Who
    serves a kind by OpenAI's API the overlay says, with a page; another provider's models are there as what nobody
    here can ask.
    """
    talked_to = {name for entry in providers.values() for name in entry["model_names"]}
    seen: dict[tuple[str, str, str], list[OfferRow]] = defaultdict(list)
    by_hand = _by_hand(overlay)
    written = {(row.api, row.provider, row.internal_name.lower()) for row in by_hand}
    for rows in (by_hand, *(source.others for source in newest_first)):
        for row in rows:
            if row.provider in providers and plain_name(row.internal_name) not in talked_to:
                seen[row.api, row.provider, row.internal_name.lower()].append(row)
    found: dict[str, dict[str, dict[str, dict[str, list[Any]]]]] = {kind: defaultdict(dict) for kind in KINDS}
    known: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for place, rows in seen.items():
        kind, provider, _ = place
        if kind not in found:
            continue
        _, old = before.kinds.get((kind, provider), {}).get(rows[0].internal_name, ("", ()))
        row = _merged(rows, () if place in written else old, held)
        model = overlay["kind_names"].get(row.internal_name.lower()) or plain_name(row.internal_name)
        served = provider in overlay["serves"].get(kind, {})
        found[kind][model].setdefault(provider, {})[row.internal_name] = _facts(row, served=served, today=today)
        if row.dimensions:
            known[kind, model]["dimensions"] = row.dimensions
        if row.open_weights is not None:
            known[kind, model].setdefault("open_weights", row.open_weights)
    _keep_lost(found, known, providers, before, talked_to)
    places = {pid: place for place, pid in enumerate(providers)}
    return {
        kind: {
            model: {"at": _in_order(model, at, places, overlay), **dict(sorted(known[kind, model].items()))}
            for model, at in sorted(models.items())
        }
        for kind, models in found.items()
    }


def _keep_lost(
    found: Mapping[str, dict[str, dict[str, dict[str, list[Any]]]]],
    known: Mapping[tuple[str, str], dict[str, Any]],
    providers: Container[str],
    before: Before,
    talked_to: Container[str],
) -> None:
    """Put back what a provider had of a kind, where too much of that is missing."""
    for (kind, provider), had in before.kinds.items():
        if provider not in providers or kind not in found:
            continue
        have = {name.lower() for at in found[kind].values() for name in at.get(provider, ())}
        rest = [name for name in had if plain_name(name) not in talked_to]
        missing = [name for name in rest if name.lower() not in have]
        if not (tripped := lost_of_kind(provider, kind, missing, len(rest))) or not before.comparable:
            continue
        before.tripped.append(tripped)
        for name in missing:
            model, facts = had[name]
            found[kind][model].setdefault(provider, {})[name] = list(facts)
            for field, value in before.known_of_kind(kind, model).items():
                known[kind, model].setdefault(field, value)


def _by_hand(overlay: Mapping[str, Any]) -> list[OfferRow]:
    """What the overlay says after pages of providers: also of models that no source has."""
    return [
        OfferRow(pid, name, api=kind, **{field: value for field, value in facts.items() if field in OfferRow._fields})
        for kind, providers in overlay["kind_facts"].items()
        for pid, models in providers.items()
        for name, facts in models.items()
    ]


def _in_order(
    model: str, at: Mapping[str, Mapping[str, Any]], places: Mapping[str, int], overlay: Mapping[str, Any]
) -> dict[str, Any]:
    makers = [pid for pattern, pid in overlay["kind_makers"].items() if re.search(pattern, model)]
    ids = sorted(at, key=lambda pid: (pid not in makers, places[pid]))
    return {pid: dict(sorted(at[pid].items(), key=lambda one: (len(one[0]), one[0]))) for pid in ids}


def _merged(rows: Sequence[OfferRow], old: Sequence[Any], held: list[Held]) -> OfferRow:
    """*old*: the facts of before, which hold where prices are far off; none where what is written by hand counts."""
    values: dict[str, Any] = {}
    for field in _FIELDS:
        values[field] = next((value for row in rows if (value := getattr(row, field)) not in (None, "")), None)
    more: dict[str, Any] = {}
    for row in reversed(rows):
        more |= row.more
    for field, place in _PRICES.items():
        prices = [price for row in rows if (price := getattr(row, field))]
        was = old[place] if len(old) > place else None
        if not prices:
            continue
        if max(prices) >= min(prices) * _FAR_OFF:
            values[field] = was
        elif was and len(prices) == 1 and max(prices[0], was) >= min(prices[0], was) * _FAR_OFF:
            held.append(Held(*rows[0][:2], field, {"source": prices[0]}, was))
            values[field] = was
    was_more = old[_MORE] if len(old) > _MORE else {}
    for unit in UNITS:
        price, was = more.get(unit), was_more.get(unit)
        if price and was and max(price, was) >= min(price, was) * _FAR_OFF:
            held.append(Held(*rows[0][:2], unit, {"source": price}, was))
            more[unit] = was
    ended = all(row.ended for row in rows)
    return rows[0]._replace(**{**values, "ends": values["ends"] or "", "more": more, "ended": ended})


def _facts(row: OfferRow, *, served: bool, today: str) -> list[Any]:
    """As in a provider's row. Text alone goes in where vectors come out: what comes out costs nothing."""
    ended = row.ended or bool(row.ends and row.ends <= today)
    letters = DOUBTFUL * ended + OTHER_PROTOCOL * (not served)
    facts = [row.context, None, row.price_in, row.price_out, None, letters, dict(sorted(row.more.items()))]
    while facts and not facts[-1]:
        facts.pop()
    return facts

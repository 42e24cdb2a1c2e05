"""A fresh catalogue laid over a registry, fact by fact: what it lacks stays, and older facts only fill gaps. Pure."""

from __future__ import annotations

from inference_providers.registry import DIGITS, DOUBTFUL, OTHER_PROTOCOL
from inference_providers.upkeep.importers import guards
from inference_providers.upkeep.importers.rows import date_of, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from typing import Any

    from inference_providers.upkeep.importers.guards import Tripped

    Row = Mapping[str, Any]

_INPUT, _CACHED, _LETTERS, _MORE, _PRICES = 2, 4, 5, 6, (2, 3, 4)  # places in a row of facts
_FAR_OFF = 3.0  # times: by so much no price changes overnight; the one that is known stays


def day_of(catalogue: Row, today: str = "9999-12-31") -> str:
    """As of when a catalogue of models.dev is: the newest date in it, *today* at the latest; empty if it has none."""
    days = (
        date_of(table(model).get("last_updated"))
        for row in catalogue.values()
        for model in table(table(row).get("models")).values()
    )
    return max((one for one in days if one <= today), default="")


def laid_over(base: Row, fresh: Row, day: str) -> dict[str, Any]:
    """*base* with what *fresh*, a registry of that day, knows of its providers and models.

    Facts of *fresh* win where it is newer than all sources of *base*; else they only fill gaps. Providers that *base*
    does not have are left out: nobody said that keys may go there.
    """
    newer = day > max((str(row.get("date") or "") for row in _sources(base)), default="")
    rows, others = base.get("providers") or {}, fresh.get("providers") or {}
    ended = ((base.get("retired") or {}).get("models") or {}).keys()
    names = base.get("names") or {}
    providers = {
        pid: _row(row, others[pid], day if newer else "", ended, names) if pid in others else row
        for pid, row in rows.items()
    }
    known = base.get("models") or {}
    models = {name: {**row, **known.get(name, {})} for name, row in (fresh.get("models") or {}).items()}
    return {**base, "providers": providers, "models": {**known, **models}}


def completed(installed: Row, update: Row) -> tuple[dict[str, Any], list[Tripped]]:
    """A downloaded registry, with what it lacks of the installed one, and which of its rows had lost too much.

    A fact that it does not have is the installed one's. A provider that is missing there, and not among the retired,
    stays; one whose row has lost a key variable, its endpoint or more than a fifth of its offers keeps its offers.
    """
    rows, ended = dict(update["providers"]), ((update.get("retired") or {}).get("providers") or {}).keys()
    tripped: list[Tripped] = []
    for pid, ours in (installed.get("providers") or {}).items():
        if (ours.get("connection") or {}).get("local"):
            continue  # of those, the package's rows count anyhow
        if pid in rows:
            lost = guards.lost(pid, ours, rows[pid])
            rows[pid] = guards.with_offers(rows[pid], ours) if lost else _filled(rows[pid], ours)
            tripped += lost
        elif pid not in ended:
            rows[pid] = ours
            tripped.append(guards.gone(pid, ours))
    known, given = installed.get("models") or {}, update.get("models") or {}
    models = {**known, **{name: {**known.get(name, {}), **row} for name, row in given.items()}}
    made = {**installed, **update, "providers": rows, "models": models}
    if installed.get("kinds"):
        made["kinds"], lost_kinds = _kinds(installed["kinds"], update.get("kinds") or {}, rows)
        tripped += lost_kinds
    return made, tripped


def _kinds(installed: Row, update: Row, providers: Container[str]) -> tuple[dict[str, Any], list[Tripped]]:
    """Models of other kinds than text, of an update; who lost more than a fifth of the offers of a kind keeps them."""
    made: dict[str, Any] = {kind: dict(models) for kind, models in update.items()}
    have, tripped = guards.by_provider(update, ()), []
    for place, had in guards.by_provider(installed, ()).items():
        kind, provider = place
        missing = [name for name in had if name not in have.get(place, {})]
        lost = guards.lost_of_kind(provider, kind, missing, len(had)) if provider in providers else None
        if lost is None:
            continue
        tripped.append(lost)
        models = made.setdefault(kind, {})
        for name in missing:
            model, facts = had[name]
            row = models.get(model) or {**installed[kind][model], "at": {}}
            at = row.get("at") or {}
            models[model] = {**row, "at": {**at, provider: {**at.get(provider, {}), name: facts}}}
    return made, tripped


def _filled(row: Row, ours: Row) -> Row:
    """A row of an update, with the facts that only the installed one has of offers that both have."""
    facts, known = dict(row.get("facts") or {}), ours.get("facts") or {}
    for name in guards.names_of(row):
        if name in known:
            facts[name] = _facts(facts.get(name) or (), known[name], newer=False, gone=False)
    return {**row, "facts": facts} if facts else row


def _sources(base: Row) -> list[Row]:
    return [row for row in (base.get("sources") or {}).values() if isinstance(row, dict)]


def _row(row: Row, other: Row, newer: str, ended: Container[str], names: Mapping[str, str]) -> dict[str, Any]:
    """A provider's row with the offers, and the facts, that another row of it has.

    *newer*: the day of the other, where it is newer. *ended*: models that their makers have retired.
    *names*: what the registry calls some names by; what it does not offer, as base models, is called otherwise there.
    """
    main, more = dict(row.get("model_names") or {}), dict(row.get("more_names") or {})
    spelt = {name.lower(): name for name in (*main.values(), *more)}  # names that differ in case alone are one
    for name, canonical in [*((name, model) for model, name in other["model_names"].items()), *_more(other)]:
        if name.lower() not in spelt and names.get(name.lower(), canonical) == canonical:
            spelt[name.lower()] = name
            if canonical in main:
                more[name] = canonical
            else:
                main[canonical] = name
    digits, routes = _routes(row, other)
    facts = dict(row.get("facts") or {})
    owners = {**{name: model for model, name in main.items()}, **more}
    for written, theirs in (other.get("facts") or {}).items():
        if name := spelt.get(written.lower()):
            gone = owners.get(name, "") in ended
            known = facts.get(name)
            facts[name] = _renumbered(theirs, digits) if known is None else _facts(known, theirs, bool(newer), gone)
    found = {**row, "model_names": main, "facts": facts}
    if newer and "moving" in row:
        found["moving"] = newer
    if more:
        found["more_names"] = more
    if routes:
        found["connection"] = {**row["connection"], "routes": routes}
    return found


def _more(other: Row) -> list[tuple[str, str]]:
    return list((other.get("more_names") or {}).items())


def _routes(row: Row, other: Row) -> tuple[dict[str, str], dict[str, Any]]:
    """(the digits of another row's routes -> the digits here, all routes)."""
    routes: dict[str, Any] = dict(row["connection"].get("routes") or {})
    digits: dict[str, str] = {}
    for digit, way in (other["connection"].get("routes") or {}).items():
        here = next((one for one, known in routes.items() if known == way), None)
        free = next((one for one in DIGITS if one not in routes), OTHER_PROTOCOL)
        digits[digit] = here or free
        if here is None and free != OTHER_PROTOCOL:
            routes[free] = way
    return digits, routes


def _renumbered(facts: Sequence[Any], digits: Mapping[str, str]) -> list[Any]:
    row = list(facts)
    if len(row) > _LETTERS and row[_LETTERS]:
        row[_LETTERS] = "".join(digits.get(letter, letter) for letter in row[_LETTERS])
    return row


def _facts(ours: Sequence[Any], theirs: Sequence[Any], newer: bool, gone: bool) -> list[Any]:
    """Facts of one offer: theirs where they are newer, or nothing is known here. *gone*: its model is retired."""
    row = [*ours, *[None] * 7][:7]
    given = [*theirs, *[None] * 7][:7]
    moved = any(_far_off(row[place], given[place]) for place in _PRICES[:2]) or _crossed(row, given, newer)
    for place in range(_LETTERS):
        if given[place] is None or (place in _PRICES and moved):
            continue
        if row[place] is None or newer:
            row[place] = given[place]
    row[_LETTERS] = _letters(row[_LETTERS] or "", given[_LETTERS] or "", newer, gone)
    if row[_INPUT] == given[_INPUT] and not moved:  # else they belong to another price
        own, other = row[_MORE] or {}, given[_MORE] or {}
        row[_MORE] = {**own, **other} if newer else {**other, **own}
    while row and not row[-1] and row[-1] != 0:
        row.pop()
    return row


def _far_off(price: float | None, other: float | None) -> bool:
    if not price or not other:
        return False
    return max(price, other) >= min(price, other) * _FAR_OFF


def _crossed(row: Sequence[Any], given: Sequence[Any], newer: bool) -> bool:
    """Whether one's cached input price would stand beside the other's input price, and above it."""
    chosen = [
        their if their is not None and (newer or own is None) else own for own, their in zip(row, given, strict=True)
    ]
    price, cached = chosen[_INPUT], chosen[_CACHED]
    apart = (price, cached) not in ((row[_INPUT], row[_CACHED]), (given[_INPUT], given[_CACHED]))
    return apart and price is not None and cached is not None and cached > price


def _letters(ours: str, theirs: str, newer: bool, gone: bool) -> str:
    """What is known of a model stays known; whether it may have ended says the newer one.

    But no list says of what its maker has retired that it is back: a catalogue has no dates for that.
    """
    own = {DOUBTFUL, OTHER_PROTOCOL, *DIGITS}
    known = {letter.lower() for letter in ours}
    added = [letter for letter in theirs if letter not in own and letter.lower() not in known]
    doubtful = DOUBTFUL in (theirs if newer else ours) or (gone and DOUBTFUL in ours)
    able = "".join(sorted({*(letter for letter in ours if letter not in own), *added}, key=_place))
    return able + DOUBTFUL * doubtful + "".join(letter for letter in ours if letter in own - {DOUBTFUL})


def _place(letter: str) -> int:
    return "tTvVsSrRfFaAPE".find(letter)

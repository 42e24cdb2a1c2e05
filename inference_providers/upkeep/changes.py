"""What is otherwise in a registry than in one before it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from inference_providers.credentials import host_of
from inference_providers.registry import DOUBTFUL
from inference_providers.upkeep.importers.guards import keys_of, names_of, places_of
from inference_providers.upkeep.importers.kinds import UNITS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    Row = Mapping[str, Any]

_PRICES = {"input": 2, "output": 3, "cached input": 4}  # places in a row of facts, by what they are called
_LETTERS = 5
_SHOWN = 10  # of a kind, for people
# The kinds in their order, each with its heading.
KINDS = {
    "new provider": "New providers",
    "gone provider": "Providers that are gone",
    "key": "Other key variables",
    "endpoint": "Other endpoints",
    "host": "Other hosts that keys go to",
    "billing": "Charged otherwise",
    "new model": "New models",
    "gone model": "Models that are gone",
    "new offer": "New offers",
    "gone offer": "Offers that are gone",
    "doubtful": "Offers that are doubtful now",
    "price": "Other prices (USD per million tokens, where nothing else is said)",
    "retired": "Retired",
    "priority": "Order of the models that are tried",
}


class Change(NamedTuple):
    """One difference: of which kind, of whom, and what was and is."""

    kind: str
    name: str  # a provider, a model, or `provider/internal name`
    field: str = ""
    old: Any = None
    new: Any = None
    factor: float | None = None  # of a price: the new one by the old one

    def __str__(self) -> str:
        what = f"{self.name} {self.field}".strip()
        if self.old is None and self.new is None:
            return what
        factor = "" if self.factor is None else f" (x{self.factor:g})"
        return f"{what}: {_shown(self.old)} -> {_shown(self.new)}{factor}"


def differences(old: Row, new: Row) -> list[Change]:
    """Every difference that counts to whoever asks models, in the order of `KINDS`."""
    order = list(KINDS)
    found = [*_providers(old, new), *_models(old, new), *_kinds(old, new), *_retired(old, new), *_priorities(old, new)]
    return sorted(found, key=lambda change: order.index(change.kind))


def _providers(old: Row, new: Row) -> Iterator[Change]:
    before, after = old.get("providers") or {}, new.get("providers") or {}
    yield from (Change("new provider", pid, new=_reached(after[pid])) for pid in after if pid not in before)
    yield from (Change("gone provider", pid, old=_reached(before[pid])) for pid in before if pid not in after)
    for pid, row in after.items():
        if pid in before:
            yield from _provider(pid, before[pid], row)


def _reached(row: Row) -> str:
    count = len(names_of(row))
    return f"{(row.get('connection') or {}).get('endpoint') or 'no endpoint'}, {count} offer{'s' * (count != 1)}"


def _provider(pid: str, old: Row, new: Row) -> Iterator[Change]:
    if keys_of(old) != keys_of(new):
        yield Change("key", pid, old=", ".join(keys_of(old)), new=", ".join(keys_of(new)))
    there, here = ((row.get("connection") or {}).get("endpoint") or "" for row in (old, new))
    if there != here:
        yield Change("endpoint", pid, old=there, new=here)
    sent, goes = ({host_of(place) for place in places_of(row)} for row in (old, new))
    if sent != goes:
        yield Change("host", pid, old=", ".join(sorted(sent)), new=", ".join(sorted(goes)))
    was, now = (row.get("billing") or "payg" for row in (old, new))
    if was != now:
        yield Change("billing", pid, old=was, new=now)
    had, have = names_of(old), names_of(new)
    yield from (Change("new offer", f"{pid}/{name}", new=have[name]) for name in have if name not in had)
    yield from (Change("gone offer", f"{pid}/{name}", old=had[name]) for name in had if name not in have)
    for name in have:
        if name in had:
            yield from _offer(f"{pid}/{name}", _facts(old, name), _facts(new, name))


def _facts(row: Row, name: str) -> list[Any]:
    return [*((row.get("facts") or {}).get(name) or ()), *[None] * 6][:6]


def _offer(name: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Change]:
    if DOUBTFUL in (new[_LETTERS] or "") and DOUBTFUL not in (old[_LETTERS] or ""):
        yield Change("doubtful", name)
    for field, place in _PRICES.items():
        was, now = old[place], new[place]
        if was != now:
            yield Change("price", name, field, was, now, round(now / was, 3) if was and now is not None else None)


def _models(old: Row, new: Row) -> Iterator[Change]:
    before, after = (
        dict.fromkeys(name for row in (one.get("providers") or {}).values() for name in row.get("model_names") or ())
        for one in (old, new)
    )
    yield from (Change("new model", name) for name in sorted(after) if name not in before)
    yield from (Change("gone model", name) for name in sorted(before) if name not in after)


def _kinds(old: Row, new: Row) -> Iterator[Change]:
    """What is otherwise with models of other kinds than text, and who serves them."""
    before, after = old.get("kinds") or {}, new.get("kinds") or {}
    for kind in dict.fromkeys([*before, *after]):
        had, have = before.get(kind) or {}, after.get(kind) or {}
        yield from (Change("new model", name, f"({kind})") for name in have if name not in had)
        yield from (Change("gone model", name, f"({kind})") for name in had if name not in have)
        was, now = _offers_of_kind(had), _offers_of_kind(have)
        yield from (Change("new offer", name, new=now[name][0]) for name in now if name not in was)
        yield from (Change("gone offer", name, old=was[name][0]) for name in was if name not in now)
        for name in now:
            if name in was:
                yield from _offer(name, was[name][1], now[name][1])
                yield from _otherwise_priced(name, was[name][2], now[name][2])


def _offers_of_kind(models: Row) -> dict[str, tuple[str, list[Any], Row]]:
    """`provider/its name` -> the model, facts, and what else is known, of one kind."""
    return {
        f"{pid}/{name}": (model, [*facts, *[None] * 6][:6], facts[6] if len(facts) > 6 else {})
        for model, row in models.items()
        for pid, names in (row.get("at") or {}).items()
        for name, facts in names.items()
    }


def _otherwise_priced(name: str, old: Row, new: Row) -> Iterator[Change]:
    """Prices by something else than tokens."""
    for field in UNITS:
        was, now = old.get(field), new.get(field)
        if was != now:
            yield Change("price", name, f"for each {field}", was, now, round(now / was, 3) if was and now else None)


def _retired(old: Row, new: Row) -> Iterator[Change]:
    for kind in ("providers", "models"):
        before, after = ((one.get("retired") or {}).get(kind) or {} for one in (old, new))
        for name, row in after.items():
            if name not in before:
                yield Change("retired", name, f"({kind.removesuffix('s')})", "", row.get("successor") or "no successor")


def _priorities(old: Row, new: Row) -> Iterator[Change]:
    for key, called in (("auto_model_priority", "auto"), ("auto_small_priority", "auto:small")):
        before, after = list(old.get(key) or []), list(new.get(key) or [])
        if before != after:
            yield Change("priority", called, old=", ".join(before), new=", ".join(after))


def summary(changes: Sequence[Change], most: int = _SHOWN) -> Iterator[tuple[str, int, list[str]]]:
    """(heading, how many, the first lines) for each kind that there is."""
    for kind, heading in KINDS.items():
        lines = [str(change) for change in changes if change.kind == kind]
        if lines:
            yield heading, len(lines), lines[:most]


def as_text(changes: Sequence[Change]) -> list[str]:
    """Lines for a terminal; of many of a kind, the first and how many more there are."""
    found = []
    for heading, count, lines in summary(changes):
        found += [f"{heading} ({count})", *(f"  {line}" for line in lines)]
        found += [f"  and {count - len(lines)} more"] if count > len(lines) else []
    return found or ["There are no differences."]


def as_markdown(changes: Sequence[Change]) -> str:
    """The body of a pull request. What stands in it is of strangers, and stays text."""
    found = []
    for heading, count, lines in summary(changes, 20):
        found += [f"### {heading} ({count})", "", *(f"- {_code(line)}" for line in lines)]
        found += [f"- and {count - len(lines)} more"] if count > len(lines) else []
        found += [""]
    return "\n".join(found or ["There are no differences.", ""])


def _code(line: str) -> str:
    """A line as Markdown's code: nothing in it is a link, an image or somebody's name."""
    plain = "".join(letter if letter.isprintable() else " " for letter in line[:300]).replace("`", "'")
    return f"`{plain}`"


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "") else f"{value:g}" if isinstance(value, float) else str(value)

"""What a source's own word on which model a name stands for adds to what its spelling says. Pure.

A label (`anthropic/claude-opus-4-7`) is written by hand, and sometimes wrong. So it moves a name only where nothing in
the two spellings speaks against it; the rest are conflicts, for somebody to look at, and the spelling stays.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from inference_providers.registry import Names, derive
from inference_providers.upkeep.importers.rows import OfferRow

# What makes another model of one: a label that leaves such a word out is coarser than our names.
_KINDS = (
    r"(abliterated|air|airx|audio|base|chat|code|coder|codex|contributor|cyber|derestricted|distill|embed|exp|flash|flashx|heretic"
    r"|highspeed|image|instant|instruct|large|lite|live|max|math|medium|micro|mini|multimodal|nano|omni|plus|preview"
    r"|prime|pro|realtime|reasoning|search|small|speciale|thinking|tts|turbo|ultra|ultraspeed|uncensored|vision|vl|voice)"
)
_SIZE = r"(?:^|-)([ae]?(?:\d+x)?\d+(?:\.\d+)?[bmt])(?=-|$)"
_DATE = r"(?:^|-)(\d{4})(?=-|$)"
_VERSION = r"(?:^|-)[a-z]?(\d{1,2}(?:\.\d+)?)(?=-|$)"


class Conflict(NamedTuple):
    """A label that was not followed. Names are canonical ones; None stands for no particular text model."""

    provider: str
    internal_name: str
    by_spelling: str | None
    by_label: str | None
    why: str


class _Row(NamedTuple):
    """A labelled row, with the names that its spelling and its label give it."""

    provider: str
    internal_name: str
    spelt: str | None
    meant: str | None


def labelled(rows: Iterable[OfferRow], known: Mapping[str, str]) -> tuple[dict[str, str], list[Conflict]]:
    """What the labels of *rows* say beyond the spelling of names, and the labels that were not followed.

    *known* is what was settled by hand, which no label changes. The first result maps names in lower case, internal
    ones and such as spelling gives, to canonical names: those alone that would have another without it.
    """
    by_name: dict[tuple[str, str], OfferRow] = {}
    for row in rows:
        if row.label or (row.provider, row.internal_name) not in by_name:
            by_name[row.provider, row.internal_name] = row
    rows = list(by_name.values())
    derived = {derive(row.internal_name) for row in rows}
    names = Names(known, {known.get(name, name) for name in derived if name})
    spelt = [names.canonical_name(row.internal_name) for row in rows]
    counts = Counter(spelt)
    meant = {label: names.canonical_name(label) for label in {row.label for row in rows}}
    groups: dict[str | None, list[_Row]] = defaultdict(list)
    tails: Counter[str] = Counter()
    for row, name in zip(rows, spelt, strict=True):
        tails[_tail(row.internal_name)] += 1
        if row.label:
            groups[name].append(_Row(row.provider, row.internal_name, name, meant[row.label]))
    found: dict[str, str] = {}
    conflicts: list[Conflict] = []
    for name, group in groups.items():
        moved, refused = _judged(name, group, counts[name], tails, known)
        found |= moved
        conflicts += refused
    return dict(sorted(found.items())), sorted(conflicts, key=lambda c: (c.by_spelling or "", c.by_label or "", c[:2]))


def _tail(name: str) -> str:
    return name.lower().rpartition("/")[2]


def _judged(
    name: str | None, group: list[_Row], count: int, tails: Counter[str], known: Mapping[str, str]
) -> tuple[dict[str, str], list[Conflict]]:
    """What the labels of all names with one spelling, *count* names in all, change."""
    others = [row for row in group if row.meant != name]
    found: dict[str, str] = {}
    conflicts: list[Conflict] = []
    agreed = len({row.meant for row in others}) == 1
    whole = agreed and len(others) == len(group) and 2 * len(group) >= count
    here = Counter(_tail(row.internal_name) for row in others)
    for row in others:
        why = _against(row, known) or ("" if agreed else "labels of names that are spelt alike disagree")
        if not why and not whole and 2 * here[_tail(row.internal_name)] < tails[_tail(row.internal_name)]:
            why = "most who list the name do not say so"
        if why:
            conflicts.append(Conflict(row.provider, row.internal_name, name, row.meant, why))
        elif name is not None and row.meant is not None:
            found[name if whole else row.internal_name.lower()] = row.meant
    return found, conflicts


def _against(row: _Row, known: Mapping[str, str]) -> str:
    """Why a label cannot be right, or is not to be followed; empty where nothing speaks against it."""
    if row.spelt is None or row.meant is None:
        return "one of the two is no text model, or no particular one"
    if row.internal_name.lower() in known or derive(row.internal_name) in known:
        return "settled by hand"
    spelt, meant = row.spelt, row.meant
    for pattern, what in ((_SIZE, "size"), (_VERSION, "version")):
        one, other = set(re.findall(pattern, spelt)), set(re.findall(pattern, meant))
        if one and other and not one & other:
            return f"another {what}"
    if set(re.findall(_DATE, spelt)) - set(re.findall(_DATE, meant)):
        return "another release"
    one, other = set(spelt.split("-")), set(meant.split("-"))
    if one & other and (left_out := sorted(word for word in one - other if re.fullmatch(_KINDS, word))):
        return f"the label leaves out {', '.join(left_out)}"
    more = {word for word in other - one if not re.search(f"{_SIZE}|{_DATE}", word)}
    if one < other and more:
        return "the label says more than the name"
    return ""

"""Names that mean nobody: what is wrong with them, and what was perhaps meant. Pure."""

from __future__ import annotations

import re

from inference_providers.errors import UnknownModelError
from inference_providers.offers.resolution import AUTO, SMALL
from inference_providers.offers.sorting import POLICIES
from inference_providers.registry import Heads, edits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_providers.offers.lookup import Lookup


class Strangers:
    """The heads of a name that nobody is called, or that do not make its model."""

    __slots__ = ("canonical_name", "has_slip", "heads", "may_be_served_by_anybody")

    def __init__(self, heads: list[str], canonical_name: str | None, *, anybody: bool, has_slip: bool) -> None:
        self.heads = heads
        self.canonical_name = canonical_name  # of the model, where the registry knows it
        self.may_be_served_by_anybody = anybody  # open weights, or a model that is not known
        self.has_slip = has_slip  # whether one is a provider's name with a slip in it: that provider was meant


def strangers(lookup: Lookup, name: str) -> Strangers:
    """Those of a name: none in most cases."""
    registry, known_heads = lookup.registry, Heads(lookup.registry)
    heads, last = known_heads.of(name)
    canonical = registry.names.canonical_name(last if ":" in name and "/" not in name else name)
    known = canonical in registry.canonical_names or canonical in registry.retired_models
    is_open = registry.facts_of_model(canonical).get("open_weights") if canonical and known else None
    found = [head for head in heads if not known_heads.known(head)]
    if canonical and known and not is_open:  # of weights that are perhaps open, organisations make variants
        found += [
            head
            for head in heads
            if not known_heads.makes(head, canonical) and (is_open is False or not known_heads.is_organisation(head))
        ]
    has_slip = any(map(known_heads.is_slip, found))
    return Strangers(found, canonical if known else None, anybody=bool(is_open) or not known, has_slip=has_slip)


def no_such_head(lookup: Lookup, name: str, unknown: Strangers) -> UnknownModelError:
    """The error for a name under a head that nobody is called, with what was perhaps meant."""
    if no_choice := _no_choice(name):
        return no_choice
    known_heads, canonical = Heads(lookup.registry), unknown.canonical_name
    heads, last = known_heads.of(name)
    meant = [
        f"{pid}/{canonical if canonical and lookup.registry.providers[pid].internal_names(canonical) else last}"
        for pid in known_heads.meant(heads)[:3]
    ]
    if canonical is None and not meant:
        return unknown_model(lookup, name)
    lines = [known_heads.said(unknown.heads[0], canonical)]
    if canonical is not None:
        serving = sorted(lookup.offers_of(canonical), key=lambda offer: (not offer.usable, offer.doubtful))
        meant += list(dict.fromkeys(f"{offer.provider}/{canonical}" for offer in serving))[: max(3 - len(meant), 1)]
    lines += ["Nobody is asked. Did you mean:", *(f"  {one}" for one in dict.fromkeys(meant))] if meant else []
    if canonical is not None:
        lines.append(f"{canonical} alone is asked of whoever serves it.")
    return UnknownModelError("\n".join(lines), [*dict.fromkeys(meant), *([canonical] if canonical else [])])


def misplaced_tail(lookup: Lookup, rest: str, tail: str, also: Sequence[str] = ()) -> UnknownModelError | None:
    """The error for what follows a known model's name and is a provider's name, or a slip in one or in a policy's.

    *also*: what else was perhaps meant.
    """
    pid = lookup.registry.provider_id(tail)
    meant = [f"{near}/{rest}" for near in ([pid] if pid else Heads(lookup.registry).near(tail)[:2])]
    meant += [f"{rest}:{policy}" for policy in POLICIES if not pid and edits(tail.lower(), policy) <= 2]
    meant += also
    if not meant:
        return None
    what = "is a provider; its name goes before the model's" if pid else "is neither a policy nor a provider"
    close = "".join(f"\n  {one}" for one in meant)
    return UnknownModelError(f"{tail[:32]!r} {what}.\nNobody is asked. Did you mean:{close}", meant)


def unknown_provider(lookup: Lookup, spelling: str) -> UnknownModelError:
    """The error for a provider that is named and that nobody is called."""
    from difflib import get_close_matches

    close = get_close_matches(spelling.lower(), list(lookup.registry.provider_aliases), n=3)
    hint = f"Did you mean {', '.join(close)}?" if close else "`inference-providers providers` lists them."
    return UnknownModelError(f"There is no provider {spelling!r} in the registry. {hint}", close)


def unknown_model(lookup: Lookup, name: str) -> UnknownModelError:
    """The error for a name that no rule knows, with the closest names and what would enable them."""
    if not name:
        return UnknownModelError(
            "The model name is empty. Give one; without a name, or by `auto`, the best that your keys reach is asked."
        )
    if no_choice := _no_choice(name):
        return no_choice
    close = closest(lookup, name)
    lines = [f"No provider in the registry serves {name!r}, in any spelling known."]
    if pid := lookup.registry.provider_id(name):
        lines = [f"{name!r} is a provider, not a model. Name one of its models: {pid}/MODEL."]
        close = []
    if close:
        lines += ["Closest names:", *(f"  {one}: {_enabling(lookup, one)}" for one in close)]
    if "," in name:
        lines.append("Several models are a list, not one name; on the command line each has an option of its own (-m).")
    lines.append("`inference-providers models PATTERN` searches the names; `PROVIDER/NAME` passes a name on unlisted.")
    return UnknownModelError("\n".join(lines), close)


def _no_choice(name: str) -> UnknownModelError | None:
    """The error for `auto:cheep` and `auto/small`: what follows `auto` is neither a list nor a policy, or not so."""
    from difflib import get_close_matches

    match = re.fullmatch(rf"{AUTO}([:/_-])(.{{1,32}})", name.lower())
    if match is None:
        return None
    tails = {
        one.removeprefix(f"{AUTO}:"): one for one in (SMALL, *(f"{c}:{p}" for c in (AUTO, SMALL) for p in POLICIES))
    }
    close = [tails[tail] for tail in get_close_matches(match[2], tails, n=2, cutoff=0.5)]
    if not close and match[1] != ":":
        return None
    said = "Did you mean:" if close else "There are:"
    rows = "".join(f"\n  {one}" for one in close or tails.values())
    return UnknownModelError(f"{name!r} is no way to choose a model. Nobody is asked. {said}{rows}", close)


def closest(lookup: Lookup, name: str, count: int = 5) -> list[str]:
    """The closest canonical names."""
    from difflib import get_close_matches

    key = (lookup.registry.names.canonical_name(name) or name.lower())[:80]
    return get_close_matches(key, sorted(lookup.registry.canonical_names), n=count, cutoff=0.5)


def _enabling(lookup: Lookup, canonical: str) -> str:
    """Which variable would enable a model, or that it is usable now."""
    offers = lookup.offers_of(canonical)
    if any(offer.usable for offer in offers):
        return "usable now"
    providers = (lookup.registry.providers[offer.provider] for offer in offers)
    variables = dict.fromkeys(provider.key_variables[0] for provider in providers if provider.key_variables)
    return "set " + " or ".join(list(variables)[:3]) if variables else "no key enables it"

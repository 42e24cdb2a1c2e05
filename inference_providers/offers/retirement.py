"""Models that have ended: who still serves one, else which answers instead, and what a person is told. Pure."""

from __future__ import annotations

from inference_providers.offers.ordering import order
from inference_providers.offers.resolution import Resolution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from inference_providers.offers.lookup import Lookup
    from inference_providers.offers.offer import Offer
    from inference_providers.registry import Registry

# What successors have anyhow; all else that a name says beyond its model is not theirs.
_ANYHOW = frozenset(["16k", "32k", "thinking"])
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def unless_ended(lookup: Lookup, found: Resolution) -> Resolution:
    """*found*, or what answers instead of a model that has ended, where nobody within reach serves it any more.

    Its maker's word ends no model: who resells it, or has its weights here, may serve it for years. An offer that
    the registry doubts is no such offer; but it is the last hope where nobody within reach has the successor.
    """
    from inference_providers.registry import variant

    canonical = found.canonical_name
    if canonical is None or canonical not in lookup.registry.retired_models or variant(found.name) - _ANYHOW:
        return found
    if _alive(found.offers):
        return found
    gone = retired(lookup.registry, found.name, canonical)
    whole = lookup.exactly(found.name, lookup.offers_of(canonical))
    if _alive(whole):  # the model lives; so, perhaps, does this snapshot of it
        listed = any(offer.usable or not offer.doubtful for offer in found.offers)
        return found if listed else _instead(found.name, canonical, canonical, whole, gone)
    successor, offers = _successor(lookup, canonical)
    if successor is None:
        return found
    if not any(offer.usable for offer in offers) and any(not offer.doubtful or offer.usable for offer in found.offers):
        asked = any(offer.usable for offer in found.offers)
        warning = f"{gone}; its successor is {successor}" if asked else ""
        return Resolution(found.name, found.rule, canonical, found.offers, warning, ended=canonical)
    return _instead(found.name, canonical, successor, offers, gone)


def at_provider(lookup: Lookup, name: str, pid: str, rest: str) -> Resolution | None:
    """What a provider that is named serves instead of a model that has ended; None where that is not the question.

    It is where the provider lists the name, or the model, and where the name says more than which model it is.
    """
    from inference_providers.registry import variant

    provider = lookup.registry.providers[pid]
    canonical = lookup.registry.canonical(rest) or lookup.registry.names.canonical_name(rest)
    if canonical is None or canonical not in lookup.registry.retired_models or variant(rest) - _ANYHOW:
        return None
    if provider.local is not None or provider.connection.get("deployments"):  # models are called there as people like
        return None
    if any(not provider.facts(one).is_doubtful for one in provider.internal_names(canonical)):
        return None
    successor = next((one for one in _chain(lookup.registry, canonical) if provider.internal_names(one)), None)
    if successor is None:
        return None
    offers = lookup.offers_at(pid, successor, provider.internal_names(successor))
    return _instead(name, canonical, successor, offers, retired(lookup.registry, rest, canonical))


def unless_ended_there(lookup: Lookup, found: Resolution, rest: str) -> Resolution:
    """*found* at a provider that is named, or what it has instead of a model that has ended there.

    A name that it lists just so is asked for all the same, with a word on what it has instead.
    """
    first = found.offers[0]
    instead = at_provider(lookup, found.name, first.provider, rest)
    if instead is None or first.internal_name.lower() != rest.lower():
        return instead or found
    warning = f"{retired(lookup.registry, rest, instead.ended)}; {first.provider} has {instead.canonical_name} instead"
    return Resolution(found.name, found.rule, found.canonical_name, found.offers, warning, ended=instead.ended)


def without_key(registry: Registry, found: Resolution) -> str:
    """What is said, as a sentence, of a model that has ended where no key reaches it, nor its successor."""
    gone = f"{retired(registry, found.name, found.ended)} by its maker"
    return f"{found.warning or f'{gone}; its successor is {_chain(registry, found.ended)[-1]}'}."


def retired(registry: Registry, asked: str, canonical: str) -> str:
    """That a model has ended, and when where that is known: `'gpt-4-0613' (gpt-4) was retired in October 2026`."""
    from inference_providers.registry import loose

    what = repr(asked) + (f" ({canonical})" if loose(asked) != loose(canonical) else "")
    ended = str(registry.retired_models[canonical].get("ended") or "")
    return f"{what} was retired in {in_words(ended)}" if ended else f"{what} has been retired"


def in_words(date: str) -> str:
    """A date as in the registry, YYYY-MM-DD or as much of it as is known: `October 2026`."""
    year, _, rest = date.partition("-")
    month = rest[:2]
    return f"{_MONTHS[int(month) - 1]} {year}" if month.isdecimal() and 1 <= int(month) <= 12 else year


def _instead(name: str, ended: str, successor: str, offers: list[Offer], gone: str) -> Resolution:
    """What answers instead of a model that has ended: said with who is asked."""
    warning = f"{gone}; {successor} answers instead"
    return Resolution(name, "retired", successor, offers, warning, guessed=True, ended=ended)


def _alive(offers: Iterable[Offer]) -> bool:
    """Whether any of those that would be asked is not doubted."""
    return any(not offer.doubtful for offer in order(offers))


def _chain(registry: Registry, canonical: str) -> list[str]:
    """The successors of a model, each that of the one before; a registry may lead in a circle."""
    rows, found = registry.retired_models, [canonical]
    while (row := rows.get(found[-1])) is not None and row["successor"] not in found:
        found.append(row["successor"])
    return found[1:]


def _successor(lookup: Lookup, canonical: str) -> tuple[str | None, list[Offer]]:
    """The first successor that can be asked, and its offers; else the last one, which has not ended."""
    successor, offers = None, []
    for successor in _chain(lookup.registry, canonical):
        offers = lookup.offers_of(successor)
        if _alive(offers):
            break
    return successor, offers

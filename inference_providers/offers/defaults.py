"""What is asked where no model is named: `auto`, and `auto:small` for small jobs. Pure.

First come the models of the registry's list. A provider that has none of them, or only such as may have ended, gives
the best of its own by what is known of them: `ranked` says how that is told.
"""

from __future__ import annotations

import re

from inference_providers.offers.ordering import order
from inference_providers.offers.resolution import AUTO, SMALL, Resolution
from inference_providers.offers.sorting import POLICIES, apply_policy
from inference_providers.registry import TALKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inference_providers.offers.lookup import Lookup
    from inference_providers.offers.offer import Offer
    from inference_providers.registry import Registry

COUNT = 3  # models that a provider gives which has none in the list
DEAR = 25.0  # USD per million output tokens: dearer ones are asked by those who name them

# What a model is called that is made for something else than to be talked to.
_APART = (
    r"(?:^|[-_.])(?:code|coder|codex|codestral|devstral|starcoder|guard|safeguard|moderation|vl|vision|ocr|omni|audio"
    r"|voice|voxtral|speech|image|math|prover|translate|mt\d?|edit|apply|fim|embed|rerank|base|character|roleplay|med"
    r"|medical|legal|fin|search|research|agent|agents|cybersecurity|uncensored|abliterated|obliterated)(?=$|[-_.\d])"
)
# How makers call their smaller models, and how they call what costs more for its speed.
_LIGHT = r"(?:^|[-_.])(?:mini|flash|flashx|lite|small|nano|haiku|luna|micro|tiny|xs|air|swift)(?=$|[-_.\d])"
_QUICK = r"(?:^|[-_.])(?:fast|highspeed|ultrafast|lightning|turbo|speed)(?=$|[-_.\d])"
_PARAMETERS = r"(?:^|[-_.])(\d{1,4}(?:\.\d{1,2})?)([bt])(?=$|[-_.])"  # `70b`, `2.4t`
_GENERATION = {AUTO: 7, SMALL: 13}  # months: what is older than the provider's newest by more is of an older one


def is_choice(name: str) -> bool:
    """Whether a name, in lower case, leaves the choice of the model: a list's, or a policy over it."""
    rest, _, policy = name.rpartition(":")
    return name in (AUTO, SMALL) or (policy in POLICIES and rest in (AUTO, SMALL))


def list_of(name: str) -> str:
    """The list that a choice is from: its name without a policy."""
    return SMALL if name.startswith(SMALL) else AUTO


def priority(registry: Registry, name: str) -> list[str]:
    """The canonical names that a choice prefers, best first."""
    return registry.auto_small_priority if list_of(name) == SMALL else registry.auto_model_priority


def automatic(lookup: Lookup, name: str) -> Resolution:
    """`auto`, `auto:small`: every offer of the list's models, what providers with a key have else, what runs here."""
    choice = name.lower()
    listed = [offer for model in priority(lookup.registry, choice) for offer in lookup.offers_of(model, local=False)]
    offers = [offer for offer in listed if offer.api in TALKS or not offer.usable]
    return Resolution(name, choice, None, offers + _unlisted(lookup, choice, offers) + lookup.server_offers_of_all())


def keyed(lookup: Lookup, name: str) -> list[Offer]:
    """The candidates of a choice at providers with a key: no look at local ports."""
    choice = list_of(name)
    offers = [offer for offer in lookup.reachable(priority(lookup.registry, choice)) if offer.api in TALKS]
    offers += _unlisted(lookup, choice, offers)
    policy = name.removeprefix(choice).removeprefix(":")
    found = apply_policy(policy, offers, lookup.registry) if policy else offers
    return order(found, plans_last=policy == "cheapest")


def _unlisted(lookup: Lookup, choice: str, listed: Iterable[Offer]) -> list[Offer]:
    """The best of each provider with a key that has no model in the list, or only such as may have ended."""
    served = {offer.provider for offer in listed if offer.usable and not offer.doubtful}
    found: list[Offer] = []
    for provider in lookup.reached():
        if provider.id not in served:
            own = lookup.offers_by(provider, provider.model_names.items())
            found += ranked(lookup.registry, choice, [offer for offer in own if offer.usable and offer.api in TALKS])[
                :COUNT
            ]
    known = {offer.place for offer in listed if offer.doubtful and offer.usable}
    return [offer for offer in found if offer.place not in known]


def ranked(
    registry: Registry, name: str, offers: Sequence[Offer], months: Mapping[str, int] | None = None
) -> list[Offer]:
    """A provider's offers, the one first that a person would be glad to get for a choice.

    Those of the list come in its order; then what is certain, made to be talked to, and not too dear; of the newest
    generation the largest, or for small jobs the cheapest. Price, parameters and name tell which that is.
    *months*: when models were made, by internal name, where somebody says so; see `month`.
    """
    places = {model: place for place, model in enumerate(priority(registry, name))}
    small = list_of(name) == SMALL
    made = {
        offer.internal_name: month(str(registry.facts_of_model(offer.canonical_name or "").get("released") or ""))
        or (months or {}).get(offer.internal_name, 0)
        for offer in offers
    }
    newest = max((when for when in made.values()), default=0)

    def rank(offer: Offer) -> tuple[float, ...]:
        called = (offer.canonical_name or offer.internal_name).lower()
        when = made[offer.internal_name]
        price = offer.output_price or 0.0  # 0 stands for unknown: a plan's, or that of a trial
        size = _parameters(called)
        light = bool(re.search(_LIGHT, called))
        amount = (price or DEAR, not light, size or 1e4) if small else (light, -price, -size)
        return (
            offer.doubtful,
            places.get(offer.canonical_name or "", len(places)),
            bool(re.search(_APART, called)),
            price > DEAR,
            bool(when and newest - when > _GENERATION[list_of(name)]),
            bool(re.search(_QUICK, called)) and not small,
            *amount,
            -when,
            *_version(called),
            len(called),
        )

    return sorted(offers, key=rank)


def month(date: str) -> int:
    """Months since the year 0 of a date (`2026-09-22`, `2026-09`, `2026`); 0 where it says none."""
    found = re.match(r"(\d{4})(?:-(\d{2}))?", date)
    return int(found[1]) * 12 + int(found[2] or 1) if found else 0


def _parameters(called: str) -> float:
    """Billions of parameters that a name speaks of; 0 where it speaks of none."""
    found = re.search(_PARAMETERS, called)
    return float(found[1]) * (1000 if found[2] == "t" else 1) if found else 0.0


def _version(called: str) -> tuple[float, float, float]:
    """The first numbers in a name, the higher the earlier."""
    first, second, third, *_ = (*(float(number[:9]) for number in re.findall(r"\d+", called)[:3]), 0.0, 0.0, 0.0)
    return -first, -second, -third

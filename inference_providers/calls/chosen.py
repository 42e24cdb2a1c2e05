"""The candidates of a call that says who is asked in turn, or how good a model must be at least."""

from __future__ import annotations

import math

from inference_providers.chat import order_behind
from inference_providers.errors import InferenceProvidersError, NoCredentialsError, UnknownModelError
from inference_providers.offers import AUTO, apply_policy, is_automatic, order
from inference_providers.registry import TALKS
from inference_providers.routing import Preferences, quality

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_providers.calls.finder import Finder
    from inference_providers.offers import Offer
    from inference_providers.protocols import ModelRequest
    from inference_providers.routing import Step

_FILTERS = ("free", "local")  # policies behind a name that leave out whom they do not mean


def candidates(finder: Finder, names: Sequence[str], request: ModelRequest) -> list[Offer]:
    """The candidates for several names, best first, as the request's preferences have it, or the names themselves.

    Raises what `Finder.first_available` and `chosen` raise.
    """
    policy = order_behind(names)
    if policy is not None and (request.preferences is None or not request.preferences.decided):
        behind = Preferences()
        behind.strategy = policy
        request.preferences = behind.over(request.preferences)
    preferences = request.preferences
    if preferences is None or not preferences.chooses:
        return finder.first_available(names)
    return chosen(finder, names, preferences)


def chosen(finder: Finder, names: Sequence[str], preferences: Preferences) -> list[Offer]:
    """Those who may be asked for the models of these names, in turn; what each may take goes to the preferences.

    A provider without the model is asked for the next of the registry's list of models, as far as it is good enough.

    Raises UnknownModelError, and NoCredentialsError where none of them can be asked.
    """
    names = list(names) or [AUTO]
    if not preferences.steps:
        return _good(finder, names, preferences.quality)
    if preferences.general and (named := _named(finder, names)):
        return named
    found: dict[tuple[str | None, str], Offer] = {}
    seconds: dict[tuple[str | None, str], float] = {}
    problems: list[InferenceProvidersError] = []
    for step in preferences.steps:
        try:
            offers = _at(finder, step, names, preferences.quality)
        except (UnknownModelError, NoCredentialsError) as error:
            problems.append(error)
            continue
        for offer in offers:
            if found.setdefault(offer.place, offer) is offer and step.seconds is not None:
                seconds[offer.place] = step.seconds
    if preferences.others or not all(step.provider for step in preferences.steps):
        try:
            rest = finder.first_available(names) if preferences.others else ()
        except (UnknownModelError, NoCredentialsError) as error:
            problems.append(error)
            rest = ()
        for offer in rest:
            found.setdefault(offer.place, offer)
    preferences.seconds = seconds
    if not found:
        raise problems[0] if len(problems) == 1 else _nobody(problems)
    return list(found.values())


def _nobody(problems: Sequence[InferenceProvidersError]) -> NoCredentialsError:
    said = "".join(f"\n  {str(problem).splitlines()[0]}" for problem in problems)
    variables = [name for problem in problems for name in getattr(problem, "variables", ())]
    return NoCredentialsError(f"None of those who were to be asked can be:{said}", dict.fromkeys(variables))


def _good(finder: Finder, names: Sequence[str], floor: float | None) -> list[Offer]:
    """The usual candidates; of an automatic choice those that are good enough."""
    found = finder.first_available(names)
    if floor is None or not all(map(is_automatic, names)):
        return found
    good = [offer for offer in found if quality(finder.registry, offer.canonical_name) >= floor]
    if not good:
        best = max((quality(finder.registry, offer.canonical_name) for offer in found), default=0.0)
        raise NoCredentialsError(
            f"No model of quality_threshold={floor:g} is within reach; the best has {best:.2f}. Set the key of another "
            "provider (`inference-providers doctor`), name a model, or give a lower threshold."
        )
    return good


def _named(finder: Finder, names: Sequence[str]) -> list[Offer]:
    """The candidates where the models' names say who is asked."""
    if any(map(is_automatic, names)):
        return []
    found = finder.first_available(names)
    return found if all(offer.named for offer in found) else []


def _at(finder: Finder, step: Step, names: Sequence[str], floor: float | None) -> list[Offer]:
    wanted = [step.model] if step.model else names
    if step.provider is None:
        return finder.first_available(wanted)
    pid = step.provider
    _check_reached(finder, pid)
    found = [offer for name in wanted for offer in _served(finder, pid, name)]
    if found:
        return found
    if step.model:
        return finder.candidates(f"{pid}/{step.model}")
    instead = _instead(finder, pid, names, floor)
    if not instead:
        good = f" of quality_threshold={floor:g}" if floor is not None else ""
        raise NoCredentialsError(f"{pid} has neither {names[0]} nor another model{good} for it.")
    finder.warn_once(f"{pid} does not have {names[0]}; it is asked for {instead[0].internal_name} instead")
    return instead


def _check_reached(finder: Finder, pid: str) -> None:
    """Raise NoCredentialsError for a provider that cannot be asked."""
    if pid not in finder.registry.providers:
        raise NoCredentialsError(f"{pid} is not in the registry of this list.")
    row, access = finder.registry.providers[pid], finder.accesses[pid]
    if row.local is None and access.reason:
        raise NoCredentialsError(f"{pid}: {access.reason}", row.key_variables)


def _served(finder: Finder, pid: str, name: str) -> list[Offer]:
    """What a provider offers under a name, whoever else does."""
    if is_automatic(name):
        choice = name.strip().lower()
        offers = finder.on_this_machine() if finder.registry.providers[pid].local is not None else finder.keyed(choice)
        return [offer for offer in offers if offer.provider == pid]
    try:
        resolution = finder.resolver.resolve(name)
    except UnknownModelError:
        resolution = None
    found = order(offer for offer in (resolution.offers if resolution else ()) if offer.provider == pid)
    if not found and not _filter_of(name):
        served = finder.resolver.served(pid, name, name)
        found = order(served[1]) if served else []
    return found


def _filter_of(name: str) -> str:
    word = name.rpartition(":")[2].lower()
    return word if ":" in name and word in _FILTERS else ""


def _instead(finder: Finder, pid: str, names: Sequence[str], floor: float | None) -> list[Offer]:
    """What a provider has in place of a model: the next of the registry's list; of one that is not in it, what costs
    about the same.
    """
    registry = finder.registry
    models = [model for model in registry.auto_model_priority if quality(registry, model) >= (floor or 0.0)]
    reached = [offer for offer in finder.resolver.reachable(models) if offer.provider == pid and offer.api in TALKS]
    if not reached and floor is None:
        reached = [offer for offer in finder.keyed(AUTO) if offer.provider == pid]
    word = _filter_of(names[0])
    reached = order(apply_policy(word, reached, registry) if word else reached)
    if not reached:
        return []
    asked, price = _asked(finder, names[0])
    places = {model: place for place, model in enumerate(registry.auto_model_priority)}
    place = places.get(asked or "")

    def far(offer: Offer) -> tuple[float, ...]:
        there = places.get(offer.canonical_name or "", len(places))
        if place is not None:
            return offer.doubtful, there < place, abs(there - place)
        if price and offer.output_price:
            return offer.doubtful, abs(math.log(offer.output_price / price)), there
        return offer.doubtful, there, 0.0

    best = min(reached, key=far)
    return [offer for offer in reached if offer.canonical_name == best.canonical_name]


def _asked(finder: Finder, name: str) -> tuple[str | None, float | None]:
    """The canonical name of a model, and what its output costs at the first who says."""
    try:
        resolution = finder.resolver.resolve(name)
    except UnknownModelError:
        return None, None
    prices = [offer.output_price for offer in resolution.offers if offer.output_price]
    return resolution.canonical_name, prices[0] if prices else None

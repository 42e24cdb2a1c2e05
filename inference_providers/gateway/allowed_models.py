"""Which models a caller may ask that has a list of them, however a request spells their names.

What counts is who would be asked in the end: of the candidates that a name stands for, those of the caller's models
are kept. So neither another spelling nor `provider/model`, an alias, a policy or a fallback leads anywhere else.
"""

from __future__ import annotations

import time

from inference_providers.errors import UnknownModelError
from inference_providers.gateway.refused import Refused
from inference_providers.offers import AUTO, apply_policy, is_automatic, list_of, priority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from inference_providers.calls import Finder
    from inference_providers.gateway.callers import Caller
    from inference_providers.offers import Offer

KEPT = 60.0  # seconds for which what names stand for counts: servers come and go


class _Models:
    """What a caller's names stand for. names: best first, by list of the automatic choice."""

    __slots__ = ("canonical", "names", "places", "until")

    def __init__(self, until: float) -> None:
        self.until = until
        self.canonical: set[str] = set()
        self.places: set[tuple[str, str]] = set()  # (provider, its own name)
        self.names: dict[str, list[str]] = {}


class AllowedModels:
    """The models of callers, over the registry, keys and servers of one finder."""

    def __init__(self, finder: Finder, clock: Callable[[], float] = time.monotonic) -> None:
        self._finder, self._clock = finder, clock
        self._known: dict[tuple[str, ...], _Models] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._known)} callers>"

    def names(self, caller: Caller, asked: str | Sequence[str] | None) -> str | Sequence[str] | None:
        """What to look up for a caller: *asked*, but the automatic choice is the best of its models."""
        if caller.models is None or not _leaves_choice(asked):
            return asked
        return self._of(caller.models, list_of(_choice(asked)))[1]

    def offers(self, caller: Caller, asked: str | Sequence[str] | None, found: Iterable[Offer]) -> list[Offer]:
        """The candidates among those found for *asked* that a caller may ask. Raises Refused (403) for none."""
        if caller.models is None:
            return list(found)
        kept = [offer for offer in found if self.allows(caller, offer)]
        if not kept:
            raise Refused(403, self._refusal(caller.models, asked), "model_not_allowed", parameter="model")
        policy = _choice(asked).removeprefix(list_of(_choice(asked))).removeprefix(":") if _leaves_choice(asked) else ""
        return apply_policy(policy, kept, self._finder.registry) if policy else kept

    def allows(self, caller: Caller, offer: Offer) -> bool:
        """Whether a caller may ask a candidate."""
        if caller.models is None:
            return True
        models, _ = self._of(caller.models)
        return offer.canonical_name in models.canonical or (offer.provider, offer.internal_name) in models.places

    def _of(self, names: tuple[str, ...], choice: str = AUTO) -> tuple[_Models, list[str]]:
        now = self._clock()
        known = self._known.get(names)
        if known is None or now >= known.until:
            known = self._known[names] = self._looked_up(names, now)
        ordered = known.names.get(choice)
        if ordered is None:
            places = {model: place for place, model in enumerate(priority(self._finder.registry, choice))}
            canonical = {name: self._canonical(name) for name in names}
            ordered = sorted(names, key=lambda name: places.get(canonical[name] or "", len(places)))
            known.names[choice] = ordered
        return known, ordered

    def _looked_up(self, names: tuple[str, ...], now: float) -> _Models:
        made = _Models(now + KEPT)
        for name in names:
            try:
                resolution = self._finder.resolve(name)
            except UnknownModelError:  # a server's that does not run now
                continue
            made.places |= {(offer.provider, offer.internal_name) for offer in resolution.offers}
            is_part = resolution.rule.startswith("policy") or any(offer.named for offer in resolution.offers)
            if resolution.canonical_name is not None and not is_part:  # whoever serves it, under whatever name
                made.canonical.add(resolution.canonical_name)
        return made

    def _canonical(self, name: str) -> str | None:
        try:
            return self._finder.resolve(name).canonical_name
        except UnknownModelError:
            return None

    def _refusal(self, names: tuple[str, ...], asked: str | Sequence[str] | None) -> str:
        wanted = "any" if asked is None else asked if isinstance(asked, str) else ", ".join(asked)
        return f"This key may ask {', '.join(names)}, and not {wanted[:200]}."


def _leaves_choice(asked: str | Sequence[str] | None) -> bool:
    return asked is None or (isinstance(asked, str) and is_automatic(asked))


def _choice(asked: str | Sequence[str] | None) -> str:
    return asked.strip().lower() if isinstance(asked, str) else AUTO

"""Which models a caller may ask that has a list of them, however a request spells their names.

What counts is who would be asked in the end: of the candidates that a name stands for, those of the caller's models
are kept. So neither another spelling nor `provider/model`, an alias, a policy or a fallback leads anywhere else.
"""

from __future__ import annotations

import time

from inference_providers.errors import InvalidRequestError, UnknownModelError
from inference_providers.offers import AUTO, apply_policy, is_automatic, list_of, priority

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.calls import Finder
    from inference_providers.gateway.callers import Caller
    from inference_providers.offers import Offer

# Fields by which providers that are gateways themselves are told of further models.
ELSEWHERE = frozenset(("fallback_models", "fallbacks", "preset", "providerOptions", "provider_options"))
_RUN_THERE, _MODELS = ("tools", "plugins"), ("model", "models")  # advisors, makers of pictures: each has a model
KEPT = 60.0  # seconds for which what names stand for counts: servers come and go


def other_models(body: Mapping[str, Any]) -> str:
    """The field by which a provider is told of further models, be it of a tool that it runs; empty where none is."""
    if not ELSEWHERE.isdisjoint(body):
        return min(ELSEWHERE & body.keys())
    items = body.get("input")
    for holder in (body, *(items if isinstance(items, list) else ())):
        for name in _RUN_THERE if isinstance(holder, dict) else ():
            listed = holder.get(name)
            for tool in listed if isinstance(listed, list) else ():
                if isinstance(tool, dict) and (said := next((one for one in _MODELS if tool.get(one)), "")):
                    return f"{said} of {name}"
    return ""


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

    def names(self, caller: Caller, asked: Sequence[str]) -> list[str]:
        """What to look up for a caller: those that it may ask; in place of the automatic choice its models, best first.

        Raises UnknownModelError where there are none.
        """
        if caller.models is None:
            return list(asked)
        found: list[str] = []
        for name in asked:
            if is_automatic(name):
                found += self._of(caller.models, list_of(name.strip().lower()))[1]
            elif any(self.allows(caller, offer) for offer in self._offers_of(name)):
                found.append(name)
        if not found:
            raise self._refusal(caller.models, asked)
        return list(dict.fromkeys(found))

    def _offers_of(self, name: str) -> Sequence[Offer]:
        try:
            return self._finder.resolve(name).offers
        except UnknownModelError:
            return ()

    @staticmethod
    def check(caller: Caller, body: Any) -> None:
        """Raise InvalidRequestError for a request by which its provider might ask another model."""
        if caller.models is None or not isinstance(body, dict):
            return
        if name := other_models(body):
            raise InvalidRequestError(
                f"This key may ask {', '.join(caller.models)[:200]}: its requests may not have the field {name}, by "
                "which a provider may be told of other models.",
                status=400,
                code="foreign_field",
            )

    def offers(self, caller: Caller, asked: str | Sequence[str] | None, found: Iterable[Offer]) -> list[Offer]:
        """The candidates among those found for *asked* that a caller may ask. Raises UnknownModelError for none."""
        names = [AUTO] if asked is None else [asked] if isinstance(asked, str) else asked
        if caller.models is None:
            return list(found)
        kept = [offer for offer in found if self.allows(caller, offer)]
        if not kept:
            raise self._refusal(caller.models, names)
        choice = names[0].strip().lower()
        if len(names) == 1 and is_automatic(choice):
            policy = choice.removeprefix(list_of(choice)).removeprefix(":")
            return apply_policy(policy, kept, self._finder.registry) if policy else kept
        return kept

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

    @staticmethod
    def _refusal(own: Sequence[str], asked: Sequence[str]) -> UnknownModelError:
        return UnknownModelError(f"This key may ask {', '.join(own)}, and not {', '.join(asked)[:200]}.", own)

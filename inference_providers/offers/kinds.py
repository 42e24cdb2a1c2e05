"""Models of other kinds than text (embeddings, images, speech, ...): which one a name means, and who serves it. Pure.

The rules are those for text models where they make sense. What they never do is to take one model for another: vectors
of two models cannot be compared.
"""

from __future__ import annotations

from inference_providers.offers.late_offers import offer_by
from inference_providers.offers.offer import Offer
from inference_providers.offers.ordering import order
from inference_providers.offers.resolution import AUTO, Resolution
from inference_providers.registry import kind_of, plain_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from inference_providers.offers.access import Access
    from inference_providers.offers.lookup import Lookup
    from inference_providers.registry import Facts, KindModels


class KindOffer(Offer):
    """The offer of a model of another kind than text: what is known of it stands in a section of its own."""

    __slots__ = ("_models",)
    if TYPE_CHECKING:
        _models: Any = None  # a `KindModels`

    def __init__(
        self,
        access: Access,
        canonical_name: str | None,
        internal_name: str,
        *,
        models: KindModels,
        named: bool = False,
    ) -> None:
        object.__setattr__(self, "_models", models)
        super().__init__(access.by_kind(models.kind), canonical_name, internal_name, named=named)

    def called(self, internal_name: str) -> Offer:
        """The same provider's offer under another of its names."""
        return KindOffer(self._access, self.canonical_name, internal_name, models=self._models, named=self.named)

    def _known_facts(self) -> Facts:
        facts: Facts = self._models.facts(self.canonical_name, self.provider, self.internal_name)
        return facts


class KindResolver:
    """The rules for one kind of models."""

    def __init__(self, resolver: Lookup, kind: str) -> None:
        from inference_providers.registry import KindModels

        self._resolver, self._kind = resolver, kind
        self._registry = resolver.registry
        self._models = self._registry.kinds.get(kind) or KindModels(kind, {})

    def resolve(self, name: str) -> Resolution:
        """What a name means among the models of this kind, else what it means by the rules for all models.

        Raises UnknownModelError.
        """
        return self.known(name) or self._resolver.resolve(name)

    def known(self, name: str) -> Resolution | None:
        """What a name means among the models of this kind; None where none of them is called so."""
        name = name.strip()
        if name.lower() == AUTO:
            return self._automatic(name)
        rules: tuple[Callable[[str], Resolution | None], ...] = (
            self._alias, self._canonical, self._at_provider, self._by_own_name, self._here, self._policy,
        )  # fmt: skip
        return next((found for rule in rules if (found := rule(name)) is not None), None)

    def listed(self, name: str) -> Resolution | None:
        """What a name means among the models that the registry lists."""
        rules = (self._canonical, self._at_provider, self._by_own_name)
        found = next((found for rule in rules if (found := rule(name)) is not None), None)
        return None if found is None or found.warning else found

    def models_here(self) -> list[Offer]:
        """What servers on this machine have of this kind, by what their models are called."""
        return [offer for offer in self._all_here() if kind_of(offer.internal_name) == self._kind]

    def _automatic(self, name: str) -> Resolution:
        """The first of the list that a key reaches; then what runs here; then whatever else a key reaches.

        One model alone: another would give other vectors, or pictures of another kind.
        """
        listed = [model for model in self._registry.kind_priority(self._kind) if model in self._models.rows]
        others = [model for model in self._models.rows if model not in listed]
        for models in (listed, None, others):
            if models is None:
                if here := self.models_here()[:1]:
                    return Resolution(name, AUTO, here[0].canonical_name, here)
                continue
            for model in models:
                offers = self.offers_of(model)
                if order(offers):
                    return Resolution(name, AUTO, model, offers)
        name = f"{name} ({self._kind})"
        return Resolution(name, AUTO, None, [offer for model in listed or others for offer in self.offers_of(model)])

    def _alias(self, name: str) -> Resolution | None:
        target = self._resolver.aliases.get(name.lower())
        if target is None or target.lower() == name.lower():
            return None
        found = self.known(target)
        return None if found is None else found.under(name, "alias")

    def _canonical(self, name: str) -> Resolution | None:
        if "/" in name:
            return None
        canonical = self._models.canonical(name)
        return None if canonical is None else Resolution(name, "canonical", canonical, self.offers_of(canonical))

    def _at_provider(self, name: str) -> Resolution | None:
        """`provider/rest`, `provider:rest`: as that provider lists it, else what it serves of the model *rest*."""
        for mark in "/:":
            head, found, rest = name.partition(mark)
            pid = self._registry.provider_id(head) if found and rest else None
            if pid is None or self._registry.providers[pid].local is not None:
                continue
            access = self._resolver.access(pid)
            if listed := self._models.listed_at(pid, rest) or self._models.listed_at(pid, name):
                return Resolution(name, "engine", listed[0], [self._offer(access, *listed, named=True)])
            canonical = self._models.canonical(rest)
            if canonical is not None and (names := self._models.names_at(canonical, pid)):
                return Resolution(name, "engine", canonical, [self._offer(access, canonical, names[0], named=True)])
            if kind_of(rest) == self._kind and self._kind in (access.provider.connection.get("kinds") or ()):
                said = f"{pid} does not list {rest!r}; it is passed on as it is"
                offer = self._offer(access, canonical, rest, named=True)
                return Resolution(name, "engine, unlisted", canonical, [offer], said)
        return None

    def _by_own_name(self, name: str) -> Resolution | None:
        """Some provider's own name: all who serve that model are meant."""
        canonical = self._models.canonical(name) if "/" in name else None
        return None if canonical is None else Resolution(name, "internal name", canonical, self.offers_of(canonical))

    def _here(self, name: str) -> Resolution | None:
        """A model that only a server on this machine has, by its own name."""
        here = self._running(name)
        return Resolution(name, "internal name", here[0].canonical_name, here) if here else None

    def _policy(self, name: str) -> Resolution | None:
        from inference_providers.offers.sorting import POLICIES, apply_policy

        rest, colon, word = name.rpartition(":")
        found = self.known(rest) if colon and word.lower() in POLICIES else None
        if found is None:
            return None
        kept = apply_policy(word.lower(), found.offers, self._registry)
        return found.under(name, f"policy {word.lower()}", kept)

    def offers_of(self, canonical: str) -> list[Offer]:
        """Every offer of a model: servers on this machine, then those of the registry, its maker first."""
        found: list[Offer] = self._running(canonical)
        for pid in self._models.providers_of(canonical):
            if pid in self._registry.providers:
                access = self._resolver.access(pid)
                found += [self._offer(access, canonical, own) for own in self._models.names_at(canonical, pid)]
        return found

    def _offer(self, access: Access, canonical: str | None, name: str, *, named: bool = False) -> Offer:
        return KindOffer(access, canonical, name, models=self._models, named=named)

    def _running(self, name: str) -> list[Offer]:
        """What servers on this machine have under a name, tag and folder aside."""
        wanted = plain_name(name)
        return [offer for offer in self.models_here() if plain_name(offer.internal_name) == wanted]

    def _all_here(self) -> Iterable[Offer]:
        for server in self._resolver.local_servers():
            access = self._resolver.access_at(server)
            for model, canonical in server.models.items():
                yield offer_by(access, canonical, model)

"""In which order candidates are asked, once it is known who they are: by a policy. Pure but for the clock.

`listed` leaves them as they are. What has no price, no speed and no place in a list comes after what has one; what a
newer list lacks, and what is asked by another API than chat, comes after the rest whatever the policy.
"""

from __future__ import annotations

from inference_providers.chat import BALANCED, CHEAPEST, FASTEST, LISTED, ORDERS, RANDOM, SMARTEST
from inference_providers.offers import is_free
from inference_providers.registry import TALKS
from inference_providers.usage import Size, likely_cost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.offers import Offer
    from inference_providers.registry import Registry
    from inference_providers.routing.load import Load
    from inference_providers.routing.speeds import Speeds
    from inference_providers.routing.warmth import Warmth

    Own = Callable[[list[Offer]], Sequence[Offer]]

POLICY_VARIABLE = "INFERENCE_PROVIDERS_POLICY"
MEASURED = (FASTEST, BALANCED)  # by what calls have shown
EXPLORED = 0.04  # of the calls go to somebody else than the fastest, to see whether that is still so
STALE = 240.0  # seconds after which somebody is to be looked at again
LONGEST = 7200.0  # seconds that count as not seen at all
FAR = 2.0  # how much being slow keeps one from being looked at
ENOUGH = 0.1  # of a provider's limits: with less room left, a warm cache keeps nobody there


def checked_strategy(given: Any) -> str | Own:
    """A `policy` as it was given. Raises TypeError and ValueError."""
    if callable(given):
        own: Own = given  # pyright: ignore[reportAssignmentType]  (what it gives is looked at when it has given it)
        return own
    if not isinstance(given, str):
        raise TypeError(f"policy must be one of {', '.join(ORDERS)}, or a function of a list of offers, not {given!r}")
    if given.lower() not in ORDERS:
        from difflib import get_close_matches

        near = get_close_matches(given.lower(), ORDERS, n=1)
        meant = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"policy must be one of {', '.join(ORDERS)}, not {given!r}{meant}")
    return given.lower()


def strategy_of(given: Any, environ: Mapping[str, str]) -> str | Own | None:
    """A `policy` as a list was given it, else as the environment says. Raises TypeError and ValueError."""
    said = environ.get(POLICY_VARIABLE, "").strip()
    if given is not None or not said:
        return None if given is None else checked_strategy(given)
    try:
        return checked_strategy(said)
    except ValueError as error:
        raise ValueError(f"{POLICY_VARIABLE}: {error}") from None


def quality(registry: Registry, name: str | None) -> float:
    """How good a model is, from 0 to 1, by its place in the registry's list of what people would be glad to get."""
    names = registry.auto_model_priority
    try:
        return 1 - names.index(name or "") / len(names)
    except ValueError:
        return 0.0


class Outlook:
    """What a policy goes by: one request, and what is known of those who may be asked."""

    def __init__(
        self,
        registry: Registry,
        random: Any,
        *,
        speeds: Speeds | None = None,
        load: Load | None = None,
        warmth: Warmth | None = None,
    ) -> None:
        self.registry, self.random = registry, random
        self.speeds, self.load, self.warmth = speeds, load, warmth
        self.explores = True  # whether now and then somebody else is asked first

    def ordered(self, strategy: str | Own, offers: Sequence[Offer], body: Mapping[str, Any]) -> Sequence[Offer]:
        """The candidates in the order in which they are asked. Raises ValueError for a function that gives others."""
        if not isinstance(strategy, str):
            return _by_own(strategy, offers)
        if strategy == LISTED or len(offers) < 2:
            return offers
        keys = self.keys(strategy, offers, body)
        found = sorted(offers, key=lambda offer: (offer.api not in TALKS, offer.doubtful, *keys[id(offer)]))
        return self._explored(found, Size(body)) if strategy == FASTEST and self.explores else found

    def keys(self, strategy: str, offers: Sequence[Offer], body: Mapping[str, Any]) -> dict[int, tuple[float, ...]]:
        """By what each candidate is sorted, the lowest first, by the offer's identity."""
        size = Size(body)
        if strategy == CHEAPEST:
            return {id(offer): (self._full(offer), *self._dearness(offer, size, body)) for offer in offers}
        if strategy == FASTEST and self.speeds is not None:
            tokens = size.likely_output(self.speeds.usual)
            return {id(offer): (self._full(offer), self.speeds.seconds(offer, tokens)) for offer in offers}
        if strategy == SMARTEST:
            return {id(offer): (-quality(self.registry, offer.canonical_name),) for offer in offers}
        if strategy == BALANCED:
            first = offers[0].canonical_name
            return {id(offer): self._crowding(offer, first, body) for offer in offers}
        return {id(offer): (not self.warm(offer, body), self.random.random()) for offer in offers}

    def warm(self, offer: Offer, body: Mapping[str, Any]) -> int:
        """Tokens of this conversation that an offer reads from its cache for less, as far as is known."""
        price, cached = offer.input_price, offer.cached_input_price
        if self.warmth is None or price is None or cached is None or cached >= price:
            return 0
        return self.warmth.tokens(body, offer)

    def cost(self, offer: Offer, size: Size, body: Mapping[str, Any]) -> float | None:
        """USD that this request is expected to cost there; None where that is not known."""
        if is_free(offer):
            return 0.0
        return likely_cost(offer.facts, size, cached=self.warm(offer, body))

    def _full(self, offer: Offer) -> bool:
        """Whether a provider would refuse another request in this minute, as its headers or our own limits say."""
        return self.load is not None and self.load.full(offer)

    def _dearness(self, offer: Offer, size: Size, body: Mapping[str, Any]) -> tuple[float, ...]:
        """What is known to be cheap first; then what may be; a subscription, whose calls have no price, at the end."""
        if offer.billing == "plan":
            return 2, 0.0
        if offer.launchable and not offer.awake:  # loading a model is not for nothing
            return 1, 0.0
        cost = self.cost(offer, size, body)
        return (1, 0.0) if cost is None else (0, cost)

    def _crowding(self, offer: Offer, first: str | None, body: Mapping[str, Any]) -> tuple[float, ...]:
        """Those with the first one's model by how crowded they are; a conversation stays where its cache is warm."""
        if offer.canonical_name != first or first is None or self.load is None:
            return 1, 0.0, 0.0
        room, busy = self.load.room(offer), self.load.busy(offer)
        stays = room > ENOUGH and self.warm(offer, body) > 0
        return 0, 0.0 if stays else 1.0, -room / (busy + 1), self.random.random()

    def _explored(self, found: list[Offer], size: Size) -> list[Offer]:
        """Now and then somebody first who has not been seen for long, and may have become the fastest."""
        speeds = self.speeds
        if speeds is None or self.random.random() >= EXPLORED:
            return found
        tokens = size.likely_output(speeds.usual)
        best = speeds.seconds(found[0], tokens)

        def due(offer: Offer) -> float:
            """How long it was not seen, the shorter the slower it was: what is far behind seldom comes to the front."""
            return float(min(speeds.age(offer), LONGEST) * (best / speeds.seconds(offer, tokens)) ** FAR)

        chosen = max(found[1:], key=due)
        if due(chosen) <= STALE or chosen.doubtful or chosen.launchable or self._full(chosen):
            return found
        return [chosen, *(offer for offer in found if offer is not chosen)]

    def told(self, strategy: str | Own, offer: Offer, body: Mapping[str, Any]) -> str:
        """By what a policy puts a candidate where it is, for a person."""
        if not isinstance(strategy, str):
            return "as the program's own policy has it"
        size = Size(body)
        if strategy == CHEAPEST:
            return self._told_cost(offer, size, body)
        if strategy == FASTEST and self.speeds is not None:
            first, speed, samples = self.speeds.of_offer(offer)
            tokens = size.likely_output(self.speeds.usual)
            seen = f"{samples} measured" if samples else "not measured here yet"
            seconds = self.speeds.seconds(offer, tokens)
            return f"{seconds:.2f} s for {tokens} tokens: {first:.2f} s to the first, {speed:.0f} a second ({seen})"
        if strategy == SMARTEST:
            worth = quality(self.registry, offer.canonical_name)
            return f"quality {worth:.2f}" if worth else "not in the list of models that is gone by"
        if strategy == BALANCED and self.load is not None:
            return f"{self.load.room(offer):.0%} of its limits left, {self.load.busy(offer)} requests on their way"
        return "at random" if strategy == RANDOM else "as listed"

    def _told_cost(self, offer: Offer, size: Size, body: Mapping[str, Any]) -> str:
        if is_free(offer):
            return "costs nothing"
        if offer.billing == "plan":
            return "a subscription, whose calls have no price"
        cost = self.cost(offer, size, body)
        if cost is None:
            return "no price is known"
        warm = self.warm(offer, body)
        cached = f", {min(warm, size.likely)} of them from its cache" if warm else ""
        return f"about ${cost:.6f} for {size.likely} tokens in{cached} and {size.likely_output()} out"


def _by_own(strategy: Own, offers: Sequence[Offer]) -> list[Offer]:
    """What a function of the program's makes of the candidates; nobody is asked whom it leaves out."""
    found = list(strategy(list(offers)))
    known = {id(offer) for offer in offers}
    if not found or not all(id(offer) in known for offer in found):
        raise ValueError(
            f"the policy gave {found!r}; it must give those of the offers that it gets which are to be asked, one at "
            "least, in their order"
        )
    return list({id(offer): offer for offer in found}.values())

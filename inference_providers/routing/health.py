"""What is known of keys and providers: which are refused, which rest, how quick they are.

All of it is this process's own, but for refusals and rests where there is a state that processes share.
"""

from __future__ import annotations

from collections import deque

from inference_providers.attempts import Attempt
from inference_providers.errors import AuthenticationError, ProviderError
from inference_providers.protocols import classify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol

    from inference_providers.offers import Offer
    from inference_providers.protocols import Repairs, Verdict
    from inference_providers.routing.policy import Policy
    from inference_providers.routing.shared_rests import Cooling, DeadKeys, Tripped
    from inference_providers.state import State

    class Memory(Protocol):
        """What is kept for other processes."""

        @property
        def repairs(self) -> Mapping[Any, Repairs]:
            """By an offer's place: what it is known to refuse."""
            raise NotImplementedError

        @property
        def absent(self) -> Mapping[Any, float]:
            """By an offer's place: for how many more seconds its model is taken not to be there."""
            raise NotImplementedError

        def keep(self, offer: Offer, repairs: Repairs) -> None:
            """What an offer is known to refuse."""
            raise NotImplementedError

        def keep_absent(self, offer: Offer) -> None:
            """That an offer's model is not there."""
            raise NotImplementedError


HEDGE_RATIO = 0.05  # extra requests for each call
HEDGE_SAMPLES = 20  # calls after which a 95th percentile means something


class Health:
    """What is known of keys and providers in this process, shared by all clients of one ProviderList."""

    def __init__(self, policy: Policy, clock: Callable[[], float]) -> None:
        self.policy, self.clock = policy, clock
        # Until when, and why.
        self._dead: dict[tuple[str, str | None], tuple[float, ProviderError | None]] | DeadKeys = {}
        self._until: dict[tuple[str | None, str], float] | Cooling = {}
        self._recent: dict[tuple[str | None, str], deque[bool]] = {}
        self.repairs: dict[Any, Repairs] = {}  # by an offer's place: what it is known to refuse
        self._absent: dict[Any, float] = {}  # by an offer's place: until when it is known not to be there
        self.memory: Memory | None = None  # what outlives the process, if anything does
        self._calls = self._hedges = 0
        self._spent = {"tries": 0, "rounds": 0}
        self._tripped: set[tuple[str | None, str]] | Tripped = set()
        self._seconds: deque[float] = deque(maxlen=200)  # of the latest successful calls
        self.state: State | None = None  # that others share

    def share(self, state: State) -> None:
        """Have refused keys, cool-downs and tripped breakers be those of all who share a state."""
        from inference_providers.routing.shared_rests import Cooling, DeadKeys, SharedRests, Tripped

        self.state, rests = state, SharedRests(state, self.clock)
        self._dead, self._until, self._tripped = DeadKeys(rests), Cooling(rests), Tripped(rests)

    def forget_dead(self) -> None:
        """Use keys and accounts again that were refused, for all who share the state: they may have been renewed."""
        self._dead.clear()

    def dead(self, offer: Offer) -> bool:
        """Whether this provider refused this key, or its account, a while ago."""
        return bool(self._dead) and self._rest(offer) > 0

    def _rest(self, offer: Offer) -> float:
        """Seconds for which a key is not to be used; 0 when it may be."""
        entry = self._dead.get(self.key_of(offer))
        return 0.0 if entry is None else max(0.0, entry[0] - self.clock())

    def refusal(self, offer: Offer) -> Attempt:
        """The attempt in which this provider refused this key, or its account."""
        error = self._dead.get(self.key_of(offer), (0.0, None))[1]
        what = "key" if isinstance(error, AuthenticationError) else "account"
        again = f"it is asked again in {max(1, round(self._rest(offer) / 60))} min"
        if what == "key" and offer.key_source.startswith("in "):
            again += f", or by a new ProviderList, which reads {offer.variable} anew"
        outcome = f"not asked: its {what} was refused earlier in this program ({error}); {again}"
        return Attempt(
            offer.provider,
            offer.internal_name,
            outcome,
            canonical_name=offer.canonical_name,
            status=error.status if error else None,
            error=error,
        )

    def learn(self, offer: Offer, learnt: Sequence[Repairs]) -> None:
        """Remember what an offer has refused, and answered without."""
        known = self.repairs.get(offer.place)
        for repairs in learnt:
            known = repairs if known is None else known | repairs
        if known is not None:
            self.repairs = {**self.repairs, offer.place: known}  # a new one: requests on their way read the old
            if self.memory is not None:
                self.memory.keep(offer, known)

    def remember(self, memory: Memory) -> None:
        """Begin with what other processes have learnt, and tell them what this one learns."""
        self.memory, self.repairs = memory, dict(memory.repairs)
        self._absent = {place: self.clock() + left for place, left in memory.absent.items()}

    def present(self, offers: Sequence[Offer]) -> Sequence[Offer]:
        """Those of the automatic choice whose provider has not said lately that it does not have the model.

        All of them where it has been said of all.
        """
        if not self._absent:
            return offers
        now = self.clock()
        return [offer for offer in offers if self._absent.get(offer.place, 0.0) <= now] or offers

    def miss(self, offer: Offer, seconds: float) -> None:
        """Remember for so long that a provider does not have a model."""
        self._absent[offer.place] = self.clock() + seconds

    @property
    def any_dead(self) -> bool:
        """Whether any key, or its account, was refused a while ago."""
        return bool(self._dead)

    @property
    def resting(self) -> bool:
        """Whether any provider is left alone for a while."""
        return bool(self._until)

    def cooling(self, offer: Offer) -> float:
        """Seconds for which this provider is to be left alone; 0 when it is not."""
        return max(0.0, self._until.get(offer.place, 0.0) - self.clock()) if self._until else 0.0

    def call(self) -> None:
        """Count a call: retries are allowed in proportion."""
        self._calls += 1

    def may_retry(self, kind: str = "tries") -> bool:
        """Take one retry from the budget, if there is one.

        kind: `tries` of another try of a candidate, `rounds` of another round through all.
        """
        if self._spent[kind] >= self.policy.retry_reserve + self.policy.retry_ratio * self._calls:
            return False
        self._spent[kind] += 1
        return True

    def probe(self, offer: Offer) -> None:
        """A provider, or a key, whose rest is over is asked again: by one caller, the others still see it rest."""
        if self._dead and (entry := self._dead.get(self.key_of(offer))) is not None:
            self._bury(offer, entry[1])
        place = offer.place
        if place in self._tripped and not self.cooling(offer):
            self._cool(offer, self.policy.open_for)

    def hedge_after(self, wanted: float | str | None) -> float | None:
        """Seconds after which a second candidate may be asked as well; None for not at all.

        As given, or the 95th percentile so far. At most one request in twenty is such an extra one.
        """
        if wanted is None or self._hedges + 1 > HEDGE_RATIO * self._calls:
            return None
        if isinstance(wanted, str):
            return (
                sorted(self._seconds)[int(len(self._seconds) * 0.95)] if len(self._seconds) >= HEDGE_SAMPLES else None
            )
        return wanted

    def may_hedge(self, offer: Offer) -> bool:
        """Take an extra request from the budget, if there is one: calls at the same time share it."""
        if self._hedges + 1 > HEDGE_RATIO * self._calls or self.dead(offer):
            return False
        self._hedges += 1
        return True

    def succeeded(self, offer: Offer, seconds: float | None = None) -> None:
        """A reply came: the provider is well again."""
        if seconds is not None:
            self._seconds.append(seconds)
        if self._dead:
            self._dead.pop(self.key_of(offer), None)
        if self._until:
            self._until.pop(offer.place, None)
            self._tripped.discard(offer.place)
        self._record(offer, failed=False)

    def failed(self, offer: Offer, verdict: Verdict) -> None:
        """Remember a failure for a while: a refused key or account, a 429, or a row of failures."""
        if verdict.action == classify.HELD:
            return  # it was not asked
        if verdict.action == classify.DEAD:
            self._bury(offer, verdict.error)
            return
        if verdict.absent:
            self.miss(offer, self.policy.absent_for)
            if self.memory is not None:
                self.memory.keep_absent(offer)
        if verdict.cool:
            self._cool(offer, verdict.retry_after or self.policy.cool_down)
        recent = self._record(offer, failed=True)
        many = sum(recent) >= self.policy.failures and sum(recent) > len(recent) / 2
        if many or offer.place in self._tripped:
            self._cool(offer, self.policy.open_for)
            self._tripped.add(offer.place)  # one probe afterwards decides
            recent.clear()

    def _bury(self, offer: Offer, error: ProviderError | None) -> None:
        refused = error is None or isinstance(error, AuthenticationError)
        rest = self.policy.key_rest if refused else self.policy.account_rest
        self._dead[self.key_of(offer)] = (self.clock() + rest, error)
        if offer.tokens is not None:  # the next try has a new one
            offer.tokens.drop()

    def _cool(self, offer: Offer, seconds: float) -> None:
        place = offer.place
        self._until[place] = max(self._until.get(place, 0.0), self.clock() + seconds)

    def _record(self, offer: Offer, *, failed: bool) -> deque[bool]:
        recent = self._recent.get(offer.place)
        if recent is None:
            recent = self._recent[offer.place] = deque(maxlen=20)
        recent.append(failed)
        return recent

    @staticmethod
    def key_of(offer: Offer) -> tuple[str, str | None]:
        """What is dead where a key is refused: that key at that address."""
        return offer.place[0] or "", offer.key_mark()

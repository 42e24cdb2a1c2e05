"""What to try next: one generator decides, for sync and async alike.

It yields `Send` and `Sleep` steps and is sent the verdict on each `Send`; a driver does
the I/O. Numbers are those of `docs/failures.md`, all of them settable.
"""

from __future__ import annotations

from collections import deque

from inference_providers.attempts import Attempt
from inference_providers.errors import AllProvidersFailedError, ProviderError
from inference_providers.wire import classify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import Protocol

    from inference_providers.candidates import Offer
    from inference_providers.wire.classify import Verdict

    class Uniform(Protocol):
        """What the jitter needs: `random.Random` has it."""

        def uniform(self, a: float, b: float) -> float:
            """A number between a and b."""
            raise NotImplementedError


_UNREACHABLE = ("connect", "tls")  # codes of failures before anything could be sent
HEDGE_RATIO = 0.05  # extra requests for each call
HEDGE_SAMPLES = 20  # calls after which a 95th percentile means something


class Policy:
    """The numbers of routing; times in seconds."""

    __slots__ = (
        "attempts",
        "backoff_base",
        "backoff_cap",
        "cool_down",
        "failures",
        "open_for",
        "retry_ratio",
        "retry_reserve",
        "total",
        "tries",
    )

    def __init__(
        self,
        *,
        total: float = 600.0,
        attempts: int = 6,
        tries: int = 2,
        backoff_base: float = 0.5,
        backoff_cap: float = 8.0,
        cool_down: float = 5.0,
        failures: int = 5,
        open_for: float = 30.0,
        retry_ratio: float = 0.1,
        retry_reserve: int = 10,
    ) -> None:
        self.total, self.attempts, self.tries = total, attempts, tries
        self.backoff_base, self.backoff_cap = backoff_base, backoff_cap
        self.cool_down, self.failures, self.open_for = cool_down, failures, open_for
        self.retry_ratio, self.retry_reserve = retry_ratio, retry_reserve


class Send:
    """Try this candidate, for at most `limit` seconds; after `hedge_after` seconds, `hedge` as well."""

    __slots__ = ("hedge", "hedge_after", "left", "limit", "offer")

    def __init__(self, offer: Offer, limit: float, left: float | None = None) -> None:
        self.offer, self.limit = offer, limit
        self.left = limit if left is None else left  # of the whole call, for a stream that has begun
        self.hedge: Offer | None = None
        self.hedge_after = 0.0


class Sleep:
    """Wait this many seconds."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Health:
    """What is known of keys and providers in this process, shared by all clients of one ProviderList."""

    def __init__(self, policy: Policy, clock: Callable[[], float]) -> None:
        self.policy, self.clock = policy, clock
        self._dead: dict[tuple[str, str | None], ProviderError | None] = {}
        self._until: dict[tuple[str | None, str], float] = {}
        self._recent: dict[tuple[str | None, str], deque[bool]] = {}
        self._calls = self._hedges = 0
        self._spent = {"tries": 0, "rounds": 0}
        self._tripped: set[tuple[str | None, str]] = set()
        self._seconds: deque[float] = deque(maxlen=200)  # of the latest successful calls

    def dead(self, offer: Offer) -> bool:
        """Whether this provider refused this key."""
        return bool(self._dead) and self._key(offer) in self._dead

    def refusal(self, offer: Offer) -> Attempt:
        """The attempt in which this provider refused this key."""
        error = self._dead.get(self._key(offer))
        key = offer.key_source.removeprefix("in ") or "another key"
        outcome = f"not asked: its key was refused earlier in this program ({error}); set {key} anew"
        return Attempt(offer, outcome, status=error.status if error else None, error=error)

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
        """Take one retry from the budget, if there is one: of another try of a candidate, or of another round through all."""
        if self._spent[kind] >= self.policy.retry_reserve + self.policy.retry_ratio * self._calls:
            return False
        self._spent[kind] += 1
        return True

    def probe(self, offer: Offer) -> None:
        """A provider whose rest is over is asked again: by one caller, the others still see it rest."""
        place = offer.place
        if place in self._tripped and not self.cooling(offer):
            self._cool(offer, self.policy.open_for)

    def hedge_after(self, wanted: float | str | None) -> float | None:
        """Seconds after which a second candidate may be asked as well: given, or the 95th percentile so far; None for not at all.

        At most one request in twenty is such an extra one.
        """
        if wanted is None or self._hedges + 1 > HEDGE_RATIO * self._calls:
            return None
        if isinstance(wanted, str):
            return (
                sorted(self._seconds)[int(len(self._seconds) * 0.95)] if len(self._seconds) >= HEDGE_SAMPLES else None
            )
        return wanted

    def hedged(self) -> None:
        """Count an extra request."""
        self._hedges += 1

    def succeeded(self, offer: Offer, seconds: float | None = None) -> None:
        """A reply came: the provider is well again."""
        if seconds is not None:
            self._seconds.append(seconds)
        if self._until:
            self._until.pop(offer.place, None)
            self._tripped.discard(offer.place)
        self._note(offer, failed=False)

    def failed(self, offer: Offer, verdict: Verdict) -> None:
        """Remember a failure: a refused key for good, a 429 or a row of failures for a while."""
        if verdict.action == classify.DEAD:
            self._dead[self._key(offer)] = verdict.error
            return
        if verdict.cool:
            self._cool(offer, verdict.retry_after or self.policy.cool_down)
        recent = self._note(offer, failed=True)
        many = sum(recent) >= self.policy.failures and sum(recent) > len(recent) / 2
        if many or offer.place in self._tripped:
            self._cool(offer, self.policy.open_for)
            self._tripped.add(offer.place)  # one probe afterwards decides
            recent.clear()

    def _cool(self, offer: Offer, seconds: float) -> None:
        place = offer.place
        self._until[place] = max(self._until.get(place, 0.0), self.clock() + seconds)

    def _note(self, offer: Offer, *, failed: bool) -> deque[bool]:
        recent = self._recent.get(offer.place)
        if recent is None:
            recent = self._recent[offer.place] = deque(maxlen=20)
        recent.append(failed)
        return recent

    @staticmethod
    def _key(offer: Offer) -> tuple[str, str | None]:
        return offer.place[0] or "", offer.api_key


class _Try:
    """A candidate within one call: how often it was tried, and whether it may be tried again."""

    __slots__ = ("again", "offer", "tries")

    def __init__(self, offer: Offer) -> None:
        self.offer, self.tries, self.again = offer, 0, False


def route(
    offers: Sequence[Offer],
    health: Health,
    random: Uniform,
    *,
    total: float | None = None,
    attempts: list[Attempt] | None = None,
    hedge_after: float | str | None = None,
) -> Generator[Send | Sleep, Verdict | None, Verdict]:
    """Decide step by step which candidate to try; returns the verdict of the one that worked.

    Raises the typed error of a request at fault, or AllProvidersFailedError with every
    attempt. *attempts* is filled as it goes.
    """
    return _Route(offers, health, random, total, [] if attempts is None else attempts, hedge_after).run()


class _Route:
    def __init__(
        self,
        offers: Sequence[Offer],
        health: Health,
        random: Uniform,
        total: float | None,
        attempts: list[Attempt],
        hedge: float | str | None = None,
    ) -> None:
        self.hedge = hedge
        self.health, self.policy, self.random, self.attempts = health, health.policy, random, attempts
        self.deadline = health.clock() + (self.policy.total if total is None else total)
        alive = [offer for offer in offers if not health.dead(offer)]
        if not alive:
            by_key = {health._key(offer): offer for offer in reversed(offers)}
            self.attempts += [health.refusal(offer) for offer in reversed(by_key.values())][: self.policy.attempts]
        if health.resting and len(alive) > 1:
            alive.sort(key=lambda offer: health.cooling(offer) > 0)
        self.queue = [_Try(offer) for offer in alive]
        self.again: list[_Try] = []

    def left(self) -> float:
        return self.deadline - self.health.clock()

    def run(self) -> Generator[Send | Sleep, Verdict | None, Verdict]:
        self.health.call()
        while self.queue or self.again:
            if not self.queue:
                self.queue, self.again = self.again, []
                if not self.health.may_retry("rounds"):
                    break
                yield Sleep(min(self.backoff(1), max(self.left(), 0.0)))
            current = self.queue.pop(0)
            if self.health.dead(current.offer):
                continue
            verdict = yield from self.candidate(current)
            if verdict is not None:
                return verdict
            if self.left() <= 0 or len(self.attempts) >= self.policy.attempts:
                break
        raise self.exhausted()

    def candidate(self, current: _Try) -> Generator[Send | Sleep, Verdict | None, Verdict | None]:
        """Try one candidate until it works, is given up, or the call must stop."""
        while self.left() > 0 and len(self.attempts) < self.policy.attempts:
            verdict = yield from self.attempt(current)
            action = verdict.action
            if action == classify.OK:
                self.health.succeeded(verdict.offer or current.offer, self.attempts[-1].seconds)
                return verdict
            self.health.failed(verdict.offer or current.offer, verdict)
            if action == classify.STOP or (action == classify.LARGER and not self.larger(current.offer)):
                raise verdict.error or self.exhausted()
            if verdict.error is not None and verdict.error.code in _UNREACHABLE:
                self.leave(current.offer.place[0])
            pause = self.pause(current, verdict)
            if pause is None:
                if (
                    action in (classify.RETRY, classify.NEXT)
                    and current.tries < self.policy.tries
                    and _transient(verdict)
                ):
                    self.again.append(current)
                return None
            yield Sleep(pause)
        return None

    def attempt(self, current: _Try) -> Generator[Send | Sleep, Verdict | None, Verdict]:
        current.tries += 1
        here = current.offer.place[0]
        others = any(other.offer.place[0] != here for other in (*self.queue, *self.again))
        limit = self.left() / 2 if others else self.left()  # leave time for the next
        started = self.health.clock()
        self.health.probe(current.offer)
        step = Send(current.offer, max(limit, 0.001), max(self.left(), 0.001))
        second = self.second()
        if second is not None:
            step.hedge, step.hedge_after = second.offer, self.health.hedge_after(self.hedge) or 0.0
        verdict = yield step
        assert verdict is not None
        for other in verdict.also:
            self.note_other(other, started, second)
        outcome = "ok" if verdict.action == classify.OK else str(verdict.error)
        if verdict.action == classify.DEAD and current.offer.key_source:
            outcome += f"; the key is {current.offer.key_source}"
        status = verdict.error.status if verdict.error else 200
        if verdict.action == classify.POLL and self.attempts and self.attempts[-1].outcome == outcome:
            return verdict  # the same wait, not another attempt
        self.attempts.append(
            Attempt(
                verdict.offer or current.offer,
                outcome,
                status=status,
                seconds=self.health.clock() - started,
                error=verdict.error,
            )
        )
        return verdict

    def second(self) -> _Try | None:
        """Who may be asked as well if this candidate is slow."""
        if (
            not self.queue
            or len(self.attempts) + 2 > self.policy.attempts
            or self.health.hedge_after(self.hedge) is None
        ):
            return None
        best = self.queue[0]
        if best.offer.launchable:
            return None  # loading a model takes longer than any answer
        return None if self.health.dead(best.offer) or self.health.cooling(best.offer) else best

    def note_other(self, verdict: Verdict, started: float, second: _Try | None) -> None:
        """Record what came of the other of two candidates that were asked at the same time."""
        if verdict.offer is None or verdict.action == classify.OK:
            return
        self.health.failed(verdict.offer, verdict)
        seconds = self.health.clock() - started
        status = verdict.error.status if verdict.error else None
        self.attempts.append(
            Attempt(verdict.offer, str(verdict.error), status=status, seconds=seconds, error=verdict.error)
        )
        if second is not None and verdict.offer is second.offer and second in self.queue:
            self.queue.remove(second)

    def pause(self, current: _Try, verdict: Verdict) -> float | None:
        """Seconds before the same candidate is tried again, or None to give it up."""
        if verdict.action == classify.POLL:
            return min(0.5, max(self.left(), 0.0))
        if verdict.action == classify.WAIT:
            wait = verdict.retry_after or 0.0
            alone = not (self.queue or self.again) and current.tries < self.policy.tries
            return wait if alone and wait < self.left() and self.health.may_retry() else None
        if verdict.action == classify.RETRY and current.tries < self.policy.tries:
            wait = verdict.retry_after if verdict.retry_after is not None else self.backoff(current.tries)
            if wait > self.policy.backoff_cap and self.queue:
                return None
            return wait if wait < self.left() and self.health.may_retry() else None
        return None

    def backoff(self, tries: int) -> float:
        """Full jitter: anything up to base * 2**(tries - 1), at most the cap."""
        return self.random.uniform(0, min(self.policy.backoff_cap, self.policy.backoff_base * 2 ** (tries - 1)))

    def larger(self, offer: Offer) -> bool:
        """Keep only later candidates with a larger context window; whether there is any."""
        window = offer.context_window or 0
        self.queue = [later for later in self.queue if (later.offer.context_window or 0) > window]
        return bool(self.queue)

    def leave(self, address: str | None) -> None:
        """Nobody is there: other models at the same address would fail likewise."""
        self.queue = [later for later in self.queue if later.offer.place[0] != address]
        self.again = [later for later in self.again if later.offer.place[0] != address]

    def exhausted(self) -> AllProvidersFailedError:
        lines = "".join(f"\n  {attempt}" for attempt in self.attempts)
        late = " before the deadline" if self.left() <= 0 else ""
        count = len(self.attempts)
        advice = "\n`inference-providers doctor` shows keys, servers and what would be used."
        return AllProvidersFailedError(
            f"No provider answered{late}; {count} attempt{'s' * (count != 1)}:{lines}{advice}", self.attempts
        )


def _transient(verdict: Verdict) -> bool:
    """Whether the same candidate may do better a moment later."""
    error = verdict.error
    if error is not None and error.code in (*_UNREACHABLE, "protocol", "launch", "forbidden"):
        return False
    return verdict.action == classify.RETRY or (
        isinstance(error, ProviderError) and error.status in (None, 200, 429, 503)
    )

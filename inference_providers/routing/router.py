"""What to try next: one generator decides, for sync and async alike.

It yields `Send` and `Sleep` steps and is sent the verdict on each `Send`; a driver does
the I/O. Numbers are those of `docs/failures.md`, all of them settable.
"""

from __future__ import annotations

from inference_providers.attempts import Attempt
from inference_providers.errors import InferenceProvidersError, ProviderError
from inference_providers.protocols import classify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from typing import Any, Protocol

    from inference_providers.errors import BudgetExceededError
    from inference_providers.offers import Offer
    from inference_providers.protocols import Verdict
    from inference_providers.routing.health import Health
    from inference_providers.routing.preferences import Preferences

    class Uniform(Protocol):
        """What the jitter needs: `random.Random` has it."""

        def uniform(self, a: float, b: float) -> float:
            """A number between a and b."""
            raise NotImplementedError


_NO_LIMITS: Mapping[Any, float] = {}
_NOT_REACHED = ("connect", "tls")  # codes of failures before anything could be sent


class Send:
    """Try this candidate, for at most `limit` seconds.

    After `hedge_after` seconds, try `hedge` as well, for at most `hedge_limit`; `left` is what the whole call has left.
    """

    __slots__ = ("hedge", "hedge_after", "hedge_limit", "left", "limit", "offer")

    def __init__(self, offer: Offer, limit: float, left: float | None = None) -> None:
        self.offer, self.limit = offer, limit
        self.left = limit if left is None else left  # of the whole call, for a stream that has begun
        self.hedge: Offer | None = None
        self.hedge_after = self.hedge_limit = 0.0


class Sleep:
    """Wait this many seconds."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class _Candidate:
    """A candidate within one call, and how often it was tried."""

    __slots__ = ("offer", "tries")

    def __init__(self, offer: Offer) -> None:
        self.offer, self.tries = offer, 0


def route(
    offers: Sequence[Offer],
    health: Health,
    random: Uniform,
    *,
    total: float | None = None,
    attempts: list[Attempt] | None = None,
    hedge_after: float | str | None = None,
    tries: int | None = None,
    preferences: Preferences | None = None,
) -> Generator[Send | Sleep, Verdict | None, Verdict]:
    """Decide step by step which candidate to try; returns the verdict of the one that worked.

    Raises the typed error of a request at fault, or AllProvidersFailedError, each with every attempt. A request that
    is refused in words that nobody knows gets a second opinion: it is at fault if another provider refuses it as well,
    or if there is nobody else. *attempts* is filled as it goes. *tries*: of one candidate; default: the policy's.
    *preferences*: the call's own tries, pauses and times. BudgetExceededError is raised where that alone keeps all
    from being asked.
    """
    router = Router(offers, health, random, total, [] if attempts is None else attempts, hedge_after, tries)
    if preferences is not None:
        router.prefer(preferences)
    return router.run()


class Router:
    """One call's way through its candidates."""

    def __init__(
        self,
        offers: Sequence[Offer],
        health: Health,
        random: Uniform,
        total: float | None,
        attempts: list[Attempt],
        hedge: float | str | None = None,
        tries: int | None = None,
    ) -> None:
        self.hedge, self.offers = hedge, offers
        self.health, self.policy, self.random, self.attempts = health, health.policy, random, attempts
        self.tries = self.policy.tries if tries is None else tries
        self.deadline = health.clock() + (self.policy.total if total is None else total)
        alive = [offer for offer in offers if not health.dead(offer)] if health.any_dead else list(offers)
        if len(alive) > 1 and health.resting:
            alive.sort(key=lambda offer: health.cooling(offer) > 0)
        self.queue = [_Candidate(offer) for offer in alive]
        self.again: list[_Candidate] = []
        self.count = 0  # of attempts; waits for a server that is loading are none
        self.window = -1  # the largest, in tokens, that the prompt did not fit into
        self.unreachable: set[str | None] = set()  # addresses where nobody is
        self.doubted: ProviderError | None = None  # the first refusal in words that nobody knows
        self.confirmed = False  # whether another provider has refused it as well
        self.held: list[tuple[float, _Candidate, float]] = []  # out of their minute, until when, and how much later
        self.exceeded: BudgetExceededError | None = None  # the first budget that has kept one from being asked
        self.was_out = False  # whether any was out of its minute
        self.multiplier, self.most, self.seconds = 2.0, self.policy.attempts, _NO_LIMITS

    def prefer(self, preferences: Preferences) -> None:
        """Take over what the call says of tries, pauses and times."""
        if preferences.tries is not None:
            self.tries = preferences.tries
            self.most = max(self.most, self.tries * len(self.queue))
        self.most = max(self.most, len(preferences.steps))
        self.multiplier, self.seconds = preferences.multiplier or self.multiplier, preferences.seconds

    def left(self) -> float:
        return self.deadline - self.health.clock()

    def run(self) -> Generator[Send | Sleep, Verdict | None, Verdict]:
        self.health.call()
        while self.queue or self.again or self.held:
            if not self.queue and not self.again:
                until, soonest, spread = min(self.held, key=lambda entry: entry[0])
                wait = until - self.health.clock()
                if wait >= self.left():
                    break
                self.held = [entry for entry in self.held if entry[1] is not soonest]
                self.queue = [soonest]
                later = self.random.uniform(0, min(spread, (self.left() - wait) / 2)) if spread else 0.0
                yield Sleep(max(wait, 0.0) + later)
            elif not self.queue:
                self.queue, self.again = self.again, []
                if not self.health.may_retry("rounds"):
                    break
                yield Sleep(min(self.backoff(1), max(self.left(), 0.0)))
            current = self.queue.pop(0)
            verdict = yield from self.ask(current)
            if verdict is not None:
                return verdict
            if self.left() <= 0 or self.count >= self.most:
                break
        raise self.exhausted()

    def ask(self, current: _Candidate) -> Generator[Send | Sleep, Verdict | None, Verdict | None]:
        """Try one candidate until it works, is given up, or the call must stop."""
        while self.left() > 0 and self.count < self.most:
            if not self.may_work(current.offer):
                return None  # another call may have learnt it
            verdict = yield from self.attempt(current)
            action = verdict.action
            if action == classify.HELD:
                self.hold(current, verdict)
                return None
            if action == classify.OK:
                self.health.succeeded(verdict.offer or current.offer, self.attempts[-1].seconds)
                return verdict
            if verdict.repaired and not self.confirmed:
                current.tries -= 1
                continue
            self.learn(verdict.offer or current.offer, verdict)
            if self.ends(verdict):
                raise self.ended(verdict)
            pause = self.pause(current, verdict)
            if pause is None:
                if current.tries < self.tries and _transient(verdict):
                    self.again.append(current)
                return None
            yield Sleep(pause)
        return None

    def hold(self, current: _Candidate, verdict: Verdict) -> None:
        """Note that a candidate was not asked: it waits for its minute, or its price is beyond a budget."""
        current.tries -= 1
        if verdict.retry_after is not None:
            self.held.append((self.health.clock() + verdict.retry_after, current, verdict.spread))
        if verdict.exceeded is None:
            self.was_out = True
        elif self.exceeded is None:
            self.exceeded = verdict.exceeded

    def ends(self, verdict: Verdict) -> bool:
        """Whether nobody else is asked."""
        if verdict.action == classify.DOUBT:
            self.doubt(verdict)
        if self.confirmed or verdict.action == classify.STOP:
            return True
        if verdict.action == classify.LARGER:
            return not (self.queue or self.again)
        if verdict.action != classify.DOUBT or self.doubted is None:
            return False
        self.doubted.in_doubt = not (self.queue or self.again)
        return self.doubted.in_doubt

    def doubt(self, verdict: Verdict) -> None:
        """Note a refusal in words that nobody knows: it has a second opinion, which is another provider's."""
        if self.doubted is not None:
            self.confirmed = True
            return
        self.doubted = verdict.error
        self.leave_out()

    def ended(self, verdict: Verdict) -> InferenceProvidersError:
        """The error of a request at fault: the first refusal of it."""
        error = self.doubted or verdict.error
        if error is None:
            return self.exhausted()
        error.attempts = self.attempts
        return error

    def attempt(self, current: _Candidate) -> Generator[Send | Sleep, Verdict | None, Verdict]:
        current.tries += 1
        here = current.offer.place[0]
        others = (self.queue or self.again) and any(
            other.offer.place[0] != here for other in (*self.queue, *self.again)
        )
        limit = self.left() / 2 if others else self.left()  # leave time for the next
        limit = min(limit, self.seconds.get(current.offer.place, limit)) if self.seconds else limit
        started = self.health.clock()
        self.health.probe(current.offer)
        left = self.left() if current.offer.place not in self.seconds else limit
        step = Send(current.offer, max(limit, 0.001), max(left, 0.001))
        second = self.hedge_candidate()
        if second is not None:
            step.hedge, step.hedge_after = second.offer, self.health.hedge_after(self.hedge) or 0.0
            step.hedge_limit = max(min(limit, self.left() - step.hedge_after), 0.001)
        verdict = yield step
        assert verdict is not None
        if verdict.also:
            for other in verdict.also:
                self.record_other(other, started, second)
        outcome = "ok" if verdict.action == classify.OK else str(verdict.error)
        if verdict.repaired:
            outcome += f"; asked again {verdict.repaired}"
        if verdict.action == classify.DEAD and current.offer.key_source:
            outcome += f"; the key is {current.offer.key_source}"
        if verdict.action == classify.POLL:
            current.tries -= 1
            if self.attempts and self.attempts[-1].outcome == outcome:
                return verdict  # the same wait, not another attempt
        elif verdict.action == classify.HELD:
            if any(attempt.outcome == outcome for attempt in self.attempts):
                return verdict
        else:
            self.count += 1
        self.record(verdict.offer or current.offer, verdict, outcome, started)
        return verdict

    def record(self, offer: Offer, verdict: Verdict, outcome: str, started: float) -> None:
        status = verdict.error.status if verdict.error else 200
        seconds = self.health.clock() - started
        name, error = offer.canonical_name, verdict.exceeded or verdict.error
        attempt = Attempt(
            offer.provider,
            offer.internal_name,
            outcome,
            canonical_name=name,
            status=status,
            seconds=seconds,
            error=error,
        )
        self.attempts.append(attempt)

    def hedge_candidate(self) -> _Candidate | None:
        """Who may be asked as well if this candidate is slow."""
        if not self.queue or self.count + 2 > self.most or self.health.hedge_after(self.hedge) is None:
            return None
        best = self.queue[0]
        if best.offer.launchable:
            return None  # loading a model takes longer than any answer
        return best if self.may_work(best.offer) and not self.health.cooling(best.offer) else None

    def record_other(self, verdict: Verdict, started: float, second: _Candidate | None) -> None:
        """Record what came of the other of two candidates that were asked at the same time."""
        if verdict.offer is None or verdict.action in (classify.OK, classify.HELD):
            return
        self.count += 1
        if verdict.repaired:  # it is asked again when its turn comes
            self.record(verdict.offer, verdict, f"{verdict.error}; to be asked again {verdict.repaired}", started)
            return
        self.learn(verdict.offer, verdict)
        self.record(verdict.offer, verdict, str(verdict.error), started)
        if second is not None and verdict.offer is second.offer and second in self.queue:
            self.queue.remove(second)
        if verdict.action == classify.DOUBT:
            self.doubt(verdict)

    def pause(self, current: _Candidate, verdict: Verdict) -> float | None:
        """Seconds before the same candidate is tried again, or None to give it up."""
        if verdict.action == classify.POLL:
            return min(0.5, max(self.left(), 0.0))
        if verdict.action == classify.WAIT:
            wait = verdict.retry_after or 0.0
            alone = not (self.queue or self.again) and current.tries < self.tries
            return wait if alone and wait < self.left() and self.health.may_retry() else None
        if verdict.action == classify.RETRY and current.tries < self.tries:
            wait = verdict.retry_after if verdict.retry_after is not None else self.backoff(current.tries)
            if wait > self.policy.backoff_cap and self.queue:
                return None
            return wait if wait < self.left() and self.health.may_retry() else None
        return None

    def backoff(self, tries: int) -> float:
        """Full jitter: anything up to base * multiplier**(tries - 1), at most the cap."""
        longest = self.policy.backoff_base * self.multiplier ** (tries - 1)
        return self.random.uniform(0, min(self.policy.backoff_cap, longest))

    def learn(self, offer: Offer, verdict: Verdict) -> None:
        """Remember a failure, and what it says of others."""
        self.health.failed(offer, verdict)
        if verdict.action == classify.LARGER:
            self.window = max(self.window, offer.context_window or 0)
        if verdict.error is not None and verdict.error.code in _NOT_REACHED:
            self.unreachable.add(offer.place[0])
        self.leave_out()

    def leave_out(self) -> None:
        """Ask nobody who would fail likewise."""
        self.queue = [later for later in self.queue if self.may_work(later.offer)]
        self.again = [later for later in self.again if self.may_work(later.offer)]
        self.held = [entry for entry in self.held if self.may_work(entry[1].offer)]

    def may_work(self, offer: Offer) -> bool:
        """Whether nothing is known that rules a candidate out."""
        is_large_enough = self.window < 0 or (offer.context_window or 0) > self.window
        if self.doubted is not None and self.doubted.provider == offer.provider:
            return False
        return is_large_enough and offer.place[0] not in self.unreachable and not self.health.dead(offer)

    def exhausted(self) -> InferenceProvidersError:
        if self.exceeded is not None and self.count == 0 and not self.was_out:
            self.exceeded.attempts = self.attempts
            return self.exceeded
        if self.doubted is not None:
            self.doubted.attempts = self.attempts
            return self.doubted
        if not self.attempts:
            dead = {self.health.key_of(offer): offer for offer in reversed(self.offers) if self.health.dead(offer)}
            self.attempts += [self.health.refusal(offer) for offer in reversed(dead.values())][: self.policy.attempts]
        lines = "".join(f"\n  {attempt}" for attempt in self.attempts)
        is_late = self.left() <= 0
        late = " before the deadline" if is_late else ""
        count = len(self.attempts)
        advice = "\n`inference-providers doctor` shows keys, servers and what would be used."
        from inference_providers.joint_errors import all_failed

        return all_failed(
            f"No provider answered{late}; {count} attempt{'s' * (count != 1)}:{lines}{advice}",
            self.attempts,
            ", and no answer before the deadline" if is_late and "the deadline" not in str(self.attempts[-1:]) else "",
        )


def _transient(verdict: Verdict) -> bool:
    """Whether the same candidate may do better a moment later."""
    error = verdict.error
    if error is not None and error.code in (*_NOT_REACHED, "protocol", "launch", "token", "forbidden"):
        return False
    if verdict.action == classify.NEXT:
        return isinstance(error, ProviderError) and error.status in (None, 200, 429, 503)
    return verdict.action == classify.RETRY

"""Laws of the router: whatever the servers answer, however many calls go on at once, and however time passes."""

from __future__ import annotations

import asyncio
import heapq
import inspect
import math
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers import AsyncProviderList, ProviderList
from inference_providers.calls.caller import after_both, ends_the_call
from inference_providers.errors import AllProvidersFailedError, InferenceProvidersError, ProviderError
from inference_providers.protocols import classify
from inference_providers.protocols.classify import Verdict
from inference_providers.routing import health, policy, router
from tests.conftest import list_of
from tests.mutants import mutant
from tests.servers import PATIENCE, Connection, Received, Server, answer

TINY = 1e-6  # seconds: what is lost by rounding
FLOOR = 0.001  # seconds that a request is given at least
STEPS = 20_000  # of one world: far more than any takes

REPAIRED = "repaired"  # a refusal that says what to leave out
# What a server may do: (action, status, code, whether it asks to be left alone, whether it may say for how long).
ANSWERS = [
    (classify.OK, 200, None, False, False),
    (classify.OK, 200, None, False, False),
    (classify.NEXT, 200, None, False, False),
    (classify.NEXT, 404, None, False, False),
    (classify.NEXT, None, "connect", False, False),
    (classify.NEXT, None, "timeout", False, False),
    (classify.RETRY, 500, None, False, False),
    (classify.RETRY, None, "broken", False, True),
    (classify.RETRY, 429, None, True, True),
    (classify.DEAD, 401, None, False, False),
    (classify.STOP, 400, None, False, False),
    (classify.WAIT, 429, None, True, True),
    (classify.POLL, 503, "loading", False, False),
    (classify.LARGER, 400, "context", False, False),
    (classify.DOUBT, 400, None, False, False),
    (REPAIRED, 400, "unsupported", False, False),
]


class Clock:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Offer:
    """What the router reads of an offer."""

    tokens = None

    def __init__(self, number: int, address: int, key: str | None, window: int | None, launchable: bool) -> None:
        self.provider, self.internal_name, self.canonical_name = f"p{number % 2}", f"m{number}", "m"
        self.place = (f"http://h{address}", self.internal_name)
        self.api_key, self.key_source = key, f"in K{number}" if key else ""
        self.context_window, self.launchable = window, launchable

    @property
    def key(self) -> tuple[str, str | None]:
        """What is dead once it was refused."""
        return self.place[0], self.api_key

    def key_mark(self) -> str | None:
        return self.api_key


class World:
    """Offers, their servers, and calls that share one Health; every step of every call is judged."""

    def __init__(self, chance: random.Random, module: Any = None) -> None:
        module = module or routing()
        self.chance, self.router, self.clock = chance, module, Clock()
        self.policy = module.Policy(
            total=chance.choice([2.0, 20.0, 90.0]), attempts=chance.randint(1, 8), tries=chance.randint(1, 3),
            backoff_base=chance.choice([0.0, 0.5]), backoff_cap=chance.choice([0.2, 8.0]),
            failures=chance.randint(1, 5), open_for=chance.choice([1.0, 30.0]),
            retry_ratio=chance.choice([0.0, 0.1]), retry_reserve=chance.choice([0, 1, 10, 100]),
            account_rest=chance.choice([1.0, 30.0, 600.0]),
        )  # fmt: skip
        self.health = module.Health(self.policy, self.clock)
        self.offers = [
            Offer(number, chance.randint(1, 4), chance.choice([None, "a", "b", "c"]), chance.choice([None, 8, 32, 128]), chance.random() < 0.1)
            for number in range(chance.randint(1, 6))
        ]  # fmt: skip
        self.answers = chance.sample(ANSWERS, chance.choice([1, 2, 3, 4, len(ANSWERS)]))
        self.dead: dict[tuple[str, str | None], float] = {}  # until when
        self.buried: dict[tuple[str, str | None], float] = {}  # since when
        self.calls = self.hedges = self.pauses = self.errors = 0
        self.due: list[tuple[float, int, Any]] = []
        self.events = 0

    def at(self, seconds: float, action: Any) -> None:
        """Have something happen later."""
        self.events += 1
        heapq.heappush(self.due, (self.clock.now + seconds, self.events, action))

    def run(self, calls: int) -> None:
        """Make calls, some of them at the same time, until all have ended."""
        spread = self.chance.choice([0.0, 1.0, 50.0])
        for _ in range(calls):
            self.at(self.chance.uniform(0, spread * calls), lambda: Call(self))
        while self.due:
            when, _, action = heapq.heappop(self.due)
            self.clock.now = max(when, self.clock.now)
            action()
            assert self.events < STEPS, "it does not end"

    def answer(self, offer: Offer) -> Verdict:
        """What a server answers."""
        action, status, code, cool, says_when = self.chance.choice(self.answers)
        if action == classify.OK:
            return Verdict(action)
        repaired, action = ("without x", classify.DOUBT) if action == REPAIRED else ("", action)
        self.errors += action != classify.POLL  # the words of a server that is loading stay the same
        wait = self.chance.choice([None, 0.1, 3.0, 3600.0]) if says_when else None
        wait = 1.0 if action == classify.WAIT and wait is None else wait
        words = f"{offer.provider}: error {self.errors if action != classify.POLL else 'loading'}"
        error = ProviderError(words, provider=offer.provider, status=status, code=code, retry_after=wait)
        verdict = Verdict(action, error, retry_after=wait, cool=cool)
        verdict.repaired = repaired
        return verdict

    def is_dead(self, offer: Offer) -> bool:
        """Whether a key rests."""
        return self.dead.get(offer.key, 0.0) > self.clock.now

    def bury(self, offer: Offer) -> None:
        """A key rests from now on."""
        self.dead[offer.key] = self.clock.now + self.policy.account_rest
        self.buried[offer.key] = self.clock.now


class Call:
    """One call, with what the laws need to know of it."""

    def __init__(self, world: World) -> None:
        self.world, chance = world, world.chance
        self.offers = chance.sample(world.offers, chance.randint(0, len(world.offers)))
        self.attempts: list[Any] = []
        self.expected: list[tuple[str, Any]] = []  # (provider, error) of every try
        self.slept = 0.0
        self.tries: dict[Offer, int] = {}
        self.asked = 0
        self.started = world.clock.now
        self.doubt: Any = None  # the first refusal in words that nobody knows
        self.confirmed = False  # whether there was another
        self.again: Offer | None = None  # who has just said what to leave out
        self.window = -1  # that a prompt was too long for
        self.unreachable: set[str] = set()  # addresses where nobody is
        self.end: Verdict | None = None  # what must end the call at once
        self.too_long: Verdict | None = None  # what may end it, if nobody has a larger window
        self.polled: Offer | None = None  # the server that is loading
        self.loading = False  # whether it has just said so
        self.deadline = world.clock.now + world.policy.total
        self.first = True
        world.calls += 1
        self.resting = {offer.key for offer in self.offers if world.is_dead(offer)}
        alive: Any = [offer for offer in self.offers if not world.is_dead(offer)]
        self.rested = [offer for offer in alive if not world.health.cooling(offer)]
        total = None
        if chance.random() < 0.3:
            total = chance.choice([0.0, 0.3, 5.0])
            self.deadline = world.clock.now + total
        self.steps = world.router.route(
            self.offers, world.health, chance, total=total, attempts=self.attempts,
            hedge_after=chance.choice([None, 0.0, 0.2, 3.0, "p95"]),
        )  # fmt: skip
        self.go_on(None)

    def left(self) -> float:
        return self.deadline - self.world.clock.now

    def go_on(self, verdict: Verdict | None) -> None:
        try:
            step = self.steps.send(verdict)
        except StopIteration as stop:
            assert stop.value is verdict is self.end and verdict.action == classify.OK, "only what worked is returned"
            self.ended()
        except InferenceProvidersError as error:
            self.failed(error)
            self.ended()
        else:
            assert self.end is None, "nothing happens after a word that ends the call"
            self.sleep(step) if isinstance(step, self.world.router.Sleep) else self.send(step)

    def sleep(self, step: Any) -> None:
        assert 0 <= step.seconds <= max(self.left(), 0.0) + TINY, "it sleeps within the deadline"
        if not self.loading:
            self.world.pauses += 1
            policy = self.world.policy
            budget = math.ceil(policy.retry_reserve + policy.retry_ratio * self.world.calls)
            assert self.world.pauses <= 2 * budget, "retries have a budget"
        else:
            assert step.seconds > 0 or self.left() <= 0, "a server that is loading is not asked without a pause"
        self.loading = False
        self.slept += step.seconds
        self.world.at(step.seconds, lambda: self.go_on(None))

    def send(self, step: Any) -> None:
        world, left = self.world, self.left()
        assert left > 0, "nobody is asked after the deadline"
        assert step.limit <= max(left, FLOOR) + TINY and step.left <= max(left, FLOOR) + TINY
        waits = self.polled is not None and not self.ruled_out(self.polled)
        assert not waits or step.offer is self.polled, "a server that is loading is asked until it has loaded"
        assert not (self.first and self.rested) or step.offer in self.rested, "who rests is asked after the others"
        self.first = False
        again = self.again is None or self.again is step.offer or self.ruled_out(self.again)
        assert again, "who says what to leave out is asked again at once"
        self.again = None
        self.may_ask(step.offer)
        if step.offer.key in world.dead:
            world.bury(step.offer)  # its rest is over: it is asked once
        hedge = step.hedge
        if hedge is not None:
            assert hedge is not step.offer and not hedge.launchable and not world.health.cooling(hedge)
            assert step.hedge_after + step.hedge_limit <= max(left, step.hedge_after + FLOOR) + TINY
        spent = world.chance.choice([0.0, 0.05, 0.5, 1.0]) * step.limit
        verdict = world.answer(step.offer)
        verdict.offer = step.offer if hedge is not None else None
        if hedge is not None and spent > step.hedge_after:
            world.at(step.hedge_after, lambda: self.hedge(step, verdict, spent))
        else:
            world.at(spent, lambda: self.heard(step, verdict))

    def hedge(self, step: Any, verdict: Verdict, spent: float) -> None:
        """The first has not answered in time."""
        world = self.world
        rest = spent - step.hedge_after
        if not world.health.may_hedge(step.hedge):
            world.at(rest, lambda: self.heard(step, verdict))
            return
        world.hedges += 1
        assert world.hedges <= 0.05 * world.calls, "at most one request in twenty is an extra one"
        self.may_ask(step.hedge)
        takes = world.chance.choice([0.0, 0.5, 1.0]) * step.hedge_limit
        other = world.answer(step.hedge)
        other.offer = step.hedge
        by_time = [verdict, other] if rest <= takes else [other, verdict]
        if ends_the_call(by_time[0]):
            world.at(min(rest, takes), lambda: self.heard(step, by_time[0]))
        else:
            world.at(max(rest, takes), lambda: self.heard(step, after_both(step.offer, by_time)))

    def is_buried(self, offer: Offer) -> bool:
        """Whether its key was found refused since this call began, perhaps by another."""
        return self.world.buried.get(offer.key, -1.0) >= self.started

    def ruled_out(self, offer: Offer) -> bool:
        """Whether the answers so far say that this one would fail."""
        small = (offer.context_window or 0) <= self.window
        dead = offer.key in self.resting or self.is_buried(offer)
        return small or dead or offer.place[0] in self.unreachable or self.has_refused(offer)

    def has_refused(self, offer: Offer) -> bool:
        """Whether it was this one who refused in words that nobody knows."""
        return self.doubt is not None and self.doubt.provider == offer.provider

    def may_ask(self, offer: Offer) -> None:
        """What must be true of whoever is asked."""
        assert any(offer is one for one in self.offers), "only who was given is asked"
        assert not self.world.is_dead(offer), "a refused key rests"
        assert not self.has_refused(offer), "a second opinion is another's"
        assert offer.place[0] not in self.unreachable, "where nobody is, nobody is asked again"
        assert self.window < 0 or (offer.context_window or 0) > self.window, (
            "a prompt that is too long goes to larger windows only"
        )
        self.tries[offer] = self.tries.get(offer, 0) + 1
        assert self.tries[offer] <= self.world.policy.tries, "there is a limit to the tries of a candidate"
        self.asked += 1
        assert self.asked <= self.world.policy.attempts, "there is a limit to the attempts of a call"

    def heard(self, step: Any, verdict: Verdict) -> None:
        """Answers have come: what they mean, and on with the call."""
        for one in (*verdict.also, verdict):
            offer: Any = one.offer or step.offer
            repeated = (
                one is verdict
                and one.action == classify.POLL
                and self.expected
                and str(self.expected[-1][1]) == str(one.error)
            )
            if not repeated:
                self.expected.append((offer.provider, one.error))
            if one.action == classify.DEAD:
                self.world.bury(offer)
            if one.action == classify.OK:
                self.world.dead.pop(offer.key, None)
            if one.repaired and one is not verdict:
                self.tries[offer] -= 1  # it is asked again when its turn comes
            if one.action == classify.LARGER:
                self.window = max(self.window, offer.context_window or 0)
            if one.error is not None and one.error.code == "connect":
                self.unreachable.add(offer.place[0])
        self.polled = step.offer if verdict.action == classify.POLL else None
        self.loading = self.polled is not None
        if self.polled is not None:
            self.tries[self.polled] -= 1  # a wait is no try
            self.asked -= 1
        if verdict.action in (classify.OK, classify.STOP):
            self.end = verdict
        for one in (*verdict.also, verdict):
            if one.action == classify.DOUBT and not one.repaired:
                self.confirmed = self.doubt is not None
                self.doubt = self.doubt or one.error
        if verdict.action != classify.OK and self.confirmed:
            self.end = verdict
        elif verdict.repaired:
            self.again = step.offer
            self.tries[step.offer] -= 1
        self.too_long = verdict if verdict.action == classify.LARGER else None
        self.go_on(verdict)

    def failed(self, error: Exception) -> None:
        """A call has raised."""
        if self.doubt is not None:
            assert error is self.doubt, "what is raised is the first refusal"
            assert self.doubt.attempts == self.attempts
            if self.end is None and self.left() > 0 and self.asked < self.world.policy.attempts:
                self.nobody_else()
            return
        if isinstance(error, AllProvidersFailedError):
            assert self.end is None, "an answer, or what is wrong with the request, is passed on"
            assert error.attempts == self.attempts
            text, place = str(error), 0
            for attempt in self.attempts:
                place = text.index(str(attempt), place) + len(str(attempt))
            assert f"{len(self.attempts)} attempt" in text
            dead = [offer for offer in self.offers if self.world.is_dead(offer)]
            assert self.attempts or not dead, "a refused key is told"
            if self.too_long is not None and self.left() > 0 and self.asked < self.world.policy.attempts:
                others = [offer for offer in self.offers if not self.ruled_out(offer) or self.is_buried(offer)]
                assert others, "that a prompt is too long is said"
            return
        word = self.end or self.too_long
        assert word is not None and error is word.error, "what is raised is what the server said"
        if self.end is None:
            self.nobody_else()

    def nobody_else(self) -> None:
        """A prompt was too long, or refused in words that nobody knows, and that was the end."""
        others = [offer for offer in self.offers if offer not in self.tries and not self.ruled_out(offer)]
        assert not others, "there was somebody else to ask"

    def ended(self) -> None:
        if self.expected or not self.attempts:
            assert [attempt.provider for attempt in self.attempts] == [provider for provider, _ in self.expected]
            for attempt, (_, error) in zip(self.attempts, self.expected, strict=True):
                assert attempt.error is error and attempt.seconds >= 0
                assert attempt.outcome.startswith("ok" if error is None else str(error))
        else:
            assert {attempt.provider for attempt in self.attempts} <= {offer.provider for offer in self.offers}
        assert self.slept <= self.world.policy.total + TINY or self.left() > -TINY


@settings(max_examples=300)
@given(chance=st.randoms(use_true_random=False), calls=st.integers(1, 12))
def test_the_router_keeps_its_laws(chance: random.Random, calls: int) -> None:
    World(chance).run(calls)


def loads_then_answers(module: Any) -> None:
    """A server that is loading is waited for; then it has all the tries that others have."""
    clock = Clock()
    health = module.Health(module.Policy(attempts=2), clock)
    offer: Any = Offer(1, 1, "a", None, False)
    loading, broken = (
        Verdict(action, ProviderError(action, status=status))
        for action, status in ((classify.POLL, 503), (classify.RETRY, 500))
    )
    attempts: list[Any] = []
    steps = module.route([offer], health, random.Random(1), attempts=attempts)
    step = next(steps)
    for verdict in (loading, loading, loading, broken):
        assert step.offer is offer
        pause = steps.send(verdict)
        assert isinstance(pause, module.Sleep)
        clock.now += pause.seconds
        step = steps.send(None)
    assert step.offer is offer
    try:
        steps.send(Verdict(classify.OK))
    except StopIteration:
        assert [attempt.outcome for attempt in attempts] == ["poll", "retry", "ok"]


def is_repaired_then_answers(module: Any) -> None:
    """A server that says what to leave out is asked again at once; then it has all the tries that others have."""
    clock = Clock()
    offer: Any = Offer(1, 1, "a", None, False)
    refuses, broken = (
        Verdict(action, ProviderError(action, status=status))
        for action, status in ((classify.DOUBT, 400), (classify.RETRY, 500))
    )
    refuses.repaired = "without x"
    steps = module.route([offer], module.Health(module.Policy(), clock), random.Random(1))
    assert next(steps).offer is offer
    assert isinstance(steps.send(refuses), module.Send), "it is not waited for"
    assert isinstance(steps.send(broken), module.Sleep), "it has another try"
    assert isinstance(steps.send(None), module.Send)


def test_a_repair_is_no_try() -> None:
    is_repaired_then_answers(routing())


def test_a_wait_for_a_server_that_is_loading_is_no_try_and_no_attempt() -> None:
    loads_then_answers(routing())


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_calls_at_the_same_time_share_the_budget_of_hedges(serve: Callable[..., Server], kind: str) -> None:
    let_go = threading.Event()

    def slow(connection: Connection, request: Received) -> None:
        let_go.wait(PATIENCE)
        answer(connection, request)

    def quick(connection: Connection, request: Received) -> None:
        answer(connection, request)
        let_go.set()

    first, second = serve(slow), serve(quick)
    providers = {"sync": ProviderList, "async": AsyncProviderList}
    made = list_of(first.url, second.url, kind=providers[kind], hedge_after=0.2)
    made.pipeline.health._calls = 10

    async def all_at_once() -> None:
        await asyncio.gather(*(made.ask_ai("hi") for _ in range(20)))

    if kind == "async":
        asyncio.run(all_at_once())
    else:
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(made.ask_ai, ["hi"] * 20))
    assert len(first.asked) == 20
    assert len(second.asked) == 1  # of thirty calls, one in twenty


# Laws that can fail: each of these is wrong in one place, and some course of events shows it.
WRONG = {
    "no limit to attempts": (" and self.count < self.most:", ":"),
    "a try too many": ("current.tries < self.tries and _transient(verdict)", "_transient(verdict)"),
    "tries of the same candidate in a row": (
        "if verdict.action == classify.RETRY and current.tries < self.tries:",
        "if verdict.action == classify.RETRY:",
    ),
    "a hedge beyond the limit": ("self.count + 2 > self.most or ", ""),
    "a hedge is not counted": ("        self.count += 1\n        if verdict.repaired:  #", "        if verdict.repaired:  #"),
    "a refused key is used again": ("return is_large_enough and offer.place[0] not in self.unreachable and not self.health.dead(offer)", "return is_large_enough and offer.place[0] not in self.unreachable"),
    "a refused key is not remembered": ("self._dead[self.key_of(offer)] = (self.clock() + rest, error)", "pass"),
    "a refused key rests for ever": ("(self.clock() + rest, error)", "(self.clock() + 9e9, error)"),
    "a key that works again is dead": ("        if self._dead:\n            self._dead.pop(self.key_of(offer), None)\n", ""),
    "two probe a key that has rested": ("            self._bury(offer, entry[1])\n        place", "            pass\n        place"),
    "no second opinion": ("return self.doubted.in_doubt\n", "return True\n"),
    "a third opinion": ("            self.confirmed = True\n", "            pass\n"),
    "both refuse, and a third is asked": ("        if verdict.action == classify.DOUBT:\n            self.doubt(verdict)\n\n", "\n"),
    "a second opinion of whoever refused": ("self.doubted.provider == offer.provider", "False"),
    "the second refusal is told": ("error = self.doubted or verdict.error", "error = verdict.error"),
    "a doubt is forgotten": ("        if self.doubted is not None:\n            self.doubted.attempts = self.attempts\n            return self.doubted\n", ""),
    "a repair is a try": ("                current.tries -= 1\n                continue\n", "                continue\n"),
    "a repair is a failure": ("            if verdict.repaired and not self.confirmed:\n", "            if False:\n"),
    "a key that another call found refused": ("            if not self.may_work(current.offer):\n                return None", "            if False:\n                return None"),
    "another call's dead key in a hedge": (" or self.dead(offer):\n            return False\n        self._hedges", ":\n            return False\n        self._hedges"),
    "it asks where nobody is": ("self.unreachable.add(offer.place[0])", "pass"),
    "any window will do": ("is_large_enough = self.window < 0 or (offer.context_window or 0) > self.window", "is_large_enough = True"),
    "the same window will do": ("(offer.context_window or 0) > self.window\n", "(offer.context_window or 0) >= self.window\n"),
    "who waits for another round keeps a small window": ("self.again = [later for later in self.again if self.may_work(later.offer)]", "pass"),
    "too long a prompt ends it all": ("            return not (self.queue or self.again)\n", "            return True\n"),
    "too long a prompt ends nothing": ("            return not (self.queue or self.again)\n", "            return False\n"),
    "a stop is no stop": ("self.confirmed or verdict.action == classify.STOP", "self.confirmed"),
    "an answer is not returned": ("self.attempts[-1].seconds)\n                return verdict", "self.attempts[-1].seconds)\n                return None"),
    "asked after the deadline": ("while self.left() > 0 and ", "while "),
    "a limit beyond the deadline": ("else self.left()  # leave", "else self.left() + 1.0  # leave"),
    "a hedge beyond the deadline": ("max(min(limit, self.left() - step.hedge_after), 0.001)", "limit"),
    "a wait beyond the deadline": ("return wait if wait < self.left() and self.health.may_retry() else None", "return wait if self.health.may_retry() else None"),
    "a pause beyond the deadline": ("Sleep(min(self.backoff(1), max(self.left(), 0.0)))", "Sleep(self.backoff(1))"),
    "no pause while it is loading": ("return min(0.5, max(self.left(), 0.0))", "return 0.0"),
    "a wait is an attempt": ("        else:\n            self.count += 1\n", "        self.count += 1\n"),
    "waits are tries": ("            current.tries -= 1\n            if self.attempts and", "            if self.attempts and"),
    "every wait is told": ("if self.attempts and self.attempts[-1].outcome == outcome:", "if False:"),
    "a wait hides the one before": ("self.attempts[-1].outcome == outcome", "True"),
    "hedges without end": ("if self._hedges + 1 > HEDGE_RATIO * self._calls or self.dead", "if self.dead"),
    "hedges are not counted": ("        self._hedges += 1\n", ""),
    "a resting candidate is a hedge": (" and not self.health.cooling(best.offer) else None", " else None"),
    "a model is loaded for a hedge": ("if best.offer.launchable:", "if False:"),
    "retries without end": ("if self._spent[kind] >= self.policy.retry_reserve + self.policy.retry_ratio * self._calls:", "if False:"),
    "who rests is asked first": ("alive.sort(key=lambda offer: health.cooling(offer) > 0)", "alive.sort(key=lambda offer: health.cooling(offer) == 0)"),
    "an attempt is not told": ("        self.record(verdict.offer or current.offer, verdict, outcome, started)\n", "        if verdict.action != classify.DEAD:\n            self.record(verdict.offer or current.offer, verdict, outcome, started)\n"),
    "the other's attempt is not told": ("        self.record(verdict.offer, verdict, str(verdict.error), started)\n", ""),
    "the last comes first": ('for attempt in self.attempts)\n        is_late', 'for attempt in reversed(self.attempts))\n        is_late'),
    "refused keys are not told": ("        if not self.attempts:\n            dead", "        if False:\n            dead"),
    "who was asked as well is asked again": ("            self.queue.remove(second)\n", "            pass\n"),
}  # fmt: skip


def broken(module: Any, worlds: int = 1000) -> str:
    """The first law that a router breaks, in these worlds; empty for none."""
    for seed in range(worlds):
        chance = random.Random(seed)
        try:
            World(chance, module).run(chance.choice([1, 3, 12, 60]))
            loads_then_answers(module)
            is_repaired_then_answers(module)
        except (AssertionError, ValueError, IndexError, InferenceProvidersError) as error:
            return f"{seed}: {error!r}"
    return ""


def routing(right: str = "", wrong: str = "") -> Any:
    """The router and its health; in one of them *right* is replaced by *wrong*."""
    parts = [module for module in (router, health) if right and right in inspect.getsource(module)]
    made = {module: mutant(module, right, wrong) for module in parts}
    assert len(made) == bool(right), f"{right} is in {len(made)} modules"
    names = {
        name: value for module in (router, health, policy) for name, value in vars(made.get(module, module)).items()
    }
    return SimpleNamespace(**names)


@pytest.mark.parametrize("name", WRONG)
def test_a_router_that_breaks_a_law_is_noticed(name: str) -> None:
    assert broken(routing(*WRONG[name]))


def test_a_copy_of_the_router_keeps_the_laws_as_well() -> None:
    assert broken(routing("class Router:", "class Router: ")) == ""
    assert broken(routing("class Health:", "class Health: ")) == ""

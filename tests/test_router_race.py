"""Laws of the staggered race and of the pace of batches, for any course of events."""

from __future__ import annotations

import asyncio
import heapq
import random
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.attempts import Attempt
from inference_providers.errors import AuthenticationError, ProviderError, RateLimitError
from inference_providers.routing import concurrency as pace
from inference_providers.transport import staggering as racing
from inference_providers.transport.races import run_race, run_race_async
from tests.mutants import mutant

LANES = "OfferLanes"  # the class of `pace` that shares the lanes of several offers


# A race


def run_one_race(chance: random.Random, module: Any = racing) -> None:
    """One race, with runners that take their time; each step is judged."""
    count, stagger = chance.randint(0, 6), chance.choice([0.0, 0.25, 2.0])
    runners = [(chance.choice([0.0, 0.1, 0.25, 0.3, 5.0]), chance.random() < 0.5) for _ in range(count)]
    now, last_start = 0.0, -stagger
    started: list[int] = []
    running: list[tuple[float, int]] = []  # (when it ends, which)
    answered: set[int] = set()
    winners: list[int] = []
    failed = True  # whether somebody failed, or a winner was not enough, since the last start
    steps, event = module.race(count, stagger), None
    for _ in range(1000):
        try:
            kind, value = steps.send(event)
        except StopIteration:
            break
        event = None
        if kind == "start":
            assert value == len(started), "each is started once, in order"
            assert not answered, "nobody is started while an answer waits to be taken"
            assert failed or not running or now >= last_start + stagger, "the next waits for its turn"
            started.append(value)
            heapq.heappush(running, (now + runners[value][0], value))
            last_start, failed = now, False
        elif kind == "won":
            assert value in answered and value == min(answered), "the earliest of those that answered"
            answered.remove(value)
            winners.append(value)
            failed = True
        elif len(started) < count and not answered and (failed or value != stagger):
            raise AssertionError("the next is started after a failure, and when it is its turn")
        elif running and (value is None or running[0][0] <= now + value):
            when, index = heapq.heappop(running)
            now = max(when, now)
            event = (index, runners[index][1])
            answered |= {index} if event[1] else set()
            failed = failed or not event[1]
        else:
            assert value is not None, "nobody waits for ever when nobody is running"
            assert running or value == 0.0, "nobody waits when nobody is running"
            assert value == 0.0 or len(started) < count, "nobody waits for a turn that will not come"
            assert not answered or value == 0.0, "an answer is taken at once"
            now += value
    else:
        raise AssertionError("it does not end")
    assert not running and started == list(range(count)), "it ends when all have ended"
    assert sorted(winners) == [index for index in range(count) if runners[index][1]], "every answer is given once"


@given(chance=st.randoms(use_true_random=False))
def test_a_race_keeps_its_laws(chance: random.Random) -> None:
    run_one_race(chance)


WRONG_RACES = {
    "one is never started": ("running or upcoming < count:", "running or upcoming < count - 1:"),
    "one is started twice": ("upcoming, running = upcoming + 1,", "upcoming, running = upcoming + (running > 0),"),
    "all at once": ('event = yield "wait", stagger if upcoming < count else None', 'event = (yield "wait", None) if upcoming == count else None'),
    "not after a failure": ("if upcoming < count:  #", "if upcoming < count and (not upcoming or event is None or not running):  #"),
    "somebody after an answer": ("        if answered:\n            event", "        if answered and upcoming == count:\n            event"),
    "the latest wins": ("min(answered)", "max(answered)"),
    "a winner wins again": ("answered.remove(winner)", "running = max(running, 0)"),
    "who failed wins": ("        if ok:", "        if True:"),
    "it waits when all have ended": ("running -= 1", "pass"),
    "it waits for ever": ("stagger if upcoming < count else None", "None"),
    "it ends too soon": ("while answered or running or upcoming < count:", "while upcoming < count:"),
    "an answer is lost": ("while answered or running or", "while running or"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_RACES)
def test_a_race_that_breaks_a_law_is_noticed(name: str) -> None:
    module = mutant(racing, *WRONG_RACES[name])
    with pytest.raises(AssertionError):
        for seed in range(2000):
            run_one_race(random.Random(seed), module)


@given(winners=st.sets(st.integers(0, 7)), enough=st.integers(1, 8))
def test_after_a_race_with_tasks_none_is_left(winners: set[int], enough: int) -> None:
    """However many winners are taken: runners that have not ended are cancelled, and each was started at most once."""
    started: list[int] = []
    ended: list[int] = []

    async def main() -> list[int]:
        async def runner(index: int) -> bool:
            started.append(index)
            try:
                for _ in range(index if index in winners else 200):
                    await asyncio.sleep(0)
                return index in winners
            finally:
                ended.append(index)

        taken = []
        race = run_race_async([lambda index=index: runner(index) for index in range(8)], 0.0)  # type: ignore[misc]
        async for index in race:
            taken.append(index)
            if len(taken) == enough:
                break
        await race.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return taken

    taken = asyncio.run(main())
    assert sorted(ended) == sorted(started) == sorted(set(started))
    assert len(set(taken)) == len(taken) and set(taken) <= winners
    assert len(taken) == min(enough, len(winners))


@pytest.mark.parametrize("kind", ["threads", "tasks"])
def test_a_runner_that_raises_has_failed(kind: str) -> None:
    """Others go on, and the race ends."""
    raised: list[Any] = []
    before, threading.excepthook = threading.excepthook, raised.append

    def breaks() -> bool:
        raise ZeroDivisionError

    async def breaks_later() -> bool:
        return breaks()

    async def answers_later() -> bool:
        return True

    async def main() -> list[int]:
        return [index async for index in run_race_async([breaks_later, answers_later, breaks_later], 5.0)]

    try:
        found = asyncio.run(main()) if kind == "tasks" else list(run_race([breaks, lambda: True, breaks], 5.0))
    finally:
        threading.excepthook = before
    assert found == [1]


# The pace of a batch


class Clock:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Offer:
    """What `pace` reads of an offer."""

    def __init__(self, number: int, canonical_name: str, launchable: bool) -> None:
        self.provider, self.internal_name, self.canonical_name = f"p{number}", "m", canonical_name
        self.launchable = launchable


class Health:
    """Who is ill."""

    def __init__(self) -> None:
        self.ill: set[str] = set()

    def dead(self, offer: Any) -> bool:
        return offer.provider in self.ill

    def cooling(self, offer: Any) -> float:
        return 0.0


def run_one_batch(chance: random.Random, module: Any = pace) -> None:
    """Requests of one batch, as many at once as the pace allows; each step is judged."""
    clock, health = Clock(), Health()
    adaptive, rate = chance.random() < 0.8, chance.choice([None, None, 30.0, 6000.0])
    concurrency = chance.choice(["auto", 1, 2, 5, 300])
    made = module.Pace(concurrency, clock, adaptive=adaptive, requests_per_minute=rate)
    names, launchable = chance.choice([["m"], ["m", "m", "n"]]), chance.choice([0, 0, 0.5])
    offers: list[Any] = [
        Offer(n, chance.choice(names), chance.random() < launchable) for n in range(chance.randint(1, 4))
    ]
    lanes = getattr(module, LANES)(offers, made, health)
    busy: list[tuple[float, int, Any, Any, float]] = []  # (when it ends, number, lane, offer, when it started)
    asked: dict[str, int] = {}
    cut: dict[str, float] = {}
    begun = clock.now
    refusing = {offer.provider for offer in offers if chance.random() < 0.5}
    for number in range(chance.choice([30, 400])):
        health.ill = {offer.provider for offer in offers if chance.random() < 0.1}
        found = lanes.free()
        if found is not None:
            lane, given = found
            first = given[0]
            assert sorted(map(id, given)) == sorted(map(id, offers)), "all candidates are given, once each"
            assert lane is made.lane(first.provider, first.internal_name), "the lane's own offer comes first"
            side = [one for one in offers if one.canonical_name == offers[0].canonical_name]
            are_shut = all(own.opens - clock.now > module.LONGEST_PAUSE for own in lanes._lanes)
            assert first in side or are_shut, "another model is a fallback"
            assert first is offers[0] or not first.launchable or are_shut, "an engine is not loaded beside another"
            assert lane.busy < int(lane.limit), "never more at once than the limit"
            assert clock.now >= lane.opens, "a closed lane is left alone"
            asked[first.provider] = asked.get(first.provider, 0) + 1
            if rate is not None:
                flowed = max(rate / 60, 1.0) + (clock.now - begun) * rate / 60
                assert asked[first.provider] <= flowed + 1 + 1e-6, "never more than the rate and one burst"
            lane.start(0.0)
            heapq.heappush(busy, (clock.now + chance.choice([0.1, 1.0, 4.0]), number, lane, first, clock.now))
            if chance.random() < 0.8:
                continue
        elif lanes.wait is not None and (not busy or clock.now + lanes.wait < busy[0][0]):
            assert lanes.wait > 0
            clock.now += lanes.wait
            continue
        assert busy, "nobody waits for a call to end when none is on its way"
        when, _, lane, offer, started = heapq.heappop(busy)
        clock.now = max(clock.now, when)
        before, opens = lane.limit, lane.opens
        outcomes = [None, 429, 503] if offer.provider in refusing else [None, None, None, 401, 500]
        status = chance.choice(outcomes)
        after = chance.choice([None, 0.5, 20.0]) if status == 429 else None
        made.heard(lane, [_attempt(offer, status, after)], started)
        if status in (429, 503):
            news = started >= cut.get(offer.provider, 0.0)
            halved = max(1.0, before / 2) if adaptive and news else before
            assert lane.limit == halved, "a refusal halves the limit, once for each round"
            assert lane.opens >= clock.now + (after or 0.0), "it opens when the server said"
            assert lane.opens > clock.now or not news, "after a refusal there is a pause"
            cut[offer.provider] = clock.now if news else cut[offer.provider]
        elif status is not None:
            assert (lane.limit, lane.opens) == (before, opens), "other failures say nothing of the pace"
        else:
            step = 0.25 if offer.provider not in cut else 1 / before
            assert before <= lane.limit <= before + step, (
                "it rises by a quarter for each answer, and after a refusal by one in a round"
            )
            assert lane.limit == before or lane.busy >= int(before), "it rises only when it was used up"
            assert lane.limit > before or lane.busy < int(before) or before == made.most, "it rises when it was used up"
        lane.done(0.0)
        most = made.most if isinstance(concurrency, str) else concurrency
        assert 1 <= lane.limit <= most and 0 <= lane.busy <= most


def _attempt(offer: Any, status: int | None, after: float | None) -> Attempt:
    if status is None:
        return Attempt(offer.provider, offer.internal_name, "ok", status=200)
    kind = {429: RateLimitError, 401: AuthenticationError}.get(status, ProviderError)
    return Attempt(
        offer.provider, offer.internal_name, "no", status=status, error=kind("no", status=status, retry_after=after)
    )


@given(chance=st.randoms(use_true_random=False))
def test_a_batch_keeps_the_laws_of_its_pace(chance: random.Random) -> None:
    run_one_batch(chance)


WRONG_PACES = {
    "never halved": ("self.limit = max(1.0, self.limit / 2)", "pass"),
    "halved below one": ("max(1.0, self.limit / 2)", "self.limit / 2"),
    "halved by every refusal": ("if started >= self._cut:", "if True:"),
    "halved though it is to stay": ("            if self._adaptive:", "            if True:"),
    "above the ceiling": ("min(self._ceiling, self.limit + (", "max(0, self.limit + ("),
    "it never rises": ("(1 / self.limit if self.refused else RISE)", "0"),
    "it rises fast after a refusal": ("(1 / self.limit if self.refused else RISE)", "RISE"),
    "it rises though there is room": ("        if self.busy >= int(self.limit):\n            self.limit", "        if True:\n            self.limit"),
    "more than the limit": ("        if self.busy >= int(self.limit):\n            return None", "        if self.busy > int(self.limit):\n            return None"),
    "it does not open later": ("self.opens = max(self.opens, now + (retry_after or 0.0))", "pass"),
    "it opens sooner": ("self.opens = max(self.opens, now + (retry_after or 0.0))", "self.opens = now"),
    "no pause of its own": ("if not retry_after:", "if False:"),
    "a closed lane is used": ("wait = max(self.opens - now, 0.0)", "wait = 0.0"),
    "the rate is not looked at": ("wait = max(wait, bucket.wait(now))", "pass"),
    "requests are not counted": ("self._requests.take(1)", "pass"),
    "too much flows back": ("(now - self._then) * self._rate)", "(now - self._then) * self._rate * 2)"),
    "bursts without end": ("min(self.most, self._level + ", "max(0, self._level + "),
    "it waits too short": ("-self._level / self._rate + 1e-3", "0.0"),
    "all failures slow it": ("return attempt.status in OVERLOADED and not isinstance(", "return not isinstance("),
    "nothing slows it": ("OVERLOADED = (429, 503, 529)", "OVERLOADED = (529,)"),
    "who has ended is busy": ("self.busy -= 1", "pass"),
    "another model beside": ("and offers[count].canonical_name == first:", "and True:"),
    "another engine beside": ("if offers[count].launchable:", "if False:"),
    "others are forgotten": ("[chosen, *(offer for offer in self._offers if offer is not chosen)]", "[chosen]"),
    "the lane of another": ("chosen = self._offers[best]", "chosen = self._offers[0]"),
    "nobody says when": ("self.wait = wait if self.wait is None else min(wait, self.wait)", "pass"),
    "a lane that must wait is used": ("            if wait != 0:\n", "            if wait is None:\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_PACES)
def test_a_pace_that_breaks_a_law_is_noticed(name: str) -> None:
    module = mutant(pace, *WRONG_PACES[name])
    with pytest.raises((AssertionError, TypeError)):
        for seed in range(500):
            run_one_batch(random.Random(seed), module)

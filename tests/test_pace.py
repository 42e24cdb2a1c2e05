"""How fast a batch may go: laws of the bucket and the lane, for any course of events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.attempts import Attempt
from inference_providers.errors import RateLimitError
from inference_providers.routing.concurrency import FIRST, MOST, Bucket, ConcurrencyLimiter, OfferLanes, Pace

SECONDS = st.floats(0, 100)
EVENTS = st.lists(st.tuples(st.sampled_from(["ask", "good", "refused", "wait"]), st.floats(0, 5)), max_size=200)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Offer:
    """What `pace` reads of an offer."""

    launchable = False

    def __init__(self, provider: str, canonical_name: str | None = "m") -> None:
        self.provider, self.canonical_name, self.internal_name = provider, canonical_name, "m-internal"


class Health:
    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.resting: set[str] = set()

    def dead(self, offer: Any) -> bool:
        return offer.provider in self.refused

    def cooling(self, offer: Any) -> float:
        return 5.0 if offer.provider in self.resting else 0.0


def attempt(provider: str, status: int = 200, retry_after: float | None = None) -> Attempt:
    error = RateLimitError("no", status=status, retry_after=retry_after) if status != 200 else None
    offer: Any = Offer(provider)
    return Attempt(
        offer.provider,
        offer.internal_name,
        "ok" if error is None else "no",
        canonical_name=offer.canonical_name,
        status=status,
        error=error,
    )


def lanes_of(*providers: str | Offer, **options: Any) -> tuple[OfferLanes, Pace, Clock, Health]:
    clock, health = Clock(), Health()
    pace = Pace(options.pop("concurrency", "auto"), clock, **options)
    offers: Any = [Offer(one) if isinstance(one, str) else one for one in providers]
    return OfferLanes(offers, pace, health), pace, clock, health


@given(rate=st.floats(0.5, 100_000), steps=st.lists(st.tuples(SECONDS, st.floats(0, 5000)), max_size=60))
def test_a_bucket_never_gives_more_than_its_rate_and_one_burst(rate: float, steps: list[tuple[float, float]]) -> None:
    now = 0.0
    bucket = Bucket(rate, now)
    given_before = 0.0
    for pause, amount in steps:
        now += pause
        if bucket.wait(now) == 0:
            assert given_before <= rate / 60 * now + bucket.most + 1e-6 * (1 + given_before)
            bucket.take(amount)
            given_before += amount


@given(rate=st.floats(0.5, 100_000), amounts=st.lists(st.floats(0, 5000), max_size=30))
def test_who_waits_as_long_as_a_bucket_says_gets_something(rate: float, amounts: list[float]) -> None:
    now = 0.0
    bucket = Bucket(rate, now)
    for amount in amounts:
        now += bucket.wait(now)
        assert bucket.wait(now) == 0
        bucket.take(amount)


@given(rate=st.floats(1, 10_000), taken=st.floats(0, 1000), back=st.floats(0, 5000), pause=SECONDS)
def test_what_is_given_back_never_makes_more_than_a_burst(rate: float, taken: float, back: float, pause: float) -> None:
    bucket = Bucket(rate, 0.0)
    bucket.take(taken)
    bucket.take(-back)
    assert bucket.wait(pause) == 0 or taken > back
    bucket.take(bucket.most + 0.001)
    assert bucket.wait(pause) > 0


@given(events=EVENTS, ceiling=st.integers(1, 300), first=st.integers(1, 300))
def test_a_limit_is_never_above_its_ceiling_nor_below_one(
    events: list[tuple[str, float]], ceiling: int, first: int
) -> None:
    lane = ConcurrencyLimiter(float(min(first, ceiling)), float(ceiling), None, None)
    now = 0.0
    for event, value in events:
        if event == "ask" and lane.wait(now) == 0:
            lane.start(0)
        elif event == "good":
            lane.went_well()
        elif event == "refused":
            lane.was_refused(now, now - value, value)
        else:
            now += value
        assert 1 <= lane.limit <= ceiling
        assert lane.busy <= max(ceiling, 1)


@given(started=st.lists(st.floats(0, 10), min_size=1, max_size=100))
def test_a_limit_is_halved_at_most_once_in_a_round(started: list[float]) -> None:
    lane = ConcurrencyLimiter(64.0, 64.0, None, None)
    for begun in started:
        lane.was_refused(10.0 + begun / 1000, min(begun, 9.99), None)
    assert lane.limit == 32.0
    lane.was_refused(12.0, 11.0, None)
    assert lane.limit == 16.0


def test_a_limit_rises_only_when_it_was_used_up() -> None:
    lane = ConcurrencyLimiter(4.0, 256.0, None, None)
    lane.went_well()
    assert lane.limit == 4.0
    for _ in range(4):
        lane.start(0)
    lane.went_well()
    assert lane.limit == 4.25


def test_after_the_first_refusal_a_round_adds_one() -> None:
    lane = ConcurrencyLimiter(8.0, 256.0, None, None)
    lane.was_refused(1.0, 0.5, None)
    for _ in range(4):
        lane.start(0)
    for _ in range(4):
        lane.went_well()
    assert 4.8 < lane.limit <= 5.0


def test_a_refused_lane_opens_when_the_provider_said() -> None:
    lane = ConcurrencyLimiter(8.0, 8.0, None, None)
    lane.was_refused(10.0, 9.0, 7.0)
    lane.was_refused(10.0, 9.0, 2.0)
    assert lane.wait(10.0) == 7.0
    assert lane.wait(17.0) == 0


def test_a_full_lane_waits_for_a_call_to_end_not_for_the_clock() -> None:
    lane = ConcurrencyLimiter(1.0, 8.0, None, None)
    lane.start(0)
    assert lane.wait(0.0) is None
    lane.done(0)
    assert lane.wait(0.0) == 0


def test_tokens_that_were_not_used_are_given_back() -> None:
    lane = ConcurrencyLimiter(8.0, 8.0, None, Bucket(60, 0.0))
    lane.start(100.0)
    assert lane.wait(0.0) == pytest.approx(99, abs=0.1)
    lane.done(90.0)
    assert lane.wait(0.0) == pytest.approx(9, abs=0.1)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "many", None])
def test_a_concurrency_that_makes_no_sense_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="concurrency must be"):
        Pace(wrong, Clock())


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute"])
def test_a_rate_must_be_above_zero(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Pace("auto", Clock(), **{name: 0})


def test_auto_starts_low_and_may_rise_high() -> None:
    pace = Pace("auto", Clock())
    assert pace.lane("p1", "m").limit == FIRST
    assert pace.most == MOST
    assert Pace(3, Clock()).lane("p1", "m").limit == 3


def test_every_refusal_on_the_way_is_heard() -> None:
    made, pace, clock, _ = lanes_of("p1", "p2")
    found = made.free()
    assert found is not None
    pace.heard(found[0], [attempt("p1", 429, 3.0), attempt("p2")], clock.now)
    assert pace.lane("p1", "m-internal").limit == FIRST / 2
    assert pace.lane("p1", "m-internal").opens == clock.now + 3.0
    assert pace.lane("p2", "m-internal").limit == FIRST


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_other_failures_do_not_slow_a_lane(status: int) -> None:
    made, pace, clock, _ = lanes_of("p1")
    found = made.free()
    assert found is not None
    pace.heard(found[0], [attempt("p1", status)], clock.now)
    assert pace.lane("p1", "m-internal").limit == FIRST


def test_providers_of_one_model_take_turns() -> None:
    made, _, _, _ = lanes_of("p1", "p2", concurrency=4)
    taken = []
    for _ in range(4):
        found = made.free()
        assert found is not None
        found[0].start(0)
        taken.append(found[1][0].provider)
    assert sorted(taken) == ["p1", "p1", "p2", "p2"]


def test_another_model_is_a_fallback_and_never_used_side_by_side() -> None:
    made, _, _, _ = lanes_of("p1", Offer("p2", "other"), concurrency=1)
    found = made.free()
    assert found is not None
    assert [offer.provider for offer in found[1]] == ["p1", "p2"]
    found[0].start(0)
    assert made.free() is None


@pytest.mark.parametrize("illness", ["refused", "resting"])
def test_requests_are_not_counted_for_a_provider_that_will_not_get_them(illness: str) -> None:
    made, _, clock, health = lanes_of("p1", "p2", requests_per_minute=60)
    getattr(health, illness).add("p1")
    begun = 0
    for _ in range(100):
        found = made.free()
        if found is not None:
            assert found[1][0].provider == "p2"
            found[0].start(0)
            begun += 1
        clock.now += 0.1
    assert begun <= 11  # ten seconds at one a second, and the first


def test_when_all_are_ill_somebody_is_asked_all_the_same() -> None:
    made, _, _, health = lanes_of("p1", "p2")
    health.refused.update(("p1", "p2"))
    assert made.free() is not None


def test_closed_lanes_say_when_the_first_lane_opens() -> None:
    made, pace, clock, _ = lanes_of("p1", "p2")
    pace.lane("p1", "m-internal").was_refused(clock.now, clock.now, 30.0)
    pace.lane("p2", "m-internal").was_refused(clock.now, clock.now, 4.0)
    assert made.free() is None
    assert made.wait == 4.0
    clock.now += 4.0
    found = made.free()
    assert found is not None
    assert found[1][0].provider == "p2"


def test_a_fallback_counts_against_the_limit_of_who_was_asked() -> None:
    made, pace, clock, _ = lanes_of("p1", "p2", requests_per_minute=60)
    found = made.free()
    assert found is not None
    found[0].start(0)
    pace.heard(found[0], [attempt("p1", 500), attempt("p2")], clock.now)
    found[0].done(0)
    assert made.free() is None  # each of them was asked once in this second


def test_a_call_that_went_elsewhere_at_once_is_counted_there() -> None:
    made, pace, clock, _ = lanes_of("p1", "p2", requests_per_minute=60)
    found = made.free()
    assert found is not None
    found[0].start(0)
    pace.heard(found[0], [attempt("p2")], clock.now)
    found[0].done(0)
    again = made.free()
    assert again is not None
    assert again[1][0].provider == "p1"


@pytest.mark.parametrize("busy", ["p1", "p2"])
def test_a_lane_that_opens_by_itself_is_waited_for_though_another_is_busy(busy: str) -> None:
    made, pace, clock, _ = lanes_of("p1", "p2", concurrency=1)
    pace.lane(busy, "m-internal").start(0)
    pace.lane("p2" if busy == "p1" else "p1", "m-internal").was_refused(clock.now, clock.now, 4.0)
    assert made.free() is None
    assert made.wait == 4.0

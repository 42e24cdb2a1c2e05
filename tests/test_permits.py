"""Permits of a batch's workers: never more than the limit, fair, and back from those who are gone."""

from __future__ import annotations

import random
from typing import Any

import pytest

from inference_providers.routing.concurrency import Pace
from inference_providers.routing.leases import VALID, LeasedPace
from inference_providers.routing.permits import GONE, Permits, shares

LANE = ("p", "m")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Cluster:
    """Workers that keep their lanes as full as they may, over one Permits."""

    def __init__(self, workers: int, concurrency: int | str = "auto", **rates: float) -> None:
        self.clock = Clock()
        self.pace = Pace(concurrency, self.clock, **rates)
        self.permits = Permits(self.pace)
        self.hungry = 0
        self.paces = {f"w{number}": self._pace(bool(rates.get("tokens_per_minute"))) for number in range(workers)}
        self.backlogs = dict.fromkeys(self.paces, 1000)

    def _pace(self, tokens: bool) -> LeasedPace:
        made = LeasedPace(256, self.clock, self._hunger, tokens=tokens)
        made.lane(*LANE)
        return made

    def _hunger(self) -> None:
        self.hungry += 1

    def lane(self, worker: str) -> Any:
        return self.paces[worker].leased[LANE]

    def fill(self, worker: str, tokens: float = 0.0) -> int:
        """Start what may start."""
        started, lane = 0, self.lane(worker)
        while started < self.backlogs[worker] and lane.wait(self.clock.now) == 0:
            lane.start(tokens)
            started += 1
        return started

    def tell(self, worker: str) -> None:
        pace, asked = self.paces[worker], self.clock.now
        pace.granted(self.permits.report(worker, pace.report(self.backlogs[worker])), asked)

    def end(self, worker: str, well: bool = True, tokens: float = 0.0) -> None:
        """All that is under way ends."""
        lane = self.lane(worker)
        for _ in range(lane.busy):
            if well:
                lane.went_well()
            else:
                lane.was_refused(self.clock.now, self.clock.now - 0.2, None)
            lane.done(tokens)

    def leased(self) -> int:
        return sum(int(self.lane(worker).limit) for worker in self.paces)

    def busy(self) -> int:
        return sum(self.lane(worker).busy for worker in self.paces)


@pytest.mark.parametrize(
    ("total", "wants", "given"),
    [
        (9, {"a": 100, "b": 100, "c": 100}, {"a": 3, "b": 3, "c": 3}),
        (9, {"a": 1, "b": 100, "c": 100}, {"a": 1, "b": 4, "c": 4}),
        (9, {"a": 0, "b": 100}, {"a": 0, "b": 9}),
        (100, {"a": 2, "b": 3}, {"a": 2, "b": 3}),
        (0, {"a": 2}, {"a": 0}),
    ],
)
def test_all_who_want_get_the_same(total: int, wants: dict[str, int], given: dict[str, int]) -> None:
    assert shares(total, wants) == given


def test_what_cannot_be_divided_goes_round() -> None:
    got = [
        next(name for name, count in shares(1, {"a": 1, "b": 1, "c": 1}, turn).items() if count) for turn in (0, 1, 2)
    ]
    assert sorted(got) == ["a", "b", "c"]


def test_a_new_lane_asks_at_once_and_starts_nothing_until_it_is_told() -> None:
    cluster = Cluster(1, 10)
    assert cluster.hungry == 1
    assert cluster.fill("w0") == 0
    cluster.tell("w0")
    assert cluster.fill("w0") == 10


def test_leases_and_requests_under_way_are_never_above_the_limit() -> None:
    cluster, chance = Cluster(3, 30), random.Random(1)
    for _ in range(3000):
        worker = chance.choice(list(cluster.paces))
        cluster.clock.now += 0.03
        match chance.randrange(4):
            case 0:
                cluster.end(worker)
            case 1:
                cluster.backlogs[worker] = chance.choice((0, 2, 1000))
            case _:
                cluster.tell(worker)
        cluster.fill(worker)
        assert cluster.busy() <= 30
        assert cluster.leased() <= 30


def test_permits_go_to_those_who_have_work() -> None:
    cluster = Cluster(3, 30)
    for _ in range(3):
        for worker in cluster.paces:
            cluster.end(worker)
            cluster.tell(worker)
            cluster.fill(worker)
    assert [cluster.lane(worker).busy for worker in cluster.paces] == [10, 10, 10]
    cluster.backlogs |= {"w0": 0, "w1": 0}
    for _ in range(3):
        for worker in cluster.paces:
            cluster.end(worker)
            cluster.fill(worker)
            cluster.tell(worker)
    assert cluster.fill("w2") + cluster.lane("w2").busy >= 29


def test_a_refusal_halves_the_limit_once_for_all_workers() -> None:
    cluster = Cluster(2, 16)
    for worker in (*cluster.paces, *cluster.paces):
        cluster.tell(worker)
        cluster.fill(worker)
    assert cluster.busy() == 16
    for worker in cluster.paces:
        cluster.end(worker, well=False)
        cluster.tell(worker)
    assert int(cluster.pace.lane(*LANE).limit) == 8, "both refused in the same round"
    assert all(cluster.fill(worker) == 0 for worker in cluster.paces), "the lane is closed for a moment"
    cluster.clock.now += 1
    for worker in (*cluster.paces, *cluster.paces):
        cluster.tell(worker)
        cluster.fill(worker)
    assert cluster.busy() == 8


def test_the_limit_rises_while_all_of_it_is_used() -> None:
    cluster = Cluster(3)
    for _ in range(40):
        for worker in cluster.paces:
            cluster.end(worker)
            cluster.tell(worker)
            cluster.fill(worker)
        cluster.clock.now += 0.1
    assert cluster.pace.lane(*LANE).limit > 64


def test_a_retry_after_closes_the_lane_of_every_worker() -> None:
    cluster = Cluster(2, 16)
    for worker in (*cluster.paces, *cluster.paces):
        cluster.tell(worker)
    cluster.fill("w0")
    lane = cluster.lane("w0")
    lane.was_refused(cluster.clock.now, cluster.clock.now - 0.1, 30.0)
    lane.done(0.0)
    cluster.tell("w0")
    cluster.tell("w1")
    assert cluster.fill("w1") == 0
    assert cluster.lane("w1").wait(cluster.clock.now) == pytest.approx(30.0)


def test_the_lease_of_a_dead_worker_comes_back() -> None:
    cluster = Cluster(2, 10)
    for worker in ("w0", "w1", "w0", "w1"):
        cluster.end(worker)
        cluster.tell(worker)
        cluster.fill(worker)
    assert cluster.lane("w1").busy == 5
    steps = 0
    while cluster.lane("w1").busy + cluster.fill("w1") < 10:
        cluster.clock.now += 0.1
        cluster.tell("w1")
        steps += 1
        assert steps < 100
    assert steps * 0.1 == pytest.approx(GONE, abs=0.3)


def test_a_worker_that_hears_nothing_starts_nothing_before_its_lease_is_given_away() -> None:
    cluster = Cluster(1, 10)
    cluster.tell("w0")
    cluster.clock.now += VALID + 0.1
    assert cluster.fill("w0") == 0
    assert VALID < GONE


def test_who_was_taken_for_dead_brings_its_lease_along() -> None:
    cluster = Cluster(2, 10)
    cluster.tell("w0")
    cluster.fill("w0")
    cluster.clock.now += GONE + 1
    cluster.tell("w1")  # w0 is forgotten
    assert cluster.lane("w1").limit == 10
    cluster.tell("w0")
    assert cluster.lane("w0").limit == 0, "somebody else has them now"
    assert cluster.fill("w0") == 0


@pytest.mark.parametrize("workers", [1, 3])
def test_requests_of_a_minute_are_counted_over_all_workers(workers: int) -> None:
    cluster, started = Cluster(workers, 100, requests_per_minute=600), 0
    for _ in range(300):
        for worker in cluster.paces:
            cluster.end(worker)
            cluster.tell(worker)
            started += cluster.fill(worker)
        cluster.clock.now += 0.1
    assert 300 * 0.95 <= started <= 300 + 10 + 2  # half a minute, and a second's burst


def test_tokens_of_a_minute_are_counted_over_all_workers_as_they_were_taken() -> None:
    cluster, taken = Cluster(3, 100, tokens_per_minute=60_000), 0
    for _ in range(600):
        for worker in cluster.paces:
            cluster.end(worker, tokens=50.0)  # less than was thought
            cluster.tell(worker)
            taken += 50 * cluster.fill(worker, tokens=100.0)
        cluster.clock.now += 0.1
    assert 60_000 * 0.9 <= taken <= 60_000 * 1.05

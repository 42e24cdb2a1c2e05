"""A purse that is lent to several workers: never more than there is, whoever dies, and no worker waits for nothing."""

from __future__ import annotations

import random
import threading
from typing import Any

import pytest

from inference_providers.routing.budget import BATCH
from inference_providers.routing.lending import Lender, LentPurse
from inference_providers.routing.permits import GONE
from tests.test_permits import Clock


class Workers:
    """Workers over one Lender; each tells and is lent when the test says so."""

    def __init__(self, count: int, limit: float, spent: float = 0.0) -> None:
        self.clock = Clock()
        self.lender = Lender(limit, spent, self.clock)
        self.hungry: list[str] = []
        self.purses = {f"w{number}": self._purse(f"w{number}", limit) for number in range(count)}

    def _purse(self, name: str, limit: float) -> LentPurse:
        return LentPurse(BATCH, limit, lambda: self.hungry.append(name))

    def tell(self, worker: str) -> None:
        purse = self.purses[worker]
        purse.lend(self.lender.report(worker, purse.wish()))

    def reserve(self, worker: str, cost: float) -> Any:
        """As a request does it: in a thread, while its worker tells."""
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(self.purses[worker].reserve(cost)))
        before = len(self.hungry)
        thread.start()
        while thread.is_alive():
            if len(self.hungry) > before:
                self.tell(worker)
            thread.join(0.001)
        return found[0]


def test_what_a_request_waits_for_is_lent_and_what_costs_nothing_waits_for_nobody() -> None:
    workers = Workers(1, 1.0)
    assert workers.purses["w0"].reserve(0.0) is None
    assert workers.hungry == []
    assert workers.reserve("w0", 0.4) is None
    assert workers.reserve("w0", 0.6) is None
    assert workers.reserve("w0", 0.1) == 0.0
    assert workers.purses["w0"].has_room(0.1), "what is set aside may come back"
    workers.purses["w0"].settle(0.4, 0.95)
    assert not workers.purses["w0"].has_room(0.1)
    workers.purses["w0"].settle(0.6, 0.0)
    assert workers.reserve("w0", 0.1) == pytest.approx(0.05)
    assert workers.reserve("w0", 0.05) is None


def test_what_another_has_spent_is_spent_and_what_it_has_set_aside_may_come_back() -> None:
    workers = Workers(2, 1.0)
    assert workers.reserve("w0", 0.7) is None
    assert workers.reserve("w1", 0.5) == pytest.approx(0.3)
    assert workers.purses["w1"].has_room(0.5)
    workers.purses["w0"].settle(0.7, 0.6)
    workers.tell("w0")
    workers.tell("w0")  # which gives back what it was lent ahead, for as much as it had used
    assert workers.reserve("w1", 0.5) == pytest.approx(0.4)
    assert not workers.purses["w1"].has_room(0.5)
    assert workers.reserve("w1", 0.4) is None


def test_what_was_spent_before_counts() -> None:
    workers = Workers(1, 1.0, spent=0.8)
    assert workers.reserve("w0", 0.3) == pytest.approx(0.2)
    assert not workers.purses["w0"].has_room(0.3)
    assert workers.reserve("w0", 0.2) is None


def test_what_a_dead_worker_had_set_aside_is_spent_and_one_that_was_only_silent_is_believed() -> None:
    workers = Workers(2, 1.0)
    assert workers.reserve("w0", 0.7) is None
    workers.clock.now += GONE + 0.1
    assert workers.reserve("w1", 0.5) == pytest.approx(0.3)
    assert not workers.purses["w1"].has_room(0.5), "nobody waits for it to come back"
    workers.purses["w0"].settle(0.7, 0.1)
    workers.tell("w0")
    assert workers.reserve("w1", 0.5) is None


def test_all_together_never_spend_more_than_there_is() -> None:
    """Whatever they do in whatever order, with deaths; and what is lent ahead keeps nobody from spending the rest."""
    chance = random.Random(3)
    for _ in range(20):
        workers, alive = Workers(4, 10.0), ["w0", "w1", "w2", "w3"]
        open_: list[tuple[str, float]] = []
        true = 0.0  # charged, or under way
        while workers.lender.limit - workers.lender.held > 0.3:
            workers.clock.now += 0.05
            worker, cost = chance.choice(alive), chance.uniform(0.01, 0.3)
            match chance.randrange(5):
                case 0 | 1 | 2:
                    if workers.reserve(worker, cost) is None:
                        open_.append((worker, cost))
                        true += cost
                case 3:
                    for mine in [one for one in open_ if one[0] == worker]:
                        open_.remove(mine)
                        paid = mine[1] * chance.random()
                        true += paid - mine[1]
                        workers.purses[worker].settle(mine[1], paid)
                case _:
                    workers.tell(worker)
            if len(alive) > 1 and chance.random() < 0.01:
                alive.remove(worker)
            assert true <= workers.lender.held + 1e-9 <= 10.0 + 1e-6
        for worker in alive:
            workers.tell(worker)
        left = workers.lender.limit - workers.lender.held
        assert left < 1e-9 or workers.reserve(alive[0], left) is None


def test_threads_that_wait_for_more_than_there_is_are_all_told() -> None:
    workers, found = Workers(1, 1.0), []
    threads = [
        threading.Thread(target=lambda: found.append(workers.purses["w0"].reserve(0.3))) for _ in range(8)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        workers.tell("w0")
        threads[0].join(0.001)
    assert sum(one is None for one in found) == 3
    assert all(one is None or one < 0.3 for one in found)

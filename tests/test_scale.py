"""The simulation of fleets (benchmarks/scale.py), in small: what it counts adds up, and its seed alone decides."""

from __future__ import annotations

import pytest

pytest.importorskip("redis")

from benchmarks.scale_fleet import WAYS, Run, Way
from benchmarks.scale_world import OUTAGES, Plan

SMALL = Plan(3, seconds=60.0, rate=0.5)


def told(run: Run) -> tuple[object, ...]:
    """All that a run has counted."""
    providers = [(one.asked, one.dead, one.over, one.crowded) for one in run.providers]
    server = run.server
    counts = (dict(server.operations), server.sent, server.read)
    return run.asked, run.answered, run.failed, run.sent, run.seconds, run.noticed, providers, counts


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_every_call_ends_and_the_seed_alone_decides(way: Way) -> None:
    run, again = Run(SMALL, way).go(), Run(SMALL, way).go()
    assert told(run) == told(again)
    assert run.asked == run.answered + run.failed == sum(len(SMALL.calls(number)) for number in range(3))
    assert run.sent == sum(one.asked for one in run.providers) >= run.answered
    assert told(Run(SMALL._replace(seed=2), way).go()) != told(run)


def test_one_replica_without_faults_answers_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scale_world.OUTAGES", ())
    for way in WAYS:
        run = Run(Plan(1, seconds=60.0, rate=1.0, most=50.0), way).go()
        assert run.answered == run.asked == run.sent > 0
        assert run.failed == 0


def test_who_shares_knows_what_the_first_has_seen() -> None:
    """A refused key: each replica alone asks with it once, of those who share one, or those who ask at that moment."""
    plan = Plan(10, seconds=60.0, rate=1.0)
    number = next(place for place, one in enumerate(OUTAGES) if one.status == 401)
    alone, shared = Run(plan, WAYS[0]).go(), Run(plan, WAYS[2]).go()
    place = OUTAGES[number].place
    assert len(shared.noticed[number]) == plan.replicas
    times = sorted(shared.noticed[number].values())
    assert times[-1] - times[0] < 0.1
    assert shared.providers[place].dead < alone.providers[place].dead
    assert sum(one.over for one in shared.providers) <= sum(one.over for one in alone.providers)


def test_without_redis_each_goes_on_and_joins_again() -> None:
    run = Run(Plan(3, seconds=60.0, rate=1.0), WAYS[3]).go()
    assert run.answered > 0.9 * run.asked
    assert all(replica.link is not None and replica.link.is_here for replica in run.replicas)
    assert len(run.server.links) == 3

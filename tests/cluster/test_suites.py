"""The suites of callers' limits, budgets, kept replies and measured speeds, over Redis.

Two of the store's own do not fit: how much is kept in all is Redis's own matter (`maxmemory`), and how often an entry
was given is not counted there.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_providers.cache.redis_store import RedisStore
from inference_providers.gateway import redis_tiers
from inference_providers.gateway.kept_responses import KeptResponses, ids
from inference_providers.gateway.quotas import Quota
from inference_providers.gateway.redis_replies import REPLIES, RedisReplies
from inference_providers.gateway.redis_tiers import RedisTiers
from inference_providers.gateway.tiers import Admission
from inference_providers.gateway.windows import Full, Place
from inference_providers.routing.redis_ledger import RedisLedger
from inference_providers.routing.redis_speeds import RedisSpeeds
from inference_providers.state import redis_accounts
from inference_providers.state.redis_accounts import RedisAccounts
from inference_providers.state.redis_link import RedisLink
from tests.cluster.redis_server import Redis
from tests.cluster.shared import TENTH, RedisClock, by_a_test_clock, soon
from tests.servers import Server
from tests.test_budget import (  # noqa: F401 - they run here over Redis
    PROGRAM,
    test_a_new_day_begins_anew_and_what_was_begun_before_counts_then,
    test_a_program_that_dies_keeps_its_reservation_for_a_while_only,
)
from tests.test_cache_stores import (  # noqa: F401
    EVER,
    KINDS,
    NOW,
    entry,
    keys_of,
    test_one_is_discarded_alone,
    test_threads_may_put_get_and_clear_at_once,
    test_what_is_larger_than_all_room_is_not_kept_and_costs_nobody_their_place,
    test_what_is_past_its_time_or_too_old_for_a_call_is_not_found,
    test_what_is_put_is_found_by_its_key_alone,
    test_what_was_made_for_a_caller_goes_with_it,
)
from tests.test_inference_api import test_a_reply_is_its_callers_alone_and_goes_with_it  # noqa: F401
from tests.test_policies import named, three
from tests.test_tiers import (  # noqa: F401
    STEP,
    Bench,
    caller,
    held,
    test_a_budget_is_set_aside_and_settled,
    test_a_correction_that_comes_late_counts_for_nothing,
    test_a_request_that_is_refused_for_its_budget_takes_no_place,
    test_a_request_that_is_too_large_is_not_told_to_wait,
    test_callers_do_not_share_their_limits,
    test_headers,
    test_limits_that_change_hold_from_then_on,
    test_of_several_limits_the_one_that_takes_longest_is_told,
    test_requests_at_once,
    test_requests_of_any_minute,
    test_tokens_are_taken_as_thought_and_corrected,
    test_who_has_no_limits_is_not_counted,
    test_without_an_estimate_a_budget_holds_until_nothing_is_left,
)

Links = Callable[[], RedisLink]
Serve = Callable[..., Server]


# Limits of callers


class RedisBench(Bench):
    """Tiers of one gateway after another, which wait for what they tell."""

    grain = TENTH

    def __init__(self, link: Links, clock: RedisClock) -> None:
        self._clock, self.path = clock, str(Path(__file__).parent / "no file")
        self._links = [link(), link()]
        self._all = [RedisTiers(one, lambda: 1_800_000_000.0 + self.now) for one in self._links]
        for tiers in self._all:
            tiers.shared_windows._memory._clock = lambda: self.now
        self.now, self._turn = 1000.0, 0

    @property
    def now(self) -> float:  # type: ignore[override]
        return self._clock.now

    @now.setter
    def now(self, value: float) -> None:
        self._clock.now = value

    def flush(self) -> None:
        assert all(link.flush(30) for link in self._links)

    @property
    def tiers(self) -> Any:  # type: ignore[override]
        self.flush()
        self._turn += 1
        return self._all[self._turn % 2]  # the gateways in turn

    @property
    def spending(self) -> Any:  # type: ignore[override]
        return self.tiers.spending


@pytest.fixture
def bench(link: Links, monkeypatch: pytest.MonkeyPatch) -> RedisBench:
    clock = RedisClock(link())
    by_a_test_clock(monkeypatch, clock, redis_tiers, redis_accounts)
    return RedisBench(link, clock)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(STEP, max_size=20),
    requests=st.none() | st.integers(1, 4),
    tokens=st.none() | st.integers(1, 200),
    concurrent=st.none() | st.integers(1, 3),
)
def test_any_minute_of_gateways_in_turn_has_no_more_and_no_room_is_refused(
    bench: RedisBench,
    steps: list[tuple[float, int, int | None, int]],
    requests: int | None,
    tokens: int | None,
    concurrent: int | None,
) -> None:
    for tiers in bench._all:
        tiers.forget("c_1")
    bench.now += 1000
    held(bench, steps, requests, tokens, concurrent)


ENTERING = """
import sys
from inference_providers.gateway.callers import Caller
from inference_providers.gateway.redis_tiers import RedisTiers
from inference_providers.gateway.tiers import Admission
from inference_providers.gateway.windows import Full, Place
from inference_providers.state.redis_link import link_of
tiers = RedisTiers(link_of(sys.argv[1]))
one = Caller("c_1", "alice", requests_per_minute=100, tokens_per_minute=1000, concurrent=30, budget=0.245)
held = [tiers.enter(one, 10, 0.01) for _ in range(20)]
print(sum(isinstance(each, Admission) for each in held), flush=True)
sys.stdin.readline()
"""


def test_gateways_together_let_through_just_as_much(redis: Redis) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-c", ENTERING, redis.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    assert sum(int(one.stdout.readline()) for one in running if one.stdout is not None) == 24
    for one in running:
        one.communicate("")


def test_the_places_of_a_gateway_that_is_killed_are_free_when_it_is_missed(redis: Redis, link: Links) -> None:
    dead = subprocess.Popen(
        [sys.executable, "-c", ENTERING, redis.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert dead.stdout is not None and dead.stdout.readline() == "20\n"
    dead.kill()
    dead.communicate()
    tiers, one = RedisTiers(link()), caller(concurrent=20)
    assert not isinstance(tiers.enter(one), Admission)
    for key in redis.said("KEYS", f"{redis_tiers.ALIVE}*").split():  # as after some seconds without a beat
        redis.said("DEL", key)
    assert isinstance(tiers.enter(one), Admission)


def test_what_a_paused_redis_has_let_in_later_is_let_go(redis: Redis, link: Links) -> None:
    """Who has waited in vain counts for itself, and Redis may count it all the same when it goes on."""
    tiers, one = RedisTiers(link()), caller(concurrent=1)
    first = tiers.enter(one)
    assert isinstance(first, Admission)
    first.leave()
    assert tiers.shared_windows.link.flush(30)
    redis.pause()
    mine = tiers.enter(one)
    assert isinstance(mine, Admission), "this gateway counts for itself"
    redis.go_on()
    places = f"{redis_tiers.PLACES}c_1"
    soon(lambda: redis.said("SCARD", places).strip() == "1")
    soon(lambda: tiers.shared_windows.link.run() is not None)
    assert tiers.shared_windows.beat(tiers.shared_windows._name)
    tiers.shared_windows.link.flush(30)
    assert redis.said("SCARD", places).strip() == "0"


def test_alone_a_gateway_goes_on_with_what_it_let_in(redis: Redis, link: Links) -> None:
    windows, one = RedisTiers(link()).shared_windows, caller()
    quota = Quota(requests_per_minute=3, tokens_per_minute=100, concurrent=2)
    first, second = windows.take(one.id, quota, 60), windows.take(one.id, quota, 30)
    assert isinstance(first, Place) and isinstance(second, Place)
    redis.pause()
    full = windows.take(one.id, quota, 1)
    assert isinstance(full, Full) and full.what == "concurrent"
    windows.leave(first, 20)
    full = windows.take(one.id, quota, 51)
    assert isinstance(full, Full) and full.what == "tokens", "20 and 30 are taken"
    windows.give_back(second)
    third = windows.take(one.id, quota, 80)
    assert isinstance(third, Place), "what was not sent counts for nothing"
    windows.leave(third, 10)
    assert isinstance(windows.take(one.id, quota, 10), Place)
    full = windows.take(one.id, quota, 10)
    assert isinstance(full, Full) and full.what == "requests"


def test_a_redis_that_has_lost_a_minute_lets_no_gateway_fill_it_twice(redis: Redis, link: Links) -> None:
    windows, quota = RedisTiers(link()).shared_windows, Quota(requests_per_minute=2, concurrent=5)
    assert all(isinstance(windows.take("c_1", quota, 0), Place) for _ in range(2))
    redis.said("FLUSHALL")
    full = windows.take("c_1", quota, 0)
    assert isinstance(full, Full) and full.what == "requests"
    assert windows.link.flush(30)
    assert int(redis.said("HGET", f"{redis_tiers.WINDOWS}c_1", "R")) == 0
    assert redis.said("SCARD", f"{redis_tiers.PLACES}c_1").strip() == "0", "it has let go of that place"


# Budgets


class PromptLedger(RedisLedger):
    """One that waits for what it tells."""

    def settle(self, entry: Any, cost: float) -> None:
        super().settle(entry, cost)
        self._accounts.link.flush(30)


@pytest.fixture
def ledger_at(link: Links, monkeypatch: pytest.MonkeyPatch) -> Callable[[list[float]], RedisLedger]:
    class Listed(RedisClock):
        def tell(self) -> None:
            self.now = moments[0]
            super().tell()

    moments: list[float] = []
    by_a_test_clock(monkeypatch, Listed(link()), redis_accounts)

    def made(now: list[float]) -> RedisLedger:
        nonlocal moments
        moments = now
        return PromptLedger(RedisAccounts(link()), lambda: now[0])

    return made


IN_FILE = "from inference_providers.files import Database\n"
LEDGER = "Ledger(Database(sys.argv[1], SCHEMA))"
IN_REDIS = (
    "from inference_providers.routing.redis_ledger import RedisLedger\n"
    "from inference_providers.state.redis_accounts import RedisAccounts\n"
    "from inference_providers.state.redis_link import link_of\n"
)


def test_programs_at_once_never_overspend_and_their_last_words_are_heard(redis: Redis, link: Links) -> None:
    """They end as soon as they have settled: what they tell in the background is told before."""
    code = PROGRAM.replace(IN_FILE, IN_REDIS).replace(LEDGER, "RedisLedger(RedisAccounts(link_of(sys.argv[1])))")
    assert "RedisLedger(" in code
    running = [
        subprocess.Popen([sys.executable, "-c", code, redis.url], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    spent = sum(int(process.communicate(timeout=110)[0]) for process in running) * 0.01
    assert 4.9 < spent <= 5.0 + 1e-9
    assert RedisLedger(RedisAccounts(link())).spent()["day"] == pytest.approx(spent)
    assert redis.said("HLEN", redis_accounts.ROWS).strip() == "0"


# Kept replies


class PromptStore(RedisStore):
    """One that waits for what it tells."""

    def discard(self, key: bytes) -> None:
        super().discard(key)
        self.link.flush(30)


@pytest.fixture
def make(link: Links) -> Callable[[int], RedisStore]:
    made = link()
    return lambda most=10_000_000: PromptStore(made, min(most, 100_000))


def test_it_counts_by_kind_and_clears_by_kind(make: Callable[[int], RedisStore]) -> None:
    """As the suite's, but for hits."""
    store = make(10_000_000)
    for number, (key, kind) in enumerate(zip(keys_of(*range(len(KINDS))), KINDS, strict=True)):
        store.put(key, entry("x" * 100, NOW + number, kind=kind), NOW)
    rows = {row["kind"]: row for row in store.counts()}
    assert set(rows) == set(KINDS)
    assert rows["chat"] == {"kind": "chat", "count": 1, "size": 356, "oldest": NOW, "hits": 0}
    assert store.clear("chat") == 1
    assert store.get(keys_of(0)[0], NOW, EVER) is None
    assert store.clear() == len(KINDS) - 1
    assert store.counts() == []


@pytest.fixture
def both(link: Links) -> tuple[RedisReplies, RedisReplies]:
    return Prompt(link(), "replies", 3600.0), Prompt(link(), "replies", 3600.0)


class Prompt(RedisReplies):
    """Replies that wait for what they tell."""

    def renew(self, caller: str, ids: Any) -> None:
        super().renew(caller, ids)
        self._link.flush(30)


def test_replies_go_when_their_time_is_over_and_leave_nothing(redis: Redis, link: Links) -> None:
    kept = Prompt(link(), "replies", 100.0)
    kept.put("a", "inf_1", {"id": "inf_1"})
    (key,) = redis.said("KEYS", f"{REPLIES}*").splitlines()
    assert 90 < int(redis.said("TTL", key)) <= 100
    redis.said("EXPIRE", key, "50")
    kept.renew("a", ["inf_1"])
    assert 90 < int(redis.said("TTL", key)) <= 100
    redis.said("DEL", key)
    kept.renew("a", ["inf_1"])
    assert kept.get("a", "inf_1") is None
    brief = Prompt(link(), "replies", 1.0)
    for number in range(3):
        brief.put("b", f"inf_{number}", {"id": "x"})
    soon(lambda: "reply:replies:1:b" not in redis.said("KEYS", "*"))
    brief.put("b", "inf_9", {"id": "x"})
    assert redis.said("ZCARD", "{inference_providers}:replies-of:replies:1:b").strip() != "4", "those are gone, too"


def test_a_conversation_goes_on_at_another_gateway(link: Links) -> None:
    one, other = (KeptResponses(Prompt(link(), "responses", 3600.0)) for _ in range(2))
    new_id = ids()
    response = {"id": new_id("resp_"), "output": [{"type": "message", "id": new_id("msg_"), "role": "assistant"}]}
    assert one.keep("a", response, [{"role": "user", "content": "x"}], new_id)
    said, answered = other.history("a", str(response["id"]))
    assert said["content"] == "x" and answered["role"] == "assistant"
    with pytest.raises(Exception, match="kept for 24 hours"):
        other.history("b", str(response["id"]))
    assert other.remove("a", str(response["id"]))
    assert one.find("a", str(response["id"])) is None


# Speeds


def test_what_one_measures_the_others_begin_with(link: Links, serve: Serve) -> None:
    (offer,) = three(named(serve, 1)).candidates("m")
    first = RedisSpeeds(link())
    for _ in range(2):
        first.saw(offer, 3.0, 7.0)
    second = RedisSpeeds(link())
    soon(lambda: second.of_offer(offer) == (3.0, 7.0, 2))
    first.saw(offer, 3.0, 7.0)
    assert first.of_offer(offer)[2] == 3, "what it has said itself is not counted twice"
    first._hear([])
    assert first.of_offer(offer)[2] == 3

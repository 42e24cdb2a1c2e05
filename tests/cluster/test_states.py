"""The suite of every shared state over Redis, and what is Redis's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_providers.state import redis_state
from inference_providers.state.full_minutes import FRESH
from inference_providers.state.redis_link import RedisLink
from inference_providers.state.redis_state import RedisState
from inference_providers.state.window import MINUTE, Window
from tests.cluster.redis_server import Redis
from tests.cluster.shared import TENTH, RedisClock, by_a_test_clock
from tests.test_state import (  # noqa: F401 - they run here over Redis
    NOW,
    ROOM,
    Clock,
    test_a_minute_is_taken_out_of_by_all_together,
    test_a_rest_that_is_over_is_known_for_an_hour_more,
    test_digests_are_alike_for_all_and_differ_by_each_part,
    test_of_too_many_rests_the_longest_are_kept,
    test_the_generation_is_another_one_after_each_change_and_only_then,
    test_what_is_corrected_or_given_back_makes_room_for_all,
    test_what_is_settled_late_touches_nobody_elses,
    test_what_one_says_the_other_knows,
)

Links = Callable[[], RedisLink]


class Prompt(RedisState):
    """A state that waits for what it tells, and reads before it is asked, so that a test need not."""

    def rest(self, key: str, until: float, why: str) -> None:
        super().rest(key, until, why)
        self.link.flush()

    def clear(self, key: str) -> None:
        super().clear(key)
        self.link.flush()

    def correct(self, name: str, taken: Any, tokens: float) -> None:
        super().correct(name, taken, tokens)
        self.link.flush()

    def give_back(self, name: str, taken: Any) -> None:
        super().give_back(name, taken)
        self.link.flush()

    def rests(self) -> Mapping[str, tuple[float, str]]:
        self.prepare()
        self._read([])
        return super().rests()

    @property
    def generation(self) -> int:
        self.prepare()
        self._read([])
        return super().generation


@pytest.fixture
def clock(link: Links, monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = RedisClock(link())
    by_a_test_clock(monkeypatch, made, redis_state)
    return made


@pytest.fixture
def pair(link: Links, clock: RedisClock) -> Iterator[Any]:
    """Two that share a Redis, as two processes do."""
    yield Prompt(link(), clock=clock), Prompt(link(), clock=clock)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 400), st.booleans()), max_size=20), st.integers(1, 5))
def test_no_minute_has_more_than_it_may_and_none_is_held_back_for_long(
    pair: Any, clock: Clock, steps: list[tuple[float, int, bool]], requests: int
) -> None:
    """Beside a window that is exact: what goes, goes there too; what does not would not have a fifth of a second ago."""
    clock.now += 10 * MINUTE
    room = (requests, 700)
    taken: list[tuple[float, int]] = []
    for pause, size, first in steps:
        clock.now += pause
        wait, _, found = pair[first].take("p1", size, room)
        minute = [own for at, own in taken if at > clock.now - MINUTE]
        longer = [own for at, own in taken if at > clock.now - MINUTE - 2 * TENTH]
        if found is not None:
            assert len(minute) < requests and (not minute or sum(minute) + size <= 700)
            taken.append((clock.now, size))
        else:
            assert len(longer) >= requests or sum(longer) + size > 700
            later = Window(*room)
            for at, own in taken:
                later.take(at, own)
            if pause > FRESH:  # else it may have been told what a smaller one was
                assert later.take(clock.now, size)[0] - wait <= TENTH
            assert wait <= MINUTE + 2 * TENTH


TAKER = """
import sys
from inference_providers.state.redis_state import RedisState
state = RedisState.of(sys.argv[1])
for number in range(int(sys.argv[2])):
    print(state.take("p1", 10, (50, 100_000))[2] is not None, flush=True)
"""


def test_processes_together_never_take_more_than_a_minute_has(redis: Redis) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", TAKER, redis.url, "30"], stdout=subprocess.PIPE) for _ in range(4)
    ]
    told = [process.communicate(timeout=110)[0].split() for process in running]
    assert [len(lines) for lines in told] == [30] * 4
    assert sum(lines.count(b"True") for lines in told) == 50


def test_what_is_said_is_known_to_others_without_being_asked_for(link: Links) -> None:
    one, other = RedisState(link()), RedisState(link())
    before = other.generation
    assert other.rests() == {}
    one.rest("a", time.time() + 60, "cool")
    for _ in range(500):
        if other.generation != before:
            break
        time.sleep(0.01)
    assert set(other.rests()) == {"a"}


def test_a_redis_that_answers_nobody_costs_a_moment_and_then_nothing(
    redis: Redis, link: Links, caplog: pytest.LogCaptureFixture
) -> None:
    state, other = RedisState(link()), RedisState(link())
    assert other.take("p1", 1, (3, None))[2] is not None
    assert state.take("p1", 1, (3, None))[2] is not None
    redis.pause()
    assert state.take("p1", 1, (3, None))[2] is not None, "it does not know what the other has taken"
    assert state.take("p1", 1, (3, None))[2] is not None
    assert state.take("p1", 1, (3, None))[2] is None, "it knows what it has taken itself"
    assert sum("cannot be used" in record.message for record in caplog.records) == 1
    state.rest("a", time.time() + 60, "cool")
    assert set(state.rests()) == {"a"}
    redis.go_on()
    for _ in range(1000):
        if "a" in other.rests():
            break
        time.sleep(0.01)
    assert set(other.rests()) == {"a"}
    assert state.take("p1", 1, (2, None))[2] is None, "the minute that all share is full"


def test_alone_a_process_goes_on_with_what_it_took_as_it_was_corrected(redis: Redis, link: Links) -> None:
    state, room = RedisState(link()), (3, 100)
    large, small, unsent = (state.take("p1", tokens, room)[2] for tokens in (60, 10, 30))
    assert large is not None and small is not None and unsent is not None
    state.correct("p1", large, 20)
    state.give_back("p1", unsent)
    assert state.link.flush(30)
    redis.pause()
    assert state.take("p1", 71, room)[1] == "100 tokens", "20 and 10 are taken"
    state.correct("p1", small, 5)
    third = state.take("p1", 75, room)[2]
    assert third is not None
    assert state.take("p1", 1, room)[2] is None
    state.give_back("p1", third)
    assert state.take("p1", 75, room)[2] is not None
    redis.go_on()
    for _ in range(1000):
        if state.link.run() is not None and state.link.has_told:
            break
        time.sleep(0.01)
    assert float(redis.said("HGET", f"{redis_state.MINUTES}p1", "T")) == 25, "told what it had taken from there, once"


def test_a_redis_that_has_lost_a_minute_lets_nobody_take_theirs_twice(redis: Redis, link: Links) -> None:
    one, other = RedisState(link()), RedisState(link())
    mine = [one.take("p1", 1, (2, None))[2] for _ in range(2)]
    redis.said("FLUSHALL")
    wait, which, taken = one.take("p1", 1, (2, None))
    assert taken is None and which == "2 requests" and 59 < wait <= MINUTE + TENTH
    assert one.room("p1", (2, None)) == 0.0
    assert one.link.flush(30)
    assert int(redis.said("HGET", f"{redis_state.MINUTES}p1", "R").strip() or 0) == 0, "it has taken nothing for that"
    assert other.take("p1", 1, (2, None))[2] is not None, "who has taken nothing knows of nothing"
    assert mine[0] is not None
    one.give_back("p1", mine[0])
    assert one.take("p1", 1, (2, None))[2] is not None


def test_values_of_another_form_count_as_none(redis: Redis, link: Links) -> None:
    state = RedisState(link())
    state.rest("a", time.time() + 60, "cool")
    state.link.flush()
    for field, value in (("b", "never cool"), ("c", "inf cool"), ("d", "\u202e"), ("e", "nan")):
        redis.said("HSET", redis_state.RESTS, field, value)
    fresh = RedisState(link())
    assert set(fresh.rests()) == {"a"}
    redis.said("SET", f"{redis_state.MINUTES}p1", "no hash")
    assert fresh.take("p1", 1, ROOM)[2] is not None, "this process goes by its own memory"


def test_neither_a_password_nor_a_key_is_shown(redis: Redis, link: Links) -> None:
    made = link()
    assert redis.url not in repr(made) and "canary" not in f"{made!r}{made.place}{RedisState(made)!r}"
    with pytest.raises(TypeError):
        made.__reduce__()


def test_threads_that_wait_for_room_ask_once_for_each_place(
    link: Callable[[], RedisLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten wait; when one place is free, one asks, gets it, and the others know from its reply when the next is."""
    clock = RedisClock(link())
    by_a_test_clock(monkeypatch, clock, redis_state)
    one, other = RedisState(link(), clock=clock), RedisState(link(), clock=clock)
    asked: list[str] = []
    ask = RedisLink.ask

    def counted(self: RedisLink, script: Any, *given: Any) -> Any:
        if script is redis_state.TAKE:
            asked.append("")
        return ask(self, script, *given)

    monkeypatch.setattr(RedisLink, "ask", counted)

    def come(state: RedisState, count: int) -> list[float]:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(lambda _: state.take("p1", 1, (3, None))[0], range(count)))

    for _ in range(3):
        clock.now += 1
        assert one.take("p1", 1, (3, None))[2] is not None
    asked.clear()
    assert come(one, 10) == pytest.approx([58.1] * 10)
    assert len(asked) == 0, "whoever has filled it knows"
    assert come(other, 10) == pytest.approx([58.1] * 10)
    assert 1 <= len(asked) <= 10, "at first nobody of them knows"
    clock.now += 58.1
    asked.clear()
    waits = come(other, 10)
    assert (waits.count(0.0), len(asked)) == (1, 1)
    assert sorted(waits)[1:] == pytest.approx([1.0] * 9)
    assert other.spread("p1") < 0.1
    clock.now += 0.5
    taken = one.take("p1", 1, (3, None))
    assert (taken[2], len(asked)) == (None, 2), "another process asks, and is told"


def test_what_is_given_back_is_noticed_at_once_here_and_soon_elsewhere(
    link: Callable[[], RedisLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = RedisClock(link())
    by_a_test_clock(monkeypatch, clock, redis_state)
    one, other = RedisState(link(), clock=clock), RedisState(link(), clock=clock)
    taken = one.take("p1", 10, (None, 10))[2]
    assert taken is not None
    for state in (one, other):
        assert state.take("p1", 10, (None, 10))[2] is None
    one.correct("p1", taken, 2)
    assert one.link.flush(30)
    assert other.take("p1", 8, (None, 10))[0] == 0.0, "a smaller one is asked for"
    clock.now += 61
    taken = one.take("p1", 1, (1, None))[2]
    assert taken is not None
    assert one.take("p1", 1, (1, None))[2] is None
    one.give_back("p1", taken)
    assert one.link.flush(30)
    assert one.take("p1", 1, (1, None))[2] is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_does_not_wait_for_a_thread_that_it_has_not(redis: Redis) -> None:
    code = (
        "import os, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from inference_providers.state.redis_state import RedisState\n"
        "state = RedisState.of(sys.argv[1])\n"
        "assert state.take('p', 1, (1, None))[2] is not None\n"
        "assert state.take('p', 1, (1, None))[2] is None\n"
        "with state._full.turn('p'):\n"
        "    if (child := os.fork()) == 0:\n"
        "        assert state.take('p', 1, (1, None))[1] == '1 requests'\n"
        "        sys.exit()\n"
        "    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    subprocess.run([sys.executable, "-c", code, redis.url], check=True, timeout=60)

"""The suite of every shared state over Redis, and what is Redis's own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_providers.state import redis_state
from inference_providers.state.redis_link import RedisLink, Script
from inference_providers.state.redis_state import RedisState
from inference_providers.state.window import MINUTE, Window
from tests.cluster.redis_server import Redis
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
TENTH = 0.1


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
        self._read("")
        return super().rests()

    @property
    def generation(self) -> int:
        self._read("")
        return super().generation


class RedisClock(Clock):
    """A clock of the test's that Redis's scripts go by as well: what they ask for the time is put in its place."""

    grain = TENTH

    def __init__(self, link: RedisLink) -> None:
        super().__init__()
        self._link = link

    def tell(self) -> None:
        """Tell Redis what time it is."""
        now = round(self.now, 6)
        words = (int(now), round((now - int(now)) * 1e6))
        self._link.ask(Script("return redis.call('RPUSH', KEYS[1], ARGV[1], ARGV[2])"), ["t"], *words)
        self._link.ask(Script("redis.call('LTRIM', KEYS[1], -2, -1) return 1"), ["t"])


@pytest.fixture
def clock(link: Links, monkeypatch: pytest.MonkeyPatch) -> Clock:
    for name, script in vars(redis_state).items():
        if isinstance(script, Script):
            text = script.text.replace("redis.call('TIME')", "redis.call('LRANGE', 't', 0, -1)")
            monkeypatch.setattr(redis_state, name, Script(text))
    return RedisClock(link())


@pytest.fixture
def pair(link: Links, clock: RedisClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two that share a Redis, as two processes do."""
    run = RedisLink.run

    def timed(self: RedisLink, *said: Any) -> Any:
        if not any("RPUSH" in one.script.text or "LTRIM" in one.script.text for one in said):
            clock.tell()
        return run(self, *said)

    monkeypatch.setattr(RedisLink, "run", timed)
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
    assert state.take("p1", 1, (1, None))[2] is not None
    redis.pause()
    assert state.take("p1", 1, (1, None))[2] is not None, "its own memory begins with nothing"
    assert state.take("p1", 1, (1, None))[2] is None
    assert sum("cannot be used" in record.message for record in caplog.records) == 1
    state.rest("a", time.time() + 60, "cool")
    assert set(state.rests()) == {"a"}
    redis.go_on()
    for _ in range(1000):
        if "a" in other.rests():
            break
        time.sleep(0.01)
    assert set(other.rests()) == {"a"}
    assert state.take("p1", 1, (1, None))[2] is None, "the minute that all share is full"


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

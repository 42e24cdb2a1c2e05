"""Minutes that are known to be full: who asks again too soon is told so, and who has reason to ask, asks."""

from __future__ import annotations

import pytest

from inference_providers.state.full_minutes import FRESH, LEAST, MOST, FullMinutes
from tests.test_permits import Clock

ROOM = (10, 1000)
REQUESTS, TOKENS = "10 requests", "1000 tokens"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(clock: Clock) -> FullMinutes:
    return FullMinutes(clock)


def test_what_was_told_is_told_again_for_a_while_and_never_beyond_its_time(clock: Clock, known: FullMinutes) -> None:
    assert known.told("p", 5, ROOM) is None
    known.is_full("p", 5, ROOM, 30.0, REQUESTS, refused=True)
    assert known.told("p", 5, ROOM) == (30.0, REQUESTS)
    clock.now += FRESH / 2
    assert known.told("p", 900, ROOM) == (30.0 - FRESH / 2, REQUESTS)
    clock.now += FRESH
    assert known.told("p", 5, ROOM) is None, "others may have given something back"
    known.is_full("p", 5, ROOM, 0.2, REQUESTS, refused=True)
    clock.now += 0.2
    assert known.told("p", 5, ROOM) is None


def test_what_may_fit_is_asked(clock: Clock, known: FullMinutes) -> None:
    known.is_full("p", 500, ROOM, 30.0, TOKENS, refused=True)
    assert known.told("p", 500, ROOM) == known.told("p", 700, ROOM) == (30.0, TOKENS)
    assert known.told("p", 499, ROOM) is None
    assert known.told("p", 500, (20, 1000)) is None, "another limit"
    assert known.told("q", 500, ROOM) is None
    known.has_room("p")
    assert known.told("p", 500, ROOM) is None
    known.is_full("p", 500, ROOM, 30.0, TOKENS, refused=True)
    clock.now -= 3600
    assert known.told("p", 500, ROOM) is None, "the clock was set back"


def test_whoever_comes_in_time_and_finds_it_taken_comes_later_the_next_time(clock: Clock, known: FullMinutes) -> None:
    assert known.spread("p") == LEAST
    for _ in range(20):
        known.is_full("p", 5, ROOM, 0.5, REQUESTS, refused=True)
        clock.now += 0.5
    assert known.spread("p") == MOST
    known.is_full("p", 5, ROOM, 5.0, REQUESTS, refused=False)
    assert known.spread("p") == MOST / 2
    for _ in range(5):
        known.is_full("p", 5, ROOM, 5.0, REQUESTS, refused=True)
        clock.now += FRESH
    assert known.spread("p") == MOST / 2, "it was not to be free yet"
    for _ in range(20):
        known.is_full("p", 5, ROOM, 5.0, REQUESTS, refused=False)
    assert known.spread("p") == LEAST

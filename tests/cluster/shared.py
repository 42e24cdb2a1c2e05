"""What tests over Redis share: a clock of theirs that its scripts go by, and links that wait for what is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from inference_providers.state.redis_link import RedisLink
from inference_providers.state.redis_script import Script
from tests.test_state import Clock

TENTH = 0.1


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


def by_a_test_clock(monkeypatch: pytest.MonkeyPatch, clock: RedisClock, *modules: Any) -> None:
    """Have the scripts of modules read the time where a test has put it."""
    for module in modules:
        for name, script in list(vars(module).items()):
            if isinstance(script, Script):
                timed = Script(script.text.replace("redis.call('TIME')", "redis.call('LRANGE', 't', -2, -1)"))
                timed.once = script.once
                monkeypatch.setattr(module, name, timed)
    run = RedisLink.run

    def timed_run(self: RedisLink, *said: Any) -> Any:
        if not any("RPUSH" in one.script.text or "LTRIM" in one.script.text for one in said):
            clock.tell()
        return run(self, *said)

    monkeypatch.setattr(RedisLink, "run", timed_run)


def soon(found: Callable[[], Any]) -> Any:
    """What is found within half a minute."""
    for _ in range(3000):
        if value := found():
            return value
        time.sleep(0.01)
    raise AssertionError("it was not found")

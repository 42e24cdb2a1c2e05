"""How quick offers are, in a Redis: what one program measures, the others begin with, and hear of every few seconds."""

from __future__ import annotations

import json
import os
import time

from inference_providers.routing.speeds import DAY, Speeds
from inference_providers.state import SPACE, Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from inference_providers.offers import Offer
    from inference_providers.state import RedisLink

SPEEDS, MEASURED = f"{SPACE}:speeds", f"{SPACE}:measured"
MOST = 2000  # samples of all offers
_SAW = Script("""
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[2]) - 1)
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[3]))
return 1
""")
_ALL = Script("""
local found = {}
for i, row in ipairs(redis.call('LRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)) do
  if #row <= 1000 then found[#found + 1] = row end
end
return found
""")


class RedisSpeeds(Speeds):
    """What all who share a Redis have seen."""

    def __init__(
        self, link: RedisLink, fastest: Sequence[str] = (), clock: Callable[[], float] = time.time, space: str = ""
    ) -> None:
        self._link, self._space = link, space
        self._name = os.urandom(6).hex()
        self._rows: frozenset[bytes] = frozenset()  # what was read last
        super().__init__(fastest, None, clock)
        link.hear(MEASURED + space, self._hear)

    def saw(self, offer: Offer, first: float | None, speed: float | None, tokens: int = 0) -> None:
        """An answer came: after so many seconds, with so many tokens a second."""
        super().saw(offer, first, speed, tokens)
        if not offer.launchable and (first is not None or speed is not None):
            row = [offer.provider, offer.internal_name, self._clock(), first, speed, self._name]
            self._link.tell(_SAW, [SPEEDS + self._space], json.dumps(row), MOST, int(DAY))

    def _read(self) -> None:
        """Nothing at the beginning: what others have measured is heard of at once, in the background."""

    def _hear(self, _: list[str]) -> None:
        """Take in what others have measured since it was read last."""
        rows = self._link.ask(_ALL, [SPEEDS + self._space], MOST)
        if not isinstance(rows, list):
            return
        known, self._rows = self._rows, frozenset(rows)
        found = [_row(row) for row in reversed(rows) if row not in known]
        now = self._clock()
        with self._lock:
            for provider, model, at, first, speed, name in filter(None, found):
                if name != self._name and now - at < DAY:
                    self._samples((provider, model)).seen.appendleft((min(at, now), first, speed))
                    self._known.pop((provider, model), None)


def _row(value: Any) -> tuple[str, str, float, float | None, float | None, str] | None:
    try:
        provider, model, at, first, speed, name = json.loads(value)
    except (ValueError, TypeError, RecursionError):
        return None
    is_name = all(isinstance(one, str) for one in (provider, model, name))
    is_time = isinstance(at, float) and all(
        one is None or (isinstance(one, float) and 0 <= one < float("inf")) for one in (first, speed)
    )
    return (provider, model, at, first, speed, name) if is_name and is_time else None

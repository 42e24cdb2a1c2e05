"""How quick offers are, in a Redis: what one program measures, the others begin with, and hear of every few seconds."""

from __future__ import annotations

import json
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
_ALL = Script("return redis.call('LRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)")


class RedisSpeeds(Speeds):
    """What all who share a Redis have seen."""

    def __init__(
        self, link: RedisLink, fastest: Sequence[str] = (), clock: Callable[[], float] = time.time, space: str = ""
    ) -> None:
        self._link, self._space = link, space
        self._latest = 0.0  # of what was read
        super().__init__(fastest, None, clock)
        link.hear(MEASURED + space, self._hear)

    def saw(self, offer: Offer, first: float | None, speed: float | None, tokens: int = 0) -> None:
        """An answer came: after so many seconds, with so many tokens a second."""
        super().saw(offer, first, speed, tokens)
        if not offer.launchable and (first is not None or speed is not None):
            row = json.dumps([offer.provider, offer.internal_name, self._clock(), first, speed])
            self._link.tell(_SAW, [SPEEDS + self._space], row, MOST, int(DAY))

    def _hear(self, _: str) -> None:
        self._read()

    def _read(self) -> None:
        """Take in what others have measured since it was read last."""
        rows = self._link.ask(_ALL, [SPEEDS + self._space], MOST)
        found = [row for row in map(_row, reversed(rows)) if row is not None] if isinstance(rows, list) else []
        now = self._clock()
        with self._lock:
            for provider, model, at, first, speed in found:
                if self._latest < at <= now and now - at < DAY:
                    seen = self._samples_of(provider, model).seen
                    if (at, first, speed) not in seen:
                        seen.appendleft((at, first, speed))
                        self._known.pop((provider, model), None)
            self._latest = max([self._latest, *(row[2] for row in found if row[2] <= now)])

    def _samples_of(self, provider: str, model: str) -> Any:
        from inference_providers.routing.speeds import _Samples

        return self._offers.setdefault((provider, model), _Samples())


def _row(value: Any) -> tuple[str, str, float, float | None, float | None] | None:
    try:
        provider, model, at, first, speed = json.loads(value)
    except (ValueError, TypeError, RecursionError):
        return None
    is_name = isinstance(provider, str) and isinstance(model, str)
    is_time = isinstance(at, float) and all(
        one is None or (isinstance(one, float) and 0 <= one < float("inf")) for one in (first, speed)
    )
    return (provider, model, at, first, speed) if is_name and is_time else None

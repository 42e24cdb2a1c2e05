"""What may be spent, in a Redis: amounts are set aside and settled in one step each, for all who share it."""

from __future__ import annotations

import json
import os

from inference_providers.state.redis_link import SPACE, Said, Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from inference_providers.state.redis_link import RedisLink

ACCOUNTS, OPEN, ROWS = f"{SPACE}:spent:", f"{SPACE}:open", f"{SPACE}:open:rows"
KEPT = 400 * 86400  # seconds for which an account is known after it was last used

# OPEN has what is set aside by when it is given up (its program has died then), ROWS how much and of which accounts.
_RESERVE = Script("""
local now = tonumber(redis.call('TIME')[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)) do
  local row = redis.call('HGET', KEYS[2], id)
  if row then
    local parts = cjson.decode(row)
    for i = 2, #parts do redis.call('HINCRBYFLOAT', parts[i], 'reserved', -parts[1]) end
  end
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[1], id)
end
local cost, found, fits = tonumber(ARGV[1]), {}, 1
for i = 3, #KEYS do
  local sums = redis.call('HMGET', KEYS[i], 'spent', 'reserved')
  local used = tonumber(sums[1] or 0) + tonumber(sums[2] or 0)
  local limit = tonumber(ARGV[5 + i - 2])
  found[#found + 1] = tostring(used)
  if limit >= 0 and (used + cost > limit + 1e-9 or (ARGV[4] == '1' and used >= limit - 1e-9)) then fits = 0 end
end
if fits == 1 and cost > 0 then
  for i = 3, #KEYS do
    redis.call('HINCRBYFLOAT', KEYS[i], 'reserved', cost)
    redis.call('EXPIRE', KEYS[i], tonumber(ARGV[5]))
  end
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[3])
  redis.call('HSET', KEYS[2], ARGV[3], ARGV[5 + #KEYS - 1])
end
return {fits, unpack(found)}
""")
_SETTLE = Script("""
local known = redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
for i = 3, #KEYS do
  if known == 1 then redis.call('HINCRBYFLOAT', KEYS[i], 'reserved', -tonumber(ARGV[2])) end
  if tonumber(ARGV[3]) ~= 0 then
    redis.call('HINCRBYFLOAT', KEYS[i], 'spent', ARGV[3])
    redis.call('EXPIRE', KEYS[i], tonumber(ARGV[4]))
  end
end
return 1
""")
_SPENT = Script("""
local found = {}
for i = 1, #KEYS do found[i] = redis.call('HGET', KEYS[i], 'spent') or '0' end
return found
""")
_FORGET = Script("""
for i = 1, #KEYS do redis.call('DEL', KEYS[i]) end
return #KEYS
""")


class Booking:
    """What is set aside: its number, how much, and of which accounts. used: what each had come to before."""

    __slots__ = ("accounts", "cost", "number", "used")

    def __init__(self, number: str, cost: float, accounts: tuple[str, ...], used: list[float]) -> None:
        self.number, self.cost, self.accounts, self.used = number, cost, accounts, used


class Short:
    """There is not enough in one of them. used: what each has come to, what is set aside included."""

    __slots__ = ("used",)

    def __init__(self, used: list[float]) -> None:
        self.used = used


class RedisAccounts:
    """Accounts by name, such as those of a day and of a month."""

    def __init__(self, link: RedisLink, space: str = "") -> None:
        """*space*: put before the names of accounts."""
        self.link, self._space = link, space

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.link.place}>"

    def reserve(
        self, names: Sequence[str], limits: Sequence[float | None], cost: float, seconds: float, *, strict: bool = False
    ) -> Booking | Short | None:
        """Set *cost* aside in all of them, for so many seconds at most; None where nothing answers.

        strict: not even what costs nothing fits once all is used.
        """
        said, number = self.said(names, limits, cost, seconds, strict=strict)
        found = self.link.run(said)
        return None if found is None else self.read(found[0], number, names, cost)

    def said(
        self, names: Sequence[str], limits: Sequence[float | None], cost: float, seconds: float, *, strict: bool
    ) -> tuple[Said, str]:
        """What asks for that, to go along with other things, and its number."""
        keys, number = self._keys(names), os.urandom(12).hex()
        most = [-1 if limit is None else repr(limit) for limit in limits]
        row = json.dumps([cost, *keys[2:]])
        return Said(_RESERVE, keys, (repr(cost), seconds, number, int(strict), KEPT, *most, row)), number

    def read(self, found: Any, number: str, names: Sequence[str], cost: float) -> Booking | Short | None:
        """What came of it."""
        if not isinstance(found, list) or len(found) != len(names) + 1:
            return None
        used = [float(one) for one in found[1:]]
        return Booking(number, cost, tuple(names), used) if found[0] == 1 else Short(used)

    def settle(self, booking: Booking, cost: float) -> None:
        """What was set aside has come to *cost*; told in the background, and once more if nothing answers for now."""
        if booking.cost or cost:
            keys = self._keys(booking.accounts)
            self.link.tell(_SETTLE, keys, booking.number, repr(booking.cost), repr(cost), KEPT)

    def add(self, names: Sequence[str], cost: float) -> None:
        """So much was spent while nothing answered."""
        self.link.tell(_SETTLE, self._keys(names), "-", 0, repr(cost), KEPT)

    def spent(self, names: Sequence[str]) -> list[float] | None:
        """What was spent of each, as far as it is settled; None where nothing answers."""
        found = self.link.ask(_SPENT, self._keys(names)[2:])
        return [float(one) for one in found] if isinstance(found, list) and len(found) == len(names) else None

    def forget(self, names: Sequence[str]) -> bool:
        """Know nothing of some any more; whether that could be said."""
        return self.link.ask(_FORGET, self._keys(names)[2:]) is not None

    def _keys(self, names: Sequence[str]) -> list[str]:
        return [OPEN, ROWS, *(f"{ACCOUNTS}{self._space}{name}" for name in names)]

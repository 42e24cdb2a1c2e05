"""Minutes, places and months of callers in a Redis, for gateways on several machines: one round trip lets a request in.

A gateway says every few seconds that it lives; what one had under way that does not any more is let go when somebody
wants its place. While Redis does not answer, each gateway counts for itself.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import deque
from weakref import ref

from inference_providers.gateway.spending import Reservation, Spending
from inference_providers.gateway.tiers import Admission, Exceeded, Tiers
from inference_providers.gateway.windows import Full, MemoryWindows, Place, headline, refusal
from inference_providers.state import MINUTE_CORRECTED, MINUTE_HEAD, SPACE, Booking, RedisAccounts, Said, Script, Short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.quotas import Quota
    from inference_providers.state import RedisLink

WINDOWS, PLACES, ALIVE = f"{SPACE}:caller:", f"{SPACE}:under-way:", f"{SPACE}:gateway:"
LONGEST = 3600.0  # seconds for which what a gateway has set aside counts that died
LIFE, BEAT = 15, 4.0  # seconds for which a gateway is believed to live, and after which it says so again
_DOUBTFUL = 10_000  # places of which is remembered that they are to be let go of
_TENTHS = 10  # of a second in which a minute is counted

_ENTER = Script(
    MINUTE_HEAD
    + """
local most, most_tokens, at_once = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted, under = tonumber(ARGV[4]), 0
redis.call('SET', ARGV[6] .. ARGV[7], 1, 'EX', tonumber(ARGV[8]))
if at_once >= 0 then
  under = redis.call('SCARD', KEYS[2])
  if under >= at_once then
    local lives = {}
    for _, place in ipairs(redis.call('SMEMBERS', KEYS[2])) do
      local whose = string.match(place, '^[^:]+')
      if lives[whose] == nil then lives[whose] = redis.call('EXISTS', ARGV[6] .. whose) end
      if lives[whose] == 0 then redis.call('SREM', KEYS[2], place) end
    end
    under = redis.call('SCARD', KEYS[2])
  end
end
local is_full = most >= 0 and requests >= most
local is_heavy = most_tokens >= 0 and tokens + wanted > most_tokens
if not is_full and not is_heavy and not (at_once >= 0 and under >= at_once) then
  if most >= 0 or most_tokens >= 0 then
    add(wanted)
  end
  if at_once >= 0 then
    redis.call('SADD', KEYS[2], ARGV[7] .. ':' .. ARGV[5])
    redis.call('EXPIRE', KEYS[2], 3600)
    under = under + 1
  end
  return {1, now, requests + 1, tostring(tokens + wanted), under}
end
local at, without, newest = 0, 0, 0
local left, left_tokens = requests, tokens
for tenth = first or now, now do
  if not (is_full and at == 0) and not (is_heavy and without == 0) then break end
  local own = redis.call('HMGET', key, 'r' .. tenth, 't' .. tenth)
  if own[1] and tonumber(own[1]) > 0 then
    left, left_tokens = left - tonumber(own[1]), left_tokens - tonumber(own[2] or 0)
    if is_full and at == 0 and left < most then at = tenth end
    if is_heavy and without == 0 and left_tokens + wanted <= most_tokens then without = tenth end
  end
end
for tenth = now, first or now, -1 do
  if tonumber(redis.call('HGET', key, 'r' .. tenth) or '0') > 0 then
    newest = tenth
    break
  end
end
return {0, now, requests, tostring(tokens), under, newest, at, without}
"""
)
_LEAVE = Script(
    MINUTE_CORRECTED
    + """
redis.call('SREM', KEYS[2], ARGV[4])
return 1
""",
    once=True,
)
_LET_GO = Script("return redis.call('SREM', KEYS[1], ARGV[1])")
_BEAT = Script("redis.call('SET', KEYS[1], 1, 'EX', tonumber(ARGV[1])) return 1")
_END = Script("return redis.call('DEL', unpack(KEYS))")


class _Told:
    """The last minute of a caller, as a refusal of Redis tells of it, in seconds of its clock."""

    __slots__ = ("_at", "_without", "newest", "requests", "tokens", "under_way")

    def __init__(self, requests: int, tokens: int, under_way: int, newest: float, at: float, without: float) -> None:
        self.requests, self.tokens, self.under_way, self.newest = requests, tokens, under_way, newest
        self._at, self._without = at, without

    def at(self, number: int) -> float:
        """When the request came that has to go."""
        return self._at or self.newest

    def without(self, tokens: int) -> float:
        """When the request came with which enough tokens go."""
        return self._without or self.newest


class RedisWindows:
    """Minutes and places in a Redis."""

    def __init__(self, link: RedisLink, space: str = "") -> None:
        self.link, self._space = link, space
        self._memory = MemoryWindows()
        self._memory_lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._process, self._name, self._numbers = os.getpid(), os.urandom(8).hex(), itertools.count(1)
        self._doubtful: deque[tuple[str, int]] = deque(maxlen=_DOUBTFUL)  # places that nobody knows whether Redis has
        self._beats, self._lock = False, threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.link.place}>"

    def take(self, caller: str, quota: Quota, tokens: int) -> Place | Full:
        """A place for a request of about so many tokens, or why there is none now."""
        said, number = self.said(caller, quota, tokens)
        found = self.link.run(said)
        return self.read(None if found is None else found[0], caller, quota, tokens, number)

    def said(self, caller: str, quota: Quota, tokens: int) -> tuple[Said, int]:
        """What asks for that, to go along with other things, and the number of the place."""
        self._live()
        number = next(self._numbers)
        limits = (quota.requests_per_minute, quota.tokens_per_minute, quota.concurrent)
        most = (-1 if limit is None else limit for limit in limits)
        arguments = (*most, tokens, number, f"{ALIVE}{self._space}", self._name, LIFE)
        return Said(_ENTER, self._keys(caller), arguments), number

    def read(self, found: Any, caller: str, quota: Quota, tokens: int, number: int) -> Place | Full:
        """What came of it; this process's own where nothing answers."""
        if not isinstance(found, list) or len(found) not in (5, 8):
            if quota.concurrent is not None and not self.link.is_here:
                self._doubtful.append((caller, number))
            with self._memory_lock:
                return self._memory.take(caller, quota, tokens)
        fits, now, requests, used, under_way = found[:5]
        if fits == 1:
            with self._memory_lock:  # so that this gateway knows it when it is alone
                mine = self._memory.take(caller, quota, tokens)
            if isinstance(mine, Full):  # by what it has let in itself: Redis has lost some of it
                self._tell(caller, number, now, -tokens, gone=True)
                return mine
            mine.limit, mine.remaining = headline(quota, requests, int(float(used)), under_way)
            mine.number, mine.tenth = number, now
            return mine
        times = ((tenth + 1) / _TENTHS if tenth else 0.0 for tenth in found[5:])  # it goes when its tenth is over
        return refusal(quota, tokens, now / _TENTHS, _Told(requests, int(float(used)), under_way, *times))

    def leave(self, place: Place, tokens: int | None) -> None:
        """A request is over, and has taken so many tokens; None: as many as was thought."""
        more = 0 if tokens is None else tokens - place.tokens
        with self._memory_lock:
            self._memory.leave(place, tokens)
        if place.number:
            self._settle(place, more, gone=False)

    def give_back(self, place: Place) -> None:
        """A request was not sent: it counts for nothing."""
        with self._memory_lock:
            self._memory.give_back(place)
        if place.number:
            self._settle(place, -place.tokens, gone=True)

    def forget(self, caller: str) -> None:
        """Know nothing of a caller any more; what it has under way is let go on. Raises OSError."""
        with self._memory_lock:
            self._memory.forget(caller)
        if self.link.ask(_END, self._keys(caller)) is None:
            raise OSError(0, self.link.fault or "it was refused", self.link.place)

    def close(self) -> None:
        """Let go of all that this process has under way."""
        self._beats = False
        self.link.tell(_END, [f"{ALIVE}{self._space}{self._name}"])
        self.link.flush()

    def _settle(self, place: Place, tokens: int, *, gone: bool) -> None:
        number, place.number = place.number, 0
        self._tell(place.caller, number, place.tenth, tokens, gone=gone)

    def _tell(self, caller: str, number: int, tenth: int, tokens: int, *, gone: bool) -> None:
        name = f"{self._name}:{number}"
        self.link.tell(_LEAVE, self._keys(caller), tenth, tokens, int(gone), name)

    def _keys(self, caller: str) -> list[str]:
        return [f"{WINDOWS}{self._space}{caller}", f"{PLACES}{self._space}{caller}"]

    def _live(self) -> None:
        """Say every few seconds that this process lives, from the first request on."""
        if self._process != os.getpid():
            self._begin()
        if not self._beats:
            with self._lock:
                if not self._beats:
                    self._beats = True
                    arguments = (ref(self), self._name)
                    threading.Thread(target=_beat, args=arguments, name="redis-beat", daemon=True).start()

    def beat(self, name: str) -> bool:
        """Say that a process of this name lives, and let go of what it has not got; whether it does."""
        if not self._beats or self._name != name:
            return False
        self.link.tell(_BEAT, [f"{ALIVE}{self._space}{name}"], LIFE)
        if self.link.is_here:  # what was asked before it was gone has been done by now, or never will be
            while self._doubtful:
                caller, number = self._doubtful.popleft()
                self.link.tell(_LET_GO, self._keys(caller)[1:], f"{name}:{number}")
        return True


def _beat(of: ref[RedisWindows], name: str) -> None:
    """Have windows beat as long as there are any."""
    while (windows := of()) is not None and windows.beat(name):
        del windows
        time.sleep(BEAT)


class RedisSpending(Spending):
    """Months of callers in a Redis."""

    def __init__(self, accounts: RedisAccounts, clock: Callable[[], float] = time.time) -> None:
        super().__init__(None, clock)
        self.accounts = accounts
        self._bookings: dict[int, Booking] = {}
        self._numbers, self._lock = itertools.count(1), threading.RLock()  # the garbage collector may settle within

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.accounts.link.place}>"

    @staticmethod
    def name(caller: str, month: str) -> str:
        """What the account of a caller's month is called."""
        return f"{caller}:{month}"

    def reserve(self, caller: str, budget: float, cost: float) -> Reservation | float:
        """Set *cost* aside; how much is left where that is less, or nothing at all."""
        month = self.month()
        found = self.accounts.reserve((self.name(caller, month),), (budget,), cost, LONGEST, strict=True)
        return self.read(found, caller, month, budget, cost)

    def read(
        self, found: Booking | Short | None, caller: str, month: str, budget: float, cost: float
    ) -> Reservation | float:
        """What came of it; by what this process knows where nothing answers."""
        mine = (caller, month)
        with self._lock:
            if found is None:
                return super().reserve(caller, budget, cost)
            if (carried := self._carried.pop(mine, 0.0)) != 0:
                self.accounts.add((self.name(*mine),), carried)
            self._seen[mine] = found.used[0]
            left = budget - found.used[0]
            if isinstance(found, Short):
                return max(left, 0.0)
            self._seen[mine] += cost
        number = next(self._numbers)
        self._bookings[number] = found
        return Reservation(caller, month, cost, number, left - cost)

    def settle(self, reservation: Reservation, cost: float) -> None:
        """What was set aside has come to *cost*."""
        booking = self._bookings.pop(reservation.number, None)
        with self._lock:
            if booking is None:
                super().settle(reservation, cost)
            elif reservation.process == os.getpid():
                self.accounts.settle(booking, cost)
                self._see({(reservation.caller, reservation.month): cost - reservation.cost})

    def spent(self, caller: str) -> float:
        """USD of this month, as far as they are settled."""
        found = self.accounts.spent((self.name(caller, self.month()),))
        return (found[0] if found else 0.0) + super().spent(caller)

    def forget(self, caller: str) -> None:
        """Know nothing of a caller's month any more. Raises OSError."""
        super().forget(caller)
        if not self.accounts.forget((self.name(caller, self.month()),)):
            raise OSError(0, self.accounts.link.fault, self.accounts.link.place)


class RedisTiers(Tiers):
    """Callers' limits for all gateways that share a Redis."""

    waits = True

    def __init__(self, link: RedisLink, now: Callable[[], float] = time.time, space: str = "") -> None:
        self._link = link
        self.shared_windows, self.shared_spending = (
            RedisWindows(link, space),
            RedisSpending(RedisAccounts(link, space), now),
        )
        super().__init__(self.shared_windows, self.shared_spending, now)

    def enter(self, caller: Caller, tokens: int = 0, cost: float = 0.0) -> Admission | Exceeded | None:
        """Whether a request may be made now; where both its minute and its month are limited, in one round trip."""
        quota = caller.quota
        if quota is None or not quota.has_rates or quota.budget is None:
            return super().enter(caller, tokens, cost)
        windows, spending = self.shared_windows, self.shared_spending
        month = spending.month()
        names, limits = (spending.name(caller.id, month),), (quota.budget,)
        asked, place_number = windows.said(caller.id, quota, tokens)
        reserve, number = spending.accounts.said(names, limits, cost, LONGEST, strict=True)
        found = self._link.run(asked, reserve) or [None, None]
        place = windows.read(found[0], caller.id, quota, tokens, place_number)
        booking = spending.accounts.read(found[1], number, names, cost)
        reserved = spending.read(booking, caller.id, month, quota.budget, cost)
        if isinstance(place, Full):
            if isinstance(reserved, Reservation):
                spending.settle(reserved, 0.0)
            return self._full(place)
        if not isinstance(reserved, Reservation):
            windows.give_back(place)
            return self._spent(quota.budget, reserved, cost)
        return Admission(self, place, reserved, self._now())

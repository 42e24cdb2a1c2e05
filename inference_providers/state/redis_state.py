"""A state in a Redis (or Valkey), for programs on several machines that name it.

A minute is 601 tenths of a second there, by Redis's own clock, so that what all take together is never more than a
minute has, and memory does not grow with the number of requests. Who rests is read into memory in the background when
somebody says so, and so a call asks nobody about it. While Redis does not answer, this process goes by what it knows
itself, and tells the rest of it afterwards.
"""

from __future__ import annotations

import os
import time

from inference_providers.state.memory_state import KEPT, MOST_RESTS, MemoryState, digest_of
from inference_providers.state.redis_link import SPACE, RedisLink, Script, link_of
from inference_providers.state.state import State
from inference_providers.state.window import Taken, share_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_providers.state.window import Room

RESTS, SECRET, CHANGES = f"{SPACE}:rests", f"{SPACE}:secret", f"{SPACE}:rests:changed"
MINUTES = f"{SPACE}:minute:"
_SECRET_SIZE = 32
_FRESH = 0.25  # seconds for which the room that is left is not read again
_MANY = 1000  # digests that are made without the secret
_WHY = 64  # characters of why something rests

# The first word of a value is until when, the others are why. What has long been over goes, and of too many the
# shortest: that is looked at now and then, when there are more than there may be.
_REST = Script("""
local now = redis.call('TIME')
local seconds = tonumber(now[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
redis.call('EXPIRE', KEYS[1], math.ceil(tonumber(ARGV[6])))
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[5]) then
  local rows = redis.call('HGETALL', KEYS[1])
  local ends = {}
  for i = 1, #rows, 2 do
    ends[#ends + 1] = {tonumber(string.match(rows[i + 1], '^%S+')) or 0, rows[i]}
  end
  table.sort(ends, function(a, b) return a[1] < b[1] end)
  for i = 1, #ends do
    if ends[i][1] <= seconds - tonumber(ARGV[4]) or i <= #ends - tonumber(ARGV[5]) then
      redis.call('HDEL', KEYS[1], ends[i][2])
    end
  end
end
redis.call('PUBLISH', KEYS[2], ARGV[1])
return 1
""")
_CLEAR = Script("""
if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then redis.call('PUBLISH', KEYS[2], ARGV[1]) end
return 1
""")
_ALL = Script("return {redis.call('TIME'), redis.call('HGETALL', KEYS[1])}")
_KEPT_SECRET = Script("redis.call('SET', KEYS[1], ARGV[1], 'NX') return redis.call('GET', KEYS[1])")

# A minute: R and T are its requests and tokens, r<n> and t<n> those of one tenth of a second, `first` the oldest of
# these. A request of the tenth n counts until 601 tenths later: a minute at least, and at most a tenth more.
MINUTE_HEAD = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 10 + math.floor(tonumber(clock[2]) / 100000)
local key, oldest = KEYS[1], now - 600
local first = tonumber(redis.call('HGET', key, 'first'))
if first and (first > now + 10 or first < oldest - 1200) then
  redis.call('DEL', key)
  first = nil
end
while first and first < oldest do
  local gone = redis.call('HMGET', key, 'r' .. first, 't' .. first)
  if gone[1] then
    redis.call('HINCRBY', key, 'R', -tonumber(gone[1]))
    redis.call('HINCRBYFLOAT', key, 'T', -tonumber(gone[2] or 0))
    redis.call('HDEL', key, 'r' .. first, 't' .. first)
  end
  first = first + 1
  redis.call('HSET', key, 'first', first)
end
local sums = redis.call('HMGET', key, 'R', 'T')
local requests, tokens = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
if requests <= 0 then tokens = 0 end
"""
_TAKE = Script(
    MINUTE_HEAD
    + """
local most, most_tokens, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local is_full = most >= 0 and requests + 1 > most
local is_heavy = most_tokens >= 0 and requests > 0 and tokens + wanted > most_tokens
if not is_full and not is_heavy then
  redis.call('HINCRBY', key, 'R', 1)
  redis.call('HINCRBY', key, 'r' .. now, 1)
  redis.call('HINCRBYFLOAT', key, 'T', wanted)
  redis.call('HINCRBYFLOAT', key, 't' .. now, wanted)
  if not first then redis.call('HSET', key, 'first', now) end
  redis.call('EXPIRE', key, 62)
  return {1, now}
end
local by_requests, by_tokens = 0, 0
local left, room = requests, math.max(most_tokens - math.min(wanted, most_tokens), 0)
for tenth = first or now, now do
  local own = redis.call('HMGET', key, 'r' .. tenth, 't' .. tenth)
  if own[1] then
    left, tokens = left - tonumber(own[1]), tokens - tonumber(own[2] or 0)
    if is_full and by_requests == 0 and left + 1 <= most then by_requests = tenth + 601 - now end
    if is_heavy and by_tokens == 0 and (tokens <= room + 1e-9 or left <= 0) then by_tokens = tenth + 601 - now end
  end
end
if is_full and by_requests == 0 then by_requests = 601 end
if is_heavy and by_tokens == 0 then by_tokens = 601 end
if is_full and by_requests >= by_tokens then return {0, by_requests, 'requests'} end
return {0, by_tokens, 'tokens'}
"""
)
_ROOM = Script(MINUTE_HEAD + "return {requests, tostring(tokens)}")
_CORRECT = Script("""
local tenth = 't' .. ARGV[1]
if redis.call('HEXISTS', KEYS[1], 'r' .. ARGV[1]) == 1 then
  redis.call('HINCRBYFLOAT', KEYS[1], tenth, ARGV[2])
  redis.call('HINCRBYFLOAT', KEYS[1], 'T', ARGV[2])
  if ARGV[3] == '1' then
    redis.call('HINCRBY', KEYS[1], 'R', -1)
    redis.call('HINCRBY', KEYS[1], 'r' .. ARGV[1], -1)
  end
end
return 1
""")


class RedisState(State):
    """The state in one Redis."""

    waits = True

    def __init__(self, link: RedisLink, *, clock: Callable[[], float] = time.time, space: str = "") -> None:
        """*clock*: seconds since 1970. *space*: put behind the names of keys, for tests."""
        self.link: RedisLink = link
        self._clock, self._space = clock, space
        self._own = MemoryState(clock)  # what this process has said, and what it could not share
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._seen: dict[str, tuple[float, str]] = {}
        self._turn = 0
        self._secret = b""
        self._meant: dict[str, tuple[str, ...]] = {}  # digests that were made without the secret, of what
        self._real: dict[str, str] = {}  # and what all make of that
        self._rooms: dict[str, tuple[float, float]] = {}
        self._hears = False

    @classmethod
    def of(cls, url: str) -> RedisState:
        """That at an address. Raises ValueError, also where the package `redis` is missing."""
        return cls(link_of(url))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.link.place}>"

    @property
    def generation(self) -> int:
        """Another number whenever `rests` may give something else."""
        if not self._hears or self._process != os.getpid():
            self._hear()
        return self._turn + self._own.generation

    def digest(self, *parts: str) -> str:
        """A key for `rest` that all programs make of these parts."""
        if not self._secret and not self._read_secret():
            made = self._own.digest(*parts)  # one that nobody else makes, until there is the secret
            if len(self._meant) < _MANY:
                self._meant[made] = parts
            return made
        return digest_of(self._secret, parts)

    def _read_secret(self) -> bool:
        """Have the secret of all, made by the first; whether there is one."""
        found = self.link.ask(_KEPT_SECRET, [SECRET + self._space], os.urandom(_SECRET_SIZE))
        if not isinstance(found, bytes) or len(found) != _SECRET_SIZE:
            return False
        self._secret = found
        self._real = {made: digest_of(found, parts) for made, parts in self._meant.items()}
        return True

    def rest(self, key: str, until: float, why: str) -> None:
        """Have everybody leave it alone until then. It is told in the background: nobody waits for it."""
        key = self._real.get(key, key)
        self._own.rest(key, until, why)
        if not self._secret and key in self._meant:
            return  # nobody else would know whom it is about; it is told when there is the secret
        kept = KEPT + max(until - self._clock(), 0.0)
        self.link.tell(
            _REST, [RESTS + self._space, CHANGES + self._space], key, repr(until), why[:_WHY], KEPT, MOST_RESTS, kept
        )

    def clear(self, key: str) -> None:
        """Nobody need leave it alone any more."""
        key = self._real.get(key, key)
        self._own.clear(key)
        if key in self._seen:
            self._seen = {one: rest for one, rest in self._seen.items() if one != key}
            self._turn += 1
        self.link.tell(_CLEAR, [RESTS + self._space, CHANGES + self._space], key)

    def rests(self) -> Mapping[str, tuple[float, str]]:
        """By key: until when it rests, and why."""
        if not self._hears or self._process != os.getpid():
            self._hear()
        own = self._own.rests()
        found = {**self._seen, **own} if own else self._seen
        if self._real:
            found = found | {made: found[real] for made, real in self._real.items() if real in found}
        return found

    def take(self, name: str, tokens: float, limits: Room) -> tuple[float, str, Taken | None]:
        """Take a request and its tokens out of this minute."""
        requests, most = limits
        found = self.link.ask(_TAKE, [self._minute(name)], *(-1 if one is None else one for one in limits), tokens)
        if not isinstance(found, list) or len(found) not in (2, 3):
            return self._own.take(name, tokens, limits)
        if found[0] == 1:
            return 0.0, "", Taken(self._clock(), tokens, int(found[1]))
        which = f"{requests:g} requests" if found[2] == b"requests" else f"{most:g} tokens"
        return max(int(found[1]) / 10, 0.001), which, None

    def correct(self, name: str, taken: Taken, tokens: float) -> None:
        """It took so many tokens, as it turned out."""
        if taken.number is None:
            self._own.correct(name, taken, tokens)
        elif tokens != taken.tokens:
            self.link.tell(_CORRECT, [self._minute(name)], taken.number, tokens - taken.tokens, 0)
            taken.tokens = tokens

    def give_back(self, name: str, taken: Taken) -> None:
        """It was not sent."""
        if taken.number is None:
            self._own.give_back(name, taken)
        else:
            self.link.tell(_CORRECT, [self._minute(name)], taken.number, -taken.tokens, 1)

    def room(self, name: str, limits: Room) -> float:
        """The part of its minute that is left, from 0 to 1."""
        now = self._clock()
        at, left = self._rooms.get(name, (float("-inf"), 1.0))
        if 0 <= now - at < _FRESH:
            return left
        found = self.link.ask(_ROOM, [self._minute(name)])
        left = share_left(int(found[0]), float(found[1]), limits) if isinstance(found, list) else 1.0
        left = min(left, self._own.room(name, limits))
        self._rooms[name] = (now, left)
        return left

    def close(self) -> None:
        """Say what is still to be said."""
        self.link.flush()

    def _minute(self, name: str) -> str:
        return f"{MINUTES}{self._space}{name}"

    def _hear(self) -> None:
        """Have what others say read in the background from now on, and once at once."""
        if self._process != os.getpid():
            self._begin()
        self._hears = True
        self._read("")
        self.link.hear(CHANGES + self._space, self._read)
        self.link.joins(self._tell_again)

    def _read(self, _: str) -> None:
        """Read who rests; called in the background whenever somebody has said something."""
        is_there = self.link.has_told  # before it is read: then all that this process has said is in it
        found = self.link.ask(_ALL, [RESTS + self._space])
        rows = found[1] if isinstance(found, list) and len(found) == 2 and isinstance(found[1], list) else None
        if rows is None:
            return
        seen, oldest = {}, self._clock() - KEPT
        for key, value in zip(rows[::2], rows[1::2], strict=False):
            until, _, why = value[:200].decode("utf-8", "replace").partition(" ")
            try:
                if oldest < float(until) < float("inf"):
                    seen[key[:64].decode("ascii", "replace")] = (float(until), why)
            except ValueError:
                continue
        if seen != self._seen:
            self._seen = seen
            self._turn += 1
        for key in list(self._own.rests()) if is_there else ():
            if key not in self._meant:
                self._own.clear(key)  # from here on, it is as whoever spoke last says

    def _tell_again(self) -> None:
        """Say what the others may not have heard."""
        if not self._secret:
            self._read_secret()
        for key, (until, why) in list(self._own.rests().items()):
            if key in self._real:
                self._own.clear(key)
            self.rest(key, until, why)

"""A state in a Redis (or Valkey), for programs on several machines that name it.

A minute is 601 tenths of a second there, by Redis's own clock, so that what all take together is never more than a
minute has, and memory does not grow with the number of requests. Who rests is read into memory in the background when
somebody says so, and so a call asks nobody about it. Times are told by Redis's clock, since those of machines differ.
While Redis does not answer, this process goes by what it knows itself, and tells the rest of it afterwards; one that
has lost everything is told again what its users know.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from inference_providers.state.full_minutes import FullMinutes
from inference_providers.state.memory_state import KEPT, MOST_RESTS, MemoryState, digest_of
from inference_providers.state.redis_link import RedisLink, link_of
from inference_providers.state.redis_minute import CORRECT, MINUTES, ROOM, TAKE
from inference_providers.state.redis_script import SPACE, Script
from inference_providers.state.state import State
from inference_providers.state.window import share_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.state.window import Room, Taken

RESTS, SECRET, CHANGES = f"{SPACE}:rests", f"{SPACE}:secret", f"{SPACE}:rests:changed"
_SECRET_SIZE = 32
_FRESH = 0.25  # seconds for which the room that is left is not read again
_MANY = 10_000  # digests of which is known what they stand for
_APART = 1.0  # seconds by which a clock may differ from that of Redis, and be taken for the same
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
# Who rests, and the secret of all, which the first has made, or whoever finds something else there: whether it was this
# one. What others write here is read as far as it is of a size that we write.
_ALL = Script("""
local secret, made = redis.pcall('GET', KEYS[2]), 0
if type(secret) ~= 'string' or #secret < 16 or #secret > 64 then
  local set = redis.pcall('SET', KEYS[2], ARGV[1])
  if type(set) == 'table' and set.ok then secret, made = ARGV[1], 1 else secret = '' end
end
local rows, found = {}, {}
if redis.call('HLEN', KEYS[1]) <= 2 * tonumber(ARGV[2]) then
  rows = redis.call('HGETALL', KEYS[1])
else
  rows = redis.call('HSCAN', KEYS[1], '0', 'COUNT', ARGV[2])[2]
end
for i = 1, #rows do found[i] = string.sub(rows[i], 1, 200) end
return {redis.call('TIME'), made, secret, found}
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
        self._process, self._lock, self._first = os.getpid(), threading.RLock(), threading.Lock()
        self._seen: dict[str, tuple[float, str]] = {}
        self._turn = 0
        self._secret = b""
        self._ahead = 0.0  # seconds by which Redis's clock is ahead
        self._parts: dict[str, tuple[str, ...]] = {}  # digests that were given, of what
        self._real: dict[str, str] = {}  # and what all make of that, where it is another
        self._said: dict[str, float] = {}  # rests of this process's that Redis has, until when
        self._rooms: dict[str, tuple[float, float]] = {}
        self._full = FullMinutes(self._clock)
        self._is_ready = self._begins = False

    @classmethod
    def of(cls, url: str) -> RedisState:
        """That at an address, one for all lists of this process. Raises ValueError, also where `redis` is missing."""
        link = link_of(url)
        with link.lock:
            if link.state is None:
                link.state = cls(link)
            found: RedisState = link.state
            return found

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.link.place}>"

    @property
    def is_ready(self) -> bool:
        """Whether it has tried to read what others said."""
        return self._is_ready and self._process == os.getpid()

    def prepare(self) -> None:
        """Read what others said, and have it read in the background from now on. This may take a moment."""
        if self._process != os.getpid():
            self._begin()
        with self._first:
            if not self._is_ready:
                self._read([])
                self._is_ready = True
                self.link.hear(CHANGES + self._space, self._read)
                self.link.joins(self._tell_again)

    def _ready(self) -> None:
        """`prepare`; on an event loop, which must not wait, in the background."""
        if not self.is_ready:
            if self._process != os.getpid():
                self._begin()
            if not in_loop():
                self.prepare()
            elif not self._begins:
                self._begins = True
                threading.Thread(target=self.prepare, name="redis-first", daemon=True).start()

    @property
    def generation(self) -> int:
        """Another number whenever `rests` may give something else."""
        self._ready()
        return self._turn + self._own.generation

    def digest(self, *parts: str) -> str:
        """A key for `rest` that all programs make of these parts."""
        self._ready()
        made = digest_of(self._secret, parts) if self._secret else self._own.digest(*parts)  # nobody else's, for now
        if len(self._parts) < _MANY:
            self._parts[made] = parts
        return made

    def rest(self, key: str, until: float, why: str) -> None:
        """Have everybody leave it alone until then. It is told in the background: nobody waits for it."""
        self._ready()
        self._rest(key, until, why)

    def _rest(self, key: str, until: float, why: str) -> None:
        key = self._real.get(key, key)
        self._own.rest(key, until, why)
        if not self._secret:
            return  # nobody else would know whom it is about; it is told when there is the secret
        kept = KEPT + max(until - self._clock(), 0.0)

        def told(found: object) -> None:
            if not isinstance(found, Exception):
                self._said[key] = until

        keys, words = [RESTS + self._space, CHANGES + self._space], (repr(until + self._ahead), why[:_WHY])
        self.link.tell(_REST, keys, key, *words, KEPT, MOST_RESTS, kept, then=told)

    def clear(self, key: str) -> None:
        """Nobody need leave it alone any more."""
        key = self._real.get(key, key)
        self._own.clear(key)
        with self._lock:
            if key in self._seen:
                self._seen = {one: rest for one, rest in self._seen.items() if one != key}
                self._turn += 1
        self.link.tell(_CLEAR, [RESTS + self._space, CHANGES + self._space], key)

    def rests(self) -> Mapping[str, tuple[float, str]]:
        """By key: until when it rests, and why."""
        self._ready()
        own = self._own.rests()
        found = {**self._seen, **own} if own else self._seen
        if self._real:
            found = found | {made: found[real] for made, real in self._real.items() if real in found}
        return found

    def take(self, name: str, tokens: float, limits: Room) -> tuple[float, str, Taken | None]:
        """Take a request and its tokens out of this minute."""
        if self._process != os.getpid():
            self._begin()  # a thread of the parent may have held a lock
        with self._full.turn(name):
            if (told := self._full.told(name, tokens, limits)) is not None:
                return *told, None
            found = self.link.ask(TAKE, [self._minute(name)], *(-1 if one is None else one for one in limits), tokens)
            if not isinstance(found, list) or len(found) != 6:
                return self._own.take(name, tokens, limits)
            took, tenth, count, used, tenths, kind = found
            which = f"{limits[0]:g} requests" if kind == b"requests" else f"{limits[1]:g} tokens" if kind else ""
            wait = max(int(tenths) / 10, 0.001)
            if which:
                self._full.is_full(name, tokens, limits, wait, which, refused=not took)
            else:
                self._full.has_room(name)
        if not took:
            return wait, which, None
        self._rooms[name] = (self._clock(), share_left(int(count), float(used), limits))
        return self._noted(name, int(tenth), tokens, limits)

    def spread(self, name: str) -> float:
        """Seconds by which to come later than there is room, at most, so that not all come at once."""
        return self._full.spread(name)

    def _noted(self, name: str, number: int, tokens: float, limits: Room) -> tuple[float, str, Taken | None]:
        """Have this process know what it took, for when it is alone.

        What it has taken is part of what all have: where that fills the minute by itself, Redis has lost some of it.
        """
        wait, which, taken = self._own.take(name, tokens, limits)
        if taken is None:
            self.link.tell(CORRECT, [self._minute(name)], number, -tokens, 1)
            self._rooms[name] = (self._clock(), self._own.room(name, limits))
        else:
            taken.number = number
        return wait, which, taken

    def correct(self, name: str, taken: Taken, tokens: float) -> None:
        """It took so many tokens, as it turned out."""
        more = tokens - taken.tokens
        self._own.correct(name, taken, tokens)
        taken.tokens = tokens
        if more < 0:
            self._full.has_room(name)
        if taken.number is not None and more:
            self.link.tell(CORRECT, [self._minute(name)], taken.number, more, 0)

    def give_back(self, name: str, taken: Taken) -> None:
        """It was not sent."""
        self._own.give_back(name, taken)
        self._full.has_room(name)
        if taken.number is not None:
            self.link.tell(CORRECT, [self._minute(name)], taken.number, -taken.tokens, 1)

    def room(self, name: str, limits: Room) -> float:
        """The part of its minute that is left, from 0 to 1."""
        now = self._clock()
        at, left = self._rooms.get(name, (float("-inf"), 1.0))
        if 0 <= now - at < _FRESH:
            return left
        keys = [self._minute(name)]

        def read(found: object) -> None:
            if isinstance(found, list):
                left = share_left(int(found[0]), float(found[1]), limits)
                self._rooms[name] = (now, min(left, self._own.room(name, limits)))

        self._rooms[name] = (now, left)
        if in_loop():
            self.link.tell(ROOM, keys, then=read)  # what was known last does for now
        else:
            read(self.link.ask(ROOM, keys))
        return self._rooms[name][1]

    def close(self) -> None:
        """Say what is still to be said."""
        self.link.flush()

    def _minute(self, name: str) -> str:
        return f"{MINUTES}{self._space}{name}"

    def _read(self, _: list[str]) -> None:
        """Read who rests; called in the background whenever somebody has said something."""
        said, before = dict(self._said), self._clock()
        own = self._secret or os.urandom(_SECRET_SIZE)
        found = self.link.ask(_ALL, [RESTS + self._space, SECRET + self._space], own, MOST_RESTS)
        if not isinstance(found, list) or len(found) != 4:
            return
        (seconds, micro), is_made, secret, rows = found
        ahead = int(seconds) + int(micro) / 1e6 - (before + self._clock()) / 2
        with self._lock:
            self._ahead = ahead if abs(ahead) > _APART else 0.0
            seen = self._rows(rows)
            known = self._seen
            if seen != known:
                self._seen = seen
                self._turn += 1
            is_new = isinstance(secret, bytes) and 16 <= len(secret) <= 64 and secret != self._secret
            is_lost = bool(self._secret) and (is_new or is_made == 1)  # it was started anew, with nothing
            if is_new:
                self._secret = secret
                made = ((one, digest_of(secret, parts)) for one, parts in self._parts.items())
                self._real = {one: real for one, real in made if one != real}
                self._turn += 1
            for key, until in said.items():
                if self._own.rests().get(key, (until, ""))[0] == until:
                    self._own.clear(key)  # from here on, it is as whoever spoke last says
                if self._said.get(key) == until:
                    del self._said[key]
        if is_lost or is_new:
            self._tell_again(known if is_lost else {})

    def _rows(self, rows: Any) -> dict[str, tuple[float, str]]:
        """Who rests; without what is not of the form that we write."""
        seen, oldest = {}, self._clock() - KEPT
        for key, value in zip(rows[::2], rows[1::2], strict=False):
            until, _, why = value.decode("utf-8", "replace").partition(" ")
            try:
                here = float(until) - self._ahead
            except ValueError:
                continue
            if oldest < here < float("inf"):
                seen[key[:64].decode("ascii", "replace")] = (here, why[:_WHY])
        return seen

    def _tell_again(self, seen: Mapping[str, tuple[float, str]] | None = None) -> None:
        """Say what the others may not have heard, and what a Redis that was started anew does not know."""
        now = self._clock()
        for key, (until, why) in {**(seen or {}), **self._own.rests()}.items():
            if key in self._real:
                self._own.clear(key)
            if until > now:
                self._rest(key, until, why)


def in_loop() -> bool:
    """Whether this is the thread of an event loop, which must not wait."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None

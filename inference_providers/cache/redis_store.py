"""Entries in a Redis, for programs on several machines. How much is kept in all is Redis's own matter (`maxmemory`).

An entry is one value: a line of JSON that says what it is, and the reply's bytes. Each has its time to live, a month
where a program says nothing. Beside it stands, for each caller, which entries are its own, so that they can be removed.

Equal calls of several processes share one request, too: who asks holds a claim, which ends some seconds after its
process does; the others wait for word that it is over. Streams are shared within a process only.
"""

from __future__ import annotations

import json
import os
import threading
import time

from inference_providers.cache.entry import OVERHEAD, Entry
from inference_providers.cache.far_flight import OVER
from inference_providers.state import SPACE, Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.cache.flight import Flight
    from inference_providers.state import RedisLink

ENTRIES, CALLERS, CLAIMS, LANDED = f"{SPACE}:kept:", f"{SPACE}:kept-of:", f"{SPACE}:asks:", f"{SPACE}:asked"
MONTH = 30 * 86400
_HEAD = 4096  # bytes of what an entry says of itself
LEASE, BEAT = 6_000, 2.0  # milliseconds for which a claim holds, and seconds after which it is claimed further

_GET = Script("return redis.call('GETRANGE', KEYS[1], 0, tonumber(ARGV[1]))")
# An entry that is kept; or a claim: 0 where it is had now, else milliseconds for which another's holds. One without an
# end is none of ours.
_LOOK = Script("""
local found = redis.call('GETRANGE', KEYS[1], 0, tonumber(ARGV[1]))
if found ~= '' then return found end
local whose = redis.call('GET', KEYS[2])
local left = redis.call('PTTL', KEYS[2])
if whose and whose ~= ARGV[2] and left > 0 then return left end
redis.call('SET', KEYS[2], ARGV[2], 'PX', tonumber(ARGV[3]))
return 0
""")
_PUT = Script("""
redis.call('SET', KEYS[1], ARGV[1], 'PX', tonumber(ARGV[2]))
if ARGV[3] ~= '' then
  local clock = redis.call('TIME')
  local now = tonumber(clock[1]) * 1000
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 1000)
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), KEYS[1])
  redis.call('PEXPIRE', KEYS[2], tonumber(ARGV[4]))
end
return 1
""")
_DROP = Script("return redis.call('DEL', KEYS[1])")
_PURGE = Script("""
local count = 0
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do count = count + redis.call('DEL', key) end
redis.call('DEL', KEYS[1])
return count
""")
_SCAN = Script("return redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)")
_HEADS = Script("""
local found = {}
for i, key in ipairs(KEYS) do
  found[i] = {redis.call('GETRANGE', key, 0, tonumber(ARGV[1])), redis.call('STRLEN', key)}
end
return found
""")
_CLAIM = Script("""
local whose = redis.call('GET', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if whose and whose ~= ARGV[1] and left > 0 then return left end
redis.call('SET', KEYS[1], ARGV[1], 'PX', tonumber(ARGV[2]))
return 0
""")
_RELEASE = Script("""
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', KEYS[2], ARGV[2])
end
return 1
""")


class RedisStore:
    """The entries of all who share a Redis."""

    waits = True

    def __init__(self, link: RedisLink, largest: int, space: str = "") -> None:
        """*largest*: bytes of one entry."""
        self.link, self._largest, self._space = link, largest, space
        self._name, self._process = os.urandom(8).hex(), os.getpid()
        self._claims: dict[bytes, int] = {}  # how many ask under each
        self._waiting: dict[str, list[Flight]] = {}
        self._lock = threading.RLock()  # the garbage collector may end a stream within
        self._beats = self._hears = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.link.place}>"

    def get(self, key: bytes, now: float, oldest: float) -> Entry | None:
        """The entry under a key, made after *oldest* and not past its time."""
        found = self.link.ask(_GET, [self._entry(key)], self._largest + _HEAD)
        return self._entry_of(found, now, oldest)

    def _entry_of(self, found: Any, now: float, oldest: float) -> Entry | None:
        entry = _read(found) if isinstance(found, bytes) and found else None
        return entry if entry is not None and len(entry.content) <= self._largest and entry.holds(now, oldest) else None

    def look(self, key: bytes, now: float, oldest: float) -> tuple[Entry | None, float]:
        """`get` and, where that gives nothing, `claim`, in one round trip."""
        self._begin()
        keys = [self._entry(key), self._claimed(key)]
        found = self.link.ask(_LOOK, keys, self._largest + _HEAD, self._name, LEASE)
        if not isinstance(found, bytes):
            return None, self._claim_of(key, found)
        entry = self._entry_of(found, now, oldest)
        return entry, 0.0 if entry is not None else self.claim(key)

    def put(self, key: bytes, entry: Entry, now: float) -> None:
        """Keep an entry."""
        left = MONTH if entry.expires is None else min(entry.expires - now, MONTH)
        if len(entry.content) > self._largest or left <= 0:
            return
        head = json.dumps([entry.kind, entry.provider, entry.model, entry.created, entry.expires, entry.caller])
        keys = [self._entry(key), f"{CALLERS}{self._space}{entry.caller}"]
        if len(head) < _HEAD:
            value = head.encode() + b"\n" + entry.content
            self.link.ask(_PUT, keys, value, max(int(left * 1000), 1), entry.caller, MONTH * 1000)

    def discard(self, key: bytes) -> None:
        """Keep one no longer."""
        self.link.tell(_DROP, [self._entry(key)])

    def clear(self, kind: str = "") -> int:
        """Keep none of a kind, or none at all; how many there were."""
        count = 0
        for key, row, _ in self._rows():
            if not kind or row[0] == kind:
                count += self.link.ask(_DROP, [key]) or 0
        return count

    def purge(self, caller: str) -> int:
        """Keep none that was made for a caller; how many there were. Raises OSError."""
        if not caller:
            return 0
        count = self.link.ask(_PURGE, [f"{CALLERS}{self._space}{caller}"])
        if count is None:
            raise OSError(0, self.link.fault or "it was refused", self.link.place)
        return int(count)

    def counts(self) -> list[dict[str, Any]]:
        """A row for each kind; how often each was given is not counted."""
        rows: dict[str, dict[str, Any]] = {}
        for _, (kind, _, _, created, *_), size in self._rows():
            row = rows.setdefault(kind, {"kind": kind, "count": 0, "size": 0, "oldest": created, "hits": 0})
            row["count"] += 1
            row["size"] += size
            row["oldest"] = min(row["oldest"], created)
        return [rows[kind] for kind in sorted(rows)]

    def close(self) -> None:
        """Say what is still to be said."""
        self.link.flush()

    # Who asks, of several processes

    def claim(self, key: bytes) -> float:
        """Claim that this process asks: 0 where it does, else seconds for which another's claim holds at most."""
        self._begin()
        return self._claim_of(key, self.link.ask(_CLAIM, [self._claimed(key)], self._name, LEASE))

    def _claim_of(self, key: bytes, found: Any) -> float:
        if found is not None and found != 0:
            return max(int(found), 1) / 1000
        with self._lock:
            self._claims[key] = self._claims.get(key, 0) + 1
            if not self._beats:
                self._beats = True
                threading.Thread(target=self._beat, name="redis-claims", daemon=True).start()
        return 0.0

    def release(self, key: bytes) -> None:
        """It is over: whoever waits looks for what came of it."""
        with self._lock:
            count = self._claims.pop(key, 0) - 1
            if count > 0:  # threads and an event loop of one process may both ask
                self._claims[key] = count
        if count == 0:
            self.link.tell(_RELEASE, [self._claimed(key), LANDED + self._space], self._name, key.hex())

    def landing(self, key: bytes, flight: Flight) -> None:
        """Have a flight land when somebody's claim ends; `landed` when nobody waits for it any more."""
        self._begin()
        with self._lock:
            self._waiting.setdefault(key.hex(), []).append(flight)

    def landed(self, key: bytes, flight: Flight) -> None:
        """Wait for it no more."""
        with self._lock:
            waiting = [one for one in self._waiting.get(key.hex(), ()) if one is not flight]
            if waiting:
                self._waiting[key.hex()] = waiting
            else:
                self._waiting.pop(key.hex(), None)

    def _begin(self) -> None:
        if self._process != os.getpid():
            self._name, self._process = os.urandom(8).hex(), os.getpid()
            self._claims, self._waiting, self._lock = {}, {}, threading.RLock()
            self._beats = self._hears = False
        if not self._hears:
            self._hears = True
            self.link.hear(LANDED + self._space, self._heard)

    def _heard(self, keys: list[str]) -> None:
        for key in keys:
            with self._lock:
                flights = self._waiting.pop(key, [])  # what is missed is found out when the claim has ended
            for flight in flights:
                flight.land(OVER)

    def _beat(self) -> None:
        """Claim further what is claimed, as long as anything is."""
        while True:
            time.sleep(BEAT)
            with self._lock:
                claims = list(self._claims)
                if not claims:
                    self._beats = False
                    return
            for key in claims:
                self.link.tell(_CLAIM, [self._claimed(key)], self._name, LEASE)

    def _entry(self, key: bytes) -> str:
        return f"{ENTRIES}{self._space}{key.hex()}"

    def _claimed(self, key: bytes) -> str:
        return f"{CLAIMS}{self._space}{key.hex()}"

    def _rows(self) -> list[tuple[str, list[Any], int]]:
        """Key, what it says of itself, and size, of all entries."""
        rows: list[tuple[str, list[Any], int]] = []
        cursor: Any = b"0"
        while True:
            found = self.link.ask(_SCAN, [], cursor, f"{ENTRIES}{self._space}*")
            if not isinstance(found, list):
                return rows
            cursor, keys = found
            names = [key.decode("utf-8", "replace") for key in keys]
            heads: list[Any] = (self.link.ask(_HEADS, names, _HEAD) if names else None) or []
            for name, (head, size) in zip(names, heads, strict=False):
                row = _head(head)
                if row is not None:
                    rows.append((name, row, int(size) - len(head.partition(b"\n")[0]) - 1 + OVERHEAD))
            if cursor == b"0":
                return rows


def _head(value: bytes) -> list[Any] | None:
    try:
        row = json.loads(value.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, list) or len(row) != 6:
        return None
    *words, created, expires, caller = row
    is_text = all(isinstance(word, str) for word in (*words, caller))
    is_time = isinstance(created, int | float) and isinstance(expires, int | float | None)
    return row if is_text and is_time else None


def _read(value: bytes) -> Entry | None:
    row = _head(value[:_HEAD])
    if row is None:
        return None
    kind, provider, model, created, expires, caller = row
    return Entry(kind, provider, model, value.partition(b"\n")[2], created, expires, caller)

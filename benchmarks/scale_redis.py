"""A Redis and the way to it, simulated: what the package's own link and state say to it is answered at once, by a
twin of its scripts, and the time that it would have taken is counted.

`RedisState` and `RedisLink` are the package's; only the socket and the two threads are replaced by events.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Any

from benchmarks.scale_constants import Constants
from inference_providers.state import redis_state
from inference_providers.state.memory_state import MOST_RESTS
from inference_providers.state.redis_link import LOOK, SOON, TOLD, RedisLink, Said, Script
from inference_providers.state.redis_state import RedisState

EPOCH = 1.8e9  # when a run begins, in seconds since 1970
BATCH = 200  # things that the link's writer says at once
DRAIN = 1001  # messages that a listener takes before it reads

At = Callable[[float, Callable[[], None]], None]


class World:
    """The time, and how something is done later. now: seconds from the start."""

    now: float
    at: At

    def wall(self) -> float:
        """Seconds since 1970."""
        raise NotImplementedError


class Minute:
    """What the scripts keep of one minute: requests and tokens by the tenth of a second."""

    def __init__(self) -> None:
        self.tenths: deque[list[float]] = deque()  # [tenth, requests, tokens]
        self.requests, self.tokens = 0, 0.0

    def forget(self, now: int) -> None:
        """Drop what counts no longer."""
        while self.tenths and self.tenths[0][0] < now - 600:
            _, requests, tokens = self.tenths.popleft()
            self.requests -= int(requests)
            self.tokens -= tokens
        if self.requests <= 0:
            self.tokens = 0.0

    def take(self, now: int, most: float, most_tokens: float, wanted: float) -> list[Any]:
        """As `_TAKE`."""
        self.forget(now)
        took = self._fits(most, most_tokens, wanted)
        if took:
            if not self.tenths or self.tenths[-1][0] != now:
                self.tenths.append([now, 0, 0.0])
            self.tenths[-1][1] += 1
            self.tenths[-1][2] += wanted
            self.requests += 1
            self.tokens += wanted
        told = [int(took), now, self.requests, str(self.tokens).encode()]
        if self._fits(most, most_tokens, wanted):
            return [*told, 0, b""]
        is_full = 0 <= most < self.requests + 1
        left, wait = self.requests, 601
        for tenth, requests, _ in self.tenths:
            left -= int(requests)
            if left + 1 <= most:
                wait = int(tenth) + 601 - now
                break
        return [*told, wait, b"requests" if is_full else b"tokens"]

    def _fits(self, most: float, most_tokens: float, wanted: float) -> bool:
        is_heavy = most_tokens >= 0 and self.requests > 0 and self.tokens + wanted > most_tokens
        return not 0 <= most < self.requests + 1 and not is_heavy


class Server:
    """One Redis, one thing after another. operations, sent and read: how many, and their bytes to it and from it."""

    def __init__(self, world: World, constants: Constants) -> None:
        self.world, self.constants, self.down = world, constants, False
        self.operations: Counter[str] = Counter()
        self.sent = self.read = 0
        self.busy = self.longest = 0.0  # seconds of work, and the longest wait for it
        self._sizes: dict[str, int] = {}
        self.by_second: Counter[int] = Counter()
        self._free = 0.0
        self.version = 0
        self.links: list[Link] = []
        self._names = {redis_state.TAKE: "take", redis_state._REST: "rest", redis_state._CLEAR: "clear",
                       redis_state._ALL: "read", redis_state.CORRECT: "correct", redis_state.ROOM: "room"}  # fmt: skip
        self._rows: tuple[int, Any, int] = (-1, None, 0)  # all rests, and their bytes, at a version
        self.lose()

    def lose(self) -> None:
        """It begins anew, with nothing."""
        self.rests: dict[bytes, bytes] = {}
        self.minutes: dict[str, Minute] = {}
        self.secret = b""
        self.version += 1
        self._free = 0.0

    def work(self, seconds: float) -> float:
        """Do something of so many seconds when it is its turn; seconds until it is done."""
        begins = max(self._free, self.world.now)
        self._free = begins + seconds
        self.busy += seconds
        self.longest = max(self.longest, self._free - self.world.now)
        return self._free - self.world.now

    def done(self, said: Said) -> tuple[Any, float]:
        """What a script gives, and seconds until it is done."""
        name = self._names[said.script]
        self.operations[name] += 1
        self.by_second[int(self.world.now)] += 1
        self.sent += self._size(name, said)
        found, heard = getattr(self, f"_{name}")(said.keys, said.arguments)
        self.read += size(found) if name != "read" else self._rows[2]
        wait = self.work(self.constants.work(name, len(self.rests)))
        if heard is not None:
            wait += self.work(self.constants.told * len(self.links))
            self._publish(said.keys[1], heard, wait)
        return found, wait

    def _size(self, name: str, said: Said) -> int:
        """Bytes of what is said; those of taking, which differ by the provider alone, are remembered."""
        key = said.keys[0] if name == "take" else ""
        found = self._sizes.get(key)
        if found is None:
            found = size(["EVALSHA", said.script.digest, f"{len(said.keys)}", *said.keys, *said.arguments])
            if key:
                self._sizes[key] = found
        return found

    def _publish(self, channel: str, heard: str, wait: float) -> None:
        self.operations["message"] += len(self.links)
        self.read += size(["message", channel, heard]) * len(self.links)
        self.world.at(wait + self.constants.trip / 2 + self.constants.wake, self._arrives)

    def _arrives(self) -> None:
        for link in self.links:
            link.arrives()

    def _tenth(self) -> int:
        return int(self.world.wall() * 10)

    def _take(self, keys: Sequence[str], arguments: Sequence[Any]) -> tuple[Any, None]:
        most, most_tokens, wanted = arguments
        return self.minutes.setdefault(keys[0], Minute()).take(self._tenth(), most, most_tokens, wanted), None

    def _room(self, keys: Sequence[str], _: Sequence[Any]) -> tuple[Any, None]:
        minute = self.minutes.setdefault(keys[0], Minute())
        minute.forget(self._tenth())
        return [minute.requests, str(minute.tokens).encode()], None

    def _correct(self, keys: Sequence[str], arguments: Sequence[Any]) -> tuple[int, None]:
        number, tokens, back = arguments[:3]
        minute = self.minutes.setdefault(keys[0], Minute())
        for tenth in reversed(minute.tenths):
            if tenth[0] == number:
                tenth[2] += tokens
                minute.tokens += tokens
                tenth[1] -= back
                minute.requests -= back
            if tenth[0] <= number:
                break
        return 1, None

    def _rest(self, _: Sequence[str], arguments: Sequence[Any]) -> tuple[int, str]:
        key, until, why = arguments[:3]
        self.rests[key.encode()] = f"{until} {why}".encode()
        self.version += 1
        return 1, key

    def _clear(self, _: Sequence[str], arguments: Sequence[Any]) -> tuple[int, str | None]:
        if self.rests.pop(arguments[0].encode(), None) is None:
            return 1, None
        self.version += 1
        return 1, arguments[0]

    def _read(self, _: Sequence[str], arguments: Sequence[Any]) -> tuple[Any, None]:
        is_made = not self.secret
        self.secret = self.secret or arguments[0]
        version, rows = self._rows[:2]
        seconds, micro = divmod(int(self.world.wall() * 1e6), 1_000_000)
        if version != self.version:
            rows = [part for row in self.rests.items() for part in row]
            whole = [[b"1800000000", b"123456"], 0, self.secret, rows]
            self._rows = (self.version, rows, size(whole))
        return [[b"%d" % seconds, b"%d" % micro], int(is_made), self.secret, rows], None


class Link(RedisLink):
    """A replica's way to it. waited: seconds that were waited for replies since it was last set to 0."""

    def __init__(self, server: Server, world: World, random: Random) -> None:
        self.server, self.world, self.random, self.waited = server, world, random, 0.0
        super().__init__("redis://simulated", clock=lambda: world.now)
        self._writes = self._listens = True  # no threads: events
        self._saying: list[Said] = []
        self._is_writing = self._is_listening = False
        self._inbox = 0

    def _sent(self, said: Sequence[Said]) -> list[Any]:
        if self.server.down:
            raise ConnectionError
        found, longest = [], 0.0
        for one in said:
            result, wait = self.server.done(one)
            longest = max(longest, wait)
            found.append(result)
        self.waited += self.server.constants.trip + longest
        return found

    def tell(
        self, script: Script, keys: Sequence[str], *arguments: Any, then: Callable[[Any], None] | None = None
    ) -> None:
        """Have it said soon."""
        super().tell(script, keys, *arguments, then=then)
        self._wake.get_nowait()  # there is no thread to be woken
        if not self._is_writing:
            self._is_writing = True
            self.world.at(self.server.constants.wake, self._write_next)

    def _write_next(self) -> None:
        """What the link's writer does in a thread."""
        if not self._saying:
            self._saying = [self._told.popleft() for _ in range(min(len(self._told), BATCH))]
            for one in self._saying:
                if one.script.once:
                    self._number += 1
                    one.keys, one.arguments = (*one.keys, TOLD + self._name), (*one.arguments, self._number)
        if not self._saying:
            self._is_writing = False
            return
        waited, self.waited = self.waited, 0.0
        found = self.run(*self._saying)
        if found is None:
            self.world.at(max(self._until - self.world.now, SOON), self._write_next)
        else:
            self.world.at(self.waited, partial(self._wrote, self._saying, found))
            self._saying = []
        self.waited = waited

    def _wrote(self, said: Sequence[Said], found: Sequence[Any]) -> None:
        """The reply is here."""
        for one, result in zip(said, found, strict=True):
            if one.then is not None:
                one.then(result)
        self._write_next()

    def hear(self, channel: str, heard: Callable[[list[str]], None]) -> None:
        """Hear of what others say, and look every few seconds."""
        super().hear(channel, heard)
        self._join()
        self.world.at(self.random.uniform(0, LOOK), self._look)

    def _join(self) -> None:
        """Listen, or try again later."""
        if self.server.down:
            self._gone(ConnectionError())
            self.world.at(max(self._until - self.world.now, SOON), self._join)
            return
        if self not in self.server.links:
            self.server.links.append(self)
        self.arrives()

    def broken(self) -> None:
        """The connection is gone."""
        self._inbox, self._is_listening = 0, False
        self._join()

    def _look(self) -> None:
        self.world.at(LOOK, self._look)
        if not self.server.down:
            self.arrives()

    def arrives(self) -> None:
        """Something was said: it is read, with all that has come until then."""
        self._inbox += 1
        if not self._is_listening:
            self._is_listening = True
            self._read_next()

    def _read_next(self) -> None:
        if not self._inbox or self.server.down:
            self._is_listening = False
            return
        self._inbox -= min(self._inbox, DRAIN)
        constants = self.server.constants
        wait = constants.trip + self.server.work(constants.work("read", len(self.server.rests)))
        self.world.at(wait, self._have_read)

    def _have_read(self) -> None:
        waited, busy, free = self.waited, self.server.busy, self.server._free
        self._spread(dict.fromkeys(self._heard, ()))
        self.server.busy, self.server._free = busy, free  # that work is done already
        self.waited = waited
        self._read_next()


class SimulatedState(RedisState):
    """The package's; what is there unchanged is not read a second time, which costs the simulation alone."""

    _version = -1

    def __init__(self, link: Link, *, clock: Callable[[], float], seen: Callable[[], None]) -> None:
        super().__init__(link, clock=clock)
        self._server, self._saw = link.server, seen

    def _read(self, heard: list[str]) -> None:
        is_known = self._version == self._server.version and not self._own.rests() and not self._said
        if is_known and self._server.secret == self._secret and not self._server.down:
            self.link.ask(redis_state._ALL, [redis_state.RESTS, redis_state.SECRET], self._secret, MOST_RESTS)
            return
        version = self._server.version
        super()._read(heard)
        if not self._server.down:
            self._version = version
        self._saw()


def size(value: Any) -> int:
    """Bytes of a value on the wire, in protocol 2."""
    if isinstance(value, list | tuple):
        return len(f"*{len(value)}\r\n") + sum(map(size, value))
    if isinstance(value, int):
        return len(f":{value}\r\n")
    length = len(value) if isinstance(value, bytes) else len(str(value).encode())
    return len(f"${length}\r\n") + length + 2

"""One connection to a Redis (or Valkey) that programs share, and what becomes of it when it is gone.

`run` waits for a reply, `tell` does not: what is told goes out in the background, many things in one round trip.
Neither raises. Where nothing answers, `run` gives None at once until it is time to try again, and whoever asked goes on
alone; when it answers again, what joins anew is told of it. What a script refuses is its result, and said once in a
while: it concerns that script's keys, and not the connection. The package `redis` is loaded with the first link.
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from collections import deque
from contextlib import suppress
from weakref import WeakMethod, WeakSet

from inference_providers.log import warn
from inference_providers.state.redis_address import namespace_of, place_of, reason, wrote_nothing
from inference_providers.state.redis_script import SPACE, Said, Script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

PATIENCE = 0.5  # seconds that a reply, or a connection, may take
SOON, LATE = 0.25, 4.0  # seconds until it is tried again, at first and at last
LOOK = 5.0  # seconds after which what others said is read, whatever was heard
SILENCE = 300.0  # seconds for which the same refusal is not said again
TOLD = f"{SPACE}:told:"
_MOST = 10_000  # things to tell that wait: with none answering, of those told once the oldest go, of others the newest
_BATCH = 200  # things to tell in one round trip
_TURN = 0.2  # seconds after which a listener looks for new channels


class RedisLink:
    """All that this process has to do with one Redis; for every thread. A fork has one of its own."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """*url*: checked, see `link_of`; a password in it is in no text of this object's."""
        self._url, self._clock = url, clock
        self.place = place_of(url)
        name = namespace_of(url)
        self._space = SPACE if name is None else f"{SPACE[:-1]}:{name}}}"
        self.state: Any = None  # the one that all lists of this process share
        self._start()
        _every.add(self)

    def _start(self) -> None:
        self._process, self.lock = os.getpid(), threading.RLock()  # the garbage collector may tell something within
        self._client: Any = None
        self._until, self._wait, self.fault = 0.0, SOON, ""  # when it is tried again, and what was wrong
        self._refusals: dict[str, float] = {}  # when which was said
        self._loaded: set[str] = set()  # digests of scripts that it has
        self._told: deque[Said] = deque()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._refused: deque[Said] = deque(maxlen=_MOST)  # what is told again, since it had no effect
        self._says = False  # whether some of what was told is on its way
        self._name, self._number = os.urandom(8).hex(), 0  # of what is told once
        self._writes = self._listens = False
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._heard: dict[str, list[WeakMethod[Callable[[list[str]], None]]]] = {}
        self._joins: list[WeakMethod[Callable[[], None]]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} to {self.place}>"

    def __reduce__(self) -> str:
        raise TypeError(f"{type(self).__name__} holds a password, perhaps, and cannot be pickled")

    @property
    def is_here(self) -> bool:
        """Whether it is thought to answer."""
        return not self.fault

    def run(self, *said: Said) -> list[Any] | None:
        """What the scripts give, in one round trip; None where nothing answers. An error of a script is its result."""
        if self.fault and not self._may_try():
            return None
        try:
            found = self._sent(said)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it costs no call
            if _is_lost(error):
                self._gone(error)
                return None
            found = [error for _ in said]  # it cannot be said in Redis's words
        self._back()
        for result in found:
            if isinstance(result, Exception):
                self._note(result)
        return found

    def _may_try(self) -> bool:
        """Whether it is time to try again, for one at a time: the others need not wait for what becomes of that."""
        with self.lock:
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + self._wait + PATIENCE
            return True

    def ask(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        """What one script gives; None where nothing answers, or it fails."""
        found = self.run(Said(script, keys, arguments))
        return None if found is None or isinstance(found[0], Exception) else found[0]

    def tell(
        self, script: Script, keys: Sequence[str], *arguments: Any, then: Callable[[Any], None] | None = None
    ) -> None:
        """Have a script run soon, without waiting; *then* hears what came of it, in a thread, if it ever is."""
        if len(self._told) >= _MOST:
            if not script.once:
                return  # so that what was measured meanwhile pushes out no money
            with suppress(IndexError):
                self._told.popleft()
        self._told.append(Said(script, keys, arguments, then))
        self._wake.put(None)
        if not self._writes:
            self._begin("_writes", self._write, "redis-writer")

    @property
    def has_told(self) -> bool:
        """Whether all that was told has been said."""
        return not self._told and not self._says

    def hear(self, channel: str, heard: Callable[[list[str]], None]) -> None:
        """Have a method called, in a thread, with what is said on a channel, and with nothing when some may be missed.

        It is given up with its object.
        """
        channel = self._named(channel)
        with self.lock:
            self._heard = {**self._heard, channel: [*self._heard.get(channel, ()), WeakMethod(heard)]}
        if not self._listens:
            self._begin("_listens", self._listen, "redis-listener")

    def joins(self, again: Callable[[], None]) -> None:
        """Have a method called when it answers after a while in which it did not. It is given up with its object."""
        with self.lock:
            self._joins = [*(one for one in self._joins if one() is not None), WeakMethod(again)]

    def flush(self, seconds: float = 1.0) -> bool:
        """Wait until all that was told is said, unless nothing answers; whether it is."""
        until = time.monotonic() + seconds
        while not self.has_told and not self.fault and time.monotonic() < until:
            time.sleep(0.001)
        return self.has_told

    def close(self) -> None:
        """Say what is to be said, and close connections. Whoever names the Redis again has a new link."""
        self.flush()
        self._closed.set()
        self._wake.put(None)
        atexit.unregister(self.flush)
        with _making:
            if _links.get(self._url) is self:
                del _links[self._url]
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(1.0)
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                client.close()

    def _begin(self, flag: str, work: Callable[[], None], name: str) -> None:
        """Start a thread, unless it runs."""
        with self.lock:
            if getattr(self, flag) or self._closed.is_set():
                return
            setattr(self, flag, True)
            try:
                made = threading.Thread(target=work, name=name, daemon=True)
                made.start()
                self._threads.append(made)
            except RuntimeError:  # the interpreter is ending, or there are no more threads now
                setattr(self, flag, False)
                return
        if flag == "_writes":
            atexit.register(self.flush)  # a short program's last words

    def _connected(self) -> Any:
        if self._client is None:
            with self.lock:
                if self._client is None:
                    from inference_providers.state.redis_address import client_of

                    self._client = client_of(self._url, PATIENCE)
        return self._client

    def _sent(self, said: Sequence[Said]) -> list[Any]:
        """Raises whatever is wrong with the connection."""
        from redis.exceptions import NoScriptError

        found = self._piped(said)
        missing = [one for one, result in zip(said, found, strict=True) if isinstance(result, NoScriptError)]
        if missing:  # it was started anew, or told to forget them all
            self._loaded = set()
            again = iter(self._piped(missing))
            found = [next(again) if isinstance(result, NoScriptError) else result for result in found]
        return found

    def _piped(self, said: Sequence[Said]) -> list[Any]:
        """All in one round trip, before them the scripts that it has not."""
        pipe = self._connected().pipeline(transaction=False)
        new = {one.script.digest: one.script.text for one in said if one.script.digest not in self._loaded}
        for text in new.values():
            pipe.execute_command("SCRIPT", "LOAD", text)
        for one in said:
            pipe.evalsha(one.script.digest, len(one.keys), *map(self._named, (*one.keys, *one.arguments)))
        results: list[Any] = pipe.execute(raise_on_error=False)
        for result in results:
            if isinstance(result, Exception) and _is_lost(result):
                raise result  # it is loading, for one
        self._loaded = self._loaded | new.keys()
        return results[len(new) :]

    def _named(self, value: Any) -> Any:
        """A key as it is called in this namespace; anything else as it is."""
        if self._space is SPACE or not isinstance(value, str):
            return value
        return value.replace(SPACE, self._space)

    def _gone(self, error: Exception) -> None:
        """It does not answer: that is said once, and it is tried again after a while."""
        with self.lock:
            is_new = not self.fault and not self._closed.is_set()
            self.fault = reason(error)
            self._until = self._clock() + self._wait
            self._wait = min(self._wait * 2, LATE)
        if is_new:
            warn(f"Redis at {self.place} cannot be used ({self.fault}): this process goes on with what it knows itself")

    def _back(self) -> None:
        if not self.fault:
            return
        with self.lock:
            if not self.fault:
                return
            self.fault, self._wait = "", SOON
            joins = [again for one in self._joins if (again := one()) is not None]
        warn(f"Redis at {self.place} answers again, and is shared again")
        for again in joins:
            again()

    def _note(self, error: Exception) -> None:
        """Something was refused: that is said, and not again for a while."""
        said, now = reason(error), self._clock()
        with self.lock:
            is_new = now - self._refusals.get(said, float("-inf")) > SILENCE
            if is_new:
                self._refusals[said] = now
        if is_new:
            warn(f"Redis at {self.place}: {said}; what it does not do, this process does for itself")

    def _write(self) -> None:
        """Say what was told, many things at once."""
        while not self._closed.is_set():
            try:
                self._wake.get(timeout=LOOK)
            except queue.Empty:
                self._told.extend(self._refused)
                self._refused.clear()
            while self._told and not self._closed.is_set():
                self._says = True
                try:
                    self._say([self._told.popleft() for _ in range(min(len(self._told), _BATCH))])
                except IndexError:  # the oldest were given up
                    continue
                finally:
                    self._says = False

    def _say(self, said: list[Said]) -> None:
        for one in said:
            if one.script.once:
                self._number += 1
                one.keys = (*one.keys, TOLD + self._name)
                one.arguments = (*one.arguments, self._number)
        while (found := self.run(*said)) is None:
            if self._closed.wait(max(self._until - self._clock(), SOON)):
                return
        for one, result in zip(said, found, strict=True):
            if one.script.once and isinstance(result, Exception) and wrote_nothing(result):
                self._refused.append(Said(one.script, one.keys[:-1], one.arguments[:-1], one.then))
            if one.then is not None:
                with suppress(Exception):
                    one.then(result)

    def _listen(self) -> None:
        """Hear what others say, and read all of it again after each break."""
        from redis.exceptions import ResponseError

        while not self._closed.is_set():
            pause = SOON
            try:
                self._subscribed()
            except ResponseError as error:  # it may be used, but not heard: what others say is looked for
                self._note(error)
                self._spread(dict.fromkeys(self._heard, ()))
                pause = LOOK
            except Exception as error:  # noqa: BLE001
                self._gone(error)
            self._closed.wait(max(self._until - self._clock(), pause))

    def _subscribed(self) -> None:
        from redis.exceptions import TimeoutError

        pubsub = self._connected().pubsub(ignore_subscribe_messages=True)
        known: set[str] = set()
        looked = answered = self._clock() - 2 * LOOK
        try:
            while not self._closed.is_set():
                if new := set(self._heard) - known:
                    pubsub.subscribe(*new)
                    known |= new
                    looked = answered = self._clock() - 2 * LOOK
                if self._clock() - looked > LOOK:
                    if answered < looked:
                        raise TimeoutError("nothing is heard")
                    looked = self._clock()
                    pubsub.ping()
                    self._until = min(self._until, self._clock())  # it takes connections: nothing is put off
                    self._spread(dict.fromkeys(self._heard, ()))
                said = _drained(pubsub)
                if said is not None:
                    answered = self._clock()
                    self._spread(said)
        finally:
            with suppress(Exception):
                pubsub.close()

    def _spread(self, said: Any) -> None:
        """Have those hear who want to."""
        for channel, words in said.items():
            for one in self._heard.get(channel, ()):
                if (heard := one()) is not None:
                    heard(list(words))
                else:
                    with self.lock:
                        self._heard[channel] = [left for left in self._heard[channel] if left is not one]


def _drained(pubsub: Any) -> dict[str, list[str]] | None:
    """What was said, by channel; None where nothing came in a while."""
    found: dict[str, list[str]] = {}
    said = pubsub.get_message(timeout=_TURN)
    if said is None:
        return None
    for _ in range(1000):
        if said is None:
            break
        if said.get("type") == "message":
            channel = said["channel"].decode("utf-8", "replace")
            found.setdefault(channel, []).append(said["data"].decode("utf-8", "replace"))
        said = pubsub.get_message(timeout=0.0)
    return found


def _is_lost(error: Exception) -> bool:
    """Whether an error is one of the connection, or of a server that does nothing for now, or is none."""
    from redis.exceptions import ConnectionError, InvalidResponse, TimeoutError

    return isinstance(error, ConnectionError | TimeoutError | OSError | InvalidResponse)


_links: dict[str, RedisLink] = {}
_every: WeakSet[RedisLink] = WeakSet()
_making = threading.Lock()


def link_of(url: str) -> RedisLink:
    """This process's link to a Redis. Raises ValueError for what is not an address of one, or if `redis` is missing."""
    from inference_providers.state.redis_address import checked

    checked(url)
    with _making:
        if url not in _links:
            _links[url] = RedisLink(url)
        return _links[url]


def _forked() -> None:
    """A fork has its parent's memory, and none of its threads."""
    global _making
    _making = threading.Lock()
    for link in list(_every):
        link._start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

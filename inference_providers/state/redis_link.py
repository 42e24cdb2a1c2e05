"""One connection to a Redis (or Valkey) that programs share, and what becomes of it when it is gone.

`run` waits for a reply, `tell` does not: what is told goes out in the background, many things in one round trip.
Neither raises. Where nothing answers, `run` gives None at once until it is time to try again, and whoever asked goes on
alone; when it answers again, what joins anew is told of it. The package `redis` is loaded with the first link.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import urlsplit

from inference_providers import installing
from inference_providers.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

SCHEMES = ("redis", "rediss", "unix")
SPACE = "{inference_providers}"  # before all of our keys; the braces keep them together in a cluster
PATIENCE = 0.5  # seconds that a reply, or a connection, may take
SOON, LATE = 0.25, 4.0  # seconds until it is tried again, at first and at last
LOOK = 5.0  # seconds after which what others said is read, whatever was heard
_MOST = 10_000  # things to tell that wait: with none answering, the oldest go


class Script:
    """A script that Redis runs as one step; `digest` is what it is called there once it has been loaded."""

    __slots__ = ("digest", "text")

    def __init__(self, text: str) -> None:
        from hashlib import sha1

        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


class Said:
    """A script with what it is given."""

    __slots__ = ("arguments", "keys", "script")

    def __init__(self, script: Script, keys: Sequence[str], arguments: Sequence[Any] = ()) -> None:
        self.script, self.keys, self.arguments = script, keys, arguments


class RedisLink:
    """All that this process has to do with one Redis; for every thread. A fork has one of its own."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """*url*: checked, see `link_of`; a password in it is in no text of this object's."""
        self._url, self._clock = url, clock
        self.place = place_of(url)
        self._start()

    def _start(self) -> None:
        self._process, self._lock = os.getpid(), threading.Lock()
        self._client: Any = None
        self._until, self._wait, self.fault = 0.0, SOON, ""  # when it is tried again, and what was wrong
        self._told: queue.SimpleQueue[Said] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()
        self._pending = 0  # things that are told and not said yet
        self._writes = self._listens = False
        self._closed = threading.Event()
        self._heard: dict[str, Callable[[str], None]] = {}
        self._joins: list[Callable[[], None]] = []

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
        self._own()
        if self.fault and self._clock() < self._until:
            return None
        try:
            found = self._sent(said)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it costs no call
            self._gone(error)
            return None
        self._back()
        return found

    def ask(self, script: Script, keys: Sequence[str], *arguments: Any) -> Any:
        """What one script gives; None where nothing answers, or it fails."""
        found = self.run(Said(script, keys, arguments))
        if found is None or isinstance(found[0], Exception):
            if found is not None:
                self._gone(found[0])
            return None
        return found[0]

    def tell(self, script: Script, keys: Sequence[str], *arguments: Any) -> None:
        """Have a script run soon, without waiting; nobody is told if it does not."""
        self._own()
        if self._told.qsize() >= _MOST:
            with suppress(queue.Empty):
                self._told.get_nowait()
                self._done(1)
        with self._lock:
            self._pending += 1
        self._idle.clear()
        self._told.put(Said(script, keys, arguments))
        if not self._writes:
            with self._lock:
                if not self._writes:
                    self._writes = True
                    threading.Thread(target=self._write, name="redis-writer", daemon=True).start()

    @property
    def has_told(self) -> bool:
        """Whether all that was told has been said."""
        return not self._pending

    def hear(self, channel: str, heard: Callable[[str], None]) -> None:
        """Have *heard* called, in a thread, with what is said on a channel, and with "" when some may be missed."""
        self._own()
        self._heard[channel] = heard
        if not self._listens:
            with self._lock:
                if not self._listens:
                    self._listens = True
                    threading.Thread(target=self._listen, name="redis-listener", daemon=True).start()

    def joins(self, again: Callable[[], None]) -> None:
        """Have *again* called when it answers after a while in which it did not."""
        self._own()
        self._joins.append(again)

    def flush(self, seconds: float = 1.0) -> bool:
        """Wait until all that was told is said; whether it is."""
        return self._idle.wait(seconds)

    def close(self) -> None:
        """Say what is to be said, and close connections."""
        if self._process == os.getpid():
            self.flush()
            self._closed.set()
            client, self._client = self._client, None
            if client is not None:
                with suppress(Exception):
                    client.close()

    def _own(self) -> None:
        if self._process != os.getpid():
            self._start()

    def _connected(self) -> Any:
        if self._client is None:
            with self._lock:
                if self._client is None:
                    from redis import Redis
                    from redis.backoff import NoBackoff
                    from redis.retry import Retry

                    self._client = Redis.from_url(
                        self._url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE,
                        retry=Retry(NoBackoff(), 0), protocol=2, client_name="inference_providers",
                    )  # fmt: skip
        return self._client

    def _sent(self, said: Sequence[Said]) -> list[Any]:
        """Raises whatever is wrong with the connection."""
        from redis.exceptions import NoScriptError

        found = self._piped(said)
        missing = [one for one, result in zip(said, found, strict=True) if isinstance(result, NoScriptError)]
        if missing:
            for one in missing:
                self._connected().script_load(one.script.text)
            again = iter(self._piped(missing))
            found = [next(again) if isinstance(result, NoScriptError) else result for result in found]
        return found

    def _piped(self, said: Sequence[Said]) -> list[Any]:
        pipe = self._connected().pipeline(transaction=False)
        for one in said:
            pipe.evalsha(one.script.digest, len(one.keys), *one.keys, *one.arguments)
        results: list[Any] = pipe.execute(raise_on_error=False)
        return results

    def _gone(self, error: Exception) -> None:
        """It does not answer: that is said once, and it is tried again after a while."""
        is_new = not self.fault and not self._closed.is_set()
        self.fault = _reason(error)
        self._until = self._clock() + self._wait
        self._wait = min(self._wait * 2, LATE)
        if is_new:
            warn(f"Redis at {self.place} cannot be used ({self.fault}): this process goes on with what it knows itself")

    def _back(self) -> None:
        if self.fault:
            self.fault, self._wait = "", SOON
            warn(f"Redis at {self.place} answers again, and is shared again")
            for again in self._joins:
                again()

    def _write(self) -> None:
        """Say what was told, many things at once."""
        while not self._closed.is_set():
            try:
                said = [self._told.get(timeout=LOOK)]
            except queue.Empty:
                continue
            with suppress(queue.Empty):
                while len(said) < 200:
                    said.append(self._told.get_nowait())
            while self.run(*said) is None and not self._closed.is_set():
                self._idle.set()  # nobody need wait for what cannot be said
                if self._closed.wait(max(self._until - self._clock(), SOON)):
                    return
            self._done(len(said))

    def _done(self, count: int) -> None:
        with self._lock:
            self._pending -= count
            if not self._pending:
                self._idle.set()

    def _listen(self) -> None:
        """Hear what others say, and read all of it again after each break."""
        while not self._closed.is_set():
            try:
                pubsub = self._connected().pubsub(ignore_subscribe_messages=True)
                pubsub.subscribe(*self._heard)
                known, looked = set(self._heard), 0.0
                while not self._closed.is_set():
                    if new := set(self._heard) - known:
                        pubsub.subscribe(*new)
                        known |= new
                    if self._clock() - looked > LOOK:
                        looked = self._clock()
                        for heard in list(self._heard.values()):
                            heard("")
                    said = pubsub.get_message(timeout=0.2)
                    if said is not None and said.get("type") == "message":
                        channel = said["channel"].decode("utf-8", "replace")
                        if channel in self._heard:
                            self._heard[channel](said["data"].decode("utf-8", "replace"))
            except Exception as error:  # noqa: BLE001
                self._gone(error)
            self._closed.wait(max(self._until - self._clock(), SOON))


_links: dict[str, RedisLink] = {}
_making = threading.Lock()


def is_url(given: object) -> bool:
    """Whether a state is a Redis."""
    return isinstance(given, str) and given.partition("://")[0] in SCHEMES and "://" in given


def link_of(url: str) -> RedisLink:
    """This process's link to a Redis. Raises ValueError for what is not an address of one, or if `redis` is missing."""
    parts = urlsplit(url)
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port of the Redis in state= is not a number") from None
    if parts.scheme not in SCHEMES or not (parts.hostname or parts.scheme == "unix"):
        raise ValueError('state must be like "redis://host:6379/0"; "rediss://" encrypts')
    if find_spec("redis") is None:
        raise ValueError(f"a state in Redis needs the package redis: {installing.REDIS}")

    with _making:
        if url not in _links:
            _links[url] = RedisLink(url)
        return _links[url]


def place_of(url: str) -> str:
    """Where a Redis is, without a password."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{host}:{parts.port}" if parts.port else host or parts.path


def _reason(error: Exception) -> str:
    """What is wrong, without a server's words but the first, which is a code: `READONLY`, `OOM`."""
    from redis.exceptions import AuthenticationError, ConnectionError, ResponseError, TimeoutError

    if isinstance(error, AuthenticationError):
        return "it refuses the password"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, ConnectionError | OSError):
        return "it cannot be reached"
    if isinstance(error, ResponseError):
        head = str(error).split(" ", 1)[0]
        return f"it refuses with {head[:20]}" if head.isupper() and head.isascii() and head.isalpha() else "it refuses"
    return type(error).__name__

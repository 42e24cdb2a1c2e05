"""The last minutes of callers in one file, for the worker processes of a gateway on one machine.

What a worker has under way is let go when the worker ends, however it ends: each holds a lock on a file of its own.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from inference_providers.files import Database, folders, locks
from inference_providers.gateway.windows import MINUTE, Full, MemoryWindows, Place, headline, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from inference_providers.gateway.quotas import Quota

FILE = "limits.sqlite"
WORKER = ".worker-"  # behind the name of the file, before that of a worker
LONGEST = 3600.0  # seconds after which a request is taken for over, whatever its worker says
_BUSY = 1.0  # seconds to wait for another worker: it writes for microseconds
MIGRATIONS = (
    """
    CREATE TABLE sums (
        caller TEXT PRIMARY KEY, requests INTEGER NOT NULL, tokens INTEGER NOT NULL, newest REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE taken (id INTEGER PRIMARY KEY, caller TEXT NOT NULL, at REAL NOT NULL, tokens INTEGER NOT NULL);
    CREATE INDEX taken_by_caller ON taken (caller, at, tokens);
    CREATE TABLE places (id INTEGER PRIMARY KEY, caller TEXT NOT NULL, worker TEXT NOT NULL, until REAL NOT NULL);
    CREATE INDEX places_by_caller ON places (caller)
    """,
)
_OLD = "SELECT count(*), total(tokens) FROM taken WHERE caller = ? AND at <= ?"
_SUMS = (
    "INSERT INTO sums VALUES (?, ?, ?, ?) ON CONFLICT (caller) DO UPDATE SET "
    "requests = excluded.requests, tokens = excluded.tokens, newest = excluded.newest"
)


class Worker:
    """This process, as the others know it: by a file that it holds a lock on as long as it lives."""

    def __init__(self, path: str) -> None:
        """*path*: of the file of limits."""
        self.process, self.count = os.getpid(), 0
        self._file, self.name = _locked(path)
        self.locks = locks.available() and locks.is_held(f"{path}{WORKER}{self.name}")  # some file systems have none
        self._first = int(self.name[:7], 16) << 32

    def number(self) -> int:
        """A number that no other request has."""
        self.count += 1
        return self._first + self.count

    def close(self) -> None:
        """Let go of the lock, or, in a child, of the parent's file."""
        with suppress(OSError):
            os.close(self._file)


def _locked(path: str) -> tuple[int, str]:
    while True:
        name = os.urandom(8).hex()
        own = f"{path}{WORKER}{name}"
        file = os.open(own, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with suppress(OSError):
            if locks.take(file) and os.stat(own).st_ino == os.fstat(file).st_ino:
                return file, name
        os.close(file)  # another worker has taken it for that of one that has ended


class SharedWindows:
    """Minutes in a file. Where the file cannot be used, each worker counts for itself meanwhile."""

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        """*clock*: the same for all processes of the machine; it may begin anew when the machine does."""
        self.database = Database(path, MIGRATIONS, busy=_BUSY, durable=False)
        self._clock, self._memory = clock, MemoryWindows(clock)
        self._worker: Worker | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> SharedWindows | None:
        """That of this user's gateways; None for a user without a home folder."""
        folder = folders.own("data", environ)
        return None if folder is None else cls(os.path.join(folder, FILE))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {os.path.basename(self.database.path)}>"

    def take(self, caller: str, quota: Quota, tokens: int) -> Place | Full:
        """A place for a request of about so many tokens, or why there is none now."""
        found = self.database.write(lambda connection: self._taken(connection, caller, quota, tokens))
        return self._memory.take(caller, quota, tokens) if found is None else found

    def _taken(self, connection: sqlite3.Connection, caller: str, quota: Quota, tokens: int) -> Place | Full:
        worker, now = self._here(connection), self._clock()  # the time of whoever has the file: nobody's is later
        most, most_tokens, at_once = quota.requests_per_minute, quota.tokens_per_minute, quota.concurrent
        by_minute = most is not None or most_tokens is not None
        requests, used = _last_minute(connection, caller, now) if by_minute else (0, 0)
        under_way = 0 if at_once is None else _under_way(connection, caller)
        if at_once is not None and under_way >= at_once:
            self._sweep(connection, caller, now)
            under_way = _under_way(connection, caller)
        if (
            (at_once is not None and under_way >= at_once)
            or (most is not None and requests >= most)
            or (most_tokens is not None and used + tokens > most_tokens)
        ):
            return refusal(quota, tokens, now, _Minute(connection, caller, requests, used, under_way))
        number = worker.number()
        if by_minute:
            connection.execute("INSERT INTO taken VALUES (?, ?, ?, ?)", (number, caller, now, tokens))
            connection.execute(_SUMS, (caller, requests + 1, used + tokens, now))
        if at_once is not None:
            row = (number, caller, worker.name, now + LONGEST)
            connection.execute("INSERT INTO places VALUES (?, ?, ?, ?)", row)
        limit, left = headline(quota, requests + 1, used + tokens, under_way + 1)
        place = Place(caller, now, tokens, limit, left, MINUTE if by_minute else 0.0)
        place.number = number
        return place

    def leave(self, place: Place, tokens: int | None) -> None:
        """A request is over, and has taken so many tokens; None: as many as was thought."""
        if place.window is not None:
            self._memory.leave(place, tokens)
            return
        number, place.number = place.number, 0
        if number and self._is_here():
            more = 0 if tokens is None else tokens - place.tokens

            def work(connection: sqlite3.Connection) -> bool:
                connection.execute("DELETE FROM places WHERE id = ?", (number,))
                if more:
                    sql = "UPDATE taken SET tokens = tokens + ? WHERE id = ?"
                    if connection.execute(sql, (more, number)).rowcount:
                        connection.execute("UPDATE sums SET tokens = tokens + ? WHERE caller = ?", (more, place.caller))
                return True

            self.database.write(work)

    def give_back(self, place: Place) -> None:
        """A request was not sent: it counts for nothing."""
        if place.window is not None:
            self._memory.give_back(place)
            return
        number, place.number = place.number, 0
        if number and self._is_here():

            def work(connection: sqlite3.Connection) -> bool:
                connection.execute("DELETE FROM places WHERE id = ?", (number,))
                if connection.execute("DELETE FROM taken WHERE id = ?", (number,)).rowcount:
                    sql = "UPDATE sums SET requests = requests - 1, tokens = tokens - ? WHERE caller = ?"
                    connection.execute(sql, (place.tokens, place.caller))
                return True

            self.database.write(work)

    def forget(self, caller: str) -> None:
        """Know nothing of a caller any more; what it has under way is let go on."""
        self._memory.forget(caller)

        def work(connection: sqlite3.Connection) -> bool:
            connection.execute("PRAGMA secure_delete = ON")
            for table in ("taken", "sums", "places"):
                connection.execute(f"DELETE FROM {table} WHERE caller = ?", (caller,))
            return True

        if os.path.exists(self.database.path):
            self.database.write(work)

    def close(self) -> None:
        """Let go of all that this process has under way, and of the file."""
        worker, self._worker = self._worker, None
        if worker is not None and worker.process == os.getpid():
            self.database.write(lambda connection: _end(connection, self.database.path, worker.name))
            worker.close()
        self.database.close()

    def _is_here(self) -> bool:
        """Whether this process has taken the places that it has in memory, and not its parent."""
        return self._worker is not None and self._worker.process == os.getpid()

    def _here(self, connection: sqlite3.Connection) -> Worker:
        if not self._is_here():
            if self._worker is not None:
                self._worker.close()
            self._worker = Worker(self.database.path)
            self._sweep_files(connection)
        assert self._worker is not None
        return self._worker

    def _sweep(self, connection: sqlite3.Connection, caller: str, now: float) -> None:
        """Let go of what workers had under way that have ended, and of what cannot be under way any more."""
        sql = "DELETE FROM places WHERE caller = ? AND (until <= ? OR until > ?)"
        connection.execute(sql, (caller, now, now + LONGEST))  # the later ones are from before the machine was started
        if self._worker is not None and self._worker.locks:
            rows = connection.execute("SELECT DISTINCT worker FROM places WHERE caller = ?", (caller,)).fetchall()
            for (name,) in rows:
                if not locks.is_held(f"{self.database.path}{WORKER}{name}"):
                    _end(connection, self.database.path, name)

    def _sweep_files(self, connection: sqlite3.Connection) -> None:
        """The same for all workers that have left a file behind."""
        folder, start = os.path.dirname(self.database.path), f"{os.path.basename(self.database.path)}{WORKER}"
        assert self._worker is not None
        for file in os.listdir(folder) if self._worker.locks else ():
            if file.startswith(start) and not locks.is_held(os.path.join(folder, file)):
                _end(connection, self.database.path, file.removeprefix(start))


def _last_minute(connection: sqlite3.Connection, caller: str, now: float) -> tuple[int, int]:
    """Requests and tokens of the last minute; what is older goes."""
    found = connection.execute("SELECT requests, tokens, newest FROM sums WHERE caller = ?", (caller,)).fetchone()
    if found is None:
        return 0, 0
    requests, tokens, newest = found
    if newest > now:  # the clock of this machine has begun anew: its times were of before
        connection.execute("DELETE FROM taken WHERE caller = ?", (caller,))
        connection.execute("DELETE FROM sums WHERE caller = ?", (caller,))
        return 0, 0
    count, gone = connection.execute(_OLD, (caller, now - MINUTE)).fetchone()
    if count:
        connection.execute("DELETE FROM taken WHERE caller = ? AND at <= ?", (caller, now - MINUTE))
        requests, tokens = requests - count, tokens - int(gone)
        connection.execute(_SUMS, (caller, requests, tokens, now))
    return requests, tokens


class _Minute:
    """The last minute of a caller, as far as a refusal asks for it."""

    def __init__(self, connection: sqlite3.Connection, caller: str, requests: int, tokens: int, under_way: int) -> None:
        self._connection, self._caller = connection, caller
        self.requests, self.tokens, self.under_way = requests, tokens, under_way

    @property
    def newest(self) -> float:
        return self.at(self.requests - 1)

    def at(self, number: int) -> float:
        """When the request came before which so many came."""
        sql = "SELECT at FROM taken WHERE caller = ? ORDER BY at LIMIT 1 OFFSET ?"
        return float(self._connection.execute(sql, (self._caller, number)).fetchone()[0])

    def without(self, tokens: int) -> float:
        """When the request came with which, and all before it, so many tokens go."""
        sql = "SELECT at, tokens FROM taken WHERE caller = ? ORDER BY at"
        for at, taken in self._connection.execute(sql, (self._caller,)):
            tokens -= taken
            if tokens <= 0:
                return float(at)
        return self.newest


def _under_way(connection: sqlite3.Connection, caller: str) -> int:
    return int(connection.execute("SELECT count(*) FROM places WHERE caller = ?", (caller,)).fetchone()[0])


def _end(connection: sqlite3.Connection, path: str, worker: str) -> bool:
    """A worker has ended: nothing of it is under way."""
    connection.execute("DELETE FROM places WHERE worker = ?", (worker,))
    with suppress(OSError):
        os.unlink(f"{path}{WORKER}{worker}")
    return True

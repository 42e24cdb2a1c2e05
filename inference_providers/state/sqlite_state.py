"""A state in a file of the user's, for all processes on one machine that name it.

Beside the file lie `.changes`, by which readers know that there is something to read, and `.secret`, without which
nobody can tell whom its digests stand for. A file that cannot be used is said once, and each process goes on alone.
"""

from __future__ import annotations

import os
import time

from inference_providers.files import Database, folders, kept_secret
from inference_providers.state.change_mark import ChangeMark
from inference_providers.state.memory_state import KEPT, MOST_RESTS, MemoryState, digest_of
from inference_providers.state.state import State
from inference_providers.state.window import MINUTE, Taken, fits, share_left, shortage

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from inference_providers.state.window import Room

SCHEMA = (
    "CREATE TABLE rests (key TEXT PRIMARY KEY, until REAL NOT NULL, why TEXT NOT NULL);"
    "CREATE INDEX rests_by_end ON rests (until);"
    "CREATE TABLE taken (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at REAL NOT NULL,"
    " tokens REAL NOT NULL);"
    "CREATE INDEX taken_by_name ON taken (name, at, tokens);"
    "CREATE INDEX taken_by_time ON taken (at)",
    # What `taken` comes to: to add up a minute's rows at each request would take longer, the more there are.
    "CREATE TABLE minutes (name TEXT PRIMARY KEY, requests INTEGER NOT NULL, tokens REAL NOT NULL);"
    "INSERT INTO minutes SELECT name, count(*), total(tokens) FROM taken GROUP BY name",
)
BRIEF = 1.0  # seconds that what is said of a failure, perhaps by an event loop, may wait for others
SECRET = 32  # bytes
_LOOKS = 128  # of the change mark, until the file is looked at whatever it says: whoever was to change it may have died
_FRESH = 0.25  # seconds for which the room that is left is not read again


class SqliteState(State):
    """The state in one file."""

    waits = True

    def __init__(
        self,
        path: str,
        *,
        clock: Callable[[], float] = time.time,
        warn: Callable[[str], None] = folders.warn_once,
        busy: float = 5.0,
    ) -> None:
        """*busy*: seconds that taking and settling may wait for other processes; *warn*: who hears of a bad file."""
        self.path, self._clock, self._warn = path, clock, warn
        self._resting = Database(path, SCHEMA, busy=min(busy, BRIEF), warn=warn)
        self._minutes = Database(path, SCHEMA, busy=busy, warn=warn)
        self._mark = ChangeMark(f"{path}.changes")
        self._own = MemoryState(clock)  # what could not be written
        self._seen: Mapping[str, tuple[float, str]] = {}  # what was read last
        self._secret = b""
        self._looks = self._turns = 0
        self._rooms: dict[str, tuple[float, float]] = {}  # when it was read, and the part that was left

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {os.path.basename(self.path)}>"

    @property
    def generation(self) -> int:
        """Another number whenever `rests` may give something else."""
        self._looks -= 1
        if self._looks < 0:
            self._looks, self._turns = _LOOKS, self._turns + 1
            self._mark.open()
        return self._mark.value + self._own.generation + self._turns

    def digest(self, *parts: str) -> str:
        """A key for `rest` that all processes make of these parts."""
        if not self._secret:
            self._secret = self._shared_secret() or os.urandom(SECRET)
        return digest_of(self._secret, parts)

    def rest(self, key: str, until: float, why: str) -> None:
        """Have everybody leave it alone until then."""
        late = self._own.rests()

        def work(connection: sqlite3.Connection) -> bool:
            rows = [(one, *rest) for one, rest in {**late, key: (until, why)}.items()]
            connection.executemany("INSERT OR REPLACE INTO rests VALUES (?, ?, ?)", rows)
            connection.execute("DELETE FROM rests WHERE until <= ?", (self._clock() - KEPT,))
            connection.execute(
                "DELETE FROM rests WHERE key IN (SELECT key FROM rests ORDER BY until DESC LIMIT -1 OFFSET ?)",
                (MOST_RESTS,),
            )
            return True

        if self._resting.write(work) is None:
            self._own.rest(key, until, why)
            return
        for one in late:
            self._own.clear(one)
        self._mark.change()

    def clear(self, key: str) -> None:
        """Nobody need leave it alone any more."""
        self._own.clear(key)
        self._seen = {one: rest for one, rest in self._seen.items() if one != key}
        deleted = self._resting.write(lambda file: file.execute("DELETE FROM rests WHERE key = ?", (key,)).rowcount)
        if deleted:
            self._mark.change()

    def rests(self) -> Mapping[str, tuple[float, str]]:
        """By key: until when it rests, and why; what was read last where the file cannot be read."""
        rows = self._resting.read(lambda file: file.execute("SELECT key, until, why FROM rests").fetchall())
        if rows is not None:
            self._seen = {row[0]: (row[1], row[2]) for row in rows if _is_rest(row)}
        elif not self._resting.fault:  # there is no file yet, or no longer
            self._seen = {}
        own = self._own.rests()
        return {**self._seen, **own} if own else self._seen

    def take(self, name: str, tokens: float, limits: Room) -> tuple[float, str, Taken | None]:
        """Take a request and its tokens out of this minute."""

        def work(connection: sqlite3.Connection) -> tuple[float, str, Taken | None]:
            now = self._clock()  # once the file is ours: it may have been waited for
            _forget(connection, now)
            count, used = _used(connection, name)
            if not fits(count, used, tokens, limits):
                rows = connection.execute("SELECT at, tokens FROM taken WHERE name = ? ORDER BY at", (name,))
                return *shortage(rows, count, used, tokens, limits, now), None
            row = connection.execute("INSERT INTO taken (name, at, tokens) VALUES (?, ?, ?)", (name, now, tokens))
            _add(connection, name, 1, tokens)
            return 0.0, "", Taken(now, tokens, row.lastrowid)

        found = self._minutes.write(work)
        return self._own.take(name, tokens, limits) if found is None else found

    def correct(self, name: str, taken: Taken, tokens: float) -> None:
        """It took so many tokens, as it turned out."""
        if taken.number is None:
            self._own.correct(name, taken, tokens)
        elif tokens != taken.tokens:
            self._settle(name, taken, "UPDATE taken SET tokens = ?", (tokens,), 0, tokens - taken.tokens)
            taken.tokens = tokens

    def give_back(self, name: str, taken: Taken) -> None:
        """It was not sent."""
        if taken.number is None:
            self._own.give_back(name, taken)
        else:
            self._settle(name, taken, "DELETE FROM taken", (), -1, -taken.tokens)

    def room(self, name: str, limits: Room) -> float:
        """The part of its minute that is left, from 0 to 1."""
        now = self._clock()
        at, left = self._rooms.get(name, (float("-inf"), 1.0))
        if 0 <= now - at < _FRESH:
            return left
        found = self._minutes.read(lambda file: _used(file, name, now - MINUTE))
        left = share_left(*found, limits) if found is not None else 1.0
        left = min(left, self._own.room(name, limits))
        self._rooms[name] = (now, left)
        return left

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        self._resting.close()
        self._minutes.close()

    def _settle(
        self, name: str, taken: Taken, verb: str, values: tuple[float, ...], requests: int, tokens: float
    ) -> None:
        where = f"{verb} WHERE id = ? AND name = ? AND at = ?"  # a file that was made anew counts anew

        def work(connection: sqlite3.Connection) -> bool:
            if connection.execute(where, (*values, taken.number, name, taken.at)).rowcount:
                _add(connection, name, requests, tokens)
            return True

        self._minutes.write(work)

    def _shared_secret(self) -> bytes:
        """That of all processes, made by the first; empty where its file cannot be used."""
        path = f"{self.path}.secret"
        try:
            if not (why := folders.distrust(os.path.dirname(path))):
                return kept_secret(path, lambda: os.urandom(SECRET), SECRET)
        except OSError as error:
            why = error.strerror or str(error)
        self._warn(f"{path} is not used: {why}; this process shares no rests")
        return b""


def _forget(connection: sqlite3.Connection, now: float) -> None:
    """Give up what is no longer in the minute; what lies ahead was taken before the clock was set back."""
    rows = "SELECT name, tokens FROM taken WHERE at <= ? UNION ALL SELECT name, tokens FROM taken WHERE at > ?"
    gone = connection.execute(rows, (now - MINUTE, now + MINUTE)).fetchall()
    if not gone:
        return
    for name, tokens in gone:
        _add(connection, name, -1, -tokens)
    connection.execute("DELETE FROM taken WHERE at <= ?", (now - MINUTE,))
    connection.execute("DELETE FROM taken WHERE at > ?", (now + MINUTE,))
    connection.execute("DELETE FROM minutes WHERE requests <= 0")  # sums of floats begin anew


def _add(connection: sqlite3.Connection, name: str, requests: int, tokens: float) -> None:
    added = (
        "INSERT INTO minutes VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
        " requests = requests + excluded.requests, tokens = tokens + excluded.tokens"
    )
    connection.execute(added, (name, requests, tokens))


def _used(connection: sqlite3.Connection, name: str, since: float | None = None) -> tuple[int, float]:
    """How many requests, and how many tokens, are taken; without what is from before *since*."""
    row = connection.execute("SELECT requests, tokens FROM minutes WHERE name = ?", (name,)).fetchone() or (0, 0.0)
    if since is None:
        return int(row[0]), float(row[1])
    asked = "SELECT count(*), total(tokens) FROM taken WHERE name = ? AND at <= ?"
    count, tokens = connection.execute(asked, (name, since)).fetchone()
    return int(row[0]) - int(count), float(row[1]) - float(tokens)


def _is_rest(row: tuple[object, ...]) -> bool:
    """Whether a row is of the form that we write: anybody may have written the file."""
    return isinstance(row[0], str) and isinstance(row[1], float) and isinstance(row[2], str)

"""Entries in a file of the user's, shared by programs, with those used last in memory as well."""

from __future__ import annotations

import os
import threading
import weakref

from inference_providers.cache.entry import Entry
from inference_providers.cache.memory_store import MemoryStore
from inference_providers.cache.rules import KINDS
from inference_providers.files import Database, folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any

NAME = "replies.db"
IN_MEMORY = 32 * 1024 * 1024  # bytes of entries that each process holds
MIGRATIONS = (
    """
    CREATE TABLE replies (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, kind TEXT NOT NULL, provider TEXT NOT NULL,
        model TEXT NOT NULL, content BLOB NOT NULL, size INTEGER NOT NULL, created REAL NOT NULL, expires REAL,
        used REAL NOT NULL, hits INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX by_use ON replies (used, size)
    """,
    """
    ALTER TABLE replies ADD COLUMN caller TEXT NOT NULL DEFAULT '';
    CREATE INDEX by_caller ON replies (caller) WHERE caller != ''
    """,
)
_UNTOLD = 64  # uses of entries that are told to the file at once: to write at each would cost more than to read
_PART = 32  # the size of the file is looked at after as many parts of what it may have were written


def path_of(environ: Mapping[str, str]) -> str | None:
    """Where the file is; None for a user without a home."""
    folder = folders.own("cache", environ)
    return None if folder is None else os.path.join(folder, NAME)


class SqliteStore:
    """At most *most* bytes of entries in a file; those that were used longest ago go first.

    What is in the file may be anybody's: a row of another form counts as none, and goes.
    """

    waits = True

    def __init__(self, path: str, most: int, largest: int) -> None:
        """*largest*: bytes of one entry's content; a longer one is not read."""
        self.base = Database(path, MIGRATIONS)
        self._most, self._largest = most, largest
        self._memory = MemoryStore(min(most, IN_MEMORY))
        self._since: int | None = None  # bytes written since the size was looked at
        self._uses: dict[bytes, tuple[float, int]] = {}  # key -> (when it was used last, how often), to be told
        self._lock = threading.Lock()
        self._told = weakref.finalize(self, _tell, self.base, self._uses)  # at the latest when the program ends

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {os.path.basename(self.base.path)}>"

    def get(self, key: bytes, now: float, oldest: float) -> Entry | None:
        """The entry under a key, made after *oldest* and not past its time; it counts as used."""
        known = self._memory.peek(key)
        row = self.base.read(lambda connection: self._row(connection, key, known))
        if row is None:
            if known is None or not self.base.fault:  # else the file cannot be read: what this process knows holds
                self._memory.discard(key)
                return None
            entry: Entry | None = known
        else:
            entry = known if known is not None and len(row) == 1 else _entry(row)
        if entry is None:
            self.discard(key)
            return None
        if not entry.holds(now, oldest):
            return None
        if entry is not known:
            self._memory.put(key, entry, now)
        self._used(key, now)
        return entry

    def _row(self, connection: sqlite3.Connection, key: bytes, known: Entry | None) -> tuple[Any, ...] | None:
        """The row of a key: all of it, or when it was made alone where that one is known; None where there is none.

        One whose content is too large is read without it.
        """
        if known is not None:
            made: tuple[Any, ...] | None = connection.execute(
                "SELECT created FROM replies WHERE key = ?", (key,)
            ).fetchone()
            if made is None or made[0] == known.created:
                return made
        sizes = connection.execute("SELECT length(content) FROM replies WHERE key = ?", (key,)).fetchone()
        if sizes is None:
            return None
        if not isinstance(sizes[0], int) or sizes[0] > self._largest:
            return ("", "", "", None, None, None, "")
        row: tuple[Any, ...] = connection.execute(
            "SELECT kind, provider, model, content, created, expires, caller FROM replies WHERE key = ?", (key,)
        ).fetchone()
        return row

    def _used(self, key: bytes, now: float) -> None:
        with self._lock:
            self._uses[key] = (now, self._uses.get(key, (now, 0))[1] + 1)
            if len(self._uses) < _UNTOLD:
                return
        self.tell()

    def tell(self) -> None:
        """Have the file know which entries were used."""
        with self._lock:
            uses = dict(self._uses)
            self._uses.clear()
        if uses:
            _tell(self.base, uses)

    def put(self, key: bytes, entry: Entry, now: float) -> None:
        """Keep an entry; those that were used longest ago make room for it."""
        if len(entry.content) > self._largest or entry.size > self._most:
            return

        def written(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO replies (key, kind, provider, model, content, size, created, expires, used,"
                " caller) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (key, entry.kind, entry.provider, entry.model, entry.content, entry.size, entry.created, entry.expires,
                 now, entry.caller),
            )  # fmt: skip
            since = entry.size if self._since is None else self._since + entry.size
            if self._since is None or since > self._most // _PART:
                _make_room(connection, self._most, now)
                since = 0
            self._since = since

        self.tell()
        self.base.write(written)
        self._memory.put(key, entry, now)

    def discard(self, key: bytes) -> None:
        """Keep one no longer."""
        self._memory.discard(key)
        self.base.write(lambda connection: connection.execute("DELETE FROM replies WHERE key = ?", (key,)).rowcount)

    def clear(self, kind: str = "") -> int:
        """Keep none of a kind, or none at all; how many there were."""
        self._memory.clear(kind)
        if not os.path.exists(self.base.path):
            return 0
        wanted, values = (" WHERE kind = ?", (kind,)) if kind else ("", ())
        where = f"DELETE FROM replies{wanted}"
        return self.base.write(lambda connection: connection.execute(where, values).rowcount) or 0

    def purge(self, caller: str) -> int:
        """Keep none that was made for a caller, so that nothing of it is left in the file; how many there were."""
        self._memory.purge(caller)
        if not os.path.exists(self.base.path):
            return 0

        def work(connection: sqlite3.Connection) -> int:
            connection.execute("PRAGMA secure_delete = ON")
            return connection.execute("DELETE FROM replies WHERE caller = ? AND caller != ''", (caller,)).rowcount

        count = self.base.write(work) or 0
        self.base.compact()
        return count

    def counts(self) -> list[dict[str, Any]]:
        """A row for each kind."""
        self.tell()
        rows = self.base.read(lambda connection: connection.execute(_COUNTS).fetchall()) or []
        names = ("kind", "count", "size", "oldest", "hits")
        return [dict(zip(names, row, strict=True)) for row in rows if row[0] in KINDS]

    def close(self) -> None:
        """Write which entries were used, and close the file; it is opened again when it is needed."""
        self.tell()
        self.base.close()


_COUNTS = """
    SELECT kind, count(*), CAST(total(size) AS INTEGER), CAST(min(created) AS REAL), CAST(total(hits) AS INTEGER)
    FROM replies GROUP BY kind ORDER BY kind
"""


def _entry(row: tuple[Any, ...]) -> Entry | None:
    """A row's entry; None for a row of another form."""
    kind, provider, model, content, created, expires, caller = row
    sound = isinstance(kind, str) and kind in KINDS and isinstance(provider, str) and isinstance(model, str)
    if not sound or not isinstance(content, bytes) or not isinstance(created, float):
        return None
    if not isinstance(expires, float | None) or not isinstance(caller, str):
        return None
    return Entry(kind, provider, model, content, created, expires, caller)


def _tell(base: Database, uses: dict[bytes, tuple[float, int]]) -> None:
    """Write when entries were used, and how often."""
    rows = [(when, count, key) for key, (when, count) in uses.items()]
    if not rows or not os.path.exists(base.path):
        return
    base.write(
        lambda connection: (
            connection.executemany(
                "UPDATE replies SET used = max(used, ?), hits = hits + ? WHERE key = ?", rows
            ).rowcount
        )
    )


def _make_room(connection: sqlite3.Connection, most: int, now: float) -> None:
    """Delete what is past its time, and then what was used longest ago, until a twentieth of the room is free."""
    (size,) = connection.execute("SELECT total(size) FROM replies").fetchone()
    if size <= most:
        return
    connection.execute("DELETE FROM replies WHERE expires <= ?", (now,))
    (size,) = connection.execute("SELECT total(size) FROM replies").fetchone()
    over, gone = size - most * 0.95, []
    for number, bytes_ in connection.execute("SELECT id, size FROM replies ORDER BY used, id"):
        if over <= 0:
            break
        gone.append((number,))
        over -= bytes_ if isinstance(bytes_, int) else 0
    connection.executemany("DELETE FROM replies WHERE id = ?", gone)

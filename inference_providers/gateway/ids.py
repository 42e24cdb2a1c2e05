"""What was made through a gateway, by its id: who asked for it, and which provider has it. Or the gateway itself.

A SQLite file that all workers share, and that a restart finds again. Rows without a provider are the gateway's own:
files for batches, and batches that it runs itself.
"""

from __future__ import annotations

import json
import os
import time
from collections import OrderedDict

from inference_providers.files import Database, folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

NAME = "gateway-ids.db"
FILE, BATCH, STORE, COPY = "file", "batch", "vector_store", "copy"  # a copy is a provider's, of a file of ours
LISTED = (FILE, BATCH, STORE)
MIGRATIONS = (
    """
    CREATE TABLE ids (
        id TEXT NOT NULL, provider TEXT NOT NULL, endpoint TEXT NOT NULL, caller TEXT NOT NULL, at REAL NOT NULL,
        kind TEXT NOT NULL, canonical TEXT, internal TEXT NOT NULL, data TEXT, size INTEGER NOT NULL, expires REAL,
        PRIMARY KEY (id, provider, endpoint)) WITHOUT ROWID;
    CREATE INDEX ids_by_kind ON ids (kind, caller, at);
    CREATE INDEX ids_by_time ON ids (at)
    """,
)
_COLUMNS = ("id", "provider", "endpoint", "caller", "at", "kind", "canonical", "internal", "data", "size", "expires")
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM ids"
_PUT = f"INSERT INTO ids ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) ON CONFLICT DO "
_TAKE_OVER = "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[3:])
_PLACE = "id = ? AND provider = ? AND endpoint = ?"
_LIVE = "(expires IS NULL OR expires > ?)"
_IN_MEMORY = 10_000  # ids, where there is no file
_AT_ONCE = 500  # values of one statement
_DAYS = 60.0  # for which what is not listed is known; what is, until it is deleted
_HOUR = 3600.0


def is_text(word: str) -> bool:
    """Whether a file of SQLite takes it: JSON may name half a character, which is not in any text."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


class Known:
    """What is known of one id. made: its provider has just made it, so that it is whoever's asked for it."""

    __slots__ = (*_COLUMNS, "made")

    def __init__(
        self,
        id: str,
        provider: str,
        endpoint: str,
        caller: str,
        at: float,
        kind: str = "",
        canonical: str | None = None,
        internal: str = "",
        data: str | None = None,
        size: int = 0,
        expires: float | None = None,
        *,
        made: bool = False,
    ) -> None:
        self.id, self.provider, self.endpoint, self.caller, self.at = id, provider, endpoint, caller, at
        self.kind, self.canonical, self.internal, self.data = kind, canonical, internal, data
        self.size, self.expires, self.made = size, expires, made

    def __repr__(self) -> str:
        return f"<Known {self.id[:40]} of {self.provider or 'the gateway'}>"

    @property
    def is_ours(self) -> bool:
        """Whether it is the gateway's own, and no provider's."""
        return not self.provider

    @property
    def object(self) -> dict[str, Any]:
        """What was last seen of it, as its API says it; empty where nothing was."""
        found = json.loads(self.data) if self.data else {}
        return found if isinstance(found, dict) else {}

    def values(self) -> tuple[Any, ...]:
        """Its columns."""
        return tuple(getattr(self, name) for name in _COLUMNS)


class Ids:
    """The file. Whatever reads or writes it may wait for a disk: not for an event loop's own thread."""

    def __init__(self, database: Database | None, clock: Callable[[], float] = time.time) -> None:
        self.database, self._clock = database, clock
        self._memory: OrderedDict[tuple[str, str, str], Known] = OrderedDict()
        self._trims_at = 0.0

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Ids:
        """This user's; in memory alone for a user without a home."""
        folder = folders.own("state", environ)
        return cls(None if folder is None else Database(os.path.join(folder, NAME), MIGRATIONS))

    def __repr__(self) -> str:
        return f"<Ids {self.database!r}>"

    def learn(self, rows: Sequence[Known]) -> None:
        """Remember ids. One that is known at its place stays whose it is, unless it was made just now."""

        rows = [row for row in rows if is_text(row.id)]

        def work(connection: sqlite3.Connection) -> bool:
            for made, then in ((True, _TAKE_OVER), (False, "NOTHING")):
                connection.executemany(_PUT + then, [row.values() for row in rows if row.made is made])
            self._trim(connection)
            return True

        if self.database is None or not self.database.write(work):
            for row in rows:
                if row.made or (row.id, row.provider, row.endpoint) not in self._memory:
                    self._memory[row.id, row.provider, row.endpoint] = row
            while len(self._memory) > _IN_MEMORY:
                self._memory.popitem(last=False)

    def find(self, ids: Iterable[str]) -> list[Known]:
        """What is known of these, the last first."""
        wanted = list(filter(is_text, dict.fromkeys(ids)))

        def work(connection: sqlite3.Connection) -> list[Known]:
            found = []
            for begin in range(0, len(wanted), _AT_ONCE):
                some = wanted[begin : begin + _AT_ONCE]
                where = f"WHERE id IN ({', '.join('?' * len(some))}) AND {_LIVE} ORDER BY at DESC"
                found += connection.execute(f"{_SELECT} {where}", (*some, self._clock())).fetchall()
            return [Known(*row) for row in found]

        found = self.database.read(work) if self.database is not None else None
        here = [row for row in reversed(self._memory.values()) if row.id in wanted] if self._memory else []
        return [*here, *(found or ())]

    def see(self, row: Known, data: Mapping[str, Any]) -> None:
        """Remember how it is now."""
        text = json.dumps(data)
        self._change(f"UPDATE ids SET data = ? WHERE {_PLACE}", (text, row.id, row.provider, row.endpoint))

    def forget(self, row: Known) -> None:
        """Know nothing of it any more."""
        self._memory.pop((row.id, row.provider, row.endpoint), None)
        self._change(f"DELETE FROM ids WHERE {_PLACE}", (row.id, row.provider, row.endpoint))

    def listed(self, kind: str, caller: str | None) -> list[Known]:
        """All of a kind, the newest first; of everybody where *caller* is None."""
        whose, values = ("", ()) if caller is None else (" AND caller = ?", (caller,))

        def work(connection: sqlite3.Connection) -> list[Known]:
            where = f"WHERE kind = ?{whose} AND {_LIVE} ORDER BY at DESC, id DESC"
            return [Known(*row) for row in connection.execute(f"{_SELECT} {where}", (kind, *values, self._clock()))]

        found = self.database.read(work) if self.database is not None else None
        here = [row for row in reversed(self._memory.values()) if row.kind == kind and caller in (None, row.caller)]
        return [*here, *(found or ())]

    def copies(self, file: str) -> list[Known]:
        """The copies of a file of ours that providers have."""
        return [row for row in self.listed(COPY, None) if row.data == file]

    def keep(self, row: Known, most: int) -> bool | None:
        """Remember something of the gateway's own, unless its caller's would be more than *most* bytes by it.

        Whether that was so; None where nothing can be kept.
        """

        def work(connection: sqlite3.Connection) -> bool:
            used = "SELECT coalesce(sum(size), 0) FROM ids WHERE provider = '' AND caller = ? AND id <> ?"
            if row.size and connection.execute(used, (row.caller, row.id)).fetchone()[0] + row.size > most:
                return False
            connection.execute(_PUT + _TAKE_OVER, row.values())
            return True

        return None if self.database is None else self.database.write(work)

    def update(self, id: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> dict[str, Any] | None:
        """Change what is said of something of the gateway's own, by nobody else meanwhile; how it is then.

        None where there is no such thing, or *change* gives None: then it stays as it is.
        """

        def work(connection: sqlite3.Connection) -> dict[str, Any] | None:
            found = connection.execute("SELECT data FROM ids WHERE id = ? AND provider = ''", (id,)).fetchone()
            made = None if found is None else change(json.loads(found[0]))
            if made is not None:
                text = json.dumps(made)
                connection.execute("UPDATE ids SET data = ? WHERE id = ? AND provider = ''", (text, id))
            return made

        return None if self.database is None else self.database.write(work)

    def is_gone(self, id: str) -> bool:
        """Whether something of the gateway's own is known no more; not where nobody can tell."""

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute("SELECT 1 FROM ids WHERE id = ? AND provider = ''", (id,)).fetchone() is None

        return self.database is not None and self.database.read(work) is True

    def purge(self, caller: str) -> list[Known]:
        """All of a caller, which is known no more from now on, and is in no file. Raises OSError."""

        def work(connection: sqlite3.Connection) -> list[Known]:
            rows = connection.execute(f"{_SELECT} WHERE caller = ?", (caller,)).fetchall()
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("DELETE FROM ids WHERE caller = ?", (caller,))
            return [Known(*row) for row in rows]

        for key in [key for key, row in self._memory.items() if row.caller == caller]:
            del self._memory[key]
        if self.database is None or not os.path.exists(self.database.path):
            return []
        found = self.database.write(work)
        if found is None:
            raise OSError(0, self.database.fault, self.database.path)
        self.database.compact()
        return found

    def expired(self) -> list[Known]:
        """What is too old, which is known no more from now on."""

        def work(connection: sqlite3.Connection) -> list[Known]:
            rows = connection.execute(f"{_SELECT} WHERE expires <= ? LIMIT {_AT_ONCE}", (self._clock(),)).fetchall()
            connection.executemany(f"DELETE FROM ids WHERE {_PLACE}", [row[:3] for row in rows])
            return [Known(*row) for row in rows]

        return (self.database.write(work) or []) if self.database is not None else []

    def _change(self, statement: str, values: tuple[Any, ...]) -> None:
        if self.database is not None:
            self.database.write(lambda connection: connection.execute(statement, values).rowcount)

    def _trim(self, connection: sqlite3.Connection) -> None:
        if time.monotonic() < self._trims_at:
            return
        self._trims_at = time.monotonic() + _HOUR
        connection.execute("DELETE FROM ids WHERE kind = '' AND at < ?", (self._clock() - _DAYS * 86400,))

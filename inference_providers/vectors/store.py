"""Collections in a SQLite file of the user's, `vectors.sqlite`: nothing of a text is in it but what was to be kept."""

from __future__ import annotations

import json
import time

from inference_providers.files import Database
from inference_providers.vectors.collection import Collection, Entry, packed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, TypeVar

    from inference_providers.chat import Embeddings

    T = TypeVar("T")
    Known = tuple[bytes, bool, Mapping[str, Any] | None]

FILE = "vectors.sqlite"
MIGRATIONS = (
    """
    CREATE TABLE collections (
        number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, model TEXT NOT NULL,
        provider TEXT NOT NULL, own_name TEXT NOT NULL, dimensions INTEGER NOT NULL, shortened INTEGER NOT NULL,
        extra TEXT NOT NULL, created REAL NOT NULL);
    CREATE TABLE entries (
        collection INTEGER NOT NULL, id TEXT NOT NULL, digest BLOB NOT NULL, vector BLOB NOT NULL, norm REAL NOT NULL,
        text TEXT, metadata TEXT, updated REAL NOT NULL, PRIMARY KEY (collection, id));
    CREATE INDEX entries_by_digest ON entries (collection, digest)
    """,
)
_COLLECTION = "SELECT number, name, model, provider, own_name, dimensions, shortened, extra FROM collections"
_PUT = (
    "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (collection, id) DO UPDATE SET "
    "digest = excluded.digest, vector = excluded.vector, norm = excluded.norm, text = excluded.text, "
    "metadata = excluded.metadata, updated = excluded.updated"
)
_SUMS = (
    "SELECT c.name, c.model, c.dimensions, count(e.id) AS entries, count(e.text) AS texts, "
    "coalesce(sum(length(e.vector)), 0) AS bytes, c.created FROM collections c "
    "LEFT JOIN entries e ON e.collection = c.number GROUP BY c.number ORDER BY c.name"
)
_SCORED = "SELECT rowid, norm, vector FROM entries WHERE collection = ? AND length(vector) = ? AND id IS NOT ?"


class Store:
    """The file. Whatever cannot be read or written raises OSError: what is embedded has been paid for."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        """*clock*: seconds since 1970."""
        self.database, self._clock = database, clock

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Store:
        """That of this user. Raises OSError for a user without a home folder."""
        database = Database.of(FILE, environ, MIGRATIONS)
        if database is None:
            raise OSError(0, "this user has no home folder", FILE)
        return cls(database)

    def __repr__(self) -> str:
        return f"<Store in {FILE}>"

    # Collections

    def names(self) -> list[str]:
        """The names of all collections."""
        return [row[0] for row in self._read(lambda c: c.execute("SELECT name FROM collections").fetchall()) or ()]

    def summaries(self) -> list[dict[str, Any]]:
        """All collections, each with its model, and how much is in it."""
        columns = ("collection", "model", "dimensions", "entries", "texts", "bytes", "created")
        rows = self._read(lambda connection: connection.execute(_SUMS).fetchall())
        return [dict(zip(columns, row, strict=True)) for row in rows or ()]

    def get(self, name: str) -> Collection | None:
        """The collection of that name; None where there is none."""
        return self._read(lambda connection: _collection(connection, name))

    def create(
        self, name: str, model: str, found: Embeddings, *, shortened: bool, extra: Mapping[str, Any]
    ) -> Collection:
        """A new collection of the model that gave *found*; the one of that name, where somebody has just made it."""
        row = (name, model, found.provider, found.model, found.dimensions, shortened, json.dumps(extra), self._clock())

        def work(connection: sqlite3.Connection) -> Collection | None:
            columns = "name, model, provider, own_name, dimensions, shortened, extra, created"
            connection.execute(
                f"INSERT INTO collections ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row
            )
            return _collection(connection, name)

        made = self._write(work)
        assert made is not None
        return made

    def delete(self, name: str) -> bool:
        """Remove a collection, so that nothing of it is left in the file; whether there was one."""

        def work(connection: sqlite3.Connection) -> bool:
            found = _collection(connection, name)
            if found is not None:
                connection.execute("DELETE FROM entries WHERE collection = ?", (found.number,))
                connection.execute("DELETE FROM collections WHERE number = ?", (found.number,))
            return found is not None

        gone = self._read(lambda connection: _collection(connection, name)) is not None and self._write(work)
        if gone:
            self.database.compact()
        return gone

    # Entries

    def check_writable(self) -> None:
        """Raise OSError where nothing can be written: before anything is paid for."""
        self._write(lambda connection: None)

    def known(self, collection: Collection) -> dict[str, Known]:
        """By id, the digest of an entry's text, whether the text is kept, and its metadata."""
        query = "SELECT id, digest, text IS NOT NULL, metadata FROM entries WHERE collection = ?"
        rows = self._read(lambda connection: connection.execute(query, (collection.number,)).fetchall())
        return {id: (digest, bool(kept), _loaded(metadata)) for id, digest, kept, metadata in rows or ()}

    def put(self, collection: Collection, entries: Sequence[Entry]) -> None:
        """Write entries, in the place of those of their ids. Raises ValueError where somebody has removed it."""
        now = self._clock()
        rows = [
            (collection.number, one.id, one.digest, *packed(one.vector), one.text, _dumped(one.metadata), now)
            for one in entries
        ]

        def work(connection: sqlite3.Connection) -> None:
            if (
                connection.execute("SELECT 1 FROM collections WHERE number = ?", (collection.number,)).fetchone()
                is None
            ):
                raise ValueError(f"the collection {collection.name!r} has been removed meanwhile")
            connection.executemany(_PUT, rows)

        self._write(work)

    def copy(self, collection: Collection, id: str, digest: bytes, text: str | None, metadata: Any) -> bool:
        """Write an entry whose text another of the collection has, with that one's vector; whether there is such."""
        query = "SELECT vector, norm FROM entries WHERE collection = ? AND digest = ? LIMIT 1"

        def work(connection: sqlite3.Connection) -> bool:
            row = connection.execute(query, (collection.number, digest)).fetchone()
            if row is not None:
                values = (collection.number, id, digest, *row, text, _dumped(metadata), self._clock())
                connection.execute(_PUT, values)
            return row is not None

        return self._write(work)

    def remove(self, collection: Collection, ids: Sequence[str]) -> None:
        """Remove entries."""
        query = "DELETE FROM entries WHERE collection = ? AND id = ?"
        self._write(lambda connection: connection.executemany(query, [(collection.number, id) for id in ids]))

    def vector(self, collection: Collection, id: str) -> bytes | None:
        """The vector of an entry; None where there is no such entry."""
        query = "SELECT vector FROM entries WHERE collection = ? AND id = ?"
        row = self._read(lambda connection: connection.execute(query, (collection.number, id)).fetchone())
        return None if row is None else bytes(row[0])

    def scan(
        self,
        collection: Collection,
        work: Callable[[Iterator[tuple[int, float, bytes]]], T],
        *,
        without: str | None = None,
    ) -> T | None:
        """What *work* makes of all entries, but the one of an id: (number, length of the vector, vector)."""
        values = (collection.number, collection.dimensions * 4, without)
        return self._read(lambda connection: work(iter(connection.execute(_SCORED, values))))

    def entries(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The ids, texts and metadata of entries, by number."""
        query = f"SELECT rowid, id, text, metadata FROM entries WHERE rowid IN ({', '.join('?' * len(numbers))})"
        rows = self._read(lambda connection: connection.execute(query, numbers).fetchall())
        return {
            number: {"id": id, "content": text, "metadata": _loaded(metadata)}
            for number, id, text, metadata in rows or ()
        }

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """None where there is no file yet."""
        found = self.database.read(work)
        if found is None and self.database.fault:
            raise OSError(0, self.database.fault, self.database.path)
        return found

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        done: list[T] = []
        for _ in range(2):  # another program may have had it for long
            self.database.wake()
            self.database.write(lambda connection: done.append(work(connection)))
            if done and not self.database.fault:
                return done[-1]
        raise OSError(0, self.database.fault or "it cannot be written", self.database.path)


def _collection(connection: sqlite3.Connection, name: str) -> Collection | None:
    row = connection.execute(f"{_COLLECTION} WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    *known, shortened, extra = row
    return Collection(*known, shortened=bool(shortened), extra=json.loads(extra))


def _dumped(metadata: Mapping[str, Any] | None) -> str | None:
    return None if not metadata else json.dumps(metadata)


def _loaded(metadata: str | None) -> Any:
    return None if metadata is None else json.loads(metadata)

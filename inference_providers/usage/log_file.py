"""The log of calls: a SQLite file of the user's. Each call is a row; sums by quarter of an hour make reports quick.

`calls` has a row for each call, `texts` what was said, where that is kept, `slots` the sums. Times are seconds since
1970, in UTC; costs US dollars, NULL where unknown.
"""

from __future__ import annotations

import os
import time
from itertools import chain

from inference_providers.files import Database, folders, kept_secret, row_writer
from inference_providers.usage.totals import SUMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")
    Row = tuple[tuple[Any, ...], tuple[Any, ...] | None]

LOG_NAME, KEY = "usage.db", "usage.key"
_KEY_BYTES = 32
SLOT = 900  # seconds: days begin at such a moment in every time zone
ANSWERED = ("ok", "closed")
COLUMNS = (
    "at", "program", "path", "asked", "provider", "model", "name", "outcome", "input", "output", "cached", "written",
    "reasoning", "cost", "reported", "seconds", "first", "attempts", "tries", "prompt", "conversation",
    "caller",
)  # fmt: skip
MIGRATIONS = (
    f"""
    CREATE TABLE calls (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, program TEXT NOT NULL, path TEXT NOT NULL, asked TEXT,
        provider TEXT NOT NULL, model TEXT NOT NULL, name TEXT NOT NULL, outcome TEXT NOT NULL,
        input INTEGER, output INTEGER, cached INTEGER, written INTEGER, reasoning INTEGER,
        cost REAL, reported INTEGER NOT NULL, seconds REAL NOT NULL, first REAL,
        attempts INTEGER NOT NULL, tries TEXT, prompt TEXT, conversation TEXT);
    CREATE INDEX calls_by_time ON calls (at);
    CREATE INDEX calls_by_name ON calls (name, at);
    CREATE TABLE texts (
        call INTEGER PRIMARY KEY, size INTEGER NOT NULL, at REAL NOT NULL, conversation TEXT NOT NULL,
        whole INTEGER NOT NULL, asked TEXT NOT NULL, answer TEXT NOT NULL);
    CREATE INDEX texts_by_conversation ON texts (conversation, call);
    CREATE INDEX texts_by_time ON texts (at);
    CREATE TABLE slots (
        slot INTEGER NOT NULL, program TEXT NOT NULL, provider TEXT NOT NULL, name TEXT NOT NULL,
        {", ".join(f"{name} NOT NULL" for name in SUMS)},
        PRIMARY KEY (slot, program, provider, name)) WITHOUT ROWID
    """,
    f"""
    ALTER TABLE calls ADD COLUMN caller TEXT;
    CREATE INDEX calls_by_caller ON calls (caller, id) WHERE caller IS NOT NULL;
    ALTER TABLE slots RENAME TO slots_1;
    CREATE TABLE slots (
        slot INTEGER NOT NULL, program TEXT NOT NULL, provider TEXT NOT NULL, name TEXT NOT NULL, caller TEXT NOT NULL,
        {", ".join(f"{name} NOT NULL" for name in SUMS)},
        PRIMARY KEY (slot, program, provider, name, caller)) WITHOUT ROWID;
    INSERT INTO slots SELECT slot, program, provider, name, '', {", ".join(SUMS)} FROM slots_1;
    DROP TABLE slots_1
    """,
)
_CALL = f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_TOGETHER = 40  # rows of a statement: SQLite of any age takes 999 values
_CALLS = _CALL + f", ({', '.join('?' * len(COLUMNS))})" * (_TOGETHER - 1)
_TEXT = "INSERT INTO texts (call, size, at, conversation, whole, asked, answer) VALUES (?, ?, ?, ?, ?, ?, ?)"
_SLOT = (
    f"INSERT INTO slots VALUES ({', '.join('?' * (5 + len(SUMS)))}) ON CONFLICT "
    f"(slot, program, provider, name, caller) DO UPDATE SET "
    f"{', '.join(f'{name} = {name} + excluded.{name}' for name in SUMS)}"
)
_OF_CALLER = ("DELETE FROM calls WHERE caller = ?", "DELETE FROM slots WHERE caller = ?")
# What one commit removes of what is too old: others must not have to wait for long.
_AT_ONCE = 5000
_HOUR = 3600.0
_MOST = 2**40  # tokens of one call, as they count in sums: a server may say anything, and SQLite's integers end
_TRIMMED = (  # what is too old or too much, by its limit in `Keep`
    ("DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE at < ? ORDER BY at LIMIT ?)", "days"),
    ("DELETE FROM texts WHERE call IN (SELECT call FROM texts WHERE at < ? ORDER BY at LIMIT ?)", "text_days"),
)


class Keep:
    """How long and how much is kept: *days* of calls, in a file of *megabytes*; the same of texts."""

    __slots__ = ("days", "megabytes", "text_days", "text_megabytes")

    def __init__(
        self, days: float = 400, megabytes: float = 2000, text_days: float = 30, text_megabytes: float = 100
    ) -> None:
        self.days, self.megabytes, self.text_days, self.text_megabytes = days, megabytes, text_days, text_megabytes


class LogFile:
    """The file, as rows are put into it and read."""

    def __init__(self, database: Database, keep: Keep | None = None) -> None:
        self.database, self.keep = database, keep or Keep()
        self._trims_at = 0.0
        self._key: bytes | None = None
        self._keyless = ""  # why prompts are not hashed

    @classmethod
    def of(cls, environ: Mapping[str, str], keep: Keep | None = None) -> LogFile | None:
        """This user's; None for a user without a home."""
        folder = folders.own("data", environ)
        if folder is None:
            return None
        path = os.path.join(folder, LOG_NAME)
        if path not in _databases:  # one in a process, so that what waits to be written is written together
            _databases[path] = Database(path, MIGRATIONS)
        return cls(_databases[path], keep)

    def __repr__(self) -> str:
        return f"<LogFile {os.path.basename(self.database.path)}>"

    @property
    def path(self) -> str:
        """Where it is."""
        return self.database.path

    def put(self, call: tuple[Any, ...], text: tuple[Any, ...] | None = None) -> None:
        """Have a call written: values of `COLUMNS`. text: conversation, whether it is whole, what was asked, answer."""
        size = 1000 if text is None else 1000 + len(text[2]) + len(text[3])
        row = tuple(map(_whole, call)), None if text is None else tuple(map(_whole, text))
        row_writer().put(self.database, self._sink, row, size)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What *work* reads of all that was put until now; None where there is nothing yet, or it cannot be read."""
        row_writer().flush()
        return self.database.read(work)

    def clear(self) -> bool:
        """Remove all calls and texts, so that nothing of them is left in the file; whether that could be done."""
        return self._remove([(f"DELETE FROM {table}", ()) for table in ("calls", "texts", "slots")])

    def purge(self, caller: str) -> bool:
        """Remove the calls and texts of a caller, and take them out of the sums; whether that could be done."""
        own = "SELECT id FROM calls WHERE caller = ?"
        statements = (f"DELETE FROM texts WHERE call IN ({own})", *_OF_CALLER)
        return self._remove([(statement, (caller,)) for statement in statements])

    def _remove(self, statements: Sequence[tuple[str, tuple[Any, ...]]]) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            connection.execute("PRAGMA secure_delete = ON")
            for statement, values in statements:
                connection.execute(statement, values)
            return True

        row_writer().flush()
        if not os.path.exists(self.path):
            return True
        if not self.database.write(work):
            return False
        self.database.compact()
        return True

    @property
    def key(self) -> bytes | None:
        """The random key by which prompts are hashed, made when it is first needed; None where it cannot be kept."""
        if self._key is None:
            path = os.path.join(os.path.dirname(self.path), KEY)
            try:
                self._key = kept_secret(path, lambda: os.urandom(_KEY_BYTES), 2 * _KEY_BYTES)
            except OSError as error:
                self._key = b""
                self._keyless = f"prompts are not hashed in the usage log: {path}: {error.strerror or error}"
        return self._key or None

    def _sink(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        plain = [call for call, text in rows if text is None]
        several = len(plain) // _TOGETHER * _TOGETHER
        if several:  # statements with many rows, since each statement waits for its turn among the threads
            groups = range(0, several, _TOGETHER)
            connection.executemany(_CALLS, [list(chain.from_iterable(plain[at : at + _TOGETHER])) for at in groups])
        if several < len(plain):
            connection.executemany(_CALL, plain[several:])
        for call, text in rows:
            if text is not None:
                conversation, whole, asked, answer = text
                made = connection.execute(_CALL, call).lastrowid
                size = len(asked) + len(answer)
                connection.execute(_TEXT, (made, size, call[0], conversation or f"call-{made}", whole, asked, answer))
        connection.executemany(_SLOT, slots_of([call for call, _ in rows]))
        if self._keyless:  # said of a log that is written: where none can be, that is said
            folders.warn_once(self._keyless)
        if time.monotonic() >= self._trims_at:
            self._trims_at = time.monotonic() + (0.0 if self.trim(connection) else _HOUR)

    def trim(self, connection: sqlite3.Connection) -> bool:
        """Remove some of what is too old or too much; whether more of it may be left."""
        now, more = time.time(), False
        for statement, limit in _TRIMMED:
            oldest = now - getattr(self.keep, limit) * 86400
            more |= connection.execute(statement, (oldest, _AT_ONCE)).rowcount >= _AT_ONCE
        connection.execute("DELETE FROM slots WHERE slot < ?", (now - self.keep.days * 86400,))
        size = connection.execute("SELECT coalesce(sum(size), 0) FROM texts").fetchone()[0]
        over = size - self.keep.text_megabytes * 1e6
        for call, one in connection.execute("SELECT call, size FROM texts ORDER BY call") if over > 0 else ():
            connection.execute("DELETE FROM texts WHERE call = ?", (call,))
            over -= one
            if over <= 0:
                break
        (pages,), (free,), (page,) = (
            connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "freelist_count", "page_size")
        )
        if (pages - free) * page > self.keep.megabytes * 1e6:
            some = "SELECT id FROM calls ORDER BY id LIMIT ?"
            more |= connection.execute(f"DELETE FROM calls WHERE id IN ({some})", (_AT_ONCE,)).rowcount > 0
        return more


_databases: dict[str, Database] = {}


def _whole(value: Any) -> Any:
    """A value as SQLite takes it: text has no halves of characters, which JSON may have."""
    return value.encode("utf-8", "replace").decode() if type(value) is str and not value.isascii() else value


def slots_of(calls: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The sums of calls: a row for each quarter of an hour, program, provider, model and caller."""
    sums: dict[tuple[Any, ...], list[Any]] = {}
    for (
        at, program, _, _, provider, _, name, outcome, read, made, cached, _, _, cost, _, seconds, first, tries,
        _, _, _, caller,
    ) in calls:  # fmt: skip
        key = (int(at // SLOT) * SLOT, program, provider, name, caller or "")
        so_far = sums.get(key)
        if so_far is None:
            so_far = sums[key] = [0, 0, 0, 0, 0, 0, 0.0, 0.0, 0, 0.0, 0]
        so_far[0] += 1
        if outcome in ANSWERED:
            so_far[7] += seconds
            if cost is None:
                so_far[2] += 1
        else:
            so_far[1] += 1
        if read is not None:
            so_far[3] += min(read, _MOST)
            so_far[4] += min(made, _MOST)
            so_far[5] += min(cached, _MOST)
        if cost:
            so_far[6] += cost
        if first is not None:
            so_far[8] += 1
            so_far[9] += first
        so_far[10] += tries
    return [(*key, *values) for key, values in sums.items()]

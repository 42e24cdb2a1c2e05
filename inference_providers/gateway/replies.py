"""Replies that may be read again for a while: SQLite files of the user's, shared by the gateway's processes.

Whose a reply is is part of what it is found by. Where there is no file (a user without a home, a full disk), it is kept
in memory, by the process that gave it.
"""

from __future__ import annotations

import json
import os
import time

from inference_providers.compat import HOUR, KeptReplies
from inference_providers.files import Database
from inference_providers.gateway.ids import is_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.state import RedisLink

NAME = "gateway-replies.db"
MOST = 256 * 1024 * 1024  # bytes of all replies
LARGEST = 8 * 1024 * 1024  # bytes of one
_LOOK = 32  # replies that are written before it is looked at again what is too old or too much
MIGRATIONS = (
    """
    CREATE TABLE replies (
        caller TEXT NOT NULL, id TEXT NOT NULL, expires REAL NOT NULL, size INTEGER NOT NULL, content TEXT NOT NULL,
        PRIMARY KEY (caller, id));
    CREATE INDEX replies_by_time ON replies (expires)
    """,
)


class Replies:
    """The replies of all callers. *clock* gives seconds since 1970.

    *most*: bytes of all that are kept. *seconds*: for which each is.
    """

    def __init__(
        self,
        database: Database | None,
        *,
        clock: Callable[[], float] = time.time,
        most: int = MOST,
        seconds: float = HOUR,
    ) -> None:
        self._base, self._clock, self._most, self._seconds = database, clock, most, seconds
        self._memory = KeptReplies(clock=clock, seconds=seconds)
        self._written = _LOOK  # since it was looked at what is too old

    @classmethod
    def of(
        cls, environ: Mapping[str, str], name: str = NAME, seconds: float = HOUR, link: RedisLink | None = None
    ) -> Replies:
        """This user's, in the file of that name; with a *link*, in what it leads to."""
        if link is not None:
            from inference_providers.gateway.redis_replies import RedisReplies

            return RedisReplies(link, name, seconds)
        return cls(Database.of(name, environ, MIGRATIONS), seconds=seconds)

    def __repr__(self) -> str:
        return f"<Replies in {'memory' if self._base is None else self._base!r}>"

    def put(self, caller: str, id_: str, details: Mapping[str, Any]) -> bool:
        """Keep one; whether it is kept: one that is too large is not."""
        content = json.dumps(details, ensure_ascii=False).encode("utf-8", "replace").decode()
        if len(content) > LARGEST:
            return False

        def work(connection: sqlite3.Connection) -> bool:
            row = (caller, id_, self._clock() + self._seconds, len(content), content)
            connection.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", row)
            self._written += 1
            if self._written >= _LOOK:
                self._written = 0
                self._trim(connection)
            return True

        if self._base is None or not self._base.write(work):
            self._memory.put(caller, id_, details)
        return True

    def _trim(self, connection: sqlite3.Connection) -> None:
        """Remove what is too old; where the rest is too much, the oldest of whoever has most of it."""
        connection.execute("DELETE FROM replies WHERE expires <= ?", (self._clock(),))
        (size,) = connection.execute("SELECT total(size) FROM replies").fetchone()
        over = size - self._most
        if over <= 0:
            return
        sizes = connection.execute("SELECT caller, total(size) FROM replies GROUP BY 1 ORDER BY 2 DESC").fetchall()
        gone = []
        for caller, most in _shares(sizes, over):
            rows = "SELECT rowid, size FROM replies WHERE caller = ? ORDER BY expires, rowid"
            for row, one in connection.execute(rows, (caller,)):
                if most <= 0:
                    break
                gone.append((row,))
                most -= one if isinstance(one, int) else 0
        connection.executemany("DELETE FROM replies WHERE rowid = ?", gone)

    def get(self, caller: str, id_: str) -> Mapping[str, Any] | None:
        """What was kept for this caller; None for anything else."""
        found = self._memory.get(caller, id_)
        if found is not None or self._base is None or not is_text(id_):
            return found
        sql = "SELECT content FROM replies WHERE caller = ? AND id = ? AND expires > ?"
        values = (caller, id_, self._clock())
        row = self._base.read(lambda connection: connection.execute(sql, values).fetchone())
        try:
            details = json.loads(row[0]) if row and isinstance(row[0], str) and len(row[0]) <= LARGEST else None
        except (ValueError, RecursionError):
            return None
        return details if isinstance(details, dict) else None

    def renew(self, caller: str, ids: Sequence[str]) -> None:
        """Keep some as long as if they came now."""
        rows = [(self._clock() + self._seconds, caller, one) for one in ids if is_text(one)]
        if self._base is not None:
            sql = "UPDATE replies SET expires = ? WHERE caller = ? AND id = ?"
            self._base.write(lambda connection: connection.executemany(sql, rows).rowcount)
        for _, _, one in rows:
            if (found := self._memory.get(caller, one)) is not None:
                self._memory.put(caller, one, found)

    def remove(self, caller: str, id_: str) -> bool:
        """Keep one no longer, nor leave it in the file; whether it was there."""
        found = self._memory.remove(caller, id_)
        if self._base is None or not is_text(id_):
            return found

        def work(connection: sqlite3.Connection) -> int:
            connection.execute("PRAGMA secure_delete = ON")
            return connection.execute("DELETE FROM replies WHERE caller = ? AND id = ?", (caller, id_)).rowcount

        return bool(self._base.write(work)) or found

    def purge(self, caller: str) -> int:
        """Keep nothing of this caller's any longer, nor leave it in the file; how many there were."""
        count = self._memory.purge(caller)
        if self._base is None or not os.path.exists(self._base.path):
            return count

        def work(connection: sqlite3.Connection) -> int:
            connection.execute("PRAGMA secure_delete = ON")
            return connection.execute("DELETE FROM replies WHERE caller = ?", (caller,)).rowcount

        count += self._base.write(work) or 0
        self._base.compact()
        return count


def _shares(sizes: Sequence[tuple[str, float]], over: float) -> list[tuple[str, float]]:
    """How much each caller gives, so that those who have most are left with the same, and together give *over*.

    sizes: of callers, the largest first.
    """
    level, count = 0.0, 0
    for count in range(1, len(sizes) + 1):
        level = (sum(size for _, size in sizes[:count]) - over) / count
        if count == len(sizes) or level >= sizes[count][1]:
            break
    return [(caller, size - level) for caller, size in sizes[:count]]

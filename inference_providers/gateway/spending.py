"""What callers with a budget have spent in a month, and what is set aside for requests that are under way.

One file for all processes and all starts; in memory where there is no home folder, or while the file cannot be used.
"""

from __future__ import annotations

import os
import time

from inference_providers.files import Database

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

FILE = "spending.sqlite"
MIGRATIONS = (
    """
    CREATE TABLE spent (caller TEXT NOT NULL, month TEXT NOT NULL, cost REAL NOT NULL, PRIMARY KEY (caller, month))
        WITHOUT ROWID;
    CREATE TABLE reserved (
        id INTEGER PRIMARY KEY AUTOINCREMENT, caller TEXT NOT NULL, month TEXT NOT NULL, cost REAL NOT NULL,
        until REAL NOT NULL);
    CREATE INDEX reserved_by_caller ON reserved (caller, month, cost)
    """,
)
LONGEST = 3600.0  # seconds for which what a process has set aside counts that died
_EXACT = 1e-9  # USD: sums of floats
_ADD = "INSERT INTO spent VALUES (?, ?, ?) ON CONFLICT (caller, month) DO UPDATE SET cost = cost + excluded.cost"


class Reservation:
    """What is set aside for a request. number: in the file, 0 where it is not there. left: what is free beside it."""

    __slots__ = ("caller", "cost", "left", "month", "number", "process")

    def __init__(self, caller: str, month: str, cost: float, number: int, left: float) -> None:
        self.caller, self.month, self.cost, self.number, self.left = caller, month, cost, number, left
        self.process = os.getpid()


class Spending:
    """The ledger. Months are those of UTC."""

    def __init__(self, database: Database | None, clock: Callable[[], float] = time.time) -> None:
        """*clock*: seconds since 1970."""
        self.database, self._clock = database, clock
        self._carried: dict[tuple[str, str], float] = {}  # what the file does not know yet
        self._seen: dict[tuple[str, str], float] = {}  # what it had when it could last be read

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Spending:
        """That of this user's gateways."""
        return cls(Database.of(FILE, environ, MIGRATIONS))

    def __repr__(self) -> str:
        return f"<Spending in {FILE}>"

    def month(self) -> str:
        """The month of now."""
        return time.strftime("%Y-%m", time.gmtime(self._clock()))

    def renews(self) -> float:
        """When budgets begin anew, in seconds since 1970."""
        import calendar

        now = time.gmtime(self._clock())
        return float(calendar.timegm((now.tm_year, now.tm_mon + 1, 1, 0, 0, 0)))

    def reserve(self, caller: str, budget: float, cost: float) -> Reservation | float:
        """Set *cost* aside; how much is left where that is less, or nothing at all."""
        month = self.month()
        mine = (caller, month)

        def work(connection: sqlite3.Connection) -> Reservation | float:
            self._bring(connection)
            now = self._clock()
            connection.execute("DELETE FROM reserved WHERE caller = ? AND until <= ?", (caller, now))
            self._seen[mine] = _used(connection, caller, month)
            left = budget - self._seen[mine]
            if not _fits(cost, left):
                return max(left, 0.0)
            number = 0
            if cost > 0:
                sql = "INSERT INTO reserved (caller, month, cost, until) VALUES (?, ?, ?, ?)"
                number = connection.execute(sql, (caller, month, cost, now + LONGEST)).lastrowid or 0
            return Reservation(caller, month, cost, number, left - cost)

        if self.database is not None and (found := self.database.write(work)) is not None:
            self._carried.clear()
            self._see({mine: cost} if isinstance(found, Reservation) else {})
            return found
        left = budget - self._seen.get(mine, 0.0) - self._carried.get(mine, 0.0)
        if not _fits(cost, left):
            return max(left, 0.0)
        self._carry(mine, cost)
        return Reservation(caller, month, cost, -1, left - cost)

    def settle(self, reservation: Reservation, cost: float) -> None:
        """What was set aside has come to *cost*."""
        mine = (reservation.caller, reservation.month)
        if reservation.process != os.getpid():  # a fork has its parent's requests in memory; the parent settles them
            return
        if reservation.number < 0:
            self._carry(mine, cost - reservation.cost)
            return

        def work(connection: sqlite3.Connection) -> bool:
            self._bring(connection)
            if reservation.number:
                connection.execute("DELETE FROM reserved WHERE id = ?", (reservation.number,))
            if cost > 0:
                connection.execute(_ADD, (*mine, cost))
            return True

        if reservation.number or cost > 0:
            assert self.database is not None
            if self.database.write(work) is None:
                self._carry(mine, cost)
                self._see({mine: -reservation.cost})
                return
            self._see(self._carried)
            self._carried.clear()
        self._see({mine: cost - reservation.cost})

    def spent(self, caller: str) -> float:
        """USD of this month, as far as they are settled."""
        mine = (caller, self.month())
        sql = "SELECT total(cost) FROM spent WHERE caller = ? AND month = ?"
        found = None
        if self.database is not None:
            found = self.database.read(lambda connection: float(connection.execute(sql, mine).fetchone()[0]))
        return (found or 0.0) + self._carried.get(mine, 0.0)

    def forget(self, caller: str) -> None:
        """Know nothing of a caller any more. Raises OSError."""
        for known in (self._carried, self._seen):
            for key in [key for key in known if key[0] == caller]:
                del known[key]
        if self.database is None or not os.path.exists(self.database.path):
            return

        def work(connection: sqlite3.Connection) -> bool:
            connection.execute("PRAGMA secure_delete = ON")
            for table in ("spent", "reserved"):
                connection.execute(f"DELETE FROM {table} WHERE caller = ?", (caller,))
            return True

        if self.database.write(work) is None:
            raise OSError(0, self.database.fault, self.database.path)

    def _see(self, changes: Mapping[tuple[str, str], float]) -> None:
        """Know what changed in the file, which may be gone with the next request."""
        for mine, cost in changes.items():
            if mine in self._seen:
                self._seen[mine] += cost

    def _carry(self, mine: tuple[str, str], cost: float) -> None:
        self._carried[mine] = self._carried.get(mine, 0.0) + cost

    def _bring(self, connection: sqlite3.Connection) -> None:
        """Tell the file what it could not be told before."""
        for mine, cost in self._carried.items():
            connection.execute(_ADD, (*mine, cost))


def _fits(cost: float, left: float) -> bool:
    return left > _EXACT and cost <= left + _EXACT


def _used(connection: sqlite3.Connection, caller: str, month: str) -> float:
    """What was spent, or is set aside."""
    sql = " UNION ALL ".join(
        f"SELECT cost FROM {table} WHERE caller = ?1 AND month = ?2" for table in ("spent", "reserved")
    )
    return float(connection.execute(f"SELECT total(cost) FROM ({sql})", (caller, month)).fetchone()[0])

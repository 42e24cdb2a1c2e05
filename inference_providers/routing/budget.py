"""Spending limits: what a request may cost is set aside before it is sent, and settled when it is over.

Purses are for one call or one batch, in memory. The ledger of days and months is one small file for all programs of a
user, or in memory where there is no home, or the file cannot be used.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from contextlib import suppress

from inference_providers.errors import BudgetExceededError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.files import Database

NAME = "budget.sqlite"
SCHEMA = (
    "CREATE TABLE spent (day TEXT PRIMARY KEY, cost REAL NOT NULL);"
    "CREATE TABLE reserved (id INTEGER PRIMARY KEY AUTOINCREMENT, day TEXT NOT NULL, cost REAL NOT NULL,"
    " until REAL NOT NULL)",
)
KEPT = 400  # days of which the ledger knows what was spent
GRACE = 60.0  # seconds after its time limit for which the reservation of a program that died still counts
_EXACT = 1e-9  # USD: sums of floats
CALL, BATCH, DAY, MONTH = "call", "batch", "day", "month"
BUDGET_VARIABLE = "INFERENCE_PROVIDERS_BUDGET"
PERIODS = ("per_call", "per_day", "per_month")


class Budget:
    """What may be spent, in USD: by a question, by this user's programs in a day or a month; None for no limit.

    allow_unknown: what has no price that is known may be asked all the same.
    """

    __slots__ = ("allow_unknown", "per_call", "per_day", "per_month")

    def __init__(
        self,
        per_call: float | None = None,
        per_day: float | None = None,
        per_month: float | None = None,
        *,
        allow_unknown: bool = False,
    ) -> None:
        self.per_call, self.per_day, self.per_month = per_call, per_day, per_month
        self.allow_unknown = allow_unknown

    def __repr__(self) -> str:
        return f"<Budget {', '.join(f'{name} {getattr(self, name)}' for name in PERIODS)}>"

    @property
    def limits(self) -> bool:
        """Whether it limits anything."""
        return any(getattr(self, name) is not None for name in PERIODS)


def checked_budget(given: Any) -> Budget:
    """A `budget` as it was given. Raises TypeError and ValueError."""
    if isinstance(given, Budget):
        return given
    form = '{"per_day": 5.0}'
    if not hasattr(given, "items"):
        raise TypeError(f"budget must be a mapping like {form}, with {', '.join(PERIODS)} in USD, not {given!r}")
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name == "allow_unknown":
            if not isinstance(value, bool):
                raise TypeError(f"allow_unknown of a budget must be True or False, not {value!r}")
            found[name] = value
        elif name in PERIODS:
            found[name] = checked_amount(f"{name} of a budget", value)
        else:
            raise ValueError(f"a budget knows {', '.join(PERIODS)} and allow_unknown, not {name!r}")
    return Budget(**found)


def budget_of(given: Any, environ: Mapping[str, str]) -> Budget | None:
    """A `budget` as a list was given it, else as the environment says. Raises TypeError and ValueError."""
    said = environ.get(BUDGET_VARIABLE, "").strip()
    if given is not None or not said:
        return None if given is None else checked_budget(given)
    words: dict[str, Any] = {}
    try:
        for part in said.split(","):
            name, _, amount = (one.strip() for one in part.partition("="))
            words[name] = amount == "true" if amount in ("true", "false") else float(amount)
        return checked_budget(words)
    except (TypeError, ValueError):
        form = "per_day=5,per_call=0.1"
        raise ValueError(f"{BUDGET_VARIABLE} must be amounts of USD, as in {form}, not {said!r}") from None


def checked_amount(what: str, given: Any) -> float | None:
    """An amount of USD; None for no limit. Raises ValueError."""
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= sys.float_info.max:
        raise ValueError(f"{what} must be an amount of USD, 0 or more, not {given!r}")
    return float(given)


class Purse:
    """What one call, or one batch, may spend. name: which it is, for messages."""

    __slots__ = ("_lock", "_reserved", "limit", "name", "spent")

    waits = False  # whether setting something aside may wait for others, so that asyncio does it in a thread

    def __init__(self, name: str, limit: float) -> None:
        self.name, self.limit = name, limit
        self.spent = self._reserved = 0.0
        self._lock = threading.RLock()  # a stream may be dropped at any moment

    def reserve(self, cost: float) -> float | None:
        """Set *cost* aside; what is left where that is less."""
        with self._lock:
            left = self.limit - self.spent - self._reserved
            if cost > left + _EXACT:
                return max(left, 0.0)
            self._reserved += cost
            return None

    def has_room(self, cost: float) -> bool:
        """Whether there is room for it, but for what is set aside."""
        return self.spent + cost <= self.limit + _EXACT

    def settle(self, reserved: float, cost: float) -> None:
        """What was set aside has come to *cost*."""
        with self._lock:
            self._reserved -= reserved
            self.spent += cost


class Entry:
    """What is set aside in the ledger. number: None where it is in memory alone. process: who settles it."""

    __slots__ = ("cost", "day", "number", "process")

    def __init__(self, day: str, cost: float, number: int | None) -> None:
        self.day, self.cost, self.number, self.process = day, cost, number, os.getpid()


class Ledger:
    """What was spent on each day by all programs of a user that have a budget, and what is set aside."""

    def __init__(self, database: Database | None, clock: Callable[[], float] = time.time) -> None:
        """*clock*: seconds since 1970. Without a *database* it is this process's alone."""
        self._database, self._clock = database, clock
        self._spent: dict[str, float] = {}  # by day, where there is no file
        self._mine: dict[str, float] = {}  # what this process has set aside, by day
        self._seen: dict[str, float] = {}  # what the file had used when it could last be read
        self._lock = threading.Lock()
        self._left: deque[tuple[Entry, float]] = deque()  # what is to be settled with the next call
        self._ends = False  # whether the end of the process settles it

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Ledger:
        """That of this user's programs; in memory for a user without a home folder."""
        from inference_providers.files import Database

        return cls(Database.of(NAME, environ, SCHEMA))

    @property
    def shared(self) -> bool:
        """Whether other programs see it."""
        return self._database is not None and not self._database.fault

    def spent(self) -> dict[str, float]:
        """USD of this day and this month, as far as they are settled."""
        today = self.today()
        rows = (self._database.read(_spent) if self._database is not None else None) or []
        with self._lock:
            rows = [*rows, *self._spent.items()]
        return {
            DAY: sum(cost for day, cost in rows if day == today),
            MONTH: sum(cost for day, cost in rows if day[:7] == today[:7]),
        }

    def today(self) -> str:
        """The day, where the user is."""
        return time.strftime("%Y-%m-%d", time.localtime(self._clock()))

    def reserve(self, cost: float, budget: Budget, seconds: float) -> Entry | BudgetExceededError:
        """Set *cost* aside for at most so many seconds; the error where a limit leaves no room for it."""
        self._settle_left()
        today, now = self.today(), self._clock()
        carried: dict[str, float] = {}  # from when the file could not be used

        def work(connection: sqlite3.Connection) -> Entry | BudgetExceededError:
            with self._lock:
                for day in self._spent:
                    carried[day] = carried.get(day, 0.0) + self._spent[day]
                self._spent = {}
            for day in carried:
                _add(connection, day, carried[day])
            connection.execute("DELETE FROM reserved WHERE until <= ?", (now,))
            used = {name: _used(connection, start) for name, start in ((DAY, today), (MONTH, today[:7]))}
            self._seen = {today: used[DAY], today[:7]: used[MONTH]}
            if (error := self._over(cost, budget, used)) is not None:
                return error
            row = (today, cost, now + seconds + GRACE)
            done = connection.execute("INSERT INTO reserved (day, cost, until) VALUES (?, ?, ?)", row)
            return Entry(today, cost, done.lastrowid)

        if self._database is not None and (found := self._database.write(work)) is not None:
            if isinstance(found, Entry):
                self._see(today, cost)
                with self._lock:
                    self._mine[today] = self._mine.get(today, 0.0) + cost
            return found
        with self._lock:
            for day in carried:
                self._spent[day] = self._spent.get(day, 0.0) + carried[day]
            month = sum(own for day, own in self._spent.items() if day[:7] == today[:7])
            used = {DAY: self._spent.get(today, 0.0) + self._seen.get(today, 0.0)}
            used[MONTH] = month + self._seen.get(today[:7], 0.0)
            if (error := self._over(cost, budget, used)) is not None:
                return error
            self._spent[today] = self._spent.get(today, 0.0) + cost
            self._mine[today] = self._mine.get(today, 0.0) + cost
            return Entry(today, cost, None)

    def leave(self, entry: Entry, cost: float) -> None:
        """Settle it with the next call, or when the process ends: from where no file may be touched."""
        self._left.append((entry, cost))
        if not self._ends:
            self._ends = True
            atexit.register(self._settle_left)

    def _settle_left(self) -> None:
        if self._ends:
            self._ends = False
            atexit.unregister(self._settle_left)  # which would keep the ledger, and its file open
        with suppress(IndexError):  # other threads do the same
            while True:
                self.settle(*self._left.popleft())

    def settle(self, entry: Entry, cost: float) -> None:
        """What was set aside has come to *cost*."""
        if entry.number is None:
            with self._lock:
                self._spent[entry.day] = self._spent.get(entry.day, 0.0) + cost - entry.cost
                self._mine[entry.day] = self._mine.get(entry.day, 0.0) - entry.cost
            return
        if entry.process != os.getpid():  # a fork has its parent's calls in memory; the parent settles them
            return

        def work(connection: sqlite3.Connection) -> bool:
            connection.execute("DELETE FROM reserved WHERE id = ?", (entry.number,))
            if cost > 0:
                _add(connection, entry.day, cost)
            connection.execute(
                "DELETE FROM spent WHERE day NOT IN (SELECT day FROM spent ORDER BY day DESC LIMIT ?)", (KEPT,)
            )
            return True

        assert self._database is not None
        is_written = self._database.write(work)
        self._see(entry.day, (cost if is_written else 0.0) - entry.cost)
        with self._lock:
            if not is_written:  # it is brought there by the next call for which the file can be used
                self._spent[entry.day] = self._spent.get(entry.day, 0.0) + cost
            self._mine[entry.day] = self._mine.get(entry.day, 0.0) - entry.cost

    def _see(self, day: str, cost: float) -> None:
        """Know it though the file may be gone with the next call."""
        with self._lock:
            for period in (day, day[:7]):
                if period in self._seen:
                    self._seen[period] += cost

    def _over(self, cost: float, budget: Budget, used: Mapping[str, float]) -> BudgetExceededError | None:
        for name, limit in ((DAY, budget.per_day), (MONTH, budget.per_month)):
            if limit is not None and used[name] + cost > limit + _EXACT:
                error = exceeded(cost, max(limit - used[name], 0.0), limit, name, renews=self._renews(name))
                error.is_passing = used[name] - self._mine.get(self.today(), 0.0) + cost <= limit + _EXACT
                return error
        return None

    def _renews(self, name: str) -> float:
        """When a budget begins anew: at the next midnight, or on the first of the next month, where the user is."""
        now = time.localtime(self._clock())
        month, day = (now.tm_mon + 1, 1) if name == MONTH else (now.tm_mon, now.tm_mday + 1)
        return time.mktime((now.tm_year, month, day, 0, 0, 0, 0, 0, -1))


def _add(connection: sqlite3.Connection, day: str, cost: float) -> None:
    added = "INSERT INTO spent VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET cost = cost + excluded.cost"
    connection.execute(added, (day, cost))


def _used(connection: sqlite3.Connection, start: str) -> float:
    """What was spent, or is set aside, on the days that begin so."""
    asked = " UNION ALL ".join(
        f"SELECT cost FROM {table} WHERE substr(day, 1, ?1) = ?2" for table in ("spent", "reserved")
    )
    return float(connection.execute(f"SELECT total(cost) FROM ({asked})", (len(start), start)).fetchone()[0])


def _spent(connection: sqlite3.Connection) -> Sequence[tuple[str, float]]:
    return connection.execute("SELECT day, cost FROM spent").fetchall()


def exceeded(
    cost: float | None, left: float, limit: float, name: str, *, renews: float | None = None, whose: str = ""
) -> BudgetExceededError:
    """The error of a request that may cost more than is left. cost: None where nobody knows."""
    head = f"{whose}: nothing" if whose else "Nothing"
    if cost is None:
        message = (
            f"{head} was sent: no price is known, and there is a budget of ${_shown(limit)} for this {name}. "
            "allow_unknown=True in the budget asks it all the same."
        )
        return BudgetExceededError(message, left=left, limit=limit, budget=name, renews=renews)
    anew = "" if renews is None else f"; it begins anew on {time.strftime('%d %B at %H:%M', time.localtime(renews))}"
    room = f"${_shown(left)} of the ${_shown(limit)} of this {name} are left{anew}"
    if name == CALL and left == limit:
        room = f"this call may cost ${_shown(limit)} at most"
    message = (
        f"{head} was sent: it may cost up to ${_shown(cost)}, and {room}. "
        "A smaller max_tokens, a shorter prompt or a cheaper model costs less."
    )
    return BudgetExceededError(message, cost=cost, left=left, limit=limit, budget=name, renews=renews)


def unpriced(purses: Sequence[Purse], budget: Budget | None, whose: str) -> BudgetExceededError:
    """The error of a request whose price nobody knows, under the narrowest of its limits."""
    limits = [(purse.limit, purse.name) for purse in purses]
    if budget is not None:
        periods = ((budget.per_day, DAY), (budget.per_month, MONTH))
        limits += [(most, name) for most, name in periods if most is not None]
    limit, name = min(limits)
    return exceeded(None, limit, limit, name, whose=whose)


def _shown(amount: float) -> str:
    if 0 < amount < 0.000001:
        return f"{amount:.1g}"  # a limit so low is a slip, which has to be seen
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.6f}".rstrip("0").rstrip(".") or "0"

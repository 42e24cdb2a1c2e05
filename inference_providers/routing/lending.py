"""A purse of several workers: what one batch may spend, lent out in parts. Pure but for threads that wait.

What a request may cost is set aside before it is sent, of what its worker was lent, and all that is lent counts as
spent until its worker says what became of it. So all together never spend more than there is, whoever is killed. Loans
last from one report to the next, as permits do (`leases`), and what was not used goes back with the report.
"""

from __future__ import annotations

import threading

from inference_providers.routing.budget import Purse
from inference_providers.routing.permits import GONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypedDict

    class Wish(TypedDict):
        """What a worker tells of its money."""

        spent: float  # in all
        reserved: float  # set aside for requests under way
        waiting: list[float]  # what requests may cost that wait for a loan, in their order
        used: float  # set aside since the last report

    class Loan(TypedDict):
        """What a worker may set aside until its next report."""

        lent: float
        spent: float  # by all the others
        left: float  # neither spent, nor set aside, nor lent


_EXACT = 1e-9  # USD: sums of floats
_AHEAD = 4  # what is lent ahead is no more than this part of what is left, for each worker
_PATIENCE = 10.0  # seconds for which a request waits for a loan, where nobody answers


class _Account:
    """What one worker has spent, has set aside, and was lent."""

    __slots__ = ("lent", "reserved", "seen", "spent")

    def __init__(self) -> None:
        self.spent = self.reserved = self.lent = self.seen = 0.0

    @property
    def held(self) -> float:
        """What nobody else can have."""
        return self.spent + self.reserved + self.lent


class Lender:
    """Lends what a purse has."""

    def __init__(self, limit: float, spent: float, clock: Callable[[], float]) -> None:
        """*spent*: before, of the same limit."""
        self.limit, self._before, self._clock = limit, spent, clock
        self._accounts: dict[str, _Account] = {}

    @property
    def held(self) -> float:
        """What is spent, set aside or lent: the most that has been spent by now."""
        return self._before + sum(account.held for account in self._accounts.values())

    def report(self, worker: str, wish: Wish) -> Loan:
        """What a worker may set aside from now on.

        What its requests wait for is lent whole or not at all. Beyond that it is lent as much as it used last, where
        there is so much left that nobody has to wait for it.
        """
        now = self._clock()
        mine = self._accounts.setdefault(worker, _Account())
        mine.spent, mine.reserved, mine.lent, mine.seen = wish["spent"], wish["reserved"], 0.0, now
        self._write_off(now)
        left = self.limit - self.held
        for cost in wish["waiting"]:
            if mine.lent + cost <= left + _EXACT:
                mine.lent += cost
        mine.lent += max(min(wish["used"], (left - mine.lent) / (_AHEAD * len(self._accounts))), 0.0)
        others = self._before + sum(one.spent for one in self._accounts.values() if one is not mine)
        return {"lent": mine.lent, "spent": others, "left": max(left - mine.lent, 0.0)}

    def _write_off(self, now: float) -> None:
        """What a worker has under way that is silent may be charged: nobody need wait for it to come back."""
        for account in self._accounts.values():
            if now - account.seen > GONE:
                account.spent, account.reserved, account.lent = account.held, 0.0, 0.0


class _Waiting:
    """A request that waits for a loan.

    is_told: whether a report has it; is_heard: whether that was answered; is_granted: whether its cost is set aside.
    """

    __slots__ = ("cost", "is_granted", "is_heard", "is_told")

    def __init__(self, cost: float) -> None:
        self.cost, self.is_told, self.is_heard, self.is_granted = cost, False, False, False


class LentPurse(Purse):
    """The purse of one worker. *hungry* is called when a request waits for a loan, from the request's thread."""

    __slots__ = ("_changed", "_hungry", "_left", "_lent", "_others", "_used", "_waiting")

    waits = True

    def __init__(self, name: str, limit: float, hungry: Callable[[], None]) -> None:
        super().__init__(name, limit)
        self._hungry = hungry
        self._lent = self._used = self._others = 0.0
        self._left = limit
        self._waiting: list[_Waiting] = []
        self._changed = threading.Condition(self._lock)

    def reserve(self, cost: float) -> float | None:
        """Set *cost* aside, which may wait for a loan; what is left where that is less."""
        with self._changed:
            if self._take(cost):
                return None
            mine = _Waiting(cost)
            self._waiting.append(mine)
            self._hungry()
            try:
                while not mine.is_heard and self._changed.wait(_PATIENCE):
                    pass
            except BaseException:
                if mine.is_granted:
                    self._reserved -= cost
                raise
            finally:
                self._waiting.remove(mine)
            return None if mine.is_granted else max(min(self._left, self.limit), 0.0)

    def has_room(self, cost: float) -> bool:
        """Whether there is room for it, but for what is set aside."""
        return super().has_room(cost + self._others)

    def wish(self) -> Wish:
        """What to tell. What was lent goes back with it."""
        with self._lock:
            for one in self._waiting:
                one.is_told = True
            waiting = [one.cost for one in self._waiting if not one.is_heard]
            used, self._used, self._lent = self._used, 0.0, 0.0
            return {"spent": self.spent, "reserved": self._reserved, "waiting": waiting, "used": used}

    def lend(self, loan: Loan) -> None:
        """Take over what was lent for a wish, and set aside what requests have waited for.

        They would come too late for it themselves: the next report, or a request that has not waited, may be quicker.
        """
        with self._changed:
            self._lent, self._others, self._left = loan["lent"], loan["spent"], loan["left"]
            for one in self._waiting:
                if not one.is_heard and self._take(one.cost):
                    one.is_granted = one.is_heard = True
                else:
                    one.is_heard = one.is_heard or one.is_told
            self._changed.notify_all()

    def _take(self, cost: float) -> bool:
        if cost > self._lent + _EXACT:
            return False
        self._lent = max(self._lent - cost, 0.0)
        self._used += cost
        self._reserved += cost
        return True

"""The ledger of days and months in a Redis, for a user's programs on several machines."""

from __future__ import annotations

import os
import time

from inference_providers.routing.budget import DAY, GRACE, MONTH, Entry, Ledger
from inference_providers.state import Booking, Short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.errors import BudgetExceededError
    from inference_providers.routing.budget import Budget
    from inference_providers.state import RedisAccounts


class RedisLedger(Ledger):
    """A ledger whose amounts all see. While Redis does not answer it goes on from what it saw last, and tells later."""

    def __init__(self, accounts: RedisAccounts, clock: Callable[[], float] = time.time) -> None:
        super().__init__(None, clock)
        self._accounts = accounts

    @property
    def shared(self) -> bool:
        """Whether other programs see it."""
        return self._accounts.link.is_here

    def spent(self) -> dict[str, float]:
        """USD of this day and this month, as far as they are settled."""
        today = self.today()
        found = self._accounts.spent((today, today[:7])) or [0.0, 0.0]
        own = super().spent()
        return {DAY: found[0] + own[DAY], MONTH: found[1] + own[MONTH]}

    def reserve(self, cost: float, budget: Budget, seconds: float) -> Entry | BudgetExceededError:
        """Set *cost* aside for at most so many seconds; the error where a limit leaves no room for it."""
        self._settle_left()
        today = self.today()
        names = (today, today[:7])
        found = self._accounts.reserve(names, (budget.per_day, budget.per_month), cost, seconds + GRACE)
        if found is None:
            return super().reserve(cost, budget, seconds)
        self._bring()
        self._seen = dict(zip(names, found.used, strict=True))
        used = {DAY: found.used[0], MONTH: found.used[1]}
        error = self._over(cost, budget, used) if isinstance(found, Short) else None
        if error is not None:
            return error
        made: Any = found if isinstance(found, Booking) else None
        self._see(today, cost)
        with self._lock:
            self._mine[today] = self._mine.get(today, 0.0) + cost
        return Entry(today, cost, made)

    def settle(self, entry: Entry, cost: float) -> None:
        """What was set aside has come to *cost*."""
        if not isinstance(entry.number, Booking):
            super().settle(entry, cost)
        elif entry.process == os.getpid():
            self._accounts.settle(entry.number, cost)
            self._see(entry.day, cost - entry.cost)
            with self._lock:
                self._mine[entry.day] = self._mine.get(entry.day, 0.0) - entry.cost

    def _bring(self) -> None:
        """Tell what was spent while nothing answered."""
        with self._lock:
            carried, self._spent = self._spent, {}
        for day in carried:
            if carried[day]:
                self._accounts.add((day, day[:7]), carried[day])

"""Whether a caller may ask now: requests and tokens by the minute, requests at once, US dollars by the month."""

from __future__ import annotations

import math
import time

from inference_providers.errors import BudgetExceededError, RateLimitError
from inference_providers.gateway.spending import Spending
from inference_providers.gateway.windows import CONCURRENT, REQUESTS, TOKENS, Full, MemoryWindows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_providers.errors import InferenceProvidersError
    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.spending import Reservation
    from inference_providers.gateway.windows import Place, Windows
    from inference_providers.state import RedisLink

BUDGET = "budget"
TOO_MANY, PAYMENT = 429, 402


class Admission:
    """A request that may be made; `leave` says that it is over.

    limit, remaining: of the limit that its caller is told of, None where there is none by the minute or at once; reset:
    when all of it is free again, in seconds since 1970. left: USD of its budget that are neither spent nor set aside,
    None without a budget: what it is to cost at most, beside what was set aside for it.
    """

    __slots__ = ("_place", "_reservation", "_tiers", "left", "limit", "remaining", "reset")

    def __init__(self, tiers: Tiers, place: Place | None, reservation: Reservation | None, now: float) -> None:
        self._tiers, self._place, self._reservation = tiers, place, reservation
        self.left = None if reservation is None else reservation.left
        self.limit = None if place is None else place.limit
        self.remaining = 0 if place is None else place.remaining
        self.reset = now if place is None else now + place.reset

    def leave(self, tokens: int | None = None, cost: float | None = None) -> None:
        """The request is over: it took so many tokens and cost so much; None for as much as was thought.

        Only the first word counts.
        """
        place, self._place = self._place, None
        if place is not None:
            self._tiers.windows.leave(place, tokens)
        reservation, self._reservation = self._reservation, None
        if reservation is not None:
            self._tiers.spending.settle(reservation, reservation.cost if cost is None else cost)


class Exceeded:
    """A request that may not be made now. what: `requests`, `tokens`, `concurrent` or `budget`.

    status: of the reply. retry_after: seconds until it may be, None where waiting does not help: it is too large, or
    the budget is used up. limit, remaining: of that limit, for a budget in USD; reset: when all of it is free again.
    """

    __slots__ = ("limit", "message", "remaining", "reset", "retry_after", "status", "what")

    def __init__(
        self,
        what: str,
        status: int,
        message: str,
        limit: float,
        remaining: float,
        reset: float,
        retry_after: float | None = None,
    ) -> None:
        self.what, self.status, self.message = what, status, message
        self.limit, self.remaining, self.reset, self.retry_after = limit, remaining, reset, retry_after

    def __repr__(self) -> str:
        return f"<Exceeded {self.what}>"

    def error(self) -> InferenceProvidersError:
        """As the error of the call."""
        if self.status == PAYMENT:
            return BudgetExceededError(
                self.message, left=self.remaining, limit=self.limit, budget="month", renews=self.reset
            )
        error = RateLimitError(
            self.message, status=self.status, code="rate_limit_exceeded", retry_after=self.retry_after
        )
        error.headers = headers(self)
        return error


class Tiers:
    """What callers may use, and have used. For one event loop."""

    waits = False  # whether letting a request in takes a round trip, so that asyncio does it in a thread

    def __init__(self, windows: Windows, spending: Spending, now: Callable[[], float] = time.time) -> None:
        """*windows*: where minutes are counted. *spending*: where dollars are. *now*: seconds since 1970."""
        self.windows, self.spending, self._now = windows, spending, now

    @classmethod
    def of(cls, environ: Mapping[str, str], workers: int = 1, link: RedisLink | None = None) -> Tiers:
        """Those of this user's gateway: one process counts minutes in memory, several in a file that they share.

        With a *link*, all gateways that share what it leads to count together.
        """
        if link is not None:
            from inference_providers.gateway.redis_tiers import RedisTiers

            return RedisTiers(link)
        windows: Windows | None = None
        if workers > 1:
            from inference_providers.gateway.shared_windows import SharedWindows

            windows = SharedWindows.of(environ)
        return cls(windows or MemoryWindows(), Spending.of(environ))

    def __repr__(self) -> str:
        return f"<Tiers over {self.windows!r}>"

    def enter(self, caller: Caller, tokens: int = 0, cost: float = 0.0) -> Admission | Exceeded | None:
        """Whether a request of about so many tokens may be made, of which *cost* is set aside; None without limits.

        cost: USD, the most that it may come to; 0 where nobody knows, and then it may be made as long as there is any
        of the budget left.
        """
        quota = caller.quota
        if quota is None:
            return None
        place = reservation = None
        if quota.has_rates:
            taken = self.windows.take(caller.id, quota, tokens)
            if type(taken) is Full:
                return self._full(taken)
            place = taken
        if quota.budget is not None:
            reserved = self.spending.reserve(caller.id, quota.budget, cost)
            if isinstance(reserved, float):
                if place is not None:
                    self.windows.give_back(place)  # type: ignore[arg-type]
                return self._spent(quota.budget, reserved, cost)
            reservation = reserved
        return Admission(self, place, reservation, self._now())  # type: ignore[arg-type]

    def forget(self, caller: str) -> None:
        """Know nothing of a caller any more, by its id. Raises OSError."""
        self.windows.forget(caller)
        self.spending.forget(caller)

    def _full(self, full: Full) -> Exceeded:
        said = _SAID[full.what].format(full.limit, full.remaining)
        if full.wait is None:
            said += ". This request alone is larger, so that waiting does not help: a shorter prompt or a smaller "
            said += "max_tokens does."
        else:
            said += f". Come again in {_seconds(full.wait)} s."
        reset = self._now() + full.reset
        return Exceeded(full.what, TOO_MANY, said, full.limit, full.remaining, reset, full.wait)

    def _spent(self, budget: float, left: float, cost: float) -> Exceeded:
        renews = self.spending.renews()
        anew = time.strftime("%d %B %Y (UTC)", time.gmtime(renews))
        asked = f", and this request may cost up to ${cost:.6f}" if cost > 0 else ""
        said = f"Of this key's ${budget:.12g} of this month ${left:.6f} are left{asked}. It begins anew on {anew}."
        return Exceeded(BUDGET, PAYMENT, said, budget, left, renews)


_SAID = {
    REQUESTS: "This key may make {0:,} requests a minute, and has made them",
    TOKENS: "This key may use {0:,} tokens a minute, of which {1:,} are left",
    CONCURRENT: "This key may make {0:,} requests at once, and they are under way",
}


def headers(found: Admission | Exceeded | None) -> dict[str, str]:
    """What a reply says of limits, as HTTP headers: of the one that its caller is closest to be told of."""
    if found is None or found.limit is None or getattr(found, "status", TOO_MANY) != TOO_MANY:
        return {}
    made = {
        "x-ratelimit-limit": f"{found.limit:.0f}",
        "x-ratelimit-remaining": f"{found.remaining:.0f}",
        "x-ratelimit-reset": str(math.ceil(found.reset)),
    }
    wait = getattr(found, "retry_after", None)
    if wait is not None:
        made["x-ratelimit-retry-after"] = made["retry-after"] = str(_seconds(wait))
    return made


def _seconds(wait: float) -> int:
    """Whole ones, enough to wait."""
    return max(math.ceil(wait), 1)

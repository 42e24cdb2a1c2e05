"""Whatever a caller asks, by whichever path: held to its models and limits, and counted as what it came to.

It stands around every call of the pipeline, so no handler has to think of it. The administrator's calls pass.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import ContextVar

from inference_providers.calls import CallFinished, Stage, StreamFinished
from inference_providers.gateway.tiers import Exceeded, headers
from inference_providers.usage import Size, most_cost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.calls import Call, Event
    from inference_providers.gateway.allowed_models import AllowedModels
    from inference_providers.gateway.callers import Caller
    from inference_providers.gateway.tiers import Admission, Tiers

_ANSWERED = ("ok", "closed")
asking: ContextVar[Asking | None] = ContextVar("asking", default=None)


class Asking:
    """One request of a caller, while it is answered. headers: what its reply says of limits."""

    __slots__ = ("caller", "headers")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.headers: dict[str, str] = {}


class _Open:
    """A call that was let through."""

    __slots__ = ("admission", "call")

    def __init__(self, call: Call, admission: Admission) -> None:
        self.call, self.admission = call, admission


class Metering(Stage):
    """The stage, and who hears of how calls end. For one event loop."""

    def __init__(self, tiers: Tiers, allowed: AllowedModels) -> None:
        self._tiers, self._allowed = tiers, allowed
        self._open: dict[int, _Open] = {}  # by the number of the call
        self._over: deque[tuple[Admission, int | None, float | None]] = deque()
        self._writes = False
        self.waits = tiers.waits

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._open)} calls>"

    def before(self, call: Call) -> None:
        """Keep the candidates that its caller may ask.

        Raises UnknownModelError where there are none, RateLimitError and BudgetExceededError for a limit.
        """
        limited = self._limited(call)
        if limited is None:
            return
        now, tokens, cost = limited
        self._writes = True
        try:
            found = self._tiers.enter(now.caller, tokens, cost)
        finally:
            self._writes = False
            self._settle()
        self._entered(call, now, found)

    async def before_async(self, call: Call) -> None:
        """`before`, where letting a request in takes a round trip."""
        limited = self._limited(call)
        if limited is not None:
            now, tokens, cost = limited
            self._entered(call, now, await asyncio.to_thread(self._tiers.enter, now.caller, tokens, cost))

    def _limited(self, call: Call) -> tuple[Asking, int, float] | None:
        """Who asks under limits, and tokens and USD that it may come to. Keeps the candidates that its caller may ask."""
        now = asking.get()
        if now is None or now.caller.is_admin:
            return None
        caller, request = now.caller, call.request
        request.caller = caller.id
        self._allowed.check(caller, request.body)
        if request.native is not None:
            self._allowed.check(caller, request.native.body)
        if caller.models is not None and call.offers:
            call.offers = self._allowed.offers(caller, request.asked, call.offers)
        if caller.quota is None:
            return None
        return now, *_estimate(call, spends=caller.quota.budget is not None)

    def _entered(self, call: Call, now: Asking, found: Admission | Exceeded | None) -> None:
        now.headers = headers(found)
        if isinstance(found, Exceeded):
            raise found.error()
        if found is not None:
            self._open[call.number] = _Open(call, found)

    def hear(self, event: Event) -> None:
        """A call is over: what it took, and what it cost."""
        if not isinstance(event, CallFinished) or (known := self._open.get(event.call)) is None:
            return
        if type(event) is not StreamFinished and known.call.is_open:
            return  # its stream has only been opened
        del self._open[event.call]
        usage, tokens, cost = event.usage, None, event.cost
        if event.cached or (event.outcome not in _ANSWERED and type(event) is not StreamFinished):
            tokens, cost = 0, 0.0  # nobody has done anything for it
        elif usage is not None:
            tokens = usage.input_tokens + usage.output_tokens
        self._over.append((known.admission, tokens, cost))
        self._settle()

    hear.ends_alone = True  # type: ignore[attr-defined]

    def _settle(self) -> None:
        """Tell the limits. The garbage collector may end a stream in the middle of that, which is told later then."""
        while self._over and not self._writes:
            self._writes = True
            try:
                admission, tokens, cost = self._over.popleft()
                admission.leave(tokens, cost)
            finally:
                self._writes = False


def _estimate(call: Call, *, spends: bool) -> tuple[int, float]:
    """Tokens that a call is thought to take, and USD that it may cost at its first candidate; 0 where nobody knows."""
    body = call.request.body
    if not body:
        return 0, 0.0
    size = Size(body)
    cost = most_cost(call.request.api, body, call.offers[0].facts, size) if spends and call.offers else None
    return size.likely + size.likely_output(), cost or 0.0

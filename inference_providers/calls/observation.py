"""Who stands by a call: listeners that hear what happens, and stages that may act before and after it."""

from __future__ import annotations

import time

from inference_providers.calls.events import (
    CLOSED,
    OK,
    AttemptFinished,
    CallFinished,
    CallStarted,
    FirstContent,
    StreamFinished,
    next_number,
)
from inference_providers.usage import cost_of, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    from inference_providers.attempts import Attempt
    from inference_providers.calls.events import Event, Listener
    from inference_providers.calls.reply import Reply
    from inference_providers.offers import Offer
    from inference_providers.protocols import ModelRequest

    class Context(Protocol):
        """What a call needs of its pipeline."""

        verbose: bool
        listeners: list[Listener]
        stages: list[Stage]

        def tell(self, message: str) -> None:
            """Say what is tried."""

        def warn_once(self, message: str) -> None:
            """Warn, unless that was said before."""

        def who_could(self, able: Callable[[Offer], bool]) -> str:
            """Who could do what was asked, for a person."""
            raise NotImplementedError

        def uniform(self, a: float, b: float) -> float:
            """A random number between a and b."""
            raise NotImplementedError

    class OpenStream(Protocol):
        """What is read of a stream that is open."""

        offer: Offer
        attempts: list[Attempt]
        call: Call | None

        @property
        def usage(self) -> Any:
            """Tokens used, once the stream said so."""
            raise NotImplementedError


class Stage:
    """Stands around every call of a pipeline, of all kinds. Override what you need; asynchronous calls use `..._async`.

    What `before` raises ends the call: nobody is asked.
    """

    def before(self, call: Call) -> Any:
        """Called before anybody is asked. A reply that is returned is that of the call, and nobody is asked."""

    def after(self, call: Call, reply: Any, error: BaseException | None) -> None:
        """Called when the call has its reply, or its error. A stream's is open then, and has its first content."""

    async def before_async(self, call: Call) -> Any:
        """`before`, for asyncio."""
        return self.before(call)

    async def after_async(self, call: Call, reply: Any, error: BaseException | None) -> None:
        """`after`, for asyncio."""
        self.after(call, reply, error)


class Call:
    """One call: its number in this process, what is asked, who may be asked, and every attempt so far."""

    __slots__ = ("_context", "_told", "attempts", "number", "offers", "request", "started")

    def __init__(self, context: Context, request: ModelRequest, offers: Sequence[Offer]) -> None:
        self._context, self.request, self.offers = context, request, offers
        self.number, self.started = next_number(), time.monotonic()
        self.attempts: list[Attempt] = []
        self._told = 0

    def begin(self) -> None:
        """Say that it begins."""
        self._emit(CallStarted(self.number, self.request.path, len(self.offers), self.request.streams))

    def report(self) -> None:
        """Say which attempts are over."""
        while self._told < len(self.attempts):
            self._emit(AttemptFinished(self.number, self.attempts[self._told]))
            self._told += 1

    def finish(self, reply: Reply) -> None:
        """Say that it has its reply."""
        self.report()
        usage = usage_of(reply.data.get("usage")) if isinstance(reply.data, dict) else None
        cost = cost_of(usage, reply.offer.facts)
        count = len(reply.attempts)
        self._emit(CallFinished(self.number, reply.offer, OK, count, self._seconds(), usage, cost))

    def opened(self, reply: OpenStream) -> None:
        """Say that its stream is open, with its first content; its end is said as it comes."""
        self.report()
        self._emit(FirstContent(self.number, reply.offer, self._seconds()))
        self._emit(CallFinished(self.number, reply.offer, OK, len(reply.attempts), self._seconds()))
        reply.call = self

    def failed(self, error: BaseException) -> None:
        """Say that it has failed."""
        self.report()
        self._emit(CallFinished(self.number, None, type(error).__name__, len(self.attempts), self._seconds()))

    def ended(self, reply: OpenStream, error: BaseException | None, *, whole: bool) -> None:
        """Say that its stream is over."""
        outcome = type(error).__name__ if error is not None else OK if whole else CLOSED
        usage = usage_of(reply.usage)
        cost = cost_of(usage, reply.offer.facts)
        count = len(reply.attempts)
        self._emit(StreamFinished(self.number, reply.offer, outcome, count, self._seconds(), usage, cost))

    def _seconds(self) -> float:
        return time.monotonic() - self.started

    def _emit(self, event: Event) -> None:
        for listener in self._context.listeners:
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001  (who listens must not be able to break a call)
                self._context.warn_once(f"a listener failed on {type(event).__name__}: {type(error).__name__}: {error}")

"""Who stands by a call: listeners that hear what happens, and stages that may act before and after it."""

from __future__ import annotations

import math
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
from inference_providers.usage import Charge, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Protocol

    from inference_providers.attempts import Attempt
    from inference_providers.calls.events import Event, Listener
    from inference_providers.calls.gate import Gate
    from inference_providers.calls.reply import Reply
    from inference_providers.errors import ProviderError
    from inference_providers.offers import Offer
    from inference_providers.protocols import ModelRequest
    from inference_providers.routing import Preferences

    class Context(Protocol):
        """What a call needs of its pipeline."""

        verbose: bool
        listeners: list[Listener]
        stages: list[Stage]
        preferences: Preferences | None

        @property
        def gate(self) -> Gate:
            """What lets tries through, where there are preferences."""
            raise NotImplementedError

        def tell(self, message: str) -> None:
            """Say what is tried."""

        def warn_once(self, message: str, key: str = "") -> None:
            """Warn, unless that, or something of the same *key*, was said before."""

        def who_could(self, able: Callable[[Offer], bool]) -> str:
            """Who could do what was asked, for a person."""
            raise NotImplementedError

        def uniform(self, a: float, b: float) -> float:
            """A random number between a and b."""
            raise NotImplementedError

    class OpenStream(Protocol):
        """What is read of a stream that is open."""

        offer: Offer
        call: Call | None
        cached: bool

        @property
        def usage(self) -> Any:
            """Tokens used, once the stream said so."""
            raise NotImplementedError


class Stage:
    """Stands around every call of a pipeline, of all kinds. Override what you need; asynchronous calls use `..._async`.

    Asynchronous are those of asyncio, of batches and of the roll call. Stages stand in each other, as
    `with` blocks do: what one raises, in `before` or `after`, ends the call with it, and the stages around it hear of
    it in their `after`; one whose `before` did not come back has no `after`.
    """

    waits = False  # whether it has words of its own for asyncio

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.waits = cls.before_async is not Stage.before_async or cls.after_async is not Stage.after_async

    def before(self, call: Call) -> Any:
        """Called before anybody is asked. A `Reply` that is returned is that of the call, and nobody is asked.

        `Reply.of` makes one; for a call that streams it becomes a stream of one chunk.
        """

    def after(self, call: Call, reply: Any, error: BaseException | None) -> None:
        """Called when the call has its reply, or its error, also where it is cancelled or interrupted.

        A stream's is open then, and has its first content: to read it would take that from whoever asked.
        """

    async def before_async(self, call: Call) -> Any:
        """`before`, for asyncio."""
        return self.before(call)

    async def after_async(self, call: Call, reply: Any, error: BaseException | None) -> None:
        """`after`, for asyncio."""
        self.after(call, reply, error)


class Call:
    """One call: its number in this process, what is asked, who may be asked, and every attempt so far.

    Who listens to its beginning listens to its end, whoever comes or goes in between. total: seconds that it may take;
    what stages take counts.
    """

    __slots__ = (
        "_context",
        "_hear_all",
        "_listeners",
        "_open",
        "_told",
        "attempts",
        "number",
        "offers",
        "request",
        "stages",
        "started",
        "total",
    )

    def __init__(
        self, context: Context, request: ModelRequest, offers: Sequence[Offer], total: float = math.inf
    ) -> None:
        self._context, self.request, self.offers = context, request, offers
        self._listeners, self.stages = tuple(context.listeners), tuple(context.stages)
        self._hear_all = [one for one in self._listeners if not getattr(one, "ends_alone", False)]
        self.number, self.started, self.total = next_number(), time.monotonic(), total
        self.attempts: list[Attempt] = []
        self._told = 0
        self._open: list[bool] = []  # one for a stream that is open: whoever takes it out says that it is over

    @property
    def context(self) -> Context:
        """The pipeline that it is a call of."""
        return self._context

    @property
    def is_open(self) -> bool:
        """Whether its stream is open."""
        return bool(self._open)

    @property
    def left(self) -> float:
        """Seconds that it has left, a thousandth at least."""
        return max(self.total - self._seconds(), 0.001)

    def begin(self) -> None:
        """Say that it begins."""
        if not self._hear_all:
            return
        path = self.request.path.partition("?")[0]  # a query may hold anything
        event = CallStarted(self.number, path, len(self.offers), self.request.streams)
        self.started = event.at  # so that all seconds are since then
        self._emit(event, self._hear_all)

    def tried(self, offer: Offer, error: ProviderError | None, seconds: float) -> None:
        """Note an attempt that no route has noted."""
        from inference_providers.attempts import Attempt

        self.attempts.append(
            Attempt(
                offer.provider,
                offer.internal_name,
                OK if error is None else str(error),
                canonical_name=offer.canonical_name,
                status=200 if error is None else error.status,
                seconds=seconds,
                error=error,
            )
        )

    def report(self) -> None:
        """Say which attempts are over."""
        while self._hear_all and self._told < len(self.attempts):
            self._emit(AttemptFinished(self.number, self.attempts[self._told]), self._hear_all)
            self._told += 1

    def finish(self, reply: Reply) -> None:
        """Say that it has its reply."""
        if self._hear_all:
            self.report()
        if self._listeners:
            charge, count, cached = reply.charge, len(self.attempts), reply.cached
            self._emit(
                CallFinished(
                    self.number, reply.offer, OK, count, self._seconds(), charge.usage, charge.cost, cached=cached
                )
            )

    def first_content(self, offer: Offer) -> None:
        """Say that its stream has brought its first content."""
        self.report()
        self._emit(FirstContent(self.number, offer, self._seconds()))

    def opened(self, reply: OpenStream) -> None:
        """Say that its stream is open; its end is said as it comes."""
        self._open.append(True)
        reply.call = self
        count, cached = len(self.attempts), reply.cached
        self._emit(CallFinished(self.number, reply.offer, OK, count, self._seconds(), cached=cached))

    def failed(self, error: BaseException) -> None:
        """Say that it has failed."""
        self.report()
        self._emit(CallFinished(self.number, None, type(error).__name__, len(self.attempts), self._seconds()))

    def ended(self, reply: OpenStream, failure: str, *, whole: bool) -> None:
        """Say once that its stream is over; *failure* is the kind of error that it broke with."""
        try:
            self._open.pop()
        except IndexError:  # another thread has said it
            return
        usage = usage_of(reply.usage)
        cached, count = reply.cached, len(self.attempts)
        cost = Charge(usage, reply.offer.facts, reply.offer.registry, kept=cached).cost
        outcome = failure or (OK if whole else CLOSED)
        self._emit(
            StreamFinished(self.number, reply.offer, outcome, count, self._seconds(), usage, cost, cached=cached)
        )

    def _seconds(self) -> float:
        return time.monotonic() - self.started

    def _emit(self, event: Event, listeners: Iterable[Listener] | None = None) -> None:
        for listener in self._listeners if listeners is None else listeners:
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001  (who listens must not be able to break a call)
                where = _place(error)
                said = f"a listener failed on {type(event).__name__}: {type(error).__name__} in {where}"
                self._context.warn_once(said, key=f"a listener failed in {where}")


def _place(error: Exception) -> str:
    """Where an error was raised. Its words are left out: they may be anybody's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "it" if trace is None else f"{trace.tb_frame.f_code.co_qualname}, line {trace.tb_lineno}"

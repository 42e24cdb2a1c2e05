"""One request to its reply: who can answer it, who of them is asked next, and what came back.

`caller` is made of this module by `make generate`.
"""

from __future__ import annotations

import time
from functools import partial

from inference_providers.calls.async_trial import error_body, running
from inference_providers.calls.async_waiting import hedged, in_thread, sleep
from inference_providers.calls.reply import Reply, after_both, ends_the_call, given, judge
from inference_providers.protocols import capable_offers, classify, fit, mend
from inference_providers.routing import Send, Sleep, route
from inference_providers.transport import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeVar

    from inference_providers.attempts import Attempt
    from inference_providers.calls.async_stream_reply import AsyncOpening, AsyncStreamReply
    from inference_providers.calls.gate import Admission
    from inference_providers.calls.observation import Call, Context, Stage
    from inference_providers.offers import Offer
    from inference_providers.protocols import ModelRequest, Verdict
    from inference_providers.routing import Health
    from inference_providers.transport import AsyncSender, Cancellation

    T = TypeVar("T", bound=Reply | AsyncStreamReply)


class AsyncCaller:
    """The calls of one pipeline, by one sender."""

    def __init__(self, context: Context, sender: AsyncSender, health: Health) -> None:
        self.context, self.sender, self.health = context, sender, health

    async def call(
        self,
        offers: Sequence[Offer],
        request: ModelRequest,
        *,
        total: float | None = None,
        hedge_after: float | str | None = None,
    ) -> Reply:
        """Ask the candidates in order until one answers. Raises what `route`, and stages before the call, raise."""
        if not (self.context.listeners or self.context.stages):
            return await self._answered(offers, request, total, hedge_after, None)
        from inference_providers.calls.observation import Call

        call = Call(self.context, request, offers, self.health.policy.total if total is None else total)

        answered = partial(self._answered, offers, request, None, hedge_after, call)
        return await self._observed(call, answered, given, call.finish)

    async def stream(
        self, offers: Sequence[Offer], request: ModelRequest, *, total: float | None = None
    ) -> AsyncStreamReply:
        """Ask the candidates in order until one's stream brings content. Raises what `call` raises."""
        if not (self.context.listeners or self.context.stages):
            return await self._opened(offers, request, total, None)
        from inference_providers.calls.async_stream_reply import given_stream
        from inference_providers.calls.observation import Call

        call = Call(self.context, request, offers, self.health.policy.total if total is None else total)

        async def opened() -> AsyncStreamReply:
            reply = await self._opened(call.offers, request, call.left, call)
            call.first_content(reply.offer)
            return reply

        def accepted(reply: object) -> AsyncStreamReply:
            stream = given_stream(reply)
            call.first_content(stream.offer)
            return stream

        return await self._observed(call, opened, accepted, call.opened)

    async def attempt(self, step: Send, request: ModelRequest) -> Verdict:
        """One try of one candidate, which nobody stands in for: a call of its own, with events and stages.

        Raises what stages raise.
        """
        request.cache = False  # it is to show whether the candidate works now
        if not (self.context.listeners or self.context.stages):
            return await self._mended(step, request)
        from inference_providers.calls.observation import Call

        call = Call(self.context, request, [step.offer], step.limit)
        verdict = classify.Verdict(classify.OK)  # where a stage has answered

        async def answered() -> Reply:
            nonlocal verdict
            started = time.monotonic()
            verdict = await self._mended(step, request)
            call.tried(step.offer, verdict.error, time.monotonic() - started)
            if verdict.error is not None:
                raise verdict.error
            return Reply(verdict, step.offer, call.attempts, time.monotonic() - started, fit(request, step.offer))

        try:
            await self._observed(call, answered, given, call.finish)
        except Exception as error:
            if error is not verdict.error:
                raise
        return verdict

    async def _observed(
        self,
        call: Call,
        run: Callable[[], Awaitable[T]],
        accept: Callable[[object], T],
        finish: Callable[[T], None],
    ) -> T:
        """A call with its events and its stages; *accept* takes what a stage gives for a reply."""
        call.begin()
        try:
            reply = await self._staged(call, list(call.stages), run, accept)
        except BaseException as error:
            call.failed(error)
            raise
        finish(reply)
        return reply

    async def _staged(
        self, call: Call, stages: list[Stage], run: Callable[[], Awaitable[T]], accept: Callable[[object], T]
    ) -> T:
        """The first stage around the others, and those around the call: `after` is for whoever's `before` came back."""
        if not stages:
            return await run()
        stage = stages.pop(0)
        own = await stage.before_async(call) if stage.waits else stage.before(call)
        try:
            if own is not None:
                reply = accept(own)
            else:
                reply = await (self._staged(call, stages, run, accept) if stages else run())
        except BaseException as error:
            await stage.after_async(call, None, error)
            raise
        try:
            if stage.waits:
                await stage.after_async(call, reply, None)
            else:
                stage.after(call, reply, None)
        except BaseException:
            reply.close()  # nobody will read it
            raise
        return reply

    async def _answered(
        self,
        offers: Sequence[Offer],
        request: ModelRequest,
        total: float | None,
        hedge_after: float | str | None,
        call: Call | None,
    ) -> Reply:
        if call is None:
            attempts: list[Attempt] = []
        else:
            offers, attempts, total = call.offers, call.attempts, call.left  # which stages may have changed
        started = time.monotonic()
        if (state := self.health.state) is not None and not state.is_ready:
            await in_thread(state.prepare)
        request.repairs = self.health.repairs
        capable = capable_offers(request, offers, self.context.who_could)
        one = self._tried
        if request.preferences is not None or self.context.preferences is not None:
            capable, one = self._preferred(request, capable), self._passed
        steps = route(
            capable,
            self.health,
            self.context,
            total=total,
            attempts=attempts,
            hedge_after=hedge_after,
            tries=request.tries,
            preferences=request.preferences,
        )
        step = next(steps)
        while True:
            verdict, offer = None, None
            if isinstance(step, Sleep):
                await sleep(step.seconds)
            else:
                verdict = await (one(step, request) if step.hedge is None else self._hedged(step, step.hedge, request))
                offer = verdict.offer or step.offer
            try:
                step = steps.send(verdict)
            except StopIteration as stop:
                assert offer is not None
                if request.learnt:
                    self._learn(request, offer)
                reply = Reply(stop.value, offer, attempts, time.monotonic() - started, fit(request, offer))
                reply.listed = offers[0]
                return reply
            if call is not None:
                call.report()

    def _preferred(self, request: ModelRequest, offers: Sequence[Offer]) -> Sequence[Offer]:
        """The candidates in the order that is preferred."""
        self._prefer(request)
        return self.context.gate.ordered(offers, request, request.preferences)

    def _prefer(self, request: ModelRequest) -> None:
        """Have a request take along what its list prefers, where it has no preferences of its own."""
        if request.preferences is None and self.context.preferences is not None:
            request.preferences = self.context.preferences.for_call()

    def _learn(self, request: ModelRequest, offer: Offer) -> None:
        """Remember what whoever has answered did not take."""
        if learnt := request.learnt.get(offer.place):
            self.health.learn(offer, learnt)

    async def _mended(self, step: Send, request: ModelRequest) -> Verdict:
        """One try of one candidate, and others without what it does not take."""
        self._prefer(request)
        if (state := self.health.state) is not None and not state.is_ready:
            await in_thread(state.prepare)
        request.repairs = self.health.repairs
        started = time.monotonic()
        one = self._tried if request.preferences is None else self._passed
        verdict = await one(step, request)
        while verdict.repaired and (left := step.limit - (time.monotonic() - started)) > 0:
            verdict = await one(Send(step.offer, left), request)
        if verdict.action == classify.OK:
            self._learn(request, step.offer)
        return verdict

    async def _passed(self, step: Send, request: ModelRequest, cancellation: Cancellation | None = None) -> Verdict:
        """One try of one candidate, if it is let through."""
        admission = await self._admission(step, request)
        if isinstance(admission, classify.Verdict):
            return admission
        admission.is_sent = True
        try:
            verdict = await self._tried(step, request, cancellation)
        except BaseException:
            admission.dropped()
            raise
        if cancellation is not None and cancellation.is_cancelled and verdict.error is not None:
            admission.dropped()  # the other was quicker; this one may be charged all the same
        elif admission.waits:
            await in_thread(admission.answered, verdict)
        else:
            admission.answered(verdict)
        return verdict

    async def _admission(self, step: Send, request: ModelRequest) -> Admission | Verdict:
        """Whether a try is let through; what is kept in files is looked at in a thread."""
        gate = self.context.gate
        if gate.waits(request):
            return await in_thread(gate.admitted, step.offer, request, step.left)
        return gate.admitted(step.offer, request, step.left)

    async def _tried(self, step: Send, request: ModelRequest, cancellation: Cancellation | None = None) -> Verdict:
        """One try of one candidate."""
        offer = step.offer
        limit = step.limit
        try:
            if self.context.verbose:
                self.context.tell(f"asking {offer.provider}/{offer.internal_name}")
            if offer.launchable or not offer.awake:
                limit = await running(offer, limit)
            sent = fit(request, offer).to_send()
            sent.cancellation = cancellation
            response = await self.sender.send(sent, limit=limit)
            content = await response.read() if response.status in classify.SUCCESS else await error_body(response)
        except WireError as error:
            offer.lost()
            verdict = classify.failure(error, offer.provider, launched=offer.launchable, at=offer.moved())
        else:
            verdict = judge(response.status, response.headers, content, offer, request)
            if verdict.error:
                mend(request, offer, verdict)
        if verdict.error and self.context.verbose:
            self.context.tell(str(verdict.error))
        return verdict

    async def _hedged(self, step: Send, second: Offer, request: ModelRequest) -> Verdict:
        """Try a candidate, and a second one if it takes long. Who has lost is cancelled."""

        async def trial(offer: Offer, limit: float, cancellation: Cancellation | None) -> Verdict:
            one = self._tried if request.preferences is None else self._passed
            verdict = await one(Send(offer, limit), request, cancellation)
            verdict.offer = offer
            return verdict

        verdicts = await hedged(
            lambda cancellation: trial(step.offer, step.limit, cancellation),
            lambda cancellation: trial(second, step.hedge_limit, cancellation),
            step.hedge_after,
            lambda: self.health.may_hedge(second),
            ends_the_call,
        )
        return verdicts[0] if len(verdicts) == 1 else after_both(step.offer, verdicts)

    async def _opened(
        self, offers: Sequence[Offer], request: ModelRequest, total: float | None, call: Call | None
    ) -> AsyncStreamReply:
        from inference_providers.calls.async_stream_reply import AsyncOpening, AsyncStreamReply

        attempts: list[Attempt] = [] if call is None else call.attempts
        if (state := self.health.state) is not None and not state.is_ready:
            await in_thread(state.prepare)
        request.repairs = self.health.repairs
        capable = capable_offers(request, offers, self.context.who_could)
        if request.preferences is not None or self.context.preferences is not None:
            capable = self._preferred(request, capable)
        preferences = request.preferences
        steps = route(capable, self.health, self.context, total=total, attempts=attempts, preferences=preferences)
        step = next(steps)
        while True:
            verdict, opening = None, None
            if isinstance(step, Sleep):
                await sleep(step.seconds)
            else:
                opening = AsyncOpening(self.context, self.sender, step, request)
                verdict = await (opening.open() if preferences is None else self._let_open(opening, step, request))
                if verdict.error:
                    mend(request, step.offer, verdict)
                if verdict.error and self.context.verbose:
                    self.context.tell(str(verdict.error))
            try:
                step = steps.send(verdict)
            except StopIteration:
                assert opening is not None
                if request.learnt:
                    self._learn(request, opening.offer)
                reply = AsyncStreamReply(opening, attempts, fit(request, opening.offer))
                reply.listed = offers[0]
                return reply
            if call is not None:
                call.report()

    async def _let_open(self, opening: AsyncOpening, step: Send, request: ModelRequest) -> Verdict:
        """Open a stream, if it is let through; it is settled when it is over."""
        admission = await self._admission(step, request)
        if isinstance(admission, classify.Verdict):
            return admission
        admission.is_sent = True
        try:
            verdict = await opening.open()
        except BaseException:
            admission.dropped()
            raise
        if verdict.error is not None:
            admission.failed(verdict)
        else:
            admission.opened()
            opening.admission = admission
        return verdict

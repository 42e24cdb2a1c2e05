"""Questions to their answers, and candidates to one that works: who is asked when, in which groups.

`asker` is made of this module by `make generate`.
"""

from __future__ import annotations

import time
from contextlib import aclosing
from functools import partial
from itertools import groupby

from inference_providers.attempts import Attempt
from inference_providers.calls.async_waiting import all_of, begun, in_thread, race
from inference_providers.calls.tool_loop import converse
from inference_providers.chat import names_of, order_behind, test_body
from inference_providers.errors import (
    AllProvidersFailedError,
    BudgetExceededError,
    InferenceProvidersError,
    LocalServerError,
    ProviderError,
    ProviderUnavailableError,
)
from inference_providers.protocols import NOBODY_CAN, ModelRequest, capable_offers, classify
from inference_providers.registry import TALKS
from inference_providers.routing import Send
from inference_providers.transport import Request, WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
    from typing import Any, Protocol, TypeVar

    from inference_providers.calls.async_answer_stream import AsyncAnswerStream
    from inference_providers.calls.async_caller import AsyncCaller
    from inference_providers.calls.async_stream_reply import AsyncStreamReply
    from inference_providers.calls.finder import Finder
    from inference_providers.calls.observation import Context
    from inference_providers.calls.reply import Reply
    from inference_providers.chat import Answer, Models, Question
    from inference_providers.offers import Offer

    T = TypeVar("T", Reply, AsyncStreamReply)

    class AskContext(Context, Protocol):
        """What a question needs of its pipeline."""

        timeout: float
        hedge_after: float | str | None

        def request(self, body: Mapping[str, Any], question: Question) -> ModelRequest:
            """A request for a reply to a question."""
            raise NotImplementedError

        def note(self, reply: Reply | AsyncStreamReply) -> None:
            """Say once what a provider did not get."""


PROBE_LIMIT = 5.0  # seconds for a server to answer a request without key and prompt
TEST_LIMIT = 30.0  # seconds for a short inference


async def concluded(question: Question, reply: Callable[[dict[str, Any]], Awaitable[Reply]]) -> Answer:
    """The answer to a question: *reply* asks for each reply, and tools are called between them, several at once."""
    steps = converse(question)
    step = next(steps)
    while True:
        result = await reply(step) if isinstance(step, dict) else await all_of([call.run_async for call in step])
        try:
            step = steps.send(result)
        except StopIteration as stop:
            answer: Answer = stop.value
            return answer


async def found(finder: Finder, names: Sequence[str], request: ModelRequest) -> list[Offer]:
    """The candidates for several names, best first. Raises what `Finder.first_available` and `chosen` raise."""
    if request.preferences is not None or (":" in "".join(names) and order_behind(names)):
        from inference_providers.calls.chosen import candidates

        return await in_thread(candidates, finder, names, request)
    known = finder.known_candidates(names)
    return known if known is not None else await in_thread(finder.first_available, names)


class AsyncAsker:
    """The questions of one pipeline."""

    def __init__(self, context: AskContext, finder: Finder, caller: AsyncCaller) -> None:
        self.context, self.finder, self.caller = context, finder, caller

    async def candidates(self, name: str, provider: str | None) -> list[Offer]:
        """The candidates for a name, in the order in which they are tried. Raises what `Finder.candidates` raises."""
        return await in_thread(partial(self.finder.candidates, name, provider=provider))

    async def first_available(self, names: Sequence[str]) -> list[Offer]:
        """The candidates for several names, best first. Raises what `Finder.first_available` raises."""
        return await in_thread(self.finder.first_available, names)

    async def answer(self, question: Question, models: Models, test: bool, timeout: float | None) -> Answer:
        """Ask, call tools and ask again, until there is an answer. Raises what `ask_ai` raises."""
        models = self.finder.default_models() if models is None else models
        return await concluded(question, lambda body: self._reply(body, question, models, test, timeout))

    def stream(self, question: Question, models: Models, test: bool, timeout: float | None) -> AsyncAnswerStream:
        """The answer as it comes. Raises what `ask_ai` raises: here, or for asyncio when it is opened."""
        from inference_providers.calls.async_answer_stream import AsyncAnswerStream

        request = self.context.request(question.streamed(), question)
        models = request.asked = self.finder.default_models() if models is None else models

        async def opening() -> AsyncStreamReply:
            reply = await self._first_that_works(
                models, test, timeout, request, lambda offers, left: self.caller.stream(offers, request, total=left)
            )
            self.context.note(reply)
            return reply

        return begun(AsyncAnswerStream(opening, question.turns, split=bool(question.split_thinking)))

    async def _reply(
        self, body: Mapping[str, object], question: Question, models: Models, test: bool, timeout: float | None
    ) -> Reply:
        request, hedge = self.context.request(body, question), self.context.hedge_after
        request.asked = models
        reply = await self._first_that_works(
            models,
            test,
            timeout,
            request,
            lambda offers, left: self.caller.call(offers, request, total=left, hedge_after=hedge),
        )
        if reply.dropped or len(reply.attempts) > 1:
            self.context.note(reply)
        return reply

    async def _first_that_works(
        self,
        models: Models,
        test: bool,
        timeout: float | None,
        request: ModelRequest,
        send: Callable[[Sequence[Offer], float], Awaitable[T]],
    ) -> T:
        """Ask the candidates of the models that are named; where none is, those with keys, then this machine."""
        until = time.monotonic() + (self.context.timeout if timeout is None else timeout)
        if models is not None or (request.preferences is not None and request.preferences.chooses):
            return await self._sent(await found(self.finder, names_of(models), request), test, request, send, until)
        failed: InferenceProvidersError | None = None
        offers = self.caller.health.present(self.finder.keyed())
        if offers:
            try:
                return await self._sent(offers, test, request, send, until)
            except (AllProvidersFailedError, ProviderError) as error:
                failed = after(None, error)
            except BudgetExceededError as error:  # what runs here costs nothing
                failed = error
        for where, group in self._last_resorts():
            try:
                if offers := await in_thread(group):
                    reply: T = await self._sent(offers, test, request, send, until)
                    reply.attempts = [*_attempts(failed), *reply.attempts]
                    return reply
            except (AllProvidersFailedError, ProviderError) as error:
                failed = after(failed, error, where)
        raise failed or self.finder.guidance.nothing()

    def _last_resorts(self) -> tuple[tuple[str, Callable[[], list[Offer]]], ...]:
        """Who is asked when nobody with a key has answered, and where that is, in words."""
        return ("on this machine", self.finder.on_this_machine), ("by their own lists", self.finder.told)

    async def _sent(
        self,
        offers: Sequence[Offer],
        test: bool,
        request: ModelRequest,
        send: Callable[[Sequence[Offer], float], Awaitable[T]],
        until: float,
    ) -> T:
        if not test:  # the first whose server can be reached, and nobody else
            capable = capable_offers(request, offers, self.finder.who_could)
            offers = [(await self.connected(capable, False))[0]]
        return await send(offers, max(until - time.monotonic(), 0.001))

    async def best_connected(self, test: bool) -> tuple[Offer, list[Attempt]]:
        """The best candidate that works: of the models by default, else with keys first, then on this machine."""
        if (names := self.finder.default_models()) is not None:
            return await self.connected(await self.first_available(names), test)
        failed: InferenceProvidersError | None = None
        for where, group in (("", self.finder.keyed), *self._last_resorts()):
            try:
                if offers := self.caller.health.present(await in_thread(group)):
                    offer, attempts = await self.connected(offers, test)
                    return offer, [*_attempts(failed), *attempts]
            except (AllProvidersFailedError, ProviderError) as error:
                failed = after(failed, error, where)
        raise failed or self.finder.guidance.nothing()

    async def connected(self, offers: Sequence[Offer], test: bool) -> tuple[Offer, list[Attempt]]:
        """The first of *offers* that works, and every try. Raises AllProvidersFailedError."""
        health = self.caller.health
        alive = [offer for offer in offers if not health.dead(offer)]
        attempts: list[Attempt] = [] if alive else [health.refusal(offer) for offer in offers]
        async with aclosing(self._reached(alive, attempts)) as reached:
            async for offer in reached:
                if not test or await self._answers(offer, attempts):
                    return offer, attempts
        lines = "".join(f"\n  {attempt}" for attempt in attempts)
        from inference_providers.joint_errors import all_failed

        raise all_failed(f"No provider could be connected to; tried:{lines}", attempts)

    async def _reached(self, offers: Sequence[Offer], attempts: list[Attempt]) -> AsyncGenerator[Offer, None]:
        """Those that can be reached, in a race; servers to be launched one after another, in their place."""
        for launchable, together in groupby(offers, lambda offer: offer.launchable):
            some = list(together)
            if launchable:
                for offer in some:
                    if await in_thread(self._started, offer, attempts):
                        yield offer
                continue
            async with aclosing(race([partial(self._reachable, offer, attempts) for offer in some])) as winners:
                async for index in winners:
                    yield some[index]

    def _started(self, offer: Offer, attempts: list[Attempt]) -> bool:
        """Whether a server that this package launches runs, now or already."""
        started = time.monotonic()
        problem = None
        try:
            offer.wake(self.context.timeout)
        except LocalServerError as error:
            problem = ProviderUnavailableError(str(error), provider=offer.provider, code="launch")
        self._note(attempts, offer, str(problem or "runs"), started, error=problem)
        return problem is None

    async def _reachable(self, offer: Offer, attempts: list[Attempt]) -> bool:
        """Whether the server answers a request that carries neither key nor prompt."""
        started = time.monotonic()
        status, problem = None, None
        try:
            response = await self.caller.sender.send(
                Request("GET", offer.endpoint + "/models", {"Accept": "application/json"}),
                limit=min(PROBE_LIMIT, self.context.timeout),
            )
            response.close()
            status = response.status
            outcome = "reachable" if status < 500 else f"HTTP {status}"
            if status >= 500:
                problem = classify.unavailable(classify.NEXT, offer.provider, f"HTTP {status}", status).error
        except WireError as error:
            outcome, problem = str(error), classify.failure(error, offer.provider, at=offer.moved()).error
        self._note(attempts, offer, outcome, started, status, problem)
        return status is not None and status < 500

    async def _answers(self, offer: Offer, attempts: list[Attempt]) -> bool:
        """Whether a short inference verifies key, model and reply; not of what is asked by another API than chat."""
        if offer.api not in TALKS:
            return True
        started, health = time.monotonic(), self.caller.health
        step = Send(offer, min(TEST_LIMIT, self.context.timeout))
        verdict = await self.caller.attempt(step, ModelRequest(test_body()))
        works, error = verdict.action == classify.OK, verdict.error
        self._note(attempts, offer, "ok" if works else str(error), started, error.status if error else 200, error)
        if works:
            health.succeeded(offer)
        else:
            health.failed(offer, verdict)
        return works

    def _note(
        self,
        attempts: list[Attempt],
        offer: Offer,
        outcome: str,
        started: float,
        status: int | None = None,
        error: Exception | None = None,
    ) -> None:
        seconds, name = time.monotonic() - started, offer.canonical_name
        attempt = Attempt(
            offer.provider,
            offer.internal_name,
            outcome,
            canonical_name=name,
            status=status,
            seconds=seconds,
            error=error,
        )
        attempts.append(attempt)
        self.context.tell(str(attempt))


def after(
    first: InferenceProvidersError | None, second: AllProvidersFailedError | ProviderError, where: str = ""
) -> InferenceProvidersError:
    """What the failure of one group of candidates comes to, after that of the group before it, if any.

    *where*: where the second group is, in words.

    Raises the error of a request at fault, which nobody else need be asked about.
    """
    ends = not isinstance(second, AllProvidersFailedError) and not second.in_doubt and second.code != NOBODY_CAN
    if first is None:
        if ends:
            raise second
        return second
    from inference_providers.joint_errors import all_failed

    attempts = [*_attempts(first), *second.attempts]
    if isinstance(first, AllProvidersFailedError) and isinstance(second, AllProvidersFailedError):
        return all_failed(f"{first}\nThen, {where}: {second}", attempts)
    was_refused = not isinstance(first, AllProvidersFailedError)
    nobody_could = getattr(first if was_refused else second, "code", None) == NOBODY_CAN
    error: InferenceProvidersError = first if was_refused != nobody_could else second  # the first refusal of it
    error.__dict__["attempts"] = attempts
    return error


def _attempts(error: InferenceProvidersError | None) -> Sequence[Attempt]:
    """The attempts of a call that failed; none where nothing was tried."""
    return getattr(error, "attempts", ())

"""`AsyncProviderList`: the same names as `ProviderList`, for asyncio; clients are `openai.AsyncOpenAI`."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from functools import partial
from itertools import groupby

from inference_providers import chat
from inference_providers.attempts import Attempt
from inference_providers.chat import check_timeout, names_of
from inference_providers.clients.base import Base
from inference_providers.clients.connection import AsyncConnection, our_error, sdk_fields
from inference_providers.clients.provider_list import (
    DROP,
    MAX_STEPS,
    PROBE_LIMIT,
    TEST_LIMIT,
    ProviderList,
    _joined,
    no_connection,
)
from inference_providers.errors import AllProvidersFailedError
from inference_providers.offers import shuffled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from typing import Any, Literal, Unpack, overload

    import openai

    from inference_providers.batches import AsyncBatch
    from inference_providers.calls import AsyncAnswerStream, AsyncCaller, AsyncStreamReply, Reply
    from inference_providers.chat import Answer, Models, Prompt, Question
    from inference_providers.clients.options import (
        AskOptions,
        AsyncItems,
        BatchOptions,
        GenerationOptions,
        Pictures,
        StreamOptions,
        TextOptions,
        Unsupported,
    )
    from inference_providers.offers import Offer
    from inference_providers.protocols import Ask
    from inference_providers.transport import AsyncSender


class AsyncProviderList(Base):
    """`ProviderList` for asyncio. One object may be used from several event loops, one after another."""

    get_updated_provider_list = staticmethod(ProviderList.get_updated_provider_list)

    async def connect_to_model(
        self, canonical_name: str, choose_randomly: bool = False, test: bool = False, *, provider: str | None = None
    ) -> AsyncConnection:
        """See `ProviderList.connect_to_model`."""
        offers = await asyncio.to_thread(self.candidates, canonical_name, provider=provider)
        return await self._connect(shuffled(offers, self._random) if choose_randomly else offers, test)

    async def connect_to_first_available_model(self, model_names: Sequence[str], test: bool = False) -> AsyncConnection:
        """See `ProviderList.connect_to_first_available_model`."""
        return await self._connect(await asyncio.to_thread(self._first_available, model_names), test)

    async def connect_to_ai(self, test: bool = True) -> AsyncConnection:
        """See `ProviderList.connect_to_ai`."""
        failed: AllProvidersFailedError | None = None
        for group in (self._keyed, self._on_this_machine):
            offers = await asyncio.to_thread(group)
            if offers:
                try:
                    return await self._connect(offers, test)
                except AllProvidersFailedError as error:
                    failed = error if failed is None else _joined(failed, error)
        raise failed or self._advice.nothing()

    def client(
        self,
        models: str | Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        hedge_after: float | str | None = None,
        allow_empty: bool | None = None,
    ) -> openai.AsyncOpenAI:
        """The same as `async_client`."""
        return self.async_client(models, timeout=timeout, hedge_after=hedge_after, allow_empty=allow_empty)

    async def get_response(
        self,
        client: openai.AsyncOpenAI,
        model_name: str,
        prompt: Prompt,
        *,
        system: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **parameters: Unpack[GenerationOptions],
    ) -> Answer:
        """See `ProviderList.get_response`."""
        import openai

        question = self._question(prompt, parameters, system=system, extra_body=extra_body)
        started = time.monotonic()
        try:
            reply = await client.chat.completions.with_raw_response.create(**sdk_fields(question, model_name))
        except openai.APIError as error:
            raise our_error(error, model_name) from None
        return self._answer_of(reply, model_name, question, time.monotonic() - started)

    if TYPE_CHECKING:

        @overload
        async def ask_ai(
            self,
            question: Prompt,
            model: Models = None,
            *,
            stream: Literal[False] = False,
            **options: Unpack[AskOptions],
        ) -> Answer: ...

        @overload
        async def ask_ai(
            self, question: Prompt, model: Models = None, *, stream: Literal[True], **options: Unpack[StreamOptions]
        ) -> AsyncAnswerStream: ...

    async def ask_ai(
        self,
        question: Prompt,
        model: Models = None,
        *,
        test: bool = True,
        system: str | None = None,
        images: Any = None,
        schema: Any = None,
        stream: bool = False,
        max_steps: int = MAX_STEPS,
        on_unsupported: str = DROP,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        **parameters: Any,
    ) -> Answer | AsyncAnswerStream:
        """See `ProviderList.ask_ai`. Tools may be coroutine functions; others run in threads."""
        check_timeout(timeout)
        how = {"schema": schema, "max_steps": max_steps, "on_unsupported": on_unsupported}
        asked = self._question(question, parameters, system=system, images=images, extra_body=extra_body, **how)
        if stream:
            return await self._stream(asked, model, test, timeout).open()
        return await self._converse(asked, model, test, timeout)

    def stream(
        self,
        question: Prompt,
        model: Models = None,
        *,
        test: bool = True,
        system: str | None = None,
        images: Pictures | None = None,
        on_unsupported: Unsupported = "drop",
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        **parameters: Unpack[TextOptions],
    ) -> AsyncAnswerStream:
        """`ask_ai`, as it comes: `async for piece in providers.stream("...")`."""
        asked = self._question(
            question, parameters, system=system, images=images, extra_body=extra_body, on_unsupported=on_unsupported
        )
        return self._stream(asked, model, test, timeout)

    def batch(self, questions: AsyncItems, models: Models = None, **options: Unpack[BatchOptions]) -> AsyncBatch:
        """`ProviderList.batch` for asyncio: iterate with `async for`, or await it where there is an output file.

        *questions* may be an asynchronous iterable.
        """
        from inference_providers.batches import AsyncBatch, Job

        return AsyncBatch(self, Job(questions, models, **options))

    async def _converse(self, question: Question, model: Models, test: bool, timeout: float | None) -> Answer:
        from inference_providers.calls import converse_async

        return await converse_async(question, lambda body: self._reply(body, question, model, test, timeout))

    async def _reply(
        self, body: Mapping[str, Any], question: Question, model: Models, test: bool, timeout: float | None
    ) -> Reply:
        ask, hedge = self._ask(body, question), self._hedge_after
        reply: Reply = await self._first_that_works(
            model,
            test,
            timeout,
            ask,
            lambda offers, left: self._caller.call(offers, ask, total=left, hedge_after=hedge),
        )
        self._note(reply)
        return reply

    def _stream(self, question: Question, model: Models, test: bool, timeout: float | None) -> AsyncAnswerStream:
        from inference_providers.calls import AsyncAnswerStream

        ask = self._ask(question.streamed(), question)

        async def opening() -> AsyncStreamReply:
            reply: AsyncStreamReply = await self._first_that_works(
                model, test, timeout, ask, lambda offers, left: self._caller.stream(offers, ask, total=left)
            )
            self._note(reply)
            return reply

        return AsyncAnswerStream(opening, question.turns)

    async def _first_that_works(self, model: Models, test: bool, timeout: float | None, request: Ask, ask: Any) -> Any:
        groups: list[Callable[[], list[Offer]]] = (
            [partial(self._first_available, names_of(model))]
            if model is not None
            else [self._keyed, self._on_this_machine]
        )
        failed: AllProvidersFailedError | None = None
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        for group in groups:
            quick = group == self._keyed or (model is not None and self._known_candidates(names_of(model)) is not None)
            offers = group() if quick else await asyncio.to_thread(group)
            if not offers:
                continue
            try:
                return await ask(
                    offers if test else [(await self._connect(request.able(offers, self._could), False)).offer],
                    max(until - time.monotonic(), 0.001),
                )
            except AllProvidersFailedError as error:
                failed = error if failed is None else _joined(failed, error)
        raise failed or self._advice.nothing()

    async def aclose(self) -> None:
        """Close the connections of the running event loop, which `asyncio.run` does by itself, and use launched servers no longer."""
        await self._sender.aclose()
        self._release()

    @property
    def _sender(self) -> AsyncSender:
        return self._async_sender

    @property
    def _caller(self) -> AsyncCaller:
        return self._async_caller

    async def _connect(self, offers: Sequence[Offer], test: bool) -> AsyncConnection:
        alive = [offer for offer in offers if not self._health.dead(offer)]
        attempts: list[Attempt] = [] if alive else [self._health.refusal(offer) for offer in offers]
        async with aclosing(self._reached(alive, attempts)) as reached:
            async for offer in reached:
                if not test or await self._answers(offer, attempts):
                    return AsyncConnection(offer, attempts, partial(self._client, offer))
        raise no_connection(attempts)

    async def _reached(self, offers: Sequence[Offer], attempts: list[Attempt]) -> AsyncGenerator[Offer, None]:
        from inference_providers.transport import run_race_async

        for launchable, together in groupby(offers, lambda offer: offer.launchable):
            some = list(together)
            if launchable:
                for offer in some:
                    if await asyncio.to_thread(self._started, offer, attempts):
                        yield offer
                continue
            async with aclosing(run_race_async([partial(self._reachable, o, attempts) for o in some])) as winners:
                async for index in winners:
                    yield some[index]

    async def _reachable(self, offer: Offer, attempts: list[Attempt]) -> bool:
        from inference_providers.transport import Request, WireError

        started = time.monotonic()
        status = None
        try:
            response = await self._sender.send(
                Request("GET", offer.endpoint + "/models", {"Accept": "application/json"}),
                limit=min(PROBE_LIMIT, self.timeout),
            )
            response.close()
            status = response.status
            outcome = "reachable" if status < 500 else f"HTTP {status}"
        except WireError as error:
            outcome = str(error)
        self._tried(attempts, offer, outcome, status=status, seconds=time.monotonic() - started)
        return status is not None and status < 500

    async def _answers(self, offer: Offer, attempts: list[Attempt]) -> bool:
        from inference_providers.protocols import Ask, classify
        from inference_providers.routing import Send

        started = time.monotonic()
        verdict = await self._caller.attempt(Send(offer, min(TEST_LIMIT, self.timeout)), Ask(chat.test_body()))
        worked = verdict.action == classify.OK
        outcome = "ok" if worked else str(verdict.error)
        status = verdict.error.status if verdict.error else 200
        self._tried(attempts, offer, outcome, status=status, seconds=time.monotonic() - started, error=verdict.error)
        if worked:
            self._health.succeeded(offer)
        else:
            self._health.failed(offer, verdict)
        return worked

    def _client(self, offer: Offer) -> openai.AsyncOpenAI:
        from inference_providers.clients import sdk_transport as routed

        return routed.async_client_of(self._caller, offer, self.timeout)

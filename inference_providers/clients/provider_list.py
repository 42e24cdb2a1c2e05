"""`ProviderList`: what people call. Registry, candidates and the wire, joined for synchronous programs."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cached_property, partial
from itertools import groupby

from inference_providers.chat import check_timeout, names_of
from inference_providers.clients.base import Base
from inference_providers.errors import AllProvidersFailedError
from inference_providers.offers import shuffled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Literal, Unpack, overload

    import openai

    from inference_providers.attempts import Attempt
    from inference_providers.batches import Batch
    from inference_providers.calls import AnswerStream, Caller, Reply, StreamReply
    from inference_providers.chat import Answer, Models, Prompt, Question
    from inference_providers.clients.connection import Connection
    from inference_providers.clients.options import AskOptions, BatchOptions, GenerationOptions, Items, StreamOptions
    from inference_providers.offers import Offer
    from inference_providers.protocols import Ask
    from inference_providers.transport import Sender

MAX_STEPS, DROP = 10, "drop"  # as in `dialogue` and `parameters`, which are imported when something is asked
PROBE_LIMIT = 5.0  # seconds for a server to answer a request without key and prompt
TEST_LIMIT = 30.0  # seconds for a short inference


class ProviderList(Base):
    """Finds who can serve a model with the keys and servers that are there, and connects to them."""

    def connect_to_model(
        self, canonical_name: str, choose_randomly: bool = False, test: bool = False, *, provider: str | None = None
    ) -> Connection:
        """A connected client and the provider's name for the model.

        Candidates are tried in registry order, or in random order. Without *test* a candidate
        works if its server answers a request that carries neither key nor prompt; with it, if
        a short inference succeeds. The next is started when one has not answered in 250 ms.

        Raises UnknownModelError, NoCredentialsError (naming the variables that would help) or
        AllProvidersFailedError (with every attempt).
        """
        offers = self.candidates(canonical_name, provider=provider)
        return self._connect(shuffled(offers, self._random) if choose_randomly else offers, test)

    def connect_to_first_available_model(self, model_names: Sequence[str], test: bool = False) -> Connection:
        """A connection to the first of *model_names* that works; models without a key are passed over."""
        return self._connect(self._first_available(model_names), test)

    def connect_to_ai(self, test: bool = True) -> Connection:
        """A connection to the best model that the keys can reach, by `auto_model_priority`; else to a server on this machine."""
        failed: AllProvidersFailedError | None = None
        keyed = self._keyed()
        if keyed:
            try:
                return self._connect(keyed, test)
            except AllProvidersFailedError as error:
                failed = error
        here = self._on_this_machine()
        if here:
            return self._connect(here, test)
        raise failed or self._advice.nothing()

    def client(
        self,
        models: str | Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        hedge_after: float | str | None = None,
        allow_empty: bool | None = None,
    ) -> openai.OpenAI:
        """A real `openai.OpenAI` that routes every request and falls back, whatever SDK method is called.

        `model=` in a call takes anything that `resolve` takes, or `"auto"`; a list goes through
        `extra_body={"models": [...]}`. *models* stands in where a call says `model="default"`.
        Who answered is in the headers `x-inference-provider`, `x-inference-model` and
        `x-inference-attempts` (`with_raw_response`). What fails in the end is the SDK's own
        exception; its `__cause__` is ours, with every attempt. Keys that were refused and
        providers that cool down are remembered for all clients of this list.

        timeout: seconds for a whole call; default that of this list. hedge_after: see `ProviderList`.
        """
        from inference_providers.clients import sdk_transport as routed

        return routed.client(
            self._caller, self._first_available, self._options(models, timeout, hedge_after, allow_empty)
        )

    def close(self) -> None:
        """Close idle connections, and use the servers that were launched no longer: they end unless another program does."""
        self._sender.close()
        self._release()

    def get_response(
        self,
        client: openai.OpenAI,
        model_name: str,
        prompt: Prompt,
        *,
        system: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **parameters: Unpack[GenerationOptions],
    ) -> Answer:
        """Ask a connected client one question, with generation parameters as in `ask_ai`. Raises ProviderError of the fitting kind."""
        import openai

        from inference_providers.clients.connection import our_error, sdk_fields

        question = self._question(prompt, parameters, system=system, extra_body=extra_body)
        started = time.monotonic()
        try:
            reply = client.chat.completions.with_raw_response.create(**sdk_fields(question, model_name))
        except openai.APIError as error:
            raise our_error(error, model_name) from None
        return self._answer_of(reply, model_name, question, time.monotonic() - started)

    if TYPE_CHECKING:

        @overload
        def ask_ai(
            self,
            question: Prompt,
            model: Models = None,
            *,
            stream: Literal[False] = False,
            **options: Unpack[AskOptions],
        ) -> Answer: ...

        @overload
        def ask_ai(
            self, question: Prompt, model: Models = None, *, stream: Literal[True], **options: Unpack[StreamOptions]
        ) -> AnswerStream: ...

    def ask_ai(
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
    ) -> Answer | AnswerStream:
        """Ask the best model within reach, or *model*; its answer.

        question: text, or a list of messages. model: a name in any spelling, or several, best first.
        test: a candidate that fails to answer is followed by the next; without it, the first
        whose server can be reached is asked, and its failure is raised.
        images: paths, URLs or bytes. schema: a JSON Schema or a pydantic model that the answer must
        fit; the value is `answer.parsed`, and a reply that does not fit is sent back once.
        stream: give text as it comes, an `AnswerStream`.
        parameters: max_tokens, temperature, top_p, top_k, min_p, seed, stop, frequency_penalty,
        presence_penalty, repetition_penalty, logit_bias, response_format, reasoning_effort, n, ...;
        other tools' words (max_new_tokens, stop_strings) mean the same. tools: Python functions,
        which are called until the model answers (at most *max_steps* replies), or descriptions.
        on_unsupported: "drop" leaves out what a provider does not take, and says so; "error" asks
        only those that take it. extra_body: goes into the request as it is.
        timeout: seconds for each reply, retries and fallbacks included.

        Raises NoCredentialsError (with what to set), UnknownModelError, InvalidRequestError and other
        ProviderErrors for a request at fault, InvalidReplyError for a reply that does not fit the
        schema, StepLimitError, or AllProvidersFailedError with every attempt.
        """
        check_timeout(timeout)
        how = {"schema": schema, "max_steps": max_steps, "on_unsupported": on_unsupported}
        asked = self._question(question, parameters, system=system, images=images, extra_body=extra_body, **how)
        return (self._stream if stream else self._converse)(asked, model, test, timeout)

    def stream(self, question: Prompt, model: Models = None, **options: Unpack[StreamOptions]) -> AnswerStream:
        """`ask_ai`, as it comes: iterate for text. Falls back until the first content, never after it."""
        return self.ask_ai(question, model, stream=True, **options)

    def batch(self, questions: Items, models: Models = None, **options: Unpack[BatchOptions]) -> Batch:
        """Ask many questions at once; results with `.answer` or `.error`, in order.

        questions: any iterable of texts, message lists, or dicts with `prompt` or `messages`, `custom_id`,
        `model` and parameters, or lines of OpenAI's batch format; or a file (`pathlib.Path`) of JSON
        lines or CSV. models: a name or several for items that name none; default: the best within reach.

        concurrency: requests at once, or "auto" to find what each provider allows; a model that several
        providers serve is asked of all of them. requests_per_minute, tokens_per_minute: for each provider.
        out: a regular file for the results, one JSON line each as it finishes, or CSV. With it everything is
        done when this returns. csv_formulas: "keep" cells of answers that a spreadsheet would run, and count them
        in a warning, or "escape" them. resume: go on with what is in it: what was answered is not asked again.
        on_error: "keep" failures as results, or "raise" the first. as_completed: do not wait for order.
        mode: "provider" uses a provider's own batch API (hours, at half the price or so); with out=.
        completion_window: how long its job may take, where it can be said (`"24h"`). adaptive: false keeps
        *concurrency* as it is. progress: a line on standard error; default: on a terminal. patience: seconds for which an item
        that is refused for the rate is asked again. system, schema, tools, timeout, on_unsupported,
        extra_body and generation parameters: as in `ask_ai`, for every item.

        Raises TypeError and ValueError for wrong options and an input that is also an output, BlockingIOError
        where another process writes to *out*, OSError where it is no regular file.
        """
        from inference_providers.batches import Batch, Job

        return Batch(self, Job(questions, models, **options))

    def _converse(self, question: Question, model: Models, test: bool, timeout: float | None) -> Answer:
        from inference_providers.calls import converse

        steps = converse(question)
        step = next(steps)
        while True:
            result = (
                self._reply(step, question, model, test, timeout)
                if isinstance(step, dict)
                else [call.run() for call in step]
            )
            try:
                step = steps.send(result)
            except StopIteration as stop:
                answer: Answer = stop.value
                return answer

    def _reply(
        self, body: Mapping[str, Any], question: Question, model: Models, test: bool, timeout: float | None
    ) -> Reply:
        ask, hedge = self._ask(body, question), self._hedge_after
        reply: Reply = self._first_that_works(
            model,
            test,
            timeout,
            ask,
            lambda offers, left: self._caller.call(offers, ask, total=left, hedge_after=hedge),
        )
        self._note(reply)
        return reply

    def _stream(self, question: Question, model: Models, test: bool, timeout: float | None) -> AnswerStream:
        from inference_providers.calls import AnswerStream

        started = time.monotonic()
        ask = self._ask(question.streamed(), question)
        reply: StreamReply = self._first_that_works(
            model, test, timeout, ask, lambda offers, left: self._caller.stream(offers, ask, total=left)
        )
        self._note(reply)
        return AnswerStream(reply, question.turns, started)

    def _first_that_works(self, model: Models, test: bool, timeout: float | None, request: Ask, ask: Any) -> Any:
        """Ask keyed candidates, then this machine; a named model's candidates only where one is named."""
        groups: list[Callable[[], list[Offer]]] = (
            [partial(self._first_available, names_of(model))]
            if model is not None
            else [self._keyed, self._on_this_machine]
        )
        failed: AllProvidersFailedError | None = None
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        for group in groups:
            offers = group()
            if not offers:
                continue
            try:
                return ask(
                    offers if test else [self._connect(request.able(offers, self._could), False).offer],
                    max(until - time.monotonic(), 0.001),
                )
            except AllProvidersFailedError as error:
                failed = error if failed is None else _joined(failed, error)
        raise failed or self._advice.nothing()

    @staticmethod
    def get_updated_provider_list() -> dict[str, Any]:
        """The newest registry as a dict of the caller's own: downloaded now and kept, else the last good one, else the bundled one."""
        import json

        from inference_providers.errors import RegistryError
        from inference_providers.log import warn
        from inference_providers.upkeep import Updater, registry_text

        updater = Updater(warn=warn)
        with suppress(RegistryError):  # told as a warning
            updater.fetch()
        from inference_providers.registry import bundled

        copy: dict[str, Any] = json.loads(registry_text((updater.cached() or bundled()).data))
        return copy  # whoever changes it must not change what is installed

    @cached_property
    def _sender(self) -> Sender:
        from inference_providers.transport import Sender

        if self._stand_in is not None:
            sender: Sender = self._stand_in.sender(lambda: Sender(self._environ, self._limits), self._secrets)
            return sender
        return Sender(self._environ, self._limits)

    @cached_property
    def _caller(self) -> Caller:
        from inference_providers.calls import Caller

        return Caller(self._sender, self._health, self._random, self._tell, self._could)

    def _connect(self, offers: Sequence[Offer], test: bool) -> Connection:
        """The first of *offers* that works."""
        alive = [offer for offer in offers if not self._health.dead(offer)]
        attempts: list[Attempt] = [] if alive else [self._health.refusal(offer) for offer in offers]
        for offer in self._reached(alive, attempts):
            if not test or self._answers(offer, attempts):
                from inference_providers.clients.connection import Connection

                return Connection(offer, attempts, partial(self._client, offer))
        raise no_connection(attempts)

    def _reached(self, offers: Sequence[Offer], attempts: list[Attempt]) -> Iterator[Offer]:
        """Those that can be reached, in a race; servers to be launched one after another, in their place."""
        from inference_providers.transport import run_race

        for launchable, together in groupby(offers, lambda offer: offer.launchable):
            some = list(together)
            if launchable:
                yield from (offer for offer in some if self._started(offer, attempts))
            else:
                yield from (some[index] for index in run_race([partial(self._reachable, o, attempts) for o in some]))

    def _reachable(self, offer: Offer, attempts: list[Attempt]) -> bool:
        """Whether the server answers a request that carries neither key nor prompt."""
        from inference_providers.transport import Request, WireError

        started = time.monotonic()
        status = None
        try:
            response = self._sender.send(
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

    def _answers(self, offer: Offer, attempts: list[Attempt]) -> bool:
        """Whether a short inference verifies key, model and reply."""
        from inference_providers.protocols import Ask, classify
        from inference_providers.routing import Send

        started = time.monotonic()
        from inference_providers import chat

        verdict = self._caller.attempt(Send(offer, min(TEST_LIMIT, self.timeout)), Ask(chat.test_body()))
        worked = verdict.action == classify.OK
        outcome = "ok" if worked else str(verdict.error)
        status = verdict.error.status if verdict.error else 200
        self._tried(attempts, offer, outcome, status=status, seconds=time.monotonic() - started, error=verdict.error)
        if worked:
            self._health.succeeded(offer)
        else:
            self._health.failed(offer, verdict)
        return worked

    def _client(self, offer: Offer) -> openai.OpenAI:
        from inference_providers.clients import sdk_transport as routed

        return routed.client_of(self._caller, offer, self.timeout)


def no_connection(attempts: Sequence[Attempt]) -> AllProvidersFailedError:
    """The error of a race that nobody won."""
    lines = "".join(f"\n  {attempt}" for attempt in attempts)
    return AllProvidersFailedError(f"No provider could be connected to; tried:{lines}", attempts)


def _joined(first: AllProvidersFailedError, second: AllProvidersFailedError) -> AllProvidersFailedError:
    return AllProvidersFailedError(f"{first}\nThen, on this machine: {second}", [*first.attempts, *second.attempts])

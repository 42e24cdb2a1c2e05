"""`ProviderList`: what people call. Registry, candidates and the wire, joined for synchronous programs."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from functools import cached_property, partial

from inference_providers import candidates, chat
from inference_providers.base import Base
from inference_providers.candidates import Attempt
from inference_providers.connection import Connection, completion_text, our_error
from inference_providers.credentials import Environment
from inference_providers.errors import AllProvidersFailedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import openai

    from inference_providers.candidates import Offer
    from inference_providers.wire.call import Caller, Reply, StreamReply
    from inference_providers.wire.send import Sender

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
        return self._connect(candidates.shuffled(offers, self._random) if choose_randomly else offers, test)

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
        from inference_providers.wire import routed

        return routed.client(
            self._caller, self._first_available, self._options(models, timeout, hedge_after, allow_empty)
        )

    def close(self) -> None:
        """Close idle connections, and stop the embedded engine if one was started."""
        self._sender.close()
        if self._engine is not None:
            self._engine.stop()

    def get_response(self, client: openai.OpenAI, model_name: str, prompt: str) -> str:
        """Ask a connected client one question; its answer's text. Raises ProviderError of the fitting kind."""
        import openai

        try:
            completion = client.chat.completions.create(model=model_name, messages=chat.messages(prompt))  # type: ignore[arg-type]
        except openai.APIError as error:
            raise our_error(error, model_name) from None
        return completion_text(completion, model_name)

    def ask_ai(
        self,
        question: str,
        test: bool = True,
        *,
        model: str | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
    ) -> str:
        """Ask the best model within reach; its answer's text.

        With *test* (the default) a candidate that fails to answer is followed by the next.
        Without it, the first whose server can be reached is asked, and its failure is raised.
        """
        return self.ask(chat.messages(question, system), test=test, model=model, max_tokens=max_tokens).text

    def ask(
        self, messages: Sequence[Any], *, test: bool = True, model: str | None = None, max_tokens: int | None = None
    ) -> Reply:
        """`ask_ai` for messages; the whole reply, who gave it, and every attempt."""
        ask = self._ask_for(messages, max_tokens)
        reply: Reply = self._first_that_works(
            model, test, lambda offers, left: self._caller.call(offers, ask, total=left, hedge_after=self._hedge_after)
        )
        return reply

    def stream_ai(
        self, question: str, *, model: str | None = None, system: str | None = None, max_tokens: int | None = None
    ) -> StreamReply:
        """`ask_ai`, streamed: iterate over `.text()`. Falls back until the first content, never after it."""
        ask = self._ask_for(chat.messages(question, system), max_tokens, stream=True)
        reply: StreamReply = self._first_that_works(
            model, True, lambda offers, left: self._caller.stream(offers, ask, total=left)
        )
        return reply

    def _first_that_works(self, model: str | None, test: bool, ask: Any) -> Any:
        """Ask keyed candidates, then this machine; a named model's candidates only where one is named."""
        groups: list[Callable[[], list[Offer]]] = (
            [partial(self._first_available, [model])] if model is not None else [self._keyed, self._on_this_machine]
        )
        failed: AllProvidersFailedError | None = None
        until = time.monotonic() + self.timeout
        for group in groups:
            offers = group()
            if not offers:
                continue
            try:
                return ask(
                    offers if test else [self._connect(offers, False).offer], max(until - time.monotonic(), 0.001)
                )
            except AllProvidersFailedError as error:
                failed = error if failed is None else _joined(failed, error)
        raise failed or self._advice.nothing()

    @staticmethod
    def get_updated_provider_list() -> dict[str, Any]:
        """The newest registry as a dict: downloaded now and kept, else the last good one, else the bundled one."""
        from inference_providers.errors import RegistryError
        from inference_providers.log import warn
        from inference_providers.update import Updater

        updater = Updater(warn=warn)
        with suppress(RegistryError):  # told as a warning
            updater.fetch()
        from inference_providers.registry import bundled

        return dict((updater.cached() or bundled()).data)

    @cached_property
    def _sender(self) -> Sender:
        from inference_providers.wire.send import Sender

        return Sender(self._environ, self._limits)

    @cached_property
    def _caller(self) -> Caller:
        from inference_providers.wire.call import Caller

        return Caller(self._sender, self._health, self._random, self._tell)

    def _connect(self, offers: Sequence[Offer], test: bool) -> Connection:
        """The first of *offers* that works, by a staggered race."""
        from inference_providers.wire.send import run_race

        alive = [offer for offer in offers if not self._health.dead(offer)]
        attempts: list[Attempt] = [] if alive else [self._health.refusal(offer) for offer in offers]
        winners = run_race([lambda offer=offer: self._reachable(offer, attempts) for offer in alive])  # type: ignore[misc]
        for index in winners:
            if not test or self._answers(alive[index], attempts):
                return Connection(alive[index], attempts, lambda offer=alive[index]: self._client(offer))  # type: ignore[misc]
        raise no_connection(attempts)

    def _reachable(self, offer: Offer, attempts: list[Attempt]) -> bool:
        """Whether the server answers a request that carries neither key nor prompt."""
        from inference_providers.wire.messages import Request, WireError

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
        attempts.append(Attempt(offer, outcome, status=status, seconds=time.monotonic() - started))
        self._tell(str(attempts[-1]))
        return status is not None and status < 500

    def _answers(self, offer: Offer, attempts: list[Attempt]) -> bool:
        """Whether a short inference verifies key, model and reply."""
        from inference_providers.wire import classify
        from inference_providers.wire.messages import Ask
        from inference_providers.wire.route import Send

        started = time.monotonic()
        verdict = self._caller.attempt(Send(offer, min(TEST_LIMIT, self.timeout)), Ask(chat.test_body()))
        worked = verdict.action == classify.OK
        outcome = "ok" if worked else str(verdict.error)
        status = verdict.error.status if verdict.error else 200
        attempts.append(Attempt(offer, outcome, status=status, seconds=time.monotonic() - started, error=verdict.error))
        if worked:
            self._health.succeeded(offer)
        else:
            self._health.failed(offer, verdict)
        return worked

    def _client(self, offer: Offer) -> openai.OpenAI:
        from inference_providers.wire import routed

        return routed.client_of(self._caller, offer, self.timeout)


def no_connection(attempts: Sequence[Attempt]) -> AllProvidersFailedError:
    """The error of a race that nobody won."""
    lines = "".join(f"\n  {attempt}" for attempt in attempts)
    return AllProvidersFailedError(f"No provider could be connected to; tried:{lines}", attempts)


def _joined(first: AllProvidersFailedError, second: AllProvidersFailedError) -> AllProvidersFailedError:
    return AllProvidersFailedError(f"{first}\nThen, on this machine: {second}", [*first.attempts, *second.attempts])


_default: tuple[Environment, ProviderList] | None = None


def ask_ai(
    question: str,
    test: bool = True,
    *,
    model: str | None = None,
    system: str | None = None,
    max_tokens: int | None = None,
) -> str:
    """Ask the best model that your keys, or the servers on your machine, can reach; its answer's text.

    `ask_ai("Come here often?")` is all there is to it. *model* names one, in any spelling.
    Raises NoCredentialsError (with what to set, and where to get it), UnknownModelError,
    a ProviderError for a request at fault, or AllProvidersFailedError with every attempt.
    """
    global _default
    environ = Environment(dict(os.environ))
    if _default is None or _default[0] != environ:
        _default = (environ, ProviderList(environ=environ))
    return _default[1].ask_ai(question, test, model=model, system=system, max_tokens=max_tokens)

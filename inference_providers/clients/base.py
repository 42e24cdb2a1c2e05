"""What `ProviderList` and `AsyncProviderList` share: everything above the wire."""

from __future__ import annotations

import os
import time
from functools import cached_property

from inference_providers.calls import LAUNCH, Finder
from inference_providers.chat import check_timeout, names_of
from inference_providers.credentials import DUMMY_KEY
from inference_providers.errors import LocalServerError, UnknownModelError
from inference_providers.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    import openai

    from inference_providers.attempts import Attempt
    from inference_providers.calls import AsyncCaller
    from inference_providers.chat import Answer, Question
    from inference_providers.clients.sdk_transport import Options
    from inference_providers.offers import Offer
    from inference_providers.protocols import Ask
    from inference_providers.registry import Registry
    from inference_providers.routing import Health, Policy
    from inference_providers.testing import StandIn
    from inference_providers.transport import AsyncSender, Limits

    Prompt = str | Sequence[Mapping[str, Any]]
    Models = str | Sequence[str] | None


class Base(Finder):
    """Registry, credentials, name resolution and candidates of one environment. No network but loopback probes.

    verbose: tell on the `inference_providers` logger, and on standard error, what is tried.
    json_override: a registry to use instead of the bundled one: path, JSON text or dict.
    json_merge: a registry merged over the bundled one (JSON Merge Patch: null removes).
    auto_update: use the newest downloaded registry, checked at most once a day.
    environ: the environment, all of it: keys, folders, proxies, `PATH`; default `os.environ`.
    local: look for model servers on this machine; "launch": start one for a model with open weights that
        lies here, before a provider is asked.
    local_models: models that may be launched: paths, or objects as in a model list (`name`, `model_path`,
        `tokenizer_path`, `engine`, `context`, ...), which may also say `command`.
    trust: further hosts for key variables: `{"OPENAI_API_KEY": ["proxy.example.com"]}`.
    timeout: seconds for a whole call, retries and fallbacks included.
    allow: providers whose general-purpose token (`GITHUB_TOKEN`, `HF_TOKEN`, ...) may be used
        without naming them; also comma-separated in `INFERENCE_PROVIDERS_ALLOW`.
    aliases: your own names for models: `{"work": "claude-opus-5.5"}`.
    update_url: where updates come from; default `INFERENCE_PROVIDERS_URL`, else models.dev.
    random: source of randomness (`random.Random`) for `choose_randomly` and for jitter.
    policy, limits: the numbers of retry, fallback and cool-down, and how long each thing may take.
    allow_empty: take an empty reply for an answer.
    hedge_after: seconds, or "p95", after which a second provider is asked as well, for calls that
        are not streamed; at most one request in twenty is such an extra one. Off by default.

    mock: replies instead of providers, by model; neither key nor network is used. See `inference_providers.mock`.

    Raises RegistryError, with every problem and its JSON path, for an invalid override or merge.
    """

    def __init__(
        self,
        verbose: bool = False,
        json_override: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        auto_update: bool = False,
        *,
        json_merge: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        local: bool | str = True,
        local_models: Iterable[Any] = (),
        trust: Mapping[str, Sequence[str]] | None = None,
        timeout: float = 600.0,
        allow: Iterable[str] = (),
        aliases: Mapping[str, str] | None = None,
        update_url: str | None = None,
        random: Any = None,
        policy: Policy | None = None,
        limits: Limits | None = None,
        allow_empty: bool = False,
        hedge_after: float | str | None = None,
        mock: Mapping[str, Any] | None = None,
    ) -> None:
        _check_options(timeout, hedge_after, environ, aliases)
        if local not in (True, False, LAUNCH):
            raise ValueError(f'local must be True, False or "{LAUNCH}", not {local!r}')
        override: str | os.PathLike[str] | Mapping[str, Any] | Registry | None = json_override
        self._stand_in = _stand_in(mock)
        if self._stand_in is not None:
            environ = self._stand_in.environ(os.environ if environ is None else environ)
            own = self._stand_in.registry()
            if own is not None:
                override, auto_update, local = own, False, False
        self.timeout = timeout
        self._given_random, self._given_policy, self._given_limits = random, policy, limits
        self._allow_empty, self._hedge_after = allow_empty, hedge_after
        super().__init__(
            verbose,
            override,
            auto_update,
            json_merge=json_merge,
            environ=environ,
            local=local,
            local_models=local_models,
            trust=trust,
            allow=allow,
            aliases=aliases,
            update_url=update_url,
        )

    def async_client(
        self,
        models: str | Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        hedge_after: float | str | None = None,
        allow_empty: bool | None = None,
    ) -> openai.AsyncOpenAI:
        """A real `openai.AsyncOpenAI` that routes every request and falls back; see `ProviderList.client`."""
        from inference_providers.clients import sdk_transport as routed

        return routed.async_client(
            self._async_caller, self._find, self._options(models, timeout, hedge_after, allow_empty)
        )

    async def _find(self, names: Sequence[str]) -> list[Offer]:
        import asyncio

        known = self._known_candidates(names)
        return known if known is not None else await asyncio.to_thread(self._first_available, names)

    @cached_property
    def _async_sender(self) -> AsyncSender:
        from inference_providers.transport import AsyncSender

        if self._stand_in is not None:
            sender: AsyncSender = self._stand_in.async_sender(
                lambda: AsyncSender(self._environ, self._limits), self._secrets
            )
            return sender
        return AsyncSender(self._environ, self._limits)

    def _secrets(self) -> list[str]:
        """The keys in the environment, for those who must leave them out."""
        variables = {name for provider in self.registry.providers.values() for name in provider.key_variables}
        return [value for name in variables if (value := self._environ.get(name, "").strip()) and value != DUMMY_KEY]

    @cached_property
    def _async_caller(self) -> AsyncCaller:
        from inference_providers.calls import AsyncCaller

        return AsyncCaller(self._async_sender, self._health, self._random, self._tell, self._could)

    def _options(
        self,
        models: str | Sequence[str] | None,
        timeout: float | None,
        hedge_after: float | str | None,
        allow_empty: bool | None,
    ) -> Options:
        from inference_providers.clients.sdk_transport import Options

        if models is not None and not models:  # a list that turned out empty names nobody, and does not mean everybody
            raise UnknownModelError("No model: give at least one name, or None for the best within reach.")
        return Options(
            names_of(models),
            self.timeout if timeout is None else timeout,
            self._hedge_after if hedge_after is None else hedge_after,
            self._allow_empty if allow_empty is None else allow_empty,
        )

    def _started(self, offer: Offer, attempts: list[Attempt]) -> bool:
        """Whether a server that this package launches runs, now or already."""
        started = time.monotonic()
        outcome = ""
        try:
            offer.wake(self.timeout)
        except LocalServerError as error:
            outcome = str(error)
        self._tried(attempts, offer, outcome or "runs", seconds=time.monotonic() - started)
        return not outcome

    def _tried(self, attempts: list[Attempt], offer: Offer, outcome: str, **more: Any) -> None:
        """Note a try, and tell of it."""
        from inference_providers.attempts import Attempt

        name = offer.canonical_name
        attempts.append(Attempt(offer.provider, offer.internal_name, outcome, canonical_name=name, **more))
        self._tell(str(attempts[-1]))

    def _question(
        self,
        question: Any,
        parameters: Mapping[str, Any],
        *,
        system: str | None = None,
        images: Any = None,
        extra_body: Mapping[str, Any] | None = None,
        **how: Any,
    ) -> Question:
        """What is asked, checked. Raises TypeError and ValueError."""
        from inference_providers import chat
        from inference_providers.chat import Question

        turns = chat.messages(question, system)
        if images is not None:
            from inference_providers.chat import image_urls

            turns = chat.with_images(turns, image_urls(images, self._environ))
        made = Question(turns, parameters, extra=extra_body, **how)
        for pattern in made.output_schema.unchecked if made.output_schema is not None else ():
            self._warn_once(
                f"the schema's {pattern!r} is not checked: it takes look-around or back-references, which a reply could "
                "make run for ever"
            )
        return made

    def _ask(self, body: Mapping[str, Any], question: Question) -> Ask:
        from inference_providers.protocols import Ask

        return Ask(body, allow_empty=self._allow_empty, unsupported=question.on_unsupported, untouched=question.extra)

    def _answer_of(self, reply: Any, model: str, question: Question, seconds: float) -> Answer:
        """The answer in an SDK client's raw response. Raises ProviderUnavailableError where there is none."""
        from inference_providers.chat import AnswerBuilder
        from inference_providers.clients.connection import checked_completion
        from inference_providers.usage import cost_of, usage_of

        data = checked_completion(reply.http_response.content, model)
        provider = self.registry.providers.get(reply.headers.get("x-inference-provider", ""))
        model = reply.headers.get("x-inference-model", model)  # which the client has chosen, where it routes
        dropped = reply.headers.get("x-inference-dropped", "")
        usage = usage_of(data.get("usage"))
        cost = cost_of(usage, provider.facts(model)) if provider else None
        given = AnswerBuilder()
        given.add(usage, cost, (), filter(None, dropped.split(", ")), seconds)
        answer = given.answer(data, None, question.turns)
        answer.provider, answer.model = provider.id if provider else None, model
        answer.canonical_name = provider.canonical_of(model) if provider else None
        return answer

    def _note(self, reply: Any) -> None:
        """Say once what a provider did not get, and which engine could not be launched."""
        offer = reply.offer
        self._note_dropped(offer, reply.dropped)
        for attempt in reply.attempts:
            if attempt.error is not None and attempt.error.code == "launch" and attempt.outcome not in self._warned:
                self._warned.add(attempt.outcome)
                warn(f"{attempt.outcome}\n{offer.provider}/{offer.internal_name} answered instead")

    def _note_dropped(self, offer: Offer, dropped: Sequence[str]) -> None:
        """Say once for each provider what it did not get."""
        for name in dropped:
            said = f"{offer.provider} does not take {name} for {offer.internal_name}; it was left out"
            self._warn_once(f'{said} (on_unsupported="error" asks only those that take it)')

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            warn(message)

    @cached_property
    def _policy(self) -> Policy:
        from inference_providers.routing import Policy

        if self._given_policy is None and self._stand_in is not None and self._stand_in.skips_backoff:
            return Policy(total=self.timeout, backoff_base=0.0)
        return self._given_policy or Policy(total=self.timeout)

    @cached_property
    def _health(self) -> Health:
        from inference_providers.routing import Health

        return Health(self._policy, time.monotonic)

    @cached_property
    def _random(self) -> Any:
        import random

        return self._given_random or random.Random()

    @cached_property
    def _limits(self) -> Limits:
        from inference_providers.transport import Limits

        return self._given_limits or Limits(total=self.timeout)


def _stand_in(mock: Mapping[str, Any] | None) -> StandIn | None:
    from inference_providers.testing import stand_in

    if mock is None:
        return stand_in.active
    from inference_providers.testing import Mock

    return Mock(mock)


def _check_options(timeout: Any, hedge_after: Any, environ: Any, aliases: Any) -> None:
    """Raise for options that would only fail later, and less clearly."""
    check_timeout(0 if timeout is None else timeout)
    if (
        hedge_after is not None
        and hedge_after != "p95"
        and not (isinstance(hedge_after, int | float) and hedge_after > 0)
    ):
        raise ValueError(f'hedge_after must be a number of seconds above 0, or "p95", not {hedge_after!r}')
    if environ is not None and not hasattr(environ, "items"):
        raise TypeError("environ must be a mapping of variables to values, like os.environ")
    if aliases is not None and not hasattr(aliases, "items"):
        raise TypeError('aliases must be a mapping, like {"work": "gpt-4o"}')

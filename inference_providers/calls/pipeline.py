"""The pipeline: who can be asked is found, the request fitted, routed and sent, and what comes back judged.

Everything that asks a model holds a `Pipeline`: provider lists, SDK clients, batches, the engine, the roll call.
"""

from __future__ import annotations

import time
from functools import cached_property

from inference_providers.credentials import DUMMY_KEY, Secretive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from inference_providers.calls.asker import Asker
    from inference_providers.calls.async_asker import AsyncAsker
    from inference_providers.calls.async_caller import AsyncCaller
    from inference_providers.calls.async_stream_reply import AsyncStreamReply
    from inference_providers.calls.caller import Caller
    from inference_providers.calls.events import Listener
    from inference_providers.calls.finder import Finder
    from inference_providers.calls.gate import Gate
    from inference_providers.calls.observation import Stage
    from inference_providers.calls.owners import Owners
    from inference_providers.calls.reply import Reply
    from inference_providers.calls.stream_reply import StreamReply
    from inference_providers.chat import Question
    from inference_providers.credentials import LateKey
    from inference_providers.offers import Offer
    from inference_providers.protocols import ModelRequest
    from inference_providers.routing import Health, Policy, Preferences
    from inference_providers.state import State
    from inference_providers.testing import StandIn
    from inference_providers.transport import AsyncSender, Limits, Sender


class Pipeline(Secretive):
    """Finds, fits, routes, sends, judges; for synchronous and asynchronous programs alike.

    finder: who can serve what. timeout: seconds for a whole call. allow_empty: an empty reply is an answer.
    hedge_after: seconds, or "p95", after which a second candidate is asked as well. split_thinking: thoughts between
    tags at the beginning of an answer are told from it. stand_in: what answers instead of providers. learn: what
    offers refuse is remembered for other processes of this user as well. live: what providers say themselves that they
    have corrects the registry. state: who else knows of refused keys, of rests and of used minutes.

    listeners are called with each event (`calls.events`), in the thread or task of the call, or by the garbage
    collector for a stream that was dropped; one that fails is warned of once. stages stand around every call
    (`calls.Stage`), in their order before it and in the reverse after it. Both are lists, to be appended to; where
    they are empty, they cost nothing. The test of a connection (`connect_*`) is a call, too; a job of a provider's
    batch API is not.
    """

    def __init__(
        self,
        finder: Finder,
        *,
        timeout: float = 600.0,
        random: Any = None,
        policy: Policy | None = None,
        limits: Limits | None = None,
        allow_empty: bool = False,
        hedge_after: float | str | None = None,
        split_thinking: bool = False,
        stand_in: StandIn | None = None,
        learn: bool = False,
        live: bool = False,
        state: State | None = None,
    ) -> None:
        self.users_environ: Mapping[str, str] = finder.environ  # where the user's files are, also for a stand-in
        self.finder, self.timeout, self.allow_empty, self.hedge_after = finder, timeout, allow_empty, hedge_after
        self.split_thinking = split_thinking
        self.listeners: list[Listener] = []
        self.stages: list[Stage] = []
        self.preferences: Preferences | None = None  # what all calls prefer
        self._gate: Gate | None = None
        self.rate_limits: Mapping[str, Any] | None = None
        self.verbose, self.tell, self.warn_once, self.who_could = (
            finder.verbose,
            finder.tell,
            finder.warn_once,
            finder.who_could,
        )
        self._learn, self.state = learn, state
        self.stand_in, self._random, self._policy, self._limits = stand_in, random, policy, limits
        finder.model_list = self.model_list
        self.keys_by_hand: list[str] = []  # kept where a stand-in has to leave them out
        self.narrowed: dict[tuple[object, ...], Pipeline] = {}
        # Gives the options of its list, to make it again elsewhere. A function: its repr shows no key.
        self.given: Callable[[], Mapping[str, Any]] | None = None
        if live and stand_in is None:
            from inference_providers.calls.live import LiveLists

            finder.accesses.live = LiveLists(finder, lambda: self.sender, self.narrowed.clear)

    def __repr__(self) -> str:
        return f"<Pipeline over {len(self.finder.registry.providers)} providers>"

    def cache_of_call(self, cache: Any, cache_config: Any) -> Mapping[str, Any] | bool | None:
        """What a call says of a cache, for its requests. Whoever can make one puts a function here that does."""
        raise ValueError("these calls have no cache")

    # What it is made of, each made when it is first needed

    @cached_property
    def policy(self) -> Policy:
        """The numbers of routing."""
        from inference_providers.routing import Policy

        if self._policy is None and self.stand_in is not None and self.stand_in.skips_backoff:
            return Policy(total=self.timeout, backoff_base=0.0)
        return self._policy or Policy(total=self.timeout)

    @cached_property
    def health(self) -> Health:
        """What is known of keys and providers, for all calls."""
        from inference_providers.routing import Health

        health = Health(self.policy, time.monotonic)
        if self._learn:
            from inference_providers.routing import Learned

            memory = Learned.of(self.finder.environ)
            if memory is not None:
                health.remember(memory)
        if self.state is not None:
            health.share(self.state)
        self.finder.present = health.present
        return health

    @property
    def gate(self) -> Gate:
        """What lets tries through, for calls that have preferences."""
        if self._gate is None:
            from inference_providers.calls.gate import Gate

            finder, shared = self.finder, self.stand_in is None
            self._gate = Gate(
                finder.registry, finder.environ, self.random, self.rate_limits, shared=shared, state=self.state
            )
        return self._gate

    @cached_property
    def limits(self) -> Limits:
        """How long each thing may take."""
        from inference_providers.transport import Limits

        return self._limits or Limits(total=self.timeout)

    @cached_property
    def random(self) -> Any:
        """The source of randomness."""
        if self._random is None:
            import random

            self._random = random.Random()
        return self._random

    def uniform(self, a: float, b: float) -> float:
        """A random number between a and b: most calls need none, and do not wait for the module that makes them."""
        number: float = self.random.uniform(a, b)
        return number

    @cached_property
    def sender(self) -> Sender:
        """What sends for synchronous programs."""
        from inference_providers.transport import Sender

        def real() -> Sender:
            return Sender(self.finder.environ, self.limits)

        stand_in = self.stand_in
        sender: Sender = real() if stand_in is None else stand_in.sender(real, self.secrets)
        return sender

    @cached_property
    def async_sender(self) -> AsyncSender:
        """What sends for asyncio."""
        from inference_providers.transport import AsyncSender

        def real() -> AsyncSender:
            return AsyncSender(self.finder.environ, self.limits)

        stand_in = self.stand_in
        sender: AsyncSender = real() if stand_in is None else stand_in.async_sender(real, self.secrets)
        return sender

    @cached_property
    def caller(self) -> Caller:
        """Calls of synchronous programs: a request and its candidates in, a reply out."""
        from inference_providers.calls.caller import Caller

        return Caller(self, self.sender, self.health)

    @cached_property
    def async_caller(self) -> AsyncCaller:
        """Calls of asyncio."""
        from inference_providers.calls.async_caller import AsyncCaller

        return AsyncCaller(self, self.async_sender, self.health)

    @cached_property
    def owners(self) -> Owners:
        """Which provider an id is from, for SDK clients."""
        from inference_providers.calls.owners import Owners

        return Owners()

    @cached_property
    def asker(self) -> Asker:
        """Questions of synchronous programs: models' names in, an answer or a candidate that works out."""
        from inference_providers.calls.asker import Asker

        return Asker(self, self.finder, self.caller)

    @cached_property
    def async_asker(self) -> AsyncAsker:
        """Questions of asyncio."""
        from inference_providers.calls.async_asker import AsyncAsker

        return AsyncAsker(self, self.finder, self.async_caller)

    def model_list(self, offer: Offer, limit: float) -> bytes:
        """What a provider replies within *limit* seconds that is asked, with its key, which models it has.

        Raises what a call raises.
        """
        from inference_providers.calls import listing
        from inference_providers.protocols import ModelRequest

        request = ModelRequest(path=listing.PATH, method="GET")
        return self.caller.call([offer], request, total=min(limit, self.timeout)).content

    def secrets(self) -> list[str]:
        """The keys in the environment, and those by hand, for those who must leave them out.

        Of keys that are loaded late those that are here: no other was sent.
        """
        providers, environ = self.finder.registry.providers.values(), self.finder.environ
        variables = {name for provider in providers for name in provider.key_variables}
        late = {name: late for name in variables if (late := environ.late(name)) is not None}
        found = [value for name in variables - late.keys() if (value := environ.get(name, "").strip())]
        found += [key for one in late.values() if (key := one.loaded) is not None]
        return [value for value in found if value != DUMMY_KEY] + self.keys_by_hand

    def late_keys(self) -> list[LateKey]:
        """The keys that are loaded later, and are not here yet."""
        rows, environ = self.finder.registry.providers.values(), self.finder.environ
        found = (environ.late(name) for name in {name for row in rows for name in row.key_variables})
        return [late for late in found if late is not None and late.loaded is None]

    # What is asked, and what is said about it

    def question(
        self,
        prompt: Any,
        parameters: Mapping[str, Any],
        *,
        system: str | None = None,
        images: Any = None,
        files: Any = None,
        extra_body: Mapping[str, Any] | None = None,
        routed: bool = True,
        cache: Any = None,
        cache_config: Any = None,
        **how: Any,
    ) -> Question:
        """What is asked, checked. Raises TypeError and ValueError.

        *routed*: whether it is for whoever can be asked, so that the call may have preferences.
        """
        from inference_providers import chat

        if cache is not None or cache_config is not None:
            how["cache"] = self.cache_of_call(cache, cache_config)
        preferences = self.preferences if routed else None
        if routed and not chat.PREFERRING.isdisjoint(parameters):
            parameters = {name: value for name, value in parameters.items() if value is not None}
            if not chat.PREFERRING.isdisjoint(parameters):
                preferences = self.preferring(parameters).over(preferences)
        turns = chat.messages(prompt, system)
        if images is not None:
            turns = chat.with_images(turns, chat.image_urls(images, self.finder.environ))
        if files is not None:
            turns = chat.with_parts(turns, chat.file_parts(files, self.finder.environ))
        question = chat.Question(turns, parameters, extra=extra_body, **how)
        if preferences is not None:
            question.preferences = preferences.for_call()
        if question.split_thinking is None:
            question.split_thinking = self.split_thinking
        for pattern in question.output_schema.unchecked if question.output_schema is not None else ():
            self.warn_once(
                f"the schema's {pattern!r} is not checked: it takes look-around or back-references, which a reply "
                "could make run for ever"
            )
        return question

    def request(self, body: Mapping[str, Any], question: Question) -> ModelRequest:
        """A request for a reply to a question, for whichever candidate."""
        from inference_providers.protocols import ModelRequest

        made = ModelRequest(
            body, allow_empty=self.allow_empty, unsupported=question.on_unsupported, untouched=question.extra
        )
        made.preferences, made.cache, made.caller = question.preferences, question.cache, question.caller
        return made

    def preferring(self, words: dict[str, Any], name: str = "") -> Preferences:
        """The preferences among a call's options, which are taken out of *words*.

        *name*: what is limited as one, where that is more than one call. Raises TypeError, ValueError and
        UnknownModelError.
        """
        from inference_providers.routing import preferences_of

        own = preferences_of(words, self.finder.provider_id)
        return own.for_call(name) if name else own

    def note(self, reply: Reply | StreamReply | AsyncStreamReply) -> None:
        """Say once what a provider did not get, and which engine could not be launched."""
        offer = reply.offer
        if reply.dropped:
            self.note_dropped(offer, reply.dropped)
        if len(reply.attempts) > 1:
            for attempt in reply.attempts:
                if getattr(attempt.error, "code", "") == "launch":
                    said = f"{attempt.outcome}\n{offer.provider}/{offer.internal_name} answered instead"
                    self.warn_once(said, key=attempt.outcome)

    def note_dropped(self, offer: Offer, dropped: Sequence[str]) -> None:
        """Say once for each provider what it did not get."""
        for name in dropped:
            what = f"{offer.provider} does not take {name} for {offer.internal_name}; it was left out"
            self.warn_once(f'{what} (on_unsupported="error" asks only those that take it)')


def options_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a list, out of what its pipeline is made of: those in groups beside the others."""
    groups = ("finding", "preferring", "calling")
    found = {name: value for name, value in given.items() if name not in groups}
    for group in groups:
        found.update(given[group])
    return found

"""How a list's options become its pipeline, and what every list says without asking anybody.

Raises what is wrong with options at once, and clearly.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from inference_providers.calls import LAUNCH, Finder, Pipeline, options_of
from inference_providers.chat import PREFERRING, check_timeout
from inference_providers.credentials import Environment, Secretive, hidden
from inference_providers.offers import Offers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Unpack

    import openai

    from inference_providers.chat import Models, Prompt, Question
    from inference_providers.clients.estimates import Estimate
    from inference_providers.clients.options import ClientTerms, EstimateOptions, Strategy, Terms
    from inference_providers.clients.sdk_transport import Options
    from inference_providers.clients.version_0_2 import Call
    from inference_providers.offers import Explanation, LocalServer, Offer, Offers, Resolution
    from inference_providers.registry import Registry
    from inference_providers.state import State
    from inference_providers.testing import StandIn
    from inference_providers.usage import Analytics, Performance


_PREFERRED = ("INFERENCE_PROVIDERS_POLICY", "INFERENCE_PROVIDERS_BUDGET")
# Options of a question that are no parameters of the model's.
_TERMS = ("avoid", "only", "api_key", "api_base")
_OF_CLIENTS = ("cache", "cache_config", "timeout", "hedge_after", "allow_empty")
_HOW = (
    "max_steps", "on_unsupported", "schema", "system", "images", "files", "extra_body", "split_thinking",
    "cache", "cache_config",
)  # fmt: skip


def _check_options(given: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise TypeError for what is none of the options of a call."""
    if unknown := next((word for word in given if word not in names), None):
        from inference_providers.chat import parameters

        raise parameters.unknown_option(unknown, names)


class Directory(Secretive):
    """Who can serve what: the part of a list that needs no network, or a look at this machine's ports at most."""

    pipeline: Pipeline
    registry: Registry
    compat = False  # whether this list is as one of version 0.2, as far as its pages say

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """A method or field that version 0.2 had."""
            if name.startswith("_") or name in ("pipeline", "registry"):  # missing while the constructor runs
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            from inference_providers.clients import version_0_2

            return version_0_2.member(self, name)

    def __repr__(self) -> str:
        registry = self.__dict__.get("registry")  # missing while the constructor runs
        return f"<{type(self).__name__}{f' of {len(registry.providers)} providers' if registry else ''}>"

    @property
    def timeout(self) -> float:
        """Seconds for a whole call; may be set."""
        return self.pipeline.timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        if "pipeline" in self.__dict__:  # not yet where a subclass sets it before our constructor, which then decides
            self.pipeline.timeout = seconds

    @property
    def verbose(self) -> bool:
        """Whether to tell what is tried; may be set."""
        return self.pipeline.verbose

    @verbose.setter
    def verbose(self, verbose: bool) -> None:
        if "pipeline" in self.__dict__:
            self.pipeline.verbose = self.pipeline.finder.verbose = verbose

    def configure_providers(self, preferences: Mapping[str, Any]) -> None:
        """Prefer, for all calls from now on that say nothing else.

        Args:
            preferences: `primary`: the provider that is asked first. `fallback`: a list of those that are asked after
                it, nobody else (without it, whoever else serves the model). `cost_optimization`: true for the cheapest
                first, or `{"max_cost": USD for each call, "prefer_cheaper": ..., "quality_threshold": ...}`.
                `latency_optimization`: true for the fastest first. `quality_threshold`: from 0 to 1, how good a model
                must be that is not named.

        Raises:
            TypeError: A preference is unknown, or of the wrong type.
            ValueError: A preference's value is out of range.
            UnknownModelError: A provider is named that nobody is called.
        """
        from inference_providers.routing import configured

        made = configured(preferences, self.pipeline.finder.provider_id)
        self.pipeline.preferences = made.beside(self.pipeline.preferences)

    def get_canonical_model_names(self) -> list[str]:
        """Every canonical name in the registry.

        Returns:
            The names, sorted.
        """
        return sorted(self.registry.canonical_names)

    def find_model_providers(self, canonical_name: str | None = None) -> Offers:
        """Who can serve a model now: one offer for each provider, in registry order.

        Servers on this machine come first for models with open weights, else last.

        Args:
            canonical_name: The model, in any spelling. Default: every model.

        Returns:
            The offers, none if no key for the model is set: a list that a notebook shows as a table; its `table()` and
            `to_pandas()` have no keys.

        Raises:
            UnknownModelError: No rule resolves the name.
        """
        if canonical_name is None or self.compat:
            from inference_providers.clients import version_0_2

            return Offers(version_0_2.providers_of(self, canonical_name))
        return Offers(self.pipeline.finder.find_model_providers(canonical_name))

    def resolve(self, name: str, *, provider: str | None = None) -> Resolution:
        """Which model a name means, by which rule, and every offer of it, usable or not.

        Args:
            name: A model's name in any spelling.
            provider: The id of the provider whose name it is.

        Returns:
            The rule, the canonical name and the offers.

        Raises:
            UnknownModelError: No rule resolves the name.
        """
        return self.pipeline.finder.resolver.resolve(name, provider)

    def explain(self, name: str | None = None, *, policy: Strategy | None = None) -> Explanation:
        """Every offer of a model (or of the automatic choice), and why it is or is not a candidate.

        Args:
            name: The model, in any spelling. Default: the automatic choice.
            policy: In which order they are asked, with the arithmetic. Default: that of the list, or of the name.

        Returns:
            What prints as a table.

        Raises:
            UnknownModelError: No rule resolves the name.
            ValueError: There is no such policy.
        """
        found = self.pipeline.finder.explain(name)
        if policy is None and self.pipeline.preferences is None and ":" not in (name or ""):
            return found
        from inference_providers.calls import explained

        return explained(self.pipeline, found, policy)

    def candidates(self, name: str, *, provider: str | None = None) -> Offers:
        """The candidates for a name, in the order in which they are tried.

        Args:
            name: The model, in any spelling.
            provider: The id of the one provider to ask.

        Returns:
            Their offers.

        Raises:
            UnknownModelError: No rule resolves the name.
            NoCredentialsError: There is no key for it; `variables` names those that would help.
        """
        return Offers(self.pipeline.finder.own_candidates(name, provider=provider))

    def local_servers(self) -> list[LocalServer]:
        """The model servers that run on this machine; a look at known ports counts for ten seconds.

        Returns:
            The servers, with their addresses and models.
        """
        return self.pipeline.finder.own_local_servers()

    def estimate(self, question: Prompt, model: Models = None, **options: Unpack[EstimateOptions]) -> Estimate:
        """What a question may take and cost, before it is sent.

        Tokens are counted by `tiktoken` or `tokenizers` where they are installed and have what they need, else by
        characters.

        Args:
            question: Text, a list of messages, or a `Conversation`.
            model: A name in any spelling, or several, best first. It is estimated for the first candidate.

        Keyword Args:
            system (str): The system prompt.
            images: A picture, or several: paths, addresses or bytes.
            files: Files of any kind, one or several: paths, addresses, bytes, or (name, bytes).
            schema: What the answer must fit.
            extra_body (dict): Fields that go into the request as they are.
            max_tokens (int): The most tokens that the answer may have.
            temperature (float): Randomness, from 0 to 2.
            top_p, top_k, min_p (float): Which tokens may be chosen.
            seed (int): The same seed gives much the same answer.
            stop (str | list[str]): Text before which the answer ends.
            stop_token_ids (list[int]): Tokens at which it ends.
            frequency_penalty, presence_penalty, repetition_penalty (float): How much repetition is discouraged.
            logit_bias (dict[int, float]): A bias for each token id.
            logprobs, top_logprobs, n: Log probabilities and further answers, which are in `answer.data`.
            response_format (str | dict): "json", or OpenAI's object.
            reasoning_effort (str): "low", "medium", "high", or what else the model has.
            guided_json, guided_regex, guided_choice, guided_grammar: What the answer must look like, for servers with
                that.
            verbosity, service_tier, user (str): Passed on.
            tools (list[Callable | dict]): Functions that the model may call, until it answers; or descriptions of
                tools, whose calls are in `answer.tool_calls`.
            tool_choice (str | dict): "auto", "none", "required", or the tool that must be called.
            parallel_tool_calls (bool): Whether the model may call several at once.

        Returns:
            Tokens and USD from the least to the most, None where nobody knows; `.method` says how tokens were counted.

        Raises:
            NoCredentialsError: There is no key for the model.
            UnknownModelError: The name means no model.
            TypeError: An option is unknown, or of the wrong type.
            ValueError: An option's value is out of range.
        """
        from inference_providers.clients.estimates import estimated

        return estimated(self.pipeline, question, model, options)

    def analytics(
        self, timeframe: str = "last_30_days", metrics: Sequence[str] | None = None, *, caller: str | None = None
    ) -> Analytics:
        """What was used in a time, as this user's log has it: requests, tokens, costs, latency (docs/usage.md).

        Args:
            timeframe: "last_30_days", "7d", "today", "this_month", ...
            metrics: Of "requests", "tokens", "costs", "latency". Default: all.
            caller: Only calls of this one of those whom a gateway serves, by its id.

        Returns:
            The numbers; `as_dict()` has them for JSON.

        Raises:
            ValueError: There is no such time or metric.
        """
        from inference_providers.usage import Analytics, LogFile

        return Analytics(LogFile.of(self.pipeline.users_environ), timeframe, metrics, caller=caller)

    def performance(
        self,
        model: str,
        metrics: Sequence[str] | None = None,
        *,
        timeframe: str = "last_30_days",
        caller: str | None = None,
    ) -> Performance:
        """How well a model did, as this user's log has it.

        Args:
            model: Its name, or `provider/model`.
            metrics: Of "success_rate", "avg_latency" (seconds), "p95_latency" (seconds). Default: all.
            timeframe: "last_30_days", "7d", "today", "this_month", ...
            caller: Only calls of this one of those whom a gateway serves, by its id.

        Returns:
            The numbers.

        Raises:
            ValueError: There is no such time or metric.
        """
        from inference_providers.usage import LogFile, Performance

        head, _, rest = model.partition("/")
        provider = self.registry.provider_id(head) if rest else None
        name = rest if provider else model
        names = sorted({name, self.registry.names.canonical_name(name) or name})
        file = LogFile.of(self.pipeline.users_environ)
        return Performance(file, model, names, metrics, provider=provider, timeframe=timeframe, caller=caller)

    def _connecting(self, terms: Terms, test: bool) -> Call:
        """A call that connects, under these terms."""
        from inference_providers.clients import version_0_2

        return version_0_2.connecting(self, terms, test)

    def _routed(
        self, models: Any, timeout: float | None, hedge_after: Any, allow_empty: bool | None, terms: ClientTerms
    ) -> tuple[Pipeline, Options]:
        """What a client that routes is made of: the pipeline under its terms, and its options."""
        from inference_providers.clients import sdk_transport

        _check_options(terms, [*_TERMS, *PREFERRING, *_OF_CLIENTS])
        words: dict[str, Any] = {name: terms.pop(name) for name in PREFERRING & terms.keys()}  # type: ignore[misc]
        cache = self.pipeline.cache_of_call(terms.pop("cache", None), terms.pop("cache_config", None))
        pipeline = self._within(terms) if terms else self.pipeline
        options = sdk_transport.options_of(pipeline, models, timeout, hedge_after, allow_empty)
        options.preferences = pipeline.preferring(words).over(pipeline.preferences) if words else None
        options.cache = cache
        return pipeline, options

    def _tested(self, options: dict[str, Any], test: bool) -> bool:
        """Whether whoever answers is tested first, by the word of today or by that of version 0.2."""
        if "verify" not in options:
            return test
        from inference_providers.clients import version_0_2

        return version_0_2.verified(self, options, 4)

    def _asked(self, question: Any, options: dict[str, Any]) -> tuple[Pipeline, Question]:
        """The pipeline under a call's terms, and what is asked, checked. *options*: those of `ask_ai`, all of them."""
        terms: Any = {name: options.pop(name, None) for name in _TERMS}
        how = {name: options.pop(name) for name in _HOW if name in options}
        asked = self.pipeline.question(question, options, **how)
        return self._within(terms), asked

    def _within(self, terms: Terms) -> Pipeline:
        """The pipeline under a call's terms; from here on, *terms* shows its key as "[key]"."""
        _check_options(terms, _TERMS)
        if all(value is None for value in terms.values()):
            return self.pipeline
        from inference_providers.calls import narrowed

        terms["api_key"] = hidden(terms.get("api_key"))
        return narrowed(self.pipeline, **terms)

    @staticmethod
    def get_updated_provider_list(verbose: bool = False) -> dict[str, Any]:
        """The newest registry: downloaded now and kept, else the last good one, else the bundled one.

        Args:
            verbose: Whether to tell of it on standard error.

        Returns:
            The registry as a dict; JSON text with `INFERENCE_PROVIDERS_COMPAT=0.2`, as it was then.
        """
        from inference_providers.clients import version_0_2
        from inference_providers.upkeep import newest

        found = newest()
        if verbose:
            from inference_providers.log import tell

            tell(f"the newest list has {len(found['providers'])} providers")
        data: dict[str, Any] = version_0_2.updated(found)
        return data


def client_of(pipeline: Pipeline, offer: Offer) -> openai.OpenAI:
    """The client of one candidate."""
    from inference_providers.clients import sdk_transport

    return sdk_transport.client_of(pipeline, offer)


def async_client_of(pipeline: Pipeline, offer: Offer) -> openai.AsyncOpenAI:
    """The asynchronous client of one candidate."""
    from inference_providers.clients import sdk_transport

    return sdk_transport.async_client_of(pipeline, offer)


def as_in_0_2(auto_update: Any, json_merge: Any, more: Sequence[Any]) -> tuple[bool, Any]:
    """`auto_update` and `json_merge` of arguments in the order of version 0.2, where *json_merge* was the third.

    *auto_update* is that third one, *more* what came after it. Raises TypeError for more than there were.
    """
    if len(more) > 1 or json_merge is not None:
        raise TypeError("without their names a list takes verbose, json_override and auto_update only")
    return bool(more and more[0]), auto_update


def is_compatible(compat: str | None, environ: Mapping[str, str]) -> bool:
    """Whether a list is to be as one of version 0.2. Raises ValueError for another version."""
    if compat is None and "INFERENCE_PROVIDERS_COMPAT" not in environ:
        return False
    from inference_providers.clients import version_0_2

    return version_0_2.wanted(compat, environ)


def pipeline_of(
    *,
    environ: Mapping[str, str] | None,
    local: bool | str,
    timeout: float,
    hedge_after: float | str | None,
    aliases: Mapping[str, str] | None,
    mock: Mapping[str, Any] | None,
    finding: dict[str, Any],
    calling: dict[str, Any],
    preferring: dict[str, Any],
    split_thinking: bool,
    cache: Any = None,
    settings: bool = False,
) -> Pipeline:
    """A pipeline over these providers: *finding* are further options of its `Finder`, *calling* of its calls.

    *preferring*: `policy`, `budget` and `rate_limits`, as in `ProviderList`. *cache*: options of its cache, if it has
    one. *settings*: whether the user's files count, too.
    """
    given = options_of(locals())
    _check(timeout, hedge_after, environ, aliases)
    if local not in (True, False, LAUNCH):
        raise ValueError(f'local must be True, False or "{LAUNCH}", not {local!r}')
    stand_in = _stand_in(mock)
    users = Environment.of(os.environ if environ is None else environ)
    if settings:
        from inference_providers.settings import with_settings

        environ, aliases = with_settings(users, aliases)
        users = Environment.of(environ)
    if stand_in is not None:
        environ = stand_in.environ(users)
        registry = stand_in.registry()
        if registry is not None:
            local, finding = False, {**finding, "json_override": registry, "auto_update": False}
    finder = Finder(environ=environ, local=local, aliases=aliases, **finding)
    log, traced = calling.pop("log", None), calling.pop("telemetry", False)
    if (state := calling.get("state")) is None:
        state = users.get("INFERENCE_PROVIDERS_STATE") or None
    if state is not None:
        calling["state"] = _state(state, users, alone=stand_in is not None)
    numbers = preferring["policy"] if hasattr(preferring["policy"], "backoff_base") else None
    calling = {**calling, "split_thinking": split_thinking, "policy": numbers}
    pipeline = Pipeline(finder, timeout=timeout, hedge_after=hedge_after, stand_in=stand_in, **calling)
    pipeline.users_environ, pipeline.given = users, lambda: given
    _prefer(pipeline, **{**preferring, "policy": None} if numbers is not None else preferring)
    _cache(pipeline, cache)
    if log or (log is None and stand_in is None and users.get("INFERENCE_PROVIDERS_LOG")):
        from inference_providers.telemetry import keep_log

        keep_log(pipeline, log, users)
    if traced:
        from inference_providers.telemetry import trace

        trace(pipeline)
    return pipeline


def _state(given: Any, environ: Mapping[str, str], *, alone: bool) -> State | None:
    """The state that a list shares; none for one that asks nobody. Raises ValueError."""
    from inference_providers.state import state_of

    state = state_of(given, environ)
    return None if alone else state


def _cache(pipeline: Pipeline, cache: Any) -> None:
    """Have a list keep replies, if it is told to, and each of its calls say what it wants of that."""
    pipeline.cache_of_call = partial(_cache_of_call, pipeline)  # type: ignore[method-assign]
    if cache is not None and cache is not False:
        from inference_providers.cache import installed

        installed(pipeline, cache)


def _cache_of_call(pipeline: Pipeline, cache: Any, cache_config: Any) -> Any:
    if cache is None and cache_config is None:
        return None
    from inference_providers.cache import of_call

    return of_call(pipeline, cache, cache_config)


def _prefer(pipeline: Pipeline, policy: Any, budget: Any, rate_limits: Any) -> None:
    """What a list is to prefer in all calls. Raises TypeError, ValueError and UnknownModelError."""
    environ = pipeline.finder.environ
    if policy is None and budget is None and rate_limits is None and not any(map(environ.get, _PREFERRED)):
        return
    from inference_providers import routing

    made = pipeline.preferences = routing.Preferences()
    made.strategy, made.budget = routing.strategy_of(policy, environ), routing.budget_of(budget, environ)
    if rate_limits is not None:
        pipeline.rate_limits = routing.checked_rates(rate_limits, pipeline.finder.provider_id)
    _ = pipeline.gate  # made once, before there are threads


def _stand_in(mock: Mapping[str, Any] | None) -> StandIn | None:
    """What answers instead of providers: these replies, or what a test has put in place."""
    if mock is None:
        if "inference_providers.testing.stand_in" not in sys.modules:
            return None  # whoever puts one in place loads the module
        from inference_providers.testing import stand_in

        return stand_in.active
    from inference_providers.testing import Mock

    return Mock(mock)


def _check(timeout: Any, hedge_after: Any, environ: Any, aliases: Any) -> None:
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

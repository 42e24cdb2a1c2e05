# Made of `async_provider_list.py` by `make generate`: change that, not this.
"""`ProviderList`: what programs hold. Options in, a pipeline asked."""

from __future__ import annotations

from inference_providers.chat import DROP, MAX_STEPS, check_timeout
from inference_providers.clients.construction import Directory, as_in_0_2, client_of, is_compatible, pipeline_of
from inference_providers.clients.other_kinds import OtherKinds
from inference_providers.credentials import hidden

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Literal, TypeVar, Unpack, overload

    import openai

    from inference_providers.batches import Batch
    from inference_providers.calls import AnswerStream
    from inference_providers.chat import Answer, Models, Prompt
    from inference_providers.clients.connection import Connection
    from inference_providers.clients.options import (
        AskOptions,
        BatchOptions,
        ClientTerms,
        Files,
        GenerationOptions,
        Items,
        Names,
        Percentile,
        Pictures,
        PlainOptions,
        Strategy,
        StreamOptions,
        Terms,
    )
    from inference_providers.offers import Offer
    from inference_providers.registry import Registry
    from inference_providers.routing import Policy
    from inference_providers.transport import Limits

    T = TypeVar("T")


class ProviderList(OtherKinds, Directory):
    """Finds who can serve a model with the keys and servers that are there, and connects to them.

    One list may be used from several threads; an asynchronous one from several event loops, one after another.

    Args:
        verbose: Whether to tell, on the `inference_providers` logger and on standard error, what is tried.
        json_override: A registry instead of the bundled one: a path, JSON text or a dict.
        auto_update: Whether to use the newest registry, downloaded at most once a day.
        json_merge: Changes over the bundled registry, as a JSON Merge Patch: null removes.
        environ: The environment, all of it: keys, folders, proxies, `PATH`. Default: `os.environ`.
        local: Whether to look for model servers on this machine. "launch": also start one for a model with open weights
            that lies here, before a provider is asked.
        local_models: Models that may be launched: paths, or objects as in a model list (`name`, `model_path`,
            `tokenizer_path`, `engine`, `context`, ...), which may also say `command`.
        trust: Further hosts to which keys may go: `{"OPENAI_API_KEY": ["proxy.example.com"]}`.
        timeout: Seconds for a whole call, retries and fallbacks included.
        allow: Providers whose general-purpose token (`GITHUB_TOKEN`, `HF_TOKEN`, ...) may be used without naming them.
            Also `INFERENCE_PROVIDERS_ALLOW`, separated by commas.
        avoid: Providers never to ask, by id or country (`"CN"`, `"China"`); "local": any server on this machine. Also
            `INFERENCE_PROVIDERS_AVOID`. It holds for every call, in fallbacks and hedges, too: a call can only add to
            it.
        only: Providers or countries; nobody else is ever asked. Who has no known country is in none. Also
            `INFERENCE_PROVIDERS_ONLY`.
        aliases: Your own names for models: `{"work": "gpt-5.5"}`.
        update_url: Where a newer registry comes from. Default: `INFERENCE_PROVIDERS_URL`, else models.dev.
        random: The source of randomness (`random.Random`) for `choose_randomly` and for pauses.
        policy: Who is asked first (docs/policies.md): "listed", "random", "cheapest", "fastest", "smartest",
            "balanced", or a function that puts a list of offers in order. Or the numbers of retry and cool-down, a
            `Policy`.
        budget: What may be spent, in USD: `{"per_call": 0.5, "per_day": 5.0, "per_month": 50.0}` (docs/limits.md).
        rate_limits: Requests and tokens by the minute that a provider may be sent, by its id (docs/limits.md).
        limits: How long each step of a request may take, a `Limits`.
        allow_empty: Whether an empty reply is an answer.
        hedge_after: Seconds, or "p95", after which a second provider is asked as well, for calls that are not streamed;
            at most one request in twenty is such an extra one. Default: never.
        split_thinking: Whether thoughts between tags (`<think>`) at the beginning of an answer are kept apart from it.
        mock: Replies instead of providers, by model; neither a key nor the network is used (docs/testing.md).
        learn: Whether to remember for a week what providers refuse, in a file of the user's (`inference-providers
            learned`).
        state: "shared": share refused keys, cool-downs and used minutes with processes that say the same
            (docs/limits.md). Or the path of the file for that.
        cache: Whether to keep replies, and give them again to whoever asks the same; or options (docs/cache.md).
        live: Whether what providers themselves say that they have corrects the registry; asked for in the background,
            daily.
        log: What to keep of calls: tokens, costs and times ("usage"), texts as well ("text"), or nothing ("off").
            Default: `INFERENCE_PROVIDERS_LOG`, else nothing.
        telemetry: Whether to tell OpenTelemetry of calls.
        settings: Whether the keys and settings that the user has stored count, too (docs/settings.md).
        compat: "0.2" for programs of that version of this package (docs/moving.md). Also `INFERENCE_PROVIDERS_COMPAT`.

    Raises:
        RegistryError: *json_override* or *json_merge* is invalid; `problems` has each problem with its JSON path.
        TypeError: An option is of the wrong type.
        ValueError: An option's value is out of range.
        UnknownModelError: *policy*, *budget* or *rate_limits* name a provider that nobody is called.
    """

    def __init__(
        self,
        verbose: bool = False,
        json_override: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        auto_update: bool = False,
        *of_0_2: bool,
        json_merge: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        local: bool | Literal["launch"] = True,
        local_models: Iterable[Any] = (),
        trust: Mapping[str, Sequence[str]] | None = None,
        timeout: float = 600.0,
        allow: Iterable[str] = (),
        avoid: Names | None = None,
        only: Names | None = None,
        aliases: Mapping[str, str] | None = None,
        update_url: str | None = None,
        random: Any = None,
        policy: Policy | Strategy | None = None,
        budget: Mapping[str, Any] | None = None,
        rate_limits: Mapping[str, Mapping[str, float]] | None = None,
        limits: Limits | None = None,
        allow_empty: bool = False,
        hedge_after: float | Percentile | None = None,
        split_thinking: bool = False,
        mock: Mapping[str, Any] | None = None,
        learn: bool = False,
        state: str | None = None,
        cache: bool | Mapping[str, Any] | None = None,
        live: bool = False,
        log: Literal["usage", "text", "off"] | bool | None = None,
        telemetry: bool = False,
        compat: Literal["0.2"] | None = None,
        settings: bool = False,
    ) -> None:
        if of_0_2 or isinstance(auto_update, str | dict):
            auto_update, json_merge = as_in_0_2(auto_update, json_merge, of_0_2)
        finding = {
            "verbose": verbose, "json_override": json_override, "auto_update": auto_update, "json_merge": json_merge,
            "local_models": local_models, "trust": trust, "allow": allow, "update_url": update_url, "avoid": avoid,
            "only": only,
        }  # fmt: skip
        self.pipeline = pipeline_of(
            environ=environ, local=local, timeout=timeout, hedge_after=hedge_after, aliases=aliases, mock=mock,
            finding=finding, preferring={"policy": policy, "budget": budget, "rate_limits": rate_limits},
            calling={
                "random": random, "learn": learn, "live": live, "limits": limits, "allow_empty": allow_empty,
                "log": log, "telemetry": telemetry, "state": state,
            },
            split_thinking=split_thinking, cache=cache, settings=settings,
        )  # fmt: skip
        self.compat = is_compatible(compat, self.pipeline.finder.environ)
        self.pipeline.finder.holder = self
        self.registry: Registry = self.pipeline.finder.registry

    def connect_to_model(
        self,
        canonical_name: str,
        choose_randomly: bool = False,
        test: bool = False,
        *,
        provider: str | None = None,
        **terms: Unpack[Terms],
    ) -> Connection:
        """A connected client and the provider's name for the model.

        The next candidate is started when one has not answered in 250 ms.

        Args:
            canonical_name: The model, in any spelling.
            choose_randomly: Whether candidates are tried in random order. Default: in the registry's.
            test: Whether a candidate works only if a short inference succeeds. Without it, it does if its server
                answers a request that carries neither key nor prompt.
            provider: The id of the one provider to connect to.

        Keyword Args:
            avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
            only (str | list[str]): Providers or countries; nobody else is asked.
            api_key (str): The key for the one provider that is named, which alone is asked.
            api_base (str): The address of an OpenAI-compatible server, which alone is asked.

        Returns:
            A pair of an `openai.OpenAI` and the provider's name for the model, with `.provider`, `.offer`,
            `.attempts`.

        Raises:
            UnknownModelError: The name means no model; `suggestions` has the closest.
            NoCredentialsError: There is no key for it; `variables` names those that would help.
            AllProvidersFailedError: Nobody could be reached; `attempts` has each of them.
        """
        with self._connecting(terms, test) as call:
            offers = call.pipeline.asker.candidates(canonical_name, provider)
            if choose_randomly:
                from inference_providers.offers import shuffled

                offers = shuffled(offers, self.pipeline.random)
            return self._connection(*call.pipeline.asker.connected(offers, call.test))
        return call.nobody  # with compat="0.2"

    def connect_to_first_available_model(
        self, model_names: Sequence[str], test: bool = False, **terms: Unpack[Terms]
    ) -> Connection:
        """A connection to the first of several models that works; those without a key are passed over.

        Args:
            model_names: Names in any spelling, best first.
            test: Whether a short inference must succeed, as for `connect_to_model`.

        Keyword Args:
            avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
            only (str | list[str]): Providers or countries; nobody else is asked.
            api_key (str): The key for the one provider that is named, which alone is asked.
            api_base (str): The address of an OpenAI-compatible server, which alone is asked.

        Returns:
            A pair of an `openai.OpenAI` and the provider's name for the model, with `.provider`, `.offer`,
            `.attempts`.

        Raises:
            UnknownModelError: None of the names means a model.
            NoCredentialsError: There is no key for it; `variables` names those that would help.
            AllProvidersFailedError: Nobody could be reached; `attempts` has each of them.
        """
        with self._connecting(terms, test) as call:
            offers = call.pipeline.asker.first_available(model_names)
            return self._connection(*call.pipeline.asker.connected(offers, call.test))
        return call.nobody

    def connect_to_ai(self, test: bool = True, **terms: Unpack[Terms]) -> Connection:
        """A connection to the best model that the keys can reach, else to a server on this machine.

        The best is the first of the registry's `auto_model_priority`.

        Args:
            test: Whether a short inference must succeed, as for `connect_to_model`.

        Keyword Args:
            avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
            only (str | list[str]): Providers or countries; nobody else is asked.
            api_key (str): The key for the one provider that is named, which alone is asked.
            api_base (str): The address of an OpenAI-compatible server, which alone is asked.

        Returns:
            A pair of an `openai.OpenAI` and the provider's name for the model, with `.provider`, `.offer`,
            `.attempts`.

        Raises:
            NoCredentialsError: There is no key for it; `variables` names those that would help.
            AllProvidersFailedError: Nobody could be reached; `attempts` has each of them.
        """
        with self._connecting(terms, test) as call:
            return self._connection(*call.pipeline.asker.best_connected(call.test))
        return call.nobody

    def _connection(self, offer: Offer, attempts: Sequence[Any]) -> Connection:
        from inference_providers.clients.connection import Connection

        made = Connection(offer, attempts, lambda: client_of(self.pipeline, offer))
        return tuple(made) if self.compat else made  # type: ignore[return-value]

    def client(
        self,
        models: str | Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        hedge_after: float | Percentile | None = None,
        allow_empty: bool | None = None,
        **terms: Unpack[ClientTerms],
    ) -> openai.OpenAI:
        """A real `openai.OpenAI` that routes every request and falls back, whatever SDK method is called.

        `model=` in a call takes anything that `resolve` takes, or "auto"; several go through `extra_body={"models":
        [...]}`. Who answered is in the headers `x-inference-provider`, `x-inference-model` and `x-inference-attempts`
        (`with_raw_response`). Keys that were refused and providers that cool down are remembered for all clients of
        this list.

        Args:
            models: A name or several, best first, for calls that say `model="default"`.
            timeout: Seconds for a whole call, retries and fallbacks included. Default: that of the list.
            hedge_after: Seconds, or "p95", after which a second provider is asked as well. Default: that of the list.
            allow_empty: Whether an empty reply is an answer. Default: that of the list.

        Keyword Args:
            avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
            only (str | list[str]): Providers or countries; nobody else is asked.
            api_key (str): The key for the one provider that is named, which alone is asked.
            api_base (str): The address of an OpenAI-compatible server, which alone is asked.
            policy (str | Callable): Who is asked first: "listed", "random", "cheapest", "fastest", "smartest",
                "balanced", or a function that puts a list of offers in order.
            max_cost (float): The most that each request may cost, in USD; what may cost more is not sent.
            provider (str): The provider that is asked; with *fallback_providers*, the first of them.
            fallback_providers (list[str]): Who is asked after it, in this order, and nobody else.
            quality_threshold (float): From 0 to 1, how good a model must be that you did not name.
            retry_attempts (int): How often one candidate is asked again.
            backoff_multiplier (float): By how much each pause may be longer than the last.
            strategies (list[dict]): Providers to ask in this order, each with a `model` and a `timeout` (milliseconds)
                of its own.
            fallback_config (dict): *fallback_providers*, *retry_attempts* and *backoff_multiplier* in one.
            cost_optimization (bool | dict): True is `policy="cheapest"`.
            latency_optimization (bool): True is `policy="fastest"`.
            cache (bool | dict): Whether a kept reply will do, and a new one is kept; or options (docs/cache.md).
                Default: that of the list.
            cache_config (dict): The same options under another tool's name.

        Returns:
            The client. What fails in the end is the SDK's own exception; its `__cause__` is ours, with every attempt.

        Raises:
            TypeError: An option is unknown, or of the wrong type.
            ValueError: An option's value is out of range.
        """
        from inference_providers.clients import sdk_transport

        return sdk_transport.client(*self._routed(models, timeout, hedge_after, allow_empty, terms))

    def async_client(
        self,
        models: str | Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        hedge_after: float | Percentile | None = None,
        allow_empty: bool | None = None,
        **terms: Unpack[ClientTerms],
    ) -> openai.AsyncOpenAI:
        """A client of the SDK for asyncio that routes every request and falls back, as that of `client()`.

        Args:
            models: A name or several, best first, for calls that say `model="default"`.
            timeout: Seconds for a whole call, retries and fallbacks included. Default: that of the list.
            hedge_after: Seconds, or "p95", after which a second provider is asked as well. Default: that of the list.
            allow_empty: Whether an empty reply is an answer. Default: that of the list.

        Keyword Args:
            avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
            only (str | list[str]): Providers or countries; nobody else is asked.
            api_key (str): The key for the one provider that is named, which alone is asked.
            api_base (str): The address of an OpenAI-compatible server, which alone is asked.
            policy (str | Callable): Who is asked first: "listed", "random", "cheapest", "fastest", "smartest",
                "balanced", or a function that puts a list of offers in order.
            max_cost (float): The most that each request may cost, in USD; what may cost more is not sent.
            provider (str): The provider that is asked; with *fallback_providers*, the first of them.
            fallback_providers (list[str]): Who is asked after it, in this order, and nobody else.
            quality_threshold (float): From 0 to 1, how good a model must be that you did not name.
            retry_attempts (int): How often one candidate is asked again.
            backoff_multiplier (float): By how much each pause may be longer than the last.
            strategies (list[dict]): Providers to ask in this order, each with a `model` and a `timeout` (milliseconds)
                of its own.
            fallback_config (dict): *fallback_providers*, *retry_attempts* and *backoff_multiplier* in one.
            cost_optimization (bool | dict): True is `policy="cheapest"`.
            latency_optimization (bool): True is `policy="fastest"`.
            cache (bool | dict): Whether a kept reply will do, and a new one is kept; or options (docs/cache.md).
                Default: that of the list.
            cache_config (dict): The same options under another tool's name.

        Returns:
            The client.

        Raises:
            TypeError: An option is unknown, or of the wrong type.
            ValueError: An option's value is out of range.
        """
        from inference_providers.clients import sdk_transport

        return sdk_transport.async_client(*self._routed(models, timeout, hedge_after, allow_empty, terms))

    def get_response(
        self,
        client: openai.OpenAI,
        model_name: str,
        prompt: Prompt,
        *,
        system: str | None = None,
        images: Pictures | None = None,
        files: Files | None = None,
        extra_body: Mapping[str, Any] | None = None,
        split_thinking: bool | None = None,
        **parameters: Unpack[GenerationOptions],
    ) -> Answer:
        """Ask a connected client one question.

        Args:
            client: A client of `connect_to_model` and the like, of `client()`, or any other of the SDK's.
            model_name: The model, as that client's server calls it.
            prompt: Text, a list of messages, or a `Conversation`.
            system: The system prompt.
            images: A picture, or several: paths, addresses or bytes.
            files: Files of any kind, one or several: paths, addresses, bytes, or (name, bytes).
            extra_body: Fields that go into the request as they are.
            split_thinking: Whether thoughts between tags (`<think>`) at the beginning are kept apart from the text.

        Keyword Args:
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
            tools (list[dict]): Descriptions of tools, whose calls are in `answer.tool_calls`.
            tool_choice (str | dict): "auto", "none", "required", or the tool that must be called.
            parallel_tool_calls (bool): Whether the model may call several at once.

        Returns:
            The answer, a `str` with `.usage`, `.cost` and more.

        Raises:
            ProviderError: The server refused or failed; the kind says how.
            TypeError: An option is unknown, or of the wrong type.
            ValueError: An option's value is out of range, or a tool is a function.
        """
        import openai

        from inference_providers.clients.connection import ClientCall, our_error

        how: dict[str, Any] = {"extra_body": extra_body, "split_thinking": split_thinking, "routed": False}
        how |= {"images": images, "files": files}
        with self._connecting({}, False) as before:
            asked = self.pipeline.question(prompt, parameters, system=before.system(system), **how)
            call = ClientCall(asked, model_name)
            try:
                reply = client.chat.completions.with_raw_response.create(**call.arguments)
            except openai.APIError as error:
                raise our_error(error, model_name) from None
            return call.answer(reply, self.registry)
        return before.nothing

    if TYPE_CHECKING:

        @overload
        def ask_ai(
            self,
            question: Prompt,
            model: Models = None,
            *,
            schema: type[T],
            stream: Literal[False] = False,
            **options: Unpack[PlainOptions],
        ) -> Answer[T]: ...

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

        @overload
        def ask_ai(
            self, question: Prompt, model: Models = None, *, stream: bool, **options: Unpack[StreamOptions]
        ) -> Answer | AnswerStream: ...

    def ask_ai(
        self,
        question: Prompt,
        model: Models = None,
        *,
        test: bool = True,
        system: str | None = None,
        images: Any = None,
        files: Any = None,
        schema: Any = None,
        stream: bool = False,
        max_steps: int = MAX_STEPS,
        on_unsupported: str = DROP,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        avoid: Names | None = None,
        only: Names | None = None,
        api_key: str | None = None,
        api_base: str | None = None,
        split_thinking: bool | None = None,
        cache: bool | Mapping[str, Any] | None = None,
        cache_config: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> Answer | AnswerStream:
        """Ask the best model within reach, or *model*; its answer.

        Whoever fails to answer is followed by the next candidate. Other tools' words for parameters work as well, such
        as `max_new_tokens` and `stop_strings` (docs/parameters.md).

        Args:
            question: Text, a list of messages, or a `Conversation`.
            model: A name in any spelling, or several, best first. Default: the best model that a key reaches, else what
                a server on this machine has.
            test: Whether the next candidate is asked when one fails. Without it the first whose server can be reached
                is asked, and its failure is raised.
            system: The system prompt.
            images: A picture, or several: paths, addresses or bytes.
            files: Files of any kind, one or several: paths, addresses, bytes, or (name, bytes). Pictures, PDF files,
                sound and text are told by how they begin, and only models that take them are asked.
            schema: What the answer must fit: a JSON Schema, or a type such as a pydantic model. The value is
                `answer.parsed`. A reply that does not fit is sent back once.
            stream: Whether to give text as it comes.
            max_steps: The most replies in which the model may call tools. Default: 10.
            on_unsupported: "drop" leaves out what a provider does not take, and names it in `answer.dropped`; "error"
                asks only those who take everything. Default: "drop".
            extra_body: Fields that go into the request as they are.
            timeout: Seconds for each reply, retries and fallbacks included. Default: that of the list, 600.
            avoid: Providers not to ask, by id or country (`"CN"`), beside those of the list; "local" is any server
                here.
            only: Providers or countries; nobody else is asked.
            api_key: The key for the one provider that the model's name begins with (`"openai/gpt-4o"`), which alone is
                asked.
            api_base: The address of an OpenAI-compatible server, which alone is asked.
            split_thinking: Whether thoughts between tags (`<think>`) at the beginning become `answer.reasoning`, and
                are no part of the text. Default: that of the list, False.
            cache: Whether a kept reply will do, and a new one is kept; or options (docs/cache.md). Default: that of the
                list.
            cache_config: The same options under another tool's name.

        Keyword Args:
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
            policy (str | Callable): Who is asked first: "listed", "random", "cheapest", "fastest", "smartest",
                "balanced", or a function that puts a list of offers in order.
            max_cost (float): The most that the call may cost, in USD, all tries included; what may cost more is not
                sent.
            provider (str): The provider that is asked; with *fallback_providers*, the first of them.
            fallback_providers (list[str]): Who is asked after it, in this order, and nobody else.
            quality_threshold (float): From 0 to 1, how good a model must be that you did not name.
            retry_attempts (int): How often one candidate is asked again.
            backoff_multiplier (float): By how much each pause may be longer than the last.
            strategies (list[dict]): Providers to ask in this order, each with a `model` and a `timeout` (milliseconds)
                of its own.
            fallback_config (dict): *fallback_providers*, *retry_attempts* and *backoff_multiplier* in one.
            cost_optimization (bool | dict): True is `policy="cheapest"`.
            latency_optimization (bool): True is `policy="fastest"`.

        Returns:
            The answer, a `str` with `.provider`, `.model`, `.usage`, `.cost`, `.attempts` and more. With *stream*, an
            `AnswerStream`.

        Raises:
            NoCredentialsError: There is no key for the model; `variables` names those that would help.
            ProviderAvoidedError: Whoever could be asked is avoided.
            UnknownModelError: The name means no model; `suggestions` has the closest.
            BudgetExceededError: The call may cost more than a limit leaves; nothing was sent.
            InvalidRequestError: The request is at fault: ContextLengthError, ContentFilteredError, or as the provider
                says.
            ProviderError: The only provider that was asked failed: AuthenticationError, RateLimitError and the like.
            AllProvidersFailedError: All who were asked failed; `attempts` has each of them.
            InvalidReplyError: The answer does not fit *schema*.
            StepLimitError: The model called tools in each of *max_steps* replies.
            TypeError: An option is unknown, or of the wrong type.
            ValueError: An option's value is out of range.
        """
        test, model = (model, None) if isinstance(model, bool) else (test, model)  # `ask_ai(question, test)`, once
        check_timeout(timeout)
        options: dict[str, Any] = {"max_steps": max_steps, "on_unsupported": on_unsupported, "schema": schema}
        options |= {"system": system, "images": images, "files": files, "extra_body": extra_body}
        options |= {"split_thinking": split_thinking, "cache": cache, "cache_config": cache_config}
        options |= {"avoid": avoid, "only": only, "api_key": hidden(api_key), "api_base": api_base, **parameters}
        api_key = None  # in a traceback with local variables, too
        test = self._tested(options, test)
        pipeline, asked = self._asked(question, options)
        if stream:
            return pipeline.asker.stream(asked, model, test, timeout).open()
        return pipeline.asker.answer(asked, model, test, timeout)

    def stream(self, question: Prompt, model: Models = None, **options: Unpack[StreamOptions]) -> AnswerStream:
        """Ask as `ask_ai` does; its answer, as it comes. Iterate over it for pieces of text.

        Who fails before the first text has come is followed by the next candidate; later failures are raised.

        Args:
            question: Text, a list of messages, or a `Conversation`.
            model: A name in any spelling, or several, best first. Default: the best within reach.

        Keyword Args:
            system (str): The system prompt.
            images: A picture, or several: paths, addresses or bytes.
            files: Files of any kind, one or several: paths, addresses, bytes, or (name, bytes). Pictures, PDF files,
                sound and text are told by how they begin, and only models that take them are asked.
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
            policy (str | Callable): Who is asked first: "listed", "random", "cheapest", "fastest", "smartest",
                "balanced", or a function that puts a list of offers in order.
            max_cost (float): The most that the call may cost, in USD, all tries included; what may cost more is not
                sent.
            provider (str): The provider that is asked; with *fallback_providers*, the first of them.
            fallback_providers (list[str]): Who is asked after it, in this order, and nobody else.
            quality_threshold (float): From 0 to 1, how good a model must be that you did not name.
            retry_attempts (int): How often one candidate is asked again.
            backoff_multiplier (float): By how much each pause may be longer than the last.
            strategies (list[dict]): Providers to ask in this order, each with a `model` and a `timeout` (milliseconds)
                of its own.
            fallback_config (dict): *fallback_providers*, *retry_attempts* and *backoff_multiplier* in one.
            cost_optimization (bool | dict): True is `policy="cheapest"`.
            latency_optimization (bool): True is `policy="fastest"`.
            test (bool): Whether the next candidate is asked when one fails. Without it the first whose server can be
                reached is asked, and its failure is raised.
            on_unsupported (str): "drop" leaves out what a provider does not take, and names it in `answer.dropped`;
                "error" asks only those who take everything. Default: "drop".
            extra_body (dict): Fields that go into the request as they are.
            timeout (float): Seconds for each reply, retries and fallbacks included. Default: that of the list, 600.
            avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
            only (str | list[str]): Providers or countries; nobody else is asked.
            api_key (str): The key for the one provider that the model's name begins with, which alone is asked.
            api_base (str): The address of an OpenAI-compatible server, which alone is asked.
            split_thinking (bool): Whether thoughts between tags (`<think>`) at the beginning become `answer.reasoning`,
                and are no part of the text. Default: that of the list, False.
            cache (bool | dict): Whether a kept reply will do, and a new one is kept; or options (docs/cache.md).
                Default: that of the list.
            cache_config (dict): The same options under another tool's name.

        Returns:
            An iterator over text, which has `.answer` after its end, and `.close()` to stop early.

        Raises:
            NoCredentialsError: There is no key for the model; `variables` names those that would help.
            ProviderAvoidedError: Whoever could be asked is avoided.
            UnknownModelError: The name means no model; `suggestions` has the closest.
            BudgetExceededError: The call may cost more than a limit leaves; nothing was sent.
            InvalidRequestError: The request is at fault: ContextLengthError, ContentFilteredError, or as the provider
                says.
            ProviderError: The only provider that was asked failed: AuthenticationError, RateLimitError and the like.
            AllProvidersFailedError: All who were asked failed; `attempts` has each of them.
            TruncatedStreamError: The stream broke after its first text; `partial` has what came.
            TypeError: An option is unknown, or of the wrong type.
            ValueError: An option's value is out of range.
        """
        if "api_key" in options:
            options["api_key"] = hidden(options["api_key"])
        return self._stream(question, model, **options)

    def _stream(
        self, question: Prompt, model: Models, *, test: bool = True, timeout: float | None = None, **options: Any
    ) -> AnswerStream:
        check_timeout(timeout)
        test = self._tested(options, test)
        pipeline, asked = self._asked(question, options)
        return pipeline.asker.stream(asked, model, test, timeout)

    def batch(self, questions: Items, models: Models = None, **options: Unpack[BatchOptions]) -> Batch:
        """Ask many questions at once; results with `.answer` or `.error`, in order.

        Args:
            questions: Texts, message lists, or dicts with `prompt` or `messages`, `custom_id`, `model` and parameters,
                or lines of OpenAI's batch format, of any number (for asyncio also an asynchronous iterable). Or a file
                (`pathlib.Path`) of JSON lines, JSON, CSV or text.
            models: A name or several, best first, for questions that name none. Default: the best within reach.

        Keyword Args:
            prompt (str): What is asked of each row, as `"Summarise: {column}"`.
            input_format (str): "jsonl", "json", "csv" or "text". Default: as the file's name ends.
            encoding (str): Of a file. Default: UTF-8, UTF-16 or UTF-32, as it begins.
            out (str | os.PathLike): A file for results: JSON lines, or CSV if its name ends so. With it, all is done
                when this returns (for asyncio, when it is awaited).
            resume (bool): Whether questions that have an answer in *out* are not asked again. Default: True.
            csv_formulas (str): "keep" leaves cells that a spreadsheet would run, and warns of them; "escape" makes them
                text. Default: "keep".
            concurrency (int | str): Requests at once, or "auto" to find what each provider allows. Default: "auto".
            adaptive (bool): False keeps *concurrency* as it is. Default: True.
            requests_per_minute, tokens_per_minute (float): The most for each provider.
            on_error (str): "keep" gives failures as results, "raise" raises the first. Default: "keep".
            as_completed (bool): Whether results come as they finish, not in order. Default: False.
            patience (float): Seconds for which a question that is refused for the rate is asked again. Default: 3600.
            max_retries (int): How often a question is asked again at one provider, however it fails.
            progress (bool): Whether a line on standard error tells how far it is. Default: on a terminal, with *out*.
            mode (str): "provider" uses a provider's own batch API, which takes hours and costs half or so; with *out*.
            completion_window (str): How long such a job may take, as "24h", where the provider can be told. Default:
                its own.
            engine (str): "ray" asks from a cluster of Ray, with limits that hold for all of it; with *out*.
            address (str): Of the cluster, as in `ray.init`. Default: RAY_ADDRESS, or the one of this machine.
            actors (int): How many processes of the cluster ask. Default: one for each node.
            model (str | list[str]): The same as *models*.
            system (str): The system prompt.
            schema: A JSON Schema or a type that each answer must fit.
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
            policy (str | Callable): Who is asked first: "listed", "random", "cheapest", "fastest", "smartest",
                "balanced", or a function that puts a list of offers in order.
            max_cost (float): The most that the batch may cost, in USD.
            provider (str): The provider that is asked; with *fallback_providers*, the first of them.
            fallback_providers (list[str]): Who is asked after it, in this order, and nobody else.
            quality_threshold (float): From 0 to 1, how good a model must be that you did not name.
            retry_attempts (int): How often one candidate is asked again.
            backoff_multiplier (float): By how much each pause may be longer than the last.
            strategies (list[dict]): Providers to ask in this order, each with a `model` and a `timeout` (milliseconds)
                of its own.
            fallback_config (dict): *fallback_providers*, *retry_attempts* and *backoff_multiplier* in one.
            cost_optimization (bool | dict): True is `policy="cheapest"`.
            latency_optimization (bool): True is `policy="fastest"`.
            on_unsupported (str): "drop" leaves out what a provider does not take, and names it in `answer.dropped`;
                "error" asks only those who take everything. Default: "drop".
            extra_body (dict): Fields that go into the request as they are.
            timeout (float): Seconds for each reply, retries and fallbacks included. Default: that of the list, 600.
            avoid (str | list[str]): Providers not to ask, by id or country (`"CN"`), beside those of the list.
            only (str | list[str]): Providers or countries; nobody else is asked.
            api_key (str): The key for the one provider that the model's name begins with, which alone is asked.
            api_base (str): The address of an OpenAI-compatible server, which alone is asked.
            split_thinking (bool): Whether thoughts between tags (`<think>`) at the beginning become `answer.reasoning`,
                and are no part of the text. Default: that of the list, False.
            cache (bool | dict): Whether a kept reply will do, and a new one is kept; or options (docs/cache.md).
                Default: that of the list.
            cache_config (dict): The same options under another tool's name.

        Returns:
            An iterable of `Result`, with a `.summary` of what was asked, answered and spent.

        Raises:
            TypeError: An option is unknown, or of the wrong type.
            ValueError: An option's value is out of range, or the input is an output as well.
            BlockingIOError: Another process writes to *out*.
            OSError: *out* is not a regular file, or cannot be written.
            InferenceProvidersError: Nobody can be asked; what is wrong with single questions is in their results.
        """
        from inference_providers.batches import Batch, Job

        options["api_key"] = hidden(options.get("api_key"))
        job = Job.of(questions, self.pipeline.finder.default_models() if models is None else models, options)
        return Batch(self._within(job.terms), job)

    def close(self) -> None:
        """Close idle connections, and release the servers that were launched: they end unless others use them.

        For asyncio: those of the running event loop, which `asyncio.run` does by itself.
        """
        self.pipeline.sender.close()
        self.pipeline.finder.release()

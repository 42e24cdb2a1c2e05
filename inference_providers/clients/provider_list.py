# Made of `async_provider_list.py` by `make generate`: change that, not this.
"""`ProviderList`: what programs hold. Options in, a pipeline asked."""

from __future__ import annotations

from inference_providers.chat import DROP, MAX_STEPS, check_timeout
from inference_providers.clients.construction import pipeline_of
from inference_providers.credentials import Secretive

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Literal, Unpack, overload

    import openai

    from inference_providers.batches import Batch
    from inference_providers.calls import AnswerStream
    from inference_providers.chat import Answer, Models, Prompt
    from inference_providers.clients.connection import Connection
    from inference_providers.clients.options import (
        AskOptions,
        BatchOptions,
        GenerationOptions,
        Items,
        StreamOptions,
    )
    from inference_providers.offers import Explanation, LocalServer, Offer, Resolution
    from inference_providers.registry import Registry
    from inference_providers.routing import Policy
    from inference_providers.transport import Limits


class ProviderList(Secretive):
    """Finds who can serve a model with the keys and servers that are there, and connects to them.

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
    allow: providers whose general-purpose token (`GITHUB_TOKEN`, `HF_TOKEN`, ...) may be used without naming them; also
        comma-separated in `INFERENCE_PROVIDERS_ALLOW`. aliases: your own names for models: `{"work": "claude-opus-5.5"}`.
    update_url: where updates come from; default `INFERENCE_PROVIDERS_URL`, else models.dev.
    random: source of randomness (`random.Random`) for `choose_randomly` and for jitter.
    policy, limits: the numbers of retry, fallback and cool-down, and how long each thing may take.
    allow_empty: take an empty reply for an answer. split_thinking: part `<think>` blocks from answers.
    hedge_after: seconds, or "p95", after which a second provider is asked as well, for calls that
        are not streamed; at most one request in twenty is such an extra one. Off by default.
    mock: replies instead of providers, by model; neither key nor network is used. See `testing.mock`.

    One list may be used from several threads; an asynchronous one from several event loops, one after another.

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
        split_thinking: bool = False,
        mock: Mapping[str, Any] | None = None,
    ) -> None:
        finding = {
            "verbose": verbose, "json_override": json_override, "auto_update": auto_update, "json_merge": json_merge,
            "local_models": local_models, "trust": trust, "allow": allow, "update_url": update_url,
        }  # fmt: skip
        calling = {"limits": limits, "allow_empty": allow_empty, "split_thinking": split_thinking}
        self.pipeline = pipeline_of(
            environ=environ,
            local=local,
            timeout=timeout,
            hedge_after=hedge_after,
            aliases=aliases,
            mock=mock,
            finding=finding,
            calling={"random": random, "policy": policy, **calling},
        )
        self.pipeline.finder.holder = self
        self.registry: Registry = self.pipeline.finder.registry

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

    # Who can serve what

    def get_canonical_model_names(self) -> list[str]:
        """Every canonical name in the registry, sorted."""
        return sorted(self.registry.canonical_names)

    def find_model_providers(self, canonical_name: str) -> list[Offer]:
        """Who can serve a model now: one offer for each provider, in registry order.

        Servers on this machine come first for models with open weights, else last.
        Empty when no key for it is set. Raises UnknownModelError for a name that no rule resolves.
        """
        return self.pipeline.finder.find_model_providers(canonical_name)

    def resolve(self, name: str, *, provider: str | None = None) -> Resolution:
        """Which model *name* means, by which rule, and every offer of it, usable or not."""
        return self.pipeline.finder.resolver.resolve(name, provider)

    def explain(self, name: str | None = None) -> Explanation:
        """Every offer of a model (or of the automatic choice), and why it is or is not a candidate."""
        return self.pipeline.finder.explain(name)

    def candidates(self, name: str, *, provider: str | None = None) -> list[Offer]:
        """The candidates for a name, in the order in which they are tried.

        Raises UnknownModelError or NoCredentialsError.
        """
        return self.pipeline.finder.own_candidates(name, provider=provider)

    def local_servers(self) -> list[LocalServer]:
        """The model servers that run on this machine; a look at known ports counts for ten seconds."""
        return self.pipeline.finder.own_local_servers()

    @staticmethod
    def get_updated_provider_list() -> dict[str, Any]:
        """The newest registry as a dict: downloaded now and kept, else the last good one, else the bundled one."""
        from inference_providers.upkeep import newest

        return newest()

    # Connections

    def connect_to_model(
        self, canonical_name: str, choose_randomly: bool = False, test: bool = False, *, provider: str | None = None
    ) -> Connection:
        """A connected client and the provider's name for the model.

        Candidates are tried in registry order, or in random order. Without *test* a candidate works if its server
        answers a request that carries neither key nor prompt; with it, if a short inference succeeds. The next is
        started when one has not answered in 250 ms.

        Raises UnknownModelError, NoCredentialsError (naming the variables that would help) or
        AllProvidersFailedError (with every attempt).
        """
        offers = self.pipeline.asker.candidates(canonical_name, provider)
        if choose_randomly:
            from inference_providers.offers import shuffled

            offers = shuffled(offers, self.pipeline.random)
        return self._connection(*self.pipeline.asker.connected(offers, test))

    def connect_to_first_available_model(self, model_names: Sequence[str], test: bool = False) -> Connection:
        """A connection to the first of *model_names* that works; models without a key are passed over."""
        offers = self.pipeline.asker.first_available(model_names)
        return self._connection(*self.pipeline.asker.connected(offers, test))

    def connect_to_ai(self, test: bool = True) -> Connection:
        """A connection to the best model that the keys can reach, else to a server on this machine.

        The best is the first of the registry's `auto_model_priority`.
        """
        return self._connection(*self.pipeline.asker.best_connected(test))

    def _connection(self, offer: Offer, attempts: Sequence[Any]) -> Connection:
        from inference_providers.clients.connection import Connection

        def make() -> openai.OpenAI:
            from inference_providers.clients import sdk_transport

            return sdk_transport.client_of(self.pipeline, offer)

        return Connection(offer, attempts, make)

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
        `extra_body={"models": [...]}`. *models* stands in where a call says `model="default"`. Who answered is in the
        headers `x-inference-provider`, `x-inference-model` and `x-inference-attempts` (`with_raw_response`). What fails
        in the end is the SDK's own exception; its `__cause__` is ours, with every attempt. Keys that were refused and
        providers that cool down are remembered for all clients of this list.

        timeout: seconds for a whole call; default that of this list. hedge_after: see `ProviderList`.
        """
        from inference_providers.clients import sdk_transport

        options = sdk_transport.options_of(self.pipeline, models, timeout, hedge_after, allow_empty)
        return sdk_transport.client(self.pipeline, options)

    def async_client(
        self,
        models: str | Sequence[str] | None = None,
        *,
        timeout: float | None = None,
        hedge_after: float | str | None = None,
        allow_empty: bool | None = None,
    ) -> openai.AsyncOpenAI:
        """An `openai.AsyncOpenAI` that routes every request and falls back; see `ProviderList.client`."""
        from inference_providers.clients import sdk_transport

        options = sdk_transport.options_of(self.pipeline, models, timeout, hedge_after, allow_empty)
        return sdk_transport.async_client(self.pipeline, options)

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
        """Ask a connected client one question, with generation parameters as in `ask_ai`.

        Raises ProviderError of the fitting kind.
        """
        import openai

        from inference_providers.clients.connection import ClientCall, our_error

        question = self.pipeline.question(prompt, parameters, system=system, extra_body=extra_body)
        call = ClientCall(question, model_name)
        try:
            reply = client.chat.completions.with_raw_response.create(**call.arguments)
        except openai.APIError as error:
            raise our_error(error, model_name) from None
        return call.answer(reply, self.registry)

    # Questions

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
        split_thinking: bool | None = None,
        **parameters: Any,
    ) -> Answer | AnswerStream:
        """Ask the best model within reach, or *model*; its answer.

        question: text, or a list of messages. model: a name in any spelling, or several, best first.
        test: a candidate that fails to answer is followed by the next; without it, the first whose server can be
        reached is asked, and its failure is raised. images: paths, URLs or bytes. schema: a JSON Schema or a pydantic
        model that the answer must fit; the value is `answer.parsed`, and a reply that does not fit is sent back once.
        stream: give text as it comes, an `AnswerStream`. parameters: max_tokens, temperature, top_p, top_k, min_p,
        seed, stop, frequency_penalty, presence_penalty, repetition_penalty, logit_bias, response_format,
        reasoning_effort, n, ...; other tools' words (max_new_tokens, stop_strings) mean the same. tools: Python
        functions, which are called until the model answers (at most *max_steps* replies), or descriptions; for asyncio
        they may be coroutine functions, and others run in threads. on_unsupported: "drop" leaves out what a provider
        does not take, and says so; "error" asks only those that take it. extra_body: goes into the request as it is.
        timeout: seconds for each reply, retries and fallbacks included. split_thinking: thoughts between tags
        (`<think>`) at the beginning of an answer are `answer.reasoning` and no part of its text.

        Raises NoCredentialsError (with what to set), UnknownModelError, InvalidRequestError and other ProviderErrors
        for a request at fault, InvalidReplyError for a reply that does not fit the schema, StepLimitError, or
        AllProvidersFailedError with every attempt.
        """
        check_timeout(timeout)
        how = {
            "schema": schema, "max_steps": max_steps, "on_unsupported": on_unsupported, "split_thinking": split_thinking,
        }  # fmt: skip
        asked = self.pipeline.question(question, parameters, system=system, images=images, extra_body=extra_body, **how)
        if stream:
            return self.pipeline.asker.stream(asked, model, test, timeout).open()
        return self.pipeline.asker.answer(asked, model, test, timeout)

    def stream(self, question: Prompt, model: Models = None, **options: Unpack[StreamOptions]) -> AnswerStream:
        """`ask_ai`, as it comes: iterate for text. Falls back until the first content, never after it."""
        return self._stream(question, model, **options)

    def _stream(
        self,
        question: Prompt,
        model: Models,
        *,
        test: bool = True,
        system: str | None = None,
        images: Any = None,
        schema: Any = None,
        max_steps: int = MAX_STEPS,
        on_unsupported: str = DROP,
        extra_body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        split_thinking: bool | None = None,
        **parameters: Any,
    ) -> AnswerStream:
        check_timeout(timeout)
        how = {
            "schema": schema, "max_steps": max_steps, "on_unsupported": on_unsupported, "split_thinking": split_thinking,
        }  # fmt: skip
        asked = self.pipeline.question(question, parameters, system=system, images=images, extra_body=extra_body, **how)
        return self.pipeline.asker.stream(asked, model, test, timeout)

    def batch(self, questions: Items, models: Models = None, **options: Unpack[BatchOptions]) -> Batch:
        """Ask many questions at once; results with `.answer` or `.error`, in order.

        questions: any iterable of texts, message lists, or dicts with `prompt` or `messages`, `custom_id`, `model` and
        parameters, or lines of OpenAI's batch format; or a file (`pathlib.Path`) of JSON lines or CSV; for asyncio also
        an asynchronous iterable. models: a name or several for items that name none; default: the best within reach.

        concurrency: requests at once, or "auto" to find what each provider allows; a model that several
        providers serve is asked of all of them. requests_per_minute, tokens_per_minute: for each provider.
        out: a regular file for the results, one JSON line each as it finishes, or CSV. With it everything is
        done when this returns (for asyncio, when it is awaited). csv_formulas: "keep" cells of answers that a
        spreadsheet would run, and count them in a warning, or "escape" them. resume: go on with what is in it:
        what was answered is not asked again.
        on_error: "keep" failures as results, or "raise" the first. as_completed: do not wait for order.
        mode: "provider" uses a provider's own batch API (hours, at half the price or so); with out=.
        completion_window: how long its job may take, where it can be said (`"24h"`). adaptive: false keeps
        *concurrency* as it is. progress: a line on standard error; default: on a terminal. patience: seconds for
        which an item that is refused for the rate is asked again. system, schema, tools, timeout, on_unsupported,
        split_thinking, extra_body and generation parameters: as in `ask_ai`, for every item.

        Raises TypeError and ValueError for wrong options and an input that is also an output, BlockingIOError
        where another process writes to *out*, OSError where it is not a regular file.
        """
        from inference_providers.batches import Batch, Job

        return Batch(self.pipeline, Job(questions, models, **options))

    def close(self) -> None:
        """Close idle connections, and release the servers that were launched: they end unless others use them.

        For asyncio: those of the running event loop, which `asyncio.run` does by itself.
        """
        self.pipeline.sender.close()
        self.pipeline.finder.release()

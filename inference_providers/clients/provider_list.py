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

    verbose: tell on the `inference_providers` logger and on standard error what is tried. json_override: a registry to
        use instead of the bundled one: path, JSON text or dict. json_merge: one that is merged over the bundled one
        (JSON Merge Patch: null removes). auto_update: use the newest downloaded registry, checked at most once a day.
    environ: the environment, all of it: keys, folders, proxies, `PATH`; default `os.environ`.
    local: look for model servers on this machine; "launch": start one for a model with open weights that lies here,
        before a provider is asked.
    local_models: models that may be launched: paths, or objects as in a model list (`name`, `model_path`,
        `tokenizer_path`, `engine`, `context`, ...), which may also say `command`.
    trust: further hosts for key variables: `{"OPENAI_API_KEY": ["proxy.example.com"]}`. timeout: seconds for a whole
        call, retries and fallbacks included.
    allow: providers whose general-purpose token (`GITHUB_TOKEN`, `HF_TOKEN`, ...) may be used without naming them; also
        comma-separated in `INFERENCE_PROVIDERS_ALLOW`. aliases: your own names for models: `{"work": "gpt-5.5"}`.
    avoid: providers never to ask, by id or country (`"CN"`, `"China"`); `"local"`: any server on this machine.
        only: nobody but these; whose country is not known is in none. With `INFERENCE_PROVIDERS_AVOID` and `..._ONLY`
        they hold for every call, in fallbacks and hedges, too: a call can only add to them.
    update_url: where updates come from; default `INFERENCE_PROVIDERS_URL`, else models.dev. random: source of
        randomness (`random.Random`) for `choose_randomly` and for jitter. limits: how long each thing may take.
    policy: in which order candidates are asked (docs/policies.md), or the numbers of retry and cool-down, a `Policy`.
        budget, rate_limits: USD by call, day or month; each provider's requests and tokens by minute (docs/limits.md).
    allow_empty: take an empty reply for an answer. split_thinking: part `<think>` blocks from answers. hedge_after:
        seconds, or "p95", after which a second provider is asked as well, for calls that are not streamed; at most one
        request in twenty is such an extra one. Off by default.
    mock: replies instead of providers, by model; neither key nor network is used. See `testing.mock`.
    learn: remember what providers refuse in a file of the user's, too, for a week (`inference-providers learned`).
    live: have what providers say themselves that they have correct the registry; asked for in the background, daily.
    log: keep tokens, cost and times of calls ("usage"), or texts as well ("text"). telemetry: tell OpenTelemetry.
    state: "shared": share refused keys, cool-downs and used minutes with processes that say the same (docs/limits.md),
        or the path of the file for that.
    cache: keep replies, and give them again to whoever asks the same: True, or options; see docs/cache.md.
    settings: go by the keys and settings that the user has stored, too (docs/settings.md).
    compat: "0.2" for programs of that version of this package; also `INFERENCE_PROVIDERS_COMPAT`. See docs/moving.md.
    One list may be used from several threads; an asynchronous one from several event loops, one after another.
    Raises RegistryError, with every problem and its JSON path, for an invalid override or merge; else ValueError.
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

        Candidates are tried in registry order, or in random order. Without *test* a candidate works if its server
        answers a request that carries neither key nor prompt; with it, if a short inference succeeds. The next is
        started when one has not answered in 250 ms.

        Raises UnknownModelError, NoCredentialsError (naming the variables that would help) or
        AllProvidersFailedError (with every attempt). terms: avoid, only, api_key, api_base, as in `ask_ai`.
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
        """A connection to the first of *model_names* that works; models without a key are passed over."""
        with self._connecting(terms, test) as call:
            offers = call.pipeline.asker.first_available(model_names)
            return self._connection(*call.pipeline.asker.connected(offers, call.test))
        return call.nobody

    def connect_to_ai(self, test: bool = True, **terms: Unpack[Terms]) -> Connection:
        """A connection to the best model that the keys can reach, else to a server on this machine.

        The best is the first of the registry's `auto_model_priority`.
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

        `model=` in a call takes anything that `resolve` takes, or `"auto"`; a list goes through
        `extra_body={"models": [...]}`. *models* stands in where a call says `model="default"`. Who answered is in the
        headers `x-inference-provider`, `x-inference-model` and `x-inference-attempts` (`with_raw_response`). What fails
        in the end is the SDK's own exception; its `__cause__` is ours, with every attempt. Keys that were refused and
        providers that cool down are remembered for all clients of this list.

        timeout: seconds for a whole call; default that of this list. hedge_after: see `ProviderList`.
        terms: avoid, only, api_key, api_base, policy, max_cost and other preferences, as in `ask_ai`, for all requests.
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
        """An `openai.AsyncOpenAI` that routes every request and falls back; see `ProviderList.client`."""
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
        """Ask a connected client one question; options as in `ask_ai`. Raises a ProviderError of the fitting kind."""
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

        question: text, or a list of messages. model: a name in any spelling, or several, best first.
        test: a candidate that fails to answer is followed by the next; without it, the first whose server can be
        reached is asked, and its failure is raised. images: paths, URLs or bytes. files: the same, and (name, bytes):
        images, PDF files, sound and text, by how they begin. schema: a JSON Schema, or a type such as a pydantic
        model, that the answer must fit; the value is `answer.parsed`, and a reply that does not fit is sent back once.
        stream: give text as it comes, an `AnswerStream`. parameters: max_tokens, temperature, top_p, seed, stop,
        reasoning_effort, response_format, n, ...; other tools' words (max_new_tokens, stop_strings) mean the same.
        tools: Python functions, which are called until the model answers (at most *max_steps* replies), or
        descriptions; for asyncio they may be coroutine functions, and others run in threads. on_unsupported: "drop"
        leaves out what a provider does not take, and says so; "error" asks only those that take it. extra_body: goes
        into the request as it is. timeout: seconds for each reply, retries and fallbacks included. split_thinking:
        thoughts between tags (`<think>`) at the beginning of an answer are `answer.reasoning` and no part of its text.
        avoid, only, cache: as in `ProviderList`, for this call. api_key: for the one provider that *model* means
        (`openai/gpt-4o`), which alone is asked. api_base: an OpenAI-compatible server, which alone is asked.

        Raises NoCredentialsError (with what to set; ProviderAvoidedError, where who is named is avoided),
        UnknownModelError, InvalidRequestError and other ProviderErrors for a request at fault, InvalidReplyError for a
        reply that does not fit the schema, StepLimitError, or AllProvidersFailedError with every attempt.
        """
        test, model = (model, None) if isinstance(model, bool) else (test, model)  # `ask_ai(question, test)`, once
        check_timeout(timeout)
        options: dict[str, Any] = {"max_steps": max_steps, "on_unsupported": on_unsupported, "schema": schema}
        options |= {"system": system, "images": images, "files": files, "extra_body": extra_body}
        options |= {"split_thinking": split_thinking, "cache": cache, "cache_config": cache_config}
        options |= {"avoid": avoid, "only": only, "api_key": hidden(api_key), "api_base": api_base, **parameters}
        api_key = None  # in a traceback with local variables, too
        pipeline, asked = self._asked(question, options)
        if stream:
            return pipeline.asker.stream(asked, model, test, timeout).open()
        return pipeline.asker.answer(asked, model, test, timeout)

    def stream(self, question: Prompt, model: Models = None, **options: Unpack[StreamOptions]) -> AnswerStream:
        """`ask_ai`, as it comes: iterate for text. Falls back until the first content, never after it."""
        if "api_key" in options:
            options["api_key"] = hidden(options["api_key"])
        return self._stream(question, model, **options)

    def _stream(
        self, question: Prompt, model: Models, *, test: bool = True, timeout: float | None = None, **options: Any
    ) -> AnswerStream:
        check_timeout(timeout)
        pipeline, asked = self._asked(question, options)
        return pipeline.asker.stream(asked, model, test, timeout)

    def batch(self, questions: Items, models: Models = None, **options: Unpack[BatchOptions]) -> Batch:
        """Ask many questions at once; results with `.answer` or `.error`, in order.

        questions: an iterable (for asyncio also an asynchronous one) of texts, message lists, or dicts with `prompt` or
        `messages`, `custom_id`, `model` and parameters, or lines of OpenAI's batch format; or a file (`pathlib.Path`)
        of JSON lines, JSON, CSV or text, or what input_format says; encoding: else UTF-8 or UTF-16. prompt: asked of
        each row, as `"Summarise: {column}"`. models: for items that name none; default: the best within reach.

        concurrency: requests at once, or "auto" to find what each provider allows; all that serve a model are asked.
        requests_per_minute, tokens_per_minute: for each provider. adaptive: false keeps *concurrency* as it is. out: a
        regular file for results, a JSON line each, or CSV; with it everything is done when this returns (for asyncio,
        when it is awaited). csv_formulas: "keep" cells that a spreadsheet would run, counted in a warning, or "escape"
        them. resume: what was answered is not asked again. on_error: "keep" failures as results, or "raise" the first.
        as_completed: do not wait for order. mode: "provider" uses a provider's own batch API (hours, at half the price
        or so); with out=. completion_window: how long its job may take (`"24h"`). progress: a line on standard error;
        default: on a terminal. patience: seconds for which an item that is refused for the rate is asked again.
        max_retries: of an item at one provider, however it fails. engine: "ray" for a cluster, at address=, by so many
        actors= (docs/batch.md); limits hold for all of it. All else: as in `ask_ai`.

        Raises TypeError and ValueError for wrong options and an input that is also an output, BlockingIOError where
        another process writes to *out*, OSError where it is not a regular file.
        """
        from inference_providers.batches import Batch, Job

        options["api_key"] = hidden(options.get("api_key"))
        job = Job.of(questions, models, options)
        return Batch(self._within(job.terms), job)

    def close(self) -> None:
        """Close idle connections, and release the servers that were launched: they end unless others use them.

        For asyncio: those of the running event loop, which `asyncio.run` does by itself.
        """
        self.pipeline.sender.close()
        self.pipeline.finder.release()

"""`MetaInferenceEngine`: one engine for every model; conversations in, conversations with the reply appended out."""

from __future__ import annotations

from typing import Any

from inference_providers.calls import listed_models
from inference_providers.chat import Conversation, parameters
from inference_providers.compat import engine_jobs, engine_run
from inference_providers.compat.engine_call import Call, check, in_one_word
from inference_providers.compat.engine_generation import GenerationParams
from inference_providers.compat.engine_lists import OF_CALLS, OF_FINDING, OF_REGISTRY, Lists
from inference_providers.compat.engine_model import ModelParams
from inference_providers.compat.engine_params import coerced
from inference_providers.compat.engine_results import BatchResult, InferenceResult
from inference_providers.compat.engine_settings import InferenceConfig, RemoteParams, effective
from inference_providers.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, Unpack

    from inference_providers.clients import EngineOptions, InferOptions, ListOptions, ProviderList
    from inference_providers.compat.engine_results import BatchInfo

    class Options(EngineOptions, ListOptions, total=False):
        """What an engine is made with."""


_OF_LISTS = (*OF_REGISTRY, *OF_FINDING, *OF_CALLS, "environ")


_KEEP, _RAISE = "keep", "raise"


class MetaInferenceEngine:
    """One engine for every model: `MetaInferenceEngine(temperature=0.7, max_tokens=1000)`.

    generation: parameters for every call, and options of `ask_ai` (`system`, `images`, `files`, `schema`, `extra_body`,
    `timeout`, `on_unsupported`, `max_steps`, `split_thinking`). Options of `ProviderList` (`json_override`,
    `json_merge`, `trust`, `allow`, `aliases`, `avoid`, `only`, `mock`, `local`, `local_models`, `environ`, ...) are
    those of the lists that are asked; at an `api_url` only those about calls. remote_params: `RemoteParams`, or a dict
    of them.

    Raises TypeError for an unknown parameter, and ValueError for a value out of range; RegistryError for a registry
    that is none.
    """

    def __init__(
        self, *, remote_params: RemoteParams | dict[str, Any] | None = None, **options: Unpack[Options]
    ) -> None:
        given: dict[str, Any] = {**options}
        of_lists = {name: given.pop(name) for name in _OF_LISTS if name in given}
        self._told: set[str] = set()
        self._generation = in_one_word(given, self)
        check(self._generation)
        self._remote = effective(None if remote_params is None else coerced(RemoteParams, remote_params))
        self._lists = Lists({name: value for name, value in of_lists.items() if value is not None})
        self._kind: str | None = None
        self._model = ModelParams()
        self._defaults: dict[str, Any] = {}  # what counts where nobody says otherwise

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self._engines)} engines>"

    @property
    def _engines(self) -> dict[tuple[Any, ...], ProviderList]:
        """The lists that were asked so far, by their settings."""
        return self._lists.made

    def infer(
        self,
        conversations: Any = None,
        model_name: str | None = None,
        inference_config: InferenceConfig | dict[str, Any] | None = None,
        *,
        on_error: Literal["keep", "raise"] = "raise",
        **options: Unpack[InferOptions],
    ) -> list[Conversation]:
        """Answer conversations concurrently; they come back in order, each with its reply appended.

        conversations (`input` is another word for it): a list of `Conversation`, dicts with `messages`, or lists of
        messages; or just one of these; or a file of conversations as JSON lines, as a `pathlib.Path`.
        model_name: any spelling: `gpt-4o`, `together/llama3.1-70b`, `claude-3-7-sonnet`, `vllm/llama3.1-8b`.
        generation: overrides that of *inference_config*, which overrides the engine's own; *remote_params* likewise,
        field by field: what a call does not set stays as it is, the address and key in particular.
        It may have `split_thinking`, as in `ask_ai`. avoid, only: as there. api_key, api_base: `api_key` and
        `api_url` of *remote_params*. output_path: a file for the answered conversations, one line of JSON each as soon
        as it is; what is in it is not asked again. Its folder is made.

        A reply's `metadata` says how it came about: `usage` (`prompt_tokens`, `completion_tokens`, `total_tokens`, and
        `cached_tokens` and `reasoning_tokens` if there are any), `cost` in USD (None if it is not known),
        `finish_reason`, `provider`, `model`, `reasoning`, `parsed`, `dropped`.

        on_error: "raise" the first error, when those under way have ended; it has what was answered as
        `inference_result`, an `InferenceResult`. "keep": all are asked, and one that failed comes back as it was,
        with the reason as `metadata["error"]`. See `infer_partial` as well.

        Raises what `ask_ai` raises.
        """
        if on_error not in (_KEEP, _RAISE):
            raise ValueError(f'on_error must be "{_KEEP}" or "{_RAISE}", not {on_error!r}')
        inputs, result = self._ask(conversations, model_name, inference_config, on_error, {**options})
        answered: dict[int, Conversation] = dict(result.successful)
        return [
            answered[index] if index in answered else engine_run.unanswered(given, result.failures[index])
            for index, given in enumerate(inputs)
        ]

    def infer_partial(
        self,
        conversations: Any = None,
        model_name: str | None = None,
        inference_config: InferenceConfig | dict[str, Any] | None = None,
        **options: Unpack[InferOptions],
    ) -> InferenceResult:
        """`infer`, where some may fail: an `InferenceResult` of those that were answered, and why others were not.

        Options as in `infer`; progress_path: a file of JSON that counts them. Raises what concerns all of them:
        an unknown model, no key, options that are none.
        """
        return self._ask(conversations, model_name, inference_config, _KEEP, {**options})[1]

    def _ask(
        self, conversations: Any, name: str | None, config: Any, on_error: str, options: dict[str, Any]
    ) -> tuple[list[Conversation], InferenceResult]:
        call = Call(self, name, config, options)
        given = options.pop("input", None)
        if given is not None and conversations is not None:
            raise TypeError("conversations and input are the same; give one of them")
        inputs = call.inputs(given if conversations is None else conversations)
        if call.window and not call.out:
            raise ValueError("batch_completion_window asks for a provider's batch job, which needs an output path")
        run = engine_run.Run(inputs, call.out, call.words.get("system"), call.progress_path)
        if inputs:
            call.load()
        return inputs, run.ask(call.pipeline, call.model, on_error=on_error, **call.batch_options())

    def list_models(self, chat_only: bool = True, model_name: str | None = None) -> list[str]:
        """The models that the engine's provider says it has now, sorted; of *model_name*'s, where no engine is pinned.

        chat_only: without those that are named or said to be for something else. Raises what a call raises.
        """
        call = Call(self, model_name, None, {})
        offer = call.pipeline.finder.candidates(call.model)[0]
        return listed_models(call.pipeline.model_list(offer, call.remote.connection_timeout), chat_only=chat_only)

    # Providers' batch jobs

    def infer_batch(
        self,
        conversations: Any = None,
        inference_config: InferenceConfig | dict[str, Any] | None = None,
        *,
        model_name: str | None = None,
        **options: Unpack[InferOptions],
    ) -> str:
        """Start a job of the provider's batch API, which takes hours, at a lower price; its id.

        `get_batch_results` gives the answers, of the same conversations. For a job whose id nobody has to keep, give
        `batch_completion_window` and an output path to `infer`.

        Raises NoCredentialsError for a provider without a batch API, ValueError for a conversation that cannot be
        asked, and what a call raises.
        """
        call = Call(self, model_name, inference_config, {**options})
        return engine_jobs.start(call, call.inputs(conversations))

    def get_batch_status(self, batch_id: str, model_name: str | None = None) -> BatchInfo:
        """How far a job is. model_name: whose job it is, where no engine is pinned."""
        return engine_jobs.status(Call(self, model_name, None, {}), batch_id)

    def cancel_batch(self, batch_id: str, model_name: str | None = None) -> BatchInfo:
        """Ask for a job's end. What it has answered by then is charged."""
        return engine_jobs.cancelled(Call(self, model_name, None, {}), batch_id)

    def get_batch_results(self, batch_id: str, conversations: Any, model_name: str | None = None) -> list[Conversation]:
        """The answered conversations of a job that has ended, in order; those that failed there are asked directly.

        Raises RuntimeError for a job that has not ended, or has failed (has expired, was cancelled), with what was
        answered as `inference_result`; and what `infer` raises.
        """
        call = Call(self, model_name, None, {})
        inputs = call.inputs(conversations)
        found: dict[int, Conversation] = dict(engine_jobs.results(call, batch_id, inputs, partial=False).successful)
        failed = [index for index in range(len(inputs)) if index not in found]
        if failed:
            again = self.infer_partial([inputs[index] for index in failed], call.name)
            if again.has_failures:
                error = next(iter(again.failures.values())).error or RuntimeError("not answered")
                answered = [*found.items(), *((failed[place], one) for place, one in again.successful)]
                error.__dict__["inference_result"] = InferenceResult(sorted(answered, key=lambda pair: pair[0]))
                raise error
            found |= {failed[place]: one for place, one in again.successful}
        return [found[index] for index in range(len(inputs))]

    def get_batch_results_partial(
        self, batch_id: str, conversations: Any, model_name: str | None = None
    ) -> BatchResult:
        """What has come of a job that has ended, was cancelled or has expired.

        Raises RuntimeError for one that has not ended, or in which nothing was answered before it failed.
        """
        call = Call(self, model_name, None, {})
        found = engine_jobs.results(call, batch_id, call.inputs(conversations), partial=True)
        return BatchResult(found.successful, found.failed_indices, found.error_messages)

    def _engine(
        self, name: str, kind: str | None, remote: RemoteParams, model: ModelParams | None = None
    ) -> tuple[ProviderList, str]:
        """The list for a model and these settings, created once; and the model's name there."""
        return self._lists.find(name, kind, remote, model)

    def _tell_unsent(self, *settings: GenerationParams | ModelParams) -> None:
        """Say which fields that are set go to nobody."""
        for params in settings:
            if unsent := params.unsent():
                told = parameters.listed(unsent)
                self._tell_once(f"{type(params).__name__}: {told} cannot be honoured here: a server is not told of it.")

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            warn(message)

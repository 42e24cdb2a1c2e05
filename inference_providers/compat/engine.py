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

    Args:
        remote_params: How servers are reached, a `RemoteParams` or a dict of its fields.

    Keyword Args:
        max_tokens, temperature and the other parameters of `ask_ai`: for every call.
        system, images, files, schema, tools, extra_body, timeout, on_unsupported, max_steps, split_thinking, cache: As
            in `ask_ai`.
        json_override, json_merge, environ, local, avoid, only, mock, budget and others: Options of `ProviderList`, for
            the lists that are asked; at an `api_url` only those about calls.

    Raises:
        TypeError: An option is unknown, or of the wrong type.
        ValueError: An option's value is out of range.
        RegistryError: A registry that is given is invalid.
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

        A reply's `metadata` says how it came about: `usage` (`prompt_tokens`, `completion_tokens`, `total_tokens`, and
        `cached_tokens` and `reasoning_tokens` if there are any), `cost` in USD (None if it is not known),
        `finish_reason`, `provider`, `model`, `reasoning`, `parsed`, `dropped`.

        Args:
            conversations: `Conversation`s, dicts with `messages`, or lists of messages; or just one of these; or a file
                of conversations as JSON lines, as a `pathlib.Path`.
            model_name: The model, in any spelling: "gpt-4o", "together/llama3.1-70b", "vllm/llama3.1-8b".
            inference_config: All settings in one object, an `InferenceConfig` or a dict of its fields.
            on_error: "raise" the first error, when those under way have ended; it has what was answered as
                `inference_result`, an `InferenceResult`. "keep": all are asked, and one that failed comes back as it
                was, with the reason as `metadata["error"]`.

        Keyword Args:
            input: *conversations*, in another tool's word.
            output_path (str | os.PathLike): A file for the answered conversations, a line of JSON each as soon as it
                is; what is in it is not asked again. Its folder is made.
            progress_path (str | os.PathLike): A file of JSON that counts them.
            remote_params (RemoteParams | dict): How servers are reached, field by field over the engine's own.
            avoid, only, api_key, api_base: As in `ask_ai`; the last two are `api_key` and `api_url` of *remote_params*.
            system, images, files, schema, tools, extra_body, timeout, on_unsupported, max_steps, split_thinking, cache:
                As in `ask_ai`.
            max_tokens, temperature and the other parameters of `ask_ai`: over those of *inference_config*, which are
                over the engine's own.

        Returns:
            The conversations, answered.

        Raises:
            NoCredentialsError: There is no key for the model; `variables` names those that would help.
            UnknownModelError: The name means no model; `suggestions` has the closest.
            TypeError: An option is unknown, or of the wrong type.
            ValueError: A value is out of range, or there is no such *on_error*.
            ProviderError: A conversation failed, and *on_error* is "raise"; the kind says how.
            AllProvidersFailedError: All who were asked failed, and *on_error* is "raise".
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
        """Answer conversations of which some may fail.

        Args:
            conversations: `Conversation`s, dicts with `messages`, or lists of messages; or just one of these; or a file
                of conversations as JSON lines, as a `pathlib.Path`.
            model_name: The model, in any spelling: "gpt-4o", "together/llama3.1-70b", "vllm/llama3.1-8b".
            inference_config: All settings in one object, an `InferenceConfig` or a dict of its fields.

        Keyword Args:
            input: *conversations*, in another tool's word.
            output_path (str | os.PathLike): A file for the answered conversations, a line of JSON each as soon as it
                is; what is in it is not asked again. Its folder is made.
            progress_path (str | os.PathLike): A file of JSON that counts them.
            remote_params (RemoteParams | dict): How servers are reached, field by field over the engine's own.
            avoid, only, api_key, api_base: As in `ask_ai`; the last two are `api_key` and `api_url` of *remote_params*.
            system, images, files, schema, tools, extra_body, timeout, on_unsupported, max_steps, split_thinking, cache:
                As in `ask_ai`.
            max_tokens, temperature and the other parameters of `ask_ai`: over those of *inference_config*, which are
                over the engine's own.

        Returns:
            Those that were answered, and why others were not.

        Raises:
            NoCredentialsError: There is no key for the model; `variables` names those that would help.
            UnknownModelError: The name means no model; `suggestions` has the closest.
            TypeError: An option is unknown, or of the wrong type.
            ValueError: A value is out of range.
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
        """The models that the engine's provider says it has now.

        Args:
            chat_only: Whether to leave out those that are named or said to be for something else than chat.
            model_name: A model of the provider, where the engine is not pinned to one.

        Returns:
            Their names, sorted.

        Raises:
            NoCredentialsError: There is no key for the provider.
            UnknownModelError: The name means no model.
            ProviderError: The provider refused or failed.
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
        """Start a job of the provider's batch API, which takes hours, at a lower price.

        `get_batch_results` gives the answers, of the same conversations. For a job whose id nobody has to keep, give
        `batch_completion_window` and an output path to `infer`.

        Args:
            conversations: `Conversation`s, dicts with `messages`, or lists of messages; or just one of these; or a file
                of conversations as JSON lines, as a `pathlib.Path`.
            inference_config: All settings in one object, an `InferenceConfig` or a dict of its fields.
            model_name: The model, in any spelling: "gpt-4o", "together/llama3.1-70b", "vllm/llama3.1-8b".

        Keyword Args:
            **options: As in `infer`, but for *output_path* and *progress_path*.

        Returns:
            The job's id.

        Raises:
            NoCredentialsError: There is no key for the provider, or it has no batch API.
            UnknownModelError: The name means no model.
            ValueError: A conversation cannot be asked, or a value is out of range.
            ProviderError: The provider refused the job.
        """
        call = Call(self, model_name, inference_config, {**options})
        return engine_jobs.start(call, call.inputs(conversations))

    def get_batch_status(self, batch_id: str, model_name: str | None = None) -> BatchInfo:
        """How far a job is.

        Args:
            batch_id: The id that `infer_batch` gave.
            model_name: Whose job it is, where the engine is not pinned to a model.

        Returns:
            Its status and counts.

        Raises:
            NoCredentialsError: There is no key for the provider, or it has no batch API.
            ProviderError: The provider refused, or does not know the job.
        """
        return engine_jobs.status(Call(self, model_name, None, {}), batch_id)

    def cancel_batch(self, batch_id: str, model_name: str | None = None) -> BatchInfo:
        """Ask for a job's end. What it has answered by then is charged.

        Args:
            batch_id: The id that `infer_batch` gave.
            model_name: Whose job it is, where the engine is not pinned to a model.

        Returns:
            Its status and counts.

        Raises:
            NoCredentialsError: There is no key for the provider, or it has no batch API.
            ProviderError: The provider refused, or does not know the job.
        """
        return engine_jobs.cancelled(Call(self, model_name, None, {}), batch_id)

    def get_batch_results(self, batch_id: str, conversations: Any, model_name: str | None = None) -> list[Conversation]:
        """The answered conversations of a job that has ended; those that failed there are asked directly.

        Args:
            batch_id: The id that `infer_batch` gave.
            conversations: The very ones that it was given.
            model_name: Whose job it is, where the engine is not pinned to a model.

        Returns:
            The conversations, answered, in order.

        Raises:
            RuntimeError: The job has not ended, or has failed (has expired, was cancelled), with what was answered as
                `inference_result`.
            NoCredentialsError: There is no key for the provider, or it has no batch API.
            ProviderError: The provider refused, does not know the job, or failed where it was asked directly.
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

        Args:
            batch_id: The id that `infer_batch` gave.
            conversations: The very ones that it was given.
            model_name: Whose job it is, where the engine is not pinned to a model.

        Returns:
            Those that were answered, and why others were not.

        Raises:
            RuntimeError: The job has not ended, or nothing was answered before it failed.
            NoCredentialsError: There is no key for the provider, or it has no batch API.
            ProviderError: The provider refused, or does not know the job.
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

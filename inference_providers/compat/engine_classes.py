"""Engines by name: each is a `MetaInferenceEngine` for one model of one provider, or of one kind of server."""

from __future__ import annotations

from typing import Any, ClassVar

from inference_providers.compat.engine import MetaInferenceEngine
from inference_providers.compat.engine_generation import GenerationParams
from inference_providers.compat.engine_model import ModelParams
from inference_providers.compat.engine_params import coerced
from inference_providers.compat.engine_settings import InferenceConfig, InferenceEngineType, RemoteParams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, Unpack

    from inference_providers.chat import Conversation
    from inference_providers.clients import EngineCallOptions
    from inference_providers.compat.engine import Options
    from inference_providers.compat.engine_results import InferenceResult

_GPU_MEMORY = 0.9  # what people's programs say by default; a server that is launched then decides itself
_SENT = (
    "max_new_tokens", "seed", "temperature", "top_p", "min_p", "frequency_penalty", "presence_penalty", "stop_strings",
    "stop_token_ids", "logit_bias", "guided_decoding", "tool_choice", "parallel_tool_calls",
)  # fmt: skip


class BaseInferenceEngine(MetaInferenceEngine):
    """An engine that is pinned: one provider or kind of server, and one model.

    Args:
        model_params: The model, a `ModelParams` or a dict of its fields; `model_name` is needed.
        generation_params: How to generate, a `GenerationParams` or a dict. Default: its defaults, 1,024 new tokens at
            temperature 0.
        remote_params: How the server is reached, a `RemoteParams` or a dict.

    Keyword Args:
        **options: As of `MetaInferenceEngine`.

    Raises:
        TypeError: An option is unknown, or of the wrong type.
        ValueError: There is no model, or a value is out of range.
        RegistryError: A registry that is given is invalid.
    """

    engine: ClassVar[str] = ""

    def __init__(
        self,
        model_params: ModelParams | dict[str, Any],
        *,
        generation_params: GenerationParams | dict[str, Any] | None = None,
        remote_params: RemoteParams | dict[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> None:
        generation = coerced(GenerationParams, GenerationParams() if generation_params is None else generation_params)
        words: Any = {**generation.as_fields(), **options}
        if generation.is_set("batch_size"):
            words.setdefault("batch_size", generation.batch_size)
        super().__init__(remote_params=remote_params, **words)
        self._model = coerced(ModelParams, model_params)
        if not self._model.model_name:
            raise ValueError(f"{type(self).__name__} needs a model: ModelParams(model_name=...)")
        self._kind, self._defaults = self.engine, generation.defaults()
        self._tell_unsent(generation, self._model)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._model.model_name}>"

    def infer(  # type: ignore[override]  # the model is the engine's, so there is one argument less
        self,
        input: Any = None,
        inference_config: InferenceConfig | dict[str, Any] | None = None,
        *,
        on_error: Literal["keep", "raise"] = "raise",
        **options: Unpack[EngineCallOptions],
    ) -> list[Conversation]:
        """Answer conversations with the engine's model; they come back in order, each with its reply appended.

        Args:
            input: `Conversation`s, dicts with `messages`, or lists of messages; or just one of these; or a file of
                conversations as JSON lines, as a `pathlib.Path`.
            inference_config: All settings in one object; a model in it is asked instead.
            on_error: "raise" the first error, or "keep" the reason as `metadata["error"]` of a conversation that
                failed.

        Keyword Args:
            **options: As in `MetaInferenceEngine.infer`: parameters, *output_path*, *remote_params* and the rest.

        Returns:
            The conversations, answered.

        Raises:
            NoCredentialsError: There is no key for the model; `variables` names those that would help.
            TypeError: An option is unknown, or of the wrong type.
            ValueError: A value is out of range, or there is no such *on_error*.
            ProviderError: A conversation failed, and *on_error* is "raise"; the kind says how.
        """
        return super().infer(input, None, inference_config, on_error=on_error, **options)

    def infer_partial(  # type: ignore[override]
        self,
        input: Any = None,
        inference_config: InferenceConfig | dict[str, Any] | None = None,
        **options: Unpack[EngineCallOptions],
    ) -> InferenceResult:
        """Answer conversations of which some may fail, with the engine's model.

        Args:
            input: `Conversation`s, dicts with `messages`, or lists of messages; or just one of these; or a file of
                conversations as JSON lines, as a `pathlib.Path`.
            inference_config: All settings in one object; a model in it is asked instead.

        Keyword Args:
            **options: As in `MetaInferenceEngine.infer`.

        Returns:
            Those that were answered, and why others were not.

        Raises:
            NoCredentialsError: There is no key for the model; `variables` names those that would help.
            TypeError: An option is unknown, or of the wrong type.
            ValueError: A value is out of range.
        """
        return super().infer_partial(input, None, inference_config, **options)

    def get_supported_params(self) -> set[str]:
        """Which fields of `GenerationParams` go to a server, if it takes them.

        Returns:
            Their names.
        """
        return set(_SENT)


class NativeTextInferenceEngine(BaseInferenceEngine):
    """A model of the machine's own, by a server of transformers."""

    engine = InferenceEngineType.NATIVE


class LlamaCppInferenceEngine(BaseInferenceEngine):
    """A model of the machine's own, by llama.cpp."""

    engine = InferenceEngineType.LLAMACPP


class VLLMInferenceEngine(BaseInferenceEngine):
    """A model of the machine's own, by vLLM: a server that runs, or one that is started for a model file.

    Args:
        model_params: The model, a `ModelParams` or a dict of its fields; `model_name` is needed.
        generation_params: How to generate, a `GenerationParams` or a dict. Default: its defaults, 1,024 new tokens at
            temperature 0.
        remote_params: How the server is reached, a `RemoteParams` or a dict.
        tensor_parallel_size: Over how many GPUs a server that is started spreads the model. -1: as vLLM decides.
        gpu_memory_utilization: Of 1, how much of a GPU's memory it takes. 0.9: as vLLM decides.
        max_num_seqs: How many requests it answers at once. Default: as vLLM decides.
        quantization: As vLLM decides; a warning says so where it is set.
        enable_prefix_caching: As vLLM decides, likewise.
        enforce_eager: As vLLM decides, likewise.
        tool_call_parser: As vLLM decides, likewise.

    Keyword Args:
        **options: As of `MetaInferenceEngine`.

    Raises:
        TypeError: An option is unknown, or of the wrong type.
        ValueError: There is no model, or a value is out of range.
    """

    engine = InferenceEngineType.VLLM

    def __init__(
        self,
        model_params: ModelParams | dict[str, Any],
        *,
        generation_params: GenerationParams | dict[str, Any] | None = None,
        tensor_parallel_size: int = -1,
        quantization: str | None = None,
        enable_prefix_caching: bool = True,
        gpu_memory_utilization: float = _GPU_MEMORY,
        enforce_eager: bool = True,
        max_num_seqs: int | None = None,
        tool_call_parser: str | None = None,
        remote_params: RemoteParams | dict[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(model_params, generation_params=generation_params, remote_params=remote_params, **options)
        tuning: dict[str, Any] = {"slots": max_num_seqs}
        if tensor_parallel_size != -1:
            tuning["tensor_parallel"] = tensor_parallel_size
        if gpu_memory_utilization != _GPU_MEMORY:
            tuning["gpu_memory"] = gpu_memory_utilization
        self._lists.tuning = tuning
        unsent = {
            "quantization": quantization,
            "enable_prefix_caching": None if enable_prefix_caching else False,
            "enforce_eager": None if enforce_eager else False,
            "tool_call_parser": tool_call_parser,
        }
        told = [f"{name}={value!r:.40}" for name, value in unsent.items() if value is not None]
        if told:
            self._tell_once(f"{type(self).__name__}: {', '.join(told)} cannot be honoured: vLLM runs as a server here.")


class RemoteVLLMInferenceEngine(BaseInferenceEngine):
    """A server of vLLM, at `api_url`, else where one runs."""

    engine = InferenceEngineType.REMOTE_VLLM


class SGLangInferenceEngine(BaseInferenceEngine):
    """A server of SGLang, at `api_url`, else where one runs."""

    engine = InferenceEngineType.SGLANG


class RemoteInferenceEngine(BaseInferenceEngine):
    """Any server with OpenAI's API, at `api_url`."""

    engine = InferenceEngineType.REMOTE


class AnthropicInferenceEngine(BaseInferenceEngine):
    """Anthropic."""

    engine = InferenceEngineType.ANTHROPIC


class GoogleVertexInferenceEngine(BaseInferenceEngine):
    """Google's Vertex.

    Args:
        model_params: The model, a `ModelParams` or a dict of its fields; `model_name` is needed.
        generation_params: How to generate, a `GenerationParams` or a dict. Default: its defaults, 1,024 new tokens at
            temperature 0.
        remote_params: How the server is reached, a `RemoteParams` or a dict.
        project_id: The project. Default: `GOOGLE_VERTEX_PROJECT`.
        region: The region. Default: `GOOGLE_VERTEX_LOCATION`.
        project_id_env_key: The variable that holds the project.
        region_env_key: The variable that holds the region.

    Keyword Args:
        **options: As of `MetaInferenceEngine`.

    Raises:
        TypeError: An option is unknown, or of the wrong type.
        ValueError: There is no model, or a value is out of range.
    """

    engine = InferenceEngineType.GOOGLE_VERTEX

    def __init__(
        self,
        model_params: ModelParams | dict[str, Any],
        *,
        generation_params: GenerationParams | dict[str, Any] | None = None,
        remote_params: RemoteParams | dict[str, Any] | None = None,
        project_id_env_key: str | None = None,
        region_env_key: str | None = None,
        project_id: str | None = None,
        region: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(model_params, generation_params=generation_params, remote_params=remote_params, **options)
        self._lists.beside = {
            "GOOGLE_VERTEX_PROJECT": (project_id, project_id_env_key),
            "GOOGLE_VERTEX_LOCATION": (region, region_env_key),
        }


class GoogleGeminiInferenceEngine(BaseInferenceEngine):
    """Google's Gemini API."""

    engine = InferenceEngineType.GOOGLE_GEMINI


class DeepSeekInferenceEngine(BaseInferenceEngine):
    """DeepSeek."""

    engine = InferenceEngineType.DEEPSEEK


class FireworksInferenceEngine(BaseInferenceEngine):
    """Fireworks."""

    engine = InferenceEngineType.FIREWORKS


class ParasailInferenceEngine(BaseInferenceEngine):
    """Parasail."""

    engine = InferenceEngineType.PARASAIL


class TogetherInferenceEngine(BaseInferenceEngine):
    """Together."""

    engine = InferenceEngineType.TOGETHER


class OpenAIInferenceEngine(BaseInferenceEngine):
    """OpenAI."""

    engine = InferenceEngineType.OPENAI


class OpenRouterInferenceEngine(BaseInferenceEngine):
    """OpenRouter."""

    engine = InferenceEngineType.OPENROUTER


class SambanovaInferenceEngine(BaseInferenceEngine):
    """SambaNova."""

    engine = InferenceEngineType.SAMBANOVA


class BedrockInferenceEngine(BaseInferenceEngine):
    """Amazon's Bedrock."""

    engine = InferenceEngineType.BEDROCK


class CerebrasInferenceEngine(BaseInferenceEngine):
    """Cerebras."""

    engine = InferenceEngineType.CEREBRAS


class HuggingFaceRouterInferenceEngine(BaseInferenceEngine):
    """Hugging Face's router."""

    engine = InferenceEngineType.HUGGING_FACE_ROUTER


def build_inference_engine(
    engine_type: InferenceEngineType | str,
    model_params: ModelParams | dict[str, Any],
    remote_params: RemoteParams | dict[str, Any] | None = None,
    generation_params: GenerationParams | dict[str, Any] | None = None,
) -> BaseInferenceEngine:
    """The engine of a kind.

    Args:
        engine_type: The kind: "OPENAI", "VLLM", ..., or an `InferenceEngineType`.
        model_params: The model, a `ModelParams` or a dict of its fields; `model_name` is needed.
        generation_params: How to generate, a `GenerationParams` or a dict. Default: its defaults, 1,024 new tokens at
            temperature 0.
        remote_params: How the server is reached, a `RemoteParams` or a dict.

    Returns:
        The engine.

    Raises:
        TypeError: A setting is unknown, or of the wrong type.
        ValueError: There is no such kind, no model, or a value is out of range.
    """
    kinds = {str(kind.engine): kind for kind in BaseInferenceEngine.__subclasses__()}
    if str(engine_type) not in kinds:
        raise ValueError(f"there is no engine {engine_type!r}; there are {', '.join(sorted(kinds))}")
    return kinds[str(engine_type)](model_params, generation_params=generation_params, remote_params=remote_params)

"""The interfaces of other tools, over the same pipeline."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.compat import inference_api as inference_api
    from inference_providers.compat import inference_errors as inference_errors
    from inference_providers.compat.async_inference_calls import AsyncEventStream as AsyncEventStream
    from inference_providers.compat.async_inference_calls import AsyncInferred as AsyncInferred
    from inference_providers.compat.async_inference_calls import async_batched as async_batched
    from inference_providers.compat.async_inference_calls import async_inferred as async_inferred
    from inference_providers.compat.async_inference_calls import async_streamed as async_streamed
    from inference_providers.compat.async_inference_client import AsyncClient as AsyncClient
    from inference_providers.compat.backends import detect_model_backend as detect_model_backend
    from inference_providers.compat.backends import generate_response as generate_response
    from inference_providers.compat.backends import get_available_models as get_available_models
    from inference_providers.compat.backends import get_backend_for_model as get_backend_for_model
    from inference_providers.compat.backends import initialize_llm_registry as initialize_llm_registry
    from inference_providers.compat.backends import list_models as list_models
    from inference_providers.compat.base_backend import BaseLLMBackend as BaseLLMBackend
    from inference_providers.compat.base_backend import register_backend as register_backend
    from inference_providers.compat.engine import MetaInferenceEngine as MetaInferenceEngine
    from inference_providers.compat.engine_classes import AnthropicInferenceEngine as AnthropicInferenceEngine
    from inference_providers.compat.engine_classes import BaseInferenceEngine as BaseInferenceEngine
    from inference_providers.compat.engine_classes import BedrockInferenceEngine as BedrockInferenceEngine
    from inference_providers.compat.engine_classes import CerebrasInferenceEngine as CerebrasInferenceEngine
    from inference_providers.compat.engine_classes import DeepSeekInferenceEngine as DeepSeekInferenceEngine
    from inference_providers.compat.engine_classes import FireworksInferenceEngine as FireworksInferenceEngine
    from inference_providers.compat.engine_classes import GoogleGeminiInferenceEngine as GoogleGeminiInferenceEngine
    from inference_providers.compat.engine_classes import GoogleVertexInferenceEngine as GoogleVertexInferenceEngine
    from inference_providers.compat.engine_classes import (
        HuggingFaceRouterInferenceEngine as HuggingFaceRouterInferenceEngine,
    )
    from inference_providers.compat.engine_classes import LlamaCppInferenceEngine as LlamaCppInferenceEngine
    from inference_providers.compat.engine_classes import NativeTextInferenceEngine as NativeTextInferenceEngine
    from inference_providers.compat.engine_classes import OpenAIInferenceEngine as OpenAIInferenceEngine
    from inference_providers.compat.engine_classes import OpenRouterInferenceEngine as OpenRouterInferenceEngine
    from inference_providers.compat.engine_classes import ParasailInferenceEngine as ParasailInferenceEngine
    from inference_providers.compat.engine_classes import RemoteInferenceEngine as RemoteInferenceEngine
    from inference_providers.compat.engine_classes import RemoteVLLMInferenceEngine as RemoteVLLMInferenceEngine
    from inference_providers.compat.engine_classes import SambanovaInferenceEngine as SambanovaInferenceEngine
    from inference_providers.compat.engine_classes import SGLangInferenceEngine as SGLangInferenceEngine
    from inference_providers.compat.engine_classes import TogetherInferenceEngine as TogetherInferenceEngine
    from inference_providers.compat.engine_classes import VLLMInferenceEngine as VLLMInferenceEngine
    from inference_providers.compat.engine_classes import build_inference_engine as build_inference_engine
    from inference_providers.compat.engine_generation import GenerationParams as GenerationParams
    from inference_providers.compat.engine_generation import GuidedDecodingParams as GuidedDecodingParams
    from inference_providers.compat.engine_model import ModelParams as ModelParams
    from inference_providers.compat.engine_results import BatchInfo as BatchInfo
    from inference_providers.compat.engine_results import BatchResult as BatchResult
    from inference_providers.compat.engine_results import BatchStatus as BatchStatus
    from inference_providers.compat.engine_results import FailureDetail as FailureDetail
    from inference_providers.compat.engine_results import InferenceErrorType as InferenceErrorType
    from inference_providers.compat.engine_results import InferenceResult as InferenceResult
    from inference_providers.compat.engine_settings import InferenceConfig as InferenceConfig
    from inference_providers.compat.engine_settings import InferenceEngineType as InferenceEngineType
    from inference_providers.compat.engine_settings import RemoteParams as RemoteParams
    from inference_providers.compat.inference_api import InferenceRequest as InferenceRequest
    from inference_providers.compat.inference_client import Client as Client
    from inference_providers.compat.kept_replies import HOUR as HOUR
    from inference_providers.compat.kept_replies import KeptReplies as KeptReplies

_HOME = {
    "async_inference_calls": (
        "AsyncEventStream",
        "AsyncInferred",
        "async_batched",
        "async_inferred",
        "async_streamed",
    ),
    "async_inference_client": ("AsyncClient",),
    "backends": (
        "detect_model_backend",
        "generate_response",
        "get_available_models",
        "get_backend_for_model",
        "initialize_llm_registry",
        "list_models",
    ),
    "base_backend": (
        "BaseLLMBackend",
        "register_backend",
    ),
    "engine": ("MetaInferenceEngine",),
    "engine_classes": (
        "AnthropicInferenceEngine",
        "BaseInferenceEngine",
        "BedrockInferenceEngine",
        "CerebrasInferenceEngine",
        "DeepSeekInferenceEngine",
        "FireworksInferenceEngine",
        "GoogleGeminiInferenceEngine",
        "GoogleVertexInferenceEngine",
        "HuggingFaceRouterInferenceEngine",
        "LlamaCppInferenceEngine",
        "NativeTextInferenceEngine",
        "OpenAIInferenceEngine",
        "OpenRouterInferenceEngine",
        "ParasailInferenceEngine",
        "RemoteInferenceEngine",
        "RemoteVLLMInferenceEngine",
        "SGLangInferenceEngine",
        "SambanovaInferenceEngine",
        "TogetherInferenceEngine",
        "VLLMInferenceEngine",
        "build_inference_engine",
    ),
    "engine_generation": (
        "GenerationParams",
        "GuidedDecodingParams",
    ),
    "engine_model": ("ModelParams",),
    "engine_results": (
        "BatchInfo",
        "BatchResult",
        "BatchStatus",
        "FailureDetail",
        "InferenceErrorType",
        "InferenceResult",
    ),
    "engine_settings": (
        "InferenceConfig",
        "InferenceEngineType",
        "RemoteParams",
    ),
    "inference_api": ("InferenceRequest",),
    "inference_client": ("Client",),
    "kept_replies": (
        "HOUR",
        "KeptReplies",
    ),
}
__getattr__, __dir__ = face(
    __name__,
    _HOME,
    modules=(
        "inference_api",
        "inference_errors",
    ),
)

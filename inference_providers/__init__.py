"""Use whatever language models there are: keys in the environment, or a model server on this machine.

    from inference_providers import ask_ai
    print(ask_ai("Come here often?"))

Importing this package reads no file and imports nothing of weight; each name is
loaded when it is first used.
"""

from __future__ import annotations

__version__ = "0.3.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.attempts import Attempt as Attempt
    from inference_providers.batches import AsyncBatch as AsyncBatch
    from inference_providers.batches import AsyncBatchJobs as AsyncBatchJobs
    from inference_providers.batches import Batch as Batch
    from inference_providers.batches import BatchJob as BatchJob
    from inference_providers.batches import BatchJobs as BatchJobs
    from inference_providers.batches import MalformedItemError as MalformedItemError
    from inference_providers.batches import Result as Result
    from inference_providers.batches import Summary as Summary
    from inference_providers.calls import AnswerStream as AnswerStream
    from inference_providers.calls import AsyncAnswerStream as AsyncAnswerStream
    from inference_providers.chat import Answer as Answer
    from inference_providers.chat import ContentItem as ContentItem
    from inference_providers.chat import Conversation as Conversation
    from inference_providers.chat import FinishReason as FinishReason
    from inference_providers.chat import Message as Message
    from inference_providers.chat import Role as Role
    from inference_providers.chat import Type as Type
    from inference_providers.clients import AsyncProviderList as AsyncProviderList
    from inference_providers.clients import Connection as Connection
    from inference_providers.clients import ProviderList as ProviderList
    from inference_providers.clients import ask_ai as ask_ai
    from inference_providers.clients import batch as batch
    from inference_providers.clients import estimate as estimate
    from inference_providers.clients import stream as stream
    from inference_providers.compat import AnthropicInferenceEngine as AnthropicInferenceEngine
    from inference_providers.compat import AsyncClient as AsyncClient
    from inference_providers.compat import BaseInferenceEngine as BaseInferenceEngine
    from inference_providers.compat import BaseLLMBackend as BaseLLMBackend
    from inference_providers.compat import BatchInfo as BatchInfo
    from inference_providers.compat import BatchResult as BatchResult
    from inference_providers.compat import BatchStatus as BatchStatus
    from inference_providers.compat import BedrockInferenceEngine as BedrockInferenceEngine
    from inference_providers.compat import CerebrasInferenceEngine as CerebrasInferenceEngine
    from inference_providers.compat import Client as Client
    from inference_providers.compat import DeepSeekInferenceEngine as DeepSeekInferenceEngine
    from inference_providers.compat import FailureDetail as FailureDetail
    from inference_providers.compat import FireworksInferenceEngine as FireworksInferenceEngine
    from inference_providers.compat import GenerationParams as GenerationParams
    from inference_providers.compat import GoogleGeminiInferenceEngine as GoogleGeminiInferenceEngine
    from inference_providers.compat import GoogleVertexInferenceEngine as GoogleVertexInferenceEngine
    from inference_providers.compat import GuidedDecodingParams as GuidedDecodingParams
    from inference_providers.compat import HuggingFaceRouterInferenceEngine as HuggingFaceRouterInferenceEngine
    from inference_providers.compat import InferenceConfig as InferenceConfig
    from inference_providers.compat import InferenceEngineType as InferenceEngineType
    from inference_providers.compat import InferenceErrorType as InferenceErrorType
    from inference_providers.compat import InferenceResult as InferenceResult
    from inference_providers.compat import LlamaCppInferenceEngine as LlamaCppInferenceEngine
    from inference_providers.compat import MetaInferenceEngine as MetaInferenceEngine
    from inference_providers.compat import ModelParams as ModelParams
    from inference_providers.compat import NativeTextInferenceEngine as NativeTextInferenceEngine
    from inference_providers.compat import OpenAIInferenceEngine as OpenAIInferenceEngine
    from inference_providers.compat import OpenRouterInferenceEngine as OpenRouterInferenceEngine
    from inference_providers.compat import ParasailInferenceEngine as ParasailInferenceEngine
    from inference_providers.compat import RemoteInferenceEngine as RemoteInferenceEngine
    from inference_providers.compat import RemoteParams as RemoteParams
    from inference_providers.compat import RemoteVLLMInferenceEngine as RemoteVLLMInferenceEngine
    from inference_providers.compat import SambanovaInferenceEngine as SambanovaInferenceEngine
    from inference_providers.compat import SGLangInferenceEngine as SGLangInferenceEngine
    from inference_providers.compat import TogetherInferenceEngine as TogetherInferenceEngine
    from inference_providers.compat import VLLMInferenceEngine as VLLMInferenceEngine
    from inference_providers.compat import build_inference_engine as build_inference_engine
    from inference_providers.compat import detect_model_backend as detect_model_backend
    from inference_providers.compat import generate_response as generate_response
    from inference_providers.compat import get_available_models as get_available_models
    from inference_providers.compat import get_backend_for_model as get_backend_for_model
    from inference_providers.compat import initialize_llm_registry as initialize_llm_registry
    from inference_providers.compat import list_models as list_models
    from inference_providers.compat import register_backend as register_backend
    from inference_providers.errors import AllProvidersFailedError as AllProvidersFailedError
    from inference_providers.errors import AuthenticationError as AuthenticationError
    from inference_providers.errors import BudgetExceededError as BudgetExceededError
    from inference_providers.errors import ContentFilteredError as ContentFilteredError
    from inference_providers.errors import ContextLengthError as ContextLengthError
    from inference_providers.errors import InferenceProvidersError as InferenceProvidersError
    from inference_providers.errors import InsufficientCreditsError as InsufficientCreditsError
    from inference_providers.errors import InvalidReplyError as InvalidReplyError
    from inference_providers.errors import InvalidRequestError as InvalidRequestError
    from inference_providers.errors import LocalServerError as LocalServerError
    from inference_providers.errors import NoCredentialsError as NoCredentialsError
    from inference_providers.errors import ProviderAvoidedError as ProviderAvoidedError
    from inference_providers.errors import ProviderError as ProviderError
    from inference_providers.errors import ProviderUnavailableError as ProviderUnavailableError
    from inference_providers.errors import RateLimitError as RateLimitError
    from inference_providers.errors import RegistryError as RegistryError
    from inference_providers.errors import SettingsError as SettingsError
    from inference_providers.errors import StepLimitError as StepLimitError
    from inference_providers.errors import TruncatedStreamError as TruncatedStreamError
    from inference_providers.errors import UnknownModelError as UnknownModelError
    from inference_providers.offers import Explanation as Explanation
    from inference_providers.offers import Offer as Offer
    from inference_providers.offers import Resolution as Resolution
    from inference_providers.registry import canonical_name as canonical_name
    from inference_providers.routing import Policy as Policy
    from inference_providers.transport import Limits as Limits
    from inference_providers.usage import Usage as Usage

_HOME = {
    name: module
    for module, names in {
        "attempts": ("Attempt",),
        "batches": (
            "AsyncBatch",
            "AsyncBatchJobs",
            "Batch",
            "BatchJob",
            "BatchJobs",
            "MalformedItemError",
            "Result",
            "Summary",
        ),
        "calls": (
            "AnswerStream",
            "AsyncAnswerStream",
        ),
        "chat": (
            "Answer",
            "Conversation",
            "ContentItem",
            "FinishReason",
            "Type",
            "Message",
            "Role",
        ),
        "clients": (
            "AsyncProviderList",
            "Connection",
            "ProviderList",
            "ask_ai",
            "batch",
            "estimate",
            "stream",
        ),
        "compat": (
            "AsyncClient",
            "Client",
            "BaseLLMBackend",
            "GenerationParams",
            "BaseInferenceEngine",
            "NativeTextInferenceEngine",
            "LlamaCppInferenceEngine",
            "VLLMInferenceEngine",
            "RemoteVLLMInferenceEngine",
            "SGLangInferenceEngine",
            "RemoteInferenceEngine",
            "AnthropicInferenceEngine",
            "GoogleVertexInferenceEngine",
            "GoogleGeminiInferenceEngine",
            "DeepSeekInferenceEngine",
            "FireworksInferenceEngine",
            "ParasailInferenceEngine",
            "TogetherInferenceEngine",
            "OpenAIInferenceEngine",
            "OpenRouterInferenceEngine",
            "SambanovaInferenceEngine",
            "BedrockInferenceEngine",
            "CerebrasInferenceEngine",
            "HuggingFaceRouterInferenceEngine",
            "build_inference_engine",
            "BatchResult",
            "BatchStatus",
            "BatchInfo",
            "FailureDetail",
            "InferenceEngineType",
            "InferenceErrorType",
            "InferenceResult",
            "GuidedDecodingParams",
            "InferenceConfig",
            "MetaInferenceEngine",
            "ModelParams",
            "RemoteParams",
            "detect_model_backend",
            "generate_response",
            "get_available_models",
            "get_backend_for_model",
            "initialize_llm_registry",
            "list_models",
            "register_backend",
        ),
        "offers": (
            "Explanation",
            "Offer",
            "Resolution",
        ),
        "registry": ("canonical_name",),
        "routing": ("Policy",),
        "transport": ("Limits",),
        "usage": ("Usage",),
    }.items()
    for name in names
}
_ERRORS = (
    "AllProvidersFailedError",
    "AuthenticationError",
    "BudgetExceededError",
    "ContentFilteredError",
    "ContextLengthError",
    "InferenceProvidersError",
    "InsufficientCreditsError",
    "InvalidReplyError",
    "InvalidRequestError",
    "LocalServerError",
    "NoCredentialsError",
    "ProviderAvoidedError",
    "ProviderError",
    "ProviderUnavailableError",
    "RateLimitError",
    "RegistryError",
    "SettingsError",
    "StepLimitError",
    "TruncatedStreamError",
    "UnknownModelError",
)
_HOOKS = {"notebook": ("load_ipython_extension",)}  # what other programs look for, by its name
__all__ = sorted([*_HOME, *_ERRORS])  # noqa: PLE0605  # pyright: ignore[reportUnsupportedDunderAll]


__path__.append(f"{__path__[0]}/_old")  # where modules are that have moved: they still work, with a warning


def __getattr__(name: str) -> object:
    module = "errors" if name in _ERRORS else _HOME.get(name) or _hook(name)
    if module is None:
        raise AttributeError(f"module 'inference_providers' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"inference_providers.{module}"), name)
    globals()[name] = value
    return value


def _hook(name: str) -> str | None:
    return next((folder for folder, names in _HOOKS.items() if name in names), None)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

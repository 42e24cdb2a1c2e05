"""The interfaces of other tools, over the same pipeline."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.compat.backends import detect_model_backend as detect_model_backend
    from inference_providers.compat.backends import generate_response as generate_response
    from inference_providers.compat.backends import get_available_models as get_available_models
    from inference_providers.compat.backends import get_backend_for_model as get_backend_for_model
    from inference_providers.compat.backends import initialize_llm_registry as initialize_llm_registry
    from inference_providers.compat.backends import list_models as list_models
    from inference_providers.compat.base_backend import BaseLLMBackend as BaseLLMBackend
    from inference_providers.compat.base_backend import register_backend as register_backend
    from inference_providers.compat.engine import MetaInferenceEngine as MetaInferenceEngine
    from inference_providers.compat.engine_settings import GenerationParams as GenerationParams
    from inference_providers.compat.engine_settings import GuidedDecodingParams as GuidedDecodingParams
    from inference_providers.compat.engine_settings import InferenceConfig as InferenceConfig
    from inference_providers.compat.engine_settings import ModelParams as ModelParams
    from inference_providers.compat.engine_settings import RemoteParams as RemoteParams

_HOME = {
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
    "engine_settings": (
        "GenerationParams",
        "GuidedDecodingParams",
        "InferenceConfig",
        "ModelParams",
        "RemoteParams",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

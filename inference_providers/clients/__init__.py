"""What programs hold: provider lists, connections, SDK clients, calls of one line."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.clients import failures as failures
    from inference_providers.clients.async_provider_list import AsyncProviderList as AsyncProviderList
    from inference_providers.clients.connection import Connection as Connection
    from inference_providers.clients.headers_of_replies import said_headers as said_headers
    from inference_providers.clients.one_line import ask_ai as ask_ai
    from inference_providers.clients.one_line import batch as batch
    from inference_providers.clients.one_line import default_list as default_list
    from inference_providers.clients.one_line import estimate as estimate
    from inference_providers.clients.one_line import forget_default_list as forget_default_list
    from inference_providers.clients.one_line import stream as stream
    from inference_providers.clients.options import AskOptions as AskOptions
    from inference_providers.clients.options import BatchOptions as BatchOptions
    from inference_providers.clients.options import ClientTerms as ClientTerms
    from inference_providers.clients.options import EngineCallOptions as EngineCallOptions
    from inference_providers.clients.options import EngineOptions as EngineOptions
    from inference_providers.clients.options import GenerationOptions as GenerationOptions
    from inference_providers.clients.options import InferOptions as InferOptions
    from inference_providers.clients.options import ListOptions as ListOptions
    from inference_providers.clients.options import StreamOptions as StreamOptions
    from inference_providers.clients.provider_list import ProviderList as ProviderList
    from inference_providers.clients.routed_request import RoutedOptions as RoutedOptions
    from inference_providers.clients.routed_request import RoutedRequest as RoutedRequest
    from inference_providers.clients.routed_request import options_for as options_for
    from inference_providers.clients.sdk_headers import headers_for_all as headers_for_all
    from inference_providers.clients.sdk_headers import plain_headers as plain_headers
    from inference_providers.clients.token_counting import prompt_tokens as prompt_tokens

_HOME = {
    "async_provider_list": ("AsyncProviderList",),
    "connection": ("Connection",),
    "headers_of_replies": ("said_headers",),
    "one_line": (
        "ask_ai",
        "batch",
        "default_list",
        "estimate",
        "forget_default_list",
        "stream",
    ),
    "options": (
        "AskOptions",
        "BatchOptions",
        "ClientTerms",
        "EngineCallOptions",
        "EngineOptions",
        "GenerationOptions",
        "InferOptions",
        "ListOptions",
        "StreamOptions",
    ),
    "provider_list": ("ProviderList",),
    "routed_request": (
        "RoutedOptions",
        "RoutedRequest",
        "options_for",
    ),
    "sdk_headers": (
        "headers_for_all",
        "plain_headers",
    ),
    "token_counting": ("prompt_tokens",),
}
__getattr__, __dir__ = face(__name__, _HOME, modules=("failures",))

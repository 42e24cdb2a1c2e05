"""How a provider is spoken to: what it is sent, and what its replies, streams and refusals mean."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.protocols import classify as classify
    from inference_providers.protocols import gemini_in as gemini_in
    from inference_providers.protocols import gemini_others as gemini_others
    from inference_providers.protocols import gemini_reply as gemini_reply
    from inference_providers.protocols import messages_count as messages_count
    from inference_providers.protocols import messages_from as messages_from
    from inference_providers.protocols import messages_in as messages_in
    from inference_providers.protocols import messages_out as messages_out
    from inference_providers.protocols import messages_reply as messages_reply
    from inference_providers.protocols import messages_turns as messages_turns
    from inference_providers.protocols import ollama_in as ollama_in
    from inference_providers.protocols import ollama_reply as ollama_reply
    from inference_providers.protocols import responses_events as responses_events
    from inference_providers.protocols import responses_in as responses_in
    from inference_providers.protocols import responses_reply as responses_reply
    from inference_providers.protocols import responses_thoughts as responses_thoughts
    from inference_providers.protocols.classify import Verdict as Verdict
    from inference_providers.protocols.dialect import OWN_WORDS as OWN_WORDS
    from inference_providers.protocols.dialect import Asked as Asked
    from inference_providers.protocols.dispatch import NO_SUCH_PATH as NO_SUCH_PATH
    from inference_providers.protocols.dispatch import NOBODY_CAN as NOBODY_CAN
    from inference_providers.protocols.dispatch import PROTOCOLS as PROTOCOLS
    from inference_providers.protocols.dispatch import api_of as api_of
    from inference_providers.protocols.dispatch import capable_offers as capable_offers
    from inference_providers.protocols.dispatch import fit as fit
    from inference_providers.protocols.dispatch import mend as mend
    from inference_providers.protocols.dispatch import reading as reading
    from inference_providers.protocols.error_body import error_details as error_details
    from inference_providers.protocols.error_body import json_or_text as json_or_text
    from inference_providers.protocols.error_headers import telling_headers as telling_headers
    from inference_providers.protocols.native import native_request as native_request
    from inference_providers.protocols.native import speaks as speaks
    from inference_providers.protocols.native_form import NativeForm as NativeForm
    from inference_providers.protocols.openai_chat import form_file as form_file
    from inference_providers.protocols.openai_chat import form_lists as form_lists
    from inference_providers.protocols.openai_chat import form_model as form_model
    from inference_providers.protocols.openai_chat import form_streams as form_streams
    from inference_providers.protocols.openai_chat import form_without_model as form_without_model
    from inference_providers.protocols.openai_chat import is_form as is_form
    from inference_providers.protocols.protocol import EventJudge as EventJudge
    from inference_providers.protocols.repairs import Repairs as Repairs
    from inference_providers.protocols.reply_parts import as_json as as_json
    from inference_providers.protocols.request import FittedRequest as FittedRequest
    from inference_providers.protocols.request import ModelRequest as ModelRequest
    from inference_providers.protocols.responses_in import AskedResponse as AskedResponse
    from inference_providers.protocols.stream_form import as_chunk as as_chunk
    from inference_providers.protocols.stream_form import as_events as as_events
    from inference_providers.protocols.stream_form import delta_text as delta_text
    from inference_providers.protocols.stream_parts import Part as Part

_HOME = {
    "classify": ("Verdict",),
    "dialect": (
        "Asked",
        "OWN_WORDS",
    ),
    "dispatch": (
        "NOBODY_CAN",
        "NO_SUCH_PATH",
        "PROTOCOLS",
        "api_of",
        "capable_offers",
        "fit",
        "mend",
        "reading",
    ),
    "error_body": (
        "error_details",
        "json_or_text",
    ),
    "error_headers": ("telling_headers",),
    "native": (
        "native_request",
        "speaks",
    ),
    "native_form": ("NativeForm",),
    "openai_chat": (
        "form_file",
        "form_lists",
        "form_model",
        "form_streams",
        "form_without_model",
        "is_form",
    ),
    "repairs": ("Repairs",),
    "reply_parts": ("as_json",),
    "request": (
        "FittedRequest",
        "ModelRequest",
    ),
    "responses_in": ("AskedResponse",),
    "stream_form": (
        "as_chunk",
        "as_events",
        "delta_text",
    ),
    "stream_parts": ("Part",),
}
__getattr__, __dir__ = face(
    __name__,
    _HOME,
    modules=(
        "classify",
        "gemini_in",
        "gemini_others",
        "gemini_reply",
        "messages_count",
        "messages_from",
        "messages_in",
        "messages_out",
        "messages_reply",
        "messages_turns",
        "ollama_in",
        "ollama_reply",
        "responses_events",
        "responses_in",
        "responses_reply",
        "responses_thoughts",
    ),
)

"""How a provider is spoken to: what it is sent, and what its replies, streams and refusals mean."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.protocols import classify as classify
    from inference_providers.protocols.classify import Verdict as Verdict
    from inference_providers.protocols.error_details import decode as decode
    from inference_providers.protocols.error_details import said as said
    from inference_providers.protocols.openai_chat import Ask as Ask
    from inference_providers.protocols.openai_chat import form_model as form_model
    from inference_providers.protocols.stream import Part as Part
    from inference_providers.protocols.stream import StreamJudge as StreamJudge
    from inference_providers.protocols.stream import as_events as as_events
    from inference_providers.protocols.stream import delta_text as delta_text

_HOME = {
    "classify": ("Verdict",),
    "error_details": (
        "decode",
        "said",
    ),
    "openai_chat": (
        "Ask",
        "form_model",
    ),
    "stream": (
        "Part",
        "StreamJudge",
        "as_events",
        "delta_text",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME, modules=("classify",))

"""Who listens to calls: the log of usage, OpenTelemetry."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.telemetry.attaching import keep_log as keep_log
    from inference_providers.telemetry.attaching import trace as trace
    from inference_providers.telemetry.usage_log import Conversation as Conversation
    from inference_providers.telemetry.usage_log import UsageLog as UsageLog

_HOME = {
    "attaching": (
        "keep_log",
        "trace",
    ),
    "usage_log": (
        "Conversation",
        "UsageLog",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

"""Who listens to calls: the log of usage, OpenTelemetry."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.telemetry.attaching import keep_log as keep_log

_HOME = {
    "attaching": ("keep_log",),
}
__getattr__, __dir__ = face(__name__, _HOME)

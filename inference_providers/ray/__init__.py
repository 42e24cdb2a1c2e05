"""Batches on a cluster of Ray: many machines ask, and keep to the limits of each provider together."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.ray.asking import ask as ask
    from inference_providers.ray.part_runner import runner as runner

_HOME = {
    "asking": ("ask",),
    "part_runner": ("runner",),
}
__getattr__, __dir__ = face(__name__, _HOME)

"""Replies that are kept, and given again to whoever asks the same."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.cache.construction import installed as installed
    from inference_providers.cache.construction import of_call as of_call

_HOME = {
    "construction": (
        "installed",
        "of_call",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

"""What the user has said once and for all: settings and keys in files."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.settings.layers import LayeredEnvironment as LayeredEnvironment
    from inference_providers.settings.layers import layered as layered
    from inference_providers.settings.layers import with_settings as with_settings

_HOME = {
    "layers": (
        "LayeredEnvironment",
        "layered",
        "with_settings",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

"""One local address through which programs in every language reach every model."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.administrator import admin_token as admin_token
    from inference_providers.gateway.administrator import token_place as token_place
    from inference_providers.gateway.callers import Caller as Caller
    from inference_providers.gateway.callers import Callers as Callers
    from inference_providers.gateway.env_file import read_environ as read_environ
    from inference_providers.gateway.metrics import Metrics as Metrics
    from inference_providers.gateway.plugin_dialects import taken_paths as taken_paths
    from inference_providers.gateway.purging import purge as purge
    from inference_providers.gateway.server import serve as serve
    from inference_providers.gateway.service import Gateway as Gateway
    from inference_providers.gateway.settings import Settings as Settings
    from inference_providers.gateway.settings import is_loopback as is_loopback
    from inference_providers.gateway.workers import Workers as Workers
    from inference_providers.gateway.workers import hold_signals as hold_signals
    from inference_providers.gateway.workers import listening as listening

_HOME = {
    "administrator": (
        "admin_token",
        "token_place",
    ),
    "callers": (
        "Caller",
        "Callers",
    ),
    "env_file": ("read_environ",),
    "metrics": ("Metrics",),
    "plugin_dialects": ("taken_paths",),
    "purging": ("purge",),
    "server": ("serve",),
    "service": ("Gateway",),
    "settings": (
        "Settings",
        "is_loopback",
    ),
    "workers": (
        "Workers",
        "hold_signals",
        "listening",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

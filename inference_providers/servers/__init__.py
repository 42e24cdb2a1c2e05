"""Model servers on this machine: found, launched, watched, stopped."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.servers import commands as commands
    from inference_providers.servers import discovery as discovery
    from inference_providers.servers import engines as engines
    from inference_providers.servers import launch as launch
    from inference_providers.servers import memory as memory
    from inference_providers.servers import model_files as model_files
    from inference_providers.servers import model_lists as model_lists
    from inference_providers.servers.commands import CONTEXT as CONTEXT
    from inference_providers.servers.commands import IDLE as IDLE
    from inference_providers.servers.discovery import scan as scan
    from inference_providers.servers.launchables import Launchables as Launchables
    from inference_providers.servers.state import ended as ended
    from inference_providers.servers.state import endpoint_of as endpoint_of
    from inference_providers.servers.state import read_state as read_state
    from inference_providers.servers.state import running as running

_HOME = {
    "commands": (
        "CONTEXT",
        "IDLE",
    ),
    "discovery": ("scan",),
    "launchables": ("Launchables",),
    "state": (
        "ended",
        "endpoint_of",
        "read_state",
        "running",
    ),
}
__getattr__, __dir__, __all__ = face(
    __name__,
    _HOME,
    modules=(
        "commands",
        "discovery",
        "engines",
        "launch",
        "memory",
        "model_files",
        "model_lists",
    ),
)

"""Model servers on this machine: found, launched, watched, stopped."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.servers import discovery as discovery
    from inference_providers.servers import engines as engines
    from inference_providers.servers import getting as getting
    from inference_providers.servers import hub as hub
    from inference_providers.servers import memory as memory
    from inference_providers.servers import model_files as model_files
    from inference_providers.servers import model_lists as model_lists
    from inference_providers.servers import open_models as open_models
    from inference_providers.servers import recipes as recipes
    from inference_providers.servers import stopping as stopping
    from inference_providers.servers.discovery import Lookout as Lookout
    from inference_providers.servers.launch import LaunchableServer as LaunchableServer
    from inference_providers.servers.launchables import Launchables as Launchables
    from inference_providers.servers.model_files import hub_folder as hub_folder
    from inference_providers.servers.open_models import OpenModel as OpenModel
    from inference_providers.servers.recipes import CONTEXT as CONTEXT
    from inference_providers.servers.recipes import IDLE as IDLE
    from inference_providers.servers.records import LaunchOptions as LaunchOptions
    from inference_providers.servers.records import ModelEntry as ModelEntry
    from inference_providers.servers.records import ServerState as ServerState
    from inference_providers.servers.state import ended as ended
    from inference_providers.servers.state import endpoint_of as endpoint_of
    from inference_providers.servers.state import read_state as read_state
    from inference_providers.servers.state import running as running
    from inference_providers.servers.state import servers_folder as servers_folder

_HOME = {
    "discovery": ("Lookout",),
    "launch": ("LaunchableServer",),
    "launchables": ("Launchables",),
    "model_files": ("hub_folder",),
    "open_models": ("OpenModel",),
    "recipes": (
        "CONTEXT",
        "IDLE",
    ),
    "records": (
        "LaunchOptions",
        "ModelEntry",
        "ServerState",
    ),
    "state": (
        "ended",
        "endpoint_of",
        "read_state",
        "running",
        "servers_folder",
    ),
}
__getattr__, __dir__ = face(
    __name__,
    _HOME,
    modules=(
        "discovery",
        "engines",
        "getting",
        "hub",
        "memory",
        "model_files",
        "model_lists",
        "open_models",
        "recipes",
        "stopping",
    ),
)

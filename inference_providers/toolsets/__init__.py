"""Tools from elsewhere: functions by their address, servers of MCP, and what may be called without a question."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.toolsets.functions import function_at as function_at
    from inference_providers.toolsets.permission import ALWAYS as ALWAYS
    from inference_providers.toolsets.permission import NO as NO
    from inference_providers.toolsets.permission import YES as YES
    from inference_providers.toolsets.permission import Permission as Permission
    from inference_providers.toolsets.permission import in_short as in_short
    from inference_providers.toolsets.permission import is_cut as is_cut
    from inference_providers.toolsets.permission import lines_of as lines_of
    from inference_providers.toolsets.servers import server_of as server_of
    from inference_providers.toolsets.session import ServerError as ServerError
    from inference_providers.toolsets.session import Session as Session
    from inference_providers.toolsets.session import tools_of as tools_of

_HOME = {
    "functions": ("function_at",),
    "permission": (
        "ALWAYS",
        "NO",
        "Permission",
        "YES",
        "in_short",
        "is_cut",
        "lines_of",
    ),
    "servers": ("server_of",),
    "session": (
        "ServerError",
        "Session",
        "tools_of",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

"""What processes know together: who is left alone for a while, and what is taken out of each minute."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.state.construction import SHARED as SHARED
    from inference_providers.state.construction import shared_link as shared_link
    from inference_providers.state.construction import state_of as state_of
    from inference_providers.state.memory_state import MemoryState as MemoryState
    from inference_providers.state.redis_accounts import Booking as Booking
    from inference_providers.state.redis_accounts import RedisAccounts as RedisAccounts
    from inference_providers.state.redis_accounts import Short as Short
    from inference_providers.state.redis_link import RedisLink as RedisLink
    from inference_providers.state.redis_minute import MINUTE_CORRECTED as MINUTE_CORRECTED
    from inference_providers.state.redis_minute import MINUTE_HEAD as MINUTE_HEAD
    from inference_providers.state.redis_script import SPACE as SPACE
    from inference_providers.state.redis_script import Said as Said
    from inference_providers.state.redis_script import Script as Script
    from inference_providers.state.state import State as State
    from inference_providers.state.window import Room as Room
    from inference_providers.state.window import Taken as Taken

_HOME = {
    "construction": (
        "SHARED",
        "shared_link",
        "state_of",
    ),
    "memory_state": ("MemoryState",),
    "redis_accounts": (
        "Booking",
        "RedisAccounts",
        "Short",
    ),
    "redis_link": ("RedisLink",),
    "redis_minute": (
        "MINUTE_CORRECTED",
        "MINUTE_HEAD",
    ),
    "redis_script": (
        "SPACE",
        "Said",
        "Script",
    ),
    "state": ("State",),
    "window": ("Taken",),
}
__getattr__, __dir__ = face(__name__, _HOME)

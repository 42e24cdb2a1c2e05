"""Which state a program means by what it says."""

from __future__ import annotations

import os

from inference_providers.files import folders
from inference_providers.state.memory_state import MemoryState
from inference_providers.state.sqlite_state import SqliteState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.state.state import State

NAME = "shared.sqlite"
SHARED = "shared"


def state_of(given: Any, environ: Mapping[str, str]) -> State:
    """The state of `state=`: "shared" for the user's own file, the path of one, or the address of a Redis.

    Raises ValueError, also where a Redis is named and its package is missing.

    A user without a home has one in memory.
    """
    if given == SHARED:
        folder = folders.own("state", environ)
        if folder is None:
            folders.warn_once(f'state="{SHARED}": {folders.NO_HOME}, so each process knows only what it sees itself')
            return MemoryState()
        return SqliteState(os.path.join(folder, NAME))
    if isinstance(given, str) and "://" in given:
        from inference_providers.state.redis_state import RedisState

        return RedisState.of(given)
    path = folders.expanded(given, environ) if isinstance(given, str) else ""
    if not os.path.isabs(path):
        raise ValueError(f'state must be "{SHARED}", the whole path of a file, or "redis://...", not {given!r}')
    return SqliteState(path)

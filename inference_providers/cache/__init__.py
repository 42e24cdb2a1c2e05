"""Replies that are kept, and given again to whoever asks the same."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.cache.construction import installed as installed
    from inference_providers.cache.construction import of_call as of_call
    from inference_providers.cache.construction import purge_shared as purge_shared
    from inference_providers.cache.construction import user_store as user_store
    from inference_providers.cache.rules import KINDS as KINDS
    from inference_providers.cache.sqlite_store import SqliteStore as SqliteStore
    from inference_providers.cache.sqlite_store import path_of as path_of

_HOME = {
    "construction": (
        "installed",
        "of_call",
        "purge_shared",
        "user_store",
    ),
    "rules": ("KINDS",),
    "sqlite_store": (
        "SqliteStore",
        "path_of",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

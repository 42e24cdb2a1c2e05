"""Caches made of options, and put into pipelines."""

from __future__ import annotations

import os
import threading

from inference_providers.cache.memory_store import MemoryStore
from inference_providers.cache.settings import ENTRY, MEMORY, SIZE, SQLITE, Settings
from inference_providers.cache.stage import ResponseCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.cache.entry import Store
    from inference_providers.cache.sqlite_store import SqliteStore
    from inference_providers.calls import Pipeline

_lock = threading.Lock()


def installed(pipeline: Pipeline, given: Any) -> None:
    """Have a pipeline's calls use a cache by these options. Raises TypeError and ValueError."""
    settings = Settings.of(given)
    pipeline.stages.append(ResponseCache(settings, _store(settings, pipeline)))


def of_call(pipeline: Pipeline, cache: Any = None, cache_config: Any = None) -> Mapping[str, Any] | bool | None:
    """What a call says of the cache, in one of the two words, checked; None where it says nothing.

    Where it is the first to want one, the pipeline gets one that other calls do not use. Raises TypeError and
    ValueError.
    """
    if cache is not None and cache_config is not None:
        raise ValueError("cache and cache_config say the same thing; give one of them")
    given = cache if cache_config is None else cache_config
    if given is None:
        return None
    stage = next((stage for stage in pipeline.stages if isinstance(stage, ResponseCache)), None)
    wanted = (Settings() if stage is None else stage.settings).for_call(given)
    if not wanted.enabled:
        return False
    with _lock:
        if not any(isinstance(stage, ResponseCache) for stage in pipeline.stages):
            installed(pipeline, False)
    return True if given is True else {**given, "enabled": True}


def user_store(environ: Mapping[str, str], path: str | None = None) -> SqliteStore | None:
    """The store in the user's file, or in another one; None for a user without a home."""
    from inference_providers.cache.sqlite_store import SqliteStore, path_of

    where = path or path_of(environ)
    return None if where is None else SqliteStore(os.path.abspath(where), SIZE, ENTRY)


def _store(settings: Settings, pipeline: Pipeline) -> Store:
    """Where replies are kept: the user's file; in memory for a user without a home, and for what stands in."""
    from inference_providers.cache import sqlite_store

    link = None if pipeline.state is None or pipeline.stand_in is not None else pipeline.state.link
    if link is not None and not settings.path and settings.store != MEMORY:
        from inference_providers.cache.redis_store import RedisStore

        return RedisStore(link, ENTRY)
    path = settings.path or (sqlite_store.path_of(pipeline.finder.environ) or "")
    wanted = settings.store or (MEMORY if pipeline.stand_in is not None and not settings.path else SQLITE)
    if wanted == MEMORY or not path:
        return MemoryStore(settings.max_bytes)
    return sqlite_store.SqliteStore(os.path.abspath(path), settings.max_bytes, ENTRY)

"""Caches made of options, and put into pipelines."""

from __future__ import annotations

import os
import threading

from inference_providers.cache.memory_store import MemoryStore
from inference_providers.cache.settings import ENTRY, MEMORY, SIZE, SQLITE, Settings, no_store
from inference_providers.cache.stage import ResponseCache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.cache.entry import Store
    from inference_providers.cache.sqlite_store import SqliteStore
    from inference_providers.calls import Pipeline
    from inference_providers.state import RedisLink

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


def purge_shared(link: RedisLink, caller: str) -> int:
    """Remove what was kept for a caller in what programs on several machines share; how many there were.

    Raises OSError.
    """
    from inference_providers.cache.redis_store import RedisStore

    return RedisStore(link, ENTRY).purge(caller)


def _store(settings: Settings, pipeline: Pipeline) -> Store:
    """Where replies are kept: the user's file; in memory for a user without a home, and for what stands in.

    In what programs on several machines share, if they do and nothing else is said. Raises ValueError for a store that
    nobody has.
    """
    from inference_providers.cache import sqlite_store

    if settings.store not in ("", MEMORY, SQLITE):
        return _plugin(settings, pipeline.finder.environ)
    link = None if pipeline.state is None or pipeline.stand_in is not None else pipeline.state.link
    if link is not None and not settings.path and not settings.store:
        from inference_providers.cache.redis_store import RedisStore

        return RedisStore(link, ENTRY)
    path = settings.path or (sqlite_store.path_of(pipeline.finder.environ) or "")
    wanted = settings.store or (MEMORY if pipeline.stand_in is not None and not settings.path else SQLITE)
    if wanted == MEMORY or not path:
        return MemoryStore(settings.max_bytes)
    return sqlite_store.SqliteStore(os.path.abspath(path), settings.max_bytes, ENTRY)


def _plugin(settings: Settings, environ: Mapping[str, str]) -> Store:
    """A plug-in's store. Raises ValueError where there is none of that name, and where it cannot be made."""
    from inference_providers.cache.mapping_store import MappingStore
    from inference_providers.plugins import STORES, objects

    found = objects(STORES, environ)
    if settings.store not in found:
        raise no_store(settings.store, sorted(found))
    try:
        mapping = found[settings.store](path=settings.path, max_bytes=settings.max_bytes)
    except Exception as error:
        raise ValueError(f"the cache's store {settings.store!r} cannot be made: {error}") from error
    return MappingStore(settings.store, mapping, ENTRY)

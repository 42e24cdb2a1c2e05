"""Entries in memory, for one process."""

from __future__ import annotations

import threading
from collections import OrderedDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.cache.entry import Entry


class MemoryStore:
    """At most *most* bytes of entries; those that were used longest ago go first."""

    waits = False

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._hits: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._entries)} entries>"

    def get(self, key: bytes, now: float, oldest: float) -> Entry | None:
        """The entry under a key, made after *oldest* and not past its time; it counts as used."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.expires is not None and now >= entry.expires:
                self._drop(key)
                return None
            if not entry.holds(now, oldest):
                return None
            self._entries.move_to_end(key)
            self._hits[key] = self._hits.get(key, 0) + 1
            return entry

    def peek(self, key: bytes) -> Entry | None:
        """The entry under a key, whatever its age."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
            return entry

    def put(self, key: bytes, entry: Entry, now: float) -> None:
        """Keep an entry; those that were used longest ago make room for it."""
        with self._lock:
            self._drop(key)
            if entry.size > self._most:
                return
            self._entries[key] = entry
            self._size += entry.size
            while self._size > self._most:
                self._drop(next(iter(self._entries)))

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        self._hits.pop(key, None)
        if entry is not None:
            self._size -= entry.size

    def discard(self, key: bytes) -> None:
        """Keep one no longer."""
        with self._lock:
            self._drop(key)

    def clear(self, kind: str = "") -> int:
        """Keep none of a kind, or none at all; how many there were."""
        return self._drop_all(lambda entry: not kind or entry.kind == kind)

    def purge(self, caller: str) -> int:
        """Keep none that was made for a caller; how many there were."""
        return self._drop_all(lambda entry: entry.caller == caller != "")

    def _drop_all(self, goes: Callable[[Entry], bool]) -> int:
        with self._lock:
            gone = [key for key, entry in self._entries.items() if goes(entry)]
            for key in gone:
                self._drop(key)
            return len(gone)

    def counts(self) -> list[dict[str, Any]]:
        """A row for each kind."""
        with self._lock:
            rows: dict[str, dict[str, Any]] = {}
            for key, entry in self._entries.items():
                row = rows.setdefault(
                    entry.kind, {"kind": entry.kind, "count": 0, "size": 0, "oldest": entry.created, "hits": 0}
                )
                row["count"] += 1
                row["size"] += entry.size
                row["oldest"] = min(row["oldest"], entry.created)
                row["hits"] += self._hits.get(key, 0)
            return [rows[kind] for kind in sorted(rows)]

    def close(self) -> None:
        """Nothing: it ends with its process."""

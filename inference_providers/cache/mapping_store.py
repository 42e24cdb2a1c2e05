"""Entries in a mapping of bytes that a plug-in gives: a dict, a file, a server of keys and values."""

from __future__ import annotations

import json
import threading

from inference_providers.cache.entry import Entry
from inference_providers.cache.rules import KINDS
from inference_providers.files import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from typing import Any


class MappingStore:
    """What is kept and found is the plug-in's; what is in an entry is ours, and a value of another form counts as none.

    One thread at a time uses the mapping. Whatever it raises costs no call, and is told once.
    """

    waits = True

    def __init__(self, name: str, mapping: MutableMapping[bytes, bytes], largest: int) -> None:
        """*name*: of the plug-in. *largest*: bytes of an entry's content; a longer one is not read."""
        self._name, self._mapping, self._largest = name, mapping, largest
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}>"

    def get(self, key: bytes, now: float, oldest: float) -> Entry | None:
        """The entry under a key, made after *oldest* and not past its time."""
        entry = self._do(lambda: self._entry(key))
        return entry if entry is not None and entry.holds(now, oldest) else None

    def put(self, key: bytes, entry: Entry, now: float) -> None:
        """Keep an entry; what makes room for it is the mapping's affair."""
        value = _written(entry)
        self._do(lambda: self._mapping.__setitem__(key, value))

    def discard(self, key: bytes) -> None:
        """Keep one no longer."""
        self._do(lambda: self._mapping.pop(key, None))

    def clear(self, kind: str = "") -> int:
        """Keep none of a kind, or none at all; how many there were."""
        return self._drop(lambda entry: entry is None or not kind or entry.kind == kind)

    def purge(self, caller: str) -> int:
        """Keep none that was made for a caller; how many there were."""
        return self._drop(lambda entry: entry is not None and entry.caller == caller != "")

    def _drop(self, goes: Callable[[Entry | None], bool]) -> int:
        def work() -> int:
            gone = [key for key in list(self._mapping) if goes(self._entry(key))]
            for key in gone:
                self._mapping.pop(key, None)
            return len(gone)

        return self._do(work) or 0

    def counts(self) -> list[dict[str, Any]]:
        """A row for each kind; how often entries were used is not known."""
        entries = self._do(lambda: [self._entry(key) for key in list(self._mapping)]) or []
        rows: dict[str, dict[str, Any]] = {}
        for entry in filter(None, entries):
            row = rows.setdefault(
                entry.kind, {"kind": entry.kind, "count": 0, "size": 0, "oldest": entry.created, "hits": 0}
            )
            row["count"] += 1
            row["size"] += entry.size
            row["oldest"] = min(row["oldest"], entry.created)
        return [rows[kind] for kind in sorted(rows)]

    def close(self) -> None:
        """Close the mapping, if it can be closed."""
        close = getattr(self._mapping, "close", None)
        if close is not None:
            self._do(close)

    def _entry(self, key: bytes) -> Entry | None:
        try:
            value = self._mapping[key]
        except KeyError:
            return None
        return _read(value, self._largest)

    def _do(self, work: Callable[[], Any]) -> Any:
        """What *work* gives; None where the mapping fails."""
        with self._lock:
            try:
                return work()
            except Exception as error:  # noqa: BLE001  (whatever is wrong with a cache costs no call)
                folders.warn_once(f"The cache store {self._name!r} failed ({type(error).__name__}); nothing is kept.")
                return None


_FIELDS = ("kind", "provider", "model", "created", "expires", "caller")


def _written(entry: Entry) -> bytes:
    """An entry as bytes: a line of JSON, and the content as it came."""
    head = json.dumps([getattr(entry, name) for name in _FIELDS], ensure_ascii=True)
    return head.encode() + b"\n" + entry.content


def _read(value: Any, largest: int) -> Entry | None:
    """The entry of such bytes; None for any others."""
    if not isinstance(value, bytes):
        return None
    head, _, content = value.partition(b"\n")
    try:
        kind, provider, model, created, expires, caller = json.loads(head)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = all(isinstance(text, str) for text in (kind, provider, model, caller))
    if not texts or kind not in KINDS or len(content) > largest:
        return None
    if type(created) is not float or not (expires is None or type(expires) is float):
        return None
    return Entry(kind, provider, model, content, created, expires, caller)

"""Parts of a batch that a provider works on: what goes up as one file, and which jobs are under way."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from inference_providers import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.batch_items import Item


class Part:
    """What goes up as one file, and the job that works on it. An item's name in the files is a digest of it, and a number."""

    def __init__(self, models: Any, job: str = "", provider: str = "") -> None:
        self.models, self.job, self.provider = models, job, provider
        self.api: Any = None
        self.items: list[Item] = []
        self.names: list[str] = []
        self.dropped: list[list[str]] = []
        self.lines: list[bytes] = []
        self.size = 0

    def add(self, item: Item, name: str, line: bytes = b"", dropped: list[str] | None = None) -> None:
        """One more; its prompt is kept in *line* only, and no longer than until that was sent."""
        item.body = {}
        self.items.append(item)
        self.names.append(name)
        self.dropped.append(dropped or [])
        self.lines.append(line)
        self.size += len(line)


def _is_job(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("provider"), str) and isinstance(row.get("items"), list)


class State:
    """Jobs under way: the provider's id of each, and the names of its items. Its file holds no key and no prompt.

    fresh: forget what was under way.
    """

    def __init__(self, path: str, *, fresh: bool = False) -> None:
        self._path = path
        self._jobs: dict[str, dict[str, Any]] = {}
        if fresh:
            self._write()
        with suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
            found = jsontext.loads(file.read())
            if isinstance(found, dict):
                self._jobs = {job: row for job, row in found.items() if _is_job(row)}
        self._items = {item: (job, row["provider"]) for job, row in self._jobs.items() for item in row["items"]}

    def job_of(self, name: str) -> tuple[str, str] | None:
        """(job, provider) that works on this item already."""
        return self._items.get(name)

    def remember(self, part: Part) -> None:
        """It is under way."""
        self._jobs[part.job] = {"provider": part.provider, "items": part.names}
        self._write()

    def done(self, part: Part) -> None:
        """It has ended."""
        self._jobs.pop(part.job, None)
        self._write()

    def _write(self) -> None:
        if not self._jobs:
            with suppress(FileNotFoundError):
                os.unlink(self._path)
            return
        beside = f"{self._path}.{os.getpid()}.tmp"
        with open(beside, "w", encoding="utf-8") as file:
            json.dump(self._jobs, file)
        os.replace(beside, self._path)

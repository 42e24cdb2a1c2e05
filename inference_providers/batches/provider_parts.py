"""Parts of a batch that a provider works on: what goes up as one file, and which jobs are under way."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from inference_providers import files
from inference_providers.log import warn
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.batches.items import Item


class Part:
    """What goes up as one file, and the job that works on it.

    An item's name in the files is a digest of it, and a number.
    """

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


def beside(lines: str) -> str:
    """Where the jobs of a batch are kept, by the path of its lines."""
    return f"{lines}.jobs.json"


class State:
    """Jobs under way: the provider's id of each, and the names of its items. Its file holds no key and no prompt.

    fresh: forget what was under way. What else the file holds stays in it; what is not such a file at all is
    moved aside. mode: of a new file, less the umask. Raises OSError for what is not a regular file.
    """

    def __init__(self, path: str, *, fresh: bool = False, mode: int = 0o666) -> None:
        self._path, self._mode, self._fresh = path, mode, fresh
        found = self._found()
        self._foreign = {name: row for name, row in found.items() if not _is_job(row)}
        self._jobs: dict[str, dict[str, Any]] = {}
        if not fresh:
            self._jobs = {job: row for job, row in found.items() if _is_job(row)}
        self._items = {item: (job, row["provider"]) for job, row in self._jobs.items() for item in row["items"]}

    def _found(self) -> dict[str, Any]:
        """What the file holds."""
        content = b""
        with suppress(FileNotFoundError), open(self._path, "rb", opener=files.regular) as file:
            content = file.read()
        if not content.strip():
            return {}
        try:
            found = jsontext.loads(content)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
        aside = f"{self._path}.{os.urandom(4).hex()}"
        os.rename(self._path, aside)
        warn(f"{self._path} held something else than jobs of a batch; that is {aside} now.")
        return {}

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

    def settle(self) -> None:
        """All was asked: what was to be forgotten is."""
        if self._fresh:
            self._write()

    def _write(self) -> None:
        self._fresh = False
        rows = {**self._foreign, **self._jobs}
        if not rows:
            with suppress(FileNotFoundError):
                os.unlink(self._path)
            return
        with files.replacing(self._path, text=True, mode=self._mode) as file:
            json.dump(rows, file)


def jobs_under_way(lines: str) -> dict[str, str]:
    """The jobs of a batch that had not ended when it was last heard of, with their providers; by its output's path."""
    state = State(beside(lines))
    return {job: row["provider"] for job, row in state._jobs.items()}

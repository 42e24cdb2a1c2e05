"""Files that the gateway itself keeps: the questions and the results of batches, in a private folder of the user's.

What is said of each is a row of `Ids`; its content is a file named by its id, which the gateway has made up.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress

from inference_providers import files
from inference_providers.files import folders
from inference_providers.gateway.ids import BATCH, FILE, Known
from inference_providers.gateway.refused import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from inference_providers.gateway.ids import Ids

FOLDER = "gateway-files"
MOST_BYTES = 1024 * 1024 * 1024  # of one caller
DAYS = 30.0
_PIECE = 256 * 1024
_HOUR = 3600.0


class KeptFiles:
    """The folder. Whatever reads or writes it waits for a disk: not for an event loop's own thread."""

    def __init__(
        self,
        ids: Ids,
        environ: Mapping[str, str],
        *,
        most_bytes: int = MOST_BYTES,
        days: float = DAYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        folder = folders.own("state", environ)
        self.ids, self.folder = ids, None if folder is None else os.path.join(folder, FOLDER)
        self.most_bytes, self.days, self._clock = most_bytes, days, clock
        self._cleans_at = 0.0

    def __repr__(self) -> str:
        return f"<KeptFiles in {FOLDER}>"

    def put(self, caller: str, name: str, purpose: str, content: bytes) -> dict[str, Any]:
        """Keep a new file; what is said of it. Raises Refused where it is too much, or cannot be kept."""

        def write(path: str) -> None:
            with files.replacing(path, mode=0o600) as file:
                file.write(content)

        return self.take(f"file-{secrets.token_hex(12)}", caller, name, purpose, write)

    def take(
        self, id: str, caller: str, name: str, purpose: str, write: Callable[[str], None], *, most: int | None = None
    ) -> dict[str, Any]:
        """Keep what *write* puts at a path, under an id; what is said of it. Raises Refused."""
        self.clean()
        path = self.path(id)
        try:
            folders.make(os.path.dirname(path))
            if why := folders.distrust(os.path.dirname(path)):
                raise OSError(0, why)
            write(path)
            size = os.path.getsize(path)
        except OSError as error:
            raise _unkept(error.strerror or str(error)) from None
        now = self._clock()
        said = {"id": id, "object": "file", "bytes": size, "created_at": int(now), "filename": name}
        said |= {"purpose": purpose, "status": "processed", "expires_at": int(now + self.days * 86400)}
        row = Known(id, "", "", caller, now, FILE, data=_json(said), size=size, expires=now + self.days * 86400)
        is_kept = self.ids.keep(row, self.most_bytes if most is None else most)
        if not is_kept:
            with suppress(OSError):
                os.unlink(path)
            if is_kept is None:
                raise _unkept("the list of files cannot be written")
            said_most = f"{self.most_bytes // (1024 * 1024)} MiB"
            raise Refused(
                413, f"Your files would take more than {said_most}: delete some that are done.", "storage_full"
            )
        return said

    def path(self, id: str) -> str:
        """Where the content of a file of ours is. Raises Refused for a user without a home."""
        if self.folder is None:
            raise _unkept(folders.NO_HOME)
        return os.path.join(self.folder, id)

    def read(self, id: str) -> Iterator[bytes]:
        """The content, in pieces. Raises Refused (404) where it is gone."""
        path = self.path(id)
        if not os.path.isfile(path):
            raise Refused(404, f"The content of {id} is gone.", "not_found", parameter="id")
        return _pieces(path)

    def remove(self, row: Known) -> None:
        """Keep it no longer."""
        self.ids.forget(row)
        self._unlink(row.id)

    def purge(self, caller: str) -> int:
        """Remove all that a caller has here, and know none of its ids any more; how many files and batches it had.

        What providers have of it stays with them. Raises OSError.
        """
        rows = self.ids.purge(caller)
        ours = [row for row in rows if row.is_ours and row.kind in (FILE, BATCH)]
        for row in ours:
            self._unlink(row.id)
        return len(ours)

    def work_folder(self, batch: str) -> str:
        """Where a batch works, which is there then. Raises Refused, OSError."""
        path = self.path(batch)
        folders.make(path)
        return path

    def clean(self) -> None:
        """Remove what is too old, and what nobody knows; now and then."""
        if self.folder is None or time.monotonic() < self._cleans_at:
            return
        self._cleans_at = time.monotonic() + _HOUR
        for row in self.ids.expired():
            if row.is_ours and row.kind in (FILE, BATCH):
                self._unlink(row.id)
        with suppress(OSError):
            names = os.listdir(self.folder)
            known = {row.id for row in self.ids.find(names)} if names else set()
            for name in names:
                if name not in known and os.lstat(self.path(name)).st_mtime < self._clock() - 86400:
                    self._unlink(name)

    def _unlink(self, id: str) -> None:
        path = self.path(id)
        with suppress(OSError):
            if os.path.isdir(path):
                import shutil

                shutil.rmtree(path)
            else:
                os.unlink(path)


def _pieces(path: str) -> Iterator[bytes]:
    with open(path, "rb", opener=files.regular) as file:
        while piece := file.read(_PIECE):
            yield piece


def _json(value: Any) -> str:
    import json

    return json.dumps(value)  # in ASCII: half a character may be in it, which no file takes


def _unkept(why: str) -> Refused:
    return Refused(503, f"No file can be kept here: {why}.", "no_storage")

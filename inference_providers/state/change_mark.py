"""Eight bytes that several processes have in memory: other ones tell that something has changed.

A reader looks at its own memory, which takes no call to the system. SQLite has its own such page (`-shm`), but gives no
way to it that costs less than a query.
"""

from __future__ import annotations

import os
import time

from inference_providers.files import folders

_SIZE = 8


class ChangeMark:
    """A file of eight bytes, mapped into memory when it is first looked at; the map is the children's as well.

    Where it cannot be mapped, its value is another one each second, so that readers look at what it is about.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._words: memoryview | None = None
        self._file = 0  # which file is mapped, as the system counts

    def __repr__(self) -> str:
        return f"<ChangeMark {os.path.basename(self.path)}>"

    @property
    def value(self) -> int:
        """What it is now."""
        words = self._words
        if words is None:
            return int(time.monotonic())
        number: int = words[0]
        return number

    def change(self) -> None:
        """Tell that something has changed, once it has: the value is a random one, so no two writers need a lock."""
        self.open()
        if self._words is not None:
            self._words[0] = int.from_bytes(os.urandom(_SIZE), "little")

    def open(self) -> None:
        """Map the file that is there now; made where there is none."""
        try:
            if self._words is None or os.stat(self.path).st_ino != self._file:
                self._words = self._mapped()
        except FileNotFoundError:
            self._words = self._mapped()
        except OSError:
            self._words = None

    def _mapped(self) -> memoryview | None:
        try:
            import mmap

            folder = os.path.dirname(self.path)
            folders.make(folder)
            if folders.distrust(folder):
                return None
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
            file = os.open(self.path, flags, 0o600)
            try:
                status = os.fstat(file)
                if folders.distrust_open(file):
                    return None
                if status.st_size < _SIZE:
                    os.ftruncate(file, _SIZE)
                self._file = status.st_ino
                return memoryview(mmap.mmap(file, _SIZE)).cast("Q")
            finally:
                os.close(file)
        except (ImportError, OSError, ValueError):
            return None

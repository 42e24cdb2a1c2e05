"""Leases: one use of a launched server by this program, as its supervisor counts them."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress

from inference_providers.files import locks


class Lease:
    """A locked file in a server's folder `users`. It ends with `release`, with the object or with the process."""

    def __init__(self, folder: str) -> None:
        """Take one of the server of *folder*. Raises OSError."""
        path = os.path.join(folder, "users", f"{os.getpid()}-{id(self)}")
        while True:  # the supervisor may take the file away in the moment before it is locked
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with suppress(OSError):
                if locks.take(file) and os.path.samestat(os.stat(path), os.fstat(file)):
                    break
            os.close(file)
        self._finalizer = weakref.finalize(self, _end, file, path, os.getpid())

    def release(self) -> None:
        """End it."""
        self._finalizer()

    def forget(self) -> None:
        """Leave it to the parent process, whose it is."""
        self._finalizer.detach()


def _end(file: int, path: str, owner: int) -> None:
    os.close(file)
    if os.getpid() == owner:  # not in a child, which has the file open as well
        with suppress(OSError):
            os.unlink(path)

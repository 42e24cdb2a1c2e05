"""Locks on open files: they end with the process that holds them, however it ends.

Where the system has no `flock` (Windows) nothing is locked.
"""

from __future__ import annotations

import os

from inference_providers.files import folders


def available() -> bool:
    """Whether this system has such locks: without them nobody could tell whether a server runs."""
    try:
        import fcntl  # noqa: F401
    except ImportError:
        return False
    return True


def take(file: int) -> bool:
    """Lock an open file for this process alone; False if another holds it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # this file system has no locks
    return True


def is_held(path: str) -> bool:
    """Whether another process holds the lock on a file.

    One that others can write says nothing: any of them may hold it.
    """
    try:
        import fcntl
    except ImportError:
        return False
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if folders.distrust_open(file):
            return False
        # Shared: two who look do not mistake each other for the holder.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False

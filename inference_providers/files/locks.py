"""Locks on open files: they end with the process that holds them, however it ends.

On systems without `flock` (Windows) nothing is locked.
"""

from __future__ import annotations

import os

from inference_providers.files import folders


def available() -> bool:
    """Whether this system has such locks; without them there is no telling whether a server is still running."""
    try:
        import fcntl  # noqa: F401
    except ImportError:
        return False
    return True


def take(file: int) -> bool:
    """Lock an open file for this process alone; False if another process holds the lock."""
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

    The lock on a file that others can write means nothing: any of them may hold it.
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
        # Shared, so that two processes that look do not take each other for the holder.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False

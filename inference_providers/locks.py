"""Locks on open files: they end with the process that holds them, however it ends.

Where the system has no `flock` (Windows) nothing is locked.
"""

from __future__ import annotations

import os


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
    """Whether another process holds the lock on a file."""
    import fcntl

    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(
            file, fcntl.LOCK_SH | fcntl.LOCK_NB
        )  # shared: two who look do not mistake each other for the holder
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False

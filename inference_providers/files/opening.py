"""Files of users, opened only if they are regular files, without waiting for anything."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress

CAP = 16 * 1024 * 1024  # bytes of a file that is read whole
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
# Opened without waiting; on Windows, where a descriptor would convert line ends, in binary.
AT_ONCE = sum({getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")})


def regular(path: str | os.PathLike[str], flags: int, mode: int = 0o666) -> int:
    """An opener for `open`: the descriptor of a regular file. Never waits.

    Raises OSError, which says what is there, for a pipe, a device, a socket or a folder.
    """
    with suppress(FileNotFoundError):
        _check(os.stat(path), path)  # before it is opened: opening a device may have an effect
    file = os.open(path, flags | AT_ONCE, mode)
    try:
        _check(os.fstat(file), path)  # and after: it may have been replaced
    except BaseException:
        os.close(file)
        raise
    return file


def _check(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {kind}; it must be a regular file", os.fspath(path))


def read(path: str | os.PathLike[str], cap: int = CAP) -> bytes:
    """The whole content of a regular file. Raises OSError, also if it is larger than *cap* bytes."""
    with open(path, "rb", opener=regular) as file:
        content = file.read(cap + 1)
    if len(content) > cap:
        raise OSError(errno.EFBIG, f"it is larger than {cap // 1024 // 1024} MiB", os.fspath(path))
    return content


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether a path leads to a named pipe, which can be read only once."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def same(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether two paths lead to one file, through whatever links, even if it does not exist yet."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))

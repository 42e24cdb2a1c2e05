"""Files of users, replaced as a whole: the new file takes over the mode, owner and link of the old one."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress

from inference_providers import log
from inference_providers.files import locks
from inference_providers.files.folders import ACCESS_LIST
from inference_providers.files.opening import AT_ONCE, regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO, Any

REPLACES_OPEN = os.name != "nt"  # whether a file can be replaced while one of the two is open
_NAME_HEAD = 100  # bytes of a file's name with which its temporary file's begins: names may have 255
_TOKEN = 6  # random bytes in the name of a temporary file, written as hexadecimal digits


def check_writable(path: str | os.PathLike[str], *, whole: bool = False) -> os.stat_result | None:
    """The status of a file that is to be written, or replaced as a *whole*; None if there is none yet.

    Raises OSError if it is not a regular file or not writable, or if its folder is not writable.
    """
    try:
        file = regular(path, os.O_WRONLY)
    except FileNotFoundError:
        _check_folder(path)
        return None
    try:
        if whole:
            _check_folder(path)
        return os.fstat(file)
    finally:
        os.close(file)


def _check_folder(path: str | os.PathLike[str]) -> None:
    folder = os.path.dirname(os.path.realpath(path))
    os.stat(folder)
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, "no file can be created in its folder", os.fspath(path))


def mode_beside(path: str | os.PathLike[str]) -> int:
    """The mode for a new file with content of another file: private if that one is not readable by everybody."""
    try:
        return 0o666 if os.stat(path).st_mode & stat.S_IROTH else 0o600
    except OSError:
        return 0o666


@contextmanager
def replacing(path: str | os.PathLike[str], *, text: bool = False, mode: int = 0o666) -> Iterator[IO[Any]]:
    """A file, for bytes or *text*, that replaces the one at *path* once everything is written.

    A reader sees either the old file or the new one.

    The new file has the mode, owner, group and access list of the old one; if the owner or group cannot be set,
    nobody gains the right to read it. *mode*, less the umask, applies where there was no file. A symbolic link
    stays, and its target is replaced; other hard links keep the old content, with a warning. After a failure the
    old file is untouched, and nothing is left beside it. Raises OSError.
    """
    before, target = check_writable(path, whole=True), os.path.realpath(path)
    file = _beside(target, mode if before is None else 0o600, text=text)
    try:
        with file:
            yield file
            file.flush()
            if before is not None:
                _inherit(file.fileno(), before, target)
            os.fsync(file.fileno())
            if not REPLACES_OPEN:
                file.close()
            os.replace(file.name, target)
        if before is not None and before.st_nlink > 1:
            log.warn(f"{target} was replaced; its other names (hard links) keep the old content.")
    except BaseException:
        with suppress(OSError):
            os.unlink(file.name)
        raise


def _beside(target: str, mode: int, *, text: bool) -> IO[Any]:
    """A new file beside *target*, locked for as long as it is open. Removes what killed programs left there."""
    folder, name = os.path.split(target)
    head = f".{os.fsdecode(os.fsencode(name)[:_NAME_HEAD])}."

    def private(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_APPEND | AT_ONCE, mode)

    while True:
        path = os.path.join(folder, f"{head}{os.urandom(_TOKEN).hex()}.tmp")
        try:
            _clean(folder, head)
            file = _created(path, private, text=text)
        except FileExistsError:
            continue
        except OSError as error:
            raise OSError(error.errno, f"no file can be created beside it: {error.strerror}", target) from None
        with suppress(FileNotFoundError):  # another program removed it as abandoned before it was locked
            if locks.take(file.fileno()) and os.path.samestat(os.stat(path), os.fstat(file.fileno())):
                return file
        file.close()


def _created(path: str, opener: Callable[[str, int], int], *, text: bool) -> IO[Any]:
    return open(path, "x", encoding="utf-8", newline="", opener=opener) if text else open(path, "xb", opener=opener)


def _clean(folder: str, head: str) -> None:
    """Remove the files that programs were writing when they were killed: those that are not locked."""
    try:
        import fcntl
    except ImportError:
        return
    for name in os.listdir(folder or "."):
        if name.startswith(head) and name.endswith(".tmp") and len(name) == len(head) + 2 * _TOKEN + len(".tmp"):
            path = os.path.join(folder, name)
            with suppress(OSError), open(path, "rb", opener=_without_links) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails as well if the file system has no locks
                os.unlink(path)


def _without_links(path: str, flags: int) -> int:
    return regular(path, flags | os.O_NOFOLLOW)


def _inherit(file: int, before: os.stat_result, target: str) -> None:
    """Give a file the owner, group, mode and access list of another.

    Where that is not permitted, rights are taken away and none are granted.
    """
    if not hasattr(os, "fchown"):
        return
    mode, is_other_group = stat.S_IMODE(before.st_mode), False
    now = os.fstat(file)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(file, before.st_uid, before.st_gid)
        except OSError:
            mode &= 0o777
            try:
                os.fchown(file, -1, before.st_gid)
            except OSError:
                is_other_group = True
                both = mode >> 3 & mode & 0o7  # members of the old group are now others, and others may be members
                mode = mode & 0o700 | both << 3 | both
    _inherit_access_list(file, target, mode, is_other_group=is_other_group)


def _inherit_access_list(file: int, target: str, mode: int, *, is_other_group: bool) -> None:
    """Set the access list and mode. With a list, the mode's group bits limit the list, and are not the group's own."""
    rights = None
    if hasattr(os, "getxattr"):
        with suppress(OSError):
            rights = os.getxattr(target, ACCESS_LIST)
        if rights is None:
            with suppress(OSError):
                os.removexattr(file, ACCESS_LIST)  # inherited from a folder with a default list
    if rights is None:
        os.fchmod(file, mode)
        return
    try:
        if is_other_group:
            raise PermissionError
        os.fchmod(file, mode & 0o7707)
        os.setxattr(file, ACCESS_LIST, rights)
    except OSError:
        os.fchmod(file, mode & 0o700)

"""Files of users, written anew: whole, in the place of what was there, with its mode, owner and link."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress

from inference_providers import log
from inference_providers.files import locks
from inference_providers.files.opening import AT_ONCE, regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO, Any


REPLACES_OPEN = os.name != "nt"  # whether a file can take another's place while one of them is open


_ACCESS_LIST = "system.posix_acl_access"


_NAME = 100  # bytes of a file's name that the name of a file beside it begins with: names may have 255


_TOKEN = 6  # bytes, as hexadecimal digits


def check_writable(path: str | os.PathLike[str], *, whole: bool = False) -> os.stat_result | None:
    """What is at a path that is to be written, or replaced as a *whole*; None where there is nothing yet.

    Raises OSError for what is no regular file, may not be written, or is in no folder that may be.
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
        raise PermissionError(errno.EACCES, "no file can be made in its folder", os.fspath(path))


def mode_beside(path: str | os.PathLike[str]) -> int:
    """The mode for a new file with the content of another: for its owner's eyes only, where that other one is."""
    try:
        return 0o666 if os.stat(path).st_mode & stat.S_IROTH else 0o600
    except OSError:
        return 0o666


@contextmanager
def replacing(path: str | os.PathLike[str], *, text: bool = False, mode: int = 0o666) -> Iterator[IO[Any]]:
    """A file, for bytes or *text*, that takes another's place when all was written.

    A reader sees the old one or the new one.

    The new one has the mode, owner, group and access list of the old one; where the owner or group may not be
    given away, nobody new may read it. *mode*, less the umask, is that of a file where none was. A symbolic
    link stays, and its target is replaced; a hard link goes on naming the old content, which is said. After a
    failure the old one is as it was, and nothing is left beside it. Raises OSError.
    """
    before, target = check_writable(path, whole=True), os.path.realpath(path)
    file = _beside(target, mode if before is None else 0o600, text=text)
    try:
        with file:
            yield file
            file.flush()
            if before is not None:
                _take_after(file.fileno(), before, target)
            os.fsync(file.fileno())
            if not REPLACES_OPEN:
                file.close()
            os.replace(file.name, target)
        if before is not None and before.st_nlink > 1:
            log.warn(f"{target} was written anew; its other names (hard links) keep what it held before.")
    except BaseException:
        with suppress(OSError):
            os.unlink(file.name)
        raise


def _beside(target: str, mode: int, *, text: bool) -> IO[Any]:
    """A new file beside *target*, locked for as long as it is open. What killed programs left there goes."""
    folder, name = os.path.split(target)
    head = f".{os.fsdecode(os.fsencode(name)[:_NAME])}."

    def private(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_APPEND | AT_ONCE, mode)

    while True:
        path = os.path.join(folder, f"{head}{os.urandom(_TOKEN).hex()}.tmp")
        try:
            _clean(folder, head)
            file = _made(path, private, text=text)
        except FileExistsError:
            continue
        except OSError as error:
            raise OSError(error.errno, f"no file can be made beside it: {error.strerror}", target) from None
        with suppress(FileNotFoundError):  # taken for one that was left, before it was locked
            if locks.take(file.fileno()) and os.path.samestat(os.stat(path), os.fstat(file.fileno())):
                return file
        file.close()


def _made(path: str, opener: Callable[[str, int], int], *, text: bool) -> IO[Any]:
    return open(path, "x", encoding="utf-8", newline="", opener=opener) if text else open(path, "xb", opener=opener)


def _clean(folder: str, head: str) -> None:
    """Remove the files that programs were writing when they were killed: those that nobody has locked."""
    try:
        import fcntl
    except ImportError:
        return
    for name in os.listdir(folder or "."):
        if name.startswith(head) and name.endswith(".tmp") and len(name) == len(head) + 2 * _TOKEN + len(".tmp"):
            path = os.path.join(folder, name)
            with suppress(OSError), open(path, "rb", opener=_without_links) as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an error as well where there are no locks
                os.unlink(path)


def _without_links(path: str, flags: int) -> int:
    return regular(path, flags | os.O_NOFOLLOW)


def _take_after(file: int, before: os.stat_result, target: str) -> None:
    """Give a file the owner, group, mode and access list of another.

    What may not be given shuts out, and lets nobody in.
    """
    if not hasattr(os, "fchown"):
        return
    mode, strange = stat.S_IMODE(before.st_mode), False
    now = os.fstat(file)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(file, before.st_uid, before.st_gid)
        except OSError:
            mode &= 0o777
            try:
                os.fchown(file, -1, before.st_gid)
            except OSError:
                strange = True
                both = mode >> 3 & mode & 0o7  # who was of the group is one of the others now, and the other way round
                mode = mode & 0o700 | both << 3 | both
    _take_access_list(file, target, mode, strange=strange)


def _take_access_list(file: int, target: str, mode: int, *, strange: bool) -> None:
    """With a list, the mode's bits of the group are the most that the list may allow, not what the group may."""
    rights = None
    if hasattr(os, "getxattr"):
        with suppress(OSError):
            rights = os.getxattr(target, _ACCESS_LIST)
        if rights is None:
            with suppress(OSError):
                os.removexattr(file, _ACCESS_LIST)  # of a folder that gives one to every new file
    if rights is None:
        os.fchmod(file, mode)
        return
    try:
        if strange:
            raise PermissionError
        os.fchmod(file, mode & 0o7707)
        os.setxattr(file, _ACCESS_LIST, rights)
    except OSError:
        os.fchmod(file, mode & 0o700)

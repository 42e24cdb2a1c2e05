"""Files with secrets: read only where nobody but their owner can read them."""

from __future__ import annotations

import errno
import os
import stat
import struct

from inference_providers.files import folders
from inference_providers.files.opening import regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_USER, _OWN_GROUP, _GROUP, _MASK = 0x02, 0x04, 0x08, 0x10  # tags of an access list's entries (linux/posix_acl.h)
_READ = 4


class Private(bytes):
    """What is in such a file. Its repr, and so every traceback with local variables, shows nothing of it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


def read_private(path: str, cap: int) -> Private:
    """The whole content of a regular file. Raises OSError, whose `strerror` says why not.

    It is refused where others than the user and root can read or write it, or if it is larger than *cap* bytes.
    The open file is examined, which cannot be exchanged meanwhile.
    """
    with open(path, "rb", opener=regular) as opened:
        if why := folders.distrust_open(opened.fileno()) or _shown(opened.fileno()):
            raise OSError(errno.EPERM, f"it {why}", path)
        content = Private(opened.read(cap + 1))
    if len(content) > cap:
        raise OSError(errno.EFBIG, f"it is larger than {cap // 1024} KiB", path)
    return content


def _shown(file: int) -> str:
    """Who else can read an open file; empty if nobody can."""
    if not hasattr(os, "geteuid"):
        return ""
    status = os.fstat(file)
    if status.st_mode & stat.S_IROTH:
        return "can be read by everybody"
    if not status.st_mode & stat.S_IRGRP:
        return ""
    group = "can be read by a group that others may be in"
    if not folders.has_access_list(file):
        return "" if folders.is_own_group(status.st_gid) else group
    # The group's mode is then the limit of what the list grants: a service manager gives its service a file so.
    for tag, permissions, number in _entries(os.getxattr(file, folders.ACCESS_LIST)):
        if not permissions & _READ or tag == _MASK:
            continue
        if tag == _GROUP or (tag == _OWN_GROUP and not folders.is_own_group(status.st_gid)):
            return group
        if tag == _USER and number not in (0, os.geteuid()):
            return "can be read by another user, by its access list"
    return ""


def _entries(raw: bytes) -> Iterator[tuple[int, int, int]]:
    """(tag, permissions, number of a user or group) of an access list."""
    return struct.iter_unpack("<HHI", raw[4:])

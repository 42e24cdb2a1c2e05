"""The user's own folders: where they are, and whether what lies in one is to be believed.

What others can write is nobody's word: a state file there could name a stranger's port. On Windows, where
permissions are other than owner and mode, everything is believed. On every program's path to its first
answer, so it imports little.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "inference_providers"
NO_HOME = "this user has no home folder"
_BASES = {  # kind -> its variable, and where it is below the home folder: the XDG Base Directory Specification
    "cache": ("XDG_CACHE_HOME", (".cache",)),
    "config": ("XDG_CONFIG_HOME", (".config",)),
    "data": ("XDG_DATA_HOME", (".local", "share")),
    "state": ("XDG_STATE_HOME", (".local", "state")),
}
_told: set[str] = set()
_MOST_LINKS = 40  # on the way to a folder, as Linux has it


def home(environ: Mapping[str, str]) -> str | None:
    """The home folder that an environment gives, else the system's for this user; None for a user who has none.

    A relative `HOME` does not count: it would be another in each folder.
    """
    windows = os.name != "posix"
    given = environ.get("USERPROFILE", "") if windows else environ.get("HOME", "")
    if windows and not given:
        given = environ.get("HOMEDRIVE", "") + environ.get("HOMEPATH", "")
    if os.path.isabs(given):
        return given
    return None if windows else _home_of_account()


def _home_of_account() -> str | None:
    import pwd

    try:
        found = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a user of a container, whom the system does not know
        return None
    return found if os.path.isabs(found) else None


def expanded(path: str, environ: Mapping[str, str]) -> str:
    """A path with `~` filled in; as it is for a user without a home."""
    if path.rstrip(os.sep) == "~" or path.startswith("~" + os.sep):
        at = home(environ)
        return path if at is None else os.path.join(at, path[2:])
    return os.path.expanduser(path)  # `~somebody`: the system says where, not the environment


def base(kind: str, environ: Mapping[str, str]) -> str | None:
    """Where all programs keep their `cache`, `config`, `data` or `state` by the XDG specification; a relative variable is ignored."""
    variable, below = _BASES[kind]
    given = environ.get(variable, "")
    if os.path.isabs(given):
        return given
    at = home(environ)
    return None if at is None else os.path.join(at, *below)


def own(kind: str, environ: Mapping[str, str]) -> str | None:
    """This package's folder of that kind, where this system has such; None for a user without a home.

    Not by `platformdirs`, whose folders these are: it looks into the environment of the process alone.
    """
    if sys.platform == "win32":
        return _own_on_windows(kind, environ)
    found: str | None
    if sys.platform == "darwin" and not os.path.isabs(environ.get(_BASES[kind][0], "")):
        at = home(environ)
        found = at and os.path.join(at, "Library", "Caches" if kind == "cache" else "Application Support")
    else:
        found = base(kind, environ)
    return os.path.join(found, NAME) if found else None


def _own_on_windows(kind: str, environ: Mapping[str, str]) -> str | None:
    found, at = environ.get("LOCALAPPDATA", ""), home(environ)
    if not os.path.isabs(found):
        if at is None:
            return None
        found = os.path.join(at, "AppData", "Local")
    return os.path.join(found, NAME, NAME, *(["Cache"] if kind == "cache" else []))


def make(path: str) -> None:
    """Make a folder with its parents, all that are new for the user alone, whatever the umask says. Raises OSError."""
    path, missing = os.path.abspath(path), []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            if not os.path.isdir(folder):
                raise


def read(path: str, cap: int, *, mine: bool = True) -> bytes:
    """At most *cap* bytes of a regular file. Raises OSError, whose `strerror` says why not.

    With *mine*, a file that others can write is not read either; by the file that is open, which cannot be swapped.
    """
    from inference_providers.files.opening import regular

    with open(path, "rb", opener=regular) as opened:
        if mine and (why := distrust_open(opened.fileno())):
            raise OSError(errno.EPERM, f"it {why}", path)
        return opened.read(cap)


def warn_once(message: str) -> None:
    """Say in this process once what is left out."""
    if message not in _told:
        from inference_providers.log import warn

        _told.add(message)
        warn(message)


def distrust_file(path: str) -> str:
    """`distrust` for a file in a folder that may be believed."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    try:
        return _said(path, *_problem(file, os.fstat(file), parent=False)) if hasattr(os, "geteuid") else ""
    finally:
        os.close(file)


def distrust_open(file: int) -> str:
    """Why what an open file says is not to be believed: it belongs to another user, or others can write it. Else empty."""
    if not hasattr(os, "geteuid"):
        return ""
    return _problem(file, os.fstat(file), parent=False)[0]


def distrust(path: str) -> str:
    """Why what lies in a folder is not to be believed, and what mends it; empty if it may be, or if there is no such folder.

    The folder, all above it and all links on the way must be the user's or root's, and nobody else may be able to write
    there, but for sticky folders above it (`/tmp`), where nobody can replace what is another's.
    """
    if not hasattr(os, "geteuid"):
        return ""
    try:
        for place, found, last in _way(path):
            if why := _said(place, *_problem(place, found, parent=not last)):
                return why
    except OSError as error:
        return f"{error.filename or path} cannot be looked at: {error.strerror}"
    return ""


def _way(path: str) -> Iterator[tuple[str, os.stat_result, bool]]:
    """All folders and links that lead to a path, and whether it is the last of them; what is missing ends them."""
    whole = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    names, here, links = _reversed_names(whole), os.sep, 0
    yield here, os.lstat(here), not names
    while names:
        name = names.pop()
        place = os.path.dirname(here) if name == os.pardir else os.path.join(here, name)
        try:
            found = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return
        yield place, found, not names
        if not stat.S_ISLNK(found.st_mode):
            here = place
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(place)
        here = os.sep if os.path.isabs(target) else here
        names += _reversed_names(target)


def _reversed_names(path: str) -> list[str]:
    return [name for name in path.split(os.sep) if name not in ("", os.curdir)][::-1]


def _problem(place: str | int, found: os.stat_result, *, parent: bool) -> tuple[str, str]:
    """What is wrong with owner or mode, and the command that mends it; nothing twice. *parent*: what is asked for lies below."""
    if found.st_uid not in (0, os.geteuid()) and not (parent and _is_of_another_namespace(found.st_uid)):
        return f"belongs to {_user(found.st_uid)}", "chown"
    if stat.S_ISLNK(found.st_mode) or (parent and found.st_mode & stat.S_ISVTX):
        return "", ""
    if found.st_mode & stat.S_IWOTH:
        return "can be written by everybody", "chmod go-w"
    if found.st_mode & stat.S_IWGRP and (not _is_own_group(found.st_gid) or _has_access_list(place)):
        return "can be written by a group that others may be in", "chmod g-w"
    return "", ""


def _said(place: str, problem: str, command: str) -> str:
    if not problem:
        return ""
    whom = f" {os.geteuid()}" if command == "chown" else ""
    return f"{place} {problem}; `{command}{whom} {place}` changes that"


def _is_own_group(gid: int) -> bool:
    """Whether a group is the user's primary one, of which the system lists no other member."""
    if gid != os.getegid():
        return False
    import grp
    import pwd

    try:
        listed = grp.getgrgid(gid).gr_mem
        return set(listed) <= {"root", pwd.getpwuid(os.geteuid()).pw_name}
    except KeyError:  # a user or group that the system does not know
        return True


def _has_access_list(place: str | int) -> bool:
    """Whether more is said of who may write than owner, group and mode tell: the mode of the group is then the most that any may."""
    try:
        return "system.posix_acl_access" in os.listxattr(place)
    except (AttributeError, OSError):  # a system or a file system without
        return False


def _is_of_another_namespace(uid: int) -> bool:
    """Whether a number stands for all users that a container does not know: none of its processes can be such a user."""
    try:
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            if uid != int(file.read()):
                return False
        with open("/proc/self/uid_map", encoding="ascii") as file:
            mapped = [[int(number) for number in line.split()] for line in file]
    except (OSError, ValueError):
        return False
    return not any(first <= uid < first + count for first, _, count in mapped)


def _user(uid: int) -> str:
    import pwd

    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"

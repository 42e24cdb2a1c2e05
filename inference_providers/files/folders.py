"""The user's own folders: where they are, and whether their content can be trusted.

Files that others can write are not trusted: a state file could name a stranger's port. On Windows, where
permissions are not a matter of owner and mode, everything is trusted. This module is on every program's path to
its first answer, so it imports little.
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
_BASES = {  # kind -> (variable, path below the home folder), by the XDG Base Directory Specification
    "cache": ("XDG_CACHE_HOME", (".cache",)),
    "config": ("XDG_CONFIG_HOME", (".config",)),
    "data": ("XDG_DATA_HOME", (".local", "share")),
    "state": ("XDG_STATE_HOME", (".local", "state")),
}
ACCESS_LIST = "system.posix_acl_access"  # the extended attribute that holds a file's access list
_warned: set[str] = set()
_MOST_LINKS = 40  # on the way to a folder: Linux's own limit


def home(environ: Mapping[str, str]) -> str | None:
    """The home folder by the environment, else by the system's accounts; None for a user without one.

    A relative `HOME` is ignored: it would differ from folder to folder.
    """
    windows = os.name != "posix"
    path = environ.get("USERPROFILE", "") if windows else environ.get("HOME", "")
    if windows and not path:
        path = environ.get("HOMEDRIVE", "") + environ.get("HOMEPATH", "")
    if os.path.isabs(path):
        return path
    return None if windows else _home_of_account()


def _home_of_account() -> str | None:
    import pwd

    try:
        path = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container's user, unknown to the system
        return None
    return path if os.path.isabs(path) else None


def expanded(path: str, environ: Mapping[str, str]) -> str:
    """A path with `~` replaced by the home folder; unchanged for a user without one."""
    if path.rstrip(os.sep) == "~" or path.startswith("~" + os.sep):
        own_home = home(environ)
        return path if own_home is None else os.path.join(own_home, path[2:])
    return os.path.expanduser(path)  # `~somebody`: the system knows, not the environment


def named(environ: Mapping[str, str], *variables: str) -> str | None:
    """The path in the first of these variables that holds one, with its `~`, which only a shell replaces by itself."""
    path = next((path for name in variables if (path := environ.get(name, "").strip())), None)
    return path if path is None or path[0] != "~" else expanded(path, environ)


def base(kind: str, environ: Mapping[str, str]) -> str | None:
    """Where programs keep their `cache`, `config`, `data` or `state` by the XDG specification.

    A variable with a relative path is ignored. None for a user without a home.
    """
    variable, below = _BASES[kind]
    path = named(environ, variable) or ""
    if os.path.isabs(path):
        return path
    own_home = home(environ)
    return None if own_home is None else os.path.join(own_home, *below)


def own(kind: str, environ: Mapping[str, str]) -> str | None:
    """This package's folder of a kind (see `base`), by the rules of this system; None for a user without a home.

    The folders are those of `platformdirs`, which cannot be used: it reads the environment of the process only.
    """
    if sys.platform == "win32":
        return _own_on_windows(kind, environ)
    parent: str | None
    if sys.platform == "darwin" and not os.path.isabs(named(environ, _BASES[kind][0]) or ""):
        own_home = home(environ)
        library = "Caches" if kind == "cache" else "Application Support"
        parent = own_home and os.path.join(own_home, "Library", library)
    else:
        parent = base(kind, environ)
    return os.path.join(parent, NAME) if parent else None


def _own_on_windows(kind: str, environ: Mapping[str, str]) -> str | None:
    parent, own_home = environ.get("LOCALAPPDATA", ""), home(environ)
    if not os.path.isabs(parent):
        if own_home is None:
            return None
        parent = os.path.join(own_home, "AppData", "Local")
    return os.path.join(parent, NAME, NAME, *(["Cache"] if kind == "cache" else []))


def cache(environ: Mapping[str, str]) -> str | None:
    """The folder for what can be had again: the one that the user names, else `own`."""
    return named(environ, "INFERENCE_PROVIDERS_CACHE_DIR") or own("cache", environ)


def make(path: str) -> None:
    """Create a folder and its parents, each new one private to the user whatever the umask. Raises OSError."""
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

    mine: refuse a file that others can write. The open file is examined, which cannot be exchanged meanwhile.
    """
    from inference_providers.files.opening import regular

    with open(path, "rb", opener=regular) as opened:
        if mine and (why := distrust_open(opened.fileno())):
            raise OSError(errno.EPERM, f"it {why}", path)
        return opened.read(cap)


def warn_once(message: str) -> None:
    """Log a warning, the same one only once in this process."""
    if message not in _warned:
        from inference_providers.log import warn

        _warned.add(message)
        warn(message)


def distrust_file(path: str) -> str:
    """`distrust` for a file in a folder that is trusted."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be examined: {error.strerror}"
    try:
        return _explained(path, *_problem(file, os.fstat(file), parent=False)) if hasattr(os, "geteuid") else ""
    finally:
        os.close(file)


def distrust_closed(path: str) -> str:
    """`distrust_file` of a file, not a link, that is not opened for it.

    To close any descriptor of a file gives up all locks by `fcntl` that this process has on it, as SQLite's are.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be examined: {error.strerror}"
    if stat.S_ISLNK(status.st_mode):
        return f"{path} is a link"
    return _explained(path, *_problem(path, status, parent=False)) if hasattr(os, "geteuid") else ""


def distrust_open(file: int) -> str:
    """Why an open file is not trusted: it belongs to another user, or others can write it. Empty if it is trusted."""
    if not hasattr(os, "geteuid"):
        return ""
    return _problem(file, os.fstat(file), parent=False)[0]


def distrust(path: str) -> str:
    """Why the content of a folder is not trusted, and the command that changes that.

    Empty if it is trusted, or if there is no such folder. The folder, all folders above it and all links on the way
    must belong to the user or root, and be writable by nobody else; except sticky folders above it (`/tmp`), where
    nobody can replace what belongs to another.
    """
    if not hasattr(os, "geteuid"):
        return ""
    try:
        for place, status, is_last in _steps(path):
            if why := _explained(place, *_problem(place, status, parent=not is_last)):
                return why
    except OSError as error:
        return f"{error.filename or path} cannot be examined: {error.strerror}"
    return ""


def _steps(path: str) -> Iterator[tuple[str, os.stat_result, bool]]:
    """All folders and links on the way to a path, and whether each is the last. Stops at the first that is missing."""
    whole = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    names, here, links = _reversed_names(whole), os.sep, 0
    yield here, os.lstat(here), not names
    while names:
        name = names.pop()
        place = os.path.dirname(here) if name == os.pardir else os.path.join(here, name)
        try:
            status = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            return
        yield place, status, not names
        if not stat.S_ISLNK(status.st_mode):
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


def _problem(place: str | int, status: os.stat_result, *, parent: bool) -> tuple[str, str]:
    """What is wrong with the owner or mode, and the command that changes it; two empty texts if nothing is.

    parent: it is a folder above the one in question.
    """
    if status.st_uid not in (0, os.geteuid()) and not (parent and _is_of_another_namespace(status.st_uid)):
        return f"belongs to {_user(status.st_uid)}", "chown"
    if stat.S_ISLNK(status.st_mode) or (parent and status.st_mode & stat.S_ISVTX):
        return "", ""
    if status.st_mode & stat.S_IWOTH:
        return "can be written by everybody", "chmod go-w"
    if status.st_mode & stat.S_IWGRP and (not is_own_group(status.st_gid) or has_access_list(place)):
        return "can be written by a group that others may be in", "chmod g-w"
    return "", ""


def _explained(place: str, problem: str, command: str) -> str:
    if not problem:
        return ""
    import shlex

    whom = f" {os.geteuid()}" if command == "chown" else ""
    return f"{place} {problem}; `{command}{whom} {shlex.quote(place)}` changes that"


def is_own_group(gid: int) -> bool:
    """Whether a group is the user's primary one, of which the system lists no other member."""
    if gid != os.getegid():
        return False
    import grp
    import pwd

    try:
        listed = grp.getgrgid(gid).gr_mem
        return set(listed) <= {"root", pwd.getpwuid(os.geteuid()).pw_name}
    except KeyError:  # a user or group unknown to the system
        return True


def has_access_list(place: str | int) -> bool:
    """Whether an access list says who may write: the group's mode is then only the limit of what the list grants."""
    try:
        return ACCESS_LIST in os.listxattr(place)
    except (AttributeError, OSError):  # a system, or a file system, without such lists
        return False


def _is_of_another_namespace(uid: int) -> bool:
    """Whether a number stands for all users from outside a container: none of its processes can be such a user."""
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

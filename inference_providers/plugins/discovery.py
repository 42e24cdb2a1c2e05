"""What installed packages declare as plug-ins, read from the files of their entry points. Nothing is imported.

`importlib.metadata` would take thirty milliseconds and more, most of them for its own import: too long on the way to a
first answer. To look for the files takes one where 150 packages are installed.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "INFERENCE_PROVIDERS_PLUGINS"
OFF = "off"  # its value that leaves all of them out
_ON = ("", "1", "on")  # values that leave none out
PROVIDERS, ENGINES, DIALECTS = "providers", "engines", "dialects"
TOOLS, TEMPLATES, STORES = "tools", "templates", "stores"
GROUPS = (PROVIDERS, ENGINES, DIALECTS, TOOLS, TEMPLATES, STORES)
_PREFIX = "inference_providers."
_MARK = b"[inference_providers."  # which is in a file with any of our groups
_FILES = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}  # how a package's folder of metadata ends: its own facts
_MOST = 64 * 1024  # bytes of a file that are read
_seen: tuple[tuple[tuple[str, int], ...], tuple[Declaration, ...]] | None = None


class Declaration:
    """An entry point: group and name, the object that it names (`module:attribute`), and whose it is."""

    __slots__ = ("group", "name", "package", "target", "version")

    def __init__(self, group: str, name: str, target: str, package: str, version: str) -> None:
        self.group, self.name, self.target = group, name, target
        self.package, self.version = package, version

    def __repr__(self) -> str:
        return f"<Declaration {self.group}/{self.name} of {self.package} {self.version}>"


def declared(environ: Mapping[str, str], *groups: str) -> list[Declaration]:
    """The plug-ins of these groups, or of all, that the environment does not leave out, in the order of `sys.path`."""
    wanted = environ.get(VARIABLE, "").strip().lower()
    if wanted == OFF:
        return []
    packages = set() if wanted in _ON else {_plain(name) for name in wanted.split(",")}
    return [
        one
        for one in _all()
        if (not groups or one.group in groups) and (not packages or _plain(one.package) in packages)
    ]


def _all() -> tuple[Declaration, ...]:
    """All that are installed; looked for anew once a package was installed or removed."""
    global _seen
    folders = tuple(_folders())
    if _seen is None or _seen[0] != folders:
        _seen = folders, tuple(_look(folders))
    return _seen[1]


def _folders() -> Iterator[tuple[str, int]]:
    """The folders where packages are, each with the time of its last change."""
    own = os.path.dirname(os.__file__)  # Python's library, in which nothing is installed
    for folder in installed_path():
        if folder in (own, os.path.join(own, "lib-dynload")):
            continue
        try:
            yield folder, os.stat(folder).st_mtime_ns
        except OSError:
            continue


def installed_path() -> list[str]:
    """`sys.path` without the current directory, however it came to be there: what lies in it was not installed."""
    try:
        here = os.stat(os.curdir)
    except OSError:  # it is gone
        return [folder for folder in sys.path if os.path.isabs(folder)]
    return [folder for folder in sys.path if os.path.isabs(folder) and not _is(folder, here)]


def _is(folder: str, here: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(folder), here)
    except (OSError, ValueError):
        return False


def _look(folders: tuple[tuple[str, int], ...]) -> Iterator[Declaration]:
    earlier: list[str] = []  # of the folders before: the first of a package on the path is the one that is imported
    endings = tuple(_FILES)
    for folder, _ in folders:
        try:
            names = [name for name in os.listdir(folder) if name.endswith(endings)]
        except OSError:  # an archive, which has no folders
            continue
        found = [(name, content) for name in names if _MARK in (content := _read(f"{folder}/{name}/entry_points.txt"))]
        for name, content in sorted(found):
            package, _, version = name.rpartition(".")[0].partition("-")
            if not any(_plain(other.rpartition(".")[0].partition("-")[0]) == _plain(package) for other in earlier):
                facts = _facts(f"{folder}/{name}", package, version)
                yield from _declarations(content.decode("utf-8", "replace"), *facts)
        earlier += names


def _declarations(text: str, package: str, version: str) -> Iterator[Declaration]:
    """The entry points of our groups in the text of a file: sections in brackets, `name = module:attribute`."""
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[] ")
            group = section.removeprefix(_PREFIX) if section.startswith(_PREFIX) else ""
        elif group in GROUPS and "=" in line and not line.startswith("#"):
            name, _, target = line.partition("=")
            yield Declaration(group, name.strip(), target.partition("[")[0].strip(), package, version)


def _facts(folder: str, package: str, version: str) -> tuple[str, str]:
    """What a package calls itself, and its version, by its metadata, else by its folder's name."""
    text = _read(f"{folder}/{_FILES[folder[folder.rindex('.') :]]}").decode("utf-8", "replace")
    lines = text.splitlines()
    end = lines.index("") if "" in lines else len(lines)
    said = {name: value.strip() for name, _, value in (line.partition(":") for line in reversed(lines[:end]))}
    return said.get("Name") or package, said.get("Version") or version


def _read(path: str) -> bytes:
    """The content of a file; empty where there is none. By `os`: `open` would take twice as long."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, _MOST)
    except OSError:
        return b""
    finally:
        os.close(file)


def _plain(name: str) -> str:
    """A package's name as names of packages are compared."""
    return name.strip().lower().replace("-", "_").replace(".", "_")

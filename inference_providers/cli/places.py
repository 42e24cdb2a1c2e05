"""The files and folders that this package keeps for a user: where they are, how large, and how they are removed."""

from __future__ import annotations

import os
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Place:
    """Files of one kind: a folder that is all ours, or single files in a folder that may hold others."""

    __slots__ = ("folder", "kind", "names", "what")

    def __init__(self, kind: str, what: str, folder: str | None, names: tuple[str, ...] = ()) -> None:
        """*names*: of the files that are ours, a `*` at the end for any, a `/` for a folder; none: the folder is."""
        self.kind, self.what, self.folder, self.names = kind, what, folder or "", names

    @property
    def paths(self) -> list[str]:
        """What there is of it: files, or the one folder."""
        if not self.folder or not os.path.lexists(self.folder):
            return []
        if not self.names:
            return [self.folder]
        with suppress(OSError):
            here = sorted(os.listdir(self.folder))
            return [os.path.join(self.folder, name) for name in here if self._is_ours(name)]
        return []

    def _is_ours(self, name: str) -> bool:
        path = os.path.join(self.folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            return f"{name}/" in self.names
        return any(name.startswith(own[:-1]) if own.endswith("*") else name == own for own in self.names)

    @property
    def shown(self) -> list[str]:
        """What there is of it, else where it would be; nothing for a user without a home folder."""
        usual = os.path.join(self.folder, *self.names[:1]).rstrip(os.sep)
        return self.paths or ([usual] if self.folder else [])

    def remove(self) -> list[str]:
        """Remove it; the paths that are gone. A link goes, and not what it leads to. Raises OSError."""
        import shutil

        gone = self.paths
        for path in gone:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        if gone:
            _remove_empty(os.path.dirname(gone[0]))
        return gone


def _remove_empty(folder: str) -> None:
    """Remove a folder that this package made, and those above it, as far as nothing is left in them."""
    from inference_providers.files import folders

    while os.path.basename(folder) in (folders.NAME, "servers", "models"):
        try:
            os.rmdir(folder)
        except OSError:  # not empty, or not to be changed
            return
        folder = os.path.dirname(folder)


def places(environ: Mapping[str, str]) -> list[Place]:
    """All that this package may keep for the user of an environment."""
    from inference_providers.cache import path_of
    from inference_providers.calls import LIVE_FILES
    from inference_providers.cli.kept_log import HISTORY
    from inference_providers.files import folders
    from inference_providers.routing import Learned
    from inference_providers.servers import model_files, open_models, servers_folder
    from inference_providers.upkeep import Updater

    learned, registry = Learned.of(environ), Updater(environ).path
    notes = "" if learned is None else os.path.dirname(learned.path)
    updates = ("registry.json", "registry-state.json", ".registry-*")
    lists = ("models.json", "models.yaml", "models.yml")
    settings, keys = ("config.toml", ".settings.lock", ".config.toml.*"), ("keys.toml", ".keys.toml.*")
    files = ("{}.gguf", ".{}.part", ".{}.package/")  # beside models that the user has put there
    kept = path_of(environ) or ""
    replies = tuple(f"{os.path.basename(kept)}{tail}" for tail in ("", "-*", ".*"))  # with what SQLite puts there
    shared = (*_database("shared.sqlite"), *(f"shared.sqlite{tail}" for tail in (".changes", ".secret")))
    made = ("gateway-files/", *_database("gateway-ids.db"))
    fetched = tuple(file.format(model.name) for model in open_models.every() for file in files)
    return [
        Place("updates", "updates of the registry", os.path.dirname(registry), updates),
        Place("live", "what providers said that they have", folders.cache(environ), LIVE_FILES),
        Place("learned", "what providers refused", notes, ("learned.json",)),
        Place("cache", "replies that were kept", os.path.dirname(kept), replies),
        Place("budget", "what was spent, by day", folders.own("data", environ), _database("budget.sqlite")),
        Place("speeds", "how quick providers were", folders.own("data", environ), _database("speeds.sqlite")),
        Place("shared", "what processes share of rests and minutes", folders.own("state", environ), shared),
        Place("gateway", "files and ids of the gateway's callers", folders.own("state", environ), made),
        Place("vectors", "collections of vectors", folders.own("data", environ), _database("vectors.sqlite")),
        Place("servers", "logs and states of servers that were started", servers_folder(environ)),
        Place("models", "models that were fetched", model_files.own_folder(environ), fetched),
        Place("usage", "the log of calls", folders.own("data", environ), ("usage.db", "usage.*")),
        Place("usage", "what was typed in chat", folders.own("state", environ), (HISTORY,)),
        Place("gateway", "callers of a gateway, what they used and were told", folders.own("data", environ), _GATEWAY),
        Place("gateway", "the token of a gateway's administrator", folders.own("state", environ), ("gateway-token",)),
        Place("lists", "your lists of models", folders.own("config", environ), lists),
        Place("settings", "your settings", folders.own("config", environ), settings),
        Place("keys", "your keys, or which of them are in the keyring", folders.own("config", environ), keys),
    ]


def _database(name: str) -> tuple[str, ...]:
    """A file of SQLite's, and what may stand beside it."""
    return (name, *(f"{name}{tail}" for tail in ("-wal", "-shm", ".lock", ".damaged-*")))


_GATEWAY = (
    *(name for file in ("callers", "spending", "limits") for name in _database(f"{file}.sqlite")),
    "limits.sqlite.worker-*",
    *(name for file in ("replies", "responses") for name in _database(f"gateway-{file}.db")),
)


def size_of(path: str) -> int:
    """Bytes of a file, or of all that is in a folder; links are not followed."""
    with suppress(OSError):
        if os.path.islink(path) or not os.path.isdir(path):
            return os.lstat(path).st_size
    return sum(os.lstat(file).st_size for file in _files(path))


def _files(folder: str) -> Iterator[str]:
    for here, _, names in os.walk(folder):
        yield from (path for name in names if os.path.lexists(path := os.path.join(here, name)))

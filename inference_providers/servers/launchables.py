"""Which models could be launched here: those a program gives, those of the user's lists, and the files that are found."""

from __future__ import annotations

import os
import time

from inference_providers.errors import LocalServerError, RegistryError
from inference_providers.files import folders
from inference_providers.offers import FOUND, GIVEN, NAMED, POLICIES
from inference_providers.registry import bundled
from inference_providers.servers import discovery as local
from inference_providers.servers import model_files, model_lists
from inference_providers.servers.launch import Launchable
from inference_providers.servers.state import READY, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.registry import Registry
    from inference_providers.servers.model_files import ModelFile

_KEPT = 10.0  # seconds for which a look at the files counts
_COMMAND = "command"  # the way that a program gives itself


class Launchables:
    """The models that could be launched, and the servers that were."""

    def __init__(
        self,
        registry: Registry,
        environ: Mapping[str, str],
        given: Iterable[Any] = (),
        tell: Callable[[str], None] = lambda message: None,
        wishes: Mapping[str, Any] | None = None,
    ) -> None:
        """*given*: models of the program; see `model_lists.given`. *wishes*: options for whichever model is launched."""
        self._registry, self._environ, self._tell = registry, environ, tell
        self._wishes = dict(wishes or {})
        self._told = False
        self._given = model_lists.given(given)
        self._files: tuple[float, list[ModelFile]] | None = None
        self._known: dict[tuple[str, str], Launchable] = {}

    def matching(self, wanted: str, pid: str | None = None, where: str = FOUND) -> list[Launchable]:
        """Servers for models that are called so, or lie there, best first; of engine *pid* alone, or whichever can.

        Who gives a model a name means that model: no other that is called so is looked for. *where*: see `resolution`.
        """
        entries = self._called(wanted, by_path=where not in (GIVEN, NAMED), listed=where != GIVEN)
        models = [self._file(entry) for entry in entries]
        if not models and where not in (GIVEN, NAMED):
            at_path = self._at_path(wanted, pinned=pid is not None)
            models = [] if at_path is None else [at_path]
        if models or where in (GIVEN, NAMED):
            return self._all_servers(models, pid)
        running = [s for s in self.running() if wanted in (s.model.served, s.model.name) and pid in (None, s.provider)]
        found = [model for model in self._found() if self._fits(model, wanted)] if where == FOUND else []
        launchable = [server for server in self._all_servers(found, pid) if not self._has_address(server.provider)]
        return list({server.place: server for server in (*running, *launchable)}.values())

    def _has_address(self, engine: str) -> bool:
        """Whether the user says where this engine runs: then a name means the models there, though it be away now."""
        variables = (self._registry.providers[engine].local or {}).get("address") or ()
        return any(self._environ.get(variable, "").strip() for variable in variables)

    def _called(self, wanted: str, *, by_path: bool, listed: bool) -> list[dict[str, Any]]:
        """Entries for a name: the program's before those of lists, whole names before those without a prefix, then paths."""
        given = self._given + ([e for e in self._lists().values() if e["model_path"]] if listed else [])
        return (
            [entry for entry in given if entry["name"] == wanted]
            or [entry for entry in given if model_lists.plain(entry["name"]) == wanted]
            or [
                e
                for e in given
                if by_path
                and os.sep in wanted
                and e["model_path"]
                and self._full(e["model_path"]) == self._full(wanted)
            ]
        )

    def _all_servers(self, models: Iterable[ModelFile], pid: str | None = None) -> list[Launchable]:
        return [server for model in models for server in self._servers(model, pid)]

    def automatic(self, *, everything: bool = False) -> list[Launchable]:
        """Servers for whatever there is: the user's own models; with *everything* also files of other programs, that fit."""
        from inference_providers.servers import commands as ways
        from inference_providers.servers import memory as machine

        models = self._home()
        if everything:
            models = [self._file(entry) for entry in self._given] + models
            free = machine.free_memory()
            models += [model for model in self._found() if model.memory(ways.CONTEXT) <= free]
        return self._all_servers(models)

    def running(self) -> list[Launchable]:
        """The servers that this user's programs have launched, as far as this registry knows their engines."""
        found = []
        for folder, state in running(self._environ):
            try:
                way = next((way for way in self._ways(state["provider"]) if way["name"] == state["way"]), None)
                model = model_files.ModelFile(**state["model"])
            except (KeyError, TypeError, ValueError):  # of another version of this package
                continue
            if way is not None and state["phase"] == READY:
                server = self._launchable(state["provider"], way, model)
                if server.folder == folder:
                    server.reason = ""  # it runs: perhaps of another environment, where the engine is installed
                    server.found(state)
                    found.append(server)
        return found

    def near(self, wanted: str) -> list[str]:
        """Names of models here that are spelled like it."""
        from difflib import get_close_matches

        named = [entry["name"] for entry in self._given] + [model.name for model in self._found()]
        return get_close_matches(os.path.basename(wanted), named, n=3, cutoff=0.5)

    def release(self) -> None:
        """Use none of the servers any more."""
        for server in self._known.values():
            server.release()

    def _servers(self, model: ModelFile, pid: str | None = None) -> list[Launchable]:
        """One for each engine that may serve a model: the one it wishes for, then the registry's order."""
        model.options |= self._wishes
        command = model.options.get("command")
        if command:
            engine = self._registry.provider_id(model.engine or local.UNKNOWN)
            return [self._launchable(engine, _own_way(model), model)] if engine and pid in (None, engine) else []
        wish = self._registry.provider_id(model.engine) if model.engine else None
        engines: list[str] = [pid] if pid else list(dict.fromkeys([*([wish] if wish else []), *bundled().engines]))
        found = []
        for engine in engines:
            possible = [self._launchable(engine, way, model) for way in self._ways(engine)]
            if possible:
                found.append(next((server for server in possible if not server.reason), possible[0]))
        return [self._running_instead(server) for server in found]

    def _running_instead(self, server: Launchable) -> Launchable:
        """A server of the same engine that has the same model already, where nothing else was wished."""
        if server.model.options:
            return server
        for one in self.running():
            if one.provider == server.provider and one.model.path == server.model.path:
                return one
        return server

    def _launchable(self, engine: str, way: Mapping[str, Any], model: ModelFile) -> Launchable:
        title = way.get("title") or self._registry.providers[engine].name
        canonical = self._registry.names.canonical_name(model.served) or self._registry.names.canonical_name(model.name)
        server = Launchable(engine, title, way, model, canonical, self._environ, self._tell)
        return self._known.setdefault((server.place, model.served), server)

    def _ways(self, engine: str) -> Sequence[Mapping[str, Any]]:
        """How an engine is launched: by the installed package's registry alone."""
        provider = bundled().providers.get(engine)
        if provider is None or engine not in self._registry.providers:
            return ()
        return (provider.local or {}).get("launch") or ()

    def _lists(self) -> Mapping[str, dict[str, Any]]:
        """The user's lists; one that cannot be used is told once, and stands in nobody's way."""
        found, problems = model_lists.usable(self._environ)
        if problems and not self._told:
            self._told = True
            self._tell(str(RegistryError(problems, "Of the model lists this cannot be used")))
        return found

    def _at_path(self, wanted: str, *, pinned: bool) -> ModelFile | None:
        """The model at a path; None for what is no path. Raises LocalServerError for a path where none is."""
        path = folders.expanded(wanted, self._environ)
        if path.rpartition(":")[2] in POLICIES and not os.path.exists(path):
            return None  # a rule of its own takes the policy off
        marked = path.startswith((os.sep, "." + os.sep, ".." + os.sep)) or "\\" in path
        heads = (wanted.partition("/")[0], wanted.partition(":")[0])
        elsewhere = not pinned and not marked and any(map(self._registry.provider_id, heads))
        if elsewhere or not (marked or path.endswith(".gguf") or (pinned and os.path.isdir(path))):
            return None
        try:
            return model_files.at(path)
        except ValueError as error:
            for model in self._found():
                if os.path.basename(model.path) == wanted:
                    return model
            close = self.near(wanted)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise LocalServerError(f"{error}.{hint}") from None

    def _file(self, entry: dict[str, Any]) -> ModelFile:
        source = "this program" if entry in self._given else "a model list"
        if entry["model_path"] is None:  # a command of the program's own brings its model
            more: dict[str, Any] = {"engine": entry.get("engine", ""), "options": model_lists.options_of(entry)}
            return model_files.ModelFile(entry["name"], "", model_files.GGUF, 0, source, **more)
        try:
            return model_lists.file_of(entry, source, self._environ)
        except ValueError as error:
            raise LocalServerError(f"{error} (the path of {entry['name']!r} in {source}).") from None

    def _home(self) -> list[ModelFile]:
        """The user's own models; what is none is told, and left out."""
        found = []
        for path in local.home_models(self._environ):
            try:
                found.append(model_files.at(path, source="models folder"))
            except ValueError as error:
                where = local.MODEL_VARIABLE if self._environ.get(local.MODEL_VARIABLE) else "the models folder"
                self._tell(f"{where}: {error}; it is left out")
        return found

    def _found(self) -> list[ModelFile]:
        if self._files is None or time.monotonic() - self._files[0] > _KEPT:
            self._files = (time.monotonic(), self._home() + model_files.found(self._environ))
        unique = {(os.path.realpath(model.path), model.name): model for model in reversed(self._files[1])}
        return list(reversed(unique.values()))

    def _full(self, path: str) -> str:
        return os.path.abspath(folders.expanded(path, self._environ))

    def _fits(self, model: ModelFile, wanted: str) -> bool:
        called = {model.name.lower(), model.served.lower(), os.path.basename(model.path).lower()}
        if wanted.lower() in called:
            return True
        names = self._registry.names
        canonical = names.canonical_name(model.served)
        return canonical is not None and canonical in (wanted.lower(), names.canonical_name(wanted))


def _own_way(model: ModelFile) -> dict[str, Any]:
    """The way that a program gives: its command, and what it says of health and key."""
    variable = model.options.get("key_variable")
    return {
        "name": _COMMAND,
        "title": os.path.basename(model.options["command"][0]),
        "command": list(model.options["command"]),
        "health": model.options.get("health", "/health"),
        "loading": 1800,
        "formats": [model.kind],
        "memory": ["main"],
        **({"key": {"variable": variable}} if variable else {}),
    }

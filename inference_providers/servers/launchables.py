"""Which models could be launched here: those of the program, those of the user's lists, and files that lie here."""

from __future__ import annotations

import os
import time

from inference_providers.errors import LocalServerError, RegistryError
from inference_providers.files import folders
from inference_providers.installing import LOCAL
from inference_providers.offers import FOUND, GIVEN, NAMED, POLICIES, is_offline
from inference_providers.plugins import engine_rows
from inference_providers.registry import bundled
from inference_providers.servers import discovery, model_files, model_lists, open_models
from inference_providers.servers.engines import installed
from inference_providers.servers.launch import LaunchableServer
from inference_providers.servers.state import READY, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.registry import Registry
    from inference_providers.servers.model_files import ModelFile
    from inference_providers.servers.records import LaunchOptions, LaunchRecipe, ModelEntry

_FILES_KEPT = 10.0  # seconds for which a look at the files counts
_COMMAND = "command"  # name of the recipe that is a program's own command


class Launchables:
    """The models that could be launched, and the servers that were."""

    def __init__(
        self,
        registry: Registry,
        environ: Mapping[str, str],
        models: Iterable[Any] = (),
        tell: Callable[[str], None] = lambda message: None,
        launch_options: LaunchOptions | None = None,
        *,
        takes_paths: bool = True,
    ) -> None:
        """What could be launched for one program.

        *models*: of the program; see `model_lists.entries`. *tell*: gets what a person should know.
        *launch_options*: for whichever model is launched; they hold before its own. *takes_paths*: whether a name may
        be a path.
        """
        self._takes_paths = takes_paths
        self._registry, self._environ, self._tell = registry, environ, tell
        self._plugins = engine_rows(environ)
        self._launch_options = launch_options
        self._lists_reported = False
        self._own_entries = model_lists.entries(models)
        self._files: tuple[float, list[ModelFile]] | None = None
        self._servers: dict[tuple[str, str], LaunchableServer] = {}
        self._told: set[str] = set()

    def matching(self, wanted: str, pid: str | None = None, where: str = FOUND) -> list[LaunchableServer]:
        """Servers for models that are called so, or lie there, best first; of engine *pid* alone, or whichever can.

        Who gives a model a name means that model: no other that is called so is looked for. *where* to look: one of
        GIVEN, NAMED, HERE and FOUND of `offers`. Raises LocalServerError for a path without a model.
        """
        by_path = self._takes_paths and where not in (GIVEN, NAMED)
        entries = self._called(wanted, by_path=by_path, listed=where != GIVEN)
        models = [self._file(entry) for entry in entries]
        if not models and by_path:
            at_path = self._at_path(wanted, pinned=pid is not None)
            models = [] if at_path is None else [at_path]
        if models or where in (GIVEN, NAMED):
            return self._all_servers(models, pid)
        running = [s for s in self.running() if wanted in (s.model.served, s.model.name) and pid in (None, s.provider)]
        files = [model for model in self._models_here() if self._is_called(model, wanted)] if where == FOUND else []
        launchable = [server for server in self._all_servers(files, pid) if not self._has_address(server.provider)]
        return list({server.place: server for server in (*running, *launchable)}.values())

    def _has_address(self, engine: str) -> bool:
        """Whether the user says where this engine runs: then a name means the models there, though it be away now."""
        variables = (self._registry.providers[engine].local or {}).get("address") or ()
        return any(self._environ.get(variable, "").strip() for variable in variables)

    def _called(self, wanted: str, *, by_path: bool, listed: bool) -> list[ModelEntry]:
        """Entries for a name: the program's before those of lists.

        Whole names come before those without a prefix, then paths.
        """
        entries = self._own_entries + ([e for e in self._lists().values() if e["model_path"]] if listed else [])
        path = self._full(wanted) if by_path and os.sep in wanted else None
        return (
            [entry for entry in entries if entry["name"] == wanted]
            or [entry for entry in entries if model_lists.plain(entry["name"]) == wanted]
            or [e for e in entries if path is not None and e["model_path"] and self._full(e["model_path"]) == path]
        )

    def _all_servers(self, models: Iterable[ModelFile], pid: str | None = None) -> list[LaunchableServer]:
        return [server for model in models for server in self._servers_for(model, pid)]

    def automatic(self, *, everything: bool = False) -> list[LaunchableServer]:
        """Servers for the user's own models; with *everything* also for models of other programs that memory holds."""
        from inference_providers.servers import memory, recipes

        models = self._home()
        if everything:
            models = [self._file(entry) for entry in self._own_entries] + models
            free = memory.free_memory()
            models += [model for model in self._models_here() if model.memory(recipes.CONTEXT) <= free]
        return self._all_servers(models)

    def advice(self) -> list[str]:
        """What would have a model answer here, in lines: why the user's own cannot, else what to type."""
        from inference_providers.files import locks

        own = [server for server in self.automatic() if server.fits]
        why = {server.model.name: server.reason for server in reversed(own)}  # of the engine that comes first
        if why:
            return [f"{name} lies here, but {reason}." for name, reason in why.items() if reason]
        variable, named = discovery.MODEL_VARIABLE, self._environ.get(discovery.MODEL_VARIABLE, "").strip()
        vain = [f"{variable} is set, but nothing here runs its model: `inference-providers doctor`", "says why."]
        if not locks.available() or is_offline(self._environ):  # nothing can be started here, or fetched
            return vain if named else []
        commands = [*([] if self._runs_files() else [LOCAL]), open_models.command(open_models.SMALLEST)]
        small = ["Or have a small open model answer on this machine (100 MB):", *(f"  {one}" for one in commands)]
        return [*(vain if named else []), *small]

    def _runs_files(self) -> bool:
        """Whether an engine is installed that runs GGUF files."""
        return any(
            model_files.GGUF in recipe["formats"] and "source" not in recipe and installed(recipe, self._environ)
            for engine in (*bundled().engines, *self._plugins)
            for recipe in self._recipes(engine)
        )

    def running(self) -> list[LaunchableServer]:
        """The servers that this user's programs have launched, as far as this registry knows their engines."""
        servers = []
        for folder, state in running(self._environ):
            try:
                name = state["way"]
                recipe = next((recipe for recipe in self._recipes(state["provider"]) if recipe["name"] == name), None)
                model = model_files.ModelFile(**state["model"])
            except (KeyError, TypeError, ValueError):  # of another version of this package
                continue
            if recipe is not None and state["phase"] == READY:
                server = self._launchable(state["provider"], recipe, model)
                if server.folder == folder:
                    server.attach(state)  # perhaps another environment's, where its engine is installed
                    servers.append(server)
        return servers

    def near(self, wanted: str) -> list[str]:
        """Names of models here that are spelled like it."""
        from difflib import get_close_matches

        names = [entry["name"] for entry in self._own_entries] + [model.name for model in self._models_here()]
        return get_close_matches(os.path.basename(wanted), names, n=3, cutoff=0.5)

    def instead(self, wanted: str) -> tuple[list[str], str]:
        """For a model that is not here: `near` ones, and the command that would fetch it, if there is one."""
        return self.near(wanted), open_models.command(wanted)

    def release(self) -> None:
        """Use none of the servers any more."""
        for server in self._servers.values():
            server.release()

    def _servers_for(self, model: ModelFile, pid: str | None = None) -> list[LaunchableServer]:
        """One for each engine that may serve a model: the one that it prefers, then the registry's order."""
        if self._launch_options:
            model = model.with_options(self._launch_options)
        if "command" in model.options:
            engine = self._registry.provider_id(model.engine or discovery.UNKNOWN)
            return [self._launchable(engine, _own_recipe(model), model)] if engine and pid in (None, engine) else []
        preferred = self._registry.provider_id(model.engine) if model.engine else None
        known = [*bundled().engines, *self._plugins]
        ordered: dict[str, None] = dict.fromkeys([*([preferred] if preferred else []), *known])
        engines = [pid] if pid else list(ordered)
        servers = []
        for engine in engines:
            possible = [self._launchable(engine, recipe, model) for recipe in self._recipes(engine)]
            if possible:
                servers.append(next((server for server in possible if not server.reason), possible[0]))
        return [self._running_instead(server) for server in servers]

    def _running_instead(self, server: LaunchableServer) -> LaunchableServer:
        """A server of the same engine that has the same model already, where the model comes without options."""
        if server.model.options:
            return server
        for one in self.running():
            if one.provider == server.provider and one.model.path == server.model.path:
                return one
        return server

    def _launchable(self, engine: str, recipe: LaunchRecipe, model: ModelFile) -> LaunchableServer:
        title = recipe.get("title") or self._registry.providers[engine].name
        canonical = self._registry.names.canonical_name(model.served) or self._registry.names.canonical_name(model.name)
        server = LaunchableServer(engine, title, recipe, model, canonical, self._environ, self._tell)
        return self._servers.setdefault((server.place, model.served), server)

    def _recipes(self, engine: str) -> Sequence[LaunchRecipe]:
        """How an engine is launched: by the registry of the installed package, or by a plug-in, and nothing else."""
        provider = bundled().providers.get(engine)
        row = self._plugins.get(engine, {}) if provider is None else provider.data
        if engine not in self._registry.providers:
            return ()
        return (row.get("connection", {}).get("local") or {}).get("launch") or ()

    def _lists(self) -> Mapping[str, ModelEntry]:
        """The user's lists: name -> entry. One that cannot be used is reported once, and left out."""
        entries, problems = model_lists.usable(self._environ)
        if problems and not self._lists_reported:
            self._lists_reported = True
            self._tell(str(RegistryError(problems, "Of the model lists this cannot be used")))
        return entries

    def _at_path(self, wanted: str, *, pinned: bool) -> ModelFile | None:
        """The model at a path; None for what is not a path. Raises LocalServerError for a path where none is."""
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
            for model in self._models_here():
                if os.path.basename(model.path) == wanted:
                    return model
            close = self.near(wanted)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise LocalServerError(f"{error}.{hint}") from None

    def _file(self, entry: ModelEntry) -> ModelFile:
        source = "this program" if entry in self._own_entries else "a model list"
        if entry["model_path"] is None:  # a command of the program's own brings its model
            engine, options = entry.get("engine", ""), model_lists.options_of(entry)
            return model_files.ModelFile(entry["name"], "", model_files.GGUF, 0, source, engine=engine, options=options)
        try:
            return model_lists.file_of(entry, source, self._environ)
        except ValueError as error:
            raise LocalServerError(f"{error} (the path of {entry['name']!r} in {source}).") from None

    def _home(self) -> list[ModelFile]:
        """The user's own models; a file that is not a model is reported, and left out."""
        models = []
        for path in discovery.home_models(self._environ):
            try:
                models.append(model_files.at(path, source="models folder"))
            except ValueError as error:
                variable = discovery.MODEL_VARIABLE
                where = variable if self._environ.get(variable) else "the models folder"
                message = f"{where}: {error}; it is left out"
                if message not in self._told:
                    self._told.add(message)
                    self._tell(message)
        return models

    def _models_here(self) -> list[ModelFile]:
        """The user's own models and those that other programs keep, each file once for each of its names."""
        if self._files is None or time.monotonic() - self._files[0] > _FILES_KEPT:
            self._files = (time.monotonic(), self._home() + model_files.find_all(self._environ))
        unique = {(os.path.realpath(model.path), model.name): model for model in reversed(self._files[1])}
        return list(reversed(unique.values()))

    def _full(self, path: str) -> str:
        return model_lists.full_path(path, self._environ)

    def _is_called(self, model: ModelFile, wanted: str) -> bool:
        """Whether a name means a model: one of its own, or another of the same canonical model."""
        if wanted.lower() in (model.name.lower(), model.served.lower(), os.path.basename(model.path).lower()):
            return True
        names = self._registry.names
        canonical = names.canonical_name(model.served)
        return canonical is not None and canonical in (wanted.lower(), names.canonical_name(wanted))


def _own_recipe(model: ModelFile) -> LaunchRecipe:
    """The recipe that a program gives: its command, and what it says of health and key."""
    command = list(model.options.get("command", ()))
    recipe: LaunchRecipe = {
        "name": _COMMAND,
        "title": os.path.basename(command[0]),
        "command": command,
        "health": model.options.get("health", "/health"),
        "loading": 1800,
        "formats": [model.kind],
        "memory": ["main"],
    }
    if variable := model.options.get("key_variable"):
        recipe["key"] = {"variable": variable}
    return recipe

"""Servers that this package launches: started when first asked, shared by all programs of the user.

Each has a folder with its state (see `supervisor`), and a supervisor that ends it when nobody uses it any more.
How an engine is started is a row of the installed package's registry, or the calling program's own command;
never anything that was downloaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
import threading
import time
from contextlib import closing, suppress

from inference_providers.errors import LocalServerError
from inference_providers.files import folders, locks
from inference_providers.offers import LocalServer
from inference_providers.servers import memory, peers, recipes
from inference_providers.servers.engines import environment, installed
from inference_providers.servers.lease import Lease
from inference_providers.servers.progress import Progress
from inference_providers.servers.state import FAILED, READY, TAKEN, endpoint_of, read_state, servers_folder
from inference_providers.servers.stopping import indented, log_excerpt
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from inference_providers.servers.model_files import ModelFile
    from inference_providers.servers.records import LaunchPlan, LaunchRecipe, ServerState

_ELSEWHERE = "Set HOME, or XDG_STATE_HOME to a folder of your own"
_NOT_HERE = "Starting servers works on Linux and macOS only"
_MARGIN = 60.0  # seconds beyond a recipe's for loading, before it is given up here: its supervisor says more of it
_LOOK = 0.25  # seconds for a server on this machine to take a connection: an event loop may wait for it


class _NotYet(LocalServerError):
    """A server goes on loading when a call's time is up."""


class LaunchableServer(LocalServer):
    """A model that an engine can serve here. `wake()` starts the server, or joins the one that runs already.

    `reason` says why it cannot; `endpoint` and `key` are set while it runs. `joined`: it ran already.
    """

    launched = True

    def __init__(
        self,
        provider: str,
        title: str,
        recipe: LaunchRecipe,
        model: ModelFile,
        canonical: str | None,
        environ: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        """*title*: the engine's, for a person. *canonical*: the model's name. *tell* gets what a person should know."""
        self.title, self.recipe, self.model = title, recipe, model
        self._environ, self._tell = environ, tell
        self._options: dict[str, Any] = {
            option: value for option, value in model.options.items() if option not in ("idle", "anyway")
        }
        if model.tokenizer_path != model.path:
            self._options["tokenizer"] = model.tokenizer_path
        digest = self._digest(provider)
        self._lease: Lease | None = None
        self._address: tuple[int, int | None, str | None] | None = None  # port, process, and where that is its number
        self._state_joined: tuple[int, int] | None = None  # which file said that the server was ready
        self._starting = threading.Lock()
        self._process = os.getpid()  # whose lock and lease these are
        self._failure: tuple[float, str] | None = None  # when the last start failed, and why
        self.joined = False
        served = recipes.fill(recipe.get("served", "{name}"), self._values)
        super().__init__(provider, "", {served: canonical})
        servers = servers_folder(environ)
        self.folder, self.place = servers and os.path.join(servers, digest), f"launch:{digest}"
        self.wished = model.engine in (provider, title)
        self.fits = model.kind in recipe["formats"] and recipe.get("source", model.source) == model.source
        self.reason = self._obstacle()

    def __repr__(self) -> str:
        at = f" at {self.endpoint}" if self.endpoint else ""
        return in_line(f"<LaunchableServer {self.provider}/{self.model.name}{at}>")

    @property
    def _values(self) -> dict[str, object]:
        name = recipes.served_name(self.recipe, self.model.served)
        return {"model": self.model.path, "name": name, **self._options}

    def _digest(self, provider: str) -> str:
        """The same command is the same server, whoever asks for it."""
        command, variables = recipes.templates(self.recipe, self._options)
        texts = [*command, *(f"{name}={text}" for name, text in sorted(variables.items())), self.recipe["health"]]
        if "command" in self.model.options:  # a program's own, which may leave out what model it is for
            texts += [self.model.name, json.dumps(self.recipe.get("key"))]
        whole = [provider, *(recipes.fill(text, self._values) for text in texts)]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:16]

    def _obstacle(self) -> str:
        """Why the server cannot be started; empty if it can. What no installing would change comes first."""
        if self.model.kind not in self.recipe["formats"]:
            return f"{self.title} does not run {'GGUF files' if self.model.kind == 'gguf' else 'Hugging Face folders'}"
        if not self.fits:
            return f"{self.title} runs only what it keeps itself"
        if os.name != "posix" or not locks.available():
            return f"{_NOT_HERE}, so {self.title} cannot be started here; start it yourself: it will be found"
        if not self.folder:
            return f"{self.title} cannot be started: {folders.NO_HOME} to keep a server's state in. {_ELSEWHERE}"
        if not installed(self.recipe, self._environ):
            install = self.recipe.get("install") or self.recipe["command"][0]
            return f"{self.title} is not installed ({install})"
        return ""

    @property
    def awake(self) -> bool:
        """Whether the server runs, as this program knows it."""
        if self._lease is None or self._process != os.getpid():  # a child has to count for itself
            return False
        joined = self._state_joined
        return joined is not None and joined == self._state_file() and locks.is_held(self._path("lock"))

    def wake(self, limit: float = float("inf")) -> None:
        """Have the server running within *limit* seconds, and its idle time begin anew.

        Raises LocalServerError: it cannot run here, there is too little memory, it failed (with the end of its
        log), or it is not ready in time.
        """
        since = time.monotonic()
        self._after_fork()
        if not self._starting.acquire(timeout=min(limit, threading.TIMEOUT_MAX)):
            raise self._not_yet()
        try:
            self._check_failure(since)
            if not self.awake:
                for step in self._join(limit - (time.monotonic() - since)):
                    step() if callable(step) else time.sleep(step)
        finally:
            self._starting.release()
        self._touch()

    async def wake_async(self, limit: float = float("inf")) -> None:
        """`wake` for asyncio: it can be cancelled."""
        import asyncio

        since = time.monotonic()
        self._after_fork()
        while not self.awake:
            self._check_failure(since)
            if not self._starting.acquire(blocking=False):
                await asyncio.sleep(0.02)  # another task or thread waits already
                if time.monotonic() - since > limit:
                    raise self._not_yet()
                continue
            try:
                for step in self._join(limit - (time.monotonic() - since)):
                    await (asyncio.to_thread(step) if callable(step) else asyncio.sleep(step))
            finally:
                self._starting.release()
        self._touch()

    def lost(self) -> None:
        """Note that a request did not get through: the next `wake` looks whether the server still runs."""
        self._state_joined = None

    def _after_fork(self) -> None:
        """A child has neither its parent's lock, which may be held for ever, nor its parent's lease."""
        if self._process != os.getpid():
            self._starting, self._process = threading.Lock(), os.getpid()
            if self._lease is not None:
                self._lease.forget()
                self._lease = None

    def _touch(self) -> None:
        with suppress(OSError):  # it ends in this moment
            os.utime(self._path("used"))

    def _check_failure(self, since: float) -> None:
        """Raise what others have got who waited for the same start: it is not tried once for each."""
        if self._failure is not None and self._failure[0] > since:
            raise LocalServerError(self._failure[1])

    def release(self) -> None:
        """Do not use the server any more. It ends when nobody does, unless it is to stay."""
        lease, self._lease, self._state_joined = self._lease, None, None
        if lease is not None:
            lease.release()

    def keep(self) -> None:
        """Let the server stay when nobody uses it, until it is idle for long or is stopped."""
        with open(self._path("kept"), "w"):
            pass

    def _join(self, limit: float) -> Iterator[float | Callable[[], None]]:
        """What to do until the server is ready: seconds to wait, and work that takes a while."""
        try:
            yield from self._steps(limit)
        except _NotYet:
            raise  # others may be more patient
        except LocalServerError as error:
            self._failure = (time.monotonic(), str(error))
            raise

    def _steps(self, limit: float) -> Iterator[float | Callable[[], None]]:
        if os.name != "posix" or not locks.available():
            raise LocalServerError(f"{self.reason}.")
        self.release()
        try:
            self._take_lease()
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        until = time.monotonic() + min(limit, self.recipe["loading"] + _MARGIN)
        self.joined, pause = True, 0.01
        with Progress(f"loading {self.model.name} with {self.title}", self._tell) as progress:
            while True:
                if not locks.is_held(self._path("lock")):
                    if not self.joined:
                        raise self._failed(self._state())
                    yield self._spawn
                    self.joined = False
                file, state = self._state_file(), self._state()
                if state and state["phase"] == READY and locks.is_held(self._path("lock")) and _answers(state):
                    self.attach(state)
                    self._state_joined = file  # last: from now on others take it for awake
                    return
                if state and state["phase"] == FAILED and not self.joined:
                    raise self._failed(state)
                if time.monotonic() > until:
                    raise self._not_yet()
                progress.tell()
                yield pause
                pause = min(pause * 1.5, 0.2)

    def attach(self, state: ServerState) -> None:
        """Take address and key of the server as it runs: whatever would keep this program from starting it."""
        self.endpoint, self.key, self.reason = endpoint_of(state), state["key"], ""
        self._address = (state["port"], state["engine"], state.get("namespace"))

    # A method where the base has an attribute that may be one.
    def stranger(self, client_port: int) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Why who took a new connection from *client_port* is not this server.

        Empty if it is, or if the system does not tell. For each new connection, before anything is sent: the port of a
        server that has ended may be anybody's.
        """
        if self._address is None:
            return "the server does not run"
        port, engine, namespace = self._address
        why = peers.stranger(port, client_port, engine, namespace)
        return why and f"{self.title} no longer has its port: {why}; nothing was sent"

    def _not_yet(self) -> _NotYet:
        return _NotYet(
            f"{self.title} is still loading {self.model.name}; it goes on while this program runs. "
            f"Ask again, or give it more time. Its log: {self._path('log')}"
        )

    def _check_folder(self) -> None:
        """Raises LocalServerError where there is no folder, or where others can write.

        Who can write in it could name a server of theirs.
        """
        if not self.folder:
            raise LocalServerError(f"{self.reason or folders.NO_HOME}.")
        why = folders.distrust(self.folder)
        if why := why or next(filter(None, map(folders.distrust_file, map(self._path, ("lock", "state.json")))), ""):
            raise self._unusable(why)

    def _unusable(self, why: str) -> LocalServerError:
        return LocalServerError(
            f"{os.path.dirname(self.folder)}, where servers keep their state, cannot be used: {why}. "
            "XDG_STATE_HOME sets another folder."
        )

    def _take_lease(self) -> None:
        """Count as a user, until this object or this process is gone. Raises OSError and LocalServerError."""
        self._check_folder()
        folders.make(self._path("users"))  # nobody else may look into it
        self._check_folder()  # somebody else may have been quicker
        self._lease = Lease(self.folder)

    def _check_memory(self) -> None:
        """Raises LocalServerError, with the numbers, for a model that does not fit."""
        context = self._context()
        needed = self.model.memory(context)
        kinds, gpus = self.recipe.get("memory") or ["main"], self._options.get("tensor_parallel", 1)
        free, what = memory.available(kinds, self._environ, gpus)
        if needed > free and not self.model.options.get("anyway"):
            raise LocalServerError(
                f"{self.model.name} is too big to run now: with {context} tokens of context it takes about "
                f"{memory.sized(needed)} (its weights are {memory.sized(self.model.size)}), and {memory.sized(free)} "
                f"of {what} are free. Take a smaller or more quantized model, or less context, or end other programs; "
                "`anyway` tries it all the same."
            )

    def _context(self) -> int:
        """Tokens of context that the server is started with."""
        most = self.model.facts.get("context") or recipes.CONTEXT
        return int(self._options.get("context") or min(recipes.CONTEXT, most))

    def _spawn(self) -> None:
        """Start a supervisor; it stays when this program ends, and its lock is held when this returns."""
        import subprocess

        if self.reason:
            raise LocalServerError(f"{self.reason}.")
        self._check_memory()
        for option in recipes.unsupported(self.recipe, self._options):
            if option in self.model.options or option == "tokenizer":
                self._tell(f"{self.title} takes no {option}; it was left out")
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        plan = self._plan(package)
        path = os.pathsep.join(filter(None, [os.path.dirname(package), plan["base"].get("PYTHONPATH", "")]))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "inference_providers.servers.supervisor"],
            input=json.dumps(plan), text=True, capture_output=True, start_new_session=True, cwd=self.folder,
            env={**plan["base"], "PYTHONPATH": path}, check=False,
        )  # fmt: skip
        if done.returncode not in (0, TAKEN):
            raise LocalServerError(f"The supervisor of {self.title} could not be started:\n{indented(done.stderr)}")

    def _plan(self, package: str) -> LaunchPlan:
        """What the supervisor is to do. *package*: the folder of this package."""
        context = self._context()
        command, variables = recipes.templates(self.recipe, {"context": context, **self._options})
        return {
            "command": command,
            "environment": variables,
            "values": {"context": context, **self._values, "python": sys.executable, "package": package},
            "folder": self.folder,
            "cwd": os.getcwd() if "command" in self.model.options else self.folder,
            "base": environment(self._environ),
            "key": self.recipe.get("key") or {},
            "health": self.recipe["health"],
            "loading": self.recipe["loading"],
            "port": self._options.get("port", 0),
            "idle": self.model.options.get("idle", recipes.IDLE),
            "state": {
                "provider": self.provider,
                "title": self.title,
                "way": self.recipe["name"],
                "model": self.model.record(),
            },
        }

    def _failed(self, state: ServerState | None) -> LocalServerError:
        message = (state and state["message"]) or "It ended without a word."
        log = self._path("log")
        excerpt = log_excerpt(log)
        shown = f" The end of its log ({log}):\n{excerpt}" if excerpt else ""
        return LocalServerError(f"{self.title} could not run {self.model.name}. {message}{shown}")

    def _state(self) -> ServerState | None:
        return read_state(self.folder)

    def _state_file(self) -> tuple[int, int] | None:
        """What tells one version of the state file from the next: inode, and when it was written in ns."""
        try:
            stat = os.stat(self._path("state.json"))
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)


def _answers(state: ServerState) -> bool:
    """Whether a server that is said to be ready has its port: it may have been killed, and its supervisor not know."""
    try:
        with closing(socket.create_connection(("127.0.0.1", state["port"]), _LOOK)) as connection:
            here = connection.getsockname()[1]
            return not peers.stranger(state["port"], here, state["engine"], state.get("namespace"))
    except OSError:
        return False

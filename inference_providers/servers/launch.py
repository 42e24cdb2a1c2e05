"""Servers that this package launches: started when first asked, shared by all programs of the user.

Each has a folder with its state (see `supervisor`), and a supervisor that ends it when nobody uses it any more.
How an engine is started is a row of the installed package's registry, or the calling program's own command;
never anything that was downloaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import threading
import time
import weakref
from contextlib import suppress

from inference_providers.errors import LocalServerError
from inference_providers.files import folders, locks
from inference_providers.offers import LocalServer
from inference_providers.servers import commands as ways
from inference_providers.servers import memory as machine
from inference_providers.servers import peers
from inference_providers.servers.engines import environment, installed
from inference_providers.servers.model_files import ModelFile
from inference_providers.servers.progress import Progress
from inference_providers.servers.state import FAILED, READY, TAKEN, endpoint_of, read_state, servers_folder
from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

_LOG_LINES = 12  # of a server that failed, for a person
_CAUSE = r"(?:^|\s)((?:\w+\.)*\w*(?:Error|Exception): .*)|^[\d.]+ E +(.*)"  # a line of a log that says what went wrong
_ELSEWHERE = "Set HOME, or XDG_STATE_HOME to a folder of your own"
_CAUSES = 3  # before those lines: an engine's last words may be of what followed


class _NotYet(LocalServerError):
    """A server goes on loading when a call's time is up."""


class Launchable(LocalServer):
    """A model that an engine can serve here. `wake()` starts the server, or joins the one that runs already.

    `reason` says why it cannot; `endpoint` and `key` are set while it runs.
    """

    launched = True

    def __init__(
        self,
        provider: str,
        title: str,
        way: Mapping[str, Any],
        model: ModelFile,
        canonical: str | None,
        environ: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        self.title, self.way, self.model = title, way, model
        self._environ, self._tell = environ, tell
        self._options = {option: value for option, value in model.options.items() if option not in ("idle", "anyway")}
        if model.tokenizer_path != model.path:
            self._options["tokenizer"] = model.tokenizer_path
        digest = self._digest(provider)
        self._lease: int | None = None
        self._runs: tuple[int, int, str | None] | None = None  # port, process, and where that is its number
        self._seen: tuple[int, int] | None = None
        self._waking = threading.Lock()
        self._owner = os.getpid()
        self._failed: tuple[float, str] | None = None
        self.joined = False  # whether the server ran before this program asked for it
        served = ways.filled(way.get("served", "{name}"), self._values)
        super().__init__(provider, "", {served: canonical})
        servers = servers_folder(environ)
        self.folder, self.place = servers and os.path.join(servers, digest), f"launch:{digest}"
        self.wished = model.engine in (provider, title)
        self.fits = model.kind in way["formats"] and way.get("source", model.source) == model.source
        self.reason = self._why_not()

    def __repr__(self) -> str:
        at = f" at {self.endpoint}" if self.endpoint else ""
        return in_line(f"<Launchable {self.provider}/{self.model.name}{at}>")

    @property
    def _values(self) -> dict[str, Any]:
        return {"model": self.model.path, "name": ways.named(self.way, self.model.served), **self._options}

    def _digest(self, provider: str) -> str:
        """The same command is the same server, whoever asks for it."""
        command, settings = ways.assembled(self.way, self._options)
        texts = [*command, *(f"{name}={text}" for name, text in sorted(settings.items())), self.way["health"]]
        if "command" in self.model.options:  # a program's own, which may leave out what model it is for
            texts += [self.model.name, json.dumps(self.way.get("key"))]
        whole = [provider, *(ways.filled(text, self._values) for text in texts)]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:16]

    def _why_not(self) -> str:
        if self.model.kind not in self.way["formats"]:
            return f"{self.title} does not run {'GGUF files' if self.model.kind == 'gguf' else 'Hugging Face folders'}"
        if not self.fits:
            return f"{self.title} runs only what it keeps itself"
        if not self.folder:
            return f"{self.title} cannot be started: {folders.NO_HOME} to keep a server's state in. {_ELSEWHERE}"
        if not installed(self.way, self._environ):
            return f"{self.title} is not installed ({self.way.get('install') or self.way['command'][0]})"
        return ""

    @property
    def awake(self) -> bool:
        """Whether the server runs, as this program knows it."""
        mine = self._lease is not None and self._owner == os.getpid()  # a child has to count for itself
        return (
            mine and self._seen is not None and self._seen == self._state_seen() and locks.is_held(self._path("lock"))
        )

    def wake(self, limit: float = float("inf")) -> None:
        """Have the server running within *limit* seconds, and its idle time begin anew.

        Raises LocalServerError: it cannot run here, there is too little memory, it failed (with the end of its
        log), or it is not ready in time.
        """
        asked = time.monotonic()
        self._after_fork()
        if not self._waking.acquire(timeout=min(limit, threading.TIMEOUT_MAX)):
            raise self._not_yet()
        try:
            self._check_failure(asked)
            if not self.awake:
                for step in self._join(limit - (time.monotonic() - asked)):
                    step() if callable(step) else time.sleep(step)
        finally:
            self._waking.release()
        self._touch()

    async def wake_async(self, limit: float = float("inf")) -> None:
        """`wake` for asyncio: it can be cancelled."""
        import asyncio

        asked = time.monotonic()
        self._after_fork()
        while not self.awake:
            self._check_failure(asked)
            if not self._waking.acquire(blocking=False):
                await asyncio.sleep(0.02)  # another task or thread waits already
                if time.monotonic() - asked > limit:
                    raise self._not_yet()
                continue
            try:
                for step in self._join(limit - (time.monotonic() - asked)):
                    await (asyncio.to_thread(step) if callable(step) else asyncio.sleep(step))
            finally:
                self._waking.release()
        self._touch()

    def _after_fork(self) -> None:
        """A child has neither its parent's lock, which may be held for ever, nor its parent's lease."""
        if self._owner != os.getpid():
            self._waking, self._owner = threading.Lock(), os.getpid()
            if self._lease is not None:
                self._lease = None
                self._finalize.detach()

    def _touch(self) -> None:
        with suppress(OSError):  # it ends in this moment
            os.utime(self._path("used"))

    def _check_failure(self, asked: float) -> None:
        """Raise what others have got who waited for the same start: it is not tried once for each."""
        if self._failed is not None and self._failed[0] > asked:
            raise LocalServerError(self._failed[1])

    def release(self) -> None:
        """Do not use the server any more. It ends when nobody does, unless it is to stay."""
        if self._lease is not None:
            self._lease = self._seen = None
            self._finalize()

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
            self._failed = (time.monotonic(), str(error))
            raise

    def _steps(self, limit: float) -> Iterator[float | Callable[[], None]]:
        if os.name != "posix" or not locks.available():
            raise LocalServerError(
                "Starting servers works on Linux and macOS only; start one yourself: it will be found."
            )
        self.release()
        try:
            self._take_lease()
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        until = time.monotonic() + min(limit, self.way["loading"] + 60)
        self.joined, pause = True, 0.01
        with Progress(f"loading {self.model.name} with {self.title}", self._tell) as progress:
            while True:
                if not locks.is_held(self._path("lock")):
                    if not self.joined:
                        raise self._failure(self._state())
                    yield self._spawn
                    self.joined = False
                seen, state = self._state_seen(), self._state()
                if state.get("phase") == READY and locks.is_held(self._path("lock")):
                    self.found(state)
                    self._seen = seen  # last: from now on others take it for awake
                    return
                if state.get("phase") == FAILED and not self.joined:
                    raise self._failure(state)
                if time.monotonic() > until:
                    raise self._not_yet()
                progress.tell()
                yield pause
                pause = min(pause * 1.5, 0.2)

    def found(self, state: Mapping[str, Any]) -> None:
        """Take address and key of the server as it runs."""
        self.endpoint, self.key = endpoint_of(state), state["key"]
        self._runs = (state["port"], state["engine"], state.get("namespace"))

    def stranger(self, client_port: int) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  (a function is what it may be)
        """Why who took a new connection from *client_port* is not this server; empty if it is, or if the system does not tell.

        For each new connection, before anything is sent: the port of a server that has ended may be anybody's.
        """
        if self._runs is None:
            return "the server does not run"
        port, engine, namespace = self._runs
        why = peers.stranger(port, client_port, engine, namespace)
        return why and f"{self.title} no longer has its port: {why}; nothing was sent"

    def _not_yet(self) -> _NotYet:
        return _NotYet(
            f"{self.title} is still loading {self.model.name}; it goes on while this program runs. "
            f"Ask again, or give it more time. Its log: {self._path('log')}"
        )

    def _check_folder(self) -> None:
        """Raises LocalServerError where there is none, or where others can write, who could name a server of theirs in it."""
        if not self.folder:
            raise LocalServerError(f"{self.reason or folders.NO_HOME}.")
        why = folders.distrust(self.folder)
        if why := why or next(filter(None, map(folders.distrust_file, map(self._path, ("lock", "state.json")))), ""):
            raise self._unusable(why)

    def _unusable(self, why: str) -> LocalServerError:
        return LocalServerError(
            f"{os.path.dirname(self.folder)}, where servers keep their state, cannot be used: {why}. XDG_STATE_HOME sets another place."
        )

    def _take_lease(self) -> None:
        """Count as a user, until this object or this process is gone. Raises OSError and LocalServerError."""
        self._check_folder()
        folders.make(self._path("users"))  # nobody else may look into it
        self._check_folder()  # somebody else may have been quicker
        path = self._path(os.path.join("users", f"{os.getpid()}-{id(self)}"))
        while True:  # the supervisor may take the file away in the moment before it is locked
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with suppress(OSError):
                if locks.take(file) and os.path.samestat(os.stat(path), os.fstat(file)):
                    break
            os.close(file)
        self._lease = file
        self._finalize = weakref.finalize(self, _drop, file, path, os.getpid())

    def _check_memory(self) -> None:
        """Raises LocalServerError, with the numbers, for a model that does not fit."""
        context = self._context()
        needed = self.model.memory(context)
        kinds, gpus = self.way.get("memory") or ("main",), self._options.get("tensor_parallel", 1)
        free, what = machine.available(kinds, self._environ, gpus)
        if needed > free and not self.model.options.get("anyway"):
            raise LocalServerError(
                f"{self.model.name} is too big to run now: with {context} tokens of context it takes about {machine.sized(needed)} "
                f"(its weights are {machine.sized(self.model.size)}), and {machine.sized(free)} of {what} are free. "
                "Take a smaller or more quantized model, or less context, or end other programs; `anyway` tries it all the same."
            )

    def _context(self) -> int:
        return int(self._options.get("context") or min(ways.CONTEXT, self.model.facts.get("context") or ways.CONTEXT))

    def _spawn(self) -> None:
        """Start a supervisor; it stays when this program ends, and its lock is held when this returns."""
        import subprocess

        if self.reason:
            raise LocalServerError(f"{self.reason}.")
        self._check_memory()
        for option in ways.left_out(self.way, self._options):
            if option in self.model.options or option == "tokenizer":
                self._tell(f"{self.title} takes no {option}; it was left out")
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        base = environment(self._environ)
        command, settings = ways.assembled(self.way, {"context": self._context(), **self._options})
        plan = {
            "command": command,
            "environment": settings,
            "values": {"context": self._context(), **self._values, "python": sys.executable, "package": package},
            "folder": self.folder,
            "cwd": os.getcwd() if "command" in self.model.options else self.folder,
            "base": base,
            "key": self.way.get("key") or {},
            "health": self.way["health"],
            "loading": self.way["loading"],
            "port": self._options.get("port", 0),
            "idle": self.model.options.get("idle", ways.IDLE),
            "state": {
                "provider": self.provider,
                "title": self.title,
                "way": self.way["name"],
                "model": {name: getattr(self.model, name) for name in ModelFile.__slots__},
            },
        }
        path = os.pathsep.join(filter(None, [os.path.dirname(package), base.get("PYTHONPATH", "")]))
        done = subprocess.run(
            [sys.executable, "-P", "-m", "inference_providers.servers.supervisor"],
            input=json.dumps(plan), text=True, capture_output=True, start_new_session=True, cwd=self.folder,
            env={**base, "PYTHONPATH": path}, check=False,
        )  # fmt: skip
        if done.returncode not in (0, TAKEN):
            raise LocalServerError(f"The supervisor of {self.title} could not be started:\n{_indented(done.stderr)}")

    def _failure(self, state: Mapping[str, Any]) -> LocalServerError:
        message = state.get("message") or "It ended without a word."
        log = self._path("log")
        said = log_end(log)
        shown = f" The end of its log ({log}):\n{said}" if said else ""
        return LocalServerError(f"{self.title} could not run {self.model.name}. {message}{shown}")

    def _state(self) -> dict[str, Any]:
        return read_state(self.folder)

    def _state_seen(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path("state.json"))
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)


def _drop(file: int, path: str, owner: int) -> None:
    os.close(file)
    if os.getpid() == owner:  # not in a child, which has the file open as well
        with suppress(OSError):
            os.unlink(path)


def stop(folder: str, patience: float = 25.0) -> bool:
    """End a server; whether it is gone."""
    import signal

    state = read_state(folder)
    lock = os.path.join(folder, "lock")
    if state and locks.is_held(lock):
        with suppress(ProcessLookupError):
            os.kill(state["supervisor"], signal.SIGTERM)
    until = time.monotonic() + patience
    while locks.is_held(lock) and time.monotonic() < until:
        time.sleep(0.02)
    return not locks.is_held(lock)


def log_end(path: str, lines: int = _LOG_LINES) -> str:
    """The last lines of a log, for a person, after the first errors that it names before them."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 65536))
            text = file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"  ({error.strerror})"
    shown = text.splitlines()
    named = [found[1] or found[2] for line in shown[:-3] if (found := re.search(_CAUSE, line))]
    causes = list(dict.fromkeys(named))[:_CAUSES]
    return _indented("\n".join([*causes, "...", *shown[-3:]] if causes else shown[-lines:]))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())

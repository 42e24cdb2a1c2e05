"""A process beside each server that this package launches: it starts the server, watches it, and ends it.

It gets its plan (`records.LaunchPlan`) as JSON on standard input, so that nothing of it is on a command line. The
server ends when nobody uses it any more, when it was not asked for a while, when it is told to, or when this process
ends; and this process ends with the server. What others need to know is in the server's folder:

    lock        held while this process lives
    state.json  phase, address, key, model (`records.ServerState`); readable by the user alone
    used        touched at each call
    users/      one file for each program that uses the server, held while it does
    kept        there if the server is to stay without users
    log         what the server says
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time

from inference_providers.files import locks
from inference_providers.servers import peers, processes
from inference_providers.servers.engine_process import GRACE, EngineProcess, Failed, private, remove
from inference_providers.servers.state import ENDED, FAILED, LOADING, READY, TAKEN, read_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from inference_providers.servers.records import LaunchPlan, ServerState

LINGER = 3.0  # seconds without a user: a loop in a shell loads once
LOADING_GRACE = 1.0  # seconds for an engine to end by itself while it is loading: nothing is lost
PORTS_TRIED = 3
KEPT = 24 * 3600.0  # seconds for which the log of a server that ended is kept


class _Ended(Exception):
    """There is no reason to go on; its text says why."""


class Supervisor:
    """One server's life, by its plan."""

    def __init__(self, plan: LaunchPlan) -> None:
        self._plan, self._folder = plan, plan["folder"]
        wakeup, self._signalled = os.pipe()
        self.engine = EngineProcess(plan, wakeup)
        self._ready = False
        self._alone_since = time.monotonic()
        self._stop_requested = False

    def prepare(self, leftover: ServerState | None) -> None:
        """What must be so before others go on: nothing of a predecessor is left, and this one is loading.

        *leftover*: the last state of the predecessor.
        """
        _end_leftover(leftover)
        self.engine.open_log()
        self._touch("used")
        remove(self._path("kept"))
        self._write(LOADING)

    def run(self) -> None:
        """Start the server, and stay with it to its end."""
        self._listen_to_signals()
        self._prune()
        try:
            self._start()
            self._watch()
        except Failed as failure:
            self._end()
            self._write(FAILED, message=str(failure))
        except _Ended as end:
            self.engine.note(f"ends: {end}")
            if self._stop_requested and not self._ready:  # others may wait for it
                self._write(FAILED, message="It was told to end while it was loading.")
                return
            self._write(ENDED, message=str(end))  # first: nobody is to join a server that ends
            self._end()
        finally:
            self._end()
            self.engine.remove_key_file()
            remove(self._path("kept"))

    def _prune(self) -> None:
        """Remove the folders of servers that have ended more than a day ago, logs and all."""
        servers = os.path.dirname(self._folder)
        for name in os.listdir(servers):
            folder = os.path.join(servers, name)
            with contextlib.suppress(OSError):
                touched = max(os.stat(os.path.join(folder, part)).st_mtime for part in ("", "users", "used"))
                if touched < time.time() - KEPT and not locks.is_held(os.path.join(folder, "lock")):
                    shutil.rmtree(folder)

    def _start(self) -> None:
        """Raises Failed, or _Ended when nobody waits any more."""
        for _ in range(PORTS_TRIED):
            port = self._plan["port"] or processes.free_port()
            if self._plan["port"] and processes.owner(port, self.engine.pid) == processes.STRANGER:
                raise Failed(f"Port {port} is taken by another program; nothing was sent to it.")
            self.engine.start(port)
            self._write(LOADING)
            if self._load():
                self._touch("used")
                self._ready = True
                self._write(READY)
                return
            self._end()
        raise Failed("Every port that was tried was taken by another program.")

    def _load(self) -> bool:
        """Wait until the server answers; False if another program has its port."""
        engine = self.engine
        until = time.monotonic() + self._plan["loading"]
        pause = 0.02
        while time.monotonic() < until:
            engine.wait(pause)
            pause = min(pause * 1.5, 1.0)
            owner = processes.owner(engine.port, engine.pid) if processes.connectable(engine.port) else ""
            if owner == processes.STRANGER:
                return False
            if not engine.is_alive():
                raise Failed(f"It ended while it was loading, with {engine.exit_status()}.")
            if owner == processes.OURS and engine.is_healthy():
                return True
            self._check_needed()
        raise Failed(f"It was not ready after {self._plan['loading']:.0f} s.")

    def _watch(self) -> None:
        """Stay until the server is to end. Raises _Ended."""
        while self.engine.is_alive():
            self.engine.wait(0.5)
            self._check_needed()
            unused = time.time() - os.stat(self._path("used")).st_mtime
            if self._plan["idle"] and unused > self._plan["idle"]:
                if not processes.is_connected(self.engine.port):
                    raise _Ended(f"nobody asked it for {unused:.0f} s")
                self._touch("used")  # a long answer, or somebody who asks without this package
        raise _Ended(f"by itself, with {self.engine.exit_status()}")

    def _check_needed(self) -> None:
        """Raises _Ended when nobody uses the server any more, or it was told to end."""
        if self._stop_requested:
            raise _Ended("it was told to")
        now = time.monotonic()
        if os.path.exists(self._path("kept")) or self._count_users():
            self._alone_since = now
        elif now - self._alone_since > LINGER:
            raise _Ended("no program used it any more")

    def _count_users(self) -> int:
        """How many programs use the server; files of those that ended are removed."""
        count = 0
        folder = self._path("users")
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if locks.is_held(path):
                count += 1
            else:
                remove(path)
        return count

    def _end(self) -> None:
        self.engine.end(GRACE if self._ready else LOADING_GRACE)

    def _write(self, phase: Literal["loading", "ready", "failed", "ended"], message: str = "") -> None:
        """Write down the phase, in one step: nobody reads half a state."""
        engine = self.engine
        state: ServerState = {
            **self._plan["state"],
            "phase": phase,
            "message": message,
            "since": time.time(),
            "supervisor": os.getpid(),
            "engine": engine.pid,
            "engine_started": processes.started(engine.pid),
            "namespace": peers.pid_namespace(),
            "port": engine.port,
            "key": engine.key if self._plan["key"] and phase in (LOADING, READY) else None,
            "idle": self._plan["idle"],
        }
        with open(private(self._path("state.new")), "w", encoding="utf-8") as file:
            json.dump(state, file)
        os.replace(self._path("state.new"), self._path("state.json"))

    def _listen_to_signals(self) -> None:
        def request_stop(number: int, frame: Any) -> None:
            self._stop_requested = True

        os.set_blocking(self._signalled, False)
        signal.set_wakeup_fd(self._signalled)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, request_stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _touch(self, name: str) -> None:
        with open(private(self._path(name)), "w"):
            pass
        os.utime(self._path(name))


def _end_leftover(state: ServerState | None) -> None:
    """End the engine that a predecessor left behind when it was killed."""
    if state is None or state["phase"] not in (LOADING, READY) or state["engine"] is None:
        return  # it has ended all by itself, and its numbers may be another's by now
    if "engine_started" not in state:
        return  # nobody can tell whose number it is by now
    with contextlib.suppress(OSError):
        if processes.started(state["engine"]) in (None, state["engine_started"]):  # else another's by now
            os.killpg(state["engine"], signal.SIGKILL)


def main() -> int:
    """Read the plan, and go on in the background when the server's folder is this process's own."""
    plan: LaunchPlan = json.load(sys.stdin)
    leftover = read_state(plan["folder"])
    lock = os.open(os.path.join(plan["folder"], "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(5):
        if locks.take(lock):
            os.fchmod(lock, 0o600)  # whoever can open it can hold it
            break
        time.sleep(0.02)  # those who look hold it for a moment
    else:
        return TAKEN
    remove(os.path.join(plan["folder"], "state.json"))  # a predecessor's, who was killed: true no more
    answer, answering = os.pipe()
    if os.fork():
        os.close(answering)
        return 0 if os.read(answer, 1) else 1
    supervisor = Supervisor(plan)
    supervisor.prepare(leftover)
    for number in (0, 1, 2):
        os.dup2(supervisor.engine.log, number)
    os.write(answering, b"1")
    os.close(answering)
    os.close(answer)
    supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

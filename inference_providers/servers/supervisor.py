"""A process beside each server that this package launches: it starts the server, watches it, and ends it.

It gets its plan as JSON on standard input, so that nothing of it is on a command line. The server ends when nobody
uses it any more, when it was not asked for a while, when it is told to, or when this process ends; and
this process ends with the server. What others need to know is in the server's folder:

    lock        held while this process lives
    state.json  phase, address, key, model; readable by the user alone
    used        touched at each call
    users/      one file for each program that uses the server, held while it does
    kept        there if the server is to stay without users
    log         what the server says
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time

from inference_providers.files import locks
from inference_providers.servers import peers, processes
from inference_providers.servers.commands import filled
from inference_providers.servers.state import ENDED, FAILED, LOADING, READY, TAKEN, read_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LINGER, GRACE = 3.0, 10.0  # seconds: without a user (a loop in a shell loads once), and for a server to end by itself
PORTS_TRIED = 3
KEPT = 24 * 3600.0  # seconds for which the log of a server that ended is kept
LOG_CAP = 4 * 1024 * 1024  # bytes


class Failed(Exception):
    """The server could not be started, and why."""


class _Ended(Exception):
    """There is no reason to go on; its text says why."""


class Supervisor:
    """One server's life, by its plan."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan, self.folder = plan, plan["folder"]
        self.key = secrets.token_hex(24)  # begins with no dash: SGLang makes an argument of it
        self.key_file = self._path("key" + self.plan["key"].get("suffix", ""))
        self.port = 0
        self.engine: subprocess.Popen[bytes] | None = None
        self.heir = (0, -1)  # who ends the engine if this process is killed, and the pipe that it listens to
        self.ready = False
        self.alone_since = time.monotonic()
        self.told_to_end = False
        self.wakes, self._wake = os.pipe()
        self.output, self.unfinished = -1, b""  # what the server says, and the beginning of a line of it
        self.log = -1

    def prepare(self, left: Mapping[str, Any]) -> None:
        """What must be so before others go on: nothing of a predecessor is *left*, and this one is loading."""
        self._end_leftovers(left)
        self.log = os.open(self._path("log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._touch("used")
        self.remove(self._path("kept"))
        self._write(LOADING)

    def prune(self) -> None:
        """Remove the folders of servers that have ended more than a day ago, logs and all."""
        servers = os.path.dirname(self.folder)
        for name in os.listdir(servers):
            folder = os.path.join(servers, name)
            with contextlib.suppress(OSError):
                touched = max(os.stat(os.path.join(folder, part)).st_mtime for part in ("", "users", "used"))
                if touched < time.time() - KEPT and not locks.is_held(os.path.join(folder, "lock")):
                    shutil.rmtree(folder)

    def run(self) -> None:
        """Start the server, and stay with it to its end."""
        self._listen_to_signals()
        self.prune()
        try:
            self._start()
            self._watch()
        except Failed as failure:
            self._end()
            self._write(FAILED, message=str(failure))
        except _Ended as end:
            self._say(f"ends: {end}")
            if self.told_to_end and not self.ready:  # others may wait for it
                self._write(FAILED, message="It was told to end while it was loading.")
                return
            self._write(ENDED, message=str(end))  # first: nobody is to join a server that ends
            self._end()
        finally:
            self._end()
            self.remove(self.key_file)
            self.remove(self._path("kept"))

    def _start(self) -> None:
        """Raises Failed, or _Ended when nobody waits any more."""
        for _ in range(PORTS_TRIED):
            self.port = self.plan["port"] or processes.free_port()
            if self.plan["port"] and processes.owner(self.port, self._pid) == processes.STRANGER:
                raise Failed(f"Port {self.port} is taken by another program; nothing was sent to it.")
            self._spawn()
            self._write(LOADING)
            if self._load():
                self._touch("used")
                self.ready = True
                self._write(READY)
                return
            self._end()
        raise Failed("Every port that was tried was taken by another program.")

    def _spawn(self) -> None:
        values = {**self.plan["values"], "port": self.port, "key": self.key, "file": self.key_file}
        environment = {name: filled(text, values) for name, text in self.plan["environment"].items()}
        command = [filled(text, values) for text in self.plan["command"]]
        rule = self.plan["key"]
        if "variable" in rule:
            environment[rule["variable"]] = self.key
        if "argument" in rule:
            with open(_private(self.key_file), "w", encoding="utf-8") as file:
                file.write(filled(rule["content"], values))
            command += [filled(text, values) for text in rule["argument"]]
        shown = [filled(text, {**values, "key": "..."}) for text in self.plan["command"]]
        self._say(f"starting {' '.join(shown)}")
        try:
            self.engine = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                cwd=self.plan["cwd"], env={**self.plan["base"], **environment}, start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509  (there are no threads)
            )  # fmt: skip
        except OSError as error:
            raise Failed(f"{command[0]} cannot be run: {error.strerror}") from None
        self.heir = _heir(self.engine.pid, self.folder)
        assert self.engine.stdout is not None
        self.output = self.engine.stdout.fileno()
        os.set_blocking(self.output, False)

    def _load(self) -> bool:
        """Wait until the server answers; False if another program has its port."""
        until = time.monotonic() + self.plan["loading"]
        pause = 0.02
        while time.monotonic() < until:
            self._rest(pause)
            pause = min(pause * 1.5, 1.0)
            owner = processes.owner(self.port, self._pid) if processes.connectable(self.port) else ""
            if owner == processes.STRANGER:
                return False
            if not self._engine_lives():
                raise Failed(f"It ended while it was loading, with {self._exit()}.")
            if owner == processes.OURS and self._healthy():
                return True
            self._check_wanted()
        raise Failed(f"It was not ready after {self.plan['loading']:.0f} s.")

    def _watch(self) -> None:
        while self._engine_lives():
            self._rest(0.5)
            self._check_wanted()
            unused = time.time() - os.stat(self._path("used")).st_mtime
            if self.plan["idle"] and unused > self.plan["idle"]:
                if not processes.is_connected(self.port):
                    raise _Ended(f"nobody asked it for {unused:.0f} s")
                self._touch("used")  # a long answer, or somebody who asks without this package
        raise _Ended(f"by itself, with {self._exit()}")

    def _check_wanted(self) -> None:
        """Raises _Ended when nobody uses the server any more, or it was told to end."""
        if self.told_to_end:
            raise _Ended("it was told to")
        now = time.monotonic()
        if os.path.exists(self._path("kept")) or self._users():
            self.alone_since = now
        elif now - self.alone_since > LINGER:
            raise _Ended("no program used it any more")

    def _users(self) -> int:
        """How many programs use the server; files of those that ended are removed."""
        count = 0
        folder = self._path("users")
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if locks.is_held(path):
                count += 1
            else:
                self.remove(path)
        return count

    def _healthy(self) -> bool:
        """Whether the server says that it is ready. Asked only when the port is known to be its own."""
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        headers = {"Authorization": f"Bearer {self.key}"} if self.plan["key"] else {}
        try:
            connection.connect()
            if peers.stranger(self.port, connection.sock.getsockname()[1], self._pid):
                return False
            connection.request("GET", self.plan["health"], headers=headers)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @property
    def _pid(self) -> int | None:
        return self.engine.pid if self.engine is not None else None

    def _engine_lives(self) -> bool:
        return self.engine is not None and self.engine.poll() is None

    def _exit(self) -> str:
        code = self.engine.returncode if self.engine is not None else 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def _rest(self, seconds: float) -> None:
        """Wait, at most until a signal comes (the server's end among them), and write down what the server says."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            watched = [self.wakes, *([self.output] if self.output >= 0 else [])]
            ready, _, _ = select.select(watched, [], [], left)
            if self.output in ready:
                self._copy_output()
            if self.wakes in ready:
                os.read(self.wakes, 512)
                return

    def _copy_output(self) -> None:
        """The server's words, without its key, into the log: by whole lines, for a key may come in two parts."""
        try:
            said = os.read(self.output, 65536)
        except BlockingIOError:
            return
        if not said:
            self.output = -1
        lines, newline, self.unfinished = (self.unfinished + said).rpartition(b"\n")
        if not said or len(self.unfinished) > 65536:
            lines, self.unfinished = lines + newline + self.unfinished, b""
            newline = b""
        if os.fstat(self.log).st_size > LOG_CAP:
            os.ftruncate(self.log, 0)
            self._say("(what was here before was cut off)")
        os.write(self.log, (lines + newline).replace(self.key.encode(), b"..."))

    def _say(self, message: str) -> None:
        os.write(self.log, f"[{time.strftime('%Y-%m-%d %H:%M:%S')}] {message}\n".encode())

    def _end(self) -> None:
        """End the server and all that it started."""
        engine, self.engine = self.engine, None
        if engine is None:
            return
        patient = GRACE if self.ready else 1.0  # nothing is lost while it is loading
        for sent, patience in ((signal.SIGTERM, patient), (signal.SIGKILL, GRACE)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(engine.pid, sent)
            until = time.monotonic() + patience
            while engine.poll() is None and time.monotonic() < until:
                self._rest(0.1)
        heir, pipe = self.heir
        os.close(pipe)
        os.waitpid(heir, 0)
        while self.output >= 0 and select.select([self.output], [], [], 0)[0]:
            self._copy_output()
        if engine.stdout is not None:
            engine.stdout.close()
        self.output = -1

    def _end_leftovers(self, left: Mapping[str, Any]) -> None:
        """End what a predecessor left behind when it was killed."""
        if left.get("phase") not in (LOADING, READY):
            return  # it has ended all by itself, and its numbers may be another's by now
        with contextlib.suppress(OSError, KeyError, TypeError):
            if processes.started(left["engine"]) in (None, left["engine_started"]):  # else another's number by now
                os.killpg(left["engine"], signal.SIGKILL)

    def _write(self, phase: str, message: str = "") -> None:
        """Tell the phase, in one step: nobody reads half a state."""
        state = {
            **self.plan["state"],
            "phase": phase,
            "message": message,
            "since": time.time(),
            "supervisor": os.getpid(),
            "engine": self._pid,
            "engine_started": processes.started(self._pid),
            "namespace": peers.pid_namespace(),  # in which these are the processes' numbers
            "port": self.port,
            "key": self.key if self.plan["key"] and phase in (LOADING, READY) else None,
            "idle": self.plan["idle"],
        }
        with open(_private(self._path("state.new")), "w", encoding="utf-8") as file:
            json.dump(state, file)
        os.replace(self._path("state.new"), self._path("state.json"))

    def _listen_to_signals(self) -> None:
        def end(number: int, frame: Any) -> None:
            self.told_to_end = True

        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, end)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def _touch(self, name: str) -> None:
        with open(_private(self._path(name)), "w"):
            pass
        os.utime(self._path(name))

    @staticmethod
    def remove(path: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(OSError):
            os.unlink(path)


def _private(path: str) -> int:
    """An empty file that only the user may read, open for writing."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _end_with_parent() -> None:
    """Have the system end the engine if both supervisor and heir are killed; only Linux can."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _heir(engine: int, folder: str) -> tuple[int, int]:
    """A process that outlives this one only to end the engine's whole group: its number, and the pipe it waits for.

    It has the server's lock as well, so nobody starts another before the group has ended.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reading)
        return pid, writing
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(writing)
        os.read(reading, 1)
        if read_state(folder).get("phase") in (LOADING, READY):  # nobody is to join what ends
            Supervisor.remove(os.path.join(folder, "state.json"))
        os.killpg(engine, signal.SIGKILL)
    finally:
        os._exit(0)


def main() -> int:
    """Read the plan, and go on in the background when the server's folder is this process's own."""
    plan = json.load(sys.stdin)
    left = read_state(plan["folder"])
    lock = os.open(os.path.join(plan["folder"], "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(5):
        if locks.take(lock):
            os.fchmod(lock, 0o600)  # whoever can open it can hold it
            break
        time.sleep(0.02)  # those who look hold it for a moment
    else:
        return TAKEN
    Supervisor.remove(os.path.join(plan["folder"], "state.json"))  # a predecessor's, who was killed: true no more
    heard, told = os.pipe()
    if os.fork():
        os.close(told)
        return 0 if os.read(heard, 1) else 1
    supervisor = Supervisor(plan)
    supervisor.prepare(left)
    for number in (0, 1, 2):
        os.dup2(supervisor.log, number)
    os.write(told, b"1")
    os.close(told)
    os.close(heard)
    supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

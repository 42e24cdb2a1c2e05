"""The engine of one launched server, as its supervisor has it: started with its key, read, asked, ended.

A watchdog outlives the supervisor only to end the engine with all that it started.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import subprocess
import sys
import time

from inference_providers.servers import peers
from inference_providers.servers.recipes import fill
from inference_providers.servers.state import LOADING, READY, read_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.servers.records import LaunchPlan

GRACE = 10.0  # seconds for an engine to end by itself
LOG_CAP = 4 * 1024 * 1024  # bytes
_LINE_CAP = 64 * 1024  # bytes of a line that are kept back until it ends
_HEALTH_TIMEOUT = 5.0  # seconds


class Failed(Exception):
    """The server could not be started, and why."""


class EngineProcess:
    """One engine by its plan: at most one process at a time, its log, and its key."""

    def __init__(self, plan: LaunchPlan, wakeup: int) -> None:
        """*wakeup*: the reading end of a pipe that gets a byte at each signal, which ends `wait`."""
        self._plan, self._wakeup = plan, wakeup
        self.key = secrets.token_hex(24)  # begins with no dash: SGLang makes an argument of it
        self._key_file = os.path.join(plan["folder"], "key" + plan["key"].get("suffix", ""))
        self.port = 0  # the last that was tried
        self.process: subprocess.Popen[bytes] | None = None
        self._watchdog = (0, -1)  # the number of its process, and the pipe that it listens to
        self._output, self._partial_line = -1, b""  # what the engine prints: a pipe, and the beginning of a line of it
        self.log = -1  # an open file

    def open_log(self) -> None:
        """Begin the log anew."""
        path = os.path.join(self._plan["folder"], "log")
        self.log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)

    def note(self, message: str) -> None:
        """Write a line of the supervisor's own into the log."""
        os.write(self.log, f"[{time.strftime('%Y-%m-%d %H:%M:%S')}] {message}\n".encode())

    def start(self, port: int) -> None:
        """Start the engine at a loopback port. Raises Failed where its program cannot be run."""
        self.port = port
        values = {**self._plan["values"], "port": port, "key": self.key, "file": self._key_file}
        environment = {name: fill(text, values) for name, text in self._plan["environment"].items()}
        command = [fill(text, values) for text in self._plan["command"]]
        rule = self._plan["key"]
        if "variable" in rule:
            environment[rule["variable"]] = self.key
        if "argument" in rule:
            with open(private(self._key_file), "w", encoding="utf-8") as file:
                file.write(fill(rule.get("content", ""), values))
            command += [fill(text, values) for text in rule["argument"]]
        shown = [fill(text, {**values, "key": "..."}) for text in self._plan["command"]]
        self.note(f"starting {' '.join(shown)}")
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                cwd=self._plan["cwd"], env={**self._plan["base"], **environment}, start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509  (there are no threads)
            )  # fmt: skip
        except OSError as error:
            raise Failed(f"{command[0]} cannot be run: {error.strerror}") from None
        self._watchdog = _start_watchdog(self.process.pid, self._plan["folder"])
        assert self.process.stdout is not None
        self._output = self.process.stdout.fileno()
        os.set_blocking(self._output, False)

    @property
    def pid(self) -> int | None:
        """The number of the engine's process; None while there is none."""
        return self.process.pid if self.process is not None else None

    def is_alive(self) -> bool:
        """Whether the engine runs."""
        return self.process is not None and self.process.poll() is None

    def exit_status(self) -> str:
        """How the engine has ended, for a person."""
        code = self.process.returncode if self.process is not None else 0
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def is_healthy(self) -> bool:
        """Whether the server says that it is ready. Asked only when the port is known to be its own."""
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_HEALTH_TIMEOUT)
        headers = {"Authorization": f"Bearer {self.key}"} if self._plan["key"] else {}
        try:
            connection.connect()
            if peers.stranger(self.port, connection.sock.getsockname()[1], self.pid):
                return False
            connection.request("GET", self._plan["health"], headers=headers)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait(self, seconds: float) -> None:
        """Copy what the engine prints into the log until a signal comes, its end among them; *seconds* at most."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            watched = [self._wakeup, *([self._output] if self._output >= 0 else [])]
            ready, _, _ = select.select(watched, [], [], left)
            if self._output in ready:
                self._copy_output()
            if self._wakeup in ready:
                os.read(self._wakeup, 512)
                return

    def _copy_output(self) -> None:
        """What the engine prints, without its key, into the log: by whole lines, for a key may come in two parts."""
        try:
            piece = os.read(self._output, 65536)
        except BlockingIOError:
            return
        if not piece:
            self._output = -1
        lines, newline, self._partial_line = (self._partial_line + piece).rpartition(b"\n")
        if not piece or len(self._partial_line) > _LINE_CAP:
            lines, self._partial_line = lines + newline + self._partial_line, b""
            newline = b""
        if os.fstat(self.log).st_size > LOG_CAP:
            os.ftruncate(self.log, 0)
            self.note("(what was here before was cut off)")
        os.write(self.log, (lines + newline).replace(self.key.encode(), b"..."))

    def end(self, patience: float) -> None:
        """End the engine and all that it started: asked to at first, after *patience* seconds by force."""
        process, self.process = self.process, None
        if process is None:
            return
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, GRACE)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            until = time.monotonic() + seconds
            while process.poll() is None and time.monotonic() < until:
                self.wait(0.1)
        watchdog, pipe = self._watchdog
        os.close(pipe)
        os.waitpid(watchdog, 0)
        while self._output >= 0 and select.select([self._output], [], [], 0)[0]:
            self._copy_output()
        if process.stdout is not None:
            process.stdout.close()
        self._output = -1

    def remove_key_file(self) -> None:
        """Remove the file with the key, if the engine got one."""
        remove(self._key_file)


def private(path: str) -> int:
    """An empty file that only the user may read, open for writing."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def remove(path: str) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def _end_with_parent() -> None:
    """Have the system end the engine if both supervisor and watchdog are killed; only Linux can."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _start_watchdog(engine: int, folder: str) -> tuple[int, int]:
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
        state = read_state(folder)
        if state and state["phase"] in (LOADING, READY):  # nobody is to join what ends
            remove(os.path.join(folder, "state.json"))
        os.killpg(engine, signal.SIGKILL)
    finally:
        os._exit(0)

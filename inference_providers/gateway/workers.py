"""Several processes behind one address: one watches, the others serve. A worker that ends is followed by another.

The one that watches serves nothing. Workers end with it, however it ends: each holds the end of a pipe that the
system closes then.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

from inference_providers import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SOONEST = 1.0  # seconds for which a worker must have lived to be followed at once
_HANDLED = ("SIGTERM", "SIGINT", "SIGHUP")


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(1024)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def hold_signals(*names: str) -> None:
    """Have these signals wait until `release_signals`: whoever handles them is not there yet."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {getattr(signal, name) for name in names})


def release_signals(*names: str) -> None:
    """Have them come, also those that have waited."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {getattr(signal, name) for name in names})


class Workers:
    """*count* processes that each run *work*, over a socket that listens.

    The process that watches gives the socket up when it is told to end, so that nobody is left waiting at it.
    """

    def __init__(self, count: int, work: Callable[[], None], sock: socket.socket) -> None:
        self.count, self._work, self._sock = count, work, sock
        self._started: dict[int, float] = {}
        self._ends = False
        self._watched, self._held = os.pipe()

    def run(self) -> int:
        """Until a signal ends it; SIGHUP goes to all. The exit code."""
        for name, handler in zip(_HANDLED, (self._end, self._end, self._pass_on), strict=True):
            signal.signal(getattr(signal, name), handler)
        release_signals(*_HANDLED)
        for _ in range(self.count):
            self._start()
        while self._started:
            try:
                pid, _ = os.wait()
            except ChildProcessError:
                break
            started = self._started.pop(pid, None)
            if started is None or self._ends:
                continue
            time.sleep(max(0.0, _SOONEST - (time.monotonic() - started)))
            if not self._ends:
                self._start()
        return 0

    def _start(self) -> None:
        """Start a worker. What is sent to it before it can handle signals waits until then."""
        hold_signals(*_HANDLED)
        pid = os.fork()
        if pid == 0:
            self._serve()
        self._started[pid] = time.monotonic()
        release_signals(*_HANDLED)

    def _serve(self) -> None:
        """Be a worker, and end as a process does, with what others have it do at its end."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(self._held)
        threading.Thread(target=self._watch, daemon=True).start()
        code = 1
        try:
            release_signals("SIGTERM", "SIGINT")  # SIGHUP waits for who reloads
            self._work()
            code = 0
        except KeyboardInterrupt:
            code = 0
        except Exception as error:  # noqa: BLE001  (another follows, and may do better)
            log.warn(
                f"a worker of the gateway ended: {error if isinstance(error, ValueError) else type(error).__name__}"
            )
        sys.exit(code)

    def _watch(self) -> None:
        """Wait for the end of the process that watches; then end, as if it had said so."""
        os.read(self._watched, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    def _end(self, number: int, frame: object) -> None:
        """Have all end when they are done, and at once where somebody insists."""
        insists = self._ends and number == signal.SIGINT
        self._ends = True
        self._sock.close()
        self._send(signal.SIGINT if insists else signal.SIGTERM)

    def _pass_on(self, number: int, frame: object) -> None:
        self._send(number)

    def _send(self, number: int) -> None:
        for pid in list(self._started):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

"""Several processes behind one address: one watches, the others serve. A worker that ends is followed by another."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress

from inference_providers import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SOONEST = 1.0  # seconds for which a worker must have lived to be followed at once


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


class Workers:
    """*count* processes that each run *work*."""

    def __init__(self, count: int, work: Callable[[], None]) -> None:
        self.count, self._work = count, work
        self._started: dict[int, float] = {}
        self._ends = False

    def run(self) -> int:
        """Until a signal ends it; SIGHUP goes to all. The exit code."""
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, self._end)
        signal.signal(signal.SIGHUP, self._pass_on)
        for _ in range(self.count):
            self._start()
        while self._started:
            try:
                pid, _ = os.wait()
            except InterruptedError:
                continue
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
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    signal.signal(one, signal.SIG_DFL)
                self._work()
                code = 0
            except KeyboardInterrupt:
                code = 0
            except BaseException as error:  # noqa: BLE001  (a process of its own)
                log.warn(f"a worker of the gateway ended: {type(error).__name__}")
            finally:
                os._exit(code)
        self._started[pid] = time.monotonic()
        if self._ends:
            self._send(signal.SIGTERM)

    def _end(self, number: int, frame: object) -> None:
        self._ends = True
        self._send(signal.SIGTERM)

    def _pass_on(self, number: int, frame: object) -> None:
        self._send(number)

    def _send(self, number: int) -> None:
        for pid in list(self._started):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

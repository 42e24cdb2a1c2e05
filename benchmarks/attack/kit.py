"""What every attack needs: a machine without keys, servers, programs of their own, and a way to count.

An attack is a generator. Each of its steps is a try: None where the promise held, else a line that says
what got through. Whoever runs it decides how many tries there are, so an attack has no end of its own.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.common import ROOT

Attack = Callable[[Random, Path], Iterator[str | None]]
FAULT = "INFERENCE_PROVIDERS_ATTACK_FAULT"  # names the fault that a program of our own is to have
FIRST_LINES = 5  # of what got through that are shown


class Outcome:
    """What came of an attack: how many tries, and what got through."""

    def __init__(self, name: str) -> None:
        self.name, self.tried, self.seconds = name, 0, 0.0
        self.through: list[str] = []


def run(
    name: str, attack: Attack, seed: int, *, tries: int | None = None, seconds: float | None = None, first: bool = False
) -> Outcome:
    """Attack until *tries* were made, or *seconds* have passed; with *first*, until something got through."""
    outcome, started = Outcome(name), time.monotonic()
    with quiet(), machine() as folder:
        steps = attack(Random(f"{seed} {name}"), folder)
        try:
            for said in steps:
                outcome.tried += 1
                if said is not None:
                    outcome.through.append(said)
                late = seconds is not None and time.monotonic() - started > seconds
                if late or outcome.tried == tries or (first and outcome.through):
                    break
        finally:
            steps.close()  # type: ignore[attr-defined]
    outcome.seconds = time.monotonic() - started
    return outcome


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing of what the package tells people on the way is shown."""
    log, nobody = logging.getLogger("inference_providers"), logging.NullHandler()
    spreads, log.propagate = log.propagate, False
    log.addHandler(nobody)
    try:
        yield
    finally:
        log.removeHandler(nobody)
        log.propagate = spreads


@contextmanager
def machine() -> Iterator[Path]:
    """A folder that goes afterwards, and an environment in which nothing of the user's is left: no key, no home, no proxy."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="attack-") as name:
        folder = Path(name)
        kept = {key: before[key] for key in ("PATH", "SYSTEMROOT", FAULT) if key in before}
        places = {
            f"XDG_{kind}_HOME": str(folder / f"xdg-{kind.lower()}") for kind in ("DATA", "STATE", "CACHE", "CONFIG")
        }
        os.environ.clear()
        os.environ.update(kept, **places, HOME=str(folder / "home"), LANG="C.UTF-8", TERM="xterm", PYTHONPATH=str(ROOT))
        (folder / "home").mkdir(mode=0o700)
        (folder / "work").mkdir()
        try:
            yield folder / "work"
        finally:
            os.environ.clear()
            os.environ.update(before)
            for path, _, _ in os.walk(name):
                os.chmod(path, 0o700)


def command(script: str, *arguments: str) -> list[str]:
    """A Python program of our own, with the fault of this process, if there is one."""
    begin = "from benchmarks.attack.put_back import as_here; as_here()\n"
    return [sys.executable, "-c", begin + script, *arguments]


class Hung(BaseException):
    """Something waits that should not. No `Exception`: nobody is to take it for an answer."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise Hung in the main thread for what waits longer than that; elsewhere nothing is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: Any) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def memory(more: int) -> Iterator[None]:
    """Raise MemoryError where this process would take that many bytes more: for what might read without end."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + more, before[1]))
    except (OSError, ValueError):  # a system that does not tell, or a limit that is there already
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


class Victim:
    """A program that asks what it is told, over and over, until it is ended by what it was answered.

    Each question has so many seconds of the processor, not of the clock, and so many bytes of memory.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def ask(self, **what: Any) -> dict[str, Any]:
        """What became of one question: see `victim.py`; `{"ended": signal}` where the program did not survive it."""
        if self._process is None:
            self._process = subprocess.Popen(
                command("from benchmarks.attack.victim import main; main()"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, cwd=self._folder,
            )  # fmt: skip
            self._warm()
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            told: dict[str, Any] = json.loads(line)
            return told
        return {"ended": self.close()}

    def _warm(self) -> None:
        """Have it load what it needs, by answers that do no harm."""
        from tests.servers import Server, answer

        with Server(lambda connection, request: answer(connection, request, "{}")) as server:
            for how in ({}, {"stream": True}, {"schema": {"type": "object"}}):
                self.ask(url=server.url, warm=True, **how)

    def close(self) -> int:
        """End the program, by its number; how it ended."""
        process, self._process = self._process, None
        if process is None:
            return 0
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        return process.returncode

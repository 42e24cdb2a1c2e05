"""Programs in processes of their own, each forked by a process that has loaded what they all need.

Most of what a small program takes is to start Python and to load packages. What a fork runs is otherwise like
`python -c CODE`: it has an environment, a folder and standard streams of its own, and ends as a program does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent  # not of `conftest`, which loads the package


class Done(NamedTuple):
    """What came of a program."""

    returncode: int  # of what a signal ended: its number, negative
    stdout: str
    stderr: str


class Forks:
    """The process that forks, as its parent sees it."""

    def __init__(self, process: subprocess.Popen[str], folder: str) -> None:
        self._process, self._folder = process, Path(folder)

    def run(
        self,
        code: str,
        *arguments: str,
        cwd: Path = ROOT,
        environ: Mapping[str, str] | None = None,
        seconds: int = 60,
    ) -> Done:
        """Run *code* to its end; it is killed after so many seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        streams = [str(self._folder / name) for name in ("out", "err")]
        asked = [code, arguments, str(cwd), dict(os.environ if environ is None else environ), streams, seconds]
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        status = int(self._process.stdout.readline())
        return Done(status, *(Path(stream).read_text("utf-8") for stream in streams))


@contextmanager
def forking(load: str) -> Iterator[Forks]:
    """A process that runs *load*, and then forks others until this ends."""
    program = f"{load}\nfrom tests.forks import serve\nserve()"
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))},
        ) as process,
    ):
        yield Forks(process, folder)
        assert process.stdin is not None
        process.stdin.close()


def serve() -> None:
    """Fork for each line of standard input, and tell with which status the child has ended."""
    for line in sys.stdin:
        asked = json.loads(line)
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        else:
            become(*asked)
            return


def become(
    code: str, arguments: Sequence[str], cwd: str, environ: Mapping[str, str], streams: Sequence[str], seconds: int
) -> None:
    """Run a program in place of this one. Whatever it raises ends it, as it ends any program."""
    import random
    import signal

    signal.alarm(seconds)
    random.seed()
    nothing = os.open(os.devnull, os.O_RDONLY)
    opened = [nothing, *(os.open(stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for stream in streams)]
    for number, descriptor in enumerate(opened):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  (the other held what comes next for us)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["-c", *arguments]
    module: Any = ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(code, "<string>", "exec"), vars(module))

"""Long tables on a terminal, page by page: in `$PAGER`, else in less, where there is more than fits at once."""

from __future__ import annotations

import os
import shutil
import sys
from functools import wraps

import click

from inference_providers.cli import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_SECRET = ("KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "COOKIE")  # in names of variables
_LESS = "FRX"  # as git has it: end where all fits, show colours, leave what was shown on the screen


def paged(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose standard output is paged where a person reads it; adds `--no-pager`."""

    @wraps(command)
    def run(*args: Any, no_pager: bool, **kwargs: Any) -> Any:
        program = [] if no_pager else pager(os.environ)
        if not program:
            return command(*args, **kwargs)
        held: list[str] = []
        try:
            with output.holding(held):
                return command(*args, **kwargs)
        finally:
            _show("".join(held), program)

    return click.option("--no-pager", is_flag=True, help="On a terminal, print all at once.")(run)


def pager(environ: Mapping[str, str]) -> list[str]:
    """What shows pages here, by PAGER; nothing where nobody reads who could press a key, or where `cat` does."""
    import shlex

    if not output.on_terminal() or sys.stdin is None or not sys.stdin.isatty() or environ.get("TERM") == "dumb":
        return []
    given = environ.get("PAGER")
    if given is None:
        return next(([path] for name in ("less", "more") if (path := shutil.which(name))), [])
    try:
        program = shlex.split(given, posix=os.name == "posix")
    except ValueError:
        return []
    return program if program and _name(program) != "cat" else []


def _name(program: list[str]) -> str:
    return os.path.basename(program[0]).lower().removesuffix(".exe")


def _show(text: str, program: list[str]) -> None:
    """Print a text, by the pager if it is longer than the terminal."""
    size = shutil.get_terminal_size()
    if _height(text, size.columns) >= size.lines or not size.lines:
        environ = {"LESS": _LESS, "LV": "-c", **_without_keys(os.environ)}
        if _run(program, text if _shows_colours(program, environ["LESS"]) else click.unstyle(text), environ):
            return
    output.put(text)


def _without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what is called like a key: nothing that shows pages needs one."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith("LESS") or not any(word in name.upper() for word in _SECRET)
    }


def _height(text: str, columns: int) -> int:
    """Lines of a terminal so wide that a text takes."""
    from rich.cells import cell_len

    return sum(max(1, -(-cell_len(line) // max(columns, 1))) for line in click.unstyle(text).splitlines())


def _shows_colours(program: list[str], less: str) -> bool:
    """Whether the codes for colours mean something to a pager: less shows them as they are unless it is told `-R`."""
    options = [less, *(word for word in program[1:] if word.startswith("-"))]
    return _name(program) == "less" and any(letter in option for letter in "Rr" for option in options)


def _run(program: list[str], text: str, environ: Mapping[str, str]) -> bool:
    """Whether the pager could be started. It has Ctrl-C for itself until it ends."""
    import signal
    import subprocess
    from contextlib import suppress

    sys.stdout.flush()
    data = text.encode(getattr(sys.stdout, "encoding", None) or "utf-8", "backslashreplace")
    before = signal.signal(signal.SIGINT, lambda number, frame: None)  # unlike SIG_IGN, the pager does not inherit it
    try:
        process = subprocess.Popen(program, stdin=subprocess.PIPE, env=environ)
        with suppress(BrokenPipeError):  # it was left before the end
            process.communicate(data)
        process.wait()
    except OSError:  # there is no such program
        return False
    finally:
        signal.signal(signal.SIGINT, before)
    return True

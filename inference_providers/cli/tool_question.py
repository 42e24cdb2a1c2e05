"""The question before a tool may change something: at the terminal, whatever standard input is."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress

from inference_providers.cli.output import on_terminal, say
from inference_providers.toolsets import ALWAYS, NO, YES, in_short, is_cut, lines_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, TextIO

_MEANT = {"y": YES, "yes": YES, "n": NO, "no": NO, "a": ALWAYS, "always": ALWAYS}


def tell(name: str, arguments: Mapping[str, Any]) -> None:
    """Say at a terminal which call is made."""
    if on_terminal(err=True):
        say(f"{name}({in_short(arguments)})", err=True, dim=True)


def ask(name: str, arguments: Mapping[str, Any]) -> str:
    """YES, NO or ALWAYS by who sits at the terminal; NO where nobody does, which is told."""
    with _terminal() as typed:
        if typed is None:
            say(
                f"{name} was not called: it may change something, and there is no terminal to ask at. "
                "--allow-tools lets tools write without a question.",
                err=True,
            )
            return NO
        return _asked(typed, name, arguments)


def _asked(typed: TextIO, name: str, arguments: Mapping[str, Any]) -> str:
    say(f"The model wants to call {name}, which may change something:", err=True, bold=True)
    _show(lines_of(arguments) or ["(no arguments)"])
    whole = is_cut(arguments)
    choice = f"[y]es, [n]o, [a]lways in this run{', [s]how all' if whole else ''}: "
    while True:
        say(f"Call it? {choice}", err=True, nl=False)
        sys.stderr.flush()
        line = typed.readline()
        said = line.strip().lower()
        if not line:  # Ctrl-D
            say(err=True)
            return NO
        if said in _MEANT:
            return _MEANT[said]
        if said in ("s", "show") and whole:
            _show(lines_of(arguments, None))
        elif said:
            say("Type y, n or a, and Enter.", err=True)


def _show(lines: Iterable[str]) -> None:
    """Arguments, each in a line of its own; the rest of a long one never begins where another one would."""
    say("\n".join(f"  {line}" for line in lines), err=True, fold=False)


@contextmanager
def _terminal() -> Iterator[TextIO | None]:
    """What is typed at the terminal from now on, line by line; None where there is none, or nobody sees the question.

    What was typed before the question is no reply to it.
    """
    stream = _opened() if on_terminal(err=True) else None
    if stream is None:
        yield None
        return
    try:
        with _line_mode(stream.fileno()):
            yield stream
    finally:
        if stream is not sys.stdin:
            stream.close()


def _opened() -> TextIO | None:
    if os.name == "posix":
        with suppress(OSError):
            return open("/dev/tty", encoding="utf-8", errors="replace")
    return sys.stdin if sys.stdin is not None and sys.stdin.isatty() else None


@contextmanager
def _line_mode(terminal: int) -> Iterator[None]:
    """A terminal that shows what is typed, by lines, as it is not while an answer comes."""
    try:
        import termios
    except ImportError:
        yield
        return
    before = termios.tcgetattr(terminal)
    changed = termios.tcgetattr(terminal)
    changed[0] |= termios.ICRNL
    changed[3] |= termios.ECHO | termios.ICANON | termios.ISIG
    termios.tcsetattr(terminal, termios.TCSAFLUSH, changed)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)

"""What a person types at a terminal: a line, or a pasted text as the one message that it is."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress

from inference_providers.cli.output import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PASTED = 0.05  # seconds in which the next line of a paste is there; nobody types that fast


def prepare() -> None:
    """Have `input` edit lines, keep a history, and take a paste as one text, tabs and all."""
    with suppress(ImportError):
        import readline

        if "libedit" not in (readline.__doc__ or ""):
            readline.parse_and_bind("set enable-bracketed-paste on")
            readline.parse_and_bind("tab: tab-insert")


def typed() -> str | None:
    """One message: a line, several if they end with a backslash, or what was pasted. None at the end of input.

    Terminals that mark a paste give it to `input` as one text. Where they do not, lines that come faster than
    anybody types are one; not those of before the prompt, which were typed while an answer came, one after the other.
    """
    ahead = _more(0)
    lines: list[str] = []
    while True:
        try:
            line = input("… " if lines else "> ")
        except EOFError:
            say(err=True)  # else the shell's prompt would stand in this line
            return _message(lines) if lines else None
        except KeyboardInterrupt:
            say(err=True)
            lines = []
            continue
        lines.append(line.removesuffix("\\"))
        command = len(lines) == 1 and line.startswith("/")
        if not line.endswith("\\") and (ahead or command or not _more(_PASTED)):
            return _message(lines)


def _message(lines: list[str]) -> str:
    """The lines as one text, which keeps its indentation if there are several."""
    text = "\n".join(lines).strip("\n").rstrip()
    return text if "\n" in text else text.strip()


def _more(seconds: float) -> bool:
    """Whether something is there to be read. Only where a terminal can be waited for."""
    if os.name != "posix":
        return False
    import select

    return bool(select.select([sys.stdin], [], [], seconds)[0])


@contextmanager
def unechoed() -> Iterator[None]:
    """Keys are not shown meanwhile: they would move the cursor under an answer that is being drawn."""
    try:
        import termios
    except ImportError:
        yield
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(terminal, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)

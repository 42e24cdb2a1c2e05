"""What a person types where lines cannot be edited: at a terminal that cannot move its cursor, or in a half-pipe."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from inference_providers.cli.output import on_terminal, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_PASTED = 0.05  # seconds in which the next line of a paste is there; nobody types that fast


class PlainPrompt:
    """Lines as `input` reads them."""

    def __init__(self) -> None:
        """Have `input` edit lines, keep a history, and take a paste as one text, tabs and all."""
        with suppress(ImportError):
            import readline

            if "libedit" not in (readline.__doc__ or ""):
                readline.parse_and_bind("set enable-bracketed-paste on")
                readline.parse_and_bind("tab: tab-insert")

    def read(self, label: Callable[[], str] = str) -> str | None:
        """One message: a line, several if they end with a backslash, or what was pasted. None at the end of input.

        Terminals that mark a paste give it to `input` as one text. Where they do not, lines that come faster than
        anybody types are one; not those of before the prompt, which were typed while an answer came, one after the
        other. *label*: what stands above the prompt.
        """
        if text := label():
            say(text, err=True)
        ahead = has_more(0)
        lines: list[str] = []
        while True:
            mark = "… " if lines else "> "
            if not on_terminal():  # standard output is for answers
                say(mark, err=True, nl=False)
                mark = ""
            try:
                line = input(mark)
            except EOFError:
                say(err=True)  # else the shell's prompt would stand in this line
                return message(lines) if lines else None
            except KeyboardInterrupt:
                say(err=True)
                lines = []
                continue
            lines.append(line.removesuffix("\\"))
            command = len(lines) == 1 and line.startswith("/")
            if not line.endswith("\\") and (ahead or command or not has_more(_PASTED)):
                return message(lines)

    def remember(self, text: str) -> None:
        """Nothing: only what was typed here comes back."""

    def session(self, _: object) -> AbstractContextManager[None]:
        """As long as messages are read: nothing, since `input` needs the terminal, and Ctrl-C, as they are."""
        return nullcontext()

    def answering(self) -> AbstractContextManager[None]:
        """As long as an answer comes: keys are not shown, since they would move the cursor within it."""
        return quiet(lines=True)

    def usual(self) -> AbstractContextManager[None]:
        """As long as another program, or a question, has the terminal: nothing."""
        return nullcontext()


def message(lines: list[str]) -> str:
    """The lines as one text, which keeps its indentation if there are several."""
    text = "\n".join(lines).strip("\n").rstrip()
    return text if "\n" in text else text.strip()


def has_more(seconds: float) -> bool:
    """Whether something is there to be read. Only where a terminal can be waited for."""
    if os.name != "posix":
        return False
    import select

    return bool(select.select([sys.stdin], [], [], seconds)[0])


@contextmanager
def quiet(*, lines: bool) -> Iterator[None]:
    """The terminal shows no keys; those that are pressed wait, as *lines*, or one by one as they are."""
    try:
        import termios
    except ImportError:
        yield
        return
    mode = termios.tcgetattr(sys.stdin.fileno())
    mode[3] &= ~termios.ECHO
    if not lines:
        mode[0] &= ~(termios.ICRNL | termios.INLCR)
        mode[3] &= ~termios.ICANON
    with moded(mode):
        yield


@contextmanager
def moded(mode: list[Any]) -> Iterator[None]:
    """The terminal in a mode, as `tcgetattr` gives it."""
    import termios

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    termios.tcsetattr(terminal, termios.TCSADRAIN, mode)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)

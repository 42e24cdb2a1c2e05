"""A real pseudo-terminal with a program in it, and the screen that a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pyte

from tests.servers import PATIENCE

# A session of its own; the first terminal that it opens becomes its own, so that Ctrl-C reaches it.
PROGRAM = (
    "import os, sys\n"
    "if os.isatty(0): os.close(os.open(os.ttyname(0), os.O_RDWR))\n"
    "from inference_providers.cli.main import main\n"
    "main(sys.argv[1:])"
)
_OTHER_SCREEN = re.compile(rb"\x1b\[\?1049h.*?(?:\x1b\[\?1049l|\Z)", re.DOTALL)


class Screen:
    """What a terminal of so many rows and columns shows, and what has scrolled off it."""

    def __init__(self, rows: int, columns: int) -> None:
        self._screen = pyte.HistoryScreen(columns, rows, history=10000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def columns(self) -> int:
        return int(self._screen.columns)

    @property
    def at_prompt(self) -> bool:
        """Whether the cursor stands behind a prompt."""
        cursor = self._screen.cursor
        return bool(cursor.x == 2 and self._screen.display[cursor.y].startswith("> "))

    @property
    def cells(self) -> list[list[Any]]:
        """The characters of the screen as pyte knows them, with their colours, up to the last line that has any."""
        last = max((number for number, line in enumerate(self._screen.display) if line.strip()), default=-1)
        return [[self._screen.buffer[row][column] for column in range(self.columns)] for row in range(last + 1)]

    @property
    def cursor(self) -> tuple[int, int]:
        """The cursor's column, and its line among all."""
        return self._screen.cursor.x, len(self._screen.history.top) + self._screen.cursor.y

    def resize(self, rows: int, columns: int) -> None:
        self._screen.resize(rows, columns)

    def feed(self, data: bytes) -> None:
        self._stream.feed(data)

    @property
    def lines(self) -> list[str]:
        """All lines, those that have scrolled off first."""
        above = [
            "".join(line[column].data for column in range(self._screen.columns)).rstrip()
            for line in self._screen.history.top
        ]
        return above + [line.rstrip() for line in self._screen.display]


class Terminal:
    """A pseudo-terminal with a command of this package in it."""

    def __init__(
        self, arguments: list[str], folder: Path, environ: dict[str, str], *, rows: int = 40, columns: int = 80
    ) -> None:
        self._ours, theirs = pty.openpty()
        self._size = rows, columns
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder,
            start_new_session=True, env=environ,
        )  # fmt: skip
        os.close(theirs)
        self.raw = b""
        self._seen = 0
        self._is_closed = False

    @property
    def text(self) -> str:
        """All that was shown, without the terminal's own codes."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.raw.decode("utf-8", "replace"))

    @property
    def screen(self) -> Screen:
        """What it shows now. The screen that programs have for themselves counts as another one."""
        screen = Screen(*self._size)
        screen.feed(_OTHER_SCREEN.sub(b"", self.raw))
        return screen

    @property
    def lines(self) -> list[str]:
        return self.screen.lines

    def resize(self, rows: int, columns: int) -> None:
        """Give it another size, which the program is told."""
        self._size = rows, columns
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def wait_for(self, pattern: str, seconds: float = PATIENCE) -> None:
        """Wait until *pattern* is shown, after what was waited for before."""
        until = time.monotonic() + seconds
        while (found := re.search(pattern, self.text[self._seen :], re.DOTALL)) is None:
            assert time.monotonic() < until, f"{pattern!r} did not come: {self.text[self._seen :]!r}"
            self._read(0.1)
        self._seen += found.end()

    def ready(self, seconds: float = PATIENCE) -> None:
        """Wait for an empty prompt."""
        until = time.monotonic() + seconds
        while not self.screen.at_prompt:
            assert time.monotonic() < until, f"no prompt came: {self.lines}"
            self._read(0.1)
        self._seen = len(self.text)

    def ask(self, line: str, pattern: str) -> None:
        """Type a line; wait for what it brings, and for the next prompt."""
        self.type(f"{line}\r")
        self.wait_for(pattern)
        self.ready()

    def close(self) -> int:
        """Leave by Ctrl-D; the exit code."""
        if self._is_closed:
            return self.process.wait()
        self._is_closed = True
        if self.process.poll() is None:
            self.type("\x04")
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            self._read(0.1)
        self._read(0)
        if self.process.poll() is None:
            self.process.kill()
        os.close(self._ours)
        return self.process.wait()

    def _read(self, seconds: float) -> None:
        try:
            if select.select([self._ours], [], [], seconds)[0]:
                self.raw += os.read(self._ours, 65536)
        except OSError:
            time.sleep(0.01)

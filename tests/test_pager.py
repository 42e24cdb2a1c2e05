"""Long tables on a terminal go through a pager, by the usual rules; nothing else does."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import stat
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers.cli import output
from inference_providers.cli.pager import pager
from tests.conftest import ROOT

SHOW = """
import sys
from inference_providers.cli.output import say
from inference_providers.cli.pager import paged
import click

@click.command()
@click.argument("lines", type=int)
@paged
def show(lines):
    say("the first \\x1b]0;evil\\x07", bold=True)
    for number in range(lines):
        say(f"line {number}")
    say("a note", err=True)
    sys.exit(3)

show(prog_name="show")
"""


@pytest.fixture
def reader(tmp_path: Path) -> Path:
    """A pager that keeps what it gets, and with which environment."""
    path = tmp_path / "reader"
    path.write_text(
        f'#!/bin/sh\ncat >"{tmp_path}/got"\necho "LESS=$LESS $*" >"{tmp_path}/how"\nenv >"{tmp_path}/env"\necho PAGED\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def shown(tmp_path: Path) -> Callable[..., str]:
    """What a terminal of 24 lines shows of a command, whose standard input it is, too."""

    def run(*arguments: str, keys: bytes = b"", stdin: int | None = None, **environ: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(1, termios.TIOCSCTTY, 0)

        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "TERM": "xterm", "PYTHONPATH": str(ROOT), **environ}
        with subprocess.Popen(
            [sys.executable, "-c", SHOW, *arguments], stdin=theirs if stdin is None else stdin, stdout=theirs,
            stderr=theirs, env=env, preexec_fn=own_terminal,  # noqa: PLW1509  (no thread of ours runs)
        ) as process:  # fmt: skip
            os.close(theirs)
            told = b""
            try:
                while True:
                    if select.select([ours], [], [], 0.2)[0]:
                        if not (chunk := os.read(ours, 65536)):
                            break
                        told += chunk
                    elif keys and b":" in told[-8:]:  # less waits; a key may have been lost with an interruption
                        os.write(ours, keys[:1])
                        keys = keys[1:] or keys
            except OSError:  # its other end is closed
                os.close(ours)
        assert process.returncode == 3, told
        assert b"evil" in told or "reader" in environ.get("PAGER", "")
        assert b"\x1b]0;evil" not in told
        return told.decode().replace("\r", "")

    return run


def test_what_is_longer_than_the_terminal_goes_to_the_pager(shown: Any, reader: Path, tmp_path: Path) -> None:
    own = {"OPENAI_API_KEY": "sk-of-nobody-else", "Npm_Token": "secret", "LESSKEY": "keys-of-less"}
    said = shown("100", PAGER=f"{reader} --flag 'two words'", **own)
    assert said.endswith("PAGED\n")
    assert "line 7" not in said
    assert "a note" in said  # standard error is nobody's page
    got = (tmp_path / "got").read_text()
    assert got.splitlines()[1:] == [f"line {number}" for number in range(100)]
    assert "\x1b" not in got  # neither that of a text, nor codes for colours, which not every pager knows
    assert (tmp_path / "how").read_text() == "LESS=FRX --flag two words\n"
    given = (tmp_path / "env").read_text()
    assert ("sk-of-nobody-else" in given, "secret" in given, "LESSKEY=keys-of-less" in given) == (False, False, True)


@pytest.mark.parametrize("how", ["short", "cat", "empty", "--no-pager", "dumb", "missing", "quotes", "piped in"])
def test_what_is_short_or_is_not_to_be_paged_is_printed(shown: Any, reader: Path, tmp_path: Path, how: str) -> None:
    value = {"cat": "/bin/cat", "empty": "", "missing": "/nowhere/reader", "quotes": "'reader"}.get(how, str(reader))
    arguments = ["10" if how == "short" else "100", *(["--no-pager"] if how == "--no-pager" else [])]
    more = {"TERM": "dumb"} if how == "dumb" else {}
    said = shown(*arguments, PAGER=value, stdin=subprocess.DEVNULL if how == "piped in" else None, **more)
    assert "PAGED" not in said
    assert not (tmp_path / "got").exists()
    assert f"line {9 if how == 'short' else 99}\n" in said
    assert ("\x1b[1mthe first" in said) == (how != "dumb")  # any other terminal knows what it means


@pytest.mark.skipif(not os.path.exists("/usr/bin/less"), reason="less is not installed")
def test_less_is_the_pager_where_none_is_named_and_ctrl_c_is_its_own(shown: Any) -> None:
    said = shown("100", keys=b" \x03q")
    assert "\x1b[1mthe first" in said
    assert "line 30\n" in said.replace("\x1b[m", "")
    assert "line 99" not in said


def test_nothing_is_paged_in_a_pipe(reader: Path, tmp_path: Path) -> None:
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TERM": "xterm",
        "PYTHONPATH": str(ROOT),
        "PAGER": str(reader),
    }
    done = subprocess.run([sys.executable, "-c", SHOW, "100"], stdin=subprocess.DEVNULL, env=env, capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 3
    assert done.stdout.endswith(b"line 99\n")
    assert not (tmp_path / "got").exists()
    assert pager({"PAGER": str(reader)}) == []


def test_every_command_with_a_table_can_do_without_the_pager() -> None:
    from inference_providers.cli.main import main

    def every(command: Any, name: str = "") -> list[tuple[str, Any]]:
        below = [one for word, sub in getattr(command, "commands", {}).items() for one in every(sub, f"{name} {word}")]
        return [(name.strip(), command), *below]

    paged = {name for name, command in every(main) if any("--no-pager" in one.opts for one in command.params)}
    assert {"models", "providers", "resolve", "logs", "logs list", "logs search", "usage", "similar", "paths"} <= paged
    assert not {"chat", "batch", "serve", "doctor", "embed"} & paged
    assert output._held == []

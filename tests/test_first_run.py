"""A first run with nothing to ask, at a real terminal: three questions to an answer, and a way out of each."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import PATIENCE, Connection, Received, Server, answer
from tests.test_pipeline import eventually
from tests.test_terminal import environment, program

Serve = Callable[..., Server]
KEY = "gsk-first-run-1234567890"


class Terminal:
    """A command at a terminal of its own, and what a person types there."""

    def __init__(self, folder: Path, *words: str, **environ: str) -> None:
        self.seen = b""
        self._ours, theirs = pty.openpty()
        python, flag, code, *rest = program(*words)
        own = f"import os; os.close(os.open(os.ttyname(0), os.O_RDWR)); {code}"  # the terminal of its session: /dev/tty
        self._process = subprocess.Popen(
            [python, flag, own, *rest], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, start_new_session=True,
            env=environment(folder, **environ),
        )  # fmt: skip
        os.close(theirs)

    def until(self, text: str) -> None:
        """Read until a text is there."""
        while text.encode() not in self.seen:
            try:
                chunk = os.read(self._ours, 4096)
            except OSError:
                chunk = b""
            assert chunk, self.text
            self.seen += chunk

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def interrupt(self) -> None:
        """Send Ctrl-C once it waits for a key: between what it shows and that wait, readline would not see it."""
        assert eventually(self._is_waiting)
        self._process.send_signal(signal.SIGINT)

    def _is_waiting(self) -> bool:
        at = Path(f"/proc/{self._process.pid}/stat")
        return not at.exists() or at.read_text().rpartition(")")[2].split()[0] == "S"

    def end(self) -> int:
        """Read the rest; the exit code."""
        try:
            while chunk := os.read(self._ours, 4096):
                self.seen += chunk
        except OSError:
            pass
        os.close(self._ours)
        return self._process.wait(PATIENCE)

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen.decode()).replace("\r", "")


def listing(connection: Connection, request: Received) -> None:
    """A provider's list of models, for the right key alone."""
    if request.path.endswith("/models") and request.key != KEY:
        connection.reply(401, {"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})
    elif request.path.endswith("/models"):
        connection.reply(200, {"object": "list", "data": [{"id": "gpt-4o", "object": "model"}]})
    else:
        answer(connection, request)


@pytest.fixture
def groq(serve: Serve) -> Iterator[Server]:
    yield serve(listing)


def test_a_person_gets_a_free_key_and_an_answer(tmp_path: Path, groq: Server) -> None:
    """The key is asked for unseen, checked, kept, and counts from then on."""
    urls = {"GROQ_BASE_URL": groq.url}
    terminal = Terminal(tmp_path, "ask-ai", "hi", **urls)
    terminal.until("Enter to leave")
    assert "No API key and no model server was found." in terminal.text
    terminal.type("groq\n")  # not one of the three: asked again
    terminal.until("Enter to leave: groq")
    terminal.type("2\n")
    terminal.until("Whose key is it")
    assert re.search(r"2  Groq +https://console.groq.com/keys", terminal.text)
    terminal.type("Groq\n")  # or 2
    terminal.until("not shown): ")
    terminal.type("sk-wrong-1234567890\n")
    terminal.until("[y/N]")
    terminal.type("n\n")
    terminal.until("It was not stored")
    terminal.until("GROQ_API_KEY (it is not shown): ")
    terminal.seen = terminal.seen.replace(b"not shown): ", b"", 1)
    terminal.until("not shown): ")
    terminal.type(f"{KEY}\n")
    assert terminal.end() == 0, terminal.text
    assert terminal.text.rstrip().endswith("hello")
    assert KEY not in terminal.text
    assert "--yes" not in terminal.text  # no option of this command
    assert "sk-wrong" not in terminal.text
    assert groq.requests[-1].key == KEY
    file = tmp_path / ".config" / "inference_providers" / "keys.toml"
    assert (KEY in file.read_text(), file.stat().st_mode & 0o777) == (True, 0o600)
    again = subprocess.run(
        program("ask-ai", "hi"),
        env=environment(tmp_path, **urls),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (again.returncode, again.stdout) == (0, b"hello\n")


@pytest.mark.parametrize("way", ["enter", "interrupt", "no to a model"])
def test_whoever_leaves_gets_the_error(tmp_path: Path, way: str) -> None:
    terminal = (
        Terminal(tmp_path, "inference-providers", "chat") if way == "enter" else Terminal(tmp_path, "ask-ai", "hi")
    )
    terminal.until("Enter to leave")
    if way == "no to a model":
        terminal.type("1\n")
        terminal.until(":")
        terminal.type("n\n")
    elif way == "interrupt":
        terminal.interrupt()
    else:
        terminal.type("\n")
    assert terminal.end() == 3, terminal.text
    assert "The easiest keys to get" in terminal.text
    assert not (tmp_path / ".config").exists()


@pytest.mark.parametrize("words", [("hi",), ("--json", "hi")])
def test_nobody_is_asked_who_is_not_there(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Not in a pipe, nor for a program that wants JSON."""
    if "--json" in words:
        terminal = Terminal(tmp_path, "ask-ai", *words)
        assert terminal.end() == 3
        assert "Enter to leave" not in terminal.text
        return
    done = subprocess.run(
        program("ask-ai", *words), env=environment(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    assert (done.returncode, b"Enter to leave" in done.stderr) == (3, False)

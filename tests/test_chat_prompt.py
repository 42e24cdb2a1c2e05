"""The prompt of a chat: keys that are pressed, and the messages that they make."""

from __future__ import annotations

import io
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from inference_providers.cli.chat_files import dropped
from inference_providers.cli.chat_history import KeptHistory
from inference_providers.cli.chat_prompt import Prompt, Words
from tests.servers import PATIENCE
from tests.terminals import Screen

ENTER, ALT_ENTER, CTRL_J, TAB, UP, CTRL_R, CTRL_D, CTRL_C = "\r", "\x1b\r", "\n", "\t", "\x1b[A", "\x12", "\x04", "\x03"
COMMANDS = {"/model": "model", "/beside": "model", "/file": "file", "/exit": ""}
MODELS = ["gpt-4o", "gpt-4o-mini", "llama-3.3-70b", "evil\x1b[2J\u202e"]


class Typed:
    """A prompt in memory: what is typed, what it reads, and the bytes that it shows."""

    def __init__(self, given: Any, attach: Callable[[str], bool], history: Any) -> None:
        self._input, self._shown = given, io.StringIO()
        output = Vt100_Output(self._shown, lambda: Size(24, 80), term="xterm", enable_cpr=False)
        words = Words(COMMANDS, lambda typed: [name for name in MODELS if name.startswith(typed)])
        self.prompt = Prompt(words, attach, history, terminal=(given, output))
        self.label = ""

    def __call__(self, *keys: str) -> str | None:
        """Press keys, and read a message."""
        self._input.send_text("".join(keys))
        return self.prompt.read(lambda: self.label)

    def completed(self, *steps: tuple[str, str]) -> str | None:
        """Press keys step by step, each when what the last one brings is shown."""

        def press() -> None:
            for keys, brings in steps:
                seen = len(self.raw)
                self._input.send_text(keys)
                until = time.monotonic() + PATIENCE
                while brings not in self.raw[seen:] and time.monotonic() < until:
                    time.sleep(0.005)

        presser = threading.Thread(target=press)
        presser.start()
        try:
            return self.prompt.read(lambda: self.label)
        finally:
            presser.join()

    @property
    def raw(self) -> str:
        return self._shown.getvalue()

    @property
    def lines(self) -> list[str]:
        screen = Screen(24, 80)
        screen.feed(self.raw.encode())
        return screen.lines


@pytest.fixture
def typed() -> Iterator[Callable[..., Typed]]:
    with create_pipe_input() as given:
        yield lambda attach=lambda text: False, history=None: Typed(given, attach, history)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["  hello ", ENTER], "hello"),
        (["one", ALT_ENTER, "two", CTRL_J, "three", ENTER], "one\ntwo\nthree"),
        (["one\\", ENTER, "two", ENTER], "one\ntwo"),
        (["```py", ENTER, "  x = 1", ENTER, "```", ENTER], "```py\n  x = 1\n```"),
        (["```", ENTER, "x", ENTER, ENTER, ENTER], "```\nx"),
        (["x", TAB, "y", ENTER], "x\ty"),
        (["\x1b[200~def f(x):\r\n\treturn x\\\r\n\r/exit\n\x1b[201~", ENTER], "def f(x):\n\treturn x\\\n\n/exit"),
        (["half a li", CTRL_C, "whole", ENTER], "whole"),
        ([CTRL_D], None),
        (["/nothing ll", TAB, ENTER], "/nothing ll"),
    ],
)
def test_what_keys_make(typed: Any, keys: list[str], message: str | None) -> None:
    prompt = typed()
    prompt.prompt._ahead = True  # each key comes alone, not as a paste that the terminal did not mark
    assert prompt(*keys) == message


def test_keys_that_come_faster_than_anybody_types_are_a_paste(typed: Any) -> None:
    prompt = typed()
    assert prompt("def f(x):", ENTER, TAB, "return x", ENTER, ENTER, "/exit", ENTER) == "def f(x):\n\treturn x\n\n/exit"
    assert prompt("/model gpt-4o", ENTER, "and a question", ENTER) == "/model gpt-4o"
    assert prompt() == "and a question"


def test_what_was_sent_comes_back(typed: Any) -> None:
    prompt = typed()
    prompt.prompt._ahead = True
    for text in ("first question", "second question"):
        prompt(text, ENTER)
        prompt.prompt._ahead = True
    assert prompt(UP, UP, ENTER) == "first question"
    prompt.prompt._ahead = True
    assert prompt(CTRL_R, "second", ENTER, ENTER) == "second question"
    prompt.prompt.remember("written elsewhere")
    prompt.prompt._ahead = True
    assert prompt(UP, ENTER) == "written elsewhere"


def test_commands_and_models_are_completed(typed: Any) -> None:
    prompt = typed()
    steps = [("/mo", "mo"), (TAB, "del"), (" gpt-4o-", "-"), (TAB, "mini"), (ENTER, "")]
    assert prompt.completed(*steps) == "/model gpt-4o-mini"


def test_files_are_completed(typed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "picture.png").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    prompt = typed()
    assert prompt.completed(("/file pi", "pi"), (TAB, "cture"), (ENTER, "")) == "/file picture.png"


def test_a_pasted_path_goes_to_whoever_takes_it(typed: Any) -> None:
    pasted: list[str] = []

    def attach(text: str) -> bool:
        pasted.append(text)
        return text.startswith("/")

    prompt = typed(attach)
    prompt.prompt._ahead = True
    prompt.label = "attached: \x1b[2Jcat.png"
    assert (
        prompt("\x1b[200~/tmp/cat.png\x1b[201~", "what is it? ", "\x1b[200~words\x1b[201~", ENTER)
        == "what is it? words"
    )
    assert pasted == ["/tmp/cat.png", "words"]
    assert "attached: \\x1b[2Jcat.png" in prompt.lines
    assert "\x1b[2J" not in prompt.raw


def test_no_text_steers_the_prompt(typed: Any) -> None:
    prompt = typed()
    prompt.prompt._ahead = True
    prompt("\x1b[200~a\u202eb\x07\x1b]0;owned\x07\x1b[201~", ENTER)
    prompt.completed(("/model ", "model"), (TAB, "evil"), (CTRL_C, ""), (CTRL_D, ""))
    assert "\u202e" not in prompt.raw
    assert "\x07" not in prompt.raw
    assert "\x1b]0;owned" not in prompt.raw and "\x1b[2J" not in prompt.raw
    assert "evil\\x1b[2J\\u202e" in prompt.raw


def test_the_terminal_is_not_asked_for_anything(typed: Any) -> None:
    """Its answer would stand in the shell's prompt, where a program leaves first."""
    prompt = typed()
    prompt("x", ENTER)
    assert "\x1b[6n" not in prompt.raw


# What is kept


def test_the_history_is_private_and_safe_to_show(tmp_path: Path) -> None:
    path = tmp_path / "state" / "chat-history"
    history = KeptHistory(str(path), 30)
    for text in ("one", "several\nlines \u4e16", "\x1b[2Jevil"):
        history.store_string(text)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(KeptHistory(str(path), 30).load_history_strings()) == ["\\x1b[2Jevil", "several\nlines \u4e16", "one"]


def test_the_history_forgets_what_is_old_and_what_is_too_much(tmp_path: Path) -> None:
    path = tmp_path / "chat-history"
    now = time.time()
    rows = [{"at": now - 31 * 86400, "text": "old"}, *({"at": now, "text": str(number)} for number in range(1200))]
    path.write_text("no JSON\n[]\n" + "".join(json.dumps(row) + "\n" for row in rows))
    found = list(KeptHistory(str(path), 30).load_history_strings())
    assert (len(found), found[0], found[-1]) == (1000, "1199", "200")
    assert len(path.read_text().splitlines()) == 1000
    assert "old" not in path.read_text()


def test_of_a_long_history_the_latest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "chat-history"
    history = KeptHistory(str(path), 30)
    for number in range(6):
        history.store_string(f"{number} " + "x" * 500_000)
    history.store_string("latest")
    for _ in range(2):
        found = [text[:6] for text in KeptHistory(str(path), 30).load_history_strings()]
        assert found == ["latest", "5 xxxx", "4 xxxx"]
    assert path.stat().st_size < 1024 * 1024


def test_a_history_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "chat-history"
    path.write_text(json.dumps({"at": time.time(), "text": "planted"}) + "\n")
    path.chmod(0o666)
    assert list(KeptHistory(str(path), 30).load_history_strings()) == []


def test_a_history_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "chat-history").mkdir()
    history = KeptHistory(str(tmp_path / "chat-history"), 30)
    history.store_string("typed")
    assert list(history.load_history_strings()) == []


# Files that are dropped into the terminal


@pytest.mark.parametrize(
    "form",
    ["{}", "'{}'", '"{}"', "{escaped} ", "file://{url}", "{}\n", "{escaped} {escaped}", "'{}' '{}'"],
)
def test_paths_that_terminals_type_for_dropped_files(tmp_path: Path, form: str) -> None:
    path = tmp_path / "my picture (1).png"
    path.write_bytes(b"")
    escaped = str(path).replace(" ", "\\ ").replace("(", "\\(").replace(")", "\\)")
    text = form.format(path, path, escaped=escaped, url=str(path).replace(" ", "%20"))
    assert set(dropped(text, {})) == {str(path)}


@pytest.mark.parametrize(
    "text", ["", "hello", "/exit", "/no/such/file", "{} and words", "relative.png", "'{}", "\0", "{}\0"]
)
def test_all_else_is_a_text(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "relative.png").write_bytes(b"")
    assert dropped(text.format(tmp_path / "no such.png"), {}) == []
    assert dropped(str(tmp_path), {}) == []


def test_a_path_from_the_home_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    assert dropped("~/a.png", {"HOME": str(tmp_path)}) == [os.path.join(tmp_path, "a.png")]

"""Functions by their address, and what is asked before a call."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from inference_providers import ProviderList
from inference_providers.chat import Tool
from inference_providers.toolsets.functions import function_at
from inference_providers.toolsets.permission import ALWAYS, NO, SHOWN, YES, Permission, in_short, is_cut, lines_of
from tests.conftest import ROOT
from tests.servers import PATIENCE

FILE = '''
import dataclasses


@dataclasses.dataclass
class Book:
    """What stands in a shelf."""

    title: str


def look(title: str, copies: int = 1) -> str:
    """Look for a book.

    Args:
        title: what it is called
    """
    return f"{copies} of {title}"


look.read_only = True
notes = []


def note(text: str) -> str:
    """Write something down."""
    notes.append(text)
    return "written"


class Shelf:
    @staticmethod
    def count() -> int:
        """How many books there are."""
        return 7


nothing = 7
'''


@pytest.fixture
def tools_file(tmp_path: Path) -> str:
    path = tmp_path / "my tools.py"
    path.write_text(FILE)
    return str(path)


def test_a_function_of_an_installed_module() -> None:
    import os.path

    assert function_at("os.path:basename", {}) is os.path.basename
    assert function_at("pathlib:Path.home", {}) == Path.home


def test_a_function_of_a_file_that_is_run_once(tools_file: str) -> None:
    note = function_at(f"{tools_file}:note", {})
    note(text="x")
    assert function_at(f"{tools_file}:note", {}) is note
    assert function_at(f"{tools_file}:Shelf.count", {})() == 7


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("json", "no installed package has a tool 'json'. A function is MODULE:FUNCTION, or FILE.py:FUNCTION"),
        ("file.py", "is not an address: give MODULE:FUNCTION, or FILE.py:FUNCTION"),
        ("json:", "is not an address"),
        ("a-b:c", "is not an address"),
        ("json:dumps; x", "is not an address"),
        ("json:no_such", "json has no function no_such"),
        ("json:__doc__", "json has no function __doc__"),
        ("no_such_module_xyz:f", "there is no module no_such_module_xyz in the environment of"),
        ("json.no_such:f", "there is no module json.no_such in the environment"),
        ("/no/such/file.py:f", "there is no file /no/such/file.py"),
    ],
)
def test_addresses_that_lead_nowhere(address: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        function_at(address, {})


def test_a_module_of_the_current_folder_is_not_taken(tmp_path: Path, monkeypatch: Any) -> None:
    """Whoever puts a file into a folder must not run in the program of who stands there."""
    (tmp_path / "strangers_module.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    for first in ("", str(tmp_path)):
        monkeypatch.setattr(sys, "path", [first, *sys.path])
        before = list(sys.path)
        with pytest.raises(ValueError, match=r"named by its path: \./strangers_module\.py:FUNCTION"):
            function_at("strangers_module:f", {})
        assert sys.path == before


def test_a_module_that_cannot_be_imported_is_told_in_a_line(tmp_path: Path) -> None:
    for text, says in (
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import no_such_module_abc", "No module named 'no_such_module_abc'"),
        ("def f(:", "SyntaxError"),
    ):
        path = tmp_path / "broken.py"
        path.write_text(text)
        with pytest.raises(ValueError, match=says):
            function_at(f"{path}:f", {})


class Asker:
    """Says what it was told to, and keeps what it was asked and told."""

    def __init__(self, *replies: str) -> None:
        self.replies, self.asked, self.told = list(replies), list[str](), list[str]()

    def ask(self, name: str, arguments: Mapping[str, Any]) -> str:
        self.asked.append(f"{name}({in_short(arguments)})")
        return self.replies.pop(0)

    def tell(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.told.append(name)


def asked(tools: Callable[[Permission], list[Any]], *calls: tuple[str, str], asker: Asker, **options: Any) -> list[str]:
    """What a model is told that makes these calls, one after another."""
    replies = [
        {"tool_calls": [{"id": str(n), "type": "function", "function": {"name": name, "arguments": arguments}}]}
        for n, (name, arguments) in enumerate(calls)
    ]
    providers = ProviderList(mock={"gpt-4o": [*replies, "done"]})
    answer = providers.ask_ai("Go.", "gpt-4o", tools=tools(Permission(asker.ask, asker.tell, **options)))
    assert answer == "done"
    return [turn["content"] for turn in answer.messages if turn["role"] == "tool"]


def test_who_only_reads_is_not_asked_about_and_who_writes_is(tools_file: str) -> None:
    asker = Asker(NO, YES)

    def tools(permission: Permission) -> list[Any]:
        return [permission.function(function_at(f"{tools_file}:{name}", {})) for name in ("look", "note")]

    told = asked(
        tools,
        ("look", '{"title": "Emma", "copies": "2"}'),
        ("note", '{"text": "a"}'),
        ("note", '{"text": "b"}'),
        ("note", '{"txt": "c"}'),
        asker=asker,
    )
    assert told[0] == "2 of Emma"
    assert "This call was not allowed. Do not try it again" in told[1]
    assert told[2] == "written"
    assert "wrong arguments" in told[3]  # which is not asked about: nothing would be called
    assert asker.asked == ['note(text="a")', 'note(text="b")']
    assert asker.told == ["look", "note"]
    assert function_at(f"{tools_file}:notes.append", {}).__self__ == ["b"]


def test_always_holds_for_one_tool_in_this_run(tools_file: str) -> None:
    asker = Asker(ALWAYS, NO)

    def tools(permission: Permission) -> list[Any]:
        return [permission.function(function_at(f"{tools_file}:{name}", {})) for name in ("note", "Shelf.count")]

    told = asked(tools, ("note", '{"text": "a"}'), ("note", '{"text": "b"}'), ("count", "{}"), asker=asker)
    assert told[:2] == ["written", "written"]
    assert "not allowed" in told[2]
    assert asker.asked == ['note(text="a")', "count()"]


def test_everything_may_be_allowed(tools_file: str) -> None:
    asker = Asker()
    told = asked(
        lambda permission: [permission.function(function_at(f"{tools_file}:note", {}))],
        ("note", '{"text": "a"}'),
        asker=asker,
        everything=True,
    )
    assert (told, asker.asked, asker.told) == (["written"], [], ["note"])


def test_a_described_tool_gets_its_arguments_as_they_come() -> None:
    def called(**arguments: Any) -> Any:
        return arguments

    parameters = {"type": "object", "properties": {"self": {"type": "string"}}}
    asker = Asker(YES, YES)
    told = asked(
        lambda permission: [permission.tool(Tool("srv__x-y", "Go.", parameters, called), harmless=False)],
        ("srv__x-y", '{"self": "a", "other": [1]}'),
        ("srv__x-y", "[1]"),
        asker=asker,
    )
    assert told[0] == '{"self": "a", "other": [1]}'
    assert "wrong arguments: they must be a JSON object" in told[1]


def test_what_a_question_shows_hides_nothing_and_fits() -> None:
    arguments = {"text": "a" * 300 + "\x1b[2J\u202e" + "b" * 5000 + "; rm -rf ~", "n\n\x1b": 1}
    lines = lines_of(arguments)
    assert is_cut(arguments)
    assert all(line.isprintable() for line in lines)
    assert lines[0].endswith('; rm -rf ~"')
    assert "characters ...]" in lines[0]
    assert len(lines[0]) < SHOWN + 100
    assert len(lines_of(arguments, None)[0]) > 5300
    blank = "a\u200bb\u3164c\u200ed\u00ade\ufe01f\U000e0100g"
    assert lines_of({blank: blank}) == [
        f'{(seen := blank.encode("unicode_escape").decode().replace("xad", "u00ad"))}: "{seen}"'
    ]
    assert lines_of({"who": "नमस्ते 👍🏽"}) == ['who: "नमस्ते 👍🏽"']
    assert lines_of({str(n): n for n in range(100)})[-1] == "... and 80 more"
    assert not is_cut({"text": "short"})
    assert len(in_short({"x": "y" * 500, "z": "w" * 500})) < 100


ASKING = """
import os

os.open(os.ttyname(1), os.O_RDWR)  # the first terminal that the leader of a session opens is the session's
from inference_providers.cli import tool_question

print([tool_question.ask("note", {"text": "x" * size}) for size in (3, 900, 3, 3)])
tool_question.tell("look", {"title": "Emma"})
"""


def test_the_question_at_a_terminal() -> None:
    """Also where standard input is a pipe; what was typed before the question is no reply to it."""
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ASKING], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(theirs)
    said = b""
    os.write(terminal, b"y\n")  # before
    try:
        for typed in (b"what?\n", b"no\n", b"s\n", b"Y\n", b"a\n", b"\x04"):
            before = said.count(b"Call it?")
            while said.count(b"Call it?") == before:
                said += os.read(terminal, 65536)
            os.write(terminal, typed)
        while chunk := os.read(terminal, 65536):
            said += chunk
    except OSError:  # its other end is closed
        os.close(terminal)
    assert process.wait(PATIENCE) == 0, said
    text = said.decode()
    assert "['no', 'yes', 'always', 'no']" in text
    assert text.count("[s]how all") == 2
    assert "x" * 900 in text
    assert 'look(title="Emma")' in text
    assert text.count("Type y, n or a, and Enter.") == 1  # after `what?`


def test_without_a_terminal_nothing_is_allowed(capsys: Any) -> None:
    from inference_providers.cli import tool_question

    assert tool_question.ask("note", {"text": "x"}) == NO
    out, err = capsys.readouterr()
    assert out == ""
    assert "note was not called: it may change something, and there is no terminal to ask at. --allow-tools" in err

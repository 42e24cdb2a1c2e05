"""What commands say on a terminal: lines that break between words, and the next step for whoever stumbled."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import Any

import pytest
from click import Group

from inference_providers.cli.completion import complete_stored
from inference_providers.cli.main import main
from inference_providers.cli.mcp import brief
from inference_providers.cli.output import folded
from tests.conftest import ROOT
from tests.servers import Server, status
from tests.test_terminal import Serve, keyed, piped, shown

__all__ = ["piped", "shown"]  # fixtures
NARROW = (40, 80)


@pytest.mark.parametrize("width", NARROW)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ask-ai", "-m", "gpt-4o", "-o", "nosuch=1", "Hi"], 2),
        (["ask-ai", "-m", "claude-sonnet-4.5", "Hi"], 3),
        (["ask-ai", "-m", "nosuch-model", "Hi"], 4),
        (["ask-ai", "--only", "XX", "Hi"], 2),
        (["inference-providers", "config", "set", "modle", "x"], 2),
        (["inference-providers", "config", "set", "policy", "cheap"], 2),
        (["inference-providers", "models", "--feature", "fly"], 2),
        (["inference-providers", "models", "xyzzy"], 0),
        (["inference-providers", "mcp", "list", "nosuch"], 2),
        (["inference-providers", "doctor"], 0),
        (["inference-providers", "resolve", "gpt-4o"], 0),
    ],
)
def test_messages_break_between_words(shown: Any, width: int, arguments: list[str], code: int) -> None:
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-example-0123456789"}
    lines = shown(width, *arguments, code=code, **environ).splitlines()
    # All but click's own line, and what stays together because it is to be copied.
    long = [line for line in lines if len(line) > width and " " in line.strip()]
    assert [line for line in long if not line.startswith("Try '") and "`" not in line] == []
    assert any(len(line) > width // 2 for line in lines)


@pytest.mark.parametrize(("text", "width", "taken", "lines"), [
    ("short", 80, 0, ["short"]),
    ("one two three", 7, 0, ["one two", "three"]),
    ("one two three", 7, 4, ["one", "two", "three"]),
    ("  one two three", 9, 0, ["  one two", "  three"]),
    ("say `a b c` now", 8, 0, ["say", "`a b c`", "now"]),
    ("a unbreakable-word b", 8, 0, ["a", "unbreakable-word", "b"]),
    ("one\n\ntwo three", 7, 0, ["one", "", "two", "three"]),
    ("\u65e5\u672c \u65e5\u672c", 8, 0, ["\u65e5\u672c", "\u65e5\u672c"]),
    ("an odd ` here", 8, 0, ["an odd `", "here"]),
])  # fmt: skip
def test_lines_are_broken_where_they_may(text: str, width: int, taken: int, lines: list[str]) -> None:
    assert folded(text, width, taken).split("\n") == lines


def test_what_a_pipe_gets_is_not_broken(piped: Any) -> None:
    told = piped("ask-ai", "-m", "gpt-4o", "-o", "nosuch=1", "Hi", COLUMNS="40").stderr.decode()
    assert "'nosuch' is not a generation parameter. A provider's own go into" in told


def test_each_command_is_told_whole_in_a_line(shown: Any) -> None:
    told = shown(80, "inference-providers", "--help")
    listed = told.partition("Commands:")[2].partition("Exit codes")[0]
    assert len(listed.split("\n")) - 3 == len(main.commands)
    for group in [main, *(one for one in main.commands.values() if isinstance(one, Group))]:
        assert not [name for name, one in group.commands.items() if one.get_short_help_str(40).endswith("...")]


def test_doctor_says_what_to_do_where_there_is_nothing(shown: Any) -> None:
    told = " ".join(shown(80, "inference-providers", "doctor").split())
    assert "would find nothing to use" in told
    assert "`inference-providers keys set PROVIDER`" in told
    assert "`inference-providers local get smollm2`" in told


@pytest.mark.parametrize("width", NARROW)
def test_a_refused_key_is_told_with_what_to_do(shown: Any, serve: Serve, width: int) -> None:
    server: Server = serve(status(401, {"error": {"message": "Incorrect API key provided"}}))
    told = shown(width, "ask-ai", "-m", "gpt-4o", "Hi", code=1, **keyed(server))
    assert "Put another key in OPENAI_API_KEY; get one at" in " ".join(told.split())


def test_a_model_for_vectors_at_an_address_of_the_users_is_listed(piped: Any, serve: Serve) -> None:
    told = piped("inference-providers", "models", "--kind", "embeddings", **keyed(serve()))
    assert "text-embedding-3-small" in told.stdout.decode().split()


def test_a_table_without_rows_is_not_drawn(shown: Any) -> None:
    told = shown(80, "inference-providers", "models", "--kind", "embeddings")
    assert "No model for embeddings is usable now" in told
    assert "providers  " not in told


def test_keys_that_are_stored_complete_what_is_removed(
    piped: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    assert (
        piped(
            "inference-providers", "keys", "set", "groq", "--no-check", "--file", stdin=b"gsk-0123456789abcdef"
        ).returncode
        == 0
    )
    assert (
        piped("inference-providers", "keys", "set", "MY_API_KEY", "--file", stdin=b"my-0123456789abcdef").returncode
        == 0
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert [one.value for one in complete_stored(None, None, "")] == ["groq", "MY_API_KEY"]  # type: ignore[arg-type]
    assert [one.value for one in complete_stored(None, None, "my")] == ["MY_API_KEY"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("group", "typed", "meant"), [
    ("keys", "rm", "remove"), ("keys", "delete", "remove"), ("collections", "remove", "delete"),
    ("templates", "delete", "remove"), ("config", "remove", "unset"), ("keys", "add", "set"), ("templates", "ls", "list"),
])  # fmt: skip
def test_another_word_for_a_command_is_understood(piped: Any, group: str, typed: str, meant: str) -> None:
    told = piped("inference-providers", group, typed, "x").stderr.decode()
    assert f"'{meant}'" in told
    assert "Did you mean" in told


def test_a_conversation_that_is_not_in_the_log_is_told(piped: Any, serve: Serve) -> None:
    told = piped("ask-ai", "--id", "nosuch", "Hi", INFERENCE_PROVIDERS_LOG="text", **keyed(serve())).stderr.decode()
    assert "There is no conversation 'nosuch' in the log" in told
    assert "`inference-providers logs` lists" in told


def test_a_name_that_is_passed_on_is_told_in_a_sentence(piped: Any, serve: Serve) -> None:
    told = piped("ask-ai", "-m", "gpt-4x", "Hi", **keyed(serve())).stderr.decode()
    assert "'gpt-4x' is not in the registry; openai, which has such names, is asked\n" in told


def test_a_long_argument_never_looks_like_two(tmp_path: Any) -> None:
    """Broken between words, the rest of it could begin as another argument does."""
    code = "from inference_providers.cli import tool_question as q; q._show(q.lines_of({'text': 'word ' * 30, 'to': 'me'}))"
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": "40", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        told = b""
        try:
            while chunk := os.read(ours, 65536):
                told += chunk
        except OSError:  # its other end is closed
            os.close(ours)
    assert process.returncode == 0
    assert [line[:6] for line in told.decode().splitlines()] == ["  text", "  to: "]


def test_a_misspelt_policy_is_told_with_the_nearest(piped: Any) -> None:
    told = piped("inference-providers", "config", "set", "policy", "cheap").stderr.decode()
    assert "not 'cheap' (did you mean 'cheapest'?)" in told


def test_a_missing_key_is_told_with_the_command_that_keeps_one(piped: Any) -> None:
    told = piped("ask-ai", "-m", "claude-sonnet-4.5", "Hi").stderr.decode()
    assert "Set one of these environment variables, or `inference-providers keys set`:" in told


def test_a_description_is_cut_between_words() -> None:
    assert brief("short") == "short"
    assert brief("word " * 30) == "word " * 19 + "word ..."
    assert brief("x" * 200) == "x" * 100 + " ..."


def test_a_budget_without_a_time_is_told_what_to_name(piped: Any) -> None:
    told = piped("inference-providers", "config", "set", "budget", "5").stderr.decode()
    assert "budget.per_call, budget.per_day or budget.per_month" in told
    assert piped("inference-providers", "config", "set", "budget", "per_day=5").returncode == 0

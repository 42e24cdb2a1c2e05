"""`logs` and `usage`: what the command line keeps of its own calls, how that is seen, turned off and gone on with."""

from __future__ import annotations

import csv
import json
import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.servers import Connection, Received, Server, answer, delta
from tests.terminals import Terminal
from tests.test_terminal import environment, program

Serve = Callable[..., Server]
Run = Callable[..., subprocess.CompletedProcess[str]]


def echoes(connection: Connection, request: Received) -> None:
    """Answers with how many messages it got, and the last of them."""
    turns = request.json["messages"]
    said = f"{len(turns)} {turns[-1]['content']}"
    if not request.streams:
        answer(connection, request, said)
        return
    connection.start_stream()
    connection.event(delta(said, "stop"))
    connection.event({**delta(None), "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})
    connection.event("[DONE]")
    connection.end_stream()


@pytest.fixture
def run(tmp_path: Path, serve: Serve) -> Run:
    """A command, with a terminal for its input unless there is some."""
    server = serve(echoes)

    def running(*arguments: str, stdin: str | None = None, code: int = 0, **environ: str) -> Any:
        theirs = None
        if stdin is None:
            ours, theirs = pty.openpty()
        given = {"OPENAI_API_KEY": "canary-logs-0123456789abcdef", "OPENAI_BASE_URL": server.url}
        done = subprocess.run(
            program(*arguments),
            **({"input": stdin} if stdin is not None else {"stdin": theirs}),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment(tmp_path, **{"INFERENCE_PROVIDERS_LOG": "", **given, **environ}),
            timeout=100,
            check=False,
        )
        if theirs is not None:
            os.close(ours)
            os.close(theirs)
        assert done.returncode == code, done.stderr
        return done

    return running


def listed(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("inference-providers", "logs", "list", "--json").stdout)
    return rows


def ask(run: Run, *arguments: str, **options: Any) -> Any:
    return run("ask-ai", "-m", "openai/gpt-4o", *arguments, **options)


def test_the_first_use_says_once_where_the_log_is_and_how_to_turn_it_off(run: Run, tmp_path: Path) -> None:
    first = ask(run, "hello")
    assert "inference-providers logs off" in first.stderr
    assert str(tmp_path / ".local/share/inference_providers/usage.db") in first.stderr
    assert first.stdout == "1 hello\n"
    assert ask(run, "hello again").stderr == ""
    assert [row["program"] for row in listed(run)] == ["ask-ai", "ask-ai"]


def test_texts_are_kept_of_what_begins_on_a_terminal_and_of_nothing_that_is_piped(run: Run) -> None:
    ask(run, "typed")
    ask(run, stdin="a piped secret")
    piped, typed = listed(run)
    assert (typed["answer"], typed["messages"]) == ("1 typed", [{"role": "user", "content": "typed"}])
    assert (piped["answer"], piped["messages"], piped["input_tokens"]) == (None, None, 9)
    run("inference-providers", "logs", "on", "--text")
    ask(run, stdin="piped on purpose")
    assert listed(run)[0]["answer"] == "1 piped on purpose"
    run("inference-providers", "logs", "on")
    ask(run, "typed again")
    assert listed(run)[0]["answer"] is None
    assert len(listed(run)) == 4


def test_it_can_be_turned_off_and_deleted(run: Run, tmp_path: Path) -> None:
    ask(run, "a secret question")
    run("inference-providers", "logs", "off")
    ask(run, "another")
    assert len(listed(run)) == 1
    ask(run, "one more", INFERENCE_PROVIDERS_LOG="usage")
    assert len(listed(run)) == 2
    refused = run("inference-providers", "logs", "delete", stdin="y\n", code=2)
    assert "Nobody can be asked here; give --yes." in refused.stderr
    assert len(listed(run)) == 2
    run("inference-providers", "logs", "delete", "--yes")
    assert listed(run) == []
    for file in (tmp_path / ".local/share/inference_providers").iterdir():
        assert b"secret question" not in file.read_bytes()
    run("inference-providers", "logs", "on")
    ask(run, "again", INFERENCE_PROVIDERS_LOG="off")
    assert listed(run) == []


def test_a_conversation_goes_on(run: Run) -> None:
    ask(run, "-s", "Be brief.", "one")
    assert run("ask-ai", "-c", "two").stdout == "4 two\n"
    assert run("ask-ai", "-c", "three").stdout == "6 three\n"
    first = listed(run)[-1]["conversation"]
    assert {row["conversation"] for row in listed(run)} == {first}
    assert {row["asked"] for row in listed(run)} == {"openai/gpt-4o"}, "the same model goes on"
    ask(run, "something else")
    assert run("ask-ai", "-c", "and").stdout == "3 and\n"
    assert run("ask-ai", "--id", first, "four").stdout == "8 four\n"
    assert run("ask-ai", "--id", first, "-s", "Be long.", "five").stdout == "10 five\n"
    assert run("ask-ai", "--id", first, "six").stdout == "12 six\n"


def test_what_is_piped_into_a_conversation_that_goes_on_is_not_kept(run: Run) -> None:
    ask(run, "typed")
    assert run("ask-ai", "-c", stdin="a piped secret").stdout == "3 a piped secret\n"
    assert run("ask-ai", "-c", "in silence", INFERENCE_PROVIDERS_LOG="usage").stdout == "3 in silence\n"
    assert [row["answer"] for row in listed(run)] == [None, None, "1 typed"]
    assert run("ask-ai", "-c", "typed as well").stdout == "3 typed as well\n", "goes on with what was kept"
    kept = run("ask-ai", "-c", stdin="piped on purpose", INFERENCE_PROVIDERS_LOG="text")
    assert kept.stdout == "5 piped on purpose\n"
    assert listed(run)[0]["answer"] == "5 piped on purpose"


def test_what_is_not_kept_does_not_go_on(run: Run) -> None:
    said = ask(run, "-c", "two", code=1).stderr
    assert "There is no conversation to go on with" in said
    ask(run, "one", INFERENCE_PROVIDERS_LOG="usage")
    assert "logs on --text" in ask(run, "-c", "two", code=1).stderr
    assert "no conversation 'abc' in the log" in ask(run, "--id", "abc", "two", code=1).stderr
    assert "nothing is logged" in ask(run, "-c", "two", code=1, INFERENCE_PROVIDERS_LOG="off").stderr


def test_a_chat_is_one_conversation(run: Run) -> None:
    run(
        "inference-providers", "chat", "-m", "openai/gpt-4o", stdin="one\ntwo\n/retry\n/clear\nthree\n",
        INFERENCE_PROVIDERS_LOG="text",
    )  # fmt: skip
    rows = listed(run)[::-1]
    assert [row["answer"] for row in rows] == ["1 one", "3 two", "3 two", "1 three"]
    assert len({row["conversation"] for row in rows[:3]}) == 1
    assert rows[3]["conversation"] != rows[0]["conversation"]
    going_on = run("ask-ai", "--id", rows[0]["conversation"], "next", INFERENCE_PROVIDERS_LOG="text")
    assert going_on.stdout == "5 next\n", "what was asked again is there once"


def test_calls_are_listed_searched_shown_and_exported(run: Run) -> None:
    ask(run, "about 100% of whales")
    ask(run, "about kiwis")
    kiwis, whales = listed(run)
    assert json.loads(run("inference-providers", "logs", "search", "0% of", "--json").stdout) == [whales]
    assert json.loads(run("inference-providers", "logs", "search", "%", "--json").stdout) == [whales]
    assert len(json.loads(run("inference-providers", "logs", "search", "gpt-4o", "--json").stdout)) == 2
    assert json.loads(run("inference-providers", "logs", "show", str(kiwis["id"]), "--json").stdout) == kiwis
    for command in (["show", str(kiwis["id"])], ["--last"]):
        said = run("inference-providers", "logs", *command).stdout
        assert "about kiwis" in said
        assert "whales" not in said
    table = run("inference-providers", "logs").stdout.splitlines()
    assert len(table) == 2
    assert table[0].startswith(f"{kiwis['id']}\t")
    exported = [json.loads(line) for line in run("inference-providers", "logs", "export").stdout.splitlines()]
    assert exported == [whales, kiwis]
    assert run("inference-providers", "logs", "show", "99", code=1).stdout == ""


def test_usage_is_told_as_table_json_csv_and_page(run: Run, tmp_path: Path) -> None:
    assert "No call" in run("inference-providers", "usage").stderr
    for _ in range(2):
        ask(run, "hello")
    (row,) = json.loads(run("inference-providers", "usage", "--json").stdout)
    assert (row["model"], row["calls"], row["input_tokens"], row["output_tokens"]) == ("gpt-4o", 2, 18, 6)
    assert row["cost"] > 0
    table = run("inference-providers", "usage", "--by", "provider", "--since", "7d").stdout
    assert table.startswith("openai\t2\t")
    (line,) = csv.DictReader(run("inference-providers", "usage", "--by", "program", "--csv").stdout.splitlines())
    assert (line["program"], line["calls"]) == ("ask-ai", "2")
    run("inference-providers", "usage", "--html", "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "gpt-4o" in page
    assert "<svg" in page
    assert "one of these" in run("inference-providers", "usage", "--since", "soon", code=2).stderr


def test_a_name_is_not_a_formula_in_csv(run: Run, tmp_path: Path) -> None:
    ask(run, "hello")
    (path,) = tmp_path.rglob("usage.db")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE slots SET name = ?", ("=HYPERLINK(1)",))
    connection.close()
    (line,) = csv.DictReader(run("inference-providers", "usage", "--csv").stdout.splitlines())
    assert line["model"] == "'=HYPERLINK(1)"


def test_costs_are_drawn_or_the_extra_is_named(run: Run, tmp_path: Path) -> None:
    ask(run, "hello")
    there = find_spec("plotext") is not None and hasattr(import_module("plotext"), "simple_bar")
    done = run("inference-providers", "usage", "--plot", code=0 if there else 1)
    assert "gpt-4o" in done.stdout if there else "plot" in done.stderr
    if not there:
        pytest.skip("plotext is not installed")
    for own, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        terminal = Terminal(
            ["usage", "--plot", "--no-pager"], tmp_path, environment(tmp_path, TERM="xterm", **own), columns=60
        )
        terminal.wait_for("gpt-4o")
        assert terminal.close() == 0
        assert "\\x1b" not in terminal.text
        assert (b"\x1b[38;5;" in terminal.raw) == coloured
        assert max(map(len, terminal.text.splitlines())) <= 60


def test_the_files_are_known_to_paths_and_purge(run: Run, tmp_path: Path) -> None:
    ask(run, "hello")
    rows = json.loads(run("inference-providers", "paths", "--json").stdout)
    names = {os.path.basename(row["path"]) for row in rows if row["kind"] == "usage"}
    assert {"usage.db", "usage.json", "usage.key"} <= names
    run("inference-providers", "purge", "usage", "--yes")
    assert not list((tmp_path / ".local").rglob("usage.*"))


def test_a_log_that_cannot_be_written_costs_a_call_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("in the way")
    done = ask(run, "hello")
    assert done.stdout == "1 hello\n"
    assert sys.platform == "win32" or "Traceback" not in done.stderr

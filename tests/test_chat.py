"""Chat as a person has it: in a real terminal, and with piped input."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference_providers import ProviderList
from inference_providers.cli import places as paths
from inference_providers.cli.chat_history import KeptHistory
from inference_providers.cli.chat_talk import Talk
from inference_providers.cli.chat_view import Interrupts
from inference_providers.cli.kept_log import history_path
from inference_providers.cli.main import main
from tests.conftest import ROOT
from tests.servers import PATIENCE, Server, answer, completion, delta, status
from tests.terminals import Terminal
from tests.test_architecture import loaded_by

Serve = Callable[..., Server]
CANARY = "canary-chat-0123456789"


def environment(folder: Path, server: Server | None) -> dict[str, str]:
    found = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "OLLAMA_HOST": "127.0.0.1:9", "LANG": "C.UTF-8"}
    found["INFERENCE_PROVIDERS_LOG"] = "off"
    keyed = {} if server is None else {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url}
    return {**found, **keyed, "TERM": "xterm", "PYTHONWARNINGS": "error", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Open the command in a terminal; it must leave by Ctrl-D without a trace of an error or a key."""
    opened: list[Terminal] = []

    def start(server: Server | None, *arguments: str, **options: Any) -> Terminal:
        environ = {**environment(tmp_path, server), **options.pop("environ", {})}
        opened.append(Terminal(["chat", *arguments], tmp_path, environ, **options))
        return opened[-1]

    yield start
    for one in opened:
        code = one.close()
        assert code == 0, one.text
        assert "Traceback" not in one.text
        assert CANARY not in one.text


@pytest.fixture
def piped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command with piped input and output."""

    def run(text: str | bytes, server: Server | None, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        data = text.encode() if isinstance(text, str) else text
        given, shown, told = (io.TextIOWrapper(io.BytesIO(one), "utf-8", newline="\n") for one in (data, b"", b""))
        code = 0
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name, value in {**environment(tmp_path, server), **more}.items():
                patch.setenv(name, value)
            for name, stream in (("stdin", given), ("stdout", shown), ("stderr", told)):
                patch.setattr(sys, name, stream)
            try:
                main(["chat", *arguments])
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else 1
        texts = []
        for stream in (shown, told):
            stream.flush()
            texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
            assert CANARY not in texts[-1]
        return subprocess.CompletedProcess(arguments, code, *texts)

    return run


def counting(connection: Any, request: Any) -> None:
    """Say how many messages there are, and the last one."""
    turns = request.json["messages"]
    answer(connection, request, f"{len(turns)}: {turns[-1]['content']}")


def asked(server: Server) -> list[list[str]]:
    return [[turn["content"] for turn in request.json["messages"]] for request in server.asked]


# Piped


def test_each_line_is_a_question_and_the_conversation_goes_on(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    done = piped("one\n\ntwo\n", server)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1: one\n3: two\n", "")
    assert asked(server) == [["one"], ["one", "1: one", "two"]]


def test_a_backslash_goes_on_in_the_next_line(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    piped("one\\\ntwo\\\nthree\nfour\\", server)
    assert [turns[-1] for turns in asked(server)] == ["one\ntwo\nthree", "four"]


def test_model_system_prompt_and_temperature_reach_the_server(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    piped("one\n", server, "-m", "gpt-4", "-s", "Be brief.", "--temperature", "0.5")
    sent = server.asked[0].json
    assert (sent["model"], sent["temperature"], sent["messages"][0]["content"]) == ("gpt-4", 0.5, "Be brief.")


def test_options_of_a_question_are_those_of_ask_ai(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    generation = ["--max-tokens", "9", "-e", "low", "-o", "seed=1", "--timeout", "20", "--policy", "cheapest"]
    assert piped("one\n", server, "-m", "gpt-5", *generation).stdout == "1: one\n"
    sent = server.asked[0].json
    assert (sent["max_completion_tokens"], sent["reasoning_effort"], sent["seed"]) == (9, "low", 1)
    done = piped("one\n", server, "-m", "gpt-5", "--max-cost", "0.000001")
    assert (done.returncode, len(server.asked)) == (1, 1)
    assert "nothing was sent: it may cost up to" in done.stderr


def test_another_server_is_asked_where_an_address_is_given(piped: Any, serve: Serve) -> None:
    usual, other = serve(counting), serve(counting)
    address = ["--api-base", other.url, "-m", "house-model"]
    done = piped("/model\none\n/model second-model\ntwo\n", usual, *address)
    assert (done.returncode, done.stdout) == (0, "1: one\n3: two\n"), done.stderr
    assert [request.json["model"] for request in other.asked] == ["house-model", "second-model"]
    assert not usual.asked
    assert f"Now talking to second-model at {other.url}." in done.stderr


def test_the_model_can_be_changed_in_mid_conversation(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    done = piped(
        "/model\none\n/model gpt-4\n/model\ntwo\n/model nonsense-xyz\nthree\n",
        server,
        "-m",
        "gpt-4o",
    )
    assert [request.json["model"] for request in server.asked] == [
        "gpt-4o",
        "gpt-4",
    ]  # no third to a model that was not meant
    assert done.returncode == 4
    assert len(asked(server)[1]) == 3
    for told in ("gpt-4o\n", "Now talking to openai/gpt-4.\n", "'nonsense-xyz'"):
        assert told in done.stderr


def test_the_system_prompt_can_be_set_and_taken_away(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    piped("/system Be brief.\none\n/system\ntwo\n", server)
    assert asked(server) == [["Be brief.", "one"], ["one", "2: one", "two"]]


def test_clear_begins_anew(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    done = piped("one\n/clear\n/retry\ntwo\n", server)
    assert asked(server) == [["one"], ["two"]]
    assert "There is no question to ask again yet." in done.stderr


def test_retry_asks_the_last_question_again_in_place_of_its_answer(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    piped("/retry\none\ntwo\n/retry\n/retry\nthree\n", server)
    before = ["one", "1: one", "two"]
    assert asked(server) == [["one"], before, before, before, [*before, "3: two", "three"]]


def test_retry_after_a_failure_asks_what_failed(piped: Any, serve: Serve) -> None:
    failed = []

    def failing(connection: Any, request: Any) -> None:
        if request.json["messages"][-1]["content"] == "two" and not failed:
            failed.append(1)
            status(400, {"error": {"message": "not now"}})(connection, request)
        else:
            counting(connection, request)

    server = serve(failing)
    done = piped("one\ntwo\n/retry\n", server)
    assert "not now" in done.stderr
    assert asked(server) == [["one"], ["one", "1: one", "two"], ["one", "1: one", "two"]]


def test_a_retry_that_fails_loses_no_answer(piped: Any, serve: Serve) -> None:
    count = []

    def failing(connection: Any, request: Any) -> None:
        count.append(1)
        (status(400, {}) if len(count) == 2 else counting)(connection, request)

    server = serve(failing)
    piped("one\n/retry\ntwo\n", server)
    assert asked(server)[-1] == ["one", "1: one", "two"]


def test_save_writes_markdown_or_json_and_overwrites_nothing(piped: Any, serve: Serve, tmp_path: Path) -> None:
    done = piped(
        "one\n/save\n/save talk.md\n/save talk.json\n/save ~/home.md\ntwo\n/save talk.md\n/save no/such/folder.md\n/save .\n",
        serve(counting), "-s", "Be brief.",
    )  # fmt: skip
    turns = [("system", "Be brief."), ("user", "one"), ("assistant", "2: one")]
    assert (tmp_path / "talk.md").read_text() == "".join(f"**{role}**\n\n{text}\n\n" for role, text in turns)
    kept = json.loads((tmp_path / "talk.json").read_text())["messages"]
    assert [(turn["role"], turn["content"]) for turn in kept] == turns
    assert (tmp_path / "home.md").exists()
    for told in ("Give a file", "Wrote talk.md.", "talk.md exists already", "no/such/folder.md cannot be written"):
        assert told in done.stderr
    assert done.returncode == 0


def test_half_a_character_does_not_cut_what_is_saved(piped: Any, serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda connection, request: connection.reply(200, completion("half \ud83d, and more", "m")))
    done = piped("one\n/save talk.md\n/save talk.json\n", server)
    assert "Wrote talk.json" in done.stderr
    assert json.loads((tmp_path / "talk.json").read_text())["messages"][1]["content"] == "half \ud83d, and more"
    assert (tmp_path / "talk.md").read_text().endswith("half \\ud83d, and more\n\n")


def test_a_saved_conversation_is_one_for_the_engine(piped: Any, serve: Serve, tmp_path: Path) -> None:
    from inference_providers import Conversation

    piped("one\n/save talk.json\n", serve(counting))
    talk = Conversation.of(json.loads((tmp_path / "talk.json").read_text()))
    assert [message.content for message in talk.messages] == ["one", "1: one"]


@pytest.mark.parametrize("leave", ["/exit", "/quit"])
def test_exit_leaves_at_once(piped: Any, serve: Serve, leave: str) -> None:
    server = serve(counting)
    assert piped(f"{leave}\none\n", server).returncode == 0
    assert server.asked == []


def test_unknown_commands_are_told_and_not_sent(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    done = piped("/hepl\n/help\n", server)
    assert "There is no command /hepl; did you mean /help? /help lists them." in done.stderr
    assert "/save FILE" in done.stderr
    assert server.asked == []


def test_a_failure_is_told_without_traceback_and_the_conversation_goes_on(piped: Any, serve: Serve) -> None:
    done = piped("one\n", serve(status(401, {"error": {"message": f"bad key {CANARY}"}})))
    assert "refused" in done.stderr or "bad key" in done.stderr
    assert "Traceback" not in done.stderr
    assert "No API key" in piped("one\n", None).stderr


def test_a_stream_that_breaks_keeps_what_came(piped: Any, serve: Serve, tmp_path: Path) -> None:
    def breaking(connection: Any, request: Any) -> None:
        connection.start_stream()
        connection.event(delta("half an"))
        connection.reset()

    done = piped("one\n/save talk.json\n", serve(breaking))
    assert done.stdout.startswith("half an")
    assert json.loads((tmp_path / "talk.json").read_text())["messages"][-1]["content"] == "half an"
    assert "Traceback" not in done.stderr


def test_nothing_typed_is_nothing_asked(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    assert (piped("", server).returncode, piped("\n  \n", server).returncode) == (0, 0)
    assert server.asked == []


def test_bytes_that_are_no_text_do_not_crash(piped: Any, serve: Serve) -> None:
    assert "Traceback" not in piped(b"\xff\xfe\n", serve(counting)).stderr


# In a terminal


def test_markdown_is_shown_as_it_comes(terminal: Any, serve: Serve) -> None:
    go_on = threading.Event()

    def halting(connection: Any, request: Any) -> None:
        connection.start_stream()
        connection.event(delta("# Head\n\nSome **bold** text.\n\n- first, and what comes with it"))
        go_on.wait(PATIENCE)
        connection.event(delta("\n- second", "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    shown = terminal(serve(halting), "-m", "gpt-4")
    shown.ready()
    shown.type("hi\r")
    shown.wait_for("what comes with")
    shown.resize(30, 100)
    go_on.set()
    shown.wait_for("second")
    shown.wait_for(r"openai/gpt-4 · \d")
    shown.ready()
    assert "**bold**" not in shown.text
    assert "# Head" not in shown.text
    assert b"\x1b[1mbold\x1b[0m" in shown.raw
    said = " ".join(" ".join(shown.lines).split())
    assert said.count("Head Some bold text. • first, and what comes with it • second openai/gpt-4") == 1


def test_ctrl_c_in_mid_answer_keeps_what_came_and_the_conversation_goes_on(terminal: Any, serve: Serve) -> None:
    gone = threading.Event()

    def endless(connection: Any, request: Any) -> None:
        if len(request.json["messages"]) > 1:
            counting(connection, request)
            return
        connection.start_stream()
        connection.event(delta("the beginning of a long answer "))
        try:
            while True:
                connection.event(delta(". "))
                time.sleep(0.02)
        except OSError:
            gone.set()

    server = serve(endless)
    shown = terminal(server)
    shown.ready()
    shown.type("one\r")
    shown.wait_for("the beginning")
    shown.type("\x03")
    shown.wait_for(r"\(stopped\)")
    shown.ready()
    assert gone.wait(PATIENCE)
    shown.ask("two", "3: two")
    first, kept, second = asked(server)[1]
    assert (first, second) == ("one", "two")
    assert kept.startswith("the beginning")


def test_ctrl_c_before_the_first_word_keeps_nothing(terminal: Any, serve: Serve) -> None:
    def silent(connection: Any, request: Any) -> None:
        if request.json["messages"][-1]["content"] == "one":
            time.sleep(3)
        else:
            counting(connection, request)

    server = serve(silent)
    shown = terminal(server)
    shown.ready()
    shown.type("one\r")
    while not server.asked:
        time.sleep(0.01)
    time.sleep(0.2)
    shown.type("\x03")
    shown.wait_for(r"\(stopped\)")
    shown.ready()
    shown.ask("two", "1: two")


def test_ctrl_c_at_the_prompt_drops_the_line_only(terminal: Any, serve: Serve) -> None:
    server = serve(counting)
    shown = terminal(server)
    shown.ready()
    shown.type("half a li")
    shown.wait_for("half a li")
    time.sleep(0.3)  # Python notices a signal at the prompt only while it waits for a key
    shown.type("\x03")
    shown.ready()
    shown.ask("one", "1: one")
    assert asked(server) == [["one"]]


EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m &#27;]0;owned&#7; [link](https://x.example/\x1b]0;owned\x07) \x08\x08 end"


def test_a_model_cannot_steer_the_terminal(terminal: Any, serve: Serve) -> None:
    shown = terminal(serve(lambda connection, request: answer(connection, request, EVIL)))
    shown.ready()
    shown.ask("hi", "end")
    assert b"\x1b]0;" not in shown.raw
    assert b"\x1b[2J" not in shown.raw
    assert b"\x07" not in shown.raw and b"\x08\x08" not in shown.raw
    assert "\x9b" not in shown.text


def test_neither_can_an_error_nor_the_name_of_a_local_model(terminal: Any, serve: Serve, tmp_path: Path) -> None:
    shown = terminal(serve(status(400, {"error": {"message": f"{EVIL} end"}})))
    shown.ready()
    shown.ask("hi", "end")
    assert b"\x1b]0;" not in shown.raw


def test_an_answer_longer_than_the_screen_is_shown_once(terminal: Any, serve: Serve) -> None:
    def long(connection: Any, request: Any) -> None:
        connection.start_stream()
        for number in range(60):
            connection.event(delta(f"row-{number:02}"))
            connection.event(delta("-x\n\n"))
        connection.event(delta("end", "stop"))
        connection.event("[DONE]")
        connection.end_stream()

    shown = terminal(serve(long), rows=12)
    shown.ready()
    shown.type("hi\r")
    shown.wait_for(r"openai/\S+ · \d")
    shown.ready()
    found = re.findall(r"row-(\d\d)-x", "\n".join(shown.lines))
    assert found == [f"{number:02}" for number in range(60)]


def test_a_reply_that_is_not_streamed_is_shown_as_well(terminal: Any, serve: Serve) -> None:
    shown = terminal(serve(lambda connection, request: connection.reply(200, completion("all at once"))))
    shown.ready()
    shown.ask("hi", "all at once")


# Pastes, and keys that are pressed while an answer comes


PASTE = "Explain this code:\ndef f(x):\n\treturn x + 1\n\n/exit\nprint(f(1))"


@pytest.mark.parametrize(
    "typed",
    [f"\x1b[200~{PASTE}\n\x1b[201~", PASTE],
    ids=["marked", "not marked"],
)
def test_a_pasted_text_is_one_message_with_its_indentation(terminal: Any, serve: Serve, typed: str) -> None:
    server = serve(counting)
    talk = terminal(server)
    talk.ready()
    talk.type(typed if "\x1b" in typed else typed.replace("\n", "\r"))
    talk.wait_for(r"print\(f\(1\)\)")
    if not typed.endswith("\n"):
        talk.type("\r")
    talk.wait_for("openai/")
    talk.ready()
    assert asked(server) == [[PASTE]]


def test_lines_that_are_typed_while_an_answer_comes_are_messages_of_their_own(terminal: Any, serve: Serve) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def halting(connection: Any, request: Any) -> None:
        if not begun.is_set():
            begun.set()
            go_on.wait(PATIENCE)
        counting(connection, request)

    server = serve(halting)
    talk = terminal(server)
    talk.ready()
    talk.type("one\r")
    assert begun.wait(PATIENCE)
    talk.type("two\rthree\r")
    go_on.set()
    for answered in ("1: one", "3: two", "5: three"):
        talk.wait_for(answered)
    talk.ready()
    assert [turns[-1] for turns in asked(server)] == ["one", "two", "three"]


def test_keys_and_ctrl_c_in_an_answer_show_it_once(terminal: Any, serve: Serve) -> None:
    gone = threading.Event()

    def halting(connection: Any, request: Any) -> None:
        connection.start_stream()
        connection.event(delta("this is shown only once, "))
        gone.wait(PATIENCE)

    talk = terminal(serve(halting))
    talk.ready()
    talk.type("hi\r")
    talk.wait_for("only once")
    talk.type("x\r\ry")
    talk.type("\x03")
    talk.wait_for("stopped")
    gone.set()
    talk.ready()
    lines = [line.strip() for line in talk.lines]
    assert lines.count("this is shown only once,") == 1
    assert "^C" not in talk.text


@pytest.mark.parametrize("columns", [40])
def test_the_list_of_commands_breaks_no_word(terminal: Any, serve: Serve, columns: int) -> None:
    talk = terminal(serve(counting), columns=columns)
    talk.ready()
    talk.ask("/help", r"has\s+arrived")
    lines = talk.text.partition("/help\r")[2].splitlines()
    assert max(map(len, lines)) < columns
    assert {"Markdown", "conversation:", "arrived"} <= set(talk.text.split())
    talk.ask("/pick 1", "Only")
    assert {"answers;", "another", "well."} <= set(" ".join(talk.lines).split())


# Conversations that go on


def test_a_saved_conversation_is_loaded_with_its_system_prompt(piped: Any, serve: Serve, tmp_path: Path) -> None:
    server = serve(counting)
    piped("one\n/save talk.json\n", server, "-s", "Be brief.")
    done = piped("/load 'talk.json'\ntwo\n", server)
    assert asked(server)[-1] == ["Be brief.", "one", "2: one", "two"]
    assert "2 messages so far; the last one: 2: one" in done.stderr


@pytest.mark.parametrize("content", ["no JSON", "[1, 2]", "{}", '{"messages": [{"content": "x"}]}', "[" * 200])
def test_what_is_no_saved_conversation_is_told(piped: Any, serve: Serve, tmp_path: Path, content: str) -> None:
    (tmp_path / "talk.json").write_text(content)
    server = serve(counting)
    done = piped("one\n/load talk.json\n/load\n/load missing.json\ntwo\n", server)
    assert "talk.json is not a conversation in JSON" in done.stderr
    assert "Give a file that /save wrote" in done.stderr
    assert "missing.json cannot be read: No such file or directory" in done.stderr
    assert asked(server)[-1] == ["one", "1: one", "two"]


def test_a_conversation_in_the_log_goes_on(piped: Any, serve: Serve) -> None:
    server = serve(counting)
    kept = {"INFERENCE_PROVIDERS_LOG": "text"}
    piped("one\n", server, "-m", "gpt-4", "-s", "Be brief.", **kept)
    done = piped("two\n/clear\nthree\n", server, "-c", **kept)
    assert "2 messages so far" in done.stderr
    assert asked(server)[1:] == [["Be brief.", "one", "2: one", "two"], ["Be brief.", "three"]]
    assert {request.json["model"] for request in server.asked} == {"gpt-4"}
    piped("four\n", server, "-c", **kept)
    assert asked(server)[-1] == ["Be brief.", "three", "2: three", "four"]
    assert "nothing is logged" in piped("two\n", server, "-c").stderr
    assert "There is no conversation 'nosuch' in the log" in piped("two\n", server, "--id", "nosuch", **kept).stderr


def test_what_a_conversation_took_is_told(piped: Any, serve: Serve) -> None:
    def counted(connection: Any, request: Any) -> None:
        connection.start_stream()
        connection.event(delta("hello", "stop"))
        connection.event({"choices": [], "usage": {"prompt_tokens": 1000, "completion_tokens": 500}})
        connection.event("[DONE]")
        connection.end_stream()

    done = piped("/cost\none\ntwo\n/cost\n/clear\n/cost\n", serve(counted), "-m", "gpt-4o")
    first, second, third = [line for line in done.stderr.splitlines() if "tokens" in line]
    assert first == third == "0 answers: 0 tokens in, 0 out, $0.000000"
    assert re.fullmatch(r"2 answers: 2,000 tokens in, 1,000 out, \$0\.01\d+", second)


def test_what_cannot_be_asked_ends_no_chat(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve(counting)
    providers = ProviderList(environ={"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url}, local=False)
    talk = Talk(providers, ["gpt-4o"], {"max_tokens": "many"})
    with pytest.raises((TypeError, ValueError)):
        talk.ask("one")
    talk.interactive = True
    talk.ask("one")
    assert "max_tokens" in capsys.readouterr().err
    assert talk.failed
    assert server.asked == talk.branches[0].turns == []


def test_commands_that_need_a_person_say_so(piped: Any, serve: Serve) -> None:
    assert "/edit needs a terminal" in piped("/edit\n", serve(counting)).stderr


# Two models


def named(connection: Any, request: Any) -> None:
    """Say which model it is, how many messages there are, and the last one."""
    turns = request.json["messages"]
    answer(connection, request, f"{request.json['model']}, {len(turns)}: {turns[-1]['content']}")


def test_two_models_are_asked_the_same_until_one_is_picked(piped: Any, serve: Serve) -> None:
    server = serve(named)
    done = piped("one\ntwo\n/model gpt-4\n/pick 3\n/pick 2\nthree\n", server, "-m", "gpt-4o", "-m", "gpt-4o-mini")
    assert done.stdout.splitlines() == [
        "gpt-4o, 1: one", "gpt-4o-mini, 1: one", "gpt-4o, 3: two", "gpt-4o-mini, 3: two", "gpt-4o-mini, 5: three",
    ]  # fmt: skip
    assert asked(server)[-1][1] == "gpt-4o-mini, 1: one"
    assert "Two models answer; say which one goes on" in done.stderr
    assert "/pick 1 or /pick 2" in done.stderr
    assert (done.returncode, "Now talking to openai/gpt-4o-mini." in done.stderr) == (0, True)


def test_a_model_is_asked_as_well_with_all_that_was_said(piped: Any, serve: Serve) -> None:
    server = serve(named)
    done = piped("one\n/pick 1\n/beside\n/beside gpt-4\ntwo\n/retry\n", server, "-m", "gpt-4o")
    assert done.stdout.splitlines()[1:] == ["gpt-4o, 3: two", "gpt-4, 3: two"] * 2
    assert "Only one model answers" in done.stderr and "Give another model" in done.stderr


def test_of_two_models_one_may_fail(piped: Any, serve: Serve) -> None:
    def failing(connection: Any, request: Any) -> None:
        if request.json["model"] == "gpt-4o-mini" and len(request.json["messages"]) > 1:
            status(400, {"error": {"message": "not now"}})(connection, request)
        else:
            named(connection, request)

    server = serve(failing)
    done = piped("one\ntwo\n/pick 2\nthree\n", server, "-m", "gpt-4o", "-m", "gpt-4o-mini")
    assert "2 gpt-4o-mini: " in done.stderr and "not now" in done.stderr
    assert done.stdout.splitlines()[:3] == ["gpt-4o, 1: one", "gpt-4o-mini, 1: one", "gpt-4o, 3: two"]
    assert asked(server)[-1] == ["one", "gpt-4o-mini, 1: one", "three"]
    assert done.returncode == 1


def test_that_calls_are_logged_is_said_once_before_two_models_are_asked(piped: Any, serve: Serve) -> None:
    told = [
        piped("one\n", serve(named), "-m", "gpt-4o", "-m", "gpt-4", INFERENCE_PROVIDERS_LOG="").stderr for _ in range(2)
    ]
    assert [one.count("Calls are logged") for one in told] == [1, 0]


def test_three_models_are_too_many(piped: Any, serve: Serve) -> None:
    done = piped("one\n", serve(named), "-m", "gpt-4", "-m", "gpt-4o", "-m", "gpt-4o-mini")
    assert (done.returncode, "Two models at most" in done.stderr) == (2, True)


def test_two_answers_come_at_once_beside_each_other_and_are_there_once(terminal: Any, serve: Serve) -> None:
    both = threading.Barrier(2, timeout=PATIENCE)

    def together(connection: Any, request: Any) -> None:
        if len(request.json["messages"]) == 1:
            both.wait()  # passes when both are being asked
        words = " ".join(f"{request.json['model']}-{number}" for number in range(90))
        answer(connection, request, f"# Head\n\n{words}\n\n```\ncode\n```\n")

    talk = terminal(serve(together), "-m", "gpt-4o", "-m", "gpt-4", rows=12, columns=110)
    talk.ready()
    talk.type("hi\r")
    talk.wait_for(r"2 openai/gpt-4 · \d")
    talk.ready()
    lines = talk.lines
    assert any(re.fullmatch(r"1 openai/gpt-4o +│ 2 openai/gpt-4", line) for line in lines)
    words = " ".join(lines).split()
    expected = [f"{model}-{number}" for model in ("gpt-4o", "gpt-4") for number in range(90)]
    assert [word for word in expected if words.count(word) != 1] == []
    assert words.count("code") == 2
    talk.resize(12, 50)
    talk.type("\r")
    talk.type("again\r")
    talk.wait_for(r"2 openai/gpt-4 · \d")
    talk.ready()
    assert " ".join(talk.lines).split().count("gpt-4-89") == 2


def test_what_is_logged_while_columns_are_drawn_is_shown_after_them(terminal: Any, serve: Serve) -> None:
    talk = terminal(serve(named), "-m", "gpt-4o", "-m", "gpt-4", "-e", "low", rows=20, columns=200)
    talk.ready()
    talk.type("hi\r")
    talk.wait_for(r"2 openai/gpt-4 · \d")
    talk.ready()
    for model in ("gpt-4o", "gpt-4"):
        told = f"openai does not take reasoning_effort for {model}; it was left out"
        assert sum(told in line for line in talk.lines) == 1


def test_what_is_logged_keeps_its_words_whole(terminal: Any, serve: Serve) -> None:
    talk = terminal(serve(named), "-m", "gpt-4o", "-e", "low", rows=30, columns=40)
    talk.ready()
    talk.ask("hi", r"gpt-4o, 1: hi")
    told = 'openai does not take reasoning_effort for gpt-4o; it was left out (on_unsupported="error" asks only'
    assert told in " ".join(talk.lines)


# The terminal


def test_what_is_typed_is_kept_where_what_is_said_is(terminal: Any, serve: Serve, tmp_path: Path) -> None:
    history = tmp_path / ".local" / "state" / "inference_providers" / "chat-history"
    for log in ("off", "text"):
        talk = terminal(serve(counting), environ={"INFERENCE_PROVIDERS_LOG": log})
        talk.ready()
        talk.ask("what I typed", "1: what I typed")
        talk.type("\x04")
        talk.process.wait(PATIENCE)
        assert history.exists() == (log == "text")
    assert history.stat().st_mode & 0o777 == 0o600
    talk = terminal(serve(counting), environ={"INFERENCE_PROVIDERS_LOG": "text"})
    talk.ready()
    talk.type("\x1b[A")
    talk.wait_for("what I typed")
    talk.type("\r")
    talk.wait_for("1: what I typed")
    talk.ready()
    talk.type("\x04")
    talk.process.wait(PATIENCE)
    talk.close()
    assert [line for line in talk.lines if line][-1] == ">"
    assert talk.screen.cursor == (0, len([line for line in talk.lines if line]))  # the shell's prompt has its own line
    places = [place for place in paths.places({"HOME": str(tmp_path)}) if str(history) in place.paths]
    assert [place.kind for place in places] == ["usage"]


def test_deleting_the_log_deletes_what_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = KeptHistory(history_path(os.environ) or "", 30)
    history.store_string("typed")
    assert list(history.load_history_strings()) == ["typed"]
    with pytest.raises(SystemExit) as left:
        main(["logs", "delete", "--yes"])
    assert left.value.code == 0
    assert list(history.load_history_strings()) == []


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(terminal: Any, serve: Serve) -> None:
    server = serve(counting)
    talk = terminal(server, environ={"TERM": "dumb"})
    talk.ready()
    talk.type("some **bold** \\\nwords\n")
    talk.wait_for("openai/")
    talk.ready()
    assert asked(server) == [["some **bold** \nwords"]]
    codes = set(re.findall(rb"\x1b\[[0-9;?]*[a-zA-Z]", talk.raw))
    assert codes <= {b"\x1b[?2004h", b"\x1b[?2004l"}


# Files


PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def kinds(request: Any) -> list[Any]:
    """The last message: its text, or of each part what it is."""
    content = request.json["messages"][-1]["content"]
    return [content] if isinstance(content, str) else [part.get("text") or part["type"] for part in content]


def test_a_file_goes_with_the_next_question(piped: Any, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "my picture.png").write_bytes(PNG)
    (tmp_path / "notes.txt").write_text("some notes")
    (tmp_path / "zeros.bin").write_bytes(bytes(100))
    server = serve(answer)
    done = piped(
        "/file 'my picture.png'\nwhat is it?\n/file notes.txt\n/file\nno file?\n/file missing.png\n/file zeros.bin\n"
        f"{tmp_path / 'notes.txt'}\nread it\n",
        server, "-m", "gpt-4o",
    )  # fmt: skip
    assert [kinds(request) for request in server.asked] == [
        ["what is it?", "image_url"],
        ["no file?"],
        ["read it", '<file name="notes.txt">\nsome notes\n</file>'],
    ]
    told = done.stderr.splitlines()
    assert told[:3] == ["Attached: my picture.png (28 bytes)", "Attached: notes.txt (10 bytes)", "Nothing is attached."]
    assert "missing.png" in told[3] and "zeros.bin" in told[4] and told[5] == "Attached: notes.txt (10 bytes)"
    assert server.asked[1].json["messages"][0]["content"][1]["type"] == "image_url"  # which the conversation keeps


def test_a_file_that_is_dropped_is_told_and_attached(terminal: Any, serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "a picture.png"
    path.write_bytes(PNG)
    server = serve(answer)
    talk = terminal(server, "-m", "gpt-4o")
    talk.ready()
    talk.type(f"\x1b[200~{str(path).replace(' ', chr(92) + ' ')} \x1b[201~")
    talk.wait_for(r"Attached: a picture.png \(28 bytes\)")
    talk.ready()
    talk.ask("what is it?", "hello")
    assert kinds(server.asked[0]) == ["what is it?", "image_url"]
    talk.ask("and now?", "hello")
    assert kinds(server.asked[1]) == ["and now?"]


def test_a_question_is_written_in_the_editor(terminal: Any, serve: Serve, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nprintf 'several\\nlines\\n' >>\"$1\"\n")
    editor.chmod(0o755)
    server = serve(counting)
    talk = terminal(server, environ={"EDITOR": str(editor)})
    talk.ready()
    talk.ask("/edit begun with", "1: begun with")
    assert asked(server) == [["begun with\nseveral\nlines"]]
    talk.type("\x1b[A")
    talk.wait_for("several")
    talk.type("\x03")
    talk.ready()


# What it rests on


def test_ctrl_c_waits_until_what_is_being_shown_is_shown() -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interrupts.waiting():
            raise AssertionError("it had come before")
        with pytest.raises(KeyboardInterrupt), interrupts.waiting():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        interrupts.forget()
        with interrupts.waiting():
            pass
        with interrupts.usual(), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_answer_that_may_call_tools_comes_as_a_whole(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    def weather(place: str) -> str:
        """The weather at a place."""
        return f"rain in {place}"

    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Rome"}'}}

    def calling(connection: Any, request: Any) -> None:
        last = request.json["messages"][-1]
        calls = {} if last["role"] == "tool" else {"finish_reason": "tool_calls"}
        reply = completion(last["content"], **calls)
        if calls:
            reply["choices"][0]["message"]["tool_calls"] = [call]
        connection.reply(200, reply)

    server = serve(calling)
    providers = ProviderList(environ={"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": server.url}, local=False)
    talk = Talk(providers, ["gpt-4o"], {"tools": [weather]})
    talk.ask("and Rome?")
    assert capsys.readouterr().out == "rain in Rome\n"
    assert talk.branches[0].turns[-1] == {"role": "assistant", "content": "rain in Rome"}


def test_what_edits_lines_is_loaded_for_a_person_only(serve: Serve) -> None:
    code = (
        "import io, sys\nsys.stdin = io.TextIOWrapper(io.BytesIO(b'hi'))\nfrom inference_providers.cli.main import main\n"
        "main(['chat'], standalone_mode=False)"
    )
    loaded = loaded_by(code, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": serve().url, "INFERENCE_PROVIDERS_LOG": "off"})
    assert {name.partition(".")[0] for name in loaded} & {"prompt_toolkit", "rich", "markdown_it", "pygments"} == set()
    assert "inference_providers.cli.chat_talk" in loaded

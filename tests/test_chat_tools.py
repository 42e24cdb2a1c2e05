"""Chat with tools and templates: piped, and with the question at a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers.templates.kept import save
from tests.servers import Server
from tests.test_ask_tools import calling, results, sent
from tests.test_chat import counting, piped, terminal
from tests.test_toolsets import tools_file

Serve = Callable[..., Server]
__all__ = ["piped", "terminal", "tools_file"]  # fixtures


def test_a_chat_has_tools_and_a_template(piped: Any, serve: Serve, tools_file: str, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    content = {
        "prompt": "In $lang: $input", "system": "Be brief.", "model": "gpt-4o", "options": {"top_p": 0.5},
        "tools": [f"{tools_file}:look"],
    }  # fmt: skip
    save("mine", content, environ)
    server = serve(calling(("look", {"title": "Emma"})))
    done = piped("Emma?\nAnd now?\n", server, "-t", "mine", "-p", "lang=Dutch", XDG_CONFIG_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "done\ndone\n")
    assert [turn["content"] for turn in sent(server)["messages"]] == [
        "Be brief.", "In Dutch: Emma?", "done", "In Dutch: And now?",
    ]  # fmt: skip
    assert (sent(server)["top_p"], len(sent(server)["tools"])) == (0.5, 1)
    assert server.asked[1].json["messages"][-1]["content"] == "1 of Emma"


def test_a_template_sets_what_there_is_no_tool_for(piped: Any, serve: Serve, tmp_path: Path) -> None:
    options = {"temperature": 0.5, "timeout": 20, "policy": "cheapest", "max_cost": 1}
    save("plain", {"system": "Be brief.", "options": options}, {"XDG_CONFIG_HOME": str(tmp_path)})
    server = serve(counting)
    done = piped("one\n", server, "-m", "gpt-4", "-t", "plain", XDG_CONFIG_HOME=str(tmp_path))
    assert (done.stdout, server.asked[0].json["temperature"], server.asked[0].streams) == ("2: one\n", 0.5, True)


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        ({"prompt": "Always the same."}, [], "has no $input"),
        ({"options": {"extract": True}}, [], "The template bad sets extract, which chat does not take."),
        ({"schema": "a, b"}, [], "The template bad sets schema, which chat does not take."),
        (
            {"tools": ["os.path:basename"]},
            ["-m", "gpt-4", "-m", "gpt-4o"],
            "Two models cannot answer beside each other",
        ),
    ],
)
def test_what_chat_does_not_take(
    piped: Any, serve: Serve, tmp_path: Path, content: dict[str, Any], arguments: list[str], says: str
) -> None:
    save("bad", content, {"XDG_CONFIG_HOME": str(tmp_path)})
    server = serve()
    done = piped("one\n", server, "-t", "bad", *arguments, XDG_CONFIG_HOME=str(tmp_path))
    assert (done.returncode, says in " ".join(done.stderr.split())) == (2, True), done.stderr
    assert not [request for request in server.asked if request.method == "POST"]


def test_the_question_in_a_chat(terminal: Any, serve: Serve, tools_file: str) -> None:
    server = serve(calling(("note", {"text": "first"}), ("note", {"text": "second"}), ("note", {"text": "third"})))
    shown = terminal(server, "-m", "gpt-4o", "--tool", f"{tools_file}:note")
    shown.ready()
    shown.type("Write it down\r")
    shown.wait_for(r"wants to call note.*text: \"first\".*Call it\? .*: ")
    shown.type("n\r")
    shown.wait_for(r"text: \"second\".*Call it\? .*: ")
    shown.type("y\r")
    shown.wait_for(r"text: \"third\".*Call it\? .*: ")
    assert "not allowed" in results(server)[0]
    assert results(server)[1] == "written"
    asked = len(server.asked)
    shown.type("\x03")  # stops this answer
    shown.wait_for(r"\(stopped\)")
    shown.ready()  # the prompt is as it was
    assert len(server.asked) == asked
    shown.ask("Again", "done")
    assert [turn["content"] for turn in sent(server)["messages"]] == ["Again"]

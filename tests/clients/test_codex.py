"""Codex, run once with a message, by the responses API, before providers of chat completions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.behind import BOTH, PLAIN, THINKER, Behind, png
from tests.clients.conftest import node_program, of_the_page
from tests.clients.provider import TEXT, WORDS
from tests.clients.strict_chat import BEFORE, THOUGHT, pictures

# It looks for plug-ins, for a newer version of itself, and for experiments to take part in.
OFFLINE = ("features.plugins", "check_for_update_on_startup", "analytics.enabled")
FIRST, SECOND = "what is in the first file", "what is in the second file"


@pytest.fixture
def codex(behind: Behind) -> Codex:
    return Codex(behind)


class Codex:
    """It, with the configuration that the page has, in a folder with two files that it is told to read."""

    def __init__(self, behind: Behind) -> None:
        self.behind, self.program = behind, node_program("@openai", "codex", "bin", "codex.js")
        self.folder, home = behind.home / "folder", behind.home / ".codex"
        self.folder.mkdir()
        home.mkdir()
        (block,) = of_the_page("Codex", "toml")
        (home / "config.toml").write_text(behind.pasted(block))
        (self.folder / "a.txt").write_text(f"{FIRST}\n")
        (self.folder / "b.txt").write_text(f"{SECOND}\n")
        for server in (behind.thinker, behind.plain):
            server.calls = [("exec_command", {"cmd": f"cat {name}"}) for name in ("a.txt", "b.txt")]

    def run(self, script: str, *options: str, model: str = BOTH, resumes: bool = False) -> list[dict[str, Any]]:
        """What it says: an event a line."""
        # The sandbox needs what a container may not have; what runs is `cat`.
        given = ["--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", model, *options]
        for name in OFFLINE:
            given += ["-c", f"{name}=false"]
        command = ["node", *self.program, "exec", *(["resume", "--last"] if resumes else []), *given]
        done = self.behind.run([*command, "--", f"script:{script}"], self.folder)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    @property
    def asked(self) -> int:
        return self.behind.asked("/v1/responses")


def items(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one["item"] for one in events if one["type"] == "item.completed" and one["item"]["type"] == kind]


def texts(events: list[dict[str, Any]]) -> list[str]:
    return [item["text"] for item in items(events, "agent_message")]


def test_stream(codex: Codex) -> None:
    """It streams, always."""
    events = codex.run("text")
    assert texts(events) == [TEXT]
    (done,) = [event for event in events if event["type"] == "turn.completed"]
    usage = done["usage"]
    assert (usage["input_tokens"], usage["cached_input_tokens"], usage["output_tokens"]) == (20, 8, 9)
    assert codex.asked == len(codex.behind.thinker.chats) == 1
    assert codex.behind.thinker.chats[0].json["stream"] is True


@pytest.mark.parametrize("model", [THINKER, PLAIN])
def test_tools_in_parallel(codex: Codex, model: str) -> None:
    """Its own tools, and their results; with thoughts, which the one provider wants back and the other does not take."""
    events = codex.run("thinktools", model=model)
    assert [item["exit_code"] for item in items(events, "command_execution")] == [0, 0]
    before, said = texts(events)
    assert before == BEFORE
    assert FIRST in said
    assert SECOND in said
    last = (codex.behind.thinker.chats or codex.behind.plain.chats)[-1].json["messages"]
    (called,) = [message for message in last if message.get("tool_calls")]
    assert called.get("reasoning_content") == (THOUGHT if model == THINKER else None)


def test_picture(codex: Codex, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(png())
    events = codex.run("pictures", "-i", f"{tmp_path / 'picture.png'}", model=PLAIN)
    assert texts(events) == [f"{len(png())}bytes"]


def test_picture_that_a_tool_shows(codex: Codex) -> None:
    (codex.folder / "picture.png").write_bytes(png())
    codex.behind.plain.calls = [("view_image", {"path": str(codex.folder / "picture.png")})]
    codex.run("tools", model=PLAIN)
    assert list(pictures(codex.behind.plain.chats[-1].json["messages"])) == [f"{len(png())}bytes"]


@pytest.mark.parametrize("status", [400, 429])
def test_refusal(codex: Codex, status: int) -> None:
    events = codex.run(f"refused-{status}", model=PLAIN)
    (failed,) = [event for event in events if event["type"] == "turn.failed"]
    assert (WORDS[400][0] if status == 400 else "429") in failed["error"]["message"]
    assert codex.asked == 1


def test_web_search_that_nobody_has(codex: Codex) -> None:
    """It is said, and nobody is asked: an answer without it would not be what was asked for."""
    events = codex.run("text", "-c", "web_search=live", model=PLAIN)
    (failed,) = [event for event in events if event["type"] == "turn.failed"]
    assert "web_search" in failed["error"]["message"]
    assert codex.behind.plain.requests == []


def test_stream_that_breaks_off(codex: Codex) -> None:
    events = codex.run("cut", model=PLAIN)
    assert [event for event in events if event["type"] == "turn.failed"]
    assert codex.asked == 1


@pytest.mark.parametrize("change", ["failure", "model"])
def test_five_turns(codex: Codex, change: str) -> None:
    """The provider changes in the middle: the first begins to fail, or another model is asked for, and then the first."""
    if change == "failure":
        codex.behind.thinker.lasts = 3
    models = [BOTH] * 5 if change == "failure" else [THINKER, THINKER, PLAIN, PLAIN, THINKER]
    scripts = ("think", "thinktools", "text", "thinktools", "history")
    said = [
        texts(codex.run(script, model=model, resumes=place > 0))
        for place, (script, model) in enumerate(zip(scripts, models, strict=True))
    ]
    assert [len(one) for one in said] == [1, 2, 1, 2, 1]
    called = ["said+exec_command()+exec_command()", "said"]
    told = [word for word in said[-1][0].split() if word in ("said", called[0])]
    assert told == ["said", *called, "said", *called]

"""Claude Code, run once with a message, by Anthropic's API, before providers of chat completions and of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.behind import BOTH, CLAUDE, NATIVE, PICTURE, PLAIN, THINKER, Behind, png
from tests.clients.conftest import node_program, of_the_page
from tests.clients.provider import TEXT, WORDS
from tests.clients.strict_chat import BEFORE, THOUGHT
from tests.clients.test_messages_native import same_bytes

OFFLINE = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
FIRST, SECOND = "what is in the first file", "what is in the second file"


@pytest.fixture
def claude(behind: Behind) -> Claude:
    return Claude(behind)


class Claude:
    """It, with the variables that the page has, in a folder with two files that it is told to read."""

    def __init__(self, behind: Behind) -> None:
        self.behind, self.program = behind, node_program("@anthropic-ai", "claude-code", "cli-wrapper.cjs")
        self.folder = behind.home / "folder"
        self.folder.mkdir()
        (block,) = of_the_page("Claude Code", "bash")
        self.start, _, _ = behind.pasted(block).rpartition("claude\n")
        paths = [self.folder / name for name in ("a.txt", "b.txt")]
        paths[0].write_text(f"{FIRST}\n")
        paths[1].write_text(f"{SECOND}\n")
        for server in (behind.thinker, behind.plain, behind.native):
            server.calls = [("Read", {"file_path": str(path)}) for path in paths]

    def command(self, script: str, *options: str, model: str = BOTH) -> list[str]:
        given = f"-p --output-format stream-json --verbose --model {model} {' '.join(options)} script:{script}"
        return ["bash", "-c", f"{self.start}exec node {self.program[0]} {given}"]

    def run(self, script: str, *options: str, model: str = BOTH) -> list[dict[str, Any]]:
        """What it says: an event a line."""
        done = self.behind.run(self.command(script, *options, model=model), self.folder, **OFFLINE)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def blocks(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Those of the model's turns."""
    turns = [event["message"]["content"] for event in events if event["type"] == "assistant"]
    return [block for turn in turns for block in turn if block["type"] == kind]


def result(events: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [event for event in events if event["type"] == "result"]
    return found


@pytest.mark.parametrize("model", [THINKER, PLAIN, NATIVE])
def test_stream(claude: Claude, model: str) -> None:
    events = claude.run("text", model=model)
    assert (result(events)["is_error"], result(events)["result"]) == (False, TEXT)
    assert result(events)["usage"]["input_tokens"] == 12
    assert result(events)["usage"]["cache_read_input_tokens"] == 8
    if model == NATIVE:
        same_bytes(claude.behind)


@pytest.mark.parametrize("model", [THINKER, PLAIN, NATIVE])
def test_tools_in_parallel(claude: Claude, model: str) -> None:
    events = claude.run("thinktools", model=model)
    said = result(events)["result"]
    assert result(events)["is_error"] is False
    assert FIRST in said
    assert SECOND in said
    assert [block["name"] for block in blocks(events, "tool_use")] == ["Read", "Read"]
    assert BEFORE in [block["text"] for block in blocks(events, "text")]
    assert [block["thinking"] for block in blocks(events, "thinking")][:1] == [THOUGHT]


@pytest.mark.parametrize("model", [PLAIN, NATIVE])
def test_picture_that_a_tool_shows(claude: Claude, model: str) -> None:
    (claude.folder / "picture.png").write_bytes(png())
    server = claude.behind.native if model == NATIVE else claude.behind.plain
    server.calls = [("Read", {"file_path": str(claude.folder / "picture.png")})]
    assert result(claude.run("tools", model=model))["is_error"] is False
    assert PICTURE.encode() in server.requests[-1].body


@pytest.mark.parametrize("status", [400, 429])
def test_refusal(claude: Claude, status: int) -> None:
    events = claude.run(f"refused-{status}", model=PLAIN)
    assert result(events)["is_error"] is True
    assert WORDS[status][0] in result(events)["result"]
    if status == 429:  # after a 400 it leaves out one beta after the other
        assert claude.behind.asked("/v1/messages") == 1


def test_stream_that_breaks_off(claude: Claude) -> None:
    """Half an answer is never taken for a whole one: it asks again, for some minutes."""
    assert claude.behind.asks_again(claude.command("cut", model=PLAIN), "/v1/messages", claude.folder, **OFFLINE)


@pytest.mark.parametrize("change", ["failure", "model"])
def test_five_turns(claude: Claude, change: str) -> None:
    """The provider changes in the middle: the first begins to fail, or another model is asked for, and then the first."""
    if change == "failure":
        claude.behind.native.lasts = 3
    models = [CLAUDE] * 5 if change == "failure" else [NATIVE, NATIVE, PLAIN, PLAIN, NATIVE]
    scripts = ("think", "thinktools", "text", "thinktools", "history")
    said = [
        result(claude.run(script, *(["-c"] if place else []), model=model))
        for place, (script, model) in enumerate(zip(scripts, models, strict=True))
    ]
    assert [one["is_error"] for one in said] == [False] * 5
    assert said[0]["result"] == said[2]["result"] == TEXT
    called = ["said+Read()+Read()", "said"]
    told = [word for word in said[-1]["result"].split() if word in ("said", called[0])]
    assert told == ["said", *called, "said", *called]

"""Gemini CLI, run once with a message, by Google's API, before providers of chat completions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.behind import BOTH, PICTURE, PLAIN, THINKER, Behind, png
from tests.clients.conftest import node_program, of_the_page
from tests.clients.provider import TEXT, WORDS

FIRST, SECOND = "what is in the first file", "what is in the second file"


@pytest.fixture
def gemini(behind: Behind) -> Gemini:
    return Gemini(behind)


class Gemini:
    """It, with the variables and settings that the page has, in a folder with two files that it is told to read."""

    def __init__(self, behind: Behind) -> None:
        self.behind, self.program = behind, node_program(".bin", "gemini")
        self.folder, home = behind.home / "folder", behind.home / ".gemini"
        self.folder.mkdir()
        home.mkdir()
        (settings,) = of_the_page("Gemini CLI", "json")
        (home / "settings.json").write_text(settings)
        (block,) = of_the_page("Gemini CLI", "bash")
        self.start, _, _ = behind.pasted(block).rpartition("gemini ")
        paths = [self.folder / name for name in ("a.txt", "b.txt")]
        paths[0].write_text(f"{FIRST}\n")
        paths[1].write_text(f"{SECOND}\n")
        for server in (behind.thinker, behind.plain):
            server.calls = [("read_file", {"file_path": str(path)}) for path in paths]

    def command(self, script: str, *options: str, model: str = BOTH) -> list[str]:
        given = f"--skip-trust --output-format stream-json -m {model} {' '.join(options)} -p script:{script}"
        return ["bash", "-c", f"{self.start}exec {self.program[0]} {given}"]

    def run(self, script: str, *options: str, model: str = BOTH) -> list[dict[str, Any]]:
        """What it says: an event a line."""
        done = self.behind.run(self.command(script, *options, model=model), self.folder)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def text(events: list[dict[str, Any]]) -> str:
    return "".join(event["content"] for event in events if event["type"] == "message" and event["role"] == "assistant")


def test_stream(gemini: Gemini) -> None:
    events = gemini.run("text")
    assert text(events) == TEXT
    assert events[-1]["status"] == "success"


@pytest.mark.parametrize("model", [THINKER, PLAIN])
def test_tools_in_parallel(gemini: Gemini, model: str) -> None:
    events = gemini.run("thinktools", model=model)
    assert [event["tool_name"] for event in events if event["type"] == "tool_use"] == ["read_file", "read_file"]
    assert FIRST in text(events)
    assert SECOND in text(events)


def test_picture_that_a_tool_shows(gemini: Gemini) -> None:
    (gemini.folder / "picture.png").write_bytes(png())
    gemini.behind.plain.calls = [("read_file", {"file_path": str(gemini.folder / "picture.png")})]
    assert gemini.run("tools", model=PLAIN)[-1]["status"] == "success"
    assert PICTURE.encode() in gemini.behind.plain.chats[-1].body


def test_stream_that_breaks_off(gemini: Gemini) -> None:
    """Half an answer is never taken for a whole one."""
    assert gemini.run("cut", model=PLAIN)[-1]["status"] == "error"


def test_rate_limit(gemini: Gemini) -> None:
    """It repeats by itself."""
    assert gemini.behind.asks_again(gemini.command("refused-429", model=PLAIN), "/v1beta/", gemini.folder)


def test_refusal(gemini: Gemini) -> None:
    events = gemini.run("refused-400", model=PLAIN)
    assert events[-1]["status"] == "error"
    assert WORDS[400][0] in json.dumps(events)


def test_five_turns(gemini: Gemini) -> None:
    """The provider changes in the middle, and back again."""
    scripts = ("think", "thinktools", "text", "thinktools", "history")
    models = (THINKER, THINKER, PLAIN, PLAIN, THINKER)
    said = [
        text(gemini.run(script, *(["--resume", "latest"] if place else []), model=model))
        for place, (script, model) in enumerate(zip(scripts, models, strict=True))
    ]
    assert (said[0], said[2]) == (TEXT, TEXT)
    called = ["said+read_file()+read_file()", "said"]
    told = [word for word in said[-1].split() if word in ("said", called[0])]
    assert told == ["said", *called, "said", *called]

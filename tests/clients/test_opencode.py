"""opencode, run once with a message, over the AI SDK's provider for compatible APIs that it has within it."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import PATIENCE, PRIVATE, Way, node_program, of_the_page
from tests.clients.provider import TEXT, WORDS

# It looks for a newer version and a list of models, and has npm install what plug-ins need.
OFFLINE = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1", "npm_config_offline": "true"}


@pytest.fixture
def folder(way: Way) -> Path:
    """A folder with the configuration that the page has."""
    made = way.home / "folder"
    made.mkdir()
    (block,) = of_the_page("opencode", "json")
    configuration = json.loads(way.pasted(block))
    configuration["provider"]["gateway"]["options"]["headers"] = PRIVATE
    (made / "opencode.json").write_text(json.dumps(configuration))
    return made


def command(script: str) -> list[str]:
    return [*node_program("opencode-ai", "bin", "opencode.exe"), "run", "--format", "json", script]


def opencode(way: Way, folder: Path, script: str) -> list[dict[str, Any]]:
    """What it says: an event a line."""
    done = way.run(command(script), folder, **OFFLINE)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def texts(events: list[dict[str, Any]]) -> list[str]:
    return [event["part"]["text"] for event in events if event["type"] == "text"]


def test_stream(way: Way, folder: Path) -> None:
    """It streams, always: an answer, and a title of the conversation."""
    assert texts(opencode(way, folder, "script:slow")) == [TEXT]
    assert [request.json["stream"] for request in way.provider.chats] == [True, True]


def test_tools(way: Way, folder: Path) -> None:
    """Its own tools, in parallel, and their results."""
    (folder / "a.txt").write_text("what is in the first file\n")
    (folder / "b.txt").write_text("what is in the second file\n")
    way.provider.calls = [("read", {"filePath": str(folder / name)}) for name in ("a.txt", "b.txt")]
    events = opencode(way, folder, "script:parallel")
    assert [event["part"]["tool"] for event in events if event["type"] == "tool_use"] == ["read", "read"]
    (said,) = texts(events)
    assert "what is in the first file" in said
    assert "what is in the second file" in said


def test_refusal(way: Way, folder: Path) -> None:
    (error,) = [event["error"] for event in opencode(way, folder, "script:refused-400") if event["type"] == "error"]
    assert error["data"]["statusCode"] == 400
    assert WORDS[400][0] in error["data"]["message"]


def test_rate_limit(way: Way, folder: Path) -> None:
    """It repeats by itself, after the time that the reply names, for as long as it runs."""
    process = subprocess.Popen(
        command("script:refused-429"),
        cwd=folder,
        env={**way.environ, **OFFLINE},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + PATIENCE
        while len(way.tap.chats) < 4 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    assert len(way.tap.chats) >= 4  # an answer and a title, and both again

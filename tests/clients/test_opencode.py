"""opencode, run once with a message, over the AI SDK's provider for compatible APIs that it has within it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import PRIVATE, Way, node_program
from tests.clients.provider import TEXT, WORDS

# It looks for a newer version and a list of models, and has npm install what plug-ins need.
OFFLINE = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1", "npm_config_offline": "true"}


@pytest.fixture
def folder(way: Way) -> Path:
    """A folder with its configuration."""
    made = way.home / "folder"
    made.mkdir()
    options = {"baseURL": way.url, "apiKey": way.token, "headers": PRIVATE}
    gateway = {"npm": "@ai-sdk/openai-compatible", "name": "Gateway", "options": options, "models": {way.model: {}}}
    configuration = {
        "autoupdate": False,
        "share": "disabled",
        "enabled_providers": ["gateway"],
        "model": f"gateway/{way.model}",
        "small_model": f"gateway/{way.model}",
        "provider": {"gateway": gateway},
    }
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
    with pytest.raises(subprocess.TimeoutExpired):
        way.run(command("script:refused-429"), folder, seconds=6, **OFFLINE)
    assert way.tap.chats

"""Codex, run once with a message: it speaks OpenAI's responses, and the provider has chat completions only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Way, node_program, of_the_page, serving
from tests.clients.provider import TEXT, WORDS, ScriptedProvider


@pytest.fixture
def way(provider: ScriptedProvider, tmp_path: Path) -> Iterator[Way]:
    """By way of the gateway alone, with the configuration that the page has."""
    home = tmp_path / "home"
    (home / ".codex").mkdir(parents=True)
    gateway = serving(provider, tmp_path)
    made = Way("gateway", provider, gateway.port, home)
    (block,) = of_the_page("Codex", "toml")
    (home / ".codex" / "config.toml").write_text(made.pasted(block) + "request_max_retries = 0\n")
    try:
        yield made
    finally:
        made.close()
        gateway.stop()


def codex(way: Way, script: str) -> list[dict[str, Any]]:
    """What it says: an event a line."""
    (line,) = of_the_page("Codex", "bash")
    assert line.startswith("codex exec --skip-git-repo-check ")
    command = [*node_program("@openai", "codex", "bin", "codex.js"), "exec", "--skip-git-repo-check", "--json"]
    done = way.run(["node", *command, "--dangerously-bypass-approvals-and-sandbox", script])
    return [json.loads(one) for one in done.stdout.splitlines() if one.startswith("{")]


def items(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    done = [event["item"] for event in events if event["type"] == "item.completed"]
    return [item for item in done if item["type"] == kind]


def test_text(way: Way) -> None:
    events = codex(way, "script:slow")
    assert [item["text"] for item in items(events, "agent_message")] == [TEXT]
    assert events[-1]["usage"]["input_tokens"] == 7
    assert [request.json["stream"] for request in way.provider.chats] == [True]


def test_tools(way: Way) -> None:
    """Its own tools, in parallel, and their results."""
    way.provider.calls = [("exec_command", {"cmd": f"echo $(({number} + 1))"}) for number in (41, 99)]
    events = codex(way, "script:parallel")
    assert sorted(item["aggregated_output"] for item in items(events, "command_execution")) == ["100\n", "42\n"]
    (said,) = items(events, "agent_message")
    assert "42" in said["text"] and "100" in said["text"]
    roles = [turn["role"] for turn in way.provider.chats[-1].json["messages"]]
    assert roles[-3:] == ["assistant", "tool", "tool"]


def test_refusal(way: Way) -> None:
    (error,) = [event["message"] for event in codex(way, "script:refused-400") if event["type"] == "error"]
    assert WORDS[400][0] in error

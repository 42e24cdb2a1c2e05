"""aider, with a message in place of a conversation, in a repository of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import AIDER, Way, of_the_page
from tests.clients.provider import TEXT, WORDS

QUIET = (
    "--yes-always", "--no-pretty", "--no-check-update", "--no-show-release-notes", "--no-show-model-warnings",
    "--analytics-disable", "--no-detect-urls", "--no-suggest-shell-commands", "--no-gitignore",
)  # fmt: skip
EDIT = "Here it is.\n\nsum.py\n```\nprint(2 + 3)\n```\n"


@pytest.fixture
def repository(way: Way) -> Path:
    """One file, in git."""
    if not AIDER.exists():
        pytest.skip("`make test-clients` makes the environment of aider")
    folder = way.home / "repository"
    folder.mkdir()
    (folder / "sum.py").write_text("print(2)\n")
    (way.home / ".gitconfig").write_text("[user]\nname = Somebody\nemail = somebody@example.com\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        way.run(["git", *command], folder)
    # It fetches a list of models, and asks for it once a day.
    cache = way.home / ".aider" / "caches"
    cache.mkdir(parents=True)
    facts = {"max_input_tokens": 100_000, "max_output_tokens": 10_000, "litellm_provider": "openai", "mode": "chat"}
    (cache / "model_prices_and_context_window.json").write_text(json.dumps({"any": facts}))
    return folder


def aider(way: Way, folder: Path, message: str, *options: str) -> subprocess.Popen[str]:
    """It, started as the page has it, on its way."""
    (lines,) = of_the_page("aider", "bash")
    more = ["--edit-format", "whole", *QUIET, *options, "--message", message, "sum.py"]
    environ = {
        **way.environ,
        "PATH": f"{AIDER.parent}:{os.environ['PATH']}",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    return subprocess.Popen(
        ["bash", "-c", f"{way.pasted(lines).replace('aider --model', 'exec aider --model').strip()} {shlex.join(more)}"],
        cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, encoding="utf-8",
    )  # fmt: skip


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
def test_chat(way: Way, repository: Path, options: list[str]) -> None:
    said, _ = aider(way, repository, "script:text", *options).communicate(timeout=90)
    assert TEXT in said
    assert [bool(request.json.get("stream")) for request in way.provider.chats] == [not options]


def test_edit_of_a_file(way: Way, repository: Path) -> None:
    """It calls no tools: what a model wants to change stands in its words."""
    way.provider.reply = EDIT
    said, _ = aider(way, repository, "script:reply").communicate(timeout=90)
    assert (repository / "sum.py").read_text() == "print(2 + 3)\n", said
    log = way.run(["git", "log", "--oneline"], repository).stdout
    assert len(log.splitlines()) == 2  # and committed, with a message that it asked the model for
    assert len(way.provider.chats) == 2


def test_refusal(way: Way, repository: Path) -> None:
    said, _ = aider(way, repository, "script:refused-400").communicate(timeout=90)
    assert WORDS[400][0] in re.sub(r"\s+", " ", said)
    assert "BadRequestError" in said
    assert len(way.tap.chats) == 1


def test_rate_limit(way: Way, repository: Path) -> None:
    """It repeats by itself, for a minute, whatever a reply says; the SDK within it does not."""
    process = aider(way, repository, "script:refused-429")
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Retrying in" in line:
            break
    asked = len(way.tap.chats)
    process.kill()
    process.communicate()
    assert WORDS[429][0] in re.sub(r"\s+", " ", said)
    assert "RateLimitError" in said
    if way.is_gateway:
        assert asked == 1

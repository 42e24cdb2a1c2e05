"""The command line program `llm`, to which the gateway is a row of extra-openai-models.yaml."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import PRIVATE, Way, of_the_page, python_program
from tests.clients.provider import TEXT, WORDS

ADD = '''
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b
'''


def llm(way: Way, *arguments: str) -> subprocess.CompletedProcess[str]:
    """It, with the configuration and the key as the page has them."""
    (program,) = python_program("llm")
    folder = way.home / "llm"
    folder.mkdir()
    environ = {"LLM_USER_PATH": str(folder), "PATH": f"{Path(program).parent}:{os.environ['PATH']}"}
    (row,) = of_the_page("llm", "yaml")
    (folder / "extra-openai-models.yaml").write_text(f"{way.pasted(row)}  headers: {json.dumps(PRIVATE)}\n")
    (commands,) = of_the_page("llm", "bash")
    keys, ask = commands.splitlines()
    assert way.run(["bash", "-c", keys], **environ).returncode == 0
    assert ask == 'llm -m gateway "Hello"'
    return way.run([program, "-m", "gateway", *arguments], **environ)


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
def test_chat(way: Way, options: list[str]) -> None:
    """With and without a stream."""
    done = llm(way, *options, "script:text")
    assert (done.stdout, done.returncode) == (f"{TEXT}\n", 0), done.stderr
    assert [bool(request.json.get("stream")) for request in way.provider.chats] == [not options]


@pytest.mark.parametrize("options", [[], ["--no-stream"]])
def test_tools(way: Way, options: list[str]) -> None:
    done = llm(way, *options, "--functions", ADD, "script:parallel")
    assert (done.stdout.strip(), done.returncode) == ("The tool says 5 and 42.", 0), done.stderr
    assert len(way.tap.chats) == len(way.provider.chats) == 2


@pytest.mark.parametrize("status", [400, 429])
def test_refusal(way: Way, status: int) -> None:
    done = llm(way, f"script:refused-{status}")
    assert (done.stdout.strip(), done.returncode) == ("", 1)
    assert f"Error code: {status}" in done.stderr
    assert WORDS[status][0] in done.stderr
    if way.is_gateway or status == 400:
        assert len(way.tap.chats) == 1


def test_stream_that_breaks_off(way: Way) -> None:
    done = llm(way, "script:cut")
    assert (done.stdout.strip(), done.returncode) == ("Grüße from the", 1)
    assert done.stderr.startswith("Error")


def test_what_the_log_of_it_keeps(way: Way) -> None:
    """Its own log has the usage that the provider counted."""
    llm(way, "-u", "script:text")
    done = way.run([*python_program("llm"), "logs", "--json"], LLM_USER_PATH=str(way.home / "llm"))
    row = json.loads(done.stdout)[0]
    assert (row["response"], row["input_tokens"], row["output_tokens"]) == (TEXT, 7, 5)

"""What docs/programs.md says to paste, pasted. (What it has for programs with a command line is in their tests.)"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.behind import TOKEN, Behind
from tests.clients.conftest import FOLDER, NODE_MODULES, PROGRAMS, Way, node_program, of_the_page, python_program
from tests.clients.provider import TEXT
from tests.conftest import ROOT


@pytest.mark.parametrize("heading", ["openai for Python", "LangChain"])
def test_python(heading: str, way: Way) -> None:
    command = python_program("python")
    (block,) = of_the_page(heading, "py")
    done = way.run([*command, "-c", way.pasted(block)])
    assert (done.stdout, done.returncode) == (f"{TEXT}\n", 0), done.stderr


def test_openai_by_its_variables(way: Way) -> None:
    command = python_program("python")
    (line,) = of_the_page("openai for Python", "bash")
    code = (PROGRAMS / "openai_python.py").read_text("utf-8")
    for given in ('base_url=os.environ["GATEWAY_URL"]', 'api_key=os.environ["GATEWAY_TOKEN"]'):
        assert given in code
        code = code.replace(f"    {given},\n", "")
    (way.home / "program.py").write_text(code, "utf-8")
    said = way.play(["bash", "-c", f"{way.pasted(line)} exec {command[0]} program.py"], "script:text")
    assert (said["text"], said["error"]) == (TEXT, None)


@pytest.mark.parametrize("heading", ["openai for Node", "Vercel AI SDK"])
def test_node(heading: str, way: Way, tmp_path: Path) -> None:
    command = node_program()
    (block,) = of_the_page(heading, "js")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    program = tmp_path / "program.mjs"
    program.write_text(way.pasted(block), "utf-8")
    done = way.run([*command, str(program)])
    assert (done.stdout, done.returncode) == (f"{TEXT}\n", 0), done.stderr


@pytest.mark.parametrize("heading", ["anthropic for Python", "google-genai for Python", "ollama for Python"])
def test_python_of_other_apis(heading: str, behind: Behind) -> None:
    command = python_program("python")
    (block,) = of_the_page(heading, "py")
    done = behind.run([*command, "-c", behind.pasted(block)])
    assert (done.stdout, done.returncode) == (f"{TEXT}\n", 0), done.stderr
    assert len(behind.thinker.chats) == 1


def test_ollama_by_its_variables(behind: Behind) -> None:
    code = 'import ollama; print(ollama.chat("auto", [{"role": "user", "content": "Hello"}]).message.content)'
    done = behind.run([*python_program("python"), "-c", code], OLLAMA_HOST=behind.url, OLLAMA_API_KEY=TOKEN)
    assert (done.stdout, done.returncode) == (f"{TEXT}\n", 0), done.stderr


@pytest.mark.parametrize("heading", ["anthropic for Node", "Vercel AI SDK, by Anthropic's API"])
def test_node_of_other_apis(heading: str, behind: Behind, tmp_path: Path) -> None:
    command = node_program()
    (block,) = of_the_page(heading, "js")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    program = tmp_path / "program.mjs"
    program.write_text(behind.pasted(block), "utf-8")
    done = behind.run([*command, str(program)])
    assert (done.stdout, done.returncode) == (f"{TEXT}\n", 0), done.stderr
    assert len(behind.thinker.chats) == 1


def test_the_versions_on_the_page_are_those_that_are_installed() -> None:
    page = (ROOT / "docs" / "programs.md").read_text("utf-8")
    pinned = {}
    for name in ("aider.txt", "python.txt"):  # both have openai; the page tells of the latter's
        pinned |= dict(line.split("==") for line in (FOLDER / name).read_text().splitlines() if "==" in line)
    node = json.loads((PROGRAMS / "package.json").read_text())["dependencies"]
    ai, compatible = node["ai"], node["@ai-sdk/openai-compatible"]
    for heading, said, versions in (
        ("openai for Python", "({})", [pinned["openai"]]),
        ("openai for Node", "({})", [node["openai"]]),
        ("LangChain", "(langchain-openai {})", [pinned["langchain-openai"]]),
        ("Vercel AI SDK", "(ai {} with @ai-sdk/openai-compatible {})", [ai, compatible]),
        ("anthropic for Python", "({})", [pinned["anthropic"]]),
        ("anthropic for Node", "(@anthropic-ai/sdk {})", [node["@anthropic-ai/sdk"]]),
        ("Vercel AI SDK, by Anthropic's API", "(ai {} with @ai-sdk/anthropic {})", [ai, node["@ai-sdk/anthropic"]]),
        ("google-genai for Python", "({})", [pinned["google-genai"]]),
        ("ollama for Python", "({})", [pinned["ollama"]]),
        ("Claude Code", "({})", [node["@anthropic-ai/claude-code"]]),
        ("Codex", "({})", [node["@openai/codex"]]),
        ("Gemini CLI", "({})", [node["@google/gemini-cli"]]),
        ("llm", "({})", [pinned["llm"]]),
        ("aider", "({})", [pinned["aider-chat"]]),
        ("opencode", "({})", [node["opencode-ai"]]),
    ):
        words = said.format(
            *(version.rpartition(".")[0] if version.count(".") > 1 else version for version in versions)
        )
        assert f"\n## {heading}\n\n{words}" in page

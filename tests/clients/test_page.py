"""What docs/programs.md says to paste, pasted. (What it has for programs with a command line is in their tests.)"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.conftest import NODE_MODULES, PROGRAMS, Way, node_program, of_the_page, python_program
from tests.clients.provider import TEXT


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

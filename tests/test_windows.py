"""What must work on Windows, in a process that lacks what Python lacks there: `tests/windows.py` takes it away."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference_providers.testing import tiny_model
from tests.conftest import keys, registry_of
from tests.forks import Forks, forking
from tests.servers import Server

HEAD = """
import asyncio, json, os, sys, warnings
from tests import windows
assert not [name for name in sys.modules if name.startswith("inference_providers")]
windows.strip()
warnings.simplefilter("error")
given = json.loads(sys.argv[1])
"""
IMPORTS = """
import importlib
names = windows.modules()
for name in names:
    importlib.import_module(name)
print(len(names))
"""
LISTS = """
from inference_providers import AsyncProviderList, ProviderList
providers = ProviderList(json_override=given["registry"], environ=given["environ"], local=False)
print([offer.provider for offer in providers.find_model_providers("m")])
print([offer.provider for offer in AsyncProviderList(json_override=given["registry"], environ=given["environ"], local=False).find_model_providers("m")])
print(len(ProviderList(environ={"OPENAI_API_KEY": "k"}, local=True).find_model_providers("gpt-4")))
"""
ASKS = """
from inference_providers import AsyncProviderList, ProviderList
options = dict(json_override=given["registry"], environ=given["environ"], local=False)
providers = ProviderList(**options)
print(providers.ask_ai("hi", model="m"))
with providers.stream("hi", model="m") as stream:
    print("".join(stream))

async def main():
    providers = AsyncProviderList(**options)
    print(await providers.ask_ai("hi", model="m"))
    print("".join([piece async for piece in await providers.ask_ai("hi", model="m", stream=True)]))

asyncio.run(main())
print(providers.connect_to_model("m").client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}]).choices[0].message.content)
"""
BATCH = """
from pathlib import Path
from inference_providers import ProviderList
providers = ProviderList(json_override=given["registry"], environ=given["environ"], local=False)
source = Path("questions.jsonl")
questions = [{"custom_id": f"q{number}", "prompt": f"question {number}"} for number in range(5)]
for asked in (questions[:3], questions, questions[::-1]):
    source.write_text("".join(json.dumps(one) + "\\n" for one in asked), "utf-8")
    for out in ("out.jsonl", "out.csv"):
        results = providers.batch(source, models="m", out=out)
        print(out, len(list(results)))
"""


Windows = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Forks a process for each program; other packages are loaded, and nothing of ours is."""
    with forking("from tests import windows\nwindows.load()") as found:
        yield found


@pytest.fixture
def on_windows(forks: Forks, tmp_path: Path) -> Windows:
    """What a program says there, on both of its outputs."""

    def run(code: str, *urls: str, status: int = 0, environ: dict[str, str] | None = None) -> tuple[str, str]:
        given = {"registry": registry_of(*urls), "environ": keys(len(urls))}
        there = {**os.environ, "HOME": str(tmp_path), "OLLAMA_HOST": "127.0.0.1:9", **(environ or {})}
        done = forks.run(HEAD + code, json.dumps(given), cwd=tmp_path, environ=there)
        assert done.returncode == status, done.stderr
        return done.stdout, done.stderr

    return run


def test_every_module_can_be_imported(on_windows: Windows) -> None:
    assert int(on_windows(IMPORTS)[0]) > 100


def test_offers_are_listed(on_windows: Windows) -> None:
    both = ["p1", "p2"]
    said, _ = on_windows(LISTS, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1")
    assert said.splitlines() == [str(both), str(both), "1"]


def test_questions_are_answered(serve: Callable[..., Server], on_windows: Windows) -> None:
    said, _ = on_windows(ASKS, serve().url)
    assert said.splitlines() == ["hello"] * 5


def test_a_batch_is_written_and_taken_up(serve: Callable[..., Server], on_windows: Windows, tmp_path: Path) -> None:
    said, _ = on_windows(BATCH, serve().url)
    counts = [line.split() for line in said.splitlines()]
    assert counts == [["out.jsonl", "3"], ["out.csv", "3"], *[["out.jsonl", "5"], ["out.csv", "5"]] * 2]
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert sorted(json.loads(line)["index"] for line in lines) == [0, 1, 2, 3, 4]
    assert not list(tmp_path.glob(".*.tmp"))


NO_SERVER = "Starting servers works on Linux and macOS only"
PIPE = """
from pathlib import Path
from inference_providers import ProviderList
try:
    list(ProviderList(json_override=given["registry"], environ=given["environ"], local=False).batch(Path("pipe"), models="m"))
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes to be taken for files")
def test_a_pipe_is_an_error_that_says_what_to_do(
    serve: Callable[..., Server], on_windows: Windows, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    said, _ = on_windows(PIPE, serve().url)
    assert "write the questions to a file" in said


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["ask:hi", "--model", "gpt-4o"], 0, "hello"),
        (["ask:hi", "--model", "gpt-4o", "--no-stream"], 0, "hello"),
        (["main:batch", "in.jsonl", "-o", "out.jsonl", "--model", "gpt-4o"], 0, "2"),
        (["main:batch", "in.jsonl", "-o", "out.csv", "--model", "gpt-4o"], 0, "2"),
        (["main:providers"], 0, "openai"),
        (["main:models", "gpt-4o"], 0, "gpt-4o"),
        (["main:resolve", "gpt-4o"], 0, "openai"),
        (["main:doctor"], 0, "openai"),
        (["main:registry", "validate"], 0, "valid"),
        (["main:roll-call", "--yes"], 0, "answered"),
        (["main:local", "list"], 0, "No model files"),
        (["main:local", "status"], 0, "No launched server runs"),
        (["main:local", "stop", "--all"], 0, "No launched server runs"),
        (["main:local", "start", "tiny.gguf"], 1, NO_SERVER),
        (["main:completion", "bash"], 0, "complete"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_commands_do_what_they_can(
    arguments: list[str], status: int, told: str, serve: Callable[..., Server], on_windows: Windows, tmp_path: Path
) -> None:
    tiny_model.write(str(tmp_path / "tiny.gguf"))
    (tmp_path / "in.jsonl").write_text('{"prompt": "one"}\n{"prompt": "two"}\n', "utf-8")
    command, _, first = arguments[0].partition(":")
    code = f"from inference_providers.cli.{command} import main\nmain({[first, *arguments[1:]]!r})"
    environ = {"OPENAI_API_KEY": keys(1)["P1_API_KEY"], "OPENAI_BASE_URL": serve().url}
    out, err = on_windows(code, status=status, environ=environ)
    assert told in out + err
    assert "Traceback" not in err


def test_nobody_is_told_to_install_what_could_not_be_started(on_windows: Windows, tmp_path: Path) -> None:
    """Whether an engine is there or not."""
    tiny_model.write(str(tmp_path / "tiny.gguf"))
    code = """
sys.modules["xllamacpp"] = sys.modules["llama_cpp"] = None
from inference_providers.cli.main import main
main(["local", "start", "tiny.gguf"])
"""
    out, err = on_windows(code, status=1, environ={"PATH": str(tmp_path)})
    assert NO_SERVER in err
    assert "install" not in out + err

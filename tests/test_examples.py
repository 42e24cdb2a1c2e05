"""The examples to copy, run as they are: each by a provider on loopback, in this process where that is the same."""

from __future__ import annotations

import csv
import json
import os
import runpy
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from inference_providers import ProviderList
from inference_providers.servers import running, stopping
from inference_providers.testing import tiny_model
from tests.conftest import ROOT, keys
from tests.gateway.inside import TOKEN, Inside
from tests.servers import Behaviour, Connection, Received, Server, answer, completion, status

EXAMPLES = ROOT / "examples"
KEY = keys(1)["P1_API_KEY"]
Serve = Callable[..., Server]


@pytest.fixture
def provider(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Server]:
    """Has OpenAI be a server of this test, and nobody else be there."""

    def start(behaviour: Behaviour = answer) -> Server:
        server = serve(behaviour)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("INFERENCE_PROVIDERS_AVOID", "local")
        return server

    return start


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs an example as a program; what it returns to the shell."""

    def ran(name: str, *arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        assert isinstance(ended.value.code, int)
        return ended.value.code

    return ran


def test_a_script_prints_the_answer(provider: Serve, run: Callable[..., int], capsys: Any) -> None:
    server = provider()
    assert run("script.py", "How", "so?") == 0
    said = capsys.readouterr()
    assert said.out == "hello\n"
    assert "at openai; tokens: 4; cost: $" in said.err
    assert server.requests[-1].json["messages"] == [{"role": "user", "content": "How so?"}]


def test_a_script_says_who_failed_and_what_is_missing(
    provider: Serve, run: Callable[..., int], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider(status(401, {"error": {"message": "wrong key"}}))
    assert run("script.py") == 1
    assert "openai" in capsys.readouterr().err
    monkeypatch.delenv("OPENAI_API_KEY")
    assert run("script.py") == 3
    assert "_API_KEY" in capsys.readouterr().err


class ChatService(ThreadingHTTPServer):
    """A chat service by long polling: gives messages once, and takes what is said to them."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _ChatHandler)
        self.waiting = [
            {"update_id": number, "message": {"chat": {"id": 7}, "text": text}} for number, text in enumerate(messages)
        ]
        self.said: list[str] = []
        self.away = 0  # requests that get no reply
        self.offsets: list[int] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class _ChatHandler(BaseHTTPRequestHandler):
    server: ChatService

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.server.away:
            self.server.away -= 1
            return
        result: Any = {}
        if self.path.endswith("/getUpdates"):
            self.server.offsets.append(body["offset"])
            result = [one for one in self.server.waiting if one["update_id"] >= body["offset"]][:1]
        else:
            self.server.said.append(body["text"])
        self.send_response(200 if result or "chat_id" in body else 410)  # when all is said, the service ends
        content = json.dumps({"ok": True, "result": result}).encode()
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def chats() -> Iterator[Callable[[list[str]], ChatService]]:
    started: list[ChatService] = []

    def start(messages: list[str]) -> ChatService:
        started.append(ChatService(messages))
        return started[-1]

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def test_a_bot_answers_each_message_in_its_conversation(
    provider: Serve, chats: Callable[[list[str]], ChatService], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = provider()
    service = chats(["/start", "Name a fruit.", "And a tree?"])
    monkeypatch.setenv("BOT_URL", f"http://127.0.0.1:{service.server_port}/bot123")
    with pytest.raises(SystemExit, match="refuses: HTTP Error 410"):
        runpy.run_path(str(EXAMPLES / "bot.py"), run_name="__main__")
    assert service.said == ["Hello! Ask me something.", "hello", "hello"]
    assert service.offsets == [0, 1, 2, 3]
    turns = [(turn["role"], turn["content"]) for turn in server.requests[-1].json["messages"]]
    assert turns[1:] == [("user", "Name a fruit."), ("assistant", "hello"), ("user", "And a tree?")]


def test_a_bot_asks_again_where_the_service_is_away(
    provider: Serve, chats: Callable[[list[str]], ChatService], capsys: Any
) -> None:
    provider()
    service = chats(["hi"])
    service.away = 2
    bot = runpy.run_path(str(EXAMPLES / "bot.py"))["Bot"](f"http://127.0.0.1:{service.server_port}", ProviderList())
    bot.run.__globals__["PAUSE"] = 0.0
    with pytest.raises(HTTPError):
        bot.run()
    assert service.said == ["hello"]
    assert capsys.readouterr().err.count("cannot be reached") == 2


def test_a_bot_apologises_where_nobody_answers(provider: Serve, capsys: Any) -> None:
    provider(status(401))
    bot = runpy.run_path(str(EXAMPLES / "bot.py"))["Bot"]("http://127.0.0.1:9", ProviderList())
    assert bot.answer(7, "hi").startswith("Sorry")
    assert bot.chats == {}
    assert "chat 7: " in capsys.readouterr().err


def test_a_table_gets_labels_and_is_resumed(
    provider: Serve, run: Callable[..., int], tmp_path: Path, capsys: Any
) -> None:
    server = provider()
    table, labelled = tmp_path / "reviews.csv", tmp_path / "labelled.csv"
    table.write_text('id,review\n1,"Good, and cheap."\n2,Bad.\n')
    assert run("csv_batch.py", str(table), str(labelled)) == 0
    rows = list(csv.DictReader(labelled.read_text().splitlines()))
    assert [(row["id"], row["answer"], row["error"]) for row in rows] == [("1", "hello", ""), ("2", "hello", "")]
    asked = len(server.requests)
    assert run("csv_batch.py", str(table), str(labelled)) == 0
    assert len(server.requests) == asked
    assert run("csv_batch.py", str(table)) == 2
    assert run("csv_batch.py", str(tmp_path / "none.csv"), str(labelled)) == 1
    assert "none.csv" in capsys.readouterr().err


def test_a_model_file_is_asked(run: Callable[..., int], tmp_path: Path, capsys: Any) -> None:
    try:
        assert run("local_engine.py", tiny_model.write(str(tmp_path / "tiny.gguf")), "hi") == 0
        assert len(capsys.readouterr().out) > 1
    finally:
        for folder, _ in list(running(os.environ)):
            assert stopping.stop(folder)
    assert run("local_engine.py", str(tmp_path / "none.gguf")) == 1
    assert "none.gguf" in capsys.readouterr().err


def test_tests_of_a_program_pass() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--rootdir",
        str(EXAMPLES),
    ]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command += ["-p", "inference_providers.testing.pytest_plugin", str(EXAMPLES / "test_with_pytest.py")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1].split(" in ")[0]) == (0, "3 passed"), done.stdout


def looking(connection: Connection, request: Received) -> None:
    """A model that looks which files there are, reads one, then one outside, and says what it saw."""
    if request.path.endswith("/models"):
        answer(connection, request)
        return
    results = [turn["content"] for turn in request.json["messages"] if turn["role"] == "tool"]
    calls = [("list_files", {}), ("read_file", {"path": "a.txt"}), ("read_file", {"path": "../secret"})]
    if len(results) == len(calls):
        connection.reply(200, completion(" | ".join(results)))
        return
    name, arguments = calls[len(results)]
    call = {
        "id": f"c{len(results)}",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments)},
    }
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    connection.reply(200, completion(message=message, finish_reason="tool_calls"))


@pytest.fixture
def gateway(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Inside]]:
    """Starts a gateway, and says where it is as the examples hear it."""
    started: list[Inside] = []

    def start(behaviour: Behaviour = answer) -> Inside:
        started.append(Inside(serve(behaviour).url))
        monkeypatch.setenv("INFERENCE_PROVIDERS_GATEWAY", f"http://127.0.0.1:{started[-1].port}")
        monkeypatch.setenv("INFERENCE_PROVIDERS_TOKEN", TOKEN)
        return started[-1]

    yield start
    for one in started:
        one.stop()


def test_an_agent_looks_into_files_of_its_folder_alone(
    gateway: Callable[..., Inside], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    gateway(looking)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("It rained.")
    (tmp_path / "secret").write_text("Nobody's.")
    monkeypatch.setenv("AGENT_FOLDER", str(folder))
    monkeypatch.setattr(sys, "argv", ["agent.py", "What", "is", "here?"])
    runpy.run_path(str(EXAMPLES / "agent.py"), run_name="__main__")
    said = capsys.readouterr()
    files, text, outside = said.out.strip().split(" | ")
    assert (json.loads(files), json.loads(text)) == (["a.txt"], "It rained.")
    assert "is outside of the folder" in json.loads(outside)["error"]
    assert said.err.splitlines()[0] == "list_files({})"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_asks_the_gateway(gateway: Callable[..., Inside], serve: Serve) -> None:
    heard: list[Any] = []

    def behave(connection: Connection, request: Received) -> None:
        heard.append(request.json)
        answer(connection, request)

    gateway(behave)
    question = 'She said: "C:\\temp"\nand left'
    done = subprocess.run(
        ["sh", str(EXAMPLES / "gateway" / "client.sh"), question, "m"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["choices"][0]["message"]["content"] == "hello"
    assert heard[-1]["messages"][0]["content"] == question.replace("\n", " ")


# What holds for all of them


def test_the_index_names_all_of_them() -> None:
    index = (EXAMPLES / "README.md").read_text("utf-8")
    endings = (".go", ".ipynb", ".mjs", ".py", ".sh")
    there = {path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*") if path.suffix in endings}
    shown = {"plugin/" if path.parts[0] == "plugin" else path.as_posix() for path in there if path.parts[0][0] != "."}
    assert {name for name in shown if f"({name})" not in index} == set()
    assert len(shown) > 10


@pytest.mark.parametrize(
    "path",
    sorted(path for path in EXAMPLES.glob("**/[a-z]*.py") if "build" not in path.parts),
    ids=lambda path: path.name,
)
def test_an_example_imports_public_names_alone(path: Path) -> None:
    """Of the package itself, and of what its pages tell to import from `testing`."""
    imported = [line.split()[1] for line in path.read_text("utf-8").splitlines() if line.startswith("from inference_")]
    assert set(imported) <= {"inference_providers", "inference_providers.testing"}

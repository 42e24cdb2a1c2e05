"""Examples that need more than this package, run as they are: web frameworks, and clients in other languages."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, keys
from tests.gateway.inside import TOKEN, Inside
from tests.servers import Behaviour, Connection, Received, Server, answer, delta, status

EXAMPLES = ROOT / "examples"
KEY = keys(1)["P1_API_KEY"]
Serve = Callable[..., Server]
Post = Callable[[int, str, Any], http.client.HTTPResponse]
Api = Callable[..., tuple[int, Server]]


@pytest.fixture
def environ(tmp_path: Path) -> Callable[[Server], dict[str, str]]:
    """The environment of a program whose OpenAI is a server of the test."""

    def made(server: Server) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
        places = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        asked = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.url, "INFERENCE_PROVIDERS_AVOID": "local"}
        return {**kept, **places, **asked}

    return made


@pytest.fixture
def started() -> Iterator[Callable[..., int]]:
    """Starts programs that serve at a port of this machine; the port, by what they print."""
    running: list[subprocess.Popen[str]] = []

    def start(command: list[str], environ: dict[str, str], pattern: str) -> int:
        process = subprocess.Popen(
            command, env=environ, cwd=EXAMPLES, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        running.append(process)
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(pattern, line):
                return int(found[1])
        raise AssertionError(said)

    yield start
    for process in running:
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture
def post() -> Iterator[Post]:
    """Sends requests; all connections are closed at the end of the test."""
    connections: list[http.client.HTTPConnection] = []

    def sent(port: int, path: str, body: Any) -> http.client.HTTPResponse:
        connections.append(http.client.HTTPConnection("127.0.0.1", port, timeout=30))
        connections[-1].request("POST", path, json.dumps(body), {"content-type": "application/json"})
        return connections[-1].getresponse()

    yield sent
    for connection in connections:
        connection.close()


@pytest.fixture
def api(
    environ: Callable[[Server], dict[str, str]], started: Callable[..., int], serve: Serve
) -> Callable[..., tuple[int, Server]]:
    """The web API before a provider that behaves so."""
    command = [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--port", "0"]

    def start(behaviour: Behaviour = answer) -> tuple[int, Server]:
        server = serve(behaviour)
        return started(command, environ(server), r"running on http://127.0.0.1:(\d+)"), server

    return start


def events(reply: http.client.HTTPResponse) -> list[Any]:
    return [json.loads(line.removeprefix(b"data: ")) for line in reply.read().splitlines() if line]


def test_a_web_api_answers_as_a_whole_and_as_it_comes(api: Api, post: Post) -> None:
    port, server = api()
    reply = post(port, "/ask", {"text": "hi"})
    said = json.load(reply)
    assert (reply.status, said["text"], said["cost"] > 0) == (200, "hello", True)
    reply = post(port, "/stream", {"text": "hi"})
    assert reply.getheader("content-type", "").startswith("text/event-stream")
    *pieces, last = events(reply)
    assert ([piece["text"] for piece in pieces], last["done"]) == (["he", "llo"], True)
    assert post(port, "/ask", {"text": ""}).status == 422
    assert len(server.requests) == 2


def test_a_web_api_says_what_fails(api: Api, post: Post) -> None:
    port, _ = api(status(401))
    for path in ("/ask", "/stream"):
        reply = post(port, path, {"text": "hi"})
        assert (reply.status, "openai" in json.load(reply)["error"]) == (502, True)


def test_a_stream_of_a_web_api_that_breaks_ends_with_an_error(api: Api, post: Post) -> None:
    def breaks(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("he"))
        connection.close()

    port, _ = api(breaks)
    first, last = events(post(port, "/stream", {"text": "hi"}))
    assert (first, list(last)) == ({"text": "he"}, ["error"])


def test_whoever_leaves_a_web_api_stops_the_model(api: Api) -> None:
    left = threading.Event()

    def endless(connection: Connection, request: Received) -> None:
        """Goes on for twenty seconds, a third of what the API waits, unless it is left."""
        connection.start_stream()
        connection.event(delta("he"))
        try:
            for _ in range(400):
                connection.chunk(b": goes on\n\n")
                time.sleep(0.05)
        except OSError:
            left.set()

    port, _ = api(endless)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/stream", json.dumps({"text": "hi"}), {"content-type": "application/json"})
    reply = connection.getresponse()
    assert b"he" in reply.readline()
    reply.close()
    connection.close()
    assert left.wait(30)


def test_a_chat_in_the_browser_without_one(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, environ: Callable[[Server], dict[str, str]]
) -> None:
    from streamlit.testing.v1 import AppTest

    questions: list[str] = []

    def behave(connection: Connection, request: Received) -> None:
        questions.append(request.json["messages"][-1]["content"])
        (status(401) if questions[-1] == "And a flower?" else answer)(connection, request)

    server = serve(behave)
    for name, value in environ(server).items():
        monkeypatch.setenv(name, value)
    app = AppTest.from_file(str(EXAMPLES / "streamlit_app.py"), default_timeout=30).run()
    assert not app.exception
    for question in ("Name a fruit.", "And a tree?"):
        app.chat_input[0].set_value(question).run()
    assert [(message.name, message.markdown[0].value) for message in app.chat_message] == [
        ("user", "Name a fruit."),
        ("assistant", "hello"),
        ("user", "And a tree?"),
        ("assistant", "hello"),
    ]
    assert len(server.requests[-1].json["messages"]) == 3
    app.chat_input[0].set_value("And a flower?").run()
    assert "openai" in app.error[0].value
    assert len(app.session_state["turns"]) == 4


def test_a_chat_in_a_browser(
    serve: Serve, environ: Callable[[Server], dict[str, str]], started: Callable[..., int], browser: Any
) -> None:
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    command += ["--server.port", "0", "--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false"]
    port = started(command, environ(serve()), r"http://127.0.0.1:(\d+)")
    page = browser.new_page()
    try:
        page.goto(f"http://127.0.0.1:{port}")
        page.get_by_placeholder("Ask something").fill("hi")
        page.keyboard.press("Enter")
        page.get_by_text("at openai").wait_for(timeout=30_000)
        assert page.get_by_test_id("stChatMessageContent").nth(0).inner_text() == "hi"
        assert "hello" in page.get_by_test_id("stChatMessageContent").nth(1).inner_text()
    finally:
        page.close()


@pytest.fixture
def gateway(serve: Serve) -> Iterator[Callable[..., dict[str, str]]]:
    """Starts a gateway; the environment of its clients."""
    running: list[Inside] = []

    def start(behaviour: Behaviour = answer) -> dict[str, str]:
        running.append(Inside(serve(behaviour).url))
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        place = {"INFERENCE_PROVIDERS_GATEWAY": f"http://127.0.0.1:{running[-1].port}"}
        return {**kept, **place, "INFERENCE_PROVIDERS_TOKEN": TOKEN}

    yield start
    for one in running:
        one.stop()


def breaks_off(connection: Connection, request: Received) -> None:
    """A stream that has no end."""
    connection.start_stream()
    connection.event(delta("he"))
    connection.close()


@pytest.mark.parametrize("program", ["node", "go"])
def test_other_languages_ask_the_gateway(program: str, gateway: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not here")
    command = ["node", str(EXAMPLES / "gateway" / "client.mjs")]
    if program == "go":
        environ = {**os.environ, "GOCACHE": str(tmp_path / "cache"), "GOTOOLCHAIN": "local", "GO111MODULE": "off"}
        command = [str(tmp_path / "client")]
        source = str(EXAMPLES / "gateway" / "client.go")
        subprocess.run(["go", "build", "-o", command[0], source], env=environ, check=True)
        subprocess.run(["go", "vet", source], env=environ, check=True)

    def ask(environ: dict[str, str], *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run([*command, *arguments], env=environ, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    environ = gateway()
    assert ask(environ, "hi", "m") == (0, "hello\n", "")
    code, out, said = ask(environ, "hi", "nobody/knows-this")
    assert (code, out.strip(), "nobody" in said) == (1, "", True)
    code, out, said = ask(gateway(breaks_off), "hi", "m")
    assert (code, out.startswith("he"), bool(said.strip())) == (1, True, True)

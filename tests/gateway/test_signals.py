"""How a gateway ends, and how it is told to read anew: with what is under way, and what comes meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.gateway.helpers import BODY, CHAT, Pausing, Stream, eventually, refuses
from tests.running import Running
from tests.servers import Connection, Received, Server, answer, delta

Start = Callable[..., Running]
Serve = Callable[..., Server]
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals of Unix")


@pytest.mark.parametrize("count", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_stream_ends_well_and_nobody_else_is_let_in(
    start: Start, serve: Serve, count: str, number: signal.Signals
) -> None:
    pausing = Pausing()
    gateway = start(serve(pausing).url, args=["--workers", count])
    stream = Stream(gateway)
    gateway.process.send_signal(number)
    assert eventually(lambda: refuses(gateway))
    assert gateway.process.poll() is None
    pausing.go.set()
    rest = stream.rest()
    assert b" last" in rest and rest.endswith(b"data: [DONE]\n\n")
    assert gateway.process.wait(60) == (130 if number == signal.SIGINT and count == "1" else 0)


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_second_interrupt_ends_it_at_once(start: Start, serve: Serve, count: str) -> None:
    def behave(connection: Connection, request: Received) -> None:
        connection.start_stream()
        connection.event(delta("first"))
        connection.hold()

    server = serve(behave)
    gateway = start(server.url, args=["--workers", count])
    stream = Stream(gateway)
    gateway.process.send_signal(signal.SIGINT)
    assert eventually(lambda: refuses(gateway))
    assert gateway.process.poll() is None
    gateway.process.send_signal(signal.SIGINT)
    assert gateway.process.wait(60) in (0, 130)
    assert server.left()
    with pytest.raises((OSError, HTTPException)):  # cut off, and it shows
        stream.rest()


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_reload_before_it_serves_is_not_its_end(start: Start, serve: Serve, count: str) -> None:
    gateway = start(serve().url, args=["--workers", count])  # has said where, and may not serve yet
    for _ in range(3):
        gateway.process.send_signal(signal.SIGHUP)
    assert gateway.ask("POST", CHAT, BODY)[0] == 200
    assert gateway.process.poll() is None


@pytest.mark.parametrize("count", ["1", "2"])
def test_an_end_before_it_serves_is_an_end_as_any(start: Start, serve: Serve, count: str) -> None:
    assert start(serve().url, args=["--workers", count]).stop() == 0


def test_a_new_key_in_the_file_counts_after_a_reload_and_no_stream_breaks(
    start: Start, serve: Serve, tmp_path: Path
) -> None:
    pausing, other = Pausing(), serve()
    file = tmp_path / "keys.env"
    file.touch(0o600)
    file.write_text("# the first\nP1_API_KEY=canary-1-0123456789abcdef\n")
    empty = {"P1_API_KEY": "", "P2_API_KEY": ""}
    gateway = start(serve(pausing).url, other.url, args=["--env-file", str(file)], environ=empty)
    stream = Stream(gateway)
    second = {**BODY, "model": "p2/gpt-4o-mini"}
    assert gateway.ask("POST", CHAT, second)[0] == 503
    file.write_text(file.read_text() + "export P2_API_KEY='canary-2-0123456789abcdef'\n")
    assert gateway.ask("POST", CHAT, second)[0] == 503
    gateway.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: gateway.ask("POST", CHAT, second)[0] == 200)
    assert [request.key for request in other.asked] == ["canary-2-0123456789abcdef"]
    pausing.go.set()
    assert stream.rest().endswith(b"data: [DONE]\n\n")


def test_a_refused_key_is_tried_again_after_a_reload(start: Start, serve: Serve) -> None:
    is_refused = True

    def behave(connection: Connection, request: Received) -> None:
        if is_refused:
            connection.reply(401, {"error": {"message": "Incorrect API key provided"}})
        else:
            answer(connection, request)

    server = serve(behave)
    gateway = start(server.url)
    assert gateway.ask("POST", CHAT, BODY)[0] == 503
    is_refused = False
    asked = len(server.asked)
    assert gateway.ask("POST", CHAT, BODY)[0] == 503
    assert len(server.asked) == asked  # the key rests
    gateway.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: gateway.ask("POST", CHAT, BODY)[0] == 200)


def test_a_file_that_cannot_be_read_changes_nothing(start: Start, serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "keys.env"
    file.touch(0o600)
    file.write_text("P1_API_KEY=canary-1-0123456789abcdef\nINFERENCE_PROVIDERS_TOKEN=token-of-the-file\n")
    gateway = start(serve().url, args=["--env-file", str(file)], environ={"P1_API_KEY": ""})
    gateway.token = "token-of-the-file"
    assert gateway.ask("POST", CHAT, BODY)[0] == 200
    file.write_text("INFERENCE_PROVIDERS_TOKEN=another-token-0123456789\nhunter2 is no assignment\n")
    gateway.process.send_signal(signal.SIGHUP)
    assert gateway.process.stderr is not None
    said = [gateway.process.stderr.readline() for _ in range(3)]
    assert said[0].startswith("Token: in ")
    assert said[1] == f"Page: http://127.0.0.1:{gateway.port}/\n"
    assert "line 2" in said[2] and "as before" in said[2]
    assert "hunter2" not in said[2] and "another-token-0123456789" not in said[2]
    assert gateway.ask("POST", CHAT, BODY)[0] == 200
    file.write_text("P1_API_KEY=canary-1-0123456789abcdef\nINFERENCE_PROVIDERS_TOKEN=another-token-0123456789\n")
    gateway.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: gateway.ask("POST", CHAT, BODY)[0] == 401)
    gateway.token = "another-token-0123456789"
    assert gateway.ask("POST", CHAT, BODY)[0] == 200

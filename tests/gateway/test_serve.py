"""How `serve` begins, and what it says where it cannot."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from inference_providers import installing
from tests.conftest import ROOT, places
from tests.gateway.helpers import BODY, CHAT
from tests.running import Running
from tests.servers import Server

Start = Callable[..., Running]
Serve = Callable[..., Server]


def refused(*args: str, code: str = "", **environ: str) -> str:
    """What is said by a `serve` that does not begin; *code* runs before it."""
    program = f"{code}\nfrom inference_providers.cli.main import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program, "serve", "--port", "0", *args],
        env={**places(), "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in (1, 2, 5), done.stderr
    assert "Traceback" not in done.stderr and "Serving" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("count", ["1", "2"])
def test_without_its_extra_it_says_what_to_install(count: str) -> None:
    said = refused("--workers", count, code="import sys\nsys.modules['uvloop'] = None")
    assert f"`serve` needs uvloop: {installing.command('gateway')}" in said


def test_other_commands_do_without_the_extra() -> None:
    code = "import sys\nsys.modules['uvloop'] = None\n"
    code += "from inference_providers.cli.main import main\nmain()"
    for args in (["--help"], ["serve", "--help"], ["paths"]):
        subprocess.run(
            [sys.executable, "-c", code, *args],
            env={**places(), "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, count: str) -> None:
    file = tmp_path / "keys.env"
    file.write_text("OPENAI_API_KEY=hunter2\n")
    file.chmod(0o644)
    said = refused("--env-file", str(file), "--workers", count)
    assert "can be read by everybody" in said and f"chmod 600 {file}" in said and "hunter2" not in said
    assert "no file" in refused("--env-file", str(tmp_path / "none"))


@pytest.mark.parametrize("count", ["1", "2"])
def test_what_is_wrong_is_said_once_however_many_would_serve(tmp_path: Path, count: str) -> None:
    registry = tmp_path / "registry.json"
    registry.write_text('{"providers": 1}')
    said = refused("--registry", str(registry), "--workers", count, INFERENCE_PROVIDERS_TOKEN="t" * 16)
    assert said.count("providers") and "worker" not in said


def test_an_empty_token_lets_nobody_in(tmp_path: Path) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"], "inference_providers")
    folder.mkdir(parents=True, mode=0o700)
    place = folder / "gateway-token"
    place.touch(0o600)
    assert "has 0 characters" in refused()


def test_with_the_token_it_listens_for_other_machines(start: Start, serve: Serve) -> None:
    gateway = start(serve().url, args=["--host", "0.0.0.0"])
    local = {"Host": "127.0.0.1"}
    assert gateway.ask("POST", CHAT, BODY, local)[0] == 200
    assert gateway.ask("POST", CHAT, BODY, {**local, "Authorization": ""})[0] == 401


def test_an_address_that_cannot_be_listened_at_names_the_option_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--port", str(port))
    assert f"Nothing can listen at 127.0.0.1:{port}" in said and "another --port" in said
    assert "another --host" in refused("--host", "192.0.2.1")  # of no machine


def test_a_key_that_was_refused_earlier_is_told_in_words_for_a_gateway(start: Start, serve: Serve) -> None:
    gateway = start(serve(lambda connection, _: connection.reply(401, {"error": {"message": "bad key"}})).url)
    gateway.ask("POST", CHAT, BODY)
    status, _, content = gateway.ask("POST", CHAT, BODY)
    assert status == 503
    assert b"SIGHUP" in content and b"ProviderList" not in content


def test_without_a_token_it_is_for_this_machine_alone(start: Start, serve: Serve) -> None:
    assert "loopback only" in refused("--no-token", "--host", "0.0.0.0")
    gateway = start(serve().url, args=["--no-token"])
    assert gateway.ask("POST", CHAT, BODY, {"Authorization": ""})[0] == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Origin": "https://evil.example"}, 403, "foreign_origin"),
        ({"Origin": "null"}, 403, "foreign_origin"),
        ({"Host": "evil.example"}, 421, "unknown_host"),
        ({"Content-Type": "text/plain"}, 415, "content_type"),
        ({"Authorization": "Bearer other"}, 401, "unknown_token"),
        ({"Authorization": ""}, 401, "missing_token"),
    ],
)
def test_pages_of_others_and_those_without_the_token_stay_outside(
    start: Start, serve: Serve, headers: dict[str, str], status: int, code: str
) -> None:
    server = serve()
    given, _, body = start(server.url).ask("POST", CHAT, BODY, headers)
    assert (given, json.loads(body)["error"]["code"]) == (status, code)
    assert server.asked == []


def test_the_token_and_folders_are_those_of_the_file(start: Start, serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "keys.env"
    file.touch(0o600)
    file.write_text(f"XDG_STATE_HOME={tmp_path / 'other'}\n")
    gateway = start(serve().url, args=["--env-file", str(file)], environ={"INFERENCE_PROVIDERS_TOKEN": ""})
    assert gateway.process.stderr is not None
    place = Path(gateway.process.stderr.readline().removeprefix("Token: in ").strip())
    assert place.is_relative_to(tmp_path / "other")
    assert gateway.ask("POST", CHAT, BODY)[0] == 401
    gateway.token = place.read_text().strip()
    assert gateway.ask("POST", CHAT, BODY)[0] == 200

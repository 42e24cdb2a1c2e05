"""Programs of others in processes of their own, and what they are pointed at: the provider itself, or the gateway.

What a program does straight before the provider is the measure of what it does before the gateway.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.behind import Behind
from tests.clients.provider import ScriptedProvider
from tests.clients.tap import Tap
from tests.conftest import ROOT, keys, registry_of
from tests.running import Running
from tests.servers import Server, status

FOLDER = Path(__file__).parent
PROGRAMS = FOLDER / "programs"
PYTHON = ROOT / ".venv-clients" / "bin"
AIDER = ROOT / ".venv-aider" / "bin" / "aider"
NODE_MODULES = PROGRAMS / "node_modules"
PATIENCE = 90.0  # seconds for a program: the slowest wait for their own retries
TOKEN = "token-of-the-gateway-0123456789"
PROVIDER_KEY = keys(1)["P1_API_KEY"]
# What the gateway is asked for, and what the provider is. Straight before the provider a program asks for the latter.
MODEL, SENT_MODEL = "gpt-4o-mini", "gpt-4o-mini-internal"
EMPTIED = {"refusal", "parsed"}  # of a model's turn, where they are null: the SDK for Node sends them back
PRIVATE = {"cookie": "session=secret-cookie", "x-forwarded-for": "203.0.113.77", "x-api-token": "secret-header"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is here is marked."""
    for item in items:
        if FOLDER in item.path.parents:
            item.add_marker(pytest.mark.clients)


def python_program(name: str) -> list[str]:
    """The command of a program for Python; the test is skipped where its environment is not there."""
    path = PYTHON / name
    if not path.exists():
        pytest.skip("`make test-clients` makes the environment of programs for Python")
    return [str(path)]


def node_program(*path: str) -> list[str]:
    """The same for what npm has installed."""
    if shutil.which("node") is None:
        pytest.skip("node is missing")
    if not NODE_MODULES.is_dir():
        pytest.skip("`make test-clients` installs the programs for node, where npm is there")
    return [str(NODE_MODULES.joinpath(*path))] if path else ["node"]


def of_the_page(heading: str, language: str) -> list[str]:
    """The blocks in a language that docs/programs.md has for a program."""
    page = (ROOT / "docs" / "programs.md").read_text("utf-8")
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found


class Way:
    """What a program is pointed at: `url` with `token`, where `model` is. `tap` has what it sent there."""

    def __init__(self, name: str, provider: ScriptedProvider, port: int, home: Path) -> None:
        self.name, self.provider, self.home = name, provider, home
        self.is_gateway = name == "gateway"
        self.token = TOKEN if self.is_gateway else PROVIDER_KEY
        self.model = MODEL if self.is_gateway else SENT_MODEL
        self.tap = Tap(port)
        self.outside = Server(status(502, {"error": {"message": "nothing outside is reached here"}}))

    @property
    def url(self) -> str:
        return self.tap.url

    @property
    def environ(self) -> dict[str, str]:
        """Of a program: a home of its own, and a proxy that sees whatever would leave this machine."""
        proxy = self.outside.url.removesuffix("/v1")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
            "NODE_USE_ENV_PROXY": "1",
            "INFERENCE_PROVIDERS_TOKEN": self.token,
        }

    def run(
        self, command: list[str], folder: Path | None = None, seconds: float = PATIENCE, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            command, cwd=folder or self.home, env={**self.environ, **environ}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, encoding="utf-8", timeout=seconds, check=False,
        )  # fmt: skip

    def pasted(self, block: str) -> str:
        """What the page has, with the address of this way, and a model that is there."""
        said = block.replace("http://127.0.0.1:8484/v1", self.url)
        return said if self.is_gateway else re.sub(r"\bauto\b(:small)?", self.model, said)

    def play(self, command: list[str], script: str, *, stream: bool = False, **environ: str) -> dict[str, Any]:
        """Run one of the programs here, and read what it says of what came."""
        done = self.run(
            command, SCRIPT=script, STREAM="yes" if stream else "no", MODEL=self.model, GATEWAY_URL=self.url,
            GATEWAY_TOKEN=self.token, HEADERS=json.dumps(PRIVATE), **environ,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said

    def check(self) -> None:
        """Nothing went out of the machine; the provider saw what was asked, and nothing of who asked."""
        assert [(request.method, request.path) for request in self.outside.requests] == []
        if not self.is_gateway:
            return
        seen = {request.body for request in self.provider.chats}
        assert seen == {passed_on(request.body) for request in self.tap.chats}
        for request in self.provider.requests:
            assert request.headers.get("authorization") == f"Bearer {PROVIDER_KEY}"
            for secret in (TOKEN, *PRIVATE.values(), "org-of-the-caller"):
                assert secret.encode() not in request.raw, secret
            programs = {one.headers.get("user-agent") for one in self.tap.requests}
            assert request.headers.get("user-agent") not in programs
            assert not [name for name in request.headers if name.startswith(("x-stainless", "x-forwarded"))]

    def close(self) -> None:
        """Close what listens."""
        self.tap.close()
        self.outside.close()


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    """A provider that follows scripts."""
    with ScriptedProvider() as made:
        yield made


def serving(provider: ScriptedProvider, folder: Path) -> Running:
    """A gateway before *provider*, as a user starts it."""
    registry = folder / "registry.json"
    registry.write_text(json.dumps(registry_of(provider.url, model=MODEL)))
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "INFERENCE_PROVIDERS_TOKEN": TOKEN,
        "INFERENCE_PROVIDERS_LOG": "off",
        "INFERENCE_PROVIDERS_AVOID": "local",
        "P1_API_KEY": PROVIDER_KEY,
    }
    command = [sys.executable, "-m", "inference_providers", "serve", "--port", "0", "--registry", str(registry)]
    process = subprocess.Popen(command, env=environ, cwd=folder, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    return Running(process, TOKEN)


def passed_on(body: bytes) -> bytes:
    """What the provider is sent of a request: the same bytes, with its own name for the model.

    A stream whose usage was not asked for has that in front, for the log and its costs. Turns of models lose what
    providers refuse.
    """
    sent = re.sub(rb'("model":\s*)"(?:%b|auto(?::small)?)"' % MODEL.encode(), rb'\1"%b"' % SENT_MODEL.encode(), body)
    asked = json.loads(sent)
    if any(message.keys() & EMPTIED for message in asked["messages"]):
        messages = [{key: message[key] for key in message if key not in EMPTIED} for message in asked["messages"]]
        return json.dumps({**asked, "messages": messages}).encode()
    if asked.get("stream") and "stream_options" not in asked:
        return b'{"stream_options":{"include_usage":true},' + sent[1:]
    return sent


@pytest.fixture(params=["straight", "gateway"])
def way(request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path) -> Iterator[Way]:
    """Straight to the provider, and by way of the gateway."""
    home = tmp_path / "home"
    home.mkdir()
    gateway = serving(provider, tmp_path) if request.param == "gateway" else None
    made = Way(request.param, provider, gateway.port if gateway else provider.port, home)
    try:
        yield made
        made.check()
        assert gateway is None or gateway.process.poll() is None, gateway.process.stderr.read()
    finally:
        made.close()
        if gateway is not None:
            gateway.stop()


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    """Strict providers of several kinds, behind one gateway."""
    made = Behind(tmp_path)
    try:
        yield made
        made.check()
    finally:
        made.close()

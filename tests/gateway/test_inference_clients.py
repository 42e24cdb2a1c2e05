"""The clients of the inference API in other languages, each run as it is, and the page's own requests."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.running import Running
from tests.servers import Server, status

Start = Callable[..., Running]
Serve = Callable[..., Server]
EXAMPLES = ROOT / "examples" / "inference_api"
NODE, GO = shutil.which("node"), shutil.which("go")
PAGE = (ROOT / "docs" / "inference-api.md").read_text("utf-8")

ALL_OF_IT = """
import { Client } from "./client.mjs";
const client = new Client();
const messages = [{ role: "user", content: "Hi" }];
const request = { model: "gpt-4o-mini", messages };
const reply = await client.inference.create(request);
const kept = await client.inference.retrieve(reply.id);
const batch = await client.inference.batch([request, { messages }], { parallel: true });
let text = "", last;
for await (const chunk of await client.inference.stream(request)) { text += chunk.content; last = chunk; }
let code;
try { await client.inference.create({ messages }); } catch (error) { code = [error.status, error.code]; }
console.log(JSON.stringify([reply.content, kept.result.content, batch.completed, batch.failed, text, last.provider, code]));
"""


def environ(gateway: Running, tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    go = {"GOCACHE": str(tmp_path / "go"), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GO111MODULE": "off"}
    return {**kept, **go, "INFERENCE_PROVIDERS_GATEWAY": gateway.url, "INFERENCE_PROVIDERS_TOKEN": gateway.token}


def run(command: list[str], gateway: Running, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environ(gateway, tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100
    )


@pytest.mark.clients
@pytest.mark.skipif(NODE is None, reason="needs Node.js")
def test_javascript(start: Start, serve: Serve, tmp_path: Path) -> None:
    gateway = start(serve().url)
    done = run(["node", str(EXAMPLES / "client.mjs"), "Hi", "gpt-4o-mini"], gateway, tmp_path)
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
    shutil.copy(EXAMPLES / "client.mjs", tmp_path)
    (tmp_path / "all.mjs").write_text(ALL_OF_IT)
    done = run(["node", "all.mjs"], gateway, tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["hello", "hello", 1, 1, "hello", "p1", [400, "invalid_request"]]
    refused = run(
        ["node", str(EXAMPLES / "client.mjs"), "Hi"],
        start(serve(status(400, {"error": {"message": "no"}})).url),
        tmp_path,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("invalid_request: ")


@pytest.mark.clients
@pytest.mark.skipif(GO is None, reason="needs Go")
def test_go(start: Start, serve: Serve, tmp_path: Path) -> None:
    gateway = start(serve().url)
    program = str(tmp_path / "client")
    built = run(["go", "build", "-o", program, str(EXAMPLES / "client.go")], gateway, tmp_path)
    assert built.returncode == 0, built.stderr
    done = run([program, "Hi", "gpt-4o-mini"], gateway, tmp_path)
    assert (done.returncode, done.stdout) == (0, "hello\ngpt-4o-mini by p1: hello\n"), done.stderr
    refused = run([program, "Hi", "no-such-model-at-all"], gateway, tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("model_not_found: ")


def test_every_request_of_the_page_is_answered(start: Start, serve: Serve) -> None:
    gateway = start(serve().url, serve().url)
    requests = re.findall(r"^```http\n(GET|POST) (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(requests) >= 6
    for method, path, body in requests:
        code, _, content = gateway.ask(method, path, body.encode() or None)
        assert code == 200, (path, content)
        if path.endswith("/batch"):
            assert json.loads(content)["failed"] == 0


def test_the_page_names_every_path_and_code() -> None:
    from inference_providers.compat import inference_errors
    from inference_providers.gateway import inference_routes

    paths = {route.pattern for route in inference_routes.ROUTES if route.pattern.startswith("/v1")}
    assert {path for path in paths if f"{path}`" not in PAGE} == set()
    assert {code for code in inference_errors._KINDS if f"`{code}`" not in PAGE} == set()

"""The OpenAPI document is true: every path of it is there, and replies are as it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inference_providers.gateway.inference_routes import ROUTES as INFERENCE
from inference_providers.gateway.openapi import document
from inference_providers.gateway.routes import Routes
from inference_providers.gateway.table import ROUTES
from tests.conftest import ROOT
from tests.running import Running
from tests.servers import Server, status

Start = Callable[..., Running]
Serve = Callable[..., Server]
MODEL = "gpt-4o"
SAID = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
PLACES = (str(Path(sys.executable).parent), str(ROOT / ".venv-clients" / "bin"), os.environ.get("PATH", ""))
SCHEMATHESIS = shutil.which("schemathesis", path=os.pathsep.join(PLACES))


def test_every_path_of_it_is_there_and_every_path_of_the_inference_api_in_it() -> None:
    routes, paths = Routes(ROUTES), document()["paths"]
    for path, operations in paths.items():
        for method in operations:
            assert routes.find(method.upper(), path.replace("{model}", "x").replace("{id}", "x"))[0] is not None, path
    own = {(route.method.lower(), route.pattern) for route in INFERENCE if route.pattern.startswith("/v1")}
    assert own == {(method, path) for path in paths if path.startswith("/v1/inference") for method in paths[path]}
    names = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert len(names) == len(set(names))


def resolved(schema: Any) -> Any:
    """A schema that stands for itself: the document's others are among its definitions."""
    text = json.dumps(schema).replace("#/components/schemas/", "#/$defs/")
    defs = json.loads(json.dumps(document()["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": defs, **json.loads(text)}


def test_schemas_are_schemas() -> None:
    for schema in document()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(resolved(schema))


def check(gateway: Running, method: str, path: str, body: Any = None, where: str = "") -> Any:
    """A reply, held to what the document says of its status."""
    code, _, content = gateway.ask(method, path, body)
    operation = document()["paths"][where or path][method.lower()]
    (kind,) = [kind for kind in operation["responses"][str(code)]["content"] if kind == "application/json"]
    found = json.loads(content)
    jsonschema.validate(found, resolved(operation["responses"][str(code)]["content"][kind]["schema"]))
    return found


def test_replies_are_as_it_says(start: Start, serve: Serve) -> None:
    gateway = start(serve().url, model=MODEL)
    for body in (SAID, {"model": MODEL}, {"model": "no-such-model-at-all", "messages": SAID["messages"]}):
        check(gateway, "POST", "/v1/inference", body)
    check(gateway, "POST", "/v1/inference/batch", {"requests": [SAID, {}]})
    id_ = check(gateway, "POST", "/v1/inference", SAID)["id"]
    for name in (id_, "inf_of_nobody"):
        check(gateway, "GET", f"/v1/inference/{name}", where="/v1/inference/{id}")
    check(gateway, "GET", "/v1/inference/analytics")
    check(gateway, "POST", "/v1/inference/performance", {"model": MODEL})
    check(gateway, "POST", "/v1/chat/completions", SAID)
    check(gateway, "GET", "/v1/models")
    check(start(serve(status(429)).url, model=MODEL), "POST", "/v1/inference", {**SAID, "timeout": 3})
    code, headers, content = gateway.ask("GET", "/openapi.json", headers={"Authorization": ""})
    assert (code, headers["content-type"], json.loads(content)) == (200, "application/json", document())


@pytest.mark.clients
@pytest.mark.skipif(SCHEMATHESIS is None, reason="needs schemathesis")
@pytest.mark.parametrize(
    ("paths", "without"),
    [
        # which names of providers there are is nothing that a schema says
        ("^/(v1/inference|health|ready|openapi)", "positive_data_acceptance"),
        # what is wrong with these is for whoever answers to say
        ("^/v1/(chat/completions|completions|models)", "positive_data_acceptance,negative_data_rejection"),
    ],
    ids=["inference", "openai"],
)
def test_schemathesis_finds_nothing(start: Start, serve: Serve, tmp_path: Path, paths: str, without: str) -> None:
    gateway = start(serve().url, model=MODEL)
    command = [
        str(SCHEMATHESIS), "run", f"http://127.0.0.1:{gateway.port}/openapi.json", "--header",
        f"Authorization: Bearer {gateway.token}", "--max-examples", "30", "--seed", "1", "--include-path-regex", paths,
        "--exclude-checks", without,
    ]  # fmt: skip
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout[-5000:]

"""A gateway that runs in a process of its own, before a provider on loopback that the test scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, keys, registry_of
from tests.running import Running

TOKEN = "administrator-token-0123456789"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start gateways before servers: `start(server.url, ..., args=[...], environ={...})`."""
    running: list[Running] = []

    def run(
        *endpoints: str, model: str = "gpt-4o-mini", args: Any = (), environ: Any = None, registry: Any = None
    ) -> Running:
        file = tmp_path / f"registry-{len(running)}.json"
        file.write_text(json.dumps(registry or registry_of(*endpoints, model=model)))
        known = ("PATH", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "INFERENCE_PROVIDERS_LOG")
        given = {name: os.environ[name] for name in known if name in os.environ}
        given |= {"PYTHONPATH": str(ROOT), "INFERENCE_PROVIDERS_TOKEN": TOKEN, **keys(len(endpoints))}
        given |= {"INFERENCE_PROVIDERS_AVOID": "local", **(environ or {})}
        command = [
            sys.executable,
            "-m",
            "inference_providers",
            "serve",
            "--port",
            "0",
            "--registry",
            str(file),
            *args,
        ]
        process = subprocess.Popen(command, env=given, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        running.append(Running(process, TOKEN))
        return running[-1]

    yield run
    for one in running:
        one.stop()

"""What `deploy/` holds: an image, a composition, a service. Run as far as a machine without their engines can."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, places

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")


def instruction(name: str) -> Any:
    """What an instruction of the Dockerfile says in its form of JSON."""
    (said,) = re.findall(rf"^{name}\b[^\[]*(\[.*\])$", DOCKERFILE, re.MULTILINE)
    return json.loads(said)


def environ(**more: str) -> dict[str, str]:
    """With the folder of this Python's programs before others."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {**places(), "PATH": path, "PYTHONPATH": str(ROOT), **more}


@pytest.fixture
def commands(tmp_path: Path) -> dict[str, str]:
    """An environment in which `inference-providers` is this tree's."""
    program = tmp_path / "bin" / "inference-providers"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m inference_providers "$@"\n')
    program.chmod(0o755)
    made = environ()
    return {**made, "PATH": f"{program.parent}:{made['PATH']}"}


def test_the_image_says_what_is_missing_without_a_token(commands: dict[str, str]) -> None:
    for token in ({}, {"INFERENCE_PROVIDERS_TOKEN": ""}):
        done = subprocess.run(
            instruction("ENTRYPOINT"),
            env={**commands, **token},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode != 0
        assert "INFERENCE_PROVIDERS_TOKEN" in done.stderr and "missing" in done.stderr
        assert "Serving" not in done.stderr


def test_the_image_serves_on_all_addresses_and_takes_options_and_signals(commands: dict[str, str]) -> None:
    entry = [*instruction("ENTRYPOINT"), *instruction("CMD")]
    assert "--host 0.0.0.0" in entry[2]
    process = subprocess.Popen(
        [*entry, "--host", "127.0.0.1", "--port", "0"],
        env={**commands, "INFERENCE_PROVIDERS_TOKEN": "t" * 16},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("Serving at http://127.0.0.1:"), line
        port = re.findall(r":(\d+)/", line)[0]
        (check,) = re.findall(r"^HEALTHCHECK.*\\\n\s+CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
        asks = [part.replace("8484", port) for part in json.loads(check)]
        assert subprocess.run(asks, env=commands, check=False, timeout=60).returncode == 0
    finally:
        process.terminate()
        assert process.wait(60) == 0  # the shell gave way to it
        process.stderr.close()
    assert subprocess.run(asks, env=commands, check=False, timeout=60, capture_output=True).returncode != 0


def test_the_image_runs_as_nobody_in_particular() -> None:
    lines = DOCKERFILE.splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users and all(user.split(":")[0].isdecimal() and user.split(":")[0] != "0" for user in users)
    assert lines.index(f"USER {users[-1]}") < next(at for at, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"]
    assert let_through and all((ROOT / name).exists() for name in let_through)


def test_the_composition_is_closed() -> None:
    (service,) = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"].values()
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service and "environment" not in service  # secrets are in the file
    (volume,) = service["volumes"]
    (home,) = re.findall(r"^ENV HOME=(\S+)", DOCKERFILE, re.MULTILINE)
    assert volume.partition(":")[2] == home
    assert (service["build"]["context"], service["build"]["dockerfile"]) == ("..", "deploy/Dockerfile")
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert service["env_file"] in ignored


def test_all_wait_longer_than_the_gateway_itself() -> None:
    from inference_providers.gateway import Settings

    unit = (DEPLOY / "inference-providers.service").read_text("utf-8")
    (service,) = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"].values()
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert int(seconds) > Settings().stop_seconds
    assert int(service["stop_grace_period"].removesuffix("s")) > Settings().stop_seconds


def test_the_service_is_one_that_systemd_understands(tmp_path: Path) -> None:
    text = (DEPLOY / "inference-providers.service").read_text("utf-8")
    options = configparser.ConfigParser(interpolation=None, strict=False)
    options.optionxform = str  # type: ignore[assignment, method-assign]
    options.read_string(text)
    assert options["Service"]["DynamicUser"] == "yes" and options["Service"]["ProtectSystem"] == "strict"
    assert "--host" not in options["Service"]["ExecStart"]  # on loopback
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not here")
    unit = tmp_path / "inference-providers.service"
    unit.write_text(text.replace("/opt/inference-providers/bin/inference-providers", "/bin/true"))
    done = subprocess.run(
        [program, "verify", str(unit)], capture_output=True, text=True, check=False, env={**os.environ}
    )
    if "inference-providers.service" not in done.stderr and done.returncode:
        pytest.skip(f"systemd-analyze does not work here: {done.stderr[:200]}")
    assert (done.returncode, done.stderr) == (0, "")

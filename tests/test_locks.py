"""Locks: held by who lives; and a system that has none can do all but start servers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inference_providers.files import locks
from inference_providers.testing import tiny_model
from tests.conftest import ROOT
from tests.test_launch import nothing_is_left

__all__ = ["nothing_is_left"]  # a fixture: a home without models, and no server after a test

WITHOUT = """
import os, sys
for module in {hidden!r}:
    sys.modules[module] = None
for name in {missing!r}:
    delattr(os, name)
"""
SCRIPT = """
from inference_providers import *
from inference_providers.files import folders, locks
from inference_providers.servers import state as server_state
os.makedirs(server_state.servers_folder(os.environ) + "/x")
open(server_state.servers_folder(os.environ) + "/x/lock", "w").close()
file = os.open(server_state.servers_folder(os.environ) + "/x/lock", os.O_RDWR)
print(locks.available(), locks.take(file), locks.is_held(server_state.servers_folder(os.environ) + "/x/lock"))
print([*server_state.running(os.environ)], ProviderList(local="launch").local_servers())
try:
    ask_ai("hi")
except NoCredentialsError:
    print("no key")
try:
    ask_ai("hi", "llama.cpp/" + sys.argv[1], max_tokens=2)
except LocalServerError as error:
    print("Starting servers works on Linux and macOS only" in str(error))
"""


@pytest.mark.parametrize(
    ("hidden", "missing"),
    [
        (["fcntl"], []),
        (["fcntl", "pwd", "grp"], ["geteuid", "getegid", "getuid", "getgid", "uname", "O_NONBLOCK", "O_CLOEXEC", "fchmod"]),
    ],
    ids=["without locks", "as on Windows"],
)  # fmt: skip
def test_a_system_without_locks_says_what_it_cannot_do(hidden: list[str], missing: list[str], tmp_path: Path) -> None:
    model = tiny_model.write(str(tmp_path / "tiny.gguf"))
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environ = {**os.environ, "PYTHONPATH": path, "OLLAMA_HOST": "127.0.0.1:9"}
    start = WITHOUT.format(hidden=hidden, missing=missing)
    done = subprocess.run(
        [sys.executable, "-c", start + SCRIPT, model], capture_output=True, text=True, check=False, env=environ
    )
    assert done.stdout.splitlines() == ["False True False", "[] []", "no key", "True"], done.stderr
    for arguments, code, said in (
        (["local", "status"], 0, "No launched server runs"),
        (["local", "list"], 0, ""),
        (["local", "stop", "--all"], 0, "No launched server runs"),
        (["local", "start", model], 1, "Starting servers works on Linux and macOS only"),
    ):
        script = f"{start}\nfrom inference_providers.cli.main import main\nmain({arguments!r})"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environ)
        assert done.returncode == code, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_lock_is_held_until_its_process_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch(0o600)
    assert not locks.is_held(str(path))
    script = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert locks.is_held(str(path))
    holder.communicate("")
    assert not locks.is_held(str(path))
    assert not locks.is_held(str(tmp_path / "nothing"))

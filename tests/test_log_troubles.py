"""A log that cannot be written while a program runs: one warning, every answer, and no call that waits for it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inference_providers import ProviderList
from inference_providers.files.writer import row_writer
from inference_providers.usage.log_file import LOG_NAME

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits, rights and mounts as Linux has them")
CALLS = 300
# Which threads open a database is noted: whoever does that may wait for it.
PROGRAM = f"""
import json, os, resource, sys, threading
most = int(sys.argv[1])
if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
opened = []
sys.addaudithook(
    lambda event, given: opened.append(threading.current_thread().name) if event == "sqlite3.connect" else None
)
from inference_providers import ProviderList
from inference_providers.files import row_writer
made = ProviderList(mock={{"gpt-4": "It depends."}}, log="usage")
answers = [str(made.ask_ai(f"Should I? {{number}}", "gpt-4")) for number in range({CALLS})]
row_writer().flush(30)
answers += [str(made.ask_ai(f"Shall I? {{number}}", "gpt-4")) for number in range({CALLS})]
row_writer().flush(30)
print(json.dumps({{"answers": answers, "opened": opened}}))
"""
# What root may do to files of others it does not do here.
MEEK = ("setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--")


def data() -> Path:
    return Path(os.environ["XDG_DATA_HOME"]) / "inference_providers"


def ran(before: Sequence[str] = (), most: int = 0) -> Any:
    """What the program says, after whose end nothing but one warning is on its standard error."""
    command = [*before, sys.executable, "-c", PROGRAM, str(most)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    warnings = done.stderr.splitlines()
    assert len(warnings) == 1, warnings
    assert f"{LOG_NAME} is not used for now" in warnings[0]
    found = json.loads(done.stdout)
    assert found["answers"] == ["It depends."] * CALLS * 2
    assert len(found["opened"]) <= 2, "it is tried, and then left alone for a while"
    assert set(found["opened"]) <= {"inference_providers writer"}, "no call waits for the file"
    return warnings[0]


def filled() -> None:
    """A log with one call."""
    ProviderList(mock={"gpt-4": "It depends."}, log="usage").ask_ai("Should I?", "gpt-4")
    assert row_writer().flush(30)


def logged() -> int:
    with closing(sqlite3.connect(data() / LOG_NAME)) as connection, connection:
        count: int = connection.execute("SELECT count(*) FROM calls").fetchone()[0]
    return count


@pytest.mark.parametrize("what", ["file", "empty folder"])
def test_a_log_that_may_only_be_read_costs_one_warning(what: str) -> None:
    before: tuple[str, ...] = ()
    if os.getuid() == 0:
        if shutil.which(MEEK[0]) is None:
            pytest.skip("root may write everything")
        before = MEEK
    if what == "file":
        filled()
        for path in data().glob(f"{LOG_NAME}*"):
            path.chmod(0o400)
    else:
        data().mkdir(parents=True)
        data().chmod(0o500)
    try:
        ran(before)
    finally:
        data().chmod(0o700)
    if what == "file":
        assert logged() == 1
    else:
        assert not list(data().iterdir())


@pytest.mark.parametrize("room", [0, 16, 40_000])
def test_a_file_that_may_not_grow_costs_one_warning(room: int) -> None:
    if room > 16:
        filled()
    ran(most=room or 1)
    assert not list(data().glob("usage.key.*"))


def test_a_full_disk_costs_one_warning() -> None:
    data().mkdir(parents=True)
    mount = f"mount -t tmpfs -o size=96k,mode=0700 none {data()} && exec "
    before = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount + '"$@"', "sh"]
    try:
        subprocess.run([*before, "true"], capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")
    assert "full" in ran(before)


def test_a_file_that_another_program_holds_all_the_time_costs_one_warning() -> None:
    filled()
    other = sqlite3.connect(data() / LOG_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "locked" in ran()
    other.execute("ROLLBACK")
    other.close()
    assert logged() == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file to somebody else")
def test_a_log_without_a_key_that_may_be_used_says_so_and_is_written() -> None:
    filled()
    os.chown(data() / "usage.key", 1234, 1234)
    done = subprocess.run([sys.executable, "-c", PROGRAM, "0"], capture_output=True, text=True, timeout=100, check=True)
    (warning,) = done.stderr.splitlines()
    assert "prompts are not hashed" in warning
    assert logged() == 1 + 2 * CALLS

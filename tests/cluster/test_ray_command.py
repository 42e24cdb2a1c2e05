"""`inference-providers batch --engine ray`: as without it, to the byte, but for times."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.limited_server import numbers
from tests.cluster.test_ray import AT_ONCE, KEY, cluster, lines, until, url, without_times
from tests.conftest import ROOT, places

pytest.importorskip("ray")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(240)]
__all__ = ["cluster", "url"]

QUESTIONS = [
    '"one"',
    '{"custom_id": "b", "prompt": "two", "temperature": 0.5}',
    "no JSON",
    '"refuse this"',
    '{"custom_id": "o", "url": "/v1/chat/completions", "body": {"messages": [{"role": "user", "content": "four"}]}}',
    *(json.dumps(f"question {number}") for number in range(30)),
]


def command(url: str, folder: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    """A command and its environment; keys and addresses by hand, as the nodes have none of these."""
    program = [sys.executable, "-m", "inference_providers", "batch", "in.jsonl"]
    program += ["-m", "m", "-c", str(AT_ONCE), "--api-base", url, "--api-key-variable", "MY_KEY", *words]
    environ = {
        **places(), "PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8",
        "MY_KEY": KEY, "RAY_USAGE_STATS_ENABLED": "0",
    }  # fmt: skip
    return program, environ


def run(url: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program, environ = command(url, folder, *words)
    return subprocess.run(
        program, env=environ, cwd=folder, capture_output=True, text=True, check=False, timeout=200,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What was said, without how long it took and what the output is called; and without a line of Ray's own core."""
    said = re.sub(r" in [\d.]+ s( \([\d.]+/s\))?|wrote \S+", "", done.stderr)
    return [line for line in said.splitlines() if "core_worker.cc" not in line]


def _index(row: dict[str, Any]) -> int:
    return int(row["index"])


def test_the_same_files_messages_and_exit_codes(cluster: Any, url: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("\n".join(QUESTIONS))
    there = ("--engine", "ray", "--address", cluster.address, "--actors", "2")
    alone, many = run(url, tmp_path, "-o", "one.jsonl"), run(url, tmp_path, "-o", "many.jsonl", *there)
    assert (alone.returncode, alone.stdout) == (many.returncode, many.stdout) == (1, "")
    assert told(many) == told(alone)
    one, rows = (sorted(without_times(tmp_path / f"{name}.jsonl"), key=_index) for name in ("one", "many"))
    assert rows == one
    asked = numbers(url)["asked"]
    again, anew = run(url, tmp_path, "-o", "one.jsonl"), run(url, tmp_path, "-o", "many.jsonl", *there)
    assert told(anew) == told(again) and "33 done before" in anew.stderr
    assert (anew.returncode, numbers(url)["asked"]) == (1, asked)
    assert KEY not in alone.stderr + many.stderr
    table = run(url, tmp_path, "-o", "answers.csv", "--max-cost", "1", "-q", *there)
    assert table.returncode == 1 and (tmp_path / "answers.csv").read_text().count("re: ") == 33


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("-o", "o.jsonl", "--engine", "ray", "--address", "127.0.0.1:1"),
            1,
            "Error: no cluster of Ray answers at 127",
        ),
        (("-o", "-", "--engine", "ray"), 2, "--engine ray needs an output file (-o FILE), in a folder that"),
        (("-o", "o.jsonl", "--engine", "ray", "--mode", "provider"), 2, "and --mode provider does not; choose one"),
        (("-o", "o.jsonl", "--address", "10.0.0.5:6379"), 2, "--address and --actors are of --engine ray"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words: tuple[str, ...], code: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('"one"\n')
    done = run("http://127.0.0.1:9/v1", tmp_path, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr and "Traceback" not in done.stderr


def test_a_bar_moves_while_a_part_is_asked(cluster: Any, url: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(f'"question {number}"\n' for number in range(12)))
    program, environ = command(
        url, tmp_path, "-o", "o.jsonl", "--engine", "ray", "--address", cluster.address, "-c", "1"
    )
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        program, env={**environ, "TERM": "xterm", "COLUMNS": "120"}, cwd=tmp_path, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:
                break
        assert process.wait(200) == 0, shown.decode()
    os.close(ours)
    counts = {int(found) for found in re.findall(rb"(\d+)/12", shown)}
    assert 12 in counts and counts & set(range(1, 12)), counts
    assert b"12 answered" in shown


def test_ctrl_c_keeps_what_came_and_the_same_command_goes_on(cluster: Any, url: str, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(f'"question {number}"\n' for number in range(600)))
    there = ("-o", "o.jsonl", "--engine", "ray", "--address", cluster.address)
    program, environ = command(url, tmp_path, *there)
    with subprocess.Popen(program, env=environ, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: numbers(url)["answered"] > 150)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=100)
    assert process.returncode == 130, said
    assert "Interrupted. o.jsonl keeps the answers so far; the same command resumes" in said
    assert "Traceback" not in said
    assert len(lines(tmp_path / "o.jsonl")) >= 150 - 2 * AT_ONCE, "not only of parts that were done"
    done = run(url, tmp_path, *there)
    assert done.returncode == 0, done.stderr
    assert {row["index"] for row in lines(tmp_path / "o.jsonl")} == set(range(600))
    assert numbers(url)["again"] <= AT_ONCE

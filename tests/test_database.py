"""A user's SQLite files: private, whole, shared by processes, and never in the way."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers.files.database import REST, Database

SCHEMA = ("CREATE TABLE things (name TEXT); CREATE INDEX by_name ON things (name)",)
MORE = (*SCHEMA, "ALTER TABLE things ADD COLUMN size INTEGER DEFAULT 7")
WRITER = """
import sys
from inference_providers.files.database import Database
base = Database(sys.argv[1], ("CREATE TABLE things (name TEXT)",))
for number in range(int(sys.argv[2])):
    base.write(lambda c: c.execute("INSERT INTO things VALUES (?)", (f"{sys.argv[3]}-{number}",)))
"""


def put(name: str) -> Callable[[sqlite3.Connection], Any]:
    return lambda connection: connection.execute("INSERT INTO things (name) VALUES (?)", (name,)).rowcount


def names(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT name FROM things ORDER BY name")]


PASSING = """
import sys
from inference_providers.files.database import Database
base = Database(sys.argv[1], ("CREATE TABLE things (name TEXT)",))
assert base.write(lambda c: c.execute("INSERT INTO things VALUES ('passing')").rowcount)
base.close()
"""


class Kept:
    """A database of a test, what it has said, and its clock."""

    def __init__(self, path: Path, migrations: tuple[str, ...] = SCHEMA, busy: float = 5.0) -> None:
        self.said: list[str] = []
        self.now = 0.0
        self.base = Database(str(path), migrations, warn=self.said.append, clock=lambda: self.now, busy=busy)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own" / "things.db"


def test_what_is_written_is_there_for_others_and_private(path: Path) -> None:
    first, second = Kept(path), Kept(path)
    assert second.base.read(names) is None  # nothing is made by reading
    assert not path.exists()
    assert first.base.write(put("a")) == 1
    assert second.base.read(names) == ["a"]
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert first.said == second.said == []


def test_work_that_fails_leaves_nothing_and_is_the_callers_to_hear_of(path: Path) -> None:
    kept = Kept(path)

    def half(connection: sqlite3.Connection) -> None:
        put("half")(connection)
        raise KeyError("x")

    with pytest.raises(KeyError):
        kept.base.write(half)
    assert kept.base.write(put("whole")) == 1
    assert kept.base.read(names) == ["whole"]


def test_a_schema_is_brought_up_to_date_and_an_older_program_leaves_a_newer_file_alone(path: Path) -> None:
    old = Kept(path)
    old.base.write(put("a"))
    new = Kept(path, MORE)
    assert new.base.read(lambda c: c.execute("SELECT name, size FROM things").fetchall()) == [("a", 7)]
    late = Kept(path)
    assert late.base.write(put("b")) is None
    assert "a newer version of this package has written it" in late.said[0]
    assert new.base.read(names) == ["a"]


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_put_aside_with_one_word(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content)
    kept = Kept(path)
    assert kept.base.write(put("a")) == 1
    assert kept.base.read(names) == ["a"]
    (word,) = kept.said
    assert "was damaged" in word
    (aside,) = path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == content


def test_a_page_that_is_damaged_later_is_noticed_and_the_file_put_aside(path: Path) -> None:
    kept = Kept(path)
    kept.base.write(
        lambda c: c.executemany("INSERT INTO things (name) VALUES (?)", [(f"{n:0500}",) for n in range(99)])
    )
    kept.base.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    assert kept.base.read(names) is None or kept.base.read(names) == []
    assert kept.base.write(put("a")) == 1
    assert kept.base.read(names) == ["a"]
    assert len(kept.said) == 1


def test_a_file_that_another_program_holds_costs_one_warning_and_is_tried_again_later(path: Path) -> None:
    kept = Kept(path, busy=0.01)
    kept.base.write(put("a"))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert kept.base.write(put("b")) is None
    assert kept.base.write(put("c")) is None
    assert len(kept.said) == 1
    assert "locked" in kept.said[0]
    other.execute("COMMIT")
    other.close()
    assert kept.base.write(put("d")) is None  # it rests
    kept.now = REST
    assert kept.base.write(put("e")) == 1
    assert kept.base.read(names) == ["a", "e"]


def test_a_full_disk_costs_one_warning(path: Path) -> None:
    kept = Kept(path)
    kept.base.write(put("a"))
    kept.base.write(lambda c: c.execute("PRAGMA user_version"))
    assert kept.base._connection is not None
    pages = kept.base._connection.execute("PRAGMA page_count").fetchone()[0]
    kept.base._connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    assert kept.base.write(put("x" * 100_000)) is None
    assert "full" in kept.said[0]
    kept.now = REST
    assert kept.base.read(names) == ["a"]


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights")
def test_a_folder_that_others_can_write_is_not_used(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    kept = Kept(path)
    assert kept.base.write(put("a")) is None
    assert "can be written by everybody" in kept.said[0]
    assert not path.exists()


@pytest.mark.skipif(os.name != "posix", reason="there are no such links")
def test_a_link_in_its_place_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    (tmp_path / "other").write_bytes(b"")
    path.symlink_to(tmp_path / "other")
    kept = Kept(path)
    assert kept.base.write(put("a")) is None
    assert (tmp_path / "other").read_bytes() == b""
    assert len(kept.said) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_has_a_connection_of_its_own(path: Path) -> None:
    kept = Kept(path)
    kept.base.write(put("parent"))
    with kept.base._lock:  # as another thread may hold it at the fork
        pid = os.fork()
        if not pid:
            os._exit(0 if kept.base.write(put("child")) == 1 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert kept.base.write(put("parent again")) == 1
    assert kept.base.read(names) == ["child", "parent", "parent again"]


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    count, each = 8, 25
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(each), str(number)]) for number in range(count)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * count
    assert Kept(path, ("CREATE TABLE things (name TEXT)",)).base.read(names) == sorted(
        f"{number}-{one}" for number in range(count) for one in range(each)
    )


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be removed")
def test_a_file_that_somebody_removes_is_made_anew(path: Path) -> None:
    kept = Kept(path)
    kept.base.write(put("a"))
    for file in path.parent.iterdir():
        file.unlink()
    assert kept.base.write(put("b")) == 1
    assert Kept(path).base.read(names) == ["b"]
    assert kept.said == []


@pytest.mark.parametrize("count", [2, 5])
def test_several_of_one_file_in_a_process_lose_nothing_when_another_process_comes_and_goes(
    count: int, path: Path
) -> None:
    """Closing any descriptor of a file gives up all of a process's locks on it; others then take it for the last."""
    migrations = ("CREATE TABLE things (name TEXT)",)
    bases = [Kept(path, migrations).base for _ in range(count)]
    for base in bases:
        assert base.write(put("first"))
    for turn in range(3):
        subprocess.run([sys.executable, "-c", PASSING, str(path)], check=True)
        for base in bases:
            assert base.write(put(f"turn {turn}"))
    seen = sqlite3.connect(path)
    assert len(names(seen)) == count + 3 * (count + 1)
    seen.close()
    assert bases[0].read(names) == bases[-1].read(names)


def test_threads_that_make_one_file_at_once_keep_their_locks(path: Path) -> None:
    migrations = ("CREATE TABLE things (name TEXT)",)
    bases = [Kept(path, migrations).base for _ in range(8)]
    begin = threading.Barrier(8)

    def work(base: Database) -> None:
        begin.wait()
        base.write(put("a"))

    threads = [threading.Thread(target=work, args=(base,)) for base in bases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    subprocess.run([sys.executable, "-c", PASSING, str(path)], check=True)
    assert all(base.write(put("b")) for base in bases)
    seen = sqlite3.connect(path)
    assert len(names(seen)) == 8 + 1 + 8
    seen.close()


def test_all_that_open_a_new_file_at_once_write(tmp_path: Path) -> None:
    """SQLite does not wait where a journal is changed: whoever comes second would do without its file for a minute."""
    for number in range(20):
        bases = [Kept(tmp_path / f"{number}.db", ("CREATE TABLE things (name TEXT)",)).base for _ in range(8)]
        begin = threading.Barrier(8)
        done: list[object] = []

        def work(base: Database, begin: threading.Barrier = begin, done: list[object] = done) -> None:
            begin.wait()
            done.append(base.write(put("a")))

        threads = [threading.Thread(target=work, args=(base,)) for base in bases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(done), [base.fault for base in bases]
        for base in bases:
            base.close()

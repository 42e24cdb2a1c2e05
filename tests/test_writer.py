"""The thread that writes rows: nobody waits for it, nothing is lost at an end or a fork, and memory has a bound."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from inference_providers.files.database import Database
from inference_providers.files.writer import Writer
from tests.servers import PATIENCE
from tests.test_pipeline import eventually

SCHEMA = ("CREATE TABLE things (name TEXT)",)
INSERT = "INSERT INTO things VALUES (?)"
PROGRAM = """
import sys
from inference_providers.files.database import Database
from inference_providers.files.writer import row_writer
base = Database(sys.argv[1], ("CREATE TABLE things (name TEXT)",))
for number in range(int(sys.argv[2])):
    row_writer().put(base, "INSERT INTO things VALUES (?)", (f"{sys.argv[3]}-{number}",))
"""


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return [row[0] for row in connection.execute("SELECT name FROM things ORDER BY rowid")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own" / "things.db"


@pytest.fixture
def base(path: Path) -> Iterator[Database]:
    made = Database(str(path), SCHEMA, warn=lambda said: None)
    yield made
    made.close()


@contextmanager
def held(writer: Writer, base: Database) -> Iterator[None]:
    """What is put meanwhile waits, and is written together."""
    begun, go = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection, rows: Any) -> None:
        begun.set()
        go.wait(PATIENCE)

    writer.put(base, slow, None)
    assert begun.wait(PATIENCE)
    yield
    go.set()
    assert writer.flush(PATIENCE)


def test_rows_of_several_kinds_are_written_in_their_order(base: Database, path: Path) -> None:
    writer = Writer()
    groups: list[int] = []

    def sink(connection: sqlite3.Connection, rows: Any) -> None:
        groups.append(len(rows))
        connection.executemany(INSERT, rows)

    with held(writer, base):
        for number in range(3):
            writer.put(base, sink, (f"a{number}",))
        writer.put(base, INSERT, ("b",))
        writer.put(base, sink, ("c",))
    assert names(path) == ["a0", "a1", "a2", "b", "c"]
    assert groups == [3, 1], "what comes together is written together"


def test_rows_for_one_method_are_written_together(base: Database, path: Path) -> None:
    class Keeper:
        def __init__(self) -> None:
            self.groups: list[int] = []

        def sink(self, connection: sqlite3.Connection, rows: Any) -> None:
            self.groups.append(len(rows))
            connection.executemany(INSERT, rows)

    writer, keeper, other = Writer(), Keeper(), Keeper()
    with held(writer, base):
        for one in (keeper, keeper, keeper, other):
            writer.put(base, one.sink, ("x",))
    assert (keeper.groups, other.groups) == ([3], [1])


def test_many_threads_write_and_none_is_lost(base: Database, path: Path) -> None:
    writer = Writer(delay=0.01)

    def put(who: int) -> None:
        for number in range(200):
            writer.put(base, INSERT, (f"{who}-{number}",))

    threads = [threading.Thread(target=put, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert writer.flush(PATIENCE)
    assert len(set(names(path))) == 1600


def test_what_is_too_much_is_dropped_and_counted(base: Database, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer(most=10, most_bytes=100)
    with held(writer, base):
        for number in range(25):
            writer.put(base, INSERT, (str(number),))
        writer.put(base, INSERT, ("large",), 101)
        assert writer.dropped == 16
    assert len(names(path)) == 10
    assert "16 rows of the usage log were dropped" in caplog.text
    writer.put(base, INSERT, ("later",), 90)
    assert writer.flush(PATIENCE)
    assert "later" in names(path)


def test_a_row_that_cannot_be_written_does_not_end_the_thread(base: Database, path: Path) -> None:
    def broken(connection: sqlite3.Connection, rows: Any) -> None:
        raise KeyError("x")

    writer = Writer()
    writer.put(base, broken, None)
    assert writer.flush(PATIENCE)
    writer.put(base, INSERT, ("next",))
    assert writer.flush(PATIENCE)
    assert names(path) == ["next"]


def test_a_row_that_cannot_be_written_keeps_no_other_back(base: Database, path: Path) -> None:
    writer = Writer()
    with held(writer, base):
        for name in ("a", "b", "\ud800", "c", 2**70, "d"):
            writer.put(base, INSERT, (name,), 10)
    assert names(path) == ["a", "b", "c", "d"]
    assert writer._bytes == 0


def test_what_cannot_be_written_now_is_written_later(path: Path) -> None:
    now = [0.0]
    base = Database(str(path), SCHEMA, warn=lambda said: None, clock=lambda: now[0], busy=0.01)
    base.write(lambda connection: connection.execute(INSERT, ("first",)))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = Writer()
    writer.put(base, INSERT, ("waits",))
    assert not writer.flush(PATIENCE), "another program has the file"
    other.execute("ROLLBACK")
    now[0] += 3600
    writer.put(base, INSERT, ("comes",))
    assert writer.flush(PATIENCE)
    assert names(path) == ["first", "waits", "comes"]


def test_an_end_tries_once_more_what_could_not_be_written(path: Path) -> None:
    said: list[str] = []
    base = Database(str(path), SCHEMA, warn=said.append, busy=0.01)
    base.write(lambda connection: connection.execute(INSERT, ("first",)))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = Writer()
    writer.put(base, INSERT, ("waits",))
    assert not writer.flush(PATIENCE), "another program has the file"
    writer.end()
    assert names(path) == ["first"], "and still has it"
    other.execute("ROLLBACK")
    writer.end()
    assert names(path) == ["first", "waits"]
    assert len(set(said)) == 1


def run(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE)


def test_programs_that_end_lose_nothing(path: Path) -> None:
    """Eight at once, each of which ends as soon as it has put its rows."""
    running = [run(PROGRAM, str(path), "200", str(who)) for who in range(8)]
    for one in running:
        _, said = one.communicate(timeout=120)
        assert (one.returncode, said) == (0, b"")
    assert len(set(names(path))) == 1600


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("how", ["os", "multiprocessing"])
def test_a_fork_loses_nothing_and_writes_nothing_twice(how: str, path: Path) -> None:
    child = {
        "os": "if os.fork() == 0:\n    put('child')\n    row_writer().end()\n    os._exit(0)\nos.wait()\n",
        "multiprocessing": (
            "one = multiprocessing.get_context('fork').Process(target=put, args=('child',))\none.start()\none.join()\n"
        ),
    }[how]
    code = PROGRAM + (
        "import multiprocessing, os\n"
        "def put(name):\n    row_writer().put(base, 'INSERT INTO things VALUES (?)', (name,))\n"
        f"put('before')\n{child}put('after')\n"
    )
    _, said = run(code, str(path), "3", "p").communicate(timeout=60)
    assert said == b""
    assert sorted(names(path)) == ["after", "before", "child", "p-0", "p-1", "p-2"]


KILLED = """
import sys
from inference_providers.files.database import Database
from inference_providers.files.writer import row_writer
base = Database(sys.argv[1], ("CREATE TABLE things (name TEXT)",))
for number in range(100_000):
    row_writer().put(base, "INSERT INTO things VALUES (?)", (str(number),))
    if number == int(sys.argv[2]):
        print("put", flush=True)
        sys.stdin.readline()
    if number == 2 * int(sys.argv[2]):
        print("and more", flush=True)
"""


@pytest.mark.parametrize("after", [30, 250, 600, 900])
def test_a_kill_leaves_a_whole_database_and_at_most_the_last_moment_unwritten(after: int, path: Path) -> None:
    """What was put a while ago is written without being told to; of what is being put, what there is has no gap."""
    arguments = [sys.executable, "-c", KILLED, str(path), str(after)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "put\n"
        assert eventually(lambda: path.exists() and len(names_so_far(path)) == after + 1)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "and more\n"
        process.kill()
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = list(map(int, names(path)))
    assert len(kept) > after
    assert kept == list(range(len(kept))), "in their order, without a gap"


def names_so_far(path: Path) -> list[str]:
    """Those in a file that another process may be about to make."""
    try:
        return names(path)
    except sqlite3.OperationalError:
        return []


def test_what_an_exit_leaves_to_be_written_is_written(path: Path) -> None:
    """Also what is put while the interpreter ends, by a `__del__`."""
    code = PROGRAM + (
        "class Late:\n    def __del__(self):\n"
        "        self.writer.put(self.base, 'INSERT INTO things VALUES (?)', ('late',))\n"
        "late = Late()\nlate.writer, late.base = row_writer(), base\n"
    )
    process = run(code, str(path), "1", "p")
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, b"")
    assert names(path)[0] == "p-0"


def test_nobody_waits_for_a_disk(base: Database, path: Path) -> None:
    """Rows are taken while another one is being written."""
    writer = Writer()
    with held(writer, base):
        for number in range(100):
            writer.put(base, INSERT, (str(number),))  # would hang if it waited
    assert len(names(path)) == 100

"""Stores of a cache: one suite for all of them; then what is the file's own: other processes, kills, poison."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from inference_providers.cache.entry import Entry
from inference_providers.cache.memory_store import MemoryStore
from inference_providers.cache.rules import KINDS
from inference_providers.cache.sqlite_store import MIGRATIONS, SqliteStore
from tests.conftest import ROOT, keys, list_of, places, registry_of
from tests.servers import Server, answer
from tests.test_response_cache import Counting

NOW = 1_000_000.0
EVER = float("-inf")
Make = Callable[[int], Any]
Serve = Callable[..., Server]


def entry(text: str = "text", created: float = NOW, expires: float | None = None, kind: str = "chat") -> Entry:
    return Entry(kind, "p1", "m", text.encode(), created, expires)


def keys_of(*numbers: int) -> list[bytes]:
    return [number.to_bytes(32, "big") for number in numbers]


@pytest.fixture(params=["memory", "sqlite", "sqlite, of another process"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes a store of so many bytes; the last kind forgets what it has in memory before each look."""

    def made(most: int = 10_000_000) -> Any:
        if request.param == "memory":
            return MemoryStore(most)
        store = SqliteStore(str(tmp_path / "own" / "replies.db"), most, 100_000)
        if request.param != "sqlite":
            store._memory = MemoryStore(0)
        return store

    return made


def test_what_was_made_for_a_caller_goes_with_it(make: Make) -> None:
    store = make(10_000_000)
    one, other, nobodys = keys_of(1, 2, 3)
    for key, caller in ((one, "c1"), (other, "c2"), (nobodys, "")):
        store.put(key, Entry("chat", "p1", "m", caller.encode(), NOW, None, caller), NOW)
        assert store.get(key, NOW, EVER).caller == caller
    assert store.purge("c1") == 1
    assert store.purge("c1") == 0
    assert store.purge("") == 0
    assert store.get(one, NOW, EVER) is None
    assert store.get(other, NOW, EVER).content == b"c2"
    assert store.get(nobodys, NOW, EVER).content == b""


def test_a_file_of_before_there_were_callers_keeps_its_replies(tmp_path: Path) -> None:
    path = tmp_path / "replies.db"
    columns = "key, kind, provider, model, content, size, created, used"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in MIGRATIONS[0].split(";"):
            connection.execute(statement)
        row = (keys_of(1)[0], "chat", "p1", "m", b"text", 260, NOW, NOW)
        connection.execute(f"INSERT INTO replies ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    path.chmod(0o600)
    found = SqliteStore(str(path), 10_000_000, 100_000).get(keys_of(1)[0], NOW, EVER)
    assert found is not None
    assert (found.content, found.caller) == (b"text", "")


def test_what_is_put_is_found_by_its_key_alone(make: Make) -> None:
    store = make(10_000_000)
    one, other = keys_of(1, 2)
    assert store.get(one, NOW, EVER) is None
    store.put(one, entry(), NOW)
    found = store.get(one, NOW, EVER)
    assert (found.kind, found.provider, found.model, found.content, found.created) == ("chat", "p1", "m", b"text", NOW)
    assert store.get(other, NOW, EVER) is None
    store.put(one, entry("newer", NOW + 1), NOW + 1)
    assert store.get(one, NOW, EVER).content == b"newer"


def test_what_is_past_its_time_or_too_old_for_a_call_is_not_found(make: Make) -> None:
    store = make(10_000_000)
    (one,) = keys_of(1)
    store.put(one, entry(expires=NOW + 60), NOW)
    assert store.get(one, NOW + 59, EVER) is not None
    assert store.get(one, NOW + 59, NOW) is None  # the call wants one made after that
    assert store.get(one, NOW + 59, NOW - 1) is not None
    assert store.get(one, NOW + 60, EVER) is None


def test_what_was_used_longest_ago_makes_room(make: Make) -> None:
    store = make(100_000)
    every = keys_of(*range(20))
    for number, key in enumerate(every[:9]):
        store.put(key, entry("x" * 10_000), NOW + number)
    if isinstance(store, SqliteStore):
        store.tell()
    assert store.get(every[0], NOW + 50, EVER) is not None
    for number, key in enumerate(every[9:13]):
        store.put(key, entry("x" * 10_000), NOW + 100 + number)
    kept = [number for number, key in enumerate(every) if store.get(key, NOW + 200, EVER) is not None]
    assert 0 in kept
    assert {1, 2, 3}.isdisjoint(kept)
    assert kept[-1] == 12
    (row,) = store.counts()
    assert row["size"] <= 100_000 + 10_256


def test_what_is_larger_than_all_room_is_not_kept_and_costs_nobody_their_place(make: Make) -> None:
    store = make(50_000)
    one, other = keys_of(1, 2)
    store.put(one, entry(), NOW)
    store.put(other, entry("x" * 60_000), NOW)
    assert store.get(other, NOW, EVER) is None
    assert store.get(one, NOW, EVER) is not None


def test_it_counts_by_kind_and_clears_by_kind(make: Make) -> None:
    store = make(10_000_000)
    for number, (key, kind) in enumerate(zip(keys_of(*range(len(KINDS))), KINDS, strict=True)):
        store.put(key, entry("x" * 100, NOW + number, kind=kind), NOW)
    for _ in range(3):
        store.get(keys_of(0)[0], NOW, EVER)
    rows = {row["kind"]: row for row in store.counts()}
    assert set(rows) == set(KINDS)
    assert rows["chat"] == {"kind": "chat", "count": 1, "size": 356, "oldest": NOW, "hits": 3}
    assert store.clear("chat") == 1
    assert store.get(keys_of(0)[0], NOW, EVER) is None
    assert store.clear() == len(KINDS) - 1
    assert store.counts() == []


def test_one_is_discarded_alone(make: Make) -> None:
    store = make(10_000_000)
    one, other = keys_of(1, 2)
    for key in (one, other):
        store.put(key, entry(), NOW)
    store.discard(one)
    assert store.get(one, NOW, EVER) is None
    assert store.get(other, NOW, EVER) is not None
    store.close()
    store.discard(other)  # and a closed one goes on where it was


def test_threads_may_put_get_and_clear_at_once(make: Make) -> None:
    store = make(30_000)
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        dice = random.Random(seed)
        try:
            for _ in range(150):
                key = keys_of(dice.randrange(8))[0]
                deed = dice.randrange(12)
                if deed == 0:
                    store.clear()
                elif deed < 5:
                    store.put(key, entry(f"{key[-1]} " * dice.randrange(1, 2000)), NOW)
                elif (found := store.get(key, NOW, EVER)) is not None:
                    assert set(found.content.split()) == {str(key[-1]).encode()}
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    store.clear()
    assert store.counts() == []


# The file's own


def file_of(path: Path, most: int = 10_000_000) -> SqliteStore:
    return SqliteStore(str(path), most, 100_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own" / "replies.db"


def test_what_another_process_clears_is_gone_from_memory_as_well(path: Path) -> None:
    one, other = file_of(path), file_of(path)
    (key,) = keys_of(1)
    one.put(key, entry(), NOW)
    assert one.get(key, NOW, EVER) is not None
    assert other.clear() == 1
    assert one.get(key, NOW, EVER) is None
    one.put(key, entry("mine", NOW + 1), NOW)
    other.put(key, entry("newer", NOW + 2), NOW)
    assert one.get(key, NOW, EVER).content == b"newer"  # type: ignore[union-attr]


ASKING = """
import json, sys
from inference_providers import ProviderList
providers = ProviderList(json_override=json.loads(sys.argv[1]), local=False, cache=True)
print(providers.ask_ai("hi", "m"))
"""


def test_what_one_process_has_kept_another_is_given(serve: Serve) -> None:
    server = serve()
    command = [sys.executable, "-c", ASKING, json.dumps(registry_of(server.url))]
    for _ in range(3):
        said = subprocess.run(command, check=True, env={**places(), **keys(1)}, capture_output=True).stdout
        assert said.strip() == b"hello"
    assert len(server.asked) == 1


def test_uses_are_told_to_the_file_when_a_program_ends(path: Path) -> None:
    code = f"""
from inference_providers.cache.entry import Entry
from inference_providers.cache.sqlite_store import SqliteStore
store = SqliteStore({str(path)!r}, 10_000_000, 100_000)
store.put(b"key", Entry("chat", "p1", "m", b"text", 1.0, None), 1.0)
for _ in range(5):
    assert store.get(b"key", 2.0, 0.0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert file_of(path).counts()[0]["hits"] == 5


WRITER = """
import sys
from inference_providers.cache.entry import Entry
from inference_providers.cache.sqlite_store import SqliteStore
store = SqliteStore(sys.argv[1], 1_000_000_000, 100_000)
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    entry = Entry("chat", "p1", "m", b"x" * (number % 700), 1.0, None)
    store.put(f"{sys.argv[3]}-{number}".encode(), entry, 1.0)
"""


def writers(path: Path, count: int, each: int) -> list[subprocess.Popen[bytes]]:
    return [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(each), str(number)], cwd=ROOT, stdout=subprocess.PIPE
        )
        for number in range(count)
    ]


def test_processes_that_write_at_once_lose_no_row(path: Path) -> None:
    started = writers(path, 8, 40)
    for process in started:
        process.communicate()
        assert process.returncode == 0
    assert file_of(path).counts()[0]["count"] == 320


def test_a_kill_at_any_point_leaves_a_whole_file(path: Path) -> None:
    dice = random.Random(7)
    for _ in range(6):
        (process,) = writers(path, 1, 100_000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(dice.random() * 0.1)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert {size - len(content) for size, content in connection.execute("SELECT size, content FROM replies")} == {256}
    connection.close()
    store = file_of(path)
    store.put(*keys_of(1), entry(), NOW)
    assert store.get(*keys_of(1), NOW, EVER) is not None
    assert store.counts()[0]["count"] > 1


POISON = {
    "text for bytes": {"content": "text"},
    "a number for bytes": {"content": 7},
    "not JSON": {"content": b"\xff\xfe not JSON"},
    "JSON of another shape": {"content": b'{"choices": 5}'},
    "an error": {"content": b'{"error": {"message": "x"}}'},
    "a list": {"content": b"[1, 2]"},
    "nested deep": {"content": b'{"choices":' + b"[" * 5000 + b"]" * 5000 + b"}"},
    "huge": {"content": b"x" * (9 * 1024 * 1024)},
    "text for a time": {"created": "yesterday"},
    "bytes for a time": {"expires": b"\x00"},
    "another kind": {"kind": "images"},
    "a kind of stream": {"kind": "chat stream"},
    "bytes for a kind": {"kind": b"\x00\xff"},
    "a provider that nobody is": {"provider": "evil"},
    "a number for a model": {"model": 12},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_row_of_another_form_counts_as_none(poison: dict[str, Any], serve: Serve) -> None:
    server = serve(Counting())
    options: dict[str, Any] = {"cache": True, "environ": places()}
    made = list_of(server.url, **options)
    assert made.ask_ai("Which?") == "reply 1"
    poisoned = made.pipeline.stages[0].store.base.path
    connection = sqlite3.connect(poisoned)
    ((name, value),) = poison.items()
    assert connection.execute(f"UPDATE replies SET {name} = ?", (value,)).rowcount == 1
    connection.commit()
    connection.close()
    again = list_of(server.url, **options)
    assert again.ask_ai("Which?") == "reply 2"
    assert again.ask_ai("Which?").cached  # what was poisoned has been replaced
    assert {row["kind"] for row in again.pipeline.stages[0].store.counts()} == {"chat"}


@pytest.mark.parametrize(
    "script",
    [
        "DROP TABLE replies",
        "ALTER TABLE replies RENAME COLUMN content TO contents",
        "CREATE TRIGGER t BEFORE INSERT ON replies BEGIN SELECT RAISE(ABORT, 'no'); END",
        "UPDATE replies SET size = 'much', used = 'never'",
    ],
)
def test_a_file_of_another_form_costs_no_call(script: str, serve: Serve) -> None:
    server = serve(Counting())
    options: dict[str, Any] = {"cache": True, "environ": places()}
    made = list_of(server.url, **options)
    made.ask_ai("Which?")
    connection = sqlite3.connect(made.pipeline.stages[0].store.base.path)
    connection.executescript(script)
    connection.close()
    again = list_of(server.url, **options)
    for question in ("Which?", "What?", "Which?"):
        assert again.ask_ai(question).startswith("reply")


def test_a_file_that_is_damaged_while_it_is_used_costs_no_call(serve: Serve) -> None:
    server = serve(answer)
    made = list_of(server.url, cache=True, environ=places())
    made.ask_ai("Which?")
    store = made.pipeline.stages[0].store
    store.close()
    Path(store.base.path).write_bytes(b"no database at all" * 1000)
    assert made.ask_ai("Which?") == "hello"
    assert made.ask_ai("Which?").cached


# Commands


def command(*words: str) -> Any:
    from click.testing import CliRunner

    from inference_providers.cli.main import main

    return CliRunner().invoke(main, ["cache", *words])


def test_commands_show_and_clear_the_users_file(serve: Serve) -> None:
    import json

    shown = command("show")
    assert shown.exit_code == 0
    assert "Nothing is kept" in shown.output
    made = list_of(serve(Counting()).url, cache=True, environ=places())
    for question in ("Which?", "Which?", "What?"):
        made.ask_ai(question)
    list(made.ask_ai("Which?", "m", stream=True))
    made.pipeline.stages[0].store.tell()
    row, streams = json.loads(command("show", "--json").output)["kinds"]
    assert {**row, "size": 0, "oldest": 0} == {"kind": "chat", "count": 2, "size": 0, "oldest": 0, "hits": 1}
    assert row["size"] > 512
    assert row["oldest"] > NOW
    assert (streams["kind"], streams["count"]) == ("chat stream", 1)
    table = command("show").output
    assert "all" in table
    assert "replies.db" in table
    assert "There is no kind 'poems'" in command("clear", "--kind", "poems").output
    assert "Removed: 1 reply" in command("clear", "--kind", "chat stream").output
    assert "Removed: 2 replies" in command("clear").output
    assert not made.ask_ai("Which?").cached


def test_commands_take_another_file(path: Path) -> None:
    file_of(path).put(*keys_of(1), entry(), NOW)
    assert "Removed: 1 reply" in command("clear", "--path", str(path)).output
    assert command("clear", "--path", str(path.parent / "none.db")).exit_code == 0


def test_a_file_that_cannot_be_changed_is_an_error_for_who_clears_it(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.mkdir()
    shown = command("clear", "--path", str(path))
    assert shown.exit_code != 0

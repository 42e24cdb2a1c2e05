"""What a cache costs and saves: hits beside calls, files of 100,000 replies, many processes at once.

Run `python -m benchmarks.cache [PROCESSES]` from the checkout. Nothing leaves this machine.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.common import NO_MARK, ROOT, live_server, print_table
from inference_providers import ProviderList
from inference_providers.cache.entry import Entry
from inference_providers.cache.sqlite_store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 300
ROWS = 100_000
EACH = 50  # rows of each process that writes
WRITER = """
import sys
from inference_providers.cache.entry import Entry
from inference_providers.cache.sqlite_store import SqliteStore
store = SqliteStore(sys.argv[1], 10**9, 10**6)
for number in range(int(sys.argv[3])):
    store.put(f"{sys.argv[2]}-{number}".encode(), Entry("chat", "p1", "m", b"x" * 500, 1.0, None), 1.0)
"""


def median_ms(work: Callable[[int], object]) -> float:
    """Milliseconds that one of many takes."""
    took = []
    for number in range(ROUNDS):
        started = time.perf_counter()
        work(number)
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1000


def hits(folder: Path) -> list[tuple[str, ...]]:
    """A warm call, and the same from each store."""
    rows = []
    with live_server() as url:
        environ = {"OPENAI_API_KEY": "none-is-needed", "OPENAI_BASE_URL": url}
        asked = 0.0
        kept: dict[str, Any] = {
            "a call without a cache": None,
            "a hit in memory": {"store": "memory"},
            "a hit in the file": {"path": str(folder / "hits.db")},
        }
        for name, cache in kept.items():
            made = ProviderList(environ=environ, local=False, cache=cache)
            made.ask_ai("Which?", "openai/gpt-4o")
            took = median_ms(lambda _, made=made: made.ask_ai("Which?", "openai/gpt-4o"))  # type: ignore[misc]
            asked = asked or took
            rows.append(
                (name, f"{took:.3f} ms", f"{asked / took:.1f} times as fast", "under 1 ms" if cache else NO_MARK)
            )
            made.close()
    return rows


def many_rows(folder: Path) -> list[tuple[str, ...]]:
    """Look-ups in a file with as many replies as a busy user may have."""
    path = str(folder / "many.db")
    store = SqliteStore(path, 10**10, 10**6)
    store.put(b"first", Entry("chat", "p1", "m", b"x", 1.0, None), 1.0)
    store.close()
    connection = sqlite3.connect(path)
    names = [f"{number}".encode() for number in range(ROWS)]
    connection.executemany(
        "INSERT INTO replies (key, kind, provider, model, content, size, created, used) VALUES (?, 'chat', 'p1', 'm', ?, 700, 1.0, 1.0)",
        ((name, b"x" * 500) for name in names),
    )
    connection.commit()
    connection.close()

    exact = median_ms(lambda number: store.get(names[number * 337 % ROWS], 2.0, 0.0))
    written = median_ms(
        lambda number: store.put(b"new %d" % number, Entry("chat", "p1", "m", b"x" * 500, 1.0, None), 1.0)
    )
    return [
        (f"a reply among {ROWS:,}", f"{exact:.3f} ms", "", "under 1 ms"),
        ("one more reply", f"{written:.3f} ms", "", NO_MARK),
    ]


def writers(folder: Path, count: int) -> list[tuple[str, ...]]:
    """Processes that write at once."""
    path = str(folder / "writers.db")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, str(number), str(EACH)], env=environ)
        for number in range(count)
    ]
    failed = sum(process.wait() != 0 for process in running)
    seconds = time.perf_counter() - started
    kept = sum(row["count"] for row in SqliteStore(path, 10**9, 10**6).counts())
    lost = f"{count * EACH - kept} lost of {count * EACH}, {failed} processes failed"
    return [(f"{count} processes that write at once", f"{seconds:.1f} s", lost, "0 lost")]


def main() -> None:
    """Measure, and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o700)
        place = Path(folder)
        rows = [*hits(place), *many_rows(place), *writers(place, count)]
    print_table(("what", "result", "beside", "target"), rows)


if __name__ == "__main__":
    main()

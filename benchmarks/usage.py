"""What the log of calls costs: CPU for each call, reports over many rows, many processes at once, kills.

Run `python -m benchmarks.usage [ROWS]` from the checkout; ROWS: how many calls are in the log that reports are made
of, a million by default. All of it is in a temporary folder. A call is one of mock mode, so that what is measured is
not the network; its CPU time is that of all threads of the process, the writer's included.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.common import ROOT, print_table, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS, ROUNDS = 5000, 7
PROCESSES, EACH = 64, 200
KILLS = 20
MONTH, YEAR = 30 * 86400, 360 * 86400
MOST_MICROSECONDS, MOST_SECONDS = 25.0, 1.0
MOST_LOST = 0.25  # seconds: 200 ms, and the commit itself
DONE = """
import sys
from inference_providers import ProviderList
made = ProviderList(mock={"gpt-4": "hi"}, log="usage")
for _ in range(int(sys.argv[1])):
    made.ask_ai("hi", "gpt-4")
"""
KILLED = """
import time
from inference_providers import ProviderList
made = ProviderList(mock={"gpt-4": "hi"}, log="usage")
for _ in range(1000):
    made.ask_ai("hi", "gpt-4")
    print(time.time(), flush=True)
    time.sleep(0.002)
"""


def cpu_of_calls(log: bool) -> float:
    """Microseconds of CPU for a call."""
    from inference_providers import ProviderList
    from inference_providers.files import row_writer

    made = ProviderList(mock={"gpt-4": "It depends."}, log=log)
    for _ in range(300):
        made.ask_ai("Should I?", "gpt-4")
    row_writer().flush(30)
    started = time.process_time()
    for _ in range(CALLS):
        made.ask_ai("Should I?", "gpt-4")
    row_writer().flush(30)
    return (time.process_time() - started) / CALLS * 1e6


def filled(path: str, rows: int) -> float:
    """Fill a log with calls of a year; CPU time for the last tenth, as a part of that for the first."""
    from inference_providers.files import Database
    from inference_providers.usage.log_file import MIGRATIONS, LogFile

    file, rand, now = LogFile(Database(path, MIGRATIONS)), random.Random(1), time.time()
    file._trims_at = float("inf")
    took: list[float] = []
    models = [(f"p{number % 5}", f"m{number}") for number in range(12)]
    for start in range(0, rows, 1000):
        calls = []
        for number in range(start, min(start + 1000, rows)):
            provider, model = rand.choice(models)
            at, cost, seconds = now - YEAR + YEAR * number / rows, rand.random() / 100, rand.random() * 9
            calls.append((at, f"program {number % 3}", "/chat/completions", model, provider, model, model, "ok", 900, 90, 0,
                          0, 0, cost, False, seconds, None, 1, None, "0" * 32, None))  # fmt: skip
        begun = time.process_time()
        file.database.write(lambda connection, calls=calls: file._sink(connection, [(call, None) for call in calls]))
        took.append(time.process_time() - begun)
    tenth = max(1, len(took) // 10)
    return statistics.median(took[-tenth:]) / statistics.median(took[:tenth])


def reports(path: str) -> list[tuple[str, float]]:
    """Seconds for each report of a month."""
    from inference_providers.usage.report import BY, Performance, report

    from inference_providers.files import Database
    from inference_providers.usage.log_file import MIGRATIONS, LogFile

    file, now = LogFile(Database(path, MIGRATIONS)), time.time()
    found = []
    for by in BY:
        begun = time.perf_counter()
        rows = report(file, now - MONTH, now, by)
        found.append((f"a month by {by}: {len(rows)} rows", time.perf_counter() - begun))
    begun = time.perf_counter()
    Performance(file, "m3", ["m3"])
    return [*found, ("a model's month, with its 95th percentile", time.perf_counter() - begun)]


def environment(folder: str) -> dict[str, str]:
    """Of programs that log into a folder."""
    return {**os.environ, "XDG_DATA_HOME": folder, "PYTHONPATH": str(ROOT)}


def logged(folder: str) -> tuple[int, str, float]:
    """How many calls are in a log, what SQLite says of it, and when the last of them began."""
    path = Path(folder) / "inference_providers" / "usage.db"
    if not path.exists():
        return 0, "ok", 0.0
    with closing(sqlite3.connect(path)) as connection, connection:
        count, last = connection.execute("SELECT count(*), max(at) FROM calls").fetchone()
        return count, connection.execute("PRAGMA integrity_check").fetchone()[0], last or 0.0


def at_once() -> int:
    """Rows that are lost when many processes write."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [sys.executable, "-c", DONE, str(EACH)]
        running = [subprocess.Popen(arguments, env=environment(folder)) for _ in range(PROCESSES)]
        for one in running:
            one.wait()
        return PROCESSES * EACH - logged(folder)[0]


def killed() -> tuple[int, float]:
    """(damaged databases, the most seconds of calls that a kill has lost)."""
    damaged, lost = 0, []
    for number in range(KILLS):
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen(
                [sys.executable, "-c", KILLED], env=environment(folder), stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            wanted, said = random.Random(number).randrange(50, 950), []
            for line in process.stdout:
                said.append(float(line))
                if len(said) == wanted:
                    process.send_signal(signal.SIGKILL)
            process.wait()
            count, whole, _ = logged(folder)
            damaged += whole != "ok"
            unlogged = said[count:]
            lost.append(unlogged[-1] - unlogged[0] if unlogged else 0.0)
    return damaged, max(lost)


def main() -> None:
    """Print a table."""
    rows: list[tuple[str, ...]] = []

    def add(what: str, found: str, most: str, met: bool) -> None:
        rows.append((what, found, most, verdict(met)))

    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        measured: Callable[[bool], float] = cpu_of_calls
        more = sorted(measured(True) - measured(False) for _ in range(ROUNDS))
        add(
            "CPU more for a call, best",
            f"{more[0]:.1f} µs",
            f"{MOST_MICROSECONDS:.0f} µs",
            more[0] <= MOST_MICROSECONDS,
        )
        middle = statistics.median(more)
        add(
            "CPU more for a call, median",
            f"{middle:.1f} µs",
            f"{MOST_MICROSECONDS:.0f} µs",
            middle <= MOST_MICROSECONDS,
        )
        count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
        path = os.path.join(folder, "inference_providers", "many.db")
        slower = filled(path, count)
        add(f"an insert at {count:,} rows, to one at the beginning", f"{slower:.2f}", "1.5", slower <= 1.5)
        for what, seconds in reports(path):
            add(what, f"{seconds * 1000:.0f} ms", f"{MOST_SECONDS * 1000:.0f} ms", seconds <= MOST_SECONDS)
    lost = at_once()
    add(f"calls lost by {PROCESSES} processes of {EACH}", str(lost), "0", lost == 0)
    damaged, seconds = killed()
    add(f"databases that {KILLS} kills have damaged", str(damaged), "0", damaged == 0)
    add(
        "the most that a kill has lost",
        f"{seconds * 1000:.0f} ms",
        f"{MOST_LOST * 1000:.0f} ms",
        seconds <= MOST_LOST,
    )
    print_table(["the log of calls", "measured", "target", "result"], rows)


if __name__ == "__main__":
    main()

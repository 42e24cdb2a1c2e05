"""One thread of a process that writes rows to databases, so that no call waits for a disk.

Rows are committed together, at most 200 milliseconds after the first of them. What cannot be written now (another
program writes, the disk is full) is tried again; of what is too much to be kept meanwhile, the newest is dropped.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue

from inference_providers.files import folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from typing import Any

    from inference_providers.files.database import Database

    Sink = str | Callable[[sqlite3.Connection, Sequence[Any]], object]
    Row = tuple[Database, Sink, Any, int]

DELAY = 0.2  # seconds from a row to its commit, at most
MOST_ROWS, MOST_BYTES = 20_000, 32 * 1024 * 1024  # that wait to be written
AT_END, AT_FORK = 5.0, 1.0  # seconds to wait for the disk when the process ends, or forks


class Writer:
    """Takes rows from any thread, also from the garbage collector's in the middle of anything: no lock is waited for.

    dropped: how many rows were too much.
    """

    def __init__(self, *, delay: float = DELAY, most: int = MOST_ROWS, most_bytes: int = MOST_BYTES) -> None:
        self._delay, self._most, self._most_bytes = delay, most, most_bytes
        self.dropped = self._told = 0
        self._ended = False
        self._renew()

    def __repr__(self) -> str:
        return f"<Writer with {self._queue.qsize()} rows to write>"

    def put(self, database: Database, sink: Sink, row: Any, size: int = 0) -> None:
        """Have a row written: by SQL with its values, or by what takes a connection and several rows.

        size: bytes that it takes in memory, where those are many.
        """
        if self._queue.qsize() + self._late >= self._most or self._bytes + size > self._most_bytes:
            self.dropped += 1
            return
        self._bytes += size
        self._queue.put((database, sink, row, size))
        if self._thread is None:
            self._start()

    def flush(self, limit: float = AT_END) -> bool:
        """Have all that was put until now written, and wait *limit* seconds for it; whether it was."""
        if self._thread is None or self._thread is threading.current_thread():
            return self._queue.empty()
        done = threading.Event()
        self._queue.put(done)
        self._hurry.set()
        return done.wait(limit) and not self._late

    def end(self) -> None:
        """Write all, since the process ends; what comes later is written at once.

        What could not be written is tried once more, though not for as long.
        """
        if not self.flush() and (late := self._late_in):
            for database in late:
                database.wake()
            self.flush(AT_FORK)
        self._ended = True

    def _renew(self) -> None:
        """Begin with nothing: a child has its parent's rows, which are the parent's to write, and no thread."""
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._hurry, self._starting = threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._bytes, self._late = 0, 0
        self._late_in: list[Database] = []  # whose rows those are

    def _start(self) -> None:
        if not self._starting.acquire(blocking=False):
            return  # somebody is about to
        try:
            if self._thread is None and not self._ended:
                thread = threading.Thread(target=self._run, name="inference_providers writer", daemon=True)
                thread.start()
                self._thread = thread
                _end_with_processes(self)
        except RuntimeError:  # the interpreter ends
            self._ended = True
        finally:
            self._starting.release()
        if self._ended and self._thread is None:
            with suppress(Exception):
                self._write(self._waiting([]))

    def _run(self) -> None:
        queue, hurry = self._queue, self._hurry
        late: list[Row] = []
        while True:
            first = queue.get()
            if type(first) is tuple and not self._ended:
                hurry.wait(self._delay)
            hurry.clear()
            taken = self._waiting([first])
            rows = [one for one in taken if type(one) is tuple]
            late = self._write([*late, *rows])
            self._late, self._late_in = len(late), list({id(row[0]): row[0] for row in late}.values())
            for one in taken:
                if type(one) is not tuple:
                    one.set()
            self._tell()

    def _waiting(self, taken: list[Any]) -> list[Any]:
        with suppress(Empty):
            while True:
                taken.append(self._queue.get_nowait())
        return taken

    def _write(self, rows: Sequence[Row]) -> list[Row]:
        """Write rows, each database's in one transaction; those that could not be."""
        late: list[Row] = []
        by_database: dict[int, list[Row]] = {}
        for row in rows:
            by_database.setdefault(id(row[0]), []).append(row)
        for group in by_database.values():
            again = _unwritten(group)
            self._bytes = max(0, self._bytes - sum(row[3] for row in group) + sum(row[3] for row in again))
            late += again
        if not late and self._queue.empty():
            self._bytes = 0  # whatever threads have counted at the same moment
        return late

    def _tell(self) -> None:
        if self.dropped > self._told:
            self._told = self.dropped
            from inference_providers.log import warn

            warn(f"{self.dropped} rows of the usage log were dropped: they came faster than they can be written")


def _unwritten(group: list[Row]) -> list[Row]:
    """Write rows of one database; those that are to be tried again.

    One that never can be written is given up, and keeps no other back.
    """
    database = group[0][0]
    try:
        return [] if database.write(_Transaction(group)) else group
    except Exception as error:  # noqa: BLE001  (a row may hold anything)
        if len(group) == 1:
            folders.warn_once(f"a row of {database.path} was lost: {type(error).__name__}")
            return []
    middle = len(group) // 2
    return [*_unwritten(group[:middle]), *_unwritten(group[middle:])]


class _Transaction:
    """Writes rows of one database: those in a row of one kind together."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def __call__(self, connection: sqlite3.Connection) -> bool:
        group: list[Any] = []
        before: Sink | None = None
        for _, sink, row, _ in self._rows:
            if sink != before and group:  # a method is another object each time it is asked for
                _sunk(connection, before, group)
                group = []
            before = sink
            group.append(row)
        _sunk(connection, before, group)
        return True


def _sunk(connection: sqlite3.Connection, sink: Sink | None, rows: list[Any]) -> None:
    if isinstance(sink, str):
        connection.executemany(sink, rows)
    elif sink is not None:
        sink(connection, rows)


def _end_with_processes(writer: Writer) -> None:
    """Flush when a process of `multiprocessing` ends, too: those run nothing that `atexit` knows."""
    if "multiprocessing.util" in sys.modules:
        from multiprocessing.util import Finalize

        Finalize(None, writer.end, exitpriority=0)


_writer: Writer | None = None


def row_writer() -> Writer:
    """The one of this process."""
    global _writer
    if _writer is None:
        made = _writer = Writer()
        atexit.register(made.end)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=lambda: made.flush(AT_FORK) and None, after_in_child=made._renew)
    return _writer

"""SQLite files of the user's, shared by programs: private, whole after a kill, and never in the way of a call.

What is wrong with one (read-only, full, locked, damaged, written by others) is said once, and costs no call. What is
damaged is put aside, and a new file takes its place.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

from inference_providers.files import folders, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    T = TypeVar("T")

BUSY = 5.0  # seconds to wait for another program that writes
REST = 60.0  # seconds after a failure for which nothing is tried
_SETUP = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA trusted_schema=OFF")
_BUSY = 5  # SQLITE_BUSY
_PAUSE = 0.005  # seconds
_DAMAGED = (11, 26)  # SQLITE_CORRUPT, SQLITE_NOTADB: low bytes of its error codes
_creating = threading.Lock()
# Connections of a parent process, which a child must neither use nor close: SQLite forbids both.
_inherited: list[sqlite3.Connection] = []


class Database:
    """One file, opened when it is first read or written, once in each process.

    *migrations*: what leads from each version of the schema to the next, as SQL; their number is the version.
    """

    def __init__(
        self,
        path: str,
        migrations: Sequence[str],
        *,
        busy: float = BUSY,
        durable: bool = True,
        warn: Callable[[str], None] = folders.warn_once,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """*busy*: seconds to wait for another program that writes. *warn* gets what a person should know.

        *durable*: whether it has to be whole after the machine has failed, too; else nothing ever waits for the disk.
        """
        self._setup = _SETUP if durable else (*_SETUP, "PRAGMA synchronous=OFF")
        self.path, self._migrations, self._busy, self._warn, self._clock = path, migrations, busy, warn, clock
        self._connection: sqlite3.Connection | None = None
        self._lock, self._process = threading.RLock(), os.getpid()
        self._rests_until = float("-inf")
        self._file = 0  # which file is open, as the system counts
        self.fault = ""  # why it is not used now; empty if it is, or nobody has tried

    @classmethod
    def of(cls, name: str, environ: Mapping[str, str], migrations: Sequence[str]) -> Database | None:
        """The file of that name in this user's folder of data; None for a user without a home."""
        folder = folders.own("data", environ)
        return None if folder is None else cls(os.path.join(folder, name), migrations)

    def __repr__(self) -> str:
        return f"<Database {os.path.basename(self.path)}>"

    def __del__(self) -> None:
        """Close the file with the last of its users: Python 3.13 and later warn of one that nobody has closed."""
        try:
            self._after_fork()
            if self._connection is not None:
                self._connection.close()
        except Exception:  # noqa: BLE001, S110  (an object that was not made, or a program that ends)
            pass

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What *work* gives, done as a whole or not at all; None, after one warning, where it cannot be done.

        It has the file for itself meanwhile.
        """
        return self._do(work, "BEGIN IMMEDIATE")

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What *work* reads, of one moment; None where there is no file to read, or it cannot be read."""
        if self._connection is None and not os.path.exists(self.path):
            return None
        return self._do(work, "BEGIN")

    def compact(self) -> None:
        """Give back what was deleted, so that nothing of it is left in the file; nothing while others are at work."""
        with self._lock, suppress(Exception):
            connection = self._opened()
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def wake(self) -> None:
        """Try it again with the next call, though it has just failed."""
        self._rests_until = float("-inf")

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        self._after_fork()
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _do(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T | None:
        import sqlite3

        self._after_fork()
        with self._lock:
            if self._clock() < self._rests_until:
                return None
            for _ in range(2):
                try:
                    return self._transaction(work, begin)
                except (sqlite3.Error, OSError) as error:
                    self.close()
                    if not _is_damage(error):
                        self._rest(error)
                        return None
                    self._put_aside(error)
            return None

    def _transaction(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        connection = self._opened()
        connection.execute(begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(Exception):  # the first error counts
                connection.execute("ROLLBACK")
            raise
        self.fault = ""
        return result

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and not self._is_there():  # somebody has removed it
            self.close()
        if self._connection is None:
            self._connection = self._open()
            self._file = os.stat(self.path).st_ino
        return self._connection

    def _is_there(self) -> bool:
        with suppress(OSError):
            return os.stat(self.path).st_ino == self._file
        return False

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        folder = os.path.dirname(self.path)
        folders.make(folder)
        if why := folders.distrust(folder) or folders.distrust_closed(self.path):
            raise OSError(0, why)
        _create(self.path)
        connection = sqlite3.connect(self.path, timeout=self._busy, isolation_level=None, check_same_thread=False)
        try:
            self._set_up(connection)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        """How it is kept. SQLite itself does not wait where several that open a new file at once change its journal."""
        import sqlite3

        until = time.monotonic() + self._busy
        while True:
            try:
                for line in self._setup:
                    connection.execute(line).fetchall()
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF != _BUSY or time.monotonic() >= until:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if _version(connection) == len(self._migrations):
            return
        connection.execute("BEGIN IMMEDIATE")  # several programs may come at the same time
        try:
            version = _version(connection)
            if version > len(self._migrations):
                raise OSError(0, "a newer version of this package has written it; update the package")
            for script in self._migrations[version:]:
                for statement in filter(str.strip, script.split(";")):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(self._migrations)}")
            connection.execute("COMMIT")
        except BaseException:
            with suppress(Exception):
                connection.execute("ROLLBACK")
            raise

    def _rest(self, error: Exception) -> None:
        """Try nothing for a while: a full disk or a lock of hours must not be waited for at each call."""
        self._rests_until = self._clock() + REST
        self.fault = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self._warn(f"{self.path} is not used for now: {self.fault}")

    def _put_aside(self, error: Exception) -> None:
        """Move what is damaged out of the way, unless another program has done so already."""
        try:
            seen = os.stat(self.path).st_ino
            file = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            return
        try:
            until = self._clock() + self._busy
            while not locks.take(file) and self._clock() < until:
                time.sleep(0.02)
            if os.stat(self.path).st_ino != seen:
                return
            aside = f"{self.path}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
            for tail in ("-wal", "-shm", ""):
                with suppress(FileNotFoundError):
                    os.replace(self.path + tail, aside + tail)
            self._warn(f"{self.path} was damaged ({error}). It was put aside as {os.path.basename(aside)}.")
        except OSError as problem:
            self._rest(problem)
        finally:
            os.close(file)

    def _after_fork(self) -> None:
        """A child has neither its parent's connection nor its lock, which may be held for ever."""
        if self._process != os.getpid():
            if self._connection is not None:
                _inherited.append(self._connection)
            self._connection, self._lock, self._process = None, threading.RLock(), os.getpid()


def _create(path: str) -> None:
    """Make an empty private file where there is none.

    One that is there is left alone: to open and close it would give up the locks of this process's other connections,
    and whichever process closes it next would remove the log that those still write to. So is one that another thread
    has made, and may have opened, meanwhile.
    """
    if os.path.lexists(path):
        with _creating:  # whoever makes it has closed it
            return
    with _creating, suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600))


def _renew_lock() -> None:
    """A child may have been forked while a thread of its parent held it."""
    global _creating
    _creating = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGED

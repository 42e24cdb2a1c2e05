"""Numbers that several worker processes count, each in a part of memory of its own, and any of them reads together.

The memory belongs to a file without a name, made before the workers are forked. Whoever counts holds the lock on one
byte of it, which ends with the process; the next worker counts on where the dead one has stopped. What the numbers
stand for is written once, in a part that all share, under a lock as well; so a number's place is the same for all.
"""

from __future__ import annotations

import json
import os

from inference_providers.text import in_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WIDTH = 40  # numbers for each set of labels
_TEXT = 1024 * 1024  # bytes for all labels
_HEAD = 8  # bytes: where the text of the labels ends
_NUMBER = 8
Labels = tuple[str, ...]  # the name of a family, and the values of its labels


class SharedCounts:
    """At most as many sets of labels as *families* have room for, each with `WIDTH` numbers.

    families: names, how many sets of labels each may have, and how many labels. What comes on top of that is counted
    under "other". gauges: further numbers, which end with the process that has set them.
    """

    def __init__(self, families: dict[str, tuple[int, int]], *, workers: int = 1, gauges: int = 1) -> None:
        """*workers*: how many processes may count at the same time, forks of this one."""
        self._left = {name: most for name, (most, _) in families.items()}
        self._others = {name: (name, *("other",) * count) for name, (_, count) in families.items()}
        self._part = (gauges + sum(self._left.values()) * WIDTH) * _NUMBER  # bytes of each worker
        self._gauges, self._workers = gauges, workers
        size = _HEAD + _TEXT + workers * self._part
        self._file = _file(size) if workers > 1 else None
        self._bytes = memoryview(bytearray(size)) if self._file is None else _mapped(self._file, size)
        self._head = self._bytes[:_HEAD].cast("Q")
        self._text = self._bytes[_HEAD : _HEAD + _TEXT]
        self._all = self._bytes[_HEAD + _TEXT :].cast("d")
        self._places: dict[Labels, int] = {}  # of the sets of labels, as far as this process has read them
        self._read = 0  # bytes of their text
        self._own: memoryview[float] | None = None if workers > 1 else self._all
        self._index = 0
        for other in self._others.values():
            self._register(other)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._places)} sets of labels, {self._workers} workers>"

    @property
    def own(self) -> memoryview[float]:
        """The numbers of this process: gauges first."""
        return self._own if self._own is not None else self._claimed()

    def place(self, labels: Labels) -> int:
        """Where the numbers of these labels begin in `own`; those of "other" where there is no room for more."""
        number = self._places.get(labels)
        if number is None:
            number = self._register(labels)
        return self._gauges + number * WIDTH

    def is_full(self, family: str) -> bool:
        """Whether no further labels have a place of their own."""
        return self._left[family] <= 0

    def known(self) -> list[tuple[Labels, int]]:
        """All sets of labels that anybody has, for `sums`."""
        with _Locked(self._file, 0):
            self._catch_up()
        return sorted(self._places.items())

    def sums(self, known: Iterable[tuple[Labels, int]]) -> Iterator[tuple[Labels, list[float]]]:
        """Each set of labels with its numbers, of all workers together."""
        step = self._part // _NUMBER
        for labels, number in known:
            start = self._gauges + number * WIDTH
            parts = [self._all[at + start : at + start + WIDTH].tolist() for at in range(0, len(self._all), step)]
            yield labels, [sum(numbers) for numbers in zip(*parts, strict=True)]

    def gauge(self, number: int) -> float:
        """One gauge, of the workers that are alive."""
        step = self._part // _NUMBER
        said = {worker: self._all[worker * step + number] for worker in range(self._workers)}
        with _Locked(self._file, 0):  # else a worker that begins may find its place locked by whoever only looks
            return sum(value for worker, value in said.items() if value and self._lives(worker))

    def forked(self) -> None:
        """This is another process now, and counts for itself."""
        if self._file is not None:
            self._own = None

    def _lives(self, worker: int) -> bool:
        """Whether somebody counts there. Our own lock is never asked for: it would be given, and then given up."""
        if self._file is None or (self._own is not None and worker == self._index):
            return True
        if not _lock(self._file, 1 + worker):
            return True
        _unlock(self._file, 1 + worker)
        return False

    def _claimed(self) -> memoryview[float]:
        step = self._part // _NUMBER
        with _Locked(self._file, 0):
            for worker in range(self._workers):
                if _lock(self._file, 1 + worker):
                    self._index = worker
                    self._own = self._all[worker * step : (worker + 1) * step]
                    for number in range(self._gauges):
                        self._own[number] = 0.0
                    return self._own
        self._own = memoryview(bytearray(self._part)).cast("d")  # more processes than were said: it counts alone
        self._index = self._workers
        return self._own

    def _register(self, labels: Labels) -> int:
        with _Locked(self._file, 0):
            self._catch_up()
            known = self._places.get(labels)
            if known is not None:
                return known
            line = json.dumps(labels).encode() + b"\n"
            family, end = labels[0], self._head[0]
            if self._left[family] <= 0 or end + len(line) > _TEXT:
                self._left[family] = 0
                return self._places[self._others[family]]
            self._text[end : end + len(line)] = line
            self._head[0] = end + len(line)  # last: whoever is killed before that has written nothing
            self._catch_up()
            return self._places[labels]

    def _catch_up(self) -> None:
        """Read which labels other processes have written."""
        end = self._head[0]
        for line in bytes(self._text[self._read : end]).splitlines():
            labels = tuple(json.loads(line))
            self._places[labels] = len(self._places)
            self._left[labels[0]] -= 1
        self._read = end


class _Locked:
    """A `with` block that has one byte of a file for itself; at once where there is no file."""

    def __init__(self, file: int | None, byte: int) -> None:
        self._file, self._byte = file, byte

    def __enter__(self) -> None:
        if self._file is not None:
            _lock(self._file, self._byte, wait=True)

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            _unlock(self._file, self._byte)


def _file(size: int) -> int:
    """A file without a name: in memory where the system has such, else where each has its folder for what passes."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("inference_providers")
    else:
        path = f"/tmp/inference-providers-{os.urandom(12).hex()}"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.unlink(path)
    os.ftruncate(file, size)
    return file


def _mapped(file: int, size: int) -> memoryview:
    import mmap

    return memoryview(mmap.mmap(file, size))


def _lock(file: int | None, byte: int, *, wait: bool = False) -> bool:
    """Lock a byte for this process; False where another has it. Locks of this kind are no child's after a fork."""
    import fcntl

    assert file is not None
    try:
        fcntl.lockf(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _unlock(file: int | None, byte: int) -> None:
    import fcntl

    assert file is not None
    fcntl.lockf(file, fcntl.LOCK_UN, 1, byte)


def kept_texts(values: Iterable[object], most: int = 200) -> Iterator[str]:
    """Values of labels, as they are kept: on one line, not too long, with nothing that steers a terminal."""
    for value in values:
        yield in_line(str(value)[:most])

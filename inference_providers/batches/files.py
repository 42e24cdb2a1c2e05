"""Results of a batch in a file: lines out as they come, kept through a kill, taken up again."""

from __future__ import annotations

import json
import math
import os
from array import array
from bisect import bisect_left
from contextlib import suppress

from inference_providers import files, log
from inference_providers.batches.items import Result, result_of
from inference_providers.batches.lines import is_cut, key_of, row_of
from inference_providers.files import locks
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, BinaryIO

    from inference_providers.batches.items import Item
    from inference_providers.batches.records import Line


class Output:
    """The file that results go to, one line each, as they come.

    What it holds already is taken up: a line that was cut and items that failed are dropped, and what was
    answered is not asked again. Lines of somebody else's stay where they are. Without *resume* the file is
    emptied, once there is something to put into it. *mode*, less the umask, is that of a new file.
    Raises BlockingIOError where another process is writing to it, ValueError where it holds something else
    than results, and OSError for what is not a regular file.
    """

    def __init__(self, path: str | os.PathLike[str], *, resume: bool = True, mode: int = 0o666) -> None:
        self.path = os.fspath(path)
        self._done = array("Q")  # keys of what was answered, sorted
        self._taken = array("I")  # at the first of equal keys: how many of them were taken
        self._lines = array("I")  # which of our lines in the file each key is in
        self._were = array("i")  # the index in each of our lines
        self._now = array("i")  # the index that each line's item has now; -1 for what is not among the items
        self._waiting: list[str] = []
        self._to_empty = not resume
        self._open(mode)
        try:
            if resume:
                self._take_up()
        except BaseException:
            os.close(self._file)
            raise

    def _open(self, mode: int) -> None:
        self._file = files.regular(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode)
        try:
            _lock(self._file, self.path)
            self._target = os.path.realpath(self.path)  # once: where a link points to may change
            self._check_place()
        except BaseException:
            os.close(self._file)
            raise

    def _check_place(self) -> None:
        if not os.path.samestat(os.fstat(self._file), os.stat(self._target)):
            raise _busy(self.path)  # written anew by another process in this moment

    def _take_up(self) -> None:
        """Read what is there; write it anew, without what is to be asked again, if there is any of that."""
        buckets = [(array("Q"), array("I")) for _ in range(256)]  # by the first byte, so that no large list is sorted
        again = foreign = 0
        line = b""
        for line in self._read():
            row = row_of(line)
            if row is None:
                again += is_cut(line)
                foreign += _is_foreign(line)
            elif row["error"] is not None:
                again += 1
            else:
                key, index = int(key_of(row), 16), row["index"]
                keys, lines = buckets[key >> 56]
                keys.append(key)
                lines.append(len(self._were))
                self._were.append(-1 if index is None else index)
        if foreign and not again and not self._were:
            raise ValueError(
                f"{self.path} holds something other than results; give another file, or resume=False (--no-resume)"
            )
        if foreign:
            log.warn(f"{self.path} holds {_lines(foreign)} that no batch wrote; what they say stays where it is.")
        if again:
            self._rewrite(line for line in self._read() if not _is_asked_again(line))
        elif line and not line.endswith(b"\n"):
            self._write(b"\n")
        for keys, lines in buckets:
            order = sorted(range(len(keys)), key=keys.__getitem__)
            self._done.extend(keys[place] for place in order)
            self._lines.extend(lines[place] for place in order)
        self._taken = array("I", [0]) * len(self._done)
        self._now = array("i", [-1]) * len(self._done)

    def _read(self) -> Iterator[bytes]:
        with open(self._target, "rb", opener=files.regular) as file:
            yield from file

    def _rewrite(self, lines: Iterable[bytes]) -> None:
        """Through a file of its own, so that a kill loses nothing."""
        self._check_place()
        if not files.REPLACES_OPEN:
            self._rewrite_closed(lines)
            return
        kept = -1
        try:
            with files.replacing(self._target) as new:
                new.writelines(line if line.endswith(b"\n") else line + b"\n" for line in lines)
                kept = os.dup(new.fileno())  # the lock goes with it
        except BaseException:
            if kept >= 0:
                os.close(kept)
            raise
        os.close(self._file)
        self._file = kept

    def _rewrite_closed(self, lines: Iterable[bytes]) -> None:
        """`_rewrite` on Windows. Nothing is locked there, so nothing is lost by closing the file for a moment."""
        closed = False
        try:
            with files.replacing(self._target) as new:
                new.writelines(line if line.endswith(b"\n") else line + b"\n" for line in lines)
                os.close(self._file)
                closed = True
        finally:
            if closed:
                self._file = files.regular(self._target, os.O_RDWR | os.O_APPEND)

    def settle(self, *, ordered: bool = False) -> None:
        """When all items are known: a line that was there gets the index that its item has now; null if it has none.

        ordered: lines are put into the order of their items, and those of no item after them.
        """
        self._empty()
        self.flush()
        if self._were != self._now:
            self._rewrite(self._renumbered())
            self._were = self._now
        if ordered:
            lines = [*self._read()]
            sorted_lines = sorted(lines, key=_place)
            if sorted_lines != lines:
                self._rewrite(sorted_lines)

    def _renumbered(self) -> Iterator[bytes]:
        number = 0
        for line in self._read():
            row = row_of(line) if number < len(self._now) else None
            if row is None:
                yield line
            else:
                yield _with_index(row, self._now[number])
                number += 1

    def _empty(self) -> None:
        """Where the file is to begin anew. Not sooner: until there is an answer, there may still be none to be had."""
        if self._to_empty:
            self._to_empty = False
            foreign = sum(map(_is_foreign, self._read()))
            os.ftruncate(self._file, 0)
            if foreign:
                log.warn(f"{self.path} began anew (resume=False), without {_lines(foreign)} that no batch wrote.")

    def has(self, item: Item) -> bool:
        """Whether this very request was answered before; each answer counts once."""
        if not self._done or not item.key:
            return False
        key = int(item.key, 16)
        first = bisect_left(self._done, key)
        if first >= len(self._done):
            return False
        place = first + self._taken[first]
        if place < len(self._done) and self._done[place] == key:
            self._taken[first] += 1
            self._now[self._lines[place]] = item.index
            return True
        return False

    def holds(self, row: Line) -> bool:
        """Whether the file had the answer of this row when it was read: of the same request, in the same place."""
        key = key_of(row)
        if not self._done or not key:
            return False
        number = int(key, 16)
        place = bisect_left(self._done, number)
        while place < len(self._done) and self._done[place] == number:
            if self._were[self._lines[place]] == row["index"]:
                return True
            place += 1
        return False

    def take_up(self) -> None:
        """Read the file anew: what was put into it since it was opened has been answered."""
        self.flush()
        self._done, self._lines, self._were = array("Q"), array("I"), array("i")
        self._take_up()

    def put(self, line: str) -> bool:
        """Keep a line for the next flush; whether it is the first since the last one."""
        self._waiting.append(line)
        if len(self._waiting) >= 100:
            self.flush()
            return False
        return len(self._waiting) == 1

    def flush(self) -> None:
        """Hand over what is waiting to the operating system: from there on a kill does not lose it."""
        if self._waiting:
            self._empty()
            lines, self._waiting = self._waiting, []
            self._write(("\n".join(lines) + "\n").encode("utf-8", "replace"))

    def _write(self, content: bytes) -> None:
        """All of it; of what a full disk does not take, the whole lines."""
        begin, left = os.fstat(self._file).st_size, memoryview(content)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            whole = content.rfind(b"\n", 0, len(content) - len(left)) + 1
            with suppress(OSError):
                os.ftruncate(self._file, begin + whole)
            raise

    def close(self) -> None:
        """Write what is waiting, and make sure that it outlives the machine's power."""
        try:
            self.flush()
            os.fsync(self._file)
        finally:
            os.close(self._file)


def _lock(file: int, path: str) -> None:
    if not locks.take(file):
        raise _busy(path)


def _busy(path: str) -> BlockingIOError:
    return BlockingIOError(f"another process is writing to {path}; wait for it, or give another file")


def _lines(count: int) -> str:
    return f"{count} line{'s' * (count != 1)}"


def _is_foreign(line: bytes) -> bool:
    """Whether a line says something that is not a batch's."""
    return bool(line.strip()) and row_of(line) is None and not is_cut(line)


def _is_asked_again(line: bytes) -> bool:
    """Whether a line of ours holds no answer."""
    row = row_of(line)
    return is_cut(line) if row is None else row["error"] is not None


def _place(line: bytes) -> float:
    """Where a line belongs among others."""
    row = row_of(line)
    index = None if row is None else row["index"]
    return math.inf if index is None else index


def _with_index(row: Mapping[str, Any], index: int) -> bytes:
    row = {**row, "index": None if index < 0 else index}
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


class Results:
    """The results in a file, in the order of the input, read as they are asked for. Memory: eight bytes an item."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)

    def __iter__(self) -> Iterator[Result]:
        with open(self.path, "rb", opener=files.regular) as file:
            for place in self._places(file):
                if place:
                    file.seek(place - 1)
                    yield result_of(jsontext.loads(file.readline()))

    def _places(self, file: BinaryIO) -> array[int]:
        """Where in the file each item's line begins, plus one; 0 for items without one."""
        places = array("Q")
        begin = 0
        for line in file:
            row = row_of(line)  # else it is somebody else's
            index = None if row is None else row["index"]
            if index is not None:  # else it belongs to an earlier input
                while len(places) <= index:
                    places.append(0)
                places[index] = begin + 1
            begin += len(line)
        return places

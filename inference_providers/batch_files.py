"""Files of a batch: JSON lines and CSV in; results out as they come, kept through a kill, taken up again."""

from __future__ import annotations

import json
import os
from array import array
from bisect import bisect_left

from inference_providers import jsontext, locks
from inference_providers.batch_items import PROMPTS, Reader, Result, result_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from inference_providers.batch_items import Item

CSV_ANSWERS = ("answer", "provider", "answered_by", "cost", "error")
CSV_TAKEN = "batch_"  # before our columns, where the input has one of their names


def is_csv(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it holds comma-separated values."""
    return os.fspath(path).lower().endswith(".csv")


def items(source: Iterable[Any] | os.PathLike[str], reader: Reader) -> Iterator[Item]:
    """The items of an iterable, or of a file of JSON lines or CSV."""
    if isinstance(source, os.PathLike):
        yield from _csv_items(source, reader) if is_csv(source) else _json_items(source, reader)
        return
    for index, given in enumerate(source):
        yield reader.item(given, index)


def _json_items(path: os.PathLike[str], reader: Reader) -> Iterator[Item]:
    index = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            text = line.strip().removeprefix(b"\xef\xbb\xbf")
            if not text:
                continue
            try:
                item = reader.item(jsontext.loads(text), index, number)
            except ValueError as error:
                item = reader.broken(f"not JSON ({error})", index, number)
            yield item
            index += 1


def _csv_items(path: os.PathLike[str], reader: Reader) -> Iterator[Item]:
    """Items of a CSV file. Raises ValueError for one without a column of prompts."""
    for index, (number, row) in enumerate(csv_rows(path)):
        column = next((name for name in row if name.strip().lower() in PROMPTS and row[name]), None)
        if column is None and not any(name.strip().lower() in PROMPTS for name in row):
            raise ValueError(
                f"{os.fspath(path)} has the columns {', '.join(row)}; one must be called {', '.join(PROMPTS)}, "
                "and commas must stand between them"
            )
        if column is None:
            yield reader.broken(f"it has no prompt; a column must be called {', '.join(PROMPTS)}", index, number)
            continue
        given = {name: row[name] for name in ("model", "system", "custom_id") if row.get(name)}
        yield reader.item({"prompt": row[column], **given} if given else row[column], index, number)


def csv_rows(path: os.PathLike[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, row) of a CSV file."""
    import csv

    with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.DictReader(file, restval="")
        csv.field_size_limit(2**31 - 1)  # else a long prompt would end the whole file
        for row in rows:
            yield rows.line_num, {str(name): value for name, value in row.items() if name is not None}


def count(source: Any) -> int | None:
    """How many items there are, where that can be known beforehand."""
    if isinstance(source, os.PathLike):
        if is_csv(source):
            return sum(1 for _ in csv_rows(source))
        with open(source, "rb") as file:
            return sum(1 for line in file if line.strip())
    try:
        return len(source)
    except TypeError:
        return None


class Output:
    """The file that results go to, one line each, as they come.

    What it holds already is taken up: lines that were cut and items that failed are dropped, and what
    was answered is not asked again. Raises BlockingIOError where another process is writing to it, and
    ValueError where it holds something else than results.
    """

    def __init__(self, path: str | os.PathLike[str], *, resume: bool = True) -> None:
        self.path = os.fspath(path)
        self._done = array("Q")  # keys of what was answered, sorted
        self._taken = array("I")  # at the first of equal keys: how many of them were taken
        self._lines = array("I")  # which line of the file each key is in
        self._were = array("i")  # the index in each line of the file
        self._now = array("i")  # the index that each line's item has now; -1 for what is not among the items
        self._waiting: list[str] = []
        self._open()
        try:
            if not resume:
                os.ftruncate(self._file, 0)
            self._take_up()
        except BaseException:
            os.close(self._file)
            raise

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            _lock(self._file, self.path)
            if not os.path.samestat(os.fstat(self._file), os.stat(self.path)):
                raise _busy(self.path)  # written anew by another process in this moment
        except BaseException:
            os.close(self._file)
            raise

    def _take_up(self) -> None:
        """Read what is there; write it anew, without what is to be asked again, if there is any of that."""
        buckets = [(array("Q"), array("I")) for _ in range(256)]  # by the first byte, so that no large list is sorted
        clean, ours = True, False
        for line in self._read():
            found = _key_of(line)
            clean = clean and found is not None
            ours = ours or found is not None or _is_ours(line)
            if found is not None:
                key, index = found
                keys, lines = buckets[key >> 56]
                keys.append(key)
                lines.append(len(self._were))
                self._were.append(index)
        if not clean and not ours:
            raise ValueError(f"{self.path} holds something else than results; give another file, or resume=False")
        if not clean:
            self._rewrite(line for line in self._read() if _key_of(line) is not None)
        for keys, lines in buckets:
            order = sorted(range(len(keys)), key=keys.__getitem__)
            self._done.extend(keys[place] for place in order)
            self._lines.extend(lines[place] for place in order)
        self._taken = array("I", [0]) * len(self._done)
        self._now = array("i", [-1]) * len(self._done)

    def _read(self) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            yield from file

    def _rewrite(self, lines: Iterable[bytes]) -> None:
        """Through a file of its own, so that a kill loses nothing."""
        beside = f"{self.path}.{os.getpid()}.tmp"
        with open(beside, "wb") as new:
            new.writelines(lines)
            new.flush()
            os.fsync(new.fileno())
            _lock(new.fileno(), self.path)
            os.replace(beside, self.path)
            os.close(self._file)
            self._file = os.dup(new.fileno())  # the lock goes with it

    def settle(self) -> None:
        """When all items are known: a line that was there gets the index that its item has now; null if it has none."""
        self.flush()
        if self._were != self._now:
            self._rewrite(
                _with_index(line, self._now[number]) if number < len(self._now) else line
                for number, line in enumerate(self._read())
            )
            self._were = self._now

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
            lines, self._waiting = self._waiting, []
            data = memoryview(("\n".join(lines) + "\n").encode("utf-8", "replace"))
            while data:
                data = data[os.write(self._file, data) :]

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


def _is_ours(line: bytes) -> bool:
    """Whether a line without an answer may be from a batch: a failure, one that was cut, or an empty one."""
    if not line.strip() or line.startswith((b'{"index": ', b'{"id": "batch_req_')):
        return True
    return b'{"index": '.startswith(line) or b'{"id": "batch_req_'.startswith(line)


def _with_index(line: bytes, index: int) -> bytes:
    row = {**json.loads(line), "index": None if index < 0 else index}
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _key_of(line: bytes) -> tuple[int, int] | None:
    """(key, index) of a line that holds an answer; None for one that is cut, or holds an error. No index: -1."""
    if not line.endswith(b"\n"):
        return None
    try:
        row = jsontext.loads(line)
        if row.get("error"):
            return None
        key, index = int(row.get("key") or row["id"].removeprefix("batch_req_"), 16), row.get("index")
        return (key, index if type(index) is int and 0 <= index < 2**31 else -1) if 0 <= key < 2**64 else None
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


class Results:
    """The results in a file, in the order of the input, read as they are asked for. Memory: eight bytes an item."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)

    def __iter__(self) -> Iterator[Result]:
        places = self._places()
        with open(self.path, "rb") as file:
            for place in places:
                if place:
                    file.seek(place - 1)
                    yield result_of(json.loads(file.readline()))

    def _places(self) -> array[int]:
        """Where in the file each item's line begins, plus one; 0 for items without one."""
        places = array("Q")
        begin = 0
        with open(self.path, "rb") as file:
            for line in file:
                index = json.loads(line).get("index")
                if index is not None:  # else it belongs to an earlier input
                    while len(places) <= index:
                        places.append(0)
                    places[index] = begin + 1
                begin += len(line)
        return places


def check_csv(out: str, lines: str) -> None:
    """Raise ValueError where a CSV file is there that no batch has made: it would be lost."""
    if os.path.exists(out) and not os.path.exists(lines) and os.path.getsize(out):
        raise ValueError(f"{out} holds something else than results; give another file, or resume=False")


def write_csv(source: os.PathLike[str] | None, lines: str, out: str) -> None:
    """The rows of a CSV file, with their answers, from a batch's lines; the answers alone where there was no such file."""
    import csv

    beside = f"{out}.{os.getpid()}.tmp"
    with open(beside, "w", encoding="utf-8", newline="") as file:
        writer: Any = None
        taken = ""
        found = iter(Results(lines))
        current = next(found, None)
        rows = (row for _, row in csv_rows(source)) if source is not None else _bare_rows(lines)
        for index, row in enumerate(rows):
            if writer is None:
                taken = CSV_TAKEN if any(name in row for name in CSV_ANSWERS) else ""
                writer = csv.DictWriter(file, [*row, *(taken + name for name in CSV_ANSWERS)])
                writer.writeheader()
            result = None
            if current is not None and current.index == index:
                result, current = current, next(found, None)
            writer.writerow({**row, **{taken + name: value for name, value in _csv_answer(result).items()}})
    os.replace(beside, out)


def _bare_rows(lines: str) -> Iterator[dict[str, str]]:
    for result in Results(lines):
        yield {"index": str(result.index), "custom_id": result.custom_id or ""}


def _csv_answer(result: Result | None) -> Mapping[str, Any]:
    if result is None or result.error is not None:
        return {"answer": "", "error": str(result.error) if result else "not asked"}
    answer = result.answer
    cost = "" if answer.cost is None else f"{answer.cost:.8f}".rstrip("0").rstrip(".")
    return {
        "answer": str(answer),
        "provider": answer.provider or "",
        "answered_by": answer.model,
        "cost": cost,
        "error": "",
    }

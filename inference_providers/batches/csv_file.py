"""CSV files: read whole rows or none; what may have been cut by a comma, a quote or an encoding has a problem."""

from __future__ import annotations

import codecs
import os
from contextlib import closing

from inference_providers import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import TextIO

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_LARGEST = 16 * 1024 * 1024  # characters of one row: an unclosed quote must not take the memory of the whole file
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before that of UTF-16, which begins alike
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHERS = (
    (b"PK\x03\x04", "a zip archive, as .xlsx and .ods files are; save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file; save the sheet as CSV"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed (gzip); unpack it first"),
    (b"PAR1", "a Parquet file; save it as CSV or JSON lines"),
)


def encoding_of(path: str | os.PathLike[str]) -> str:
    """A text file's encoding by how it begins: UTF-16 and UTF-32, with or without a mark; else UTF-8.

    Raises ValueError for what is no text.
    """
    with open(path, "rb", opener=files.regular) as file:
        start = file.read(4)
    for mark, kind in _OTHERS:
        if start.startswith(mark):
            raise ValueError(f"{os.fspath(path)} is {kind}")
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    if len(start) == 4 and not start[1] and not start[3] and start[0] and start[2]:
        return "utf-16-le"
    if len(start) == 4 and not start[0] and not start[2] and start[1] and start[3]:
        return "utf-16-be"
    return "utf-8"


class TextLines:
    """The lines of a text file, with what is wrong in each: bytes that its encoding does not have.

    encoding: what the user says; else it is found out. newline: as for `open`.
    """

    def __init__(self, path: str | os.PathLike[str], encoding: str | None = None, newline: str | None = None) -> None:
        self.encoding = encoding_of(path)
        self._said = encoding
        if encoding is not None:
            try:
                codecs.lookup(encoding)
            except LookupError:
                raise ValueError(f"encoding={encoding!r} is no encoding that Python knows") from None
            self.encoding = encoding
        self._path, self._newline = path, newline
        self._exact = self.encoding in ("utf-8", "utf-8-sig")  # a byte that is none of it can be named

    def open(self) -> TextIO:
        errors = "surrogateescape" if self._exact else "replace"
        return open(self._path, encoding=self.encoding, errors=errors, newline=self._newline, opener=files.regular)

    def problem(self, line: str) -> str:
        """Why a line cannot be read as text; empty where it can."""
        if self._exact:
            if line.isascii():
                mixed = self._said is None and ("\x1b$" in line or "\x1b(" in line)
                return "it looks like ISO-2022; say so with encoding= (--encoding)" if mixed else ""
            strange = next((letter for letter in line if "\udc80" <= letter <= "\udcff"), "")
            return (
                f"the byte 0x{ord(strange) & 0xFF:02x} is not UTF-8; save the file as UTF-8, "
                "or name its encoding with encoding= (--encoding), as cp1252"
                if strange
                else ""
            )
        return f"it cannot be read as {self.encoding}" if "\ufffd" in line else ""


class Row:
    """A row: the line it begins in, from 1; as many cells as there are columns; what is wrong with it, if anything."""

    __slots__ = ("cells", "line", "problem")

    def __init__(self, line: int, cells: list[str], problem: str = "") -> None:
        self.line, self.cells, self.problem = line, cells, problem


class CsvFile:
    """A CSV file with a header.

    Its separator is the first of comma, semicolon, tab and bar by which the header has what *wanted* looks for.
    Raises ValueError, with the line, for a header that cannot be used, and OSError.
    """

    def __init__(
        self, path: str | os.PathLike[str], wanted: Callable[[list[str]], bool], encoding: str | None = None
    ) -> None:
        self.path, self._text = os.fspath(path), TextLines(path, encoding, newline="")
        self.marked = self._text.encoding in ("utf-8-sig", "utf-16", "utf-32")
        found = [(separator, self._header(separator)) for separator in SEPARATORS]
        self.separator, header = next((one for one in found if wanted(_names(one[1].cells))), found[0])
        self.header, self.columns = header.cells, _names(header.cells)
        self._check(header, wanted)

    def _header(self, separator: str) -> Row:
        with closing(self._records(separator)) as records:
            return next(records, None) or Row(1, [])

    def _check(self, header: Row, wanted: Callable[[list[str]], bool]) -> None:
        where = f"{self.path}, line {header.line}"
        if header.problem:
            raise ValueError(f"{where}: {header.problem}")
        if wanted(self.columns):
            known: set[str] = set()
            for name in self.columns:
                if name and name.lower() in known:
                    raise ValueError(f"{where}: two columns are called {name!r}; each needs a name of its own")
                known.add(name.lower())

    def rows(self) -> Iterator[Row]:
        """All rows below the header, but blank ones."""
        with closing(self._records(self.separator)) as records:
            next(records, None)
            yield from map(self._whole, records)

    def _whole(self, row: Row) -> Row:
        """A row with as many cells as there are columns."""
        width = len(self.header)
        count = len(row.cells)
        if not row.problem and count != width:
            row.problem = (
                f"{count} cell{'s' * (count != 1)}, {width} column{'s' * (width != 1)}; "
                f"a text with a {SEPARATORS[self.separator]} in it needs quotes around it"
            )
        if count > width:  # nothing is lost: what is too much stands in the last one
            row.cells[width - 1 :] = [self.separator.join(row.cells[width - 1 :])]
        row.cells += [""] * (width - count)
        return row

    def _records(self, separator: str) -> Generator[Row]:
        import csv

        csv.field_size_limit(2**31 - 1)  # else a long prompt would end the whole file
        with self._text.open() as file:
            lines = _Lines(file)
            reader = csv.reader(lines, delimiter=separator, strict=True)
            while True:
                lines.begin()
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    cells, problem = [lines.text()], _told(error)
                    spoilt = len(lines.taken) != 1 or lines.text().count('"') % 2 == 1
                else:
                    if cells is None:
                        return
                    if not cells:
                        continue
                    spoilt, problem = _loose_quotes(cells, lines.text())
                text = lines.text()
                if spoilt:
                    break
                yield Row(lines.first, cells, self._text.problem(text) or problem)
            # Where a text ends cannot be known from here on, and half of one must not be asked.
            first = lines.first
            for number, line in enumerate(lines.rest(), first):
                if line.strip():
                    after = problem if number == first else f"it comes after a quote in line {first} that is not closed"
                    yield Row(number, [line.rstrip("\r\n")], after)


class _Lines:
    """Lines for a reader of rows, which remembers those that the present row has taken."""

    def __init__(self, file: TextIO) -> None:
        self._file, self.taken, self.first, self._size = file, [""][:0], 1, 0

    def begin(self) -> None:
        self.first += len(self.taken)
        self.taken, self._size = [], 0

    def text(self) -> str:
        return "".join(self.taken)

    def rest(self) -> Iterator[str]:
        """The lines of the present row, and all that come after it."""
        yield from self.taken
        yield from self._file

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._size > _LARGEST:
            raise StopIteration
        line = next(self._file)
        self.taken.append(line)
        self._size += len(line)
        return line


def _names(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _loose_quotes(cells: list[str], text: str) -> tuple[bool, str]:
    """Whether what comes after a row may be the rest of it, and why its own cells may be halves; empty if not.

    A cell with quotes in it stands in quotes, with two for each. Where there are fewer, some mean nothing to the
    reader, but may have meant to hold a comma or a line's end.
    """
    inside = [cell.count('"') for cell in cells]
    if not any(inside) or text.count('"') >= sum(2 * count + 2 for count in inside if count):
        return False, ""
    begins = any(cell[:1].isspace() and cell.lstrip().startswith('"') for cell in cells)
    halves = [count for count in inside if count % 2]
    if not halves or (len(halves) == 1 and not begins):
        return False, ""
    return begins and text.count('"') % 2 == 1, "a quote has to be the first letter of its cell, or be written twice"


def _told(error: Exception) -> str:
    if "unexpected end" in str(error):
        return "a quote opens here and is not closed"
    return 'after the quote that closes a text its cell has to end; a quote within a text is written twice ("")'

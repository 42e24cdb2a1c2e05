"""Where the questions of a batch come from: iterables, and files of JSON lines, JSON, CSV or plain text."""

from __future__ import annotations

import os
from contextlib import aclosing

from inference_providers import files
from inference_providers.batches.items import PROMPTS, MalformedItemError, Reader
from inference_providers.batches.template import Template
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator
    from typing import Any

    from inference_providers.batches.csv_file import CsvFile, Row
    from inference_providers.batches.items import Item

AUTO, LINES, JSON, CSV, TEXT = "auto", "jsonl", "json", "csv", "text"
OPTIONS = ("prompt", "input_format", "encoding")
FORMS = (AUTO, LINES, JSON, CSV, TEXT)
_BY_NAME = {
    ".csv": CSV,
    ".tsv": CSV,
    ".txt": TEXT,
    ".text": TEXT,
    ".json": JSON,
    ".jsonl": LINES,
    ".ndjson": LINES,
}
_ARRAY_CAP = 256 * 1024 * 1024  # bytes of a JSON array, which is read whole
_WHITE = b" \t\r\n"
_NOT_WRITTEN = (".json", ".tsv")
SHEETS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers", ".parquet", ".docx", ".pdf")


def is_csv(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it holds comma-separated values."""
    return os.fspath(path).lower().endswith(".csv")


def check_name(path: str | os.PathLike[str], *, out: bool = False) -> None:
    """Raise ValueError for a file whose name says that it is a spreadsheet, another document, or no lines of JSON."""
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if out and suffix in _NOT_WRITTEN:
        raise ValueError(
            f"{os.fspath(path)}: results are written as JSON lines (.jsonl), or as CSV (.csv), not as {suffix}"
        )
    if suffix in SHEETS:
        what = (
            "results are written as JSON lines, or as CSV" if out else "questions come as CSV, JSON lines, JSON or text"
        )
        raise ValueError(f"{os.fspath(path)}: {what}, not as {suffix}; a spreadsheet program opens and saves CSV")


class Source:
    """The questions of a batch.

    input_format: of a file: "jsonl", "json", "csv", "text", or "auto", by its name. encoding: of CSV and text; default:
    UTF-8, or what the file's first bytes say. prompt: one with columns. Raises ValueError.
    """

    def __init__(
        self,
        given: Any,
        reader: Reader,
        *,
        prompt: str | None = None,
        input_format: str = AUTO,
        encoding: str | None = None,
    ) -> None:
        if input_format not in FORMS:
            raise ValueError(f"input_format must be {' or '.join(map(repr, FORMS))}, not {input_format!r}")
        self.given, self._reader = given, reader
        self._template = None if prompt is None else Template(prompt)
        self._form, self._encoding = input_format, encoding

    @property
    def waits(self) -> bool:
        """Whether items come from somewhere that may be waited for: an asynchronous iterable, or a pipe."""
        return hasattr(self.given, "__aiter__") or (isinstance(self.given, os.PathLike) and files.is_pipe(self.given))

    @property
    def form(self) -> str:
        """What a file holds. Raises ValueError where neither its name nor its first bytes tell."""
        if self._form != AUTO:
            return self._form
        check_name(self.given)
        known = _BY_NAME.get(os.path.splitext(os.fspath(self.given))[1].lower())
        if known is not None or files.is_pipe(self.given):
            return known or LINES
        from inference_providers.batches.csv_file import encoding_of

        encoding_of(self.given)  # refuses archives and the like
        with open(self.given, "rb", opener=files.regular) as file:
            start = next((line.lstrip(b"\xef\xbb\xbf \t\r\n") for line in file if line.strip()), b"")
        if start and start[:1] not in b'{["':
            raise ValueError(
                f"{os.fspath(self.given)} begins with neither of {{, [ and a quote, so it is no JSON; "
                'what is it? input_format= (--format) takes "text" (a question a line), "csv", "json" and "jsonl"'
            )
        return LINES

    def check(self) -> None:
        """Raise ValueError or OSError for a file of which nothing can be asked."""
        if isinstance(self.given, os.PathLike):
            form = self.form
            if files.is_pipe(self.given):
                if form == CSV:
                    raise ValueError(
                        f"{os.fspath(self.given)} is a pipe; a table is read twice, so give a regular file"
                    )
            elif form == CSV:
                self.table()

    def table(self) -> CsvFile | None:
        """The table that the questions stand in; None where they stand elsewhere. Raises ValueError."""
        if not isinstance(self.given, os.PathLike) or self.form != CSV:
            return None
        from inference_providers.batches.csv_file import CsvFile

        found = CsvFile(self.given, self._has_columns, self._encoding)
        if not self._has_columns(found.columns) and found.header:
            if self._template is not None:
                missing = ", ".join(self._template.missing(found.columns))
                raise ValueError(f"{found.path} has the columns {', '.join(found.columns)}; there is no {missing}")
            raise ValueError(
                f"{found.path} has the columns {', '.join(found.columns)}; one must be called {', '.join(PROMPTS)}, "
                "or be named in a prompt (prompt=, --prompt), as in 'Summarise: {text}'"
            )
        return found

    def _has_columns(self, columns: list[str]) -> bool:
        if self._template is not None:
            return not self._template.missing(columns)
        return any(name.lower() in PROMPTS for name in columns)

    def items(self) -> Iterator[Item]:
        """The items of an iterable, or of a file."""
        if not isinstance(self.given, os.PathLike):
            for index, given in enumerate(self.given):
                yield self.item(given, index)
            return
        form = self.form
        if form == CSV:
            yield from self._csv_items()
        elif form == TEXT:
            yield from self._text_items()
        elif (values := self._array(self.given, form)) is not None:
            for index, given in enumerate(values):
                yield self.item(given, index)
        else:
            with open(self.given, "rb", opener=files.regular) as file:
                yield from self._numbered(enumerate(file, 1))

    async def items_that_come(self) -> AsyncGenerator[Item, None]:
        """The items of an asynchronous iterable, or of lines in a pipe."""
        index = 0
        if isinstance(self.given, os.PathLike):
            from inference_providers.files import pipes

            form = self.form
            async with aclosing(pipes.lines(self.given)) as lines:
                number = 0
                async for line in lines:
                    number += 1
                    if (item := self._line(line, index, number, form)) is not None:
                        yield item
                        index += 1
            return
        given: AsyncIterator[Any] = aiter(self.given)
        try:
            async for one in given:
                yield self.item(one, index)
                index += 1
        finally:
            if (close := getattr(given, "aclose", None)) is not None:
                await close()

    def count(self) -> int | None:
        """How many items there are, where that can be known beforehand: a pipe would be empty then."""
        if not isinstance(self.given, os.PathLike):
            try:
                return len(self.given)
            except TypeError:
                return None
        form = self.form
        if files.is_pipe(self.given) or form == JSON:
            return None
        if (table := self.table()) is not None:
            return sum(1 for _ in table.rows())
        with open(self.given, "rb", opener=files.regular) as file:
            return sum(1 for line in file if line.strip())

    def item(self, given: Any, index: int, line: int | None = None) -> Item:
        """One item of something given; a malformed one has a problem."""
        if self._template is not None:
            try:
                given = self._template.item(given)
            except MalformedItemError as error:
                return self._reader.broken(str(error), index, line)
        return self._reader.item(given, index, line)

    def broken(self, problem: str, index: int) -> Item:
        """An item that cannot be read."""
        return self._reader.broken(problem, index, None)

    def _numbered(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[Item]:
        index = 0
        for number, line in lines:
            if (item := self._line(line, index, number, LINES)) is not None:
                yield item
                index += 1

    def _line(self, line: bytes, index: int, number: int, form: str) -> Item | None:
        text = line.strip().removeprefix(b"\xef\xbb\xbf")
        if not text:
            return None
        try:
            given = text.decode(self._encoding or "utf-8") if form == TEXT else jsontext.loads(text)
        except ValueError as error:
            problem = f"it cannot be read as text ({error})" if form == TEXT else f"not JSON ({error})"
            return self._reader.broken(problem, index, number)
        return self.item(given, index, number)

    def _text_items(self) -> Iterator[Item]:
        from inference_providers.batches.csv_file import TextLines

        text, index = TextLines(self.given, self._encoding), 0
        with text.open() as file:
            for number, line in enumerate(file, 1):
                if not (question := line.strip()):
                    continue
                problem = text.problem(line)
                yield self._reader.broken(problem, index, number) if problem else self.item(question, index, number)
                index += 1

    @staticmethod
    def _array(path: os.PathLike[str], form: str) -> list[Any] | None:
        """The items of a file that is one JSON value; None for JSON lines."""
        with open(path, "rb", opener=files.regular) as file:
            first = next((line for line in file if line.strip(_WHITE + b"\xef\xbb\xbf")), b"")
            if form != JSON and not first.lstrip(_WHITE + b"\xef\xbb\xbf").startswith(b"["):
                return None
            if any(line.strip() for line in file) and _is_json(first):
                return None  # a value a line
        try:
            found = jsontext.loads(files.read(path, _ARRAY_CAP).removeprefix(b"\xef\xbb\xbf"))
        except ValueError:
            return None  # told line by line
        if isinstance(found, list):
            return [found] if found and all(isinstance(turn, dict) and "role" in turn for turn in found) else found
        return [found]

    def _csv_items(self) -> Iterator[Item]:
        table = self.table()
        assert table is not None
        for index, row in enumerate(table.rows()):
            yield self._reader.broken(row.problem, index, row.line) if row.problem else self._row(table, row, index)

    def _row(self, table: CsvFile, row: Row, index: int) -> Item:
        cells = dict(zip(table.columns, row.cells, strict=True))
        if self._template is not None:
            return self.item(cells, index, row.line)
        by_name = {name.lower(): cell for name, cell in cells.items()}
        column = next(name for name in PROMPTS if name in by_name)
        if not by_name[column].strip():
            return self._reader.broken(f"it has no prompt: its cell {column!r} is empty", index, row.line)
        said = {name: by_name[name] for name in ("model", "system", "custom_id") if by_name.get(name)}
        given = by_name[column]
        return self._reader.item({"prompt": given, **said} if said else given, index, row.line)


def _is_json(line: bytes) -> bool:
    try:
        jsontext.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return False
    return True

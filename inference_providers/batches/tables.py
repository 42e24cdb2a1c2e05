"""Tables of a batch: a CSV file with the rows of the input and their answers."""

from __future__ import annotations

import os

from inference_providers import files, log
from inference_providers.batches import formulas
from inference_providers.batches.files import Results

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from inference_providers.batches.csv_file import CsvFile
    from inference_providers.batches.items import Result

ANSWERS = ("answer", "provider", "answered_by", "cost", "error")
_TAKEN = "batch_"


def check(out: str, lines: str) -> None:
    """Raise ValueError where a CSV file is there that no batch has made: it would be lost."""
    if os.path.exists(out) and not os.path.exists(lines) and os.path.getsize(out):
        raise ValueError(f"{out} holds something other than results; give another file, or resume=False (--no-resume)")


def prefix(header: Collection[str], ours: Iterable[str]) -> str:
    """What goes before the names of our columns, so that none is called like one of the input's."""
    found, names = "", tuple(ours)
    while any(found + name in header for name in names):
        found += _TAKEN
    return found


def write(source: CsvFile | None, lines: str, out: str, csv_formulas: str = formulas.KEEP) -> None:
    """The rows of a CSV file, with their answers, from a batch's lines; the answers alone where there was no such file.

    The cells of the input are as they were. Of ours, those that a spreadsheet would run are counted in a
    warning, or, with *csv_formulas* `"escape"`, made text. Raises OSError.
    """
    import csv

    cells = _Cells(csv_formulas)
    with files.replacing(out, text=True, mode=files.mode_beside(lines)) as file:
        if source is not None and source.marked:
            file.write("\ufeff")  # by which Excel knows what it is
        writer = csv.writer(file, delimiter="," if source is None else source.separator)
        header = ["index", "custom_id"] if source is None else source.header
        taken = prefix(header, ANSWERS)
        writer.writerow(map(_text, [*header, *(taken + name for name in ANSWERS)]))
        for row, result in _with_results(source, lines, cells):
            writer.writerow(map(_text, [*row, *cells.taken(_answer(result))]))
    if cells.formulas and csv_formulas != formulas.ESCAPE:
        one = cells.formulas == 1
        noun, kind, them = ("cell", "a formula", "it") if one else ("cells", "formulas", "them")
        log.warn(
            f"{out} has {cells.formulas} {noun} that a spreadsheet would run as {kind}; "
            f'csv_formulas="{formulas.ESCAPE}" (--csv-formulas escape) makes {them} text.'
        )


class _Cells:
    """Our cells of a table; counts those that a spreadsheet would run, and makes them text if that is wanted."""

    def __init__(self, csv_formulas: str) -> None:
        self.formulas, self._escape = 0, csv_formulas == formulas.ESCAPE

    def taken(self, row: Iterable[str]) -> list[str]:
        return [self._taken(cell) for cell in row]

    def _taken(self, cell: str) -> str:
        if not formulas.is_formula(cell):
            return cell
        self.formulas += 1
        return formulas.escaped(cell) if self._escape else cell


def _with_results(source: CsvFile | None, lines: str, cells: _Cells) -> Iterator[tuple[list[str], Result | None]]:
    """The cells of each row, and what came of it."""
    found = iter(Results(lines))
    if source is None:
        for result in found:
            yield cells.taken((str(result.index), result.custom_id or "")), result
        return
    current = next(found, None)
    for index, row in enumerate(source.rows()):
        if current is not None and current.index == index:
            yield row.cells, current
            current = next(found, None)
        else:
            yield row.cells, None


def _text(cell: str) -> str:
    """A cell that can be written: bytes that are no text, in a line that was not asked, become a mark."""
    return cell.encode("utf-8", "replace").decode() if not cell.isascii() else cell


def _answer(result: Result | None) -> tuple[str, ...]:
    """The cells for `ANSWERS`."""
    if result is None or result.error is not None:
        return "", "", "", "", str(result.error) if result else "not asked"
    answer = result.answer
    cost = "" if answer.cost is None else f"{answer.cost:.8f}".rstrip("0").rstrip(".")
    return str(answer), answer.provider or "", answer.model or "", cost, ""

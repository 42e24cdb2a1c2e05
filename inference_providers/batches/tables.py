"""Tables of a batch: a CSV file with the rows of the input and their answers."""

from __future__ import annotations

import os

from inference_providers import files, log
from inference_providers.batches import formulas
from inference_providers.batches.files import Results, csv_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from inference_providers.batches.items import Result

ANSWERS = ("answer", "provider", "answered_by", "cost", "error")
TAKEN = "batch_"  # before our columns, where the input has one of their names


def check(out: str, lines: str) -> None:
    """Raise ValueError where a CSV file is there that no batch has made: it would be lost."""
    if os.path.exists(out) and not os.path.exists(lines) and os.path.getsize(out):
        raise ValueError(f"{out} holds something other than results; give another file, or resume=False (--no-resume)")


def write(source: os.PathLike[str] | None, lines: str, out: str, csv_formulas: str = formulas.KEEP) -> None:
    """The rows of a CSV file, with their answers, from a batch's lines; the answers alone where there was no such file.

    The cells of the input are as they were. Of ours, those that a spreadsheet would run are counted in a
    warning, or, with *csv_formulas* `"escape"`, made text. Raises OSError.
    """
    import csv

    cells = _Cells(csv_formulas)
    with files.replacing(out, text=True, mode=files.mode_beside(lines)) as file:
        writer: Any = None
        taken = ""
        found = iter(Results(lines))
        current = next(found, None)
        rows = (row for _, row in csv_rows(source)) if source is not None else _bare_rows(lines, cells)
        for index, row in enumerate(rows):
            if writer is None:
                taken = TAKEN if any(name in row for name in ANSWERS) else ""
                writer = csv.DictWriter(file, [*row, *(taken + name for name in ANSWERS)])
                writer.writeheader()
            result = None
            if current is not None and current.index == index:
                result, current = current, next(found, None)
            ours = cells.taken(_answer(result))
            writer.writerow({**row, **{taken + name: value for name, value in ours.items()}})
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

    def taken(self, row: dict[str, str]) -> dict[str, str]:
        return {name: self._taken(cell) for name, cell in row.items()}

    def _taken(self, cell: str) -> str:
        if not formulas.is_formula(cell):
            return cell
        self.formulas += 1
        return formulas.escaped(cell) if self._escape else cell


def _bare_rows(lines: str, cells: _Cells) -> Iterator[dict[str, str]]:
    for result in Results(lines):
        yield cells.taken({"index": str(result.index), "custom_id": result.custom_id or ""})


def _answer(result: Result | None) -> dict[str, str]:
    if result is None or result.error is not None:
        return {**dict.fromkeys(ANSWERS, ""), "error": str(result.error) if result else "not asked"}
    answer = result.answer
    cost = "" if answer.cost is None else f"{answer.cost:.8f}".rstrip("0").rstrip(".")
    return {
        "answer": str(answer),
        "provider": answer.provider or "",
        "answered_by": answer.model or "",
        "cost": cost,
        "error": "",
    }

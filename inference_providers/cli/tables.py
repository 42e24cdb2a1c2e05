"""Tables for people, JSON for programs."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal

from inference_providers.cli.output import on_terminal, put, say, say_json
from inference_providers.text import in_line

_TITLES = {"input_price": "$/M in", "output_price": "$/M out"}  # US dollars for a million tokens
_UNITS = {"context": "tokens"}
_PROSE = 16  # columns of the terminal that prose gets at least


def emit(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    as_json: bool,
    *,
    prose: Collection[str] = (),
    spare: str = "",
    listed: Sequence[dict[str, Any]] | None = None,
) -> None:
    """Print *rows*: as a JSON list, as tab-separated lines in a pipe, or for a person at a terminal.

    There, columns in which nothing stands are left out. What is in a cell is whole, so that it can be copied; only
    columns of *prose* are wrapped, between words.
    Where not all fit beside each other, without *spare* if need be, the others stand below the first of each row.
    *listed*: rows for there, if they are others.
    """
    if as_json:
        say_json(list(rows))
    elif on_terminal():
        shown = rows if listed is None else listed
        columns = [name for name in columns if name == columns[0] or any(_cell(row.get(name)) for row in shown)]
        few = [column for column in columns if column != spare]
        if not (_fit(shown, columns, prose) or (few != columns and _fit(shown, few, prose))):
            _list(shown, few)
    else:
        for row in rows:
            say("\t".join(_cell(row.get(column)) for column in columns))


def _fit(rows: Sequence[dict[str, Any]], columns: Sequence[str], prose: Collection[str]) -> bool:
    """Print a table; false, and nothing printed, if the terminal is too narrow for it."""
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, table, width = Console(emoji=False), Table(box=SIMPLE_HEAD, header_style="bold"), 1
    for column in columns:
        values = [row.get(column) for row in rows]
        cells = [*_header(column).split("\n"), *map(_cell, values)]
        words = [word for cell in cells for word in cell.split(" ")] if column in prose else cells
        least = max(_PROSE if column in prose else 0, *map(cell_len, words))
        justify: Literal["left", "right"] = "right" if all(map(_is_number, values)) else "left"
        table.add_column(_header(column), justify=justify, no_wrap=column not in prose, min_width=least)
        width += least + 3
    if width > console.width:
        return False
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    with console.capture() as drawn:
        console.print(table)
    put(drawn.get())
    return True


def _list(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Each row's first cell, and the others below it. What is longer than a line the terminal wraps: it stays whole."""
    from rich.cells import cell_len

    width = shutil.get_terminal_size().columns
    for row in rows:
        say(_cell(row.get(columns[0])), bold=True)
        line = ""
        for part in _parts(row, columns[1:]):
            if line and cell_len(line) + cell_len(part) + 3 > width:
                say(line)
                line = ""
            line = f"{line} · {part}" if line else f"  {part}"
        if line:
            say(line)


def _parts(row: dict[str, Any], columns: Sequence[str]) -> Iterator[str]:
    """The cells of a row that hold something, each with its title and its unit."""
    for column in columns:
        if cell := _cell(row.get(column)):
            yield " ".join([f"{_title(column)}: {cell}", *([_UNITS[column]] if column in _UNITS else [])])


def _header(column: str) -> str:
    return "\n".join([_title(column), *([f"({_UNITS[column]})"] if column in _UNITS else [])])


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _title(column: str) -> str:
    return _TITLES.get(column, column.replace("_", " "))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return in_line(", ".join(map(str, value)))
    return in_line(str(value))

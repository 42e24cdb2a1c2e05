"""Tables for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from inference_providers.cli.output import on_terminal, say, say_json
from inference_providers.text import in_line


def emit(rows: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Print *rows*: as a JSON list, as a table on a terminal, as tab-separated lines in a pipe."""
    if as_json:
        say_json(list(rows))
    elif on_terminal():
        _table(rows, columns)
    else:
        for row in rows:
            say("\t".join(_cell(row.get(column)) for column in columns))


def _table(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")  # a truncated name cannot be copied
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    Console(emoji=False).print(table, markup=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return in_line(", ".join(map(str, value)))
    return in_line(str(value))

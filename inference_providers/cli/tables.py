"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click


def emit(rows: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Print *rows*: as a JSON list, as a table on a terminal, as tab-separated lines in a pipe."""
    if as_json:
        click.echo(json.dumps(list(rows), ensure_ascii=False, indent=2))
    elif sys.stdout.isatty():
        _table(rows, columns)
    else:
        for row in rows:
            click.echo("\t".join(_cell(row.get(column)) for column in columns))


def _table(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")  # a name that is cut cannot be copied
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    Console().print(table, markup=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)

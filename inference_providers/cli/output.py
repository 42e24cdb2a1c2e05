"""Output of the command line: everything goes through here, so that no server, model or file steers the terminal."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from inference_providers.text import as_json, printable

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def on_terminal(*, err: bool = False) -> bool:
    """Whether standard output (or standard error) is a terminal."""
    stream = sys.stderr if err else sys.stdout
    return stream is not None and stream.isatty()


def say(text: str = "", *, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Print *text*: made printable on a terminal and on standard error, else unchanged.

    *style* is `click.style`'s, for terminals.
    """
    shown = on_terminal(err=err)
    if err or shown:
        text = printable(text)
    if style and shown and not os.environ.get("NO_COLOR"):
        text = click.style(text, **style)
    try:
        click.echo(text, err=err, nl=nl, color=True)  # keeps click from removing anything
    except UnicodeEncodeError as error:
        click.echo(text.encode(error.encoding, "backslashreplace").decode(error.encoding), err=err, nl=nl, color=True)


def say_json(value: Any, indent: int = 2) -> None:
    """Print *value* as JSON, with `\\uXXXX` for all that `say` would escape, wherever it goes."""
    say(as_json(value, indent))


class _Printable:
    """Makes usage errors printable: they quote arguments and file names."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().make_context(*args, **kwargs)  # type: ignore[misc]
        except click.ClickException as error:
            raise _cleaned(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)  # type: ignore[misc]
        except click.ClickException as error:
            raise _cleaned(error) from None


def _cleaned(error: click.ClickException) -> click.ClickException:
    vars(error)["message"] = printable(error.message)
    return error


class Command(_Printable, click.Command):
    """A program's command."""


class Group(_Printable, click.Group):
    """A program's group of commands."""

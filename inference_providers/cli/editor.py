"""The user's editor."""

from __future__ import annotations

import click


def edit_file(path: str) -> None:
    """Have a person change a file. Raises ClickException where there is no editor, or it fails."""
    try:
        click.edit(filename=path)
    except click.ClickException as error:
        raise _explained(error) from None


def edit_text(text: str) -> str:
    """What a person makes of a text, in Markdown; empty where it was not saved. Raises what `edit_file` raises."""
    try:
        return click.edit(text, extension=".md") or ""
    except click.ClickException as error:
        raise _explained(error) from None


def _explained(error: click.ClickException) -> click.ClickException:
    return click.ClickException(f"{error.message}\nThe variable VISUAL or EDITOR names the editor to use.")

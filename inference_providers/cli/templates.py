"""`inference-providers templates`: looks after questions that are kept."""

from __future__ import annotations

import os
from typing import Any

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say
from inference_providers.cli.tables import emit
from inference_providers.cli.template_options import complete_template

_SHOWN = 70  # characters of a prompt


@click.group()
def templates() -> None:
    """Look after templates: questions that are kept, with places to fill in."""


@templates.command("list")
@json_option
@guarded
def list_templates(as_json: bool) -> None:
    """List templates, each with its variables and the beginning of its prompt."""
    from inference_providers.templates import TemplateError, every, find, folder

    environ, rows = environment(), list[dict[str, Any]]()
    for name in every(environ):
        row: dict[str, Any] = {"name": name, "variables": [], "prompt": "", "problem": ""}
        try:
            template = find(name, environ)
        except TemplateError as error:
            row["problem"] = str(error)
        else:
            row |= {"variables": template.variables, "prompt": template.prompt or template.system or ""}
        rows.append(row)
    if not rows and not as_json:
        say(f"There is no template in {folder(environ)} yet; `ask-ai --save NAME ...` writes one.", err=True)
    shown = rows if as_json else [{**row, "prompt": _beginning(row["prompt"])} for row in rows]
    emit(shown, ["name", "variables", "prompt", "problem"], as_json, prose=["variables", "prompt", "problem"])


def _beginning(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


@templates.command()
@click.argument("name", shell_complete=complete_template)
@guarded
def show(name: str) -> None:
    """Print a template's file."""
    from inference_providers.templates import text_of

    say(text_of(name, environment()).rstrip("\n"))


@templates.command()
@click.argument("name", shell_complete=complete_template)
@guarded
def edit(name: str) -> None:
    """Open a template in the editor that VISUAL or EDITOR names; a new one if there is none of this name."""
    from inference_providers.cli.editor import edit_file
    from inference_providers.templates import find, path_of, save

    environ = environment()
    path = path_of(name, environ)
    if not os.path.exists(path):
        save(name, {"prompt": "$input"}, environ)
    edit_file(path)
    find(name, environ)
    say(f"{path} can be used: ask-ai -t {name}", err=True)


@templates.command()
@click.argument("name", required=False, shell_complete=complete_template)
@guarded
def path(name: str | None) -> None:
    """Print where templates are, or where the one of a name is."""
    from inference_providers.templates import folder, path_of

    say(folder(environment()) if name is None else path_of(name, environment()))


@templates.command()
@click.argument("name", shell_complete=complete_template)
@guarded
def remove(name: str) -> None:
    """Remove a template."""
    from inference_providers.templates import TemplateError, path_of

    try:
        os.unlink(path_of(name, environment()))
    except FileNotFoundError:
        raise TemplateError(f"There is no template {name!r} of yours.") from None
    say(f"Removed {name}.", err=True)

"""`inference-providers config`: the user's settings, in a file."""

from __future__ import annotations

import sys
from typing import Any

import click
from click.shell_completion import CompletionItem

from inference_providers.cli.completion import complete_model
from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.lists import environment, provider_list
from inference_providers.cli.output import json_option, say
from inference_providers.cli.tables import emit


def complete_name(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of settings."""
    from inference_providers.settings import SECTIONS, SETTINGS

    names = [*SETTINGS, *(f"{section}." for section in SECTIONS)]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def complete_value(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Models, where the setting takes them; policies."""
    from inference_providers.chat import ORDERS

    name = str(context.params.get("name") or "")
    if name == "model" or name.startswith("aliases."):
        return complete_model(context, parameter, incomplete)
    words = {"policy": ORDERS, "log": ("usage", "text", "off"), "offline": ("true", "false")}.get(name, ())
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


@click.group("config", invoke_without_command=True)
@json_option
@click.pass_context
@guarded
def config(context: click.Context, as_json: bool) -> None:
    """Show settings and where each is from; its commands change them.

    They hold for commands, and for programs that use them (settings=True). What is set in the environment counts
    before them.

    \b
        inference-providers config set model groq/llama-3.3-70b
        inference-providers config set aliases.fast groq/gpt-oss-20b
    """
    if context.invoked_subcommand is None:
        _show(as_json)


def _show(as_json: bool) -> None:
    from inference_providers.settings import CONFIG, SECTIONS, SETTINGS

    environ = environment()
    rows: list[dict[str, Any]] = []
    for name, setting in SETTINGS.items():
        source = environ.source(setting.variable)
        value = environ.get(setting.variable, "")
        rows.append({"name": name, "value": value, "from": source, "variable": setting.variable, "what": setting.what})
    for section in SECTIONS:
        for name, value in environ.section(section).items():
            shown = value if isinstance(value, str) else "(a table)"
            rows.append({"name": f"{section}.{name}", "value": shown, "from": "settings", "variable": "", "what": ""})
    if as_json:
        emit(rows, [], as_json)
        return
    emit(rows, ["name", "value", "from", "what"], as_json, prose=["what", "value"], spare="what")
    say(f"The file: {environ.stored.path(CONFIG)}", err=True)


@config.command("get")
@click.argument("name", shell_complete=complete_name)
@guarded
def get(name: str) -> None:
    """Print the value of a setting that counts; exit code 1 where it has none."""
    from inference_providers.cli.settings_values import place_of
    from inference_providers.settings import SETTINGS

    environ, path = environment(), place_of(name)
    if path[0] in SETTINGS and len(path) == 1:
        value: Any = environ.get(SETTINGS[name].variable)
    else:
        value = environ.stored.settings.get(path[0]) if path[0] in SETTINGS else environ.section(path[0])
        for part in path[1:]:
            value = value.get(part) if hasattr(value, "get") else None
    if value is None or value == "":
        sys.exit(FAILED)
    say(str(value))


@config.command("set", context_settings={"ignore_unknown_options": True})  # -3 is a value, a wrong one
@click.argument("name", shell_complete=complete_name)
@click.argument("values", nargs=-1, required=True, metavar="VALUE...", shell_complete=complete_value)
@guarded
def set_value(name: str, values: tuple[str, ...]) -> None:
    """Set a setting. Several values, as for `model`, stand between blanks or commas, best first."""
    from inference_providers.cli.settings_values import checked, place_of
    from inference_providers.settings import SETTINGS
    from inference_providers.settings import set_value as put

    path, environ = place_of(name), environment()
    if not "".join(values).strip(" ,"):
        raise click.UsageError(f"{name} would be empty. `inference-providers config unset {name}` takes it out.")
    value = checked(path, ",".join(values), provider_list(environ=environ, log=False))
    put(environ, path, value)
    if path[0] not in SETTINGS and path[0] != "aliases":
        say(f"{name} is set.")  # what a server of MCP is given may be a secret
        return
    say(f"{name} is {value if isinstance(value, str) else ', '.join(value) if isinstance(value, list) else values[0]}.")
    if path[0] in SETTINGS and environ.source(SETTINGS[path[0]].variable) == "environment":
        say(f"{SETTINGS[path[0]].variable} is set in the environment, which counts before this.", err=True)


@config.command("unset")
@click.argument("name", shell_complete=complete_name)
@guarded
def unset(name: str) -> None:
    """Take a setting out of the file."""
    from inference_providers.cli.settings_values import place_of
    from inference_providers.settings import unset_value

    if not unset_value(environment(), place_of(name)):
        say(f"{name} is not set in the file.", err=True)
        sys.exit(FAILED)
    say(f"{name} is unset.")


@config.command("edit")
@guarded
def edit() -> None:
    """Open the file in the editor that VISUAL or EDITOR names, and say what is wrong with it afterwards."""
    from inference_providers.cli.editor import edit_file
    from inference_providers.settings import make_config

    edit_file(make_config(environment()))
    environment(strict=True)


@config.command("path")
@guarded
def path() -> None:
    """Print the path of the file."""
    from inference_providers.settings import CONFIG

    say(environment().stored.path(CONFIG))

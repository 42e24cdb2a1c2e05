"""`inference-providers keys`: API keys that are stored, in the system's keyring or in a file of the user's."""

from __future__ import annotations

import sys
from typing import Any

import click

from inference_providers.cli.completion import complete_provider, complete_stored
from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.lists import environment, registry
from inference_providers.cli.output import json_option, say
from inference_providers.cli.tables import emit


@click.group("keys")
def keys() -> None:
    """Keep API keys, for commands and for programs that use them (settings=True).

    They are in the system's keyring where there is one, else in a file that only you can read. What is set in the
    environment counts before them.
    """


@keys.command("set")
@click.argument("provider", shell_complete=complete_provider)
@click.argument("rest", nargs=-1, metavar="")
@click.option("--file", "to_file", is_flag=True, help="Keep it in a file, even where there is a keyring.")
@click.option("--no-check", is_flag=True, help="Do not ask the provider whether the key works.")
@click.option("-y", "--yes", is_flag=True, help="Keep it even if it is refused.")
@guarded
def set_key(provider: str, rest: tuple[str, ...], to_file: bool, no_check: bool, yes: bool) -> None:
    """Keep a key of PROVIDER, which may also be a variable such as OPENAI_API_KEY.

    The key is typed or pasted without being shown, or comes on standard input. The provider is asked for its list of
    models with it, which is free; a key that is refused is not kept.

    \b
        inference-providers keys set groq
        pass show groq | inference-providers keys set groq
    """
    from inference_providers.cli import key_setting

    if rest or "=" in provider:
        raise click.UsageError(
            "A key is not given as an argument: shells keep what is typed in their history, and other users see it.\n"
            "Give the provider alone, and the key when you are asked. If you have typed a real key, replace it."
        )
    row, variable = key_setting.meant(provider)
    key_setting.set_key(row, variable, to_file=to_file, checked=not no_check, yes=yes)


@keys.command("list")
@json_option
@guarded
def list_keys(as_json: bool) -> None:
    """List the keys that there are and where each is from; no key is shown, and none is loaded."""
    environ, found = environment(), dict[str, list[str]]()
    for row in registry().providers.values():
        for variable in row.key_variables:
            found.setdefault(variable, []).append(row.id)
    stored = [*environ.stored.late, *environ.stored.keys]
    rows: list[dict[str, Any]] = [
        {"variable": name, "providers": found.get(name, []), "from": source}
        for name in dict.fromkeys([*found, *stored])
        if (source := environ.source(name)) or (source := environ.problem(name))
    ]
    if not rows and not as_json:
        say("There is no key. `inference-providers keys set PROVIDER` keeps one.", err=True)
    emit(rows, ["variable", "from", "providers"], as_json, prose=["providers", "from"])


@keys.command("remove")
@click.argument("provider", shell_complete=complete_stored)
@guarded
def remove(provider: str) -> None:
    """Remove what is stored of PROVIDER, or of one variable."""
    from inference_providers.cli import key_setting
    from inference_providers.settings import remove_key

    row, variable = key_setting.meant(provider)
    names = [variable] if row is None or variable == provider else key_setting.variables_of_row(row)
    environ = environment()
    there = [name for name in names if name in environ.stored.sources]
    if not there:
        say(f"Nothing is stored for {provider}.", err=True)
        sys.exit(FAILED)
    for name in there:
        where = environ.stored.sources[name]
        remove_key(environ, name)
        say(f"Removed {name} ({where}).", err=True)
        if environ.source(name) not in ("", where):
            say(f"It is still set: {environ.source(name)}.", err=True)


@keys.command("path")
@guarded
def path() -> None:
    """Print the path of the file that says which keys are stored, and has those that are not in a keyring."""
    from inference_providers.settings import KEYS

    say(environment().stored.path(KEYS))

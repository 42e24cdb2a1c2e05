"""A first run with nothing to ask: a person at a terminal is walked to an answer in at most three questions."""

from __future__ import annotations

import sys
from functools import wraps

import click

from inference_providers.cli.exit_codes import NO_CREDENTIALS
from inference_providers.cli.lists import environment, provider_list
from inference_providers.cli.output import say
from inference_providers.errors import NoCredentialsError, UnknownModelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from inference_providers.registry import Provider

_MODEL = "smollm2"  # what is fetched: the smallest that there is
_FREE = "auto:free"
_KEYS = "\nThe easiest keys"  # from here on, the error names what is asked for here


def walked(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that is run again once somebody has set up what it lacks; without them, its error stays as it is.

    Only at a terminal, and where there is neither a key nor a server: whoever names a model wants that one.
    """

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except NoCredentialsError as error:
            if not error.found_nothing or kwargs.get("as_json") or not _is_somebody_there():
                raise
            if not _walk(error):
                raise
        return command(*args, **kwargs)

    return run


def _is_somebody_there() -> bool:
    from inference_providers.offers import is_offline

    terminals = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    return terminals and not is_offline(environment())


def _walk(error: NoCredentialsError) -> bool:
    """Ask what somebody has, or wants, and set it up; whether there is something to ask now."""
    say(str(error).partition(_KEYS)[0], err=True)
    say("Where shall answers come from?", err=True)
    for line in (
        "  1  a small model on this machine: fetched now, free, nothing leaves it",
        "  2  a key that costs nothing to begin with",
        "  3  a key that you have, of any provider",
    ):
        say(line, err=True)
    try:
        ways = {"1": _local, "2": _free, "3": _paid}
        while choice := click.prompt("1, 2 or 3; Enter to leave", default="", show_default=False, err=True).strip():
            if choice in ways:
                return ways[choice]()
        return False
    except click.Abort:  # Ctrl-C or the end of input
        say(err=True)
        return False


def _local() -> bool:
    from inference_providers.cli.local_get import fetched
    from inference_providers.servers import open_models

    if reason := _no_engine():
        say(f"A model needs an engine that runs it: {reason}\nThen begin again.", err=True)
        sys.exit(NO_CREDENTIALS)  # that is what to do: no more is to be read
    fetched(open_models.named(_MODEL))
    return True


def _no_engine() -> str:
    """What to install for a model on this machine; empty where an engine is there."""
    from inference_providers.installing import LOCAL
    from inference_providers.registry import bundled
    from inference_providers.servers import engines, model_files

    rows = [bundled().providers[engine].local or {} for engine in bundled().engines]
    recipes = [recipe for row in rows for recipe in row["launch"] if model_files.GGUF in recipe["formats"]]
    return "" if any(engines.installed(recipe, environment()) for recipe in recipes) else LOCAL


def _free() -> bool:
    """A key of one of the providers whose keys are the easiest to get."""
    from inference_providers.registry import bundled

    rows = [bundled().providers[pid] for pid in bundled().easiest if pid in bundled().providers]
    for number, row in enumerate(rows, 1):
        say(f"  {number}  {row.name:<12} {row.data.get('console') or row.data.get('website')}", err=True)
    say("Open one of these pages in a browser, and make a key.", err=True)
    meant = {str(number): row for number, row in enumerate(rows, 1)} | {row.id: row for row in rows}
    one_of = click.Choice(list(meant), case_sensitive=False)
    row = meant[click.prompt("Whose key is it", type=one_of, show_choices=False, err=True)]
    _keep(row)
    _ask_for_free(row)
    return True


def _paid() -> bool:
    from inference_providers.cli.key_setting import meant

    say("OpenAI, Anthropic, Google, Mistral, ...: `inference-providers providers --all` lists them.", err=True)
    while True:
        try:
            row, _ = meant(click.prompt("Whose key is it", err=True).strip())
        except UnknownModelError as error:
            say(str(error), err=True)
            continue
        if row is not None:
            _keep(row)
            return True


def _keep(row: Provider) -> None:
    """Ask for a key, have it checked, and keep it."""
    from inference_providers.cli.key_setting import set_key

    while True:
        try:
            set_key(row, row.key_variables[0])
        except click.ClickException as error:
            say(error.format_message(), err=True)
        except SystemExit:  # it was refused, and is not kept
            pass
        else:
            return


def _ask_for_free(row: Provider) -> None:
    """Have what is free asked by default, where a provider says of some of its models that they are."""
    from inference_providers.settings import set_value

    providers = provider_list(log=False)
    if providers.pipeline.finder.default_models() is not None:
        return
    try:
        found = providers.candidates(_FREE)
    except (NoCredentialsError, UnknownModelError):
        return
    if any(offer.provider == row.id for offer in found):
        set_value(environment(), ["model"], _FREE)
        say("Only its free models are asked: `inference-providers config unset model` changes that.", err=True)

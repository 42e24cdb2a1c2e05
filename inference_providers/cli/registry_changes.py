"""`inference-providers registry diff` and `compare`: one registry beside another, or beside a list of prices."""

from __future__ import annotations

from typing import Any

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say, say_json
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit

BUNDLED = "bundled"


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--markdown", is_flag=True, help="As the body of a pull request.")
@json_option
@guarded
@paged
def diff(old: str, new: str, markdown: bool, as_json: bool) -> None:
    """Show what is otherwise in registry NEW than in OLD.

    Each is a file, a URL, or the word `bundled`: providers, models and offers that are new or gone, prices,
    what is retired, the order in which models are tried. The exit code is 0 whether there are differences or not.
    """
    from inference_providers.text import printable
    from inference_providers.upkeep import as_markdown, as_text, differences

    if markdown and as_json:
        raise click.UsageError("Give --markdown or --json, not both.")
    changes = differences(_registry(old), _registry(new))
    if as_json:
        say_json([change._asdict() for change in changes])
    elif markdown:
        say(as_markdown(changes), nl=False)
    else:
        for line in as_text(changes):
            say(printable(line))


def _registry(origin: str) -> dict[str, Any]:
    from inference_providers.errors import RegistryError
    from inference_providers.registry import bundled, problems
    from inference_providers.upkeep import fetch_catalogue

    if origin == BUNDLED:
        return dict(bundled().data)
    data = fetch_catalogue(origin, environment())
    if wrong := problems(data):
        raise RegistryError(wrong, f"{origin} is not a registry")
    return data


@click.command()
@click.option(
    "--with", "other", required=True, metavar="openrouter|FILE_OR_URL",
    help="OpenRouter's list of models, a catalogue, or another registry.",
)  # fmt: skip
@json_option
@guarded
@paged
def compare(other: str, as_json: bool) -> None:
    """List where the bundled registry and another list differ: prices by more than 1%, and what only one has.

    Providers that only one of them has are left out. Prices are US dollars for a million tokens.
    """
    from inference_providers.registry import bundled
    from inference_providers.upkeep import compared, of_registry, read_listing

    found = compared(of_registry(bundled().data), read_listing(other, environment()))
    if not found and not as_json:
        say("They do not differ.", err=True)
    columns = [
        "kind", "provider", "internal_name", "input_price", "their_input_price", "output_price", "their_output_price",
    ]  # fmt: skip
    emit([one._asdict() for one in found], columns, as_json)

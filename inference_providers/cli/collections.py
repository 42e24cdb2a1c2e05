"""`inference-providers collections`: the collections of vectors, and their file as commands have it."""

from __future__ import annotations

from contextlib import contextmanager

import click

from inference_providers.cli.completion import complete_collection
from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say
from inference_providers.cli.pager import paged
from inference_providers.cli.removal import ask_before
from inference_providers.cli.tables import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_providers.vectors import Collection, Store


@contextmanager
def vector_store() -> Iterator[Store]:
    """The file of collections. What cannot be read or written meanwhile becomes a ClickException."""
    from inference_providers.vectors import Store

    try:
        yield Store.of(environment())
    except BrokenPipeError:
        raise
    except OSError as error:
        why = error.strerror or str(error)
        raise click.ClickException(why if str(error.filename or "") in why else f"{error.filename}: {why}") from None


def named(store: Store, name: str) -> Collection:
    """The collection of that name. Raises ClickException where there is none."""
    found = store.get(name)
    if found is None:
        names = store.names()
        there = f"There are {', '.join(names)}" if names else "`inference-providers embed` makes one"
        raise click.ClickException(f"There is no collection {name!r}. {there}.")
    return found


@click.group(invoke_without_command=True)
@click.pass_context
@guarded
@paged
def collections(context: click.Context) -> None:
    """Look at collections of vectors, and remove them; without a command: list them."""
    if context.invoked_subcommand is None:
        _list(False)


@collections.command("list")
@json_option
@guarded
@paged
def list_collections(as_json: bool) -> None:
    """List the collections: their models, and how much is in them."""
    _list(as_json)


@collections.command()
@click.argument("name", metavar="COLLECTION", shell_complete=complete_collection)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@guarded
def delete(name: str, yes: bool) -> None:
    """Remove a collection, with all that is in it."""
    with vector_store() as store:
        named(store, name)
        ask_before(f"Remove the collection {name}?", yes=yes)
        store.delete(name)
    say("Removed.", err=True)


def _list(as_json: bool) -> None:
    from datetime import UTC, datetime

    from inference_providers.servers import memory

    with vector_store() as store:
        rows = store.summaries()
    for row in rows:
        row["created"] = datetime.fromtimestamp(row["created"], UTC).isoformat(timespec="seconds")
    if not rows and not as_json:
        say("There is no collection; `inference-providers embed COLLECTION --files DIR GLOB` makes one.", err=True)
    shown = [{**row, "size": memory.sized(row["bytes"])} for row in rows]
    emit(rows if as_json else shown, ["collection", "model", "dimensions", "entries", "size"], as_json)

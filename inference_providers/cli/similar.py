"""`inference-providers similar`: what of a collection means nearly the same. And the collections themselves."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from inference_providers.cli.completion import complete_collection
from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.output import json_option, say, say_json
from inference_providers.cli.tables import emit
from inference_providers.cli.terms import on_address, options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from inference_providers.clients import ClientTerms
    from inference_providers.vectors import Collection, Store

_SHOWN = 200  # characters of a text in a table


@click.command("similar")
@click.argument("name", metavar="COLLECTION", shell_complete=complete_collection)
@click.argument("words", nargs=-1, metavar="[TEXT]...")
@click.option("--id", metavar="ID", help="What is like this entry; nothing is asked for it.")
@click.option("-f", "--file", type=click.Path(exists=True, dir_okay=False, allow_dash=True), help="The text is there.")
@click.option("-n", "--count", type=click.IntRange(1, 500), default=10, show_default=True, help="How many.")
@options
@json_option
@guarded
@on_address
def similar(
    name: str,
    words: tuple[str, ...],
    id: str | None,
    file: str | None,
    count: int,
    extra: dict[str, Any],
    as_json: bool,
    terms: ClientTerms,
) -> None:
    """Show what of COLLECTION means nearly the same as TEXT, the nearest first.

    The text may come from standard input. The score is the cosine of the two vectors: 1 for the
    same, about 0 for what has nothing in common. All entries are compared.
    """
    from inference_providers import vectors

    store = vectors.Store.of(os.environ)
    collection = _collection(store, name)
    if id is not None:
        if words or file:
            raise click.UsageError("Give a text or --id, not both.")
        found = vectors.similar_to(store, collection, id, count)
        if found is None:
            raise click.ClickException(f"The collection {name!r} has no entry {id!r}.")
    else:
        from pathlib import Path

        found = _like(store, collection, words, None if file is None else Path(file), extra, terms, count)
    if as_json:
        say_json(found)
        return
    rows = [{**row, "score": f"{row['score']:.3f}", "content": _begin(row["content"])} for row in found]
    columns = ["score", "id", *(["content"] if any(row["content"] for row in rows) else [])]
    emit(rows, columns, False, prose=["content"])
    if not rows:
        say("The collection is empty.", err=True)


def _begin(text: str | None) -> str:
    """The begin of a text, in one line."""
    words = " ".join((text or "").split())
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN - 4]} ..."


def _like(
    store: Store,
    collection: Collection,
    words: tuple[str, ...],
    file: Path | None,
    extra: dict[str, Any],
    terms: ClientTerms,
    count: int,
) -> list[dict[str, Any]]:
    from inference_providers import vectors
    from inference_providers.cli.embed import pipeline_on, text_of
    from inference_providers.cli.refused_keys import RefusedKeys

    text = text_of(words, file)
    providers, pipeline = pipeline_on(terms)
    refused = RefusedKeys(providers)
    try:
        vector = vectors.vector_of(pipeline, collection, text, extra=extra)
    finally:
        refused.tell()
    return vectors.similar(store, collection, vector[0], count)


@click.group(invoke_without_command=True)
@click.pass_context
@guarded
def collections(context: click.Context) -> None:
    """Look at collections of vectors, and remove them; without a command: list them."""
    if context.invoked_subcommand is None:
        _list(False)


@collections.command("list")
@json_option
@guarded
def list_collections(as_json: bool) -> None:
    """List the collections: their models, and how much is in them."""
    _list(as_json)


@collections.command()
@click.argument("name", metavar="COLLECTION", shell_complete=complete_collection)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@guarded
def delete(name: str, yes: bool) -> None:
    """Remove a collection, with all that is in it."""
    from inference_providers.vectors import Store

    store = Store.of(os.environ)
    _collection(store, name)
    if not yes:
        if sys.stdin is None or not sys.stdin.isatty():
            raise click.UsageError("Nobody can be asked here; give --yes.")
        if not click.confirm(f"Remove the collection {name}?", err=True):
            say("Nothing was removed.", err=True)
            raise SystemExit(FAILED)
    store.delete(name)
    say("Removed.", err=True)


def _list(as_json: bool) -> None:
    from datetime import UTC, datetime

    from inference_providers.servers import memory
    from inference_providers.vectors import Store

    rows = Store.of(os.environ).summaries()
    for row in rows:
        row["created"] = datetime.fromtimestamp(row["created"], UTC).isoformat(timespec="seconds")
    if not rows and not as_json:
        say("There is no collection; `inference-providers embed COLLECTION --files DIR GLOB` makes one.", err=True)
    shown = [{**row, "size": memory.sized(row["bytes"])} for row in rows]
    emit(rows if as_json else shown, ["collection", "model", "dimensions", "entries", "size"], as_json)


def _collection(store: Store, name: str) -> Collection:
    found = store.get(name)
    if found is None:
        names = store.names()
        there = (
            f"There are {', '.join(names)}." if names else "There is none yet: `inference-providers embed` makes one."
        )
        raise click.ClickException(f"There is no collection {name!r}. {there}")
    return found

"""`inference-providers similar`: what of a collection means nearly the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inference_providers.cli.collections import named, vector_store
from inference_providers.cli.completion import complete_collection
from inference_providers.cli.embed import FILE, pipeline_on, text_of
from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.output import json_option, say, say_json
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit
from inference_providers.cli.terms import on_address, options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.clients import ClientTerms
    from inference_providers.vectors import Collection

_SHOWN = 200  # characters of a text in a table


@click.command("similar")
@click.argument("name", metavar="COLLECTION", shell_complete=complete_collection)
@click.argument("words", nargs=-1, metavar="[TEXT]...")
@click.option("--id", metavar="ID", help="What is like this entry; nothing is asked for it.")
@click.option("-f", "--file", type=FILE, help="Take what is in this file; - for standard input.")
@click.option("-n", "--count", type=click.IntRange(1, 500), default=10, show_default=True, help="How many.")
@options
@json_option
@guarded
@paged
@on_address
def similar(
    name: str,
    words: tuple[str, ...],
    id: str | None,
    file: Path | None,
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

    if id is not None and (words or file):
        raise click.UsageError("Give a text or --id, not both.")
    with vector_store() as store:
        collection = named(store, name)
        if id is None:
            text = text_of(words, file)
            found = vectors.similar(store, collection, _vector_of(collection, text, extra, terms), count)
        elif (alike := vectors.similar_to(store, collection, id, count)) is not None:
            found = alike
        else:
            raise click.ClickException(f"The collection {name!r} has no entry {id!r}.")
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


def _vector_of(collection: Collection, text: str, extra: dict[str, Any], terms: ClientTerms) -> list[float]:
    from inference_providers import vectors
    from inference_providers.cli.refused_keys import RefusedKeys

    providers, pipeline = pipeline_on(terms)
    refused = RefusedKeys(providers)
    try:
        return vectors.vector_of(pipeline, collection, text, extra=extra)[0]
    finally:
        refused.tell()

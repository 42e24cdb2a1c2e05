"""`inference-providers embed`: the vector of a text, or those of many, in a collection."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from inference_providers.cli.collections import vector_store
from inference_providers.cli.completion import complete_collection, complete_embedder
from inference_providers.cli.exit_codes import FAILED, INTERRUPTED, guarded
from inference_providers.cli.output import json_option, on_terminal, say, say_json
from inference_providers.cli.terms import on_address, options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from inference_providers.clients import ClientTerms, ProviderList
    from inference_providers.vectors import Filled, Filling, Text

FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_SOURCES = ("lines", "jsonl", "csv")


@click.command("embed")
@click.argument("words", nargs=-1, metavar="TEXT | COLLECTION", shell_complete=complete_collection)
@click.option(
    "-m",
    "--model",
    shell_complete=complete_embedder,
    help="The model. Default: that of the collection, else the first in reach.",
)
@click.option("-f", "--file", type=FILE, help="Embed what is in this file; - for standard input.")
@click.option("--id", metavar="ID", help="Put the one text into COLLECTION, by this id.")
@click.option(
    "--files",
    type=(click.Path(file_okay=False), str),
    multiple=True,
    metavar="DIR GLOB",
    help="Put the files of a folder into COLLECTION, as notes '**/*.md'; may be repeated.",
)
@click.option("--lines", type=FILE, metavar="FILE", help="Put each line of a file into COLLECTION.")
@click.option("--jsonl", type=FILE, metavar="FILE", help='The same of JSON lines with "id" and "content".')
@click.option("--csv", type=FILE, metavar="FILE", help="The same of a table with columns id and content.")
@click.option("--store", is_flag=True, help="Keep the texts as well, so that `similar` shows them.")
@click.option("--prune", is_flag=True, help="Remove from COLLECTION what is not in the input.")
@click.option("--dimensions", type=click.IntRange(min=1), help="Numbers in a vector, where the model can be told.")
@options
@json_option
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, and no summary.")
@guarded
@on_address
def embed(
    words: tuple[str, ...],
    model: str | None,
    file: Path | None,
    id: str | None,
    files: tuple[tuple[str, str], ...],
    store: bool,
    prune: bool,
    dimensions: int | None,
    extra: dict[str, Any],
    as_json: bool,
    quiet: bool,
    terms: ClientTerms,
    **sources: Path | None,
) -> None:
    """Print the vector of TEXT as JSON, or put those of many texts into COLLECTION, for `similar`.

    \b
        inference-providers embed "a text"
        inference-providers embed notes --files ~/notes '**/*.md' --store
        inference-providers embed faq --csv questions.csv -m text-embedding-3-small

    The text may come from standard input. Texts that have not changed since they were put into
    the collection are not embedded again, and what was embedded before an interruption is kept.
    """
    from inference_providers.vectors import Filling, checked_name

    named = [name for name in _SOURCES if sources[name] is not None]
    if not files and not named and id is None:
        if store or prune:
            raise click.UsageError("--store and --prune are for a collection: give --files, --lines, --jsonl or --csv.")
        _warn_of_collection(words)
        _print_vector(text_of(words, file), model, dimensions, extra, as_json, terms)
        return
    if not words:
        raise click.UsageError("Name the collection: inference-providers embed COLLECTION ...")
    if bool(files) + len(named) + (id is not None) > 1:
        raise click.UsageError("Give one of --files, --lines, --jsonl, --csv and --id.")
    if id is None and (words[1:] or file):
        raise click.UsageError("A text that goes into a collection needs an id: --id ID.")
    if prune and id is not None:
        raise click.UsageError("--prune would remove all others; `collections delete COLLECTION` does.")
    how: Any = {"dimensions": dimensions, "extra": extra, "keep": store}
    with vector_store() as database, _input(words, file, id, files, sources, prune=prune) as texts:
        providers, pipeline = pipeline_on(terms, model)
        filling = Filling(database, pipeline, checked_name(words[0]), model, **how)
        _fill(filling, providers, texts, prune=prune, as_json=as_json, quiet=quiet)


def _warn_of_collection(words: tuple[str, ...]) -> None:
    """Say so where a text may have been meant as the collection of that name."""
    with suppress(click.ClickException), vector_store() as store:
        if len(words) == 1 and store.get(words[0]) is not None:
            sources = "--files, --lines, --jsonl, --csv, or --id with a text"
            say(f"This is the vector of the word {words[0]!r}. What goes into that collection comes from", err=True)
            say(f"{sources}.", err=True)


def text_of(words: tuple[str, ...], file: Path | None) -> str:
    """The one text: of the arguments, a file or standard input."""
    from inference_providers.cli import standard_input

    if words and file is not None:
        raise click.UsageError("Give a text or --file, not both.")
    if file is not None and str(file) != "-":
        from inference_providers import files

        text = standard_input.as_text(files.read(file), str(file))
    else:
        text = " ".join(words) or standard_input.as_text(standard_input.piped())
    if not text.strip():
        raise click.UsageError("Give a text, as an argument, in a --file or on standard input.")
    return text


def pipeline_on(terms: ClientTerms, model: str | None = None) -> tuple[ProviderList, Any]:
    """The list, whose calls are logged, and its pipeline on these terms.

    Raises ValueError for a model to talk to, unless its provider is named: that one may know.
    """
    from inference_providers.calls import narrowed
    from inference_providers.cli import kept_log
    from inference_providers.cli.lists import provider_list
    from inference_providers.cli.settings_values import check_embedding_model
    from inference_providers.errors import UnknownModelError

    providers = provider_list(learn=True, log=False)
    if model and "/" not in model and terms.get("api_base") is None:
        with suppress(UnknownModelError):  # which is told where it is asked for
            check_embedding_model(model, providers)
    kept_log.keep(providers, "embed", piped=True)
    return providers, narrowed(
        providers.pipeline,
        avoid=terms.get("avoid"),
        only=terms.get("only"),
        api_key=terms.get("api_key"),
        api_base=terms.get("api_base"),
    )


def _print_vector(
    text: str, model: str | None, dimensions: int | None, extra: dict[str, Any], as_json: bool, terms: ClientTerms
) -> None:
    from inference_providers.calls import embedded
    from inference_providers.cli.refused_keys import RefusedKeys

    providers, pipeline = pipeline_on(terms, model)
    refused = RefusedKeys(providers)
    try:
        found = embedded(pipeline, [text], model, {**_length(dimensions), **extra}, None)
    finally:
        refused.tell()
    known = {
        "model": found.model,
        "canonical_name": found.canonical_name,
        "provider": found.provider,
        "dimensions": found.dimensions,
        "usage": None if found.usage is None else {"input_tokens": found.usage.input_tokens},
        "cost": found.cost,
    }
    if as_json:
        say_json({**known, "embedding": found[0]})
    else:
        from inference_providers.text import as_json as dumped

        say(dumped(found[0], None))


def _length(dimensions: int | None) -> dict[str, Any]:
    return {} if dimensions is None else {"dimensions": dimensions}


@contextmanager
def _input(
    words: tuple[str, ...],
    file: Path | None,
    id: str | None,
    folders: tuple[tuple[str, str], ...],
    sources: dict[str, Path | None],
    *,
    prune: bool,
) -> Iterator[Iterator[Text]]:
    """The texts that go into a collection."""
    from inference_providers.cli import standard_input
    from inference_providers.vectors import Text, from_csv, from_json_lines, from_lines

    if id is not None:
        yield iter([Text(id, text_of(words[1:], file))])
    elif folders:
        yield (text for folder, pattern in folders for text in _below(folder, pattern, prune=prune))
    else:
        name, path = next((name, path) for name, path in sources.items() if path is not None)
        called = "Standard input" if str(path) == "-" else str(path)
        with standard_input.as_file(path) as there:
            if name == "lines":
                yield from_lines(str(there), lambda data, _: standard_input.as_text(data, called))
            else:
                yield {"jsonl": from_json_lines, "csv": from_csv}[name](str(there))


def _below(folder: str, pattern: str, *, prune: bool) -> Iterator[Text]:
    """The files of a folder that fit a pattern; that there is none is told.

    prune: raise ValueError instead, since what an earlier run found there would be removed for a slip.
    """
    from inference_providers.vectors import from_files

    has_some = False
    for text in from_files(folder, pattern, _decoded):
        has_some = True
        yield text
    if not has_some:
        nothing = f"no file in {folder} fits {pattern!r}"
        if prune:
            raise ValueError(f"{nothing}, so nothing was removed; `collections delete` removes a collection")
        say(f"{nothing[0].upper()}{nothing[1:]}.", err=True)


def _decoded(data: bytes, path: str) -> str:
    """The text that a file holds. Raises ValueError."""
    from inference_providers.cli import standard_input

    try:
        return standard_input.as_text(data, "it")
    except click.UsageError as error:
        raise ValueError(error.message.partition(", not text")[0]) from None


def _fill(
    filling: Filling, providers: ProviderList, texts: Iterator[Text], *, prune: bool, as_json: bool, quiet: bool
) -> None:
    from inference_providers.cli.refused_keys import RefusedKeys

    refused = RefusedKeys(providers)
    try:
        with _progress(quiet or as_json) as filling.told:
            filling.ending = _tell_of_waiting
            filling.fill(texts, prune=prune)
    except KeyboardInterrupt:
        say(f"\nInterrupted. {_kept(filling)}", err=True)
        sys.exit(INTERRUPTED)
    except Exception:
        if filling.filled.embedded:
            say(_kept(filling), err=True)
        raise
    finally:
        refused.tell()
    _report(filling, as_json=as_json, quiet=quiet)


def _tell_of_waiting(requests: int) -> None:
    if requests:
        what = "a request" if requests == 1 else f"{requests} requests"
        say(f"\nWaiting for {what} under way, which will be charged (Ctrl-C again: do not wait)", err=True)


def _kept(filling: Filling) -> str:
    count = filling.filled.embedded
    return f"{count} text{'s' * (count != 1)} embedded and kept; the same command goes on from there."


def _report(filling: Filling, *, as_json: bool, quiet: bool) -> None:
    """Say what came of it; exits with 1 if a text was refused, or could not be read."""
    filled, collection = filling.filled, filling.collection
    for id, problem in (*filled.skipped, *filled.problems):
        say(f"{id}: left out: {problem}", err=True)
    for id, problem in filled.refused:
        say(f"{id}: refused: {problem}", err=True)
    if as_json:
        say_json({
            "collection": filling.name,
            "model": None if collection is None else collection.model,
            "provider": filled.provider,
            "dimensions": None if collection is None else collection.dimensions,
            "embedded": filled.embedded,
            "unchanged": filled.unchanged,
            "removed": filled.removed,
            "left_out": dict((*filled.skipped, *filled.problems)),
            "refused": dict(filled.refused),
            "usage": None if filled.tokens is None else {"input_tokens": filled.tokens},
            "cost": filled.cost,
        })  # fmt: skip
    elif not quiet:
        say(_summary(filled, "" if collection is None else collection.model), err=True)
    if filled.refused or filled.problems:
        sys.exit(FAILED)


def _summary(filled: Filled, model: str) -> str:
    parts = [f"{filled.embedded} embedded", f"{filled.unchanged} unchanged"]
    parts += [f"{filled.removed} removed"] if filled.removed else []
    said = ", ".join(parts)
    if filled.provider:
        tokens = "an unknown number of tokens" if filled.tokens is None else f"{filled.tokens:,} tokens"
        cost = (
            "cost unknown"
            if filled.cost is None
            else ("<$0.0001" if 0 < filled.cost < 0.0001 else f"${filled.cost:.4f}")
        )
        said += f"; {model} of {filled.provider}: {tokens}, {cost}"
    return said


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[Filled], None]]:
    """A line on a terminal that counts; nothing elsewhere."""
    if quiet or not on_terminal(err=True):
        yield lambda filled: None
        return
    from rich.console import Console

    with Console(stderr=True).status("embedding", spinner="line") as status:
        yield lambda filled: status.update(f"{filled.embedded} embedded, {filled.unchanged} unchanged")

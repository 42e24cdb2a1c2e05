"""`inference-providers registry`: the registry built, updated, checked and shown."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from inference_providers import files
from inference_providers.cli.completion import complete_provider
from inference_providers.cli.exit_codes import BAD_REGISTRY, guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say, say_json
from inference_providers.cli.pager import paged
from inference_providers.cli.registry_changes import compare, diff
from inference_providers.cli.tables import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.registry import Registry
    from inference_providers.upkeep import Source


@click.group()
def registry() -> None:
    """Build, update, check and show the registry of providers and models."""


registry.add_command(compare)
registry.add_command(diff)
_sources = click.option(
    "--from",
    "sources",
    multiple=True,
    required=True,
    metavar="SOURCE",
    help="A catalogue: its name (models.dev, litellm, ...), a file or a URL; once for each source.",
)
_accept = click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="PROVIDER",
    help="Let through what guards would not of this provider's changes; once for each provider.",
)


@registry.command()
@_sources
@_accept
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, writable=True), help="Where to write; default: standard output."
)
@click.option(
    "--origins",
    type=click.Path(dir_okay=False, writable=True),
    help="Where to write which source each fact is from, and of which day.",
)
@guarded
def build(sources: tuple[str, ...], accepted: tuple[str, ...], output: str | None, origins: str | None) -> None:
    """Build a registry from public catalogues; the same inputs give the same bytes.

    Named sources are models.dev, opencode (models.dev's as that package has it), litellm, litellm-endpoints, pi-ai and
    endpoints. Where sources are three times off on a price, that of the bundled registry stays; so does a provider's
    row that lost a key variable, its endpoint, or more than a fifth of its offers.
    """
    from inference_providers.upkeep import Building, load_overlay, to_text

    written = [path for path in (output, origins) if path is not None and path != "-"]
    for path in written:
        files.check_writable(path, whole=True)
        if same := [source for source in sources if files.same(os.path.expanduser(source), path)]:
            raise click.UsageError(f"{same[0]} is an input; the registry needs another file as its output.")
    if origins is not None and files.same(output or "-", origins):
        raise click.UsageError("--origins is where the registry goes; it needs another file.")
    building = Building(_read(sources), load_overlay(), _bundled().data, accepted)
    _write(output or "-", to_text(building.data))
    if origins is not None:
        _write(origins, building.origins())
    if held := building.merged.held:
        say(f"{len(held)} prices are not taken as the newest source has them: see `registry conflicts`", err=True)
    if building.absent:
        say(f"what is missing is not guarded, since these sources are: {', '.join(building.absent)}", err=True)
    for one in building.tripped:
        say(f"not taken: {one} (--accept {one.provider} takes it)", err=True)


def _read(origins: tuple[str, ...]) -> list[Source]:
    from inference_providers.upkeep import load_overlay, read_named

    overlay, read = load_overlay(), []
    for origin in origins:
        say(f"reading {origin}", err=True)
        read.append(read_named(origin, environment(), overlay=overlay))
    return read


def _write(path: str, text: str) -> None:
    """Write a text to a file, or with `-` to standard output."""
    if path == "-":
        say(text, nl=False)
        return
    with files.replacing(path, text=True) as file:
        file.write(text)
    say(f"Wrote {path} ({len(text.encode()) // 1024} KiB).", err=True)


@registry.command()
@_sources
@_accept
@json_option
@guarded
@paged
def conflicts(sources: tuple[str, ...], accepted: tuple[str, ...], as_json: bool) -> None:
    """List what sources say and a build does not follow.

    Labels of names, prices that are three times off, and rows that a guard has kept as they were.
    """
    from inference_providers.upkeep import Building, load_overlay

    building = Building(_read(sources), load_overlay(), _bundled().data, accepted)
    rows: list[tuple[Any, ...]] = [
        ("name", one.provider, one.internal_name, one.by_spelling, one.by_label, one.why) for one in building.conflicts
    ] + [
        ("price", one.provider, one.internal_name, one.kept, one.said, f"{one.field}: {one.why}")
        for one in building.merged.held
    ]
    rows += [("guard", one.provider, "", one.kept, one.said, one.why) for one in building.tripped]
    if not rows and not as_json:
        say("There are no conflicts.", err=True)
    columns = ["kind", "provider", "internal_name", "kept", "said", "why"]
    emit([dict(zip(columns, row, strict=True)) for row in rows], columns, as_json, prose=["why"])


@registry.command()
@click.option("--url", help="The address to download from; default: INFERENCE_PROVIDERS_URL, else models.dev.")
@guarded
def update(url: str | None) -> None:
    """Download the newest registry, check it, and store it for programs that use auto_update."""
    from inference_providers.upkeep import Updater

    updater = Updater(url=url)
    data = updater.fetch()
    version = data["version"] if data else (updater.cached() or _bundled()).version
    if updater.not_kept:
        say(updater.not_kept, err=True)
    say(f"{'Updated to' if data else 'Nothing newer than'} version {version} from {updater.url}")


def _bundled() -> Registry:
    from inference_providers.registry import bundled

    return bundled()


@registry.command()
@click.argument("files", nargs=-1, type=click.Path())
@click.option("--strict", is_flag=True, help="Also report unknown fields.")
@guarded
def validate(files: tuple[str, ...], strict: bool) -> None:
    """Check registry FILES (default: the bundled one): every problem with its JSON path."""
    from inference_providers.errors import RegistryError
    from inference_providers.registry import BUNDLED_PATH, package_file, parse, problems
    from inference_providers.upkeep import read

    count = 0
    for path in files or (BUNDLED_PATH,):
        try:
            data = read(path, "file") if files else parse(package_file(path), path)
            wrong = problems(data, strict=strict)
        except RegistryError as error:  # the other files have their turn all the same
            say(str(error), err=True)
            count += 1
            continue
        count += len(wrong)
        for problem in wrong:
            say(f"{path}: {problem}", err=True)
        if not wrong:
            say(f"{path}: valid")
    if count:
        sys.exit(BAD_REGISTRY)


@registry.command()
@click.argument("provider", required=False, shell_complete=complete_provider)
@guarded
@paged
def show(provider: str | None) -> None:
    """Print the bundled registry, or one PROVIDER's row, as JSON."""
    from inference_providers.errors import UnknownModelError

    rows = _bundled()
    if provider is None:
        say_json(rows.data, indent=1)
        return
    pid = rows.provider_id(provider)
    if pid is None:
        raise UnknownModelError(f"There is no provider {provider!r}. `inference-providers providers --all` lists them.")
    say_json({pid: rows.data["providers"][pid]}, indent=1)

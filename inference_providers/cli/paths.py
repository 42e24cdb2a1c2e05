"""`inference-providers paths` and `purge`: what this package keeps, and its removal."""

from __future__ import annotations

import os

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say
from inference_providers.cli.pager import paged
from inference_providers.cli.removal import ask_before
from inference_providers.cli.tables import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.cli.places import Place

KINDS = (
    "updates", "live", "learned", "cache", "budget", "speeds", "shared", "servers", "models", "lists", "usage",
    "gateway", "vectors", "settings", "keys",
)  # fmt: skip
BY_NAME = ("settings", "keys")  # removed where they are named, and not with all the rest


@click.command("paths")
@json_option
@guarded
@paged
def paths(as_json: bool) -> None:
    """Show every file and folder that is kept for you, whether it is there yet, and how large it is."""
    from inference_providers.cli.places import places, size_of
    from inference_providers.servers import memory

    rows = [
        {
            "kind": place.kind,
            "what": place.what,
            "path": path,
            "there": os.path.lexists(path),
            "size": size_of(path) if as_json else memory.sized(size_of(path)) if os.path.lexists(path) else "",
        }
        for place in places(environment())
        for path in place.shown
    ]
    emit(rows, ["kind", "path", "size", "what"], as_json)


@click.command("purge", epilog=f"KINDS are {', '.join(KINDS)}.")
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS), metavar="[KINDS]...")
@click.option("--all", "everything", is_flag=True, help=f"Remove all kinds but {' and '.join(BY_NAME)}.")
@click.option("--caller", metavar="NAME", help="Remove all that is kept of one caller of a gateway instead.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@guarded
def purge(kinds: tuple[str, ...], everything: bool, caller: str | None, yes: bool) -> None:
    """Remove what is kept for you, by KINDS or all of it; `inference-providers paths` shows it.

    Servers that run have to be stopped first: inference-providers local stop --all
    """
    from inference_providers.cli.places import places

    if caller is not None:
        _purge_caller(caller, yes, alone=not kinds and not everything)
        return
    if not kinds and not everything:
        raise click.UsageError(f"Name what to remove ({', '.join(KINDS)}), or give --all.")
    wanted = [place for place in places(environment()) if _is_meant(place, kinds, everything) and place.paths]
    if not wanted:
        say("There is nothing to remove.", err=True)
        return
    _check_nothing_runs(wanted)
    for path in (path for place in wanted for path in place.paths):
        say(path)
    ask_before("Remove this?", yes=yes)
    if "keys" in kinds:
        _empty_keyring()
    for place in wanted:
        place.remove()
    say("Removed.", err=True)


def _is_meant(place: Place, kinds: tuple[str, ...], everything: bool) -> bool:
    return place.kind in kinds or (everything and place.kind not in BY_NAME)


def _empty_keyring() -> None:
    """Remove from the keyring what the file of keys says is there. Raises KeyringError."""
    from inference_providers.settings import remove_key

    environ = environment()
    for variable in list(environ.stored.late):
        remove_key(environ, variable)


def _purge_caller(name: str, yes: bool, *, alone: bool) -> None:
    from inference_providers import gateway

    if not alone:
        raise click.UsageError("--caller stands alone: give neither KINDS nor --all with it.")
    callers = gateway.Callers(environment())
    found = callers.get(name)
    say(f"{found.name}: its key, its limits, its calls and texts in the log,")
    say("its replies, its files and batches, what it spent")
    ask_before("Remove this?", yes=yes)
    gateway.purge(callers, found.name, environment())
    say("Removed.", err=True)


def _check_nothing_runs(wanted: list[Place]) -> None:
    from inference_providers.errors import LocalServerError
    from inference_providers.files import locks
    from inference_providers.servers import running

    if any(path.endswith(".part") and locks.is_held(path) for place in wanted for path in place.paths):
        raise LocalServerError("A model is being fetched now; nothing was removed.")
    if any(place.kind in ("servers", "models") for place in wanted) and any(running(environment())):
        raise LocalServerError("A server that was started runs; stop it first: `inference-providers local stop --all`.")

"""`inference-providers cache`: the replies that are kept in the user's file."""

from __future__ import annotations

import time

import click

from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say, say_json
from inference_providers.cli.tables import emit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.cache import SqliteStore

_PATH = click.option("--path", type=click.Path(dir_okay=False), help="Another file than your usual one.")


@click.group("cache")
def cache() -> None:
    """Look after the replies that programs have kept (`ProviderList(cache=True)`)."""


@cache.command("show")
@_PATH
@json_option
@guarded
def show(path: str | None, as_json: bool) -> None:
    """Show how many replies are kept, how large they are, how old the oldest is, and how often they were used."""
    store = _store(path)
    rows = store.counts()
    if as_json:
        say_json({"path": store.base.path, "kinds": rows})
    elif not rows:
        say(f"Nothing is kept; it would be in {store.base.path}", err=True)
    else:
        emit([_row(row) for row in [*rows, _sum(rows)]], ["kind", "count", "size", "oldest", "hits"], False)
        say(f"Kept in {store.base.path}", err=True)


@cache.command("clear")
@click.option("--kind", help="Only replies of this kind, as `show` has it.")
@_PATH
@guarded
def clear(kind: str | None, path: str | None) -> None:
    """Remove all replies, or those of one kind, also for programs that run."""
    from inference_providers.cache import KINDS

    if kind and kind not in KINDS:
        raise click.UsageError(f"There is no kind {kind!r}; there are {', '.join(KINDS)}.")
    store = _store(path)
    count = store.clear(kind or "")
    if store.base.fault:
        say(f"Error: {store.base.path} cannot be changed: {store.base.fault}", err=True)
        raise SystemExit(FAILED)
    say(f"Removed: {count} {'reply' if count == 1 else 'replies'} from {store.base.path}")


def _store(path: str | None) -> SqliteStore:
    from inference_providers.cache import user_store

    store = user_store(environment(), path)
    if store is None:
        say("Error: this user has no home folder, and so nothing is kept.", err=True)
        raise SystemExit(FAILED)
    return store


def _row(row: dict[str, Any]) -> dict[str, Any]:
    from inference_providers.servers import memory

    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(max(0.0, min(row["oldest"], 32503680000.0))))
    return {**row, "size": memory.sized(row["size"]), "oldest": day}


def _sum(rows: list[dict[str, Any]]) -> dict[str, Any]:
    sums = {name: sum(row[name] for row in rows) for name in ("count", "size", "hits")}
    return {"kind": "all", "oldest": min(row["oldest"] for row in rows), **sums}

"""`inference-providers learned`: what providers refuse, as calls have learnt it."""

from __future__ import annotations

import time
from typing import Any

import click

from inference_providers.cli.exit_codes import FAILED, guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say, say_json
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit


@click.command("learned")
@click.option("--clear", is_flag=True, help="Forget everything.")
@click.option("--rows", is_flag=True, help="Print it as rows for the registry, to send to the project.")
@json_option
@guarded
@paged
def learned(clear: bool, rows: bool, as_json: bool) -> None:
    """Show what providers refuse of requests, and which models they lack.

    The command line, and programs with `ProviderList(learn=True)`, learn it from refusals: what is listed is left out
    or put otherwise from then on, for a week; a model that its provider lacks is passed over for a day, unless it is
    named.
    """
    from inference_providers.routing import Learned

    known = Learned.of(environment())
    if known is None:
        say("Error: this user has no home folder, and so nothing is kept.", err=True)
        raise SystemExit(FAILED)
    if clear:
        known.clear()
        say(f"Forgotten: {known.path}")
    elif rows:
        say_json(known.as_rows())
    elif as_json:
        say_json(known.entries)
    elif not known.entries:
        say(f"Nothing was learnt yet; it will be kept in {known.path}", err=True)
    else:
        emit([_row(entry) for entry in known.entries], ["provider", "model", "learned", "what"], False, prose=["what"])
        say(f"Kept in {known.path}; --clear forgets it.", err=True)


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    day = time.strftime("%Y-%m-%d", time.gmtime(entry["learned"]))
    return {"provider": entry["provider"], "model": entry["model"], "learned": day, "what": _what(entry)}


def _what(entry: dict[str, Any]) -> str:
    from inference_providers.protocols import Repairs

    return "does not have it" if entry.get("absent") else Repairs.of_row(entry["repairs"]).told

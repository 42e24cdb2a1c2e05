"""`inference-providers models`: which models there are, who serves them, at what price."""

from __future__ import annotations

import sys
from typing import Any

import click

from inference_providers.cli.completion import complete_model
from inference_providers.cli.exit_codes import FAILED, NO_CREDENTIALS, guarded
from inference_providers.cli.models_wanted import in_order, wanting
from inference_providers.cli.output import json_option, say
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit
from inference_providers.credentials import NEWCOMER
from inference_providers.offers import features_of, newcomers, order
from inference_providers.registry import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_providers.cli.models_wanted import Wanted
    from inference_providers.clients import ProviderList
    from inference_providers.registry import Registry


_COLUMNS = ("model", "providers", "context", "input_price", "output_price", "released")


@click.command("models")
@click.argument("words", nargs=-1, metavar="[PATTERN]...", shell_complete=complete_model)
@click.option("--live", is_flag=True, help="What the providers of your keys have themselves, asked now: free.")
@click.option(
    "--all", "everything", is_flag=True, help="Also models for which no key is set, and what is new in the last update."
)
@click.option(
    "--kind", type=click.Choice(["chat", *KINDS]), default="chat", help="Models for something else than talk."
)
@wanting
@json_option
@guarded
@paged
def models(
    live: bool, everything: bool, kind: str, wanted: Callable[[Registry], Wanted], sort: str, as_json: bool
) -> None:
    """List models whose names contain every PATTERN, at their best prices; only those usable now, unless --all.

    Prices are US dollars for a million tokens, input and output, contexts are in tokens. What is asked for, as in
    --vision --max-price 1 --min-context 200k, has to be true of one provider's offer at once; only such are listed.

    With --live there are no prices: each provider's own list says what your account has, with what the registry lacks,
    and what it lists in vain.
    """
    from inference_providers.cli.lists import provider_list

    if live and kind != "chat":
        raise click.UsageError("--live lists models to talk to; give no --kind with it.")
    if live and everything:
        raise click.UsageError("--live asks for what your keys reach, --all shows the rest; give one of them.")
    providers = provider_list()
    which = wanted(providers.registry)
    if live and (which or sort != "name"):
        raise click.UsageError("Providers' own lists have names alone; give --live with nothing but PATTERN.")
    if kind != "chat":
        from inference_providers.cli.models_of_kind import emit_models_of_kind

        if which.features:
            raise click.UsageError("Features are known of models to talk to; give no --kind with them.")
        emit_models_of_kind(providers, kind, which, sort, everything=everything, as_json=as_json)
        return
    if live:
        sys.exit(_live(providers, which, as_json))
    rows = in_order(_rows(providers, which, everything=everything), sort)
    if not rows and not as_json:
        _say_none(which, everything=everything)
    emit(rows, _COLUMNS, as_json, prose=["providers"], spare="released", listed=[_short(row) for row in rows])


def _say_none(wanted: Wanted, *, everything: bool) -> None:
    such = f"No such model{wanted.such()}" if wanted else f"No model{wanted.such()}"
    unusable = f"{such} is usable now. --all lists those that need a key."
    such = f"{such} is known." if wanted else f"There is no model{wanted.such()}."
    say(such if everything else unusable, err=True)


def _rows(providers: ProviderList, wanted: Wanted, *, everything: bool) -> list[dict[str, Any]]:
    rows = []
    for name in providers.get_canonical_model_names():
        if wanted.is_called(name):
            facts, resolution = providers.registry.model(name), providers.resolve(name)
            successor = resolution.canonical_name if resolution.canonical_name != name else None
            if wanted and (successor or not wanted.takes_model(facts)):
                continue
            offers = [offer for offer in resolution.offers if wanted.takes(offer)] if wanted else resolution.offers
            usable = order(offers)
            if usable or (everything and offers):
                rows.append(_model_row(name, offers, usable, facts) | {"successor": successor})
    if everything and not wanted:
        _add_newcomers(rows, wanted)
    return rows + _rows_here(providers, wanted)


def _rows_here(providers: ProviderList, wanted: Wanted) -> list[dict[str, Any]]:
    """What only servers on this machine have: nothing is known of it but that it costs nothing."""
    if wanted.features or wanted.min_context is not None or wanted.open_weights:
        return []
    return [
        _model_row(name, [], [], {}) | {"providers": [f"{server.provider} (here)"], "usable": True, "successor": None}
        for server in providers.local_servers()
        for name, canonical in server.models.items()
        if canonical not in providers.registry.canonical_names
        and wanted.is_called(name)
        and (not wanted.providers or server.provider in wanted.providers)
    ]


def _add_newcomers(rows: list[dict[str, Any]], wanted: Wanted) -> None:
    """Add what providers have that are new in the last downloaded registry: see `registry update`."""
    from inference_providers.upkeep import Updater

    updated = Updater().cached()
    if updated is None:
        return
    known = {row["model"]: row for row in rows}
    for provider in newcomers(updated):
        for name in provider.model_names:
            if wanted.is_called(name):
                row = known.get(name)
                if row is None:
                    row = known[name] = _model_row(name, [], [], updated.model(name)) | {"successor": None}
                    rows.append(row)
                row["providers"].append(f"{provider.id} ({NEWCOMER})")


def _live(providers: ProviderList, wanted: Wanted, as_json: bool) -> int:
    """What the keys' providers list, and the servers here; the exit code."""
    from inference_providers.calls import key_checks
    from inference_providers.cli.key_report import OFFLINE, verdict_of, wrapped
    from inference_providers.offers import is_offline

    checks, registry = key_checks.check_keys(providers.pipeline, prove=False), providers.registry
    rows = [row for check in checks for row in check.rows(registry)]
    servers, offline = providers.local_servers(), is_offline(providers.pipeline.finder.environ)
    for server in servers:
        for name, canonical in server.models.items():
            model = canonical if canonical in registry.canonical_names else name
            note = "" if model == canonical else key_checks.NOT_IN_REGISTRY
            rows.append({"model": model, "provider": server.provider, "name": name, "note": note})
    rows = [row for row in rows if wanted.is_called(row["model"], row["name"])]
    for said in [OFFLINE] if offline else [f"{one.variable}  {verdict_of(one)}" for one in checks if one.live is None]:
        say("\n".join(wrapped(said, 0)), err=True)
    if not rows and not as_json:
        say("There is no model to list. `inference-providers doctor --check` says why.", err=True)
    emit(rows, ["model", "provider", "name", "note"], as_json, prose=["note"])
    if servers or offline:
        return 0
    return FAILED if key_checks.nothing_works(checks) else 0 if checks else NO_CREDENTIALS


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row with few providers: for a terminal, where hundreds of models are read line by line."""
    if row["successor"]:
        return {**row, "providers": [f"(ended; {row['successor']} answers)"]}
    first, more = row["providers"][:2], row["providers"][2:]
    hidden = sum(int(one) if one.startswith("+") else 1 for one in more)
    return {**row, "providers": [*first, f"+{hidden}"] if hidden else first}


def _model_row(name: str, offers: list[Any], usable: list[Any], facts: Any) -> dict[str, Any]:
    priced = [o for o in usable or offers if o.input_price is not None and o.output_price is not None]
    cheapest = min(priced, key=lambda o: (o.input_price or 0) * 3 + (o.output_price or 0), default=None)
    shown = list(dict.fromkeys(offer.provider for offer in usable or offers))
    return {
        "model": name,
        "providers": shown[:6] + ([f"+{len(shown) - 6}"] if len(shown) > 6 else []),
        "usable": bool(usable),
        "context": max((offer.context_window or 0 for offer in usable or offers), default=0) or None,
        "input_price": cheapest and cheapest.input_price,
        "output_price": cheapest and cheapest.output_price,
        "released": facts.get("released"),
        "open_weights": facts.get("open_weights"),
        "features": sorted(frozenset[str]().union(*map(features_of, usable or offers))),
    }

"""`inference-providers models`: which models there are, who serves them, at what price."""

from __future__ import annotations

import sys
from typing import Any

import click

from inference_providers.cli.completion import complete_model
from inference_providers.cli.exit_codes import FAILED, NO_CREDENTIALS, guarded
from inference_providers.cli.output import json_option, say
from inference_providers.cli.tables import emit
from inference_providers.credentials import NEWCOMER
from inference_providers.offers import newcomers, order
from inference_providers.registry import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.clients import ProviderList


@click.command("models")
@click.argument("pattern", default="", shell_complete=complete_model)
@click.option("--live", is_flag=True, help="What the providers of your keys have themselves, asked now: free.")
@click.option(
    "--all", "everything", is_flag=True, help="Also models for which no key is set, and what is new in the last update."
)
@click.option(
    "--kind", type=click.Choice(["chat", *KINDS]), default="chat", help="Models for something else than talk."
)
@json_option
@guarded
def models(pattern: str, live: bool, everything: bool, kind: str, as_json: bool) -> None:
    """List models whose names contain PATTERN, at their best prices; only those usable now, unless --all.

    Prices are US dollars for a million tokens, input and output. With --live there are none: each provider's own list
    says what your account has, with what the registry lacks, and what it lists in vain.
    """
    from inference_providers.cli.lists import provider_list

    if live and kind != "chat":
        raise click.UsageError("--live lists models to talk to; give no --kind with it.")
    if live and everything:
        raise click.UsageError("--live asks for what your keys reach, --all shows the rest; give one of them.")
    providers = provider_list()
    if kind != "chat":
        from inference_providers.cli.models_of_kind import emit_models_of_kind

        emit_models_of_kind(providers, kind, pattern.lower(), everything, as_json)
        return
    if live:
        sys.exit(_live(providers, pattern.lower(), as_json))
    rows = []
    for name in providers.get_canonical_model_names():
        if pattern.lower() in name:
            offers = providers.resolve(name).offers
            usable = order(offers)
            if usable or everything:
                rows.append(_model_row(name, offers, usable, providers.registry.model(name)))
    if everything:
        _add_newcomers(rows, pattern.lower())
    for server in providers.local_servers():
        for name, canonical in server.models.items():
            if canonical not in providers.registry.canonical_names and pattern.lower() in name.lower():
                rows.append(_model_row(name, [], [], {}) | {"providers": [f"{server.provider} (here)"], "usable": True})
    if not rows and not as_json:
        such = f" with {pattern!r} in its name" if pattern else ""
        unusable = f"No model{such} is usable now. --all lists those that need a key."
        say(f"There is no model{such}." if everything else unusable, err=True)
    columns = ["model", "providers", "context", "input_price", "output_price", "released"]
    emit(rows, columns, as_json, prose=["providers"], spare="released", listed=[_short(row) for row in rows])


def _add_newcomers(rows: list[dict[str, Any]], pattern: str) -> None:
    """Add what providers have that are new in the last downloaded registry: see `registry update`."""
    from inference_providers.upkeep import Updater

    updated = Updater().cached()
    if updated is None:
        return
    known = {row["model"]: row for row in rows}
    for provider in newcomers(updated):
        for name in provider.model_names:
            if pattern in name:
                row = known.get(name)
                if row is None:
                    row = known[name] = _model_row(name, [], [], updated.model(name))
                    rows.append(row)
                row["providers"].append(f"{provider.id} ({NEWCOMER})")


def _live(providers: ProviderList, pattern: str, as_json: bool) -> int:
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
    rows = [row for row in rows if pattern in row["model"].lower() or pattern in row["name"].lower()]
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
    }

"""`inference-providers resolve`: what a name means, and who serves it."""

from __future__ import annotations

from typing import Any

import click

from inference_providers.cli.completion import complete_model, complete_provider
from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.output import json_option, on_terminal, say, say_json
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit


@click.command("resolve")
@click.argument("name", shell_complete=complete_model)
@click.option("--provider", shell_complete=complete_provider, help="Pass the name to this provider unchanged.")
@click.option("--all", "everything", is_flag=True, help="On a terminal, also list what cannot be used now, and why.")
@json_option
@guarded
@paged
def resolve(name: str, provider: str | None, everything: bool, as_json: bool) -> None:
    """Show which model NAME means, by which rule, who serves it, and what is usable.

    Prices are US dollars for a million tokens, input and output. In a pipe, and as JSON, every offer is listed.
    """
    from inference_providers.cli.lists import provider_list

    resolution = provider_list().resolve(name, provider=provider)
    rows = [
        {
            "provider": offer.provider,
            "internal_name": offer.internal_name,
            "usable": offer.usable,
            "why": offer.reason or _why_usable(offer),
            "input_price": offer.input_price,
            "output_price": offer.output_price,
            "context": offer.context_window,
        }
        for offer in resolution.offers
    ]
    if as_json:
        say_json(
            {
                "name": name,
                "rule": resolution.rule,
                "canonical_name": resolution.canonical_name,
                "warning": resolution.warning or None,
                "offers": rows,
            }
        )
        return
    say(f"{name} is {resolution.canonical_name or 'a choice among models'} (rule: {resolution.rule})", fold=True)
    if resolution.warning:
        say(f"Note: {resolution.warning}", err=True)
    columns = ["provider", "internal_name", "usable", "why", "input_price", "output_price"]
    if not on_terminal():
        emit(rows, columns, False)
        return
    usable = [row for row in rows if row["usable"]]
    shown = usable + ([row for row in rows if not row["usable"]] if everything else [])
    named = [{**row, "name": f"{row['provider']}/{row['internal_name']}"} for row in shown]
    emit(named, ["name", *columns[2:]] if everything else ["name", *columns[3:]], False, prose=["why"])
    if rest := len(rows) - len(shown):
        say(
            f"and {rest} that cannot be used now (--all says why)"
            if shown
            else f"None of {rest} can be used now (--all says why).",
            fold=True,
        )


def _why_usable(offer: Any) -> str:
    if offer.variable:
        return f"{offer.variable} is set"
    return "on this machine" if offer.endpoint else "its server would be started"

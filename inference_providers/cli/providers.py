"""`inference-providers providers`: which providers there are, and which have a key."""

from __future__ import annotations

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.output import json_option, say
from inference_providers.cli.pager import paged
from inference_providers.cli.tables import emit


@click.command("providers")
@click.option("--all", "everything", is_flag=True, help="Also providers for which no key is set.")
@json_option
@guarded
@paged
def providers(everything: bool, as_json: bool) -> None:
    """List providers with a key, or all of them."""
    from inference_providers import credentials
    from inference_providers.cli.lists import provider_list

    listed = provider_list()
    rows = []
    for provider in listed.registry.providers.values():
        credential, reason = credentials.find(provider, listed.pipeline.finder.environ)
        usable = credential is not None and credential.variable is not None
        if everything or usable:
            variables = [credential.variable] if credential and credential.variable else provider.key_variables
            rows.append(
                {
                    "provider": provider.id,
                    "name": provider.name,
                    "variables": variables,
                    "models": len({provider.canonical_of(name) for name in provider.callable_names()}),
                    "endpoint": listed.pipeline.finder.accesses[provider.id].endpoint or provider.endpoint,
                    "usable": usable,
                    "reason": reason,
                }
            )
    if not rows and not as_json:
        say("No key is set. --all lists every provider with its variables.", err=True)
    emit(rows, ["provider", "name", "variables", "models", "endpoint"], as_json, prose=["name", "variables"])

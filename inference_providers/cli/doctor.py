"""`inference-providers doctor`: what was found, what was skipped, and what `ask_ai` would use."""

from __future__ import annotations

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.output import json_option, say, say_json


@click.command("doctor")
@json_option
@guarded
def doctor(as_json: bool) -> None:
    """Show keys and servers found, what was skipped, and what ask_ai would use and why."""
    from inference_providers.cli.doctor_report import examine, report
    from inference_providers.clients import ProviderList

    findings = examine(ProviderList())
    if as_json:
        say_json(findings)
    else:
        say(report(findings))

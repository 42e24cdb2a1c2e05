"""`inference-providers doctor`: what was found, what was skipped, and what `ask_ai` would use."""

from __future__ import annotations

import sys

import click

from inference_providers.cli.exit_codes import FAILED, NO_CREDENTIALS, guarded
from inference_providers.cli.output import json_option, say, say_json


@click.command("doctor")
@click.option("--check", is_flag=True, help="Ask the provider of each key what it has: free.")
@json_option
@guarded
def doctor(check: bool, as_json: bool) -> None:
    """Show keys and servers found, what was skipped, and what ask_ai would use and why.

    With --check, also which keys work. The exit code is then 1 if all are refused or get no answer, and 3 if there is
    neither a key nor a server.
    """
    from inference_providers.cli.doctor_report import examine, report
    from inference_providers.cli.lists import environment, provider_list

    providers = provider_list(environ=environment())  # of files with mistakes as far as they can be read
    findings, text, code = examine(providers), "", 0
    if check:
        from inference_providers.calls import key_checks
        from inference_providers.cli.key_report import key_report

        checks = key_checks.check_keys(providers.pipeline)
        findings["check"] = [one.as_dict(providers.registry) for one in checks]
        text = "\n\n" + key_report(checks, providers.registry, offline=findings["offline"])
        if not findings["servers"] and not findings["offline"]:
            code = FAILED if key_checks.nothing_works(checks) else 0 if checks else NO_CREDENTIALS
    if as_json:
        say_json(findings)
    else:
        say(report(findings) + text, fold=True)
    sys.exit(code)

"""The question before something is removed."""

from __future__ import annotations

import sys

import click

from inference_providers.cli.exit_codes import FAILED
from inference_providers.cli.output import say


def ask_before(question: str, *, yes: bool) -> None:
    """Go on if a person agrees, or has given `--yes`; else end with exit code 1.

    Raises UsageError where there is nobody to ask.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here; give --yes.")
    if not click.confirm(question, err=True):
        say("Nothing was removed.", err=True)
        raise SystemExit(FAILED)

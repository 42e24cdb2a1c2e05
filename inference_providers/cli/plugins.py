"""`inference-providers plugins`: what other packages bring, and what is left out of it."""

from __future__ import annotations

from typing import Any

import click

from inference_providers.cli.exit_codes import guarded
from inference_providers.cli.lists import environment
from inference_providers.cli.output import json_option, say
from inference_providers.cli.tables import emit


@click.command("plugins")
@json_option
@guarded
def plugins(as_json: bool) -> None:
    """List the plug-ins of installed packages, and what is wrong with those that are left out."""
    from inference_providers.plugins import GROUPS, OFF, VARIABLE, examined

    found = examined(environment(), *GROUPS)
    paths = _of_paths({one.name: one.value for one in found if one.declaration.group == "dialects" and not one.problem})
    rows = [
        {
            "name": one.name,
            "group": one.declaration.group,
            "package": one.declaration.package,
            "version": one.declaration.version,
            "problem": one.problem or (paths.get(one.name, "") if one.declaration.group == "dialects" else ""),
        }
        for one in found
    ]
    if not rows and not as_json:
        off = environment().get(VARIABLE, "").strip().lower() == OFF
        say(f"{VARIABLE} is {OFF}." if off else "No installed package brings plug-ins.", err=True)
    emit(rows, ["name", "group", "package", "version", "problem"], as_json, prose=["problem"])


def _of_paths(dialects: dict[str, Any]) -> dict[str, str]:
    """What is wrong with the paths of dialects, which the gateway alone knows."""
    if not dialects:
        return {}
    from inference_providers.gateway import taken_paths

    return taken_paths(dialects)

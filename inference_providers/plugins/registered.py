"""Providers and engines of plug-ins in a registry, as far as what they say may hold."""

from __future__ import annotations

from inference_providers.plugins.discovery import ENGINES, GROUPS, PROVIDERS, declared
from inference_providers.plugins.loading import Plugin, loaded, sound
from inference_providers.registry import bundled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.registry import Registry

_last: tuple[Registry, list[Plugin], Registry] | None = None  # the base, what came to it, and what that made


def extended(base: Registry, environ: Mapping[str, str]) -> Registry:
    """A registry with the rows of plug-ins behind its own. It is the base itself where there are none.

    What is wrong with a plug-in is told once, and nothing of that one is taken.
    """
    global _last
    if not declared(environ, PROVIDERS, ENGINES):
        return base
    plugins = sound(examined(environ, PROVIDERS, ENGINES))
    if not plugins:
        return base
    if _last is None or _last[0] is not base or _last[1] != plugins:
        rows = {pid: row for one in plugins for pid, row in one.value["providers"].items() if not base.provider_id(pid)}
        data = {**base.rows, "providers": {**base.rows["providers"], **rows}}
        _last = base, plugins, base.variant(data)
    return _last[2]


def engine_rows(environ: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """The rows of engines that plug-ins bring, by their ids."""
    if not declared(environ, ENGINES):
        return {}
    return {pid: row for one in sound(examined(environ, ENGINES)) for pid, row in one.value["providers"].items()}


def examined(environ: Mapping[str, str], *groups: str) -> list[Plugin]:
    """All plug-ins of these groups, or of all, each with its problem, what its rows must not say among them."""
    claims: dict[str, set[Plugin]] = {}
    for one in loaded(environ, PROVIDERS, ENGINES):
        _examine(one)
        for claim in () if one.problem else _claims(one.value):
            claims.setdefault(claim, set()).add(one)
    problems: dict[Plugin, str] = {}
    for claim, several in sorted(claims.items()):
        for one in several if len(several) > 1 else ():
            others = sorted({other.package for other in several if other is not one})
            problems.setdefault(one, f"{' and '.join(others)} has {claim}, too; uninstall one of them")
    found = loaded(environ, *(groups or GROUPS))
    return [one.faulty(problems[one]) if one in problems else one for one in found]


def _claims(patch: Mapping[str, Any]) -> set[str]:
    """What a plug-in's rows have for themselves: ids, further names, variables."""
    from inference_providers.plugins.rows import variables

    claims = set()
    for pid, row in patch["providers"].items():
        names = {pid, *(name.lower() for name in row.get("aliases", ()))}
        claims |= {f"the provider {name}" for name in names} | {f"the variable {name}" for name in variables(row)}
    return claims


def _examine(plugin: Plugin) -> None:
    """Note what a plug-in's rows must not say."""
    if plugin.examined or plugin.problem:
        return
    plugin.examined = True
    from inference_providers.errors import RegistryError
    from inference_providers.plugins.rows import faults
    from inference_providers.text import jsontext

    try:
        jsontext.check(plugin.value)
        wrong = faults(plugin.value, bundled(), engine=plugin.declaration.group == ENGINES)
    except (ValueError, RegistryError) as error:
        wrong = [str(error)]
    if wrong:
        plugin.problem = "; ".join(wrong[:3]) + f"; and {len(wrong) - 3} more" * (len(wrong) > 3)

"""Which registry a list has: the package's, what plug-ins add to it, and what the program says of it."""

from __future__ import annotations

from inference_providers.registry import bundled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.registry import Registry


def registry_of(json_override: Any, json_merge: Any, options: Mapping[str, Any]) -> Registry:
    """The registry in use: the package's or its update, then what plug-ins add, then what the program merges.

    A program that replaces the registry gets that one, without what plug-ins would add.
    """
    registry = bundled()
    if json_override is not None or options["auto_update"]:
        from inference_providers.upkeep import updater

        registry = updater.load(json_override, warn=_warn, **options)
    if json_override is None:
        registry = _with_plugins(registry, options["environ"])
    if json_merge is not None:
        from inference_providers.upkeep import updater

        registry = updater.load(registry, json_merge, warn=_warn, **options)
    return registry


def _with_plugins(registry: Registry, environ: Mapping[str, str]) -> Registry:
    if environ.get("INFERENCE_PROVIDERS_PLUGINS", "").strip().lower() == "off":
        return registry
    from inference_providers.plugins import ENGINES, PROVIDERS, declared

    if not declared(environ, PROVIDERS, ENGINES):
        return registry
    from inference_providers.plugins import extended

    return extended(registry, environ)


def _warn(message: str) -> None:
    from inference_providers.log import warn

    warn(message)

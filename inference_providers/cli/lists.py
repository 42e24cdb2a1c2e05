"""What commands ask with: the environment over the user's files, and lists of providers that go by it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.clients import ProviderList
    from inference_providers.registry import Registry
    from inference_providers.settings import LayeredEnvironment


def environment(*, strict: bool = False) -> LayeredEnvironment:
    """The environment, and where it is silent the user's keys and settings. A file with a mistake is told, not used.

    strict: raise SettingsError for such a file.
    """
    from inference_providers.settings import layered

    return layered(os.environ, strict=strict)


def provider_list(**options: Any) -> ProviderList:
    """A list that goes by the user's keys and settings, too. Raises SettingsError for a file with a mistake."""
    from inference_providers.clients import ProviderList

    return ProviderList(settings=True, **options)


def registry() -> Registry:
    """The registry of the package, with what plug-ins add to it."""
    from inference_providers.plugins import extended
    from inference_providers.registry import bundled

    return extended(bundled(), environment())

"""Which model is meant: a name in any tool's spelling to the offers it stands for.

The rules are tried in order and the first match wins; `Resolution.rule` says which. Pure.
"""

from __future__ import annotations

import re

from inference_providers.errors import UnknownModelError
from inference_providers.offers.lookup import Lookup
from inference_providers.offers.resolution import AUTO, SMALL, Resolution
from inference_providers.offers.rules import RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.registry import Registry

LONGEST_SPELLING = 300  # characters of a name, with all that may stand before and after it


def is_automatic(name: str) -> bool:
    """Whether a name leaves the choice of the model: `auto`, `auto:small`, or either with a policy."""
    plain = name.strip().lower()
    if ":" not in plain or not plain.startswith(AUTO):
        return plain == AUTO
    from inference_providers.offers.defaults import is_choice

    return is_choice(plain)


class Resolver(Lookup):
    """The rules over one registry, one set of accesses, the user's aliases and the servers that run here."""

    def resolve(self, name: str, provider: str | None = None) -> Resolution:
        """The first rule that matches. Raises UnknownModelError, with the closest names, when none does."""
        if not isinstance(name, str) or len(name) > LONGEST_SPELLING:
            shown = f"{name[:60]!r}... ({len(name)} characters)" if isinstance(name, str) else repr(type(name).__name__)
            raise UnknownModelError(
                f"{shown} is not a model name: give a text of at most {LONGEST_SPELLING} characters."
            )
        name = name.strip()
        if not name.isprintable() and re.search(r"[\x00-\x1f\x7f]", name):
            raise UnknownModelError(f"{name[:60]!r} holds control characters; no model is called so.")
        if provider is not None:
            return self._at_provider(name, provider)
        if name.lower() in (AUTO, SMALL):
            from inference_providers.offers.defaults import automatic

            return automatic(self, name)
        for rule in RULES:
            found = rule(self, name)
            if found is not None:
                return found
        from inference_providers.offers.unknown_names import unknown_model

        raise unknown_model(self, name)

    def _at_provider(self, name: str, spelling: str) -> Resolution:
        canonical, offers = self.own_name(self.provider_id(spelling), name)
        return Resolution(name, "provider", canonical, offers)

    def provider_id(self, spelling: str, also: Registry | None = None) -> str:
        """The id of a provider, in any spelling known here or in *also*.

        Raises UnknownModelError for one that nobody is called.
        """
        pid = self.registry.provider_id(spelling) or (also.provider_id(spelling) if also is not None else None)
        if pid is None:
            from inference_providers.offers.unknown_names import unknown_provider

            raise unknown_provider(self, spelling)
        return pid

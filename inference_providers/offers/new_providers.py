"""Providers that a downloaded registry has and the installed package does not: shown, and never asked. Pure."""

from __future__ import annotations

from inference_providers.credentials import NEWCOMER
from inference_providers.offers.access import Access
from inference_providers.offers.offer import Offer
from inference_providers.registry import Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference_providers.registry import Registry


def newcomers(registry: Registry) -> Iterator[Provider]:
    """The new providers of a registry, none of which has a connection, whatever their rows say."""
    rows = registry.rows.get("new_providers")
    for pid, row in rows.items() if isinstance(rows, dict) else ():
        names = row.get("model_names") if isinstance(row, dict) else None
        if isinstance(names, dict):
            facts = row.get("facts")
            yield Provider(pid, {"model_names": names, "facts": facts if isinstance(facts, dict) else {}})


def offers_of(registry: Registry, canonical: str | None) -> list[Offer]:
    """What new providers offer of a model: the reason why nobody asks them is with it."""
    return [
        Offer(Access(provider, None, None, NEWCOMER), canonical, internal)
        for provider in newcomers(registry)
        if canonical is not None
        for internal in provider.internal_names(canonical)
    ]

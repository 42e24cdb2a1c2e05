"""The order in which candidates are tried. Pure."""

from __future__ import annotations

from inference_providers.offers.offer import nearness
from inference_providers.registry import TALKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Protocol

    from inference_providers.offers.offer import Offer

    class Shuffles(Protocol):
        """What `choose_randomly` needs: `random.Random` has it."""

        def shuffle(self, x: list[Any]) -> None:
            """Shuffle in place."""


def order(offers: Iterable[Offer], *, here_first: bool = False, plans_last: bool = False) -> list[Offer]:
    """Candidates among *offers*: usable ones in the given order, doubtful ones after the rest, local ones last.

    What is served by another API than chat only comes after the rest as well. With *here_first*, local ones come
    before all others. With *plans_last*, subscriptions come after all that is paid by use, doubtful as that may be.

    Of several names that one provider has for a model (regions, dated snapshots) the first stands for all, of those
    that work nearest to the user's region.
    """
    first: dict[tuple[str, str, str], Offer] = {}
    for offer in offers:
        if not offer._access.reason and offer.usable:
            server = offer.place[0] or "" if offer.local else ""
            names = (offer.provider, server, offer.canonical_name or offer.internal_name)
            if names not in first or nearness(offer) < nearness(first[names]):
                first[names] = offer

    def place(offer: Offer) -> tuple[bool, ...]:
        here = (offer.local and not offer.named) != here_first
        return here, plans_last and offer.billing == "plan", offer.api not in TALKS, offer.doubtful

    return sorted(first.values(), key=place)


def all_run_here(offers: Iterable[Offer]) -> bool:
    """Whether all of these are of servers on this machine that run already."""
    return all(offer.row().local is not None and not offer.launchable for offer in offers)


def shuffled(offers: Sequence[Offer], random: Shuffles) -> list[Offer]:
    """The same candidates in random order."""
    mixed = list(offers)
    random.shuffle(mixed)
    return mixed

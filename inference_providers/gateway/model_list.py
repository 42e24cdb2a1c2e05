"""`GET /v1/models`: what can be asked now, canonical names first, with price, window and features. Nobody is asked."""

from __future__ import annotations

from itertools import islice
from urllib.parse import unquote

from inference_providers.errors import InferenceProvidersError, UnknownModelError
from inference_providers.offers import KindResolver, order
from inference_providers.registry import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.calls import Finder
    from inference_providers.offers import Offer

    Allows = Callable[[Offer], bool]

MOST = 100  # names that a program's box can still show


def answer(
    finder: Finder, name: str | None = None, *, everything: bool = False, allows: Allows | None = None
) -> dict[str, Any]:
    """The list, or the row of one model, in OpenAI's form.

    The automatic choice comes first, in its order, then the others by name; at most `MOST` of them, unless *everything*
    is wanted, which also brings models of other kinds than text. *allows*: which candidates whoever asks may ask; None
    for all. Raises UnknownModelError for a name that means nobody, NoCredentialsError where no key is there.
    """
    if name is not None:
        name = unquote(name)
        offers = [offer for offer in finder.candidates(name) if allows is None or allows(offer)]
        if not offers:
            raise UnknownModelError(f"{name!r:.200} is not one of the models of this key; GET /v1/models lists them.")
        first = offers[0].canonical_name or offers[0].internal_name
        return _row(name if name == "auto" else first, offers)
    groups = _groups(finder, allows)
    rows = [_row(key, offers) for key, offers in islice(groups.items(), None if everything else MOST)]
    if everything:
        rows += _other_kinds(finder, groups, allows)
    answer: dict[str, Any] = {"object": "list", "data": rows}
    if not everything and len(groups) > MOST:
        answer |= {"has_more": True, "all": "/v1/models?all=1"}
    return answer


def _groups(finder: Finder, allows: Allows | None) -> dict[str, list[Offer]]:
    """The offers of each model within reach, best first: the automatic choice, servers here, then all by name."""
    found: dict[str, list[Offer]] = {}
    reachable = order(finder.resolver.reachable(finder.registry.canonical_names))
    here = [offer for server in finder.own_local_servers() for name in server.models for offer in _here(finder, name)]
    rest = sorted(reachable, key=lambda offer: offer.canonical_name or "")
    for offer in (*finder.first_available(["auto"]), *here, *rest):
        if allows is not None and not allows(offer):
            continue
        offers = found.setdefault(offer.canonical_name or offer.internal_name, [])
        if not any(offer is one or offer.place == one.place for one in offers):
            offers.append(offer)
    return found


def _here(finder: Finder, name: str) -> list[Offer]:
    """The offers of what a server here calls its model; none for a name that means nothing."""
    try:
        return finder.candidates(name)
    except InferenceProvidersError:
        return []


def _other_kinds(finder: Finder, known: Mapping[str, Any], allows: Allows | None) -> list[dict[str, Any]]:
    """Models for something else than talk: embeddings, images, speech, ..."""
    rows = []
    for kind in filter(finder.registry.kinds.__contains__, KINDS):  # a registry may know of some alone
        resolver = KindResolver(finder.resolver, kind)
        for name in finder.registry.kinds[kind].rows:
            usable = order([offer for offer in resolver.offers_of(name) if offer.local or offer.api == kind])
            usable = [offer for offer in usable if allows is None or allows(offer)]
            if usable and name not in known:
                rows.append({**_row(name, usable), "kind": kind})
    return rows


def _row(name: str, offers: list[Offer]) -> dict[str, Any]:
    """A model as its first offer has it; `providers` are all that can be asked."""
    first = offers[0]
    facts = first.facts
    row: dict[str, Any] = {"id": name, "object": "model", "created": 0, "owned_by": first.provider}
    row["providers"] = list(dict.fromkeys(offer.provider for offer in offers))
    if facts.context_window is not None:
        row["context_window"] = row["context_length"] = facts.context_window
    if facts.output_limit is not None:
        row["max_output_tokens"] = facts.output_limit
    if facts.input_price is not None or facts.output_price is not None:
        row["pricing"] = {"unit": "USD per million tokens", "input": facts.input_price, "output": facts.output_price}
        if facts.cached_input_price is not None:
            row["pricing"]["cached_input"] = facts.cached_input_price
    row["features"] = sorted(facts.capabilities)
    return row

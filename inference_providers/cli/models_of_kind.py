"""`inference-providers models --kind`: models for something else than talk."""

from __future__ import annotations

from typing import Any

from inference_providers.cli.models_wanted import in_order
from inference_providers.cli.output import on_terminal, say
from inference_providers.cli.tables import emit
from inference_providers.clients import ProviderList
from inference_providers.offers import KindResolver, Offer, order
from inference_providers.registry import EMBEDDINGS, plain_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.cli.models_wanted import Wanted

# What is charged by something else than tokens, in words; see `prices` in the registry's format.
_BY = {"picture": "a picture", "second": "a second", "characters": "a million characters", "request": "a request"}


def emit_models_of_kind(
    providers: ProviderList, kind: str, wanted: Wanted, sort: str, *, everything: bool, as_json: bool
) -> None:
    """Print the models of a kind that are wanted; only those usable now, unless *everything*."""
    resolver = KindResolver(providers.pipeline.finder.resolver, kind)
    rows = []
    for name, facts in providers.registry.kinds[kind].rows.items():
        if wanted.is_called(name) and wanted.takes_model(facts):
            offers = [offer for offer in resolver.offers_of(name) if _is_asked(offer, kind)]
            offers = [offer for offer in offers if wanted.takes(offer)]
            usable = order(offers)
            if usable or (everything and offers):
                rows.append(_row(name, facts, usable or offers, bool(usable)))
    listed = {row["model"] for row in rows}
    rows += [
        _row(offer.internal_name, {}, [offer], True)
        for offer in resolver.models_here()
        if wanted.is_called(offer.internal_name)
        and wanted.takes_model({})
        and wanted.takes(offer)
        and plain_name(offer.internal_name) not in listed
    ]
    rows = in_order(rows, sort)
    if not rows and not as_json:
        hint = " is known." if everything else " is usable now. --all lists those that need a key."
        say(f"No {'such ' if wanted else ''}model for {kind}{wanted.such()}{hint}", err=True)
    columns = ["model", "providers", *(["dimensions"] if kind == EMBEDDINGS else []), "context", "input_price", "price"]
    if on_terminal():
        columns = [column for column in columns if any(row[column] is not None for row in rows)]
    if rows or as_json:
        emit(rows, columns, as_json, prose=["providers", "price"])


def _is_asked(offer: Offer, kind: str) -> bool:
    """Whether requests of a kind go there. At an address of the user's, OpenAI's protocol is taken to have them all."""
    return offer.local or offer.api == kind or bool(offer.moved())


def _row(name: str, facts: Any, offers: list[Offer], usable: bool) -> dict[str, Any]:
    shown = list(dict.fromkeys(f"{o.provider} (here)" if o.local else o.provider for o in offers))
    priced = [offer for offer in offers if offer.input_price is not None]
    cheapest = min(priced, key=lambda offer: offer.input_price or 0, default=None)
    return {
        "model": name,
        "providers": shown[:6] + ([f"+{len(shown) - 6}"] if len(shown) > 6 else []),
        "usable": usable,
        "dimensions": facts.get("dimensions"),
        "context": max((offer.context_window or 0 for offer in offers), default=0) or None,
        "input_price": cheapest and cheapest.input_price,
        "price": _price(offers),
        "released": facts.get("released"),
        "open_weights": facts.get("open_weights"),
    }


def _price(offers: list[Offer]) -> str | None:
    """The least that is charged by something else than tokens, in words."""
    for field, words in _BY.items():
        if prices := [offer.facts.more[field] for offer in offers if offer.facts.more.get(field)]:
            return f"${min(prices):g} {words}"
    return None

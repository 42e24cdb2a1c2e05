"""Reads the format of models.dev's `api.json`: the source with the most models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inference_providers.upkeep.importers.rows import (
    PROTOCOLS,
    Ids,
    OfferRow,
    ProviderRow,
    Source,
    above,
    clean_endpoint,
    letters,
    number,
    paid,
    rates,
    tokens,
)

RANK = 3


def recognises(data: Mapping[str, Any]) -> bool:
    """True for models.dev's format: providers that each hold `models` and `env`."""
    return bool(data) and all(isinstance(row, dict) and "models" in row and "env" in row for row in data.values())


def read(data: Mapping[str, Any], ids: Ids) -> Source:
    """Rows of models.dev's `api.json`."""
    providers: list[ProviderRow] = []
    offers: list[OfferRow] = []
    for foreign, row in data.items():
        provider = ids(foreign)
        if provider is None:
            continue
        providers.append(_provider(provider, row))
        offers += _offers(provider, row)
    return Source("models.dev", RANK, providers, offers, ids.days["models.dev"])


def _provider(provider: str, row: Mapping[str, Any]) -> ProviderRow:
    protocol = PROTOCOLS.get(row.get("npm", ""), "")
    return ProviderRow(
        provider,
        name=row.get("name", ""),
        endpoint=clean_endpoint(row.get("api") or ""),
        protocol=protocol,
        variables=tuple(row.get("env") or ()),
        model_list=row.get("doc", ""),
    )


def _offers(provider: str, row: Mapping[str, Any]) -> Iterator[OfferRow]:
    for internal_name, model in row["models"].items():
        modalities = model.get("modalities") or {}
        if "text" not in modalities.get("output", ["text"]):
            continue
        limit, cost = model.get("limit") or {}, model.get("cost") or {}
        features = letters(model, t="tool_call", s="structured_output", r="reasoning")
        if "input" in modalities:
            features += "v" if "image" in modalities["input"] else "V"
        if model.get("temperature") is False:
            features += "P"
        own = model.get("provider") or {}
        asked = _SHAPES.get(own.get("shape", "")) or _APIS.get(own.get("npm", ""), "")
        yield OfferRow(
            provider,
            internal_name,
            display=model.get("name") or "",
            api=asked if asked == "chat" or "shape" in own else "",
            asked=asked,
            endpoint=clean_endpoint(own.get("api") or ""),
            context=tokens(limit.get("context")),
            output=tokens(limit.get("output")),
            price_in=number(cost.get("input")),
            price_out=number(cost.get("output")),
            price_cached=paid(cost.get("cache_read")),
            price_write=paid(cost.get("cache_write")),
            more=_more(cost, model.get("experimental") or {}),
            features=features,
            released=model.get("release_date") or "",
            family=model.get("family") or "",
            open_weights=model.get("open_weights"),
            ended=model.get("status") == "deprecated",
            label=model.get("canonical_model_id") or "",
        )


# How single models are served, where that is not how their provider's others are.
_SHAPES = {"responses": "responses", "completions": "chat"}
_APIS = {
    "@ai-sdk/anthropic": "messages",
    "@ai-sdk/google": "gemini",
    "@ai-sdk/google-vertex/anthropic": "messages",
    "@ai-sdk/openai": "responses",
    "@ai-sdk/openai-compatible": "chat",
}


def _rates(cost: Mapping[str, Any]) -> list[float | None]:
    return rates(*(paid(cost.get(kind)) for kind in ("input", "output", "cache_read", "cache_write")))


def _more(cost: Mapping[str, Any], experimental: Mapping[str, Any]) -> dict[str, Any]:
    tiers = [
        ((tier.get("tier") or {}).get("size"), *_rates(tier))
        for tier in cost.get("tiers") or ()
        if (tier.get("tier") or {}).get("type") == "context"
    ]
    if not tiers and (long := cost.get("context_over_200k")):
        tiers = [(200_000, *_rates(long))]
    more: dict[str, Any] = {
        "tiers": above(tiers),
        "audio": rates(paid(cost.get("input_audio")), paid(cost.get("output_audio"))),
        "reasoning": paid(cost.get("reasoning")),
    }
    for mode in (experimental.get("modes") or {}).values():
        service = ((mode.get("provider") or {}).get("body") or {}).get("service_tier")
        if service in ("flex", "priority"):
            more[service] = _rates(mode.get("cost") or {})
    return {name: value for name, value in more.items() if value}

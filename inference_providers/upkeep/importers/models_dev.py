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
    clean_endpoint,
    letters,
    number,
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
    return Source("models.dev", RANK, providers, offers)


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
        yield OfferRow(
            provider,
            internal_name,
            display=model.get("name") or "",
            context=tokens(limit.get("context")),
            output=tokens(limit.get("output")),
            price_in=number(cost.get("input")),
            price_out=number(cost.get("output")),
            price_cached=number(cost.get("cache_read")),
            features=features,
            released=model.get("release_date") or "",
            family=model.get("family") or "",
            open_weights=model.get("open_weights"),
            ended=model.get("status") == "deprecated",
            protocol=PROTOCOLS.get((model.get("provider") or {}).get("npm", ""), ""),
            label=model.get("canonical_model_id") or "",
        )

"""Reads LiteLLM's price list: provider-prefixed names, USD per token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from inference_providers.upkeep.importers.rows import (
    Ids,
    OfferRow,
    ProviderRow,
    Source,
    clean_endpoint,
    letters,
    number,
    tokens,
)

RANK = 2

# Keys of price classes by size, and of fine-tuning prices: these are not models.
_PRICE_CLASS = re.compile(r"-\d[\d.]*b-(to-)?\d[\d.]*b$|-up-to-|-default$|^ft:|moe-up")
# `azure/eu/gpt-5.2` is `gpt-5.2` at another price; `bedrock/us-gov-east-1/...` likewise.
_REGION = re.compile(
    r"^((eu|us|global|global-standard|apac|data-zone|jp|au|in|ca|invoke|converse)"
    r"|[a-z]{2}(-gov)?-[a-z]+-\d|\*|\d+-month-commitment)/"
)


# Providers whose entries are under another one's prefix.
_SHARED_HEADS = {"bedrock_converse": "bedrock"}


def recognises_prices(data: Mapping[str, Any]) -> bool:
    """True for LiteLLM's price list."""
    return bool(data) and all(isinstance(row, dict) and "litellm_provider" in row for row in data.values())


def recognises_endpoints(data: Mapping[str, Any]) -> bool:
    """True for the list of LiteLLM's plain OpenAI-compatible providers."""
    return bool(data) and all(
        isinstance(row, dict) and set(row) >= {"endpoint", "env"} and "models" not in row for row in data.values()
    )


def read_prices(data: Mapping[str, Any], ids: Ids) -> Source:
    """Rows of the price list; entries that name no callable model are left out."""
    offers: dict[tuple[str, str], OfferRow] = {}
    for key, row in data.items():
        provider = ids(row["litellm_provider"])
        if provider is None or _PRICE_CLASS.search(key) or row.get("mode") not in ("chat", "responses"):
            continue
        internal_name = _internal_name(key, row["litellm_provider"])
        plain = internal_name == key or not _REGION.match(key.partition("/")[2])
        if plain or (provider, internal_name) not in offers:
            offers[provider, internal_name] = _offer(provider, internal_name, row, ids.today)
    return Source("litellm", RANK, [], list(offers.values()))


def _internal_name(key: str, litellm_provider: str) -> str:
    head, slash, rest = key.partition("/")
    own = (litellm_provider, litellm_provider.partition("-")[0], _SHARED_HEADS.get(litellm_provider))
    if not slash or (head not in own and head.replace("-", "_") not in own):
        return key
    while _REGION.match(rest):
        rest = rest.partition("/")[2]
    return rest


def _offer(provider: str, internal_name: str, row: Mapping[str, Any], today: str) -> OfferRow:
    return OfferRow(
        provider,
        internal_name,
        context=tokens(row.get("max_input_tokens")),
        output=tokens(row.get("max_output_tokens")),
        price_in=number(row.get("input_cost_per_token"), scale=1e6),
        price_out=number(row.get("output_cost_per_token"), scale=1e6),
        price_cached=number(row.get("cache_read_input_token_cost"), scale=1e6),
        features=letters(
            row,
            t="supports_function_calling",
            v="supports_vision",
            s="supports_response_schema",
            r="supports_reasoning",
        ),
        ended=str(row.get("deprecation_date") or "9999")[:10] <= today,
    )


def read_endpoints(data: Mapping[str, Any], ids: Ids) -> Source:
    """Base URLs and key variables of LiteLLM's plain OpenAI-compatible providers."""
    rows = [
        ProviderRow(provider, endpoint=clean_endpoint(row["endpoint"]), protocol="openai", variables=tuple(row["env"]))
        for foreign, row in data.items()
        if (provider := ids(foreign)) is not None
    ]
    return Source("litellm-endpoints", RANK, rows, [])

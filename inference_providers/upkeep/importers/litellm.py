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
    above,
    clean_endpoint,
    date_of,
    letters,
    number,
    paid,
    rates,
    table,
    tables,
    text,
    texts,
    tokens,
    variables,
)

RANK = 2

# Keys of price classes by size, of fine-tuning prices, and of a service apart: these are not models of that provider.
_PRICE_CLASS = re.compile(r"-\d[\d.]*b-(to-)?\d[\d.]*b$|-up-to-|-default$|^ft:|moe-up|/claude_platform/")
# `azure/eu/gpt-5.2` is `gpt-5.2` at another price; `bedrock/us-gov-east-1/...` likewise.
_REGION = re.compile(
    r"^((eu|us|global|global-standard|us-gov|apac|data-zone|jp|au|in|ca|invoke|converse)"
    r"|[a-z]{2}(-gov)?-[a-z]+-\d|\*|\d+-month-commitment)/"
)


# Providers whose entries are under another one's prefix.
_SHARED_HEADS = {"bedrock_converse": "bedrock"}


def recognises_prices(data: Mapping[str, Any]) -> bool:
    """True for LiteLLM's price list; some of its rows are empty."""
    rows = [row for row in data.values() if row]
    return bool(rows) and all(isinstance(row, dict) and ("litellm_provider" in row) for row in rows)


def recognises_endpoints(data: Mapping[str, Any]) -> bool:
    """True for the list of LiteLLM's plain OpenAI-compatible providers."""
    return bool(data) and all(
        isinstance(row, dict) and set(row) >= {"endpoint", "env"} and "models" not in row for row in data.values()
    )


def read_prices(data: Mapping[str, Any], ids: Ids) -> Source:
    """Rows of the price list; entries that name no callable model are left out."""
    offers: dict[tuple[str, str], OfferRow] = {}
    for key, row in data.items():
        known = text(table(row).get("litellm_provider"))
        provider = ids(known) if known else None
        if provider is None or _PRICE_CLASS.search(key) or row.get("mode") not in ("chat", "responses"):
            continue
        internal_name = _internal_name(key, known)
        plain = internal_name == key or not _REGION.match(key.partition("/")[2])
        if plain or (provider, internal_name) not in offers:
            offers[provider, internal_name] = _offer(provider, internal_name, row)
    return Source("litellm", RANK, [], list(offers.values()), ids.days["litellm"], _others(data, ids))


_MODES = {
    "embedding": "embeddings",
    "rerank": "rerank",
    "image_generation": "images",
    "audio_speech": "speech",
    "audio_transcription": "transcription",
    "moderation": "moderation",
}
# What an image of one quality and size costs has a key of its own.
_IMAGE_CLASS = re.compile(r"^((hd|standard|low|medium|high|auto)/)?(\d+-x-\d+/)?")


def _others(data: Mapping[str, Any], ids: Ids) -> list[OfferRow]:
    """Rows of models of other kinds than text."""
    found: dict[tuple[str, str], OfferRow] = {}
    for key, row in data.items():
        known = text(table(row).get("litellm_provider"))
        provider, kind = (
            ids(known.removesuffix("-embedding-models")) if known else None,
            _MODES.get(text(table(row).get("mode"))),
        )
        if provider is None or kind is None or _PRICE_CLASS.search(key):
            continue
        name = _internal_name(key, known.removesuffix("-embedding-models"))
        plain = _IMAGE_CLASS.sub("", name)
        is_plain = plain == name and not _REGION.match(key.partition("/")[2])
        if is_plain or (provider, plain) not in found:
            found[provider, plain] = _other(provider, plain, kind, row if plain == name else {})
    return list(found.values())


def _either(row: Mapping[str, Any], first: str, second: str) -> Any:
    return row.get(first) or row.get(second)


def _other(provider: str, internal_name: str, kind: str, row: Mapping[str, Any]) -> OfferRow:
    def price(name: str) -> float | None:
        return paid(row.get(name), scale=1e6)

    more: dict[str, Any] = {
        "batch": rates(price("input_cost_per_token_batches"), price("output_cost_per_token_batches")),
        "audio": rates(price("input_cost_per_audio_token"), price("output_cost_per_audio_token")),
        "image": rates(price("input_cost_per_image_token"), price("output_cost_per_image_token")),
        "request": _fee(row.get("input_cost_per_query")),
        "picture": paid(_either(row, "output_cost_per_image", "input_cost_per_image")) if kind == "images" else None,
        "second": paid(_either(row, "input_cost_per_second", "output_cost_per_second")),
        "characters": price("input_cost_per_character"),
    }
    return OfferRow(
        provider,
        internal_name,
        api=kind,
        context=tokens(row.get("max_input_tokens")),
        price_in=price("input_cost_per_token"),
        price_out=price("output_cost_per_token"),
        more={name: value for name, value in more.items() if value},
        ends=date_of(row.get("deprecation_date")),
        successor=text(row.get("successor_model")),
        page=text(row.get("source")),
        dimensions=tokens(row.get("output_vector_size")),
    )


def _internal_name(key: str, litellm_provider: str) -> str:
    head, slash, rest = key.partition("/")
    own = (litellm_provider, litellm_provider.partition("-")[0], _SHARED_HEADS.get(litellm_provider))
    if not slash or (head not in own and head.replace("-", "_") not in own):
        return key
    while _REGION.match(rest):
        rest = rest.partition("/")[2]
    return rest


def _offer(provider: str, internal_name: str, row: Mapping[str, Any]) -> OfferRow:
    served = texts(row.get("supported_endpoints"))
    by_responses = row["mode"] == "responses" and "/v1/chat/completions" not in served
    return OfferRow(
        provider,
        internal_name,
        api="responses" if by_responses else "",  # `chat` says only that LiteLLM translates to what it speaks
        context=tokens(row.get("max_input_tokens")),
        output=tokens(row.get("max_output_tokens")),
        price_in=number(row.get("input_cost_per_token"), scale=1e6),
        price_out=number(row.get("output_cost_per_token"), scale=1e6),
        price_cached=paid(row.get("cache_read_input_token_cost"), scale=1e6),
        price_write=paid(row.get("cache_creation_input_token_cost"), scale=1e6),
        more=_more(row),
        features=letters(
            row,
            t="supports_function_calling",
            v="supports_vision",
            s="supports_response_schema",
            r="supports_reasoning",
            f="supports_pdf_input",
            a="supports_audio_input",
        ),
        ends=date_of(row.get("deprecation_date")),
        successor=text(row.get("successor_model")),
        page=text(row.get("source")),
    )


_RATES = (
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
)
_SERVICES = {"batch": "_batches", "flex": "_flex", "priority": "_priority"}


def _more(row: Mapping[str, Any]) -> dict[str, Any]:
    """Further prices: by length, for an hour's cache, by service, for sound and pictures, for searches and requests."""

    def price(name: str) -> float | None:
        return paid(row.get(name), scale=1e6)

    more: dict[str, Any] = {
        "write_hour": price("cache_creation_input_token_cost_above_1hr"),
        "tiers": _tiers(row),
        **{service: rates(*(price(name + tail) for name in _RATES)) for service, tail in _SERVICES.items()},
        "audio": rates(price("input_cost_per_audio_token"), price("output_cost_per_audio_token")),
        "image": rates(price("input_cost_per_image_token"), price("output_cost_per_image_token")),
        "reasoning": price("output_cost_per_reasoning_token"),
        "search": _fee(row.get("search_context_cost_per_query") or row.get("input_cost_per_query")),
        "request": _fee(row.get("input_cost_per_request")),
    }
    return {name: value for name, value in more.items() if value}


def _tiers(row: Mapping[str, Any]) -> list[list[Any]]:
    sizes = {int(match[1]) for name in row if (match := re.fullmatch(r"\w+_above_(\d+)k_tokens", name))}
    found = [
        (size * 1000, *(paid(row.get(f"{name}_above_{size}k_tokens"), scale=1e6) for name in _RATES)) for size in sizes
    ]
    for step in tables(row.get("tiered_pricing")):
        size = (step["range"] or [0])[0] if isinstance(step.get("range"), list) else 0
        found.append((size, *(paid(step.get(name), scale=1e6) for name in _RATES)))
    return above(found)


def _fee(value: Any) -> float | None:
    """USD for one search or request: that of a middling search, where its size counts."""
    if isinstance(value, dict):
        value = value.get("search_context_size_medium")
    return paid(value)


def read_endpoints(data: Mapping[str, Any], ids: Ids) -> Source:
    """Base URLs and key variables of LiteLLM's plain OpenAI-compatible providers."""
    rows = [
        ProviderRow(
            provider, endpoint=clean_endpoint(row["endpoint"]), protocol="openai", variables=variables(row["env"])
        )
        for foreign, row in data.items()
        if (provider := ids(foreign)) is not None
    ]
    return Source("litellm-endpoints", RANK, rows, [], ids.days["litellm-endpoints"])


def endpoints_of(listed: Any) -> dict[str, Any]:
    """The package's own list of OpenAI-like providers, in the form that `read_endpoints` reads."""
    return {
        name: {"endpoint": row["base_url"], "env": [row["api_key_env"]]}
        for name, row in table(listed).items()
        if isinstance(row, dict) and text(row.get("base_url")) and text(row.get("api_key_env"))
    }


def prices_of(listed: Any) -> dict[str, Any]:
    """The package's own price list, without the rows that explain its fields or stand for another row."""
    return {
        name: row for name, row in table(listed).items() if "litellm_provider" in table(row) and name != "sample_spec"
    }

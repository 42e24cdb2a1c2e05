"""Reads the model lists of the npm package `@earendil-works/pi-ai`: the freshest source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from inference_providers.upkeep.importers.rows import (
    Ids,
    OfferRow,
    ProviderRow,
    Source,
    above,
    clean_endpoint,
    letters,
    number,
    paid,
    table,
    tables,
    text,
    texts,
    tokens,
)

RANK = 1
# Letters for measured facts that are false.
_COMPAT = {"supportsTemperature": "P", "supportsReasoningEffort": "E"}


def recognises(data: Mapping[str, Any]) -> bool:
    """True for pi-ai's format: provider -> internal name -> row with `api` and `baseUrl`."""
    rows = [row for models in data.values() if isinstance(models, dict) for row in models.values()]
    return bool(rows) and all(isinstance(row, dict) and "baseUrl" in row and "api" in row for row in rows)


def read(data: Mapping[str, Any], ids: Ids) -> Source:
    """Rows of pi-ai's model lists."""
    providers: list[ProviderRow] = []
    offers: list[OfferRow] = []
    for foreign, models in data.items():
        provider = ids(foreign, "pi-ai")
        if provider is None or not table(models):
            continue
        providers.append(ProviderRow(provider, endpoint=_endpoint(models), protocol=_protocol(models)))
        offers += _offers(provider, models)
    return Source("pi-ai", RANK, providers, offers, ids.days["pi-ai"])


def _endpoint(models: Mapping[str, Any]) -> str:
    """The base URL that most of the OpenAI-compatible rows share."""
    urls = Counter(_url(row) for row in models.values() if row["api"] == "openai-completions" and _url(row))
    return urls.most_common(1)[0][0] if urls else ""


def _url(row: Mapping[str, Any]) -> str:
    return clean_endpoint(text(row["baseUrl"]).replace("{", "${"))


def _protocol(models: Mapping[str, Any]) -> str:
    return "openai" if any(text(row["api"]).startswith("openai-") for row in models.values()) else ""


# What it asks a model by; that others are not there it does not say, but of `chat`.
_APIS = {
    "openai-completions": "chat",
    "openai-responses": "responses",
    "azure-openai-responses": "responses",
    "anthropic-messages": "messages",
    "google-generative-ai": "gemini",
    "google-vertex": "gemini",
    "bedrock-converse-stream": "converse",
    "mistral-conversations": "chat",
}


def _offers(provider: str, models: Mapping[str, Any]) -> Iterator[OfferRow]:
    for internal_name, row in models.items():
        cost, compat = table(row.get("cost")), table(row.get("compat"))
        features = letters(row, r="reasoning") + ("v" if "image" in texts(row.get("input")) else "V")
        features += "".join(letter for fact, letter in _COMPAT.items() if compat.get(fact) is False)
        if compat.get("supportsStrictMode"):
            features += "s"
        yield OfferRow(
            provider,
            internal_name,
            display=text(row.get("name")),
            api="chat" if row["api"] == "openai-completions" else "",
            asked=_APIS.get(text(row["api"]), "other"),
            endpoint=_url(row),
            context=tokens(row.get("contextWindow")),
            output=tokens(row.get("maxTokens")),
            price_in=number(cost.get("input")),
            price_out=number(cost.get("output")),
            price_cached=paid(cost.get("cacheRead")),
            price_write=paid(cost.get("cacheWrite")),
            more=_more(cost),
            features=features,
        )


def _more(cost: Mapping[str, Any]) -> dict[str, Any]:
    kinds = ("input", "output", "cacheRead", "cacheWrite")
    found = above(
        (tier.get("inputTokensAbove"), *(paid(tier.get(kind)) for kind in kinds)) for tier in tables(cost.get("tiers"))
    )
    return {"tiers": found} if found else {}


def of_package(files: Mapping[str, Any]) -> dict[str, Any]:
    """The lists of the package, a file for each provider (API -> `chat:NAME` -> row), in the form that `read` reads."""
    return {
        provider: {
            name.removeprefix("chat:"): row
            for rows in table(listed).values()
            for name, row in table(rows).items()
            if isinstance(row, dict) and row.get("type", "chat") == "chat"
        }
        for provider, listed in sorted(files.items())
        if not provider.startswith(".")
    }

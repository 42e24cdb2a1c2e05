"""Reads the format of models.dev's `api.json`: the source with the most models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inference_providers.registry import EMBEDDINGS, IMAGES, MODERATION, RERANK, SPEECH, TRANSCRIPTION, kind_of
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
    table,
    tables,
    text,
    texts,
    tokens,
    variables,
)

RANK = 3


def recognises(data: Mapping[str, Any]) -> bool:
    """True for models.dev's format: providers that each hold `models` and `env`."""
    return bool(data) and all(isinstance(row, dict) and "models" in row and "env" in row for row in data.values())


def read(data: Mapping[str, Any], ids: Ids) -> Source:
    """Rows of models.dev's `api.json`."""
    providers: list[ProviderRow] = []
    offers: list[OfferRow] = []
    others: list[OfferRow] = []
    for foreign, row in data.items():
        provider = ids(foreign)
        if provider is None:
            continue
        providers.append(_provider(provider, row))
        offers += _offers(provider, row)
        others += _others(provider, row)
    return Source("models.dev", RANK, providers, offers, ids.days["models.dev"], others)


def _provider(provider: str, row: Mapping[str, Any]) -> ProviderRow:
    protocol = PROTOCOLS.get(text(row.get("npm")), "")
    return ProviderRow(
        provider,
        name=text(row.get("name")),
        endpoint=clean_endpoint(row.get("api")),
        protocol=protocol,
        variables=variables(row.get("env")),
        model_list=text(row.get("doc")),
    )


def _offers(provider: str, row: Mapping[str, Any]) -> Iterator[OfferRow]:
    for internal_name, model in table(row["models"]).items():
        if not isinstance(model, dict):
            continue
        modalities = {way: texts(kinds) for way, kinds in table(model.get("modalities")).items()}
        if "text" not in (modalities.get("output") or ["text"]):
            continue
        limit, cost = table(model.get("limit")), table(model.get("cost"))
        features = letters(model, t="tool_call", s="structured_output", r="reasoning")
        if "input" in modalities:
            features += _inputs(modalities["input"])
        if model.get("temperature") is False:
            features += "P"
        own = table(model.get("provider"))
        asked = _SHAPES.get(text(own.get("shape"))) or _APIS.get(text(own.get("npm")), "")
        yield OfferRow(
            provider,
            internal_name,
            display=text(model.get("name")),
            api=asked if asked == "chat" or "shape" in own else "",
            asked=asked,
            endpoint=clean_endpoint(own.get("api")),
            context=tokens(limit.get("context")),
            output=tokens(limit.get("output")),
            price_in=number(cost.get("input")),
            price_out=number(cost.get("output")),
            price_cached=paid(cost.get("cache_read")),
            price_write=paid(cost.get("cache_write")),
            more=_more(cost, table(model.get("experimental"))),
            features=features,
            released=text(model.get("release_date")),
            family=text(model.get("family")),
            open_weights=weights if isinstance(weights := model.get("open_weights"), bool) else None,
            ended=model.get("status") == "deprecated",
            label=text(model.get("canonical_model_id")),
        )


def _inputs(kinds: Sequence[str]) -> str:
    """What a model takes beside text. Whoever sees pictures may take PDF files, though they are not listed."""
    pdf = "f" if "pdf" in kinds else "" if "image" in kinds else "F"
    return ("v" if "image" in kinds else "V") + pdf + ("a" if "audio" in kinds else "A")


def _others(provider: str, row: Mapping[str, Any]) -> Iterator[OfferRow]:
    """Models of other kinds than text, by what goes in and comes out, else by their names."""
    for internal_name, model in table(row["models"]).items():
        if not isinstance(model, dict) or (kind := _kind(internal_name, table(model.get("modalities")))) is None:
            continue
        limit, cost = table(model.get("limit")), table(model.get("cost"))
        yield OfferRow(
            provider,
            internal_name,
            display=text(model.get("name")),
            api=kind,
            context=tokens(limit.get("context")),
            price_in=paid(cost.get("input")),
            price_out=paid(cost.get("output")),
            more=_more(cost, {}),
            open_weights=weights if isinstance(weights := model.get("open_weights"), bool) else None,
            ended=model.get("status") == "deprecated",
        )


def _kind(internal_name: str, modalities: Mapping[str, Any]) -> str | None:
    given, made = (texts(modalities.get(way)) or ["text"] for way in ("input", "output"))
    if made == ["image"]:
        return IMAGES
    if made == ["audio"] and "text" in given:
        return SPEECH if kind_of(internal_name) == SPEECH else None  # else music, or a voice to talk to
    if made == ["text"] and given == ["audio"]:
        return TRANSCRIPTION
    kind = kind_of(internal_name) if made == ["text"] else None
    return kind if kind in (EMBEDDINGS, RERANK, MODERATION) else None


# How single models are served, where that is not how their provider's others are.
_SHAPES = {"responses": "responses", "completions": "chat"}
_APIS = {
    "@ai-sdk/anthropic": "messages",
    "@ai-sdk/google": "gemini",
    "@ai-sdk/google-vertex/anthropic": "other",
    "@ai-sdk/openai": "responses",
    "@ai-sdk/openai-compatible": "chat",
}


def _rates(cost: Mapping[str, Any]) -> list[float | None]:
    return rates(*(paid(cost.get(kind)) for kind in ("input", "output", "cache_read", "cache_write")))


def _more(cost: Mapping[str, Any], experimental: Mapping[str, Any]) -> dict[str, Any]:
    tiers = [
        (table(tier.get("tier")).get("size"), *_rates(tier))
        for tier in tables(cost.get("tiers"))
        if table(tier.get("tier")).get("type") == "context"
    ]
    if not tiers and (long := table(cost.get("context_over_200k"))):
        tiers = [(200_000, *_rates(long))]
    more: dict[str, Any] = {
        "tiers": above(tiers),
        "audio": rates(paid(cost.get("input_audio")), paid(cost.get("output_audio"))),
        "reasoning": paid(cost.get("reasoning")),
    }
    for mode in table(experimental.get("modes")).values():
        service = text(table(table(table(mode).get("provider")).get("body")).get("service_tier"))
        if service in ("flex", "priority"):
            more[service] = _rates(table(mode.get("cost")))
    return {name: value for name, value in more.items() if value}

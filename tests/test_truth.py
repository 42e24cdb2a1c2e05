"""Guards over the bundled registry: what it promises of how offers are reached, what they cost, and who has ended."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from inference_providers import ProviderList
from inference_providers.offers.sorting import is_free
from inference_providers.registry.facts import SPOKEN, Facts
from inference_providers.registry.provider import Provider
from inference_providers.registry.registry import bundled
from inference_providers.upkeep.importers.build import load_overlay
from tests.conftest import ROOT

SIDE = ROOT / "inference-providers.sources.json"
CLOUD = [provider for provider in bundled().providers.values() if provider.local is None]
KEY = "canary-1-0123456789abcdef"
KEYS = {variable: KEY for provider in CLOUD for variable in provider.key_variables}
SETTINGS = {
    "AWS_REGION": "eu-central-1", "AZURE_RESOURCE_NAME": "mine", "AZURE_COGNITIVE_SERVICES_RESOURCE_NAME": "mine", "CLOUDFLARE_ACCOUNT_ID": "0" * 32,
    "CLOUDFLARE_GATEWAY_ID": "mine", "DATABRICKS_HOST": "mine.cloud.databricks.com", "SNOWFLAKE_ACCOUNT": "mine",
}  # fmt: skip
ALL = ProviderList(environ={**KEYS, **SETTINGS}, local=False, allow=[provider.id for provider in CLOUD])
OVERLAY = load_overlay()


def offers() -> list[tuple[Provider, str, Facts]]:
    return [(p, name, p.facts(name)) for p in CLOUD for name in dict.fromkeys([*p.model_names.values(), *p.more_names])]


# How they are reached


def test_what_no_surface_can_call_is_no_candidate_and_is_not_counted() -> None:
    counted = {provider.id: set(provider.callable_names()) for provider in CLOUD}
    candidates = {
        (offer.provider, offer.internal_name): offer
        for name in bundled().canonical_names
        for offer in ALL.resolve(name).offers
    }
    foreign = [(p.id, name) for p, name, facts in offers() if facts.api not in SPOKEN]
    assert len(foreign) > 100, "the registry knows of them all the same"
    for pid, name in foreign:
        assert name not in counted[pid]
        offer = candidates.get((pid, name))
        assert offer is None or (not offer.usable and "only" in offer.reason)
    assert sum(map(len, counted.values())) >= 8_000


def test_every_route_has_an_api_and_leads_where_its_provider_lives() -> None:
    routed: dict[str, set[str]] = {provider.id: set() for provider in CLOUD}
    for provider, _, facts in offers():
        routed[provider.id].add(facts.route)
    for provider in CLOUD:
        routes = provider.connection.get("routes") or {}
        used = routed[provider.id] - {""}
        assert used <= set(routes), provider.id
        for way in routes.values():
            there, here = (re.sub(r"^https://", "", url) for url in (way.get("endpoint") or "", provider.endpoint))
            apart = there.split("/")[0].split(".")[-2:] != here.split("/")[0].split(".")[-2:]
            assert not there or not apart or way["api"] in ("messages", "gemini") or provider.id in ("bedrock", "neon")


@pytest.mark.parametrize(
    ("provider", "name", "api"),
    [
        ("openai", "o1-pro", "responses"), ("openai", "gpt-5.3-codex", "responses"), ("openai", "gpt-6.1-sol", "chat"),
        ("bedrock", "anthropic.claude-opus-5-5", "messages"), ("bedrock", "us.anthropic.claude-sonnet-5-5", "messages"),
        ("azure-cognitive", "claude-opus-5-5", "messages"), ("vertex", "claude-3-haiku", "other"),
        ("perplexity", "anthropic/claude-opus-5-5", "responses"), ("anthropic", "claude-opus-5-5", "messages"),
        ("azure", "gpt-4o", "chat"), ("azure", "gpt-6.1-sol", "chat"), ("azure", "o3-pro", "responses"),
        ("cloudflare-ai-gateway", "openai/gpt-4o", "chat"), ("cloudflare-ai-gateway", "anthropic/claude-opus-5", "chat"),
        ("google", "gemini-4-argon", "chat"), ("vercel", "anthropic/claude-opus-5.5", "chat"), ("minimax", "MiniMax-M3", "chat"),
    ],
)  # fmt: skip
def test_known_cases(provider: str, name: str, api: str) -> None:
    row = bundled().providers[provider]
    assert name in {*row.model_names.values(), *row.more_names}
    assert row.facts(name).api == api


def test_how_a_tool_asks_a_model_by_preference_is_not_taken_for_the_only_way() -> None:
    """What its maker serves by chat is closed to chat elsewhere only where a page says so."""
    makers = {lab: bundled().providers[pid] for lab, ids in bundled().data["makers"].items() for pid in ids[:1]}
    for provider, name, facts in offers():
        said = OVERLAY["apis"].get(provider.id) or {}
        model = provider.canonical_of(name) or ""
        maker = makers.get(str(bundled().model(model).get("lab")))
        if facts.api != "chat" and "as_asked" in said and maker is not None and model in maker.model_names:
            by_chat = maker.facts(maker.model_names[model]).api == "chat"
            by_page = any(re.search(rule["names"], name) for rule in said["rules"])
            assert by_page or not by_chat, f"{provider.id}/{name}"


def test_services_that_have_ended_are_no_providers() -> None:
    ended = bundled().retired_providers
    assert {"github-models", "lambda", "llama", "anyscale", "lepton", "octoai"} <= set(ended)
    assert not set(ended) & set(bundled().providers)
    assert all(row["successor"] in bundled().providers and row["ended"] for row in ended.values())


def test_no_provider_is_there_under_two_names_and_each_has_what_it_takes() -> None:
    ids = {provider.id for provider in CLOUD}
    for provider in CLOUD:
        assert provider.id.replace("_", "-") not in ids - {provider.id}
        assert not ids & set(provider.data.get("aliases") or ()) - {provider.id}
        assert provider.endpoint or provider.protocol != "openai", provider.id
        assert provider.key_variables or provider.connection.get("auth") == "oauth" or not provider.callable_names()


def test_rows_of_one_service_take_the_same() -> None:
    """A cloud's address in another country, and what its plans have, is the same service: it refuses the same."""
    rows = bundled().providers
    for pid, main in OVERLAY["alike"].items():
        assert all(rows[pid].connection.get(key) == rows[main].connection.get(key) for key in ("parameters", "turns"))
    for pid, row in rows.items():
        main = re.sub(r"(-global|-step-plan|-coding-plan|-token-plan|-cn)+$", "", pid)
        if main != pid and main in rows and "parameters" in rows[main].connection:
            assert row.connection.get("parameters") == rows[main].connection["parameters"], pid


def test_a_name_stands_once_at_its_provider() -> None:
    for provider in CLOUD:
        assert not set(provider.model_names.values()) & set(provider.more_names), provider.id
        assert set(provider.more_names.values()) <= set(provider.model_names), provider.id


# What they cost


def test_prices_can_be() -> None:
    for provider, name, facts in offers():
        where, price, output = f"{provider.id}/{name}", facts.input_price, facts.output_price
        if price is None or output is None:
            continue
        assert (price == 0) == (output == 0) or price > 0, where
        assert not price or output <= 50 * price, where
        assert facts.cached_input_price is None or 0 < facts.cached_input_price <= price * 1.01, where
        tiers = facts.prices.tiers
        assert [size for size, _ in tiers] == sorted({size for size, _ in tiers}), where
        for size, rate in tiers:
            assert size >= 1000 and any(rate), where


def test_a_subscription_has_no_prices_and_its_keys_are_its_own() -> None:
    plans = [provider for provider in CLOUD if provider.billing == "plan"]
    by_use = {variable for provider in CLOUD if provider.billing == "payg" for variable in provider.key_variables}
    assert len(plans) >= 15
    for provider in plans:
        assert not by_use & set(provider.key_variables), provider.id
        assert all(provider.facts(name).input_price is None for name in provider.all_facts), provider.id


def test_nothing_that_is_charged_is_free_and_no_plan_is_cheapest() -> None:
    for name in bundled().canonical_names:
        found = ALL.resolve(name).offers
        if any(offer.input_price == 0 or offer.billing != "payg" for offer in found):
            free = ALL.find_model_providers(f"{name}:free")
            assert all(is_free(offer) and offer.billing != "plan" for offer in free), name
            kinds = [offer.billing for offer in ALL.resolve(f"{name}:cheapest").offers]
            assert kinds == sorted(kinds, key=lambda kind: kind == "plan"), name


def test_zero_is_written_only_where_it_is_known_to_be_free() -> None:
    for provider, name, facts in offers():
        if facts.input_price == 0:
            assert re.search(OVERLAY["free"][provider.id], name), f"{provider.id}/{name}"


def test_what_other_units_and_hours_cost_is_there() -> None:
    facts = [facts for _, _, facts in offers()]
    kinds = {kind: sum(kind in one.more for one in facts) for kind in ("tiers", "write", "batch", "flex", "priority", "audio", "search", "reasoning", "hours")}  # fmt: skip
    assert kinds["tiers"] >= 500 and kinds["write"] >= 900 and kinds["flex"] >= 100 and kinds["priority"] >= 150
    assert all(kinds.values()), kinds
    haiku = bundled().providers["anthropic"].facts("claude-haiku-5-5").prices
    assert haiku.at(100_001).input == pytest.approx(5 * (haiku.usual.input or 0))
    assert haiku.usual.cache_write == pytest.approx(1.25 * (haiku.usual.input or 0))


def test_prices_of_the_hour_carry_their_day_and_other_currencies_their_rate() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", bundled().providers["openrouter"].moving)
    for pid in ("zhipu", "ovhcloud", "scaleway"):
        row = bundled().providers[pid].data["currency"]
        assert row["code"] in ("CNY", "EUR") and row["usd"] > 0 and row["day"] and row["page"].startswith("https://")


# Where it is from


def pages(value: Any) -> list[dict[str, Any]]:
    """All objects in the overlay that speak for a provider's page."""
    found: list[dict[str, Any]] = []
    if isinstance(value, dict):
        found += [value] if "page" in value else []
        found += [row for one in value.values() for row in pages(one)]
    elif isinstance(value, list):
        found += [row for one in value for row in pages(one)]
    return found


def test_what_is_said_by_hand_has_a_page_and_a_day() -> None:
    for pid, rows in OVERLAY["facts"].items():
        for name, row in rows.items():
            assert row["page"].startswith("https://") and re.match(r"\d{4}-\d\d", row["day"]), f"{pid}/{name}"
    for pid, row in OVERLAY["apis"].items():
        assert all(rule["page"] and rule["day"] for rule in row.get("rules", ())), pid
    assert all(re.match(r"https?://", row["page"]) for row in pages(OVERLAY))


def test_the_side_file_says_where_each_fact_of_this_registry_is_from() -> None:
    side = json.loads(SIDE.read_text("utf-8"))
    assert side["version"] == bundled().version
    assert {row["source"] for row in side["sources"].values()} >= {"models.dev", "litellm", "pi-ai", "overlay"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", row["day"]) for row in side["sources"].values() if "day" in row)
    fields, letters = side["fields"], set(side["sources"])
    for provider, name, facts in offers():
        origin = side["offers"].get(provider.id, {}).get(name, "").ljust(len(fields), ".")
        assert set(origin) <= {*letters, "."}
        said = dict(zip(fields, origin, strict=True))
        for field, value in (("context", facts.context_window), ("input price", facts.input_price), ("tiers", facts.more.get("tiers"))):  # fmt: skip
            assert value is None or said[field] != ".", f"{provider.id}/{name}: {field}"


def test_the_side_file_is_not_in_the_package() -> None:
    listed = (ROOT / "setup.cfg").read_text("utf-8")
    assert SIDE.name not in listed and not Path(ROOT / "inference_providers" / SIDE.name).exists()

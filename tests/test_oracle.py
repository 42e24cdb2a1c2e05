"""Prices against a list that others keep by hand, and offers against their providers' pages. Neither is a source."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import genai_prices
import pytest
from genai_prices.data import providers as their_providers

from inference_providers.errors import RegistryError
from inference_providers.registry.registry import bundled
from inference_providers.upkeep.importers.build import load_overlay, read_source
from tests import oracle
from tests.conftest import ROOT

CHECKED: list[dict[str, Any]] = json.loads((ROOT / "tests" / "data" / "checked_offers.json").read_text("utf-8"))
VERDICTS = ("agrees", "differs", "not found", "not looked up")


@pytest.fixture(scope="module")
def found() -> list[oracle.Pair]:
    return oracle.compared(bundled())


def test_prices_agree_with_a_list_that_is_no_source(found: list[oracle.Pair]) -> None:
    wrong = [pair for pair in found if not pair.agrees and not oracle.is_excused(pair)]
    assert len(found) >= 800
    assert len(wrong) <= 0.03 * len(found), "\n".join(map(str, wrong))


def test_few_prices_are_excused_and_each_has_to_be(found: list[oracle.Pair]) -> None:
    excuses = {(pid, name): row for pid, rows in oracle.excused().items() for name, row in rows.items()}
    needed = {(pair.provider, pair.internal_name) for pair in found if not pair.agrees and oracle.is_excused(pair)}
    assert len(excuses) <= 0.02 * len(found)
    assert set(excuses) == needed, "these agree now, or have other prices than those that were excused"
    for row in excuses.values():
        assert set(row) == {"ours", "theirs", "page", "day", "why"}
        assert is_page(row["page"]) and date.fromisoformat(row["day"]) and row["why"]


def is_page(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" and "." in parts.netloc


def test_a_price_that_is_wrong_would_be_seen(found: list[oracle.Pair]) -> None:
    pair = next(pair for pair in found if pair.agrees and pair.ours["input"])
    doubled = oracle.Pair(**{**vars(pair), "ours": {**pair.ours, "input": 2 * pair.ours["input"]}})
    assert not doubled.agrees
    assert doubled.kind.startswith("input x2")


@pytest.mark.parametrize(
    ("provider", "internal_name", "match"),
    [
        ("openai", "gpt-5-mini", "exact"),
        ("openai", "gpt-5-mini-2025-08-07", "exact"),
        ("anthropic", "claude-3-5-haiku-20241022", "canonical"),
    ],
)
def test_which_of_its_models_is_meant(provider: str, internal_name: str, match: str) -> None:
    theirs = next(row for row in their_providers if row.id == provider)
    model = oracle._find(theirs, internal_name)
    assert model is not None
    assert model[1] == (match == "exact")


def test_a_conditional_price_is_that_of_the_day() -> None:
    model = next(
        model
        for row in their_providers
        for model in row.models
        if isinstance(model.prices, list) and any(hasattr(price.constraint, "start_time") for price in model.prices)
    )
    day = oracle.day_of(bundled())
    prices = oracle._of_day(model, day)
    assert prices[0] == model.get_prices(day)
    assert len(prices) > 1


def test_it_is_no_source() -> None:
    spellings = ("genai-prices", "genai_prices")
    paths = [path for folder in ("inference_providers", "schema") for path in (ROOT / folder).rglob("*")]
    paths += [path for path in ROOT.glob("inference-providers*") if path.is_file()]  # with where its facts are from
    texts = [path for path in paths if path.is_file() and path.suffix not in (".pyc", ".gz")]
    assert len(texts) > 100
    for path in texts:
        text = path.read_text("utf-8")
        assert not any(spelling in text for spelling in spellings), path
    assert genai_prices.__name__ not in bundled().rows["sources"]


def test_its_format_is_refused() -> None:
    overlay = load_overlay()
    published = [
        {"id": row.id, "models": [{"id": model.id, "prices": {"input_mtok": 1}} for model in row.models]}
        for row in their_providers
    ]
    by_id = {row["id"]: row for row in published}
    by_model = {row["id"]: {model["id"]: model for model in row["models"]} for row in published}
    for data in (published, by_id, by_model, {"providers": published}):
        with pytest.raises(RegistryError, match="known format"):
            read_source(data, overlay)


def test_offers_are_what_was_read_on_their_providers_pages() -> None:
    found = [row for row in CHECKED if row["checked"]]
    for row in found:
        assert is_page(row["page"]) and date.fromisoformat(row["day"])
        assert row["verdict"] == oracle.verdict(bundled(), row), "see `python -m tests.oracle --verdicts`"
        assert row["verdict"] == "agrees" or row["note"]
    agreeing = [row for row in found if row["verdict"] == "agrees"]
    assert len(found) >= 50
    assert len(agreeing) >= 0.9 * len(found)


def test_a_hundred_offers_were_looked_up() -> None:
    drawn = oracle.sample(bundled(), 100)
    looked_up = {(row["provider"], row["internal_name"]) for row in CHECKED}
    assert len(drawn) == len(set(drawn)) == 100
    assert {row["verdict"] for row in CHECKED} <= set(VERDICTS)
    assert len(looked_up & set(drawn)) >= 80, "draw again: the offers are others than those that were looked up"

"""`inference-providers models`: which it lists, in which order, and how; against the registry's own facts."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inference_providers import ProviderList
from inference_providers.cli.main import main
from inference_providers.cli.models_wanted import Wanted, in_order
from inference_providers.offers.features import FEATURES, feature_called
from inference_providers.registry.registry import bundled

ENVIRON = {"OPENAI_API_KEY": "canary-wanted-0123456789", "OPENROUTER_API_KEY": "canary-wanted-0123456789"}
ENVIRON |= {"OLLAMA_HOST": "127.0.0.1:9"}


def models(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["models", *arguments], env=ENVIRON)
    assert done.exit_code == code, done.output
    return done


def rows(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(models(*arguments, "--json").stdout)
    return found


@cache
def usable() -> dict[str, tuple[dict[str, Any], list[Any]]]:
    """Every row that is usable, with the offers of its model."""
    providers = ProviderList(environ=ENVIRON, local=False)
    return {row["model"]: (row, list(providers.resolve(row["model"]).offers)) for row in rows()}


@pytest.mark.parametrize("options", [
    ["--tools"], ["--vision", "--json-schema"], ["--feature", "Prompt-Cache"], ["--feature", "search"], ["--audio"], ["--pdf", "--feature", "files"], ["--reasoning", "--feature", "schema"],
    ["--max-price", "0.5"], ["--min-context", "1M"], ["--provider", "openai"], ["--free"], ["--open-weights"],
    ["--tools", "--vision", "--max-price", "2", "--min-context", "200k", "--provider", "openrouter", "--open-weights"],
], ids=" ".join)  # fmt: skip
def test_what_is_listed_is_all_of_it_at_one_provider_and_the_rest_is_not(options: list[str]) -> None:
    wanted = Wanted(
        features=[
            *(name[2:] for name in options if name in ("--tools", "--vision", "--json-schema", "--audio", "--pdf", "--reasoning")),
            *(options[place + 1] for place, name in enumerate(options) if name == "--feature"),
        ],
        providers=[options[place + 1] for place, name in enumerate(options) if name == "--provider"],
        free="--free" in options,
        max_price=next((float(options[place + 1]) for place, name in enumerate(options) if name == "--max-price"), None),
        min_context={"1M": 1_000_000, "200k": 200_000}.get(options[options.index("--min-context") + 1]) if "--min-context" in options else None,
        open_weights="--open-weights" in options,
    )  # fmt: skip
    listed = {row["model"] for row in rows(*options)}
    assert 0 < len(listed) < len(usable())
    for row, offers in usable().values():
        fits = not row["successor"] and wanted.takes_model(bundled().model(row["model"]))
        fits = fits and any(offer.usable and wanted.takes(offer) for offer in offers)
        assert (row["model"] in listed) == fits, row


def test_prices_and_providers_are_of_what_was_wanted_alone() -> None:
    (row,) = [row for row in rows("gpt-4o", "--provider", "openrouter") if row["model"] == "gpt-4o"]
    assert row["providers"] == ["openrouter"]
    cheap = rows("--max-price", "0.3")
    assert max(row["output_price"] for row in cheap) <= 0.3
    assert {"open_weights", "features", "successor", "usable", "released"} <= row.keys()
    assert set(row["features"]) <= set(FEATURES)


def test_words_are_all_in_the_name() -> None:
    assert {row["model"] for row in rows("MINI", "gpt-4", "--all")} >= {"gpt-4o-mini", "gpt-4.1-mini"}
    assert all("mini" in row["model"] and "gpt-4" in row["model"] for row in rows("MINI", "gpt-4", "--all"))
    assert "No model with 'gpt-4' and 'zzz' in its name is usable" in models("gpt-4", "zzz").stderr
    assert rows("GPT-4*mini") == rows("gpt-4 mini") == rows("gpt-4", "mini") != []
    assert "No such model with 'gpt-4' in its name is known" in models("gpt-4", "--max-price", "0", "--all").stderr


def test_sorted_by_what_was_asked_for_and_the_unknown_last() -> None:
    known = rows("--sort", "price")
    prices = [row["input_price"] * 3 + row["output_price"] for row in known if row["input_price"] is not None]
    assert prices == sorted(prices)
    assert [row["input_price"] is None for row in known] == sorted(row["input_price"] is None for row in known)
    contexts = [row["context"] or 0 for row in rows("--sort", "context")]
    assert contexts == sorted(contexts, reverse=True)
    days = [row["released"] or "" for row in rows("--sort", "released")]
    assert days == sorted(days, reverse=True)
    assert [row["model"] for row in rows()] == sorted(row["model"] for row in rows())
    mixed: list[dict[str, Any]] = [{"released": None}, {"released": "2026-01-01"}]
    assert in_order(mixed, "released") == mixed[::-1]


def test_kinds_are_chosen_and_sorted_as_well() -> None:
    found = rows("--kind", "embeddings", "--all", "--sort", "price", "--max-price", "0.05", "--open-weights")
    prices = [row["input_price"] for row in found]
    assert prices == sorted(prices)
    assert max(prices) <= 0.05
    assert all(row["open_weights"] for row in found)
    assert "bge-m3" in {row["model"] for row in found}
    assert "No such model for speech" in models("--kind", "speech", "--min-context", "9M").stderr


@pytest.mark.parametrize(("arguments", "told"), [
    (["--feature", "beauty"], "'beauty' is not a feature that is known; there are tools, "),
    (["--provider", "nobody"], "'nobody' is not a provider"),
    (["--min-context", "much"], "is not a number of tokens"),
    (["--min-context", "inf"], "is not a number of tokens"),
    (["--kind", "images", "--tools"], "Features are known of models to talk to"),
    (["--live", "--free"], "names alone"),
    (["--live", "--sort", "price"], "names alone"),
])  # fmt: skip
def test_what_cannot_be_chosen_by_is_said(arguments: list[str], told: str) -> None:
    assert told in models(*arguments, code=2).stderr


def test_features_are_known_by_other_words_and_completed() -> None:
    from inference_providers.cli.models_wanted import _complete_feature

    assert feature_called(" JSON-Schema ") == feature_called("structured-output") == "structured_output"
    assert [item.value for item in _complete_feature(None, None, "re")] == ["reasoning", "responses"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("option", "letter"), [("--tools", "t"), ("--vision", "v"), ("--pdf", "f"), ("--audio", "a")])
def test_a_feature_is_what_the_registrys_own_letters_say(option: str, letter: str) -> None:
    said = set()
    for provider in bundled().providers.values():
        facts = provider.whole.get("facts") or {}
        for name, row in facts.items():
            if len(row) > 5 and letter in (row[5] or ""):
                said.add(provider.canonical_of(name))
    listed = {row["model"] for row in rows(option, "--all")}
    assert len(listed) > 50
    assert listed <= said

"""Which models a caller may ask, however their names are spelled."""

from __future__ import annotations

from typing import Any

import pytest

from inference_providers import ProviderList, UnknownModelError
from inference_providers.gateway.allowed_models import KEPT, AllowedModels
from inference_providers.gateway.callers import Caller
from tests.conftest import places

KEYS = ("OPENAI_API_KEY", "GROQ_API_KEY", "OPENROUTER_API_KEY", "ANTHROPIC_API_KEY", "VOYAGE_API_KEY")


class Bench:
    """A list of real providers, and callers of it. Nobody is asked."""

    def __init__(self, **options: Any) -> None:
        environ = {**places(), **dict.fromkeys(KEYS, "sk-of-nobody")}
        self.finder = ProviderList(environ=environ, local=False, **options).pipeline.finder
        self.now = 0.0
        self.allowed = AllowedModels(self.finder, lambda: self.now)

    def asked(self, models: tuple[str, ...] | None, *names: str) -> list[tuple[str, str | None]]:
        """Who would be asked."""
        caller = Caller("c_1", "alice", models)
        offers = self.finder.first_available(self.allowed.names(caller, names))
        return [(offer.provider, offer.canonical_name) for offer in self.allowed.offers(caller, names, offers)]


@pytest.fixture
def bench() -> Bench:
    return Bench(aliases={"work": "gpt-4o", "mine": "gpt-4o-mini"})


OWN = ("gpt-4o-mini", "groq/llama-3.3-70b")


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o-mini", "GPT-4o-mini", "openai/gpt-4o-mini", "openai:gpt-4o-mini", "openrouter/openai/gpt-4o-mini", "mine",
        "gpt-4o-mini-2024-07-18", "gpt-4o-mini:cheapest", "litellm_gpt-4o-mini", "groq/llama-3.3-70b", "llama-3.3-70b",
        "groq/llama-3.3-70b-versatile", "meta-llama/Llama-3.3-70B-Instruct", "auto", "auto:small", "auto:cheapest",
    ],
)  # fmt: skip
def test_every_spelling_of_its_own_leads_to_its_own(name: str, bench: Bench) -> None:
    found = bench.asked(OWN, name)
    assert found
    assert set(found) <= {("openai", "gpt-4o-mini"), ("openrouter", "gpt-4o-mini"), ("groq", "llama-3.3-70b")}


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o", "openai/gpt-4o", "OPENAI:gpt-4o", "openai/chatgpt-4o-latest", "work", "gpt-4o:cheapest", "gpt-4o-2024-08-06",
        "openrouter/meta-llama/llama-3.3-70b-instruct", "openai/anything-at-all", "no-such-model-anywhere", "voyage-3.5",
        "claude-opus-4.5", "anthropic/claude-opus-4-5", "openrouter/auto", "litellm_gpt-4o", "gpt-4o-audio-preview", "",
    ],
)  # fmt: skip
def test_no_spelling_leads_elsewhere(name: str, bench: Bench) -> None:
    with pytest.raises(UnknownModelError, match=r"^This key may ask gpt-4o-mini, groq/llama-3\.3-70b, and not "):
        bench.asked(OWN, name)
    if name not in ("no-such-model-anywhere", ""):  # also where the candidates were found by another way
        caller = Caller("c_1", "alice", OWN)
        with pytest.raises(UnknownModelError):
            bench.allowed.offers(caller, name, bench.finder.resolve(name).offers if name != "openrouter/auto" else [])


def test_of_several_names_its_own_are_asked(bench: Bench) -> None:
    assert {model for _, model in bench.asked(OWN, "gpt-4o", "gpt-4o-mini", "claude-opus-4.5")} == {"gpt-4o-mini"}
    with pytest.raises(UnknownModelError):
        bench.asked(OWN, "gpt-4o", "claude-opus-4.5")


def test_the_automatic_choice_is_the_best_of_its_own(bench: Bench) -> None:
    registry = bench.finder.registry
    best, worst = registry.auto_model_priority[0], "gpt-4o-mini"
    assert bench.allowed.names(Caller("c_1", "a", (worst, best)), ["auto"]) == [best, worst]
    assert bench.allowed.names(Caller("c_1", "a", (worst, best)), ["auto", worst]) == [best, worst]
    assert bench.asked((worst, "gpt-4.1-nano"), "auto:cheapest")[0][1] == "gpt-4.1-nano", "the cheapest comes first"
    assert bench.allowed.names(Caller("c_1", "a"), ["auto"]) == ["auto"]


def test_a_provider_that_is_named_is_the_only_one(bench: Bench) -> None:
    assert bench.asked(("openai/gpt-4o",), "gpt-4o") == [("openai", "gpt-4o")]
    with pytest.raises(UnknownModelError):
        bench.asked(("openai/gpt-4o",), "openrouter/openai/gpt-4o")
    assert {who for who, _ in bench.asked(("gpt-4o",), "gpt-4o")} >= {"openai", "openrouter"}
    assert bench.asked(None, "gpt-4o") == bench.asked(("gpt-4o",), "gpt-4o")


def test_names_that_nobody_has_now_stand_for_nothing(bench: Bench) -> None:
    with pytest.raises(UnknownModelError):
        bench.asked(("no-such-model-anywhere",), "gpt-4o")
    assert bench.asked(("no-such-model-anywhere", "gpt-4o"), "gpt-4o")


def test_what_names_stand_for_is_looked_up_again_after_a_while(bench: Bench) -> None:
    with pytest.raises(UnknownModelError):
        bench.asked(("later",), "gpt-4o")
    bench.finder.resolver.aliases["later"] = "gpt-4o"
    bench.now += KEPT - 1
    with pytest.raises(UnknownModelError):
        bench.asked(("later",), "gpt-4o")
    bench.now += 1
    assert bench.asked(("later",), "gpt-4o")

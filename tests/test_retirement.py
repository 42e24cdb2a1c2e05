"""Models that have ended: what was asked, since when it is gone, and what answers instead."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import AsyncProviderList, NoCredentialsError, ProviderList, UnknownModelError
from inference_providers.credentials.pins import Pins
from inference_providers.offers.access import Accesses
from inference_providers.offers.local_server import LocalServer
from inference_providers.offers.ordering import order
from inference_providers.offers.resolver import Resolver
from inference_providers.offers.retirement import in_words
from inference_providers.registry.naming import loose
from inference_providers.registry.registry import Registry, bundled
from inference_providers.upkeep.importers.build import load_overlay
from inference_providers.upkeep.importers.retirement import Ending, retired_models
from tests.servers import Server
from tests.test_variants import all_keys

Serve = Callable[..., Server]
ROWS: dict[str, dict[str, str]] = load_overlay()["retired"]["models"]


def resolver(*variables: str, servers: tuple[LocalServer, ...] = (), registry: Registry | None = None) -> Resolver:
    """Over what the registry has, with keys in these variables, or in all."""
    keys = dict.fromkeys(variables, "k-12345678") if variables else all_keys()
    return Resolver(Accesses(registry or bundled(), keys, Pins(bundled())), local=lambda: servers)


def served(model: str) -> list[str]:
    """Who offers a model beyond doubt."""
    return [provider.id for provider, name in bundled().offers_of(model) if not provider.facts(name).is_doubtful]


# The table


@pytest.mark.parametrize("model", ROWS)
def test_every_model_that_has_ended_leads_to_one_that_lives(model: str) -> None:
    seen = [model]
    while seen[-1] in ROWS:
        seen.append(ROWS[seen[-1]]["successor"])
        assert seen.count(seen[-1]) == 1
    assert served(seen[-1])


@pytest.mark.parametrize("model", ROWS)
def test_a_successor_is_of_its_labs_same_price_class(model: str) -> None:
    def price(name: str) -> float | None:
        at = bundled().providers.get(bundled().model(ROWS[model]["successor"]).get("lab", ""))
        facts = [at.facts(one) for one in at.internal_names(name)] if at else []
        known = [3 * f.input_price + f.output_price for f in facts if f.input_price and f.output_price]
        return max(known, default=None)

    before, after = price(model), price(ROWS[model]["successor"])
    kinds = ("grok-4-fast", "grok-4.1-fast", "grok-code")  # all that the lab has left costs more
    assert not before or after is None or after <= 3 * before or model.startswith(kinds)


def test_rows_say_why_and_where() -> None:
    for model, row in ROWS.items():
        assert re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", row.get("ended", "2025")), model
        assert row["why"]
        assert row.get("page", "https://").startswith("https://")
        assert loose(model) == loose(model.lower())


@pytest.mark.parametrize(
    ("date", "words"),
    [("2026-10-23", "October 2026"), ("2024-01", "January 2024"), ("2025", "2025"), ("2025-13", "2025"), ("2025-xx-01", "2025")],
)  # fmt: skip
def test_a_month_is_said_in_words(date: str, words: str) -> None:
    assert in_words(date) == words


# What is said, and who is asked


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("text-davinci-003", "'text-davinci-003' was retired in January 2024; gpt-6-luna answers instead"),
        ("code-davinci-002", "'code-davinci-002' was retired in March 2023; gpt-6.1-terra answers instead"),
        ("palm", "'palm' was retired in October 2024; gemini-2.5-flash-lite answers instead"),
        ("claude-2.0", "'claude-2.0' (claude-2) was retired in July 2025; claude-sonnet-5.5 answers instead"),
        ("claude-v2", "'claude-v2' (claude-2) was retired in July 2025; claude-sonnet-5.5 answers instead"),
        ("Claude-2.1", "'Claude-2.1' was retired in July 2025; claude-sonnet-5.5 answers instead"),
        ("gemini-1.5-pro-002", "'gemini-1.5-pro-002' (gemini-1.5-pro) was retired in September 2025; gemini-4-argon answers instead"),
        ("gpt-4-32k", "'gpt-4-32k' was retired in June 2025; gpt-6.1-sol answers instead"),
        ("phind-codellama-34b", "'phind-codellama-34b' (phind-34b) has been retired; qwen3-coder-480b-a35b answers instead"),
        ("openai/text-davinci-003", "'text-davinci-003' was retired in January 2024; gpt-6-luna answers instead"),
        ("anthropic/claude-2.0", "'claude-2.0' (claude-2) was retired in July 2025; claude-sonnet-5.5 answers instead"),
        ("anthropic:claude-2.0", "'claude-2.0' (claude-2) was retired in July 2025; claude-sonnet-5.5 answers instead"),
    ],
)  # fmt: skip
def test_what_was_asked_since_when_it_is_gone_and_what_answers(name: str, said: str) -> None:
    found = resolver().resolve(name)
    assert (found.rule, found.warning) == ("retired", said)
    assert found.canonical_name == said.split("; ")[1].split(" ")[0]
    assert order(found.offers)
    if "/" in name:
        assert {offer.provider for offer in found.offers} == {name.partition("/")[0]}


@pytest.mark.parametrize("name", ["text-davinci-003", "claude-2.0", "palm:cheapest", "litellm_palm", "gpt-4-32k"])
def test_a_name_in_other_words_says_the_same(name: str) -> None:
    found = resolver().resolve(name)
    assert found.ended
    assert "was retired in" in found.warning
    assert not any(offer.doubtful for offer in order(found.offers))


@pytest.mark.parametrize(
    "name", ["meta-llama/llama-2-70b-chat:free", "eu.anthropic.claude-3-sonnet-20240229-v1:0", "openrouter/openai/gpt-4:free", "azure/gpt-4-32k"]
)  # fmt: skip
def test_what_says_more_than_a_model_stands_for_no_successor(name: str) -> None:
    with suppress(UnknownModelError):
        assert resolver().resolve(name).rule != "retired"


def rows(url: str, *, old: str = "d", reseller: bool = False) -> dict[str, Any]:
    """Makers with a model that has ended, and its successors; perhaps somebody who still serves it."""
    maker = {
        "name": "Maker",
        "connection": {"endpoint": f"{url}", "api_key": "MAKER_KEY"},
        "model_names": {"old-1": "old-1-0613", "new-1": "new-1"},
        "more_names": {"old-1-0314": "old-1"},
        "facts": {"old-1-0613": [8192, 8192, 1, 2, None, old], "old-1-0314": [8192, 8192, 1, 2, None, "d"]},
    }
    middle = {"connection": {"endpoint": url, "api_key": "MIDDLE_KEY"}, "model_names": {"middle-1": "middle-1"},
              "facts": {"middle-1": [8192, 8192, 1, 2, None, "d"]}}  # fmt: skip
    providers = {"maker": maker, "middle": middle}
    if reseller:
        providers["reseller"] = {
            "connection": {"endpoint": url, "api_key": "RESELLER_KEY"},
            "model_names": {"old-1": "maker/old-1"},
        }
    retired = {
        "old-1": {"ended": "2026-10-23", "successor": "middle-1"},
        "middle-1": {"ended": "2026-11", "successor": "new-1"},
    }
    return {"providers": providers, "retired": {"models": retired}, "aliases": {"oldie": "old-1"}}


NAMES = ["old-1", "OLD-1", "old-1-0314", "oldie", "maker/old-1", "maker:OLD-1"]


@pytest.mark.parametrize("name", NAMES)
def test_the_successor_is_what_the_server_reads(serve: Serve, name: str, caplog: pytest.LogCaptureFixture) -> None:
    server = serve()
    options: Any = {"json_override": rows(server.url), "environ": {"MAKER_KEY": "k-12345678"}, "local": False}
    made = ProviderList(**options)
    assert made.ask_ai("hi", name) == "hello"
    assert "".join(made.stream("hi", name))

    async def ask() -> None:
        providers = AsyncProviderList(**options)
        assert await providers.ask_ai("hi", name) == "hello"
        await providers.aclose()

    asyncio.run(ask())
    assert {request.json["model"] for request in server.asked} == {"new-1"}
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2  # once for each list
    assert set(said) == {f"{made.resolve(name).warning}; maker is asked, for new-1"}
    assert re.fullmatch(
        r"'[\w-]+'( \(old-1\))? was retired in October 2026; new-1 answers instead; maker is asked, for new-1", said[0]
    )
    assert made.resolve(name).warning in str(made.explain(name))


def test_who_still_serves_it_answers_and_nothing_is_said(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    server = serve()
    keys = {"MAKER_KEY": "k-12345678", "RESELLER_KEY": "k-87654321"}
    made = ProviderList(json_override=rows(server.url, reseller=True), environ=keys, local=False)
    assert made.ask_ai("hi", "old-1") == "hello"
    assert [request.json["model"] for request in server.asked] == ["maker/old-1"]
    assert caplog.records == []
    alone = ProviderList(
        json_override=rows(server.url, reseller=True), environ={"MAKER_KEY": "k-12345678"}, local=False
    )
    assert alone.resolve("old-1").canonical_name == "new-1"  # who could serve it has no key


def test_a_snapshot_that_is_gone_is_the_model_where_that_is_still_served(serve: Serve) -> None:
    server = serve()
    made = ProviderList(
        json_override=rows(server.url, reseller=True), environ={"RESELLER_KEY": "k-87654321"}, local=False
    )
    assert made.ask_ai("hi", "old-1-0314") == "hello"
    assert [request.json["model"] for request in server.asked] == ["maker/old-1"]
    assert (
        made.resolve("old-1-0314").warning == "'old-1-0314' (old-1) was retired in October 2026; old-1 answers instead"
    )


def test_its_weights_on_this_machine_are_the_very_model() -> None:
    here = LocalServer("ollama", "http://127.0.0.1:11434/v1", {"llama2:7b": "llama-2-7b"})
    found = resolver("OPENROUTER_API_KEY", servers=(here,)).resolve("llama-2-7b")
    assert (next(offer.internal_name for offer in order(found.offers)), found.warning) == ("llama2:7b", "")


def test_a_name_that_its_provider_lists_is_sent_as_it_is_with_a_word(serve: Serve) -> None:
    server = serve()
    made = ProviderList(json_override=rows(server.url), environ={"MAKER_KEY": "k-12345678"}, local=False)
    assert made.ask_ai("hi", "maker/old-1-0613") == "hello"
    assert [request.json["model"] for request in server.asked] == ["old-1-0613"]
    assert made.resolve("maker/old-1-0613").warning.endswith("was retired in October 2026; maker has new-1 instead")


def test_what_is_doubted_is_the_last_hope(serve: Serve) -> None:
    data = rows(serve().url)
    data["providers"]["maker"]["model_names"].pop("new-1")
    data["providers"]["other"] = {
        "connection": {"endpoint": "https://o.example", "api_key": "OTHER_KEY"},
        "model_names": {"new-1": "n"},
    }
    found = ProviderList(json_override=data, environ={"MAKER_KEY": "k-12345678"}, local=False).resolve("old-1")
    assert (found.canonical_name, found.warning) == (
        "old-1",
        "'old-1' was retired in October 2026; its successor is new-1",
    )


@pytest.mark.parametrize("reseller", [False, True])
def test_without_a_key_both_are_said(reseller: bool) -> None:
    made = ProviderList(json_override=rows("https://a.example", reseller=reseller), environ={}, local=False)
    with pytest.raises(NoCredentialsError) as caught:
        made.ask_ai("hi", "old-1")
    words = str(caught.value)
    assert words.startswith("'old-1' was retired in October 2026")
    assert "new-1" in words
    assert "No key" in words
    assert ("RESELLER_KEY" if reseller else "MAKER_KEY") in caught.value.variables


@given(st.dictionaries(st.sampled_from("abcde"), st.sampled_from("abcde"), min_size=1))
def test_a_circle_of_successors_ends(successors: dict[str, str]) -> None:
    row = {"connection": {"endpoint": "https://a.example", "api_key": "A_KEY"}, "model_names": {"e": "e"}}
    retired = {model: {"successor": successor} for model, successor in successors.items()}
    registry = Registry({"providers": {"p": row}, "retired": {"models": retired}})
    for name in (*successors, *(f"p/{one}" for one in successors)):
        assert resolver("A_KEY", registry=registry).resolve(name).name == name


# Rows that the build makes


@pytest.mark.parametrize(
    ("endings", "row"),
    [
        ([Ending("m", "2026-10-23", "new", "https://p")], {"ended": "2026-10-23", "successor": "new", "page": "https://p"}),
        ([Ending("m", "2026-09-28", "new"), Ending("m", "2026-10-23", "new")], {"ended": "2026-10-23", "successor": "new"}),
        ([Ending("m", "2026-09-28", "a"), Ending("m", "2026-09-28", "new"), Ending("m", "2026-09-28", "new")],
         {"ended": "2026-09-28", "successor": "new"}),
        ([Ending("m", "2026-10-23", "old")], {"ended": "2026-10-23", "successor": "old"}),  # by way of another that has ended
        ([Ending("m", "2026-10-23", "new"), Ending("m")], None),  # a snapshot of it lives
        ([Ending("m", "2026-10-23", "new"), Ending("m", "2026-12-11", "new")], None),
        ([Ending("m", "2026-11-26", "new")], None),  # today
        ([Ending("m", "2026-10-23")], None),
        ([Ending("m", "2026-10-23", "m")], None),
        ([Ending("m", "2026-10-23", "nobody-has-it")], None),
        ([Ending("m", "2026-10-23", "n"), Ending("n", "2026-10-23", "m")], None),
    ],
)  # fmt: skip
def test_a_model_is_retired_when_all_that_its_maker_has_of_it_ended(
    endings: list[Ending], row: dict[str, str] | None
) -> None:
    by_hand = {"old": {"successor": "new"}}
    found = retired_models(endings, by_hand, {"new", "a"}, "2026-11-26")
    assert found.get("m") == row
    assert found["old"] == by_hand["old"]


def test_a_row_by_hand_wins() -> None:
    mine = {"m": {"ended": "2026-10", "successor": "new", "why": "it costs less"}}
    assert retired_models([Ending("m", "2026-10-23", "dear")], mine, {"new", "dear"}, "2026-11-26") == mine

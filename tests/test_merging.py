"""How sources become one registry: fact by fact, by date; what may have ended; what a fresh catalogue changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.errors import RegistryError
from inference_providers.registry.facts import Facts
from inference_providers.registry.schema import problems
from inference_providers.upkeep.importers.build import Building, load_overlay, read_source, to_text
from inference_providers.upkeep.laid_over import day_of, laid_over

MODEL = "brand-9-8b"
PLAIN = {**load_overlay(), "auto_model_priority": [], "local": {}, "facts": {}, "providers": {}, "retired": {"providers": {}, "models": {}}}  # fmt: skip


def wide(pid: str = "groq", /, name: str = MODEL, **model: Any) -> dict[str, Any]:
    """models.dev, of September."""
    text = {"modalities": {"output": ["text"]}, "tool_call": True}
    row = {"id": pid, "name": pid, "env": ["X_KEY"], "doc": "", "npm": "@ai-sdk/openai-compatible"}
    return {pid: {**row, "api": f"https://{pid}.example/v1", "models": {name: {"id": name, **text, **model}}}}


def priced(pid: str = "groq", /, key: str = MODEL, **row: Any) -> dict[str, Any]:
    """LiteLLM's list, the newest."""
    return {f"{pid}/{key}": {"litellm_provider": pid, "mode": "chat", **row}}


def fresh(pid: str = "groq", /, name: str = MODEL, cost: Any = None, **row: Any) -> dict[str, Any]:
    """pi-ai, of November."""
    usual = {"api": "openai-completions", "baseUrl": f"https://{pid}.example/v1", "input": ["text"]}
    return {pid: {name: {**usual, "cost": cost or {}, **row}}}


def building(*catalogues: dict[str, Any], previous: dict[str, Any] | None = None, **overlay: Any) -> Building:
    ours = {**PLAIN, **overlay}
    return Building([read_source(catalogue, ours) for catalogue in catalogues], ours, previous)


def facts(built: Building, pid: str = "groq", name: str = MODEL) -> Facts:
    row = built.data["providers"][pid]
    return Facts(row["facts"].get(name) or (), row["connection"].get("routes"))


def origin(built: Building, pid: str = "groq", name: str = MODEL) -> dict[str, str]:
    found: dict[str, str] = built.merged.origins[pid][name]
    return found


# Facts


def test_each_fact_is_of_the_newest_source_that_has_it() -> None:
    built = building(
        wide(limit={"context": 5, "output": 6}, cost={"input": 2, "output": 4, "cache_read": 0.3}),
        fresh(contextWindow=7, cost={"input": 2, "output": 5, "cacheRead": 0}),
        priced(input_cost_per_token=2e-6, output_cost_per_token=4.5e-6),
    )
    found = facts(built)
    assert (found.context_window, found.output_limit) == (7, 6)
    assert (found.input_price, found.output_price, found.cached_input_price) == (2, 4.5, 0.3)
    assert origin(built) == {
        "api": "pi-ai", "context": "pi-ai", "output": "models.dev", "price_in": "litellm", "price_out": "litellm", "price_cached": "models.dev",
    }  # fmt: skip


def test_what_hangs_on_another_price_is_left_to_it() -> None:
    cost = {"input": 1, "output": 4, "cache_read": 0.1, "cache_write": 1.25, "tiers": [{"input": 2, "output": 8, "tier": {"type": "context", "size": 200_000}}]}  # fmt: skip
    other = building(wide(cost=cost), priced(input_cost_per_token=2e-6, output_cost_per_token=8e-6))
    assert (facts(other).cached_input_price, facts(other).more) == (None, {})
    same = building(wide(cost=cost), priced(input_cost_per_token=1e-6, output_cost_per_token=4e-6))
    assert facts(same).cached_input_price == 0.1
    assert facts(same).prices.tiers == [(200_000, (2, 8, None, None))]
    assert facts(same).prices.usual.cache_write == 1.25


@pytest.mark.parametrize(("zeros", "price"), [({"input": 0, "output": 0}, None), ({"input": 1, "output": 3}, 1)])
def test_zero_is_unknown_but_for_what_is_known_to_be_free(zeros: dict[str, int], price: int | None) -> None:
    assert facts(building(wide(cost=zeros))).input_price == price
    free = building(wide(cost=zeros), free={"groq": "^brand-"})
    assert facts(free).input_price == (0 if price is None else price)
    elsewhere = building(wide(cost=zeros), free={"groq": ":free$"})
    assert facts(elsewhere).input_price == price


def test_a_price_three_times_off_keeps_what_was_known_and_is_listed() -> None:
    catalogues = (wide(cost={"input": 1, "output": 4}), priced(input_cost_per_token=9e-6, output_cost_per_token=9e-6))
    before = {"providers": {"groq": {"facts": {MODEL: [None, None, 1, 4]}}}}
    kept = building(*catalogues, previous=before)
    assert facts(kept).input_price == 1
    assert [held[:3] for held in kept.merged.held] == [("groq", MODEL, "price_in")]
    assert kept.merged.held[0].said == {"litellm": 9, "models.dev": 1}
    assert facts(building(*catalogues)).input_price == 9, "without a word on what was, the newest"
    three = building(*catalogues, fresh(cost={"input": 1, "output": 4}))
    assert facts(three).input_price == 1, "two sources that agree against one"


def test_building_again_changes_nothing() -> None:
    catalogues = (wide(cost={"input": 1, "output": 4}), priced(input_cost_per_token=9e-6, output_cost_per_token=9e-6))
    first = building(*catalogues, previous={"providers": {"groq": {"facts": {MODEL: [None, None, 1, 4]}}}})
    assert to_text(building(*reversed(catalogues), previous=first.data).data) == to_text(first.data)


@pytest.mark.parametrize("cost", [{"input": 0.006, "output": 6.8}, {"input": 0.1, "output": 1, "cacheRead": 0.5}])
def test_prices_that_cannot_be_are_none(cost: dict[str, float]) -> None:
    built = building(fresh(cost=cost))
    assert facts(built).input_price is None
    assert len(built.merged.held) == 1


def test_a_source_is_not_heard_where_it_is_known_to_say_something_else() -> None:
    built = building(wide(limit={"context": 5}), fresh(contextWindow=7), distrust={"pi-ai": {"groq": ["context"]}})
    assert facts(built).context_window == 5


def test_the_overlay_has_the_last_word_with_a_page() -> None:
    said = {"price_in": 8, "price_out": 28, "currency": "CNY", "page": "https://x.example", "day": "2026-11-01"}
    built = building(
        wide(cost={"input": 1, "output": 4, "cache_read": 0.5}),
        facts={"groq": {MODEL: said}},
        rates={"usd": {"CNY": 0.15}, "day": "2026-05-08", "page": "https://bank.example"},
        currency={"groq": {"code": "CNY"}},
    )
    found = facts(built)
    assert (found.input_price, found.output_price, found.cached_input_price) == (1.2, 4.2, None)
    assert origin(built)["price_in"] == "overlay"
    row = built.data["providers"]["groq"]["currency"]
    assert row == {"code": "CNY", "usd": 0.15, "day": "2026-05-08", "page": "https://bank.example"}
    assert json.loads(built.origins())["by_hand"]["facts"]["groq"][MODEL] == said


def test_a_currency_taken_for_dollars_is_converted() -> None:
    cost = {"input": 1, "output": 4, "tiers": [{"input": 2, "output": 8, "tier": {"type": "context", "size": 200_000}}]}
    euros = {"currency": {"groq": {"code": "EUR", "convert": ["models.dev"]}}, "rates": {"usd": {"EUR": 1.1}, "day": "", "page": ""}}  # fmt: skip
    found = facts(building(wide(cost=cost), **euros))
    assert (found.input_price, found.output_price, found.prices.tiers) == (
        1.1,
        4.4,
        [(200_000, (2.2, 8.8, None, None))],
    )


def test_a_plan_has_no_prices_and_says_what_it_is() -> None:
    built = building(wide(cost={"input": 1, "output": 4, "cache_write": 2}), billing={"groq": "plan"})
    assert built.data["providers"]["groq"]["billing"] == "plan"
    assert (facts(built).input_price, facts(built).more) == (None, {})


def test_names_that_differ_in_the_case_of_letters_are_one() -> None:
    built = building(wide(name="Brand-9-8B", limit={"context": 5}), fresh(contextWindow=7))
    assert list(built.data["providers"]["groq"]["facts"]) == [MODEL]


def test_what_litellm_says_of_tiers_and_services_is_kept() -> None:
    row = {
        "input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6, "cache_creation_input_token_cost": 1.25e-6,
        "input_cost_per_token_above_200k_tokens": 2e-6, "output_cost_per_token_above_200k_tokens": 6e-6,
        "input_cost_per_token_flex": 5e-7, "output_cost_per_token_flex": 2e-6, "input_cost_per_token_batches": 5e-7,
        "output_cost_per_token_batches": 2e-6, "input_cost_per_audio_token": 3e-6, "cache_creation_input_token_cost_above_1hr": 2e-6,
        "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.02},
    }  # fmt: skip
    assert facts(building(priced("x-ai", **row)), "x-ai").more == {
        "tiers": [[200_000, 2, 6]], "flex": [0.5, 2], "batch": [0.5, 2], "audio": [3], "search": 0.02, "write": 1.25, "write_hour": 2,
    }  # fmt: skip


# How it is reached


def test_an_api_is_what_a_source_says_and_not_what_it_asks_by_itself() -> None:
    by_choice = fresh(api="anthropic-messages", baseUrl="https://groq.example/anthropic")
    assert facts(building(by_choice)).api == "chat"
    asked = building(by_choice, apis={"groq": {"as_asked": ["pi-ai"]}})
    assert (facts(asked).api, asked.data["providers"]["groq"]["connection"]["routes"]["1"]) == (
        "messages", {"api": "messages", "endpoint": "https://groq.example/anthropic"},
    )  # fmt: skip
    assert facts(building(by_choice, priced(mode="responses"))).api == "responses"
    both = priced(mode="responses", supported_endpoints=["/v1/responses", "/v1/chat/completions"])
    assert facts(building(by_choice, both)).api == "chat"
    ruled = building(by_choice, priced(mode="responses"), apis={"groq": {"rules": [{"names": "^brand", "api": "other"}]}})  # fmt: skip
    assert facts(ruled).api == "other"
    assert facts(ruled).other_protocol


def test_an_endpoint_that_is_the_providers_own_makes_no_route() -> None:
    own = wide(provider={"npm": "@ai-sdk/openai-compatible", "api": "https://groq.example/v1"})
    assert "routes" not in building(own).data["providers"]["groq"]["connection"]
    responses = wide(provider={"shape": "responses", "api": "https://groq.example/v1"})
    assert building(responses).data["providers"]["groq"]["connection"]["routes"] == {"1": {"api": "responses"}}


# What may have ended


def marked(*catalogues: dict[str, Any], **overlay: Any) -> bool:
    return facts(building(*catalogues, **overlay)).is_doubtful


@pytest.mark.parametrize(("day", "doubtful"), [("2026-11-26", True), ("2026-10-23", True), ("2027-01-01", False)])
def test_an_end_date_of_any_source_counts_when_it_has_come(day: str, doubtful: bool) -> None:
    assert marked(wide(), fresh(), priced(deprecation_date=day)) is doubtful


def test_absence_counts_only_from_a_list_that_is_whole() -> None:
    others = fresh(name="other-1-8b", input=["text"])
    assert marked(wide(), others, complete={"pi-ai": ["groq"]})
    assert not marked(wide(), others, complete={"pi-ai": ["mistral"]})
    assert not marked(wide(tool_call=False), others, complete={"pi-ai": ["groq"]}), "it lists those that call tools"
    assert not marked(wide(), fresh("mistral"), complete={"pi-ai": ["groq"]}), "it does not know the provider"
    spelt = fresh(name=f"org/{MODEL}")
    assert not marked(wide(), spelt, complete={"pi-ai": ["groq"]}), "the same model by another spelling"


def test_an_older_list_says_nothing_of_what_a_newer_one_has() -> None:
    other = wide(name="other-1-8b")
    assert not marked(fresh(), other, complete={"models.dev": ["groq"]})


# A fresh catalogue over a registry


def over(base: list[Any], given: list[Any], day: str) -> list[Any]:
    def registry(row: list[Any]) -> dict[str, Any]:
        provider = {"connection": {"endpoint": "https://g.example/v1"}, "model_names": {"m": "m"}, "facts": {"m": row}}
        return {"sources": {"litellm": {"date": "2026-11-24"}}, "providers": {"groq": provider}}

    found: list[Any] = laid_over(registry(base), registry(given), day)["providers"]["groq"]["facts"]["m"]
    return found


def test_an_older_catalogue_only_fills_gaps() -> None:
    known, given = [100, None, 1, 4, None, "tVd", {"write": 2}], [200, 20, 2, 5, 0.1, "Tvsr", {"tiers": [[9, 1]]}]
    assert over(known, given, "2026-09-30") == [100, 20, 1, 4, 0.1, "tVsrd", {"write": 2}]
    assert over(known, [200, 20, 1, 5, 0.1, "Tvsr", {"tiers": [[9, 1]]}], "2026-09-30")[6] == {
        "write": 2,
        "tiers": [[9, 1]],
    }


def test_a_newer_one_wins_but_by_a_price_three_times_off() -> None:
    known = [100, 10, 1, 4, 0.2, "tVPd1", {"write": 2}]
    assert over(known, [200, None, 1.5, 5, None, "tVs"], "2026-11-25") == [200, 10, 1.5, 5, 0.2, "tVsP1", {"write": 2}]
    assert over(known, [200, None, 3, 5, None, "tVd"], "2026-11-25") == [200, 10, 1, 4, 0.2, "tVPd1", {"write": 2}]


numbers = st.none() | st.integers(1, 100)
rows = st.tuples(numbers, numbers, numbers, numbers, numbers, st.sampled_from(["", "tV", "Tvd", "tP1"])).map(list)


@given(rows, rows, st.sampled_from(["2026-09-30", "2026-11-30"]))
def test_nothing_that_is_known_is_lost_and_twice_is_once(known: list[Any], given: list[Any], day: str) -> None:
    once = over(known, given, day)
    padded = [*once, *[None] * 7]
    assert all(padded[place] is not None for place in range(5) if known[place] is not None)
    assert over(once, given, day) == once
    if day == "2026-09-30":
        assert padded[:5] == [b if a is None else a for a, b in zip(known[:5], padded, strict=False)]


def test_routes_are_numbered_anew_and_names_stand_once() -> None:
    base = {"sources": {}, "providers": {"g": {"connection": {"endpoint": "https://g.example", "routes": {"1": {"api": "messages"}}}, "model_names": {"m": "m"}, "more_names": {"m-2": "m"}, "facts": {"m": []}}}}  # fmt: skip
    other = {"providers": {"g": {"connection": {"routes": {"1": {"api": "responses"}, "2": {"api": "messages"}}}, "model_names": {"m": "m-2", "n": "n", "o": "o"}, "more_names": {"m-3": "m"}, "facts": {"n": [1, None, None, None, None, "t1"], "o": [1, None, None, None, None, "t2"]}}, "new": {}}}  # fmt: skip
    row = laid_over(base, other, "")["providers"]["g"]
    assert row["connection"]["routes"] == {"1": {"api": "messages"}, "2": {"api": "responses"}}
    assert (row["facts"]["n"][5], row["facts"]["o"][5]) == ("t2", "t1")
    assert row["model_names"] == {"m": "m", "n": "n", "o": "o"}
    assert row["more_names"] == {"m-2": "m", "m-3": "m"}
    assert "new" not in laid_over(base, other, "")["providers"]


def test_a_catalogue_is_of_the_newest_day_in_it() -> None:
    assert day_of({"a": {"models": {"x": {"last_updated": "2026-09-01"}, "y": {"last_updated": "2026-09-30"}}}}) == "2026-09-30"  # fmt: skip
    assert day_of({"a": {"models": {}}, "b": 5}) == ""


def test_what_is_dated_after_today_dates_no_catalogue() -> None:
    models = {
        "x": {"last_updated": "2026-11-01"},
        "slip": {"last_updated": "2062-11-01"},
        "none": {"last_updated": "soon"},
    }
    assert day_of({"a": {"models": models}, "b": {"models": []}, "c": None}, "2026-11-26") == "2026-11-01"


def test_a_cached_price_never_stands_beside_a_lower_price_of_another_list() -> None:
    assert over([1, 1, 1, 4], [1, 1, 2, 5, 1.5], "2026-09-30") == [1, 1, 1, 4]
    assert over([1, 1, 1, 4, 0.5], [1, 1, 0.4, 2], "2026-11-25") == [1, 1, 1, 4, 0.5]
    assert over([1, 1, 1, 4, 0.5], [1, 1, 0.4, 2, 0.1], "2026-11-25") == [1, 1, 0.4, 2, 0.1]


def test_no_catalogue_brings_back_what_its_maker_has_retired_and_hourly_prices_get_its_day() -> None:
    row = {"connection": {}, "model_names": {"m": "m", "n": "n"}, "facts": {"m": [1, 1, 1, 1, 1, "d"], "n": [1, 1, 1, 1, 1, "d"]}, "moving": "2026-09-30"}  # fmt: skip
    base = {"sources": {"s": {"date": "2026-11-24"}}, "providers": {"g": row}, "retired": {"models": {"m": {"successor": "n"}}}}  # fmt: skip
    fresh = {"providers": {"g": {"connection": {}, "model_names": {"m": "m", "n": "n"}, "facts": {"m": [1], "n": [1]}}}}
    found = laid_over(base, fresh, "2026-11-25")["providers"]["g"]
    assert (found["facts"]["m"], found["facts"]["n"]) == ([1, 1, 1, 1, 1, "d"], [1, 1, 1, 1, 1])
    assert (found["moving"], laid_over(base, fresh, "2026-11-01")["providers"]["g"]["moving"]) == ("2026-11-25", "2026-09-30")  # fmt: skip


def test_a_catalogue_that_writes_names_in_another_case_or_lists_base_models_adds_none() -> None:
    base = {"sources": {}, "names": {"b-9b": "b-9b-base"}, "providers": {"g": {"connection": {}, "model_names": {"m": "Org/M"}, "facts": {"Org/M": [5]}}}}  # fmt: skip
    other = {"providers": {"g": {"connection": {}, "model_names": {"m": "org/m", "b-9b": "B-9b", "n": "n"}, "facts": {"org/m": [6, 7], "B-9b": [1], "n": [8]}}}}  # fmt: skip
    row = laid_over(base, other, "")["providers"]["g"]
    assert row["model_names"] == {"m": "Org/M", "n": "n"} and not row.get("more_names")
    assert row["facts"] == {"Org/M": [5, 7], "n": [8]}


# What sources are made of


ODD: list[Any] = [None, [], {}, "x", "1.5", 0, -1, True, ["a", None], {"a": 1}, 10**30, float("inf"), float("nan")]
FORMS: dict[str, dict[str, Any]] = {
    "models.dev": wide(
        limit={"context": 5, "output": 6}, modalities={"input": ["text"], "output": ["text"]}, release_date="2026-01-01",
        cost={"input": 1, "output": 2, "cache_read": 0.5, "tiers": [{"tier": {"type": "context", "size": 9}, "input": 2}]},
        provider={"npm": "x", "api": "https://x.example"}, experimental={"modes": {"flex": {"provider": {"body": {}}, "cost": {}}}},
        family="f", open_weights=True, status="beta", canonical_model_id="a/b", last_updated="2026-01-01"
    ),
    "litellm": priced(
        input_cost_per_token=1e-6, output_cost_per_token=2e-6, supported_endpoints=["/v1/responses"], deprecation_date="2026-12-01",
        tiered_pricing=[{"range": [9, 10], "input_cost_per_token": 1e-6}], search_context_cost_per_query={"search_context_size_medium": 1},
        successor_model="s", source="https://x.example", max_input_tokens=5, supports_vision=True, input_cost_per_token_above_128k_tokens=2e-6,
    ),
    "pi-ai": fresh(cost={"input": 1, "output": 2, "tiers": [{"inputTokensAbove": 9, "input": 2}]}, contextWindow=5, compat={}, reasoning=True),
}  # fmt: skip


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values in a JSON value, save the outermost."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in items for place in ((*above, key), *paths(one, (*above, key)))]


@pytest.mark.parametrize("form", FORMS)
def test_what_a_source_says_in_another_form_is_unknown_and_the_rest_is_read(form: str) -> None:
    for path in paths(FORMS[form]):
        for odd in ODD:
            data = json.loads(json.dumps(FORMS[form]))
            place = data
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = odd
            data |= (
                {"whole": FORMS[form]["groq"]} if form != "litellm" else {"groq/whole-7b": FORMS[form][f"groq/{MODEL}"]}
            )
            try:
                built = building(data)
            except RegistryError as error:
                assert "not in a known format" in str(error), (path, odd)
                continue
            assert not problems(built.data), (path, odd)
            names = {name for row in built.data["providers"].values() for name in row["model_names"].values()}
            assert {MODEL, "whole-7b"} & names, "what is whole is read"


@pytest.mark.parametrize("name", ["", " ", "a\x1b[31mb", "a\nb", "x" * 300, "\ud800"])
def test_what_can_be_no_name_is_none(name: str) -> None:
    assert building(wide("gr oq"), wide(name=name)).data["providers"]["groq"]["model_names"] == {}


def test_names_that_differ_in_case_alone_give_the_same_in_any_order() -> None:
    upper, lower = wide(name="Brand-9-8B", cost={"input": 1, "output": 2}), wide(cost={"input": 9, "output": 9})
    models = upper["groq"]["models"] | lower["groq"]["models"]
    turned = dict(reversed(models.items()))
    texts = {to_text(building({"groq": {**upper["groq"], "models": rows}}).data) for rows in (models, turned)}
    assert len(texts) == 1


def test_two_lists_of_one_kind_give_the_same_bytes_in_any_order() -> None:
    one, other = wide(cost={"input": 1, "output": 2}), wide(cost={"input": 1.5, "output": 2})
    assert to_text(building(one, other).data) == to_text(building(other, one).data)

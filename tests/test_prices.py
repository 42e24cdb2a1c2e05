"""What an offer costs: by length, by service, by the hour; what is free, and what is cheap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import ProviderList
from inference_providers.offers.sorting import is_free
from inference_providers.registry.facts import Facts
from inference_providers.registry.prices import Prices, Rate
from inference_providers.usage import Usage, cost_of

KEY = "canary-1-0123456789abcdef"
TIERED: list[Any] = [400_000, 100, 2, 10, 0.2, "", {"tiers": [[100_000, 4, 15, 0.4], [200_000, 8, 30]], "write": 2.5}]
PEAK = {
    "hours": [
        {"from": "10:00", "to": "01:00", "days": "12345", "prices": [1, 5, 0.1]},
        {"from": "00:00", "to": "24:00", "days": "67", "prices": [1, 5]},
    ]
}


def prices(more: dict[str, Any]) -> Prices:
    return Facts([None, None, 2, 10, 0.2, "", more]).prices


@pytest.mark.parametrize(
    ("tokens", "rate"),
    [
        (0, Rate(2, 10, 0.2, 2.5)),
        (100_000, Rate(2, 10, 0.2, 2.5)),
        (100_001, Rate(4, 15, 0.4, 2.5)),
        (200_000, Rate(4, 15, 0.4, 2.5)),
        (200_001, Rate(8, 30, 0.4, 2.5)),
    ],
)
def test_a_long_request_costs_what_its_tier_costs(tokens: int, rate: Rate) -> None:
    assert Facts(TIERED).prices.at(tokens) == rate


def test_the_cost_of_a_call_is_that_of_its_tier() -> None:
    usage = Usage(150_000, 1000, cached_tokens=50_000)
    assert cost_of(usage, Facts(TIERED)) == pytest.approx((100_000 * 4 + 50_000 * 0.4 + 1000 * 15) / 1e6)
    assert cost_of(Usage(10, 10), Facts(TIERED)) == pytest.approx((10 * 2 + 10 * 10) / 1e6)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**5))
def test_more_tokens_never_cost_less(tokens: int, more: int, output: int) -> None:
    facts = Facts(TIERED)
    less, more_cost = cost_of(Usage(tokens, output), facts), cost_of(Usage(tokens + more, output), facts)
    assert less is not None and more_cost is not None and less <= more_cost


def test_a_service_costs_the_same_part_of_a_long_request() -> None:
    found = Facts([*TIERED[:6], {**TIERED[6], "batch": [0.5, 5, None]}]).prices
    assert found.at(100_001, service="batch") == Rate(1, 7.5, 0.4, 2.5)


def test_a_batch_costs_its_own_price_else_the_part_that_its_provider_says() -> None:
    usage, plain, own = Usage(10, 10), Facts([1, 1, 2, 4]), Facts([1, 1, 2, 4, None, "", {"batch": [0.2, 0.4]}])
    assert cost_of(usage, plain, service="batch", part=0.5) == pytest.approx(30e-6)
    assert cost_of(usage, own, service="batch", part=0.5) == pytest.approx(6e-6)
    assert cost_of(Usage(10, 10, price=3.0), own, service="batch", part=0.5) == 3.0, "what it says itself is the cost"


def test_a_service_has_its_own_prices_and_the_usual_ones_where_it_says_nothing() -> None:
    found = prices({"batch": [1, 5], "priority": [4, 20, 0.4]})
    assert found.at(service="batch") == Rate(1, 5, 0.2, None)
    assert found.at(service="priority") == Rate(4, 20, 0.4, None)
    assert found.at(service="flex") == found.usual
    assert found.service("flex") is None


@pytest.mark.parametrize(
    ("moment", "price"),
    [
        ("2026-11-26T09:59:00+00:00", 2),
        ("2026-11-26T10:00:00+00:00", 1),
        ("2026-11-27T00:59:00+00:00", 1),
        ("2026-11-27T01:00:00+00:00", 2),
        ("2026-11-28T05:00:00+00:00", 1),  # a Saturday
        ("2026-11-26T18:00:00+08:00", 1),
        ("2026-11-26T17:59:00+08:00", 2),
    ],
)
def test_hours_are_those_of_utc_on_their_days(moment: str, price: float) -> None:
    assert prices(PEAK).at(when=datetime.fromisoformat(moment)).input == price


def test_without_a_moment_the_dearest_hours_are_meant() -> None:
    assert prices(PEAK).at().input == 2


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.integers(-12, 14))
def test_the_hour_does_not_depend_on_where_one_is(moment: datetime, offset: int) -> None:
    there = moment.replace(tzinfo=UTC)
    elsewhere = there.astimezone(timezone(timedelta(hours=offset)))
    assert prices(PEAK).at(when=there) == prices(PEAK).at(when=elsewhere)


def test_kinds_of_tokens_and_fees_are_there() -> None:
    found = prices({"audio": [3, 12], "image": [None, 30], "reasoning": 7, "search": 0.01, "request": 0.005})
    assert (found.audio[:2], found.image[:2], found.reasoning) == ((3, 12), (None, 30), 7)
    assert (found.search, found.request, found.cache_write_hour) == (0.01, 0.005, None)
    assert Facts().prices.audio == Rate()


# Who is asked for nothing, and who for least


def offers(policy: str, **rows: dict[str, Any]) -> list[str]:
    providers = {
        pid: {
            "connection": {"endpoint": f"https://{pid}.example/v1", "api_key": "X"},
            "model_names": {"m": row.pop("name", "m")},
            **row,
        }
        for pid, row in rows.items()
    }
    found = ProviderList(json_override={"providers": providers}, environ={"X": KEY}, local=False)
    return [offer.provider for offer in found.find_model_providers(f"m:{policy}")]


FREE, PAID, DEAR = [None, None, 0, 0], [None, None, 1, 1], [None, None, 9, 9]


def test_a_plan_is_never_free_and_stands_behind_whatever_is_paid_by_use() -> None:
    rows: Any = {
        "plan": {"billing": "plan", "facts": {"m": FREE}},
        "unknown": {},
        "dear": {"facts": {"m": DEAR}},
        "paid": {"facts": {"m": PAID}},
        "free": {"facts": {"m": FREE}},
    }
    assert offers("cheapest", **rows) == ["free", "paid", "dear", "unknown", "plan"]
    assert offers("free", **rows) == ["free"]


def test_no_plan_stands_before_what_is_paid_by_use_doubtful_as_that_may_be() -> None:
    ended: Any = [None, None, 5, 9, None, "d"]
    assert offers("cheapest", plan={"billing": "plan"}, old={"facts": {"m": ended}}) == ["old", "plan"]
    assert offers("fastest", plan={"billing": "plan"}, old={"facts": {"m": ended}}) == ["plan", "old"]


def test_what_each_request_costs_is_not_free() -> None:
    assert offers("free", fee={"facts": {"m": [*FREE, None, "", {"request": 0.01}]}}, free={"facts": {"m": FREE}}) == [
        "free"
    ]


def test_a_day_that_has_not_come_is_no_fresh_price() -> None:
    late: Any = {"moving": "2999-01-01", "facts": {"m": PAID}}
    assert offers("cheapest", moves=late, stays={"facts": {"m": DEAR}}) == ["stays", "moves"]


def test_tiers_may_stand_in_any_order_and_one_without_a_size_is_none() -> None:
    found = prices({"tiers": [[200, 8, 30], [None, 50], [100, 4, 15]]})
    assert [size for size, _ in found.tiers] == [100, 200]
    assert (found.at(150).input, found.at(250).input) == (4, 8)


def test_what_is_free_by_its_name_is_free_whatever_its_facts() -> None:
    assert offers("free", router={"name": "lab/m:free"}, plan={"name": "lab/m:free", "billing": "plan"}) == ["router"]
    assert offers("free", given={"billing": "free", "facts": {"m": PAID}}) == ["given"]


def test_prices_of_the_hour_are_believed_while_they_are_fresh() -> None:
    today, before = datetime.now(UTC).strftime("%Y-%m-%d"), "2026-01-01"
    assert offers("cheapest", stays={"facts": {"m": DEAR}}, moves={"moving": today, "facts": {"m": PAID}})[0] == "moves"
    assert (
        offers("cheapest", moves={"moving": before, "facts": {"m": PAID}}, stays={"facts": {"m": DEAR}})[0] == "stays"
    )


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("MINIMAX_API_KEY", "minimax-m3"),
        ("XIAOMI_API_KEY", "mimo-v2.5-pro"),
        ("ZHIPU_API_KEY", "glm-5.2"),
        ("ZAI_API_KEY", "glm-5.3"),
    ],
)
def test_a_key_of_use_reaches_no_plan_and_nothing_free(variable: str, name: str) -> None:
    providers = ProviderList(environ={variable: KEY}, local=False)
    assert [offer.billing for offer in providers.find_model_providers(name)] in (["payg"], ["payg", "payg"])
    assert providers.find_model_providers(f"{name}:free") == []
    cheapest = providers.find_model_providers(f"{name}:cheapest")[0]
    assert cheapest.billing == "payg" and cheapest.input_price and not is_free(cheapest)

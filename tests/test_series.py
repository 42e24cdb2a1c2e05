"""A time in parts, and a search through the calls: held to what a plain loop over the same calls says."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers.gateway.page.charts import nice
from inference_providers.gateway.page.costs import RANGES, edges_of
from inference_providers.usage.log_file import COLUMNS, LogFile
from inference_providers.usage.log_search import LogSearch
from inference_providers.usage.series import FINE, PARTS, Latencies, Series, percentile
from tests.conftest import places

T0 = int(time.time()) // 900 * 900 - 86400  # what is older than a year is removed
CALL = dict.fromkeys(COLUMNS) | {
    "at": T0, "program": "p", "path": "/", "provider": "", "model": "", "name": "", "outcome": "ok", "reported": False,
    "seconds": 1.0, "attempts": 1, "input": 0, "output": 0, "cached": 0,
}  # fmt: skip
calls = st.fixed_dictionaries(
    {
        "at": st.integers(-100, 4000).map(lambda after: T0 + after * 1.0),
        "provider": st.sampled_from(["", "p1", "p2", "100%"]),
        "name": st.sampled_from(["m", "M_x", "mix", "\u00fc"]),
        "caller": st.sampled_from([None, "a", "b"]),
        "outcome": st.sampled_from(["ok", "closed", "RateLimitError", "x' OR 1"]),
        "cost": st.sampled_from([None, 0.0, 0.25, 3.0]),
        "seconds": st.sampled_from([0.0, 0.5, 2.0, 40.0]),
        "first": st.sampled_from([None, 0.125]),
        "input": st.sampled_from([None, 3, 2**50]),
    }
)


def log_with(rows: list[dict[str, Any]]) -> LogFile:
    file = LogFile.of(places())
    assert file is not None
    file.clear()
    for one in rows:
        file.put(tuple((CALL | one).values()))
    return file


def answered(one: dict[str, Any]) -> bool:
    return one["outcome"] in ("ok", "closed")


@pytest.mark.parametrize("step", [900, FINE])
@given(st.lists(calls, max_size=12), st.sampled_from([("provider", "p1"), ("model", "mix"), ("caller", "a")]))
@settings(max_examples=25)
def test_somebodys_calls_are_those_of_a_log_of_them_alone(
    step: float, rows: list[dict[str, Any]], only: tuple[str, str]
) -> None:
    edges, (name, key) = [T0 + at * step for at in range(4)], only
    column = "name" if name == "model" else name
    file = log_with(rows)
    found, times = Series(file, edges, {name: key}), Latencies(file, edges, {name: key})
    alone = log_with([one for one in rows if one[column] == key])
    wanted, expected = Series(alone, edges), Latencies(alone, edges)
    for one, other in zip([found.whole, *found.parts], [wanted.whole, *wanted.parts], strict=True):
        assert (one.calls, one.failed, one.cost, one.input) == (other.calls, other.failed, other.cost, other.input)
    assert {what: [one.key for one in found.by[what]] for what in PARTS} == {
        what: [one.key for one in wanted.by[what]] for what in PARTS
    }
    assert times.parts(0.5) == expected.parts(0.5)


@pytest.mark.parametrize("step", [900, FINE])
@given(st.lists(calls, max_size=12))
@settings(max_examples=25)
def test_parts_and_sums_are_those_of_the_calls(step: float, rows: list[dict[str, Any]]) -> None:
    file, edges = log_with(rows), [T0 + at * step for at in range(4)]
    within = [one for one in rows if edges[0] <= one["at"] < edges[-1]]
    series, latencies = Series(file, edges), Latencies(file, edges)
    parts = [[one for one in within if since <= one["at"] < until] for since, until in pairwise(edges)]
    for found, expected in zip([series.whole, *series.parts], [within, *parts], strict=True):
        good = [one for one in expected if answered(one)]
        assert (found.calls, found.failed) == (len(expected), len(expected) - len(good))
        assert found.unknown == sum(one["cost"] is None for one in good)
        assert found.cost == sum(one["cost"] or 0 for one in expected)
        assert found.seconds == sum(one["seconds"] for one in good)
        assert found.input == sum(min(one["input"] or 0, 2**40) for one in expected)
        assert found.firsts == sum(one["first"] is not None for one in expected)
    for by, column in zip(PARTS, ("provider", "name", "caller"), strict=True):
        keys = {one[column] or "" for one in within}
        assert {one.key: one.calls for one in series.by[by]} == {
            key: sum((one[column] or "") == key for one in within) for key in keys
        }
        for key in keys:
            times = [one["seconds"] for one in within if answered(one) and (one[column] or "") == key]
            assert latencies.of(by, key, 0.95) == percentile(times, 0.95)
    expected_parts = [percentile([one["seconds"] for one in part if answered(one)], 0.5) for part in parts]
    assert latencies.parts(0.5) == expected_parts
    assert latencies.is_whole


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.95]))
def test_a_percentile_is_the_least_that_so_many_do_not_exceed(values: list[float], part: float) -> None:
    found = percentile(values, part)
    assert found is not None
    assert found in values
    assert sum(one <= found for one in values) >= part * len(values)
    assert sum(one < found for one in values) < part * len(values) or part * len(values) <= 1


@given(
    st.lists(calls, max_size=14),
    st.sampled_from(["", "m", "M", "_", "%", "\u00fc", "!"]),
    st.sampled_from(["", "p", "%"]),
    st.sampled_from(["", "-", "a", "zz"]),
    st.sampled_from(["", "answered", "failed", "x"]),
    st.integers(1, 4),
)
@settings(max_examples=50)
def test_a_search_finds_each_call_that_is_meant_once_in_both_directions(
    rows: list[dict[str, Any]], model: str, provider: str, caller: str, outcome: str, count: int
) -> None:
    file = log_with(rows)
    search = LogSearch(model=model, provider=provider, caller=caller, outcome=outcome)
    expected = [
        (one["at"], one["name"])
        for one in rows
        if model.lower() in one["name"].lower()
        and provider in one["provider"]
        and (not caller or (one["caller"] or "-") == caller)
        and (outcome not in ("answered", "failed") or answered(one) is (outcome == "answered"))
    ]
    found: list[dict[str, Any]] = []
    while page := search.page(file, count, before=found[-1]["id"] if found else None):
        found += page
    assert [(one["at"], one["name"]) for one in reversed(found)] == expected
    back: list[dict[str, Any]] = []
    while page := search.page(file, count, after=back[0]["id"] if back else 0):
        back = page + back
    assert back == found


@pytest.mark.parametrize("name", RANGES)
def test_a_range_has_its_parts_and_now_is_in_the_last_one_of_a_short_one(name: str) -> None:
    _, step, many, _ = RANGES[name]
    for now in (T0 + 0.5, T0 + 899, T0 + 12345.6):
        edges = edges_of(name, now)
        assert len(edges) == many + 1
        assert all(until - since == step for since, until in pairwise(edges))
        assert edges[0] <= now - (many * step - max(step, 86400)) and now < edges[-1]
        if step * many <= 86400:
            assert edges[-2] <= now


@given(st.floats(1e-9, 1e12))
def test_a_scale_ends_above_all_and_not_far_above(most: float) -> None:
    assert most * 0.999 <= nice(most) <= most * 2.5

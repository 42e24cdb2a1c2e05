"""What the log says: sums by whatever, days as they are in a zone, how well a model does; and no full scan for it."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import AsyncProviderList, ProviderList
from inference_providers.usage.log_file import COLUMNS, MIGRATIONS, SLOT, LogFile
from inference_providers.usage.log_reading import every, latest, turns_of
from inference_providers.usage.page import bars, cells, page_of, table_of
from inference_providers.usage.reports import BY, Performance, percentile_statement, report, statement
from inference_providers.usage.timeframes import day_of, hour_of, midnight, moments
from inference_providers.usage.totals import SUMS, Totals
from tests.conftest import places
from tests.test_usage_log import row

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 26, 15, 30, tzinfo=UTC)


def log_file() -> LogFile:
    made = LogFile.of(places())
    assert made is not None
    return made


def filled(*rows: tuple[Any, ...]) -> LogFile:
    file = log_file()
    for one in rows:
        file.put(one)
    return file


def at(*when: int, zone: Any = UTC) -> float:
    return datetime(*when, tzinfo=zone).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("words", "since", "until"),
    [
        ("today", at(2026, 11, 26), None),
        ("yesterday", at(2026, 11, 25), at(2026, 11, 26)),
        ("7d", at(2026, 11, 20), None),
        ("last_7_days", at(2026, 11, 20), None),
        ("Last 30 days", at(2026, 10, 28), None),
        ("last-30-days", at(2026, 10, 28), None),
        ("1d", at(2026, 11, 26), None),
        ("24h", at(2026, 11, 25, 15, 30), None),
        ("last_24_hours", at(2026, 11, 25, 15, 30), None),
        ("2w", at(2026, 11, 13), None),
        ("last_1_month", at(2026, 10, 28), None),
        ("this_week", at(2026, 11, 23), None),
        ("last_week", at(2026, 11, 16), at(2026, 11, 23)),
        ("this_month", at(2026, 11, 1), None),
        ("last_month", at(2026, 10, 1), at(2026, 11, 1)),
        ("this_year", at(2026, 1, 1), None),
        ("2026-11-01", at(2026, 11, 1), None),
        ("all", at(1971, 1, 1), None),
        ("99999y", at(1971, 1, 1), None),
    ],
)
def test_words_for_a_time(words: str, since: float, until: float | None) -> None:
    assert moments(words, NOW, UTC) == (since, float("inf") if until is None else until)


@pytest.mark.parametrize("words", ["", "soon", "7", "-3d", "2026-13-01", "2026-02-30", "d7"])
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match=r"a time is|month|day"):
        moments(words, NOW, UTC)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 11, 26), 24)]
)
def test_a_day_has_as_many_hours_as_the_zone_gives_it(day: date, hours: int) -> None:
    start = midnight(day, BERLIN)
    end = midnight(date.fromordinal(day.toordinal() + 1), BERLIN)
    assert end - start == hours * 3600
    file = filled(*(row(moment) for moment in range(int(start), int(end), 3600)))
    days = report(file, start - 86400, end + 86400, "day", BERLIN)
    assert [(one.key, one.calls) for one in days] == [(day.isoformat(), hours)]
    by_hour = report(file, start - 86400, end + 86400, "hour", BERLIN)
    assert len({one.key for one in by_hour}) == hours
    since, until = moments("yesterday", datetime(day.year, day.month, day.day + 1, 12, tzinfo=BERLIN), BERLIN)
    assert (since, until) == (start, end)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from(
        ["Asia/Kathmandu", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Chatham", "UTC"]
    ),
)
def test_a_day_begins_with_a_slot_in_every_zone(moment: datetime, zone: str) -> None:
    start = midnight(moment.date(), ZoneInfo(zone))
    assert start % SLOT == 0
    assert day_of(start, ZoneInfo(zone)) == moment.date().isoformat()
    assert hour_of(start, ZoneInfo(zone)).startswith(moment.date().isoformat())


def test_sums_by_whatever() -> None:
    day = at(2026, 11, 20, 10)
    file = filled(
        row(day, provider="a", name="x", program="one", cost=1.0),
        row(day + 3600, provider="a", name="y", program="two", cost=None),
        row(day + 86400, provider="b", name="x", program="one", cost=0.25, first=0.5),
        row(day + 86400, provider="b", name="x", program="one", outcome="RateLimitError", cost=None),
        row(day - 86400 * 90),
    )
    since, until = at(2026, 11, 1), at(2026, 12, 1)
    found = {
        by: [(one.key, one.calls, one.failed, one.unknown, one.cost) for one in report(file, since, until, by, UTC)]
        for by in BY
    }
    assert found["provider"] == [("a", 2, 0, 1, 1.0), ("b", 2, 1, 0, 0.25)]
    assert found["model"] == [("x", 3, 1, 0, 1.25), ("y", 1, 0, 1, 0.0)]
    assert found["program"] == [("one", 3, 1, 0, 1.25), ("two", 1, 0, 1, 0.0)]
    assert found["day"] == [("2026-11-20", 2, 0, 1, 1.0), ("2026-11-21", 2, 1, 0, 0.25)]
    assert [one[0] for one in found["hour"]] == [
        "2026-11-20 10:00 +0000",
        "2026-11-20 11:00 +0000",
        "2026-11-21 10:00 +0000",
    ]
    (whole,) = report(file, since, until)
    assert (whole.calls, whole.input, whole.success_rate, whole.latency, whole.first_content) == (4, 40, 0.75, 2.0, 0.5)
    assert report(file, at(2030, 1, 1), at(2031, 1, 1)) == []


def test_a_report_reads_no_whole_table() -> None:
    connection = sqlite3.connect(":memory:")
    for line in ";".join(MIGRATIONS).split(";"):
        connection.execute(line)
    plans = [(statement(by), (0, 1)) for by in (None, *BY)]
    plans += [(percentile_statement(2, True), ("a", "b", 0, 1, "p")), (percentile_statement(1, False), ("a", 0, 1))]
    for sql, values in plans:
        steps = [line[3] for line in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        assert any(step.startswith("SEARCH") for step in steps), (sql, steps)
        assert not any(step.startswith("SCAN") for step in steps), (sql, steps)


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_analytics_and_performance(kind: Any) -> None:
    now = datetime.now(UTC).timestamp()
    filled(
        *(
            row(now, name="gpt-3.5-turbo", provider="openai", seconds=float(number), cost=0.5)
            for number in range(1, 21)
        ),
        row(now, name="gpt-3.5-turbo", provider="azure", outcome="RateLimitError", cost=None),
        row(now, name="other", cost=None),
    )
    made = kind(mock={"gpt-4": "hi"})
    found = made.analytics(timeframe="last_30_days", metrics=["requests", "tokens", "costs", "latency"])
    assert (found.total_requests, found.failed_requests, found.unknown_costs) == (22, 1, 1)
    assert found.total_cost == 10.0
    assert found.success_rate == pytest.approx(21 / 22)
    assert found.avg_latency_ms == pytest.approx((210 + 2) / 21 * 1000, abs=0.001)
    assert found.total_tokens == found.input_tokens + found.output_tokens == 22 * 15
    assert "gpt-3.5-turbo" in found._repr_html_()
    assert found.table("provider")[0]["provider"] == found.by_provider[0].key
    with pytest.raises(ValueError, match="there are provider, model, day"):
        found.table("nonsense")
    assert found.as_dict()["by_model"]["other"]["calls"] == 1
    assert made.analytics("today", metrics=["costs"]).total_requests is None
    with pytest.raises(ValueError, match="not a metric"):
        made.analytics(metrics=["beauty"])
    how = made.performance(model="gpt-3.5-turbo", metrics=["success_rate", "avg_latency", "p95_latency"])
    assert how.success_rate == pytest.approx(20 / 21)
    assert (how.avg_latency_ms, how.p95_latency_ms, how.p95_latency) == (10500, 19000, 19.0)
    assert made.performance("openai/gpt-3.5-turbo").total_requests == 20
    assert "success rate" in how._repr_html_()
    nothing = made.performance("nobody-asked-it")
    assert (nothing.total_requests, nothing.success_rate, nothing.p95_latency_ms) == (0, None, None)


def test_calls_and_sums_of_one_caller() -> None:
    now = time.time()
    filled(
        row(now, caller="c1", cost=1.0), row(now, caller="c2"), row(now, caller="c1", provider="q", cost=2.0), row(now)
    )
    file = log_file()
    found = report(file, 0, now + SLOT, "caller")
    assert [(one.key, one.calls, one.cost) for one in found] == [("c1", 2, 3.0), ("", 1, 0.5), ("c2", 1, 0.5)]
    assert [one.calls for one in report(file, 0, now + SLOT, "program")] == [4]
    assert [(one["caller"], one["cost"]) for one in latest(file, 9, caller="c1")] == [("c1", 2.0), ("c1", 1.0)]
    assert [one["provider"] for one in latest(file, 9, "q", "c1")] == ["q"]
    assert latest(file, 9, "q", "c2") == []
    assert len(latest(file, 9)) == 4


def test_without_a_log_there_are_no_requests() -> None:
    found = ProviderList(mock={"gpt-4": "hi"}).analytics()
    assert (found.total_requests, found.total_cost, found.avg_latency_ms, found.by_model) == (0, 0, None, [])


def test_pages_escape_what_is_in_them_and_load_nothing() -> None:
    evil = Totals("<script>alert(1)</script>", [1] * 11)
    page = page_of("a & b", {"day": [evil], "model": [evil]})
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 3
    for outside in ("src=", "href=", "url(", "@import"):
        assert outside not in page
    assert "<td>&lt;script" in table_of([evil], "model")
    assert bars([], "{}").startswith("<svg")
    assert len(COLUMNS) == len(set(COLUMNS))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE calls SET at = 1e300",
        "UPDATE calls SET seconds = 'x', input = x'00ff', first = 9e999",
        "UPDATE calls SET cost = 'abc', seconds = 9e999",
        "UPDATE calls SET tries = 'not json'",
        "UPDATE calls SET tries = '[1, 2]', model = x'ff'",
        "UPDATE texts SET asked = '{'",
        "UPDATE texts SET asked = '3', answer = x'ff'",
        """UPDATE texts SET asked = '[1, {"role": 3, "content": {"a": 1}}]'""",
        "UPDATE slots SET cost = 9e999, seconds = 'x'",
        "UPDATE slots SET slot = 9007199254740900",
        "UPDATE slots SET name = x'ff00', provider = x'00'",
    ],
)
def test_whatever_is_in_the_file_can_be_read(change: str) -> None:
    file = log_file()
    file.put(row(time.time()), ("talk", True, json.dumps([{"role": "user", "content": "hi"}]), "hello"))
    assert file.read(lambda _: True)
    assert file.database.write(lambda connection: connection.execute(change).rowcount) == 1
    (found,) = latest(file, 9)
    json.dumps([found, *every(file, float("-inf"), float("inf"))], allow_nan=False)
    assert turns_of(file) is not None
    for by in ("provider", "model", "day", "program", "hour"):
        totals = report(file, 0, float("inf"), by)
        json.dumps([one.as_dict() for one in totals], allow_nan=False)
        page_of("title", {by: totals})
    Performance(file, "m", ["m"], timeframe="all")


def test_no_server_makes_sums_overflow() -> None:
    now = time.time()
    file = filled(*(row(now + SLOT * (number % 2), input=2**53 - 1) for number in range(1100)))
    assert file.read(lambda _: True)
    file.database.write(lambda connection: connection.execute("UPDATE slots SET input = ?", (2**63 - 1,)).rowcount)
    (found,) = report(file, 0, float("inf"), "model")
    assert (found.calls, found.input) == (1100, 2**64)
    assert not file.database.fault


def test_a_cost_below_the_last_digit_is_not_said_to_be_nothing() -> None:
    sums = dict.fromkeys(SUMS, 0)
    said = [cells(Totals("m", [*{**sums, "cost": cost}.values()]))[4] for cost in (0.0, 0.00004, 0.0055)]
    assert said == ["$0.0000", "<$0.0001", "$0.0055"]

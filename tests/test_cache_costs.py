"""What a reply that was kept costs: nothing, wherever that is said, and it asks for no room in any limit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from inference_providers import BudgetExceededError, RateLimitError
from inference_providers.calls import CallFinished, StreamFinished
from inference_providers.files.writer import row_writer
from inference_providers.usage.log_file import LOG_NAME
from tests.conftest import list_of, places
from tests.servers import Server
from tests.test_budget import FACTS, LIMIT, SPENT, costly
from tests.test_pipeline import KINDS, done, heard_by
from tests.test_usage_log import data

Serve = Callable[..., Server]
WAYS = [(kind, streams) for kind in KINDS for streams in (False, True)]
ways = pytest.mark.parametrize(("kind", "streams"), WAYS, ids=[f"{kind}{' stream' * s}" for kind, s in WAYS])


def made_of(server: Server, kind: str = "sync", **options: Any) -> Any:
    options.setdefault("cache", {"store": "memory"})
    return list_of(server.url, kind=KINDS[kind], facts=[FACTS], environ=places(), **options)


def ask(made: Any, *questions: str, streams: bool = False, **options: Any) -> list[Any]:
    """The answers, one after another."""

    async def asking() -> list[Any]:
        found = []
        for question in questions:
            got = await done(made.ask_ai(question, "m", max_tokens=LIMIT, stream=streams, **options))
            if streams:
                _ = [piece async for piece in got] if hasattr(got, "__aiter__") else list(got)
                got = got.answer
            found.append(got)
        return found

    return asyncio.run(asking())


def logged() -> list[dict[str, Any]]:
    assert row_writer().flush(30)
    with sqlite3.connect(data() / LOG_NAME) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM calls ORDER BY 1")]


@ways
def test_a_hit_costs_nothing_in_the_answer_the_events_and_the_log(kind: str, streams: bool, serve: Serve) -> None:
    server = serve(costly)
    made = made_of(server, kind, log="usage")
    events = heard_by(made)
    first, again = ask(made, "Which?", "Which?", streams=streams)
    assert len(server.asked) == 1
    assert (first.cost, first.cached, again.cost, again.cached) == (pytest.approx(SPENT), False, 0.0, True)
    assert again.usage == first.usage
    assert again.savings == pytest.approx(SPENT)
    assert [attempt.outcome for attempt in again.attempts] == ["cache"]
    details = again.cost_details
    assert (details.cost, details.known, details.unknown, details.source) == (0.0, 0.0, 0, "kept")
    assert [tuple(part) for part in details.parts] == [("kept", again.usage.total_tokens, 0.0, 0.0)]
    told = [event for event in events if type(event) is (StreamFinished if streams else CallFinished)]
    assert [(event.cost, event.cached, event.outcome) for event in told] == [
        (pytest.approx(SPENT), False, "ok"), (0.0, True, "ok"),
    ]  # fmt: skip
    assert [event.usage.total_tokens for event in told] == [1500, 1500]
    rows = logged()
    assert [(row["cost"], row["outcome"], row["attempts"]) for row in rows] == [
        (pytest.approx(SPENT), "ok", 1), (0.0, "ok", 0),
    ]  # fmt: skip
    assert [row["input"] + row["output"] for row in rows] == [1500, 1500]


@ways
def test_a_hit_spends_no_budget_and_needs_none(kind: str, streams: bool, serve: Serve) -> None:
    server = serve(costly)
    made = made_of(server, kind, budget={"per_day": 1.5 * SPENT})
    ask(made, "Which?", streams=streams)
    with pytest.raises(BudgetExceededError):
        ask(made, "Another?", streams=streams)  # nothing more fits
    answers = ask(made, *["Which?"] * 5, streams=streams)
    assert [answer.cached for answer in answers] == [True] * 5
    with pytest.raises(BudgetExceededError):
        ask(made, "Another?", streams=streams)
    assert len(server.asked) == 1
    assert list(made.pipeline.gate.ledger.spent().values()) == [pytest.approx(SPENT)] * 2  # this day, and this month


@ways
def test_a_hit_needs_no_limit_of_a_call(kind: str, streams: bool, serve: Serve) -> None:
    server = serve(costly)
    made = made_of(server, kind)
    ask(made, "Which?", streams=streams)
    with pytest.raises(BudgetExceededError):
        ask(made, "Another?", streams=streams, max_cost=SPENT / 10)
    (again,) = ask(made, "Which?", streams=streams, max_cost=SPENT / 10)
    assert again.cached
    assert len(server.asked) == 1


@ways
def test_a_hit_passes_a_full_minute(kind: str, streams: bool, serve: Serve) -> None:
    server = serve(costly)
    made = made_of(server, kind, rate_limits={"p1": {"requests_per_minute": 1}})
    ask(made, "Which?", streams=streams)
    with pytest.raises(RateLimitError):
        ask(made, "Another?", streams=streams, timeout=0.5)
    answers = ask(made, *["Which?"] * 5, streams=streams, timeout=0.5)
    assert [answer.cached for answer in answers] == [True] * 5
    assert len(server.asked) == 1

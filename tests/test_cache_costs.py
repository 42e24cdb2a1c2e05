"""What a reply that was kept costs: nothing, wherever that is said, and it asks for no room in any limit."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from inference_providers import BudgetExceededError, RateLimitError
from inference_providers.calls import Call, CallFinished, Stage, StreamFinished
from inference_providers.files.writer import row_writer
from inference_providers.usage.log_file import LOG_NAME
from tests.conftest import list_of, places
from tests.servers import PATIENCE, Connection, Received, Server, completion
from tests.test_budget import FACTS, LIMIT, SPENT, USED, costly
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
    with closing(sqlite3.connect(data() / LOG_NAME)) as connection, connection:
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
        ask(made, "Another?", streams=streams, timeout=20)
    answers = ask(made, *["Which?"] * 5, streams=streams, timeout=20)
    assert [answer.cached for answer in answers] == [True] * 5
    assert len(server.asked) == 1


def test_who_joins_a_call_under_way_pays_nothing_either(serve: Serve) -> None:
    arrived = threading.Event()

    def slow(connection: Connection, request: Received) -> None:
        assert arrived.wait(PATIENCE)
        costly(connection, request)

    server = serve(slow)
    made = made_of(server, log="usage", budget={"per_day": 1.5 * SPENT}, rate_limits={"p1": {"requests_per_minute": 1}})
    begun: list[int] = []

    class Counted(Stage):
        def before(self, call: Call) -> None:
            begun.append(call.number)
            if len(begun) == 4:
                arrived.set()

    made.pipeline.stages.insert(0, Counted())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: made.ask_ai("Which?", "m", max_tokens=LIMIT), range(4)))
    assert len(server.asked) == 1
    assert sorted(answer.cost for answer in answers) == [0.0, 0.0, 0.0, pytest.approx(SPENT)]
    assert sorted(row["cost"] for row in logged()) == [0.0, 0.0, 0.0, pytest.approx(SPENT)]
    assert list(made.pipeline.gate.ledger.spent().values()) == [pytest.approx(SPENT)] * 2


def test_an_sdk_client_gets_a_hit_through_full_limits_and_it_is_logged(serve: Serve) -> None:
    server = serve(costly)
    made = made_of(server, log="usage", budget={"per_day": 1.5 * SPENT}, rate_limits={"p1": {"requests_per_minute": 1}})
    asked = {"model": "m", "messages": [{"role": "user", "content": "Which?"}], "max_tokens": LIMIT}
    raw = made.client().chat.completions.with_raw_response
    first, again = (raw.create(**asked) for _ in range(2))
    assert (first.headers.get("x-inference-cache"), again.headers.get("x-inference-cache")) == (None, "hit")
    assert [row["cost"] for row in logged()] == [pytest.approx(SPENT), 0.0]
    assert len(server.asked) == 1


def test_what_a_provider_reports_is_not_charged_again_and_is_what_a_hit_saves(serve: Serve) -> None:
    def reports(connection: Connection, request: Received) -> None:
        connection.reply(200, completion() | {"usage": USED | {"cost": 0.5}})

    made = made_of(serve(reports), log="usage")
    first, again = ask(made, "Which?", "Which?")
    assert (first.cost, again.cost, again.savings) == (0.5, 0.0, 0.5)
    assert (first.cost_details.source, again.cost_details.source) == ("reported", "kept")
    assert [(row["cost"], row["reported"]) for row in logged()] == [(0.5, 1), (0.0, 0)]

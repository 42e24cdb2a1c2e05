"""Spending limits: what is set aside before sending, in every way of asking, by many threads and processes."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest

from inference_providers import (
    AsyncProviderList,
    BudgetExceededError,
    MetaInferenceEngine,
    ProviderList,
)
from inference_providers.cli.places import places as kept
from inference_providers.files import Database
from inference_providers.files.database import REST
from inference_providers.registry import Facts
from inference_providers.routing.budget import GRACE, SCHEMA, Budget, Entry, Ledger, Purse
from inference_providers.usage.ceiling import Size, likely_cost, most_cost
from tests.conftest import keys, list_of, places, registry_of
from tests.servers import Connection, Received, Server, completion, delta, status
from tests.test_pipeline import eventually

Serve = Callable[..., Server]
LedgerAt = Callable[[list[float]], Ledger]
FACTS = [100_000, 4000, 10, 20]  # USD for a million tokens: 10 for those of a prompt, 20 for those of an answer
SPENT = (1000 * 10 + 500 * 20) / 1e6  # what each answer costs: 0.02
LIMIT = 1000  # tokens of an answer: it may cost a little more than 0.02
USED = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}


def costly(conn: Connection, request: Received) -> None:
    """An answer of known cost, streamed or not."""
    if not request.streams:
        conn.reply(200, completion() | {"usage": USED})
        return
    conn.start_stream()
    conn.event(delta("hello"))
    conn.event(delta(None, "stop"))
    conn.event(delta(None) | {"choices": [], "usage": USED})
    conn.event("[DONE]")
    conn.end_stream()


def budgeted(*servers: Server, **options: Any) -> Any:
    facts = options.pop("facts", [FACTS] * len(servers))
    return list_of(*(server.url for server in servers), facts=facts, environ=places(), **options)


def by_ask(providers: Any, **options: Any) -> Any:
    return providers.ask_ai("hi", "m", max_tokens=LIMIT, **options)


def by_stream(providers: Any, **options: Any) -> Any:
    return "".join(providers.stream("hi", "m", max_tokens=LIMIT, **options))


def by_client(providers: Any, **options: Any) -> Any:
    messages: Any = [{"role": "user", "content": "hi"}]
    client = providers.client()
    return client.chat.completions.create(model="m", messages=messages, max_tokens=LIMIT, extra_body=options)


def by_batch(providers: Any, **options: Any) -> Any:
    (result,) = providers.batch(["hi"], "m", max_tokens=LIMIT, **options)
    if result.error is not None:
        raise result.error
    return result.answer


WAYS = (by_ask, by_stream, by_client, by_batch)


def kind_of(error: BaseException) -> BaseException:
    return error.__cause__ if isinstance(error, openai.APIError) and error.__cause__ is not None else error


@pytest.mark.parametrize("way", WAYS)
def test_what_may_cost_too_much_is_not_sent(way: Any, serve: Serve) -> None:
    server = serve(costly)
    providers = budgeted(server)
    with pytest.raises((BudgetExceededError, openai.APIStatusError)) as caught:
        way(providers, max_cost=0.01)
    error = kind_of(caught.value)
    assert isinstance(error, BudgetExceededError)
    assert server.asked == []
    assert error.cost is not None and error.cost > 0.02 and error.left == error.limit == 0.01
    assert "max_tokens" in str(error) and "$0.01" in str(error)
    assert way(providers, max_cost=0.05)
    assert len(server.asked) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_day_is_shared_by_all_ways_and_all_lists(way: Any, serve: Serve) -> None:
    server = serve(costly)
    budget = {"per_day": 0.05}
    assert way(budgeted(server, budget=budget))
    assert by_ask(budgeted(server, budget=budget))  # 0.04 are spent now
    with pytest.raises((BudgetExceededError, openai.APIStatusError)) as caught:
        way(budgeted(server, budget=budget))
    error = kind_of(caught.value)
    assert isinstance(error, BudgetExceededError)
    assert error.budget == "day" and error.left == pytest.approx(0.01) and error.limit == 0.05
    assert error.renews is not None
    assert time.localtime(error.renews)[3:5] == (0, 0)
    assert len(server.asked) == 2
    assert by_ask(budgeted(server))  # who has no budget pays nothing for it


def test_amounts_are_told_as_people_write_them(serve: Serve) -> None:
    for limit, shown in ((0.00001, r"\$0\.00001"), (1e-7, r"\$1e-07"), (0, r"\$0")):
        with pytest.raises(BudgetExceededError, match=f"and this call may cost {shown} at most"):
            budgeted(serve(costly)).ask_ai("hi", "m", max_cost=limit)


def test_an_sdk_client_gets_a_402_that_says_so(serve: Serve) -> None:
    providers = budgeted(serve(costly))
    client = providers.client(max_cost=0.001)
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert caught.value.status_code == 402
    assert caught.value.code == "budget_exceeded"
    with pytest.raises(openai.BadRequestError, match="max_cost must be an amount"):
        by_client(providers, max_cost="much")


def test_asyncio_has_the_same_budget(serve: Serve) -> None:
    server = serve(costly)

    async def run() -> None:
        providers: AsyncProviderList = budgeted(server, kind=AsyncProviderList, budget={"per_day": 0.05})
        await providers.ask_ai("hi", "m", max_tokens=LIMIT)
        stream = providers.stream("hi", "m", max_tokens=LIMIT)
        assert [piece async for piece in stream] == ["hello"]
        with pytest.raises(BudgetExceededError):
            await providers.ask_ai("hi", "m", max_tokens=LIMIT)

    asyncio.run(run())
    assert len(server.asked) == 2


def test_the_engine_has_the_same_budget(serve: Serve) -> None:
    server = serve(costly)
    made = MetaInferenceEngine(remote_params={"api_url": server.url, "api_key": "k"}, environ=places())
    with pytest.raises(BudgetExceededError, match="no price is known"):
        made.infer(["hi"], "m", max_cost=1.0)
    assert server.asked == []


def test_a_provider_that_is_too_dear_is_passed_over_for_one_that_is_not(serve: Serve) -> None:
    dear, cheap = serve(costly), serve(costly)
    providers = budgeted(dear, cheap, facts=[FACTS, [100_000, 4000, 0.1, 0.2]])
    answer = by_ask(providers, max_cost=0.01)
    assert answer.provider == "p2"
    assert [attempt.outcome[:20] for attempt in answer.attempts] == ["p1/m-internal: nothi", "ok"]
    assert dear.asked == []


def test_each_try_is_set_aside_anew_and_what_was_refused_is_given_back(serve: Serve) -> None:
    failing = serve(status(500))
    providers = budgeted(failing, serve(costly), budget={"per_day": 0.05})
    for _ in range(2):  # each has failing tries before: they cost nothing
        assert by_ask(providers).provider == "p2"
    assert providers.pipeline.gate.ledger.spent()["day"] == pytest.approx(2 * SPENT)


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_a_hedge_that_lost_counts_as_it_was_set_aside(kind: Any, serve: Serve) -> None:
    def waits(conn: Connection, request: Received) -> None:
        conn.hold()

    slow, quick = serve(costly), serve(costly)
    providers = budgeted(slow, quick, kind=kind, budget={"per_day": 5.0}, hedge_after=0.05)

    async def ask(count: int) -> Any:
        for _ in range(count):
            found = by_ask(providers)
            found = await found if kind is AsyncProviderList else found
        return found

    asyncio.run(ask(19))  # one request in twenty may be an extra one
    slow.behaviour = waits
    assert asyncio.run(ask(1)).provider == "p2"
    assert eventually(lambda: providers.pipeline.gate.ledger.spent()["day"] > 20 * SPENT + 0.02)
    assert providers.pipeline.gate.ledger.spent()["day"] < 20 * SPENT + 0.021
    assert eventually(lambda: [providers.pipeline.gate.load.busy(one) for one in providers.candidates("m")] == [0, 0])


def test_what_broke_off_counts_as_it_was_set_aside(serve: Serve) -> None:
    def broken(conn: Connection, request: Received) -> None:
        conn.start_stream()
        conn.event(delta("hel"))
        conn.close()

    providers = budgeted(serve(broken), budget={"per_day": 0.05})
    stream = providers.stream("hi", "m", max_tokens=LIMIT)
    with pytest.raises(Exception, match=r"."):
        list(stream)
    spent = providers.pipeline.gate.ledger.spent()["day"]
    assert 0.02 < spent < 0.03


def test_a_stream_that_is_left_counts_as_it_was_set_aside_and_one_that_is_dropped_too(serve: Serve) -> None:
    def endless(conn: Connection, request: Received) -> None:
        conn.start_stream()
        conn.event(delta("hel"))
        conn.hold(b"")

    providers = budgeted(serve(endless), budget={"per_day": 0.1})
    stream = providers.stream("hi", "m", max_tokens=LIMIT)
    next(iter(stream))
    stream.close()
    ledger = providers.pipeline.gate.ledger
    spent = ledger.spent()["day"]
    assert 0.02 < spent < 0.03
    dropped = providers.stream("hi", "m", max_tokens=LIMIT)
    dropped._reply.close = lambda: None  # nobody closes it
    del dropped, stream
    gc.collect()
    ledger.reserve(0.0, Budget(per_day=1.0), 1.0)
    assert ledger.spent()["day"] == pytest.approx(2 * spent)


def test_tools_and_repairs_count_in_one_question(serve: Serve) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}

    def asks(conn: Connection, request: Received) -> None:
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        conn.reply(200, completion() | {"choices": [{"index": 0, "message": message}], "usage": USED})

    def look() -> str:
        """Look."""
        return "nothing"

    server = serve(asks)
    with pytest.raises(BudgetExceededError) as caught:
        by_ask(budgeted(server), max_cost=0.08, tools=[look])
    assert len(server.asked) == 3  # 0.06 are spent, and what a fourth may cost is more than 0.02
    assert caught.value.budget == "call"


def test_a_batch_has_one_purse_and_each_question_its_own(serve: Serve) -> None:
    server = serve(costly)
    providers = budgeted(server)
    results = list(providers.batch(["hi"] * 10, "m", max_tokens=LIMIT, max_cost=0.1, concurrency=1))
    told = [type(result.error).__name__ for result in results if result.error is not None]
    assert set(told) == {"BudgetExceededError"} and len(server.asked) == 4
    limited = budgeted(server, budget={"per_call": 0.05})
    assert all(result.error is None for result in limited.batch(["hi"] * 10, "m", max_tokens=LIMIT))
    with pytest.raises(ValueError, match="cannot hold to max_cost"):
        providers.batch(["hi"], "m", max_cost=1.0, mode="provider", out="x.jsonl")


@pytest.mark.parametrize("limits", [{"max_cost": 0.31}, {}])
def test_what_others_of_the_same_program_may_give_back_is_waited_for(limits: dict[str, Any], serve: Serve) -> None:
    """Ten answers cost 0.2 and may cost more than 0.3 at once with the limit of the model."""
    server = serve(costly)
    budget = None if limits else {"per_day": 0.31}
    providers = budgeted(server, budget=budget)
    results = list(providers.batch(["hi"] * 10, "m", concurrency=10, **limits))
    assert [result.error for result in results] == [None] * 10


def test_who_waits_for_others_gives_up_in_time(serve: Serve) -> None:
    providers = budgeted(serve(costly), budget={"per_day": 0.03})
    ledger = providers.pipeline.gate.ledger
    entry = ledger.reserve(0.02, Budget(per_day=0.03), 60)
    with pytest.raises(BudgetExceededError) as caught:
        by_ask(providers, timeout=0.6)
    assert caught.value.is_passing and len(caught.value.attempts) == 1
    ledger.settle(entry, 0.0)
    assert by_ask(providers) == "hello"


def test_what_has_no_price_is_refused_unless_it_is_allowed(serve: Serve) -> None:
    server = serve(costly)
    with pytest.raises(BudgetExceededError, match="allow_unknown=True") as caught:
        by_ask(budgeted(server, facts=[[]], budget={"per_day": 5}))
    assert caught.value.cost is None and server.asked == []
    assert by_ask(budgeted(server, facts=[[]], budget={"per_day": 5, "allow_unknown": True}))
    free = budgeted(server, facts=[[1000, 100, 0, 0]], budget={"per_day": 0})
    assert by_ask(free)  # what costs nothing needs nothing


def test_a_month_is_a_limit_as_well(serve: Serve) -> None:
    providers = budgeted(serve(costly), budget={"per_month": 0.03, "per_day": 1.0})
    by_ask(providers)
    with pytest.raises(BudgetExceededError) as caught:
        by_ask(providers)
    assert caught.value.budget == "month"
    assert caught.value.renews is not None and time.localtime(caught.value.renews).tm_mday == 1


def test_threads_at_once_never_overspend(serve: Serve) -> None:
    server = serve(costly)
    providers = budgeted(server, budget={"per_day": 0.25})
    barrier = threading.Barrier(16)
    done: list[str] = []

    def work() -> None:
        barrier.wait()
        for _ in range(4):
            try:
                by_ask(providers)
                done.append("ok")
            except BudgetExceededError:
                done.append("refused")

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == done.count("ok")
    assert 1 <= len(server.asked) <= 0.25 / SPENT
    assert providers.pipeline.gate.ledger.spent()["day"] <= 0.25 + 1e-9


PROGRAM = """
import sys
from inference_providers.files import Database
from inference_providers.routing.budget import SCHEMA, Budget, Entry, Ledger
ledger = Ledger(Database(sys.argv[1], SCHEMA))
done = 0
for _ in range(200):
    entry = ledger.reserve(0.02, Budget(per_day=5.0), 60)
    if isinstance(entry, Entry):
        done += 1
        ledger.settle(entry, 0.01)
print(done)
"""


def test_eight_processes_at_once_never_overspend(tmp_path: Path) -> None:
    path = str(tmp_path / "own" / "budget.sqlite")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    told = [process.communicate(timeout=110) for process in running]
    assert [error for _, error in told] == [""] * 8
    spent = sum(int(out) for out, _ in told) * 0.01
    assert 4.9 < spent <= 5.0 + 1e-9
    ledger = Ledger(Database(path, SCHEMA))
    assert ledger.spent()["day"] == pytest.approx(spent)


ASKING = """
import sys
from pathlib import Path
from inference_providers import BudgetExceededError, ProviderList
providers = ProviderList(json_override=Path(sys.argv[1]), local=False, budget={"per_day": 0.25})
for _ in range(4):
    try:
        providers.ask_ai("hi", "m", max_tokens=1000)
    except BudgetExceededError:
        pass
"""


def test_eight_programs_that_ask_at_once_never_overspend(serve: Serve, tmp_path: Path) -> None:
    server, registry = serve(costly), tmp_path / "registry.json"
    registry.write_text(json.dumps(registry_of(server.url, facts=[FACTS])))
    environ = {**places(), **keys(1)}
    running = [
        subprocess.Popen([sys.executable, "-c", ASKING, str(registry)], env=environ, stderr=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    assert [process.communicate(timeout=110)[1] for process in running] == [""] * 8
    assert 10 <= len(server.asked) <= 0.25 / SPENT


@pytest.fixture
def ledger_at(tmp_path: Path) -> LedgerAt:
    """Makes a ledger that goes by a test's clock."""
    return lambda now: Ledger(Database(str(tmp_path / "own" / "budget.sqlite"), SCHEMA), lambda: now[0])


def test_a_program_that_dies_keeps_its_reservation_for_a_while_only(ledger_at: LedgerAt) -> None:
    now = [1_700_000_000.0]
    ledger = ledger_at(now)
    assert isinstance(ledger.reserve(0.9, Budget(per_day=1.0), 30), Entry)  # and is never settled
    assert isinstance(ledger.reserve(0.2, Budget(per_day=1.0), 30), BudgetExceededError)
    now[0] += 30 + GRACE + 1
    assert isinstance(ledger.reserve(0.2, Budget(per_day=1.0), 30), Entry)


def test_what_is_left_to_the_next_call_is_settled_when_there_is_none(tmp_path: Path) -> None:
    path = str(tmp_path / "own" / "budget.sqlite")
    code = (
        "import sys\n"
        "from inference_providers.files import Database\n"
        "from inference_providers.routing.budget import SCHEMA, Budget, Ledger\n"
        "ledger = Ledger(Database(sys.argv[1], SCHEMA))\n"
        "ledger.leave(ledger.reserve(0.5, Budget(per_day=5.0), 60), 0.5)\n"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=60)
    base = Database(path, SCHEMA)
    assert Ledger(base).spent()["day"] == pytest.approx(0.5)
    assert base.read(lambda connection: connection.execute("SELECT * FROM reserved").fetchall()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("left", [True, False])
def test_a_fork_does_not_settle_what_its_parent_has_sent(left: bool, tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from inference_providers.files import Database\n"
        "from inference_providers.routing.budget import SCHEMA, Budget, Ledger\n"
        "ledger, budget = Ledger(Database(sys.argv[1], SCHEMA)), Budget(per_day=5.0)\n"
        "entry = ledger.reserve(1.0, budget, 60)\n"
        f"if {left}: ledger.leave(entry, 1.0)\n"
        "if (child := os.fork()) == 0:\n"
        "    ledger.leave(entry, 1.0)\n"
        "    ledger.settle(ledger.reserve(0.25, budget, 60), 0.25)\n"
        "    sys.exit()\n"
        "os.waitpid(child, 0)\n"
        f"if not {left}: ledger.settle(entry, 1.0)\n"
    )
    path = str(tmp_path / "own" / "budget.sqlite")
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=60)
    assert Ledger(Database(path, SCHEMA)).spent()["day"] == pytest.approx(1.25)


def reserving() -> bool:
    """Whether a thread is about to set something aside: it has come to the ledger, and may wait for its lock."""
    for top in sys._current_frames().values():
        codes = [frame.f_code for frame, _ in traceback.walk_stack(top)]
        if Ledger.reserve.__code__ in codes:
            return True
    return False


def test_who_is_cancelled_before_anything_is_sent_has_spent_nothing(serve: Serve) -> None:
    server = serve(costly)

    async def run() -> None:
        providers: AsyncProviderList = budgeted(server, kind=AsyncProviderList, budget={"per_day": 5.0})
        ledger = providers.pipeline.gate.ledger
        with ledger._lock:  # the thread that looks at the file has to wait
            task = asyncio.ensure_future(providers.ask_ai("hi", "m", max_tokens=LIMIT))
            assert await asyncio.to_thread(eventually, reserving)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_default_executor()
        gc.collect()
        assert len(ledger._left) == 1  # the thread has set something aside meanwhile
        ledger._settle_left()
        assert ledger.spent()["day"] == 0

    asyncio.run(run())
    assert server.asked == []


def test_a_new_day_begins_anew_and_what_was_begun_before_counts_then(ledger_at: LedgerAt) -> None:
    now = [time.mktime((2026, 3, 14, 23, 59, 0, 0, 0, -1))]
    ledger = ledger_at(now)
    entry = ledger.reserve(1.0, Budget(per_day=1.0), 600)
    assert isinstance(entry, Entry)
    refused = ledger.reserve(0.5, Budget(per_day=1.0), 600)
    assert isinstance(refused, BudgetExceededError)
    assert refused.renews == time.mktime((2026, 3, 15, 0, 0, 0, 0, 0, -1))
    now[0] += 120
    assert isinstance(ledger.reserve(1.0, Budget(per_day=1.0), 600), Entry)
    ledger.settle(entry, 0.7)
    assert ledger.spent() == {"day": 0.0, "month": 0.7}


def test_without_a_home_or_a_file_that_can_be_used_the_process_counts_alone(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir(mode=0o700)
    path = folder / "budget.sqlite"
    said: list[str] = []
    base = Database(str(path), SCHEMA, warn=said.append)
    for ledger in (Ledger(None), Ledger(base)):
        first = ledger.reserve(0.4, Budget(per_day=1.0), 60)
        assert isinstance(first, Entry)
        if first.number is not None:
            ledger.settle(first, 0.4)
            base.close()
            path.unlink()
            path.mkdir()  # nobody can open that
        assert isinstance(ledger.reserve(0.5, Budget(per_day=1.0), 60), Entry)
        assert isinstance(ledger.reserve(0.5, Budget(per_day=1.0), 60), BudgetExceededError)
    assert len(said) == 1 and not ledger.shared


def test_what_was_spent_while_the_file_could_not_be_used_is_in_it_afterwards(tmp_path: Path) -> None:
    folder, now = tmp_path / "own", [0.0]
    folder.mkdir(mode=0o700)
    path = folder / "budget.sqlite"
    path.mkdir()  # nobody can open that
    base = Database(str(path), SCHEMA, warn=lambda said: None, clock=lambda: now[0])
    ledger = Ledger(base)
    for cost in (0.3, 0.1):
        entry = ledger.reserve(0.4, Budget(per_day=1.0), 60)
        assert isinstance(entry, Entry) and entry.number is None
        ledger.settle(entry, cost)
    path.rmdir()
    now[0] += REST + 1
    assert isinstance(ledger.reserve(0.61, Budget(per_day=1.0), 60), BudgetExceededError)
    assert isinstance(ledger.reserve(0.59, Budget(per_day=1.0), 60), Entry)
    assert Ledger(Database(str(path), SCHEMA)).spent()["day"] == pytest.approx(0.4)


def test_what_comes_to_an_end_while_the_file_cannot_be_used_is_in_it_afterwards(tmp_path: Path) -> None:
    path, now, today = tmp_path / "own" / "budget.sqlite", [0.0], [1_700_000_000.0]
    base = Database(str(path), SCHEMA, warn=lambda said: None, clock=lambda: now[0], busy=0.01)
    ledger = Ledger(base, lambda: today[0])
    entry = ledger.reserve(0.4, Budget(per_day=1.0), 60)
    assert isinstance(entry, Entry) and entry.number is not None
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ledger.settle(entry, 0.3)
    assert isinstance(ledger.reserve(0.71, Budget(per_day=1.0), 60), BudgetExceededError)  # this process knows
    other.execute("ROLLBACK")
    other.close()
    now[0] += REST + 1
    today[0] += 60 + GRACE + 1
    assert isinstance(ledger.reserve(0.71, Budget(per_day=1.0), 60), BudgetExceededError)
    assert isinstance(ledger.reserve(0.69, Budget(per_day=1.0), 60), Entry)
    assert Ledger(Database(str(path), SCHEMA), lambda: today[0]).spent()["day"] == pytest.approx(0.3)


def test_the_file_holds_days_and_amounts_alone(serve: Serve) -> None:
    by_ask(budgeted(serve(costly), budget={"per_day": 1.0}))
    path = Path(os.environ["XDG_DATA_HOME"]) / "inference_providers" / "budget.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        assert [row[0] for row in connection.execute("SELECT cost FROM spent")] == [pytest.approx(SPENT)]
        assert connection.execute("SELECT count(*) FROM reserved").fetchone() == (0,)


def test_mock_replies_touch_no_file() -> None:
    providers = ProviderList(mock={"gpt-4": "yes"}, budget={"per_day": 5.0})
    assert providers.ask_ai("hi", "gpt-4", max_tokens=10) == "yes"
    assert not (Path(os.environ["XDG_DATA_HOME"]) / "inference_providers").exists()


def test_the_error_can_be_pickled() -> None:
    error = BudgetExceededError("no", cost=1.0, left=0.5, limit=2.0, budget="day", renews=3.0)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.cost, again.left, again.limit, again.budget, again.renews) == (
        "no",
        1.0,
        0.5,
        2.0,
        "day",
        3.0,
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (5, "must be a mapping"),
        ({"per_year": 1}, "knows per_call, per_day, per_month and allow_unknown"),
        ({"per_day": -1}, "0 or more"),
        ({"per_day": float("nan")}, "0 or more"),
        ({"per_day": True}, "0 or more"),
        ({"per_day": "5"}, "0 or more"),
        ({"allow_unknown": 1}, "True or False"),
    ],
)
def test_a_budget_is_checked_where_it_is_given(given: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        ProviderList(budget=given)


def test_a_purse_gives_what_is_left() -> None:
    purse = Purse("call", 1.0)
    assert purse.reserve(0.6) is None
    assert purse.reserve(0.6) == pytest.approx(0.4)
    purse.settle(0.6, 0.1)
    assert purse.reserve(0.9) is None


# What a request may cost


def test_the_highest_cost_counts_every_kind_of_price() -> None:
    more = {"tiers": [[10_000, 30, 40, None, None]], "write": 15, "request": 0.5, "reasoning": 25}
    facts = Facts([100_000, 4000, 10, 20, 1, "", more])
    short, long = (
        {"messages": [{"role": "user", "content": "a" * count}], "max_tokens": 100} for count in (100, 40_000)
    )
    assert most_cost("/chat/completions", short, facts, Size(short)) == pytest.approx(
        (Size(short).at_most * 15 + 100 * 25) / 1e6 + 0.5
    )
    assert most_cost("/chat/completions", long, facts, Size(long)) == pytest.approx(
        (Size(long).at_most * 30 + 100 * 40) / 1e6 + 0.5
    )
    assert most_cost("/images/generations", short, facts, Size(short)) is None
    assert (
        most_cost("/embeddings", {"input": "a" * 100}, Facts([1000, None, 10]), Size({"input": "a" * 100})) is not None
    )


def test_the_limit_of_an_answer_is_the_requests_or_the_models_and_counts_for_each() -> None:
    facts = Facts([100_000, 4000, 0, 10])
    for body, tokens in (
        ({}, 4000),
        ({"max_tokens": 10}, 10),
        ({"max_completion_tokens": 9000}, 4000),
        ({"n": 3, "max_tokens": 10}, 30),
        ({"best_of": 5, "n": 3, "max_tokens": 10}, 50),
        ({"prompt": ["a", "b", "c", "d"], "n": 2, "max_tokens": 10}, 80),
        ({"prompt": [[1, 2], [3]], "max_tokens": 10}, 20),
        ({"prompt": [1, 2, 3], "max_tokens": 10}, 10),
    ):
        assert most_cost("/chat/completions", body, facts, Size(body)) == pytest.approx(tokens * 10 / 1e6)


@pytest.mark.parametrize(
    "body",
    [
        {"input": "a", "previous_response_id": "resp_1"},
        {"input": "a", "conversation": "conv_1"},
        {"input": "a", "prompt": {"id": "pmpt_1"}},
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://a.example/b.pdf"}]}]},
    ],
)
def test_what_the_provider_has_kept_may_fill_the_context(body: dict[str, Any]) -> None:
    assert most_cost("/responses", body, Facts([100_000, 10, 10, 0]), Size(body)) == pytest.approx(1.0)
    assert most_cost("/responses", body, Facts([None, 10, 10, 0]), Size(body)) is None


def test_each_of_several_texts_may_fill_the_context() -> None:
    body = {"input": ["a" * 1600] * 100}
    assert most_cost("/embeddings", body, Facts([1000, None, 10]), Size(body)) == pytest.approx(
        80_000 * 10 / 1e6, rel=0.02
    )


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("a plain sentence of some words. " * 50, 450),  # what the tokenizers of today's models make of it, at most
        ("0123456789" * 100, 1000),
        ('{"a": [1, 2]}' * 80, 800),
        ("日本語の文章です。" * 50, 600),
        ("Ελληνικά και ρωσικά: русский текст. " * 20, 700),
        ("🙂" * 100, 300),
        ("\ud800 half a letter", 12),
    ],
)
def test_input_is_estimated_generously(text: str, most: int) -> None:
    size = Size({"messages": [{"role": "user", "content": text}]})
    assert size.at_most > size.likely > 0
    assert most * 0.85 <= size.at_most <= 5 * most + 50


def test_pictures_and_sounds_are_not_counted_by_their_letters() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 300_000, "format": "mp3"}}
    assert Size({"messages": [{"role": "user", "content": [picture]}]}).at_most < 10_000
    assert 1000 <= Size({"messages": [{"role": "user", "content": [sound]}]}).at_most < 2000


def test_a_body_that_nests_too_deep_is_counted_all_the_same() -> None:
    body: Any = "x" * 1000
    for _ in range(500):
        body = [body]
    assert Size({"messages": body}).at_most >= 500


def test_what_is_likely_counts_what_a_cache_holds() -> None:
    facts = Facts([100_000, 4000, 10, 20, 1])
    size = Size({"messages": [{"role": "user", "content": "a" * 8000}], "max_tokens": 100})
    cold, warm = likely_cost(facts, size), likely_cost(facts, size, cached=2000)
    assert cold is not None and warm is not None
    assert cold - warm == pytest.approx(2000 * 9 / 1e6)


def test_nothing_is_loaded_by_who_does_not_use_it() -> None:
    from tests.test_architecture import loaded_by

    loaded = loaded_by("from inference_providers import ask_ai\nask_ai", {})
    assert not {name for name in loaded if name.startswith("inference_providers.routing.b")}


def test_what_is_kept_is_shown_and_can_be_removed(serve: Serve) -> None:
    by_ask(budgeted(serve(costly), budget={"per_day": 1.0}))
    (place,) = [place for place in kept(os.environ) if place.kind == "budget"]
    assert place.paths[0].endswith("budget.sqlite")
    place.remove()
    assert place.paths == []

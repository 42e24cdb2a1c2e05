"""Lists of several processes over one Redis: who is asked, what is kept, what is spent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import BudgetExceededError, ProviderList
from inference_providers.state import redis_link
from tests.cluster.redis_server import PASSWORD, Redis
from tests.conftest import keys, registry_of
from tests.servers import Connection, Received, Server, completion, status
from tests.test_budget import FACTS, costly

Serve = Callable[..., Server]


@pytest.fixture
def another(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ProviderList]:
    """Makes lists, each over a link of its own, as in a process of its own."""

    def made(*servers: Server, **options: Any) -> ProviderList:
        monkeypatch.setattr(redis_link, "_links", {})
        environ = {**keys(len(servers)), "HOME": str(tmp_path)}
        registry = registry_of(*(server.url for server in servers), facts=options.pop("facts", None))
        return ProviderList(json_override=registry, environ=environ, local=False, state=redis.url, **options)

    return made


def soon(found: Callable[[], Any]) -> Any:
    """What is found within some seconds."""
    for _ in range(500):
        if value := found():
            return value
        time.sleep(0.01)
    raise AssertionError("it was not found")


def test_a_refused_key_is_asked_by_no_other(another: Callable[..., ProviderList], serve: Serve, redis: Redis) -> None:
    bad, good = serve(status(401)), serve()
    one, other = another(bad, good), another(bad, good)
    assert other.ask_ai("Hi", "m").provider == "p2"
    assert len(bad.asked) == 1
    soon(lambda: one.pipeline.state.rests())  # type: ignore[union-attr]
    assert one.ask_ai("Hi", "m").provider == "p2"
    assert len(bad.asked) == 1, "the other has told of it"
    kept = redis.everything()
    for private in (*keys(2).values(), PASSWORD, "127.0.0.1", "Hi"):
        assert private not in kept


def test_equal_calls_of_several_processes_share_one_request(another: Callable[..., ProviderList], serve: Serve) -> None:
    def slow(connection: Connection, request: Received) -> None:
        time.sleep(0.3)
        connection.reply(200, completion("hello"))

    server = serve(slow)
    lists = [another(server, cache=True) for _ in range(3)]
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda one=one: answers.append(one.ask_ai("the same?", "m"))) for one in lists * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [str(answer) for answer in answers] == ["hello"] * 6
    assert len(server.asked) == 1
    assert sorted(answer.cached for answer in answers) == [False] + [True] * 5
    assert lists[1].ask_ai("the same?", "m").cached


def test_a_failure_of_one_is_no_failure_of_all(another: Callable[..., ProviderList], serve: Serve) -> None:
    count = [0]

    def failing(connection: Connection, request: Received) -> None:
        count[0] += 1
        number = count[0]
        time.sleep(0.3)
        if number <= 2:
            status(500)(connection, request)
        else:
            connection.reply(200, completion("hello"))

    server = serve(failing)
    lists = [another(server, cache=True) for _ in range(2)]
    found: list[Any] = []

    def ask(one: ProviderList) -> None:
        try:
            found.append(str(one.ask_ai("the same?", "m")))
        except Exception as error:  # noqa: BLE001
            found.append(type(error))

    threads = [threading.Thread(target=ask, args=(one,)) for one in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "hello" in found


def test_one_budget_holds_for_all(another: Callable[..., ProviderList], serve: Serve) -> None:
    server = serve(costly)
    facts = {"facts": [FACTS]}
    lists = [another(server, budget={"per_day": 1.0}, **facts) for _ in range(2)]
    for one in lists:
        one.ask_ai("Hi", "m", max_tokens=5)
    ledgers = [one.pipeline.gate.ledger for one in lists]
    answer = lists[0].ask_ai("Hi", "m", max_tokens=5)
    soon(lambda: ledgers[1].spent()["day"] == pytest.approx(answer.cost * 3))
    with pytest.raises(BudgetExceededError):
        another(server, budget={"per_day": answer.cost * 3}, **facts).ask_ai("Hi", "m", max_tokens=5)


def test_calls_go_on_while_redis_is_gone_and_join_again(
    another: Callable[..., ProviderList], serve: Serve, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = serve(status(401)), serve()
    one, other = another(bad, good, cache=True), another(bad, good)
    redis.stop()
    assert one.ask_ai("Hi", "m").provider == "p2"
    assert [record.message for record in caplog.records if "cannot be used" in record.message]
    assert PASSWORD not in caplog.text
    redis.start()
    soon(lambda: other.pipeline.state.rests())  # type: ignore[union-attr]
    assert other.ask_ai("Hi", "m").provider == "p2"
    assert len(bad.asked) == 1

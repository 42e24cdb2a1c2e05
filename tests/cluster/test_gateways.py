"""Three gateways, each as on a machine of its own, over one Redis: what callers may, what is known, what is lost."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from inference_providers.gateway.callers import FILE, Callers
from inference_providers.gateway.redis_tiers import ALIVE
from tests.cluster.redis_server import PASSWORD, Redis
from tests.cluster.shared import soon
from tests.conftest import keys, registry_of
from tests.gateway.conftest import start  # noqa: F401 - a fixture
from tests.running import Running
from tests.servers import Connection, Received, Server, completion, status
from tests.test_budget import FACTS, costly

Serve = Callable[..., Server]
Gateways = Callable[..., list[Running]]
CHAT = "/v1/chat/completions"
BODY = {"model": "m", "messages": [{"role": "user", "content": "a canary question"}], "max_tokens": 5}


@pytest.fixture
def gateways(start: Callable[..., Running], redis: Redis, tmp_path: Path) -> Gateways:  # noqa: F811
    """Starts three; each has a home of its own, with the callers' file of the first."""

    def made(*servers: Server, alice: dict[str, Any], args: Any = (), count: int = 3) -> list[Running]:
        homes = [tmp_path / f"machine{number}" for number in range(count)]
        data = [home / "data" / "inference_providers" for home in homes]
        environ = {"HOME": str(homes[0]), "XDG_DATA_HOME": str(homes[0] / "data")}
        callers = Callers(environ)
        _, key = callers.create("alice", **alice)
        callers.database.close()
        for folder in data[1:]:
            folder.mkdir(parents=True, mode=0o700)
            folder.parent.chmod(0o700)
            shutil.copy(data[0] / FILE, folder / FILE)
        registry = registry_of(*(server.url for server in servers), facts=[FACTS] * len(servers))
        running = []
        for home in homes:
            places = {name: str(home / word) for name, word in (("XDG_DATA_HOME", "data"), ("XDG_CACHE_HOME", "cache"))}
            state = {"INFERENCE_PROVIDERS_STATE": redis.url, "XDG_STATE_HOME": str(home / "state"), "HOME": str(home)}
            running.append(start(registry=registry, args=args, environ={**places, **state, **keys(len(servers))}))
        for one in running:
            one.alice = {"Authorization": f"Bearer {key}"}  # type: ignore[attr-defined]
        return running

    return made


def asked(gateway: Any, body: Any = None, path: str = CHAT, **headers: str) -> tuple[int, Any]:
    """Status and JSON of what a caller asks."""
    code, _, content = gateway.ask("POST", path, {**BODY, **(body or {})}, {**gateway.alice, **headers})
    return code, json.loads(content)


def statuses(gateways: list[Running], count: int, **body: Any) -> list[int]:
    """Of so many requests at once, at the gateways in turn."""
    with ThreadPoolExecutor(12) as pool:
        return list(pool.map(lambda number: asked(gateways[number % len(gateways)], body)[0], range(count)))


def test_a_callers_minute_and_month_are_one_for_all(gateways: Gateways, serve: Serve) -> None:
    running = gateways(serve(costly), alice={"requests_per_minute": 20, "budget": 100.0})
    found = statuses(running, 36)
    assert (found.count(200), found.count(429)) == (20, 16)


def test_a_callers_budget_is_one_for_all(gateways: Gateways, serve: Serve) -> None:
    running = gateways(serve(costly), alice={"budget": 0.1})
    found = [asked(running[number % 3], {"max_tokens": 500})[0] for number in range(12)]
    assert found[:3] == [200] * 3
    assert 4 <= found.count(200) <= 5, "each costs 0.02"
    assert set(found[5:]) == {402}


def test_a_key_that_one_sees_refused_no_other_asks_with(gateways: Gateways, serve: Serve, redis: Redis) -> None:
    bad, good = serve(costly), serve(costly)
    running = gateways(bad, good, alice={"requests_per_minute": 1000})
    assert statuses(running, 3) == [200] * 3
    bad.behaviour = status(401)
    before = len(bad.asked)
    assert asked(running[0])[0] == 200
    time.sleep(1.0)  # ten times of what it takes
    assert statuses(running, 6) == [200] * 6
    assert len(bad.asked) == before + 1
    kept = redis.everything()
    for private in (*keys(2).values(), PASSWORD, "canary", "hello", running[0].token, *running[0].alice.values()):  # type: ignore[attr-defined]
        assert private not in kept


def test_a_conversation_goes_on_anywhere_and_goes_with_its_caller(
    gateways: Gateways, serve: Serve, redis: Redis
) -> None:
    server = serve(costly)
    running = gateways(server, alice={"requests_per_minute": 1000})
    code, first = asked(running[0], {"input": "one"}, "/v1/responses")
    assert code == 200
    code, second = asked(running[1], {"input": "two", "previous_response_id": first["id"]}, "/v1/responses")
    assert code == 200 and len(server.requests[-1].json["messages"]) == 3
    code, _ = asked(running[2], {"input": "three", "previous_response_id": second["id"]}, "/v1/responses")
    assert code == 200 and len(server.requests[-1].json["messages"]) == 5
    assert "canary" not in redis.everything() and '"one"' in redis.everything()
    assert running[2].ask("POST", "/admin/callers/alice/purge", {})[0] == 200
    left = redis.everything()
    assert '"one"' not in left and "caller:" not in left and "replies-of" not in left and ":spent:" not in left


def test_a_gateway_that_is_killed_loses_what_it_had_under_way_alone(
    gateways: Gateways, serve: Serve, redis: Redis
) -> None:
    holds = threading.Event()

    def slow(connection: Connection, request: Received) -> None:
        if "wait" in request.body.decode():
            holds.wait(60)
        connection.reply(200, completion("hello"))

    server = serve(slow)
    running = gateways(server, alice={"concurrent": 2, "requests_per_minute": 1000})
    waiting = {"messages": [{"role": "user", "content": "wait"}]}

    def ask_in_vain() -> None:
        with pytest.raises(OSError, match=r"."):
            asked(running[0], waiting)

    threads = [threading.Thread(target=ask_in_vain) for _ in range(2)]
    for thread in threads:
        thread.start()
    soon(lambda: len(server.asked) == 2)
    assert asked(running[1])[0] == 429
    running[0].process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join(30)
    assert asked(running[1])[0] == 429, "nobody has missed it yet"
    for key in redis.said("KEYS", f"{ALIVE}*").split():  # as after some seconds without a beat
        redis.said("DEL", key)
    assert statuses(running[1:], 10).count(200) >= 2
    holds.set()


def test_a_redis_that_is_killed_is_missed_by_no_call(gateways: Gateways, serve: Serve, redis: Redis) -> None:
    bad, good = serve(costly), serve(costly)
    running = gateways(bad, good, alice={"requests_per_minute": 30, "concurrent": 10})
    assert statuses(running, 3) == [200] * 3
    redis.stop()
    assert statuses(running, 12) == [200] * 12
    bad.behaviour = status(401)
    assert asked(running[0])[0] == 200
    before = len(bad.asked)
    assert asked(running[0])[0] == 200
    assert len(bad.asked) == before, "it knows by itself"
    redis.start()
    soon(lambda: redis.said("EXISTS", "{inference_providers}:rests").strip() == "1")
    time.sleep(1.0)
    assert statuses(running[1:], 4) == [200] * 4
    assert len(bad.asked) == before, "and tells the others afterwards"
    found = statuses(running, 40)
    assert found.count(200) <= 30 and 429 in found, "their minute is one again"


def test_who_goes_away_while_redis_answers_nobody_leaves_no_place_taken(
    gateways: Gateways, serve: Serve, redis: Redis
) -> None:
    running: list[Any] = gateways(serve(costly), alice={"concurrent": 1}, count=1)
    assert asked(running[0])[0] == 200
    redis.pause()
    content = json.dumps(BODY)
    with socket.create_connection(("127.0.0.1", running[0].port)) as gone:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Authorization: {running[0].alice['Authorization']}\r\nContent-Length: {len(content)}\r\n\r\n"
        gone.sendall((head + content).encode())
        time.sleep(0.1)  # so that it waits for Redis
    time.sleep(0.1)
    redis.go_on()
    for _ in range(100):  # what Redis has let in late is let go with the next beat
        if asked(running[0])[0] == 200:
            break
        time.sleep(0.1)
    assert statuses(running, 1) == [200]


def test_several_workers_of_a_gateway_share_it_too(gateways: Gateways, serve: Serve) -> None:
    running = gateways(serve(costly), alice={"requests_per_minute": 10}, args=["--workers", "2"], count=2)
    found = statuses(running, 16)
    assert (found.count(200), found.count(429)) == (10, 6)
    assert [one.stop() for one in running] == [0, 0]

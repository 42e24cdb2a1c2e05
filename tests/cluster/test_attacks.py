"""What may become of a Redis, and of those who share it: nobody's call fails, nothing is counted twice, nothing leaks."""

from __future__ import annotations

import asyncio
import gc
import os
import socketserver
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference_providers import AsyncProviderList, ProviderList
from inference_providers.cache.redis_store import RedisStore
from inference_providers.gateway.redis_tiers import RedisTiers
from inference_providers.gateway.tiers import Admission
from inference_providers.routing.budget import Budget, Entry
from inference_providers.routing.redis_ledger import RedisLedger
from inference_providers.state import redis_link, redis_state
from inference_providers.state.redis_accounts import OPEN, ROWS, RedisAccounts
from inference_providers.state.redis_link import RedisLink, link_of
from inference_providers.state.redis_script import SPACE, Said, Script
from inference_providers.state.redis_state import RedisState
from tests.cluster.redis_server import PASSWORD, Redis, free_port
from tests.cluster.shared import RedisClock, by_a_test_clock, soon
from tests.conftest import keys, registry_of
from tests.proxies import certificate
from tests.servers import Server, status
from tests.test_budget import FACTS, costly
from tests.test_cache_stores import EVER, NOW, entry, keys_of
from tests.test_tiers import caller

Links = Callable[[], RedisLink]
Serve = Callable[..., Server]
ROOM = (1, None)
DAY = Budget(per_day=5.0)


def far(seconds: float = 60.0) -> float:
    return time.time() + seconds


# A Redis that is started anew, refuses, or has something else


def test_a_redis_that_has_lost_everything_is_told_again_and_digests_stay(redis: Redis, link: Links) -> None:
    one, other = RedisState(link()), RedisState(link())
    digest = one.digest("key", "=secret")
    one.rest(digest, far(), "key 401")
    soon(lambda: digest in other.rests())
    redis.stop()
    redis.start()
    soon(lambda: redis.said("HLEN", redis_state.RESTS).strip() == "1")
    fresh = RedisState(link())
    assert fresh.digest("key", "=secret") == digest
    assert digest in fresh.rests() and digest in one.rests() and digest in other.rests()


def test_digests_follow_where_somebody_else_was_first_after_a_restart(redis: Redis, link: Links) -> None:
    one = RedisState(link())
    digest = one.digest("key", "=secret")
    one.rest(digest, far(), "key 401")
    soon(lambda: redis.said("HLEN", redis_state.RESTS).strip() == "1")
    redis.said("FLUSHALL")
    fresh = RedisState(link())
    anew = fresh.digest("key", "=secret")
    assert anew != digest
    soon(lambda: anew in fresh.rests())
    assert digest in one.rests(), "whoever has the old one finds it under that"
    assert one.digest("key", "=secret") == anew
    one.clear(digest)
    soon(lambda: anew not in fresh.rests())


def test_what_a_process_learns_before_it_has_reached_redis_is_told_afterwards(redis: Redis, link: Links) -> None:
    redis.stop()
    one = RedisState(link())
    digest = one.digest("key", "=secret")
    one.rest(digest, far(), "key 401")
    assert digest in one.rests()
    redis.start()
    other = RedisState(link())
    anew = other.digest("key", "=secret")
    soon(lambda: anew in other.rests())
    assert digest in one.rests()


def test_scripts_that_it_forgets_are_given_again_in_order(redis: Redis, link: Links) -> None:
    made, push = link(), Script("return redis.call('RPUSH', KEYS[1], ARGV[1])")
    clear = Script("return redis.call('DEL', KEYS[1])")
    made.tell(clear, ["x"])
    assert made.flush(30)
    for _ in range(3):
        redis.said("SCRIPT", "FLUSH")
        for number in range(50):
            made.tell(push, ["x"], number)
        made.tell(clear, ["y"])
    assert made.flush(30)
    assert redis.said("LRANGE", "x", "0", "-1").split() == [str(number) for number in range(50)] * 3


@pytest.mark.parametrize("how", ["READONLY", "OOM"])
def test_what_it_does_not_write_each_process_keeps(
    how: str, redis: Redis, link: Links, caplog: pytest.LogCaptureFixture
) -> None:
    state = RedisState(link())
    state.rest("before", far(), "cool")
    soon(lambda: redis.said("HLEN", redis_state.RESTS).strip() == "1")
    redis.said(*(("REPLICAOF", "127.0.0.1", "1") if how == "READONLY" else ("CONFIG", "SET", "maxmemory", "1")))
    state.rest("after", far(), "cool")
    state.link.flush(30)
    for _ in range(3):
        state._read([])
        assert set(state.rests()) == {"before", "after"}
    assert state.take("p1", 1, ROOM)[2] is not None
    assert state.take("p1", 1, ROOM)[2] is None, "its own memory counts"
    tiers = RedisTiers(state.link)
    assert isinstance(tiers.enter(caller(requests_per_minute=1, budget=1.0), 1, 0.5), Admission)
    assert not isinstance(tiers.enter(caller(requests_per_minute=1, budget=1.0), 1, 0.5), Admission)
    said = [record.message for record in caplog.records if "Redis" in record.message]
    assert len(said) == 1 and how in said[0], said


def test_other_kinds_of_values_under_our_names_cost_only_what_is_there(
    redis: Redis, link: Links, caplog: pytest.LogCaptureFixture
) -> None:
    for name in (redis_state.RESTS, f"{redis_state.MINUTES}p1", OPEN, ROWS, f"{SPACE}:caller:c_1", f"{SPACE}:speeds"):
        redis.said("SET", name, "not ours")
    redis.said("LPUSH", f"{SPACE}:kept:{keys_of(1)[0].hex()}", "not ours")
    state = RedisState(link())
    state.rest("a", far(), "cool")
    assert state.link.flush(30)
    assert "a" in state.rests()
    assert state.take("p1", 1, ROOM)[2] is not None
    assert state.take("p1", 1, ROOM)[2] is None
    assert isinstance(RedisTiers(state.link).enter(caller(requests_per_minute=2, budget=1.0), 1, 0.1), Admission)
    assert isinstance(RedisLedger(RedisAccounts(state.link)).reserve(0.1, DAY, 60), Entry)
    store = RedisStore(state.link, 1000)
    assert store.look(keys_of(1)[0], NOW, EVER) == (None, 0.0)
    store.release(keys_of(1)[0])
    store.put(keys_of(2)[0], entry(), NOW)
    assert store.get(keys_of(2)[0], NOW, EVER) is not None, "the rest of it is used"
    assert state.link.is_here
    assert sum("WRONGTYPE" in record.message for record in caplog.records) == 1


def test_poison_in_what_is_set_aside_is_given_up(redis: Redis, link: Links) -> None:
    for number, row in enumerate(("no json", "[]", '["x"]', '[1, "' + OPEN + '"]', "null", "[" * 5000)):
        redis.said("ZADD", OPEN, "1", f"dead{number}")
        redis.said("HSET", ROWS, f"dead{number}", row)
    ledger = RedisLedger(RedisAccounts(link()))
    entry = ledger.reserve(0.5, DAY, 60)
    assert isinstance(entry, Entry) and entry.number is not None
    assert redis.said("HLEN", ROWS).strip() == redis.said("ZCARD", OPEN).strip() == "1"


def test_more_rests_than_anybody_writes_are_not_all_read(redis: Redis, link: Links) -> None:
    fill = Script("for i = 1, 20000 do redis.call('HSET', KEYS[1], 'k' .. i, ARGV[1] .. string.rep('x', 500)) end")
    link().ask(fill, [redis_state.RESTS], f"{far()} ")
    state = RedisState(link())
    assert 0 < len(state.rests()) < 11_000
    assert all(len(why) <= 64 for _, why in state.rests().values())


def test_whoever_may_not_listen_looks_now_and_then(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_link, "LOOK", 0.05)
    redis.said("ACL", "SETUSER", "deaf", "on", ">pw", "~*", "+@all", "-subscribe")
    made, own = RedisLink(redis.url.replace(f":{PASSWORD}", "deaf:pw")), RedisLink(redis.url)
    one, other = RedisState(made), RedisState(own)
    assert one.rests() == {}
    other.rest("a", far(), "cool")
    soon(lambda: "a" in one.rests())
    assert made.is_here
    assert sum("NOPERM" in record.message for record in caplog.records) == 1
    made.close()
    own.close()


# Told once, whatever happens


def test_what_is_told_to_a_paused_redis_counts_once(redis: Redis, link: Links) -> None:
    ledger = RedisLedger(RedisAccounts(link()))
    entries = [ledger.reserve(0.25, DAY, 60) for _ in range(8)]
    assert all(isinstance(one, Entry) and one.number is not None for one in entries)
    redis.pause()
    for one in entries:
        ledger.settle(one, 0.25)  # type: ignore[arg-type]
    soon(lambda: ledger._accounts.link.fault)
    time.sleep(1.0)  # it is told again and again meanwhile
    redis.go_on()
    soon(lambda: ledger._accounts.link.has_told)
    fresh = RedisLedger(RedisAccounts(link()))
    for _ in range(20):
        assert fresh.spent()["day"] == pytest.approx(2.0)
    found = fresh.reserve(3.0, DAY, 60)
    assert isinstance(found, Entry), "nothing is set aside any more"


def test_a_reservation_whose_reply_is_lost_is_made_once(link: Links) -> None:
    accounts = RedisAccounts(link())
    said, number = accounts.said(("d",), (1.0,), 0.4, 60, strict=False)
    for _ in range(3):
        found = accounts.link.run(said)
        booking = accounts.read(found[0] if found else None, number, ("d",), 0.4)
        assert booking is not None and booking.used == [0.0]
    assert accounts.reserve(("d",), (1.0,), 0.6, 60) is not None
    accounts.settle(booking, 0.4)  # type: ignore[arg-type]
    assert accounts.link.flush(30)
    assert accounts.spent(("d",)) == [0.4]


def test_a_connection_that_the_other_side_has_closed_is_opened_again(
    redis: Redis, link: Links, caplog: pytest.LogCaptureFixture
) -> None:
    made = link()
    assert made.run(Said(Script("return 1"), [])) == [1]
    redis.said("CLIENT", "KILL", "TYPE", "normal")
    assert made.run(Said(Script("return 1"), [])) == [1]
    assert caplog.records == []


def test_what_cannot_be_said_stops_nothing(link: Links) -> None:
    made, told = link(), []
    made.tell(Script("return 1"), ["x"], object(), then=told.append)
    made.tell(Script("return 1"), ["x"], then=told.append)
    soon(lambda: len(told) == 2)
    assert isinstance(told[0], Exception) or isinstance(told[1], Exception)
    assert made.is_here


# Processes, forks, threads, event loops


LAST_WORDS = """
import sys, time
from inference_providers.state.redis_state import RedisState
state = RedisState.of(sys.argv[1])
state.rest(state.digest("key", "=k"), time.time() + 60, "key 401")
"""


def test_a_short_program_is_heard(redis: Redis) -> None:
    subprocess.run([sys.executable, "-c", LAST_WORDS, redis.url], check=True, timeout=60)
    assert redis.said("HLEN", redis_state.RESTS).strip() == "1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_has_a_link_of_its_own(redis: Redis) -> None:
    code = (
        "import os, sys, time, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from inference_providers.state.redis_state import RedisState\n"
        "state = RedisState.of(sys.argv[1])\n"
        "state.rest('parent', time.time() + 60, 'cool')\n"
        "state.link.flush()\n"
        "children = []\n"
        "for number in range(3):\n"
        "    if (child := os.fork()) == 0:\n"
        "        assert 'parent' in state.rests()\n"
        "        state.rest(f'child{number}', time.time() + 60, 'cool')\n"
        "        assert state.take('p', 1, (10, None))[2] is not None\n"
        "        sys.exit()\n"
        "    children.append(child)\n"
        "assert [os.waitpid(child, 0)[1] for child in children] == [0] * 3\n"
        "for _ in range(500):\n"
        "    if len(state.rests()) == 4: sys.exit()\n"
        "    time.sleep(0.01)\n"
        "sys.exit('it was not heard')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, redis.url], check=False, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr


CLAIMING = """
import sys
from inference_providers.cache.redis_store import RedisStore
from inference_providers.state.redis_link import link_of
store = RedisStore(link_of(sys.argv[1]), 1000)
print(store.look((1).to_bytes(32, "big"), 0.0, 0.0), flush=True)
sys.stdin.readline()
"""


def test_a_claim_ends_with_its_process(redis: Redis, link: Links) -> None:
    dead = subprocess.Popen(
        [sys.executable, "-c", CLAIMING, redis.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert dead.stdout is not None and dead.stdout.readline() == "(None, 0.0)\n"
    store, (key,) = RedisStore(link(), 1000), keys_of(1)
    assert 0 < store.look(key, NOW, EVER)[1] <= 6
    dead.kill()
    dead.communicate()
    left = int(redis.said("PTTL", store._claimed(key)))
    assert 0 < left <= 6000
    redis.said("PEXPIRE", store._claimed(key), "1")
    soon(lambda: store.look(key, NOW, EVER)[1] == 0.0)
    store.release(key)
    assert store.link.flush(30)
    assert redis.said("EXISTS", store._claimed(key)).strip() == "0"
    assert store._claims == {}


def test_threads_that_claim_end_with_the_last_claim(link: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_providers.cache.redis_store.BEAT", 0.01)
    store = RedisStore(link(), 1000)
    for key in keys_of(1, 2, 3):
        assert store.claim(key) == 0.0
    for key in keys_of(1, 2, 3):
        store.release(key)
    soon(lambda: not store._beats)
    soon(lambda: not [thread for thread in threading.enumerate() if thread.name == "redis-claims"])


def test_many_lists_share_one_link_and_leave_nothing(redis: Redis, serve: Serve) -> None:
    server = serve(costly)
    options: dict[str, Any] = {"environ": keys(1), "local": False}
    options["json_override"] = registry_of(server.url, facts=[FACTS])

    def made() -> ProviderList:
        return ProviderList(**options, state=redis.url, cache=True, policy="fastest", budget={"per_day": 1.0})

    first = made()
    first.ask_ai("Hi", "m")
    gc.collect()
    threads = threading.active_count()
    lists = [made() for _ in range(100)]
    for one in lists[:10]:
        one.ask_ai("Hi", "m")
    assert threading.active_count() <= threads + 1
    gone = [weakref.ref(one.pipeline) for one in lists]
    link = link_of(redis.url)
    del lists, one
    gc.collect()
    assert [one for one in gone if one() is not None] == []
    soon(lambda: sum(len(heard) for heard in link._heard.values()) < 15)
    assert link.state is first.pipeline.state
    first.close()
    link.close()
    assert link_of(redis.url) is not link
    link_of(redis.url).close()


async def _ticks(during: Any) -> tuple[Any, int]:
    """What comes of something, and how often an event loop went round meanwhile."""
    count, task = 0, asyncio.ensure_future(during)
    while not task.done():
        await asyncio.sleep(0.005)
        count += 1
    return task.result(), count


def test_an_event_loop_goes_on_while_redis_answers_nobody(redis: Redis, serve: Serve) -> None:
    server = serve(status(401)), serve(costly)
    options: dict[str, Any] = {"facts": [FACTS, FACTS]}
    providers = AsyncProviderList(
        json_override=registry_of(*(one.url for one in server), **options), environ=keys(2), local=False,
        state=redis.url, cache=True, policy="balanced", rate_limits={"*": {"requests_per_minute": 100}},
        budget={"per_day": 1.0},
    )  # fmt: skip

    async def run() -> None:
        redis.pause()
        answer, count = await _ticks(providers.ask_ai("Hi", "m", max_tokens=5))
        assert str(answer) == "hello"
        assert count > 40, "it has waited for Redis, and the loop has not"
        _, count = await _ticks(asyncio.gather(*(providers.ask_ai(f"Hi {n}", "m", max_tokens=5) for n in range(5))))
        redis.go_on()
        await asyncio.to_thread(soon, lambda: providers.pipeline.state.link.is_here)  # type: ignore[union-attr]
        await providers.ask_ai("Hello", "m", max_tokens=5)

    asyncio.run(run())
    link_of(redis.url).close()


def test_who_is_cancelled_while_another_process_asks_keeps_nobody_waiting(
    another: Callable[..., ProviderList],
    serve: Serve,
    redis: Redis,
) -> None:
    server = serve()
    providers = AsyncProviderList(
        json_override=registry_of(server.url), environ=keys(1), local=False, state=redis.url, cache=True
    )
    stage: Any = providers.pipeline.stages[0]
    store, claimed = stage.store, []
    look = store.look

    def claimed_by_another(key: bytes, *times: float) -> Any:
        if not claimed:
            claimed.append(key)
            redis.said("SET", store._claimed(key), "another", "PX", "60000")
        return look(key, *times)

    store.look = claimed_by_another

    async def run() -> None:
        tasks = [asyncio.ensure_future(providers.ask_ai("Hi", "m")) for _ in range(3)]
        await asyncio.to_thread(soon, lambda: store._waiting)
        tasks[0].cancel()
        await asyncio.sleep(0.05)
        redis.said("DEL", store._claimed(claimed[0]))
        redis.said("PUBLISH", redis_store_landed, claimed[0].hex())
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one).__name__ for one in answers] == ["CancelledError", "Answer", "Answer"]

    from inference_providers.cache.redis_store import LANDED as redis_store_landed

    asyncio.run(run())
    assert len(server.asked) == 1
    assert stage._flights == {} and stage._leads == {} and store._claims == {}
    link_of(redis.url).close()


def test_clocks_that_differ_do_not_matter(link: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = RedisClock(link())
    by_a_test_clock(monkeypatch, clock, redis_state)
    ahead = RedisState(link(), clock=lambda: clock.now + 3600)
    behind = RedisState(link(), clock=lambda: clock.now - 3600)
    assert ahead.rests() == behind.rests() == {}
    ahead.rest("a", clock.now + 3600 + 60, "cool")
    soon(lambda: "a" in behind.rests())
    assert behind.rests()["a"][0] == pytest.approx(clock.now - 3600 + 60, abs=1)
    behind.rest("b", clock.now - 3600 + 60, "cool")
    soon(lambda: "b" in ahead.rests())
    assert ahead.rests()["b"][0] == pytest.approx(clock.now + 3600 + 60, abs=1)


# Addresses and secrets


def test_a_password_is_nowhere(redis: Redis, link: Links, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    url = redis.url.replace(PASSWORD, "canary-wrong")
    wrong = RedisLink(url)
    assert wrong.run(Said(Script("return 1"), [])) is None
    assert wrong.fault == "it refuses the password"
    providers = ProviderList(mock={"m": "yes"}, state=url)
    shown = f"{wrong!r} {wrong.place} {providers!r} {providers.pipeline!r} {caplog.text}"
    environ = {**os.environ, "HOME": str(tmp_path), "INFERENCE_PROVIDERS_STATE": url, "OPENAI_API_KEY": ""}
    for command in (["doctor"], ["-m", "m", "Hi"], ["providers"], ["paths"], ["cache"], ["--help"]):
        program = [sys.executable, "-m", "inference_providers", *command]
        done = subprocess.run(
            program, check=False, env=environ, capture_output=True, text=True, timeout=100, stdin=subprocess.DEVNULL
        )
        shown += done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert "canary" not in shown
    wrong.close()


def test_nothing_of_what_is_asked_is_in_redis_unless_replies_are_kept(
    another: Callable[..., ProviderList],
    serve: Serve,
    redis: Redis,
) -> None:
    bad, good = serve(status(429)), serve(costly)
    providers = another(
        bad, good, facts=[FACTS, FACTS], policy="fastest", budget={"per_day": 1.0},
        rate_limits={"*": {"requests_per_minute": 100, "tokens_per_minute": 10_000}},
    )  # fmt: skip
    for policy in ("listed", None):  # who is refused is asked first; and the one whose speed counts
        found = providers.ask_ai("a canary question", "m", max_tokens=5, system="canary system", policy=policy)
        assert str(found) == "hello"
    assert bad.asked
    assert providers.pipeline.state.link.flush(30)  # type: ignore[union-attr]
    kept = redis.everything()
    assert "rests" in kept and "minute" in kept and "spent" in kept and "speeds" in kept
    for private in (*keys(2).values(), PASSWORD, "canary", "hello", "127.0.0.1"):
        assert private not in kept


def test_sockets_and_encryption(tmp_path: Path) -> None:
    certificate(tmp_path)
    port, socket = free_port(), tmp_path / "redis.sock"
    files = f"tls-cert-file {tmp_path / 'cert.pem'}\ntls-key-file {tmp_path / 'key.pem'}\ntls-auth-clients no\n"
    server = Redis(tmp_path / "own", more=f"unixsocket {socket}\ntls-port {port}\n{files}")
    secret, one = f":{PASSWORD}@", Said(Script("return redis.call('INCR', KEYS[1])"), ["x"])
    trusted = f"?ssl_ca_certs={tmp_path / 'cert.pem'}"
    made = {
        name: RedisLink(url)
        for name, url in {
            "socket": f"unix://{secret}{socket}",
            "trusted": f"rediss://{secret}localhost:{port}/0{trusted}",
            "unknown": f"rediss://{secret}localhost:{port}/0",
            "patient": f"redis://{secret}127.0.0.1:{server.port}/0?protocol=3&socket_timeout=1000",
        }.items()
    }
    try:
        found = {name: link.run(one) for name, link in made.items()}
        assert found == {"socket": [1], "trusted": [2], "unknown": None, "patient": [3]}
        assert made["socket"].place == str(socket) and made["trusted"].place == f"localhost:{port}"
        server.pause()
        assert made["patient"].run(one) is None
    finally:
        server.go_on()
        server.stop()
        for link in made.values():
            link.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis://default:123#canary@localhost:6379/0",
        "redis://default:123?canary@localhost:6379/0",
        "redis://default:123/canary@localhost:6379/0",
        "redis://:12/canary@localhost/0",
        "redis://localhost:6379/0?namespace=a canary",
        "redis://localhost:6379/0?namespace=",
        "redis://localhost:6379/0?canary=1",
    ],
)
def test_an_address_that_is_not_meant_so_is_refused_without_a_word_of_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"Redis") as caught:
        link_of(url)
    assert "canary" not in str(caught.value) and "123" not in str(caught.value)


def test_namespaces_know_nothing_of_each_other(redis: Redis) -> None:
    links = [RedisLink(f"{redis.url}{more}") for more in ("", "?namespace=a", "?namespace=b&socket_timeout=9")]
    states, (key,) = [RedisState(link) for link in links], keys_of(1)
    digests = [state.digest("key", "=k") for state in states]
    assert len(set(digests)) == 3
    for number, (state, link) in enumerate(zip(states, links, strict=True)):
        state.rest(digests[number], far(), "cool")
        assert state.take("p1", 1, ROOM)[2] is not None, "each has a minute of its own"
        ledger, store, tiers = RedisLedger(RedisAccounts(link)), RedisStore(link, 1000), RedisTiers(link)
        assert isinstance(ledger.reserve(5.0, DAY, 60), Entry)
        assert store.look(key, NOW, EVER) == (None, 0.0)
        store.put(key, entry(), NOW)
        assert isinstance(tiers.enter(caller(requests_per_minute=1, budget=1.0), 1, 1.0), Admission)
        assert link.flush(30)
        assert set(state.rests()) == {digests[number]}
    heard = RedisState(RedisLink(f"{redis.url}?namespace=a"))
    assert set(heard.rests()) == {digests[1]}
    states[1].clear(digests[1])
    soon(lambda: not heard.rests())
    assert RedisStore(links[1], 1000).clear() == 1
    found = redis.said("KEYS", "*").split()
    assert {name.partition("}")[0] for name in found} == {
        "{inference_providers", "{inference_providers:a", "{inference_providers:b",
    }  # fmt: skip
    assert sum(":kept:" in name for name in found) == 2
    for link in (*links, heard.link):
        link.close()


def test_a_secret_that_somebody_has_overwritten_is_made_anew(redis: Redis, link: Links) -> None:
    for command in (("SET", redis_state.SECRET, "x"), ("DEL", redis_state.SECRET), ("RPUSH", redis_state.SECRET, "x")):
        redis.said(*command)
        one, other = RedisState(link()), RedisState(link())
        digest = one.digest("key", "=k")
        one.rest(digest, far(), "cool")
        assert other.digest("key", "=k") == digest
        soon(lambda one=other, digest=digest: digest in one.rests())


def test_one_call_at_a_time_looks_whether_it_is_there_again(redis: Redis) -> None:
    now, sent = [100.0], []

    class Counted(RedisLink):
        def _sent(self, said: Any) -> Any:
            sent.append("")
            return super()._sent(said)

    made, one = Counted(redis.url, clock=lambda: now[0]), Said(Script("return 1"), [])
    assert made.run(one) == [1]
    redis.pause()
    assert made.run(one) is None
    now[0] += 60
    sent.clear()
    threads = [threading.Thread(target=made.run, args=(one,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 1, "the others go on alone at once"
    redis.go_on()
    now[0] += 60
    assert made.run(one) == [1]
    made.close()


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x15\x03\x01\x00\x02\x02\x16"])
def test_what_answers_and_is_no_redis(words: bytes, caplog: pytest.LogCaptureFixture) -> None:
    class Stranger(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.request.sendall(words)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = RedisLink(f"redis://:canary@127.0.0.1:{server.server_address[1]}/0")
        assert made.run(Said(Script("return 1"), [])) is None
        server.shutdown()
    assert made.fault == ("what answers there is no Redis" if b"HTTP" in words else "it cannot be reached")
    assert [record.message for record in caplog.records if "canary" in record.message] == []
    made.close()


def test_an_acl_can_keep_a_team_in_its_namespace(redis: Redis, caplog: pytest.LogCaptureFixture) -> None:
    own = "{inference_providers:a}:*"
    redis.said("ACL", "SETUSER", "team", "on", ">pw", f"~{own}", f"&{own}", "+@all")
    url = redis.url.replace(f":{PASSWORD}", "team:pw")
    inside, other, outside = RedisLink(f"{url}?namespace=a"), RedisLink(f"{url}?namespace=a"), RedisLink(url)
    one, two = RedisState(inside), RedisState(other)
    assert one.rests() == two.rests() == {}
    one.rest("x", far(), "cool")
    soon(lambda: "x" in two.rests())
    assert isinstance(RedisTiers(inside).enter(caller(concurrent=1, budget=1.0), 1, 0.1), Admission)
    assert not isinstance(RedisTiers(other).enter(caller(concurrent=1, budget=1.0), 1, 0.1), Admission)
    assert isinstance(RedisLedger(RedisAccounts(inside)).reserve(0.1, DAY, 60), Entry)
    assert caplog.records == []
    assert RedisState(outside).rests() == {}
    assert "NOPERM" in caplog.text and "{inference_providers}" not in redis.said("KEYS", "*")
    for link in (inside, other, outside):
        link.close()


@pytest.mark.parametrize("how", ["READONLY", "OOM"])
def test_what_was_spent_while_it_wrote_nothing_is_told_when_it_does_again(
    how: str, redis: Redis, link: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "LOOK", 0.05)
    ledger = RedisLedger(RedisAccounts(link()))
    entries = [ledger.reserve(0.25, DAY, 60) for _ in range(4)]
    assert all(isinstance(one, Entry) and one.number is not None for one in entries)
    redis.said(*(("REPLICAOF", "127.0.0.1", "1") if how == "READONLY" else ("CONFIG", "SET", "maxmemory", "1")))
    for one in entries:
        ledger.settle(one, 0.5)  # type: ignore[arg-type]
    assert ledger._accounts.link.flush(30)
    time.sleep(0.2)  # it is refused again meanwhile
    redis.said(*(("REPLICAOF", "NO", "ONE") if how == "READONLY" else ("CONFIG", "SET", "maxmemory", "0")))
    fresh = RedisLedger(RedisAccounts(link()))
    soon(lambda: fresh.spent()["day"] == pytest.approx(2.0))
    found = fresh.reserve(3.0, DAY, 60)
    assert isinstance(found, Entry), "nothing is set aside any more"
    time.sleep(0.2)
    assert fresh.spent()["day"] == pytest.approx(2.0), "each once"


def test_a_claim_without_an_end_is_nobodys(redis: Redis, link: Links) -> None:
    for key, claim in zip(keys_of(1, 2), ("look", "claim"), strict=True):
        store = RedisStore(link(), 1000)
        redis.said("SET", store._claimed(key), "somebody")
        if claim == "look":
            assert store.look(key, NOW, EVER) == (None, 0.0)
        else:
            assert store.claim(key) == 0.0
        assert int(redis.said("PTTL", store._claimed(key))) > 0
        store.release(key)


def test_what_was_measured_while_it_was_gone_pushes_out_no_money(redis: Redis, link: Links) -> None:
    accounts, push = RedisAccounts(link()), Script("return redis.call('LPUSH', KEYS[1], ARGV[1])")
    booking = accounts.reserve(("d",), (1.0,), 0.4, 60)
    assert booking is not None
    redis.pause()
    accounts.link.tell(push, ["x"], 0)
    soon(lambda: accounts.link.fault)
    accounts.settle(booking, 0.3)  # type: ignore[arg-type]
    for number in range(redis_link._MOST + 100):
        accounts.link.tell(push, ["x"], number)
    redis.go_on()
    soon(lambda: accounts.link.has_told)
    assert accounts.spent(("d",)) == [0.3]

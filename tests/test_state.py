"""A shared state: one suite for all of them; then what is the file's own; then lists and processes that share one."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_providers import AllProvidersFailedError, ProviderList
from inference_providers.routing.shared_rests import LONGEST, SharedRests
from inference_providers.state.construction import state_of
from inference_providers.state.memory_state import KEPT, MOST_RESTS, MemoryState
from inference_providers.state.sqlite_state import SqliteState
from inference_providers.state.window import MINUTE, Window
from tests.conftest import keys, list_of, registry_of
from tests.servers import Connection, Received, Server, completion, status
from tests.test_architecture import loaded_by
from tests.test_budget import USED, costly

Serve = Callable[..., Server]
NOW, FAR = 1_700_000_000.0, 4_000_000_000.0
ROOM = (3, 1000)


class Clock:
    """Seconds since 1970, as a test has them. grain: by how much longer than a minute a request counts."""

    grain = 0.0

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "own" / "shared.sqlite")


@pytest.fixture(params=["memory", "sqlite"])
def pair(request: pytest.FixtureRequest, path: str, clock: Clock) -> Any:
    """Two that share what they know: the second as another process has it."""
    if request.param == "memory":
        state = MemoryState(clock)
        yield state, state
    else:
        states = SqliteState(path, clock=clock), SqliteState(path, clock=clock)
        yield states
        for one in states:
            one.close()


# One suite for all of them


def test_what_one_says_the_other_knows(pair: Any) -> None:
    one, other = pair
    key = one.digest("key", "https://x.example", "sk-1")
    assert other.rests() == {}
    one.rest(key, NOW + 60, "key 401")
    assert other.rests() == {key: (NOW + 60, "key 401")}
    other.rest(key, NOW + 90, "key 403")
    assert one.rests() == {key: (NOW + 90, "key 403")}
    other.clear(key)
    assert one.rests() == {}


def test_the_generation_is_another_one_after_each_change_and_only_then(pair: Any) -> None:
    one, other = pair
    seen = {other.generation}
    for change in (
        lambda: one.rest("a", NOW + 60, "cool"),
        lambda: one.rest("a", NOW + 70, "cool"),
        lambda: one.rest("b", NOW + 60, "cool"),
        lambda: one.clear("a"),
    ):
        before = other.generation
        assert before == other.generation, "nothing has changed"
        change()
        assert other.generation not in seen
        seen.add(other.generation)
    before = other.generation
    one.clear("nobody knows it")
    assert other.generation == before


def test_digests_are_alike_for_all_and_differ_by_each_part(pair: Any) -> None:
    one, other = pair
    assert one.digest("key", "a", "b") == other.digest("key", "a", "b")
    made = [
        ("key", "a", "b"),
        ("key", "ab", ""),
        ("key", "", "ab"),
        ("cool", "a", "b"),
        ("key", "a"),
        ("key", "\udc80"),
    ]
    assert len({other.digest(*parts) for parts in made}) == len(made)


def test_a_rest_that_is_over_is_known_for_an_hour_more(pair: Any, clock: Clock) -> None:
    one, other = pair
    one.rest("a", NOW + 10, "tripped")
    clock.now += 10 + KEPT - 1
    one.rest("b", clock.now + 1, "cool")
    assert set(other.rests()) == {"a", "b"}
    clock.now += 2
    one.rest("c", clock.now + 1, "cool")
    assert set(other.rests()) == {"b", "c"}


def test_of_too_many_rests_the_longest_are_kept(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("memory_state", "sqlite_state", "redis_state"):
        monkeypatch.setattr(f"inference_providers.state.{module}.MOST_RESTS", 5)
    assert MOST_RESTS > 1000
    one, other = pair
    for number in range(9):
        one.rest(str(number), NOW + number, "cool")
    assert sorted(other.rests()) == ["4", "5", "6", "7", "8"]


def test_a_minute_is_taken_out_of_by_all_together(pair: Any, clock: Clock) -> None:
    one, other = pair
    assert [state.take("p1", 1, ROOM)[2] is not None for state in (one, other, one, other)] == [True] * 3 + [False]
    wait, which, taken = one.take("p1", 1, ROOM)
    assert (which, taken) == ("3 requests", None) and wait == pytest.approx(MINUTE + clock.grain)
    assert other.take("p2", 1, ROOM)[2] is not None, "each name has its own"
    clock.now += MINUTE + clock.grain
    assert other.take("p1", 1, ROOM)[2] is not None


def test_what_is_corrected_or_given_back_makes_room_for_all(pair: Any, clock: Clock) -> None:
    one, other = pair
    taken = one.take("p1", 900, ROOM)[2]
    assert other.take("p1", 200, ROOM)[1] == "1000 tokens"
    one.correct("p1", taken, 100)
    clock.now += 1  # whoever was told that there is no room may believe it for a moment
    more = other.take("p1", 200, ROOM)[2]
    assert more is not None
    other.give_back("p1", more)
    clock.now += 1
    assert one.room("p1", ROOM) == pytest.approx(2 / 3)
    assert one.take("p1", 900, ROOM)[2] is not None
    clock.now += 1
    assert other.room("p1", ROOM) == 0.0


def test_what_is_settled_late_touches_nobody_elses(pair: Any, clock: Clock) -> None:
    one, other = pair
    late = one.take("p1", 900, ROOM)[2]
    clock.now += MINUTE + clock.grain
    assert other.take("p1", 500, ROOM)[2] is not None
    one.correct("p1", late, 0)
    one.give_back("p1", late)
    assert other.take("p1", 600, ROOM)[1] == "1000 tokens"


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 400), st.booleans()), max_size=25), st.integers(1, 5))
def test_every_state_decides_as_one_window(
    pair: Any, clock: Clock, steps: list[tuple[float, int, bool]], requests: int
) -> None:
    clock.now += 10 * MINUTE  # nothing is left of the last example
    room = (requests, 700)
    window = Window(*room)
    for pause, size, first in steps:
        clock.now += pause
        wanted, found = window.take(clock.now, size), pair[first].take("p1", size, room)
        assert found[:2] == pytest.approx(wanted[:2]) if isinstance(found[1], float) else found[1] == wanted[1]
        assert found[0] == pytest.approx(wanted[0])
        assert (found[2] is None) == (wanted[2] is None)


def test_nothing_that_was_taken_before_the_clock_was_set_back_counts_for_hours(path: str, clock: Clock) -> None:
    state = SqliteState(path, clock=clock)
    for _ in range(3):
        state.take("p1", 1, ROOM)
    clock.now -= 3600
    assert state.take("p1", 1, ROOM)[2] is not None


# What is the file's own


def test_files_are_private_and_hold_no_key(path: str, serve: Serve) -> None:
    one = shared(path, serve(status(401)), serve())
    assert one.ask_ai("a secret prompt", "m").provider == "p2"
    files = [file for file in Path(path).parent.iterdir() if file.is_file()]
    assert {file.name for file in files} >= {"shared.sqlite", "shared.sqlite.changes", "shared.sqlite.secret"}
    told = b"".join(file.read_bytes() for file in files)
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * len(files)
    assert b"key 401" in told
    for private in (*keys(2).values(), "secret prompt", "127.0.0.1"):
        assert private.encode() not in told


def test_a_locked_file_costs_a_moment_and_then_nothing(path: str) -> None:
    said: list[str] = []
    state, other = SqliteState(path, warn=said.append, busy=0.01), SqliteState(path)
    other.rest("a", FAR, "cool")
    assert set(state.rests()) == {"a"}
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    state.rest("b", FAR, "cool")
    assert state.take("p1", 1, (1, None))[2] is not None
    assert state.take("p1", 1, (1, None))[2] is None, "its own memory limits, too"
    assert set(state.rests()) == {"a", "b"}, "what it knew, and what it says itself"
    state.clear("a")
    assert set(state.rests()) == {"b"}
    assert len(said) == 2 and all("is not used for now" in line for line in said), "each connection says it once"
    holder.execute("COMMIT")
    holder.close()
    state._resting.wake()
    state.rest("c", FAR, "cool")
    assert {"b", "c"} <= set(other.rests()), "what could not be written is written with the next"


def test_a_broken_file_is_put_aside(path: str) -> None:
    os.makedirs(os.path.dirname(path), 0o700)
    Path(path).write_bytes(b"no database" * 1000)
    os.chmod(path, 0o600)
    said: list[str] = []
    state = SqliteState(path, warn=said.append)
    state.rest("a", FAR, "cool")
    assert set(SqliteState(path).rests()) == {"a"}
    assert len(said) == 1 and "was damaged" in said[0]


def test_rows_of_another_form_count_as_none(path: str) -> None:
    state = SqliteState(path)
    state.rest("a", FAR, "cool")
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("INSERT INTO rests VALUES ('b', 'never', 'cool')")
        file.execute("INSERT INTO rests VALUES (x'00', 1.0, 'cool')")
        file.execute("INSERT INTO rests VALUES ('c', 1.0, x'00')")
    file.close()
    assert set(SqliteState(path).rests()) == {"a"}


def test_a_folder_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    said: list[str] = []
    state = SqliteState(str(folder / "shared.sqlite"), warn=said.append)
    state.rest("a", FAR, "cool")
    assert state.digest("a") == state.digest("a")
    assert state.take("p1", 1, (1, None))[2] is not None and state.take("p1", 1, (1, None))[2] is None
    assert set(state.rests()) == {"a"} and state.generation is not None
    assert list(folder.iterdir()) == []
    assert said and all("can be written by everybody" in line for line in said)


def test_a_folder_that_is_removed_meanwhile_is_made_anew(path: str) -> None:
    one, other = SqliteState(path), SqliteState(path)
    one.rest("a", FAR, "cool")
    assert set(other.rests()) == {"a"}
    for file in Path(path).parent.iterdir():
        file.unlink()
    assert other.rests() == {}
    one.rest("b", FAR, "cool")
    seen = {other.generation for _ in range(300)}
    assert len(seen) > 1, "the new file is looked at, though the old mark is in memory"
    before = other.generation
    one.rest("c", FAR, "cool")
    assert other.generation != before and set(other.rests()) == {"b", "c"}


def test_a_request_costs_no_more_the_more_the_minute_has(path: str, clock: Clock) -> None:
    """Counted in steps of SQLite's machine: where there is room, where there are no tokens, and no requests."""
    state = SqliteState(path, clock=clock)
    steps = [0]
    state.take("p1", 1, (None, None))
    connection = state._minutes._connection
    assert connection is not None

    def taking(room: tuple[float | None, float | None]) -> int:
        connection.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 1)
        steps[0] = 0
        taken = state.take("p1", 1, room)
        connection.set_progress_handler(None, 0)
        assert (taken[2] is None) == (room != (None, None))
        return steps[0]

    for _ in range(31):
        state.take("p1", 1, (None, None))
    few = [taking((None, None)), taking((None, 31.0)), taking((32, None))]
    for _ in range(600):
        state.take("p1", 1, (None, None))
    many = [taking((None, None)), taking((None, 632.0)), taking((633, None))]
    assert all(later <= sooner * 1.3 for sooner, later in zip(few, many, strict=True)), (few, many)


TAKER = """
import sys
from inference_providers.state.sqlite_state import SqliteState
state = SqliteState(sys.argv[1])
for number in range(int(sys.argv[2])):
    taken = state.take("p1", 10, (50, 100_000))[2]
    print(taken is not None, flush=True)
"""


def test_processes_together_never_take_more_than_a_minute_has(path: str) -> None:
    running = [subprocess.Popen([sys.executable, "-c", TAKER, path, "30"], stdout=subprocess.PIPE) for _ in range(4)]
    told = [process.communicate(timeout=110)[0].split() for process in running]
    assert [len(lines) for lines in told] == [30] * 4
    assert sum(lines.count(b"True") for lines in told) == 50


def test_a_killed_process_takes_nothing_of_others_along(path: str) -> None:
    state = SqliteState(path)
    mine = [state.take("p1", 10, (1_000_000, None))[2] for _ in range(3)]
    state.rest("a", FAR, "cool")
    code = TAKER.replace("(50, 100_000)", "(1_000_000, None)")
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", code, path, "1000000"], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert None not in mine and set(state.rests()) == {"a"}
    with closing(sqlite3.connect(path)) as file, file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (count,) = file.execute("SELECT count(*) FROM taken").fetchone()
    file.close()
    assert count >= 5, "what was taken counts, whoever took it"
    assert state.take("p1", 1, (count, None))[2] is None


FORKING = """
import os, sys, threading
from inference_providers.state.memory_state import MemoryState
from inference_providers.state.sqlite_state import SqliteState
state = {"sqlite": lambda: SqliteState(sys.argv[2]), "memory": MemoryState}[sys.argv[1]]()
state.rest("a", 2e9, "cool")
held, go = threading.Event(), threading.Event()

def hold():
    if sys.argv[1] == "memory":
        with state._lock:
            held.set(), go.wait()
    else:
        with state._resting._lock, state._minutes._lock:
            held.set(), go.wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if not child:
    state.rest("b", 2e9, "cool")
    taken = state.take("p1", 1, (1, None))[2]
    os._exit(0 if taken is not None and set(state.rests()) == {"a", "b"} else 1)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
go.set()
assert code == 0, code
assert set(state.rests()) == ({"a", "b"} if sys.argv[1] == "sqlite" else {"a"})
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_fork_waits_for_no_lock_that_its_parent_held(kind: str, path: str) -> None:
    ran = [sys.executable, "-W", "ignore", "-c", FORKING, kind, path]
    subprocess.run(ran, check=True, timeout=60)


# Lists and processes that share one


def shared(path: str, *servers: Server, **options: Any) -> Any:
    return list_of(*(server.url for server in servers), state=path, **options)


def test_a_refused_key_is_asked_by_no_other(path: str, serve: Serve) -> None:
    refusing, well = serve(status(401)), serve()
    one, other = (shared(path, refusing, well) for _ in range(2))
    assert one.ask_ai("hi", "m").provider == "p2"
    assert other.ask_ai("hi", "m").provider == "p2"
    assert len(refusing.asked) == 1
    with pytest.raises(AllProvidersFailedError) as caught:
        other.ask_ai("hi", "p1/m")
    assert "refused with status 401, as another process has seen" in str(caught.value)
    assert len(refusing.asked) == 1


def test_keys_are_used_again_by_all_when_one_forgets_what_was_refused(path: str, serve: Serve) -> None:
    state = ["refused"]

    def behaviour(conn: Connection, request: Received) -> None:
        conn.reply(401 if state else 200, {"error": {"message": "no"}} if state else completion())

    server, well = serve(behaviour), serve()
    one, other = (shared(path, server, well) for _ in range(2))
    assert [one.ask_ai("hi", "m").provider, other.ask_ai("hi", "m").provider] == ["p2", "p2"]
    state.clear()
    other.pipeline.health.forget_dead()
    assert [one.ask_ai("hi", "m").provider, other.ask_ai("hi", "m").provider] == ["p1", "p1"]


def test_forgetting_what_was_refused_ends_no_cool_down(path: str, serve: Serve) -> None:
    busy, well = serve(status(429, headers={"retry-after": "60"})), serve()
    one, other = (shared(path, busy, well) for _ in range(2))
    assert one.ask_ai("hi", "m").provider == "p2"
    one.pipeline.health.forget_dead()
    assert other.ask_ai("hi", "m").provider == "p2"
    assert len(busy.asked) == 1


def test_an_account_without_money_and_one_that_cools_down_are_left_alone_by_others(path: str, serve: Serve) -> None:
    for number, behaviour in enumerate((status(402), status(429, headers={"retry-after": "60"}))):
        failing, well = serve(behaviour), serve()
        one, other = (shared(f"{path}{number}", failing, well) for _ in range(2))
        assert one.ask_ai("hi", "m").provider == "p2"
        asked = len(failing.asked)
        assert other.ask_ai("hi", "m").provider == "p2"
        assert len(failing.asked) == asked


def test_a_breaker_that_one_trips_is_open_for_all_and_one_success_closes_it(path: str, serve: Serve) -> None:
    failing = [True]

    def behaviour(conn: Connection, request: Received) -> None:
        conn.reply(500 if failing else 200, {"error": {"message": "no"}} if failing else completion())

    server, well = serve(behaviour), serve()
    one, other = (shared(path, server, well) for _ in range(2))
    (offer, _) = other.candidates("m")
    while not other.pipeline.health.cooling(offer):
        assert one.ask_ai("hi", "m").provider == "p2"
    assert offer.place in other.pipeline.health._tripped
    asked = len(server.asked)
    assert other.ask_ai("hi", "m").provider == "p2"
    assert len(server.asked) == asked
    failing.clear()
    assert other.ask_ai("hi", "p1/m").provider == "p1"
    assert one.ask_ai("hi", "m").provider == "p1"


def test_after_its_rest_a_key_is_probed_by_one_of_all(path: str, serve: Serve) -> None:
    refusing, well = serve(status(401)), serve()
    one, other = (shared(path, refusing, well) for _ in range(2))
    assert one.ask_ai("hi", "m").provider == "p2"
    healths = [one.pipeline.health, other.pipeline.health]
    (offer, _) = other.candidates("m")
    rest = healths[0]._rest(offer)
    assert rest == pytest.approx(one.pipeline.policy.key_rest, abs=30)
    for health in healths:
        health.clock = health._dead._rests.clock = _later(rest + 1, health.clock)
        health._dead._rests._seen = None
        health._dead._rests._wall = _later(rest + 1, health._dead._rests._wall)
    assert [health.dead(offer) for health in healths] == [False, False]
    healths[1].probe(offer)
    assert [health.dead(offer) for health in healths] == [True, True]


def _later(seconds: float, clock: Callable[[], float]) -> Callable[[], float]:
    return lambda: clock() + seconds


def test_a_rest_without_end_is_believed_for_a_day() -> None:
    state = MemoryState()
    state.rest("a", 1e18, "cool")
    rests = SharedRests(state, lambda: 5.0)
    assert rests.known()["a"][0] == 5.0 + LONGEST


class Reading(SqliteState):
    """Counts how often the file is read for who rests."""

    reads = 0

    def rests(self) -> Any:
        self.reads += 1
        return super().rests()


def test_calls_read_nothing_as_long_as_nothing_has_changed(path: str, serve: Serve) -> None:
    providers = shared(path, serve(), serve())
    state = providers.pipeline.state = Reading(path)
    SqliteState(path).rest("somebody else's", FAR, "cool")
    providers.ask_ai("hi", "m")
    first = state.reads
    for _ in range(20):
        providers.ask_ai("hi", "m")
    assert first >= 1 and state.reads <= first + 3  # it looks at the file now and then, whatever the mark says
    SqliteState(path).rest("somebody else's, too", FAR, "cool")
    before = state.reads
    providers.ask_ai("hi", "m")
    assert state.reads == before + 1


ASKING = """
import json, sys
from inference_providers import ProviderList
options = json.loads(sys.argv[1])
providers = ProviderList(local=False, **options)
for _ in range(int(sys.argv[2])):
    try:
        print(providers.ask_ai("hi", "m", timeout=5).provider, flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)
"""


def asking(count: int, options: dict[str, Any]) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", ASKING, json.dumps(options), str(count)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def test_processes_tell_each_other_who_rests(path: str, serve: Serve) -> None:
    busy, well = serve(status(429, headers={"retry-after": "60"})), serve()
    registry = registry_of(busy.url, well.url)
    options = {"json_override": registry, "environ": keys(2), "state": path}
    for _ in range(2):
        assert asking(3, options).communicate(timeout=60)[0].split() == ["p2"] * 3
    assert len(busy.asked) == 1


def test_limits_by_the_minute_hold_for_processes_together(path: str, serve: Serve) -> None:
    server = serve()
    limits = {"p1": {"requests_per_minute": 12}}
    options = {"json_override": registry_of(server.url), "environ": keys(1), "state": path, "rate_limits": limits}
    running = [asking(8, options) for _ in range(3)]
    told = [line for process in running for line in process.communicate(timeout=110)[0].split()]
    assert len(server.asked) == 12 and told.count("p1") == 12 and len(told) == 24


@pytest.mark.parametrize("way", ["ask", "stream", "batch"])
def test_what_was_taken_is_settled_in_the_file(way: str, path: str, serve: Serve) -> None:
    ways: dict[str, Callable[[Any], Any]] = {
        "ask": lambda one: one.ask_ai("hi", "m"),
        "stream": lambda one: list(one.stream("hi", "m")),
        "batch": lambda one: list(one.batch(["hi"], "m")),
    }
    limits = {"*": {"tokens_per_minute": 100_000}}
    one, other = (shared(path, serve(costly), rate_limits=limits) for _ in range(2))
    ways[way](one)
    with closing(sqlite3.connect(path)) as file, file:
        ((name, tokens),) = file.execute("SELECT name, tokens FROM taken").fetchall()
    file.close()
    assert (name, tokens) == ("p1", USED["total_tokens"]), "as the reply says, not as it was estimated"
    assert other.pipeline.gate.rates.room("p1") == pytest.approx(1 - tokens / 100_000)


def test_shared_is_a_file_of_the_users(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    state = state_of("shared", environ)
    state.rest("a", FAR, "cool")
    assert (tmp_path / "state" / "inference_providers" / "shared.sqlite").exists()
    assert set(state_of("~/state/inference_providers/shared.sqlite", environ).rests()) == {"a"}


@pytest.mark.parametrize(
    "url",
    [
        "redis://", "redis://:canary@", "redis://:canary@h:x/0", "redis://:canary@h:99999", "redis://:canary@h/x",
        "http://:canary@h", "redis//:canary@h", "redis:/:canary@h", "unix://", "redis://:canary@h?what=canary",
        "redis://:canary@[::1", "redis://:canary@h/0?db=canary", "rediss://:canary@h?ssl_cert_reqs=canary",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_redis_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        state_of(url, {"HOME": "/nonexistent"})
    error: BaseException | None = caught.value
    while error is not None:
        assert "canary" not in str(error)
        error = error.__cause__ if error.__suppress_context__ else error.__context__


def test_a_redis_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_providers.state.redis_address.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install redis"):
        state_of("redis://:canary@h/0", {})


def test_a_redis_that_is_not_there_fails_no_call(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = serve(status(401)), serve()
    with socket.socket() as bound:  # nobody listens there
        bound.bind(("127.0.0.1", 0))
        url = f"redis://:canary@127.0.0.1:{bound.getsockname()[1]}/0"
        options: dict[str, Any] = {"environ": {**keys(2), "INFERENCE_PROVIDERS_STATE": url}, "local": False}
        providers = ProviderList(json_override=registry_of(bad.url, good.url), **options)
        for _ in range(3):
            assert providers.ask_ai("Hi", "m").provider == "p2"
    assert len(bad.asked) == 1
    said = [record.message for record in caplog.records if "cannot be used" in record.message]
    assert len(said) == 1 and "canary" not in said[0]
    assert providers.pipeline.state is not None and providers.pipeline.state.link is not None
    providers.pipeline.state.link.close()


@pytest.mark.parametrize("given", ["here.sqlite", "", True, 5])
def test_what_is_neither_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="whole path of a file"):
        ProviderList(environ={}, local=False, state=given)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("policy='cheapest', budget={'per_call': 1.0}", set()),
        ("rate_limits={'*': {'requests_per_minute': 9}}", {"", ".memory_state", ".state", ".window"}),
    ],
)
def test_who_shares_nothing_loads_nothing_of_it(options: str, wanted: set[str], serve: Serve) -> None:
    code = f"from inference_providers import ProviderList\nassert ProviderList({options}).ask_ai('hi', 'openai/gpt-4o')"
    loaded = loaded_by(code, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": serve().url})
    own = {name.removeprefix("inference_providers.state") for name in loaded if "inference_providers.state" in name}
    assert own == wanted and "inference_providers.routing.shared_rests" not in loaded


def test_replies_by_hand_share_nothing(path: str) -> None:
    providers = ProviderList(mock={"m": "hello"}, state=path)
    assert providers.pipeline.state is None

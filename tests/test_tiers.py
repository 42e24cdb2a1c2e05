"""What a caller may use: never more than its limits, and nothing is refused while there is room.

One suite for every way to count; then what is the file's own: other processes, kills, faults.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference_providers.files import Database
from inference_providers.gateway.callers import ADMIN, Caller
from inference_providers.gateway.quotas import TIERS
from inference_providers.gateway.shared_windows import SharedWindows
from inference_providers.gateway.spending import MIGRATIONS, Spending
from inference_providers.gateway.tiers import Admission, Exceeded, Tiers, headers
from inference_providers.gateway.windows import MemoryWindows
from tests.conftest import ROOT, places

EPOCH = 1_800_000_000.0  # 2027-01-15 08:00 UTC
WAYS = ("memory", "file")


class Bench:
    """Tiers of a test, and its clock. grain: seconds within which it knows when a request came."""

    grain = 0.0

    def __init__(self, way: str, folder: Path) -> None:
        self.now = 1000.0
        self.path = str(folder / "own" / "limits.sqlite")
        self.windows: Any = (
            MemoryWindows(lambda: self.now) if way == "memory" else SharedWindows(self.path, lambda: self.now)
        )
        self.spending = Spending(
            Database(str(folder / "own" / "spending.sqlite"), MIGRATIONS), lambda: EPOCH + self.now
        )
        self.tiers = Tiers(self.windows, self.spending, lambda: EPOCH + self.now)

    def enter(self, caller: Caller, tokens: int = 0, cost: float = 0.0) -> Any:
        return self.tiers.enter(caller, tokens, cost)

    def admitted(self, caller: Caller, tokens: int = 0, cost: float = 0.0) -> Admission:
        found = self.enter(caller, tokens, cost)
        assert isinstance(found, Admission), found.message
        return found

    def refused(self, caller: Caller, tokens: int = 0, cost: float = 0.0) -> Exceeded:
        found = self.enter(caller, tokens, cost)
        assert isinstance(found, Exceeded)
        return found


def near(seconds: float, bench: Bench) -> Any:
    """Just so many seconds, where times are known exactly."""
    return pytest.approx(seconds, abs=2 * bench.grain, rel=0) if bench.grain else seconds


@pytest.fixture(params=WAYS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Bench:
    return Bench(request.param, tmp_path)


def caller(**own: Any) -> Caller:
    return Caller("c_1", "alice", **own)


def test_the_tiers_are_those_that_are_promised() -> None:
    numbers = {
        name: (quota.requests_per_minute, quota.tokens_per_minute, quota.concurrent) for name, quota in TIERS.items()
    }
    assert numbers == {
        "free": (20, 40_000, 2),
        "basic": (100, 200_000, 5),
        "pro": (500, 1_000_000, 20),
        "enterprise": (None, None, None),
    }


def test_who_has_no_limits_is_not_counted(bench: Bench) -> None:
    for free in (ADMIN, caller(), caller(tier="enterprise")):
        assert bench.enter(free, 10**9) is None
    assert headers(None) == {}
    assert not Path(bench.path).exists(), "nothing was written"


@pytest.mark.parametrize("tier", ["free", "basic"])
def test_requests_of_any_minute(bench: Bench, tier: str) -> None:
    one = caller(tier=tier)
    most = TIERS[tier].requests_per_minute
    assert most is not None
    for number in range(most):
        admission = bench.admitted(one, 1)
        assert (admission.limit, admission.remaining) == (most, most - number - 1)
        admission.leave()
        bench.now += 0.125
    full = bench.refused(one, 1)
    assert (full.what, full.status, full.limit, full.remaining) == ("requests", 429, most, 0)
    assert full.retry_after == near(60 - most * 0.125, bench)
    assert full.reset == near(EPOCH + bench.now + 60 - 0.125, bench)
    assert full.retry_after is not None
    bench.now += full.retry_after - 0.001
    assert bench.refused(one, 1).what == "requests"
    bench.now += 0.001
    bench.admitted(one, 1).leave()
    assert bench.refused(one, 1).retry_after == pytest.approx(0.125, abs=2 * bench.grain)
    bench.now += 120
    assert bench.admitted(one, 1).remaining == most - 1


def test_tokens_are_taken_as_thought_and_corrected(bench: Bench) -> None:
    one = caller(tokens_per_minute=1000)
    first = bench.admitted(one, 600)
    assert (first.limit, first.remaining) == (1000, 400)
    full = bench.refused(one, 401)
    assert (full.what, full.limit, full.remaining, full.retry_after) == ("tokens", 1000, 400, near(60, bench))
    first.leave(100)
    bench.admitted(one, 900).leave(1500)
    assert bench.refused(one, 1).remaining == 0
    bench.now += 60 + bench.grain
    assert bench.admitted(one, 1000).remaining == 0


def test_a_correction_that_comes_late_counts_for_nothing(bench: Bench) -> None:
    one = caller(tokens_per_minute=1000)
    slow = bench.admitted(one, 600)
    bench.now += 61
    second = bench.admitted(one, 700)
    slow.leave(100_000)
    assert second.remaining == 300
    assert bench.admitted(one, 300).remaining == 0


def test_a_request_that_is_too_large_is_not_told_to_wait(bench: Bench) -> None:
    one = caller(tokens_per_minute=1000)
    full = bench.refused(one, 1001)
    assert (full.what, full.status, full.retry_after) == ("tokens", 429, None)
    assert "waiting does not help" in full.message
    assert set(headers(full)) == {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}
    bench.admitted(one, 1000)


def test_requests_at_once(bench: Bench) -> None:
    one = caller(concurrent=2)
    first, second = bench.admitted(one), bench.admitted(one)
    assert (first.limit, first.remaining, second.remaining) == (2, 1, 0)
    full = bench.refused(one)
    assert (full.what, full.status, full.limit, full.remaining, full.retry_after) == ("concurrent", 429, 2, 0, 1)
    first.leave()
    first.leave()
    bench.admitted(one)
    assert bench.refused(one).what == "concurrent", "leaving twice frees one place"
    bench.now += 600
    assert bench.refused(one).what == "concurrent", "a stream may last long"
    second.leave(5, 0.1)
    bench.admitted(one)


def test_of_several_limits_the_one_that_takes_longest_is_told(bench: Bench) -> None:
    one = caller(requests_per_minute=2, tokens_per_minute=100, concurrent=1)
    bench.admitted(one, 90).leave()
    bench.now += 10
    open_one = bench.admitted(one, 10)
    assert (bench.refused(one, 10).what, bench.refused(one, 10).retry_after) == ("requests", near(50, bench))
    assert (bench.refused(one, 95).what, bench.refused(one, 95).retry_after) == ("tokens", near(60, bench))
    bench.now += 60 + bench.grain
    assert bench.refused(one, 10).what == "concurrent"
    open_one.leave()
    bench.admitted(one, 100)


def test_callers_do_not_share_their_limits(bench: Bench) -> None:
    for name in ("c_1", "c_2"):
        other = Caller(name, name, requests_per_minute=1)
        bench.admitted(other)
        bench.refused(other)
    bench.tiers.forget("c_1")
    bench.admitted(Caller("c_1", "c_1", requests_per_minute=1))
    bench.refused(Caller("c_2", "c_2", requests_per_minute=1))


def test_limits_that_change_hold_from_then_on(bench: Bench) -> None:
    for _ in range(3):
        bench.admitted(caller(requests_per_minute=3)).leave()
        bench.now += 1
    assert bench.refused(caller(requests_per_minute=1)).retry_after == near(59, bench)
    assert bench.admitted(caller(requests_per_minute=10)).remaining == 6


def test_headers(bench: Bench) -> None:
    one = caller(requests_per_minute=2)
    bench.now += 0.5
    assert headers(bench.admitted(one)) == {
        "x-ratelimit-limit": "2", "x-ratelimit-remaining": "1", "x-ratelimit-reset": str(int(EPOCH + 1061)),
    }  # fmt: skip
    bench.admitted(one)
    bench.now += 14.7
    assert headers(bench.refused(one)) == {
        "x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(EPOCH + 1061)),
        "x-ratelimit-retry-after": "46", "retry-after": "46",
    }  # fmt: skip
    poor = caller(budget=0.0)
    assert headers(bench.refused(poor)) == {}
    assert headers(bench.admitted(caller(budget=1.0))) == {}


# Property: of any schedule


STEP = st.tuples(
    st.sampled_from([0.0, 0.25, 5.0, 20.0, 59.75, 60.0, 61.0]),  # seconds that pass before it
    st.integers(0, 120),  # tokens as thought
    st.none() | st.integers(0, 130),  # as it turned out
    st.integers(0, 3),  # after how many further requests it is over
)


class Oracle:
    """The same limits, counted by looking at everything that ever was."""

    def __init__(self, requests: int | None, tokens: int | None, concurrent: int | None) -> None:
        self.requests, self.tokens, self.concurrent = requests, tokens, concurrent
        self.taken: list[list[float]] = []  # when, tokens
        self.open = 0

    def has_room(self, now: float, tokens: int) -> bool:
        last = [row for row in self.taken if row[0] > now - 60]
        return self._fits(last, tokens)

    def had_room(self, since: float, tokens: int) -> bool:
        """Whether there is room beside all that came after then."""
        return self._fits([row for row in self.taken if row[0] > since], tokens)

    def _fits(self, last: list[list[float]], tokens: int) -> bool:
        return (
            (self.requests is None or len(last) < self.requests)
            and (self.tokens is None or sum(row[1] for row in last) + tokens <= self.tokens)
            and (self.concurrent is None or self.open < self.concurrent)
        )


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(STEP, max_size=25),
    requests=st.none() | st.integers(1, 4),
    tokens=st.none() | st.integers(1, 200),
    concurrent=st.none() | st.integers(1, 3),
)
def test_any_minute_has_no_more_and_no_room_is_refused(
    way: str,
    steps: list[tuple[float, int, int | None, int]],
    requests: int | None,
    tokens: int | None,
    concurrent: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    bench = Bench(way, tmp_path_factory.mktemp("any"))
    held(bench, steps, requests, tokens, concurrent)
    if hasattr(bench.windows, "close"):
        bench.windows.close()


def held(
    bench: Bench,
    steps: list[tuple[float, int, int | None, int]],
    requests: int | None,
    tokens: int | None,
    concurrent: int | None,
) -> None:
    """Any schedule beside an oracle: what goes has room, and what does not would not have had it a grain before."""
    one = caller(requests_per_minute=requests, tokens_per_minute=tokens, concurrent=concurrent)
    oracle, minute = Oracle(requests, tokens, concurrent), 60 + 2 * bench.grain
    under_way: list[tuple[int, Admission, list[float], int | None]] = []
    for number, (passed, thought, came_to, later) in enumerate(steps):
        bench.now += passed
        for over in [one for one in under_way if one[0] <= number]:
            under_way.remove(over)
            over[1].leave(over[3])
            oracle.open -= 1
            if over[3] is not None and over[2][0] > bench.now - minute:
                over[2][1] = over[3]
        found = bench.enter(one, thought)
        if one.quota is None:
            assert found is None
            continue
        if isinstance(found, Admission):
            assert oracle.has_room(bench.now, thought)
            row = [bench.now, float(thought)]
            oracle.taken.append(row)
            oracle.open += 1
            under_way.append((number + later + 1, found, row, came_to))
            continue
        assert not oracle.had_room(bench.now - minute, thought)
        if found.retry_after is not None and found.what != "concurrent":
            free = Oracle(requests, tokens, None)  # what is under way may end at any time
            free.taken = oracle.taken
            assert free.has_room(bench.now + found.retry_after, thought), "it is right to come again then"
            before = bench.now + found.retry_after - 0.125 - minute
            assert not free.had_room(before, thought), "and not before"


# Budgets


def test_a_budget_is_set_aside_and_settled(bench: Bench) -> None:
    one = caller(budget=1.0)
    first = bench.admitted(one, cost=0.6)
    assert first.left == pytest.approx(0.4)
    second = bench.refused(one, cost=0.5)
    assert (second.what, second.status, second.retry_after) == ("budget", 402, None)
    assert (second.limit, second.remaining) == (1.0, pytest.approx(0.4))
    assert second.reset == 1_801_440_000.0, "on the first of February"
    assert "01 February 2027" in second.message
    first.leave(cost=0.1)
    assert bench.spending.spent("c_1") == pytest.approx(0.1)
    third = bench.admitted(one, cost=0.9)
    assert bench.refused(one).what == "budget", "what is set aside is not left"
    third.leave()
    assert bench.spending.spent("c_1") == pytest.approx(1.0), "where nobody knows, it cost what was thought"
    assert bench.refused(one).remaining == 0
    bench.now += 30 * 86400
    bench.admitted(one, cost=1.0)


def test_without_an_estimate_a_budget_holds_until_nothing_is_left(bench: Bench) -> None:
    one = caller(budget=0.01)
    for _ in range(2):
        admission = bench.admitted(one)
        admission.leave(10, 0.005)
        admission.leave(10, 0.005)
    assert bench.refused(one).what == "budget"


def test_a_request_that_is_refused_for_its_budget_takes_no_place(bench: Bench) -> None:
    poor = caller(budget=0.0, requests_per_minute=5, concurrent=1, tokens_per_minute=10)
    for _ in range(3):
        assert bench.refused(poor, 10).what == "budget"
    rich = caller(budget=1.0, requests_per_minute=5, concurrent=1, tokens_per_minute=10)
    assert bench.admitted(rich, 10).remaining == 4


def test_a_budget_outlives_the_process_and_goes_with_its_caller(tmp_path: Path) -> None:
    one = caller(budget=1.0)
    Bench("memory", tmp_path).admitted(one, cost=0.5).leave(cost=0.5)
    again = Bench("memory", tmp_path)
    assert again.admitted(one).left == pytest.approx(0.5)
    again.tiers.forget("c_1")
    assert again.admitted(one).left == pytest.approx(1.0)


def test_what_a_process_had_set_aside_that_died_is_free_an_hour_later(tmp_path: Path) -> None:
    one = caller(budget=1.0)
    Bench("memory", tmp_path).admitted(one, cost=1.0)
    later = Bench("memory", tmp_path)
    assert later.refused(one, cost=0.5).what == "budget"
    later.now += 3600
    later.admitted(one, cost=0.5)


def test_while_the_file_cannot_be_used_budgets_hold_all_the_same(tmp_path: Path) -> None:
    bench = Bench("memory", tmp_path)
    one = caller(budget=1.0)
    database = bench.spending.database
    assert database is not None
    bench.admitted(one, cost=0.9).leave(cost=0.25)
    under_way = bench.admitted(one, cost=0.5)
    path = Path(database.path)
    database.close()
    path.chmod(0o666)  # others could write it: it is not used
    assert bench.refused(one, cost=0.3).remaining == pytest.approx(0.25)
    under_way.leave(cost=0.25)
    bench.admitted(one, cost=0.4).leave(cost=0.25)
    assert bench.refused(one, cost=0.3).remaining == pytest.approx(0.25)
    path.chmod(0o600)
    database.wake()
    assert bench.refused(one, cost=0.3).what == "budget"
    bench.now += 3600  # what was set aside in the file, and could not be settled there, is free
    bench.admitted(one, cost=0.25).leave(cost=0.25)
    assert bench.spending.spent("c_1") == pytest.approx(1.0)
    assert Bench("memory", tmp_path).spending.spent("c_1") == pytest.approx(1.0), "the file knows"


def test_what_was_settled_last_is_known_when_the_file_is_gone(tmp_path: Path) -> None:
    bench = Bench("memory", tmp_path)
    one = caller(budget=1.0)
    bench.admitted(one, cost=0.9).leave(cost=0.25)
    assert bench.spending.database is not None
    bench.spending.database.close()
    Path(bench.spending.database.path).chmod(0o666)
    assert bench.refused(one, cost=0.8).remaining == pytest.approx(0.75)
    bench.admitted(one, cost=0.75)


# Several processes


WORKER = """
import json, sys
from inference_providers.gateway.callers import Caller
from inference_providers.gateway.shared_windows import SharedWindows
from inference_providers.gateway.spending import MIGRATIONS, Spending
from inference_providers.gateway.tiers import Admission, Tiers
from inference_providers.files import Database
folder, own = sys.argv[1], json.loads(sys.argv[2])
now, held = 1000.0, []
windows = SharedWindows(folder + "/limits.sqlite", lambda: now)
tiers = Tiers(windows, Spending(Database(folder + "/spending.sqlite", MIGRATIONS)))
one = Caller("c_1", "alice", **own)
for line in sys.stdin:
    word, number = line.split()
    if word == "enter":
        found = [tiers.enter(one, 10, 0.01 if own.get("budget") else 0.0) for _ in range(int(number))]
        admitted = [each for each in found if isinstance(each, Admission)]
        held += admitted
        print(len(admitted), flush=True)
    elif word == "leave":
        for each in held[: int(number)]:
            each.leave(10)
        del held[: int(number)]
        print("left", flush=True)
    elif word == "now":
        now = float(number)
        print("ok", flush=True)
"""


class Worker:
    """A process that is told what to do."""

    def __init__(self, folder: Path, **own: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder), json.dumps(own)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**places(), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def tell(self, word: str, number: float) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word} {number}\n")
        self.process.stdin.flush()

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, word: str, number: float) -> str:
        self.tell(word, number)
        return self.said()

    def end(self, by: int = signal.SIGTERM) -> None:
        self.process.send_signal(by)
        self.process.communicate()


Start = Callable[..., list[Worker]]


@pytest.fixture
def start(tmp_path: Path) -> Any:
    workers: list[Worker] = []

    def started(count: int, **own: Any) -> list[Worker]:
        made = [Worker(tmp_path / "own", **own) for _ in range(count)]
        workers.extend(made)
        return made

    yield started
    for worker in workers:
        if worker.process.poll() is None:
            worker.end()


@pytest.mark.parametrize(
    ("own", "most"),
    [
        ({"requests_per_minute": 50}, 50),
        ({"tokens_per_minute": 505}, 50),
        ({"concurrent": 7}, 7),
        ({"budget": 0.305}, 30),
    ],
)
def test_processes_together_let_through_just_as_much(own: dict[str, Any], most: int, start: Start) -> None:
    workers = start(4, **own)
    for worker in workers:
        worker.tell("enter", 40)
    assert sum(int(worker.said()) for worker in workers) == most
    assert [worker.do("enter", 1) for worker in workers] == ["0"] * 4


def test_a_place_that_one_process_leaves_another_may_take(start: Start) -> None:
    first, second = start(2, concurrent=3, requests_per_minute=100)
    assert first.do("enter", 2) == "2"
    assert second.do("enter", 2) == "1"
    assert first.do("leave", 1) == "left"
    assert second.do("enter", 2) == "1"
    assert first.do("enter", 1) == "0"


def test_a_minute_is_one_for_all(start: Start) -> None:
    first, second = start(2, requests_per_minute=10)
    assert first.do("enter", 6) == "6"
    second.do("now", 1030)
    assert second.do("enter", 6) == "4"
    second.do("now", 1060)
    assert second.do("enter", 9) == "6"


def test_the_places_of_a_process_that_is_killed_are_free(start: Start, tmp_path: Path) -> None:
    first, second = start(2, concurrent=3)
    assert first.do("enter", 2) == "2"
    assert second.do("enter", 2) == "1"
    first.end(signal.SIGKILL)
    assert second.do("enter", 5) == "2"
    assert len(list((tmp_path / "own").glob("limits.sqlite.worker-*"))) == 1, "its file went, too"
    second.end(signal.SIGKILL)
    (third,) = start(1, concurrent=3)
    assert third.do("enter", 5) == "3"


def test_a_process_that_closes_leaves_nothing(tmp_path: Path) -> None:
    bench = Bench("file", tmp_path)
    one = caller(concurrent=1)
    bench.admitted(one)
    bench.windows.close()
    assert [path.name for path in (tmp_path / "own").iterdir() if "worker" in path.name] == []
    again = Bench("file", tmp_path)
    again.admitted(one)
    again.windows.close()


def test_a_machine_that_was_started_anew_counts_from_nothing(tmp_path: Path) -> None:
    before = Bench("file", tmp_path)
    one = caller(requests_per_minute=1, concurrent=1, tokens_per_minute=10)
    before.now = 1e6
    before.admitted(one, 10)
    before.windows.database.close()  # and its lock goes with the process
    before.windows._worker.close()
    after = Bench("file", tmp_path)
    after.now = 5.0
    after.admitted(one, 10).leave(5)
    assert after.refused(one, 1).retry_after == 60


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_does_not_leave_for_its_parent(tmp_path: Path) -> None:
    bench = Bench("file", tmp_path)
    one = caller(concurrent=1)
    admission = bench.admitted(one)
    child = os.fork()
    if child == 0:
        admission.leave()
        fine = isinstance(bench.enter(one), Exceeded)
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert bench.refused(one).what == "concurrent"
    admission.leave()
    bench.admitted(one)
    bench.windows.close()


def test_where_the_file_cannot_be_used_each_process_counts_for_itself(tmp_path: Path) -> None:
    bench = Bench("file", tmp_path)
    one = caller(requests_per_minute=2, concurrent=1)
    in_file = bench.admitted(one)
    bench.windows.database.close()
    Path(bench.path).chmod(0o666)
    first = bench.admitted(one)
    assert bench.refused(one).what == "concurrent"
    first.leave()
    bench.admitted(one).leave()
    assert bench.refused(one).what == "requests"
    Path(bench.path).chmod(0o600)
    bench.windows.database.wake()
    in_file.leave()
    bench.admitted(one)
    bench.windows.close()


def test_the_files_are_private(tmp_path: Path) -> None:
    bench = Bench("file", tmp_path)
    bench.admitted(caller(requests_per_minute=2, budget=1.0))
    for path in (tmp_path / "own").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
    bench.windows.close()

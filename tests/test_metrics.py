"""What a gateway counts: held to the parser of Prometheus' own library, and to the events of the calls that were made."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parsed

from inference_providers import InferenceProvidersError
from inference_providers.attempts import Attempt
from inference_providers.calls import AttemptFinished, CallFinished, CallStarted, FirstContent, StreamFinished
from inference_providers.gateway.metering import asking
from inference_providers.gateway.metrics import FAMILIES, PREFIX, Metrics
from inference_providers.gateway.shared_counts import WIDTH, SharedCounts
from inference_providers.text import in_line
from inference_providers.usage import Usage
from tests.conftest import async_list_of, list_of
from tests.servers import Server, refused_port, status
from tests.test_budget import FACTS, USED, costly

Serve = Callable[..., Server]
Key = tuple[str, frozenset[tuple[str, str]]]


def samples(metrics: Metrics) -> dict[Key, float]:
    """Every sample by its name and labels."""
    found: dict[Key, float] = {}
    for family in parsed(metrics.text()):
        assert family.documentation and family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            key = (sample.name.removeprefix(PREFIX), frozenset(sample.labels.items()))
            assert sample.name.startswith(PREFIX) and key not in found
            found[key] = sample.value
    return found


def total(metrics: Metrics, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    wanted = set(labels.items())
    return sum(value for (one, has), value in samples(metrics).items() if one == name and wanted <= has)


def offer(provider: str = "p1", model: str = "m") -> Any:
    return SimpleNamespace(provider=provider, internal_name=f"{model}-internal", canonical_name=model)


def asked_by(name: str) -> Any:
    return SimpleNamespace(caller=SimpleNamespace(id=name))


def call(metrics: Metrics, number: int = 1, by: Any = None, outcome: str = "ok", **more: Any) -> None:
    metrics.hear(CallStarted(number, "/chat/completions", 1, False))
    metrics.hear(CallFinished(number, by or offer(), outcome, 1, 0.3, **more))


def test_sums_are_those_of_the_calls_that_were_made(serve: Serve) -> None:
    servers = [serve(costly), serve(status(500)), serve(status(401))]
    providers = list_of(*(server.url for server in servers), facts=[FACTS] * 3)
    metrics, heard = Metrics(), []
    providers.pipeline.listeners += [metrics.hear, heard.append]
    asking.set(asked_by("somebody"))
    for name in ("p1/m", "p2/m", "p3/m", "m", "m"):
        try:
            providers.ask_ai("hi", name)
        except InferenceProvidersError:
            pass
    list(providers.stream("hi", "p1/m"))
    asking.set(None)
    ends = [*[event for event in heard if isinstance(event, CallFinished)][:-2], heard[-1]]
    assert type(heard[-1]) is StreamFinished and len(ends) == 6
    outcomes = Counter((event.provider or "", event.outcome) for event in ends)
    for (provider, outcome), count in outcomes.items():
        assert total(metrics, "requests_total", provider=provider, outcome=outcome, caller="somebody") == count
    assert total(metrics, "requests_total") == 6 == total(metrics, "request_seconds_count")
    tries = Counter((event.provider, event.outcome) for event in heard if isinstance(event, AttemptFinished))
    assert ("p3", "AuthenticationError") in tries
    for (provider, outcome), count in tries.items():
        assert total(metrics, "attempts_total", provider=provider, outcome=outcome, model="m") == count
    assert total(metrics, "attempts_total") == sum(tries.values()) == total(metrics, "tries_total")
    answered = sum(1 for event in ends if event.usage is not None)
    assert answered >= 3
    assert total(metrics, "tokens_total", kind="input") == answered * USED["prompt_tokens"]
    assert total(metrics, "tokens_total", kind="output") == answered * USED["completion_tokens"]
    assert total(metrics, "cost_usd_total") == pytest.approx(sum(event.cost or 0 for event in ends))
    assert total(metrics, "request_seconds_sum") == pytest.approx(sum(event.seconds for event in ends))
    assert total(metrics, "first_content_seconds_count") == 1 and total(metrics, "open_streams") == 0


def test_histograms_add_up(serve: Serve) -> None:
    metrics = Metrics()
    for seconds in (0.0, 0.1, 0.3, 7.0, 1e9):
        metrics.hear(CallStarted(1, "", 1, False))
        metrics.hear(CallFinished(1, offer(), "ok", 1, seconds))
        metrics.http(200, "/v1/models", seconds)
    for family in parsed(metrics.text()):
        if family.type == "histogram" and family.samples:
            buckets = [one for one in family.samples if one.name.endswith("_bucket")]
            values = [one.value for one in buckets]
            assert values == sorted(values) and buckets[-1].labels["le"] == "+Inf"
            assert values[-1:] == [one.value for one in family.samples if one.name.endswith("_count")]
    assert total(metrics, "request_seconds_bucket", le="0.1") == 2
    assert total(metrics, "request_seconds_bucket", le="8") == 4
    assert total(metrics, "http_response_seconds_count", route="/v1/models", status="200") == 5


def test_open_streams_are_those_whose_end_has_not_come(serve: Serve) -> None:
    providers, metrics = async_list_of(serve().url), Metrics()
    providers.pipeline.listeners.append(metrics.hear)

    async def run() -> None:
        streams = [providers.stream("hi", "m") for _ in range(3)]
        pieces = [aiter(stream) for stream in streams]
        for one in pieces:
            await anext(one)
        assert (total(metrics, "open_streams"), total(metrics, "requests_total")) == (3, 0)
        for stream in streams[:2]:
            await stream.aclose()
        assert (total(metrics, "open_streams"), total(metrics, "requests_total")) == (1, 2)
        async for _ in pieces[2]:
            pass
        await providers.aclose()

    asyncio.run(run())
    assert (total(metrics, "open_streams"), total(metrics, "requests_total", outcome="ok")) == (0, 1)
    assert total(metrics, "requests_total", outcome="closed") == 2 and not metrics._callers and not metrics._firsts


def test_a_call_that_nobody_answers_is_counted(serve: Serve) -> None:
    providers, metrics = list_of(f"http://127.0.0.1:{refused_port()}/v1"), Metrics()
    providers.pipeline.listeners.append(metrics.hear)
    for ask in (lambda: providers.ask_ai("hi", "m"), lambda: list(providers.stream("hi", "m"))):
        with pytest.raises(InferenceProvidersError):
            ask()
    assert total(metrics, "requests_total", provider="", outcome="ProviderUnavailableError") == 2
    assert (
        total(metrics, "attempts_total", provider="p1", outcome="ProviderUnavailableError")
        == total(metrics, "tries_total")
        > 1
    )


def test_a_reply_that_was_kept_costs_and_takes_nothing() -> None:
    metrics = Metrics()
    call(metrics, usage=Usage(10, 5), cost=0.0, cached=True)
    assert total(metrics, "cached_replies_total") == total(metrics, "requests_total") == 1
    assert total(metrics, "tokens_total") == 0


@settings(max_examples=60)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_what_a_server_or_a_caller_says_stays_within_its_label(names: list[str]) -> None:
    metrics = Metrics()
    for number, name in enumerate(names):
        metrics.hear(CallStarted(number, "", 1, False))
        metrics.hear(AttemptFinished(number, Attempt(name, name, "x", canonical_name=None, status=None, seconds=1.0)))
        call(metrics, number, offer(name, name), outcome=name)
    found = samples(metrics)
    for name in ("requests_total", "attempts_total"):
        rows = [(dict(labels), value) for (one, labels), value in found.items() if one == name]
        assert sum(value for _, value in rows) == len(names)
        assert all(set(labels) == set(FAMILIES["call" if name[0] == "r" else "attempt"][1]) for labels, _ in rows)
    assert all(in_line(line) == line for line in metrics.text().split("\n"))


@pytest.mark.parametrize(
    "name", ['a"} 1\nevil_total 5', "back\\slash", "\x1b[31mred", "\u202egnp", "x" * 5000, "\ud800"]
)
def test_names_that_try_to_be_lines_of_their_own(name: str) -> None:
    metrics = Metrics()
    asking.set(asked_by(name))
    call(metrics, by=offer(name, name))
    asking.set(None)
    metrics.http(200, name, 0.1)
    assert {key[0] for key in samples(metrics)} == {key[0] for key in samples(_plain())}
    assert len(metrics.text()) < 30_000


def _plain() -> Metrics:
    metrics = Metrics()
    call(metrics)
    metrics.http(200, "/x", 0.1)
    return metrics


def test_at_most_a_thousand_sets_of_labels_and_nothing_is_lost() -> None:
    assert sum(most for most, _ in FAMILIES.values()) <= 1000
    metrics = Metrics()
    for number in range(3000):
        call(metrics, by=offer(model=f"m{number}"))
        metrics.hear(AttemptFinished(1, Attempt(f"p{number}", "m", "ok")))
        metrics.http(200, f"/{number}", 0.1)
    rows = Counter(name for name, _ in samples(metrics))
    assert (rows["requests_total"], rows["attempts_total"], rows["http_responses_total"]) == (500, 250, 250)
    for name in ("requests_total", "attempts_total", "http_responses_total"):
        assert total(metrics, name) == 3000
    assert total(metrics, "requests_total", model="other", provider="other") == 3000 - 499
    assert len(metrics._places) <= 2100, "names without end are not remembered either"


def test_threads_lose_no_count() -> None:
    metrics = Metrics()

    def work(first: int) -> None:
        for number in range(first, first + 2000):
            call(metrics, number)
            metrics.http(200, "/x", 0.1)

    threads = [threading.Thread(target=work, args=(10_000 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total(metrics, "requests_total") == total(metrics, "http_responses_total") == 8000


def test_an_event_in_the_middle_of_another_waits_for_nobody_and_is_counted() -> None:
    """The garbage collector may end a stream at any moment, in the same thread."""
    metrics = Metrics()
    call(metrics)
    metrics.hear(CallStarted(2, "", 1, True))
    metrics.hear(FirstContent(2, offer(), 0.1))
    metrics.hear(CallFinished(2, offer(), "ok", 1, 0.1))
    with metrics._lock:
        metrics.hear(StreamFinished(2, offer(), "closed", 1, 0.2))
    assert total(metrics, "requests_total") == 2 and total(metrics, "open_streams") == 0


def test_calls_that_began_before_anybody_listened_are_left_out() -> None:
    metrics = Metrics()
    metrics.hear(FirstContent(1, offer(), 0.1))
    metrics.hear(CallFinished(1, offer(), "ok", 1, 0.3))
    metrics.hear(StreamFinished(1, offer(), "ok", 1, 0.3))
    assert total(metrics, "requests_total") == total(metrics, "open_streams") == 0 and not metrics._firsts


# Several processes

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def forked() -> Iterator[Any]:
    """Makes a child that runs *work*, which is given what says "done" and waits for the end; comes back once it has.

    What comes back ends the child, by a signal or by itself, and gives its exit code.
    """
    left: set[int] = set()

    def made(work: Callable[[Callable[[], None]], None]) -> Any:
        ready, waits = os.pipe(), os.pipe()
        pid = os.fork()
        if not pid:
            code = 1
            try:
                work(lambda: [os.write(ready[1], b"x"), os.read(waits[0], 1)].clear())
                code = 0
            finally:
                os._exit(code)
        left.add(pid)
        os.close(ready[1])
        assert os.read(ready[0], 1) == b"x", "it has ended"
        os.close(ready[0])

        def end(number: int = 0) -> int:
            os.kill(pid, number) if number else os.write(waits[1], b"x")
            left.discard(pid)
            for one in waits:
                os.close(one)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

        return end

    yield made
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@needs_fork
def test_any_worker_answers_for_all_and_a_dead_ones_counts_stay(forked: Any) -> None:
    metrics = Metrics(workers=3)

    def work(done: Callable[[], None]) -> None:
        for number in range(10):
            call(metrics, number, offer(model=f"m{number % 3}"))
        call(metrics, 11, offer(model=f"of {os.getpid()}"))
        metrics.hear(CallStarted(12, "", 1, True))
        metrics.hear(FirstContent(12, offer(), 0.1))
        metrics.hear(CallFinished(12, offer(), "ok", 1, 0.1))  # its stream is open
        done()

    ends = [forked(work) for _ in range(3)]
    assert (total(metrics, "requests_total"), total(metrics, "open_streams")) == (33, 3)
    assert total(metrics, "requests_total", model="m0") == 12
    assert ends[0](signal.SIGKILL) == -signal.SIGKILL
    assert (total(metrics, "requests_total"), total(metrics, "open_streams")) == (33, 2)

    def other(done: Callable[[], None]) -> None:
        call(metrics, 1)
        assert (total(metrics, "requests_total"), total(metrics, "open_streams")) == (34, 2)
        done()

    end = forked(other)
    assert total(metrics, "requests_total") == 34
    assert [one() for one in (*ends[1:], end)] == [0, 0, 0]
    assert (total(metrics, "requests_total"), total(metrics, "open_streams")) == (34, 0)


@needs_fork
def test_labels_have_one_place_in_all_processes_whoever_comes_first(forked: Any) -> None:
    metrics = Metrics(workers=4)

    def work(done: Callable[[], None]) -> None:
        step = metrics._counts.own is not None and metrics._counts._index + 1  # each in an order of its own
        for number in range(293):
            call(metrics, number, offer(model=f"m{number * step % 293}"))
        done()

    ends = [forked(work) for _ in range(4)]
    assert total(metrics, "requests_total") == 4 * 293
    assert {value for (name, _), value in samples(metrics).items() if name == "requests_total"} == {4.0}
    assert [end() for end in ends] == [0] * 4


@needs_fork
def test_a_fork_has_none_of_its_parents_calls_and_waits_for_no_lock(forked: Any) -> None:
    metrics = Metrics(workers=2)
    metrics.hear(CallStarted(1, "", 1, False))
    call(metrics, 5)

    def work(done: Callable[[], None]) -> None:
        metrics.hear(CallFinished(1, offer(), "ok", 1, 0.3))
        call(metrics, 2)
        done()

    with metrics._lock:
        end = forked(work)
    assert total(metrics, "requests_total") == 2 and end() == 0


@needs_fork
def test_a_system_without_files_in_memory_has_one_without_a_name(forked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    metrics = Metrics(workers=2)

    def work(done: Callable[[], None]) -> None:
        call(metrics)
        done()

    ends = [forked(work) for _ in range(2)]
    assert total(metrics, "requests_total") == 2 and [end() for end in ends] == [0, 0]
    assert not [name for name in os.listdir("/tmp") if name.startswith("inference-providers-")]


@needs_fork
def test_more_processes_than_were_said_harm_nobody(forked: Any) -> None:
    metrics = Metrics(workers=2)

    def work(done: Callable[[], None]) -> None:
        call(metrics)
        done()

    ends = [forked(work) for _ in range(3)]
    assert total(metrics, "requests_total") == 2
    assert [end() for end in ends] == [0] * 3


def test_who_is_killed_while_writing_labels_has_written_nothing() -> None:
    counts = SharedCounts({"call": (5, 1)}, workers=2)
    counts.own[counts.place(("call", "a"))] = 1.0
    end = counts._head[0]
    counts._text[end : end + 9] = b'["call", '  # the beginning of a line, which nobody has said is there
    counts.own[counts.place(("call", "b"))] = 2.0
    other = dict(counts.sums(counts.known()))
    assert {labels: numbers[0] for labels, numbers in other.items()} == {
        ("call", "a"): 1.0, ("call", "b"): 2.0, ("call", "other"): 0.0,
    }  # fmt: skip
    assert all(len(numbers) == WIDTH for numbers in other.values())

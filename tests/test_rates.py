"""Requests and tokens by the minute: who is out of it is passed over, or waited for where nobody else is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import AllProvidersFailedError, ProviderList, RateLimitError
from inference_providers.protocols import Verdict, classify
from inference_providers.routing import Health, Policy, Send, Sleep, route
from inference_providers.routing.preferences import Preferences
from inference_providers.routing.rates import Rates, checked_rates
from inference_providers.state.window import MINUTE, Window
from tests.conftest import Quick, list_of
from tests.servers import Connection, Received, Server, completion

Serve = Callable[..., Server]


def limited(*servers: Server, **options: Any) -> Any:
    return list_of(*(server.url for server in servers), **options)


def by_client(providers: Any) -> str:
    raw = providers.client().chat.completions.with_raw_response
    return str(raw.create(model="m", messages=[{"role": "user", "content": "hi"}]).headers["x-inference-provider"])


def by_stream(providers: Any) -> str:
    stream = providers.stream("hi", "m")
    list(stream)
    return str(stream.provider)


def by_batch(providers: Any) -> str:
    (result,) = providers.batch(["hi"], "m")
    return str(result.answer.provider)


WAYS = (lambda providers: providers.ask_ai("hi", "m").provider, by_client, by_stream, by_batch)


@pytest.mark.parametrize("way", WAYS)
def test_who_is_out_of_its_minute_is_passed_over(way: Any, serve: Serve) -> None:
    first, second = serve(), serve()
    providers = limited(first, second, rate_limits={"p1": {"requests_per_minute": 2}})
    assert [way(providers) for _ in range(4)] == ["p1", "p1", "p2", "p2"]
    assert len(first.asked) == 2


def test_the_attempts_say_so(serve: Serve) -> None:
    providers = limited(serve(), serve(), rate_limits={"p1": {"requests_per_minute": 1}})
    providers.ask_ai("hi", "m")
    passed, answered = providers.ask_ai("hi", "m").attempts
    assert (passed.provider, answered.provider) == ("p1", "p2")
    assert "its 1 requests a minute are used up (rate_limits); there is room in " in passed.outcome
    assert isinstance(passed.error, RateLimitError) and 0 < passed.error.retry_after <= MINUTE


def test_nobody_else_and_no_time_to_wait(serve: Serve) -> None:
    server = serve()
    providers = limited(server, rate_limits={"*": {"requests_per_minute": 1}})
    providers.ask_ai("hi", "m")
    with pytest.raises(RateLimitError) as caught:
        providers.ask_ai("hi", "m", timeout=1)
    assert isinstance(caught.value, AllProvidersFailedError) and len(server.asked) == 1
    with pytest.raises(openai.RateLimitError) as refused:
        providers.client(timeout=1).chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert 0 < int(refused.value.response.headers["retry-after"]) <= 60


def test_tokens_are_corrected_when_the_reply_says_how_many_they_were(serve: Serve) -> None:
    def few(conn: Connection, request: Received) -> None:
        conn.reply(200, completion() | {"usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})

    providers = limited(serve(few), serve(few), rate_limits={"p1": {"tokens_per_minute": 1000}})
    found = [providers.ask_ai("hi", "m", max_tokens=900).provider for _ in range(5)]
    assert found == ["p1"] * 5
    assert providers.ask_ai("word " * 2000, "m", max_tokens=900).provider == "p2"


class Course:
    """A route whose clock is moved by its steps, with limits by the minute in front of each try."""

    def __init__(self, offers: Any, rates: Rates, now: list[float], total: float = 600.0) -> None:
        self.steps: list[str] = []
        health = Health(Policy(total=total), lambda: now[0])
        generator = route(offers, health, Quick(), preferences=Preferences())
        step = next(generator)
        try:
            while True:
                if isinstance(step, Sleep):
                    self.steps.append(f"sleep {step.seconds:g}")
                    now[0] += step.seconds
                    step = generator.send(None)
                    continue
                assert isinstance(step, Send)
                wait, which, _ = rates.take(step.offer.provider, 1)
                error = RateLimitError(f"{which} are used up", provider=step.offer.provider, retry_after=wait)
                verdict = Verdict(classify.HELD, error, retry_after=wait) if which else Verdict(classify.OK)
                self.steps.append(f"{'held' if which else 'sent'} {step.offer.provider}")
                step = generator.send(verdict)
        except StopIteration:
            pass


def test_the_only_one_is_waited_for_and_of_several_who_has_room_first(serve: Serve) -> None:
    now = [1000.0]
    rates = Rates({"p1": {"requests_per_minute": 1}, "p2": {"requests_per_minute": 1}}, lambda: now[0])
    offers = limited(serve(), serve()).candidates("m")
    assert Course(offers, rates, now).steps == ["sent p1"]
    now[0] += 10
    assert Course(offers, rates, now).steps == ["held p1", "sent p2"]
    assert Course(offers, rates, now).steps == ["held p1", "held p2", "sleep 50", "sent p1"]
    assert Course(offers[1:], rates, now).steps == ["held p2", "sleep 10", "sent p2"]


def test_who_is_held_is_neither_ill_nor_an_attempt(serve: Serve) -> None:
    now = [1000.0]
    (offer,) = limited(serve()).candidates("m")
    health = Health(Policy(), lambda: now[0])
    for _ in range(20):
        health.failed(offer, Verdict(classify.HELD, RateLimitError("x"), retry_after=1.0))
    assert health.cooling(offer) == 0


def test_no_minute_has_more_than_its_limit_by_threads(serve: Serve) -> None:
    rates = Rates({"p1": {"requests_per_minute": 50}}, lambda: 5.0)
    taken: list[Any] = []

    def work() -> None:
        for _ in range(20):
            taken.append(rates.take("p1", 1)[2])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is not None for one in taken) == 50


@given(
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 400)), max_size=60),
    st.integers(1, 5),
    st.integers(100, 1000),
)
def test_no_sixty_seconds_have_more_than_the_limits(steps: list[tuple[float, int]], requests: int, tokens: int) -> None:
    window, now = Window(requests, tokens), 0.0
    sent: list[tuple[float, int]] = []
    for pause, size in steps:
        now += pause
        wait, which, taken = window.take(now, size)
        if taken is None:
            assert 0 < wait <= MINUTE + 1e-6 and which
            now += wait
            taken = window.take(now + 1e-6, size)[2]
            assert taken is not None, "what was said to be enough to wait is enough"
            now += 1e-6
        sent.append((now, size))
    for begins, _ in sent:
        within = [size for at, size in sent if begins <= at < begins + MINUTE - 1e-3]
        assert len(within) <= requests
        assert sum(within) <= tokens or len(within) == 1


def test_what_was_given_back_was_never_taken() -> None:
    window = Window(1, None)
    taken = window.take(0.0, 5)[2]
    assert taken is not None and window.room(0.0) == 0.0
    window.give_back(taken)
    assert window.room(0.0) == 1.0 and window.take(0.0, 5)[2] is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (30, "must be a mapping"),
        ({"groq": 30}, "must say for each provider"),
        ({"groq": {}}, "must say for each provider"),
        ({"groq": {"requests": 30}}, "knows requests_per_minute and tokens_per_minute"),
        ({"groq": {"requests_per_minute": 0}}, "from 1 on"),
        ({"groq": {"requests_per_minute": True}}, "from 1 on"),
        ({"groq": {"tokens_per_minute": float("nan")}}, "from 1 on"),
        ({"gorq": {"requests_per_minute": 30}}, "gorq"),
    ],
)
def test_limits_are_checked_where_they_are_given(given: Any, said: str) -> None:
    with pytest.raises(Exception, match=said):
        ProviderList(rate_limits=given)


def test_providers_are_known_in_any_spelling() -> None:
    providers = ProviderList(rate_limits={"Groq": {"requests_per_minute": 30}, "*": {"tokens_per_minute": 1e6}})
    assert providers.pipeline.rate_limits == {"groq": {"requests_per_minute": 30}, "*": {"tokens_per_minute": 1e6}}
    assert checked_rates({"x": {"requests_per_minute": 1}}, str.upper) == {"X": {"requests_per_minute": 1}}


def test_a_clock_that_is_set_back_does_not_keep_a_minute_full() -> None:
    window = Window(1, 10)
    assert window.take(5000.0, 10)[2] is not None
    assert window.take(4999.5, 1)[2] is None
    taken = window.take(1000.0, 4)[2]
    assert taken is not None
    assert window.room(1000.0) == 0.0
    window.correct(taken, 2)
    assert window.take(1060.0, 10)[2] is not None

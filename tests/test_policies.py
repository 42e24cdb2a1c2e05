"""Policies: in which order candidates are asked, in every way of asking; whom a call names, in turn."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import openai
import pytest
from click.testing import CliRunner

from benchmarks.policies import POLICIES as PLAYED
from benchmarks.policies import TUNING, Day, Run
from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    NoCredentialsError,
    ProviderList,
    ProviderUnavailableError,
    UnknownModelError,
)
from inference_providers.chat import order_behind
from inference_providers.cli.ask import main as ask
from inference_providers.files import Database, row_writer
from inference_providers.routing.load import Load
from inference_providers.routing.preferences import configured, preferences_of
from inference_providers.routing.speeds import HALF_LIFE, SCHEMA, Speeds
from inference_providers.routing.strategies import Outlook, checked_strategy, quality
from inference_providers.routing.warmth import LASTS, Warmth
from tests.conftest import list_of, places
from tests.servers import PATIENCE, Connection, Received, Server, answer, completion, status
from tests.test_budget import costly as streamed

Serve = Callable[..., Server]
# USD for a million tokens, in and out: the second is cheap for long questions, the third for long answers.
PRICES = [[100_000, 4000, 10, 20], [100_000, 4000, 1, 90], [100_000, 4000, 9, 1]]
MESSAGES: Any = [{"role": "user", "content": "hi"}]


def named(serve: Serve, count: int = 3, behaviour: Any = answer) -> list[Server]:
    return [serve(behaviour) for _ in range(count)]


def three(servers: list[Server], **options: Any) -> Any:
    facts = options.pop("facts", PRICES[: len(servers)])
    return list_of(*(server.url for server in servers), facts=facts, environ=places(), **options)


def by_ask(providers: Any, **options: Any) -> str:
    return str(providers.ask_ai("hi", "m", max_tokens=10, **options).provider)


def by_stream(providers: Any, **options: Any) -> str:
    stream = providers.stream("hi", "m", max_tokens=10, **options)
    list(stream)
    return str(stream.provider)


def by_client(providers: Any, **options: Any) -> str:
    raw = providers.client().chat.completions.with_raw_response
    reply = raw.create(model="m", messages=MESSAGES, max_tokens=10, extra_body=options)
    return str(reply.headers["x-inference-provider"])


def by_batch(providers: Any, **options: Any) -> str:
    (result,) = providers.batch(["hi"], "m", max_tokens=10, **options)
    return str(result.answer.provider)


WAYS = (by_ask, by_stream, by_client, by_batch)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_asking_goes_by_the_policy_of_the_call(way: Any, serve: Serve) -> None:
    providers = three(named(serve))
    assert way(providers) == "p1"
    assert way(providers, policy="cheapest") == "p3"
    assert way(providers, policy="listed") == "p1"
    assert way(three(named(serve), policy="cheapest")) == "p3"


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_asking_takes_the_options_of_a_call(way: Any, serve: Serve) -> None:
    failing, second, third = serve(status(500)), serve(), serve()
    providers = three([failing, second, third])
    assert way(providers, provider="p3") == "p3"
    assert way(providers, provider="p1", fallback_providers=["p3"]) == "p3"
    assert way(providers, cost_optimization=True) == "p3"
    assert way(providers, fallback_config={"strategies": [{"provider": "p2"}, {"provider": "p3"}]}) == "p2"
    with pytest.raises((AllProvidersFailedError, ProviderUnavailableError, openai.APIStatusError, AttributeError)):
        way(providers, provider="p1", retry_attempts=0)


def test_asyncio_goes_by_the_same(serve: Serve) -> None:
    async def run() -> list[str | None]:
        providers: AsyncProviderList = three(named(serve), kind=AsyncProviderList, policy="cheapest")
        client = providers.async_client(policy="listed")
        reply = await client.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
        stream = providers.stream("hi", "m", provider="p2")
        [piece async for piece in stream]
        return [(await providers.ask_ai("hi", "m")).provider, reply.headers["x-inference-provider"], stream.provider]

    assert asyncio.run(run()) == ["p3", "p1", "p2"]


def test_the_cheapest_is_so_for_this_very_request(serve: Serve) -> None:
    providers = three(named(serve))
    short = providers.ask_ai("hi", "m", policy="cheapest", max_tokens=1000)
    long = providers.ask_ai("word " * 20_000, "m", policy="cheapest", max_tokens=10)
    assert (short.provider, long.provider) == ("p3", "p2")
    tiers = {"tiers": [[1000, 100, 100, None, None]]}
    tiered = three(named(serve, 2), facts=[[100_000, 4000, 10, 20], [100_000, 4000, 1, 1, None, "", tiers]])
    assert tiered.ask_ai("hi", "m", policy="cheapest").provider == "p2"
    assert tiered.ask_ai("word " * 2000, "m", policy="cheapest").provider == "p1"


def test_what_has_no_price_comes_last_and_what_is_free_first(serve: Serve) -> None:
    facts = [[100, 100], [100, 100, 1, 1], [100, 100, 0, 0]]
    providers = three(named(serve), facts=facts)
    assert [offer.provider for offer in providers.explain("m", policy="cheapest").candidates] == ["p3", "p2", "p1"]


def test_savings_are_what_the_first_listed_would_have_cost(serve: Serve) -> None:
    used = {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000}

    def costly(conn: Connection, request: Received) -> None:
        conn.reply(200, completion() | {"usage": used})

    providers = three(named(serve, behaviour=costly))
    found = providers.ask_ai("hi", "m", policy="cheapest")
    assert found.cost == pytest.approx(0.01) and found.savings == pytest.approx(0.03 - 0.01)
    assert found.as_dict()["savings"] == pytest.approx(0.02)
    assert providers.ask_ai("hi", "m").savings == 0.0
    unknown = three(named(serve, 2, costly), facts=[[], PRICES[0]])
    assert unknown.ask_ai("hi", "m", policy="cheapest").savings is None
    stream = three(named(serve, behaviour=streamed)).stream("hi", "m", policy="cheapest")
    list(stream)
    assert stream.answer.savings is not None and stream.answer.savings > 0


def test_at_random_all_are_asked(serve: Serve) -> None:
    providers = three(named(serve), policy="random")
    providers.pipeline.random = random.Random(1)
    assert {by_ask(providers) for _ in range(40)} == {"p1", "p2", "p3"}


def test_a_policy_may_stand_behind_a_name_and_that_of_the_call_counts_before_it(serve: Serve) -> None:
    providers = three(named(serve), policy="random")
    assert providers.ask_ai("hi", "m:cheapest").provider == "p3"
    assert providers.ask_ai("hi", "m:listed").provider == "p1"
    assert providers.ask_ai("hi", "auto:cheapest").provider == "p3"
    assert providers.ask_ai("hi", "m:cheapest", policy="listed").provider in ("p3",)  # sorted when it was resolved
    assert [offer.provider for offer in providers.candidates("m:balanced")] == ["p1", "p2", "p3"]
    assert order_behind(["a:cheapest", "b:cheapest"]) == "cheapest"
    assert order_behind(["a:cheapest", "b"]) is None and order_behind(["llama3.1:8b"]) is None


def test_a_function_of_the_program_decides(serve: Serve) -> None:
    providers = three(named(serve), policy=lambda offers: offers[::-1])
    assert by_ask(providers) == "p3"
    assert by_ask(providers, policy=lambda offers: [offers[1]]) == "p2"
    for wrong in (lambda offers: [], lambda offers: ["p1"]):
        with pytest.raises(ValueError, match="those of the offers that it gets"):
            by_ask(providers, policy=wrong)


def test_load_is_spread_by_the_room_that_is_left(serve: Serve) -> None:
    def limited(left: int) -> Any:
        def behaviour(conn: Connection, request: Received) -> None:
            headers = {"x-ratelimit-remaining-requests": str(left), "x-ratelimit-limit-requests": "100"}
            conn.reply(200, completion(), headers)

        return behaviour

    servers = [serve(limited(5)), serve(limited(90)), serve(limited(50))]
    providers = three(servers, policy="balanced")
    asked = Counter(by_ask(providers) for _ in range(20))
    assert asked["p1"] <= 1 and asked["p3"] <= 1 and asked["p2"] >= 18


def test_requests_on_their_way_count_and_are_forgotten_when_they_are_over(serve: Serve) -> None:
    now = [0.0]
    load = Load(lambda: now[0])
    first, second = three(named(serve, 2)).candidates("m")
    outlook = Outlook(three(named(serve, 1)).registry, random.Random(1), load=load)
    load.begin(first)
    assert [offer.provider for offer in outlook.ordered("balanced", [first, second], {})] == ["p2", "p1"]
    load.end(first, {"x-ratelimit-remaining-tokens": "10", "x-ratelimit-limit-tokens": "100"})
    load.begin(second)
    assert load.busy(first) == 0 and load.room(first) == 0.1
    now[0] += 30
    assert load.room(first) == pytest.approx(0.55)
    load.end(second, {"x-ratelimit-remaining": "many", "x-ratelimit-limit": "0"})
    assert load.room(second) == 1.0


def test_all_that_is_begun_ends(serve: Serve) -> None:
    servers = [serve(status(500)), serve()]
    providers = three(servers, policy="balanced")
    by_ask(providers)
    by_stream(providers)
    by_client(providers)
    load = providers.pipeline.gate.load
    assert [load.busy(offer) for offer in providers.candidates("m")] == [0, 0]


# The fastest


def test_the_fastest_is_who_has_shown_it(serve: Serve) -> None:
    now = [1_000_000.0]
    speeds = Speeds((), None, lambda: now[0])
    offers = three(named(serve)).candidates("m")
    for first, speed, offer in ((2.0, 100, offers[0]), (0.5, 20, offers[1]), (0.5, 200, offers[2])):
        for _ in range(8):
            speeds.saw(offer, first, speed)
    outlook = Outlook(three(named(serve, 1)).registry, random.Random(1), speeds=speeds)
    outlook.explores = False

    def order(tokens: int) -> list[str]:
        return [offer.provider for offer in outlook.ordered("fastest", offers, {"max_tokens": tokens})]

    assert order(400) == ["p3", "p1", "p2"]  # a long answer: by the tokens a second
    assert order(1)[2] == "p1"  # a short one: by the first
    now[0] += 5
    for _ in range(8):
        speeds.saw(offers[2], 9.0, 2)  # it has become slow
    assert order(400)[0] == "p1"
    assert speeds.of_offer(offers[2]) == (9.0, 2, 16)


def test_what_the_registry_calls_fast_is_taken_for_it_until_it_is_measured_and_old_measures_fade(serve: Serve) -> None:
    now = [1_000_000.0]
    offers = three(named(serve)).candidates("m")
    speeds = Speeds(("p2",), None, lambda: now[0])
    assert min(offers, key=lambda offer: speeds.seconds(offer, 400)).provider == "p2"
    speeds.saw(offers[1], 20.0, 5)
    assert speeds.seconds(offers[1], 400) == pytest.approx(100.0)
    now[0] += 20 * HALF_LIFE
    assert speeds.seconds(offers[1], 400) < 5.0


def test_failures_make_slow_and_are_forgotten(serve: Serve) -> None:
    now = [1_000_000.0]
    speeds = Speeds((), None, lambda: now[0])
    (offer,) = three(named(serve, 1)).candidates("m")
    before = speeds.seconds(offer, 100)
    speeds.failed(offer, 30.0)
    assert speeds.seconds(offer, 100) == pytest.approx(before + 30)
    now[0] += 3600
    assert speeds.seconds(offer, 100) == pytest.approx(before, abs=0.01)


def test_what_was_measured_is_there_for_the_next_program(serve: Serve, tmp_path: Any) -> None:
    path, now = str(tmp_path / "own" / "speeds.sqlite"), [1_000_000.0]
    (offer,) = three(named(serve, 1)).candidates("m")
    first = Speeds((), Database(path, SCHEMA), lambda: now[0])
    first.saw(offer, 3.0, 7.0)
    assert row_writer().flush(30)
    assert Speeds((), Database(path, SCHEMA), lambda: now[0]).of_offer(offer) == (3.0, 7.0, 1)
    now[0] += 90_000
    assert Speeds((), Database(path, SCHEMA), lambda: now[0]).of_offer(offer)[2] == 0  # of yesterday


def test_no_call_waits_until_what_was_measured_is_written(serve: Serve, tmp_path: Any) -> None:
    base = Database(str(tmp_path / "own" / "speeds.sqlite"), SCHEMA)
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(connection: Any, rows: Any) -> None:
        begun.set()
        go.wait(PATIENCE)
        ended.set()

    (offer,) = three(named(serve, 1)).candidates("m")
    speeds = Speeds((), base)
    row_writer().put(base, slow, None)
    assert begun.wait(PATIENCE)
    speeds.saw(offer, 3.0, 7.0)
    assert not ended.is_set()
    go.set()
    assert row_writer().flush(30)
    assert base.read(lambda connection: connection.execute("SELECT first, speed FROM speeds").fetchall()) == [(3, 7)]


def test_calls_are_measured_only_where_it_is_asked_for(serve: Serve, tmp_path: Any) -> None:
    providers = three(named(serve), policy="fastest")
    for way in (by_ask, by_stream, by_client):
        way(providers)
    speeds = providers.pipeline.gate.speeds
    assert sum(speeds.of_offer(offer)[2] for offer in providers.candidates("m")) == 3
    assert "measured" in str(providers.explain("m"))
    plain = three(named(serve), policy="cheapest")
    by_ask(plain)
    assert plain.pipeline.gate._speeds is None


def test_now_and_then_somebody_else_is_asked(serve: Serve) -> None:
    now = [1_000_000.0]
    speeds = Speeds((), None, lambda: now[0])
    offers = three(named(serve)).candidates("m")
    for offer, first in zip(offers, (1.0, 1.5, 50.0), strict=True):
        speeds.saw(offer, first, 100)
    outlook = Outlook(three(named(serve, 1)).registry, random.Random(1), speeds=speeds)
    firsts = Counter(outlook.ordered("fastest", offers, {})[0].provider for _ in range(500))
    assert firsts == {"p1": 500}  # all have been seen just now
    now[0] += 600
    firsts = Counter(outlook.ordered("fastest", offers, {})[0].provider for _ in range(500))
    assert 5 <= firsts["p2"] <= 50 and not firsts["p3"]


@pytest.mark.parametrize("seed", TUNING[:2])
def test_on_a_played_day_the_policies_come_near_to_who_knows_all(seed: int) -> None:
    """A few hours of one of the days that policies are tuned on; `benchmarks.policies` judges them on others."""

    def played(name: str) -> Run:
        day = Day(seed)
        day.questions = day.questions[5000:8000]
        return Run(day, PLAYED[name]()).go()

    best, cheapest = played("oracle of speed"), played("oracle of cost")
    fastest = played("fastest")
    assert fastest.mean < 1.15 * best.mean
    assert fastest.mean < min(played("round-robin").mean, played("latency-based").mean)
    assert played("cheapest").cost < 1.05 * cheapest.cost
    assert played("balanced").refused <= played("random").refused
    assert fastest.failed == 0


# A conversation whose beginning is in a provider's cache


def test_a_conversation_stays_where_its_beginning_is_cached(serve: Serve) -> None:
    used = {"prompt_tokens": 20_000, "completion_tokens": 5, "total_tokens": 20_005}

    def read(conn: Connection, request: Received) -> None:
        conn.reply(200, completion() | {"usage": used})

    facts = [[100_000, 4000, 10, 20, 1], [100_000, 4000, 9, 20, 9]]
    providers = three(named(serve, 2, read), facts=facts)
    turns: Any = [{"role": "system", "content": "x " * 40_000}, {"role": "user", "content": "hi"}]
    assert providers.ask_ai(turns, "m", policy="cheapest").provider == "p2"
    assert providers.ask_ai(turns, "m", policy="listed").provider == "p1"
    assert providers.ask_ai([*turns[:1], {"role": "user", "content": "ho"}], "m", policy="cheapest").provider == "p1"
    assert providers.ask_ai("y " * 40_000, "m", policy="cheapest").provider == "p2"  # another one


def test_a_cache_is_warm_for_a_while_only(serve: Serve) -> None:
    now = [0.0]
    warmth = Warmth(lambda: now[0])
    (offer,) = three(named(serve, 1)).candidates("m")
    body: Any = {"messages": [{"role": "user", "content": "x" * 9000}]}
    warmth.note(body, offer, 1000)
    assert warmth.tokens(body, offer) == 0  # too short to be kept by anybody
    warmth.note(body, offer, 3000)
    longer = {"messages": [*body["messages"], {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]}
    assert warmth.tokens(longer, offer) == 3000
    now[0] += LASTS + 1
    assert warmth.tokens(longer, offer) == 0


# Whom a call names


def test_a_provider_without_the_model_is_asked_for_the_next_of_the_list(serve: Serve) -> None:
    servers = named(serve, 2)
    providers = three(servers, more={"n": "n-internal"}, priority=["m", "n", "o"], facts=None)
    rows = providers.registry.data["providers"]
    assert set(rows["p1"]["model_names"]) == {"m", "n"} and set(rows["p2"]["model_names"]) == {"m"}
    found = providers.ask_ai("hi", "n", provider="p2")
    assert (found.provider, found.canonical_name, found.model) == ("p2", "m", "m-internal")
    worse = three(servers, more={"n": "n-internal"}, priority=["x", "y", "m", "n"], facts=None)
    with pytest.raises(NoCredentialsError, match=r"p2 has neither n nor another model of quality_threshold=0\.9"):
        worse.ask_ai("hi", "n", provider="p2", quality_threshold=0.9)
    assert worse.ask_ai("hi", "n", provider="p2", quality_threshold=0.5).model == "m-internal"


def test_steps_have_times_and_models_of_their_own(serve: Serve) -> None:
    def waits(conn: Connection, request: Received) -> None:
        conn.hold()

    slow, quick = serve(waits), serve()
    providers = three([slow, quick], more={"n": "n-internal"}, facts=None)
    steps = [{"provider": "p1", "timeout": 100, "model": "n"}, {"provider": "p2"}]
    found = providers.ask_ai("hi", "m", strategies=steps)
    assert found.provider == "p2"
    assert slow.asked[0].json["model"] == "n-internal"
    assert slow.left()


def test_tries_and_pauses_are_those_of_the_call(serve: Serve) -> None:
    server = serve(status(500))
    providers = three([server])
    for retries in (0, 3):
        server.requests.clear()
        with pytest.raises(ProviderUnavailableError):
            providers.ask_ai("hi", "m", retry_attempts=retries, backoff_multiplier=1.5)
        assert len(server.asked) == 1 + retries


def test_a_list_can_prefer_providers_and_a_call_something_else(serve: Serve) -> None:
    first, second, third = serve(), serve(status(500)), serve()
    providers = three([first, second, third])
    providers.configure_providers({"primary": "p2", "fallback": ["p3"]})
    assert by_ask(providers) == by_client(providers) == by_batch(providers) == "p3"
    assert providers.ask_ai("hi", "p1/m").provider == "p1"  # who is named is asked
    assert by_ask(providers, provider="p1") == "p1"
    providers.configure_providers({"primary": "p2"})
    assert by_ask(providers) == "p1"  # without a fallback, whoever else serves it
    providers.configure_providers({"cost_optimization": {"max_cost": 1.0, "prefer_cheaper": True}})
    assert by_ask(providers) == "p3"


def test_who_cannot_be_asked_is_said(serve: Serve) -> None:
    providers = three(named(serve, 1))
    with pytest.raises(UnknownModelError):
        by_ask(providers, provider="nobody-knows-it")
    bare = ProviderList(environ=places(), local=False)
    with pytest.raises(NoCredentialsError) as caught:
        bare.ask_ai("hi", "gpt-4o", provider="openai", fallback_providers=["groq"])
    assert "OPENAI_API_KEY" in caught.value.variables and "GROQ_API_KEY" in caught.value.variables


def test_with_mock_replies_providers_may_be_named_that_do_not_serve_them() -> None:
    providers = ProviderList(mock={"gpt-4": "Yes."}, rate_limits={"anthropic": {"requests_per_minute": 9}})
    providers.configure_providers({"primary": "anthropic", "fallback": ["openai"]})
    assert providers.ask_ai("hi", "gpt-4").provider == "openai"
    answered = providers.ask_ai("hi", "gpt-4", provider="anthropic", fallback_providers=["OpenAI", "huggingface"])
    assert answered.provider == "openai"
    with pytest.raises(NoCredentialsError, match="anthropic is not in the registry of this list"):
        providers.ask_ai("hi", "gpt-4", provider="anthropic")
    with pytest.raises(UnknownModelError):
        providers.ask_ai("hi", "gpt-4", provider="nobody-knows-it")


def test_a_floor_of_quality_holds_for_the_automatic_choice(serve: Serve) -> None:
    providers = three(named(serve, 1), more={"n": "n-internal"}, priority=["m", "n"], facts=None)
    assert quality(providers.registry, "m") == 1.0 and quality(providers.registry, "n") == 0.5
    assert quality(providers.registry, "x") == 0.0
    assert providers.ask_ai("hi", quality_threshold=0.9).model == "m-internal"
    assert providers.ask_ai("hi", "n", quality_threshold=0.9).model == "n-internal"  # it is named
    only_n = three(named(serve, 1), more={"n": "n-internal"}, priority=["o", "n"], facts=None)
    with pytest.raises(NoCredentialsError, match=r"quality_threshold=0\.9 is within reach; the best has 0\.50"):
        only_n.ask_ai("hi", quality_threshold=0.9)


def test_openrouters_own_provider_object_goes_through(serve: Serve) -> None:
    server = serve()
    by_client(three([server]), provider={"order": ["x"]})
    assert server.asked[0].json["provider"] == {"order": ["x"]}


def test_what_is_none_is_not_said(serve: Serve) -> None:
    providers = three(named(serve))
    assert by_ask(providers, policy=None, max_cost=None, provider=None) == "p1"
    assert by_batch(providers, policy=None) == "p1"
    assert "gate" not in providers.pipeline.__dict__


def test_the_command_line_takes_a_policy_and_a_limit(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    server = serve()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef0123456789abcdef")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    run = partial(CliRunner().invoke, ask, input="")
    assert run(["-n", "hi", "-m", "openai/gpt-4o", "--policy", "cheapest"]).output == "hello\n"
    refused = run(["-n", "hi", "-m", "openai/gpt-4o", "--max-cost", "0.0000001"])
    assert (refused.exit_code, len(server.asked)) == (1, 1) and "may cost up to $0." in refused.output
    assert run(["-n", "hi", "--policy", "best"]).exit_code == 2


def test_explain_shows_the_arithmetic(serve: Serve) -> None:
    providers = three(named(serve))
    told = str(providers.explain("m", policy="cheapest"))
    assert told.splitlines()[1].startswith("  first  p3/m-internal") and "about $0.00" in told
    assert "s to the first" in str(providers.explain("m", policy="fastest"))
    assert "quality 1.00" in str(providers.explain("m", policy="smartest"))
    assert "100% of its limits left" in str(providers.explain("m", policy="balanced"))
    assert "about" not in str(providers.explain("m"))
    with pytest.raises(ValueError, match="policy must be one of listed"):
        providers.explain("m", policy="best")


def test_a_connected_client_has_one_candidate_and_no_preferences(serve: Serve) -> None:
    providers = three(named(serve, 1))
    client, name = providers.connect_to_model("m")
    with pytest.raises(TypeError, match="'policy' is not a generation parameter"):
        providers.get_response(client, name, "hi", policy="cheapest")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"policy": "best"}, "policy must be one of listed"),
        ({"policy": 3}, "a function of a list of offers"),
        ({"max_cost": "a dollar"}, "amount of USD"),
        ({"quality_threshold": 85}, "from 0 to 1"),
        ({"provider": ["openai"]}, "name of a provider"),
        ({"fallback_providers": [1]}, "names of providers"),
        ({"strategies": []}, "must be a list like"),
        ({"strategies": [{"timeout": 3}]}, "names a provider or a model"),
        ({"strategies": [{"provider": "openai", "timeout": 0}]}, "timeout in strategies"),
        ({"strategies": [{"provider": "openai", "seconds": 1}]}, "knows provider, model, timeout"),
        ({"strategies": [{"provider": "openai"}], "provider": "openai"}, "give one of them"),
        ({"retry_attempts": 1.5}, "whole number from 0 to 10"),
        ({"retry_attempts": True}, "whole number from 0 to 10"),
        ({"backoff_multiplier": 0.5}, "from 1 to 10"),
        ({"cost_optimization": "yes"}, "takes a mapping"),
        ({"cost_optimization": {"max": 1}}, "knows enabled, max_cost"),
        ({"cost_optimization": {"enabled": 1}}, "True or False"),
        ({"latency_optimization": 1}, "True or False"),
        ({"latency_optimization": True, "cost_optimization": True}, "give one of them"),
        ({"fallback_config": []}, "takes a mapping"),
        ({"fallback_config": {"retries": 3}}, "knows strategies"),
        ({"fallback_config": {"retry_attempts": 3}, "retry_attempts": 3}, "give it once"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(given: Any, said: str, serve: Serve) -> None:
    server = serve()
    with pytest.raises((TypeError, ValueError), match=said):
        three([server]).ask_ai("hi", "m", **given)
    assert server.requests == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "takes a mapping"),
        ({"first": "openai"}, "knows primary, fallback"),
        ({"fallback": ["openai"]}, "say who is asked first"),
        ({"quality_threshold": -1}, "from 0 to 1"),
    ],
)
def test_what_a_list_prefers_is_checked(given: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        ProviderList().configure_providers(given)


def test_the_words_of_the_document_are_taken() -> None:
    made = preferences_of(
        {
            "cost_optimization": {"enabled": True, "max_cost": 0.10, "prefer_cheaper": True, "quality_threshold": 0.8},
            "fallback_config": {
                "strategies": [
                    {"provider": "openai", "timeout": 5000},
                    {"provider": "anthropic", "timeout": 10000},
                    {"provider": "huggingface", "model": "mixtral"},
                ],
                "retry_attempts": 3,
                "backoff_multiplier": 2.0,
            },
        },
        str,
    )
    assert (made.max_cost, made.strategy, made.quality, made.tries, made.multiplier) == (0.1, "cheapest", 0.8, 4, 2.0)
    assert [(step.provider, step.model, step.seconds) for step in made.steps] == [
        ("openai", None, 5.0), ("anthropic", None, 10.0), ("huggingface", "mixtral", None),
    ]  # fmt: skip
    listed = configured(
        {
            "primary": "openai",
            "fallback": ["anthropic", "huggingface"],
            "cost_optimization": True,
            "latency_optimization": False,
            "quality_threshold": 0.85,
        },
        str,
    )
    assert (listed.strategy, listed.quality, len(listed.steps)) == ("cheapest", 0.85, 3)
    assert checked_strategy("FASTEST") == "fastest"


def test_whatever_is_in_the_file_of_speeds_ends_no_call(serve: Serve) -> None:
    database = Database.of("speeds.sqlite", places(), SCHEMA)
    assert database is not None
    now = time.time()
    values = ["fast", b"\xff", float("inf"), -1.0, 2.0]
    offer = three(named(serve, 1)).find_model_providers("m")[0]
    who = (offer.provider, offer.internal_name)
    rows = [(*who, at, first, speed) for at in (now - 1, "soon") for first in values for speed in values]
    assert database.write(
        lambda connection: connection.executemany("INSERT INTO speeds VALUES (?, ?, ?, ?, ?)", rows).rowcount
    )
    assert Speeds((), database).of_offer(offer)[2] == 1

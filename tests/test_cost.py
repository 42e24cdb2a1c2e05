"""What an answer costs: by the list of prices or as its provider says it, kind by kind, each token charged once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers import Answer, AsyncProviderList, ProviderList
from inference_providers.registry.facts import Facts
from inference_providers.usage import Usage, cost_of, usage_of
from inference_providers.usage.cost import Charge
from inference_providers.usage.cost_details import details
from inference_providers.usage.cost_parts import parts_of
from inference_providers.usage.usage import KINDS
from tests.conftest import list_of
from tests.servers import Connection, Received, Server, completion, delta

Serve = Callable[..., Server]
MORE: dict[str, Any] = {
    "write": 2.5,
    "write_hour": 4,
    "audio": [20, 40],
    "image": [3, 30],
    "reasoning": 5,
    "search": 0.01,
    "request": 0.002,
    "batch": [1, 5, 0.1],
    "priority": [4, 20],
    "tiers": [[100_000, 4, 15, 0.4]],
}
ROW: list[Any] = [None, None, 2, 10, 0.2, "", MORE]
COUNT = st.integers(0, 10**6)


@st.composite
def usages(draw: Any) -> Usage:
    more = {name: draw(COUNT) for name in draw(st.sets(st.sampled_from(KINDS)))}
    return Usage(draw(COUNT), draw(COUNT), cached_tokens=draw(COUNT), reasoning_tokens=draw(COUNT), **more)


# How usage is reported: (fields, input, output, the rest)
REPORTS: list[tuple[dict[str, Any], Usage]] = [
    # OpenAI
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 10},
            "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 5},
        },
        Usage(100, 50, cached_tokens=60, reasoning_tokens=20, audio_input_tokens=10, audio_output_tokens=5),
    ),
    (
        {
            "input_tokens": 100,
            "output_tokens": 50,
            "total_tokens": 150,
            "input_tokens_details": {"cached_tokens": 60, "image_tokens": 7},
            "output_tokens_details": {"reasoning_tokens": 20, "image_tokens": 9},
        },
        Usage(100, 50, cached_tokens=60, reasoning_tokens=20, image_input_tokens=7, image_output_tokens=9),
    ),
    # Anthropic's own words: what is cached stands beside the input
    (
        {
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_read_input_tokens": 70,
            "cache_creation_input_tokens": 20,
            "cache_creation": {"ephemeral_5m_input_tokens": 12, "ephemeral_1h_input_tokens": 8},
            "server_tool_use": {"web_search_requests": 2},
            "service_tier": "standard",
        },
        Usage(100, 5, cached_tokens=70, cache_write_tokens=20, cache_write_hour_tokens=8, searches=2),
    ),
    # The same by servers that speak OpenAI's: among the prompt, or beside it
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 5,
            "total_tokens": 105,
            "cache_read_input_tokens": 70,
            "cache_creation_input_tokens": 20,
        },
        Usage(100, 5, cached_tokens=70, cache_write_tokens=20),
    ),
    (
        {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "cache_read_input_tokens": 70,
            "cache_creation_input_tokens": 20,
        },
        Usage(100, 5, cached_tokens=70, cache_write_tokens=20),
    ),
    (
        {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 175, "cache_read_input_tokens": 70},
        Usage(170, 5, cached_tokens=70),
    ),
    # DeepSeek, Moonshot
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 5,
            "total_tokens": 105,
            "prompt_cache_hit_tokens": 64,
            "prompt_cache_miss_tokens": 36,
        },
        Usage(100, 5, cached_tokens=64),
    ),
    (
        {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105, "cached_tokens": 64},
        Usage(100, 5, cached_tokens=64),
    ),
    # OpenRouter
    (
        {
            "prompt_tokens": 194,
            "completion_tokens": 2,
            "total_tokens": 196,
            "cost": 0.95,
            "cost_details": {"upstream_inference_cost": 19},
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 100},
        },
        Usage(194, 2, cache_write_tokens=100, price=0.95),
    ),
    (
        {
            "prompt_tokens": 194,
            "completion_tokens": 2,
            "cost": 0.95,
            "is_byok": True,
            "cost_details": {"upstream_inference_cost": 19},
        },
        Usage(194, 2, price=19.95),
    ),
    # xAI: thoughts beside the completion, the cost in ticks
    (
        {
            "prompt_tokens": 30,
            "completion_tokens": 10,
            "total_tokens": 340,
            "completion_tokens_details": {"reasoning_tokens": 300},
            "cost_in_usd_ticks": 37756000,
        },
        Usage(30, 310, reasoning_tokens=300, price=0.0037756),
    ),
    # Perplexity, Deep Infra
    (
        {
            "prompt_tokens": 14,
            "completion_tokens": 9,
            "total_tokens": 23,
            "num_search_queries": 3,
            "cost": {"input_tokens_cost": 0.001, "output_tokens_cost": 0.002, "total_cost": 0.018},
        },
        Usage(14, 9, searches=3, price=0.018),
    ),
    (
        {"prompt_tokens": 14, "completion_tokens": 9, "total_tokens": 23, "estimated_cost": 0.0004},
        Usage(14, 9, price=0.0004),
    ),
]


@pytest.mark.parametrize(("reported", "usage"), REPORTS)
def test_usage_is_read_in_every_providers_words(reported: dict[str, Any], usage: Usage) -> None:
    found = usage_of(reported)
    assert found == usage
    assert found is not None
    assert found.price == (None if usage.price is None else pytest.approx(usage.price))


def test_the_words_of_openai_are_there_as_well() -> None:
    usage = Usage(7, 5, cache_write_tokens=3)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (7, 5, 12)
    assert (usage.cache_write_tokens, usage.searches) == (3, 0)
    assert usage.as_dict()["cache_write_tokens"] == 3
    with pytest.raises(TypeError, match="no cache_writes"):
        Usage(1, 1, cache_writes=3)
    with pytest.raises(AttributeError):
        usage.cache_writes  # type: ignore[attr-defined]  # noqa: B018


@given(usages(), st.sampled_from(["", "batch", "priority"]))
def test_every_token_is_charged_once_and_the_parts_are_the_cost(usage: Usage, service: str) -> None:
    parts = parts_of(usage, Facts(ROW), service=service)
    per_token = [part for part in parts if part.kind not in ("search", "request")]
    inputs = ("input", "cached_input", "cache_write", "cache_write_hour", "audio_input", "image_input")
    assert sum(part.tokens for part in per_token if part.kind in inputs) == usage.input_tokens
    assert sum(part.tokens for part in per_token if part.kind not in inputs) == usage.output_tokens
    assert len({part.kind for part in parts}) == len(parts)
    cost = cost_of(usage, Facts(ROW), service=service)
    assert cost == pytest.approx(math.fsum(part.usd or 0.0 for part in parts))
    assert all(part.usd == pytest.approx(part.tokens * (part.price or 0) / 1e6) for part in per_token)
    found = details(cost, [Charge(usage, Facts(ROW), service=service)])
    assert (found.cost, found.source, found.unknown) == (cost, "list", 0)


PLAIN = st.lists(st.floats(0, 100), min_size=3, max_size=3)


@given(COUNT, COUNT, COUNT, PLAIN)
def test_the_short_way_and_the_long_one_come_to_the_same(read: int, out: int, cached: int, prices: list[float]) -> None:
    usage, facts = Usage(read, out, cached_tokens=cached), Facts([None, None, *prices])
    assert cost_of(usage, facts) == pytest.approx(math.fsum(part.usd or 0.0 for part in parts_of(usage, facts)))


@given(usages(), st.sampled_from(["input_tokens", "output_tokens", "searches"]), st.integers(1, 10**5))
def test_more_of_anything_never_costs_less(usage: Usage, name: str, more: int) -> None:
    """Of plain input, output and searches: more of the input from a cache may cost less."""
    fields = {kind: getattr(usage, kind) for kind in ("cached_tokens", "reasoning_tokens", *KINDS)}
    kinds = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens, **fields}
    limited = {**kinds, **dict.fromkeys(KINDS, 0), "cached_tokens": 0, "reasoning_tokens": 0}
    less = cost_of(Usage(**limited), Facts(ROW))
    greater = cost_of(Usage(**{**limited, name: limited[name] + more}), Facts(ROW))
    assert less is not None
    assert greater is not None
    assert greater >= less


@pytest.mark.parametrize(
    ("usage", "row", "cost"),
    [
        (Usage(100, 0, cache_write_tokens=100), [*ROW[:6], {"write": 2.5}], 250e-6),
        (Usage(100, 0, cache_write_tokens=100), [*ROW[:6], {}], 200e-6),  # nothing is known to be taken for writing
        (Usage(100, 0, cache_write_tokens=100, cache_write_hour_tokens=100), [*ROW[:6], {"write_hour": 4}], 400e-6),
        (Usage(100, 0, cache_write_tokens=100, cache_write_hour_tokens=100), [*ROW[:6], {"write": 2.5}], None),
        (Usage(100, 0, audio_input_tokens=100), ROW[:6], None),
        (Usage(100, 0, image_input_tokens=100), ROW[:6], 200e-6),
        (Usage(0, 100, image_output_tokens=100), ROW[:6], None),
        (Usage(0, 100, reasoning_tokens=100), ROW[:6], 1000e-6),
        (Usage(0, 100, reasoning_tokens=100), ROW, 500e-6 + 0.002),
        (Usage(0, 0, searches=2), ROW, 0.022),
        (Usage(0, 0, searches=2), ROW[:6], None),
        (Usage(10, 0), [None, None, 2], 20e-6),  # embeddings: there is no output to be paid for
        (Usage(0, 10), [None, None, 2], None),
        (Usage(0, 0), [], None),
        (Usage(10, 10, service="flex"), ROW, None),
        (Usage(10, 10, service="priority"), [*ROW[:6], {"priority": [4, 20]}], 240e-6),
    ],
)
def test_what_no_list_says_is_unknown_and_never_nothing(usage: Usage, row: list[Any], cost: float | None) -> None:
    assert cost_of(usage, Facts(row)) == (None if cost is None else pytest.approx(cost))


def test_the_rarer_kinds_cost_the_same_part_of_a_long_request_as_the_plain_ones() -> None:
    long = Usage(200_000, 100, reasoning_tokens=100)
    (thoughts,) = (part for part in parts_of(long, Facts(ROW)) if part.kind == "reasoning")
    assert thoughts.price == pytest.approx(7.5)  # 5 at the usual price of 10, which is 15 here
    halved = Usage(0, 100, audio_output_tokens=100)
    (sound,) = (part for part in parts_of(halved, Facts(ROW), service="batch") if part.kind == "audio_output")
    assert sound.price == pytest.approx(20)


def test_prices_of_certain_hours_count_at_that_hour() -> None:
    row = [*ROW[:6], {"hours": [{"from": "10:00", "to": "12:00", "prices": [1, 5, 0.1]}]}]
    usage = Usage(1000, 0)
    at = [cost_of(usage, Facts(row), when=datetime(2026, 11, 26, hour, tzinfo=UTC)) for hour in (9, 11)]
    assert at == [pytest.approx(0.002), pytest.approx(0.001)]


# Answers


TOKENS = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
KINDS_OF_LISTS = {"sync": ProviderList, "async": AsyncProviderList}


def replying(usage: Any, **fields: Any) -> Callable[[Connection, Received], None]:
    """A server that gives its replies these tokens and fields, in streams as well."""

    def behave(connection: Connection, request: Received) -> None:
        if request.streams:
            connection.start_stream()
            connection.event({**delta("hello", "stop"), **fields})
            connection.event({**delta(None), "choices": [], "usage": usage, **fields})
            connection.event("[DONE]")
            connection.end_stream()
        else:
            connection.reply(200, {**completion(), "usage": usage, **fields})

    return behave


def asked(made: Any, *, stream: bool) -> Answer:
    async def run() -> Answer:
        if not stream:
            answer: Answer = await made.ask_ai("hi", "m")
            return answer
        opened = made.stream("hi", "m")
        async for _ in opened:
            pass
        given: Answer = opened.answer
        return given

    if isinstance(made, AsyncProviderList):
        return asyncio.run(run())
    if not stream:
        return made.ask_ai("hi", "m")  # type: ignore[no-any-return]
    opened = made.stream("hi", "m")
    list(opened)
    return opened.answer  # type: ignore[no-any-return]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS_OF_LISTS)
def test_an_answer_says_what_its_cost_is_made_of(kind: str, stream: bool, serve: Serve) -> None:
    usage = {**TOKENS, "prompt_tokens_details": {"cached_tokens": 600}}
    server = serve(replying(usage, service_tier="priority", id="chatcmpl-1", created=1764000000))
    row = [*ROW[:6], {"priority": [4, 20]}]
    answer = asked(list_of(server.url, kind=KINDS_OF_LISTS[kind], facts=[row]), stream=stream)
    assert (answer.id, answer.created, answer.content) == ("chatcmpl-1", 1764000000, "hello")
    found = answer.cost_details
    assert [(part.kind, part.tokens, part.price) for part in found.parts] == [
        ("input", 400, 4),
        ("cached_input", 600, 0.2),
        ("output", 100, 20),
    ]
    assert answer.cost == pytest.approx((400 * 4 + 600 * 0.2 + 100 * 20) / 1e6)
    assert (found.source, found.cost, found.unknown) == ("list", answer.cost, 0)
    assert found.as_dict()["parts"][0] == {"kind": "input", "tokens": 400, "price": 4.0, "usd": pytest.approx(0.0016)}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS_OF_LISTS)
def test_what_the_provider_says_itself_wins_and_is_marked(kind: str, stream: bool, serve: Serve) -> None:
    server = serve(replying({**TOKENS, "cost": 0.125}))
    answer = asked(list_of(server.url, kind=KINDS_OF_LISTS[kind], facts=[ROW]), stream=stream)
    assert answer.cost == 0.125
    assert (answer.cost_details.source, answer.cost_details.version) == ("reported", None)
    assert answer.cost_details.parts == [("reported", 1100, None, 0.125)]


def test_a_sum_says_how_many_of_it_are_unknown(serve: Serve) -> None:
    replies = iter([TOKENS, None])

    def behave(connection: Connection, request: Received) -> None:
        call = {"id": "1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
        usage = next(replies)
        reply = completion(None) if usage else completion()
        if usage:
            reply["choices"][0]["message"]["tool_calls"] = [call]
        connection.reply(200, {**reply, "usage": usage})

    def now() -> str:
        """The time."""
        return "noon"

    answer = list_of(serve(behave).url, facts=[ROW[:5]]).ask_ai("What time is it?", "m", tools=[now])
    found = answer.cost_details
    assert (answer.cost, found.cost, found.unknown, found.source) == (None, None, 1, "list")
    assert found.known == pytest.approx(0.003)
    assert Answer("by hand", cost=0.5).cost_details.cost == 0.5


def test_the_list_of_prices_has_its_day() -> None:
    from inference_providers.usage.cost_details import CostDetails

    assert CostDetails(1.0, 1.0, 0, "list", 2026112602, []).day == "2026-11-26"
    assert CostDetails(None, 0.0, 1, None, None, []).day is None


def test_searches_of_a_response_are_counted() -> None:
    from inference_providers.chat.completion import billed_in

    output = [{"type": "web_search_call"}, {"type": "message"}, {"type": "web_search_call"}]
    reply = {"usage": {"input_tokens": 10, "output_tokens": 0}, "output": output}
    usage = usage_of(billed_in(reply))
    assert usage is not None
    assert usage.searches == 2
    assert cost_of(usage, Facts([None, None, 2, 10, None, "", {"search": 0.01}])) == pytest.approx(0.02002)

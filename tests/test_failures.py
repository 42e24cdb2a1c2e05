"""What real servers do, and what comes of it: every row, with threads and with asyncio, for calls and for streams."""

from __future__ import annotations

import asyncio
import inspect
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

import inference_providers
from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    ProviderError,
    ProviderList,
    TruncatedStreamError,
)
from inference_providers.protocols import classify, openai_chat, stream_ends
from inference_providers.transport.http import Limits
from tests.conftest import Quick, keys, registry_of
from tests.fault_server import (
    ADDRESSES,
    BEGUN,
    CALL,
    DEAD,
    DOUBT,
    NEXT,
    OK,
    RESPONSE,
    RESPONSE_STREAM,
    RETRY,
    ROWS,
    STOP,
    STREAM,
    TRUNC,
    Row,
    holding,
    loading_for,
    said,
    says,
    says_of,
    streaming,
    table,
    words,
)
from tests.servers import PATIENCE, BlackHole, Connection, Received, Server, answer, chunk, refused_port
from tests.together import together

Serve = Callable[..., Server]
KINDS = {"sync": ProviderList, "async": AsyncProviderList}
LIMITS = Limits(connect=1.0, first_token=1.5, idle=1.0, total=3.0, farewell=0.2)
PATIENT = Limits(connect=PATIENCE, first_token=PATIENCE, idle=PATIENCE, total=PATIENCE)
SHORT: dict[str, Any] = {"limits": LIMITS, "timeout": 4.5}  # for a server that would never let go
LONG: dict[str, Any] = {"limits": PATIENT, "timeout": 20.0}
CASES = [
    pytest.param(row, kind, way, id=f"{row.number}-{way}-{kind}-{number}")
    for number, row in enumerate(ROWS)
    for way in row.kinds
    for kind in KINDS
]
HOLDING = [case for case in CASES if case.values[0].holds]  # they end with a deadline of ours
FAILING = [case for case in CASES if case.values[0].outcome in (NEXT, RETRY, DEAD, DOUBT)]


def providers(
    kind: str, *endpoints: str, facts: Any = None, environ: dict[str, str] | None = None, **options: Any
) -> Any:
    return KINDS[kind](
        json_override=registry_of(*endpoints, facts=facts),
        environ={**keys(len(endpoints)), **(environ or {})},
        local=False,
        random=Quick(),
        **{**LONG, **options},
    )


def faults(row: Row, server: Server) -> tuple[str, dict[str, str]]:
    """(the endpoint to ask, the environment) so that a row's server is met."""
    if row.proxied:
        return "https://models.example/v1", {"HTTPS_PROXY": f"http://127.0.0.1:{server.port}"}
    return server.url, {}


def ask(made: Any, way: str, **options: Any) -> str:
    """A call's or a stream's text."""

    async def streamed() -> str:
        return "".join([piece async for piece in made.stream("hi", **options)])

    if way in (RESPONSE, RESPONSE_STREAM):
        return ask_for_response(made, way)
    if isinstance(made, AsyncProviderList):
        return str(asyncio.run(streamed() if way == STREAM else made.ask_ai("hi", **options)))
    return "".join(made.stream("hi", **options)) if way == STREAM else str(made.ask_ai("hi", **options))


def ask_for_response(made: Any, way: str) -> str:
    """The text of a response, through an SDK client; its errors' causes are raised."""

    async def asked() -> str:
        async with made.client() as client:
            if way == RESPONSE:
                return str((await client.responses.create(model="m", input="x")).output_text)
            events = await client.responses.create(model="m", input="x", stream=True)
            return told([event async for event in events])

    def told(events: list[Any]) -> str:
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        return "".join(deltas) or events[-1].response.output_text

    try:
        if isinstance(made, AsyncProviderList):
            return asyncio.run(asked())
        with made.client() as client:
            if way == RESPONSE:
                return str(client.responses.create(model="m", input="x").output_text)
            return told(list(client.responses.create(model="m", input="x", stream=True)))
    except openai.APIError as error:
        cause = error.__cause__
        if isinstance(cause, AllProvidersFailedError) and len(cause.attempts) == 1 and cause.attempts[0].error:
            raise cause if made.registry.providers.get("p2") is None else cause.attempts[0].error from None
        assert cause is not None
        raise cause from None


def second(connection: Connection, request: Received) -> None:
    """Answer in whatever API."""
    whole = says_of(text="second")
    if not request.path.endswith("/responses"):
        answer(connection, request, "second")
    elif request.streams:
        streaming(*BEGUN, words("second"), said("completed", response=whole))(connection, request)
    else:
        connection.reply(200, whole)


def check_outcome(serve: Serve, row: Row, kind: str, way: str) -> None:
    """Ask the row's server and then one that answers; compare with the row what comes of it."""
    faulty, good = serve(row.behave), serve(second)
    endpoint, environ = faults(row, faulty)
    made = providers(kind, endpoint, good.url, environ=environ, **(SHORT if row.holds else {}))
    if row.outcome in (STOP, TRUNC):
        with pytest.raises(getattr(inference_providers, row.error)) as caught:
            ask(made, way, **row.asks)
        assert good.asked == []
        assert row.message in str(caught.value)
        assert len(faulty.asked) == 1
        if row.outcome == TRUNC:
            assert isinstance(caught.value, TruncatedStreamError)
            assert caught.value.partial == "partial"
    elif row.outcome == OK:
        assert ask(made, way, **row.asks) in ("hello", "héllo")
        assert good.asked == []
        assert len(faulty.asked) == 2 or not row.asks, "asked again, of the same"
    else:
        assert ask(made, way, **row.asks) == "second"
        assert len(faulty.asked) == (2 if row.outcome == RETRY else 1)
        if row.outcome == DEAD:
            assert ask(made, way, **row.asks) == "second"
            assert len(faulty.asked) == 1
    assert faulty.left() if row.holds else not faulty.holds


def check_error(serve: Serve, row: Row, kind: str, way: str) -> None:
    """Ask the row's server alone; compare with the row what the error says."""
    faulty = serve(row.behave)
    # A rate limit asks for more than five seconds.
    limits: dict[str, Any] = {"limits": LIMITS, "timeout": 2.0} if row.holds else {"timeout": 5.0}
    endpoint, environ = faults(row, faulty)
    with pytest.raises(AllProvidersFailedError if row.outcome != DOUBT else ProviderError) as caught:
        ask(providers(kind, endpoint, environ=environ, **limits), way, **row.asks)
    assert faulty.left() if row.holds else not faulty.holds
    error = caught.value.attempts[0].error
    assert isinstance(caught.value, AllProvidersFailedError) or row.outcome == DOUBT
    if row.section != "Stream":
        assert type(error).__name__ == row.error
    assert row.message in str(caught.value)
    assert not any(key in str(caught.value) + repr(caught.value.attempts) for key in keys(1).values())


@pytest.mark.parametrize(("row", "kind", "way"), [case for case in CASES if case not in HOLDING])
def test_every_fault_has_its_outcome(serve: Serve, row: Row, kind: str, way: str) -> None:
    check_outcome(serve, row, kind, way)


def test_every_fault_that_keeps_its_client_waiting_has_its_outcome(serve: Serve) -> None:
    together({str(case.id): partial(check_outcome, serve, *case.values) for case in HOLDING})


@pytest.mark.parametrize(("row", "kind", "way"), [case for case in FAILING if case not in HOLDING])
def test_with_nobody_else_the_error_says_what_happened(serve: Serve, row: Row, kind: str, way: str) -> None:
    check_error(serve, row, kind, way)


def test_with_nobody_else_the_error_says_who_kept_its_client_waiting(serve: Serve) -> None:
    together({str(case.id): partial(check_error, serve, *case.values) for case in FAILING if case in HOLDING})


def check_address(serve: Serve, number: str, kind: str, way: str) -> None:
    """Ask an address where nobody answers, and then a server that does."""
    good = serve(lambda c, r: answer(c, r, "second"))
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, BlackHole() as hole:
        endpoint = {
            "44": f"http://127.0.0.1:{refused_port()}/v1",
            "45": "http://no-such-host.invalid/v1",
            "46": hole.url,
            "47": f"https://127.0.0.1:{silent.getsockname()[1]}/v1",
        }[number]
        # Were it not for the connect timeout, half of the time for the call would pass: more than a test may take.
        limits = Limits(connect=1.0, first_token=PATIENCE, idle=PATIENCE, total=PATIENCE)
        assert ask(providers(kind, endpoint, good.url, limits=limits, timeout=20 * PATIENCE), way) == "second"


def test_an_address_where_nobody_answers_is_passed_over(serve: Serve) -> None:
    cases = product(ADDRESSES, KINDS, (CALL, STREAM))
    together({"-".join(case): partial(check_address, serve, *case) for case in cases})


def test_every_row_of_the_matrix_is_here() -> None:
    numbers = {int(row.number.rstrip("bcde")) for row in ROWS} | {int(number) for number in ADDRESSES}
    assert numbers == {*range(1, 84), *range(85, 95), *range(101, 110), *range(121, 129)}


def test_the_page_shows_the_table() -> None:
    from tests.conftest import ROOT

    assert table() in (ROOT / "docs" / "failures.md").read_text("utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_too_long_a_prompt_goes_to_a_larger_window(serve: Serve, kind: str) -> None:
    short = serve(says(400, {"error": {"message": "too long", "code": "context_length_exceeded"}}))
    small, large = serve(lambda c, r: answer(c, r, "small")), serve(lambda c, r: answer(c, r, "large"))
    made = providers(kind, short.url, small.url, large.url, facts=[[1000], [1000], [9000]])
    assert ask(made, CALL) == "large"
    assert small.asked == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_candidate_is_waited_for_as_long_as_it_says(serve: Serve, kind: str) -> None:
    refusals: list[float] = []

    def limited(connection: Connection, request: Received) -> None:
        if not refusals or time.monotonic() < refusals[0] + 0.289:
            refusals.append(time.monotonic())
            connection.reply(429, {"error": {"message": "Please try again in 0.289s."}})
        else:
            answer(connection, request)

    server = serve(limited)
    assert ask(providers(kind, server.url), CALL) == "hello"
    assert len(refusals) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_loads_for_ever_is_given_up_at_the_deadline(serve: Serve, kind: str) -> None:
    loading = serve(loading_for(10_000))
    with pytest.raises(AllProvidersFailedError, match=r"Loading model(?s:.)*before the deadline"):
        ask(providers(kind, loading.url, timeout=0.9), CALL)
    assert len(loading.asked) <= 3  # twice a second


@pytest.mark.parametrize("kind", KINDS)
def test_empty_replies_are_allowed_by_an_option(serve: Serve, kind: str) -> None:
    from tests.servers import completion

    made = providers(kind, serve(says(200, completion(""))).url, allow_empty=True)
    assert ask(made, CALL) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_429_cools_a_provider_down_for_everybody(serve: Serve, kind: str) -> None:
    limited, good = serve(says(429, {"error": {"message": "slow down"}}, {"retry-after": "60"})), serve()
    made = providers(kind, limited.url, good.url)
    for _ in range(3):
        assert ask(made, CALL) == "hello"
    assert len(limited.asked) == 1
    assert len(good.asked) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_candidate_is_never_cooled_down(serve: Serve, kind: str) -> None:
    calls = []

    def limited(connection: Any, request: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            connection.reply(429, {"error": {"message": "slow down"}}, {"retry-after": "60"})
        else:
            answer(connection, request)

    made = providers(kind, serve(limited).url)
    with pytest.raises(AllProvidersFailedError):
        ask(made, CALL)
    assert ask(made, CALL) == "hello"


def test_five_failures_at_over_half_open_the_circuit_and_one_probe_closes_it(serve: Serve) -> None:
    broken, good = serve(says(404, "gone")), serve()
    made = providers("sync", broken.url, good.url)
    now = [100.0]
    made.pipeline.health.clock = lambda: now[0]
    for _ in range(8):
        ask(made, CALL)
    assert len(broken.asked) == 5
    broken.behaviour = answer
    now[0] += 29.9
    ask(made, CALL)
    assert len(broken.asked) == 5
    now[0] += 0.2
    ask(made, CALL)
    ask(made, CALL)
    assert len(broken.asked) == 7


def test_retries_have_a_budget(serve: Serve) -> None:
    from inference_providers.routing.policy import Policy

    broken = serve(says(500, ""))
    made = providers("sync", broken.url, policy=Policy(retry_reserve=3, retry_ratio=0.0, failures=1000))
    for _ in range(10):
        with pytest.raises(AllProvidersFailedError):
            ask(made, CALL)
    assert len(broken.asked) <= 10 * 2  # never more than two tries a provider
    spent = len(broken.asked)
    with pytest.raises(AllProvidersFailedError):
        ask(made, CALL)
    assert len(broken.asked) - spent <= 2


def test_at_most_six_attempts_a_call(serve: Serve) -> None:
    servers = [serve(says(404, "gone")) for _ in range(9)]
    with pytest.raises(AllProvidersFailedError) as caught:
        ask(providers("sync", *(server.url for server in servers)), CALL)
    assert len(caught.value.attempts) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_closing_a_stream_early_closes_the_connection(serve: Serve, kind: str) -> None:
    from tests.fault_server import streaming
    from tests.servers import delta

    word = chunk(f"data: {json.dumps(delta('word '))}\n\n".encode())
    server = serve(streaming(delta("word "), end=lambda connection: connection.hold(word, 0.01)))
    made = providers(kind, server.url)

    async def first() -> bool:
        stream = made.stream("hi")
        async for _ in stream:
            break
        await asyncio.to_thread(server.keeps_waiting)
        await stream.aclose()
        return await asyncio.to_thread(server.left)

    if kind == "async":
        assert asyncio.run(first())
    else:
        stream = made.stream("hi")
        next(iter(stream))
        server.keeps_waiting()
        stream.close()
        assert server.left()


@pytest.mark.parametrize("kind", KINDS)
def test_usage_of_a_stream_is_kept(serve: Serve, kind: str) -> None:
    row = next(row for row in ROWS if row.number == "70")
    made = providers(kind, serve(row.behave).url)

    async def read() -> Any:
        stream = made.stream("hi")
        assert [piece async for piece in stream] == ["hel", "lo"]
        return stream.answer.data["usage"]

    if kind == "async":
        assert asyncio.run(read()) == {"total_tokens": 7}
    else:
        stream = made.stream("hi")
        assert list(stream) == ["hel", "lo"]
        assert stream.answer.data["usage"] == {"total_tokens": 7}


@pytest.mark.parametrize("kind", KINDS)
def test_three_tenths_of_faults_leave_nearly_every_call_answered(serve: Serve, kind: str) -> None:
    """The full measurement is in benchmarks; this is the law in small.

    Which fault a question meets depends on the question, the server and how often it was asked there, and on
    nothing else: a roll of dice in the order of arrival would be another one in every run.
    """
    faults = [row.behave for row in ROWS if row.number in ("19", "22", "28", "37", "48", "49", "9", "21")]
    seen: Counter[tuple[int, str]] = Counter()

    def shaky(number: int) -> Any:
        def behave(connection: Any, request: Any) -> None:
            question = request.json["messages"][-1]["content"]
            seen[number, question] += 1
            chance = random.Random(f"{number} {question} {seen[number, question]}")
            (chance.choice(faults) if chance.random() < 0.3 else answer)(connection, request)

        return behave

    servers = [serve(shaky(number)) for number in range(3)]
    made = providers(kind, *(server.url for server in servers), timeout=PATIENCE)
    questions = [f"hi {number}" for number in range(200)]

    async def many() -> list[Any]:
        return list(await asyncio.gather(*map(made.ask_ai, questions), return_exceptions=True))

    def one(question: str) -> Any:
        try:
            return made.ask_ai(question)
        except AllProvidersFailedError as error:
            return error

    replies = asyncio.run(many()) if kind == "async" else [one(question) for question in questions]
    assert sum(reply == "hello" for reply in replies) >= 199
    assert 200 * 1.2 <= sum(len(server.asked) for server in servers) <= 200 * 1.6


def test_backoff_is_full_jitter() -> None:
    from inference_providers.routing.health import Health
    from inference_providers.routing.policy import Policy
    from inference_providers.routing.router import Router

    route = Router([], Health(Policy(), time.monotonic), random.Random(1), None, [])
    for tries, cap in ((1, 0.5), (2, 1.0), (3, 2.0), (9, 8.0)):
        waits = [route.backoff(tries) for _ in range(500)]
        assert 0 <= min(waits) < cap * 0.1
        assert cap * 0.9 < max(waits) <= cap
    assert inspect.isgeneratorfunction(Router.run)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [CALL, STREAM])
@pytest.mark.parametrize(
    "reply",
    [
        says(200, {"error": {"message": 'Incorrect key "canary-1***" given', "code": 401}}),
        says(422, {"detail": [{"loc": 5, "msg": "x"}]}),
        says(429, {"error": {"message": "try again in " + "9" * 5000 + "m5s"}}),
        says(200, "[" * 200_000),
        says(200, '{"choices": [{"message": {"content": ' + "[" * 100_000),
    ],
    ids=["quoted key", "odd detail", "huge number", "deep", "deep inside"],
)
def test_no_reply_however_odd_breaks_the_call(serve: Serve, reply: Any, kind: str, way: str) -> None:
    good = serve(lambda c, r: answer(c, r, "second"))
    made = providers(kind, serve(reply).url, good.url)
    try:
        assert ask(made, way) == "second"
    except inference_providers.InvalidRequestError:
        assert good.asked == []


def check_stalled_error(serve: Serve, piece: bytes, kind: str) -> None:
    """Ask a server whose error never ends, and then one that answers."""
    stalling = serve(
        holding(b"HTTP/1.1 500 Oh\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\nabc", piece, 0.05)
    )
    good = serve(lambda c, r: answer(c, r, "second"))
    assert ask(providers(kind, stalling.url, good.url, **SHORT), STREAM) == "second"
    assert stalling.left()


def test_a_stalled_error_body_keeps_to_the_deadline(serve: Serve) -> None:
    pieces = {"silent": b"", "dripping": b"x"}
    cases = product(pieces, KINDS)
    together({"-".join(case): partial(check_stalled_error, serve, pieces[case[0]], case[1]) for case in cases})


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_keeps_to_the_deadline_of_its_call(serve: Serve, kind: str) -> None:
    from tests.fault_server import streaming
    from tests.servers import delta

    word = chunk(f"data: {json.dumps(delta('x'))}\n\n".encode())
    endless = serve(streaming(delta("x"), end=lambda connection: connection.hold(word)))
    with pytest.raises(TruncatedStreamError, match="deadline"):
        ask(providers(kind, endless.url, timeout=2.0), STREAM)
    assert endless.left()


@pytest.mark.parametrize("kind", KINDS)
def test_a_filtered_stream_stops_as_a_filtered_call_does(serve: Serve, kind: str) -> None:
    from tests.fault_server import streaming
    from tests.servers import completion, delta

    good = serve()
    for way, behaviour in (
        (STREAM, streaming(delta(None, "content_filter"), "[DONE]")),
        (CALL, says(200, completion("", finish_reason="content_filter"))),
    ):
        with pytest.raises(inference_providers.ContentFilteredError):
            ask(providers(kind, serve(behaviour).url, good.url), way)
    assert good.asked == []


def test_a_refused_key_is_not_sent_again_even_where_it_is_the_only_one(serve: Serve) -> None:
    refusing = serve(says(401, {"error": "bad key"}))
    made = providers("sync", refusing.url)
    for _ in range(3):
        with pytest.raises(AllProvidersFailedError, match="bad key") as caught:
            ask(made, CALL)
    assert isinstance(caught.value.attempts[0].error, inference_providers.AuthenticationError)
    assert "reads P1_API_KEY anew" in str(caught.value)
    with pytest.raises(AllProvidersFailedError):
        made.connect_to_model("m", test=True)
    assert len(refusing.asked) == 1


def test_an_address_where_nobody_is_takes_one_attempt_for_all_its_models(serve: Serve) -> None:
    registry = registry_of(f"http://127.0.0.1:{refused_port()}/v1", serve().url)
    registry["providers"]["p1"]["model_names"] = {f"m{number}": f"m{number}" for number in range(9)}
    registry["auto_model_priority"] = [f"m{number}" for number in range(9)] + ["m"]
    made = ProviderList(json_override=registry, environ=keys(2), local=False)
    assert made.ask_ai("hi") == "hello"


def test_events_are_parsed_in_linear_time_and_a_byte_order_mark_is_no_part_of_them() -> None:
    from inference_providers.transport.sse import Parser

    parser = Parser()
    # Parsing anew with each piece would be a terabyte of work: more than a test may take.
    pieces = [b"\xef\xbb\xbfdata: ", *[b"x" * 20] * 400_000, b"\n\n"]
    found = [event for piece in pieces for event in parser.feed(piece)]
    assert [len(event.data) for event in found] == [8_000_000]


def test_a_closed_stream_just_ends(serve: Serve) -> None:
    made = providers("sync", serve().url)
    stream = made.stream("hi")
    pieces = iter(stream)
    assert next(pieces) == "he"
    stream.close()
    assert list(pieces) == []
    whole = made.stream("hi")
    assert ["".join(whole), "".join(whole)] == ["hello", ""]


@pytest.mark.parametrize("status", [-1, 0, 206, 302, 399, 404, 418, 500, 599, 700])
def test_any_status_is_judged_without_words(status: int) -> None:
    verdict = openai_chat.decode(status, {}, b"", "p", (), 0.0)
    expected = {404: classify.NEXT, 418: classify.DOUBT}.get(status, classify.RETRY if status >= 500 else classify.NEXT)
    assert verdict.action == expected


ANSWER, OTHER = "/chat/completions", "/audio/speech"


@pytest.mark.parametrize(
    ("path", "text", "reason", "done", "empty", "action"),
    [
        (OTHER, "x", None, False, False, classify.OK),
        (OTHER, None, None, False, False, classify.NEXT),
        (OTHER, None, None, True, False, classify.NEXT),
        (ANSWER, None, "content_filter", True, False, classify.STOP),
        (ANSWER, None, "content_filter", False, True, classify.STOP),
        (ANSWER, "x", "content_filter", True, False, classify.OK),
        (ANSWER, None, None, False, False, classify.NEXT),
        (ANSWER, None, None, False, True, classify.NEXT),
        (ANSWER, None, None, True, False, classify.NEXT),
        (ANSWER, None, None, True, True, classify.OK),
        (ANSWER, None, "stop", True, False, classify.NEXT),
        (ANSWER, None, "stop", False, False, classify.NEXT),
        (ANSWER, None, "stop", False, True, classify.OK),
        (ANSWER, None, "length", True, False, classify.OK),
        (ANSWER, "x", None, False, False, TruncatedStreamError),
        (ANSWER, "x", None, True, False, classify.OK),
        (ANSWER, "x", "stop", False, False, classify.OK),
    ],
)
def test_every_end_of_a_stream_has_its_outcome(
    path: str, text: str | None, reason: str | None, done: bool, empty: bool, action: Any
) -> None:
    judge = openai_chat.judge("p", (), {}, 0.0, path=path, allow_empty=empty)
    chunk = {"choices": [{"delta": {"content": text}, "finish_reason": reason}]}
    body = b"data: " + json.dumps(chunk).encode() + b"\n\n" if text or reason else b": nothing\n\n"
    list(judge.feed(body + (b"data: [DONE]\n\n" if done else b"")))
    if action is TruncatedStreamError:
        with pytest.raises(TruncatedStreamError, match="without a finish reason"):
            list(judge.end())
        return
    list(judge.end())
    assert judge.verdict is not None
    assert judge.verdict.action == action


@given(st.sets(st.sampled_from(["other", "content", "finish", "filtered", "cut", "done", "empty"])))
def test_whatever_was_seen_of_a_stream_its_end_has_an_outcome(seen: set[str]) -> None:
    assert stream_ends.outcome_of(seen) in {outcome for _, _, outcome in stream_ends.ENDS}

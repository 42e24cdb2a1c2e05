"""No reply can stop the program: how deep, how large, how many, how long. Judged by bytes and counts, not by clocks."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_providers import (
    AllProvidersFailedError,
    AsyncProviderList,
    ProviderList,
    ProviderUnavailableError,
    RegistryError,
    StepLimitError,
    TruncatedStreamError,
)
from inference_providers.calls.gathering import Gathered
from inference_providers.chat import completion as chat
from inference_providers.chat.answer import AnswerBuilder
from inference_providers.protocols import classify, openai_chat, waits
from inference_providers.protocols import stream as streams
from inference_providers.registry.provider import Facts
from inference_providers.text import jsontext
from inference_providers.transport import sse
from inference_providers.usage.cost import Charge, cost_of
from inference_providers.usage.usage import usage_of
from tests.conftest import Quick, keys, list_of, registry_of
from tests.fault_server import streaming, without_end
from tests.forks import Forks, forking
from tests.memory import LOAD, measured
from tests.servers import Server, completion, delta

Serve = Callable[..., Server]
KINDS = {"sync": ProviderList, "async": AsyncProviderList}
both = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
MIB = 1024 * 1024


def nested(depth: int, begin: str = "[", end: str = "]") -> str:
    return begin * depth + end * depth


# How deep


@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
@pytest.mark.parametrize("kind", [str, str.encode])
@pytest.mark.parametrize("shape", [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_json_of_a_hundred_levels_is_read_and_not_one_more(shape: tuple[str, str], kind: Any, long: bool) -> None:
    levels = jsontext.DEPTH // (2 if "[{" in shape[0] else 1)

    def text(count: int) -> str:
        inner = '"' + "x" * (2 * MIB) + '"' if long else "1"
        return shape[0] * count + inner + shape[1] * count

    jsontext.check(jsontext.loads(kind(text(levels))))
    for count in (levels + 1, 10 * levels, 50_000):
        with pytest.raises(jsontext.TooDeep):
            jsontext.loads(kind(text(count)))


def test_brackets_in_strings_and_many_side_by_side_are_not_deep() -> None:
    assert jsontext.loads(json.dumps("[{" * 5000)) == "[{" * 5000
    assert len(jsontext.loads("[" + ",".join(["[[]]"] * 5000) + "]")) == 5000


def test_a_value_that_holds_itself_is_too_deep_and_one_held_twice_is_not() -> None:
    ring: dict[str, Any] = {}
    ring["a"] = [ring, ring, {"b": ring}]
    with pytest.raises(jsontext.TooDeep):
        jsontext.check(ring)
    shared: Any = {}
    for _ in range(jsontext.DEPTH - 1):
        shared = [shared, shared, {"not": "deep"}]
    jsontext.check(shared)
    for flat in (None, 1, "x", [], {}, {"a": 1}):
        jsontext.check(flat)


@pytest.mark.parametrize(
    "text", ["1" * 5000, '{"a": ' + "1" * 5000 + "}", "NaN", "[Infinity]", "", "[", "\ufeff{}", b"\xff", b"{\xff}"]
)
def test_whatever_is_not_read_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        jsontext.loads(text, strict=True)


@pytest.mark.parametrize("pad", ["", "x" * 2 * MIB], ids=["short", "long"])
def test_short_and_long_texts_are_read_alike(pad: str) -> None:
    text = (
        '{"a": [1, 2.5, -1e3, 12345678901234567890123, null, true], "b": "\\ud800 \\u00e9 é 😀", "a\\n": {}, "pad": "'
        + pad
        + '"}'
    )
    wanted = json.loads(text)
    assert jsontext.loads(text) == jsontext.loads(text.encode()) == wanted
    assert jsontext.loads(text.replace("null", "Infinity"))["a"][4] == float("inf")
    with pytest.raises(ValueError):
        jsontext.loads(text.replace("null", "NaN"), strict=True)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_any_json_is_read_as_ever(value: Any) -> None:
    text = json.dumps(value)
    assert jsontext.loads(text) == jsontext.loads(text.encode()) == json.loads(text)


@pytest.mark.parametrize("option", ["json_merge", "json_override"])
@pytest.mark.parametrize("depth", [101, 800, 5000])
def test_a_registry_too_deep_is_refused_as_data_and_as_text(option: str, depth: int) -> None:
    deep: Any = {}
    for _ in range(depth):
        deep = {"a": deep}
    ring: dict[str, Any] = {}
    ring["models"] = ring
    for given_ in ({"models": deep}, ring, '{"models": ' + nested(depth, '{"a":', "}").replace(":}", ":1}", 1) + "}"):
        with pytest.raises(RegistryError, match="100 levels"):
            ProviderList(**{option: given_}, environ={}, local=False)  # type: ignore[arg-type]


def test_other_files_and_replies_that_are_too_deep_are_none_that_can_be_read(tmp_path: Path, serve: Serve) -> None:
    from inference_providers.batches.items import Reader
    from inference_providers.batches.sources import Source
    from inference_providers.clients.connection import checked_completion
    from inference_providers.servers.discovery import _rows
    from inference_providers.testing.cassette import Cassette, CassetteError

    deep = nested(600)
    assert _rows(f'{{"data": {deep}}}'.encode()) is None
    with pytest.raises(ProviderUnavailableError):
        checked_completion(f'{{"choices": {deep}}}'.encode(), "m")
    (tmp_path / "in.jsonl").write_text(f'{{"prompt": "a", "x": {deep}}}\n"fine"\n')
    found = list(Source(tmp_path / "in.jsonl", Reader(None, None, {}, {})).items())
    assert ["100 levels" in item.problem for item in found] == [True, False]
    (tmp_path / "c.json").write_text(f'{{"interactions": {deep}, "variables": []}}')
    with pytest.raises(CassetteError):
        Cassette(tmp_path / "c.json", "replay")


def test_a_local_server_that_nests_deep_is_none(serve: Serve) -> None:
    from inference_providers.registry.registry import Registry
    from inference_providers.servers.discovery import scan

    server = serve(lambda c, r: c.reply(200, '{"data": ' + nested(5000) + "}", {"content-type": "application/json"}))
    row = {
        "protocol": "openai",
        "endpoint": server.url,
        "local": {"fingerprint": [{"path": "/x", "json": "a"}, {"owned_by": "a"}]},
    }
    registry = Registry(
        {"providers": {"local": {"name": "Local", "connection": row}, "own": {"name": "Own", "connection": row}}}
    )
    assert scan(registry, {}) == []


# How many


def calling(count: int) -> Any:
    """A server that asks for *count* calls in each reply."""
    calls = [{"id": f"c{n}", "type": "function", "function": {"name": "note", "arguments": "{}"}} for n in range(count)]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    return lambda c, r: c.reply(
        200, {**completion(), "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    )


@both
@pytest.mark.parametrize(("count", "made", "says"), [(129, 0, "129 tool calls in one reply; at most 128"), (20_000, 0, "20000 tool calls"), (128, 512, "640 tool calls for one question; at most 512"), (100, 500, "600 tool calls")])  # fmt: skip
def test_so_many_calls_of_tools_are_made_and_no_more(serve: Serve, kind: Any, count: int, made: int, says: str) -> None:
    ran: list[int] = []

    def note() -> str:
        ran.append(1)
        return "ok"

    server = serve(calling(count))
    providers = list_of(server.url, kind=kind)
    with pytest.raises(StepLimitError, match=says) as caught:
        asked = providers.ask_ai("hi", tools=[note])
        asyncio.run(asked) if kind is AsyncProviderList else None
    assert len(ran) == made
    assert len(server.asked) == made // count + 1
    assert [turn["role"] for turn in caught.value.messages].count("tool") == made


@both
def test_calls_that_are_handed_back_are_not_counted(serve: Serve, kind: Any) -> None:
    described = {"type": "function", "function": {"name": "note"}}
    asked = list_of(serve(calling(300)).url, kind=kind).ask_ai("hi", tools=[described])
    answer = asyncio.run(asked) if kind is AsyncProviderList else asked
    assert len(answer.tool_calls) == 300


# How much


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    """Forks a process for whatever is measured."""
    with forking(LOAD) as found:
        yield found


def chat_reply(content: str, more: Any = None) -> bytes:
    reply = completion(content)
    reply["choices"][0]["message"]["images"] = more
    return json.dumps(reply, ensure_ascii=False).encode()


SIZE = 24 * MIB
BODIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "objects": (lambda: b'{"choices": [{}' + b",{}" * (SIZE // 3) + b"]}", "too large to be read"),
    "lists": (lambda: b'{"choices": [[]' + b",[]" * (SIZE // 3) + b"]}", "too large to be read"),
    "numbers": (lambda: b'{"choices": [0' + b",1.5" * (SIZE // 4) + b"]}", "too large to be read"),
    "names": (lambda: b'{"choices": {"0": 0' + b"".join(b',"%x":0' % n for n in range(SIZE // 10)) + b"}}", "too large to be read"),
    "texts": (lambda: b'{"choices": [""' + b',"a"' * (SIZE // 4) + b"]}", "too large to be read"),
    "cut": (lambda: b'{"choices": [{}' + b",{}" * (SIZE // 3), "too large to be read"),
    "not utf-8": (lambda: b'{"choices": "' + b"x" * SIZE + b'\xff"}', "cut or not valid JSON"),
    "page": (lambda: b"<script " * (SIZE // 8) + "😀".encode(), "not JSON"),
    "picture": (lambda: chat_reply("Look! 😀", [{"image_url": {"url": "data:image/png;base64," + "QUJD" * (SIZE // 4)}}]), "answered 7"),
    "text": (lambda: chat_reply("word, [and] {more} " * (SIZE // 20)), "answered "),
    "error": (lambda: json.dumps({"error": {"message": "x" * SIZE, "code": 500}}).encode(), "xxx"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BODIES)
def test_a_reply_takes_at_most_four_times_its_size(serve: Serve, forks: Forks, name: str, kind: str) -> None:
    make, outcome = BODIES[name]
    body = make()
    server = serve(lambda c, r: c.reply(200, body, {"content-type": "application/json"}))
    taken, told = measured(forks, kind, "call", server.url, serve().url)
    assert outcome in told
    assert taken <= 4 * len(body) + MIB, taken / len(body)


def test_a_large_reply_of_another_kind_is_passed_on_unread(serve: Serve, forks: Forks) -> None:
    numbers = b"[" + b",".join([b"0.123456"] * (SIZE // 9)) + b"]"
    body = b'{"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": ' + numbers + b"}]}"
    server = serve(lambda c, r: c.reply(200, body, {"content-type": "application/json"}))
    taken, told = measured(forks, "sync", "embeddings", server.url, serve().url)
    assert told.strip() == f"answered {len(body)}"
    assert taken <= 4 * len(body) + MIB, taken / len(body)


@pytest.mark.parametrize(
    ("body", "action"),
    [
        (b'{"data": "' + b"x" * 2 * MIB + b'"}', classify.OK),
        (b'{"error": null, "data": "' + b"x" * 2 * MIB + b'"}', classify.OK),
        (b'{"error": {"message": "no"}, "data": "' + b"x" * 2 * MIB + b'"}', classify.NEXT),
        (b'{"object": "error", "message": "no", "data": "' + b"x" * 2 * MIB + b'"}', classify.NEXT),
        (b'{"data": "' + b"x" * 2 * MIB, classify.RETRY),
        (b'["' + b"x" * 2 * MIB + b'"]', classify.NEXT),
    ],
)
def test_an_error_in_a_large_reply_of_another_kind_is_found(body: bytes, action: str) -> None:
    verdict = openai_chat.decode(200, {}, body, "p", (), 0.0, path="/embeddings")
    assert verdict.action == action


def test_a_picture_and_a_smile_in_one_text_are_read() -> None:
    body = chat_reply("data:image/png;base64," + "QUJD" * (10 * MIB // 4) + " 😀")
    assert openai_chat.decode(200, {}, body, "p", (), 0.0).action == classify.OK
    wide = b'{"choices": "' + b"x" * (60 * MIB) + b'\\ud83d\\ude00"}'
    assert "too large" in str(openai_chat.decode(200, {}, wide, "p", (), 0.0).error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("behave", "says", "most"),
    [
        (without_end(then=delta(None, role="assistant")), "goes on without content", 40 * MIB),
        (without_end(then=b": ping\n\n"), "goes on without content", 20 * MIB),
        (without_end(then={}), "goes on without content", 40 * MIB),
        (without_end(then=b"data: " + b"x" * 65000), "larger than 8 MiB", 60 * MIB),
        (without_end(then=b"data:\n"), "larger than 8 MiB", 60 * MIB),
        (without_end(then=delta("word " * 13)), "does not end", 8 * streams.TEXT_CAP),
        (without_end(then=delta("word " * 6000)), "does not end", 8 * streams.TEXT_CAP),
    ],
    ids=["roles", "comments", "empty", "line", "lines", "small", "large"],
)  # fmt: skip
def test_a_stream_without_end_takes_no_more_memory_than_is_kept(
    serve: Serve, forks: Forks, kind: str, behave: Any, says: str, most: int
) -> None:
    taken, told = measured(forks, kind, "stream", serve(behave).url, serve().url)
    assert says in told
    assert taken <= most, taken / MIB


def test_many_small_pieces_of_a_text_take_little_more_than_the_text() -> None:
    pieces = chat.Pieces()
    for _ in range(300_000):
        pieces.add("".join(["a", "b"]))
    held = sum(map(sys.getsizeof, [*pieces._blocks, *pieces._new])) + sys.getsizeof(pieces._blocks)
    assert (pieces.text, pieces.size) == ("ab" * 300_000, 600_000)
    assert held < 1.2 * pieces.size


def test_a_large_event_may_come_first_and_comments_may_go_on_for_long() -> None:
    stream = openai_chat.judge("p", (), {}, 0.0)
    picture = json.dumps(delta(None, images=[{"image_url": {"url": "x" * 6 * MIB}}])).encode()
    for place in range(0, len(picture), 65536):
        assert not list(stream.feed((b"data: " if not place else b"") + picture[place : place + 65536]))
    assert len(list(stream.feed(b"\n\n"))) == 1
    for _ in range(300):  # more than an event may have, but no part of one
        assert not list(stream.feed(b": ping\n\n" * 8000))
    assert list(stream.feed(b"data: [DONE]\n\n")) == []
    assert list(stream.end()) == []
    assert stream.verdict is not None
    assert stream.verdict.action == classify.OK


def test_what_is_only_passed_on_is_not_held_back(serve: Serve) -> None:
    def speaks(connection: Any, request: Any) -> None:
        connection.start_stream({"content-type": "audio/mpeg"})
        for _ in range(20 * 16):
            connection.chunk(b"\xff" * 65536)
        connection.end_stream()

    client = list_of(serve(speaks).url).client("m")
    size = 0
    with client.audio.speech.with_streaming_response.create(
        model="m", voice="alloy", input="x", extra_body={"stream": True}
    ) as response:
        for chunk in response.iter_bytes():
            size += len(chunk)
    assert size == 20 * MIB


def test_lines_of_an_event_are_counted_and_comments_are_not() -> None:
    parser = sse.Parser()
    for _ in range(200):
        assert list(parser.feed(b": " + b"x" * 65536 + b"\n")) == []
    assert parser.held == 0
    with pytest.raises(sse.OversizeEvent):
        for _ in range(sse.EVENT_CAP // 10):
            list(parser.feed(b"data: x\n" * 100))


# Of any shape


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([10**400, -(10**400), 2**63]) | st.floats() | st.text(st.characters(), max_size=5) | st.sampled_from(["\ud800", "stop", "error", "length", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["message", "delta", "content", "text", "error", "msg", "loc", "code", "index", "function", "name", "arguments", "id", "cached_tokens", ""]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def fields(**named: Any) -> Any:
    return st.fixed_dictionaries(
        {}, optional={name: odd | made if made is not None else odd for name, made in named.items()}
    )


calls = st.lists(
    fields(id=None, index=None, function=fields(name=st.just("note"), arguments=st.just("{}"))), max_size=2
)
deltas = fields(
    content=st.just("hi"),
    reasoning_content=None,
    reasoning=None,
    tool_calls=calls,
    function_call=None,
    refusal=None,
    audio=None,
    images=None,
    role=None,
)
choices = st.lists(
    fields(
        delta=deltas,
        message=deltas,
        finish_reason=st.sampled_from(["stop", "length", "content_filter", None]),
        index=None,
    ),
    max_size=2,
)
usages = fields(
    prompt_tokens=None,
    completion_tokens=None,
    total_tokens=None,
    input_tokens=None,
    prompt_tokens_details=None,
    completion_tokens_details=None,
    cost=None,
    prompt_cache_hit_tokens=None,
)
replies = fields(choices=choices, usage=usages, error=fields(message=None, code=None, type=None, metadata=None, details=None, innererror=None), object=st.sampled_from(["error", "x"]), type=None, model=None, id=None)  # fmt: skip
texts = replies.map(lambda value: json.dumps(value)) | odd.map(json.dumps) | st.text(max_size=20) | st.sampled_from([nested(150), nested(5000), '{"error":' + nested(5000) + "}", '{"choices": [{"delta": ' + nested(5000, '{"a":', "}") + "}]}", "1" * 5000, '{"usage": ' + "9" * 5000 + "}", "[DONE]", '{"choices":[{"delta":{"content":"\\ud800"}}]}'])  # fmt: skip
events = st.tuples(st.sampled_from(["data: ", "event: error\ndata: ", "error: ", "data:", ": ", ""]), texts).map(
    lambda pair: (pair[0] + pair[1].replace("\n", " ") + "\n\n").encode("utf-8", "surrogatepass")
)


class Offered:
    """Who answers, as far as an answer tells of it."""

    registry = None

    provider, internal_name, canonical_name, facts = "p", "m", "m", Facts([1, 1, 1.0, 2.0, 0.5, ""])


@settings(max_examples=300)
@given(
    st.lists(events, max_size=5),
    st.sampled_from([chat.PATH, "/responses"]),
    st.sampled_from(["text/event-stream", "application/json", "text/html", "audio/x"]),
)
def test_a_stream_of_any_shape_ends_in_a_verdict_or_in_a_typed_error(found: list[bytes], path: str, kind: str) -> None:
    stream = openai_chat.judge("p", ("sk-secret-secret-secret",), {"content-type": kind}, 0.0, path=path)
    gathered = Gathered([])
    try:
        for chunk in [*(part for event in found for part in stream.feed(event)), *stream.end()]:
            assert isinstance(gathered.add(chunk), str)
            assert list(streams.as_events([chunk]))
    except TruncatedStreamError as error:
        assert stream.started
        assert isinstance(error.partial, str)
        return
    assert stream.verdict is not None
    assert (stream.verdict.action == classify.OK) == (stream.verdict.error is None)
    reply = type(
        "Reply", (), {"offer": Offered, "attempts": [], "dropped": [], "repaired": [], "listed": None, "cached": False}
    )
    gathered.finish(reply)  # type: ignore[arg-type]
    assert gathered.answer is not None
    json.dumps(gathered.answer.as_dict())


@settings(max_examples=300)
@given(replies, st.booleans())
def test_a_reply_of_any_shape_is_judged_and_an_answer_can_be_made_of_it(reply: Any, allow_empty: bool) -> None:
    body = json.dumps(reply).encode()
    verdict = openai_chat.decode(200, {}, body, "p", ("sk-secret-secret-secret",), 0.0, allow_empty=allow_empty)
    for status in (400, 429, 500, 503):
        assert openai_chat.decode(status, {}, body, "p", (), 0.0).error is not None
    if verdict.action != classify.OK:
        assert verdict.error is not None
        return
    usage = usage_of(verdict.reply.get("usage"))
    made = AnswerBuilder()
    for _ in range(3):
        made.add(Charge(usage, Offered.facts), (), (), 0.0)
    answer = made.answer(verdict.reply, Offered, [])  # type: ignore[arg-type]
    assert isinstance(answer.messages, list)
    assert isinstance(answer.tool_calls, list)
    json.dumps([answer.as_dict(), answer.cost_details.as_dict(), answer.id, answer.created])


@both
@settings(max_examples=60)
@given(st.lists(events, max_size=4))
def test_programs_get_text_or_a_typed_error_whatever_is_streamed(kind: Any, found: list[bytes]) -> None:
    with Server(streaming(*found)) as server:
        made = kind(json_override=registry_of(server.url), environ=keys(1), local=False, timeout=5.0, random=Quick())

        async def read() -> str:
            return "".join([piece async for piece in made.stream("hi")])

        try:
            text = asyncio.run(read()) if kind is AsyncProviderList else "".join(made.stream("hi"))
            assert isinstance(text, str)
        except (AllProvidersFailedError, TruncatedStreamError):
            assert server.asked


@both
@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": 5},
        {"tool_calls": {"a": 1}},
        {"content": "ok", "tool_calls": "x"},
        {"content": "ok", "tool_calls": 7.5},
        "text",
        ["a"],
        5,
    ],
    ids=range(7),
)
@pytest.mark.parametrize("finish", ["stop", "length"])
def test_a_message_of_any_shape_is_an_answer_or_none(serve: Serve, kind: Any, message: Any, finish: str) -> None:
    reply = {**completion(), "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    made = list_of(serve(lambda c, r: c.reply(200, reply)).url, kind=kind)
    try:
        asked = made.ask_ai("hi", tools=[nested])
        answer = asyncio.run(asked) if kind is AsyncProviderList else asked
    except AllProvidersFailedError:
        return
    assert (str(answer), answer.tool_calls) in (("ok", []), ("", []))


@pytest.mark.parametrize("count", [10**400, 2**53, -1, float("inf"), float("nan"), 1e308, "5", True, [1]])
def test_what_is_no_number_of_tokens_is_not_counted_with(count: Any) -> None:
    usage = usage_of({"prompt_tokens": 3, "completion_tokens": count, "total_tokens": count, "cost": count})
    assert usage is not None
    assert (usage.output_tokens, usage.price) == (0, None)
    assert cost_of(usage, Offered.facts) == pytest.approx(3e-6)


@pytest.mark.parametrize("value", ["1e999", "-1e999", "nan", "9" * 5000, "Wed, 21 Oct 99999 07:28:00 GMT", "Wed, 99 Oct 2065 07:28:00 GMT", "x" * 65536, ",", "1 1 1 1 1", "\ud800"])  # fmt: skip
def test_a_wait_that_cannot_be_is_none(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        assert waits.retry_after({name: value}, "", 0.0) is None
    assert waits.retry_after({}, f"try again in {value}s", 0.0) is None or value in ("9" * 5000, "1 1 1 1 1")


def test_a_server_that_says_much_is_heard_to_its_fourth_thousand() -> None:
    body = json.dumps(
        {"error": {"message": "a " * 9000 + "context length", "code": "context_length_exceeded"}}
    ).encode()
    verdict = openai_chat.decode(400, {}, body, "p", (), 0.0)
    assert verdict.action == classify.LARGER  # by its code
    assert len(str(verdict.error)) < 5000

"""Ways around work that most requests and replies do not need: each must give what the long way gives."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_providers.credentials.keys import Secret
from inference_providers.protocols import raw_json
from inference_providers.text import jsontext
from inference_providers.transport import http1, sse
from inference_providers.transport.http import WireError
from inference_providers.usage.log_file import COLUMNS, LogFile
from tests.conftest import places

_LINES = st.sampled_from(["data: x", "data:", "data", "event: a", "error: e", ": ping", "", "data: \u00e9", "id: 1"])


@given(st.lists(_LINES, max_size=6), st.sampled_from(["\n", "\r\n", "\r"]), st.binary(max_size=3))
def test_an_event_that_comes_by_itself_is_read_as_among_others(lines: list[str], end: str, before: bytes) -> None:
    chunk = end.join([*lines, ""]).encode()
    long, short = sse.Parser(), sse.Parser()
    assert events(long.feed(before)) == events(short.feed(before))
    alone = short.alone(chunk)
    told = events(long.feed(chunk))
    assert (events(short.feed(chunk)) if alone is None else [("", alone, "")]) == told
    assert short.held == long.held
    assert events(short.feed(b"data: y\n\n")) == events(long.feed(b"data: y\n\n"))


def test_most_events_that_come_by_themselves_are_known() -> None:
    assert sse.Parser().alone(b'data: {"a": 1}\n\n') == '{"a": 1}'


def events(found: Any) -> list[tuple[str, str, str]]:
    return [(event.name, event.data, event.other) for event in found]


@given(st.text(alphabet='{["]}a\\', max_size=30), st.integers(0, 140), st.sampled_from(["{", "["]))
def test_a_long_text_is_taken_to_be_deep_like_a_short_one(text: str, count: int, mark: str) -> None:
    short = text + mark * count
    long = short + "x" * 5000
    assert jsontext._may_be_deep(short) == jsontext._may_be_deep(long) == jsontext._may_be_deep(long.encode())


@pytest.mark.parametrize(
    "text", [' {"a": 1}', '{"a": 1} \n', '{"a": 1}\n', '{"a": 1}x', '{"a": 1}\x0b', "{", '{"a": NaN}']
)
def test_json_is_read_as_json_reads_it(text: str) -> None:
    try:
        wanted: Any = json.dumps(json.loads(text))
    except ValueError:
        wanted = None
    try:
        found: Any = json.dumps(jsontext.loads(text))
    except ValueError:
        found = None
    assert found == wanted


@pytest.mark.parametrize("quotes", [0, 10, 98, 99, 100, 101, 300])
@pytest.mark.parametrize("again", [False, True])
def test_the_models_place_is_found_however_many_quotes_stand_before_it(quotes: int, again: bool) -> None:
    body: dict[str, Any] = {"words": [str(number) for number in range(quotes // 2)], "model": "a"}
    if again:
        body["more"] = {"model": "b"}
    raw = json.dumps(body).encode()
    assert raw_json.with_model(raw, body, "c") == raw.replace(b'"a"', b'"c"')


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ('{"tools": [{"properties": {"model": {"enum": ["a"]}}}], "model" : "a", "x": "\\"model\\": \\\\"}', True),
        ('{"x": ["model"], "model": "a"}', True),
        ('{"x": ["model"], "model": "a", "y": "model"}', False),  # neither first nor last
        ('{"model": "a", "model": "a"}', False),
        ('{"model": "b", "x": 1, "model": "a"}', False),
        ('{"model": "a", "x": {"model": "a"}, "mod\\u0065l": "a"}', False),
    ],
)
def test_the_model_is_the_outermost_one(raw: str, found: bool) -> None:
    """Beside it a tool may have a parameter of that name, and a text these words."""
    made = raw_json.with_model(raw.encode(), json.loads(raw), "c")
    assert bool(made) is found
    if found:
        assert json.loads(made) == {**json.loads(raw), "model": "c"}
        assert len(made) == len(raw)


def test_a_head_is_said_anew_for_each_key_length_and_place() -> None:
    first = http1.request_head("POST", "/v1", "a.example", {"Authorization": Secret("Bearer one")}, 5)
    assert first == http1.request_head("POST", "/v1", "a.example", {"Authorization": Secret("Bearer one")}, 5)
    assert b"Bearer one\r\nContent-Length: 5\r\n\r\n" in first
    assert b"Bearer two" in http1.request_head("POST", "/v1", "a.example", {"Authorization": Secret("Bearer two")}, 5)
    assert b"Content-Length: 60\r\n" in http1.request_head(
        "POST", "/v1", "a.example", {"Authorization": Secret("Bearer one")}, 60
    )
    assert b"Host: b.example\r\n" in http1.request_head(
        "POST", "/v1", "b.example", {"Authorization": Secret("Bearer one")}, 5
    )
    assert b"Length" not in http1.request_head("GET", "/v1", "a.example", {}, None)


def test_heads_that_are_kept_are_few_and_short_and_unfit_ones_are_refused_each_time() -> None:
    for number in range(600):
        http1.request_head("POST", f"/{number}", "a.example", {"X-Long": "x" * (number * 10)}, 1)
    assert len(http1._heads) <= 256
    assert max(map(len, http1._heads.values())) <= 2048
    for _ in range(2):
        with pytest.raises(WireError):
            http1.request_head("POST", "/", "a.example", {"X": "a\r\nY: b"}, 1)


@pytest.mark.parametrize("count", [1, 39, 40, 41, 125])
def test_rows_are_written_together_and_none_is_lost(count: int) -> None:
    now = time.time()  # what is old goes
    file = LogFile.of(places())
    assert file is not None
    for number in range(count):
        row: dict[str, Any] = dict.fromkeys(COLUMNS)
        row |= {"at": now + number, "program": "p", "path": "/x", "provider": "a", "model": "m", "name": "m"}
        row |= {"outcome": "ok", "reported": False, "seconds": 1.0, "attempts": 1}
        file.put(tuple(row.values()))
    kept = file.read(lambda connection: connection.execute("SELECT at FROM calls ORDER BY id").fetchall())
    assert [at for (at,) in kept or []] == [now + number for number in range(count)]

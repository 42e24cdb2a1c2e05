"""JSON in replies: as it comes, in fences and tags, between words and after thoughts; never what only looks like it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from inference_providers import InvalidReplyError
from inference_providers.chat import found_json
from inference_providers.chat.structured import OutputSchema, SchemaMismatch
from inference_providers.chat.thinking import TAGS
from tests.conftest import list_of
from tests.servers import Server, answer
from tests.test_answer import both
from tests.test_parameters import SCHEMA, ask, listed

Serve = Callable[..., Server]
A = '{"a": 1}'


class Q(BaseModel):
    """What is asked for."""

    a: int


class Nest(BaseModel):
    """What holds itself."""

    inner: list[Nest] = []


def in_text(text: str) -> list[str]:
    return [one.text for one in found_json.found(text)]


READ = [
    A,
    f"\ufeff{A}",
    f"\n\t {A}\r\n",
    f"```JSON\n{A}\n```",
    f"```Json\r\n{A}\r\n```",
    f"```json {A} ```",
    f"```{A}```",
    f"``` json\n{A}\n```",
    f"~~~json\n{A}\n~~~",
    f"~~~\n{A}",
    f"````json5\n{A}\n````",
    f"```json\n{A}",
    f"Here is the JSON:\n{A}",
    f"{A}\nHope this helps!",
    f"Sure! `{A}` is what you want.",
    f"**Answer:** {A}",
    f"<json>{A}</json>",
    f"<answer>\n{A}\n</answer>",
    f"JSON: {A}</s>",
    f'<think>Is it {{"a": 2}}?</think>{A}',
    f'<thinking>\n```json\n{{"a": 3}}\n```\n</thinking>\n\n```json\n{A}\n```',
    f'[THINK]Is it {{"a": 2}}?[/THINK]{A}',
    f'It is {{"a": 2}}, or not?</think>\n\n{A}',
    f"The set {{1, 2}} and f(x) = {{x}} and {{'a': 2}} and [1] and [see] give {A}",
    f"\\frac{{a}}{{b}} {{{{ template }}}} {A}",
    f'He said "it is {{" and then: {A}',
    f'Schema: {{"type": "object"}}\nAnswer: {A}',
    f"```python\nd = {{}}\n```\n```json\n{A}\n```",
    f"{A}\n{A}",
    f'As JSON {A}, that is {{ "a" : 1 }}',
    f'An example is {{"a": 5}}. For you:\n```json\n{A}\n```\nand not {{"a": 7}}',
    f"[1]{'[2]' * 40} {A}",
    '{"answer": {"a": 1}}',
    'Here: {"result": {"a": 1}}',
    '"{\\"a\\": 1}"',
    f'{{"name": "Q", "arguments": {A}}}',
    '{"id": "1", "type": "function", "function": {"name": "Q", "arguments": "{\\"a\\": 1}"}}',
    f'{{"type": "function", "name": "Q", "parameters": {A}}}',
    f'[{{"name": "Q", "arguments": {A}}}]',
    f'<tool_call>\n{{"name": "Q", "arguments": {A}}}\n</tool_call>',
    f'<think>It may be {{"a": 2}}.</think>\n<think>Or {{"a": 3}}.</think>\n{A}',
    *(f'{opened}It may be {{"a": 2}}.{closed}\n{A}' for opened, closed in TAGS.items()),
]


@pytest.mark.parametrize("text", READ, ids=range(len(READ)))
def test_json_in_a_reply_is_read(text: str) -> None:
    assert OutputSchema(SCHEMA).parse(text) == {"a": 1}
    assert OutputSchema(Q).parse(text) == Q(a=1)


@pytest.mark.parametrize("text", READ[3:14:4], ids=range(3))
@both
def test_json_in_a_reply_takes_no_second_request(serve: Serve, kind: Any, text: str) -> None:
    server = serve(lambda connection, request: answer(connection, request, text))
    assert ask(list_of(server.url, kind=kind), schema=Q).parsed == Q(a=1)
    prompted = listed(kind, (server.url, {"refuses": ["response_format"]}, ""))
    assert ask(prompted, schema=SCHEMA).parsed == {"a": 1}
    assert len(server.asked) == 2


NOT_READ = [
    "",
    "no idea",
    '{"a": 1,}',  # no JSON: it goes back
    "{'a': 1}",
    "{a: 1}",
    '// a comment\n{"a": 1 /* one */}',
    '{"a": 1',
    '{"list": [{"a": 1}, {"a": 2}',  # cut: the first of them is not the answer
    '{"list": [{"a": 1}, {"a": 2},], "a": 3}',
    '{"x": {"a": 1}, oops}',
    '[{"a": 1}]',  # what is in a list is not the answer
    '[{"a": 1}, {"a": 2}]',
    '"\\"{}\\""',
    '{"name": "Q", "arguments": {"a": 1}, "more": 1}',
    '[{"name": "Q", "arguments": {"a": 1}}, {"name": "Q", "arguments": {"a": 1}}]',
    '{"a": 1} or {"a": 2}',
    '```json\n{"a": 1}\n```\nor\n```json\n{"a": 2}\n```',
    '<think>It may be {"a": 1}',
    '<thinking>{"a": 1}',
    '{"a": NaN}',
    'It is {"a": Infinity}.',
    '{"a": "one"} in words',
    '{"x": {"y": {"a": 1}}}',
    '{"x": {"a": 1}, "y": 2}',
    "[" * 200 + A + "]" * 200,
    '{"a":' * 300 + "1" + "}" * 300,
    "x " + "[" * 100_000,
    "x " + "[" * 100_000 + "]" * 100_000 + "y",
]


@pytest.mark.parametrize("text", NOT_READ, ids=range(len(NOT_READ)))
def test_what_is_no_json_or_not_clearly_the_answer_is_not_read(text: str) -> None:
    for shape in (SCHEMA, Q):
        with pytest.raises(SchemaMismatch) as caught:
            OutputSchema(shape).parse(text)
        assert caught.value.problems


def test_of_values_that_differ_none_is_taken_and_the_model_is_told() -> None:
    with pytest.raises(SchemaMismatch, match="several values that differ; reply with one"):
        OutputSchema(Q).parse('First {"a": 1}, but then {"a": 2}.')


def test_the_problems_told_are_those_of_the_last_value() -> None:
    with pytest.raises(SchemaMismatch) as caught:
        OutputSchema(SCHEMA).parse('{"b": 1} and {"a": "x"}')
    assert caught.value.problems == ["$.a: 'x' is not of type 'integer'"]


def test_a_broken_list_of_what_holds_itself_gives_none_of_its_parts() -> None:
    for text in (
        '{"inner": [{"inner": []},]}',
        'So: {"inner": [{"inner": []}, {"inner": [] }',
        '{"inner": [{}]} {"inner":',
    ):
        try:
            parsed = OutputSchema(Nest).parse(text)
        except SchemaMismatch:
            continue
        assert parsed == Nest(inner=[Nest()])


@both
def test_a_trailing_comma_is_repaired_by_a_second_request(serve: Serve, kind: Any) -> None:
    texts = ['```json\n{"a": 1,}\n```', A]
    server = serve(lambda connection, request: answer(connection, request, texts[len(server.asked) - 1]))
    assert ask(list_of(server.url, kind=kind), schema=Q).parsed == Q(a=1)
    assert len(server.asked) == 2


@both
def test_two_answers_that_differ_twice_are_an_error(serve: Serve, kind: Any) -> None:
    server = serve(lambda connection, request: answer(connection, request, '{"a": 1} or {"a": 2}'))
    with pytest.raises(InvalidReplyError, match="several values that differ"):
        ask(list_of(server.url, kind=kind), schema=Q)
    assert len(server.asked) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["```", '"}', "</think>\n", "\\", "{[", "\ufeff"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
PROSE = st.text(st.characters(exclude_characters='{["<', exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), PROSE, PROSE, st.sampled_from([None, 1]), st.booleans())
def test_a_value_between_any_words_is_found_whole(
    value: Any, before: str, after: str, indent: Any, ascii_: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_)
    for opening, closing in (("", ""), ("```json\n", "\n```"), ("<json>", "</json>")):
        found = found_json.found(f"x{before}\n{opening}{text}{closing}\n{after}")
        assert [one.text for one in found] == [text]
        assert found[0].value == value
        assert found[0].is_marked or not opening


@given(st.text(st.sampled_from('{}[]",:\\\n a1`<>/'), max_size=60))
def test_what_is_found_is_json_and_does_not_overlap(text: str) -> None:
    try:
        found = found_json.found(text)
    except ValueError:
        return
    place = 0
    for one in found:
        assert json.loads(one.text) == one.value
        place = text.index(one.text, place) + len(one.text)


@pytest.mark.parametrize(
    "unit",
    [
        "{",
        "[",
        '{"',
        '{"a":',
        "[1]",
        '{"a": 1,} ',
        '{"\\"',
        '"',
        "{x",
        "[[[",
        '{"a" ',
        "\n{",
        '{"a": "',
        "}",
        "```json\n",
    ],
)
@pytest.mark.parametrize("end", ["", "}", ']"}'])
def test_the_lines_of_the_search_that_run_grow_with_the_text_and_no_faster(unit: str, end: str) -> None:
    def lines(size: int) -> int:
        count = 0

        def trace(frame: Any, event: str, _: Any) -> Any:
            nonlocal count
            if frame.f_code.co_filename != found_json.__file__:
                return None
            count += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            found_json.found("x" + unit * size + end)
        except ValueError:
            return count
        finally:
            sys.settrace(before)
        return count

    few, many = lines(500), lines(2000)
    assert many <= 4.2 * few + 200

"""Structured output: asked for in the provider's way, validated here, repaired once."""

from __future__ import annotations

import copy
import enum
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, RootModel
from typing_extensions import TypedDict

from inference_providers import InvalidReplyError
from inference_providers.chat.structured import OutputSchema, SchemaMismatch, strict_schema
from tests import strict_rules
from tests.conftest import list_of
from tests.servers import Connection, Received, Server, completion
from tests.test_answer import both
from tests.test_parameters import SCHEMA, TOOL, ask, listed

Serve = Callable[..., Server]


class Colour(enum.Enum):
    """A field of few values."""

    RED = "red"
    BLUE = "blue"


class Wheel(BaseModel):
    """A model inside another."""

    size: int
    colour: Colour


class Car(BaseModel):
    """A model with everything in it."""

    name: str
    wheels: list[Wheel]
    kind: Literal["old", "new"]
    built: date
    owner: str | None


class Node(BaseModel):
    """A model that holds itself."""

    children: list[Node]


class Open(BaseModel):
    """A model with a field that may be left out."""

    name: str
    note: str = ""


class Loose(BaseModel):
    """A model with fields of any name."""

    fields: dict[str, int]


class Strict(BaseModel):
    """A model that converts nothing in Python."""

    model_config = ConfigDict(strict=True)
    built: date
    colour: Colour
    pair: tuple[int, int]


class Anything(BaseModel):
    """A model with a field of any kind."""

    value: Any


class Point(TypedDict):
    """A typed dict."""

    x: int
    y: int


@dataclass
class Pair:
    """A dataclass."""

    left: str
    right: str


CAR = {
    "name": "Beetle",
    "wheels": [{"size": 15, "colour": "red"}],
    "kind": "old",
    "built": "1965-03-01",
    "owner": None,
}


def saying(*texts: str | None, **choice: Any) -> Callable[[Connection, Received], None]:
    """Say one text after the other; the last for ever."""
    left = list(texts)

    def behave(connection: Connection, request: Received) -> None:
        connection.reply(200, completion(left.pop(0) if len(left) > 1 else left[0], **choice))

    return behave


@both
def test_a_model_is_asked_for_and_an_instance_comes_back(serve: Serve, kind: Any) -> None:
    server = serve(saying(json.dumps(CAR)))
    said = ask(list_of(server.url, kind=kind), schema=Car)
    assert said.parsed == Car(**CAR)
    assert said.parsed.wheels[0].colour is Colour.RED
    assert said.as_dict()["parsed"] == CAR
    asked = server.asked[0].json["response_format"]["json_schema"]
    assert (asked["name"], asked["strict"]) == ("Car", True)
    assert asked["schema"]["additionalProperties"] is False
    assert asked["schema"]["$defs"]["Wheel"]["additionalProperties"] is False


@both
def test_a_schema_gives_plain_json(serve: Serve, kind: Any) -> None:
    server = serve(saying('{"a": 1}'))
    said = ask(list_of(server.url, kind=kind), schema={**SCHEMA, "title": "My answer!"})
    assert (said, said.parsed) == ('{"a": 1}', {"a": 1})
    assert server.asked[0].json["response_format"]["json_schema"]["name"] == "My_answer_"


@pytest.mark.parametrize(
    ("shape", "value"), [(Point, {"x": 1, "y": 2}), (Pair, Pair("a", "b")), (Node, Node(children=[]))]
)
def test_other_typed_classes_do_as_well(serve: Serve, shape: Any, value: Any) -> None:
    text = {Point: '{"x": 1, "y": 2}', Pair: '{"left": "a", "right": "b"}', Node: '{"children": []}'}[shape]
    server = serve(saying(text))
    assert list_of(server.url).ask_ai("hi", schema=shape).parsed == value
    assert server.asked[0].json["response_format"]["json_schema"]["schema"]["type"] == "object"


@both
def test_a_reply_that_does_not_fit_is_sent_back_once(serve: Serve, kind: Any) -> None:
    server = serve(saying('{"a": "one"}', '{"a": 1}'))
    said = ask(list_of(server.url, kind=kind, facts=[[None, None, 1, 1]]), schema=SCHEMA)
    assert said.parsed == {"a": 1}
    assert (said.usage.total_tokens, said.cost, len(said.attempts)) == (8, pytest.approx(8e-6), 2)
    question, first, repair = server.asked[1].json["messages"]
    assert (question["content"], first) == ("hi", {"role": "assistant", "content": '{"a": "one"}'})
    assert repair["role"] == "user"
    assert "$.a: 'one' is not of type 'integer'" in repair["content"]
    assert json.dumps(SCHEMA) in repair["content"]
    assert said.messages[-1]["content"] == '{"a": 1}'


@both
def test_a_reply_that_never_fits_is_an_error_with_the_text(serve: Serve, kind: Any) -> None:
    server, other = serve(saying("no idea", '{"a": null}')), serve()
    with pytest.raises(InvalidReplyError, match="even after one repair") as caught:
        ask(list_of(server.url, other.url, kind=kind), schema=SCHEMA)
    assert (caught.value.text, caught.value.problems) == ('{"a": null}', ["$.a: None is not of type 'integer'"])
    assert caught.value.provider == "p1"
    assert len(server.asked) == 2
    assert other.requests == []


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


def calling(arguments: Any, **message: Any) -> Callable[[Connection, Received], None]:
    """Reply with one call, which nobody has offered."""
    said = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "function": {"name": "Q", "arguments": arguments}}],
    }
    return lambda connection, request: connection.reply(
        200, completion(message={**said, **message}, finish_reason="tool_calls")
    )


OLDER = {"tool_calls": None, "function_call": {"name": "Q", "arguments": '{"name": "Ada", "age": 36}'}}


@pytest.mark.parametrize(
    ("arguments", "message"), [('{"name": "Ada", "age": 36}', {}), ({"name": "Ada", "age": 36}, {}), ("", OLDER)]
)
@both
def test_a_value_may_come_as_a_call_of_what_nobody_offered(
    serve: Serve, kind: Any, arguments: Any, message: Any
) -> None:
    server = serve(calling(arguments, **message))
    said = ask(list_of(server.url, kind=kind), schema=Person)
    assert (said.parsed, said.tool_calls, len(server.asked)) == (Person(name="Ada", age=36), [], 1)
    assert json.loads(said) == {"name": "Ada", "age": 36}
    assert said.messages[-1] == {"role": "assistant", "content": str(said)}


@both
def test_a_call_that_does_not_fit_is_sent_back_as_text(serve: Serve, kind: Any) -> None:
    first = calling('{"name": "Ada"}')

    def behave(connection: Connection, request: Received) -> None:
        behave_ = (
            first if len(server.asked) == 1 else (lambda c, r: c.reply(200, completion('{"name": "Ada", "age": 36}')))
        )
        behave_(connection, request)

    server = serve(behave)
    assert ask(list_of(server.url, kind=kind), schema=Person).parsed == Person(name="Ada", age=36)
    turn = server.asked[1].json["messages"][-2]
    assert turn == {"role": "assistant", "content": '{"name": "Ada"}'}


@both
def test_the_object_itself_may_be_the_content(serve: Serve, kind: Any) -> None:
    server = serve(
        lambda c, r: c.reply(200, completion(message={"role": "assistant", "content": {"name": "Ada", "age": 36}}))
    )
    assert ask(list_of(server.url, kind=kind), schema=Person).parsed == Person(name="Ada", age=36)


@both
def test_without_a_step_to_spare_there_is_no_repair(serve: Serve, kind: Any) -> None:
    server = serve(saying("no idea"))
    with pytest.raises(InvalidReplyError, match="does not fit the schema: "):
        ask(list_of(server.url, kind=kind), schema=SCHEMA, max_steps=1)
    assert len(server.asked) == 1


@both
def test_a_provider_without_schemas_is_instructed_and_checked_alike(serve: Serve, kind: Any) -> None:
    server = serve(saying('```json\n{"a": 1.5}\n```', 'Of course!\n```\n{"a": 1}\n```'))
    said = ask(listed(kind, (server.url, {"refuses": ["response_format", "json_schema"]}, "")), schema=SCHEMA)
    assert said.parsed == {"a": 1}
    assert said.dropped == []
    for request in server.asked:
        assert "response_format" not in request.json
        assert request.json["messages"][0]["role"] == "system"
        assert '"a": {"type": "integer"}' in request.json["messages"][0]["content"]


@both
def test_on_error_a_provider_that_can_be_instructed_is_still_asked(serve: Serve, kind: Any) -> None:
    made = listed(kind, (serve(saying('{"a": 1}')).url, {}, "S"))
    assert ask(made, schema=SCHEMA, on_unsupported="error").parsed == {"a": 1}


@both
def test_a_call_of_a_described_tool_need_not_fit(serve: Serve, kind: Any) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    said = ask(list_of(serve(saying(None, message=message)).url, kind=kind), schema=SCHEMA, tools=[TOOL])
    assert (said.parsed, said.tool_calls) == (None, [call])


@pytest.mark.parametrize(
    ("shape", "error", "says"),
    [
        (Car.model_construct(), TypeError, "must be a JSON Schema .* not Car"),
        ("Car", TypeError, "not str"),
        ([int], TypeError, "not list"),
        (3, TypeError, "not int"),
        (list[Server], TypeError, "no JSON Schema"),
        (list["Nowhere"], TypeError, "no JSON Schema"),  # type: ignore[name-defined]  # noqa: F821
        (RootModel[Callable[[], int]], TypeError, "no JSON Schema"),
        (Server, TypeError, "no JSON Schema"),
        ({"properties": {"a": {"type": "strin"}}}, ValueError, r"not a valid JSON Schema: \$\.properties\.a\.type"),
        ({"properties": []}, ValueError, "not a valid JSON Schema"),
        (len, TypeError, "schema must be .*, not len"),
    ],
    ids=str,
)
@both
def test_what_is_no_schema_is_said_before_anything_is_sent(
    serve: Serve, kind: Any, shape: Any, error: type[Exception], says: str
) -> None:
    server = serve()
    with pytest.raises(error, match=says):
        ask(list_of(server.url, kind=kind), schema=shape)
    assert server.requests == []


def test_a_class_of_callables_has_no_schema(serve: Serve) -> None:
    class Caller(BaseModel):
        call: Callable[[], int]

    with pytest.raises(TypeError, match="Caller has no JSON Schema"):
        list_of(serve().url).ask_ai("hi", schema=Caller)


def test_a_function_is_no_schema(serve: Serve) -> None:
    server = serve()
    with pytest.raises(TypeError, match=r"schema must be .*, not ask"):
        list_of(server.url).ask_ai("hi", schema=ask)
    assert server.requests == []


def test_a_schema_and_a_format_are_one_too_many(serve: Serve) -> None:
    for other in ({"response_format": "json"}, {"guided_json": SCHEMA}):
        with pytest.raises(ValueError, match="give one of them"):
            list_of(serve().url).ask_ai("hi", schema=SCHEMA, **other)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '\n {"a": 1}\n',
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}```',
        'Here you are:\n```json\n{"a": 1}\n```\nAnything else?',
        '<think>Is it {"a": 2}?\n```json\n{"a": 3}\n```</think>\n{"a": 1}',
        'It is {"a": 2}, or not?</think>\n\n{"a": 1}',
        '<think></think>```json\n\n{"a": 1}\n\n```',
    ],
)
def test_json_is_found_between_thoughts_and_fences(text: str) -> None:
    assert OutputSchema(SCHEMA).parse(text) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "1",
        '{"a": 1',
        '{"a": 1} {"a": 2}',
        '{"a": NaN}',
        '{"a": 1e999}',
        "hm",
        "[" * 10**5,
        '{"b": 1}',
    ],
    ids=range(11),
)
def test_everything_else_is_a_misfit(text: str) -> None:
    for shape in (SCHEMA, Node):
        with pytest.raises(SchemaMismatch) as caught:
            OutputSchema(shape).parse(text)
        assert all(problem.startswith("$") for problem in caught.value.problems)


def test_no_problem_is_lost_and_their_number_is_limited() -> None:
    schema = {"type": "object", "properties": {str(i): {"type": "string"} for i in range(50)}}
    with pytest.raises(SchemaMismatch) as caught:
        OutputSchema(schema).parse(json.dumps({str(i): i for i in range(50)}))
    assert len(caught.value.problems) == 20
    assert all(problem in OutputSchema(schema).repair(caught.value) for problem in caught.value.problems)


def test_a_strict_model_takes_what_json_has_for_its_types() -> None:
    parsed = OutputSchema(Strict).parse('{"built": "2026-01-31", "colour": "blue", "pair": [1, 2]}')
    assert parsed == Strict(built=date(2026, 1, 31), colour=Colour.BLUE, pair=(1, 2))
    with pytest.raises(SchemaMismatch, match=r"\$\.pair\.0"):
        OutputSchema(Strict).parse('{"built": "2026-01-31", "colour": "blue", "pair": ["1", 2]}')


def test_a_schema_that_points_nowhere_fetches_nothing(serve: Serve) -> None:
    server = serve()
    for ref in (f"{server.url}/schema.json", "#/$defs/none"):
        with warnings.catch_warnings(), pytest.raises(ValueError, match="not a valid JSON Schema"):
            OutputSchema({"type": "object", "properties": {"a": {"$ref": ref}}}).parse('{"a": 1}')
    assert server.requests == []


@pytest.mark.parametrize(
    ("shape", "strict"), [(Car, True), (Node, True), (Open, True), (Loose, False), (Anything, False)]
)
def test_strictness_is_asked_for_where_it_can_be_kept(shape: Any, strict: bool) -> None:
    assert OutputSchema(shape).response_format["json_schema"]["strict"] is strict


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}, "required": ["a"]},
        {"type": "object", "properties": {"a": True}, "required": ["a"]},
        {**SCHEMA, "additionalProperties": True},
        {**SCHEMA, "required": ["a", "b"]},
        {**SCHEMA, "patternProperties": {"^x": {}}},
        {**SCHEMA, "properties": {"a": {"type": ["object", "null"]}}},
        {**SCHEMA, "properties": {"a": {"allOf": [SCHEMA, SCHEMA]}}},
        {**SCHEMA, "properties": {"a": {"type": "array", "items": {"type": "object"}}}},
        {**SCHEMA, "properties": {"a": {"type": "array"}}},
        {**SCHEMA, "properties": {"a": {"enum": [1, {"x": 2}]}}},
        {**SCHEMA, "properties": {"a": {"const": []}}},
        {**SCHEMA, "properties": {"a": {"anyOf": [{"type": "integer"}], "type": "integer"}}},
        {**SCHEMA, "properties": {"a": {"$ref": "#/properties/b"}, "b": {"type": "integer"}}},
    ],
)
def test_what_cannot_be_closed_is_sent_as_it_is(schema: dict[str, Any]) -> None:
    assert strict_schema(schema) is None
    assert OutputSchema(schema).response_format["json_schema"] == {"name": "answer", "schema": schema, "strict": False}


@pytest.mark.parametrize("schema", [{}, {"properties": {"a": {}}}])
def test_a_schema_without_a_type_on_top_is_sent_as_an_objects(schema: dict[str, Any]) -> None:
    assert OutputSchema(schema).response_format["json_schema"]["schema"] == {"type": "object", **schema}


def test_a_field_may_be_called_like_a_word_of_json_schema() -> None:
    names = ("properties", "default", "enum", "type", "$ref", "required", "not", "title")
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": list(names)}
    assert strict_schema(schema) == {**schema, "additionalProperties": False}


SCALARS = st.sampled_from(
    [{"type": "integer"}, {"type": "string"}, {"type": "null"}, {"enum": [1, "x", None]}, {"const": "k"}]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3) | st.just({"x": 2}),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcx"), inner, max_size=3),
    max_leaves=6,
)


def _object(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from("abc"), SCALARS, min_size=1, max_size=2).map(_object),
    lambda inner: st.dictionaries(
        st.sampled_from("abc"),
        SCALARS
        | inner
        | inner.map(lambda schema: {"type": "array", "items": schema})
        | st.lists(inner | SCALARS, min_size=1, max_size=2).map(lambda schemas: {"anyOf": schemas}),
        min_size=1,
        max_size=2,
    ).map(_object),
    max_leaves=4,
)


@st.composite
def of(draw: st.DrawFn, schema: dict[str, Any]) -> Any:
    """A value that fits, with a field too many now and then."""
    if "anyOf" in schema:
        return draw(of(draw(st.sampled_from(schema["anyOf"]))))
    if "const" in schema or "enum" in schema:
        return schema.get("const") or draw(st.sampled_from(schema["enum"]))
    if schema["type"] == "array":
        return draw(st.lists(of(schema["items"]), max_size=2))
    if schema["type"] != "object":
        return {"integer": 7, "string": "```\n</think>{", "null": None}[schema["type"]]
    value = {name: draw(of(field)) for name, field in schema["properties"].items()}
    return {**value, **draw(st.sampled_from([{}, {}, {}, {"more": 1}]))}


def _closed(schema: Any, value: Any) -> bool:
    """Whether *value* fits the schema without a field that its objects do not list."""
    if "anyOf" in schema:
        return any(_closed(one, value) for one in schema["anyOf"])
    if schema.get("type") == "object":
        fields = schema["properties"]
        return (
            isinstance(value, dict) and set(value) == set(fields) and all(_closed(fields[n], value[n]) for n in fields)
        )
    if schema.get("type") == "array":
        return isinstance(value, list) and all(_closed(schema["items"], item) for item in value)
    return Draft202012Validator(schema).is_valid(value)


@given(st.data(), OBJECTS)
def test_a_tightened_schema_accepts_what_the_original_does_without_further_fields(
    data: st.DataObject, schema: dict[str, Any]
) -> None:
    before = copy.deepcopy(schema)
    tight = strict_schema(schema)
    assert schema == before
    assume(tight is not None)  # it has choices that begin alike
    assert tight is not None
    assert strict_rules.refusal(OutputSchema(schema).response_format) is None
    value = data.draw(of(schema) | VALUES)
    assert Draft202012Validator(tight).is_valid(value) == _closed(schema, value)


WRAPPINGS = st.sampled_from(
    [
        "{}",
        "```json\n{}\n```",
        "<think>Hm {{</think>\n{}",
        "Sure:\n```\n{}\n```\nBye",
        "<think>\n```json\n[]\n```\n</think>{}",
    ]
)


@given(st.data(), OBJECTS, WRAPPINGS, st.sampled_from([None, 2]), st.booleans())
def test_what_fits_comes_back_as_it_was(
    data: st.DataObject, schema: dict[str, Any], wrapping: str, indent: int | None, ascii_only: bool
) -> None:
    value = data.draw(of(schema))
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert OutputSchema(schema).parse(wrapping.replace("{}", text)) == value


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    for shape in (SCHEMA, Strict):
        with pytest.raises(SchemaMismatch):
            OutputSchema(shape).parse(text)

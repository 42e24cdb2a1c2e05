"""What goes out as strict is what OpenAI takes as strict, for whatever type or schema; what comes back is of that type."""

from __future__ import annotations

import asyncio
import enum
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypeVar, Union

import openai
import pytest
from annotated_types import Len
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    TypeAdapter,
    computed_field,
    conint,
    create_model,
)
from pydantic_core import to_jsonable_python
from typing_extensions import TypedDict

from inference_providers import AsyncProviderList, ContentFilteredError, InferenceProvidersError, ProviderList
from inference_providers.chat.nulls import restored
from inference_providers.chat.strict_schema import strict_schema
from inference_providers.chat.structured import OutputSchema, SchemaMismatch
from tests import strict_rules
from tests.conftest import list_of
from tests.servers import Connection, Received, Server, answer, completion
from tests.test_answer import both
from tests.test_parameters import ask

Serve = Callable[..., Server]
T = TypeVar("T")


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    """A level."""

    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    """Values of several types."""

    WORD = "a"
    NUMBER = 1
    HALF = 0.5
    NOTHING = None


class Addr(BaseModel):
    """Where."""

    street: str = Field(description="with the number")


class Described(BaseModel):
    """Every field has a description."""

    name: str = Field(description="The name")
    address: Addr = Field(description="Home")
    work: Addr | None = Field(None, description="Work, if any")
    colour: Colour = Field(description="Of the eyes")
    others: list[Addr] = Field(default_factory=list, description="Others", examples=[[]])
    level: Level = Field(Level.LOW, description="How high", title="Level")


class Plain(BaseModel):
    """What the SDK itself can make strict."""

    name: str = Field(description="The name")
    address: Addr = Field(description="Home")
    colour: Colour | None = Field(None, description="Of the eyes")


class Tree(BaseModel):
    """A tree."""

    value: int
    children: list[Tree] = Field(description="below")
    parent: Tree | None = None


class Cat(BaseModel):
    """A cat."""

    name: str
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    """A dog."""

    name: str
    kind: Literal["dog"]
    good: bool = True


class Bird(BaseModel):
    """Told apart by what it has."""

    name: str
    wings: int


class Fish(BaseModel):
    """Told apart by what it has."""

    name: str
    fins: int


class Zoo(BaseModel):
    """Choices."""

    pet: Annotated[Cat | Dog, Field(discriminator="kind", description="One of them")]
    other: Bird | Fish | int | str | None
    many: list[Annotated[Cat | Dog, Field(discriminator="kind")]]
    either: int | str | float | bool = 3


class Times(BaseModel):
    """Times, numbers, ids."""

    day: date
    moment: datetime
    hour: time
    span: timedelta
    price: Decimal
    id: uuid.UUID
    raw: bytes
    place: Path
    host: IPv4Address


class Boxes(BaseModel):
    """Collections."""

    numbers: set[int]
    words: frozenset[str]
    pair: tuple[int, str]
    same: tuple[float, float]
    some: tuple[int, ...]
    nested: list[list[tuple[int, Addr]]]
    short: Annotated[list[int], Len(1, 3)]


class Maps(BaseModel):
    """Open objects."""

    ages: dict[str, int]
    by_colour: dict[Colour, list[Addr]]
    by_number: dict[int, str] = Field(default_factory=dict)


class Point(NamedTuple):
    """A point."""

    x: int
    y: int = 0


class Movie(TypedDict):
    """A typed dict."""

    title: str
    year: NotRequired[int]


@dataclass
class Pair:
    """A dataclass."""

    left: Addr
    right: list[int] = field(default_factory=list)


class Box(BaseModel, Generic[T]):
    """A generic."""

    content: T
    more: list[T] = []


class Aliased(BaseModel):
    """Other names in JSON."""

    model_config = ConfigDict(populate_by_name=True)
    from_: str = Field(alias="from")
    to: str = Field(validation_alias=AliasChoices("TO", "to"))
    plain: int = 1

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> int:
        """Not asked for."""
        return 2 * self.plain


class Tight(BaseModel):
    """Limits."""

    model_config = ConfigDict(extra="forbid")
    age: conint(ge=0, lt=150)  # type: ignore[valid-type]
    code: Annotated[str, StringConstraints(min_length=2, max_length=4, pattern=r"^[A-Z]+$")]
    odd: Annotated[str, Field(json_schema_extra={"pattern": "^(?!x)"})]
    half: Annotated[float, Field(multiple_of=0.5)]


class Enums(BaseModel):
    """Values."""

    mixed: Mixed
    many: Literal["a", 1, True, None]
    one: Literal["x"]
    maybe: Colour | None = Field(None, description="perhaps")


class Defaults(BaseModel):
    """Fields that may be left out."""

    a: int
    text: str = "t"
    number: int = 8080
    when: datetime = Field(default_factory=lambda: NOW)
    nothing: int = None  # type: ignore[assignment]
    maybe: int | None = 5
    inner: Addr = Addr(street="s")
    odd: Addr = Field(default_factory=lambda: Addr(street="d"), description="d")


NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
A1 = Addr(street="1")
TOM, REX = Cat(name="Tom", kind="cat"), Dog(name="Rex", kind="dog", good=False)
Pets = Annotated[Cat | Dog, Field(discriminator="kind")]
# A type, a value of it, and whether strict mode can say it.
TYPES: list[tuple[Any, Any, bool]] = [
    (Described, Described(name="n", address=A1, colour=Colour.RED, others=[A1]), True),
    (Described, Described(name="n", address=A1, work=A1, colour=Colour.BLUE, level=Level.HIGH), True),
    (Plain, Plain(name="n", address=A1), True),
    (Tree, Tree(value=1, children=[Tree(value=2, children=[])], parent=Tree(value=0, children=[])), True),
    (Zoo, Zoo(pet=TOM, other=Fish(name="f", fins=2), many=[REX, TOM]), True),
    (Zoo, Zoo(pet=REX, other=None, many=[], either="x"), True),
    (
        Times,
        Times(
            day=NOW.date(), moment=NOW, hour=time(12, 30), span=timedelta(hours=1), price=Decimal("1.10"),
            id=uuid.UUID(int=7), raw=b"raw", place=Path("a/b"), host=IPv4Address("127.0.0.1"),
        ),
        True,
    ),
    (
        Boxes,
        Boxes(
            numbers={1, 2}, words=frozenset(["a"]), pair=(1, "x"), same=(1.5, 2.5), some=(1, 2, 3),
            nested=[[(1, A1)]], short=[1],
        ),
        True,
    ),
    (Maps, Maps(ages={"x": 1}, by_colour={Colour.RED: [A1]}, by_number={1: "x"}), False),
    (Point, Point(1, 2), True),
    (Movie, {"title": "M", "year": 1927}, True),
    (Movie, {"title": "M"}, True),
    (Pair, Pair(A1, [1]), True),
    (Box[int], Box[int](content=1, more=[2]), True),
    (Box[Box[Colour]], Box[Box[Colour]](content=Box[Colour](content=Colour.RED)), True),
    (Aliased, Aliased(**{"from": "a", "TO": "b", "plain": 3}), True),
    (Tight, Tight(age=3, code="AB", odd="y", half=1.5), True),
    (Enums, Enums(mixed=Mixed.HALF, many=True, one="x"), True),
    (Enums, Enums(mixed=Mixed.NOTHING, many=None, one="x", maybe=Colour.RED), True),
    (Defaults, Defaults(a=1), True),
    (Defaults, Defaults(a=1, text="u", number=1, when=NOW, nothing=2, maybe=None, inner=A1, odd=A1), True),
    (list[Addr], [A1, A1], True),
    (list[Described], [], True),
    (dict[str, int], {"a": 1}, False),
    (int, 3, True),
    (float, 1.5, True),
    (bool, False, True),
    (str, "text", True),
    (date, NOW.date(), True),
    (Colour, Colour.BLUE, True),
    (Level, Level.HIGH, True),
    (Mixed, Mixed.NUMBER, True),
    (Literal["a", "b"], "b", True),
    (Cat | Dog, REX, True),
    (Bird | Fish, Fish(name="f", fins=1), True),
    (Addr | None, None, True),
    (Pets, TOM, True),
    (list[Pets], [TOM, REX], True),
    (tuple[int, str], (1, "x"), True),
    (set[Colour], {Colour.RED}, True),
    (RootModel[Cat | Dog], RootModel[Cat | Dog](TOM), True),
    (RootModel[list[Addr]], RootModel[list[Addr]]([A1]), True),
    (RootModel[Addr], RootModel[Addr](A1), True),
    (RootModel[dict[str, Addr]], RootModel[dict[str, Addr]]({"a": A1}), False),
    (list[Tree], [Tree(value=1, children=[])], True),
]  # fmt: skip


def replied(kind: Any, value: Any) -> Any:
    """A value as a model writes it: other names in JSON, nothing that is computed."""
    adapter = TypeAdapter(kind)
    written = adapter.dump_python(value, mode="json", by_alias=True)
    if kind is Aliased:
        written = {"from": written["from"], "TO": written["to"], "plain": written["plain"]}
    return written


def nulled(node: Any, value: Any, root: Any) -> Any:
    """A value as strict mode makes a model write it: with null for each field that is left out."""
    while "$ref" in node:
        node = root["$defs"][node["$ref"].rpartition("/")[2]]
    if isinstance(value, dict) and "properties" in node:
        return {
            name: nulled(inner, value[name], root) if name in value else None
            for name, inner in node["properties"].items()
        }
    return value


def replying(text: str | None, **choice: Any) -> Callable[[Connection, Received], None]:
    """Refuse what OpenAI refuses, and else say this."""
    return strict_rules.strictly(lambda connection, request: connection.reply(200, completion(text, **choice)))


@pytest.mark.parametrize(("shape", "value", "strict"), TYPES, ids=range(len(TYPES)))
@both
def test_a_value_of_any_type_comes_back_from_a_server_that_refuses_what_openai_does(
    serve: Serve, kind: Any, shape: Any, value: Any, strict: bool
) -> None:
    expected = replied(shape, value)
    is_wrapped = OutputSchema(shape).is_wrapped
    server = serve(replying(json.dumps({"value": expected} if is_wrapped else expected)))
    said = ask(list_of(server.url, kind=kind), schema=shape)
    assert said.parsed == value
    assert type(said.parsed) is type(value)
    assert len(server.asked) == 1
    assert server.asked[0].json["response_format"]["json_schema"]["strict"] is strict
    assert json.loads(json.dumps(said.as_dict())).get("parsed") == to_jsonable_python(value)


@pytest.mark.parametrize(("shape", "value", "strict"), TYPES, ids=range(len(TYPES)))
def test_what_strict_mode_makes_of_a_value_is_that_value(shape: Any, value: Any, strict: bool) -> None:
    output = OutputSchema(shape)
    sent = output.response_format["json_schema"]["schema"]
    written = replied(shape, value)
    written = {"value": written} if output.is_wrapped else written
    if strict:
        written = nulled(sent, written, sent)
        Draft202012Validator(sent).validate(written)
    assert output.parse(json.dumps(written)) == value


@pytest.mark.parametrize("shape", [list[Addr], RootModel[list[Addr]], Cat | Dog, Level, Addr | None])
def test_an_answer_that_is_no_object_may_come_without_its_field_or_in_another(shape: Any) -> None:
    output = OutputSchema(shape)
    value = next(value for kind, value, _ in TYPES if kind == shape)
    written = json.dumps(replied(shape, value))
    assert output.parse(f'{{"value": {written}}}') == value
    assert output.parse(written) == value
    assert output.parse(f'{{"items": {written}}}') == value


def test_an_object_may_come_within_one_field_if_it_fits_nothing_else() -> None:
    assert OutputSchema(Addr).parse('{"answer": {"street": "s"}}') == Addr(street="s")
    assert OutputSchema(Addr).parse('{"Addr": {"street": "s"}}') == Addr(street="s")
    for text in ('{"street": {"street": "s"}}', '{"a": {"street": "s"}, "b": 1}', '{"a": {"b": {"street": "s"}}}'):
        with pytest.raises(SchemaMismatch, match=r"\$\.street"):
            OutputSchema(Addr).parse(text)


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "array", "items": {"type": "integer"}}, '{"value": [1]}', [1]),
        ({"type": ["object", "null"], "properties": {"a": {"type": "integer"}}}, '{"value": null}', None),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, '{"value": 1}', 1),
        ({"enum": ["a", "b"]}, '{"value": "b"}', "b"),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, '{"value": 1}', 1),
        (
            {"type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
            '{"value": [[null], null]}',
            [[None], None],
        ),
        (
            {"type": "array", "items": {"$ref": "#/definitions/d"}, "definitions": {"d": {"const": 1}}},
            '{"value": [1]}',
            [1],
        ),
    ],
)
def test_a_schema_that_is_no_objects_is_a_field_of_one(schema: dict[str, Any], text: str, value: Any) -> None:
    output = OutputSchema(schema)
    assert strict_rules.refusal(output.response_format) is None
    assert output.schema["properties"].keys() == {"value"}
    assert output.parse(text) == value
    with pytest.raises(SchemaMismatch):
        output.parse('{"value": "zzz"}')


def test_a_reference_with_a_description_is_a_choice_of_one() -> None:
    sent = OutputSchema(Described).response_format["json_schema"]
    assert sent["strict"] is True
    assert sent["schema"]["properties"]["address"] == {"description": "Home", "anyOf": [{"$ref": "#/$defs/Addr"}]}


def test_what_strict_mode_cannot_say_is_said_in_words() -> None:
    fields = OutputSchema(Tight).response_format["json_schema"]["schema"]["properties"]
    assert fields["code"]["description"] == "(minLength: 2; maxLength: 4)"
    assert (fields["code"]["pattern"], fields["age"]["minimum"]) == ("^[A-Z]+$", 0)
    assert "pattern" not in fields["odd"]
    for text in (
        '{"age": 1, "code": "ABCDE", "odd": "y", "half": 1}',
        '{"age": 1, "code": "A", "odd": "y", "half": 1}',
    ):
        with pytest.raises(SchemaMismatch, match=r"\$\.code"):
            OutputSchema(Tight).parse(text)


def test_a_null_where_a_field_may_be_left_out_is_its_default_and_elsewhere_a_misfit() -> None:
    output = OutputSchema(Defaults)
    nulls = dict.fromkeys(("text", "number", "when", "nothing", "maybe", "inner", "odd"))
    parsed = output.parse(json.dumps({"a": 1, **nulls}))
    assert parsed == Defaults(a=1, maybe=None)  # null is a value of its own there
    assert parsed.model_fields_set == {"a", "maybe"}
    with pytest.raises(SchemaMismatch, match=r"\$\.a"):
        output.parse(json.dumps({"a": None}))
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a"]}
    assert OutputSchema(schema).parse('{"a": 1, "b": null}') == {"a": 1}


@pytest.mark.parametrize("shape", [shape for shape, _, strict in TYPES if strict], ids=str)
def test_what_cerebras_and_anthropic_refuse_is_not_said_either(shape: Any) -> None:
    waiting: list[Any] = [OutputSchema(shape).response_format["json_schema"]["schema"]]
    for node in waiting:
        assert isinstance(node.get("type", ""), str)
        assert node.keys().isdisjoint(("minItems", "maxItems", "const"))
        waiting += [*node.get("properties", {}).values(), *node.get("$defs", {}).values(), *node.get("anyOf", ())]
        waiting += [node["items"]] if "items" in node else []


def test_choices_that_begin_alike_begin_with_what_tells_them_apart() -> None:
    definitions = OutputSchema(Zoo).response_format["json_schema"]["schema"]["$defs"]
    assert [next(iter(definitions[name]["properties"])) for name in ("Cat", "Dog", "Bird", "Fish")] == [
        *("kind", "kind", "wings", "fins")
    ]
    alike = create_model("Alike", x=(int, ...))
    other = create_model("Other", x=(str, ...))
    assert OutputSchema(create_model("Both", a=(alike | other, ...))).response_format["json_schema"]["strict"] is False


def _nested(levels: int) -> Any:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        inner = {"type": "object", "properties": {"a": inner}, "required": ["a"]}
    return inner


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (_nested(9), True),
        (_nested(12), False),
        (_wide := {"type": "object", "properties": {f"f{i}": {"type": "null"} for i in range(5000)}}, True),
        ({**_wide, "properties": {**_wide["properties"], "more": {"type": "null"}}}, False),
        ({"enum": list(range(1000))}, True),
        ({"enum": list(range(1001))}, False),
        ({"enum": [f"{i:060}" for i in range(250)]}, True),
        ({"enum": [f"{i:060}" for i in range(251)]}, False),
        ({"type": "object", "properties": {"n" * 60_000: {"const": "v" * 60_000}}, "required": ["n" * 60_000]}, True),
        ({"type": "object", "properties": {"n" * 60_000: {"const": "v" * 60_001}}, "required": ["n" * 60_000]}, False),
    ],
    ids=range(10),
)
def test_what_is_beyond_a_limit_is_not_sent_as_strict(schema: dict[str, Any], strict: bool) -> None:
    made = OutputSchema(schema).response_format
    assert made["json_schema"]["strict"] is strict
    assert strict_rules.refusal(made) is None


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"a": {"$ref": "#/$defs/d", "description": "D"}}, "In context=('properties', 'a'), $ref cannot have keywords"),
        ({"a": {"oneOf": [{"type": "null"}]}}, "schema must have a 'type' key"),
        ({"a": {"type": "array", "prefixItems": []}}, "'prefixItems' is not permitted"),
        ({"a": {"type": "string", "default": ""}}, "'default' is not permitted"),
        ({"a": {"type": "string", "format": "uri"}}, "'uri' is not a valid format"),
        ({"a": {"type": "object", "properties": {}}}, "'additionalProperties' is required to be supplied"),
        ({"a": {"anyOf": [{"$ref": "#/$defs/d"}, {"$ref": "#/$defs/e"}]}}, "must not share identical first keys"),
        ({"a": _nested(12)}, "In context="),
    ],
)
def test_the_judge_refuses_what_openai_refuses(schema: dict[str, Any], words: str) -> None:
    leaf = {"type": "object", "properties": {"x": {"type": "null"}}, "required": ["x"], "additionalProperties": False}
    root = {"type": "object", "properties": schema, "required": ["a"], "additionalProperties": False}
    given = {"name": "P", "strict": True, "schema": {**root, "$defs": {"d": leaf, "e": {**leaf}}}}
    said = strict_rules.refusal({"type": "json_schema", "json_schema": given})
    assert said is not None
    assert said.startswith("Invalid schema for response_format 'P': ")
    assert words in said


# Any schema, any model

WORDS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.just("T"),
        "description": st.sampled_from(["", "words"]),
        "default": st.sampled_from([None, 1, "x", []]),
        "examples": st.just(["x"]),
        "deprecated": st.booleans(),
    },
)
NUMBERS = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number", ["integer", "null"]])},
    optional={"minimum": st.just(-5), "exclusiveMaximum": st.just(9), "multipleOf": st.just(1)},
)
STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={
        "format": st.sampled_from(["date", "uri", "binary", "uuid"]),
        "pattern": st.sampled_from(["^a", "(?=a)", "(?:a|b)", r"(a)\1", "(?P<x>a)", "(?i)a"]),
        "minLength": st.just(0),
        "maxLength": st.just(9),
    },
)
FIXED = st.sampled_from(
    [
        {"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}, {"enum": [1, "a", None, True, 0.5]},
        {"const": 1}, {"const": None}, {"type": ["string", "null"], "enum": ["a"]}, {"type": "boolean"},
        {"type": "number", "enum": [1, 2.5]}, {"type": "null"}, {"enum": []}, {}, True, {"type": "array"},
        {"type": "object"}, {"$ref": "#"}, {"$ref": "#/$defs/one"}, {"$ref": "#/$defs/two"}, {"$ref": "#/$defs/none"},
    ]
)  # fmt: skip


def _with_words(schemas: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(schemas, WORDS).map(lambda both: {**both[0], **both[1]} if isinstance(both[0], dict) else both[0])


def _closed_or_not(fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    made = st.dictionaries(st.sampled_from(["a", "b", "t", "$ref", "enum"]), fields, min_size=1, max_size=3)
    return st.builds(
        lambda fields, count, more: {
            "type": "object", "properties": fields, "required": sorted(fields)[:count],
            **({} if more is None else {"additionalProperties": more}),
        },
        made, st.integers(0, 3), st.sampled_from([None, False, False, True]),
    )  # fmt: skip


def _within(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    few = st.lists(inner, min_size=1, max_size=3)
    return _with_words(
        st.one_of(
            _closed_or_not(inner),
            _closed_or_not(inner),
            inner.map(lambda one: {"type": "array", "items": one, "uniqueItems": True, "minItems": 0}),
            few.map(lambda some: {"type": "array", "prefixItems": some, "minItems": len(some), "maxItems": len(some)}),
            few.map(lambda some: {"anyOf": some}),
            few.map(lambda some: {"oneOf": some, "discriminator": {"propertyName": "t"}}),
            inner.map(lambda one: {"allOf": [one]}),
        )
    )


NODES = st.recursive(_with_words(st.one_of(NUMBERS, STRINGS, FIXED)), _within, max_leaves=8)
SCHEMAS = st.builds(
    lambda root, one, two: {**(root if isinstance(root, dict) else {}), "$defs": {"one": one, "two": two}},
    st.one_of(_closed_or_not(NODES), NODES), NODES, NODES,
)  # fmt: skip


@given(SCHEMAS)
def test_whatever_goes_out_is_taken_by_openai(schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    try:
        made = OutputSchema(schema).response_format
    except ValueError:
        assume(False)
    assert strict_rules.refusal(made) is None, made
    assert json.dumps(schema) == before


PARTS = st.recursive(
    st.sampled_from(
        [int, str, float, bool, date, datetime, timedelta, Decimal, uuid.UUID, bytes, Path, Colour, Level, Mixed, None,
         Literal["a", 1], Literal[True], Addr, Cat, Tree, Point, Movie, Pair, Box[int], Any, dict[str, int],
         Annotated[int, Field(ge=1)], RootModel[list[int]], Pets]
    ),
    lambda inner: st.one_of(
        inner.map(lambda one: list[one]),  # type: ignore[valid-type]
        inner.map(lambda one: Union[one, None]),  # type: ignore[valid-type]  # noqa: UP007
        st.tuples(inner, inner).map(lambda two: Union[two]),  # type: ignore[valid-type]  # noqa: UP007
        st.tuples(inner, inner).map(lambda two: tuple[two]),  # type: ignore[valid-type]
    ),
    max_leaves=3,
)  # fmt: skip
FIELDS = st.tuples(PARTS, st.sampled_from([..., Field(description="d"), None, Field(None, description="d"), [], "x"]))


@given(st.dictionaries(st.sampled_from(["a", "b", "c_c"]), FIELDS, min_size=1, max_size=3))
def test_whatever_model_is_asked_for_is_taken_by_openai(fields: dict[str, Any]) -> None:
    output = OutputSchema(create_model("Made", **fields))
    assert strict_rules.refusal(output.response_format) is None
    assert strict_rules.refusal(OutputSchema(list[create_model("Made", **fields)]).response_format) is None  # type: ignore[misc]


def test_the_way_back_takes_away_nothing_but_nulls() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "integer"},
            "b": {"anyOf": [{"type": "object", "properties": {"t": {"const": 1}, "x": {"type": "integer"}}}]},
            "c": {"type": "array", "items": {"$ref": "#"}},
            "d": {"type": ["string", "null"]},
        },
        "additionalProperties": {"$ref": "#"},
    }
    given_ = {"a": None, "b": {"t": 1, "x": None}, "c": [{"a": None, "d": None}, {"a": 1}], "d": None, "e": {"a": None}}
    assert restored(schema, given_) == {"b": {"t": 1}, "c": [{"d": None}, {"a": 1}], "d": None, "e": {}}
    assert restored({}, given_) == given_


# Who refuses


REFUSED = {"role": "assistant", "content": None, "refusal": "I cannot help with that, \x1b[31msorry."}


@pytest.mark.parametrize("options", [{"schema": Addr}, {}, {"schema": Addr, "tools": True}])
@both
def test_a_refusal_is_an_error_with_its_words_and_nobody_is_asked_again(
    serve: Serve, kind: Any, options: dict[str, Any]
) -> None:
    server, other = serve(replying(None, message=REFUSED)), serve()
    if options.get("tools"):

        def look() -> int:
            """Look."""
            return 1

        options = {"tools": [look], "schema": Addr}
    with pytest.raises(ContentFilteredError, match="the model refuses: I cannot help with that") as caught:
        ask(list_of(server.url, other.url, kind=kind), **options)
    assert (len(server.asked), len(other.asked)) == (1, 0)
    assert (caught.value.provider, caught.value.code, caught.value.status) == ("p1", "refusal", 200)
    assert "\x1b" not in str(caught.value)


@both
def test_a_refusal_is_none_where_there_is_an_answer_as_well(serve: Serve, kind: Any) -> None:
    server = serve(replying(None, message={**REFUSED, "content": '{"street": "s"}'}))
    assert ask(list_of(server.url, kind=kind), schema=Addr).parsed == Addr(street="s")


@pytest.mark.parametrize("text", ["", None, '{"street": "s'])
@both
def test_a_reply_that_a_content_filter_has_cut_is_not_repaired(serve: Serve, kind: Any, text: str | None) -> None:
    server = serve(replying(text, finish_reason="content_filter"))
    with pytest.raises(ContentFilteredError, match="its content filter"):
        ask(list_of(server.url, kind=kind), schema=Addr)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "message", [{**REFUSED, "content": "\n"}, {"content": [{"type": "refusal", "refusal": REFUSED["refusal"]}]}]
)
@pytest.mark.parametrize("schema", [Addr, None])
@both
def test_a_refusal_is_one_wherever_it_stands(serve: Serve, kind: Any, schema: Any, message: Any) -> None:
    server, other = serve(replying(None, message=message)), serve()
    with pytest.raises(ContentFilteredError, match="the model refuses: I cannot help"):
        ask(list_of(server.url, other.url, kind=kind), schema=schema)
    assert (len(server.asked), len(other.asked)) == (1, 0)


@both
def test_a_connected_client_tells_a_refusal_as_well(serve: Serve, kind: Any) -> None:
    def behave(connection: Connection, request: Received) -> None:
        connection.reply(200, completion(None, message={**REFUSED, "refusal": f"not with {request.key}"}))

    made = list_of(serve(behave).url, kind=kind)

    async def go() -> None:
        client, name = await made.connect_to_model("m")
        await made.get_response(client, name, "hi")

    for routed in (False, True):
        with pytest.raises(ContentFilteredError, match=r"the model refuses: not with \[key\]"):
            if kind is AsyncProviderList:
                asyncio.run(go())
            else:
                client, name = (made.client(), "m") if routed else made.connect_to_model("m")
                made.get_response(client, name, "hi")


def test_a_client_of_the_callers_own_tells_a_refusal_as_well(serve: Serve) -> None:
    def behave(connection: Connection, request: Received) -> None:
        connection.reply(200, completion(None, message={**REFUSED, "refusal": f"not with {request.key}"}))

    server = serve(behave)
    told = pytest.raises(ContentFilteredError, match=r"m: the model refuses: not with \[key\]")
    with openai.OpenAI(api_key="sk-own-key-0123456789", base_url=server.url) as client, told:
        list_of(server.url).get_response(client, "m", "hi")


@pytest.mark.parametrize("reason", ["SAFETY", "content_filter: SAFETY", "sensitive", "guardrail_intervened"])
@both
def test_a_filter_is_one_by_whatever_name(serve: Serve, kind: Any, reason: str) -> None:
    server = serve(replying('{"street": "s', finish_reason=reason))
    with pytest.raises(ContentFilteredError, match="its content filter"):
        ask(list_of(server.url, kind=kind), schema=Addr)
    assert len(server.asked) == 1


@both
def test_a_refusal_that_echoes_the_key_does_not_tell_it(serve: Serve, kind: Any) -> None:
    def behave(connection: Connection, request: Received) -> None:
        connection.reply(200, completion(None, message={**REFUSED, "refusal": f"not with {request.key}"}))

    with pytest.raises(ContentFilteredError, match=r"not with \[key\]"):
        ask(list_of(serve(behave).url, kind=kind), schema=Addr)


@pytest.mark.parametrize("schema", [Addr, None])
def test_each_item_of_a_batch_that_is_refused_is_asked_once(serve: Serve, schema: Any) -> None:
    server = serve(replying(None, message=REFUSED))
    results = list(list_of(server.url).batch(["one", "two"], schema=schema))
    assert len(server.asked) == 2
    assert all(isinstance(result.error, ContentFilteredError) for result in results)
    assert all("I cannot help" in str(result.error) for result in results)


@both
def test_a_stream_that_refuses_ends_with_an_error(serve: Serve, kind: Any) -> None:
    from tests.fault_server import streaming
    from tests.servers import delta

    server = serve(
        streaming(delta(None, refusal="I cannot"), delta(None, refusal=" help."), delta(None, "stop"), "[DONE]")
    )
    made = list_of(server.url, kind=kind)

    async def read() -> list[str]:
        return [piece async for piece in made.stream("hi")]

    with pytest.raises(ContentFilteredError, match="I cannot help"):
        asyncio.run(read()) if kind is AsyncProviderList else list(made.stream("hi"))
    assert len(server.asked) == 1


# The SDK's own structured output


@pytest.mark.parametrize("shape", [Plain, Tree])
@pytest.mark.parametrize("beta", [False, True])
def test_the_sdks_parse_works_through_a_routed_client(serve: Serve, shape: Any, beta: bool) -> None:
    value = next(value for kind, value, _ in TYPES if kind is shape)
    refuses = serve(lambda connection, request: connection.reply(500, {}))
    server = serve(replying(json.dumps(replied(shape, value))))
    client = list_of(refuses.url, server.url).client()
    chat = client.beta.chat if beta else client.chat
    said = chat.completions.parse(model="m", messages=[{"role": "user", "content": "hi"}], response_format=shape)
    assert said.choices[0].message.parsed == value


def test_the_sdks_parse_sees_a_refusal(serve: Serve) -> None:
    client = list_of(serve(replying(None, message=REFUSED)).url).client()
    said = client.chat.completions.parse(model="m", messages=[{"role": "user", "content": "hi"}], response_format=Addr)
    assert (said.choices[0].message.parsed, said.choices[0].message.refusal) == (None, REFUSED["refusal"])


def test_a_schema_of_the_callers_that_is_not_strict_is_asked_for_without_that(serve: Serve) -> None:
    server = serve(strict_rules.strictly(answer))
    bad = {"type": "json_schema", "json_schema": {"name": "P", "strict": True, "schema": Addr.model_json_schema()}}
    with pytest.raises(InferenceProvidersError, match="'additionalProperties' is required"):
        list_of(server.url).ask_ai("hi", response_format=bad, on_unsupported="error")
    assert list_of(server.url).ask_ai("hi", response_format=bad).repaired == ["schema sent without strict"]


def test_a_parsed_value_is_written_as_json(serve: Serve) -> None:
    server = serve(replying('{"value": [{"street": "s"}]}'))
    said = ProviderList.ask_ai(list_of(server.url), "hi", schema=list[Addr])
    assert said.as_dict()["parsed"] == [{"street": "s"}] == to_jsonable_python(said.parsed)
    assert strict_schema(OutputSchema(list[Addr]).schema) is not None

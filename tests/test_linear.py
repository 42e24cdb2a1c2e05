"""What reads a text of somebody else's looks at it a bounded number of times: judged by counts of steps, not by clocks."""

from __future__ import annotations

import ast
import asyncio
import gc
import importlib
import json
import re
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, Field

from inference_providers import AsyncProviderList, ProviderList, chat
from inference_providers.chat import docstrings, found_json, structured, tools, validation
from inference_providers.protocols import (
    error_body,
    gemini_fields,
    gemini_in,
    gemini_reply,
    messages_in,
    messages_reply,
    messages_stream,
    ollama_in,
    ollama_reply,
    responses_events,
    responses_in,
    sizes,
    waits,
)
from inference_providers.registry import schema
from inference_providers.registry.registry import bundled
from inference_providers.text import jsontext
from tests.conftest import ROOT, list_of
from tests.servers import answer
from tests.steps import Endless, Engine, attacks, grows_faster, looks

PACKAGE = ROOT / "inference_providers"
SIZES = (120, 240, 480)
AT_THE_BEGINNING = ("match", "fullmatch")  # of `re`, or of a pattern: `re.compile(...).match`
# Patterns that may take the square of their text, and why that is no harm.
SHORT = {
    "credentials.pins": "patterns of the installed package's own rows",
    "credentials.keys": "values of the program's own environment",
    "servers.engines": "names in the program's own environment",
    "registry.naming": "names of at most LONGEST_NAME characters",
    "protocols.openai_chat": "the program's own form",
    "protocols.raw_json": "tried at one place of a text",
}


def is_pattern_call(node: ast.AST) -> bool:
    """`re.something(pattern, ...)`, or `words.has(pattern)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
        return False
    owner = node.func.value
    is_re = isinstance(owner, ast.Name) and owner.id == "re" and node.func.attr != "escape"
    return is_re or node.func.attr == "has"


def patterns() -> dict[str, tuple[str | bytes, bool]]:
    """Every regular expression of the package, by where it is, and whether it is tried at the beginning only."""
    found: dict[str, tuple[str | bytes, bool]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        bound = {id(n.value): n.attr for n in nodes if isinstance(n, ast.Attribute) and n.attr in AT_THE_BEGINNING}
        for node in filter(is_pattern_call, nodes):
            assert isinstance(node, ast.Call)
            assert isinstance(node.func, ast.Attribute)
            module = importlib.import_module(f"inference_providers.{name}")
            try:
                value = eval(compile(ast.Expression(node.args[0]), name, "eval"), vars(module))
            except NameError:
                continue  # a variable: a row of one of the tables below, or made of a secret
            if isinstance(value, str | bytes):
                use = bound.get(id(node), node.func.attr)
                if use == "fullmatch":  # what does not end there is tried in every other way
                    value += r"\Z" if isinstance(value, str) else rb"\Z"
                found[f"{name}:{node.lineno}"] = value, use in AT_THE_BEGINNING
    naming = importlib.import_module("inference_providers.registry.naming")
    for table in ("_PREFIXES", "_SPELLING", "_DATES", "_LAST"):
        for place, (pattern, _) in enumerate(getattr(naming, table).pairs):
            found[f"naming:{table}[{place}]"] = getattr(pattern, "pattern", pattern), False
    for row in bundled().refusals:
        found |= {f"refusals:{row.name}[{place}]": (word, False) for place, word in enumerate(row.words)}
    for module, tables in ((sizes, ("_LIMITS", "_SENT")), (waits, ("_SENTENCES",))):
        for table in tables:
            for place, pattern in enumerate(getattr(module, table)):
                found[f"{module.__name__}:{table}[{place}]"] = pattern, False
    for name in ("_SUM", "_PARTS"):
        found[f"sizes:{name}"] = getattr(sizes, name), False
    for pattern in re.findall(r'"pattern": ("\^[^"]*")', Path(schema.SCHEMA_PATH).read_text("utf-8")):
        found[f"schema:{pattern}"] = json.loads(pattern), False
    return found


def worst(pattern: str | bytes, *, anchored: bool = False) -> str | None:
    """A text for which a pattern takes more steps than in proportion to its length."""
    for text in attacks(pattern, re.DOTALL):
        try:
            counts = [Engine(pattern, text(size), re.DOTALL).search(anchored=anchored) for size in SIZES]
        except Endless:
            return text(12)
        if grows_faster(counts):
            return text(12)
    return None


def test_no_pattern_goes_back_over_a_text_of_somebody_elses() -> None:
    found = patterns()
    assert len(found) > 120
    bad = {
        place: told
        for place, (pattern, anchored) in found.items()
        if place.partition(":")[0] not in SHORT and (told := worst(pattern, anchored=anchored)) is not None
    }
    assert bad == {}


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_string_of_pythons_without_an_end_is_read_once(quote: str) -> None:
    counts = [Engine(error_body._QUOTED, quote + f"\\{quote}" * size, re.DOTALL).search() for size in SIZES]
    assert not grows_faster(counts), counts


@pytest.mark.parametrize(
    "pattern",
    [r"<(script|style).*?</\1>", r"<[^>]{0,500}>", r"\s+$", r"```(?:json)?\s*\n(.*?)\n\s*```", r'"(?:[^"]|\\.)*"'],
)
def test_a_pattern_that_goes_back_is_found(pattern: str) -> None:
    assert worst(pattern) is not None


@pytest.mark.parametrize("text", ["aab", 'x "a\\"b" "c', "-- a  b", "<p>x</p>"])
@pytest.mark.parametrize(
    "pattern", [r"a+?b", r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', r"[\s-]+|(?<=a)\b", r"<(p)>.*?</\1>"]
)
def test_the_engine_that_counts_finds_what_pythons_finds(pattern: str, text: str) -> None:
    ends = []
    engine = Engine(pattern, text, re.DOTALL)
    for start in range(len(text) + 1):
        engine.run(engine.items, 0, start, lambda at, start=start: bool(ends.append((start, at)) or True))  # type: ignore[misc]
    compiled = re.compile(pattern, re.DOTALL)
    wanted = [found.span() for start in range(len(text) + 1) if (found := compiled.match(text, start))]
    assert ends == wanted


def json_in(text: str) -> list[str]:
    """The JSON in a reply."""
    try:
        return [one.text for one in found_json.found(text)]
    except ValueError:
        return []


READERS: dict[str, Any] = {
    "plain": error_body.plain,
    "json": json_in,
    "docstring": lambda text: list(docstrings._regular(text.split("\n"))),
}
# Beginning, what is said again and again, end.
WORST: dict[str, list[tuple[str, str, str]]] = {
    "plain": [
        *[("", unit, "") for unit in ("<script", "<style ", "<", ">", "<a>", "</script>", "<script></script>", "<SCRIPT>")],
        ("<script>", "</scrip", ""),
        ("<style>", "<script>", "</style>"),
        ("<", "a", ">"),
    ],
    "json": [
        *[(start, unit, end) for start in ("```json", "```json\n", "```") for unit in ("\n", " ", " \n", "`", "```", "\n```json", "```json\n", "a```") for end in ("", "{", "}", "x```")],
        ("<think>", "</thin", ""),
        ("x", "</think>", ""),
        ("x", "</think> ", "x"),
        ("x", " </think>\n", "x"),
        ("", "<think>", ""),
        ("", " ", "x"),
        ("", "````json ", ""),
        *[("", unit, end) for unit in ('{"', "{", "[", '{"a": ', '{"a": [', "[[", '"', '{"\\"', '{}', "[1] ", '{"a": 1,} ', "{\n", "```json\n{}\n```\n") for end in ("", "}", "]", '"}', "x")],
    ],
    "docstring": [
        ("x\n\nArgs:\n", " ", "x"),
        ("x\n\nArgs:\n", "a ", "x"),
        ("x\n\nArgs:\n", "a (", ": x"),
        ("x\n\nArgs:\n", "a(\n", ""),
        ("x\n\nArgs:\n", "a: b\n", ""),
        ("x\n\nArgs", "\n", "x"),
        ("x\n", "Args:\n", ""),
        (":param ", "a ", ": x"),
        (":param ", "a, ", ""),
        ("", ":param a: b\n", ""),
        ("@param ", "a ", ": x"),
        ("", "a" + " " * 50, ""),
        ("x\n\nParameters\n", "-", "\n"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("reader", "case"), [(name, case) for name, cases in WORST.items() for case in cases])
def test_a_reader_looks_at_a_text_in_proportion_to_its_length(reader: str, case: tuple[str, str, str]) -> None:
    begin, unit, end = case
    counts = [looks(READERS[reader], begin + unit * size + end) for size in (1000, 2000, 4000)]
    assert not grows_faster(counts), counts
    assert counts[-1] <= 40 * (len(begin + unit * 4000 + end) + 100)


def test_a_reader_that_looks_again_and_again_is_found() -> None:
    def naive(text: str) -> None:
        while "a" in text:
            text = text[1:]

    assert grows_faster([looks(naive, "b" * size + "a") for size in (100, 200, 400)])


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<html><SCRIPT>var a = '<b>';</SCRIPT ><p>Hi</p></html>", "var a = ' '; Hi"),
        ("<html><SCRIPT>var a = '<b>';</script><p>Hi</p></html>", "Hi"),
        ("<style>a{}</style>a<br/>b", "a b"),
        ("1 < 2 and 3 > 2", "1 2"),
        ("1 < 2", "1 < 2"),
        ("<script>never closed", "never closed"),
        ("<" + "a" * 501 + ">x", "<" + "a" * 299),
        ("İ<script>x</script>y", "İ y"),
        ("x" * 400, "x" * 300),
    ],
)
def test_what_is_told_of_a_page_is_its_text(html: str, text: str) -> None:
    assert error_body.plain(html) == text


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("^a+$", "aa", "aa\n"),
        ("b", "abc", "ac"),
        (r"^\d+$", "12", "١٢"),
        (r"^[\d-]+$", "1-2", "١"),
        (r"^\w+$", "a_1", "é"),
        (r"^[^\W]$", "a", "é"),
        (r"^[[a]+$", "[a", "b"),
        (r"^[a&&b]+$", "a&b", "c"),
        (r"^[+--]$", ",", "0"),
        (r"^\/x\/$", "/x/", "x"),
        (r"^x\Z", "x", "x\n"),
        (r"^\u00e9$", "é", "e"),
        ("^(a+)+$", "a" * 50_000, "a" * 50_000 + "b"),
    ],
)
def test_patterns_of_schemas_mean_what_they_mean_in_json_schema(pattern: str, fits: str, fits_not: str) -> None:
    schema = {"type": "object", "properties": {"a": {"pattern": pattern}}}
    assert validation.unchecked(schema) == []
    assert validation.problems(schema, {"a": fits}, 10) == []
    assert len(validation.problems(schema, {"a": fits_not}, 10)) == 1
    names = {"type": "object", "patternProperties": {pattern: {"type": "null"}}, "additionalProperties": False}
    assert validation.problems(names, {fits: None}, 10) == []
    assert len(validation.problems(names, {fits: 1}, 10)) == 1
    assert len(validation.problems(names, {fits_not: None}, 10)) == 1


@pytest.mark.parametrize("pattern", [r"^(?=a)", r"(a)\1", r"(?<!a)b", "(a{1000}){1000}", r"\ud83d\ude00"])
def test_a_pattern_that_needs_to_go_back_is_not_run_and_is_named(pattern: str) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"pattern": pattern}},
        "patternProperties": {pattern: {"type": "null"}},
        "additionalProperties": False,
    }
    assert structured.OutputSchema(schema).unchecked == [pattern]
    assert structured.OutputSchema(schema).parse('{"a": "zz", "any": 1}') == {"a": "zz", "any": 1}


def test_what_only_looks_like_a_pattern_is_none() -> None:
    schema = {"type": "object", "properties": {"pattern": {"const": {"pattern": "(?=a)"}}}, "required": ["pattern"]}
    assert structured.OutputSchema(schema).unchecked == []


@pytest.mark.parametrize(
    "dialect", ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"]
)
@pytest.mark.parametrize("within", [False, True])
def test_a_schema_of_any_dialect_is_checked_in_the_same_way(dialect: str, within: bool) -> None:
    inner = {"pattern": r"^\d$"} | ({"$schema": dialect} if within else {})
    schema = {"$schema": dialect, "type": "object", "properties": {"a": inner, "b": {"$ref": "#"}}}
    assert structured.OutputSchema(schema).parse('{"a": "1", "b": {"a": "2"}}')
    for text in ('{"a": "١"}', '{"b": {"a": "١"}}'):
        with pytest.raises(structured.SchemaMismatch):
            structured.OutputSchema(schema).parse(text)


def test_a_choice_of_choices_takes_no_more_steps_than_the_text_allows() -> None:
    kinds = [
        {"properties": {"l": {"$ref": "#/$defs/e"}, "r": {"$ref": "#/$defs/e"}, "t": {"const": t}}, "required": ["t"]}
        for t in "abc"
    ]
    schema = {
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/e"}},
        "$defs": {"e": {"oneOf": [*kinds, {"type": "integer"}]}},
    }
    value: Any = {"t": "z"}
    for _ in range(30):
        value = {"l": value, "r": 1, "t": "c"}
    text = str({"x": value}).replace("'", '"')
    with pytest.raises(structured.SchemaMismatch, match="too involved"):
        structured.OutputSchema(schema).parse(text)


def test_equal_items_are_found_by_one_look_at_each() -> None:
    schema = {"type": "object", "properties": {"a": {"uniqueItems": True}}}
    different = [1, True, "1", [1], [True], ["bool", 1], {"a": 1}, {"a": True}, None, {}, []]
    assert validation.problems(schema, {"a": different}, 10) == []
    assert validation.problems(schema, {"a": [{"n": n} for n in range(100_000)]}, 10) == []
    for pair in ([1, 1.0], [{"a": 1, "b": [2]}, {"b": [2], "a": 1}], [[], []]):
        assert validation.problems(schema, {"a": pair}, 10) == ["$.a: it has non-unique elements"]


@pytest.mark.parametrize("word", ["unevaluatedProperties", "unevaluatedItems"])
def test_what_takes_the_square_of_a_value_is_done_for_small_ones(word: str) -> None:
    schema = {"type": "object", "properties": {"a": {word: False}}}
    made: Any = {str(n): n for n in range(1001)} if word == "unevaluatedProperties" else list(range(1001))
    assert "at most 1000" in validation.problems(schema, {"a": made}, 10)[0]
    assert validation.problems(schema, {"a": made[:0] if isinstance(made, list) else {}}, 10) == []


def test_a_schema_tells_of_few_problems_of_very_many() -> None:
    schema = {"type": "object", "properties": {"a": {"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}}
    found = validation.problems(schema, {"a": [{}] * 100_000}, 10)
    assert len(found) == 20
    assert max(map(len, found)) < 600


CYCLE: dict[str, Any] = {"type": "object"}
CYCLE["properties"] = {"a": CYCLE}
DEEP: dict[str, Any] = {"type": "object"}
for _ in range(300):
    DEEP = {"type": "object", "properties": {"a": DEEP}}


@pytest.mark.parametrize(
    "schema",
    [
        CYCLE,
        DEEP,
        {"$ref": "#"},
        {"type": "object", "$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"type": "object", "allOf": [{"$ref": "#"}]},
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/properties/a"}]}}},
        {"type": "object", "not": {"$ref": "#"}},
        {"type": "object", "if": {}, "then": {"$ref": "#me"}, "$anchor": "me"},
        {"type": "object", "$dynamicAnchor": "n", "allOf": [{"$dynamicRef": "#n"}]},
        {"type": "object", "dependentSchemas": {"a": {"$ref": "#"}}},
    ],
)  # fmt: skip
def test_a_schema_without_end_is_refused_before_anything_is_asked(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^schema (refers to itself endlessly|is nested)"):
        structured.OutputSchema(schema)


def test_a_schema_that_holds_itself_for_other_values_is_none_without_end() -> None:
    tree = {
        "type": "object",
        "properties": {"inner": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "n": {"type": "integer"}},
    }
    assert structured.OutputSchema(tree).parse('{"inner": {"inner": null, "n": 1}}')
    with pytest.raises(structured.SchemaMismatch):
        structured.OutputSchema(tree).parse('{"inner": {"inner": 1}}')
    deepest = '{"inner":' * (jsontext.DEPTH - 1) + "{}" + "}" * (jsontext.DEPTH - 1)
    try:
        structured.OutputSchema(tree).parse(deepest)
    except structured.SchemaMismatch as misfit:
        assert misfit.problems == ["$: too deep, or too involved, to be checked"]


class Add(BaseModel):
    """A sum."""

    t: Literal["add"]
    left: Add | Mul | int
    right: Add | Mul | int


class Mul(BaseModel):
    """A product."""

    t: Literal["mul"]
    left: Add | Mul | int
    right: Add | Mul | int


class Told(BaseModel):
    """A choice that is told apart."""

    inner: Annotated[A | B, Field(discriminator="t")]


class A(BaseModel):
    """One kind."""

    t: Literal["a"]
    inner: Annotated[A | B, Field(discriminator="t")] | None = None


class B(BaseModel):
    """Another kind."""

    t: Literal["b"]
    inner: Annotated[A | B, Field(discriminator="t")] | None = None


def test_a_class_that_is_a_choice_of_itself_is_tried_a_bounded_number_of_times() -> None:
    shape = structured.OutputSchema(Add)
    assert validation.kinds(shape.schema) == 2

    def text(depth: int, last: str) -> str:
        return '{"t": "add", "right": 1, "left": ' * depth + last + "}" * depth

    assert shape.parse(text(10, "1")).left.left.right == 1
    for last in ("1", '"x"'):
        with pytest.raises(structured.SchemaMismatch, match="nested too deep to try 2 kinds"):
            shape.parse(text(60, last))

    def value(of: Add) -> int:
        return 1

    found = tools.Toolbox([value]).calls(
        [{"id": "1", "function": {"name": "value", "arguments": f'{{"of": {text(60, "1")}}}'}}]
    )
    assert found is not None
    assert "nested too deep to try 2 kinds" in found[0].problem


def test_a_choice_that_is_told_apart_may_be_deep() -> None:
    shape = structured.OutputSchema(Told)
    assert validation.kinds(shape.schema) <= 1
    assert shape.parse('{"inner": ' + '{"t": "a", "inner": ' * 60 + "null" + "}" * 60 + "}")


def test_words_that_would_run_patterns_are_named_as_unchecked() -> None:
    schema = {"type": "object", "patternProperties": {"^a": {}}, "unevaluatedProperties": False}
    assert structured.OutputSchema(schema).unchecked == ["unevaluatedProperties"]
    assert structured.OutputSchema(schema).parse('{"b": 1}') == {"b": 1}


@pytest.mark.parametrize("kind", [ProviderList, AsyncProviderList])
def test_what_is_not_checked_is_told_once_and_the_answer_says_it(
    serve: Any, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    schema = {"type": "object", "properties": {"a": {"pattern": "^(?!b)"}}}
    made = list_of(serve(lambda c, r: answer(c, r, '{"a": "b"}')).url, kind=kind)
    for _ in range(2):
        asked = made.ask_ai("hi", schema=schema)
        found = asyncio.run(asked) if kind is AsyncProviderList else asked
        assert (found.parsed, found.unchecked) == ({"a": "b"}, ["^(?!b)"])
        assert found.as_dict()["unchecked"] == ["^(?!b)"]
    assert caplog.text.count("'^(?!b)' is not checked") == 1


# Streams in other dialects: what waits is kept in pieces, since a text that grows is copied with each of them


def _held(root: Any) -> int:
    """Characters of the longest text that an object keeps, wherever in it."""
    seen: set[int] = set()
    left, longest = [root], 0
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType):
            continue
        seen.add(id(one))
        longest = max(longest, len(one)) if isinstance(one, str) else longest
        left += gc.get_referents(one)
    return longest


def _call(index: int, arguments: str, **named: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "id": f"c{index}", "function": {"arguments": arguments, **named}}]}


_LIST: dict[str, Any] = {"responseMimeType": "application/json", "responseSchema": {"type": "ARRAY"}}
_CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
_DIALECTS: dict[str, Any] = {
    "messages": lambda ids: messages_reply.Events(
        messages_in.read({**_CHAT, "thinking": {"type": "adaptive"}}), new_id=ids
    ),
    "responses": lambda ids: responses_events.Events(responses_in.read({"input": "Hi"}), new_id=ids),
    "gemini": lambda ids: gemini_reply.Events(
        gemini_in.read({"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": _LIST}), new_id=ids
    ),
    "ollama": lambda ids: ollama_reply.Events(ollama_in.read(_CHAT), new_id=ids, now=lambda: 1.0),
}
_STREAMS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {  # what begins it, what comes again and again
    "blanks": ([{"content": '{"value": [1]'}], {"content": "\n}"}),
    "a call that waits": ([_call(0, "{", name="f"), _call(1, "{", name="g")], _call(1, "ab")),
    "a call without a name": ([_call(0, "{")], _call(0, "ab")),
    "text within a call": ([_call(0, "{", name="f")], {"content": "ab"}),
    "thoughts": ([], {"reasoning_content": "ab"}),
}


@pytest.mark.parametrize("dialect", _DIALECTS)
@pytest.mark.parametrize("stream", _STREAMS)
def test_what_waits_in_a_stream_of_a_dialect_is_kept_in_pieces(dialect: str, stream: str) -> None:
    events, (first, again) = _DIALECTS[dialect](lambda head: f"{head}1"), _STREAMS[stream]
    for delta in (*first, *[again] * 6000):
        events.feed({"choices": [{"index": 0, "delta": delta}]})
    assert _held(events) <= 4096
    assert events.end()


def test_answers_that_nobody_asked_for_are_not_kept() -> None:
    events = _DIALECTS["gemini"](lambda head: f"{head}1")
    for number in range(1000):
        events.feed({"choices": [{"index": -number, "delta": {"content": "a"}, "finish_reason": "stop"}]})
    assert len(json.loads(events.end().decode().removeprefix("data: "))["candidates"]) <= 128


def test_names_of_counts_are_bounded() -> None:
    usage: Any = None
    counts: Any = None
    for number in range(500):
        usage = chat.with_usage(usage, {f"n{number}": 1, "prompt_tokens": number})
        counts = messages_stream.with_usage(counts, {f"n{number}": 1, "input_tokens": number})
    assert usage["prompt_tokens"] == counts["input_tokens"] == 499
    assert max(len(usage), len(counts)) < 100


def test_blanks_in_base64_are_looked_at_once() -> None:
    pattern = gemini_fields._BASE64.__self__.pattern + r"\Z"  # type: ignore[attr-defined]
    counts = [Engine(pattern, " " * size + "!", re.DOTALL).search(anchored=True) for size in SIZES]
    assert not grows_faster(counts), counts


class Compared(str):
    """Text that counts how often it is compared."""

    count: ClassVar = [0]
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        self.count[0] += 1
        return str.__eq__(self, other)


def _in_gemini(ids: list[Compared]) -> Any:
    calls = [{"functionCall": {"name": "f", "id": one}} for one in ids]
    results = [{"functionResponse": {"name": "f", "id": one, "response": {}}} for one in ids[::-1]]
    return gemini_in.read({"contents": [{"role": "model", "parts": calls}, {"role": "user", "parts": results}]})


def _in_ollama(ids: list[Compared]) -> Any:
    calls = [{"id": one, "function": {"name": "f"}} for one in ids]
    results = [{"role": "tool", "tool_call_id": one, "content": "x"} for one in ids[::-1]]
    return ollama_in.read({"messages": [{"role": "assistant", "tool_calls": calls}, *results]})


@pytest.mark.parametrize("read", [_in_gemini, _in_ollama])
def test_results_find_their_calls_at_one_look(read: Any) -> None:
    ids = [Compared(f"c{number}") for number in range(400)]
    Compared.count[0] = 0
    turns = read(ids).body["messages"]
    assert [turn["tool_call_id"] for turn in turns if turn["role"] == "tool"] == ids[::-1]
    assert Compared.count[0] <= 10 * len(ids)

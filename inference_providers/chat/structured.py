"""Structured output: a requested schema, given as JSON Schema or as a class, and the value that fits it. Pure."""

from __future__ import annotations

import re

from inference_providers.chat import parameters, validation
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class SchemaMismatch(ValueError):
    """Text that does not fit a schema. `problems` holds what is wrong with it, each with its JSON path."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems[:5]))


class OutputSchema:
    """The schema of structured output, from a JSON Schema (a dict) or a class that pydantic understands.

    Raises TypeError for anything else, and for a schema whose top level is not an object; ValueError for an invalid
    schema.
    """

    def __init__(self, source: Any) -> None:
        self._adapter: Any = None
        self._kinds: int | None = None
        self.unchecked: list[str] = []  # patterns that are not run: see `validation`
        if isinstance(source, dict):
            self.schema: dict[str, Any] = source
            self.name = str(source.get("title") or "answer")
            self.unchecked = _unchecked_patterns(source)
        elif isinstance(source, type):
            self._adapter, self.schema = _adapter(source)
            self.name = source.__name__
        else:
            raise TypeError(f"schema must be a JSON Schema (a dict) or a pydantic model, not {type(source).__name__}")
        if self.schema.get("type", "object") != "object":
            raise TypeError("the schema of a whole answer must be an object; put the value into a field of one")

    @property
    def response_format(self) -> dict[str, Any]:
        """The field `response_format` of a request; strict if the schema allows strict mode."""
        closed = strict_schema(self.schema)
        name = re.sub(r"[^A-Za-z0-9_-]", "_", self.name)[:64]
        return parameters.json_schema(closed or self.schema, name, strict=closed is not None)

    def parse(self, text: str) -> Any:
        """The value in *text*: the class's instance, or plain JSON. Raises SchemaMismatch."""
        json_text = _json_in(text)
        try:
            value = jsontext.loads(json_text, strict=True)
        except ValueError as error:
            raise SchemaMismatch([f"$: not JSON ({error})"]) from None
        if self._adapter is not None:
            return self._instance(json_text, value)
        problems = validation.problems(self.schema, value, len(json_text))
        if problems:
            raise SchemaMismatch(problems)
        return value

    def _instance(self, text: str, value: Any) -> Any:
        from pydantic import ValidationError

        if self._kinds is None:
            self._kinds = validation.kinds(self.schema)
        try:
            validation.check_choices(self._kinds, value)
        except ValueError as error:
            raise SchemaMismatch([f"$: {error}"]) from None
        try:
            return self._adapter.validate_json(text)  # from text: strict models, too, read a date from JSON
        except ValidationError as error:
            raise SchemaMismatch([f"$.{problem}" for problem in validation.pydantic_problems(error)]) from None

    def repair(self, mismatch: SchemaMismatch) -> str:
        """The message to the model after a reply that does not fit."""
        problems = "\n".join(mismatch.problems)
        return f"That does not fit the schema:\n{problems}\n{parameters.schema_prompt(self.schema)}"


def _unchecked_patterns(schema: dict[str, Any]) -> list[str]:
    """The patterns of a schema that are not run. Raises ValueError if it is not a valid schema."""
    validation.check_schema(schema)
    return validation.unchecked(schema)


def _adapter(model: type) -> tuple[Any, dict[str, Any]]:
    from pydantic import PydanticUserError, TypeAdapter

    try:
        adapter: Any = TypeAdapter(model)
        schema: dict[str, Any] = adapter.json_schema()
    except PydanticUserError as error:
        raise TypeError(f"{model.__name__} has no JSON Schema: {error.message}") from None
    if "$ref" in schema:  # a class that holds itself; providers require an object at the top
        schema = {**schema["$defs"][schema.pop("$ref").rpartition("/")[2]], **schema}
    return adapter, schema


def _json_in(text: str) -> str:
    """The JSON in a reply that may have thoughts before it, or a fence around it.

    Reads each character at most twice.
    """
    text = _without_thoughts(text.strip())
    start = _fence(text)
    if start < 0:
        return text
    end, index, blank = -1, start, True  # blank: only blanks since the line began
    while (mark := text.find(_FENCE, index)) >= 0:
        line = text.rfind("\n", index, mark)
        blank = not text[max(index, line + 1) : mark].strip() and (blank or line >= 0)
        if blank:
            return text[start:mark]
        end = mark if end < 0 else end
        index, blank = mark + len(_FENCE), False
    return text[start:end] if end >= 0 else text  # the fence ends within a line, or not at all


_FENCE, _THOUGHT, _THOUGHT_ENDS = "```", "<think>", "</think>"


def _without_thoughts(text: str) -> str:
    """The text after thoughts; if the tag that opens them is missing, the one that closes them must end its line."""
    if text.startswith(_THOUGHT):
        end = text.find(_THOUGHT_ENDS)
        return text[end + len(_THOUGHT_ENDS) :].strip() if end >= 0 else text
    end = -1 if text[:1] in ("", "{", "[", '"', "`") else text.find(_THOUGHT_ENDS, 1)
    end = 0 if end < 0 and text.startswith(_THOUGHT_ENDS) else end  # they are empty
    while end >= 0:
        index = end + len(_THOUGHT_ENDS)
        end = text.find(_THOUGHT_ENDS, index)
        if "\n" in _blanks(text[index : end if end >= 0 else len(text)]):
            return text[index:].strip()
    return text


def _fence(text: str) -> int:
    """Where the content of the first block begins that is named `json` or not named; -1 if there is none."""
    mark = text.find(_FENCE)
    while mark >= 0:
        index = mark + len(_FENCE)
        index += len("json") if text.startswith("json", index) else 0
        mark = text.find(_FENCE, mark + 1)
        line = _blanks(text[index : mark if mark >= 0 else len(text)]).find("\n")
        if line >= 0:
            return index + line + 1
    return -1


def _blanks(text: str) -> str:
    """The blanks that a text begins with."""
    return text[: len(text) - len(text.lstrip())]


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """*schema* with every object closed, as strict modes require.

    None if a field may be left out or an object is open.
    """
    try:
        closed = _closed(schema)
    except _Open:
        return None
    return closed if isinstance(closed, dict) else None


class _Open(Exception):
    """A schema allows an object with fields that it does not list."""


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    if not _LOOSE.isdisjoint(node) or _TYPED.isdisjoint(node):
        raise _Open
    closed = {
        key: _closed_fields(value) if key in validation.NAMED_SCHEMAS else _closed(value)
        for key, value in node.items()
        if key not in validation.VALUES
    }
    closed |= {key: node[key] for key in validation.VALUES if key in node and key != "default"}
    if "object" in _types(node) or "properties" in node:
        fields = node.get("properties") or {}
        if (
            node.get("additionalProperties", False) is not False
            or not fields
            or set(fields) - set(node.get("required") or ())
        ):
            raise _Open
        closed |= {"additionalProperties": False, "required": list(fields)}
    return closed


def _closed_fields(fields: Any) -> Any:
    return {name: _closed(field) for name, field in fields.items()} if isinstance(fields, dict) else fields


def _types(node: Mapping[str, Any]) -> Any:
    kinds = node.get("type")
    return kinds if isinstance(kinds, list) else [kinds]


# Keywords that strict modes refuse, or under which a closed object would mean something else.
_LOOSE = frozenset(
    (
        *("allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "propertyNames"),
        *("dependentSchemas", "dependentRequired", "unevaluatedProperties"),
    )
)
# A schema without any of these accepts any object.
_TYPED = frozenset(("type", "properties", "$ref", "anyOf", "enum", "const"))

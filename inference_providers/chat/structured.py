"""Structured output: a JSON Schema, a pydantic model or a typed class asked for, and a value that fits it. Pure."""

from __future__ import annotations

import re

from inference_providers.chat import parameters
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
    """What structured output must look like: made of a JSON Schema (a dict), or of a class that pydantic understands.

    Raises TypeError for anything else, and for a schema that is no object at its top; ValueError for one that is
    invalid.
    """

    def __init__(self, wanted: Any) -> None:
        self._adapter: Any = None
        self._kinds: int | None = None
        self.unchecked: list[str] = []  # patterns that are not run: see `validation`
        if isinstance(wanted, dict):
            self.schema: dict[str, Any] = wanted
            self.name = str(wanted.get("title") or "answer")
            self.unchecked = _checked(wanted)
        elif isinstance(wanted, type):
            self._adapter, self.schema = _adapter(wanted)
            self.name = wanted.__name__
        else:
            raise TypeError(f"schema must be a JSON Schema (a dict) or a pydantic model, not {type(wanted).__name__}")
        if self.schema.get("type", "object") != "object":
            raise TypeError("the schema of a whole answer must be an object; put the value into a field of one")

    @property
    def response_format(self) -> dict[str, Any]:
        """The request's field; strict where the schema can be held to strictly."""
        closed = tightened(self.schema)
        name = re.sub(r"[^A-Za-z0-9_-]", "_", self.name)[:64]
        return parameters.json_schema(closed or self.schema, name, strict=closed is not None)

    def parse(self, text: str) -> Any:
        """The value in *text*: the class's instance, or plain JSON. Raises SchemaMismatch."""
        found_text = _json_in(text)
        try:
            value = jsontext.loads(found_text, strict=True)
        except ValueError as error:
            raise SchemaMismatch([f"$: not JSON ({error})"]) from None
        if self._adapter is not None:
            return self._instance(found_text, value)
        from inference_providers.chat import validation

        found = validation.problems(self.schema, value, len(found_text))
        if found:
            raise SchemaMismatch(found)
        return value

    def _instance(self, text: str, value: Any) -> Any:
        from pydantic import ValidationError

        from inference_providers.chat import validation

        if self._kinds is None:
            self._kinds = validation.kinds(self.schema)
        try:
            validation.check_choices(self._kinds, value)
        except ValueError as error:
            raise SchemaMismatch([f"$: {error}"]) from None
        try:
            return self._adapter.validate_json(text)  # where strict models, too, take a date from text
        except ValidationError as error:
            raise SchemaMismatch([f"$.{problem}" for problem in validation.found_by_pydantic(error)]) from None

    def repair(self, misfit: SchemaMismatch) -> str:
        """What the model is told when its reply does not fit."""
        problems = "\n".join(misfit.problems)
        return f"That does not fit the schema:\n{problems}\n{parameters.schema_prompt(self.schema)}"


def _checked(schema: dict[str, Any]) -> list[str]:
    """The patterns of a schema that are not run. Raises ValueError for what is no schema."""
    from inference_providers.chat import validation

    validation.checked(schema)
    return validation.unchecked(schema)


def _adapter(wanted: type) -> tuple[Any, dict[str, Any]]:
    from pydantic import PydanticUserError, TypeAdapter

    try:
        adapter: Any = TypeAdapter(wanted)
        schema: dict[str, Any] = adapter.json_schema()
    except PydanticUserError as error:
        raise TypeError(f"{wanted.__name__} has no JSON Schema: {error.message}") from None
    if "$ref" in schema:  # a class that holds itself; providers want an object at the top
        schema = {**schema["$defs"][schema.pop("$ref").rpartition("/")[2]], **schema}
    return adapter, schema


def _json_in(text: str) -> str:
    """The JSON of a reply that may have thoughts before it, or a fence around it.

    Looks at each character once or twice.
    """
    text = _without_thoughts(text.strip())
    start = _fence(text)
    if start < 0:
        return text
    end, place, blank = -1, start, True  # blank: nothing but blanks since the line began
    while (mark := text.find(_FENCE, place)) >= 0:
        line = text.rfind("\n", place, mark)
        blank = not text[max(place, line + 1) : mark].strip() and (blank or line >= 0)
        if blank:
            return text[start:mark]
        end = mark if end < 0 else end
        place, blank = mark + len(_FENCE), False
    return text[start:end] if end >= 0 else text  # it ends within a line, or not at all


_FENCE, _THOUGHT, _THOUGHT_ENDS = "```", "<think>", "</think>"


def _without_thoughts(text: str) -> str:
    """What follows thoughts, with or without the word that begins them; those without end in a line of their own."""
    if text.startswith(_THOUGHT):
        end = text.find(_THOUGHT_ENDS)
        return text[end + len(_THOUGHT_ENDS) :].strip() if end >= 0 else text
    end = -1 if text[:1] in ("", "{", "[", '"', "`") else text.find(_THOUGHT_ENDS, 1)
    end = 0 if end < 0 and text.startswith(_THOUGHT_ENDS) else end  # there were none
    while end >= 0:
        place = end + len(_THOUGHT_ENDS)
        end = text.find(_THOUGHT_ENDS, place)
        if "\n" in _blanks(text[place : end if end >= 0 else len(text)]):
            return text[place:].strip()
    return text


def _fence(text: str) -> int:
    """Where the first block of JSON, or of nothing that is named, begins; -1 if there is none."""
    mark = text.find(_FENCE)
    while mark >= 0:
        place = mark + len(_FENCE)
        place += len("json") if text.startswith("json", place) else 0
        mark = text.find(_FENCE, mark + 1)
        line = _blanks(text[place : mark if mark >= 0 else len(text)]).find("\n")
        if line >= 0:
            return place + line + 1
    return -1


def _blanks(text: str) -> str:
    """The blanks that a text begins with."""
    return text[: len(text) - len(text.lstrip())]


def tightened(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """*schema* with every object closed, as strict modes want it.

    None where a field may be left out or an object is open.
    """
    try:
        closed = _closed(schema)
    except _Open:
        return None
    return closed if isinstance(closed, dict) else None


class _Open(Exception):
    """An object with fields that nobody listed."""


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    if not _LOOSE.isdisjoint(node) or _TYPED.isdisjoint(node):
        raise _Open
    made = {
        key: _closed_fields(value) if key in _FIELDS else _closed(value)
        for key, value in node.items()
        if key not in _VALUES
    }
    made |= {key: node[key] for key in _VALUES if key in node and key != "default"}
    if "object" in _types(node) or "properties" in node:
        fields = node.get("properties") or {}
        if (
            node.get("additionalProperties", False) is not False
            or not fields
            or set(fields) - set(node.get("required") or ())
        ):
            raise _Open
        made |= {"additionalProperties": False, "required": list(fields)}
    return made


def _closed_fields(fields: Any) -> Any:
    return {name: _closed(field) for name, field in fields.items()} if isinstance(fields, dict) else fields


def _types(node: Mapping[str, Any]) -> Any:
    kinds = node.get("type")
    return kinds if isinstance(kinds, list) else [kinds]


# Words that strict modes refuse, or under which a closed object would mean something else.
_LOOSE = frozenset(
    (
        *("allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "propertyNames"),
        *("dependentSchemas", "dependentRequired", "unevaluatedProperties"),
    )
)
# A schema without any of these takes any object.
_TYPED = frozenset(("type", "properties", "$ref", "anyOf", "enum", "const"))
_FIELDS = ("properties", "$defs", "definitions")  # names in these are the user's own
_VALUES = ("enum", "const", "default", "examples")  # values, not schemas

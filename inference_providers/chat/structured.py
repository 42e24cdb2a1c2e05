"""Structured output: a requested schema, given as JSON Schema or as a type, and the value that fits it. Pure."""

from __future__ import annotations

import json
import re
from types import BuiltinFunctionType, FunctionType, MethodType

from inference_providers.chat import found_json, parameters, validation
from inference_providers.chat.nulls import restored
from inference_providers.chat.strict_schema import strict_schema
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from inference_providers.chat.found_json import Found

VALUE = "value"  # the field around an answer that is no object: providers take objects only
# Words that providers refuse at the top of a schema, even where it is an object's.
_NOT_AT_TOP = ("anyOf", "oneOf", "allOf", "not", "enum", "const", "$ref")


class SchemaMismatch(ValueError):
    """Text that does not fit a schema. `problems` holds what is wrong with it, each with its JSON path."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems[:5]))


class OutputSchema:
    """The schema of structured output, from a JSON Schema (a dict) or a type that pydantic understands.

    schema: what is asked for and checked; one that is not an object's is a field, `value`, of an object's.
    Raises TypeError for anything else, and ValueError for an invalid schema.
    """

    def __init__(self, source: Any) -> None:
        self._adapter: Any = None
        self._kinds: int | None = None
        self.unchecked: list[str] = []  # patterns that are not run: see `validation`
        self.name = "answer"
        if isinstance(source, dict):
            self.unchecked = _unchecked_patterns(source)
            self.schema, self.is_wrapped = _with_object_on_top(source)
            self.name = str(source.get("title") or self.name)
        else:
            self._adapter, self.schema, self.is_wrapped = _adapter(source)
            self.name = source.__name__ if type(source) is not _ALIAS and isinstance(source, type) else self.name

    @property
    def response_format(self) -> dict[str, Any]:
        """The field `response_format` of a request; strict if the schema allows strict mode."""
        strict = strict_schema(self.schema)
        name = re.sub(r"[^A-Za-z0-9_-]", "_", self.name)[:64]
        return parameters.json_schema(strict or {"type": "object", **self.schema}, name, strict=strict is not None)

    def parse(self, text: str) -> Any:
        """The value in *text*: an instance of the type, or plain JSON. Raises SchemaMismatch.

        There may be words around it. Where several values in it fit, and differ, it is the one that is set apart from
        the words, by a fence or a tag; if that is not one alone, none of them fits.
        """
        try:
            candidates = found_json.found(text, (dict, list) if self.is_wrapped else (dict,))
        except ValueError as error:
            raise SchemaMismatch([f"$: not JSON ({error})"]) from None
        fitting: list[tuple[Found, Any]] = []
        problems: list[str] = []
        for candidate in candidates:
            try:
                fitting.append((candidate, self._fitted(candidate)))
            except SchemaMismatch as misfit:
                problems = misfit.problems
        if not fitting:
            raise SchemaMismatch(problems)
        marked = [one for one in fitting if one[0].is_marked] or fitting
        if any(one[0].value != marked[0][0].value for one in marked):
            raise SchemaMismatch(["$: several values that differ; reply with one"])
        return marked[0][1]

    def _fitted(self, candidate: Found) -> Any:
        """The value of a candidate in the first of its readings that fits; the problems are those of the first."""
        misfit: SchemaMismatch | None = None
        for text, value in self._readings(candidate):
            try:
                made = self._instance(text, value) if self._adapter is not None else self._checked(text, value)
            except SchemaMismatch as problem:
                misfit = misfit or problem
            else:
                return made
        assert misfit is not None
        raise misfit

    def _readings(self, candidate: Found) -> Iterator[tuple[str, Any]]:
        """What a value may have been meant as: itself, without fields that are null to be left out, unwrapped."""
        yield from self._forms(candidate.text, candidate.value)
        for inner in _within(candidate.value, self.schema.get("properties") or {}):
            yield from self._forms(json.dumps(inner), inner)

    def _forms(self, text: str, value: Any) -> Iterator[tuple[str, Any]]:
        if self.is_wrapped and not (isinstance(value, dict) and VALUE in value):
            text, value = f'{{"{VALUE}": {text}}}', {VALUE: value}
        yield text, value
        if (whole := restored(self.schema, value)) != value:
            yield json.dumps(whole), whole

    def _checked(self, text: str, value: Any) -> Any:
        problems = validation.problems(self.schema, value, len(text))
        if problems:
            raise SchemaMismatch(problems)
        return value[VALUE] if self.is_wrapped else value

    def _instance(self, text: str, value: Any) -> Any:
        from pydantic import ValidationError

        if self._kinds is None:
            self._kinds = validation.kinds(self.schema)
        try:
            validation.check_choices(self._kinds, value)
        except ValueError as error:
            raise SchemaMismatch([f"$: {error}"]) from None
        try:
            made = self._adapter.validate_json(text)  # from text: strict models, too, read a date from JSON
        except ValidationError as error:
            raise SchemaMismatch([f"$.{problem}" for problem in validation.pydantic_problems(error)]) from None
        return getattr(made, VALUE) if self.is_wrapped else made

    def repair(self, mismatch: SchemaMismatch) -> str:
        """The message to the model after a reply that does not fit."""
        problems = "\n".join(mismatch.problems)
        return f"That does not fit the schema:\n{problems}\n{parameters.schema_prompt(self.schema)}"


_CALL = frozenset(("id", "type", "name", "arguments", "parameters", "function"))


def _within(value: Any, fields: Mapping[str, Any]) -> Iterator[Any]:
    """What a value that does not fit may be around: JSON as a text, a call, a field that the schema does not have."""
    if isinstance(value, str):
        yield from _read(value)
    called = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(called, dict) and isinstance(called.get("function"), dict) and called.keys() <= _CALL:
        called = called["function"]
    if isinstance(called, dict) and isinstance(called.get("name"), str) and called.keys() <= _CALL:
        for arguments in (called[name] for name in ("arguments", "parameters") if name in called):
            yield from _read(arguments) if isinstance(arguments, str) else (arguments,)
    if isinstance(value, dict) and len(value) == 1 and not (value.keys() & fields.keys()):
        yield from value.values()


def _read(text: str) -> Iterator[Any]:
    """The object or list whose JSON a text is, if it is that."""
    try:
        value = jsontext.loads(text, strict=True)
    except ValueError:
        return
    if isinstance(value, dict | list):
        yield value


_ALIAS = type(list[int])  # `list[int]` says that it is a type
# What pydantic makes schemas of all the same, of an object of a model only in some of its versions.
_NO_TYPES = (str, FunctionType, BuiltinFunctionType, MethodType)


def _unchecked_patterns(schema: dict[str, Any]) -> list[str]:
    """The patterns of a schema that are not run. Raises ValueError if it is not a valid schema."""
    validation.check_schema(schema)
    return validation.unchecked(schema)


def _adapter(source: Any) -> tuple[Any, dict[str, Any], bool]:
    """What reads a type's JSON, its schema with an object on top, and whether that object is around the type."""
    from pydantic import BaseModel, PydanticUserError, TypeAdapter, create_model
    from pydantic_core import SchemaError

    name = getattr(source, "__name__", None) or type(source).__name__
    if isinstance(source, (*_NO_TYPES, BaseModel)):
        raise _no_schema(name)
    try:
        adapter: Any = TypeAdapter(source)
        schema = _followed(_json_schema(adapter))
        if schema.get("type") == "object" and not any(word in schema for word in _NOT_AT_TOP):
            return adapter, schema, False
        make: Any = create_model  # its own overloads take no names that are not in the code
        adapter = TypeAdapter(make("Answer", **{VALUE: (source, ...)}))
        return adapter, _json_schema(adapter), True
    except (PydanticUserError, SchemaError, NameError, RecursionError) as error:
        if not isinstance(source, type) and not hasattr(source, "__origin__"):
            raise _no_schema(name) from None
        raise TypeError(f"{name} has no JSON Schema: {getattr(error, 'message', error)}") from None


def _no_schema(name: str) -> TypeError:
    return TypeError(f"schema must be a JSON Schema (a dict) or a type, such as a pydantic model, not {name}")


def _json_schema(adapter: Any) -> dict[str, Any]:
    from pydantic.json_schema import GenerateJsonSchema

    class Quiet(GenerateJsonSchema):
        """Tells of no default that JSON does not have: the type has it all the same."""

        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  (pydantic's own type)

    schema: dict[str, Any] = adapter.json_schema(schema_generator=Quiet)
    return schema


def _followed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that is a reference on top, as it is for a class that holds itself, with what that leads to in place."""
    for _ in range(len(schema.get("$defs") or schema.get("definitions") or ())):
        target = validation.target(str(schema.get("$ref", "")), schema) if "$ref" in schema else None
        if not isinstance(target, dict) or target is schema:
            break
        schema = {**target, **{word: value for word, value in schema.items() if word != "$ref"}}
    return schema


def _with_object_on_top(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A schema that has an object's on top, and whether it is that of a field in there."""
    schema = _followed(schema)
    if schema.get("type", "object") == "object" and not any(word in schema for word in _NOT_AT_TOP):
        return schema, False
    shared = {word: schema[word] for word in ("$defs", "definitions", "$schema") if word in schema}
    inner = _moved({word: value for word, value in schema.items() if word not in shared})
    top = {"type": "object", "properties": {VALUE: inner}, "required": [VALUE], "additionalProperties": False}
    return {**top, **_moved(shared)}, True


def _moved(node: Any) -> Any:
    """A part of a schema, with its references into what is now below `properties/value`."""
    if isinstance(node, list):
        return [_moved(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    moved = {
        word: {name: _moved(field) for name, field in inner.items()}
        if word in validation.NAMED_SCHEMAS and isinstance(inner, dict)
        else inner
        if word in validation.VALUES
        else _moved(inner)
        for word, inner in node.items()
    }
    reference = node.get("$ref")
    if isinstance(reference, str) and re.match(r"#(?!/\$defs/|/definitions/)(?:/|\Z)", reference):
        moved["$ref"] = f"#/properties/{VALUE}{reference[1:]}"
    return moved

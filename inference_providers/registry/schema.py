"""Checks a registry against its JSON Schema: every problem at once, each with its JSON path. Pure.

Nearly every registry is valid, and most of it comes from one that was checked before. So a quick reader of
the schema says "valid" or "perhaps not"; only where it is not sure, `jsonschema` has the word.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache

from inference_providers.registry.registry import package_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Check = Callable[[Any, Any], bool]  # (value, what was valid in its place) -> whether it is valid for sure

SCHEMA_PATH = os.path.join(os.path.dirname(os.path.dirname(__file__)), "inference-providers.schema.json")
_CLOSED = ("provider", "connection", "batch", "model", "modelParameters", "refusal", "retiredModel", "retiredProvider")


@lru_cache(maxsize=2)
def _schema(strict: bool) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(package_file(SCHEMA_PATH))
    if strict:
        schema["additionalProperties"] = False
        for name in _CLOSED:
            schema["$defs"][name]["additionalProperties"] = False
    return schema


@lru_cache(maxsize=2)
def _validator(strict: bool) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema(strict), format_checker=Draft202012Validator.FORMAT_CHECKER)


def problems(data: Any, *, strict: bool = False, known: Mapping[str, Any] | None = None) -> list[str]:
    """Every problem of *data*, as `$.path: what is wrong`; empty when it is a valid registry.

    Unknown fields are tolerated, so that newer files load; *strict* reports them too.
    known: a valid registry. What *data* shares with it, the same object in the same place, is not looked at again.
    """
    if is_valid(data, strict=strict, known=known):
        return []
    errors = sorted(
        _validator(strict).iter_errors(_doubtful(data, strict)),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    return [f"{error.json_path}: {_said(error)}" for error in errors]


def is_valid(data: Any, *, strict: bool = False, known: Mapping[str, Any] | None = None) -> bool:
    """Whether *data* is a valid registry for sure. What is valid in rare ways, such as 1.0 for an integer, is not."""
    return _quick(strict)(data, None if strict else known)


def _doubtful(data: Any, strict: bool) -> Any:
    """*data* without the providers and models that are valid for sure: nothing is said of those."""
    if not isinstance(data, dict):
        return data
    tables = {name: (data[name], fits) for name, fits in _tables(strict).items() if isinstance(data.get(name), dict)}
    return data | {
        name: {key: row for key, row in rows.items() if not fits({key: row}, None)}
        for name, (rows, fits) in tables.items()
    }


def _said(error: Any) -> str:
    """The validator's words; but no value of a connection, where a key may have been put by mistake."""
    if "connection" in error.absolute_path and error.validator in ("pattern", "anyOf", "type", "enum", "propertyNames"):
        wanted = (
            "the name of an environment variable"
            if {"api_key", "headers", "opt_in"} & set(map(str, error.absolute_path))
            else "of another form"
        )
        return f"must be {wanted} (see the schema); the value is not shown, since it may be a secret"
    return _short(error.message)


def _short(message: str) -> str:
    return message if len(message) <= 160 else message[:80] + " ... " + message[-70:]


# The quick reader. Each keyword of the schema becomes a function; one that is not known here is never sure.

_NOTES = ("$schema", "$defs", "title", "description")
_ROWWISE = {"type", "propertyNames", "additionalProperties", "description"}  # each member stands for itself
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,), "null": (type(None),),
}  # fmt: skip


@lru_cache(maxsize=2)
def _quick(strict: bool) -> Check:
    return _reader(_schema(strict), _schema(strict)["$defs"])


@lru_cache(maxsize=2)
def _tables(strict: bool) -> dict[str, Check]:
    """The tables of a registry whose members can be looked at one by one."""
    rules = _schema(strict)["$defs"]
    tables = {
        name: rules[rule["$ref"].removeprefix("#/$defs/")] if "$ref" in rule else rule
        for name, rule in _schema(strict)["properties"].items()
    }
    return {name: _reader(rule, rules) for name, rule in tables.items() if rule.keys() <= _ROWWISE}


def _reader(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    """The function for a schema; *rules* are its `$defs`."""
    parts = [_KEYWORDS.get(word, _unsure)(schema, rules) for word in schema if word not in _NOTES]
    if len(parts) == 1:
        return parts[0]

    def check(value: Any, known: Any) -> bool:
        for part in parts:  # noqa: SIM110  (`all` would make a generator for every value)
            if not part(value, known):
                return False
        return True

    return check


def _unsure(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    return lambda value, known: False


def _reference(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    return _reader(rules[schema["$ref"].removeprefix("#/$defs/")], rules)


def _type(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    wanted = schema["type"]
    types = tuple(kind for name in ([wanted] if isinstance(wanted, str) else wanted) for kind in _TYPES[name])
    if bool in types or int not in types:
        return lambda value, known: isinstance(value, types)
    return lambda value, known: isinstance(value, types) and not isinstance(value, bool)


def _same(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    wanted = schema["enum"] if "enum" in schema else [schema["const"]]
    return lambda value, known: any(type(value) is type(one) and value == one for one in wanted)


def _required(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    names = schema["required"]
    return lambda value, known: not isinstance(value, dict) or all(name in value for name in names)


def _properties(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    readers = {name: _reader(rule, rules) for name, rule in schema["properties"].items()}

    def check(value: Any, known: Any) -> bool:
        if not isinstance(value, dict):
            return True
        before = known if isinstance(known, dict) else {}
        for name, fits in readers.items():
            if name not in value or value[name] is before.get(name, before):
                continue
            if not fits(value[name], before.get(name)):
                return False
        return True

    return check


def _others(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    """`additionalProperties`."""
    named, rule = schema.get("properties", {}), schema["additionalProperties"]
    fits = _unsure(schema, rules) if rule is False else _reader(rule, rules)

    def check(value: Any, known: Any) -> bool:
        if not isinstance(value, dict):
            return True
        before = known if isinstance(known, dict) else {}
        for name, inner in value.items():
            if name not in named and before.get(name, before) is not inner and not fits(inner, before.get(name)):
                return False
        return True

    return check


def _names(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    """`propertyNames`."""
    fits = _reader(schema["propertyNames"], rules)

    def check(value: Any, known: Any) -> bool:
        if not isinstance(value, dict):
            return True
        new = value.keys() - known.keys() if isinstance(known, dict) else value
        return all(fits(name, None) for name in new)

    return check


def _items(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    fits = _reader(schema["items"], rules)
    return lambda value, known: not isinstance(value, list) or all(fits(one, None) for one in value)


def _places(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    """`prefixItems`."""
    readers = [_reader(rule, rules) for rule in schema["prefixItems"]]

    def check(value: Any, known: Any) -> bool:
        if not isinstance(value, list):
            return True
        for fits, one in zip(readers, value, strict=False):  # noqa: SIM110
            if not fits(one, None):
                return False
        return True

    return check


def _choice(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    """`anyOf`: what was valid before may have been so by another choice, so that nothing is known of what is inside."""
    readers = [_reader(rule, rules) for rule in schema["anyOf"]]
    return lambda value, known: any(fits(value, None) for fits in readers)


def _pattern(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    pattern = schema["pattern"]  # compiled when first used
    return lambda value, known: not isinstance(value, str) or re.search(pattern, value) is not None


def _format(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    if schema["format"] != "regex":
        return _unsure(schema, rules)

    def check(value: Any, known: Any) -> bool:
        try:
            return not isinstance(value, str) or bool(re.compile(value))
        except Exception:  # noqa: BLE001  (whatever it is, `jsonschema` says it)
            return False

    return check


def _length(keyword: str, kind: type) -> Callable[[Mapping[str, Any], Mapping[str, Any]], Check]:
    def made(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
        limit = schema[keyword]
        if keyword.startswith("max"):
            return lambda value, known: not isinstance(value, kind) or len(value) <= limit  # type: ignore[arg-type]
        return lambda value, known: not isinstance(value, kind) or len(value) >= limit  # type: ignore[arg-type]

    return made


def _minimum(schema: Mapping[str, Any], rules: Mapping[str, Any]) -> Check:
    least = schema["minimum"]
    return lambda value, known: not isinstance(value, int | float) or value >= least


_KEYWORDS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Check]] = {
    "$ref": _reference, "type": _type, "enum": _same, "const": _same, "required": _required,
    "properties": _properties, "additionalProperties": _others, "propertyNames": _names, "items": _items,
    "prefixItems": _places, "anyOf": _choice, "pattern": _pattern, "format": _format, "minimum": _minimum,
    "maxLength": _length("maxLength", str), "maxItems": _length("maxItems", list),
    "minItems": _length("minItems", list), "minLength": _length("minLength", str),
}  # fmt: skip

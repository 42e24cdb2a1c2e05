"""A JSON Schema as Anthropic's structured output takes it. Pure.

Every object is closed there, and numbers, texts and lists have no limits: what cannot be said goes into descriptions.
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SAID = ("type", "enum", "const", "title", "description", "$ref", "required")
_NAMED = ("properties", "$defs", "definitions")  # whose values are schemas, by name
_CHOICES = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
_NOT_TOLD = ("$schema", "$id", "$comment", "additionalProperties", "strict")


class _Open(Exception):
    """An object may have fields of any name, which cannot be said."""


def closed(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """*schema* as it is taken; None where it cannot be said so."""
    try:
        return _closed(schema)
    except (_Open, TypeError, AttributeError, RecursionError):
        return None


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    told: list[str] = []
    for name, value in schema.items():
        if name in _SAID:
            made[name] = value
        elif name in _NAMED:
            made[name] = {key: _closed(inner) for key, inner in value.items()}
        elif name in _CHOICES:
            made[_CHOICES[name]] = [_closed(one) for one in value]
        elif name == "items":
            made[name] = _closed(value)
        elif (name == "format" and value in _FORMATS) or (name == "minItems" and value in (0, 1)):
            made[name] = value
        elif name not in _NOT_TOLD:
            told.append(f"{name}: {value}")
    kinds = schema.get("type")
    if "properties" in schema or kinds == "object" or (isinstance(kinds, list) and "object" in kinds):
        if schema.get("additionalProperties") not in (None, False) or "patternProperties" in schema:
            raise _Open
        made["additionalProperties"] = False
        made.setdefault("properties", {})
    if told:
        said = made.get("description")
        made["description"] = (f"{said}\n\n" if isinstance(said, str) and said else "") + f"({'; '.join(told)})"
    return made

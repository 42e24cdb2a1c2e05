"""Google's schemas, which are those of OpenAPI with their types in capitals, as JSON Schema. Pure."""

from __future__ import annotations

from inference_providers.protocols.gemini_fields import fields, refused, several, text, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Names of schemas whose answer stands in the field `value` of an object, since providers take objects only; that of
# CHOICE is one of some words, which are wanted alone, without quotes.
VALUE, CHOICE = "value", "choice"
_TYPES = frozenset(("string", "number", "integer", "boolean", "array", "object", "null"))
_UNSAID = "TYPE_UNSPECIFIED"
_SIZES = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")  # which may be text
_NAMED, _LISTED, _SINGLE = ("properties", "$defs"), ("anyOf", "oneOf", "allOf", "prefixItems"), ("items", "not")
_RENAMED = {"defs": "$defs", "ref": "$ref"}
_OF_OPENAPI = ("enum", "float", "double", "int32", "int64")  # formats, which JSON Schema has not


def json_schema(given: Any, where: str) -> dict[str, Any]:
    """A schema of Google's as JSON Schema; what is that already stays as it is. Raises InvalidRequestError."""
    box = fields(given, where)
    made = {_RENAMED.get(name, name): value for name, value in box.items()}
    if "type" in made:
        _type(made, f"{where}.type")
    for name in _SIZES:
        if name in made:
            made[name] = whole(made[name], f"{where}.{name}")
    for name in _NAMED:
        if name in made:
            inner = made[name]
            if not isinstance(inner, dict):
                raise refused(f"{where}.{name} must be an object, not {type(inner).__name__}")
            made[name] = {key: _inner(value, f"{where}.{name}.{key}") for key, value in inner.items()}
    for name in _LISTED:
        if name in made:
            made[name] = [_inner(value, f"{where}.{name}") for value in several(made[name], f"{where}.{name}")]
    for name in _SINGLE:
        if name in made:
            made[name] = _inner(made[name], f"{where}.{name}")
    if isinstance(made.get("additionalProperties"), dict):
        made["additionalProperties"] = json_schema(made["additionalProperties"], f"{where}.additionalProperties")
    if made.get("format") in _OF_OPENAPI:
        del made["format"]
    if "example" in made:
        made["examples"] = [made.pop("example")]
    _order(made, where)
    if made.pop("nullable", False) is True:
        _nullable(made)
    return made


def _inner(value: Any, where: str) -> Any:
    return value if isinstance(value, bool) else json_schema(value, where)


def _type(made: dict[str, Any], where: str) -> None:
    said = made["type"]
    if said == _UNSAID:
        del made["type"]
        return
    names = [text(one, where).lower() for one in (said if isinstance(said, list) else [said])]
    for name in names:
        if name not in _TYPES:
            raise refused(f"{where} is none of {', '.join(sorted(_TYPES)).upper()}")
    made["type"] = names if isinstance(said, list) else names[0]


def _order(made: dict[str, Any], where: str) -> None:
    """Put properties in the order in which they are to be written."""
    wanted, known = several(made.pop("propertyOrdering", None), f"{where}.propertyOrdering"), made.get("properties")
    if wanted and known:
        first = {name: known[name] for name in wanted if isinstance(name, str) and name in known}
        made["properties"] = {**first, **known}


def _nullable(made: dict[str, Any]) -> None:
    if isinstance(made.get("type"), str):
        made["type"] = list(dict.fromkeys((made["type"], "null")))
    elif isinstance(made.get("anyOf"), list):
        made["anyOf"] = [*made["anyOf"], {"type": "null"}]
    if isinstance(made.get("enum"), list) and None not in made["enum"]:
        made["enum"] = [*made["enum"], None]


def closed(schema: Any) -> tuple[Any, bool]:
    """A schema whose objects have no properties but those they name; and whether they all need all of them.

    That is how a schema must be for providers to hold a reply to it, and Google's own are never meant otherwise.
    """
    if not isinstance(schema, dict):
        return schema, not isinstance(schema, bool)
    made, is_whole = dict(schema), "oneOf" not in schema and "allOf" not in schema
    names = made.get("properties")
    if isinstance(names, dict) and names:
        made.setdefault("additionalProperties", False)
        required = made.get("required")
        needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
        is_whole = is_whole and made["additionalProperties"] is False and needed == set(names)
    elif made.get("type") == "object":  # of which any is meant
        is_whole = False
    for name in _NAMED:
        if isinstance(made.get(name), dict):
            inner = {key: closed(value) for key, value in made[name].items()}
            made[name] = {key: value for key, (value, _) in inner.items()}
            is_whole = is_whole and all(one[1] for one in inner.values())
    for name in ("items", "anyOf"):
        if name in made:
            parts = [closed(one) for one in (made[name] if isinstance(made[name], list) else [made[name]])]
            is_whole = is_whole and all(one[1] for one in parts)
            made[name] = [one for one, _ in parts] if isinstance(made[name], list) else parts[0][0]
    return made, is_whole


def answer_format(schema: dict[str, Any] | None, *, is_enum: bool) -> dict[str, Any]:
    """The `response_format` for an answer of a schema. One that is no object's is the field `value` of an object's."""
    if schema is None:
        return {"type": "json_object"}
    made, is_whole = closed(schema)
    name = CHOICE if is_enum else "answer"
    if is_enum or not (made.get("type") == "object" or "properties" in made):
        defs = {"$defs": made.pop("$defs")} if "$defs" in made else {}
        made = {
            "type": "object",
            "properties": {VALUE: made},
            "required": [VALUE],
            "additionalProperties": False,
            **defs,
        }
        name = name if is_enum else VALUE
    else:
        made = {"type": "object", **made}
    return {"type": "json_schema", "json_schema": {"name": name, "schema": made, "strict": is_whole}}

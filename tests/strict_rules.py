"""What OpenAI refuses of a schema that is sent as strict, in its own words: a judge that shares no code with the product.

The rules are those of https://platform.openai.com/docs/guides/structured-outputs ("supported schemas") as of November
2026; the words are those of refusals that people have shown. Where the documentation leaves something open, the
stricter reading counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.servers import Behaviour, Connection, Received, answer

LEVELS, PROPERTIES, ENUM_VALUES, LONG_ENUM, LONG_ENUM_TEXT, TEXT = 10, 5000, 1000, 250, 15_000, 120_000
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
TYPES = ("string", "number", "integer", "boolean", "null", "object", "array")
EVERYWHERE = {"type", "title", "description", "enum", "const", "anyOf"}
OF_TYPE = {
    "string": {"pattern", "format"},
    "number": {"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"},
    "array": {"items", "minItems", "maxItems"},
    "object": {"properties", "required", "additionalProperties"},
}
OF_TYPE["integer"] = OF_TYPE["number"]


class Refused(Exception):
    """What the server says."""


def refusal(response_format: Any) -> str | None:
    """What OpenAI says of a `response_format`; None where it takes it."""
    if not isinstance(response_format, dict) or response_format.get("type") != "json_schema":
        return None
    given = response_format["json_schema"]
    name, schema = given.get("name", ""), given.get("schema")
    if not NAME.fullmatch(name):
        return (
            "Invalid 'response_format.json_schema.name': string does not match pattern. Expected a string that "
            "matches the pattern '^[a-zA-Z0-9_-]+$', and has at most 64 characters."
        )
    try:
        if not isinstance(schema, dict) or schema.get("type") != "object":
            kind = schema.get("type") if isinstance(schema, dict) else type(schema).__name__
            raise Refused(f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'.")
        for word in ("anyOf", "oneOf", "allOf", "not", "enum", "$ref"):
            if word in schema:
                raise Refused(f"schema must have type 'object' and not have '{word}' at the top level.")
        if given.get("strict"):
            Strict(schema).check()
    except Refused as refused:
        return f"Invalid schema for response_format '{name}': {refused}"
    return None


class Strict:
    """The rules of strict mode."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.properties = self.values = self.text = 0

    def check(self) -> None:
        self.node({key: value for key, value in self.root.items() if key != "$defs"}, ())
        for name, definition in self.root.get("$defs", {}).items():
            self.text += len(name)
            self.node(definition, ("$defs", name))
        levels = self.levels(self.root, ())
        for count, limit, unit in (
            (levels, LEVELS, "levels of nesting exceeds limit of"),
            (self.properties, PROPERTIES, "parameters exceeds limit of"),
            (self.values, ENUM_VALUES, "enum values exceeds limit of"),
            (self.text, TEXT, "characters of names and values exceeds limit of"),
        ):
            if count > limit:
                raise Refused(f"{count} {unit} {limit}.")

    def node(self, node: Any, place: tuple[str, ...]) -> None:
        def refuse(words: str) -> None:
            raise Refused(f"In context={place!r}, {words}")

        if not isinstance(node, dict):
            refuse(f"{node!r} is not of type 'object'.")
        if "$ref" in node:
            if others := set(node) - {"$ref"}:
                refuse(f"$ref cannot have keywords {others}.")
            if self.target(node["$ref"]) is None:
                refuse(
                    f"reference can only point to definitions defined at the top level of the schema: {node['$ref']}"
                )
            return
        kinds = node.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if not kinds and "anyOf" not in node:
            refuse("schema must have a 'type' key.")
        for kind in kinds:
            if kind not in TYPES:
                refuse(f"{kind!r} is not valid under any of the given schemas.")
        allowed = EVERYWHERE.union(*(OF_TYPE.get(kind, set()) for kind in kinds))
        for word in node:
            if word not in allowed:
                refuse(f"{word!r} is not permitted.")
        if "format" in node and node["format"] not in FORMATS:
            refuse(f"{node['format']!r} is not a valid format.")
        if re.search(r"\(\?(?!:)|\\[1-9]", node.get("pattern", "")):
            refuse("'pattern' uses lookaround or back-references, which are not supported.")
        self.fixed(node, kinds, refuse)
        if "object" in kinds:
            self.object(node, place, refuse)
        if "array" in kinds:
            if not isinstance(node.get("items"), dict):
                refuse("array schema missing items.")
            self.node(node["items"], (*place, "items"))
        if "anyOf" in node:
            self.choice(node["anyOf"], place, refuse)

    def fixed(self, node: dict[str, Any], kinds: list[str], refuse: Any) -> None:
        values = node.get("enum", [node["const"]] if "const" in node else [])
        if "enum" in node and not values:
            refuse("enum must have at least one value.")
        if len({type(value) for value in values if value is not None} - {float}) > 1:
            refuse("enum values must be of the same type.")
        for value in values:
            kind = json.dumps(value)[:1]
            kind = {'"': "string", "t": "boolean", "f": "boolean", "n": "null", "{": "object", "[": "array"}.get(
                kind, "number"
            )
            if kind not in kinds and not (kind == "number" and "integer" in kinds and isinstance(value, int)):
                refuse(f"enum value {value!r} does not validate against {node.get('type')!r}.")
            self.text += len(value) if isinstance(value, str) else 0
        self.values += len(node.get("enum", ()))
        if len(values) > LONG_ENUM and sum(len(value) for value in values if isinstance(value, str)) > LONG_ENUM_TEXT:
            refuse(f"enum with more than {LONG_ENUM} values has more than {LONG_ENUM_TEXT} characters.")

    def object(self, node: dict[str, Any], place: tuple[str, ...], refuse: Any) -> None:
        if node.get("additionalProperties") is not False:
            refuse("'additionalProperties' is required to be supplied and to be false.")
        fields, required = node.get("properties", {}), node.get("required")
        for name in fields:
            if required is None or name not in required:
                refuse(
                    "'required' is required to be supplied and to be an array including every key in properties. "
                    f"Missing '{name}'."
                )
        for name in required or ():
            if name not in fields:
                refuse(f"Extra required key '{name}' supplied.")
        for name, field in fields.items():
            self.properties += 1
            self.text += len(name)
            self.node(field, (*place, "properties", name))

    def choice(self, choices: list[Any], place: tuple[str, ...], refuse: Any) -> None:
        if not choices:
            refuse("anyOf must have at least one choice.")
        for number, inner in enumerate(choices):
            self.node(inner, (*place, "anyOf", str(number)))
        firsts: list[tuple[str, Any]] = []
        for one in {id(one): one for inner in choices for one in self.objects(inner, ())}.values():
            name, field = next(iter(one["properties"].items()))
            values = field.get("enum", [field["const"]] if "const" in field else None)
            for other, others in firsts:
                if other == name and (values is None or others is None or any(value in others for value in values)):
                    raise Refused(
                        "Objects provided via 'anyOf' must not share identical first keys. Consider adding a "
                        "discriminator key or rearranging the properties to ensure the first key is unique."
                    )
            firsts.append((name, values))

    def objects(self, node: dict[str, Any], seen: tuple[int, ...]) -> Iterator[dict[str, Any]]:
        if id(node) in seen:
            return
        seen = (*seen, id(node))
        if "$ref" in node:
            yield from self.objects(self.target(node["$ref"]) or {}, seen)
        for inner in node.get("anyOf", ()):
            yield from self.objects(inner, seen)
        if node.get("type") == "object":
            yield node

    def target(self, reference: str) -> dict[str, Any] | None:
        if reference == "#":
            return self.root
        start, _, name = reference.rpartition("/")
        found: dict[str, Any] | None = self.root.get("$defs", {}).get(name.replace("~1", "/").replace("~0", "~"))
        return found if start == "#/$defs" else None

    def levels(self, node: dict[str, Any], seen: tuple[int, ...]) -> int:
        """Levels of objects and lists below this one, what is referred to included; what holds itself counts once."""
        if id(node) in seen:
            return 0
        seen = (*seen, id(node))
        if "$ref" in node:
            return self.levels(self.target(node["$ref"]) or {}, seen)
        below = max((self.levels(inner, seen) for inner in node.get("anyOf", ())), default=0)
        inside = [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]
        return max(below, *(1 + self.levels(inner, seen) for inner in inside), 0)


def strictly(then: Behaviour = answer) -> Behaviour:
    """A server that refuses what OpenAI refuses, and else behaves as *then* does."""

    def behave(connection: Connection, request: Received) -> None:
        words = refusal(request.json.get("response_format")) if request.body else None
        if words is None:
            then(connection, request)
        else:
            error = {"message": words, "type": "invalid_request_error", "param": "response_format", "code": None}
            connection.reply(400, {"error": error})

    return behave

"""A JSON Schema in the words that strict structured output takes. Pure.

The rules are OpenAI's (https://platform.openai.com/docs/guides/structured-outputs, read in November 2026), and what its
documentation leaves open is as its refusals have it. Where others are narrower, what both take is said: Cerebras takes
no list of types, and neither it nor Anthropic takes sizes of lists.
"""

from __future__ import annotations

import json

from inference_providers.chat import validation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Schema = dict[str, Any]

# Keywords under which a closed object would mean something else, or that lead out of the schema.
_LOOSE = frozenset(
    (
        *("not", "if", "then", "else", "patternProperties", "propertyNames", "dependentSchemas", "dependentRequired"),
        *("dependencies", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef"),
    )
)
KINDS = ("type", "properties", "items", "prefixItems", "enum", "const")
_CHOICES = ("anyOf", "oneOf", "allOf")
_FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"))
_NUMERIC = ("multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum")
_LIMITED: dict[str, tuple[str, ...]] = {
    "string": ("pattern", "format"),
    "number": _NUMERIC,
    "integer": _NUMERIC,
    "boolean": (),
    "null": (),
}
# Keywords that strict modes do not take, or not with every value: the description says them instead.
_TOLD = (
    *("default", "examples", "format", "pattern", "minLength", "maxLength", "contentEncoding", "prefixItems"),
    *("minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains"),
    *("minProperties", "maxProperties"),
)
_LONGEST_NOTE = 200  # characters

DEPTH, FIELDS, VALUES = 10, 5000, 1000  # levels, fields of all objects, values of all enums
MANY, MANY_LONG = 250, 15_000  # values of one enum from which on its characters are limited
TEXT = 120_000  # characters of all names and values


class _Open(Exception):
    """A schema allows what strict modes cannot say."""


def strict_schema(schema: Mapping[str, Any]) -> Schema | None:
    """*schema* as strict modes take it; None if they cannot take it.

    Every object is closed. A field that may be left out must be there, and may be null; `nulls.restored` takes it away.
    What cannot be said is left out, or goes into descriptions, so a reply may fit this and not *schema*.
    """
    try:
        made = _Tightened(schema).made()
    except _Open:
        return None
    choices = [_objects(node["anyOf"], made) for node in _nodes(made) if "anyOf" in node]
    for objects in filter(_look_alike, choices):
        _tell_apart(objects)
    return made if not any(map(_look_alike, choices)) and _is_small(made) else None


class _Tightened:
    """One schema on its way, with the definitions that it turns out to need."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._known = {**(schema.get("definitions") or {}), **(schema.get("$defs") or {})}
        self._used: dict[str, Schema | None] = {}

    def made(self) -> Schema:
        root = self._node({key: value for key, value in self._schema.items() if key not in _OF_ROOT})
        if root.get("type") != "object":
            raise _Open
        while waiting := [name for name, made in self._used.items() if made is None]:
            self._used |= {name: self._node(self._known[name]) for name in waiting}
        return {**root, "$defs": self._used} if self._used else root

    def _node(self, node: Any) -> Schema:
        if not isinstance(node, dict) or not _LOOSE.isdisjoint(node) or not _OF_ROOT.isdisjoint(node):
            raise _Open
        forms = [word for word in ("$ref", *_CHOICES) if word in node]
        if len(forms) > 1 or (forms and any(word in node for word in KINDS)):
            raise _Open
        made = self._form(forms[0], node) if forms else self._values(node) if has_values(node) else self._typed(node)
        words = _annotations(node, made)
        if not words:
            return made
        return {**words, "anyOf": [made]} if "$ref" in made else {**words, **made}  # nothing may stand beside `$ref`

    def _form(self, word: str, node: Schema) -> Schema:
        if word == "$ref":
            return self._reference(node[word])
        if not node[word] or (word == "allOf" and len(node[word]) > 1):
            raise _Open
        return {"anyOf": [self._node(inner) for inner in node[word]]}

    def _reference(self, reference: Any) -> Schema:
        if reference == "#":
            return {"$ref": reference}
        start, _, name = str(reference).rpartition("/")
        plain = name.replace("~1", "/").replace("~0", "~")
        if start not in ("#/$defs", "#/definitions") or plain not in self._known:
            raise _Open
        self._used.setdefault(plain, None)
        return {"$ref": f"#/$defs/{name}"}

    def _values(self, node: Schema) -> Schema:
        """An enum or a constant, with its type; values of several types are a choice of enums."""
        allowed = types(node)
        groups: dict[str, list[Any]] = {}
        for value in [node["const"]] if "const" in node else node["enum"]:
            kind = _type_of(value)
            if not allowed or kind in allowed or (kind == "integer" and "number" in allowed):
                groups.setdefault("number" if kind == "integer" and allowed == ["number"] else kind, []).append(value)
        if "integer" in groups and "number" in groups:
            groups["number"] += groups.pop("integer")
        made: list[Schema] = [
            {"type": kind} if kind == "null" else {"type": kind, "enum": values} for kind, values in groups.items()
        ]
        if not made:
            raise _Open
        return made[0] if len(made) == 1 else {"anyOf": made}

    def _typed(self, node: Schema) -> Schema:
        kinds = types(node) or ["object" if "properties" in node else ""]
        if len(kinds) > 1:
            return {"anyOf": [self._typed({**node, "type": kind}) for kind in kinds]}
        kind = kinds[0]
        if kind == "object":
            return self._object(node)
        if kind == "array":
            return self._array(node)
        if kind not in _LIMITED:
            raise _Open
        words = [word for word in _LIMITED[kind] if word in node and _is_sayable(word, node[word])]
        return {"type": kind, **{word: node[word] for word in words}}

    def _object(self, node: Schema) -> Schema:
        fields, required = node.get("properties") or {}, node.get("required") or ()
        if not fields or node.get("additionalProperties", False) is not False or set(required) - set(fields):
            raise _Open
        made = {name: self._node(field) for name, field in fields.items()}
        made = {name: field if name in required else _or_null(field) for name, field in made.items()}
        return {"type": "object", "properties": made, "required": list(made), "additionalProperties": False}

    def _array(self, node: Schema) -> Schema:
        items = node.get("items")
        first = items if isinstance(items, list) else node.get("prefixItems") or []
        rest = [items] if isinstance(items, dict) else []
        if not (first or rest) or (
            not rest and items is not False and node.get("maxItems", len(first) + 1) > len(first)
        ):
            raise _Open
        kinds: list[Schema] = []
        for made in map(self._node, [*first, *rest]):
            kinds += [made] if made not in kinds else []
        return {"type": "array", "items": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}


_OF_ROOT = frozenset(("$defs", "definitions", "$schema", "$id"))


def has_values(node: Schema) -> bool:
    return "const" in node or "enum" in node


def types(node: Mapping[str, Any]) -> list[str]:
    kinds = node.get("type", [])
    return list(dict.fromkeys(kinds)) if isinstance(kinds, list) else [kinds]


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    for kind, name in ((str, "string"), (int, "integer"), (float, "number"), (type(None), "null")):
        if isinstance(value, kind):
            return name
    raise _Open


def _is_sayable(word: str, value: Any) -> bool:
    """Whether strict modes take a keyword with this value; their patterns have groups, and nothing else after `(?`."""
    if word == "format":
        return value in _FORMATS
    return word != "pattern" or ("(?" not in value.replace("(?:", "") and validation.matcher(value) is not None)


def _annotations(node: Schema, made: Schema) -> Schema:
    """Title and description; the latter also says what else *made* has lost of *node*."""
    notes = [
        f"{word}: {text}"
        for word in _TOLD
        if node.get(word) is not None and word not in made and len(text := _as_text(node[word])) <= _LONGEST_NOTE
    ]
    told = node.get("description")
    text = "\n".join(
        [*([told] if isinstance(told, str) and told else []), *([f"({'; '.join(notes)})"] if notes else [])]
    )
    title = node.get("title")
    return {**({"title": title} if isinstance(title, str) else {}), **({"description": text} if text else {})}


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


_NULL = {"type": "null"}


def _or_null(made: Schema) -> Schema:
    """A field that may be left out, as one that may be null."""
    if _NULL in (made, *made.get("anyOf", ())) or "null" in types(made):
        return made
    if "anyOf" in made:
        return {**made, "anyOf": [*made["anyOf"], dict(_NULL)]}
    words: Schema = {word: made[word] for word in ("title", "description") if word in made}
    return {**words, "anyOf": [{word: made[word] for word in made if word not in words}, dict(_NULL)]}


# What has been made: objects, arrays, choices, references and values, nothing else


def _inner(node: Schema) -> Iterator[Schema]:
    yield from (node.get("properties") or {}).values()
    yield from node.get("anyOf") or ()
    if "items" in node:
        yield node["items"]


def _nodes(made: Schema) -> Iterator[Schema]:
    waiting = [made, *(made.get("$defs") or {}).values()]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += _inner(node)


def followed(node: Any, root: Mapping[str, Any]) -> Iterator[Schema]:
    """A schema without choices and references: each of those that it is a choice of, at any depth."""
    waiting, seen = [node], set()
    while waiting:
        node = waiting.pop(0)
        if not isinstance(node, dict) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(reference := node.get("$ref"), str):
            waiting.insert(0, validation.target(reference, root))
        choices = [inner for word in _CHOICES for inner in node.get(word) or ()]
        waiting[:0] = choices
        if not choices and "$ref" not in node:
            yield node


def _objects(choices: list[Schema], root: Schema) -> list[Schema]:
    return [node for choice in choices for node in followed(choice, root) if node.get("type") == "object"]


def values_of(field: Schema) -> list[Any]:
    return [field["const"]] if "const" in field else field.get("enum", [])


def _look_alike(objects: list[Schema]) -> bool:
    """Whether two objects of a choice begin with the same field, and its value does not tell them apart."""
    taken: dict[str, set[Any] | None] = {}
    for node in {id(node): node for node in objects}.values():
        name, field = next(iter(node["properties"].items()))
        values = set(values_of(field))
        if name in taken and (not values or not taken[name] or not values.isdisjoint(taken[name] or ())):
            return True
        taken[name] = values | (taken.get(name) or set())
    return False


def _tell_apart(objects: list[Schema]) -> None:
    """Put first a field whose values tell the objects of a choice apart, or fields that only one of them has."""
    objects = list({id(node): node for node in objects}.values())
    for name in objects[0]["properties"]:
        fields = [node["properties"].get(name, {}) for node in objects]
        values = [value for field in fields for value in values_of(field)]
        if all(map(values_of, fields)) and len(set(values)) == len(values):
            for node in objects:
                _put_first(node, name)
            return
    names = [name for node in objects for name in node["properties"]]
    own = {name for name in names if names.count(name) == 1} if len(names) <= VALUES else set()
    for node in objects:
        if (name := next((name for name in node["properties"] if name in own), None)) is not None:
            _put_first(node, name)


def _put_first(node: Schema, name: str) -> None:
    fields = node["properties"]
    node["properties"] = {name: fields[name], **fields}
    node["required"] = list(node["properties"])


def _is_small(made: Schema) -> bool:
    nodes = list(_nodes(made))
    names = [name for node in nodes for name in node.get("properties") or ()]
    enums = [node["enum"] for node in nodes if "enum" in node]
    values = [value for node in nodes for value in values_of(node)]
    text = sum(map(_length, [*names, *values, *(made.get("$defs") or ())]))
    return (
        len(names) <= FIELDS
        and sum(map(len, enums)) <= VALUES
        and all(len(enum) <= MANY or sum(map(_length, enum)) <= MANY_LONG for enum in enums)
        and text <= TEXT
        and _depth(made, made, {}) <= DEPTH
    )


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0


def _depth(node: Schema, root: Schema, known: dict[int, int]) -> int:
    """How many levels there are, a value without an inside being one as well; what holds itself counts once."""
    if id(node) not in known:
        known[id(node)] = 0
        below = [_depth(inner, root, known) for inner in _inner(node)]
        if "$ref" in node:
            below.append(_depth(validation.target(node["$ref"], root), root, known))
        known[id(node)] = max(below, default=0) + ("anyOf" not in node and "$ref" not in node)
    return known[id(node)]

"""A program's JSON Schema applied to a model's text, in time proportional to that text. Pure.

Patterns run as Rust's regular expressions, which never backtrack; they come with pydantic. Patterns that would need
to (look-around, back-references) are not run at all, and `unchecked` names them.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import lru_cache
from itertools import islice

from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

REPORTED, EXAMINED = 20, 1000  # problems of one value: how many are reported, and how many are looked for
_SHORT = 500  # characters of a problem
# Names, or items, up to which those are looked for that no other keyword has evaluated: the time grows by the square.
_MANY = 1000
VALUES = ("enum", "const", "default", "examples")  # keywords that hold values, not schemas
# Keywords that hold schemas: under names of the user's own, in lists, and one each; the latter two for the same value.
NAMED_SCHEMAS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_LISTS, _SINGLE = ("allOf", "anyOf", "oneOf"), ("not", "if", "then", "else")
_UNEVALUATED = ("unevaluatedProperties", "unevaluatedItems")
_STEPS = 10_000  # from one schema to another by `$ref`; one more for each character of the text


class TooInvolved(Exception):
    """A value for which a schema would take too many steps."""


class _Run:
    """One check: how many steps are left, and whether the schema has patterns for names."""

    def __init__(self, steps: int, patterned: bool) -> None:
        self.left, self.patterned = steps, patterned


_run: ContextVar[_Run] = ContextVar("run")


def check_schema(schema: dict[str, Any]) -> None:
    """Raise ValueError if *schema* is not a JSON Schema that can be applied."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        jsontext.check(schema)
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"schema is not a valid JSON Schema: {error.json_path}: {error.message}") from None
    except (jsontext.TooDeep, RecursionError):
        raise ValueError(f"schema is {jsontext.TooDeep()}, or holds itself") from None
    if _is_endless(schema):
        raise ValueError("schema refers to itself endlessly: a $ref leads back to where it stands, for the same value")


def unchecked(schema: Mapping[str, Any]) -> list[str]:
    """The patterns of a schema that are not run, because they would need to backtrack.

    With them the keywords that would run such patterns.
    """
    names = [pattern for pattern in dict.fromkeys(_patterns(schema)) if matcher(pattern) is None]
    patterned = any("patternProperties" in node for node in _nodes(schema))
    return names + [word for word in _UNEVALUATED if patterned and any(word in node for node in _nodes(schema))]


def problems(schema: dict[str, Any], value: Any, size: int) -> list[str]:
    """What is wrong with a value whose text has *size* characters, each with its JSON path.

    Raises ValueError for a reference that leads nowhere.
    """
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    patterned = any("patternProperties" in node for node in _nodes(schema))
    token = _run.set(_Run(_STEPS + size, patterned))
    try:
        validator = _validator_class()(_plain(schema), registry=Registry())  # empty, so that no `$ref` is fetched
        errors = islice(validator.iter_errors(value), EXAMINED)
        by_path = sorted((error.json_path, error.message[:_SHORT]) for error in errors)
    except Unresolvable as error:
        raise ValueError(f"schema is not a valid JSON Schema: {error}") from None
    except (TooInvolved, RecursionError):
        return ["$: too deep, or too involved, to be checked"]
    finally:
        _run.reset(token)
    return [f"{path}: {message}" for path, message in by_path[:REPORTED]]


_TRIES = 2**16  # alternatives within alternatives, tried by pydantic


def kinds(schema: Mapping[str, Any]) -> int:
    """The most alternatives of any choice that contain the choice itself; 0 without such a choice.

    Pydantic tries all of them on every level. A choice with a discriminator does not count.
    """
    names = {f"#/$defs/{name}": node for name, node in (schema.get("$defs") or {}).items()}
    leads = {name: {r for n in _nodes(node) if isinstance(r := n.get("$ref"), str)} for name, node in names.items()}
    for _ in names:  # until each includes all that it leads to, by however many steps
        leads = {name: found.union(*(leads.get(other, ()) for other in found)) for name, found in leads.items()}
    choices = [node["anyOf"] for node in _nodes(schema) if isinstance(node.get("anyOf"), list)]
    return max((sum(name in leads.get(name, ()) for name in map(_reference, choice)) for choice in choices), default=0)


def _reference(node: Any) -> Any:
    return node.get("$ref") if isinstance(node, dict) else None


def check_choices(count: int, value: Any) -> None:
    """Raise ValueError for a value nested so deep that trying *count* kinds of each object would never end."""
    level, tries = [value], 1
    while count > 1 and level:
        inside = [i for box in level for i in (box.values() if isinstance(box, dict) else box)]
        tries *= count if any(isinstance(box, dict) for box in level) else 1
        level = [inner for inner in inside if isinstance(inner, dict | list)]
        if tries > _TRIES:
            raise ValueError(
                f"nested too deep to try {count} kinds on every level; a discriminator would tell them apart"
            )


def pydantic_problems(error: Any) -> list[str]:
    """The problems in pydantic's ValidationError, each with its path; if there are very many, only their number."""
    if error.error_count() > EXAMINED:
        return [f"{error.error_count()} problems"]
    rows = error.errors(include_url=False, include_context=False, include_input=False)
    return [f"{'.'.join(map(str, row['loc']))}: {row['msg']}"[:_SHORT] for row in rows[:REPORTED]]


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Callable[[str], bool] | None:
    """A search for a pattern that never backtracks; None for a pattern that needs to."""
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=_translated(pattern), regex_engine="rust-regex"))
    except (SchemaError, ValueError):
        return None
    return lambda text: validator.isinstance_python(text.encode("utf-8", "replace").decode())


# JSON Schema's patterns are JavaScript's, where these mean ASCII; `\Z` is Python's.
_ESCAPES = {r"\d": "[0-9]", r"\D": "[^0-9]", r"\w": "[0-9A-Za-z_]", r"\W": "[^0-9A-Za-z_]", r"\/": "/", r"\Z": r"\z"}


def _translated(pattern: str) -> str:
    """A pattern in Rust's syntax, where sets can hold sets, differences and intersections."""
    letters: list[str] = []
    inside, index = False, 0
    while index < len(pattern):
        letter = pattern[index : index + 2] if pattern[index] == "\\" else pattern[index]
        index += len(letter)
        if inside and (letter in "[&~" or (letter == "-" and letters[-1] == "-")):
            letter = f"\\{letter}"
        elif letter == "[":
            inside = True
            if pattern.startswith("^", index):
                letter, index = "[^", index + 1
        elif letter == "]":
            inside = False
        letters.append(_ESCAPES.get(letter, letter))
    return "".join(letters)


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            yield node
            for name, inner in node.items():
                if name in NAMED_SCHEMAS and isinstance(inner, dict):
                    waiting += inner.values()
                elif name not in VALUES:
                    waiting.append(inner)


def _patterns(schema: Any) -> Iterator[str]:
    for node in _nodes(schema):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        if isinstance(node.get("patternProperties"), dict):
            yield from node["patternProperties"]


def _plain(node: Any) -> Any:
    """A schema without `$schema`, by which a part of it would be checked in another way."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        name: inner
        if name in VALUES
        else {key: _plain(field) for key, field in inner.items()}
        if name in NAMED_SCHEMAS and isinstance(inner, dict)
        else _plain(inner)
        for name, inner in node.items()
        if name != "$schema"
    }


def _is_endless(schema: dict[str, Any]) -> bool:
    """Whether a schema leads back to itself for the same value: checking would never end."""
    anchors = {node[word]: node for node in _nodes(schema) for word in ("$anchor", "$dynamicAnchor") if word in node}
    done: set[int] = set()
    for start in _nodes(schema):
        path: dict[int, Iterator[Any]] = {id(start): _same_value(start, schema, anchors)}  # in the order of the steps
        while path:
            here, onward = next(reversed(path.items()))
            node = next(onward, None)
            if node is None:
                path.popitem()
                done.add(here)
            elif id(node) in path:
                return True
            elif id(node) not in done:
                path[id(node)] = _same_value(node, schema, anchors)
    return False


def _same_value(node: Any, root: Any, anchors: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas that a schema applies to the same value that it is applied to itself."""
    if not isinstance(node, dict):
        return
    for word in ("$ref", "$dynamicRef"):
        if isinstance(node.get(word), str) and (found := target(node[word], root, anchors)) is not None:
            yield found
    for word in _LISTS:
        yield from node.get(word) or ()
    yield from (node[word] for word in _SINGLE if word in node)
    yield from (node.get("dependentSchemas") or {}).values()


def target(reference: str, root: Any, anchors: Mapping[str, Any] | None = None) -> Any:
    """The part of a schema that a reference leads to; None if it leads elsewhere."""
    address, _, pointer = reference.partition("#")
    if address:
        return None
    if not pointer.startswith("/"):
        return (anchors or {}).get(pointer) if pointer else root
    for part in pointer[1:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        try:
            root = root[int(part)] if isinstance(root, list) else root[part]
        except (LookupError, ValueError, TypeError):
            return None
    return root


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator, validators

    usual = Draft202012Validator.VALIDATORS
    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional,
        "uniqueItems": _unique,
        "anyOf": _any_of,
        "oneOf": _one_of,
        **{word: _limited(usual[word]) for word in ("$ref", "$dynamicRef")},
        **{word: _bounded(usual[word]) for word in _UNEVALUATED},
    }
    extend: Any = validators.extend
    return extend(Draft202012Validator, own)


def _error(message: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message)


def _fits(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern; every text counts as fitting a pattern that is not run."""
    matches = matcher(pattern)
    return matches is None or matches(text)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not _fits(pattern, instance):
        yield _error(f"{_shown(instance[:_SHORT])} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any) -> Iterator[Any]:
    for pattern, inner in patterns.items() if isinstance(instance, dict) else ():
        matches = matcher(pattern)
        for name in filter(matches, instance) if matches is not None else ():
            yield from validator.descend(instance[name], inner, path=name, schema_path=pattern)


def _additional(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    listed, patterns = schema.get("properties") or {}, schema.get("patternProperties") or ()
    extra = (name for name in instance if name not in listed and not any(_fits(p, name) for p in patterns))
    if isinstance(wanted, dict):
        for name in extra:
            yield from validator.descend(instance[name], wanted, path=name)
    elif not wanted and (names := [repr(name) for name in islice(extra, REPORTED)]):
        verb = "was" if len(names) == 1 else "were"
        yield _error(f"Additional properties are not allowed ({', '.join(names)} {verb} unexpected)")


def _any_of(validator: Any, schemas: list[Any], instance: Any, schema: Any) -> Iterator[Any]:
    if not any(_is_valid(validator, inner, instance) for inner in schemas):
        yield _error(f"{_shown(instance)} is not valid under any of the given schemas")


def _one_of(validator: Any, schemas: list[Any], instance: Any, schema: Any) -> Iterator[Any]:
    valid = (number for number, inner in enumerate(schemas) if _is_valid(validator, inner, instance))
    first = next(valid, None)
    if first is None:
        yield _error(f"{_shown(instance)} is not valid under any of the given schemas")
    elif (second := next(valid, None)) is not None:
        yield _error(f"{_shown(instance)} is valid under more than one of the given schemas ({first} and {second})")


def _is_valid(validator: Any, schema: Any, instance: Any) -> bool:
    """Whether a value fits a schema.

    Stops at the first problem: all of them, for every choice, may be many.
    """
    return next(iter(validator.descend(instance, schema)), None) is None


def _shown(instance: Any) -> str:
    return repr(instance)[:_SHORT]


def _unique(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if wanted and isinstance(instance, list) and len(set(map(_frozen, instance))) < len(instance):
        yield _error("it has non-unique elements")


def _frozen(value: Any) -> Any:
    """A JSON value in a form to compare: 1 equals 1.0, but not true."""
    if isinstance(value, dict):
        return frozenset((name, _frozen(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return (bool, value) if isinstance(value, bool) else value


def _limited(usual: Any) -> Any:
    """A reference, limited in steps: a schema that holds itself may follow it any number of times."""

    def follow(validator: Any, reference: Any, instance: Any, schema: Any) -> Any:
        run = _run.get()
        run.left -= 1
        if run.left < 0:
            raise TooInvolved
        return usual(validator, reference, instance, schema)

    return follow


def _bounded(usual: Any) -> Any:
    def check(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if _run.get().patterned:
            return  # it would run the patterns itself, and backtrack
        if isinstance(instance, dict | list) and len(instance) > _MANY:
            yield _error(f"it has {len(instance)} items; at most {_MANY} can be checked for ones that are not allowed")
        else:
            yield from usual(validator, wanted, instance, schema) or ()

    return check

"""`--schema`: JSON Schema, a file with it, or a list of fields, such as `name, age int, bio: one sentence`."""

from __future__ import annotations

import os
import re

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "list": "array"}
_WORDS = {**_TYPES, "text": "string", **{kind: kind for kind in _TYPES.values()}}  # what is taken for them
_FIELD = re.compile(r"(?P<name>[^\W\d]\w*)(?:\s+(?P<type>\w+))?\s*(?::\s*(?P<said>.*))?", re.DOTALL)


def schema_of(text: str) -> dict[str, Any]:
    """The JSON Schema that a text says. Raises UsageError for what says none."""
    text = text.strip()
    if text.startswith("{"):
        return _read(text, "--schema")
    path = os.path.expanduser(text)
    if text.lower().endswith(".json") or (os.sep in text and os.path.isfile(path)):
        return _of_file(path)
    return _of_fields(text)


def list_of(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object whose `items` are many of another one."""
    items = {"type": "array", "items": schema}
    return {"type": "object", "properties": {"items": items}, "required": ["items"], "additionalProperties": False}


def _of_file(path: str) -> dict[str, Any]:
    from inference_providers import files

    try:
        text = files.read(path).decode("utf-8-sig")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise click.UsageError(f"The schema {path} cannot be read: {why}.") from None
    return _read(text, path)


def _read(text: str, where: str) -> dict[str, Any]:
    from inference_providers.text import jsontext

    try:
        schema = jsontext.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{where} is not JSON: {error}.") from None
    if not isinstance(schema, dict):
        raise click.UsageError(f"{where} must hold a JSON Schema, an object; it holds {type(schema).__name__}.")
    return schema


def _of_fields(text: str) -> dict[str, Any]:
    """A field for each line, or between commas where there is one line alone: a description may hold commas then."""
    apart = text.splitlines() if "\n" in text else text.split(",")
    fields: dict[str, Any] = {}
    for one in filter(None, (part.strip() for part in apart)):
        found = _FIELD.fullmatch(one)
        if found is None or (found["type"] or "str") not in _WORDS:
            raise click.UsageError(
                f"--schema: {one!r} is not a field. Write NAME, NAME TYPE or NAME TYPE: WHAT IT IS, with commas (or "
                f"lines) between fields; types are {', '.join(_TYPES)}. JSON Schema and a .json file do as well."
            )
        field: dict[str, Any] = {"type": _WORDS[found["type"] or "str"]}
        if field["type"] == "array":
            field["items"] = {"type": "string"}
        if found["said"]:
            field["description"] = found["said"].strip()
        fields[found["name"]] = field
    if not fields:
        raise click.UsageError("--schema is empty; write fields, such as 'name, age int'.")
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}

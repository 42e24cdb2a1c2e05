"""Checks a registry against its JSON Schema: every problem at once, each with its JSON path. Pure."""

from __future__ import annotations

import json
import os
from functools import lru_cache

from inference_providers.registry import linked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCHEMA_PATH = os.path.join(os.path.dirname(__file__), "inference-providers.schema.json")
_CLOSED = ("provider", "connection", "batch", "model", "retiredProvider")


@lru_cache(maxsize=2)
def _validator(strict: bool) -> Any:
    from jsonschema import Draft202012Validator

    with open(linked(SCHEMA_PATH), encoding="utf-8") as file:
        schema = json.load(file)
    if strict:
        schema["additionalProperties"] = False
        for name in _CLOSED:
            schema["$defs"][name]["additionalProperties"] = False
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def problems(data: Any, *, strict: bool = False) -> list[str]:
    """Every problem of *data*, as `$.path: what is wrong`; empty when it is a valid registry.

    Unknown fields are tolerated, so that newer files load; *strict* reports them too.
    """
    errors = sorted(_validator(strict).iter_errors(data), key=lambda error: [str(part) for part in error.absolute_path])
    return [f"{error.json_path}: {_said(error)}" for error in errors]


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

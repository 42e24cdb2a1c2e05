"""`-o KEY=VALUE`: any generation parameter."""

from __future__ import annotations

import click

from inference_providers.chat import parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_EXTRA = "extra_body"
_PASSED = ("on_unsupported",)  # an option of `ask_ai` that warnings name
_OWN = {  # what is no parameter of the model's, and by which option it is given
    "model": "-m", "system": "-s", "images": "-i", "files": "-a", "schema": "--schema", "timeout": "--timeout",
    "stream": "--no-stream", "policy": "--policy", "max_cost": "--max-cost", "avoid": "--avoid", "only": "--only",
    "api_base": "--api-base", "max_steps": "--max-steps",
}  # fmt: skip


def parameters_of(given: Iterable[str]) -> dict[str, Any]:
    """What `ask_ai` takes. A value is JSON where it is that, and where JSON is meant; else it is text.

    Raises UsageError for what has no value, or is given twice, TypeError and ValueError as `parameters.normalise` does.
    """
    found: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"-o takes KEY=VALUE, such as -o top_p=0.9, not {one!r}.")
        key = key.strip().replace("-", "_")
        if key in _OWN:
            raise click.UsageError(f"{key} has an option of its own: {_OWN[key]}.")
        fields = {_EXTRA: _extra(value)} if key == _EXTRA else _field(key, value)
        if twice := sorted(found.keys() & fields.keys()):
            raise click.UsageError(f"{twice[0]} is given twice.")
        found |= fields
    return found


def _field(key: str, value: str) -> dict[str, Any]:
    if key in _PASSED:
        return {key: value}
    read = _json(value)
    try:
        return parameters.normalise({key: value if read is None else read})
    except TypeError:
        if read is None or isinstance(read, str):
            raise
        try:  # `-o user=123`: what looks like a number is a text
            return parameters.normalise({key: value})
        except TypeError:
            pass
        raise


def _extra(value: str) -> dict[str, Any]:
    body = _json(value)
    if not isinstance(body, dict):
        raise click.UsageError("-o extra_body takes a JSON object, such as -o 'extra_body={\"top_a\": 0.1}'.")
    return body


def _json(text: str) -> Any:
    """What a text is as JSON; None where it is none, or null."""
    from inference_providers.text import jsontext

    try:
        return jsontext.loads(text)
    except ValueError:
        return None

"""Parts of a chat completion, or of its chunks, as every dialect reads them. Pure.

A provider's reply is untrusted: what has another shape than expected is nothing.
"""

from __future__ import annotations

import json
import math

from inference_providers import chat
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Made once: `json.dumps` makes one for each call.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def as_json(value: Any) -> bytes:
    """JSON that every program reads: what a provider says of numbers may be `NaN`, which is null here."""
    try:
        text = _encode(value)
    except ValueError:
        text = _encode(_finite(value))
    return text.encode("utf-8", "replace")


_BREAKS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\u0085\u2028\u2029"}  # which some read as the end of a line


def as_line(value: Any) -> bytes:
    """`as_json` that is one line to every program: some end lines at other signs, too."""
    line = as_json(value)
    return line if line.isascii() else line.decode().translate(_BREAKS).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def piece_of(call: Any) -> tuple[str, str, str]:
    """(name, arguments, id) of a call, or of a piece of one, as far as they are there."""
    call = call if isinstance(call, dict) else {}
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    name, arguments, given = function.get("name"), function.get("arguments"), call.get("id")
    if isinstance(arguments, dict):  # some give them as they are meant
        arguments = json.dumps(arguments, ensure_ascii=False)
    return (
        name if isinstance(name, str) else "",
        arguments if isinstance(arguments, str) else "",
        given if isinstance(given, str) else "",
    )


def object_of(arguments: Any) -> dict[str, Any]:
    """What a call is made with; what is no JSON object stands under one name in one, so that nothing is lost."""
    try:
        found = jsontext.loads(arguments or "{}", strict=True) if isinstance(arguments, str) else arguments
    except ValueError:
        found = arguments
    return found if isinstance(found, dict) else {"arguments": found}


def is_likely(token: Any) -> bool:
    """Whether something says of a token how likely it was."""
    if not isinstance(token, dict) or not isinstance(token.get("token"), str):
        return False
    return type(token.get("logprob")) in (int, float) and -1e9 < token["logprob"] < 1e9


def only_text(chunk: Any) -> str:
    """The text of a chunk that says nothing else, as most do; empty for all others."""
    choices = chunk.get("choices")
    if type(choices) is not list or len(choices) != 1 or chunk.get("usage"):
        return ""
    choice = choices[0]
    delta = choice.get("delta") if type(choice) is dict else None
    if type(delta) is not dict or choice.get("finish_reason") or choice.get("index") or not _TEXT_ALONE(delta):
        return ""
    text = delta.get("content")
    return text if type(text) is str else ""


_TEXT_ALONE = frozenset(("content", "role")).issuperset


class Waiting:
    """A call that cannot be told of yet, as far as it has come."""

    __slots__ = ("arguments", "extra", "id", "name")

    def __init__(self) -> None:
        self.name = self.id = ""
        self.extra: Any = None  # what its provider wants back with it
        self.arguments = chat.Pieces()

"""Thoughts that a client keeps for a model: signed or encrypted by whoever thought them, and given back as they were.

`encrypted_content` is the one field of a reasoning item that clients keep and send again without reading it. Pure.
"""

from __future__ import annotations

import base64
import binascii
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_HELD = "tool_call"
_MARK = "ip1."  # what is ours begins so: what others encrypted, only they can read


def held(call_id: str, extra: Any) -> dict[str, Any]:
    """What a provider wants back with a call (`extra_content`), as a row beside `reasoning_details`."""
    return {"type": _HELD, "id": call_id, "extra_content": extra}


def take_held(details: list[dict[str, Any]]) -> dict[str, Any]:
    """Take such rows out: what is held, by the ids of calls."""
    rows = [one for one in details if one.get("type") == _HELD]
    details[:] = [one for one in details if one.get("type") != _HELD]
    return {str(row.get("id")): row.get("extra_content") for row in rows}


def seal(details: Sequence[dict[str, Any]]) -> str:
    """`reasoning_details` as `encrypted_content`: it hides nothing, it only keeps."""
    return _MARK + base64.b64encode(json.dumps(list(details)).encode()).decode()


def open_seal(sealed: str) -> list[dict[str, Any]] | None:
    """The `reasoning_details` in `encrypted_content`; None for somebody else's."""
    if not sealed.startswith(_MARK):
        return None
    try:
        details = json.loads(base64.b64decode(sealed[len(_MARK) :], validate=True))
    except (ValueError, RecursionError, binascii.Error):
        return None
    return [one for one in details if isinstance(one, dict)] if isinstance(details, list) else None


def is_sealed_here(sealed: Any) -> bool:
    """Whether `encrypted_content` is ours, which no provider can read."""
    return isinstance(sealed, str) and sealed.startswith(_MARK)

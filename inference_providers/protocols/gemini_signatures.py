"""Signatures of thoughts, which programs that speak to Google give back as they got them. Pure.

Google's own go with a call, where its chat completions have them too. In one of ours are thoughts as a provider wants
them back with its calls: programs keep a signature and do not look into it, but forget thoughts.
"""

from __future__ import annotations

import base64
import json

from inference_providers.protocols.gemini_fields import usual_base64
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_HEAD = b'{"thoughts":'
_BEGINS = base64.b64encode(_HEAD).decode()
# What programs say that have none, and Google takes as one: it gets that anyway.
NONE = ("", "skip_thought_signature_validator", "context_engineering_is_the_way_to_go")


def signature(thoughts: str, details: Any) -> str:
    """One of ours, for thoughts and details that came beside them; empty for neither."""
    if not thoughts and not details:
        return ""
    said = json.dumps({"thoughts": thoughts, "details": details or []}, separators=(",", ":"))
    return base64.b64encode(said.encode()).decode()


def held(said: str) -> tuple[str, list[Any]] | None:
    """(thoughts, details) that one of ours holds; None for any other."""
    said = usual_base64(said)
    if not said.startswith(_BEGINS):
        return None
    try:
        found = jsontext.loads(base64.b64decode(said))
    except ValueError:
        return None
    thoughts, details = found.get("thoughts"), found.get("details")
    is_ours = isinstance(thoughts, str) and isinstance(details, list) and all(isinstance(one, dict) for one in details)
    return (thoughts, details) if is_ours else None


def of_call(said: str) -> dict[str, Any]:
    """What a call of a chat completion has for a signature of Google's."""
    return {"extra_content": {"google": {"thought_signature": usual_base64(said)}}}


def in_call(call: Mapping[str, Any]) -> str:
    """Google's signature in a call of a chat completion, if it is one that programs can read."""
    extra = call.get("extra_content")
    google = extra.get("google") if isinstance(extra, dict) else None
    said = google.get("thought_signature") if isinstance(google, dict) else None
    if not isinstance(said, str):
        return ""
    try:
        base64.b64decode(said, validate=True)
    except ValueError:
        return ""
    return said

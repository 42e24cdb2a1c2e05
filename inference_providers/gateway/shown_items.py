"""Items of a response's input, as the Responses API lists them: whole, whatever short form they came in. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_WITH_STATUS = ("message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output")


def shown(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item, with what may be left out when it is sent."""
    made = {"type": "message", **item} if item.get("type") is None else dict(item)
    if made["type"] in _WITH_STATUS:
        made["status"] = item.get("status") or "completed"
    if made["type"] == "message":
        made["content"] = _parts(item.get("content"), is_answer=item.get("role") == "assistant")
    elif made["type"] == "reasoning":
        made["summary"] = item.get("summary") or []
    return made


def _parts(content: Any, *, is_answer: bool) -> list[Any]:
    parts = content if isinstance(content, list) else [{"text": content or ""}]
    return [_part(part, is_answer) if isinstance(part, dict) else part for part in parts]


def _part(part: Mapping[str, Any], is_answer: bool) -> dict[str, Any]:
    if part.get("type") == "input_image":
        return {"detail": "auto", **part}
    if "text" not in part:
        return dict(part)
    if is_answer:
        return {"annotations": [], **part, "type": "output_text"}
    return {**part, "type": "input_text"}

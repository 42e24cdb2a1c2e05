"""The Responses API: what an event of its streams says, and what a whole response is worth. Pure.

Its streams begin with events that say nothing but that the request has arrived. What counts as begun is the first of
an item's content: text, thoughts, a tool's arguments, a picture.
"""

from __future__ import annotations

from inference_providers import chat
from inference_providers.protocols import classify
from inference_providers.protocols.classify import Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.protocols.stream_notes import Notes

_UNDER_WAY = ("queued", "in_progress")
_CONTENT = ("content", "summary", "arguments", "input", "result", "output", "code", "results")


def response_event(notes: Notes, event: Mapping[str, Any], size: int) -> bool:
    """An event of a stream."""
    kind = event.get("type")
    kind = kind if isinstance(kind, str) else ""
    notes.other += size
    response = event.get("response")
    if isinstance(response, dict):
        _state(notes, kind, response)
        return True
    delta = event.get("delta")
    if kind.endswith(".delta") and delta:
        if isinstance(delta, str):
            if kind in ("response.output_text.delta", "response.refusal.delta"):
                notes.words.add(delta)
            else:
                notes.thoughts += len(delta)
        notes.started = True
    elif _item_has_content(event.get("item"), done=kind.endswith(".done")) or event.get("partial_image_b64"):
        notes.started = True
    elif kind.endswith("_text.done") and event.get("text"):
        if not notes.started and kind == "response.output_text.done":
            notes.words.add(str(event["text"]))
        notes.started = True
    return bool(kind) and kind != "ping"


def _state(notes: Notes, kind: str, response: Mapping[str, Any]) -> None:
    """An event that holds the whole response so far."""
    status = response.get("status") or kind.removeprefix("response.")
    notes.usage = chat.billed_in(response) or notes.usage
    if kind == "response.failed" or status == "failed":
        notes.error({"error": response.get("error") or {}}, "the response failed")
    elif kind == "response.cancelled" or status == "cancelled":
        notes.fail("the response was cancelled")
    elif kind in ("response.completed", "response.incomplete", "response.done"):
        if not notes.started and has_content(response):
            notes.started = True
            notes.words.add(text_of(response))
        notes.finished = notes.done = True
        notes.filtered, notes.cut = ends_of(response)


def ends_of(response: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether a content filter ended a response, and whether the token limit did."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    return chat.is_withheld(reason), chat.is_cut(reason)


def has_content(response: Mapping[str, Any]) -> bool:
    """Whether a response says, or does, anything."""
    output = response.get("output")
    return isinstance(output, list) and any(_item_has_content(item) for item in output)


def _item_has_content(item: Any, *, done: bool = True) -> bool:
    """Whether there is anything in an item: one that has only begun is empty, a call that is done is not."""
    if not isinstance(item, dict):
        return False
    if item.get("type") == "message":
        parts = item.get("content")
        return isinstance(parts, list) and any(
            isinstance(part, dict) and (part.get("text") or part.get("refusal") or part.get("type") not in _TEXTS)
            for part in parts
        )
    return any(item.get(name) for name in _CONTENT) or (done and bool(item.get("call_id")))


_TEXTS = ("output_text", "refusal", "text")


def text_of(response: Mapping[str, Any]) -> str:
    """The text of a response's messages."""
    output = response.get("output")
    items = output if isinstance(output, list) else []
    return "".join(chat.content_text(item.get("content")) for item in items if isinstance(item, dict))


def judged(response: Mapping[str, Any], provider: str, empty: bool) -> Verdict:
    """The verdict on a whole response, to a request that created it. empty: one without content is an answer."""
    status = response.get("status")
    if status == "failed":
        return classify.unavailable(classify.NEXT, provider, "the response failed")
    if status == "cancelled":
        return classify.unavailable(classify.NEXT, provider, "the response was cancelled")
    filtered, cut = ends_of(response)
    if status in _UNDER_WAY or "output" not in response or has_content(response) or cut:
        return Verdict(classify.OK, reply=response)  # one under way will be asked for by its id
    if filtered:
        return classify.withheld(provider)
    if empty:
        return Verdict(classify.OK, reply=response)
    return classify.unavailable(classify.NEXT, provider, "the reply is empty")

"""Anthropic's messages: what an event of a stream says, what a whole message is worth, and how events add up. Pure.

Its streams begin with an event that says nothing but that the request has arrived. What counts as begun is the first of
a block's content: text, thoughts, a tool's name, a signature.
"""

from __future__ import annotations

import json

from inference_providers import chat
from inference_providers.chat import NOT_JSON
from inference_providers.protocols import classify
from inference_providers.protocols.classify import Verdict
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from inference_providers.protocols.stream_notes import Notes

PATH = "/messages"
_NAMED = ("name", "data", "signature", "content")  # what a block that has only begun may hold already
_BLOCKS = 4096  # of one message that are kept
_COUNTS = 64  # names of counts that are kept
# What grows by each type of delta: the field of a block, and that of the delta.
_GROWS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("input", "partial_json"),
}


def message_event(notes: Notes, event: Mapping[str, Any], size: int) -> bool:
    """An event of a stream."""
    kind = event.get("type")
    if kind == "content_block_delta":
        _delta(notes, event.get("delta"), size)
        return True
    notes.other += size
    if kind == "content_block_start":
        block = event.get("content_block")
        if isinstance(block, dict):
            _begun(notes, block)
    elif kind == "message_delta" or kind == "message_start":
        usage = usage_in(event)
        if usage:
            notes.usage = with_usage(notes.usage, usage)
        delta = event.get("delta")
        reason = delta.get("stop_reason") if isinstance(delta, dict) else None
        if reason:
            _ended(notes)
            notes.filtered, notes.cut = chat.is_withheld(reason), chat.is_cut(reason)
    elif kind == "message_stop":
        _ended(notes)
        notes.done = True
    return isinstance(kind, str)


def _delta(notes: Notes, delta: Any, size: int) -> None:
    if not isinstance(delta, dict):
        return
    kind = delta.get("type")
    if kind == "text_delta" and type(text := delta.get("text")) is str:
        if text:
            notes.words.add(text)
            notes.started = True
        return
    notes.other += size
    if kind == "thinking_delta" and type(thought := delta.get("thinking")) is str:
        notes.thoughts += len(thought)
        notes.started = notes.started or bool(thought)
    elif kind in _GROWS and delta.get(_GROWS[kind][1]):
        notes.started = True


def _begun(notes: Notes, block: Mapping[str, Any]) -> None:
    """A block begins: some hold all of it at once."""
    text = block.get("text")
    if isinstance(text, str) and text:
        notes.words.add(text)
        notes.started = True
    elif block.get("thinking") or any(block.get(name) for name in _NAMED):
        notes.started = True


def _ended(notes: Notes) -> None:
    notes.finished = notes.resting = True
    notes.finishes.add(0)


def usage_in(event: Mapping[str, Any]) -> Any:
    """What an event, or a message, tells of the tokens used; None where it does not."""
    usage = event.get("usage")
    message = event.get("message")
    if not usage and isinstance(message, dict):
        usage = message.get("usage")
    return usage if isinstance(usage, dict) else None


def with_usage(so_far: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    """Counts of a stream so far: they are cumulative, and some servers begin, or end, with zeros."""
    made = dict(so_far) if isinstance(so_far, dict) and len(so_far) < _COUNTS else {}
    for name, value in more.items():
        known = made.get(name)
        if value is None or (type(value) is int and type(known) is int and value < known):
            continue
        made[name] = value
    return made


def judged(message: Mapping[str, Any], provider: str, empty: bool) -> Verdict:
    """The verdict on a whole message. empty: one without content is an answer."""
    content, reason = message.get("content"), message.get("stop_reason")
    if not isinstance(content, list):
        return classify.unavailable(classify.NEXT, provider, "the reply is not a message")
    if any(isinstance(block, dict) and _has_content(block) for block in content):
        return Verdict(classify.OK, reply=message)
    if chat.is_withheld(reason):
        return classify.withheld(provider)
    if empty or chat.is_cut(reason):
        return Verdict(classify.OK, reply=message)
    return classify.unavailable(classify.NEXT, provider, "the reply is empty")


def _has_content(block: Mapping[str, Any]) -> bool:
    return bool(block.get("text") or block.get("thinking")) or any(block.get(name) for name in _NAMED)


def whole(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The message that the events of a stream add up to."""
    message: dict[str, Any] = {"type": "message", "role": "assistant", "content": [], "stop_reason": None}
    blocks: dict[int, dict[str, Any]] = {}
    pieces: dict[tuple[int, str], chat.Pieces] = {}
    usage: Any = None
    for event in events:
        kind, index = event.get("type"), event.get("index")
        if more := usage_in(event):
            usage = with_usage(usage, more)
        if kind == "message_start" and isinstance(event.get("message"), dict):
            message |= {name: value for name, value in event["message"].items() if name not in ("content", "usage")}
        elif kind == "message_delta" and isinstance(event.get("delta"), dict):
            message |= {name: value for name, value in event["delta"].items() if value is not None}
        elif type(index) is not int:
            continue
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            if len(blocks) < _BLOCKS:
                blocks.setdefault(index, dict(event["content_block"]))
        elif kind == "content_block_delta" and isinstance(delta := event.get("delta"), dict):
            grows = _GROWS.get(named) if isinstance(named := delta.get("type"), str) else None
            if index in blocks and grows is not None and isinstance(piece := delta.get(grows[1]), str):
                pieces.setdefault((index, grows[0]), chat.Pieces()).add(piece)
    for (index, name), piece in pieces.items():
        blocks[index][name] = _grown(name, blocks[index].get(name), piece.text)
    message["content"] = list(blocks.values())
    return message if usage is None else {**message, "usage": usage}


def _grown(name: str, begun: Any, text: str) -> Any:
    """A field of a block with all that was added to it."""
    if name != "input":
        return f"{begun}{text}" if isinstance(begun, str) else text
    return input_of(text) if text.strip() else begun


def input_of(text: str) -> dict[str, Any]:
    """A call's input from its JSON; what is not an object stands under one name in one, so that nothing is lost."""
    try:
        found = jsontext.loads(text or "{}")
    except ValueError:
        found = text
    return found if isinstance(found, dict) else {NOT_JSON: text}


def arguments_of(given: Any) -> str:
    """A call's input as the text of its arguments."""
    return json.dumps(given if isinstance(given, dict) else {}, ensure_ascii=False)


def events_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of a stream that add up to a message: each block comes whole, in one delta."""
    head = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": head}]
    content = message.get("content")
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(block, dict):
            continue
        begun, deltas = dict(block), []
        for kind, (name, field) in _GROWS.items():
            if name == "input" and isinstance(block.get(name), dict):
                begun[name] = {}
                deltas.append({"type": kind, field: arguments_of(block[name])})
            elif name != "input" and isinstance(block.get(name), str):
                begun[name] = ""
                deltas.append({"type": kind, field: block[name]})
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ended = {name: message.get(name) for name in ("stop_reason", "stop_sequence")}
    events.append({"type": "message_delta", "delta": ended, "usage": usage_in(message) or {"output_tokens": 0}})
    return [*events, {"type": "message_stop"}]

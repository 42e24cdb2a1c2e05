"""Anthropic's messages made into chat completions: whole, and event by event. Pure.

A message is untrusted: what has another shape than expected is left out.
"""

from __future__ import annotations

import json

from inference_providers.protocols.messages_stream import arguments_of, with_usage
from inference_providers.protocols.messages_stream import usage_in as usage_in_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ANSWER_TOOL = "inference_providers_json_answer"  # its input is the text of the answer: see `messages_out`
_REASONS = {
    "end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls",
    "refusal": "content_filter", "model_context_window_exceeded": "length",
}  # fmt: skip
_KEPT = ("cache_creation", "server_tool_use", "service_tier")  # of a usage, as they are
_CALLS = 4096  # calls of one message that are kept


def completion(message: Mapping[str, Any], now: float) -> dict[str, Any]:
    """A message as a chat completion. now: a Unix time, in seconds."""
    texts: list[str] = []
    thoughts: list[str] = []
    details: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        if kind == "text":
            texts.append(_text(block, "text"))
        elif kind == "thinking":
            thoughts.append(thought := _text(block, "thinking"))
            signed = {"signature": block["signature"]} if _text(block, "signature") else {}
            details.append({"type": "reasoning.text", "index": len(details), "text": thought, **signed})
        elif kind == "redacted_thinking" and _text(block, "data"):
            details.append({"type": "reasoning.encrypted", "index": len(details), "data": block["data"]})
        elif kind == "tool_use" and block.get("name") == ANSWER_TOOL:
            texts.append(arguments_of(block.get("input")))
        elif kind == "tool_use" and len(calls) < _CALLS:
            function = {"name": _text(block, "name"), "arguments": arguments_of(block.get("input"))}
            calls.append({"id": _text(block, "id"), "type": "function", "function": function})
    turn: dict[str, Any] = {"role": "assistant", "content": "".join(texts) or None}
    if words := "".join(thoughts):
        turn["reasoning_content"] = words
    if details:
        turn["reasoning_details"] = details
    if calls:
        turn["tool_calls"] = calls
    choice = {"index": 0, "message": turn, "finish_reason": finish_reason(message.get("stop_reason"), bool(calls))}
    made = {**_head(message, now), "object": "chat.completion", "choices": [choice]}
    counts = usage(message.get("usage"))
    return made if counts is None else {**made, "usage": counts}


def _head(message: Mapping[str, Any], now: float) -> dict[str, Any]:
    return {"id": _text(message, "id"), "created": int(now), "model": _text(message, "model")}


def finish_reason(said: Any, called: bool) -> str:
    """Why an answer ended. called: it calls tools of the caller's."""
    found = _REASONS.get(said if isinstance(said, str) else "", "stop")
    if found == "tool_calls":
        return found if called else "stop"
    return found


def usage(said: Any) -> dict[str, Any] | None:
    """Tokens in OpenAI's words: those read from a cache, or written to one, are among the prompt's."""
    if not isinstance(said, dict) or "prompt_tokens" in said:
        return said if isinstance(said, dict) else None
    read, written = _count(said, "cache_read_input_tokens"), _count(said, "cache_creation_input_tokens")
    prompt, answer = _count(said, "input_tokens") + read + written, _count(said, "output_tokens")
    made: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}
    if read or written:
        made["prompt_tokens_details"] = {"cached_tokens": read, **({"cache_write_tokens": written} if written else {})}
    thought = said.get("output_tokens_details")
    if isinstance(thought, dict) and (count := _count(thought, "thinking_tokens")):
        made["completion_tokens_details"] = {"reasoning_tokens": count}
    return made | {name: said[name] for name in _KEPT if said.get(name) is not None}


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _count(value: Mapping[str, Any], name: str) -> int:
    found = value.get(name)
    return found if type(found) is int and 0 <= found < 1 << 53 else 0


class Chunks:
    """The chunks of a chat completion, made of the events of a message as they come."""

    def __init__(self, now: float) -> None:
        self._head: dict[str, Any] = _head({}, now)
        self._now = now
        self._calls: dict[int, _Call] = {}  # by the index of their block
        self._details: dict[int, int] = {}  # which of `reasoning_details` a block is, by its index
        self._spoken = self._called = self._ended = False
        self.counts: Any = None  # tokens used, in Anthropic's names

    def chunk(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """The chunk that an event brings; None where it brings none."""
        kind, index = event.get("type"), event.get("index")
        index = index if type(index) is int else 0
        if more := usage_in_event(event):
            self.counts = with_usage(self.counts, more)
        if kind == "content_block_delta":
            delta = self._delta(event.get("delta"), index)
        elif kind == "content_block_start":
            delta = self._begin(event.get("content_block"), index)
        elif kind == "content_block_stop":
            delta = self._rest(index)
        elif kind == "message_start" and isinstance(message := event.get("message"), dict):
            self._head = _head(message, self._now)
            return None if self._spoken else self._made({})
        elif kind == "message_delta" and isinstance(said := event.get("delta"), dict) and said.get("stop_reason"):
            return self._end(said["stop_reason"])
        elif kind == "message_stop":
            return self._end(None)
        else:
            return None
        return self._made(delta) if delta else None

    def _made(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        if not self._spoken:
            self._spoken = True
            delta = {"role": "assistant", **delta}
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _end(self, reason: Any) -> dict[str, Any] | None:
        """The chunk that ends it, with the tokens used; only one is given."""
        if self._ended:
            return None
        self._ended = True
        pieces = [piece for call in self._calls.values() if (piece := call.rest()) is not None]
        texts = "".join(piece for piece in pieces if isinstance(piece, str))
        calls = [piece for piece in pieces if isinstance(piece, dict)]
        delta: dict[str, Any] = {"content": texts} if texts else {}
        made = self._made(delta | {"tool_calls": calls} if calls else delta, finish_reason(reason, self._called))
        counts = usage(self.counts)
        return made if counts is None else {**made, "usage": counts}

    def _begin(self, block: Any, index: int) -> dict[str, Any]:
        """A block begins. Some servers give all of it here."""
        if not isinstance(block, dict):
            return {}
        kind = block.get("type")
        if kind == "tool_use" and index not in self._calls and len(self._calls) < _CALLS:
            answer = block.get("name") == ANSWER_TOOL
            number = sum(call.number is not None for call in self._calls.values())
            call = self._calls[index] = _Call(None if answer else number, block.get("input"))
            if answer:
                return {}
            self._called = True
            function = {"name": _text(block, "name"), "arguments": ""}
            piece = {"index": call.number, "id": _text(block, "id"), "type": "function", "function": function}
            return {"tool_calls": [piece]}
        if kind == "redacted_thinking" and _text(block, "data"):
            return {"reasoning_details": [self._detail("reasoning.encrypted", index, data=block["data"])]}
        if kind == "thinking":
            signed = {"signature": block["signature"]} if _text(block, "signature") else {}
            return self._thought(_text(block, "thinking"), index, **signed)
        return {"content": block["text"]} if kind == "text" and _text(block, "text") else {}

    def _delta(self, delta: Any, index: int) -> dict[str, Any]:
        if not isinstance(delta, dict):
            return {}
        kind = delta.get("type")
        if kind == "text_delta":
            return {"content": text} if (text := _text(delta, "text")) else {}
        if kind == "thinking_delta":
            return self._thought(text, index) if (text := _text(delta, "thinking")) else {}
        if kind == "signature_delta" and _text(delta, "signature"):
            return {"reasoning_details": [self._detail("reasoning.text", index, signature=delta["signature"])]}
        call = self._calls.get(index)
        if kind == "input_json_delta" and call is not None and (text := _text(delta, "partial_json")):
            return _as_delta(call.more(text))
        return {}

    def _rest(self, index: int) -> dict[str, Any]:
        call = self._calls.get(index)
        return {} if call is None else _as_delta(call.rest())

    def _thought(self, text: str, index: int, **more: str) -> dict[str, Any]:
        delta: dict[str, Any] = {"reasoning_content": text} if text else {}
        return delta | {"reasoning_details": [self._detail("reasoning.text", index, text=text, **more)]}

    def _detail(self, kind: str, index: int, **fields: str) -> dict[str, Any]:
        number = self._details.setdefault(index, len(self._details))
        return {"type": kind, "index": number, **fields}


class _Call:
    """A call as it comes. number: which of the calls; None for the one whose input is the answer's text."""

    __slots__ = ("_begun", "_given", "number")

    def __init__(self, number: int | None, given: Any) -> None:
        self.number, self._given, self._begun = number, given, False

    def more(self, text: str) -> str | dict[str, Any]:
        """A piece of its arguments, or of the answer's text."""
        self._begun = True
        return text if self.number is None else {"index": self.number, "function": {"arguments": text}}

    def rest(self) -> str | dict[str, Any] | None:
        """What has not come in pieces: its arguments as they were given when it began."""
        return None if self._begun else self.more(arguments_of(self._given))


def _as_delta(piece: str | dict[str, Any] | None) -> dict[str, Any]:
    if piece is None:
        return {}
    return {"content": piece} if isinstance(piece, str) else {"tool_calls": [piece]}


def as_bytes(reply: Mapping[str, Any]) -> bytes:
    """A completion as JSON: in ASCII, since half of a surrogate pair has no bytes."""
    return json.dumps(reply).encode()

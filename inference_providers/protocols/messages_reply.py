"""Anthropic's messages, as programs get them: made of a chat completion, whole or as it comes. Pure."""

from __future__ import annotations

import json

from inference_providers import chat
from inference_providers.protocols.reply_parts import Waiting, as_line, object_of, only_text, piece_of
from inference_providers.usage import Usage, usage_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.protocols.dialect import Asked

_REASONS = {
    "stop": "end_turn", "length": "max_tokens", "max_tokens": "max_tokens", "tool_calls": "tool_use",
    "function_call": "tool_use", "content_filter": "refusal",
}  # fmt: skip
_ERRORS = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 408: "timeout_error", 413: "request_too_large", 429: "rate_limit_error",
    503: "overloaded_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
TEXT, THINKING, CALL = "text", "thinking", "call"


def reply(data: Mapping[str, Any], asked: Asked, *, new_id: Callable[[str], str]) -> dict[str, Any]:
    """A message: thoughts, text and calls of a chat completion's first answer."""
    choice = chat.first_choice(data)
    message = chat.message_of(data)
    content: list[dict[str, Any]] = []
    if _shows_thoughts(asked):
        content += _thinking(message)
    if text := chat.content_text(message.get("content")) or chat.refusal_in(message):
        content.append({"type": "text", "text": text})
    for call in chat.tool_calls(message):
        name, arguments, given = piece_of(call)
        use = {"type": "tool_use", "id": given or new_id("toolu_"), "name": name, "input": object_of(arguments)}
        content.append(use)
    called = any(block["type"] == "tool_use" for block in content)
    reason = _reason(choice.get("finish_reason"), called)
    return {
        **_head(asked, new_id, data.get("model")),
        "content": content,
        "stop_reason": reason,
        "usage": usage(data.get("usage")),
    }


def _shows_thoughts(asked: Asked) -> bool:
    """Whether thoughts are in a message: where they were asked for, or may have to go back with a call.

    Anthropic shows them to nobody else, so programs that do not ask take the first block for the text.
    """
    thinking = asked.original.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    return kind in ("enabled", "adaptive") or bool(asked.original.get("tools"))


def _thinking(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Thoughts, in one block but for those that are signed, or that nobody can read."""
    details = _details(message)
    if not any(detail.get("signature") or detail.get("data") for detail in details):
        thoughts = chat.thoughts(message)
        return [{"type": "thinking", "thinking": thoughts, "signature": ""}] if thoughts else []
    blocks: list[dict[str, Any]] = []
    words: list[str] = []
    for detail in details:
        if data := _word(detail.get("data")):
            blocks.append({"type": "redacted_thinking", "data": data})
            continue
        words.append(_word(detail.get("text")))
        if signature := _word(detail.get("signature")):
            blocks.append({"type": "thinking", "thinking": "".join(words), "signature": signature})
            words = []
    if rest := "".join(words):
        blocks.append({"type": "thinking", "thinking": rest, "signature": ""})
    return blocks


def _details(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = message.get("reasoning_details")
    return [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _head(asked: Asked, new_id: Callable[[str], str], model: Any = None) -> dict[str, Any]:
    """model: the one that answered, as its provider calls it; else the name that was asked for is told."""
    name = _word(model) or asked.body["model"]
    return {
        "id": new_id("msg_"), "type": "message", "role": "assistant", "model": name, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage(None),
    }  # fmt: skip


def _reason(said: Any, called: bool) -> str:
    if called and said != "length":
        return "tool_use"  # some say `stop` to their own calls
    found = _REASONS.get(said if isinstance(said, str) else "", "end_turn")
    return found if found != "tool_use" or called else "end_turn"


def usage(said: Any) -> dict[str, int]:
    """Tokens in Anthropic's words: those read from a cache are not among the input's."""
    used = usage_of(said) or Usage(0, 0)
    cached = min(used.cached_tokens, used.input_tokens)
    written = min(used.more.get("cache_write_tokens", 0), used.input_tokens - cached)
    return {
        "input_tokens": used.input_tokens - cached - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": used.output_tokens,
    }


def error(status: int, message: str) -> dict[str, Any]:
    """A failure in Anthropic's form, which has no place for a code."""
    kind = _ERRORS.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


class Events:
    """A stream of a message, made of the chunks of a chat completion.

    One block is open at a time. Calls may come in pieces that alternate, and text between the pieces of a call: what
    cannot go into the open block waits until that is whole.
    """

    def __init__(self, asked: Asked, *, new_id: Callable[[str], str]) -> None:
        self._asked, self._new_id, self._shows = asked, new_id, _shows_thoughts(asked)
        self._begun = self._ended = False
        self._index = -1
        self._open = ""  # TEXT, THINKING or CALL
        self._sealed_so_far = True  # whether the open block needs no signature, or has one
        self._calls = chat.ToolCalls()
        self._call: int | None = None  # which of them is open
        self._waiting: dict[int, Waiting] = {}  # those that are not open
        self._later: list[tuple[str, str]] = []  # text and thoughts that came while a call was open
        self._reason: Any = None
        self._called = False
        self._usage: Any = None

    def feed(self, chunk: Mapping[str, Any]) -> bytes:
        """The events that a chunk brings."""
        if self._open == TEXT and (text := only_text(chunk)):
            return _MORE_TEXT % (self._index, as_line(text))
        out = [] if self._begun else [self._start(chunk.get("model"))]
        if said := chat.usage_in(chunk):
            self._usage = chat.with_usage(self._usage, said)
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and not choice.get("index"):
                delta = chat.delta_of(choice)
                if self._shows:
                    out += self._words(THINKING, chat.thoughts(delta))
                    for detail in _details(delta):
                        out += self._sealed(detail)
                out += self._words(TEXT, chat.content_text(delta.get("content")) or chat.refusal_in(delta))
                for call in chat.tool_calls(delta):
                    out += self._piece(call)
                self._reason = choice.get("finish_reason") or self._reason
        return b"".join(out)

    def end(self) -> bytes:
        """The events that end it."""
        if self._ended:
            return b""
        self._ended = True
        out = [] if self._begun else [self._start()]
        out += self._stop()
        for call in self._waiting.values():
            if call.name or call.arguments.size:
                out += [*self._start_call(call), *self._stop()]
        self._waiting = {}
        for kind, words in self._later:
            out += self._words(kind, words)
        out += self._stop()
        reason = _reason(self._reason, self._called)
        delta = {"stop_reason": reason, "stop_sequence": None}
        out.append(_event("message_delta", {"delta": delta, "usage": usage(self._usage)}))
        out.append(_event("message_stop", {}))
        return b"".join(out)

    def failed(self, status: int, message: str, code: str = "") -> bytes:
        """The event that says that it failed."""
        self._ended = True
        return b"event: error\ndata: " + json.dumps(error(status, message)).encode() + b"\n\n"

    def _start(self, model: Any = None) -> bytes:
        self._begun = True
        return _event("message_start", {"message": _head(self._asked, self._new_id, model)})

    def _words(self, kind: str, words: str, *, even_empty: bool = False) -> list[bytes]:
        if not words and not even_empty:
            return []
        if self._open == CALL:
            self._later.append((kind, words))
            return []
        out: list[bytes] = []
        if self._open != kind:
            out += self._stop()
            block = {"type": "text", "text": ""} if kind == TEXT else {"type": kind, "thinking": "", "signature": ""}
            out += self._begin(kind, block)
            self._sealed_so_far = kind != THINKING
        if not words:
            return out
        delta = {"type": f"{kind}_delta", kind: words}
        return [*out, _event("content_block_delta", {"index": self._index, "delta": delta})]

    def _sealed(self, detail: Mapping[str, Any]) -> list[bytes]:
        """The signature of thoughts, or what nobody but their model can read."""
        if data := _word(detail.get("data")):
            if self._open == CALL:
                return []  # no model thinks within a call
            return [*self._stop(), *self._begin(THINKING, {"type": "redacted_thinking", "data": data}), *self._stop()]
        signature = _word(detail.get("signature"))
        if not signature or self._open == CALL:
            return []
        out = [] if self._open == THINKING else self._words(THINKING, "", even_empty=True)
        return [*out, self._seal(signature), *self._stop()]

    def _seal(self, signature: str) -> bytes:
        self._sealed_so_far = True
        delta = {"type": "signature_delta", "signature": signature}
        return _event("content_block_delta", {"index": self._index, "delta": delta})

    def _piece(self, call: Any) -> list[bytes]:
        place = self._calls.add_piece(call)
        if place is None:
            return []
        name, arguments, given = piece_of(call)
        if self._open == CALL and place == self._call:
            return self._arguments(arguments)
        waiting = self._waiting.setdefault(place, Waiting())
        waiting.name, waiting.id = waiting.name or name, waiting.id or given
        waiting.arguments.add(arguments)
        if not waiting.name or self._open == CALL:
            return []
        out = [*self._stop(), *self._start_call(self._waiting.pop(place))]
        self._call = place
        return out

    def _start_call(self, call: Waiting) -> list[bytes]:
        self._called = True
        block = {"type": "tool_use", "id": call.id or self._new_id("toolu_"), "name": call.name, "input": {}}
        return [*self._begin(CALL, block), *self._arguments(call.arguments.text)]

    def _arguments(self, piece: str) -> list[bytes]:
        if not piece:
            return []
        delta = {"type": "input_json_delta", "partial_json": piece}
        return [_event("content_block_delta", {"index": self._index, "delta": delta})]

    def _begin(self, kind: str, block: dict[str, Any]) -> list[bytes]:
        self._open = kind
        self._index += 1
        return [_event("content_block_start", {"index": self._index, "content_block": block})]

    def _stop(self) -> list[bytes]:
        if not self._open:
            return []
        # Some programs keep thoughts only where a signature came, be it an empty one.
        out = [] if self._sealed_so_far else [self._seal("")]
        self._open, self._call = "", None
        return [*out, _event("content_block_stop", {"index": self._index})]


_MORE_TEXT = (
    b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": %d, '
    b'"delta": {"type": "text_delta", "text": %b}}\n\n'
)  # what most chunks come to


def _event(kind: str, fields: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), as_line({"type": kind, **fields}))

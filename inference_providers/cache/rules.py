"""What may be kept: which requests, and which replies to them. Pure.

Only what is text and changes nothing at a provider: a path that is not named here is never kept.
"""

from __future__ import annotations

from inference_providers import chat
from inference_providers.text import jsontext
from inference_providers.transport import sse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.protocols import ModelRequest

CHAT, RESPONSES, EMBEDDINGS = "chat", "responses", "embeddings"
STREAM = " stream"
KINDS = (CHAT, CHAT + STREAM, RESPONSES, RESPONSES + STREAM, EMBEDDINGS)
_KINDS = {chat.PATH: CHAT, "/responses": RESPONSES, "/embeddings": EMBEDDINGS}
# Fields of a request whose reply is more than its text: it is kept at the provider, made of what is kept there, looked
# up elsewhere, or sound.
_CHANGING = (
    *("store", "background", "previous_response_id", "conversation", "prompt", "web_search_options", "audio"),
    *("plugins", "search_parameters"),
)
_OWN_TOOLS = ("function", "custom")  # whose calls the caller makes; others are run by the provider


def kind_of(request: ModelRequest) -> str:
    """The kind of reply that may be kept for a request; empty for none."""
    kind, body = _KINDS.get(request.api, ""), request.body
    if not kind or not isinstance(body, dict) or request.content or request.accept:
        return ""
    if any(body.get(name) for name in _CHANGING) or not _is_text(body) or not _has_own_tools(body.get("tools")):
        return ""
    if kind == RESPONSES and body.get("store") is not False:  # the API's default is to keep it
        return ""
    if request.streams:
        return "" if kind == EMBEDDINGS else kind + STREAM
    return kind


def _is_text(body: Mapping[str, Any]) -> bool:
    modalities = body.get("modalities")
    return not modalities or modalities == ["text"]


def _has_own_tools(tools: Any) -> bool:
    if not tools:
        return True
    return isinstance(tools, list) and all(isinstance(tool, dict) and tool.get("type") in _OWN_TOOLS for tool in tools)


def is_whole(kind: str, data: Any) -> bool:
    """Whether a reply of a kind has all that was asked for: no error, nothing withheld, and not broken off.

    One that the request's own limit of tokens has cut is whole for that request.
    """
    if not isinstance(data, dict) or data.get("error"):
        return False
    base = kind.removesuffix(STREAM)
    return _RULES[base](data) if base in _RULES else False


def _chat(data: Mapping[str, Any]) -> bool:
    choices = data.get("choices")
    return isinstance(choices, list) and bool(choices) and all(map(_choice, choices))


def _choice(choice: Any) -> bool:
    if not isinstance(choice, dict) or choice.get("error"):
        return False
    reason, message = choice.get("finish_reason"), choice.get("message")
    if not isinstance(reason, str) or not reason or reason in chat.FAILED or chat.is_withheld(reason):
        return False
    if not isinstance(message, dict) or chat.refusal_in(message) or message.get("audio"):
        return False
    return bool(chat.content_text(message.get("content")) or chat.has_tool_calls(choice))


def _responses(data: Mapping[str, Any]) -> bool:
    details, output = data.get("incomplete_details"), data.get("output")
    reason = details.get("reason") if isinstance(details, dict) else None
    if data.get("status") != "completed" and not chat.is_cut(reason):
        return False
    if not isinstance(output, list) or not output or chat.is_withheld(reason):
        return False
    return not any(isinstance(item, dict) and chat.refusal_in(item) for item in output)


def _embeddings(data: Mapping[str, Any]) -> bool:
    rows = data.get("data")
    return isinstance(rows, list) and bool(rows) and all(isinstance(row, dict) and row.get("embedding") for row in rows)


_RULES = {CHAT: _chat, RESPONSES: _responses, EMBEDDINGS: _embeddings}


def whole_of(kind: str, chunks: Sequence[Mapping[str, Any]]) -> Any:
    """The reply that the chunks of a stream of a kind come to."""
    if kind.startswith(CHAT):
        return chat.assembled(chunks)
    return next((chunk["response"] for chunk in reversed(chunks) if isinstance(chunk.get("response"), dict)), None)


def read(kind: str, content: bytes) -> tuple[Any, list[dict[str, Any]] | None] | None:
    """(reply, chunks of its stream or None) of what was kept; None for what is not a whole reply of its kind."""
    chunks: list[dict[str, Any]] | None = None
    try:
        if kind.endswith(STREAM):
            chunks = _chunks(content)
            data = whole_of(kind, chunks)
        else:
            data = jsontext.loads(content if len(content) > jsontext.LARGE else content.decode("utf-8"))
        return (data, chunks) if is_whole(kind, data) else None
    except (ValueError, TypeError, AttributeError, KeyError):  # whatever was put into the file
        return None


def _chunks(content: bytes) -> list[dict[str, Any]]:
    parser = sse.Parser()
    events = [*parser.feed(content), *parser.end()]
    found = [jsontext.loads(event.data) for event in events if event.data and event.data.strip() != "[DONE]"]
    return [chunk for chunk in found if isinstance(chunk, dict)]

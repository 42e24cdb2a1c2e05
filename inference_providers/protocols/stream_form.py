"""The forms of a stream: lines, chunks, server-sent events, and what a whole reply is in them. Pure."""

from __future__ import annotations

import json

from inference_providers import chat
from inference_providers.text import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any


def is_chunk(line: bytes | bytearray) -> bool:
    """Whether a line of JSON is a chunk of a stream, and no whole reply."""
    try:
        chunk = jsontext.loads(bytes(line))
    except ValueError:
        return False
    if not isinstance(chunk, dict):
        return False
    kinds = (str(chunk.get("type", "")), str(chunk.get("object", "")))
    return "delta" in chat.first_choice(chunk) or kinds[0].startswith("response.") or kinds[1].endswith(".chunk")


def as_chunk(reply: Mapping[str, Any]) -> dict[str, Any]:
    """A whole reply as one chunk of a stream of the same API."""
    if reply.get("object") == "response":
        return {"type": f"response.{reply.get('status') or 'completed'}", "sequence_number": 0, "response": dict(reply)}
    return chat.as_chunk(reply)


def as_chunks(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A whole reply as a stream of the same API: one chunk, or the events that a message of Anthropic's has."""
    if reply.get("type") != "message":
        return [as_chunk(reply)]
    from inference_providers.protocols.messages_stream import events_of

    return events_of(reply)


def delta_text(chunk: Mapping[str, Any]) -> str:
    """The text of a stream chunk."""
    return chat.content_text(chat.first_delta(chunk).get("content"))


def as_events(chunks: Iterable[Mapping[str, Any]], *, done: bool = True) -> Iterator[bytes]:
    """Chunks as server-sent events: for a server that answered a request for a stream with one JSON reply.

    What has no choices, but a type, is an event of another API, whose readers want its name.
    """
    for chunk in chunks:
        if "choices" not in chunk and isinstance(kind := chunk.get("type"), str) and kind.isprintable():
            yield f"event: {kind}\n".encode("utf-8", "replace")
        yield b"data: " + json.dumps(chunk).encode() + b"\n\n"  # in ASCII: half of a surrogate pair has no bytes
    if done:
        yield b"data: [DONE]\n\n"

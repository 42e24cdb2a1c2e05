"""Usage of streams: asked for where the caller has not, for the log and its costs, and then kept from the caller. Pure.

OpenAI's API tells it in a last chunk without choices, which programs that have not asked for it trip over.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

    from inference_providers.protocols import ModelRequest

_ASKED = b'"stream_options":{"include_usage":true},'
_NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]').search
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def ask_for_usage(request: ModelRequest) -> bool:
    """Have a stream tell its usage; whether that was not asked for before."""
    body: Any = request.body
    options = body.get("stream_options")
    if options is not None and not (isinstance(options, dict) and "include_usage" not in options):
        return False
    request.body = {**body, "stream_options": {**(options or {}), "include_usage": True}}
    raw = request.raw.lstrip()
    request.raw = b"{" + _ASKED + raw[1:] if "stream_options" not in body and raw[:1] == b"{" else b""
    return True


async def without_usage(pieces: AsyncIterator[bytes], is_whole: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The pieces of a stream without chunks that only tell usage.

    They come when the answer is whole: what comes before goes on as it is, at once.
    """
    held = b""
    async for piece in pieces:
        if not (held or is_whole() or (b'"usage"' in piece and _NO_CHOICES(piece))):
            yield piece
            continue
        held += piece
        kept, held = _split(held)
        if kept:
            yield kept
    if held:
        yield held


def _split(data: bytes) -> tuple[bytes, bytes]:
    """The whole events, but for those that only tell usage, and what is not whole yet."""
    kept, start = [], 0
    for end in _END.finditer(data):
        event = data[start : end.end()]
        only_usage = b'"usage"' in event and _NO_CHOICES(event)
        # The end of the event before may have come in two pieces.
        kept.append(event[: len(event) - len(event.lstrip(b"\r\n"))] if only_usage else event)
        start = end.end()
    return b"".join(kept), data[start:]

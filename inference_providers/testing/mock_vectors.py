"""Vectors for mock mode: the same for the same text, and without a meaning. Pure."""

from __future__ import annotations

import base64
import hashlib
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

DIMENSIONS = 8  # of a vector, where the request does not say


def embeddings(body: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to a request for embeddings, as OpenAI's."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else list(given or ())
    size = body.get("dimensions") or DIMENSIONS
    rows = []
    for place, text in enumerate(texts):
        vector: Any = _vector(str(text), size)
        if body.get("encoding_format") == "base64":  # as the SDK asks
            vector = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()
        rows.append({"object": "embedding", "index": place, "embedding": vector})
    tokens = sum(len(str(text)) // 4 + 1 for text in texts)
    return {
        "object": "list",
        "model": body["model"],
        "data": rows,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vector(text: str, size: int) -> list[float]:
    """Numbers between -1 and 1."""
    bits = hashlib.shake_128(text.encode("utf-8", "surrogatepass")).digest(2 * size)
    return [round(number / 32768, 4) for number in struct.unpack(f"<{size}h", bits)]

"""Which of the models that a server lists are there to talk to. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# What rows say of themselves that are no models to talk to. Of others, names tell it.
_KINDS = frozenset((
    "embedding", "embeddings", "image", "video", "audio", "speech", "tts", "stt", "transcription", "transcribe",
    "rerank", "reranker", "reranking", "moderation", "classification", "ocr", "score",
))  # fmt: skip


def is_to_talk_to(row: Mapping[str, Any]) -> bool:
    """Whether what a row of a list of models says of its model does not rule it out; most say nothing."""
    kinds = {str(row.get(key)).lower() for key in ("type", "model_type", "task", "object")}
    shape, can = row.get("architecture"), row.get("capabilities")
    output = shape.get("output_modalities") if isinstance(shape, dict) else None
    chats = can.get("completion_chat", True) if isinstance(can, dict) else True
    labels = [word for field in (can, row.get("labels")) if isinstance(field, list) for word in map(str, field)]
    only_other = bool(labels) and all(word.lower() in _KINDS for word in labels)
    ended = row.get("deprecated") is True or row.get("archived") is True
    ruled_out = ended or kinds & _KINDS or not chats or only_other
    return not ruled_out and (not isinstance(output, list) or "text" in output)

"""GGUF files: what their head says of the model. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md."""

from __future__ import annotations

import os
import struct

from inference_providers import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, BinaryIO

    from inference_providers.servers.records import ModelFacts

MAGIC = b"GGUF"
HEAD_CAP = 64 * 1024 * 1024  # bytes of a file's head; vocabularies are in it
_MOST_ITEMS = 1024  # of a list that is kept
_KV_BYTES = 2  # of one number in the cache of keys and values
# The format's numbers of types, those of numbers with their `struct` format.
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_TEXT, _LIST = 8, 9


def facts(path: str) -> ModelFacts:
    """Layers, heads, sizes and context of a GGUF file, from its head; empty where it cannot be read."""
    try:
        with open(path, "rb", opener=files.regular) as file:
            metadata = _metadata(file)
    except (OSError, ValueError, struct.error, MemoryError, RecursionError):
        return {}
    architecture = metadata.get("general.architecture", "")
    rows = {name.removeprefix(f"{architecture}."): value for name, value in metadata.items()}
    heads = whole_number(rows, "attention.head_count") or 1
    size = whole_number(rows, "embedding_length") // heads
    return {
        "layers": whole_number(rows, "block_count"),
        "kv_heads": whole_number(rows, "attention.head_count_kv") or heads,
        "key": whole_number(rows, "attention.key_length") or size,
        "value": whole_number(rows, "attention.value_length") or size,
        "context": whole_number(rows, "context_length"),
    }


def whole_number(row: Mapping[str, Any], name: str) -> int:
    """A whole number above 0; of a list (one for each layer) the largest; 0 where there is none."""
    value = row.get(name)
    if isinstance(value, list):
        value = max((one for one in value if isinstance(one, int)), default=0)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def cache_bytes(facts: ModelFacts, context: int) -> int:
    """Bytes of the cache of keys and values for *context* tokens; 0 where the model does not say enough."""
    numbers = facts.get("key", 0) + facts.get("value", 0)  # of one head
    return context * facts.get("layers", 0) * facts.get("kv_heads", 0) * numbers * _KV_BYTES


def _metadata(file: BinaryIO) -> dict[str, Any]:
    """The metadata of a GGUF file (version 2 or 3), long lists left out. Raises ValueError for another file."""
    if file.read(4) != MAGIC:
        raise ValueError("not a GGUF file")
    version, _, length = struct.unpack("<IQQ", file.read(20))
    if version not in (2, 3) or length > 100_000:
        raise ValueError(f"GGUF version {version}")
    return {_text(file): _value(file, *struct.unpack("<I", file.read(4))) for _ in range(length)}


def _text(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > HEAD_CAP or file.tell() > HEAD_CAP:
        raise ValueError("a text of the head is too long")
    return file.read(length).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:
    """A value of one of the format's types; None for a list that is too long to be kept."""
    if kind == _TEXT:
        return _text(file)
    if kind == _LIST:
        inner, length = struct.unpack("<IQ", file.read(12))
        if inner in _NUMBERS:
            width = struct.calcsize(_NUMBERS[inner])
            if length > _MOST_ITEMS:
                file.seek(length * width, os.SEEK_CUR)
                return None
            return [struct.unpack(_NUMBERS[inner], file.read(width))[0] for _ in range(length)]
        values = [_value(file, inner) for _ in range(length)] if length * 8 < HEAD_CAP else None
        return values if values is not None and length <= _MOST_ITEMS else None
    if kind not in _NUMBERS:
        raise ValueError(f"a value of type {kind}")
    return struct.unpack(_NUMBERS[kind], file.read(struct.calcsize(_NUMBERS[kind])))[0]

"""Writes a tiny untrained GGUF model for demos and tests: two layers, byte vocabulary, half a megabyte.

Its replies are noise; they show that everything between a question and its reply works.
Needs the `[local]` extra (`gguf` and `numpy`).
"""

from __future__ import annotations

import os
import sys

from inference_providers import files
from inference_providers.installing import LOCAL

EMBEDDING, BLOCKS, HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 128, 4096
_NORMAL_TOKEN, _UNKNOWN_TOKEN, _CONTROL_TOKEN, _BYTE_TOKEN = 1, 2, 3, 6  # llama.cpp's token types
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "


def vocabulary() -> tuple[list[bytes], list[int]]:
    """Tokens and their types: three special ones, the 256 bytes, printable ASCII."""
    special = [(b"<unk>", _UNKNOWN_TOKEN), (b"<s>", _CONTROL_TOKEN), (b"</s>", _CONTROL_TOKEN)]
    raw = [(f"<0x{byte:02X}>".encode(), _BYTE_TOKEN) for byte in range(256)]
    printable = [(chr(code).replace(" ", "\u2581").encode(), _NORMAL_TOKEN) for code in range(32, 127)]
    tokens, types = zip(*special, *raw, *printable, strict=True)
    return list(tokens), list(types)


def write(path: str, seed: int = 0) -> str:
    """Write the model to *path* and return it; the same seed gives the same file.

    Raises OSError, and ImportError without the packages of the extra `local`.
    """
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with files.replacing(path) as file:
        _write(file.name, seed)
    return path


def _write(path: str, seed: int) -> None:
    try:
        import gguf
        import numpy
    except ImportError:
        raise ImportError(f"writing a model needs gguf and numpy: {LOCAL}") from None

    tokens, types = vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(EMBEDDING)
    writer.add_block_count(BLOCKS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(types)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    random = numpy.random.default_rng(seed)
    for name, shape in _shapes(len(tokens)):
        norm = name.endswith("_norm.weight")
        values = numpy.ones(shape) if norm else random.normal(0, 0.3, shape)
        if name == "output.weight":
            values[:259] = 0  # special tokens and raw bytes stay unlikely: the noise is printable
        writer.add_tensor(name, values.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _shapes(words: int) -> list[tuple[str, tuple[int, ...]]]:
    square, up, down = (EMBEDDING, EMBEDDING), (FEED_FORWARD, EMBEDDING), (EMBEDDING, FEED_FORWARD)
    shapes: list[tuple[str, tuple[int, ...]]] = [("token_embd.weight", (words, EMBEDDING))]
    for block in range(BLOCKS):
        layer = {"attn_norm": (EMBEDDING,), "attn_q": square, "attn_k": square, "attn_v": square, "attn_output": square}
        layer |= {"ffn_norm": (EMBEDDING,), "ffn_gate": up, "ffn_up": up, "ffn_down": down}
        shapes += [(f"blk.{block}.{name}.weight", shape) for name, shape in layer.items()]
    return [*shapes, ("output_norm.weight", (EMBEDDING,)), ("output.weight", (words, EMBEDDING))]


def main() -> None:
    """Write a model to the path on the command line, if nothing is there yet."""
    path = sys.argv[1] if len(sys.argv) == 2 else "tiny.gguf"
    if len(sys.argv) > 2 or not path.endswith(".gguf") or path.startswith("-"):
        sys.exit("usage: python -m inference_providers.testing.tiny_model [PATH.gguf]")
    if os.path.exists(path):
        sys.exit(f"{path} exists already; give another path")
    try:
        print(write(path))
    except (ImportError, OSError) as error:
        sys.exit(f"{path} cannot be written: {error}")


if __name__ == "__main__":
    main()

"""Writes a tiny untrained Llama as a Hugging Face folder: two layers, byte vocabulary, 1.5 MB, for tests of engines.

Its replies are noise in printable ASCII. Neither torch nor transformers is needed, only numpy: safetensors is eight
bytes with the length of a JSON header, the header, and the raw numbers. Heads are of 64: vLLM runs none of 16.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy

WORDS, HIDDEN, LAYERS, HEADS, FEED_FORWARD, CONTEXT = 258, 128, 2, 2, 256, 512
BEGIN, END = 256, 257  # tokens
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "


def write(folder: str, seed: int = 0) -> str:
    """Write the model into *folder* and return it; the same seed gives the same files."""
    os.makedirs(folder, exist_ok=True)
    for name, content in {
        "config.json": _config(),
        "generation_config.json": {"bos_token_id": BEGIN, "eos_token_id": END, "pad_token_id": END},
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "pad_token": "</s>",
            "model_max_length": CONTEXT,
        },
    }.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
    with open(os.path.join(folder, "chat_template.jinja"), "w", encoding="utf-8") as file:
        file.write(TEMPLATE)
    _write_weights(os.path.join(folder, "model.safetensors"), seed)
    return folder


def letters() -> list[str]:
    """How byte-level tokenizers write each byte: printable ones as they are, the rest from U+0100 on."""
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in shown]
    return [chr(byte) if byte in shown else chr(256 + hidden.index(byte)) for byte in range(256)]


def _config() -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": WORDS,
        "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "head_dim": HIDDEN // HEADS,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "dtype": "float32",
        "bos_token_id": BEGIN,
        "eos_token_id": END,
        "pad_token_id": END,
    }


def _tokenizer() -> dict[str, Any]:
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    by_byte = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    vocabulary = {letter: byte for byte, letter in enumerate(letters())} | {"<s>": BEGIN, "</s>": END}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": vocabulary[word], "content": word, **special} for word in ("<s>", "</s>")],
        "normalizer": None,
        "pre_tokenizer": by_byte,
        "post_processor": None,
        "decoder": by_byte,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }


def _write_weights(path: str, seed: int) -> None:
    random = numpy.random.default_rng(seed)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, shape in _shapes():
        values = numpy.ones(shape) if name.endswith("norm.weight") else random.normal(0, 0.3, shape)
        if name == "lm_head.weight":  # the noise is printable, and goes on until it is cut
            values[[word for word in range(WORDS) if not 0x20 <= word < 0x7F]] = 0
        raw = values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head + data)


def _shapes() -> list[tuple[str, tuple[int, ...]]]:
    square, up, down = (HIDDEN, HIDDEN), (FEED_FORWARD, HIDDEN), (HIDDEN, FEED_FORWARD)
    layer: dict[str, tuple[int, ...]] = {
        **{f"self_attn.{one}_proj": square for one in "qkvo"},
        "mlp.gate_proj": up,
        "mlp.up_proj": up,
        "mlp.down_proj": down,
        "input_layernorm": (HIDDEN,),
        "post_attention_layernorm": (HIDDEN,),
    }
    layers = [
        (f"model.layers.{number}.{name}.weight", shape) for number in range(LAYERS) for name, shape in layer.items()
    ]
    ends = [("model.embed_tokens.weight", (WORDS, HIDDEN)), ("lm_head.weight", (WORDS, HIDDEN))]
    return [*ends, *layers, ("model.norm.weight", (HIDDEN,))]


if __name__ == "__main__":
    print(write(sys.argv[1] if len(sys.argv) > 1 else "tiny"))

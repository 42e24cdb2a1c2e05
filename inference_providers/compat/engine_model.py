"""Which model an engine asks, in the words of other tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inference_providers.compat.engine_params import Params, at_least, whole

_HONOURED = ("model_name", "tokenizer_name", "model_max_length", "chat_template_kwargs", "tokenizer_kwargs")


@dataclass
class ModelParams(Params):
    """Which model, and its files if it runs on this machine.

    Fields that a server cannot be told of are there so that settings of other tools can be read; a warning says where
    one is set.

    Args:
        model_name: The model, in any spelling, or a path.
        adapter_model: Not sent.
        adapter_trainable: Not sent.
        tokenizer_name: The tokenizer's folder, where a model file is launched here.
        tokenizer_pad_token: Not sent.
        tokenizer_kwargs: Kept for settings of other tools.
        processor_kwargs: Not sent.
        model_max_length: Tokens of context, where a model file is launched here.
        load_pretrained_weights: Not sent.
        trust_remote_code: Not sent.
        torch_dtype_str: Not sent.
        compile: Not sent.
        chat_template: Not sent.
        chat_template_kwargs: For servers here, and at an address by hand.
        attn_implementation: Not sent.
        device_map: Not sent.
        model_kwargs: Not sent.
        enable_liger_kernel: Not sent.
        shard_for_eval: Not sent.
        freeze_layers: Not sent.
        text_only: Not sent.
        model_revision: Not sent.
        tool_call_parser: Not sent.

    Raises:
        TypeError: A field is of the wrong type.
        ValueError: A field is out of range.
    """

    model_name: str = ""
    adapter_model: str | None = None
    adapter_trainable: bool = False
    tokenizer_name: str | None = None
    tokenizer_pad_token: str | None = None
    tokenizer_kwargs: dict[str, Any] = field(default_factory=dict)
    processor_kwargs: dict[str, Any] = field(default_factory=dict)
    model_max_length: int | None = None
    load_pretrained_weights: bool = True
    trust_remote_code: bool = False
    torch_dtype_str: str = "auto"
    compile: bool = False
    chat_template: str | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    attn_implementation: str | None = None
    device_map: str | None = "auto"
    model_kwargs: dict[str, Any] = field(default_factory=dict)
    enable_liger_kernel: bool = False
    shard_for_eval: bool = False
    freeze_layers: list[str] = field(default_factory=list)
    text_only: bool = False
    model_revision: str | None = None
    tool_call_parser: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.model_name, str):
            raise TypeError(f"model_name must be text, not {self.model_name!r:.80}")
        whole(model_max_length=self.model_max_length)
        at_least(1, model_max_length=self.model_max_length)

    def unsent(self) -> list[str]:
        """What is set and goes to nobody, as `name=value`."""
        return self.beyond(_HONOURED)

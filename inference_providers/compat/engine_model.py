"""Which model an engine asks, in the words of other tools."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inference_providers.compat.engine_params import Params, at_least, whole

_HONOURED = ("model_name", "tokenizer_name", "model_max_length", "chat_template_kwargs", "tokenizer_kwargs")


@dataclass
class ModelParams(Params):
    """Which model, and its files if it runs on this machine. model_max_length: tokens of context.

    tokenizer_name and model_max_length count where a model file is launched here, chat_template_kwargs at servers here
    and at an address by hand. The other fields are there so that settings of other tools can be read; a warning says
    where one is set that a server cannot be told.

    Raises TypeError and ValueError for what a field cannot be.
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

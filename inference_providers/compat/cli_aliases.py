"""Names that another tool's command line has for models, where they are no spelling of what they stand for."""

from __future__ import annotations

_FALCON = "tiiuae/Falcon-H1-{}-Instruct"

# As of 2026-11, by the settings that each of them stands for there.
MEANT = {
    "llama4-maverick-together": "together/meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
    "llama4-maverick-fireworks": "fireworks/llama-4-maverick",
    "llama4-maverick-openrouter": "openrouter/llama-4-maverick",
    "qwen3-235b-a22b-fireworks": "fireworks/qwen3-235b-a22b",
    "glm4-fireworks": "fireworks/glm-4.7",
    "claude-4-5-sonnet-openrouter": "openrouter/claude-sonnet-4.5",
    "gpt-5-2-openrouter": "openrouter/gpt-5.2",
    "gpt-o1-preview": "openai/o1-preview",
    "olmo3-7b": "allenai/Olmo-3-7B-Instruct",
    "olmo3-32b": "allenai/Olmo-3.1-32B-Instruct",
    "qwen3-vl-2b": "Qwen/Qwen3-VL-2B-Instruct",
    "qwen3-vl-4b": "Qwen/Qwen3-VL-4B-Instruct",
    "phi4-vision": "microsoft/Phi-4-multimodal-instruct",
    "smollm-135m": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "smolvlm": "HuggingFaceTB/SmolVLM-Instruct",
    "gpt2": "openai-community/gpt2",
    "llama3.2-vision-11b": "meta-llama/Llama-3.2-11B-Vision-Instruct",
    "falcon_h1_0_5b": _FALCON.format("0.5B"),
    "falcon_h1_1_5b": _FALCON.format("1.5B"),
    "falcon_h1_1_5b_deep": _FALCON.format("1.5B-Deep"),
    "falcon_h1_3b": _FALCON.format("3B"),
    "falcon_h1_7b": _FALCON.format("7B"),
    "falcon_h1_34b": _FALCON.format("34B"),
    "falcon-e-1b": "tiiuae/Falcon-E-1B-Base",
    "falcon-e-1b-instruct": "tiiuae/Falcon-E-1B-Instruct",
    "falcon-e-3b": "tiiuae/Falcon-E-3B-Base",
    "falcon-e-3b-instruct": "tiiuae/Falcon-E-3B-Instruct",
    "internvl3": "OpenGVLab/InternVL3-1B-hf",
    "molmo-7b-o": "oumi-ai/Molmo-7B-O-0924",
    "molmo-7b-d": "oumi-ai/Molmo-7B-D-0924",
}
# There are names there for training these further; what is asked is the model itself.
_TRAINED = frozenset((
    "llama4-scout-instruct", "qwen3-30b-a3b", "qwen3-32b", "qwen3-next-80b-a3b", "gemma3-12b", "gemma3-27b",
    "olmo3-32b", "phi4-reasoning-plus", "deepseek-r1-distill-llama-8b", "deepseek-r1-distill-llama-70b",
    "deepseek-r1-distill-qwen-1.5b", "deepseek-r1-distill-qwen-32b", "llama3.1-8b", "llama3.1-70b", "llama3.1-405b",
    "llama3.2-3b", "llama3.3-70b", "qwq-32b", "gpt-oss-20b", "llama3.2-vision-11b", "phi3-vision", "phi4-vision",
    "qwen2-vl-2b", "qwen2.5-vl-3b", "smolvlm", "molmo-7b-o",
))  # fmt: skip


def meant(name: str) -> tuple[str, str]:
    """(the model that a name means, what a person should know of that); any other name as it is, and nothing."""
    key = name.lower()
    head, _, end = key.rpartition("-")
    if end in ("lora", "qlora", "grpo") and head in _TRAINED:
        return MEANT.get(head, head), f"{name} is a way to train {head}; {head} itself is asked"
    return MEANT.get(key, name), ""

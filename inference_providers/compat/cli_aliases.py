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
}

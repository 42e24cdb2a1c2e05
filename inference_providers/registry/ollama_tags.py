"""Ollama's tags: what lies under those that their spelling does not tell. Pure.

Its smallest word for a family is one size of it, `:latest` is that size, and some sizes are other models.
"""

from __future__ import annotations

# Names that nobody else has.
_NAMES = {
    "codellama": "codellama-7b",
    "gemma2": "gemma-2-9b",
    "gemma3": "gemma-3-4b",
    "gemma3n": "gemma-3n-e4b",
    "granite3.3": "granite-3.3-8b",
    "llama2": "llama-2-7b",
    "llama3": "llama-3-8b",
    "llama3.1": "llama-3.1-8b",
    "llama3.2": "llama-3.2-3b",
    "llama3.2-vision": "llama-3.2-11b",
    "llama3.3": "llama-3.3-70b",
    "llama4": "llama-4-scout",
    "phi3": "phi-3-mini",
    "phi3.5": "phi-3.5-mini",
    "qwen2.5vl": "qwen2.5-vl-7b",
    "tinyllama": "tinyllama-1.1b",
}
# Where others mean another model by the bare name.
_TAGS = {
    "deepseek-coder-v2:latest": "deepseek-coder-v2-lite",
    "deepseek-coder:latest": "deepseek-coder-1.3b",
    "deepseek-r1:8b": "deepseek-r1-0528-qwen3-8b",
    "deepseek-r1:latest": "deepseek-r1-0528-qwen3-8b",
    "devstral:24b": "devstral-small",
    "devstral:latest": "devstral-small",
    "gpt-oss:latest": "gpt-oss-20b",
    "magistral:latest": "magistral-small",
    "mistral-large:123b": "mistral-large-2411",
    "mistral-large:latest": "mistral-large-2411",
    "mistral-small:22b": "mistral-small-2409",
    "mistral-small:24b": "mistral-small-3-24b",
    "mistral-small:latest": "mistral-small-3-24b",
    "mixtral:latest": "mixtral-8x7b",
    "nemotron:latest": "llama-3.1-nemotron-70b",
    "qwen2.5-coder:latest": "qwen2.5-coder-7b",
    "qwen2.5:latest": "qwen2.5-7b",
    "qwen2:latest": "qwen2-7b",
    "qwen3-coder:latest": "qwen3-coder-30b-a3b",
    "qwen3-vl:latest": "qwen3-vl-8b",
    "qwen3:235b-instruct": "qwen3-235b-a22b-2507",
    "qwen3:235b-thinking": "qwen3-235b-a22b-thinking-2507",
    "qwen3:30b-instruct": "qwen3-30b-a3b-2507",
    "qwen3:4b-instruct": "qwen3-4b-2507",
    "qwen3:latest": "qwen3-8b",
    "qwq:latest": "qwq-32b",
}


def model_of(tagged: str) -> str | None:
    """The canonical name of the model under a name in lower case (`gemma3`, `deepseek-r1:8b`), where it is known."""
    return _TAGS.get(tagged) or _NAMES.get(tagged.removesuffix(":latest"))

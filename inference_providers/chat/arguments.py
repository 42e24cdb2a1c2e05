"""Arguments of callers, checked: names of models, numbers of seconds. Pure."""

from __future__ import annotations

import sys

MAX_STEPS = 10  # replies to one question, calls of tools between them
# What is no parameter of generation but says whom to ask, in which order, how often and for how much.
PREFERRING = frozenset((
    "policy", "max_cost", "quality_threshold", "provider", "fallback_providers", "strategies", "retry_attempts",
    "backoff_multiplier", "cost_optimization", "latency_optimization", "fallback_config",
))  # fmt: skip
# Policies: in which order candidates are asked. Each may also stand behind a model's name.
LISTED, RANDOM, CHEAPEST, FASTEST, SMARTEST, BALANCED = ORDERS = (
    "listed", "random", "cheapest", "fastest", "smartest", "balanced",
)  # fmt: skip
MODEL_VARIABLE = "INFERENCE_PROVIDERS_MODEL"
EMBEDDING_MODEL_VARIABLE = "INFERENCE_PROVIDERS_EMBEDDING_MODEL"
KEEP, DROP, ERROR = "keep", "drop", "error"  # what becomes of a parameter that a candidate does not take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Prompt = str | Sequence[Mapping[str, Any]]
    Models = str | Sequence[str] | None


def names_of(models: Models) -> list[str]:
    """One name or several, as a list. Raises TypeError for what is neither."""
    if not isinstance(models, str | list | tuple | None):
        raise TypeError(f"a model is a name, or a list of names, not {models!r}")
    return [models] if isinstance(models, str) else list(models or ())


def default_models(environ: Mapping[str, str], variable: str = MODEL_VARIABLE) -> list[str] | None:
    """The models that the user wants where a call names none, best first; None where nothing is said.

    *variable*: that says so, for models of a kind.
    """
    said = environ.get(variable)
    return ([name.strip() for name in said.split(",") if name.strip()] or None) if said else None


def order_behind(names: Sequence[str]) -> str | None:
    """The policy that all of the names end in, if they do."""
    words = {name.rpartition(":")[2].lower() if ":" in name else "" for name in names}
    word = words.pop() if len(words) == 1 else ""
    return word if word in ORDERS else None


def check_timeout(timeout: Any) -> None:
    """Raise ValueError if *timeout* is not a number of seconds above 0; None stands for the default."""
    if timeout is not None and not (isinstance(timeout, int | float) and 0 < timeout <= sys.float_info.max):
        raise ValueError(f"timeout must be a number of seconds above 0, not {timeout!r}")

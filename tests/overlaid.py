"""The bundled registry with what the overlay says now: sections that the next build takes over as they are."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import inference_providers
from inference_providers.registry.registry import Registry, bundled, merge

OVERLAY = Path(inference_providers.__file__).parent / "upkeep" / "importers" / "overlay.json"


@cache
def overlay() -> dict[str, Any]:
    """The data of the overlay."""
    data: dict[str, Any] = json.loads(OVERLAY.read_text(encoding="utf-8"))
    return data


def patch() -> dict[str, Any]:
    """What a list takes as `json_merge` to have it."""
    suffixes = {pid: {"connection": {"suffixes": words}} for pid, words in overlay()["suffixes"].items()}
    models = overlay()["retired"]["models"]
    dropped = dict.fromkeys(bundled().retired_models.keys() - models.keys())
    return {
        "providers": suffixes,
        "aliases": overlay()["model_aliases"],
        "families": overlay()["families"],
        "retired": {"models": {**models, **dropped}},
    }


@cache
def overlaid() -> Registry:
    """The registry."""
    return Registry(merge(bundled().data, patch()))

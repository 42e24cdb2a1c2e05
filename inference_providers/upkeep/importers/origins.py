"""The side file: which source each fact of the registry is from, and of which day. Pure.

It stays in the repository; the package has the facts alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from inference_providers.upkeep.importers.merging import BEFORE, BY_HAND, Merged
from inference_providers.upkeep.importers.rows import Source

# The columns of an offer's text, and what they are called in rows of the importers.
FIELDS = {
    "api": "api",
    "context": "context",
    "output": "output",
    "input price": "price_in",
    "output price": "price_out",
    "cached input price": "price_cached",
    "cache write price": "price_write",
    **{kind: kind for kind in ("tiers", "write_hour", "batch", "flex", "priority", "audio", "image", "reasoning")},
    **{kind: kind for kind in ("search", "request", "hours")},
}
_UNKNOWN = "."


def origins(data: Mapping[str, Any], merged: Merged, sources: Iterable[Source], by_hand: Mapping[str, Any]) -> str:
    """The text of the side file to a registry. *by_hand*: what the overlay says after pages of providers."""
    letters = {
        source.kind: source.kind[0] for source in sorted(sources, key=lambda source: source.kind) if source.offers
    }
    letters |= {BY_HAND: "h", BEFORE: "b"}
    days = {source.kind: source.day for source in sources}
    offers = {
        provider: {
            name: text
            for name in row.get("facts") or ()
            if (text := _columns(merged.origins.get(provider, {}).get(name) or {}, letters))
        }
        for provider, row in data["providers"].items()
    }
    found = {
        "version": data["version"],
        "sources": {
            letter: {"source": kind, **({"day": days[kind]} if kind in days else {})}
            for kind, letter in letters.items()
        },
        "fields": list(FIELDS),
        "by_hand": by_hand,
        "held": [held._asdict() for held in sorted(merged.held, key=lambda held: held[:3])],
        "offers": {provider: rows for provider, rows in offers.items() if rows},
    }
    return _text(found)


def _columns(origin: Mapping[str, str], letters: Mapping[str, str]) -> str:
    """One letter for each of `FIELDS`: the source of that fact."""
    text = "".join(letters.get(origin.get(field, ""), _UNKNOWN) for field in FIELDS.values())
    return text.rstrip(_UNKNOWN)


def _text(found: Mapping[str, Any]) -> str:
    """JSON with a line for each offer's provider and each held price, so that changes can be read."""
    rows = []
    for key, value in found.items():
        if isinstance(value, dict) and value:
            inner = ",\n".join(f" {_json(name)}: {_json(item)}" for name, item in value.items())
            rows.append(f"{_json(key)}: {{\n{inner}\n}}")
        elif key == "held" and value:
            rows.append(f"{_json(key)}: [\n" + ",\n".join(f" {_json(item)}" for item in value) + "\n]")
        else:
            rows.append(f"{_json(key)}: {_json(value)}")
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

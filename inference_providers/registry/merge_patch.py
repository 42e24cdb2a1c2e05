"""JSON Merge Patch (RFC 7396). Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def merge(base: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396): objects merge, null removes, anything else replaces. Neither input changes."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged

"""What a dict has beside the conversation that it stands for. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# Fields of a request that say how it is to be answered: in a conversation they would be passed over in silence.
_OF_REQUESTS = (
    "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format", "temperature", "top_p",
    "max_tokens", "max_completion_tokens", "max_new_tokens", "stop",
)  # fmt: skip
_OF_CONVERSATIONS = ("messages", "conversation_id", "metadata", "tools")
_OF_RESULTS = frozenset(("index", "key", "attempts", "answer"))  # a line that a batch wrote has these, and more


def beside(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a dict has beside a conversation: metadata, unless a batch wrote it. Raises TypeError."""
    if row.keys() >= _OF_RESULTS:
        return {}
    if wrong := next((name for name in _OF_REQUESTS if row.get(name) is not None), None):
        raise TypeError(f"a conversation has no {wrong!r}: it is given to whoever asks, as in infer(..., {wrong}=...)")
    return {name: value for name, value in row.items() if name not in _OF_CONVERSATIONS and value is not None}

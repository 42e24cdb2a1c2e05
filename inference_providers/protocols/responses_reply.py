"""Responses of OpenAI's API, as programs get them whole. Pure."""

from __future__ import annotations

from inference_providers import chat
from inference_providers.protocols.responses_events import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.protocols.dialect import Asked


def reply(data: Mapping[str, Any], asked: Asked, *, new_id: Callable[[str], str], now: float = 0) -> dict[str, Any]:
    """A response: thoughts, text and calls of a chat completion's first answer. *now*: seconds since 1970."""
    output = Output(asked, new_id=new_id, now=now)
    choice = chat.first_choice(data)
    message = chat.message_of(data)
    listed = [call for call in chat.tool_calls(message) if isinstance(call, dict)]
    delta = {**message, "tool_calls": [{**call, "index": at} for at, call in enumerate(listed)]}
    output.feed({**data, "choices": [{**choice, "index": 0, "delta": delta}]})
    output.end()
    return output.response

"""What stands around the output of a response: its other fields, its usage, why it failed. Pure."""

from __future__ import annotations

from inference_providers.protocols.reply_parts import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.protocols.dialect import Asked

# Fields of a request that its response says again, with what they are where it says nothing.
_ECHOED: dict[str, Any] = {
    "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
    "parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None, "reasoning": {},
    "safety_identifier": None, "service_tier": None, "store": True, "temperature": None,
    "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_logprobs": None, "top_p": None,
    "truncation": "disabled", "user": None,
}  # fmt: skip
_TIERS = ("auto", "default", "flex", "scale", "priority")
_CODES = {429: "rate_limit_exceeded", 400: "invalid_prompt", 413: "invalid_prompt", 422: "invalid_prompt"}
_KEPT = ("context_length_exceeded", "insufficient_quota")  # codes of failures that programs act upon


def head(asked: Asked, new_id: Callable[[str], str], now: float, model: str = "") -> dict[str, Any]:
    """A response that has just begun. model: who answers, where that is known."""
    given: Mapping[str, Any] = getattr(asked, "said", asked.original)
    said = {name: usual if (value := given.get(name)) is None else value for name, usual in _ECHOED.items()}
    return {
        "id": new_id("resp_"), "object": "response", "created_at": int(now), "status": "in_progress",
        "background": False, "error": None, "incomplete_details": None, "model": model or asked.body["model"],
        "output": [], "usage": None, **said,
    }  # fmt: skip


def usage(said: Any) -> dict[str, Any] | None:
    """Tokens, as the Responses API says them; None where nobody told."""
    if not isinstance(said, dict):
        return None
    taken, given = count(said.get("prompt_tokens")), count(said.get("completion_tokens"))
    read, written = _details(said, "prompt_tokens_details"), _details(said, "completion_tokens_details")
    cached = read.get("cached_tokens", said.get("prompt_cache_hit_tokens"))
    return {
        "input_tokens": taken,
        "input_tokens_details": {
            "cached_tokens": count(cached), "cache_write_tokens": count(read.get("cache_write_tokens")),
        },
        "output_tokens": given,
        "output_tokens_details": {"reasoning_tokens": count(written.get("reasoning_tokens"))},
        "total_tokens": count(said.get("total_tokens")) or taken + given,
    }  # fmt: skip


def _details(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def failure(status: int, message: str, code: str = "") -> dict[str, Any]:
    """The `error` of a response that failed."""
    return {"code": code if code in _KEPT else _CODES.get(status, "server_error"), "message": message}


def tier_of(chunk: Mapping[str, Any]) -> str | None:
    """The tier of service that a reply says it had, where the Responses API knows it."""
    said = chunk.get("service_tier")
    return said if said in _TIERS else None

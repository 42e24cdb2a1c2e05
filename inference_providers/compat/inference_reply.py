"""Replies of the inference API: an answer's JSON, a stream's events, and what is read of a reply later. Pure."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.chat import Answer
    from inference_providers.usage import Usage

USD = "USD"
COMPLETED, FAILED = "completed", "failed"
_DIGITS = 12  # after the point, of US dollars: a token costs about a millionth


def new_id(kind: str = "inf") -> str:
    """An id that nobody can guess."""
    return f"{kind}_{os.urandom(16).hex()}"


def reply_of(answer: Answer, id_: str, created: float, model: str) -> dict[str, Any]:
    """An answer, as JSON. *created*: when it was asked for, in seconds since 1970. *model*: what answered."""
    made = {
        "id": id_, "object": "inference", "created": int(created), "model": model,
        "provider": answer.provider, "choices": _choices(answer), "usage": usage_of(answer.usage),
        "cost": cost_of(answer),
    }  # fmt: skip
    return {**made, **_asides(answer)}


def _asides(answer: Answer) -> dict[str, Any]:
    """What is seldom there: parameters that were left out, and that nobody was asked."""
    rows: dict[str, Any] = {"dropped": answer.dropped, "repaired": answer.repaired, "cached": answer.cached}
    return {name: value for name, value in rows.items() if value}


def _choices(answer: Answer) -> list[dict[str, Any]]:
    """The answers of a reply; the first as this package has read it: without thoughts, its calls in one form."""
    rows = answer.data.get("choices")
    found = [dict(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    first = found[0] if found else {}
    message: dict[str, Any] = {"role": "assistant", "content": str(answer)}
    if answer.tool_calls:
        message = {"role": "assistant", "content": str(answer) or None, "tool_calls": answer.tool_calls}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    choice = {**first, "index": 0, "message": message, "finish_reason": answer.finish_reason}
    return [choice, *found[1:]]


def usage_of(usage: Usage | None) -> dict[str, Any] | None:
    """Tokens in OpenAI's words; None where nobody knows."""
    if usage is None:
        return None
    counts: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cached_tokens:
        counts["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return counts


def cost_of(answer: Answer) -> dict[str, Any]:
    """What an answer cost; None for what nobody knows.

    provider_cost: what the same tokens would have cost at the first of the usual order; savings: that, less the amount.
    """
    cost, savings = answer.cost, answer.savings
    usual = None if cost is None or savings is None else cost + savings
    return {"amount": _usd(cost), "currency": USD, "provider_cost": _usd(usual), "savings": _usd(savings)}


def _usd(amount: float | None) -> float | None:
    return None if amount is None else round(amount, _DIGITS)


def delta_of(id_: str, text: str) -> dict[str, Any]:
    """A stream's event: more text."""
    return {"id": id_, "object": "inference.delta", "choices": [{"index": 0, "delta": {"content": text}}]}


def last_delta(answer: Answer, id_: str, created: float, model: str) -> dict[str, Any]:
    """A stream's last event: how it ended, calls of tools, tokens and cost."""
    delta = {"tool_calls": answer.tool_calls} if answer.tool_calls else {}
    return {
        "id": id_, "object": "inference.delta", "created": int(created), "model": model, "provider": answer.provider,
        "choices": [{"index": 0, "delta": delta, "finish_reason": answer.finish_reason}],
        "usage": usage_of(answer.usage), "cost": cost_of(answer), **_asides(answer),
    }  # fmt: skip


def details_of(reply: Mapping[str, Any], completed: float, latency: float) -> dict[str, Any]:
    """What `GET /v1/inference/{id}` gives of a reply. *latency*: seconds."""
    (first, *_), usage = reply["choices"], reply["usage"]
    message = first["message"]
    result = {
        "content": message["content"], "tokens": usage and usage["total_tokens"], "cost": reply["cost"]["amount"],
    }  # fmt: skip
    if message.get("tool_calls"):
        result["tool_calls"] = message["tool_calls"]
    return {
        "id": reply["id"], "status": COMPLETED, "model": reply["model"], "provider": reply["provider"],
        "created": reply["created"], "completed": int(completed), "latency_ms": round(latency * 1000),
        "result": result,
    }  # fmt: skip


def batch_reply(rows: Sequence[Mapping[str, Any]], created: float) -> dict[str, Any]:
    """The replies of a batch, in order: each with its id and its `response`, or its `error`; and their sums."""
    costs = [row["response"]["cost"]["amount"] for row in rows if row["status"] == COMPLETED]
    unknown = sum(cost is None for cost in costs)
    return {
        "id": new_id("batch"), "object": "inference.batch", "created": int(created), "responses": list(rows),
        "completed": len(costs), "failed": len(rows) - len(costs),
        "cost": {"amount": _usd(sum(cost or 0.0 for cost in costs)), "currency": USD, "unknown": unknown},
    }  # fmt: skip

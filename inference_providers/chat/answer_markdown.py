"""An answer as a notebook shows it: its text, and in small letters who gave it, for how much."""

from __future__ import annotations

from inference_providers.rendering import money, note, safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def markdown_of(answer: Any) -> str:
    """An answer as Markdown; what the model wrote cannot act in whatever renders it."""
    text = str(answer)
    if answer.parsed is not None and text.lstrip()[:1] in ("{", "["):
        text = f"```json\n{text}\n```" if "```" not in text else text
    said = footer(answer)
    return "\n\n".join(filter(None, (safe(text), note(said) if said else "")))


def footer(answer: Any) -> str:
    """Who gave an answer, for how many tokens, at what price, in what time; and what a reader should know of it."""
    usage, failed = answer.usage, sum(attempt.error is not None for attempt in answer.attempts)
    names = [str((call.get("function") or {}).get("name")) for call in answer.tool_calls]
    parts = [
        f"{answer.provider}/{answer.model}" if answer.provider else answer.model,
        str(usage) if usage is not None else "",
        money(answer.cost),
        f"{answer.latency:.1f} s" if answer.latency else "",
        "kept from an earlier call" if answer.cached else "",
        f"after {failed} failed attempt{'s' * (failed > 1)}" if failed else "",
        "cut off by the limit of tokens" if answer.finish_reason == "length" else "",
        f"calls {', '.join(names)}" if names else "",
        f"left out: {', '.join(answer.dropped)}" if answer.dropped else "",
    ]
    return " · ".join(filter(None, parts))

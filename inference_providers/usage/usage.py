"""Tokens of an answer, as its provider counted them. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Usage:
    """Tokens of one answer, as the provider counted them.

    `cached_tokens` are among the input, `reasoning_tokens` among the output.
    """

    __slots__ = ("cached_tokens", "input_tokens", "output_tokens", "price", "reasoning_tokens")

    def __init__(
        self,
        input_tokens: int = 0,
        output_tokens: int = 0,
        *,
        cached_tokens: int = 0,
        reasoning_tokens: int = 0,
        price: float | None = None,
    ) -> None:
        self.input_tokens, self.output_tokens = input_tokens, output_tokens
        self.cached_tokens, self.reasoning_tokens = cached_tokens, reasoning_tokens
        self.price = price  # USD, where the provider itself says it

    @property
    def total_tokens(self) -> int:
        """Input and output."""
        return self.input_tokens + self.output_tokens

    def __repr__(self) -> str:
        return f"<Usage {self.input_tokens} + {self.output_tokens} tokens>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Usage) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "reasoning_tokens": self.reasoning_tokens,
        }


_MOST = (
    2**53
)  # of tokens, or USD, that anybody counts: whole numbers up to here are exact as floats, and none overflows


def usage_of(reported: Any) -> Usage | None:
    """`usage` of a reply, in the words of any OpenAI-compatible API; None where it says nothing."""
    if not isinstance(reported, dict):
        return None
    get = reported.get
    given, made = get("prompt_tokens"), get("completion_tokens")
    if given is None and made is None:
        given, made = get("input_tokens"), get("output_tokens")
    if not _is_count(given) and not _is_count(made):
        return None
    total = get("total_tokens")
    if _is_count(given) and _is_count(total):
        made = max(counted(made), counted(total) - counted(given))  # some count thoughts in the total only
    cached = get("prompt_tokens_details") or get("input_tokens_details")
    thought = get("completion_tokens_details") or get("output_tokens_details")
    price = get("cost")
    return Usage(
        counted(given),
        counted(made),
        cached_tokens=counted(cached.get("cached_tokens"))
        if isinstance(cached, dict)
        else counted(get("prompt_cache_hit_tokens")),
        reasoning_tokens=counted(thought.get("reasoning_tokens")) if isinstance(thought, dict) else 0,
        price=price if _is_count(price) else None,
    )


def _is_count(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < _MOST


def counted(value: Any) -> int:
    """A number of tokens; 0 for what is none."""
    return int(value) if _is_count(value) else 0

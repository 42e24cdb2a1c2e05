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
        self.price = price  # USD, where the provider itself reports it

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def __repr__(self) -> str:
        return f"<Usage {self.input_tokens} + {self.output_tokens} tokens>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Usage) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]

    def as_dict(self) -> dict[str, Any]:
        """The four counts, for JSON."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "reasoning_tokens": self.reasoning_tokens,
        }


# Of tokens or USD. Whole numbers up to here are exact as floats, and sums of them do not overflow.
_LARGEST_COUNT = 2**53


def usage_of(reported: Any) -> Usage | None:
    """The `usage` of a reply, by the field names of any OpenAI-compatible API; None if it reports nothing."""
    if not isinstance(reported, dict):
        return None
    get = reported.get
    read, written = get("prompt_tokens"), get("completion_tokens")
    if read is None and written is None:
        read, written = get("input_tokens"), get("output_tokens")
    if not _is_count(read) and not _is_count(written):
        return None
    total = get("total_tokens")
    if _is_count(read) and _is_count(total):
        # Some count reasoning in the total only.
        written = max(token_count(written), token_count(total) - token_count(read))
    inputs = get("prompt_tokens_details") or get("input_tokens_details")
    outputs = get("completion_tokens_details") or get("output_tokens_details")
    price = get("cost")
    return Usage(
        token_count(read),
        token_count(written),
        cached_tokens=token_count(inputs.get("cached_tokens"))
        if isinstance(inputs, dict)
        else token_count(get("prompt_cache_hit_tokens")),
        reasoning_tokens=token_count(outputs.get("reasoning_tokens")) if isinstance(outputs, dict) else 0,
        price=price if _is_count(price) else None,
    )


def _is_count(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < _LARGEST_COUNT


def token_count(value: Any) -> int:
    """A number of tokens; 0 for anything that is not one."""
    return int(value) if _is_count(value) else 0

"""Tokens of an answer, as its provider counted them. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeGuard

_NONE: Mapping[str, int] = {}


class Usage:
    """Tokens of one answer, as the provider counted them.

    Args:
        input_tokens: All of the prompt.
        output_tokens: All of the answer, thoughts included.
        cached_tokens: Those of the input that the provider had kept.
        reasoning_tokens: Those of the output that are thoughts.
        price: USD, where the provider itself reports it.
        service: "batch", "flex" or "priority", where that is how the provider has served it.

    Keyword Args:
        cache_write_tokens, cache_write_hour_tokens (int): Of the input, what the provider keeps, and keeps for an hour.
        audio_input_tokens, image_input_tokens (int): Of the input.
        audio_output_tokens, image_output_tokens (int): Of the output.
        searches (int): Of the web.

    Raises:
        TypeError: There is no such kind of tokens.
    """

    __slots__ = ("cached_tokens", "input_tokens", "more", "output_tokens", "price", "reasoning_tokens", "service")

    def __init__(
        self,
        input_tokens: int = 0,
        output_tokens: int = 0,
        *,
        cached_tokens: int = 0,
        reasoning_tokens: int = 0,
        price: float | None = None,
        service: str = "",
        **more: int,
    ) -> None:
        self.input_tokens, self.output_tokens = input_tokens, output_tokens
        self.cached_tokens, self.reasoning_tokens = cached_tokens, reasoning_tokens
        self.price, self.service = price, service  # USD, where the provider itself reports it
        if more and (unknown := more.keys() - set(KINDS)):
            raise TypeError(f"Usage has no {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
        self.more: Mapping[str, int] = {name: count for name, count in more.items() if count} if more else _NONE

    @property
    def total_tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    @property
    def prompt_tokens(self) -> int:
        """`input_tokens`, in OpenAI's word."""
        return self.input_tokens

    @property
    def completion_tokens(self) -> int:
        """`output_tokens`, in OpenAI's word."""
        return self.output_tokens

    if TYPE_CHECKING:
        cache_write_tokens: int
        cache_write_hour_tokens: int
        audio_input_tokens: int
        audio_output_tokens: int
        image_input_tokens: int
        image_output_tokens: int
        searches: int
    else:

        def __getattr__(self, name: str) -> int:
            """A rarer kind of tokens."""
            if name in KINDS:
                return self.more.get(name, 0)
            raise AttributeError(f"'Usage' object has no attribute {name!r}")

    def __repr__(self) -> str:
        return f"<Usage {self}>"

    def __str__(self) -> str:
        return f"{self.input_tokens:,} tokens in, {self.output_tokens:,} out"

    def _repr_html_(self) -> str:
        from inference_providers.rendering import pairs

        return pairs(self._shown()).text

    def _repr_markdown_(self) -> str:
        from inference_providers.rendering import pairs_in_markdown

        return pairs_in_markdown(self._shown())

    def _shown(self) -> dict[str, Any]:
        return {**self.as_dict(), "price": self.price, "service": self.service}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Usage) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            price=None,
            service="",
            **{name: self.more.get(name, 0) + other.more.get(name, 0) for name in {**self.more, **other.more}},
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON.

        Returns:
            The four usual counts, and the others that are not 0.
        """
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            **self.more,
        }


KINDS = (
    "cache_write_tokens",
    "cache_write_hour_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
    "searches",
)
SERVICES = ("batch", "flex", "priority")
# Of tokens or USD. Whole numbers up to here are exact as floats, and sums of them do not overflow.
_LARGEST_COUNT = 2**53
_TICKS = 1e10  # of which a US dollar has so many


def usage_of(reported: Any, service: Any = None) -> Usage | None:
    """The `usage` of a reply, by the field names of any OpenAI-compatible API; None if it reports nothing.

    service: the `service_tier` that stands beside it.
    """
    if not isinstance(reported, dict):
        return None
    get = reported.get
    read, written = get("prompt_tokens"), get("completion_tokens")
    if (
        len(reported) == 3
        and type(read) is int
        and type(written) is int
        and read >= 0 <= written
        and get("total_tokens") == read + written < _LARGEST_COUNT
    ):  # the usual form, and nothing else
        return Usage(read, written, service=service if service in SERVICES else "")
    apart = read is None and written is None
    if apart:
        read, written = get("input_tokens"), get("output_tokens")
    if not _is_count(read) and not _is_count(written):
        return None
    inputs = _mapping(get("prompt_tokens_details") or get("input_tokens_details"))
    outputs = _mapping(get("completion_tokens_details") or get("output_tokens_details"))
    tokens_in, tokens_out, total = token_count(read), token_count(written), get("total_tokens")
    hits, made = token_count(get("cache_read_input_tokens")), token_count(get("cache_creation_input_tokens"))
    if (hits or made) and _is_beside(
        hits + made, tokens_in, tokens_out, total, apart and "cached_tokens" not in inputs
    ):
        tokens_in += hits + made
    if _is_count(read) and _is_count(total):
        # Some count reasoning in the total only.
        tokens_out = max(tokens_out, token_count(total) - tokens_in)
    reasoning = token_count(outputs.get("reasoning_tokens")) or token_count(get("reasoning_tokens"))
    if reasoning > tokens_out:  # it cannot be among them
        tokens_out += reasoning
    cached = token_count(inputs.get("cached_tokens")) or hits
    if not cached:
        cached = token_count(get("prompt_cache_hit_tokens")) or token_count(get("cached_tokens"))
    more = _more(get, inputs, outputs, made) if len(reported) > 2 else _NONE
    tier = service or get("service_tier")
    return Usage(
        tokens_in,
        tokens_out,
        cached_tokens=cached,
        reasoning_tokens=reasoning,
        price=_price(get) if len(reported) > 2 else None,
        service=tier if tier in SERVICES else "",
        **more,
    )


def _is_beside(cache: int, read: int, written: int, total: Any, is_usual: bool) -> bool:
    """Whether tokens of a cache, in Anthropic's fields, stand beside the prompt's, and not among them."""
    if is_usual or cache > read:
        return True
    return _is_count(total) and total == read + written + cache


def _more(get: Any, inputs: Mapping[str, Any], outputs: Mapping[str, Any], made: int) -> dict[str, int]:
    """The rarer kinds."""
    found: dict[str, int] = {}
    if inputs:
        found["audio_input_tokens"] = token_count(inputs.get("audio_tokens"))
        found["image_input_tokens"] = token_count(inputs.get("image_tokens"))
        made = made or token_count(inputs.get("cache_write_tokens")) or token_count(inputs.get("cache_creation_tokens"))
    if outputs:
        found["audio_output_tokens"] = token_count(outputs.get("audio_tokens"))
        found["image_output_tokens"] = token_count(outputs.get("image_tokens"))
    if made:
        found["cache_write_tokens"] = made
        hour = token_count(_mapping(get("cache_creation")).get("ephemeral_1h_input_tokens"))
        found["cache_write_hour_tokens"] = min(hour, made)
    tools = _mapping(get("server_tool_use"))
    searches = token_count(tools.get("web_search_requests")) or token_count(get("num_search_queries"))
    if searches:
        found["searches"] = searches
    return found


def _price(get: Any) -> float | None:
    """USD, where the provider says it: as a number, as an object with a sum, or in ticks."""
    cost = get("cost")
    if cost is None:
        ticks = get("cost_in_usd_ticks")
        if ticks is not None:
            return ticks / _TICKS if _is_count(ticks) else None
        cost = get("estimated_cost")
    elif isinstance(cost, dict):
        cost = cost.get("total_cost")
    if not _is_count(cost):
        return None
    if get("is_byok") is True:  # what a router takes for a key of one's own; whoever is behind it takes the rest
        behind = _mapping(get("cost_details")).get("upstream_inference_cost")
        return cost + behind if _is_count(behind) else None
    return cost


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NONE


def _is_count(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float) and 0 <= value < _LARGEST_COUNT


def token_count(value: Any) -> int:
    """A number of tokens; 0 for anything that is not one."""
    return int(value) if _is_count(value) else 0

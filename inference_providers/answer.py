"""An answer: text that also says who gave it, for how many tokens, at what price. Pure."""

from __future__ import annotations

from inference_providers import chat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Self

    from inference_providers.attempts import Attempt
    from inference_providers.candidates import Offer
    from inference_providers.registry import Facts


class Usage:
    """Tokens of one answer, as the provider counted them. `cached_tokens` are among the input, `reasoning_tokens` among the output."""

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


def cost_of(usage: Usage | None, facts: Facts) -> float | None:
    """USD for *usage* at an offer's prices, or as the provider said; None where tokens or prices are unknown."""
    if usage is None:
        return None
    if usage.price is not None:
        return usage.price
    if facts.input_price is None or facts.output_price is None:
        return None
    cached = min(usage.cached_tokens, usage.input_tokens)
    cached_price = facts.input_price if facts.cached_input_price is None else facts.cached_input_price
    fresh = (usage.input_tokens - cached) * facts.input_price
    return (fresh + cached * cached_price + usage.output_tokens * facts.output_price) / 1e6


class Answer(str):
    """The text of an answer, and what is known of it.

    provider, model, canonical_name: who gave it, under which name of theirs.
    usage: `Usage`, in tokens; None where the provider did not say.
    cost: USD; None where tokens or prices are unknown.
    attempts: every try on the way. latency: seconds for the whole call.
    finish_reason: `stop`, `length`, `tool_calls`, ... reasoning: the model's thoughts, where it shows them.
    parsed: the value that fits the schema that was asked for. tool_calls: calls that nobody here answered.
    dropped: parameters that the provider does not take and did not get. unchecked: patterns of the schema that were not run.
    asked: the messages that it answers; `messages` has the answer as well. data: the last reply as it came.
    """

    provider: str | None
    model: str
    canonical_name: str | None
    usage: Usage | None
    cost: float | None
    attempts: list[Attempt]
    latency: float
    finish_reason: str | None
    reasoning: str
    parsed: Any
    tool_calls: list[dict[str, Any]]
    dropped: list[str]
    unchecked: list[str]
    data: Any
    asked: Sequence[Mapping[str, Any]]

    def __new__(
        cls,
        text: str = "",
        *,
        provider: str | None = None,
        model: str = "",
        canonical_name: str | None = None,
        usage: Usage | None = None,
        cost: float | None = None,
        attempts: Iterable[Attempt] = (),
        latency: float = 0.0,
        finish_reason: str | None = None,
        reasoning: str = "",
        parsed: Any = None,
        tool_calls: Iterable[dict[str, Any]] = (),
        dropped: Iterable[str] = (),
        unchecked: Iterable[str] = (),
        data: Any = None,
        asked: Sequence[Mapping[str, Any]] = (),
    ) -> Self:
        """Make one by hand, for a test: `Answer("Hello.", provider="openai", usage=Usage(3, 2))`."""
        made = str.__new__(cls, text)
        made.__dict__ = {
            "provider": provider,
            "model": model,
            "canonical_name": canonical_name,
            "usage": usage,
            "cost": cost,
            "attempts": [*attempts] if attempts else [],
            "latency": latency,
            "finish_reason": finish_reason,
            "reasoning": reasoning,
            "parsed": parsed,
            "tool_calls": [*tool_calls] if tool_calls else [],
            "dropped": [*dropped] if dropped else [],
            "unchecked": [*unchecked] if unchecked else [],
            "data": data,
            "asked": asked,
        }
        return made

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation, this answer included."""
        said = chat.message_of(self.data) or {"content": str(self)}
        return [*map(dict, self.asked), chat.assistant(said)]

    @property
    def text(self) -> str:
        """The text alone."""
        return str(self)

    def __repr__(self) -> str:
        return str.__repr__(self)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "answer": str(self),
            "provider": self.provider,
            "model": self.model,
            "canonical_name": self.canonical_name,
            "usage": self.usage.as_dict() if self.usage else None,
            "cost": self.cost,
            "latency": round(self.latency, 3),
            "finish_reason": self.finish_reason,
            "attempts": [
                {"provider": a.provider, "model": a.model, "outcome": a.outcome, "seconds": round(a.seconds, 3)}
                for a in self.attempts
            ],
            **({"parsed": plain(self.parsed)} if self.parsed is not None else {}),
            **({"tool_calls": self.tool_calls} if self.tool_calls else {}),
            **({"dropped": self.dropped} if self.dropped else {}),
            **({"unchecked": self.unchecked} if self.unchecked else {}),
        }


def plain(value: Any) -> Any:
    """A parsed value for JSON."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


class Given:
    """What an answer is made of: one reply or several, and who gave the last."""

    __slots__ = ("attempts", "cost", "dropped", "first", "latency", "usage")

    def __init__(self) -> None:
        self.first = True
        self.attempts: list[Attempt] = []
        self.latency = 0.0
        self.usage: Usage | None = None
        self.cost: float | None = 0.0
        self.dropped: dict[str, None] = {}

    def add(
        self,
        usage: Usage | None,
        cost: float | None,
        attempts: Iterable[Attempt],
        dropped: Iterable[str],
        seconds: float,
    ) -> None:
        """Count one more reply; a cost that is unknown once is unknown in all."""
        self.latency += seconds
        if dropped:
            self.dropped.update(dict.fromkeys(dropped))
        if self.first:
            self.first, self.attempts, self.usage, self.cost = False, list(attempts), usage, cost
            return
        self.attempts += attempts
        self.cost = None if self.cost is None or cost is None else self.cost + cost
        if usage is not None:
            so_far = self.usage or Usage()
            self.usage = Usage(
                so_far.input_tokens + usage.input_tokens,
                so_far.output_tokens + usage.output_tokens,
                cached_tokens=so_far.cached_tokens + usage.cached_tokens,
                reasoning_tokens=so_far.reasoning_tokens + usage.reasoning_tokens,
            )

    def answer(
        self, data: Any, offer: Offer | None, messages: Sequence[Mapping[str, Any]], parsed: Any = None
    ) -> Answer:
        """The answer whose last reply is *data*, to *messages*."""
        choice = chat.first_choice(data)
        message = choice.get("message")
        if not isinstance(message, dict):
            message = {}
        return Answer.__new__(  # half the time of a call of the class
            Answer,
            chat.content_text(message.get("content")),
            provider=offer.provider if offer else None,
            model=offer.internal_name if offer else str(data.get("model", "")),
            canonical_name=offer.canonical_name if offer else None,
            usage=self.usage,
            cost=self.cost,
            attempts=self.attempts,
            latency=self.latency,
            finish_reason=choice.get("finish_reason"),
            reasoning=chat.thoughts(message),
            parsed=parsed,
            tool_calls=chat.tool_calls(message),
            dropped=self.dropped,
            data=data,
            asked=messages,
        )

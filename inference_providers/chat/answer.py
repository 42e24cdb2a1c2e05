"""An answer: text that knows who gave it, for how many tokens, at what price. Pure."""

from __future__ import annotations

from inference_providers.attempts import Attempts
from inference_providers.chat import completion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, Generic, Protocol, Self

    from typing_extensions import TypeVar  # as every type checker knows it, whether it is installed or not

    from inference_providers.attempts import Attempt
    from inference_providers.usage import Charge, CostDetails, Usage

    Parsed = TypeVar("Parsed", default=Any, covariant=True)

    class Source(Protocol):
        """Who gave a reply: what an answer reads from an offer."""

        @property
        def internal_name(self) -> str:
            """The provider's name for the model."""
            raise NotImplementedError

        @property
        def canonical_name(self) -> str | None:
            """The model's canonical name, if it is known."""
            raise NotImplementedError

        @property
        def provider(self) -> str:
            """The provider's id."""
            raise NotImplementedError

    class Text(str, Generic[Parsed]):
        """A text that fits a schema, perhaps. To a type checker, an `Answer[Person]` is one."""

else:
    Parsed, Text = None, {None: str}  # `Generic` would take its time with every answer


class Answer(Text[Parsed]):
    """The text of an answer, and everything known about it.

    Attributes:
        provider: The id of who gave it.
        model: The provider's name for the model.
        canonical_name: The model's canonical name, None where it is not known.
        usage: Tokens, None if the provider reported none.
        cost: USD, None if tokens or prices are unknown.
        savings: USD that the same tokens would have cost more at the first offer that the registry lists, None if
            either is unknown.
        attempts: Every attempt on the way.
        latency: Seconds for the whole call.
        finish_reason: "stop", "length", "tool_calls", ...
        reasoning: The model's thoughts, if it shows them.
        parsed: The value that fits the requested schema.
        tool_calls: Calls that were left to the caller, in OpenAI's format: an id of its own for each, arguments as
            text.
        dropped: Parameters that were left out because the provider does not take them.
        repaired: In words, what was sent otherwise than it was asked for, because the provider had refused that.
        unchecked: Patterns of the schema that were not run.
        data: The last reply, unchanged.
        asked: The messages that it answers; `messages` has the answer as well.
        cached: Whether every reply to the question was kept from earlier calls, and cost nothing.
    """

    provider: str | None
    model: str
    canonical_name: str | None
    usage: Usage | None
    cost: float | None
    savings: float | None
    attempts: Attempts
    latency: float
    finish_reason: str | None
    reasoning: str
    parsed: Parsed
    tool_calls: list[dict[str, Any]]
    dropped: list[str]
    repaired: list[str]
    unchecked: list[str]
    data: dict[str, Any]
    asked: Sequence[Mapping[str, Any]]
    cached: bool

    def __new__(
        cls,
        text: str = "",
        *,
        provider: str | None = None,
        model: str = "",
        canonical_name: str | None = None,
        usage: Usage | None = None,
        cost: float | None = None,
        savings: float | None = None,
        attempts: Iterable[Attempt] = (),
        latency: float = 0.0,
        finish_reason: str | None = None,
        reasoning: str = "",
        parsed: Any = None,
        tool_calls: Iterable[dict[str, Any]] = (),
        dropped: Iterable[str] = (),
        repaired: Iterable[str] = (),
        unchecked: Iterable[str] = (),
        data: Any = None,
        asked: Sequence[Mapping[str, Any]] = (),
        cached: bool = False,
    ) -> Self:
        """Make one by hand, for a test: `Answer("Hello.", provider="openai", usage=Usage(3, 2))`."""
        answer = str.__new__(cls, text)
        answer.__dict__ = {
            "provider": provider,
            "model": model,
            "canonical_name": canonical_name,
            "usage": usage,
            "cost": cost,
            "savings": savings,
            "attempts": Attempts(attempts),
            "latency": latency,
            "finish_reason": finish_reason,
            "reasoning": reasoning,
            "parsed": parsed,
            "tool_calls": [*tool_calls] if tool_calls else [],
            "dropped": [*dropped] if dropped else [],
            "repaired": [*repaired] if repaired else [],
            "unchecked": [*unchecked] if unchecked else [],
            "data": {} if data is None else data,
            "asked": asked,
            "cached": cached,
        }
        return answer

    if not TYPE_CHECKING:

        def __class_getitem__(cls, parsed):
            """`Answer[Person]`, in annotations that are looked at while a program runs."""
            from types import GenericAlias

            return GenericAlias(cls, parsed)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation, this answer included: dicts, whose turns of models remember which provider gave them."""
        from inference_providers.chat.turns import assistant

        message = completion.message_of(self.data) or {"content": str(self)}
        turn = assistant(message, self.provider)
        if isinstance(turn["content"], str):  # there may be none, or parts, of which some are thoughts
            turn["content"] = str(self)
        return [*completion.copies(self.asked), turn]

    @property
    def text(self) -> str:
        """The text as a plain `str`."""
        return str(self)

    @property
    def content(self) -> str:
        """The text as a plain `str`, in OpenAI's word."""
        return str(self)

    @property
    def id(self) -> str | None:
        """The id of the last reply, if it has one."""
        found = self.data.get("id")
        return found if isinstance(found, str) else None

    @property
    def created(self) -> int | None:
        """When the last reply was made, in seconds since 1970, if it says so."""
        found = self.data.get("created")
        return int(found) if isinstance(found, int | float) else None

    @property
    def cost_details(self) -> CostDetails:
        """What the cost is made of: by kind of tokens, with their prices, and where those are from."""
        from inference_providers.usage import details

        return details(self.cost, self.__dict__.get("_charges", ()))

    def _repr_markdown_(self) -> str:
        from inference_providers.chat.answer_markdown import markdown_of

        return markdown_of(self)

    def __repr__(self) -> str:
        return str.__repr__(self)

    def as_dict(self) -> dict[str, Any]:
        """The answer as a dict for JSON.

        Returns:
            Its attributes; latency and seconds rounded to milliseconds.
        """
        return {
            "answer": str(self),
            "provider": self.provider,
            "model": self.model,
            "canonical_name": self.canonical_name,
            "usage": self.usage.as_dict() if self.usage else None,
            "cost": self.cost,
            **({"savings": self.savings} if self.savings else {}),
            "latency": round(self.latency, 3),
            "finish_reason": self.finish_reason,
            "attempts": [
                {"provider": a.provider, "model": a.model, "outcome": a.outcome, "seconds": round(a.seconds, 3)}
                for a in self.attempts
            ],
            **({"parsed": plain(self.parsed)} if self.parsed is not None else {}),
            **({"tool_calls": self.tool_calls} if self.tool_calls else {}),
            **({"dropped": self.dropped} if self.dropped else {}),
            **({"repaired": self.repaired} if self.repaired else {}),
            **({"unchecked": self.unchecked} if self.unchecked else {}),
            **({"cached": True} if self.cached else {}),
        }


def _calls_of(message: Mapping[str, Any]) -> list[Any]:
    from inference_providers.chat.turns import calls_of

    return calls_of(message)


def plain(value: Any) -> Any:
    """A parsed value in plain types, for JSON."""
    if value is None or (isinstance(value, str | int | float) and type(value).__module__ == "builtins"):
        return value
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value)


class AnswerBuilder:
    """Collects what an answer is made of: usage, cost and attempts of one reply or several.

    split: thoughts that stand between tags at the beginning of the text are no part of it.
    """

    __slots__ = ("attempts", "cached", "charges", "cost", "dropped", "latency", "listed", "repaired", "split", "usage")

    def __init__(self, *, split: bool = False) -> None:
        self.split, self.cached = split, False
        self.attempts: list[Attempt] = []
        self.charges: list[Charge] = []  # one for each reply
        self.latency = 0.0
        self.usage: Usage | None = None
        self.cost: float | None = 0.0
        self.listed: float | None = 0.0
        self.dropped: dict[str, None] = {}
        self.repaired: dict[str, None] = {}

    def add(
        self,
        charge: Charge,
        attempts: Iterable[Attempt],
        dropped: Iterable[str],
        seconds: float,
        repaired: Iterable[str] = (),
        listed: float | None = None,
        *,
        cached: bool = False,
    ) -> None:
        """Count one more reply, which took *seconds*; once a cost is unknown, the total is unknown.

        listed: what it would have cost at the first offer that the registry lists. cached: it was kept from an earlier
        call.
        """
        self.listed = None if self.listed is None or listed is None else self.listed + listed
        self.latency += seconds
        self.cached = cached and (not self.charges or self.cached)
        if dropped:
            self.dropped.update(dict.fromkeys(dropped))
        if repaired:
            self.repaired.update(dict.fromkeys(repaired))
        self.charges.append(charge)
        usage, cost = charge.usage, charge.cost
        if len(self.charges) == 1:
            self.attempts, self.usage, self.cost = [*attempts], usage, cost
            return
        self.attempts += attempts
        self.cost = None if self.cost is None or cost is None else self.cost + cost
        if usage is not None:
            self.usage = usage if self.usage is None else self.usage + usage

    def answer(
        self,
        data: Any,
        source: Source | None,
        messages: Sequence[Mapping[str, Any]],
        parsed: Any = None,
        *,
        parted: tuple[str, str] | None = None,
        thoughts: str | None = None,
    ) -> Answer:
        """The answer whose last reply is *data*, to *messages*.

        parted: its text and the thoughts in there, where that is known; thoughts: those beside it.
        """
        choice = completion.first_choice(data)
        message = choice.get("message")
        if not isinstance(message, dict):
            message = {}
        text = completion.content_text(message.get("content"))
        reasoning = completion.thoughts(message) if thoughts is None else thoughts
        if parted is not None or self.split or "extra_content" in message:
            text, reasoning = _parted(text, reasoning, completion.is_thought(message), self.split, parted)
        answer = Answer.__new__(  # takes half the time of calling the class
            Answer,
            text,
            provider=source.provider if source else None,
            model=source.internal_name if source else str(data.get("model", "")),
            canonical_name=source.canonical_name if source else None,
            usage=self.usage,
            cost=self.cost,
            savings=None if self.cost is None or self.listed is None else self.listed - self.cost,
            attempts=self.attempts,
            latency=self.latency,
            finish_reason=choice.get("finish_reason"),
            reasoning=reasoning,
            parsed=parsed,
            tool_calls=_calls_of(message) if message.get("tool_calls") or message.get("function_call") else (),
            dropped=self.dropped,
            repaired=self.repaired,
            data=data,
            asked=messages,
            cached=self.cached,
        )
        if self.charges:
            answer.__dict__["_charges"] = self.charges  # for those who ask for details
        return answer


def _parted(
    text: str, reasoning: str, is_thought: bool, split: bool, parted: tuple[str, str] | None
) -> tuple[str, str]:
    """(answer, thoughts), where those stand between tags in the text, or the provider says that it begins with some."""
    if parted is None and (split or is_thought):
        from inference_providers.chat.thinking import split as part

        parted = part(text, is_thought=is_thought)
    if parted is None:
        return text, reasoning
    return parted[0], "\n".join(dict.fromkeys(filter(None, (reasoning, parted[1]))))  # some say the same in both places

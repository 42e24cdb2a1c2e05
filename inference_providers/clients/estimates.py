"""What a question may take and cost, before it is sent."""

from __future__ import annotations

from contextlib import suppress

from inference_providers.usage import Usage, cost_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from inference_providers.calls import Pipeline
    from inference_providers.chat import Models, Question
    from inference_providers.clients.token_counting import Count
    from inference_providers.offers import Offer

USUAL_LIMIT = 4096  # tokens of an answer whose limit nobody knows
_FRAME = (3, 8)  # tokens around each message: at least, and at most


class Estimate:
    """What a question may take, from the least to the most; None where that is unknown.

    input_tokens, output_tokens: (low, high); an answer may be empty. low, high: USD. provider, model: for whom that
    is. method: `tiktoken`, `tokenizers` or `characters`. limit: where the most of the output is from: `max_tokens`,
    the `model`'s own limit, or a `default` of 4,096 tokens.
    """

    __slots__ = ("high", "input_tokens", "limit", "low", "method", "model", "output_tokens", "provider")

    def __init__(
        self,
        input_tokens: tuple[int, int | None],
        output_tokens: tuple[int, int],
        costs: tuple[float | None, float | None],
        *,
        provider: str,
        model: str,
        method: str,
        limit: str,
    ) -> None:
        self.input_tokens, self.output_tokens, (self.low, self.high) = input_tokens, output_tokens, costs
        self.provider, self.model, self.method, self.limit = provider, model, method, limit

    def __repr__(self) -> str:
        low, high = ("?" if usd is None else f"${usd:.6f}" for usd in (self.low, self.high))
        return f"<Estimate for {self.provider}/{self.model}: {low} to {high}, by {self.method}>"

    def _repr_html_(self) -> str:
        from inference_providers.rendering import money, pairs

        def span(low: Any, high: Any) -> str:
            return f"{'?' if low is None else low} to {'?' if high is None else high}"

        rows = {
            "cost": span(money(self.low) or None, money(self.high) or None),
            "input tokens": span(*self.input_tokens),
            "output tokens": span(*self.output_tokens),
            "counted by": self.method,
            "limit of the output": self.limit,
        }
        return pairs(rows, f"estimate for {self.provider}/{self.model}").text

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def estimated(pipeline: Pipeline, prompt: Any, models: Models, options: Mapping[str, Any]) -> Estimate:
    """The estimate for the first candidate of the models. Raises what `ask_ai` raises before it asks."""
    from inference_providers.clients.token_counting import counting

    given = dict(options)
    how = {name: given.pop(name) for name in ("system", "images", "files", "extra_body", "schema") if name in given}
    question = pipeline.question(prompt, given, **how)
    offer = _first(pipeline, models)
    names = list(dict.fromkeys(filter(None, (offer.canonical_name, offer.internal_name))))
    method, count = counting(names, pipeline.users_environ)
    read = _input(question, count)
    limit, where = _limit(question, offer)
    answers = question.fields.get("n") or 1
    made = (0, limit * answers)
    low = cost_of(Usage(read[0], 0), offer.facts)
    high = None if read[1] is None else cost_of(Usage(read[1], made[1]), offer.facts)
    return Estimate(
        read, made, (low, high), provider=offer.provider, model=offer.internal_name, method=method, limit=where
    )


def _first(pipeline: Pipeline, models: Models) -> Offer:
    """Who would be asked first; where there is no key, who could be."""
    from inference_providers.chat import names_of
    from inference_providers.errors import NoCredentialsError, UnknownModelError

    models = pipeline.finder.default_models() if models is None else models
    names = names_of(models) if models is not None else ["auto"]
    error: Exception | None = None
    for name in names:
        try:
            return pipeline.finder.own_candidates(name)[0]
        except (NoCredentialsError, UnknownModelError) as problem:
            error = error or problem
    for name in names if models is not None else ():
        with suppress(UnknownModelError):
            if offers := pipeline.finder.resolver.resolve(name).offers:
                return offers[0]
    raise error or ValueError("give at least one model")


def _input(question: Question, count: Count) -> tuple[int, int | None]:
    from inference_providers.chat import content_text

    low, high = _FRAME[0], _FRAME[1]
    is_whole = True
    for turn in question.turns:
        content = turn.get("content")
        least, most = count(content_text(content))
        low, high = low + least + _FRAME[0], high + most + _FRAME[1]
        is_whole = is_whole and not _holds_more(content)
    described = {name: question.fields[name] for name in ("tools", "response_format") if question.fields.get(name)}
    if described:
        import json

        least, most = count(json.dumps(described, default=str))
        low, high = low + least // 2, high + most  # the provider puts it otherwise
    return low, high if is_whole else None


def _holds_more(content: Any) -> bool:
    """Whether there is more than text: how many tokens a picture takes, only the provider knows."""
    return isinstance(content, list) and any(isinstance(part, dict) and "text" not in part for part in content)


def _limit(question: Question, offer: Offer) -> tuple[int, str]:
    if (limit := question.fields.get("max_tokens")) is not None:
        return int(limit), "max_tokens"
    return (offer.output_limit, "model") if offer.output_limit else (USUAL_LIMIT, "default")

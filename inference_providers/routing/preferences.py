"""What a list, a client or a call prefers: whom to ask, in which order, how long, how often and for how much. Pure.

All of it is checked here, whatever words it comes in.
"""

from __future__ import annotations

import math
import sys

from inference_providers.chat import BALANCED, CHEAPEST, FASTEST, LISTED, PREFERRING, RANDOM
from inference_providers.routing.budget import CALL, Budget, Purse, checked_amount
from inference_providers.routing.strategies import checked_strategy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Self

_CONFIGURED = ("primary", "fallback", "cost_optimization", "latency_optimization", "quality_threshold")
_COSTS = ("enabled", "max_cost", "prefer_cheaper", "quality_threshold")
_FALLBACK = ("strategies", "retry_attempts", "backoff_multiplier")
_STEP = ("provider", "model", "timeout")
MOST_RETRIES, MOST_MULTIPLIER, MOST_STEPS = 10, 10.0, 50


class Step:
    """One of those who are asked in turn. provider: None for whoever serves the model; model: None for the call's own.

    seconds: how long it may take; None for as long as any.
    """

    __slots__ = ("model", "provider", "seconds")

    def __init__(self, provider: str | None, model: str | None = None, seconds: float | None = None) -> None:
        self.provider, self.model, self.seconds = provider, model, seconds


class Preferences:
    """What is preferred; None for what is not said. purses: what this call, or its batch, may spend.

    steps: who is asked, in turn; empty for whoever serves the model. others: whoever serves the model comes after them.
    general: they are those of a list, and so not for a model whose name says who is asked. decided: the policy is that
    of the call, which counts before that behind a model's name.
    """

    __slots__ = (
        "budget", "decided", "general", "max_cost", "multiplier", "others", "purses", "quality", "seconds", "steps",
        "strategy", "tries",
    )  # fmt: skip

    def __init__(self) -> None:
        self.strategy: str | Callable[..., Any] | None = None
        self.quality: float | None = None
        self.max_cost: float | None = None
        self.steps: Sequence[Step] = ()
        self.others = self.general = self.decided = False
        self.tries: int | None = None
        self.multiplier: float | None = None
        self.budget: Budget | None = None
        self.purses: tuple[Purse, ...] = ()
        self.seconds: Mapping[Any, float] = {}  # by an offer's place: how long it may take

    def __repr__(self) -> str:
        said = [f"{name}={value!r}" for name in self.__slots__ if (value := getattr(self, name))]
        return f"<Preferences {' '.join(said)}>"

    def over(self, broad: Preferences | None) -> Preferences:
        """These over those of a list: what is said here counts, and both limits of cost."""
        if broad is None:
            return self
        made = Preferences()
        for name in ("strategy", "quality", "max_cost", "tries", "multiplier"):
            own = getattr(self, name)
            setattr(made, name, getattr(broad, name) if own is None else own)
        made.decided = self.strategy is not None
        made.budget = broad.budget if self.budget is None else self.budget
        chosen = self if self.steps else broad
        made.steps, made.others, made.general = chosen.steps, chosen.others, chosen.general
        made.purses = (*broad.purses, *self.purses)
        if self.max_cost is not None and broad.max_cost is not None:
            made.max_cost = min(self.max_cost, broad.max_cost)
        return made

    def beside(self, earlier: Preferences | None) -> Preferences:
        """These, with the budget of earlier ones, and their policy where these have none."""
        if earlier is not None:
            self.budget, self.strategy = earlier.budget, self.strategy or earlier.strategy
        return self

    def for_call(self, name: str = CALL) -> Self:
        """The same for one call, with purses of its own; *name* is what a message calls it."""
        limits = [self.max_cost] if self.max_cost is not None else []
        if name == CALL and self.budget is not None and self.budget.per_call is not None:
            limits.append(self.budget.per_call)
        made = type(self)()
        for field in self.__slots__:
            setattr(made, field, getattr(self, field))
        if limits:
            made.purses = (*self.purses, Purse(name, min(limits)))
            made.max_cost = None
        return made

    @property
    def chooses(self) -> bool:
        """Whether others are candidates than those that the models' names mean."""
        return bool(self.steps) or self.quality is not None

    @property
    def orders(self) -> bool:
        """Whether one candidate is to be asked rather than another, though both have the same model."""
        spread = self.strategy in (None, LISTED, RANDOM, BALANCED)
        return not spread or bool(self.steps)

    @property
    def spends(self) -> bool:
        """Whether what is spent is limited."""
        return bool(self.purses) or (self.budget is not None and self.budget.limits)


def preferences_of(words: dict[str, Any], provider_id: Callable[[str], str]) -> Preferences:
    """The preferences among a call's options, which are taken out of *words*. Raises TypeError and ValueError.

    provider_id: the id of a provider that is named in any spelling.
    """
    said = {name: words.pop(name) for name in PREFERRING & words.keys()}
    made = Preferences()
    _with_fallback(made, said)
    _with_costs(made, said.get("cost_optimization"))
    if said.get("max_cost") is not None:
        made.max_cost = checked_amount("max_cost", said["max_cost"])
    if said.get("quality_threshold") is not None:
        made.quality = _share("quality_threshold", said["quality_threshold"])
    _with_latency(made, said.get("latency_optimization"))
    if said.get("policy") is not None:
        made.strategy = checked_strategy(said["policy"])
    first, fallback = said.get("provider"), said.get("fallback_providers")
    if made.steps and (first is not None or fallback is not None):
        raise ValueError("strategies say who is asked, and so do provider and fallback_providers; give one of them")
    if not made.steps:
        made.steps = _providers("provider", first, "fallback_providers", fallback)
    made.steps = _known(made.steps, provider_id)
    return made


def configured(given: Any, provider_id: Callable[[str], str]) -> Preferences:
    """The preferences of a list, as in `configure_providers`. Raises TypeError and ValueError."""
    said = _fields("configure_providers", given, _CONFIGURED)
    made = Preferences()
    _with_costs(made, said.get("cost_optimization"))
    _with_latency(made, said.get("latency_optimization"))
    if said.get("quality_threshold") is not None:
        made.quality = _share("quality_threshold", said["quality_threshold"])
    first, fallback = said.get("primary"), said.get("fallback")
    made.steps = _known(_providers("primary", first, "fallback", fallback), provider_id)
    made.others, made.general = fallback is None, True
    if made.steps and made.steps[0].provider is None:
        raise ValueError('configure_providers: "fallback" without "primary"; say who is asked first')
    return made


def _with_fallback(made: Preferences, said: Mapping[str, Any]) -> None:
    config = said.get("fallback_config")
    rows = {} if config is None else _fields("fallback_config", config, _FALLBACK)
    for name in _FALLBACK:
        if said.get(name) is not None:
            if rows.get(name) is not None:
                raise ValueError(f"{name} is given by itself and in fallback_config; give it once")
            rows[name] = said[name]
    if rows.get("strategies") is not None:
        made.steps = _steps(rows["strategies"])
    retries, multiplier = rows.get("retry_attempts"), rows.get("backoff_multiplier")
    if retries is not None:
        if type(retries) is not int or not 0 <= retries <= MOST_RETRIES:
            raise ValueError(f"retry_attempts must be a whole number from 0 to {MOST_RETRIES}, not {retries!r}")
        made.tries = 1 + retries
    if multiplier is not None:
        made.multiplier = _number("backoff_multiplier", multiplier, 1.0, MOST_MULTIPLIER)


def _steps(given: Any) -> list[Step]:
    form = '[{"provider": "openai", "timeout": 5000}, {"provider": "groq", "model": "llama-3.3-70b"}]'
    if not isinstance(given, list | tuple) or not given or len(given) > MOST_STEPS:
        raise TypeError(f"strategies must be a list like {form} (timeout in milliseconds), not {given!r}")
    found = []
    for row in given:
        said = _fields("strategies", row, _STEP)
        provider, model, limit = (said.get(name) for name in _STEP)
        if not (provider or model):
            raise ValueError(f"each of strategies names a provider or a model, like {form}, not {row!r}")
        for name, text in (("provider", provider), ("model", model)):
            if text is not None and not (isinstance(text, str) and text.strip()):
                raise TypeError(f"{name} in strategies must be a name, not {text!r}")
        seconds = None if limit is None else _number("timeout in strategies", limit, 1, 86_400_000) / 1000
        found.append(Step(provider, model, seconds))
    return found


def _with_costs(made: Preferences, given: Any) -> None:
    if given is None or given is False:
        return
    said = {"enabled": True} if given is True else _fields("cost_optimization", given, _COSTS)
    for name in ("enabled", "prefer_cheaper"):
        if not isinstance(said.get(name, True), bool):
            raise TypeError(f"{name} of cost_optimization must be True or False, not {said[name]!r}")
    if not said.get("enabled", True):
        return
    made.max_cost = checked_amount("max_cost of cost_optimization", said.get("max_cost"))
    if said.get("quality_threshold") is not None:
        made.quality = _share("quality_threshold of cost_optimization", said["quality_threshold"])
    if said.get("prefer_cheaper", True):
        made.strategy = CHEAPEST


def _with_latency(made: Preferences, given: Any) -> None:
    if given is None or given is False:
        return
    if given is not True:
        raise TypeError(f"latency_optimization must be True or False, not {given!r}")
    made.strategy = FASTEST if made.strategy is None else _both()


def _both() -> str:
    raise ValueError(
        "cost_optimization and latency_optimization want different orders; give one of them, or "
        f'policy="{LISTED}" or "{BALANCED}"'
    )


def _providers(word: str, first: Any, words: str, fallback: Any) -> list[Step]:
    """Who is asked first, and who after that. Without the first it is whoever serves the model."""
    if first is not None and not (isinstance(first, str) and first.strip()):
        raise TypeError(f"{word} must be the name of a provider, not {first!r}")
    if fallback is None:
        return [] if first is None else [Step(first)]
    names = [fallback] if isinstance(fallback, str) else fallback
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name.strip() for name in names):
        raise TypeError(f"{words} must be a list of names of providers, not {fallback!r}")
    return [Step(first), *map(Step, names)] if first is not None or names else []


def _known(steps: Sequence[Step], provider_id: Callable[[str], str]) -> list[Step]:
    return [Step(step.provider and provider_id(step.provider), step.model, step.seconds) for step in steps]


def _fields(option: str, given: Any, known: tuple[str, ...]) -> dict[str, Any]:
    if not hasattr(given, "items"):
        raise TypeError(f"{option} takes a mapping with {', '.join(known)}, not {given!r}")
    said = dict(given)
    for name in said:
        if name not in known:
            raise ValueError(f"{option} knows {', '.join(known)}, not {name!r}")
    return said


def _share(what: str, given: Any) -> float:
    return _number(what, given, 0.0, 1.0)


def _number(what: str, given: Any, least: float, most: float) -> float:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if is_number and sys.float_info.max < abs(given) < math.inf:  # more digits than a float holds
        is_number = False
    if not is_number or math.isnan(given) or not least <= given <= most:
        raise ValueError(f"{what} must be a number from {least:g} to {most:g}, not {given!r}")
    return float(given)

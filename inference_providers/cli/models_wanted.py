"""Which models `inference-providers models` lists, and in which order: the options for it, and what they mean."""

from __future__ import annotations

from functools import wraps
from typing import Any

import click
from click.shell_completion import CompletionItem

from inference_providers.cli.completion import complete_provider
from inference_providers.offers import FEATURES, feature_called, is_free

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inference_providers.offers import Offer
    from inference_providers.registry import Registry

_FLAGS = {  # option -> feature
    "tools": "tools",
    "vision": "vision",
    "json_schema": "structured_output",
    "reasoning": "reasoning",
    "pdf": "pdf",
    "audio": "audio",
}
_HELP = {
    "tools": "Only with tools (functions).",
    "vision": "Only those that see pictures.",
    "json_schema": "Only those that keep to a JSON schema.",
    "reasoning": "Only those that think first.",
    "pdf": "Only those that read PDF files.",
    "audio": "Only those that hear sound.",
}
_SPELLED = {"json_schema": ("--json-schema", "--schema")}
SORTS = ("name", "price", "context", "released")


class Wanted:
    """What a listed model has to be. What is not known of one is not there."""

    __slots__ = ("features", "free", "max_price", "min_context", "open_weights", "providers", "words")

    def __init__(
        self,
        words: Iterable[str] = (),
        features: Iterable[str] = (),
        providers: Iterable[str] = (),
        *,
        free: bool = False,
        max_price: float | None = None,
        min_context: int | None = None,
        open_weights: bool = False,
    ) -> None:
        """*words*: all of them in the model's name, between blanks and asterisks.

        *max_price*: USD for a million tokens, in and out. *min_context*: tokens. *providers*: ids. Raises ValueError
        for a feature that is not known.
        """
        self.words = [part for word in words for part in word.lower().replace("*", " ").split()]
        self.features = [feature_called(one) for one in features]
        self.providers = frozenset(providers)
        self.free, self.max_price, self.min_context, self.open_weights = free, max_price, min_context, open_weights

    def __bool__(self) -> bool:
        """Whether it asks for more than a name."""
        by_number = self.max_price is not None or self.min_context is not None
        return bool(self.features or self.providers or self.free or by_number or self.open_weights)

    def is_called(self, *names: str) -> bool:
        """Whether every word is in one of the names."""
        return all(any(word in name.lower() for name in names) for word in self.words)

    def takes_model(self, facts: Mapping[str, Any]) -> bool:
        """Whether a model is one of them, by what is known of it, whoever serves it."""
        return not self.open_weights or facts.get("open_weights") is True

    def takes(self, offer: Offer) -> bool:
        """Whether an offer is all of it at once."""
        if self.providers and offer.provider not in self.providers:
            return False
        if self.free and not is_free(offer):
            return False
        if self.max_price is not None:
            usual = 0.0 if offer.local else float("inf")  # of a server here nobody says what it costs
            prices = [usual if price is None else price for price in (offer.input_price, offer.output_price)]
            if max(prices) > self.max_price:
                return False
        if self.min_context is not None and (offer.context_window or 0) < self.min_context:
            return False
        return all(FEATURES[name](offer) for name in self.features)

    def such(self) -> str:
        """What was looked for, for messages."""
        return f" with {' and '.join(map(repr, self.words))} in its name" if self.words else ""


def wanting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that choose and sort; they come as *wanted*, a function of a registry, and *sort*."""

    @wraps(command)
    def run(
        *args: Any,
        words: tuple[str, ...],
        feature: tuple[str, ...],
        provider: tuple[str, ...],
        free: bool,
        max_price: float | None,
        min_context: int | None,
        open_weights: bool,
        **rest: Any,
    ) -> Any:
        features = [*feature, *(name for option, name in _FLAGS.items() if rest.pop(option))]

        def wanted(registry: Registry) -> Wanted:
            return Wanted(
                words,
                features,
                [_provider(registry, one) for one in provider],
                free=free,
                max_price=max_price,
                min_context=min_context,
                open_weights=open_weights,
            )

        return command(*args, wanted=wanted, **rest)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def in_order(rows: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
    """Rows, the cheapest, largest or newest first; those of which it is not known at the end."""
    if sort == "name":
        return rows
    if sort == "price":
        return sorted(rows, key=_dearness)
    return sorted(rows, key=lambda row: (row.get(sort) is not None, row.get(sort) or 0), reverse=True)


def _dearness(row: Mapping[str, Any]) -> tuple[bool, float]:
    """By what three tokens in and one out cost, as usual."""
    price, out = row.get("input_price"), row.get("output_price")
    return price is None, (price or 0.0) * 3 + (out or 0.0)


def _tokens(context: click.Context, option: click.Parameter, value: str | None) -> int | None:
    """A number of tokens, as people write it."""
    if value is None:
        return None
    text = value.strip().lower().replace(",", "").replace("_", "")
    times = {"k": 1000, "m": 1_000_000}.get(text[-1:], 1)
    try:
        return int(float(text[:-1] if times > 1 else text) * times)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is not a number of tokens; 200000, 200k and 1M are.") from None


def _provider(registry: Registry, spelling: str) -> str:
    found = registry.provider_id(spelling)
    if found is None:
        raise ValueError(f"{spelling!r} is not a provider; `inference-providers providers --all` lists them")
    return found


def _complete_feature(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in FEATURES if name.startswith(incomplete.lower().replace("-", "_"))]


_OPTIONS = [
    *(click.option(*_SPELLED.get(name, (f"--{name}",)), name, is_flag=True, help=_HELP[name]) for name in _FLAGS),
    click.option(
        "--feature",
        multiple=True,
        metavar="NAME",
        shell_complete=_complete_feature,
        help=f"Only with this: {', '.join(FEATURES)}; may be repeated.",
    ),
    click.option(
        "--provider", multiple=True, shell_complete=complete_provider, help="Only of this one; may be repeated."
    ),
    click.option("--free", is_flag=True, help="Only those that cost nothing."),
    click.option(
        "--max-price",
        type=click.FloatRange(min=0),
        metavar="USD",
        help="At most that for a million tokens, in and out.",
    ),
    click.option(
        "--min-context", callback=_tokens, metavar="TOKENS", help="At least so long a context: 200000, 200k, 1M."
    ),
    click.option("--open-weights", is_flag=True, help="Only models whose weights can be had."),
    click.option(
        "--sort",
        type=click.Choice(SORTS),
        default="name",
        show_default=True,
        help="The cheapest, largest or newest first.",
    ),
]

"""What a person may want of a model, and how the registry's facts of an offer say that it is there. Pure."""

from __future__ import annotations

from inference_providers.registry import CAPABILITIES, MESSAGES, RESPONSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_providers.offers.offer import Offer


def _said(capability: str) -> Callable[[Offer], bool]:
    return lambda offer: capability in offer.features


FEATURES: Mapping[str, Callable[[Offer], bool]] = {
    **{name: _said(name) for name in CAPABILITIES.values()},
    "search": lambda offer: bool(offer.facts.more.get("search")),  # known by what it costs
    "prompt_cache": lambda offer: offer.cached_input_price is not None,
    "batch": lambda offer: bool(offer.connection.get("batch")),
    MESSAGES: lambda offer: offer.asked_by(MESSAGES) is not None,
    RESPONSES: lambda offer: offer.asked_by(RESPONSES) is not None,
}
_OTHER_WORDS = {
    "json_schema": "structured_output",
    "schema": "structured_output",
    "images": "vision",
    "files": "pdf",
    "sound": "audio",
    "functions": "tools",
    "thinking": "reasoning",
    "cache": "prompt_cache",
}


def feature_called(word: str) -> str:
    """The feature that a word stands for, in any spelling. Raises ValueError for one that is not known."""
    name = word.strip().lower().replace("-", "_")
    name = _OTHER_WORDS.get(name, name)
    if name not in FEATURES:
        raise ValueError(f"{word!r} is not a feature that is known; there are {', '.join(FEATURES)}")
    return name


def features_of(offer: Offer) -> frozenset[str]:
    """The features of an offer, as far as they are known."""
    return frozenset(name for name, has in FEATURES.items() if has(offer))

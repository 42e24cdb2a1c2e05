"""Which provider has read the beginning of a conversation lately, and so may read it again from its cache. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.offers import Offer

LASTS = 300.0  # seconds for which a cache of prompts is taken to be kept
LEAST = 1024  # tokens: shorter beginnings are cached by nobody
KEPT = 1000  # conversations
_INSTRUCTING = ("system", "developer")


class Warmth:
    """The beginnings of conversations, by whom they were read, when, and how long they were in tokens."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._read: dict[int, dict[tuple[str | None, str], tuple[float, int]]] = {}

    def note(self, body: Mapping[str, Any], offer: Offer, tokens: int) -> None:
        """An offer has answered a request of so many tokens."""
        if tokens < LEAST:
            return
        for key, share in _beginnings(body):
            places = self._read.pop(key, {})
            self._read[key] = {**places, offer.place: (self._clock(), int(tokens * share))}
        while len(self._read) > KEPT:
            self._read.pop(next(iter(self._read)), None)

    def tokens(self, body: Mapping[str, Any], offer: Offer) -> int:
        """Tokens of a request that an offer may still have in its cache."""
        if not self._read:
            return 0
        found = 0
        for key, _ in _beginnings(body):
            at, tokens = self._read.get(key, {}).get(offer.place, (0.0, 0))
            if tokens >= LEAST and self._clock() - at < LASTS:
                found = max(found, tokens)
        return found


def _beginnings(body: Mapping[str, Any]) -> list[tuple[int, float]]:
    """What tells a conversation: its instructions, and those with what was said first; the part of it that each is."""
    turns = body.get("messages")
    if not isinstance(turns, list) or not turns:
        return []
    first = turns[0]
    instructs = isinstance(first, dict) and first.get("role") in _INSTRUCTING
    lengths = [len(str(turn.get("content") if isinstance(turn, dict) else turn)) for turn in turns]
    found = [(hash(("instructions", repr(first))), lengths[0] / max(sum(lengths), 1))] if instructs else []
    return [*found, (hash(("conversation", repr(turns[: 2 if instructs else 1]))), 1.0)]

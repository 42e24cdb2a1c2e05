"""What models of other kinds than text give: vectors of texts, and documents by how well they fit a question. Pure."""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.usage import Usage

_LARGEST = 2**53  # whole numbers beyond it are none of a vector or a score, and may be too large to reckon with
TEXTS, LETTERS = 96, 100_000  # of one request: few providers take less


class Ranked:
    """A document: `index` among those given, `score`, the higher the better, and its text, `document`."""

    __slots__ = ("document", "index", "score")

    def __init__(self, index: int, score: float, document: str) -> None:
        self.index, self.score, self.document = index, score, document

    def __repr__(self) -> str:
        return f"<Ranked {self.index}: {self.score:.3f}>"


class _Known:
    """Who gave a result, and what it cost."""

    model: str = ""  # its provider's name of the model
    canonical_name: str | None = None
    provider: str | None = None
    usage: Usage | None = None
    cost: float | None = None  # USD; None if tokens or prices are unknown
    attempts: Sequence[Attempt] = ()

    def of(self, replies: Sequence[Any]) -> None:
        """Note who gave these replies, and the sum of what they used."""
        from inference_providers.usage import Usage, cost_of, usage_of

        offer = replies[-1].offer
        self.model, self.canonical_name, self.provider = offer.internal_name, offer.canonical_name, offer.provider
        self.attempts = [attempt for reply in replies for attempt in reply.attempts]
        used = [usage_of(reply.data.get("usage")) for reply in replies]
        costs = [
            0.0 if reply.cached else cost_of(usage, reply.offer.facts)
            for usage, reply in zip(used, replies, strict=True)
        ]
        known = [usage for usage in used if usage is not None]
        if len(known) == len(replies):
            self.usage = Usage(sum(one.input_tokens for one in known), sum(one.output_tokens for one in known))
        if None not in costs:
            self.cost = sum(cost for cost in costs if cost is not None)


class Embeddings(list["list[float]"], _Known):
    """Vectors, one for each text, in its order; all of one model, `canonical_name`, without which they mean nothing."""

    def __repr__(self) -> str:
        return f"<Embeddings: {len(self)} of {self.dimensions} dimensions by {self.provider}/{self.model}>"

    @property
    def dimensions(self) -> int:
        """Numbers in each vector; 0 without any."""
        return len(self[0]) if self else 0


class Ranking(list[Ranked], _Known):
    """Documents, the one first that fits best."""


def parts(texts: Iterable[str], most: int = TEXTS) -> list[list[str]]:
    """The texts in groups of which each fits into a request. Raises TypeError for what is not a text.

    *most*: texts in one of them.
    """
    found: list[list[str]] = []
    size = 0
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"a text is wanted, not {type(text).__name__}: give one, or several in a list")
        if not found or len(found[-1]) == most or size + len(text) > LETTERS:
            found.append([])
            size = 0
        found[-1].append(text)
        size += len(text)
    return found


def vectors_of(data: Mapping[str, Any], count: int, dimensions: int = 0) -> list[list[float]]:
    """The vectors of a reply, in the order of its request. Raises ValueError for a reply that lacks one.

    *dimensions*: those of the vectors that there are already, with which they have to be comparable; 0 for any.
    """
    rows = data.get("data")
    found: dict[int, list[float]] = {}
    for place, row in enumerate(rows if isinstance(rows, list) else ()):
        vector = row.get("embedding") if isinstance(row, dict) else None
        if isinstance(vector, list) and vector and all(map(_is_number, vector)):
            index = row.get("index")
            found[index if type(index) is int else place] = vector
    if sorted(found) != list(range(count)) or len({len(vector) for vector in found.values()}) > 1:
        raise ValueError(f"the reply does not have {count} vectors of one length")
    if dimensions and any(len(vector) != dimensions for vector in found.values()):
        raise ValueError(f"its vectors are not of {dimensions} dimensions, as those of the texts before")
    return [found[place] for place in range(count)]


def ranking_of(data: Mapping[str, Any], documents: Sequence[str]) -> list[Ranked]:
    """The documents as a reply orders them. Raises ValueError for a reply without an order."""
    rows = data.get("results", data.get("data"))
    found: dict[int, float] = {}
    for row in rows if isinstance(rows, list) else ():
        index = row.get("index") if isinstance(row, dict) else None
        score = row.get("relevance_score", row.get("score")) if isinstance(row, dict) else None
        if type(index) is int and 0 <= index < len(documents) and _is_number(score):
            found[index] = float(score or 0)
    if not found and documents:
        raise ValueError("the reply has no results")
    return sorted((Ranked(index, score, documents[index]) for index, score in found.items()), key=_worst_last)


def _worst_last(ranked: Ranked) -> tuple[float, int]:
    return -ranked.score, ranked.index


def _is_number(value: Any) -> bool:
    if type(value) is int:
        return abs(value) < _LARGEST
    return type(value) is float and math.isfinite(value)

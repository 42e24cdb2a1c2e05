"""A collection of vectors: the model that they are of, and how each entry is written. Pure."""

from __future__ import annotations

import math
import sys
from array import array
from hashlib import sha256

from inference_providers.registry import EMBEDDINGS, plain_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.registry import Registry

LONGEST = 100  # characters of a collection's name


class MixedModelsError(ValueError):
    """Vectors of two models, or of two lengths, would come into one collection, where they cannot be compared."""


class Collection:
    """What is known of a collection.

    model: by which it is known, whoever serves it. provider, own_name: of whoever was asked first, and its name for the
    model. dimensions: numbers in each vector. shortened: whether the model was asked for so many. extra: what goes into
    each request beside that. number: in the file.
    """

    __slots__ = ("dimensions", "extra", "model", "name", "number", "own_name", "provider", "shortened")

    def __init__(
        self,
        number: int,
        name: str,
        model: str,
        provider: str,
        own_name: str,
        dimensions: int,
        *,
        shortened: bool = False,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.number, self.name, self.model, self.provider, self.own_name = number, name, model, provider, own_name
        self.dimensions, self.shortened, self.extra = dimensions, shortened, dict(extra or {})

    def __repr__(self) -> str:
        return f"<Collection {self.name!r} of {self.model}>"

    def body(self) -> dict[str, Any]:
        """What goes into a request beside the texts."""
        return {**({"dimensions": self.dimensions} if self.shortened else {}), **self.extra}

    def names(self, registry: Registry) -> list[str]:
        """By which names its model is asked: for everybody who serves it, where that is known."""
        kinds, row = registry.kinds.get(EMBEDDINGS), registry.providers.get(self.provider)
        known = kinds is not None and kinds.canonical(self.model) is not None
        if known or (row is not None and row.local is not None):
            return [self.model]
        return [f"{self.provider}/{self.own_name}"]

    def check_model(self, model: str) -> None:
        """Raise MixedModelsError for vectors of another model."""
        if model != self.model:
            raise MixedModelsError(
                f"The collection {self.name!r} holds vectors of {self.model}; those of {model} cannot be compared "
                "with them. Take that model, or another collection."
            )

    def check_length(self, vector: Sequence[float]) -> None:
        """Raise MixedModelsError for a vector of another length."""
        if len(vector) != self.dimensions:
            raise MixedModelsError(
                f"The collection {self.name!r} holds vectors of {self.dimensions} numbers; this one has {len(vector)}."
            )


class Entry:
    """One text of a collection: its id, its vector, and, where it is kept, the text itself."""

    __slots__ = ("digest", "id", "metadata", "text", "vector")

    def __init__(
        self, id: str, vector: Sequence[float], digest: bytes, text: str | None, metadata: Mapping[str, Any] | None
    ) -> None:
        self.id, self.vector, self.digest, self.text, self.metadata = id, vector, digest, text, metadata


def checked_name(name: str) -> str:
    """A collection's name. Raises ValueError for what nobody could type."""
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        raise ValueError(f"a collection's name has up to {LONGEST} characters, all of them printable")
    return name


def identity(registry: Registry, canonical_name: str | None, internal_name: str) -> str:
    """By what a model is known, whoever serves it."""
    kinds = registry.kinds.get(EMBEDDINGS)
    return canonical_name or (kinds and kinds.canonical(internal_name)) or plain_name(internal_name)


def digest_of(text: str) -> bytes:
    """By which a text is known again that has not changed."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def packed(vector: Sequence[float]) -> tuple[bytes, float]:
    """A vector as 32-bit floats, the lowest byte first, and its length. Raises ValueError for what has none."""
    floats = array("f", vector)
    norm = math.sqrt(sum(number * number for number in floats))
    if not math.isfinite(norm):
        raise ValueError("a vector has numbers that are too large")
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tobytes(), norm


def unpacked(blob: bytes) -> array[float]:
    """The vector that `packed` gave."""
    floats = array("f")
    floats.frombytes(blob)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats

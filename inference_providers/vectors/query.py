"""What of a collection is nearest to a text, or to another entry."""

from __future__ import annotations

from inference_providers.calls import embedded
from inference_providers.vectors.collection import identity, unpacked
from inference_providers.vectors.search import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.calls import Pipeline
    from inference_providers.chat import Embeddings, Models
    from inference_providers.vectors.collection import Collection
    from inference_providers.vectors.store import Store


def vector_of(
    pipeline: Pipeline, collection: Collection, text: str, model: Models = None, extra: Mapping[str, Any] | None = None
) -> Embeddings:
    """The vector of a text, by the model of a collection. Raises MixedModelsError for any other, else as `embed`."""
    registry = pipeline.finder.registry
    body = {**collection.body(), **(extra or {})}
    found = embedded(pipeline, [text], model or collection.names(registry), body, None)
    collection.check_model(identity(registry, found.canonical_name, found.model))
    collection.check_length(found[0])
    return found


def similar(store: Store, collection: Collection, vector: Sequence[float], count: int) -> list[dict[str, Any]]:
    """The entries nearest to a vector, the nearest first: `score` (a cosine), `id`, `content`, `metadata`."""
    return _similar(store, collection, vector, count, None)


def similar_to(store: Store, collection: Collection, id: str, count: int) -> list[dict[str, Any]] | None:
    """The entries nearest to another, without it; None where there is no such entry."""
    vector = store.vector(collection, id)
    return None if vector is None else _similar(store, collection, unpacked(vector), count, id)


def _similar(
    store: Store, collection: Collection, vector: Sequence[float], count: int, without: str | None
) -> list[dict[str, Any]]:
    found = store.scan(collection, lambda rows: nearest(rows, vector, count), without=without) or []
    entries = store.entries([number for _, number in found])
    return [{"score": score, **entries[number]} for score, number in found if number in entries]

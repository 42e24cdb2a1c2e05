"""Texts as vectors: kept in collections, and found again by what they mean."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.vectors.collection import Collection as Collection
    from inference_providers.vectors.collection import checked_name as checked_name
    from inference_providers.vectors.filling import Filled as Filled
    from inference_providers.vectors.filling import Filling as Filling
    from inference_providers.vectors.query import similar as similar
    from inference_providers.vectors.query import similar_to as similar_to
    from inference_providers.vectors.query import vector_of as vector_of
    from inference_providers.vectors.sources import Text as Text
    from inference_providers.vectors.sources import from_csv as from_csv
    from inference_providers.vectors.sources import from_files as from_files
    from inference_providers.vectors.sources import from_json_lines as from_json_lines
    from inference_providers.vectors.sources import from_lines as from_lines
    from inference_providers.vectors.store import Store as Store

_HOME = {
    "collection": (
        "Collection",
        "checked_name",
    ),
    "filling": (
        "Filled",
        "Filling",
    ),
    "query": (
        "similar",
        "similar_to",
        "vector_of",
    ),
    "sources": (
        "Text",
        "from_csv",
        "from_files",
        "from_json_lines",
        "from_lines",
    ),
    "store": ("Store",),
}
__getattr__, __dir__ = face(__name__, _HOME)

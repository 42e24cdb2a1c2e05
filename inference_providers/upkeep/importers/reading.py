"""Sources in any known format, read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference_providers.errors import RegistryError
from inference_providers.registry import package_file
from inference_providers.upkeep.comparison import is_listing
from inference_providers.upkeep.importers import endpoints, litellm, models_dev, pi
from inference_providers.upkeep.importers.rows import Ids, Source, in_order

_READERS = (
    (endpoints.recognises, endpoints.read),
    (models_dev.recognises, models_dev.read),
    (litellm.recognises_prices, litellm.read_prices),
    (litellm.recognises_endpoints, litellm.read_endpoints),
    (pi.recognises, pi.read),
)


def load_overlay() -> dict[str, Any]:
    """The hand-kept part: ids, endpoints, key names, canonical exceptions, priority, retirements."""
    overlay: dict[str, Any] = json.loads(package_file(str(Path(__file__).with_name("overlay.json"))))
    return overlay


def read_source(data: Any, overlay: Mapping[str, Any], origin: str = "source", *, day: str = "") -> Source:
    """Recognise the format of *data* and read it. Raises RegistryError for an unknown format.

    *day*: as of when it is, where it says so itself; else the overlay has a day for its kind.
    """
    days = {kind: row["date"] for kind, row in overlay["sources"].items() if "date" in row}
    ids = Ids(overlay["ids"], overlay["skip"], days)
    if isinstance(data, dict):
        for recognises, read in _READERS:
            if recognises(data):
                source = in_order(read(data, ids))
                return source._replace(day=day) if day else source
    if is_listing(data):
        why = overlay["sources"]["openrouter"]["refused"]
        raise RegistryError([f"{origin}: {why}"], "This cannot be a source")
    raise RegistryError(
        [
            f"{origin}: not in a known format; give models.dev's api.json, LiteLLM's price or endpoint list, "
            "pi-ai's models, or an endpoint list"
        ]
    )

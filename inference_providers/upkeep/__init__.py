"""Keeping the registry: updates, downloads, and the catalogues that it is built from."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.upkeep import updater as updater
    from inference_providers.upkeep.importers.build import Building as Building
    from inference_providers.upkeep.importers.build import load_overlay as load_overlay
    from inference_providers.upkeep.importers.build import read_source as read_source
    from inference_providers.upkeep.importers.build import to_text as to_text
    from inference_providers.upkeep.importers.rows import Source as Source
    from inference_providers.upkeep.updater import Updater as Updater
    from inference_providers.upkeep.updater import fetch_catalogue as fetch_catalogue
    from inference_providers.upkeep.updater import newest as newest
    from inference_providers.upkeep.updater import read as read

_HOME = {
    "importers.build": (
        "Building",
        "load_overlay",
        "read_source",
        "to_text",
    ),
    "importers.rows": ("Source",),
    "updater": (
        "Updater",
        "fetch_catalogue",
        "newest",
        "read",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME, modules=("updater",))

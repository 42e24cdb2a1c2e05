"""Keeping the registry: updates, downloads, and the catalogues that it is built from."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.upkeep import updater as updater
    from inference_providers.upkeep.changes import as_markdown as as_markdown
    from inference_providers.upkeep.changes import as_text as as_text
    from inference_providers.upkeep.changes import differences as differences
    from inference_providers.upkeep.comparison import compared as compared
    from inference_providers.upkeep.comparison import of_registry as of_registry
    from inference_providers.upkeep.download import redacted as redacted
    from inference_providers.upkeep.importers.build import Building as Building
    from inference_providers.upkeep.importers.build import to_text as to_text
    from inference_providers.upkeep.importers.reading import load_overlay as load_overlay
    from inference_providers.upkeep.importers.rows import Source as Source
    from inference_providers.upkeep.named_sources import read_listing as read_listing
    from inference_providers.upkeep.named_sources import read_named as read_named
    from inference_providers.upkeep.updater import Updater as Updater
    from inference_providers.upkeep.updater import fetch_catalogue as fetch_catalogue
    from inference_providers.upkeep.updater import newest as newest
    from inference_providers.upkeep.updater import read as read

_HOME = {
    "changes": (
        "as_markdown",
        "as_text",
        "differences",
    ),
    "comparison": (
        "compared",
        "of_registry",
    ),
    "download": ("redacted",),
    "importers.build": (
        "Building",
        "to_text",
    ),
    "importers.reading": ("load_overlay",),
    "importers.rows": ("Source",),
    "named_sources": (
        "read_listing",
        "read_named",
    ),
    "updater": (
        "Updater",
        "fetch_catalogue",
        "newest",
        "read",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME, modules=("updater",))

"""What other installed packages bring: found, loaded, and held to what they may say."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.plugins.discovery import DIALECTS as DIALECTS
    from inference_providers.plugins.discovery import ENGINES as ENGINES
    from inference_providers.plugins.discovery import GROUPS as GROUPS
    from inference_providers.plugins.discovery import OFF as OFF
    from inference_providers.plugins.discovery import PROVIDERS as PROVIDERS
    from inference_providers.plugins.discovery import STORES as STORES
    from inference_providers.plugins.discovery import TEMPLATES as TEMPLATES
    from inference_providers.plugins.discovery import TOOLS as TOOLS
    from inference_providers.plugins.discovery import VARIABLE as VARIABLE
    from inference_providers.plugins.discovery import declared as declared
    from inference_providers.plugins.interface import Dialect as Dialect
    from inference_providers.plugins.interface import Events as Events
    from inference_providers.plugins.interface import Rows as Rows
    from inference_providers.plugins.interface import Store as Store
    from inference_providers.plugins.interface import StreamingDialect as StreamingDialect
    from inference_providers.plugins.interface import Template as Template
    from inference_providers.plugins.loading import VERSION as VERSION
    from inference_providers.plugins.loading import objects as objects
    from inference_providers.plugins.loading import said_by as said_by
    from inference_providers.plugins.registered import engine_rows as engine_rows
    from inference_providers.plugins.registered import examined as examined
    from inference_providers.plugins.registered import extended as extended

_HOME = {
    "discovery": (
        "DIALECTS",
        "ENGINES",
        "GROUPS",
        "OFF",
        "PROVIDERS",
        "STORES",
        "TEMPLATES",
        "TOOLS",
        "VARIABLE",
        "declared",
    ),
    "loading": (
        "VERSION",
        "objects",
        "said_by",
    ),
    "registered": (
        "engine_rows",
        "examined",
        "extended",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

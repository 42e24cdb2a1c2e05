"""Tokens, what they cost, and the log of both."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.usage.cost import Charge as Charge
    from inference_providers.usage.cost import cost_of as cost_of
    from inference_providers.usage.cost_details import CostDetails as CostDetails
    from inference_providers.usage.cost_details import details as details
    from inference_providers.usage.log_file import LogFile as LogFile
    from inference_providers.usage.log_settings import OFF as OFF
    from inference_providers.usage.log_settings import TEXT as TEXT
    from inference_providers.usage.log_settings import LogSettings as LogSettings
    from inference_providers.usage.log_settings import mode_of as mode_of
    from inference_providers.usage.report import Analytics as Analytics
    from inference_providers.usage.report import Performance as Performance
    from inference_providers.usage.usage import Usage as Usage
    from inference_providers.usage.usage import token_count as token_count
    from inference_providers.usage.usage import usage_of as usage_of

_HOME = {
    "cost": (
        "Charge",
        "cost_of",
    ),
    "cost_details": (
        "CostDetails",
        "details",
    ),
    "log_file": ("LogFile",),
    "log_settings": (
        "LogSettings",
        "OFF",
        "TEXT",
        "mode_of",
    ),
    "report": (
        "Analytics",
        "Performance",
    ),
    "usage": (
        "Usage",
        "token_count",
        "usage_of",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

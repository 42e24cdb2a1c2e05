"""Tokens, and what they cost."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.usage.ceiling import USUAL_OUTPUT as USUAL_OUTPUT
    from inference_providers.usage.ceiling import Size as Size
    from inference_providers.usage.ceiling import likely_cost as likely_cost
    from inference_providers.usage.ceiling import most_cost as most_cost
    from inference_providers.usage.cost import cost_of as cost_of
    from inference_providers.usage.cost import listed_cost as listed_cost
    from inference_providers.usage.usage import Usage as Usage
    from inference_providers.usage.usage import token_count as token_count
    from inference_providers.usage.usage import usage_of as usage_of

_HOME = {
    "ceiling": (
        "Size",
        "USUAL_OUTPUT",
        "likely_cost",
        "most_cost",
    ),
    "cost": (
        "cost_of",
        "listed_cost",
    ),
    "usage": (
        "Usage",
        "token_count",
        "usage_of",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

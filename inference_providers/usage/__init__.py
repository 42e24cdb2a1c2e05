"""Tokens, what they cost, and the log of both."""

from __future__ import annotations

from inference_providers._face import face

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.usage.ceiling import USUAL_OUTPUT as USUAL_OUTPUT
    from inference_providers.usage.ceiling import Size as Size
    from inference_providers.usage.ceiling import likely_cost as likely_cost
    from inference_providers.usage.ceiling import most_cost as most_cost
    from inference_providers.usage.cost import Charge as Charge
    from inference_providers.usage.cost import cost_of as cost_of
    from inference_providers.usage.cost_details import CostDetails as CostDetails
    from inference_providers.usage.cost_details import details as details
    from inference_providers.usage.log_file import LOG_NAME as LOG_NAME
    from inference_providers.usage.log_file import LogFile as LogFile
    from inference_providers.usage.log_reading import call as call
    from inference_providers.usage.log_reading import every as every
    from inference_providers.usage.log_reading import latest as latest
    from inference_providers.usage.log_reading import turns_of as turns_of
    from inference_providers.usage.log_search import LogSearch as LogSearch
    from inference_providers.usage.log_settings import OFF as OFF
    from inference_providers.usage.log_settings import TEXT as TEXT
    from inference_providers.usage.log_settings import USAGE as USAGE
    from inference_providers.usage.log_settings import VARIABLE as VARIABLE
    from inference_providers.usage.log_settings import LogSettings as LogSettings
    from inference_providers.usage.log_settings import mode_of as mode_of
    from inference_providers.usage.page import TABLE as TABLE
    from inference_providers.usage.page import cells as cells
    from inference_providers.usage.page import page_of as page_of
    from inference_providers.usage.reports import Analytics as Analytics
    from inference_providers.usage.reports import Performance as Performance
    from inference_providers.usage.reports import report as report
    from inference_providers.usage.series import PARTS as PARTS
    from inference_providers.usage.series import Latencies as Latencies
    from inference_providers.usage.series import Series as Series
    from inference_providers.usage.timeframes import moments as moments
    from inference_providers.usage.totals import SUMS as SUMS
    from inference_providers.usage.totals import Totals as Totals
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
        "Charge",
        "cost_of",
    ),
    "cost_details": (
        "CostDetails",
        "details",
    ),
    "log_file": (
        "LOG_NAME",
        "LogFile",
    ),
    "log_reading": (
        "call",
        "every",
        "latest",
        "turns_of",
    ),
    "log_search": ("LogSearch",),
    "log_settings": (
        "LogSettings",
        "OFF",
        "TEXT",
        "USAGE",
        "VARIABLE",
        "mode_of",
    ),
    "page": (
        "TABLE",
        "cells",
        "page_of",
    ),
    "reports": (
        "Analytics",
        "Performance",
        "report",
    ),
    "series": (
        "Latencies",
        "PARTS",
        "Series",
    ),
    "timeframes": ("moments",),
    "totals": (
        "SUMS",
        "Totals",
    ),
    "usage": (
        "Usage",
        "token_count",
        "usage_of",
    ),
}
__getattr__, __dir__ = face(__name__, _HOME)

"""All paths of the page."""

from __future__ import annotations

from inference_providers.gateway.page import (
    assets,
    callers,
    costs,
    home,
    live,
    log,
    login,
    one_call,
    playground,
    programs,
)

ROUTES = (
    *assets.ROUTES,
    *login.ROUTES,
    *home.ROUTES,
    *live.ROUTES,
    *costs.ROUTES,
    *log.ROUTES,
    *one_call.ROUTES,
    *callers.ROUTES,
    *playground.ROUTES,
    *programs.ROUTES,
)

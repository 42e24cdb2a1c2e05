"""All paths of the page."""

from __future__ import annotations

from inference_providers.gateway.page import assets, costs, home, live, log, login, one_call

ROUTES = (*assets.ROUTES, *login.ROUTES, *home.ROUTES, *live.ROUTES, *costs.ROUTES, *log.ROUTES, *one_call.ROUTES)

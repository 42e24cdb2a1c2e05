"""All paths of the page."""

from __future__ import annotations

from inference_providers.gateway.page import assets, callers, home, login, playground, programs

ROUTES = (*assets.ROUTES, *login.ROUTES, *home.ROUTES, *callers.ROUTES, *playground.ROUTES, *programs.ROUTES)

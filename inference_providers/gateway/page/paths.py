"""All paths of the page."""

from __future__ import annotations

from inference_providers.gateway.page import assets, home, login

ROUTES = (*assets.ROUTES, *login.ROUTES, *home.ROUTES)

"""All paths of a gateway."""

from __future__ import annotations

from inference_providers.gateway import (
    admin_routes,
    batches_api,
    files_api,
    inference_routes,
    messages_api,
    ollama_api,
    openai_api,
    openapi,
    scraping,
    status,
)
from inference_providers.gateway.page import paths as page

ROUTES = (
    *status.ROUTES,
    *admin_routes.ROUTES,
    *openai_api.ROUTES,
    *files_api.ROUTES,
    *batches_api.ROUTES,
    *inference_routes.ROUTES,
    *messages_api.ROUTES,
    *ollama_api.ROUTES,
    *openapi.ROUTES,
    *scraping.ROUTES,
    *page.ROUTES,
)

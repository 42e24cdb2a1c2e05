"""All paths of a gateway."""

from __future__ import annotations

from inference_providers.gateway import (
    admin_routes,
    batches_api,
    files_api,
    gemini_api,
    inference_routes,
    messages_api,
    models_api,
    ollama_api,
    openai_api,
    openapi,
    responses_api,
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
    *models_api.ROUTES,
    *gemini_api.ROUTES,
    *responses_api.ROUTES,
    *ollama_api.ROUTES,
    *openapi.ROUTES,
    *scraping.ROUTES,
    *page.ROUTES,
)

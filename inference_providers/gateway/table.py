"""All paths of a gateway."""

from __future__ import annotations

from inference_providers.gateway import openai_api, status

ROUTES = (*status.ROUTES, *openai_api.ROUTES)

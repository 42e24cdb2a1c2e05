"""`GET /v1/models`, which several APIs have at the same path: in the form of whoever asks, by its headers."""

from __future__ import annotations

from inference_providers.gateway import gemini_api, messages_api, openai_api
from inference_providers.gateway.routes import Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.gateway.messages import Handler, Incoming, Outgoing
    from inference_providers.gateway.service import Gateway

_BY_HEADER: dict[str, Handler] = {
    "x-goog-api-client": gemini_api.models,
    "x-goog-api-key": gemini_api.models,
    "anthropic-version": messages_api.models,
}


async def models(gateway: Gateway, incoming: Incoming) -> Outgoing:
    """The models that are within reach, or one of them."""
    own = next((handler for name, handler in _BY_HEADER.items() if name in incoming.headers), openai_api.models)
    return await own(gateway, incoming)


ROUTES = (Route("GET", "/v1/models", models), Route("GET", "/v1/models/{model...}", models))

"""Who answers a client of the inference API: a gateway, or a list of providers in this process. JSON in, JSON out.

`inference_backends` is made of this module by `make generate`.
"""

from __future__ import annotations

import json

from inference_providers.clients import AsyncProviderList
from inference_providers.compat import inference_api, inference_errors
from inference_providers.compat.async_inference_calls import async_batched, async_inferred, async_streamed
from inference_providers.compat.gateway_access import GatewayAccess
from inference_providers.compat.kept_replies import KeptReplies
from inference_providers.errors import ProviderUnavailableError
from inference_providers.log import warn
from inference_providers.text import jsontext
from inference_providers.transport import AsyncSender, Limits, WireError, sse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from typing import Any

    from inference_providers.compat.async_inference_calls import AsyncInferred
    from inference_providers.compat.inference_api import InferenceRequest
    from inference_providers.transport import AsyncResponse

GATEWAY, TOKEN = "INFERENCE_PROVIDERS_GATEWAY", "INFERENCE_PROVIDERS_TOKEN"
_OWN = ""  # whose replies those of this process are
_PATH = "/v1/inference"
_EVERY_REPLY = {"*": "This is a mock response."}


def backend_of(
    api_key: str | None,
    base_url: str | None,
    mock_mode: bool,
    mock_responses: Mapping[str, Any] | None,
    timeout: float,
    environ: Mapping[str, str],
    options: dict[str, Any],
) -> AsyncOwnInference | AsyncRemoteInference:
    """Who answers a client of these options. Raises TypeError and ValueError."""
    if mock_responses is not None and not mock_mode:
        raise ValueError("mock_responses are for mock_mode=True; without it, providers are asked")
    address = base_url or environ.get(GATEWAY, "").strip()
    if mock_mode or not address:
        if mock_mode:
            options = {**options, "mock": _EVERY_REPLY if mock_responses is None else mock_responses}
        elif api_key is not None:
            warn(
                f"api_key is the token of a gateway, and none is named (base_url or {GATEWAY}); providers are asked "
                "with the keys of the environment"
            )
        return AsyncOwnInference(AsyncProviderList(environ=environ, timeout=timeout, **options))
    if options:
        raise TypeError(f"{', '.join(options)}: these are for a client without a gateway; a gateway has its own")
    access = GatewayAccess(address, api_key if api_key is not None else environ.get(TOKEN))
    return AsyncRemoteInference(access, AsyncSender(environ, Limits(total=timeout)))


class AsyncOwnInference:
    """Providers, asked from this process with the user's own keys."""

    def __init__(self, providers: AsyncProviderList) -> None:
        self.providers, self._kept = providers, KeptReplies()

    def __repr__(self) -> str:
        return "in this process"

    async def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        return (await self._inferred(inference_api.request_of(body))).reply

    async def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Many requests."""
        return await async_batched(body, self._inferred)

    async def _inferred(self, request: InferenceRequest) -> AsyncInferred:
        found = await async_inferred(self.providers.pipeline, request)
        if request.store:
            self._kept.put(_OWN, found.details["id"], found.details)
        return found

    async def stream(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """One request, as it comes."""
        request = inference_api.request_of(body, streams=True)
        stream = await async_streamed(self.providers.pipeline, request)
        try:
            async for event in stream.events():
                yield event
        finally:
            await stream.aclose()
        if stream.inferred is not None and request.store:
            self._kept.put(_OWN, stream.id, stream.inferred.details)

    async def retrieve(self, id_: str) -> Mapping[str, Any]:
        """What was replied. Raises InvalidRequestError for what is not kept."""
        found = self._kept.get(_OWN, id_)
        if found is None:
            raise inference_errors.error_of(404, inference_errors.not_kept())
        return found

    async def analytics(self, said: dict[str, Any]) -> dict[str, Any]:
        """What was used in a time."""
        try:
            return self.providers.analytics(**said).as_dict()
        except (TypeError, ValueError) as error:
            raise inference_errors.invalid(str(error)) from None

    async def performance(self, said: dict[str, Any]) -> dict[str, Any]:
        """How well a model did."""
        try:
            return self.providers.performance(**said).as_dict()
        except (TypeError, ValueError) as error:
            raise inference_errors.invalid(str(error)) from None

    def check_preferences(self, preferences: Mapping[str, Any]) -> None:
        """Raise TypeError, ValueError and UnknownModelError for what is wrong with them."""
        from inference_providers.routing import configured

        configured(preferences, self.providers.pipeline.finder.provider_id)

    async def aclose(self) -> None:
        """Close idle connections."""
        await self.providers.aclose()


class AsyncRemoteInference:
    """A gateway, asked over HTTP."""

    def __init__(self, access: GatewayAccess, sender: AsyncSender) -> None:
        self._access, self._sender = access, sender

    def __repr__(self) -> str:
        return f"over {self._access.host}"

    async def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        return await self._json("POST", _PATH, body)

    async def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Many requests."""
        return await self._json("POST", f"{_PATH}/batch", body)

    async def stream(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """One request, as it comes. Raises the error that an event tells of."""
        parser = sse.Parser()
        try:
            response = await self._sent("POST", f"{_PATH}/stream", body, "text/event-stream")
            try:
                async for piece in response.chunks:
                    for event in parser.feed(piece):
                        if event.data == "[DONE]":
                            return
                        if event.data:
                            yield _checked(event.data)
            finally:
                response.close()
        except WireError as error:
            raise self._unreachable(error) from None
        raise ProviderUnavailableError(f"The gateway at {self._access.host} ended the stream early.", code="broken")

    async def retrieve(self, id_: str) -> Mapping[str, Any]:
        """What was replied."""
        from urllib.parse import quote

        return await self._json("GET", f"{_PATH}/{quote(id_, safe='')}")

    async def analytics(self, said: dict[str, Any]) -> dict[str, Any]:
        """What was used in a time."""
        return await self._json("POST", f"{_PATH}/analytics", said)

    async def performance(self, said: dict[str, Any]) -> dict[str, Any]:
        """How well a model did."""
        return await self._json("POST", f"{_PATH}/performance", said)

    def check_preferences(self, preferences: Mapping[str, Any]) -> None:
        """Raise TypeError for what is no mapping; all else the gateway checks with each request."""
        if not hasattr(preferences, "items"):
            raise TypeError(f"configure_providers takes a mapping, not {preferences!r}")

    async def _json(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        try:
            response = await self._sent(method, path, body)
            content = await response.read()
        except WireError as error:
            raise self._unreachable(error) from None
        try:
            found = jsontext.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ProviderUnavailableError(f"What answers at {self._access.host} is no gateway of this kind.")
        return found

    async def _sent(self, method: str, path: str, body: Any, accept: str = "application/json") -> AsyncResponse:
        """A reply that is a success. Raises WireError, and the error that another one tells of."""
        try:
            request = self._access.request(method, path, body, accept=accept)
        except (TypeError, ValueError) as error:
            raise inference_errors.invalid(f"A request must be JSON: {error}") from None
        response = await self._sender.send(request)
        if response.status < 400:
            return response
        content = await response.read()
        try:
            told = jsontext.loads(content)
        except ValueError:
            told = None
        raise inference_errors.error_of(response.status, told, response.headers)

    def _unreachable(self, error: WireError) -> ProviderUnavailableError:
        return ProviderUnavailableError(
            f"The gateway at {self._access.host} cannot be reached: {error}. Is `inference-providers serve` running?",
            code=error.kind,
        )

    async def aclose(self) -> None:
        """Close idle connections."""
        await self._sender.aclose()


def _checked(data: str) -> dict[str, Any]:
    """An event's JSON. Raises the error that it tells of."""
    try:
        event: Any = json.loads(data)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise ProviderUnavailableError("The gateway sent an event that is no JSON object.", code="protocol")
    if "error" in event:
        raise inference_errors.error_of(0, event)
    return event

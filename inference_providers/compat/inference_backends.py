# Made of `async_inference_backends.py` by `make generate`: change that, not this.
"""Who answers a client of the inference API: a gateway, or a list of providers in this process. JSON in, JSON out."""

from __future__ import annotations

import json

from inference_providers.clients import ProviderList
from inference_providers.compat import inference_api, inference_errors
from inference_providers.compat.gateway_access import GatewayAccess
from inference_providers.compat.inference_calls import batched, inferred, streamed
from inference_providers.compat.kept_replies import KeptReplies
from inference_providers.errors import ProviderUnavailableError
from inference_providers.log import warn
from inference_providers.text import jsontext
from inference_providers.transport import Limits, Sender, WireError, sse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import Any

    from inference_providers.compat.inference_api import InferenceRequest
    from inference_providers.compat.inference_calls import Inferred
    from inference_providers.transport import Response

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
) -> OwnInference | RemoteInference:
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
        return OwnInference(ProviderList(environ=environ, timeout=timeout, **options))
    if options:
        raise TypeError(f"{', '.join(options)}: these are for a client without a gateway; a gateway has its own")
    access = GatewayAccess(address, api_key if api_key is not None else environ.get(TOKEN))
    return RemoteInference(access, Sender(environ, Limits(total=timeout)))


class OwnInference:
    """Providers, asked from this process with the user's own keys."""

    def __init__(self, providers: ProviderList) -> None:
        self.providers, self._kept = providers, KeptReplies()

    def __repr__(self) -> str:
        return "in this process"

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        return (self._inferred(inference_api.request_of(body))).reply

    def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Many requests."""
        return batched(body, self._inferred)

    def _inferred(self, request: InferenceRequest) -> Inferred:
        found = inferred(self.providers.pipeline, request)
        if request.store:
            self._kept.put(_OWN, found.details["id"], found.details)
        return found

    def stream(self, body: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
        """One request, as it comes."""
        request = inference_api.request_of(body, streams=True)
        stream = streamed(self.providers.pipeline, request)
        try:
            for event in stream.events():
                yield event
        finally:
            stream.close()
        if stream.inferred is not None and request.store:
            self._kept.put(_OWN, stream.id, stream.inferred.details)

    def retrieve(self, id_: str) -> Mapping[str, Any]:
        """What was replied. Raises InvalidRequestError for what is not kept."""
        found = self._kept.get(_OWN, id_)
        if found is None:
            raise inference_errors.error_of(404, inference_errors.not_kept())
        return found

    def analytics(self, said: dict[str, Any]) -> dict[str, Any]:
        """What was used in a time."""
        try:
            return self.providers.analytics(**said).as_dict()
        except (TypeError, ValueError) as error:
            raise inference_errors.invalid(str(error)) from None

    def performance(self, said: dict[str, Any]) -> dict[str, Any]:
        """How well a model did."""
        try:
            return self.providers.performance(**said).as_dict()
        except (TypeError, ValueError) as error:
            raise inference_errors.invalid(str(error)) from None

    def check_preferences(self, preferences: Mapping[str, Any]) -> None:
        """Raise TypeError, ValueError and UnknownModelError for what is wrong with them."""
        from inference_providers.routing import configured

        configured(preferences, self.providers.pipeline.finder.provider_id)

    def close(self) -> None:
        """Close idle connections."""
        self.providers.close()


class RemoteInference:
    """A gateway, asked over HTTP."""

    def __init__(self, access: GatewayAccess, sender: Sender) -> None:
        self._access, self._sender = access, sender

    def __repr__(self) -> str:
        return f"over {self._access.host}"

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        return self._json("POST", _PATH, body)

    def batch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Many requests."""
        return self._json("POST", f"{_PATH}/batch", body)

    def stream(self, body: dict[str, Any]) -> Generator[dict[str, Any], None, None]:
        """One request, as it comes. Raises the error that an event tells of."""
        parser = sse.Parser()
        try:
            response = self._sent("POST", f"{_PATH}/stream", body, "text/event-stream")
            try:
                for piece in response.chunks:
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

    def retrieve(self, id_: str) -> Mapping[str, Any]:
        """What was replied."""
        from urllib.parse import quote

        return self._json("GET", f"{_PATH}/{quote(id_, safe='')}")

    def analytics(self, said: dict[str, Any]) -> dict[str, Any]:
        """What was used in a time."""
        return self._json("POST", f"{_PATH}/analytics", said)

    def performance(self, said: dict[str, Any]) -> dict[str, Any]:
        """How well a model did."""
        return self._json("POST", f"{_PATH}/performance", said)

    def check_preferences(self, preferences: Mapping[str, Any]) -> None:
        """Raise TypeError for what is no mapping; all else the gateway checks with each request."""
        if not hasattr(preferences, "items"):
            raise TypeError(f"configure_providers takes a mapping, not {preferences!r}")

    def _json(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        try:
            response = self._sent(method, path, body)
            content = response.read()
        except WireError as error:
            raise self._unreachable(error) from None
        try:
            found = jsontext.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ProviderUnavailableError(f"What answers at {self._access.host} is no gateway of this kind.")
        return found

    def _sent(self, method: str, path: str, body: Any, accept: str = "application/json") -> Response:
        """A reply that is a success. Raises WireError, and the error that another one tells of."""
        try:
            request = self._access.request(method, path, body, accept=accept)
        except (TypeError, ValueError) as error:
            raise inference_errors.invalid(f"A request must be JSON: {error}") from None
        response = self._sender.send(request)
        if response.status < 400:
            return response
        content = response.read()
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

    def close(self) -> None:
        """Close idle connections."""
        self._sender.close()


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

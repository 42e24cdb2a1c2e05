"""Clients of the inference API: over a gateway, or in this process over the user's own keys.

`inference_client` is made of this module by `make generate`.
"""

from __future__ import annotations

import os

from inference_providers.compat.async_inference_backends import AsyncOwnInference, AsyncRemoteInference, backend_of
from inference_providers.compat.inference_objects import Inference, InferenceChunk, Report, StoredInference
from inference_providers.credentials import Environment, Secretive, hidden
from inference_providers.errors import ProviderUnavailableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
    from typing import Any, Self


class AsyncInferenceStream:
    """A stream of the API: iterate for pieces; close it to stop early."""

    def __init__(self, events: AsyncGenerator[dict[str, Any], None]) -> None:
        self._events = events

    async def __aiter__(self) -> AsyncIterator[InferenceChunk]:
        async for event in self._events:
            yield InferenceChunk(event)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    async def aclose(self) -> None:
        """Stop: the provider stops generating."""
        await self._events.aclose()


class AsyncInferenceCalls:
    """The calls of the API (docs/inference-api.md)."""

    def __init__(self, backend: AsyncOwnInference | AsyncRemoteInference) -> None:
        self._backend = backend
        self._preferences: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._backend!r}>"

    async def create(
        self,
        model: str | Sequence[str] | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        **fields: Any,
    ) -> Any:
        """Ask a model.

        Args:
            model: A name in any spelling, "auto", or several, best first.
            messages: The conversation, in OpenAI's format, or a text.

        Keyword Args:
            stream (bool): Whether to give pieces as they come.
            max_tokens, temperature and the other parameters of `ask_ai`: As there.
            provider, fallback_providers, fallback_strategy, cost_optimization, policy, max_cost, ...: Whom to ask, and
                for how much (docs/inference-api.md).

        Returns:
            An `Inference`, or with *stream* an iterator over pieces.

        Raises:
            NoCredentialsError: There is no key for the model; over a gateway, its token is missing or wrong.
            UnknownModelError: The name means no model; `suggestions` has the closest.
            ProviderError: The only provider that was asked failed, or the gateway did; the kind says how.
            AllProvidersFailedError: All who were asked failed; `attempts` has each of them.
            InvalidRequestError: The request is at fault.
        """
        body = self._body({"model": model, "messages": messages, **fields})
        if body.get("stream") is True:
            return AsyncInferenceStream(self._backend.stream(body))
        return Inference(await self._backend.create(body))

    def stream(
        self,
        request: Mapping[str, Any] | None = None,
        *,
        model: str | Sequence[str] | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        **fields: Any,
    ) -> AsyncInferenceStream:
        """Ask a model, and have its reply as it comes.

        Args:
            request: The request as one mapping, over the other arguments.
            model: A name in any spelling, "auto", or several, best first.
            messages: The conversation, in OpenAI's format, or a text.

        Keyword Args:
            max_tokens, temperature and the other parameters of `ask_ai`: As there.
            provider, fallback_providers, fallback_strategy, cost_optimization, policy, max_cost, ...: Whom to ask, and
                for how much (docs/inference-api.md).

        Returns:
            An iterator over pieces, which raises as `create` does.
        """
        body = self._body({"model": model, "messages": messages, **fields, **(request or {}), "stream": True})
        return AsyncInferenceStream(self._backend.stream(body))

    async def batch(
        self,
        requests: Iterable[Mapping[str, Any]],
        *,
        parallel: bool = True,
        fallback_strategy: str | None = None,
    ) -> list[Inference]:
        """Ask many.

        Args:
            requests: Each as in `create`.
            parallel: Whether they are asked at the same time; False: one after another.
            fallback_strategy: "best_available" (another model, where nobody who serves the one that is named answers),
                "same_model" (others who serve it; the default) or "none".

        Returns:
            Their replies, in order. One that failed has an `error`, which its `content` raises.

        Raises:
            ProviderUnavailableError: The gateway's reply holds none.
            NoCredentialsError: The gateway's token is missing or wrong.
            InvalidRequestError: The request as a whole is at fault.
        """
        body: dict[str, Any] = {"requests": [self._body(dict(one)) for one in requests], "parallel": parallel}
        if fallback_strategy is not None:
            body["fallback_strategy"] = fallback_strategy
        rows = (await self._backend.batch(body)).get("responses")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProviderUnavailableError("The gateway's reply to a batch has no list of responses.", code="protocol")
        return [_inference(row) for row in rows]

    async def retrieve(self, inference_id: str) -> StoredInference:
        """What was replied in the last hour.

        Args:
            inference_id: The `id` of an `Inference`.

        Returns:
            What is kept of it.

        Raises:
            InvalidRequestError: It is not kept, or somebody else's.
        """
        return StoredInference(await self._backend.retrieve(inference_id))

    async def get(self, inference_id: str) -> StoredInference:
        """The same as `retrieve`.

        Args:
            inference_id: The `id` of an `Inference`.

        Returns:
            What is kept of it.

        Raises:
            InvalidRequestError: It is not kept, or somebody else's.
        """
        return await self.retrieve(inference_id)

    async def analytics(self, timeframe: str = "last_30_days", metrics: Sequence[str] | None = None) -> Report:
        """What was used in a time; over a gateway, by its caller alone.

        Args:
            timeframe: "last_30_days", "7d", "today", "this_month", ...
            metrics: Of "requests", "tokens", "costs", "latency". Default: all.

        Returns:
            The numbers.

        Raises:
            InvalidRequestError: There is no such time or metric.
        """
        return Report(await self._backend.analytics(_given(timeframe=timeframe, metrics=metrics)))

    async def performance(
        self, model: str, metrics: Sequence[str] | None = None, *, timeframe: str = "last_30_days"
    ) -> Report:
        """How well a model did; over a gateway, for its caller alone.

        Args:
            model: Its name, or `provider/model`.
            metrics: Of "success_rate", "avg_latency" (seconds), "p95_latency" (seconds). Default: all.
            timeframe: "last_30_days", "7d", "today", "this_month", ...

        Returns:
            The numbers.

        Raises:
            InvalidRequestError: There is no such time or metric.
        """
        return Report(await self._backend.performance(_given(model=model, timeframe=timeframe, metrics=metrics)))

    def configure_providers(self, preferences: Mapping[str, Any]) -> None:
        """Prefer, for all requests from now on that say nothing else.

        Args:
            preferences: `primary`, `fallback`, `cost_optimization`, `latency_optimization`, `quality_threshold`, as in
                `ProviderList.configure_providers`.

        Raises:
            TypeError: A preference is unknown, or of the wrong type.
            ValueError: A preference's value is out of range.
            UnknownModelError: A provider is named that nobody is called.
        """
        self._backend.check_preferences(preferences)
        self._preferences = dict(preferences)

    def _body(self, fields: dict[str, Any]) -> dict[str, Any]:
        body = {name: value for name, value in fields.items() if value is not None}
        if self._preferences is not None:
            body.setdefault("preferences", self._preferences)
        if "messages" in body and not isinstance(body["messages"], str):
            body["messages"] = list(body["messages"])
        return body


class AsyncClient(Secretive):
    """A client of the inference API: `client.inference.create(...)`.

    With *base_url*, or `INFERENCE_PROVIDERS_GATEWAY`, it asks a gateway. Without, it asks providers from this process,
    with the keys of the environment.

    Args:
        api_key: The gateway's token. Default: `INFERENCE_PROVIDERS_TOKEN`.
        base_url: The gateway's address.
        mock_mode: Whether nobody is asked.
        mock_responses: Replies by model, as in `mock=` of lists.
        timeout: Seconds for each request.
        environ: The environment, all of it. Default: `os.environ`.

    Keyword Args:
        **options: Without a gateway, those of `AsyncProviderList`.

    Raises:
        TypeError: An option is unknown, or of the wrong type.
        ValueError: The address cannot be used, or a value is out of range.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        mock_mode: bool = False,
        mock_responses: Mapping[str, Any] | None = None,
        timeout: float = 600.0,
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        api_key = hidden(api_key)
        users = Environment.of(os.environ if environ is None else environ)
        self._backend = backend_of(api_key, base_url, mock_mode, mock_responses, timeout, users, options)
        self.inference = AsyncInferenceCalls(self._backend)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._backend!r}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close idle connections."""
        await self._backend.aclose()


def _inference(row: Mapping[str, Any]) -> Inference:
    """One of a batch."""
    from inference_providers.compat.inference_errors import error_of

    error = error_of(0, row) if "error" in row else None
    return Inference(row.get("response") or {}, row.get("id"), error)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}

# Made of `async_inference_client.py` by `make generate`: change that, not this.
"""Clients of the inference API: over a gateway, or in this process over the user's own keys."""

from __future__ import annotations

import os

from inference_providers.compat.inference_backends import OwnInference, RemoteInference, backend_of
from inference_providers.compat.inference_objects import Inference, InferenceChunk, Report, StoredInference
from inference_providers.credentials import Environment, Secretive, hidden
from inference_providers.errors import ProviderUnavailableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Self


class InferenceStream:
    """A stream of the API: iterate for pieces; close it to stop early."""

    def __init__(self, events: Generator[dict[str, Any], None, None]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[InferenceChunk]:
        for event in self._events:
            yield InferenceChunk(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def close(self) -> None:
        """Stop: the provider stops generating."""
        self._events.close()


class InferenceCalls:
    """The calls of the API (docs/inference-api.md)."""

    def __init__(self, backend: OwnInference | RemoteInference) -> None:
        self._backend = backend
        self._preferences: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._backend!r}>"

    def create(
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
            return InferenceStream(self._backend.stream(body))
        return Inference(self._backend.create(body))

    def stream(
        self,
        request: Mapping[str, Any] | None = None,
        *,
        model: str | Sequence[str] | None = None,
        messages: Sequence[Mapping[str, Any]] | None = None,
        **fields: Any,
    ) -> InferenceStream:
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
        return InferenceStream(self._backend.stream(body))

    def batch(
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
        rows = (self._backend.batch(body)).get("responses")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProviderUnavailableError("The gateway's reply to a batch has no list of responses.", code="protocol")
        return [_inference(row) for row in rows]

    def retrieve(self, inference_id: str) -> StoredInference:
        """What was replied in the last hour.

        Args:
            inference_id: The `id` of an `Inference`.

        Returns:
            What is kept of it.

        Raises:
            InvalidRequestError: It is not kept, or somebody else's.
        """
        return StoredInference(self._backend.retrieve(inference_id))

    def get(self, inference_id: str) -> StoredInference:
        """The same as `retrieve`.

        Args:
            inference_id: The `id` of an `Inference`.

        Returns:
            What is kept of it.

        Raises:
            InvalidRequestError: It is not kept, or somebody else's.
        """
        return self.retrieve(inference_id)

    def analytics(self, timeframe: str = "last_30_days", metrics: Sequence[str] | None = None) -> Report:
        """What was used in a time; over a gateway, by its caller alone.

        Args:
            timeframe: "last_30_days", "7d", "today", "this_month", ...
            metrics: Of "requests", "tokens", "costs", "latency". Default: all.

        Returns:
            The numbers.

        Raises:
            InvalidRequestError: There is no such time or metric.
        """
        return Report(self._backend.analytics(_given(timeframe=timeframe, metrics=metrics)))

    def performance(
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
        return Report(self._backend.performance(_given(model=model, timeframe=timeframe, metrics=metrics)))

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


class Client(Secretive):
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
        **options: Without a gateway, those of `ProviderList`.

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
        self.inference = InferenceCalls(self._backend)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._backend!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close idle connections."""
        self._backend.close()


def _inference(row: Mapping[str, Any]) -> Inference:
    """One of a batch."""
    from inference_providers.compat.inference_errors import error_of

    error = error_of(0, row) if "error" in row else None
    return Inference(row.get("response") or {}, row.get("id"), error)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}

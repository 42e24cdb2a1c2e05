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
    """The calls of the API. What each takes is in docs/inference-api.md; errors are those of `ask_ai`."""

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
        """Ask a model: an `Inference`, or with `stream=True` a stream of pieces."""
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
        """Ask a model, and have its reply as it comes; the request by fields, or as one mapping."""
        body = self._body({"model": model, "messages": messages, **fields, **(request or {}), "stream": True})
        return InferenceStream(self._backend.stream(body))

    def batch(
        self,
        requests: Iterable[Mapping[str, Any]],
        *,
        parallel: bool = True,
        fallback_strategy: str | None = None,
    ) -> list[Inference]:
        """Ask many: their replies, in order. One that failed has an `error`, which its `content` raises.

        parallel: false for one after another. fallback_strategy: "best_available" (another model, where nobody who
        serves the one that is named answers), "same_model" (others who serve it; the default) or "none".
        """
        body: dict[str, Any] = {"requests": [self._body(dict(one)) for one in requests], "parallel": parallel}
        if fallback_strategy is not None:
            body["fallback_strategy"] = fallback_strategy
        rows = (self._backend.batch(body)).get("responses")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProviderUnavailableError("the gateway's reply to a batch has no list of responses", code="protocol")
        return [_inference(row) for row in rows]

    def retrieve(self, inference_id: str) -> StoredInference:
        """What was replied in the last hour. Raises InvalidRequestError for what is not kept, or somebody else's."""
        return StoredInference(self._backend.retrieve(inference_id))

    def get(self, inference_id: str) -> StoredInference:
        """`retrieve`, in another word."""
        return self.retrieve(inference_id)

    def analytics(self, timeframe: str = "last_30_days", metrics: Sequence[str] | None = None) -> Report:
        """What was used in a time: requests, tokens, costs, latency; over a gateway, by its caller alone."""
        return Report(self._backend.analytics(_given(timeframe=timeframe, metrics=metrics)))

    def performance(
        self, model: str, metrics: Sequence[str] | None = None, *, timeframe: str = "last_30_days"
    ) -> Report:
        """How well a model did: success_rate, avg_latency, p95_latency."""
        return Report(self._backend.performance(_given(model=model, timeframe=timeframe, metrics=metrics)))

    def configure_providers(self, preferences: Mapping[str, Any]) -> None:
        """Prefer, for all requests from now on that say nothing else; as `ProviderList.configure_providers`.

        Raises TypeError and ValueError, and UnknownModelError for a provider that nobody is called.
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
    """A client of the inference API.

    With *base_url*, or `INFERENCE_PROVIDERS_GATEWAY`, it asks a gateway, with *api_key* or `INFERENCE_PROVIDERS_TOKEN`
    for its token. Without, it asks providers from this process, with the keys of the environment; *options* are those
    of `ProviderList` then.

    mock_mode: nobody is asked; mock_responses are replies by model, as in `mock=` of lists. timeout: seconds for each
    request. environ: the environment, all of it; default `os.environ`. Raises ValueError for an address that cannot be
    used.
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

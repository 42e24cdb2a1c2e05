"""Errors in the inference API's form, `{"error": {"code", "message", "details"}}`: written, and read again. Pure."""

from __future__ import annotations

import math

from inference_providers.attempts import Attempt
from inference_providers.errors import (
    AllProvidersFailedError,
    AuthenticationError,
    BudgetExceededError,
    ContentFilteredError,
    ContextLengthError,
    InferenceProvidersError,
    InsufficientCreditsError,
    InvalidReplyError,
    InvalidRequestError,
    LocalServerError,
    NoCredentialsError,
    ProviderAvoidedError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitError,
    StepLimitError,
    TruncatedStreamError,
    UnknownModelError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

INVALID, INTERNAL, NOT_FOUND = "invalid_request", "internal_error", "not_found"
LIMITED, UNAVAILABLE = "rate_limit_exceeded", "provider_unavailable"
# Of an error's kind: its code and status. The first that fits counts, so each stands before what it is a kind of. That
# a provider's key is missing or refused is nothing that whoever asks a gateway can mend: 401 is for its own token.
_CODES: tuple[tuple[type[InferenceProvidersError], str, int], ...] = (
    (ContextLengthError, "context_length_exceeded", 400),
    (ContentFilteredError, "content_filtered", 400),
    (InvalidRequestError, INVALID, 400),
    (ProviderAvoidedError, "provider_avoided", 400),
    (NoCredentialsError, "no_provider", 503),
    (AuthenticationError, "provider_key_refused", 503),
    (InsufficientCreditsError, "insufficient_credits", 402),
    (BudgetExceededError, "budget_exceeded", 402),
    (UnknownModelError, "model_not_found", 404),
    (RateLimitError, LIMITED, 429),
    (StepLimitError, "step_limit_exceeded", 500),
    (InvalidReplyError, "invalid_reply", 503),
    (TruncatedStreamError, "stream_broken", 503),
    (ProviderUnavailableError, UNAVAILABLE, 503),
    (AllProvidersFailedError, "all_providers_failed", 503),
    (ProviderError, "provider_error", 503),
    (LocalServerError, "local_server_failed", 503),
)
_KINDS: dict[str, type[InferenceProvidersError]] = {code: kind for kind, code, _ in _CODES}
_OF_STATUS: dict[int, type[InferenceProvidersError]] = {
    400: InvalidRequestError, 401: AuthenticationError, 402: InsufficientCreditsError, 403: AuthenticationError,
    404: InvalidRequestError, 413: InvalidRequestError, 422: InvalidRequestError, 429: RateLimitError,
    502: ProviderUnavailableError, 503: ProviderUnavailableError, 504: ProviderUnavailableError,
}  # fmt: skip
# What details tell of an error, by the names of its attributes: numbers, texts and lists of texts.
_TOLD = (
    "provider", "retry_after", "suggestions", "variables", "limit", "requested", "cost", "left", "budget", "renews",
    "problems",
)  # fmt: skip
_FAILED = "The request could not be served: an error of the server, which its log describes."


def invalid(message: str, parameter: str | None = None, expected: str | None = None) -> InvalidRequestError:
    """The error for a request that is not as the API has it."""
    error = InvalidRequestError(message, code=INVALID)
    said = {"parameter": parameter, "expected_type": expected}
    error.details = {name: value for name, value in said.items() if value is not None}
    return error


def missing(parameter: str, expected: str) -> InvalidRequestError:
    """The error for a parameter that is not there."""
    return invalid(f"Missing required parameter: {parameter}", parameter, expected)


def failure(error: BaseException) -> tuple[int, dict[str, str], dict[str, Any]]:
    """(status, headers, body) of an error. Of one that is not ours nothing is told: it may hold anything."""
    found = next(((code, status) for kind, code, status in _CODES if isinstance(error, kind)), None)
    if found is None or not isinstance(error, InferenceProvidersError):
        return 500, {}, error_body(INTERNAL, _FAILED)
    (code, status), details = found, details_of(error)
    wait = details.get("retry_after")
    return status, {} if wait is None else waiting(wait), error_body(code, str(error), details)


def waiting(seconds: float) -> dict[str, str]:
    """The header that says after how many seconds to ask again."""
    return {"retry-after": str(math.ceil(seconds))}


def error_body(code: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An error, as JSON."""
    return {"error": {"code": code, "message": message, "details": dict(details or {})}}


def not_kept() -> dict[str, Any]:
    """The body for an id under which nothing is kept for whoever asks."""
    message = "There is no inference of this id that you may read: replies are kept for an hour, unless store is false."
    return error_body(NOT_FOUND, message, {"parameter": "id"})


def details_of(error: InferenceProvidersError) -> dict[str, Any]:
    """What is known of an error beside its words."""
    told = {name: getattr(error, name, None) for name in _TOLD}
    details: dict[str, Any] = {name: value for name, value in told.items() if value not in (None, "", [])}
    attempts: Sequence[Attempt] = getattr(error, "attempts", ())
    if "retry_after" not in details:
        waits = [wait for one in attempts if (wait := getattr(one.error, "retry_after", None)) is not None]
        if waits and isinstance(error, ProviderError | AllProvidersFailedError):
            details["retry_after"] = min(waits)
    if attempts:
        details["attempts"] = [
            {"provider": one.provider, "model": one.model, "outcome": one.outcome, "status": one.status}
            for one in attempts
        ]
    return {**details, **error.details}


def error_of(status: int, body: Any, headers: Mapping[str, str] | None = None) -> InferenceProvidersError:
    """The error that a body tells of, as the call would have raised it in this process. *headers*: in lower case."""
    inner = body.get("error") if isinstance(body, dict) else None
    if not isinstance(inner, dict):
        inner = {}
    code, said, details = inner.get("code"), inner.get("message"), inner.get("details")
    details = details if isinstance(details, dict) else {}
    message = said if isinstance(said, str) and said else f"the gateway replied with HTTP {status}"
    kind = _KINDS.get(code) if isinstance(code, str) else None
    error = _made(kind or _OF_STATUS.get(status, ProviderError), message)
    error.details = details
    wait = details.get("retry_after", (headers or {}).get("retry-after"))
    _tell(error, {**details, "retry_after": _seconds(wait), "status": status or None, "code": code})
    return error


def _made(kind: type[InferenceProvidersError], message: str) -> InferenceProvidersError:
    return kind(message)


def _tell(error: InferenceProvidersError, told: Mapping[str, Any]) -> None:
    for name in (*_TOLD, "status", "code"):
        if told.get(name) is not None and hasattr(error, name):
            setattr(error, name, told[name])
    rows = told.get("attempts")
    if isinstance(rows, list) and hasattr(error, "attempts"):
        told_of: Any = error
        told_of.attempts = [_attempt(row) for row in rows if isinstance(row, dict)]


def _attempt(row: Mapping[str, Any]) -> Attempt:
    provider, model, outcome = (str(row.get(name, "")) for name in ("provider", "model", "outcome"))
    status = row.get("status")
    return Attempt(provider, model, outcome, status=status if isinstance(status, int) else None)


def _seconds(given: Any) -> float | None:
    try:
        seconds = float(given)
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < float("inf") else None

"""Our errors as the SDK's: what programs that know nothing of this package catch, read and back off by."""

from __future__ import annotations

import json
import math
import time

import httpx2
import openai

from inference_providers.errors import (
    AllProvidersFailedError,
    AuthenticationError,
    InsufficientCreditsError,
    InvalidRequestError,
    NoCredentialsError,
    ProviderError,
    RateLimitError,
    TruncatedStreamError,
    UnknownModelError,
)
from inference_providers.joint_errors import most_telling
from inference_providers.protocols import json_or_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt
    from inference_providers.errors import InferenceProvidersError

_BY_STATUS: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}
_WITHOUT = {InvalidRequestError: 400, AuthenticationError: 401, InsufficientCreditsError: 402, RateLimitError: 429}
_OUT_OF_TIME = ("deadline", "timeout")  # codes of failures


def sdk_error(error: InferenceProvidersError, request: httpx2.Request) -> openai.OpenAIError:
    """One of our errors as the SDK's: status, body, message and headers kept. Its cause is ours, with every attempt."""
    clean = clean_request(request)
    if isinstance(error, UnknownModelError):
        return with_status(404, str(error), clean)
    if isinstance(error, NoCredentialsError):
        return with_status(401, str(error), clean)
    attempts = error.attempts if isinstance(error, AllProvidersFailedError) else []
    face = _face(attempts) or error
    if isinstance(face, TruncatedStreamError):
        return openai.APIError(str(error), clean, body=None)
    if not isinstance(face, ProviderError):
        return openai.APIConnectionError(message=str(error), request=clean)
    status = _status(face)
    if status:
        return with_status(status, str(error), clean, face.body, _headers(face, attempts))
    if face.code in _OUT_OF_TIME:
        timeout = openai.APITimeoutError(request=clean)
        timeout.message, timeout.args = str(error), (str(error),)
        return timeout
    return openai.APIConnectionError(message=str(error), request=clean)


def clean_request(request: httpx2.Request) -> httpx2.Request:
    """The request without headers and prompt: it stays with the error."""
    return httpx2.Request(request.method, request.url)


def _face(attempts: Sequence[Attempt]) -> ProviderError | None:
    """The failure that stands for all: that the time was up, where it was, else the most telling, whoever was first."""
    last = attempts[-1].error if attempts else None
    if isinstance(last, ProviderError) and last.code in _OUT_OF_TIME and last.status is None:
        return last
    return most_telling(attempts)


def _status(error: ProviderError) -> int:
    """The status of a refusal, by its kind where it came without one: refused here, or with a success; else 0."""
    if error.status is not None and error.status >= 400:
        return error.status
    return next((status for kind, status in _WITHOUT.items() if isinstance(error, kind)), 0)


def _headers(face: ProviderError, attempts: Sequence[Attempt]) -> dict[str, str]:
    """The headers that stand for all: when somebody can be asked again, which request it was, who was tried."""
    headers = dict(face.headers)
    waits = [wait for attempt in attempts if (wait := _wait(attempt.error, face.status)) is not None]
    wait = min(waits, default=face.retry_after)
    if wait is not None:
        headers["retry-after"], headers["retry-after-ms"] = str(math.ceil(wait)), str(math.ceil(wait * 1000))
    if face.request_id is not None:
        headers["x-request-id"] = face.request_id
    headers["x-inference-provider"] = face.provider or ""
    return headers


def _wait(error: Exception | None, status: int | None) -> float | None:
    """The seconds that somebody named who refused likewise."""
    return error.retry_after if isinstance(error, ProviderError) and error.status == status else None


def with_status(
    status: int, message: str, request: httpx2.Request, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> openai.APIStatusError:
    """The SDK's error for a status, with a body of ours where there is none."""
    content = body or json.dumps({"error": {"message": message, "type": "inference_providers"}}).encode()
    given = {"date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()), **(headers or {})}
    raw = [(name.encode("ascii", "replace"), value.encode("ascii", "replace")) for name, value in given.items()]
    response = httpx2.Response(status, content=content, headers=raw, request=request)
    kind = _BY_STATUS.get(status) or (openai.InternalServerError if status >= 500 else openai.APIStatusError)
    parsed: Any = json_or_text(content)
    inner = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    return kind(message, response=response, body=inner)

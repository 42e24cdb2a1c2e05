"""Our errors as the SDK's: what programs that know nothing of this package catch, read and back off by."""

from __future__ import annotations

import json
import math
import time
from datetime import timedelta

import httpx2
import openai

from inference_providers.errors import (
    AllProvidersFailedError,
    AuthenticationError,
    BudgetExceededError,
    InsufficientCreditsError,
    InvalidRequestError,
    NoCredentialsError,
    ProviderAvoidedError,
    ProviderError,
    RateLimitError,
    TruncatedStreamError,
    UnknownModelError,
)
from inference_providers.joint_errors import most_telling
from inference_providers.protocols import json_or_text
from inference_providers.transport import running_loop

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
_BROKEN = ("broken", "connect", "protocol", "tls")


def sdk_error(error: InferenceProvidersError, request: httpx2.Request) -> openai.OpenAIError:
    """One of our errors as the SDK's: status, body, message and headers kept. Its cause is ours, with every attempt."""
    clean = clean_request(request)
    if isinstance(error, UnknownModelError):
        return with_status(404, str(error), clean, _body(str(error), "model_not_found", "model"))
    if isinstance(error, ProviderAvoidedError):  # no key would help
        return with_status(400, str(error), clean, _body(str(error), "provider_avoided"))
    if isinstance(error, NoCredentialsError):
        return with_status(401, str(error), clean, _body(str(error), "invalid_api_key"))
    if isinstance(error, BudgetExceededError):
        return with_status(402, str(error), clean, _body(str(error), "budget_exceeded"))
    attempts = error.attempts if isinstance(error, AllProvidersFailedError) else []
    if isinstance(error, AllProvidersFailedError) and not attempts:  # the time was up before anybody was asked
        return _timeout(str(error), clean)
    face = _face(attempts) or error
    if isinstance(face, TruncatedStreamError):
        return _broken_off(face, clean)
    if not isinstance(face, ProviderError):
        return openai.APIConnectionError(message=str(error), request=clean)
    status = _status(face)
    if status:
        body = face.body or _body(str(error), face.code)
        made = with_status(status, str(error), clean, body, _headers(face, attempts))
        made.response.elapsed = timedelta(seconds=sum(attempt.seconds for attempt in attempts))
        return made
    if face.code in _OUT_OF_TIME:
        return _timeout(str(error), clean)
    return openai.APIConnectionError(message=str(error), request=clean)


def _timeout(message: str, request: httpx2.Request) -> openai.APITimeoutError:
    timeout = openai.APITimeoutError(request=request)
    timeout.message, timeout.args = message, (message,)
    return timeout


def _broken_off(error: TruncatedStreamError, request: httpx2.Request) -> openai.APIError:
    """A stream that broke after its first content, as what the SDK has for the reason: time, connection, an event."""
    if error.body:
        return openai.APIError(str(error), request, body=_inner(error.body))
    if error.code in _OUT_OF_TIME:
        return _timeout(str(error), request)
    if error.code in _BROKEN:
        return openai.APIConnectionError(message=str(error), request=request)
    return openai.APIError(str(error), request, body=None)


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


def _body(message: str, code: str | None = None, param: str | None = None) -> bytes:
    """A body for an error of ours, in OpenAI's form."""
    inner = {"message": message, "type": "inference_providers", "param": param, "code": code}
    return json.dumps({"error": inner}).encode()


def _inner(content: bytes) -> Any:
    """What the SDK takes for the body of an error."""
    parsed: Any = json_or_text(content)
    return parsed.get("error", parsed) if isinstance(parsed, dict) else parsed


def with_status(
    status: int, message: str, request: httpx2.Request, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> openai.APIStatusError:
    """The SDK's error for a status, with a body of ours where there is none."""
    content = body or _body(message)
    inner = _inner(content)
    given = {
        "date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "content-type": "text/plain" if isinstance(inner, str) else "application/json",
        **(headers or {}),
    }
    raw = [(name.encode("ascii", "replace"), value.encode("ascii", "replace")) for name, value in given.items()]
    response = httpx2.Response(status, content=content, headers=raw, request=request)
    response.elapsed = timedelta()
    kind = _BY_STATUS.get(status) or (openai.InternalServerError if status >= 500 else openai.APIStatusError)
    return kind(message, response=response, body=inner)


def check_loop(request: httpx2.Request) -> None:
    """Raise for an event loop that is not asyncio's: the SDK would make a connection error without words of it."""
    try:
        running_loop()
    except RuntimeError as error:
        raise openai.APIConnectionError(message=str(error), request=clean_request(request)) from error

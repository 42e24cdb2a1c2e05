"""Our errors as the SDK's: what programs that know nothing of this package catch, read and back off by."""

from __future__ import annotations

import time
from datetime import timedelta

import httpx2
import openai

from inference_providers.clients import failures
from inference_providers.clients.failures import error_body, failure_of
from inference_providers.errors import TruncatedStreamError
from inference_providers.protocols import json_or_text
from inference_providers.transport import running_loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

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


def sdk_error(error: InferenceProvidersError, request: httpx2.Request) -> openai.OpenAIError:
    """One of our errors as the SDK's: status, body, message and headers kept. Its cause is ours, with every attempt."""
    clean, failure = clean_request(request), failure_of(error)
    if failure.kind == failures.REFUSED:
        made = with_status(failure.status, str(error), clean, failure.content, failure.headers)
        made.response.elapsed = timedelta(seconds=sum(attempt.seconds for attempt in failure.attempts))
        return made
    is_cut = isinstance(failure.face, TruncatedStreamError)
    message = str(failure.face) if is_cut else str(error)
    if failure.kind == failures.OUT_OF_TIME:
        return _timeout(message, clean)
    if failure.kind == failures.BROKEN_OFF:
        return openai.APIError(message, clean, body=_inner(failure.content) if failure.content else None)
    return openai.APIConnectionError(message=message, request=clean)


def _timeout(message: str, request: httpx2.Request) -> openai.APITimeoutError:
    timeout = openai.APITimeoutError(request=request)
    timeout.message, timeout.args = message, (message,)
    return timeout


def clean_request(request: httpx2.Request) -> httpx2.Request:
    """The request without headers and prompt: it stays with the error."""
    return httpx2.Request(request.method, request.url)


def _inner(content: bytes) -> Any:
    """What the SDK takes for the body of an error."""
    parsed: Any = json_or_text(content)
    return parsed.get("error", parsed) if isinstance(parsed, dict) else parsed


def with_status(
    status: int, message: str, request: httpx2.Request, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> openai.APIStatusError:
    """The SDK's error for a status, with a body of ours where there is none."""
    content = body or error_body(message)
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

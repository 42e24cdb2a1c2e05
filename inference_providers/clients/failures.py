"""What a failed call is to a program that speaks HTTP: a status, headers, a body in OpenAI's form. Pure."""

from __future__ import annotations

import json
import math

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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from inference_providers.attempts import Attempt
    from inference_providers.errors import InferenceProvidersError

REFUSED, OUT_OF_TIME, NO_CONNECTION, BROKEN_OFF = "refused", "out of time", "no connection", "broken off"
_WITHOUT = {InvalidRequestError: 400, AuthenticationError: 401, InsufficientCreditsError: 402, RateLimitError: 429}
_OUT_OF_TIME = ("deadline", "timeout")  # codes of failures
_BROKEN = ("broken", "connect", "protocol", "tls")


class Failure:
    """kind: `REFUSED` with a status, or how it ended without one.

    content: the body, in OpenAI's form or as the provider gave it. face: the provider's error that stands for all.
    """

    __slots__ = ("attempts", "content", "face", "headers", "kind", "status")

    def __init__(
        self,
        kind: str,
        status: int = 0,
        content: bytes = b"",
        headers: dict[str, str] | None = None,
        face: ProviderError | None = None,
        attempts: Sequence[Attempt] = (),
    ) -> None:
        self.kind, self.status, self.content = kind, status, content
        self.headers, self.face, self.attempts = headers or {}, face, attempts


def failure_of(error: InferenceProvidersError) -> Failure:
    """What one of our errors is."""
    for type_, known, code, parameter in _OURS:
        if isinstance(error, type_):
            return Failure(REFUSED, known, error_body(str(error), code, parameter))
    attempts = error.attempts if isinstance(error, AllProvidersFailedError) else []
    if isinstance(error, AllProvidersFailedError) and not attempts:  # the time was up before anybody was asked
        return Failure(OUT_OF_TIME)
    face = _face(attempts) or error
    if isinstance(face, TruncatedStreamError):
        kind = OUT_OF_TIME if face.code in _OUT_OF_TIME else NO_CONNECTION if face.code in _BROKEN else BROKEN_OFF
        return Failure(BROKEN_OFF if face.body else kind, content=face.body or b"", face=face, attempts=attempts)
    if not isinstance(face, ProviderError):
        return Failure(NO_CONNECTION)
    status = _status(face)
    if status:
        content = face.body or error_body(str(error), face.code)
        return Failure(REFUSED, status, content, _headers(face, attempts), face, attempts)
    return Failure(OUT_OF_TIME if face.code in _OUT_OF_TIME else NO_CONNECTION, face=face, attempts=attempts)


# Which of our errors is what; the first that fits.
_OURS: tuple[tuple[type[Exception], int, str, str | None], ...] = (
    (UnknownModelError, 404, "model_not_found", "model"),
    (ProviderAvoidedError, 400, "provider_avoided", None),  # no key would help
    (NoCredentialsError, 401, "invalid_api_key", None),
    (BudgetExceededError, 402, "budget_exceeded", None),
)


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
    if face.provider:
        headers["x-inference-provider"] = face.provider
    return headers


def _wait(error: Exception | None, status: int | None) -> float | None:
    """The seconds that somebody named who refused likewise."""
    return error.retry_after if isinstance(error, ProviderError) and error.status == status else None


def error_body(message: str, code: str | None = None, parameter: str | None = None, *, type_: str = "") -> bytes:
    """A body for an error of ours, in OpenAI's form."""
    inner = {"message": message, "type": type_ or "inference_providers", "param": parameter, "code": code}
    return json.dumps({"error": inner}).encode()

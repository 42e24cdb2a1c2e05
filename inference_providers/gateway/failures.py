"""What went wrong, as the reply of the path that was asked: statuses, headers, bodies. Pure."""

from __future__ import annotations

import json
import re

from inference_providers.clients import failures
from inference_providers.gateway.messages import JSON, Outgoing, Refused
from inference_providers.gateway.page import failed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.errors import InferenceProvidersError
    from inference_providers.gateway.routes import Route

# What only a program that has made a list could do, put for who asks a gateway.
_NEW_LIST = re.compile(r"\bor by a new ProviderList, which reads \w+ anew")
_OURS = {"x-should-retry": "false"}  # SDKs of OpenAI's repeat what failed: others were asked already
_TYPES = {400: "invalid_request_error", 401: "authentication_error", 402: "insufficient_quota",
          403: "permission_error", 404: "not_found_error", 408: "timeout_error", 413: "invalid_request_error",
          415: "invalid_request_error", 422: "invalid_request_error", 429: "rate_limit_error"}  # fmt: skip
# Statuses of providers that say something of our own key, which the caller cannot mend.
_NOT_THE_CALLERS = {401: 503, 403: 503}


class Told:
    """A failure, whatever its form: a status, words, a code, headers, and what a provider said in its own words."""

    __slots__ = ("code", "details", "headers", "message", "parameter", "provider", "status", "type")

    def __init__(self, status: int, message: str, code: str, headers: Mapping[str, str]) -> None:
        status = status if 400 <= status < 600 else 502  # servers say what they like
        self.status, self.message, self.code = status, message, code
        self.headers = dict(headers)
        self.parameter: str | None = None
        self.provider: str | None = None
        self.type = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
        self.details: dict[str, Any] = {}


def read(error: Refused | InferenceProvidersError) -> Told:
    """A failure, read."""
    if isinstance(error, Refused):
        told = Told(error.status, error.message, error.code, error.headers)
        told.parameter = error.parameter
        return told
    failure = failures.failure_of(error)
    face = failure.face
    if failure.kind == failures.REFUSED:
        told = Told(failure.status, _spoken(error), "", {**failure.headers, **_OURS})
        inner = _inner(failure.content)
        code, kind, parameter = (_word(inner.get(name)) for name in ("code", "type", "param"))
        told.code, told.parameter = code or kind or "provider_error", parameter or None
        if kind and kind != "inference_providers":
            told.type = kind
        if face is None and failure.status == 401:  # no key at all
            told.status, told.code, told.type = 503, "no_provider", "server_error"
        elif face is not None and face.status in _NOT_THE_CALLERS and failure.status == face.status:
            told.status, told.code, told.type = 503, "provider_key_refused", "server_error"
    else:
        late = failure.kind == failures.OUT_OF_TIME
        told = Told(504 if late else 503, _spoken(error), "timeout" if late else "provider_unavailable", _OURS)
    told.provider = face.provider if face is not None else None
    return told


def _spoken(error: InferenceProvidersError) -> str:
    """The message of an error, for whoever asks a gateway."""
    return _NEW_LIST.sub("or once the gateway gets SIGHUP", str(error))


def _word(value: Any) -> str:
    """A word for programs; nothing where it is something else."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if isinstance(value, str) else str(value) if is_number else ""


def _inner(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    inner = body.get("error", body) if isinstance(body, dict) else {}
    return inner if isinstance(inner, dict) else {}


def told(error: Refused | InferenceProvidersError, route: Route | None) -> Outgoing:
    """The reply that tells of a failure, in the form of the path."""
    dialect = route.dialect if route is not None else getattr(error, "dialect", "openai")
    failure = read(error)
    if dialect == failed.DIALECT:
        return failed.page_of(failure.status, failure.message, failure.code, _plain(failure.headers))
    form = DIALECTS.get(dialect, openai_form)
    made = Outgoing(failure.status, _plain(failure.headers), json.dumps(form(failure)).encode())
    made.headers.append(JSON)
    return made


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """Those of a failure's headers that a program can read, without those of its body."""
    kept = ((name, value) for name, value in headers.items() if value.isascii() and value.isprintable())
    return {name: value for name, value in kept if name.lower() not in ("content-type", "content-length")}


def openai_form(failure: Told) -> dict[str, Any]:
    """As OpenAI's API says it."""
    inner = {"message": failure.message, "type": failure.type, "param": failure.parameter, "code": failure.code}
    return {"error": {**inner, **({"provider": failure.provider} if failure.provider else {})}}


def inference_form(failure: Told) -> dict[str, Any]:
    """As the inference API says it."""
    told = {"parameter": failure.parameter, "provider": failure.provider}
    details = {name: value for name, value in told.items() if value} | failure.details
    return {"error": {"code": failure.code, "message": failure.message, "details": details}}


def messages_form(failure: Told) -> dict[str, Any]:
    """As Anthropic's API says it."""
    from inference_providers.protocols import messages_reply

    return messages_reply.error(failure.status, failure.message)


def gemini_form(failure: Told) -> dict[str, Any]:
    """As Google's API says it."""
    from inference_providers.protocols import gemini_reply

    waits = next((value for name, value in failure.headers.items() if name.lower() == "retry-after"), "")
    return gemini_reply.error(failure.status, failure.message, failure.code, retry_after=waits)


def ollama_form(failure: Told) -> dict[str, Any]:
    """As Ollama's API says it."""
    from inference_providers.protocols import ollama_reply

    return ollama_reply.error(failure.message)


def event(error: Refused | InferenceProvidersError) -> bytes:
    """A failure after a stream's first content, as an event of the stream."""
    return b"data: " + json.dumps(openai_form(read(error))).encode() + b"\n\n"


DIALECTS: dict[str, Callable[[Told], dict[str, Any]]] = {
    "openai": openai_form,
    "inference": inference_form,
    "messages": messages_form,
    "gemini": gemini_form,
    "ollama": ollama_form,
}

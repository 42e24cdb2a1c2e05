"""Every exception that this package raises on purpose.

InferenceProvidersError
├── RegistryError            .problems: every problem of the file, each with its JSON path
├── UnknownModelError        .suggestions: the closest names
├── NoCredentialsError       .variables: what to set
├── ProviderError            .provider .status .code .retry_after .request_id
│   ├── AuthenticationError
│   ├── InsufficientCreditsError
│   ├── RateLimitError
│   ├── InvalidRequestError
│   │   ├── ContentFilteredError
│   │   └── ContextLengthError
│   ├── ProviderUnavailableError
│   ├── InvalidReplyError    .text .problems: how it fails the requested schema
│   └── TruncatedStreamError .partial: the text so far
├── AllProvidersFailedError  .attempts: every candidate tried, with its outcome
├── StepLimitError           .messages: the conversation so far
├── LocalServerError
└── BudgetExceededError

Messages say what happened, why, and what to do next.
"""

from __future__ import annotations

from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt


# Headers in which providers say which request it was, those that they agree on first.
REQUEST_IDS = ("x-request-id", "request-id", "x-amzn-requestid", "x-ms-request-id", "apim-request-id", "cf-ray")


class InferenceProvidersError(Exception):
    """Base of all errors of this package.

    Messages quote servers, models and files, so control characters are made visible in them.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class RegistryError(InferenceProvidersError):
    """A registry file is invalid. `problems` holds every problem, each starting with its JSON path."""

    def __init__(self, problems: Sequence[str], message: str | None = None) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        head = message or f"The registry is invalid ({count} problem{'s' * (count != 1)})"
        shown = "".join(f"\n  {problem}" for problem in self.problems[:20])
        rest = f"\n  ... and {count - 20} more" if count > 20 else ""
        super().__init__(f"{head}:{shown}{rest}" if count else head)


class UnknownModelError(InferenceProvidersError):
    """No rule of name resolution matched. `suggestions` holds the closest known names."""

    def __init__(self, message: str, suggestions: Iterable[str] = ()) -> None:
        self.suggestions = list(suggestions)
        super().__init__(message)


class NoCredentialsError(InferenceProvidersError):
    """Nothing usable was found. `variables` names the environment variables that would help."""

    def __init__(self, message: str, variables: Iterable[str] = ()) -> None:
        self.variables = list(variables)
        super().__init__(message)


class ProviderError(InferenceProvidersError):
    """A provider refused or failed.

    `provider` is its id, `status` the HTTP status (None without a reply), `code` the
    provider's own error code, `retry_after` the seconds to wait if it named any, `body` the
    bytes of its reply, keys removed. `headers` are those of its reply that say when to come back
    and which request it was, by their names in lower case.
    """

    headers: Mapping[str, str] = {}

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        body: bytes = b"",
    ) -> None:
        self.provider, self.status, self.code, self.retry_after = provider, status, code, retry_after
        self.body = body
        super().__init__(message)

    @property
    def request_id(self) -> str | None:
        """The provider's id of the request, for its support; None where it gave none."""
        return next((self.headers[name] for name in REQUEST_IDS if name in self.headers), None)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), str(self), dict(self.__dict__)))


def _rebuild(kind: type[ProviderError], message: str, state: dict[str, Any]) -> ProviderError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class AuthenticationError(ProviderError):
    """The key was refused."""


class InsufficientCreditsError(ProviderError):
    """The account has no credit left."""


class RateLimitError(ProviderError):
    """Too many requests; `retry_after` is in seconds, None if the provider named no time."""


class InvalidRequestError(ProviderError):
    """The request itself is at fault; another provider would refuse it as well."""


class ContentFilteredError(InvalidRequestError):
    """A content filter refused the request."""


class ContextLengthError(InvalidRequestError):
    """The prompt is longer than the model's context window."""


class ProviderUnavailableError(ProviderError):
    """The provider could not be reached, or its reply was not an answer."""


class InvalidReplyError(ProviderError):
    """The reply does not fit the requested schema. `text` is the reply, `problems` what is wrong with it."""

    def __init__(self, message: str, text: str = "", problems: Sequence[str] = (), **details: Any) -> None:
        self.text, self.problems = text, list(problems)
        super().__init__(message, **details)


class TruncatedStreamError(ProviderError):
    """A stream broke after its first content; `partial` holds the text so far."""

    def __init__(self, message: str, partial: str = "", **details: Any) -> None:
        self.partial = partial
        super().__init__(message, **details)


class AllProvidersFailedError(InferenceProvidersError):
    """Every candidate was tried. `attempts` lists each with its outcome."""

    def __init__(self, message: str, attempts: Sequence[Attempt] = ()) -> None:
        self.attempts = list(attempts)
        super().__init__(message)


class StepLimitError(InferenceProvidersError):
    """A model kept calling tools until the limit of steps. `messages` is the conversation so far."""

    def __init__(self, message: str, messages: Iterable[Mapping[str, Any]] = ()) -> None:
        self.messages = list(messages)
        super().__init__(message)


class LocalServerError(InferenceProvidersError):
    """A model server on this machine could not be started or used."""


class BudgetExceededError(InferenceProvidersError):
    """A spending limit was reached."""

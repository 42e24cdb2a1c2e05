"""Every exception that this package raises on purpose.

InferenceProvidersError      .message
├── RegistryError            .problems: every problem of the file, each with its JSON path
├── UnknownModelError        .suggestions: the closest names
├── NoCredentialsError       .variables: what to set
│   └── ProviderAvoidedError
├── ProviderError            .provider .status .code .message .retry_after .request_id .attempts
│   ├── AuthenticationError
│   ├── InsufficientCreditsError
│   ├── RateLimitError
│   ├── InvalidRequestError
│   │   ├── ContentFilteredError
│   │   └── ContextLengthError    .limit .requested: tokens
│   ├── ProviderUnavailableError
│   ├── InvalidReplyError    .text .problems: how it fails the requested schema
│   └── TruncatedStreamError .partial: the text so far
├── AllProvidersFailedError  .attempts: every candidate tried, with its outcome; also of the kind that these share
├── StepLimitError           .messages: the conversation so far
├── LocalServerError
├── SettingsError            also a ValueError
└── BudgetExceededError      .cost .left .limit .budget .renews

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

    Attributes:
        message: What it says.
        details: What the inference API says beside the message: which parameter is at fault, and what it has to be;
            empty elsewhere.
    """

    message: str
    details: Mapping[str, Any] = {}

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))
        self.message = str(self)

    def _render_traceback_(self) -> list[str]:
        """What IPython and notebooks show: the way to the call, and what to do, without the frames of this package."""
        import os
        import traceback

        own, shell = os.path.dirname(__file__) + os.sep, f"{os.sep}IPython{os.sep}"
        frames = [
            frame
            for frame in traceback.extract_tb(self.__traceback__)
            if not frame.filename.startswith(own) and shell not in frame.filename
        ]
        notes = getattr(self, "__notes__", ())
        shown = [*traceback.format_list(frames), f"{type(self).__name__}: {self}", *notes]
        return [line for text in shown for line in text.splitlines()]


class RegistryError(InferenceProvidersError):
    """A registry file is invalid.

    Attributes:
        problems: Every problem, each beginning with its JSON path.
    """

    def __init__(self, problems: Sequence[str], message: str | None = None) -> None:
        self.problems = list(problems)
        count = len(self.problems)
        head = message or f"The registry is invalid ({count} problem{'s' * (count != 1)})"
        shown = "".join(f"\n  {problem}" for problem in self.problems[:20])
        rest = f"\n  ... and {count - 20} more" if count > 20 else ""
        super().__init__(f"{head}:{shown}{rest}" if count else head)


class UnknownModelError(InferenceProvidersError):
    """No rule of name resolution matched.

    Attributes:
        suggestions: The closest names that are known.
    """

    def __init__(self, message: str, suggestions: Iterable[str] = ()) -> None:
        self.suggestions = list(suggestions)
        super().__init__(message)


class NoCredentialsError(InferenceProvidersError):
    """Nothing usable was found.

    Attributes:
        variables: The environment variables that would help.
        found_nothing: Whether there is neither a key nor a server, whatever is asked for.
    """

    found_nothing = False

    def __init__(self, message: str, variables: Iterable[str] = ()) -> None:
        self.variables = list(variables)
        super().__init__(message)


class ProviderAvoidedError(NoCredentialsError):
    """Whoever could be asked is avoided: by the call, by its list or by the environment, as the message says."""


class ProviderError(InferenceProvidersError):
    """A provider refused or failed.

    Attributes:
        provider: Its id.
        status: The HTTP status, None without a reply.
        code: The provider's own error code.
        message: What it said in its own words; where it said nothing, the reason in ours.
        retry_after: The seconds to wait, None if it named none.
        body: The bytes of its reply, or the JSON of the error in it, keys removed.
        headers: Those of its reply that say when to come back and which request it was, by their names in lower case.
        attempts: Every attempt of the call that it ended, this one included; empty on an error that ended none.
        in_doubt: Whether it was refused in words that nobody knows, and nobody else was there to be asked.
    """

    headers: Mapping[str, str] = {}
    attempts: Sequence[Attempt] = ()
    in_doubt: bool = False  # refused in words that nobody knows, and nobody else was there to be asked

    def __init__(
        self,
        message: str,
        *,
        provider: str | None = None,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        body: bytes = b"",
        words: str = "",
    ) -> None:
        """*words*: what the provider said, if it said anything; *message* tells of it in ours."""
        self.provider, self.status, self.code, self.retry_after = provider, status, code, retry_after
        self.body = body
        super().__init__(message)
        self.message = printable(words) or str(self).removeprefix(f"{provider}: ")

    @property
    def request_id(self) -> str | None:
        """The provider's id of the request, for its support; None where it gave none."""
        return next((self.headers[name] for name in REQUEST_IDS if name in self.headers), None)

    def __reduce__(self) -> tuple[Any, ...]:
        return (rebuild, (type(self), str(self)), dict(self.__dict__))  # its attempts may hold it


def rebuild(kind: type[InferenceProvidersError], message: str) -> InferenceProvidersError:
    """An error as it was pickled, without its attributes."""
    error = kind.__new__(kind)
    Exception.__init__(error, message)
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
    """A content filter refused the request, or the model did, in the words that the message quotes."""


class ContextLengthError(InvalidRequestError):
    """The prompt is longer than the model's context window.

    Attributes:
        limit: The largest number of tokens that the provider takes, None where it did not say.
        requested: How many it was sent, None where it did not say.
    """

    limit: int | None = None
    requested: int | None = None


class ProviderUnavailableError(ProviderError):
    """The provider could not be reached, or its reply was not an answer."""


class InvalidReplyError(ProviderError):
    """The reply does not fit the requested schema.

    Attributes:
        text: The reply.
        problems: What is wrong with it.
    """

    def __init__(self, message: str, text: str = "", problems: Sequence[str] = (), **details: Any) -> None:
        self.text, self.problems = text, list(problems)
        super().__init__(message, **details)


class TruncatedStreamError(ProviderError):
    """A stream broke after its first content.

    Attributes:
        partial: The text so far.
    """

    def __init__(self, message: str, partial: str = "", **details: Any) -> None:
        self.partial = partial
        super().__init__(message, **details)


class AllProvidersFailedError(InferenceProvidersError):
    """Every candidate was tried.

    One that a call raises is also of the kind of error that all its attempts share (`RateLimitError`, where each was
    one), and has the attributes of the most telling of them. Where one provider was asked, that is its own error.

    Attributes:
        attempts: Each candidate that was tried, with its outcome.
    """

    def __init__(self, message: str, attempts: Sequence[Attempt] = ()) -> None:
        from inference_providers.attempts import Attempts

        self.attempts: list[Attempt] = Attempts(attempts)
        super().__init__(message)


class SettingsError(InferenceProvidersError, ValueError):
    """The user's settings file cannot be understood."""


class StepLimitError(InferenceProvidersError):
    """A model kept calling tools until the limit of steps.

    Attributes:
        messages: The conversation so far.
    """

    def __init__(self, message: str, messages: Iterable[Mapping[str, Any]] = ()) -> None:
        self.messages = list(messages)
        super().__init__(message)


class LocalServerError(InferenceProvidersError):
    """A model server on this machine could not be started or used."""


class BudgetExceededError(InferenceProvidersError):
    """A spending limit leaves no room for what a request may cost; it was not sent.

    Attributes:
        cost: What it may cost at most, in USD, None where nobody knows.
        left: What is left of the limit, in USD.
        limit: The limit, in USD.
        budget: Which limit: "call", "batch", "day" or "month".
        renews: When that begins again, in seconds since 1970, None for one that does not.
        attempts: Every attempt of the call before.
        is_passing: Whether other requests of this program may soon give back what is set aside for them.
    """

    attempts: Sequence[Attempt] = ()
    is_passing = False  # other requests of this program may soon give back what is set aside for them

    def __init__(
        self,
        message: str = "",
        *,
        cost: float | None = None,
        left: float | None = None,
        limit: float | None = None,
        budget: str = "",
        renews: float | None = None,
    ) -> None:
        super().__init__(message)
        self.cost, self.left, self.limit, self.budget, self.renews = cost, left, limit, budget, renews

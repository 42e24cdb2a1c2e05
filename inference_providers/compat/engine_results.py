"""What comes of an engine's conversations: those that were answered, and why others were not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from inference_providers.errors import (
    AuthenticationError,
    InferenceProvidersError,
    InsufficientCreditsError,
    InvalidReplyError,
    InvalidRequestError,
    NoCredentialsError,
    ProviderError,
    StepLimitError,
    UnknownModelError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.chat import Conversation


class InferenceErrorType(StrEnum):
    """What kind of failure it was."""

    API_STATUS = "api_status"
    CONNECTION = "connection"
    RUNTIME = "runtime"
    CONFIG = "config"
    PARSE_ERROR = "parse_error"
    ENGINE_FAILURE = "engine_failure"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FailureDetail:
    """Why one conversation was not answered.

    status_code: HTTP status of the last attempt, None without a reply. is_retryable: whether the same could be answered
    another time. error: the exception itself.
    """

    error_message: str
    status_code: int | None = None
    is_retryable: bool = True
    error_type: InferenceErrorType = InferenceErrorType.UNKNOWN
    error: Exception | None = field(default=None, repr=False, compare=False)


@dataclass
class InferenceResult:
    """Conversations that were answered, with their places in the input, and failures by place."""

    successful: list[tuple[int, Conversation]] = field(default_factory=list)
    failures: dict[int, FailureDetail] = field(default_factory=dict)

    @property
    def failed_indices(self) -> list[int]:
        """The places of those that failed, in order."""
        return sorted(self.failures)

    @property
    def error_messages(self) -> dict[int, str]:
        """Why each failed, by its place."""
        return {index: detail.error_message for index, detail in self.failures.items()}

    @property
    def has_failures(self) -> bool:
        """Whether any failed."""
        return bool(self.failures)


@dataclass
class BatchResult:
    """What a provider's batch job has come to: as `InferenceResult`, in fewer words."""

    successful: list[tuple[int, Conversation]]
    failed_indices: list[int]
    error_messages: dict[int, str]

    @property
    def has_failures(self) -> bool:
        """Whether any failed."""
        return bool(self.failed_indices)


_FUTILE = (
    AuthenticationError, InsufficientCreditsError, InvalidRequestError, NoCredentialsError, StepLimitError,
    UnknownModelError, ValueError, TypeError,
)  # fmt: skip


def failure_of(error: Exception) -> FailureDetail:
    """An error as a detail."""
    status = getattr(error, "status", None)
    return FailureDetail(str(error), status, not isinstance(error, _FUTILE), _kind(error, status), error)


def _kind(error: Exception, status: int | None) -> InferenceErrorType:
    if isinstance(error, InvalidReplyError):
        return InferenceErrorType.PARSE_ERROR
    if status is not None:
        return InferenceErrorType.API_STATUS
    if isinstance(error, NoCredentialsError | UnknownModelError | ValueError | TypeError):
        return InferenceErrorType.CONFIG
    if isinstance(error, ProviderError):
        return InferenceErrorType.CONNECTION
    return InferenceErrorType.RUNTIME if isinstance(error, InferenceProvidersError) else InferenceErrorType.UNKNOWN

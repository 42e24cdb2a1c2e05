"""What comes of an engine's conversations: those that were answered, and why others were not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

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
from inference_providers.usage import token_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

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

    Args:
        error_message: What happened, in words.
        status_code: The HTTP status of the last attempt, None without a reply.
        is_retryable: Whether the same could be answered another time.
        error_type: What kind of failure it was.
        error: The exception itself.
    """

    error_message: str
    status_code: int | None = None
    is_retryable: bool = True
    error_type: InferenceErrorType = InferenceErrorType.UNKNOWN
    error: Exception | None = field(default=None, repr=False, compare=False)


@dataclass
class InferenceResult:
    """Conversations that were answered, and why others were not.

    Args:
        successful: Each with its place in the input.
        failures: Why the others were not answered, by their places.
    """

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
    """What a provider's batch job has come to: as `InferenceResult`, in fewer words.

    Args:
        successful: The answered conversations, each with its place in the input.
        failed_indices: The places of the others.
        error_messages: Why each of these failed, by its place.
    """

    successful: list[tuple[int, Conversation]]
    failed_indices: list[int]
    error_messages: dict[int, str]

    @property
    def has_failures(self) -> bool:
        """Whether any failed."""
        return bool(self.failed_indices)


class BatchStatus(StrEnum):
    """How far a provider's batch job is."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


@dataclass
class BatchInfo:
    """A provider's batch job. Times are as the provider gave them.

    Args:
        id: Its id.
        status: How far it is.
        total_requests: How many requests it has.
        completed_requests: How many of them are answered.
        failed_requests: How many of them failed.
        error: Why it failed, None if it did not.
        data: All that the provider says of it.
    """

    id: str
    status: BatchStatus
    total_requests: int = 0
    completed_requests: int = 0
    failed_requests: int = 0
    error: str | None = None
    data: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        ended = (BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.CANCELLED)
        return self.status in ended

    @property
    def completion_percentage(self) -> float:
        """How much of it is done, in percent."""
        return 100.0 * self.completed_requests / self.total_requests if self.total_requests else 0.0

    @property
    def has_errors(self) -> bool:
        """Whether it, or a request of it, has failed."""
        return bool(self.error) or self.failed_requests > 0


def info_of(job: str, state: Mapping[str, Any], stage: str, problem: str) -> BatchInfo:
    """What a provider says of a job. Its words are a stranger's: what they say otherwise is passed over."""
    words = {str(word) for word in BatchStatus}
    status = str(state.get("status")).lower()
    if status not in words:
        status = {"failed": "failed", "done": "completed"}.get(stage, "in_progress")
    counts = state.get("request_counts")
    counts = counts if isinstance(counts, dict) else {}
    total, done, wrong = (token_count(counts.get(name)) for name in ("total", "completed", "failed"))
    return BatchInfo(job, BatchStatus(status), int(total), int(done), int(wrong), problem or None, dict(state))


_PASSING = (408, 409, 425, 429)  # refusals that may be none a moment later
_FUTILE = (
    AuthenticationError, InsufficientCreditsError, InvalidRequestError, NoCredentialsError, StepLimitError,
    UnknownModelError, ValueError, TypeError,
)  # fmt: skip


def failure_of(error: Exception) -> FailureDetail:
    """An error as a detail."""
    status = getattr(error, "status", None)
    passing = status is None or status in _PASSING or not 400 <= status < 500
    return FailureDetail(str(error), status, passing and not isinstance(error, _FUTILE), _kind(error, status), error)


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

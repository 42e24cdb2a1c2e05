"""One attempt at a candidate, with its outcome; and what many that failed come to: one error, one reason in a line."""

from __future__ import annotations

from inference_providers.errors import (
    AllProvidersFailedError,
    AuthenticationError,
    InsufficientCreditsError,
    InvalidRequestError,
    ProviderError,
    RateLimitError,
    rebuild,
)
from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


class Attempt:
    """One attempt at a candidate, with its outcome.

    provider: its id. model: its name for the model. outcome: `ok`, or what went wrong, in words. status: of the
    HTTP response, None without one. seconds: how long it took. error: the typed failure, None for a success.
    """

    __slots__ = ("canonical_name", "error", "model", "outcome", "provider", "seconds", "status")

    def __init__(
        self,
        provider: str,
        model: str,
        outcome: str,
        *,
        canonical_name: str | None = None,
        status: int | None = None,
        seconds: float = 0.0,
        error: Exception | None = None,
    ) -> None:
        self.provider, self.model, self.canonical_name = provider, model, canonical_name
        self.outcome, self.status, self.seconds, self.error = outcome, status, seconds, error

    def __repr__(self) -> str:
        return f"<Attempt {self}>"

    def __str__(self) -> str:
        return printable(f"{self.provider}/{self.model}: {self.outcome} ({self.seconds:.2f} s)")


def reason(error: Exception) -> str:
    """Why something failed, in one line: the last attempt's outcome, else the error's own words, else its type."""
    attempts = getattr(error, "attempts", None)
    text = attempts[-1].outcome if attempts else str(error)
    return next(iter(text.splitlines()), "") or type(error).__name__


# What tells a user most, the first first; of two of a kind, the earlier.
_TELLING: tuple[type[ProviderError], ...] = (
    InvalidRequestError,
    AuthenticationError,
    InsufficientCreditsError,
    RateLimitError,
    ProviderError,
)


def most_telling(attempts: Iterable[Attempt]) -> ProviderError | None:
    """The error of the attempts that tells a user most; one that a server has sent, rather than one of ours."""
    errors = [attempt.error for attempt in attempts if isinstance(attempt.error, ProviderError)]

    def rank(error: ProviderError) -> tuple[int, bool]:
        return next(n for n, kind in enumerate(_TELLING) if isinstance(error, kind)), error.status is None

    return min(errors, key=rank, default=None)


def all_failed(message: str, attempts: Sequence[Attempt]) -> AllProvidersFailedError:
    """The error of a call in which every candidate failed, of the kind that all attempts share.

    Where they are all of one provider, its own error is what is said, and *message* is not.
    """
    telling = most_telling(attempts)
    if telling is None or not all(isinstance(attempt.error, ProviderError) for attempt in attempts):
        return AllProvidersFailedError(message, attempts)
    alone = len({attempt.provider for attempt in attempts}) == 1
    kind = type(telling) if alone else _shared(type(attempt.error) for attempt in attempts)
    if kind in (ProviderError, AllProvidersFailedError):
        return AllProvidersFailedError(message, attempts)
    error: AllProvidersFailedError = _failed_as(kind, alone)(_told(telling, attempts) if alone else message, attempts)
    error.__dict__.update({**telling.__dict__, "attempts": error.attempts})
    return error


def _shared(kinds: Iterable[type]) -> type:
    """The nearest kind that all of *kinds* are of."""
    first, *others = [kind.__mro__ for kind in kinds]
    return next(kind for kind in first if all(kind in other for other in others))


def _told(error: ProviderError, attempts: Sequence[Attempt]) -> str:
    """One provider's own error in words, with every attempt where there were several."""
    outcome = next(attempt.outcome for attempt in attempts if attempt.error is error)
    outcome = outcome if outcome.startswith(str(error)) else str(error)
    if len(attempts) == 1:
        return outcome
    return f"{outcome}; {len(attempts)} attempts:" + "".join(f"\n  {attempt}" for attempt in attempts)


_made: dict[tuple[type, bool], Any] = {}


def _failed_as(kind: type, alone: bool) -> Any:
    """`AllProvidersFailedError` that is also of *kind*; it is called as what it is for its reader."""
    if (kind, alone) not in _made:
        name = kind.__name__ if alone else AllProvidersFailedError.__name__
        fields = {"__module__": AllProvidersFailedError.__module__, "__doc__": kind.__doc__, "__reduce__": _reduced, "_kind": (kind, alone)}
        _made[kind, alone] = type(name, (AllProvidersFailedError, kind), fields)
    return _made[kind, alone]


def _reduced(error: Any) -> tuple[Any, ...]:
    return (_rebuild_failed, (*error._kind, str(error)), dict(error.__dict__))


def _rebuild_failed(kind: type, alone: bool, message: str) -> Any:
    return rebuild(_failed_as(kind, alone), message)

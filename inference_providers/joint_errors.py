"""What many attempts that failed come to: one error, of the kind that they share."""

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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from inference_providers.attempts import Attempt

# What tells a user most, the first first; of two of a kind, the higher status, else the earlier.
_TELLING: tuple[type[ProviderError], ...] = (
    InvalidRequestError,
    AuthenticationError,
    InsufficientCreditsError,
    RateLimitError,
    ProviderError,
)

_SHOWN = 12  # attempts of a request that was asked for an hour


def most_telling(attempts: Iterable[Attempt]) -> ProviderError | None:
    """The error of the attempts that tells a user most, whoever was asked first."""
    errors = [attempt.error for attempt in attempts if isinstance(attempt.error, ProviderError)]

    def rank(error: ProviderError) -> tuple[int, int]:
        return next(n for n, kind in enumerate(_TELLING) if isinstance(error, kind)), -(error.status or 0)

    return min(errors, key=rank, default=None)


def all_failed(message: str, attempts: Sequence[Attempt], late: str = "") -> AllProvidersFailedError:
    """The error of a call in which every candidate failed, of the kind that all attempts share.

    Where they are all of one provider, its own error is what is said, and *late*, but not *message*. That somebody
    could be reached is no failure.
    """
    failed = [attempt for attempt in attempts if attempt.error is not None]
    telling = most_telling(failed)
    if telling is None or not all(isinstance(attempt.error, ProviderError) for attempt in failed):
        return AllProvidersFailedError(message, attempts)
    alone = len({attempt.provider for attempt in failed}) == 1
    kind = type(telling) if alone else _shared(type(attempt.error) for attempt in failed)
    if kind in (ProviderError, AllProvidersFailedError):
        return AllProvidersFailedError(message, attempts)
    said = _told(telling, failed, late) if alone else message
    error: AllProvidersFailedError = _failed_as(kind, alone)(said, attempts)
    error.__dict__.update({**telling.__dict__, "attempts": error.attempts})
    return error


def _shared(kinds: Iterable[type]) -> type:
    """The nearest kind that all of *kinds* are of."""
    first, *others = [kind.__mro__ for kind in kinds]
    return next(kind for kind in first if all(kind in other for other in others))


def _told(telling: ProviderError, attempts: Sequence[Attempt], late: str) -> str:
    """One provider's own error in words, with every attempt where there were several."""
    attempt = next(attempt for attempt in attempts if attempt.error is telling)
    named = attempt.outcome.startswith(f"{attempt.provider}:")
    said = f"{attempt.outcome if named else f'{attempt.provider}: {attempt.outcome}'}{late}"
    if len(attempts) == 1:
        return said
    if len({(one.model, one.outcome) for one in attempts}) == 1:  # nothing is told again that was just said
        return f"{said}; {len(attempts)} attempts at {attempt.provider}/{attempt.model}, all alike"
    return f"{said}; {_listed(attempts)}"


def of_rounds(attempts: Sequence[Attempt]) -> AllProvidersFailedError:
    """The error of a request that was asked in several calls, with the attempts of all of them."""
    return all_failed(f"No provider answered; {_listed(attempts)}", attempts)


def _listed(attempts: Sequence[Attempt]) -> str:
    shown = attempts if len(attempts) <= _SHOWN else attempts[-_SHOWN:]
    which = "" if shown is attempts else f", of which the last {_SHOWN}"
    return f"{len(attempts)} attempts{which}:" + "".join(f"\n  {attempt}" for attempt in shown)


_made: dict[tuple[type, bool], Any] = {}


def _failed_as(kind: type, alone: bool) -> Any:
    """`AllProvidersFailedError` that is also of *kind*; it is called as what it is for its reader."""
    if (kind, alone) not in _made:
        name = kind.__name__ if alone else AllProvidersFailedError.__name__
        fields = {
            "__module__": AllProvidersFailedError.__module__,
            "__doc__": kind.__doc__,
            "__reduce__": _reduced,
            "_kind": (kind, alone),
        }
        _made[kind, alone] = type(name, (AllProvidersFailedError, kind), fields)
    return _made[kind, alone]


def _reduced(error: Any) -> tuple[Any, ...]:
    return (_rebuild_failed, (*error._kind, str(error)), dict(error.__dict__))


def _rebuild_failed(kind: type, alone: bool, message: str) -> Any:
    return rebuild(_failed_as(kind, alone), message)

"""One attempt at a candidate, with its outcome; and the reason for a failure in one line."""

from __future__ import annotations

from inference_providers.text import printable


class Attempt:
    """One attempt at a candidate, with its outcome.

    Args:
        provider: Its id.
        model: Its name for the model.
        outcome: "ok", or what went wrong, in words.
        canonical_name: The model's canonical name, None where it is not known.
        status: Of the HTTP response, None without one.
        seconds: How long it took.
        error: The typed failure, None for a success.
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
        outcome = self.outcome.removeprefix(f"{self.provider}: ")  # which has been said
        return printable(f"{self.provider}/{self.model}: {outcome} ({self.seconds:.2f} s)")


def reason(error: Exception) -> str:
    """Why something failed, in one line: the last attempt's outcome, else the error's own words, else its type."""
    attempts = getattr(error, "attempts", None)
    text = attempts[-1].outcome if attempts else str(error)
    return next(iter(text.splitlines()), "") or type(error).__name__

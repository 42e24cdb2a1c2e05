"""One attempt at a candidate, with its outcome; and the reason for a failure in one line."""

from __future__ import annotations

from inference_providers.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.rendering import Table


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

    def as_dict(self) -> dict[str, Any]:
        """For JSON; seconds rounded to milliseconds."""
        return {
            "provider": self.provider,
            "model": self.model,
            "outcome": self.outcome,
            "status": self.status,
            "seconds": round(self.seconds, 3),
        }

    def _repr_html_(self) -> str:
        return Attempts([self])._repr_html_()

    def _repr_markdown_(self) -> str:
        return Attempts([self])._repr_markdown_()


class Attempts(list[Attempt]):
    """A list of attempts, which a notebook shows as a table."""

    __slots__ = ()

    def table(self) -> Table:
        """A row for each."""
        from inference_providers.rendering import Table

        shown = {"provider": "provider", "model": "model", "outcome": "outcome", "status": "HTTP", "seconds": "seconds"}
        return Table((attempt.as_dict() for attempt in self), shown)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, a row for each. Raises ImportError without pandas."""
        return self.table().to_pandas()

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def _repr_markdown_(self) -> str:
        return self.table()._repr_markdown_()


def reason(error: Exception) -> str:
    """Why something failed, in one line: the last attempt's outcome, else the error's own words, else its type."""
    attempts = getattr(error, "attempts", None)
    text = attempts[-1].outcome if attempts else str(error)
    return next(iter(text.splitlines()), "") or type(error).__name__

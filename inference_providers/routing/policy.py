"""The numbers of routing: retries, rounds, cool-downs."""

from __future__ import annotations


class Policy:
    """The numbers of routing; times in seconds."""

    __slots__ = (
        "attempts",
        "backoff_base",
        "backoff_cap",
        "cool_down",
        "failures",
        "open_for",
        "retry_ratio",
        "retry_reserve",
        "total",
        "tries",
    )

    def __init__(
        self,
        *,
        total: float = 600.0,
        attempts: int = 6,
        tries: int = 2,
        backoff_base: float = 0.5,
        backoff_cap: float = 8.0,
        cool_down: float = 5.0,
        failures: int = 5,
        open_for: float = 30.0,
        retry_ratio: float = 0.1,
        retry_reserve: int = 10,
    ) -> None:
        self.total, self.attempts, self.tries = total, attempts, tries
        self.backoff_base, self.backoff_cap = backoff_base, backoff_cap
        self.cool_down, self.failures, self.open_for = cool_down, failures, open_for
        self.retry_ratio, self.retry_reserve = retry_ratio, retry_reserve

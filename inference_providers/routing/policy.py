"""The numbers of routing: retries, rounds, cool-downs."""

from __future__ import annotations


class Policy:
    """The numbers of routing; times in seconds."""

    __slots__ = (
        "absent_for",
        "account_rest",
        "attempts",
        "backoff_base",
        "backoff_cap",
        "cool_down",
        "failures",
        "key_rest",
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
        key_rest: float = 3600.0,
        account_rest: float = 600.0,
        absent_for: float = 86400.0,
    ) -> None:
        self.total, self.attempts, self.tries = total, attempts, tries
        self.backoff_base, self.backoff_cap = backoff_base, backoff_cap
        self.cool_down, self.failures, self.open_for = cool_down, failures, open_for
        self.retry_ratio, self.retry_reserve = retry_ratio, retry_reserve
        self.key_rest, self.account_rest = key_rest, account_rest  # after a refusal of the key; of money, plan or quota
        self.absent_for = absent_for  # a model that its provider does not have

"""The numbers of routing: retries, rounds, cool-downs."""

from __future__ import annotations


class Policy:
    """The numbers of routing; times in seconds.

    Args:
        total: For a whole call.
        attempts: The most attempts of a call, at all its candidates together.
        tries: The most attempts at one provider.
        backoff_base: The first pause before the same provider is asked again; the next are longer.
        backoff_cap: The longest pause.
        cool_down: How long a provider rests that is overloaded and does not say for how long.
        failures: How many of a provider's last attempts, and more than half of them, have to fail for it to be left
            out.
        open_for: How long it is left out then.
        retry_ratio: How many retries each call allows, of all that share a list.
        retry_reserve: How many retries are allowed beside that.
        key_rest: How long a key rests that was refused.
        account_rest: How long a provider rests that refused for want of money, plan or quota.
        absent_for: How long a model is not asked for that its provider does not have.
    """

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

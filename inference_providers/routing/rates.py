"""Requests and tokens that a program allows itself at each provider in a minute.

A minute is any sixty seconds, as providers count it, so that a burst of a whole minute's worth may come at once; the
token buckets of `concurrency`, for batches, spread it instead. Tokens are taken as estimated and corrected when the
reply says how many they were. What is taken is kept in a state: that of this process, or one that several share.
"""

from __future__ import annotations

from inference_providers.state import MemoryState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from inference_providers.state import Room, State, Taken

KINDS = ("requests_per_minute", "tokens_per_minute")
EVERYBODY = "*"  # stands for every provider that has no limits of its own


class Rates:
    """The limits of all providers, for all threads of a process, or for all who share a state."""

    def __init__(
        self, limits: Mapping[str, Mapping[str, float]], clock: Callable[[], float], state: State | None = None
    ) -> None:
        """*limits*: by the provider's id, or `*`; checked: see `checked_rates`. *clock*: where there is no *state*."""
        self._limits = limits
        self._state = MemoryState(clock) if state is None else state
        self.waits = self._state.waits  # whether taking and settling may wait for a file

    def take(self, provider: str, tokens: float) -> tuple[float, str, Taken | None]:
        """As `State.take`; nothing for a provider without limits."""
        room = self._room(provider)
        return (0.0, "", None) if room is None else self._state.take(provider, tokens, room)

    def spread(self, provider: str) -> float:
        """As `State.spread`."""
        return self._state.spread(provider)

    def correct(self, provider: str, taken: Taken, tokens: float) -> None:
        """A request took so many tokens, as it turned out."""
        self._state.correct(provider, taken, tokens)

    def give_back(self, provider: str, taken: Taken) -> None:
        """A request was not sent."""
        self._state.give_back(provider, taken)

    def room(self, provider: str) -> float:
        """The part of a provider's minute that is left, from 0 to 1."""
        room = self._room(provider)
        return 1.0 if room is None else self._state.room(provider, room)

    def _room(self, provider: str) -> Room | None:
        own = self._limits.get(provider, self._limits.get(EVERYBODY))
        return None if own is None else (own.get(KINDS[0]), own.get(KINDS[1]))


def checked_rates(given: Any, provider_id: Callable[[str], str]) -> dict[str, dict[str, float]]:
    """`rate_limits` as they were given, by provider ids. Raises TypeError and ValueError."""
    form = '{"groq": {"requests_per_minute": 30, "tokens_per_minute": 6000}}'
    if not hasattr(given, "items"):
        raise TypeError(f"rate_limits must be a mapping of providers to limits, like {form}, not {given!r}")
    found: dict[str, dict[str, float]] = {}
    for name, limits in given.items():
        if not isinstance(name, str) or not hasattr(limits, "items") or not limits:
            raise TypeError(f"rate_limits must say for each provider what it allows, like {form}, not {limits!r}")
        own: dict[str, float] = {}
        for kind, most in limits.items():
            if kind not in KINDS:
                raise ValueError(f"rate_limits knows {' and '.join(KINDS)}, not {kind!r}")
            is_number = isinstance(most, int | float) and not isinstance(most, bool)
            if not is_number or not 1 <= most < float("inf"):
                raise ValueError(f"{kind} of {name} must be a number from 1 on, not {most!r}")
            own[kind] = most
        found[name if name == EVERYBODY else provider_id(name)] = own
    return found

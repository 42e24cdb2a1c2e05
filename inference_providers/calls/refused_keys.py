"""Keys that were refused where another provider answered."""

from __future__ import annotations

from inference_providers.calls.events import AttemptFinished, CallFinished

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.calls.events import Event


class RefusedKeyListener:
    """Hears of the calls of a provider list."""

    def __init__(self) -> None:
        self._refused: dict[str, int | None] = {}  # provider -> status

    def __call__(self, event: Event) -> None:
        """Take notice of an attempt, or of a call that is over.

        One question may take several calls: servers on this machine are asked when nobody with a key has answered.
        """
        if isinstance(event, AttemptFinished) and event.outcome == "AuthenticationError":
            self._refused.setdefault(event.provider, event.status)
        elif isinstance(event, CallFinished) and event.outcome == "ok" and event.provider is not None:
            for provider, status in list(self._refused.items()):
                if provider != event.provider:
                    self.refused_elsewhere(provider, status, event.provider)

    def refused_elsewhere(self, provider: str, status: int | None, other: str) -> None:
        """Take notice of a key that was refused, here or on a machine of a batch, and of who answered instead."""
        raise NotImplementedError

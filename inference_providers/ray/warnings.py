"""What a worker warns of, for the driver: whoever started the batch does not see what is said on a node."""

from __future__ import annotations

import logging

from inference_providers.calls import AttemptFinished, CallFinished

TYPE_CHECKING = False
if TYPE_CHECKING:
    from inference_providers.calls import Event

_MOST = 100  # that wait to be told


class Warnings(logging.Handler):
    """Keeps what this package warns of, each once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[str, None] = {}
        self._new: list[str] = []
        logging.getLogger("inference_providers").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take notice of one."""
        said = record.getMessage()
        if said not in self._said and len(self._said) < _MOST:
            self._said[said] = None
            self._new.append(said)

    @property
    def all(self) -> list[str]:
        """All of them."""
        return list(self._said)

    def taken(self) -> list[str]:
        """Those that have come since this was asked last."""
        new, self._new = self._new, []
        return new


class RefusedKeys:
    """Listens for keys that were refused where another provider answered."""

    def __init__(self) -> None:
        self._refused: dict[str, int | None] = {}  # provider -> status
        self.found: dict[str, tuple[int | None, str]] = {}  # provider -> status, and who answered

    def __call__(self, event: Event) -> None:
        """Take notice of an attempt, or of a call that is over."""
        if isinstance(event, AttemptFinished) and event.outcome == "AuthenticationError":
            self._refused.setdefault(event.provider, event.status)
        elif isinstance(event, CallFinished) and event.outcome == "ok" and event.provider is not None:
            for provider, status in self._refused.items():
                if provider != event.provider:
                    self.found.setdefault(provider, (status, event.provider))

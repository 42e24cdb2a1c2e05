"""What a worker warns of, for the driver: whoever started the batch does not see what is said on a node."""

from __future__ import annotations

import logging

from inference_providers.calls import RefusedKeyListener

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


class RefusedKeys(RefusedKeyListener):
    """Keeps them for the driver."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, tuple[int | None, str]] = {}  # provider -> status, and who answered

    def refused_elsewhere(self, provider: str, status: int | None, other: str) -> None:
        """Take notice of a key that was refused here, and of who answered instead."""
        self.found.setdefault(provider, (status, other))

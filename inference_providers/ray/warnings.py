"""Warnings of a worker, for the driver: whoever started the batch does not see what is logged on a node."""

from __future__ import annotations

import logging

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

    def taken(self) -> list[str]:
        """Those that have come since this was asked last."""
        new, self._new = self._new, []
        return new

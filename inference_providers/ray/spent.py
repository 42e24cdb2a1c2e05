"""What a batch has spent, in a file beside its parts, written before it is spent: so a kill loses nothing."""

from __future__ import annotations

import os
from contextlib import suppress

from inference_providers import files

_SIZE = 32  # bytes: always as many, so that one write puts a number in the place of another
_STEP = 0.001  # of the limit: by so much what is written may be above what is spent


class Spent:
    """One file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._written = -1.0

    def read(self) -> float:
        """USD that were spent, at most, when it was written; 0 where it is not there.

        Raises ValueError for what nobody wrote here: nobody knows then what is left.
        """
        try:
            with open(self._path, "rb", opener=files.regular) as file:
                content = file.read(_SIZE + 1)
        except FileNotFoundError:
            return 0.0
        with suppress(ValueError):
            found = float(content)
            if 0 <= found < float("inf") and len(content) == _SIZE:
                return found
        raise ValueError(
            f"{self._path} should say what was spent before the interruption, and does not; remove it if that is "
            "not to count for max_cost"
        )

    def note(self, spent: float, limit: float) -> None:
        """Have it say so much. Raises OSError."""
        if self._written - limit * _STEP < spent <= self._written:
            return
        file = files.regular(self._path, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            os.write(file, f"{spent!r:<{_SIZE - 1}}\n".encode())
        finally:
            os.close(file)
        self._written = spent

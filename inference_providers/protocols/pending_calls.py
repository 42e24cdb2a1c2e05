"""Calls of tools that wait for their results: each is found at one look, however many there are. Pure."""

from __future__ import annotations

from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Call = tuple[str, str]  # (id, name)


class PendingCalls:
    """They are kept in their order, and under keys by which a result may ask for the first of them."""

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._queues: dict[Any, deque[int]] = {}
        self._number = 0

    def add(self, call: Call, *keys: Any) -> None:
        """One more call. keys: besides None, under which all of them are."""
        self._number += 1
        self._calls[self._number] = call
        for key in (None, *keys):
            self._queues.setdefault(key, deque()).append(self._number)

    def take(self, key: Any = None) -> Call | None:
        """The first call under a key, which waits no longer; None where there is none."""
        queue = self._queues.get(key, deque())
        while queue:
            call = self._calls.pop(queue.popleft(), None)
            if call is not None:
                return call
        return None

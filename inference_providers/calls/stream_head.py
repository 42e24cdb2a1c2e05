"""What comes of a stream before its first content, and with it. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from inference_providers.errors import TruncatedStreamError


class Head:
    """The first piece of a stream: its bytes, its events, and how it broke within them, as in `Part`."""

    __slots__ = ("events", "failure", "raw")

    def __init__(self, raw: bytes, events: list[dict[str, Any]], failure: TruncatedStreamError | None) -> None:
        self.raw, self.events, self.failure = raw, events, failure

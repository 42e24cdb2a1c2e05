"""A request that came in another API's words, read into those of OpenAI's chat completions."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class Asked:
    """body: of a chat completion. losses: names of what has no counterpart there, and was left out.

    streams: whether the reply is to come as events. original: the request as it came.
    """

    __slots__ = ("body", "losses", "original", "streams")

    def __init__(
        self, body: dict[str, Any], original: Mapping[str, Any], *, losses: Sequence[str] = (), streams: bool = False
    ) -> None:
        self.body, self.original, self.losses, self.streams = body, original, list(losses), streams

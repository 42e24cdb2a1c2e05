"""A request that came in another API's words, read into those of OpenAI's chat completions."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


class Asked:
    """body: of a chat completion. losses: names of what has no counterpart there, and was left out.

    streams: whether the reply is to come as events. original: the request as it came. only_native: why nobody can take
    the request but who speaks its own API, in words: leaving out what has no counterpart would change what is meant.
    """

    __slots__ = ("body", "losses", "only_native", "original", "streams")

    def __init__(
        self,
        body: dict[str, Any],
        original: Mapping[str, Any],
        *,
        losses: Iterable[str] = (),
        streams: bool = False,
        only_native: str = "",
    ) -> None:
        self.body, self.original, self.losses, self.streams = body, original, list(losses), streams
        self.only_native = only_native

# Made of `async_given_stream.py` by `make generate`: change that, not this.
"""A reply that a stage has given, read as a stream."""

from __future__ import annotations

from inference_providers.chat import Pieces, billed_in
from inference_providers.protocols import as_events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from inference_providers.calls.reply import Reply


class Given:
    """What stands for an opening where a stage gave the whole reply: one chunk, or those as which it once came."""

    closed, whole, status = False, True, 200

    def __init__(self, reply: Reply) -> None:
        self.offer, chunk = reply.offer, reply.as_chunk() if reply.chunks is None else {}
        self._chunks = reply.chunks or [chunk]
        self._content = b"" if chunk or reply.chunks else reply.content
        self._events = reply.content if reply.chunks else b""
        kind = reply.headers.get("content-type", "") if self._content else "text/event-stream"
        self.headers: Mapping[str, str] = {**reply.headers, "content-type": kind}
        self.usage = next(filter(None, map(billed_in, reversed(self._chunks))), None)
        self.words = Pieces()
        self.words.add(reply.text)

    def raw(self) -> Iterator[bytes]:
        """The chunk, and the farewell, as a server would send them; or bytes as they are."""
        if self._content:
            yield self._content
            return
        for piece in self._pieces():
            yield piece

    def _pieces(self) -> Iterable[bytes]:
        if not self._events:
            return as_events(self._chunks)
        *events, rest = self._events.split(b"\n\n")
        return [*(event + b"\n\n" for event in events), *([rest] if rest else [])]

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        """The chunks."""
        yield list(self._chunks)

    def close(self) -> None:
        """Read no more."""
        self.closed = True
